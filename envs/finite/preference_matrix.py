"""A given preference matrix, binary or ternary."""

from typing import Any, NamedTuple

import numpy as np

from duel import preferences
from duel.bandits import Problem

from . import _world


class PreferenceMatrix(NamedTuple):
    """Duels from a known matrix: ``Pr(i beats j) = P[i, j]``.

    Without `ties`, P is reciprocal and outcomes are +1 or -1. With `ties` (a symmetric matrix of probabilities),
    ``P[i, j] + P[j, i] + ties[i, j] = 1`` and outcomes are +1, 0 and -1; winners and regrets then count a tie as half a
    win, except the Copeland score, where the mode of a pair decides (indifference counts 1/2).

    Parameters
    ----------
    P : array_like [K, K]
        Probabilities; diagonal 1/2 (without ties).
    ties : array_like [K, K] or None
        Probability of a tie; its diagonal is ignored.
    """

    P: Any
    ties: Any = None

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        if self.ties is None:
            preferences.check(self.P)
        else:
            preferences.check_ternary(self.P, self.ties)

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.P), horizon)

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        P = np.array(self.P, dtype=np.float64)
        if self.ties is None:
            return _world.matrix_world(P)
        ties = np.array(self.ties, dtype=np.float64)
        np.fill_diagonal(ties, 0.0)
        half = P + ties / 2
        np.fill_diagonal(half, 0.5)
        return _world.matrix_world(half, ties)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct
