"""People who want different things: groups of annotators, each with its own rewards."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duel.alignment import Sample, World, draw, linear_world
from duel.errors import InvalidInput, positive_integer
from envs.alignment._annotators import ordered


class AnnotatorGroups(NamedTuple):
    """One context, U groups with rewards r_u; annotators belong to groups by share and judge by their group's rewards.

    The world's reward is the mean over people; its preferences are the mixture of the groups' (no Bradley-Terry model
    has them). `maxmin_gap` is the loss of the worst-off group's value against the best that can be done for it.

    Parameters
    ----------
    utilities : U tuples of A numbers
    shares : U numbers that sum to 1
        Annotators are dealt out by these shares, in order.
    annotators : int
    kl_weight, reward_bound : float
    """

    utilities: Any = ((1.0, 0.6, 0.0), (0.0, 0.7, 1.0))
    shares: Any = (0.8, 0.2)
    annotators: int = 20
    kl_weight: float = 0.2
    reward_bound: float = 2.0

    protocol = "alignment"

    def check(self) -> None:
        U = np.asarray(self.utilities, dtype=float)
        s = np.asarray(self.shares, dtype=float)
        if U.ndim != 2 or U.shape[0] < 2 or U.shape[1] < 2 or not np.isfinite(U).all():
            raise InvalidInput(f"utilities must be at least 2 rows of at least 2 numbers; got shape {U.shape}.")
        if s.shape != U.shape[:1] or not np.isfinite(s).all() or s.min() <= 0 or abs(s.sum() - 1) > 1e-8:
            raise InvalidInput(f"shares must be {len(U)} positive numbers that sum to 1; got {self.shares!r}.")
        positive_integer("annotators", self.annotators, least=len(U))
        if not 0 < self.kl_weight < float("inf"):
            raise InvalidInput(f"kl_weight must be a finite number > 0; got {self.kl_weight!r}.")

    def init(self, key: Any) -> World:
        groups, shares = jnp.asarray(self.utilities), jnp.asarray(self.shares)
        A = groups.shape[1]
        preference = jnp.einsum("u,uab->ab", shares, jax.nn.sigmoid(groups[:, :, None] - groups[:, None]))
        world = linear_world(
            jnp.eye(A)[None],
            shares @ groups,
            kl_weight=self.kl_weight,
            parameter_bound=self.reward_bound * A**0.5,
            reward_bound=self.reward_bound,
            preference=preference[None],
        )
        return world._replace(groups=groups[:, None])

    def sample(self, world: World, n: int, key: Any) -> Sample:
        groups, shares = world.groups, jnp.asarray(self.shares)
        A = groups.shape[2]
        u = jax.random.uniform(key, (4, n))
        annotators = jnp.minimum((u[0] * self.annotators).astype(int), self.annotators - 1)
        member = draw(jnp.broadcast_to(shares, (n, len(shares))), (annotators + 0.5) / self.annotators)
        first = jnp.minimum((u[1] * A).astype(int), A - 1)
        second = (first + 1 + jnp.minimum((u[2] * (A - 1)).astype(int), A - 2)) % A
        won = u[3] < jax.nn.sigmoid(groups[member, 0, first] - groups[member, 0, second])
        rankings = ordered(first, second, won)
        return Sample(jnp.zeros(n, dtype=int), rankings, annotators, world.reward[0][rankings])
