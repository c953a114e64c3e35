"""Nonlinear functions of one linear index theta^T x: the synthetic utilities of the neural dueling papers."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from . import _world
from ._world import SphereWorld


class CosineUtility(NamedTuple):
    """``u(x) = scale cos(3 theta^T x)``, features and theta uniform on the unit sphere [verma2025neural].

    Even in theta, so that no linear utility does better than a constant.

    Parameters
    ----------
    dimension, arms : int
        d >= 2 and K >= 2; the paper plays d = 5, K = 5 too (second-hand).
    scale : float > 0
        1 in the paper (second-hand), so that the surest duel is won with probability F(2).
    link : str
        Name of `duel.links`.
    fresh : bool
        New features in every round, or the same ones throughout a run.
    """

    dimension: int = 5
    arms: int = 5
    scale: float = 1.0
    link: str = "logistic"
    fresh: bool = True

    protocol = "nonlinear"
    check = _world.check_sphere
    init = _world.init_sphere
    observe = _world.observe_sphere

    def utilities(self, world: SphereWorld, contexts: Any) -> jax.Array:
        return self.scale * jnp.cos(3.0 * (contexts @ world.theta))


class QuadraticUtility(NamedTuple):
    """``u(x) = scale (theta^T x)^2``, features and theta uniform on the unit sphere [verma2025neural].

    Parameters
    ----------
    dimension, arms : int
        d >= 2 and K >= 2.
    scale : float > 0
        10 in the paper (remembered).
    link : str
        Name of `duel.links`.
    fresh : bool
        New features in every round, or the same ones throughout a run.
    """

    dimension: int = 5
    arms: int = 5
    scale: float = 10.0
    link: str = "logistic"
    fresh: bool = True

    protocol = "nonlinear"
    check = _world.check_sphere
    init = _world.init_sphere
    observe = _world.observe_sphere

    def utilities(self, world: SphereWorld, contexts: Any) -> jax.Array:
        return self.scale * (contexts @ world.theta) ** 2
