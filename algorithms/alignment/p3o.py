"""P3O: policy gradient from the relative reward of a pair."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import fast
from duel.alignment import Data, Problem, tabular_rewards
from duel.card import Card
from duel.errors import InvalidInput, positive_integer


class P3O(NamedTuple):
    """Pairwise proximal policy optimisation [wu2023pairwise], exact gradients on the Bradley-Terry rewards of the data.

    ::

        1  r = Bradley-Terry MLE;  pi = reference
        2  for T steps:
        3      R = r - beta ln(pi / reference)
        4      logits += eta E_{a, b ~ pi} (R(a) - R(b)) grad ln(pi(a) / pi(b)) / 2,  divided by pi (natural gradient)

    Invariant to ``r + c(x)``, as the reward of comparisons is. The expectation of line 4 is pi(a) (R(a) - E_pi R).
    Deviations: exact expectations, natural gradient instead of clipping.

    Parameters
    ----------
    rounds : int
        T.
    step_size : float in (0, 1]
        eta beta: 1 reaches the Gibbs policy in one step.
    """

    rounds: int = 50
    step_size: float = 0.5

    def check(self, problem: Problem) -> None:
        positive_integer("rounds", self.rounds)
        if not 0 < self.step_size <= 1:
            raise InvalidInput(f"step_size must lie in (0, 1]; got {self.step_size!r}.")
        if not float(problem.kl_weight) > 0:
            raise InvalidInput("kl_weight must be > 0 in the environment.")

    def fit(self, data: Data, key: Any) -> jax.Array:
        beta = data.problem.kl_weight
        reward = tabular_rewards(data.wins, data.problem.reward_bound)  # l.1
        log_mu = jnp.log(data.problem.reference)

        def climb(log_policy: jax.Array, _: Any) -> tuple[jax.Array, None]:
            pair = pairwise_gradient(reward - beta * (log_policy - log_mu), jnp.exp(log_policy))  # l.3-4
            return jax.nn.log_softmax(log_policy + self.step_size / beta * pair / jnp.exp(log_policy)), None

        return jnp.exp(jax.lax.scan(climb, log_mu, None, length=self.rounds)[0])


def pairwise_gradient(reward: jax.Array, policy: jax.Array) -> jax.Array:
    """``E_{a, b ~ pi} (R(a) - R(b)) (e_a - e_b) / 2``: [X, A]."""
    gap = reward[:, :, None] - reward[:, None]
    flow = 0.5 * policy[:, :, None] * policy[:, None] * gap
    return flow.sum(axis=2) - flow.sum(axis=1)


CARD = Card(
    name="P3O",
    setting="offline preferences, KL-regularised",
    citation="wu2023pairwise",
    source="arXiv 2310.00212, equation 5 (remembered)",
    theorems=(fast("Converges to the Gibbs policy of the MLE, whose regularised gap is O(1/n)."),),
    deviations=("exact natural gradient",),
)
