"""MaxPairUCB: the most optimistic pair."""

from typing import NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.glm import solve

from ._linear import State, check_width, default_width, empty, learn, optimistic_pair, rate, root_bound


class MaxPairUCB(NamedTuple):
    """Duels the pair of the largest summed utility and width: VACDB with a single layer [di2024variance].

    ::

        1  for t = 1, 2, ...:
        2      theta = maximum likelihood estimate on all duels so far
        3      (i, j) = argmax over i, j of (x_i + x_j)^T theta + beta ||x_i - x_j||_{M^-1}
        4      duel (i, j); M += z z^T, z = x_i - x_j

    i = j is allowed: once no width is worth its cost, the best arm duels itself.

    Source: the code of VACDB's experiments and, as the rule of line 6, RCDB's Algorithm 1 without corruption; both read
    in code, not in a paper.
    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F known.
    Guarantee: average regret O~(d sqrt(T)) is what RCDB claims with no corruption; no theorem under this name is known.
    Deviations: none from the code but the estimator (certified, `duel.glm`; there the loss is divided by t and the
    regulariser is not, so that the ridge grows as 2 10^-4 t) and random ties. A tie counts half a win.
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
        first, second = optimistic_pair(state, state.width, rng)  # l.3
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first != second:
            learn(state, contexts, t, first, second, outcome)  # l.4
        return state


CARD = Card(
    name="MaxPairUCB",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="di2024variance",
    source="class MaxPairUCB of the authors' code of VACDB; no paper names it",
    assumptions=("Pr(i beats j) = F(theta^T (x_i - x_j)), F known", "horizon known, for the width"),
    theorems=(
        Theorem(
            statement="Average regret O~(d sqrt(T)): the claim of RCDB for no corruption, whose rule this is.",
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
