"""Matrices with a formula: arithmetic steps, cycles, the hard Condorcet instance, Mallows."""

from typing import NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput

from . import _world


class Arithmetic(NamedTuple):
    """``P[i, j] = 1/2 + step (j - i)``: arm 0 wins, gaps grow in equal steps; a total order with SST and STI.

    Parameters
    ----------
    arms : int
        K >= 2. The published instance is 8 arms with step 0.05 [komiyama2015regret].
    step : float
        In (0, 1/2 / (K - 1)].
    shuffle : bool
        Relabel the arms at random in every run.
    """

    arms: int = 8
    step: float = 0.05
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        _world.check_arms(self.arms)
        _world.check_fraction("step", self.step, 1e-12, 0.5 / (self.arms - 1), " for probabilities to stay in [0, 1]")

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(self.arms, horizon)

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        rank = np.arange(self.arms)
        P = 0.5 + self.step * (rank[None, :] - rank[:, None])
        return _world.matrix_world(_world.relabelled(P, self.shuffle, rng))

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class Cyclic(NamedTuple):
    """Every arm beats the next (K - 1) / 2 in a circle by `margin`: no Condorcet winner, all arms Copeland winners.

    The von Neumann winner is uniform. With `champion`, one more arm beats all others by `champion`: a Condorcet winner
    over a cycle, where beating an arm through its nemesis costs less than through the winner (4 arms, margin 0.4,
    champion 0.1 is the published `cyclic` matrix [komiyama2015regret]).

    Parameters
    ----------
    arms : int
        Arms in the circle, odd, >= 3.
    margin : float
        In (0, 1/2].
    champion : float
        In [0, 1/2]; 0 means no further arm.
    shuffle : bool
        Relabel the arms at random in every run.
    """

    arms: int = 3
    margin: float = 0.1
    champion: float = 0.0
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        _world.check_arms(self.arms, least=3)
        if self.arms % 2 == 0:
            raise InvalidInput(f"arms must be odd, so that every arm beats as many as beat it; got {self.arms}.")
        _world.check_fraction("margin", self.margin, 1e-12, 0.5)
        _world.check_fraction("champion", self.champion, 0.0, 0.5)

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(self.arms + (self.champion > 0), horizon)

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        first = int(self.champion > 0)
        P = np.full((self.arms + first, self.arms + first), 0.5)
        for i in range(self.arms):
            for step in range(1, (self.arms - 1) // 2 + 1):
                j = (i + step) % self.arms
                P[first + i, first + j] = 0.5 + self.margin
                P[first + j, first + i] = 0.5 - self.margin
        if first:
            P[0, 1:] = 0.5 + self.champion
            P[1:, 0] = 0.5 - self.champion
        return _world.matrix_world(_world.relabelled(P, self.shuffle, rng))

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class HardCondorcet(NamedTuple):
    """The hard instance of SAVAGE [urvoy2013generic]: the winner is told from the runner-up only by a direct duel.

    In order of strength 0 < 1 < ... < K - 1: ``Pr(i beats j) = 1/2 + j / (2 K)`` for j < i, moved up by 1e-10 / K so
    that no pair is tied; the arms are always relabelled at random.

    Parameters
    ----------
    arms : int
        K >= 2.
    """

    arms: int

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        _world.check_arms(self.arms)

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(self.arms, horizon)

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        K = self.arms
        weaker = np.minimum.outer(np.arange(K), np.arange(K))
        chance = 0.5 + weaker / (2 * K) + 1e-10 / K
        P = np.where(np.arange(K)[:, None] > np.arange(K)[None, :], chance, 1 - chance)
        np.fill_diagonal(P, 0.5)
        return _world.matrix_world(_world.relabelled(P, True, rng))

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class Mallows(NamedTuple):
    """Pairwise marginals of the Mallows model [mallows1957nonnull].

    ``Pr(i beats j) = h(d + 1) - h(d)`` for i ranked d places above j, with ``h(k) = k / (1 - phi^k)``
    [busafekete2014preference]. Arm 0 is first. Every pair is won with probability at least 1 / (1 + phi).

    Parameters
    ----------
    arms : int
        K >= 2.
    phi : float
        Dispersion in [0, 1): 0 is a certain ranking, 1 would be uniform.
    shuffle : bool
        Relabel the arms at random in every run.
    """

    arms: int
    phi: float = 0.5
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        _world.check_arms(self.arms)
        _world.check_fraction("phi", self.phi, 0.0, 1.0 - 1e-9, " (1 would make every pair a fair coin)")

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(self.arms, horizon)

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        h = np.arange(1, self.arms + 1) / (1 - self.phi ** np.arange(1, self.arms + 1))
        P = np.full((self.arms, self.arms), 0.5)
        for d in range(1, self.arms):
            i = np.arange(self.arms - d)
            P[i, i + d] = h[d] - h[d - 1]
            P[i + d, i] = 1 - P[i, i + d]
        return _world.matrix_world(_world.relabelled(P, self.shuffle, rng))

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct
