"""Features on the unit sphere."""

from typing import Any, NamedTuple

import numpy as np

from duel.links import code

from . import _world
from ._world import draw_sphere


class SphereContexts(NamedTuple):
    """K features uniform on the unit sphere of R^d, afresh in every round or once a run.

    ``Pr(i beats j) = F(theta^T (x_i - x_j))``. With ``fresh=False, norm=2.0`` and the logistic link, the instance on
    which the speed of contextual algorithms is compared: one fixed arm set a run, no cost for contexts.

    Parameters
    ----------
    dimension, arms : int
        d >= 1 and K >= 2.
    link : str
        Name of `duel.links`.
    norm : float > 0
        Length of theta, drawn uniformly on the sphere in every run.
    theta : array_like [d] or None
        A given theta; `norm` is then not used.
    fresh : bool
        New contexts in every round (K d normal draws), or the same ones throughout a run.
    """

    dimension: int = 5
    arms: int = 10
    link: str = "logistic"
    norm: float = 1.0
    theta: Any = None
    fresh: bool = True

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        _world.check_sizes(self.dimension, self.arms)
        _world.check_theta(self.theta, self.norm, self.dimension)
        code(self.link)

    problem = _world.problem

    def init(self, rng: np.random.Generator) -> _world.World:
        world = _world.empty(self, self.arms, self.dimension, rng)
        if not self.fresh:
            draw_sphere(world, 1.0, rng)
        return world

    def observe(self, world: _world.World, t: int, rng: np.random.Generator) -> np.ndarray:
        if self.fresh:
            draw_sphere(world, 1.0, rng)
        return world.contexts

    duel = _world.duel
    regrets = _world.regrets
