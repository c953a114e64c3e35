"""DataMatching: imitate a data distribution by self-play, the setting of SPIN."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duel.errors import InvalidInput
from duel.games import kl_divergence, total_variation
from envs.games._build import check_common


class DataMatching(NamedTuple):
    """A data distribution p_data and a base policy; the opponent of a policy is the data [chen2024spin].

    The "win rate" of an action is the log-ratio log p_data / pi, which the population form of SPIN's logistic loss
    learns. `gap` and `kl` are KL(p_data || pi), zero exactly at the data.

    Parameters
    ----------
    actions : int >= 2
    data_scale, reference_scale : float >= 0
        Standard deviations of the logits of p_data and of the base.
    """

    actions: int = 10
    data_scale: float = 1.0
    reference_scale: float = 1.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        if not 0 <= self.data_scale < math.inf:
            raise InvalidInput(f"data_scale must be a finite number >= 0; got {self.data_scale!r}.")

    def init(self, rng: np.random.Generator) -> "DataGame":
        data, base = rng.standard_normal((2, self.actions))
        return DataGame(
            jax.nn.log_softmax(jnp.asarray(self.data_scale * data)),
            jax.nn.log_softmax(jnp.asarray(self.reference_scale * base)),
            jnp.zeros(()),
        )


@jax.tree_util.register_pytree_node_class
class DataGame:
    """One instance of `DataMatching`, or a batch: `log_data`, `log_reference` [..., n], `kl_weight` [...] zeros."""

    def __init__(self, log_data: jax.Array, log_reference: jax.Array, kl_weight: jax.Array) -> None:
        self.log_data, self.log_reference, self.kl_weight = log_data, log_reference, kl_weight

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes that number games."""
        return tuple(self.log_data.shape[:-1])

    @property
    def policy_shape(self) -> tuple[int, ...]:
        """(n,)."""
        return tuple(self.log_data.shape[-1:])

    def payoffs(self, policy: jax.Array) -> jax.Array:
        """``log p_data - log policy``: [..., n]."""
        return self.log_data - jnp.log(policy)

    def best_response_gain(self, log_policy: jax.Array, kl_weight: jax.Array | None) -> jax.Array:
        """``KL(p_data || pi)``."""
        return kl_divergence(self.log_data, log_policy)

    def kl(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """``KL(p || q)``."""
        return kl_divergence(log_p, log_q)

    def tv(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """Total variation."""
        return total_variation(jnp.exp(log_p), jnp.exp(log_q))

    def estimate(self, policy: jax.Array, proposal: jax.Array | None, count: int, key: jax.Array) -> jax.Array:
        """There are no preferences to sample: refused."""
        raise InvalidInput("sampled comparisons need a PreferenceGame; DataMatching has no preferences.")

    def log_equilibrium(self) -> np.ndarray:
        """The data."""
        return np.asarray(self.log_data)

    def __getitem__(self, index: Any) -> "DataGame":
        return jax.tree.map(lambda x: x[index], self)

    def tree_flatten(self) -> tuple[Any, None]:
        return (self.log_data, self.log_reference, self.kl_weight), None

    @classmethod
    def tree_unflatten(cls, _: None, leaves: Any) -> "DataGame":
        return cls(*leaves)

    def replace(self, **leaves: Any) -> "DataGame":
        """The game with some of its leaves exchanged, unchecked."""
        return DataGame(**{**vars(self), **leaves})
