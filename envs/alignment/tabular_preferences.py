"""A finite table of rewards, judged in pairs drawn from a stated behaviour."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duel.alignment import Sample, World, draw, linear_world
from duel.errors import InvalidInput, positive_integer
from envs.alignment._annotators import judge, ordered


class TabularPreferences(NamedTuple):
    """Rewards r(x, a) in a table, Bradley-Terry judges, one-hot features: every method of this family runs on it.

    Parameters
    ----------
    rewards : A numbers, or None
        Rewards of the (single) context. None draws r(x, a) uniform on [0, reward_bound], one draw a run.
    reference : A numbers, or None
        Reference policy (the same in all contexts); uniform if None.
    data : A numbers, or None
        Behaviour: both actions of a pair are independent draws from it; the reference if None. Zeros are allowed: such
        actions are never seen.
    contexts, actions : int
        Sizes of a random instance; with `rewards` given, one context and as many actions as rewards.
    kl_weight : float
        beta.
    reward_bound : float
        Length of the interval that learners are told rewards lie in.
    flip : float
        Share of labels turned round.
    position : float
        Log-odds by which what is shown first is favoured.
    noise : float
        Standard deviation of the scalar scores that reward-based methods see.
    batch : int
        Pairs a round, online.
    """

    rewards: Any = None
    reference: Any = None
    data: Any = None
    contexts: int = 1
    actions: int = 4
    kl_weight: float = 0.5
    reward_bound: float = 1.0
    flip: float = 0.0
    position: float = 0.0
    noise: float = 0.3
    batch: int = 16

    protocol = "alignment"

    def check(self) -> None:
        positive_integer("contexts", self.contexts)
        A = positive_integer("actions", self.actions, least=2) if self.rewards is None else len(self.rewards)
        for name, policy in (("reference", self.reference), ("data", self.data)):
            if policy is None:
                continue
            p = np.asarray(policy, dtype=float)
            if p.shape != (A,) or not np.isfinite(p).all() or p.min() < 0 or abs(p.sum() - 1) > 1e-8:
                raise InvalidInput(f"{name} must be {A} probabilities that sum to 1; got {policy!r}.")
            if name == "reference" and p.min() <= 0:
                raise InvalidInput("reference must be > 0 for every action: KL is infinite otherwise.")
        for name, value in (("kl_weight", self.kl_weight), ("noise", self.noise)):
            if not 0 <= value < float("inf"):
                raise InvalidInput(f"{name} must be a finite number >= 0; got {value!r}.")
        if not 0 < self.reward_bound < float("inf"):
            raise InvalidInput(f"reward_bound must be a finite number > 0; got {self.reward_bound!r}.")
        if not 0 <= self.flip < 0.5:
            raise InvalidInput(f"flip must lie in [0, 1/2): from 1/2 on labels say nothing or lie; got {self.flip!r}.")

    def init(self, key: Any) -> World:
        if self.rewards is None:
            reward = self.reward_bound * jax.random.uniform(key, (self.contexts, self.actions))
        else:
            reward = jnp.asarray(self.rewards)[None]
        X, A = reward.shape
        features = jnp.eye(X * A).reshape(X, A, X * A)
        mu = None if self.reference is None else jnp.broadcast_to(jnp.asarray(self.reference), (X, A))
        return linear_world(
            features,
            reward.ravel(),
            reference=mu,
            kl_weight=self.kl_weight,
            parameter_bound=self.reward_bound * np.sqrt(X * A),
            reward_bound=self.reward_bound,
        )

    def sample(self, world: World, n: int, key: Any) -> Sample:
        X, A = world.reward.shape
        places, choices, labels, scores = jax.random.split(key, 4)
        contexts = jax.random.randint(places, (n,), 0, X)
        policy = world.problem.reference if self.data is None else jnp.broadcast_to(jnp.asarray(self.data), (X, A))
        u = jax.random.uniform(choices, (n, 2))
        first, second = draw(policy[contexts], u[:, 0]), draw(policy[contexts], u[:, 1])
        won = judge(world, contexts, first, second, labels, self.flip, self.position)
        rankings = ordered(first, second, won)
        noisy = world.reward[contexts[:, None], rankings] + self.noise * jax.random.normal(scores, (n, 2))
        return Sample(contexts, rankings, jnp.zeros(n, dtype=int), noisy)

    def label(self, world: World, contexts: Any, first: Any, second: Any, key: Any) -> Any:
        return judge(world, contexts, first, second, key, self.flip, self.position)
