"""Random linear rewards, ranked whole: the K-wise experiment."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.alignment import Sample, World, linear_world
from duel.errors import positive_integer
from envs.alignment._annotators import judge, rank


class GaussianFeatures(NamedTuple):
    """K actions with features and parameter drawn iid N(0, I_d), one draw a run; rankings by Plackett-Luce.

    With ``actions=4`` or 9, ``size=actions`` and d = 3 this is the setting of figure 2 of [zhu2023principled]: every
    row ranks all K actions of its context.

    Parameters
    ----------
    actions, dimension, contexts : int
    size : int
        Actions in a ranking, drawn without replacement; 0 means all.
    kl_weight : float
        beta of the regularised objective; 0 for none.
    flip : float
        Share of pairwise labels turned round (size = 2 only).
    batch : int
        Pairs a round, online.
    """

    actions: int = 4
    dimension: int = 3
    size: int = 0
    contexts: int = 1
    kl_weight: float = 0.0
    flip: float = 0.0
    batch: int = 16

    protocol = "alignment"

    def check(self) -> None:
        positive_integer("actions", self.actions, least=2)
        positive_integer("dimension", self.dimension)
        positive_integer("size", self.size, least=0)
        positive_integer("contexts", self.contexts)

    def init(self, key: Any) -> World:
        a, b = jax.random.split(key)
        features = jax.random.normal(a, (self.contexts, self.actions, self.dimension))
        theta = jax.random.normal(b, (self.dimension,))
        return linear_world(features, theta, kl_weight=self.kl_weight, parameter_bound=10.0, reward_bound=20.0)

    def sample(self, world: World, n: int, key: Any) -> Sample:
        K, m = self.actions, self.size or self.actions
        places, choices, noise, lies = jax.random.split(key, 4)
        contexts = jax.random.randint(places, (n,), 0, self.contexts)
        order = jnp.argsort(jax.random.uniform(choices, (n, K)), axis=1)[:, :m]
        rankings = rank(world.reward, order, contexts, noise)
        if m == 2:
            wrong = jax.random.uniform(lies, (n, 1)) < self.flip
            rankings = jnp.where(wrong, rankings[:, ::-1], rankings)
        return Sample(contexts, rankings, jnp.zeros(n, dtype=int), world.reward[contexts[:, None], rankings])

    def label(self, world: World, contexts: Any, first: Any, second: Any, key: Any) -> Any:
        return judge(world, contexts, first, second, key, self.flip)
