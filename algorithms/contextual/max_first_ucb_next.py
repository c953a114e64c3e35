"""MaxFirstUCBNext: the greedy arm and its strongest rival."""

from typing import NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import random_argmax
from duel.glm import solve

from ._linear import State, challenger, check_width, default_width, empty, learn, rate, root_bound


class MaxFirstUCBNext(NamedTuple):
    """The arm of largest estimated utility meets the arm with the largest upper confidence bound on its lead over it.

    ::

        1  for t = 1, 2, ...:
        2      theta = maximum likelihood estimate on all duels so far
        3      i = argmax_i x_i^T theta
        4      j = argmax_j (x_j - x_i)^T theta + beta ||x_j - x_i||_{M^-1}       # j = i allowed
        5      duel (i, j); M += z z^T, z = x_i - x_j

    CoLSTIM without noise and exploration phase.

    Source: class MaxFirstUCBNext of the code of VACDB's experiments [di2024variance] (read; no paper states it).
    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F known.
    Guarantee: none known; the rate in the card is this lab's expectation.
    Deviations: the code picks i among the arms that no other beats for certain, which the argmax always is (but it
    multiplies the utilities of the others by 0, so that it picks one of these where all utilities left are negative).
    The estimator is certified (`duel.glm`), with a ridge that does not grow with t as there; ties at random.
    Cost: O(K d^2 + d^3) a round.

    Parameters
    ----------
    confidence_width : float > 0 or None
        beta; None is 2 sqrt(d ln T).
    estimator : "exact" or "online"
        See `duel.glm`.
    ridge : float > 0
        Of the likelihood and of M.
    tolerance : float > 0
        Of the exact estimator.
    """

    confidence_width: float | None = None
    estimator: str = "exact"
    ridge: float = 1e-3
    tolerance: float = 1e-4

    def check(self, problem: Problem) -> None:
        check_width(self, problem)

    def init(self, problem: Problem) -> State:
        width = default_width(problem) if self.confidence_width is None else self.confidence_width
        return empty(problem, self, width=width)

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        solve(state.estimate)  # l.2
        rate(state, contexts)
        first = random_argmax(state.utility, rng)  # l.3
        return state, first, challenger(state, first, state.width, rng)  # l.4

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first != second:
            learn(state, contexts, t, first, second, outcome)  # l.5
        return state


CARD = Card(
    name="MaxFirstUCBNext",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="di2024variance",
    source="class MaxFirstUCBNext of the authors' code of VACDB; no paper states it",
    assumptions=("Pr(i beats j) = F(theta^T (x_i - x_j)), F known", "horizon known, for the width"),
    theorems=(
        Theorem(
            statement="No published theorem; average regret O~(d sqrt(T)) is this lab's expectation.",
            metric="average",
            bound=root_bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
            horizons=(500, 1_000, 2_000, 4_000, 8_000),
            runs=32,
        ),
    ),
    deviations=("certified estimator with a ridge that does not grow with t; ties of the argmax at random",),
    parameters={"confidence_width": "2 sqrt(d ln T) in the code of VACDB's experiments"},
)
