"""OfflineMarkovGame: two agents, general-sum rewards, preferences over pairs of trajectories collected beforehand."""

import math
from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer, unknown

COVERAGES = ("expert", "single", "unilateral", "uniform")


class World(NamedTuple):
    rewards: np.ndarray  # [2, H, S, A, A] of each agent for (step, state, first action, second action)
    transitions: np.ndarray  # [H, S, A, A, S] probabilities of the next state
    expert: np.ndarray  # [H, S, 2] pure actions of a Nash equilibrium


class _Trajectories(NamedTuple):
    """Preferences over n pairs of trajectories, one row per pair, with what the learner knows of the game."""

    states: np.ndarray  # [n, 2, H]
    actions: np.ndarray  # [n, 2, H, 2]
    first_wins: np.ndarray  # [n, 2] bool, per agent: whether it prefers the pair's first trajectory
    transitions: np.ndarray  # [H, S, A, A, S], known


class OfflineMarkovGame(NamedTuple):
    """Tabular two-agent game learned from offline preferences [zhang2024marlhf].

    Rewards are uniform on [0, scale], redrawn state by state until the stage game has a pure equilibrium, which is what
    the expert plays. Each agent prefers the first trajectory of a pair with the Bradley-Terry probability of its
    returns. Transitions are drawn from a flat Dirichlet distribution and known to the learner. Coverage of the data:

    * "expert": both trajectories follow the equilibrium. Preferences say nothing, but imitating the data is right.
    * "single": trajectories follow the equilibrium or, as often, a decoy in which both agents deviate at once. The
      equilibrium is covered, no deviation of one agent is, and no number of pairs suffices.
    * "unilateral": the equilibrium and every deviation of one agent alone from it, a third each. Suffices.
    * "uniform": uniform joint actions.

    The metric `gap` is the exact Nash gap of the learned policies, the sum over agents of what a best response gains;
    t counts pairs of trajectories.

    Parameters
    ----------
    coverage : "expert", "single", "unilateral" or "uniform"
    horizon : int >= 1
        Steps H of an episode.
    states, actions : int
        S >= 1, A >= 2 actions for each agent.
    scale : float > 0
        Largest reward.
    """

    coverage: str = "unilateral"
    horizon: int = 2
    states: int = 2
    actions: int = 3
    scale: float = 2.0
    protocol = "game"

    def check(self) -> None:
        if self.coverage not in COVERAGES:
            raise unknown("coverage", self.coverage, COVERAGES)
        positive_integer("horizon", self.horizon)
        positive_integer("states", self.states)
        positive_integer("actions", self.actions, least=2)
        if not 0 < self.scale < math.inf:
            raise InvalidInput(f"scale must be a finite number > 0; got {self.scale!r}.")

    def init(self, rng: np.random.Generator) -> World:
        H, S, A = self.horizon, self.states, self.actions
        transitions = rng.dirichlet(np.ones(S), (H, S, A, A))
        rewards = np.empty((2, H, S, A, A))
        expert = np.empty((H, S, 2), dtype=int)
        value = np.zeros((2, S))
        for h in reversed(range(H)):
            now = np.empty((2, S))
            for s in range(S):
                pure: list[tuple[int, int]] = []
                while not pure:
                    rewards[:, h, s] = self.scale * rng.random((2, A, A))
                    Q = rewards[:, h, s] + np.einsum("abz,iz->iab", transitions[h, s], value)
                    stable = (Q[0] == Q[0].max(axis=0)) & (Q[1] == Q[1].max(axis=1, keepdims=True))
                    pure = [(int(a), int(b)) for a, b in np.argwhere(stable)]
                expert[h, s] = pure[0]
                now[:, s] = Q[:, pure[0][0], pure[0][1]]
            value = now
        return World(rewards, transitions, expert)

    def dataset(self, world: World, pairs: int, rng: np.random.Generator) -> _Trajectories:
        """Preferences over `pairs` pairs of trajectories from state 0."""
        H, S, A = self.horizon, self.states, self.actions
        deviates = np.ones((pairs, 2, 2), dtype=bool)  # agents that play at random
        decoys = np.zeros((pairs, 2, 1), dtype=int)  # trajectories of the decoy: the next action for both agents
        if self.coverage in ("expert", "single"):
            deviates[:] = False
            decoys += rng.integers(0, 2, decoys.shape) if self.coverage == "single" else 0
        elif self.coverage == "unilateral":
            who = rng.integers(0, 3, (pairs, 2))  # 2: nobody
            deviates = who[..., None] == np.arange(2)
        states = np.zeros((pairs, 2, H), dtype=int)
        actions = np.empty((pairs, 2, H, 2), dtype=int)
        returns = np.zeros((pairs, 2, 2))
        now = np.zeros((pairs, 2), dtype=int)
        for h in range(H):
            states[:, :, h] = now
            planned = (world.expert[h, now] + decoys) % A
            actions[:, :, h] = np.where(deviates, rng.integers(0, A, (pairs, 2, 2)), planned)
            a, b = actions[:, :, h, 0], actions[:, :, h, 1]
            returns += np.moveaxis(world.rewards[:, h, now, a, b], 0, -1)
            edges = np.cumsum(world.transitions[h, now, a, b], axis=-1)
            now = np.minimum((rng.random((pairs, 2, 1)) > edges).sum(axis=-1), S - 1)
        chance = 1 / (1 + np.exp(returns[:, 1] - returns[:, 0]))
        return _Trajectories(states, actions, rng.random((pairs, 2)) < chance, world.transitions)

    def gap(self, world: World, policy: np.ndarray) -> float:
        """Nash gap at state 0 of pure policies [H, S, 2]."""
        S = self.states
        played, best = np.zeros((2, S)), np.zeros((2, S))
        for h in reversed(range(self.horizon)):
            future = np.einsum("sabz,iz->isab", world.transitions[h], played)
            hoped = np.einsum("sabz,iz->isab", world.transitions[h], best)
            at, a, b = np.arange(S), policy[h, :, 0], policy[h, :, 1]
            played = (world.rewards[:, h] + future)[:, at, a, b]
            wish = world.rewards[:, h] + hoped
            best = np.stack([wish[0][at, :, b].max(axis=-1), wish[1][at, a, :].max(axis=-1)])
        return float((best - played)[:, 0].sum())
