"""Sparring with UCB."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput

from . import _cardinal
from ._cardinal import Bandits as State


class SparringUCB(NamedTuple):
    """Two UCB bandits, one for each place in the duel; each is paid 1 for a win [ailon2014reducing].

    ::

        1  S_first, S_second = two bandits over the arms
        2  for t = 1, 2, ...:
        3      first = S_first's arm;  second = S_second's arm
        4      compare;  the winner's bandit is paid 1, the loser's 0
           UCB: argmax_k mean_k + sqrt((alpha + 2) / 2 * ln t / n_k), unplayed arms first, ties at random

    Assumptions: conjectured for utilities with a linear link, P(i beats j) = 1/2 + (u_i - u_j) / 2.
    Guarantee: none for UCB, whose rewards here are not stationary (Conjecture in section 5); it is known to do well.
    The card checks ln T, the conjectured rate.
    Source: ICML 2014, Algorithm 3 with the UCB of Algorithm 4. Deviations: none. A tie pays 1/2 to each.
    Outside the assumptions: with a Condorcet winner but no linear link its regret was still sublinear wherever tried,
    with larger constants, as an arm is paid against what the other side plays now; with a cycle among the best arms
    each bandit chases the other and regret against the Copeland winner is linear.
    Cost: O(K) a round.

    Parameters
    ----------
    alpha : float >= 0
        3 in the experiments.
    """

    alpha: float = 3.0

    def check(self, problem: Problem) -> None:
        if not 0 <= self.alpha < math.inf:
            raise InvalidInput(
                f"alpha must be a finite number >= 0 (3 in the paper's experiments); got {self.alpha!r}."
            )

    def init(self, problem: Problem) -> State:
        return _cardinal.initial(2, problem.arms)  # l.1

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        first = _cardinal.ucb(state, 0, self.alpha, rng)  # l.3
        second = _cardinal.ucb(state, 1, self.alpha, rng)
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        _cardinal.reward(state, 0, first, 0.5 * (1 + outcome))  # l.4
        _cardinal.reward(state, 1, second, 0.5 * (1 - outcome))
        return state


def bound(T: float, world: Any) -> float:
    """The conjectured rate without its constant: sum over suboptimal arms of ln T / gap."""
    gap = world.gap[world.gap > 0]
    return float(np.sum(1.0 / gap)) * math.log(T)


CARD = Card(
    name="SparringUCB",
    setting="utility-based dueling bandits, average regret",
    citation="ailon2014reducing",
    source="ICML 2014, Algorithms 3 and 4",
    assumptions=("utilities with a linear link (conjecture)",),
    theorems=(
        Theorem(
            statement="Conjectured: expected average regret O(sum_i ln T / gap_i).",
            metric="average",
            bound=bound,
            anytime=True,
            instance=Instance(
                "PreferenceMatrix",
                P=((0.5, 0.85, 0.9, 0.95), (0.15, 0.5, 0.55, 0.6), (0.1, 0.45, 0.5, 0.55), (0.05, 0.4, 0.45, 0.5)),
            ),
            horizons=(16_000, 32_000, 64_000, 128_000, 256_000),
            runs=32,
        ),
    ),
    parameters={"alpha": "3 in the experiments"},
)
