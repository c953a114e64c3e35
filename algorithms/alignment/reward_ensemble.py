"""A reward ensemble: part nominal reward, part worst head."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import fast
from duel.alignment import Data, Problem, maxmin_policy, tabular_rewards
from duel.card import Card
from duel.errors import InvalidInput, positive_integer


class RewardEnsemble(NamedTuple):
    """Reward-robust RLHF [yan2024reward, equation 7] on bootstrap heads.

    ::

        1  r_0 = Bradley-Terry MLE of the data;  r_1, ..., r_H the same on Exp(1)-weighted data
        2  pi = argmax of (1 - robustness) E r_0 + robustness min_h E r_h - beta KL, by its convex dual: exact

    robustness = 0 is standard RLHF. Deviations: bootstrap heads in place of a network's Bayesian heads; the nominal
    reward is the full fit, not the head of least spread, which a table does not have.

    Parameters
    ----------
    heads : int
    robustness : float in [0, 1]
        1 - alpha of the paper.
    """

    heads: int = 5
    robustness: float = 0.4

    def check(self, problem: Problem) -> None:
        positive_integer("heads", self.heads)
        if not 0 <= self.robustness <= 1:
            raise InvalidInput(f"robustness must lie in [0, 1]; got {self.robustness!r}.")
        if not float(problem.kl_weight) > 0:
            raise InvalidInput("kl_weight must be > 0 in the environment.")

    def fit(self, data: Data, key: Any) -> jax.Array:
        problem = data.problem
        shape = (self.heads, *data.wins.shape)
        weighted = jax.random.gamma(key, jnp.broadcast_to(jnp.maximum(data.wins, 1e-9), shape))  # sum of wins Exp(1)s
        tables = jnp.concatenate([data.wins[None], weighted]).reshape(-1, *data.wins.shape[1:])
        rewards = tabular_rewards(tables, problem.reward_bound).reshape(self.heads + 1, *data.wins.shape[:2])
        rewards = rewards - jnp.einsum("hxa,xa->hx", rewards, problem.reference)[:, :, None]  # heads share a zero
        return maxmin_policy(
            rewards[1:], problem, problem.kl_weight, nominal=rewards[0], robustness=jnp.asarray(self.robustness)
        )


CARD = Card(
    name="RewardEnsemble",
    setting="offline preferences, KL-regularised, robust",
    citation="yan2024reward",
    source="arXiv 2409.15360, equation 7 (remembered)",
    theorems=(fast("Heads differ by O(1/sqrt(n)), so robustness costs O(1/n) of the regularised gap."),),
    deviations=("bootstrap heads", "the nominal reward is the full fit"),
)
