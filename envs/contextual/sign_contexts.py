"""Random sign vectors, the arm set of GINOP's experiments."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.links import code

from . import _world


class SignContexts(NamedTuple):
    """K static arms drawn uniformly from {-1/sqrt(d), 1/sqrt(d)}^d in every run, all of length 1.

    The synthetic setting on which contextual dueling bandits are compared in the GINOP preprint: 30 arms, d in
    {10, 15, 20}, ||theta|| = 2, T = 2000, 20 runs.

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
    """

    dimension: int = 10
    arms: int = 30
    link: str = "logistic"
    norm: float = 2.0
    theta: Any = None

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        _world.check_sizes(self.dimension, self.arms)
        _world.check_theta(self.theta, self.norm, self.dimension)
        code(self.link)

    problem = _world.problem

    def init(self, rng: np.random.Generator) -> _world.World:
        world = _world.empty(self, self.arms, self.dimension, rng)
        signs = np.where(rng.random((self.arms, self.dimension)) < 0.5, -1.0, 1.0)
        world.contexts[:] = signs / math.sqrt(self.dimension)
        _world.rate(world)
        return world

    observe = _world.observe_static
    duel = _world.duel
    regrets = _world.regrets
