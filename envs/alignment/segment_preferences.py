"""Segments of a walk, judged by what they collected or by what they gave away: partial return against regret."""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duel.alignment import Sample, World, linear_world
from duel.errors import InvalidInput, positive_integer, unknown
from envs.alignment._annotators import judge, ordered

MODELS = ("partial_return", "regret")


class SegmentPreferences(NamedTuple):
    """A corridor of states with steps left and right; people compare segments of `length` steps [knox2024models].

    A step costs 0.1, entering the last state pays 1 and ends the walk (later steps are worth nothing). The *partial
    return* of a segment is its sum of rewards; its *regret* is ``V*(start) - sum of rewards - V*(end)``, the sum
    of ``-A*`` over its steps. Judges are logistic in `scale` times the difference. Rewards are shaped by
    ``shaping (V*(s') - V*(s))``, which changes no optimal policy. Regret does not notice it, partial return does; at
    ``shaping = 1`` the two are one.

    Context 0 holds the segments that are compared (weight 0); the others are the states, with responses left (even)
    and right (odd), with reward A*. Features count visits of (state, step). So a learner that reads its estimate as A*
    and acts greedily is judged: right for regret judges, myopic for partial-return judges of an unshaped reward.

    Parameters
    ----------
    states : int >= 3
    length : int in 1..5
    model : {"partial_return", "regret"}
    shaping : float in [0, 1]
    scale : float > 0
    """

    states: int = 6
    length: int = 3
    model: str = "regret"
    shaping: float = 0.0
    scale: float = 3.0

    protocol = "alignment"

    def check(self) -> None:
        positive_integer("states", self.states, least=3)
        if positive_integer("length", self.length) > 5:
            raise InvalidInput(f"length must be at most 5: there are 2^length segments a state; got {self.length}.")
        if self.model not in MODELS:
            raise unknown("model", self.model, MODELS)
        if not 0 <= self.shaping <= 1:
            raise InvalidInput(f"shaping must lie in [0, 1]; got {self.shaping!r}.")
        if not 0 < self.scale < float("inf"):
            raise InvalidInput(f"scale must be a finite number > 0; got {self.scale!r}.")

    def init(self, key: Any) -> World:
        reward, advantage, shift = corridor(self.states)
        visits = segments(self.states, self.length)
        S, M = self.states - 1, len(visits)
        by_state = np.eye(2 * S).reshape(S, 2, 2 * S)[:, np.arange(M) % 2]
        features = np.concatenate([visits[None], by_state])
        judged = advantage if self.model == "regret" else reward + self.shaping * shift
        theta = self.scale * jnp.asarray(judged).ravel()
        world = linear_world(
            features,
            theta,
            weights=np.append(0.0, np.full(S, 1 / S)),
            parameter_bound=self.scale * 2.0 * S**0.5 + 5.0,
            reward_bound=self.scale * 10.0,
        )
        return world._replace(reward=jnp.asarray(features @ advantage.ravel()))

    def sample(self, world: World, n: int, key: Any) -> Sample:
        M = world.reward.shape[1]
        a, b, c = jax.random.split(key, 3)
        first, second = jax.random.randint(a, (n,), 0, M), jax.random.randint(b, (n,), 0, M)
        zero = jnp.zeros(n, dtype=int)
        rankings = ordered(first, second, judge(world, zero, first, second, c))
        return Sample(zero, rankings, zero, world.reward[0][rankings])


def step(state: int, right: int, states: int) -> int:
    """Where a step leads; the last state is never left."""
    return state if state == states - 1 else max(0, state - 1 + 2 * right)


def corridor(states: int, cost: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reward, optimal advantage, and ``V*(s') - V*(s)`` of every (state, step): three [states - 1, 2]."""
    S = states - 1
    to = np.array([[step(s, a, states) for a in (0, 1)] for s in range(S)])
    reward = np.where(to == S, 1.0, 0.0) - cost
    V = np.append(1.0 - cost * np.arange(S, 0, -1), 0.0)  # walk right: S - s steps, one prize
    shift = V[to] - V[:S, None]
    return reward, reward + shift, shift


def segments(states: int, length: int) -> np.ndarray:
    """Visit counts of every (start, steps) segment: [(states - 1) 2^length, 2 (states - 1)]."""
    S = states - 1
    rows = []
    for start, steps in itertools.product(range(S), itertools.product((0, 1), repeat=length)):
        row, s = np.zeros((S, 2)), start
        for a in steps:
            if s < S:
                row[s, a] += 1
                s = step(s, a, states)
        rows.append(row.ravel())
    return np.array(rows)
