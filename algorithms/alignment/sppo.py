"""SPPO on logged preferences: self-play by multiplicative weights against the estimated win rates."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import TABLE
from duel.alignment import Data, Problem
from duel.card import Card, Theorem
from duel.errors import InvalidInput, positive_integer


class SPPO(NamedTuple):
    """Self-play preference optimisation [wu2025selfplay, Algorithm 1] with win rates estimated from the data.

    ::

        1  P(a, b) = wins / comparisons; 1/2 where never compared
        2  pi_1 = reference
        3  for t = 1, ..., T:
        4      p(y) = Pr(y beats pi_t) = sum_b P(y, b) pi_t(b)
        5      pi_{t+1} = argmin E_{y ~ pi_t} (ln pi(y)/pi_t(y) - eta (p(y) - 1/2))^2
        6  answer the average of pi_1, ..., pi_T

    The regression target of line 5 replaces the log-normaliser of ``pi_t exp(eta p)`` by eta/2; here it is exact. They
    differ by eta^2 Var(p) / 2 to second order, because p averages to 1/2 under pi_t (tested). These are multiplicative
    weights, so the duality gap of the average on the estimated game is O(1/sqrt(T)) [freund1999adaptive].
    Deviations: the exact normaliser; T rounds on one data set instead of fresh labels each round.

    Parameters
    ----------
    rounds : int
        T.
    step_size : float > 0
        eta.
    """

    rounds: int = 400
    step_size: float = 0.5

    def check(self, problem: Problem) -> None:
        positive_integer("rounds", self.rounds)
        if not 0 < self.step_size < float("inf"):
            raise InvalidInput(f"step_size must be a finite number > 0; got {self.step_size!r}.")

    def fit(self, data: Data, key: Any) -> jax.Array:
        P = win_rates(data.wins)  # l.1

        def play(carry: Any, _: Any) -> Any:
            log_policy, total = carry
            policy = jnp.exp(log_policy)
            p = jnp.einsum("xab,xb->xa", P, policy)  # l.4
            return (jax.nn.log_softmax(log_policy + self.step_size * p), total + policy), None  # l.5

        start = jnp.log(data.problem.reference)
        (_, total), _ = jax.lax.scan(play, (start, jnp.zeros_like(start)), None, length=self.rounds)
        return total / self.rounds  # l.6


def win_rates(wins: jax.Array) -> jax.Array:
    """Share of their comparisons that a won against b, 1/2 where there was none: [X, A, A]."""
    met = wins + jnp.swapaxes(wins, 1, 2)
    return 0.5 + jnp.where(met > 0, (wins - jnp.swapaxes(wins, 1, 2)) / jnp.maximum(2 * met, 1.0), 0.0)


def bound(n: float, world: Any) -> float:
    """1/sqrt(n), without its constant."""
    return n**-0.5


CARD = Card(
    name="SPPO",
    setting="offline preferences of any kind, unregularised",
    citation="wu2025selfplay",
    source="ICLR 2025, Algorithm 1 (remembered)",
    theorems=(
        Theorem(
            "For a transitive truth the suboptimality falls at least like the error of the win rates.",
            "suboptimality",
            bound,
            TABLE,
            horizons=(200, 400, 800, 1_600),
            anytime=True,
            runs=256,
            remark="From 50 to 200 comparisons, most pairs have met once or never, and the slope is -0.3.",
        ),
    ),
    deviations=("exact log-normaliser", "one data set"),
)
