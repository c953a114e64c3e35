"""The best response is one that the reference policy hardly ever gives."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.alignment import World, linear_world
from duel.errors import InvalidInput, positive_integer
from envs.alignment._annotators import judge


class HiddenArm(NamedTuple):
    """Action 0 has reward 1 and reference probability `mass`; the others share the rest.

    With two actions the other has reward 0; with more, theirs are uniform on [0, 0.3], one draw a run. A greedy online
    learner sees action 0 only by luck, e^(1/beta) mass being small: exploration is what counts. Online only.

    Parameters
    ----------
    actions : int >= 2
    mass : float in (0, 1)
    kl_weight : float > 0
    batch : int
        Pairs a round.
    """

    actions: int = 2
    mass: float = 1e-4
    kl_weight: float = 0.1
    batch: int = 1

    protocol = "alignment"

    def check(self) -> None:
        positive_integer("actions", self.actions, least=2)
        positive_integer("batch", self.batch)
        if not 0 < self.mass < 1:
            raise InvalidInput(f"mass must lie strictly between 0 and 1; got {self.mass!r}.")
        if not 0 < self.kl_weight < float("inf"):
            raise InvalidInput(f"kl_weight must be a finite number > 0; got {self.kl_weight!r}.")

    def init(self, key: Any) -> World:
        A = self.actions
        others = jnp.zeros(1) if A == 2 else 0.3 * jax.random.uniform(key, (A - 1,))
        theta = jnp.concatenate([jnp.ones(1), others])
        reference = jnp.full(A, (1 - self.mass) / (A - 1)).at[0].set(self.mass)
        return linear_world(
            jnp.eye(A)[None],
            theta,
            reference=reference[None],
            kl_weight=self.kl_weight,
            parameter_bound=A**0.5,
            reward_bound=1.0,
        )

    def label(self, world: World, contexts: Any, first: Any, second: Any, key: Any) -> Any:
        return judge(world, contexts, first, second, key)
