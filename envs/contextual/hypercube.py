"""Corners of a hypercube, the synthetic experiment of VACDB."""

from typing import NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput, positive_integer
from duel.links import code

from . import _world


class Hypercube(NamedTuple):
    """K = 2^d static arms, corners of {-1, 1}^d moved by a little noise; theta of length `scale` on few coordinates.

    The synthetic experiment of VACDB [di2024variance]: d = 5, K = 32, T = 4000, scale in {0.1, 0.5, 1, 2, 4}; the
    larger the scale, the smaller the variance of the duels. Its features have length about sqrt(d), not <= 1. The
    authors' regret (2 x* - x - y)^T theta / scale is twice our average regret over `scale`.

    Every run draws theta (`nonzero` coordinates at random, where the published code takes the first two, uniform on
    (0, 1), then scaled to length `scale`) and the noise, `jitter` times (U - 1) with U uniform on (0, 1), on every
    entry. The published code has versions with and without noise and with a dense theta: ``jitter=0`` and
    ``nonzero=dimension``.

    Parameters
    ----------
    dimension : int in 1..16
    scale : float > 0
        Length of theta.
    nonzero : int in 1..dimension
        Coordinates on which theta is not 0.
    jitter : float >= 0
    link : str
        Name of `duel.links`.
    """

    dimension: int = 5
    scale: float = 1.0
    nonzero: int = 2
    jitter: float = 0.1
    link: str = "logistic"

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        if positive_integer("dimension", self.dimension) > 16:
            raise InvalidInput(f"dimension must be in 1..16 (there are 2^dimension arms); got {self.dimension!r}.")
        if positive_integer("nonzero", self.nonzero) > self.dimension:
            raise InvalidInput(f"nonzero must be in 1..dimension={self.dimension}; got {self.nonzero!r}.")
        _world.check_positive("scale", self.scale)
        if self.jitter != 0:
            _world.check_positive("jitter", self.jitter)
        code(self.link)

    def problem(self, horizon: int) -> Problem:
        return Problem(arms=2**self.dimension, dimension=self.dimension, horizon=horizon, link=self.link)

    def init(self, rng: np.random.Generator) -> _world.World:
        d = self.dimension
        K = 2**d
        theta = np.zeros(d)
        theta[rng.permutation(d)[: self.nonzero]] = rng.random(self.nonzero)
        theta *= self.scale / np.sqrt((theta**2).sum())
        corners = 2.0 * ((np.arange(K)[:, None] >> np.arange(d)) & 1) - 1.0
        contexts = corners + self.jitter * (rng.random((K, d)) - 1.0)
        world = _world.World(contexts, theta, utilities=np.zeros(K), best=np.zeros(1), link=code(self.link))
        _world.rate(world)
        return world

    observe = _world.observe_static
    duel = _world.duel
    regrets = _world.regrets
