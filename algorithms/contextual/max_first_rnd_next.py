"""MaxFirstRndNext: the greedy arm and a random plausible one."""

from typing import NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import random_argmax, uniform_index
from duel.glm import solve

from ._linear import State, check_width, default_width, distance, empty, learn, rate, root_bound


class MaxFirstRndNext(NamedTuple):
    """The arm of largest estimated utility meets an arm drawn at random among those that may still be best.

    ::

        1  for t = 1, 2, ...:
        2      theta = maximum likelihood estimate on all duels so far
        3      C = {i : (x_i - x_j)^T theta + beta ||x_i - x_j||_{M^-1} >= 0 for all j}
        4      i = argmax_i x_i^T theta;  j uniform on C
        5      duel (i, j); M += z z^T, z = x_i - x_j

    Source: class MaxFirstRndNext of the code of VACDB's experiments [di2024variance] (read; no paper states it).
    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F known.
    Guarantee: none known; the rate in the card is this lab's expectation.
    Deviations: none but the certified estimator, whose ridge does not grow with t as there, and random ties; i is the
    argmax even where all utilities of C are negative (see `MaxFirstUCBNext`). j = i is drawn like any other.
    Cost: O(K d^2 + K^2 d + d^3) a round.

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
        first = random_argmax(state.utility, rng)  # l.4
        chosen = uniform_index(rng, mark_plausible(state))
        for j in range(len(state.value)):
            if state.value[j] > 0.0:
                if chosen == 0:
                    return state, first, j
                chosen -= 1
        return state, first, first

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first != second:
            learn(state, contexts, t, first, second, outcome)  # l.5
        return state


def mark_plausible(state: State) -> int:
    """value[i] = 1 for the arms of C, which no other beats for certain, else 0 (l.3); returns their number."""
    count = 0
    for i in range(len(state.utility)):
        state.value[i] = 1.0
        for j in range(len(state.utility)):
            if state.utility[i] - state.utility[j] + state.width * distance(state.white, i, j) < 0.0:
                state.value[i] = 0.0
                break
        if state.value[i] > 0.0:
            count += 1
    return count


CARD = Card(
    name="MaxFirstRndNext",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="di2024variance",
    source="class MaxFirstRndNext of the authors' code of VACDB; no paper states it",
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
