"""Bradley-Terry(-Luce) utilities."""

from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput

from . import _world


class BradleyTerry(NamedTuple):
    """``Pr(i beats j) = 1 / (1 + exp(u_j - u_i))`` [bradley1952rank]. A total order; SST and STI hold.

    Parameters
    ----------
    utilities : array_like [K]
        Log-strengths u, natural-log units.
    shuffle : bool
        Relabel the arms at random in every run, so that no learner gains from the order of the arms.
    """

    utilities: Any
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        u = np.asarray(self.utilities, dtype=np.float64)
        if u.ndim != 1 or len(u) < 2 or not np.isfinite(u).all():
            raise InvalidInput(f"utilities must be a list of at least 2 finite numbers; got {self.utilities!r}.")

    def problem(self, horizon: int) -> Problem:
        return Problem(arms=len(self.utilities), dimension=len(self.utilities), horizon=horizon, link="logistic")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        u = np.asarray(self.utilities, dtype=np.float64)
        if self.shuffle:
            u = rng.permutation(u)
        P = 1.0 / (1.0 + np.exp(u[None, :] - u[:, None]))
        np.fill_diagonal(P, 0.5)
        return _world.matrix_world((P + 1.0 - P.T) / 2)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct
