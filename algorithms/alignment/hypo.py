"""HyPO: DPO on the data, KL to the reference on the policy's own responses."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import bounded_kl
from algorithms.alignment.f_dpo import bound
from duel.alignment import Data, Problem, minimise
from duel.card import Card
from duel.errors import InvalidInput


class HyPO(NamedTuple):
    """Hybrid preference optimisation [song2024importance, Algorithm 1].

    ::

        1  minimise over pi the mean DPO loss of the pairs + lambda KL(pi || reference)

    DPO's loss says nothing of an action that no pair shows: any mass on it is a minimiser, so the reverse KL is not
    controlled without global coverage. The KL term of line 1, estimated on-policy in the paper, is exact here.
    Deviations: exact KL instead of samples with a stopped gradient.

    Parameters
    ----------
    pull : float > 0
        lambda.
    """

    pull: float = 0.1

    def check(self, problem: Problem) -> None:
        if not 0 < self.pull < float("inf"):
            raise InvalidInput(f"pull must be a finite number > 0; got {self.pull!r}. For none, use DPO.")
        if not float(problem.kl_weight) > 0:
            raise InvalidInput("kl_weight must be > 0 in the environment.")

    def fit(self, data: Data, key: Any) -> jax.Array:
        beta = data.problem.kl_weight

        def one(wins: jax.Array, mu: jax.Array) -> jax.Array:
            share = wins / jnp.maximum(wins.sum(), 1.0)

            def loss(logits: jax.Array) -> jax.Array:
                log_policy = jax.nn.log_softmax(logits)
                u = log_policy - jnp.log(mu)
                pairs = -jnp.sum(share * jax.nn.log_sigmoid(beta * (u[:, None] - u)))
                return pairs + self.pull * jnp.sum(jnp.exp(log_policy) * u)  # l.1

            return jax.nn.softmax(minimise(loss, jnp.log(mu)))

        return jax.vmap(one)(data.wins, data.problem.reference)


CARD = Card(
    name="HyPO",
    setting="offline preferences and unlabelled online responses, KL-regularised",
    citation="song2024importance",
    source="NeurIPS 2024, Algorithm 1 (remembered)",
    assumptions=("Bradley-Terry labels", "coverage within a KL ball"),
    theorems=(bounded_kl("The reverse KL to the reference is finite for every data set.", bound),),
    deviations=("exact KL",),
)
