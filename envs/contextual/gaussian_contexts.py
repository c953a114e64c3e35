"""Gaussian features."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.links import code

from . import _world
from ._world import rate


class GaussianContexts(NamedTuple):
    """K features from N(0, I / d), pulled back onto the unit ball, afresh in every round or once a run.

    ``Pr(i beats j) = F(theta^T (x_i - x_j))``. Theory wants ||x|| <= 1: a draw longer than 1 is divided by its length
    (about half of them are, more evenly spread lengths than on the sphere). IID contexts whose contrasts have a
    covariance bounded below, as the guarantees of CoLSTIM and MaxInP assume.

    Parameters
    ----------
    dimension, arms : int
        d >= 1 and K >= 2.
    link : str
        Name of `duel.links`.
    norm : float > 0
        Length of theta, drawn uniformly on the sphere in every run; theory often takes 1.
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
            draw(world, rng)
        return world

    def observe(self, world: _world.World, t: int, rng: np.random.Generator) -> np.ndarray:
        if self.fresh:
            draw(world, rng)
        return world.contexts

    duel = _world.duel
    regrets = _world.regrets


def draw(world: _world.World, rng: np.random.Generator) -> None:
    """New contexts in place, K d normal draws."""
    K, d = world.contexts.shape
    spread = 1.0 / math.sqrt(d)
    for i in range(K):
        square = 0.0
        for k in range(d):
            x = spread * rng.standard_normal()
            world.contexts[i, k] = x
            square += x * x
        if square > 1.0:
            shrink = 1.0 / math.sqrt(square)
            for k in range(d):
                world.contexts[i, k] *= shrink
    rate(world)
