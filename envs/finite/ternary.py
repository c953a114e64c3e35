"""Random-utility models with ties: a duel may end indifferent, and more often so the closer the arms are."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from duel.bandits import Problem
from duel.errors import InvalidInput

from . import _world
from .random_utility import check_utilities


class Davidson(NamedTuple):
    """Bradley-Terry with ties by a geometric mean [davidson1970extending].

    With worths ``w = exp(u)``: ``Pr(i beats j) : Pr(tie) : Pr(j beats i) = w_i : tie_weight sqrt(w_i w_j) : w_j``.
    Given that there is no tie, the duel is Bradley-Terry. Indifference is the mode of a pair exactly when
    ``|u_i - u_j| < 2 ln(tie_weight)``: a band of utilities, so that indifference is not transitive in general.

    Parameters
    ----------
    utilities : array_like [K]
        Log-worths u, in nats.
    tie_weight : float
        nu >= 0; 0 is Bradley-Terry; equal arms tie with probability nu / (2 + nu).
    shuffle : bool
        Relabel the arms at random in every run.
    """

    utilities: Any
    tie_weight: float = 1.0
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        check_utilities(self.utilities, "utilities")
        check_at_least("tie_weight", self.tie_weight, 0.0)

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.utilities), horizon, "logistic")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        difference = differences(self.utilities, self.shuffle, rng)
        # Divided by sqrt(w_i w_j), the three weights are e^x, nu and e^-x with x half the difference: no overflow.
        x = np.abs(difference) / 2
        total = 1.0 + np.exp(-2 * x) + self.tie_weight * np.exp(-x)
        ties = self.tie_weight * np.exp(-x) / total
        return ternary_world((1 - ties) * expit(difference) + ties / 2, ties)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class RaoKupper(NamedTuple):
    """Bradley-Terry with a threshold below which arms cannot be told apart [rao1967ties].

    ``Pr(i beats j) = 1 / (1 + threshold exp(u_j - u_i))``, and what the two leave is a tie: a logistic difference whose
    size is below ln(threshold).

    Parameters
    ----------
    utilities : array_like [K]
        In nats.
    threshold : float
        theta >= 1; 1 is Bradley-Terry; equal arms tie with probability (theta - 1) / (theta + 1).
    shuffle : bool
        Relabel the arms at random in every run.
    """

    utilities: Any
    threshold: float = 2.0
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        check_utilities(self.utilities, "utilities")
        check_at_least("threshold", self.threshold, 1.0)

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.utilities), horizon, "logistic")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        difference = differences(self.utilities, self.shuffle, rng)
        margin = np.log(self.threshold)
        win, loss = expit(difference - margin), expit(-difference - margin)
        ties = (self.threshold**2 - 1) * win * loss  # 1 - win - loss, without cancellation
        return ternary_world(0.5 + (win - loss) / 2, ties)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


def check_at_least(argument: str, value: Any, low: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value < np.inf:
        raise InvalidInput(f"{argument} must be a finite number >= {low:g} ({low:g} means no ties); got {value!r}.")


def differences(utilities: Any, shuffle: bool, rng: np.random.Generator) -> np.ndarray:
    """u_i - u_j [K, K], with the arms relabelled at random if `shuffle`; one permutation is drawn in any case."""
    order = rng.permutation(len(utilities))
    u = np.asarray(utilities, dtype=np.float64)
    u = u[order] if shuffle else u
    return u[:, None] - u[None, :]


def ternary_world(P: np.ndarray, ties: np.ndarray) -> _world.MatrixWorld:
    """The world of P [K, K], ties half a win, and tie probabilities; one without any ties is binary."""
    i, j = np.tril_indices(len(P), -1)
    P, ties = P.copy(), ties.copy()
    P[i, j] = 1 - P[j, i]  # reciprocal and symmetric to the last bit
    ties[i, j] = ties[j, i]
    np.fill_diagonal(P, 0.5)
    np.fill_diagonal(ties, 0.0)
    return _world.matrix_world(P, ties if ties.any() else None)
