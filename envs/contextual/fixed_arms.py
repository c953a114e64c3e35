"""A given arm set."""

from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput
from duel.links import code

from . import _world


class FixedArms(NamedTuple):
    """The same given features in every round: ``Pr(i beats j) = F(theta^T (x_i - x_j))``.

    Static arms show what a learner does when the same duel comes back: one that may not duel an arm with itself pays a
    constant average regret for ever.

    Parameters
    ----------
    features : array_like [K, d]
        Rows are the arms' features, used as given (theory often wants length <= 1).
    theta : array_like [d] or None
        The parameter; None draws it uniformly on the sphere of radius `norm` in every run.
    norm : float > 0
        Length of a drawn theta.
    link : str
        Name of `duel.links`.
    """

    features: Any
    theta: Any = None
    norm: float = 1.0
    link: str = "logistic"

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        X = np.asarray(self.features, dtype=np.float64)
        if X.ndim != 2 or len(X) < 2 or X.shape[1] < 1 or not np.isfinite(X).all():
            raise InvalidInput(
                f"features must be a finite array [K, d] with K >= 2, d >= 1; got shape {X.shape}, "
                f"{int((~np.isfinite(X)).sum())} entries not finite."
            )
        _world.check_theta(self.theta, self.norm, X.shape[1])
        code(self.link)

    def problem(self, horizon: int) -> Problem:
        K, d = np.shape(self.features)
        return Problem(arms=K, dimension=d, horizon=horizon, link=self.link)

    def init(self, rng: np.random.Generator) -> _world.World:
        X = np.asarray(self.features, dtype=np.float64)
        world = _world.empty(self, len(X), X.shape[1], rng)
        world.contexts[:] = X
        _world.rate(world)
        return world

    observe = _world.observe_static
    duel = _world.duel
    regrets = _world.regrets
