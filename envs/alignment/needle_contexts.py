"""Many contexts, of which one alone teaches the last coordinate."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.alignment import World, linear_world
from duel.errors import positive_integer
from envs.alignment._annotators import judge


class NeedleContexts(NamedTuple):
    """N contexts with two actions; in context 0 they differ along e_d, in the others along e_1, ..., e_{d-1} in turn.

    theta has a random sign in every coordinate, one draw a run. A learner that takes contexts as they come
    needs about N pairs to see the needle; one that chooses its contexts needs one. Read the metric `worst`: in the
    average the needle has weight 1/N.

    Parameters
    ----------
    contexts : int
        N.
    dimension : int
        d >= 2.
    batch : int
    """

    contexts: int = 100
    dimension: int = 4
    batch: int = 1

    protocol = "alignment"

    def check(self) -> None:
        positive_integer("contexts", self.contexts, least=2)
        positive_integer("dimension", self.dimension, least=2)

    def init(self, key: Any) -> World:
        N, d = self.contexts, self.dimension
        direction = jnp.where(jnp.arange(N) == 0, d - 1, (jnp.arange(N) - 1) % (d - 1))
        phi = jnp.eye(d)[direction]
        features = jnp.stack([phi / 2, -phi / 2], axis=1)
        theta = 2.0 * jax.random.rademacher(key, (d,), dtype=float)
        return linear_world(features, theta, parameter_bound=3 * d**0.5, reward_bound=6.0)

    def label(self, world: World, contexts: Any, first: Any, second: Any, key: Any) -> Any:
        return judge(world, contexts, first, second, key)
