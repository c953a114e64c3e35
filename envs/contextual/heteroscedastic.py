"""Duels whose variance changes from round to round."""

from typing import Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput
from duel.links import code

from . import _world
from ._world import draw_sphere


class Heteroscedastic(NamedTuple):
    """Easy and hard rounds: K fresh features on a sphere whose radius is drawn uniformly from [low, 1] in every round.

    ``p = Pr(i beats j) = F(theta^T (x_i - x_j))``, variance p (1 - p). With a long theta, a round of radius near 1 is
    nearly deterministic and one of radius near `low` nearly a coin flip, so the sum of variances, on which
    variance-aware bounds depend, is well below T / 4. An instance of this lab's, of no paper.

    Parameters
    ----------
    dimension, arms : int
        d >= 1 and K >= 2.
    low : float in (0, 1]
        Smallest radius; 1 is `SphereContexts`.
    norm : float > 0
        Length of theta, drawn uniformly on the sphere in every run.
    theta : array_like [d] or None
        A given theta; `norm` is then not used.
    link : str
        Name of `duel.links`.
    """

    dimension: int = 5
    arms: int = 10
    low: float = 0.05
    norm: float = 8.0
    theta: Any = None
    link: str = "logistic"

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        _world.check_sizes(self.dimension, self.arms)
        _world.check_theta(self.theta, self.norm, self.dimension)
        _world.check_positive("low", self.low)
        if self.low > 1:
            raise InvalidInput(f"low must be in (0, 1]; got {self.low!r}.")
        code(self.link)

    problem = _world.problem

    def init(self, rng: np.random.Generator) -> _world.World:
        return _world.empty(self, self.arms, self.dimension, rng)

    def observe(self, world: _world.World, t: int, rng: np.random.Generator) -> np.ndarray:
        radius = self.low + (1.0 - self.low) * rng.random()
        draw_sphere(world, radius, rng)
        return world.contexts

    duel = _world.duel
    regrets = _world.regrets
