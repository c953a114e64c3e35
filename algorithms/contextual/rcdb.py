"""RCDB: robust contextual dueling bandits."""

import math
from typing import NamedTuple

import numpy as np

from duel import glm, links
from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput, positive_integer
from duel.glm import solve
from duel.linalg import dot, matvec

from ._linear import State, empty, learn_weighted, optimistic_pair, rate, root_bound


class RCDB(NamedTuple):
    """Optimistic pairs with a likelihood in which duels of high leverage weigh less, so that no flip pulls far
    [di2025rcdb].

    ::

        1  Sigma = ridge I
        2  for t = 1, 2, ...:
        3      theta solves  ridge kappa theta + sum_s w_s (F(z_s^T theta) - o_s) z_s = 0
        4      (i, j) = argmax over i, j of (x_i + x_j)^T theta + beta ||x_i - x_j||_{Sigma^-1}
        5      w_t = min(1, a / ||z_t||_{Sigma^-1}),  z_t = x_i - x_j
        6      duel (i, j); Sigma += w_t z_t z_t^T

    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)) but for at most C outcomes that an adversary, who sees the duel,
    turns around; F known, its slope at least kappa; C known (or a bound on it).
    Guarantee: average regret O~(d sqrt(T) / kappa + d C / kappa) (abstract of the paper).
    Source: ICML 2025 (arXiv 2404.10776), Algorithm 1, as a later paper's code carries it out; the text was not at hand.
    From there a = sqrt(d) / (sqrt(kappa) C), beta = sqrt(d) + a C and ridge = 1; second-hand. The paper's refinement
    for the logistic link (local slopes) is not implemented. Of two published versions of that code we follow commit
    3ed73c6, whose Sigma has no kappa and where i = j is allowed; in 6387d96 kappa weighs Sigma too, and i = j is not.
    Deviations: theta is the certified root (`duel.glm`), where that code takes one step along Sigma^-1 z a round (the
    other version solves, with ridge in place of ridge kappa); ties at random.
    Cost: O(K d^2 + K^2 d + d^3) a round.

    Parameters
    ----------
    corruption : int >= 0
        C; 0 gives every duel full weight.
    slope : float > 0 or None
        kappa; None is the least F' over |z| <= 2, or 0.1 where that is 0 (bounded links).
    confidence_width : float > 0 or None
        beta; None is sqrt(d) + a C, and for C = 0 its limit sqrt(d) + sqrt(d / kappa).
    estimator : "exact" or "online"
    ridge : float > 0
    tolerance : float > 0
    """

    corruption: int = 50
    slope: float | None = None
    confidence_width: float | None = None
    estimator: str = "exact"
    ridge: float = 1.0
    tolerance: float = 1e-4

    def check(self, problem: Problem) -> None:
        positive_integer("corruption", self.corruption, least=0)
        for name in ("slope", "confidence_width"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise InvalidInput(f"{name} must be None (see the docstring) or a finite number > 0; got {value!r}.")
        glm.check(self.estimator, self.ridge, self.tolerance)

    def init(self, problem: Problem) -> State:
        slope = 1.0 / links.kappa(problem.link, 2.0) if self.slope is None else self.slope
        if slope <= 0.0:  # bounded links are flat there
            slope = 0.1
        root = math.sqrt(problem.dimension)
        width = root + root / math.sqrt(slope) if self.confidence_width is None else self.confidence_width
        reach = root / (math.sqrt(slope) * self.corruption) if self.corruption > 0 else math.inf
        state = empty(problem, self, width=width, reach=reach)
        return state._replace(estimate=state.estimate._replace(ridge=self.ridge * slope))

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        solve(state.estimate)  # l.3
        rate(state, contexts)
        first, second = optimistic_pair(state, state.width, rng)  # l.4
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first != second:
            learn_weighted(state, contexts, t, first, second, outcome, trust(state, contexts, first, second))  # l.6
        return state


def trust(state: State, contexts: np.ndarray, first: int, second: int) -> float:
    """w_t = min(1, a / ||z||) (l.5)."""
    z, row = state.work[0], state.work[1]
    for k in range(len(z)):
        z[k] = contexts[first, k] - contexts[second, k]
    matvec(state.root, z, row)
    leverage = math.sqrt(dot(row, row))
    return 1.0 if leverage <= state.reach else state.reach / leverage


CARD = Card(
    name="RCDB",
    setting="contextual dueling bandits with linear utilities and adversarial flips, average regret",
    citation="di2025rcdb",
    source="ICML 2025, Algorithm 1, second-hand: as the code of a later paper carries it out",
    assumptions=(
        "Pr(i beats j) = F(theta^T (x_i - x_j)) but for at most C flipped outcomes",
        "F known, its slope bounded below by kappa; C known",
    ),
    theorems=(
        Theorem(
            statement="Average regret O~(d sqrt(T) / kappa + d C / kappa) (as in the abstract); here C = 0.",
            metric="average",
            bound=root_bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
            horizons=(500, 1_000, 2_000, 4_000, 8_000),
            runs=32,
            anytime=True,
            fields={"corruption": 0},
        ),
    ),
    deviations=("certified root in place of one step along Sigma^-1 z a round; ties at random",),
    parameters={
        "slope": "least slope over |z| <= 2 (0.1 for bounded links); 0.25 in the code of a later paper",
        "confidence_width": "sqrt(d) + a C, second-hand",
        "ridge": "1, second-hand",
    },
)
