"""Random preference matrices, with a planted Condorcet winner or without."""

from typing import NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput, unknown

from . import _world

WINNERS = ("any", "condorcet", "none")


class RandomTournament(NamedTuple):
    """Every pair is decided by a fair coin, and its stronger arm wins with a probability uniform on [low, high].

    A fresh matrix in every run. `winner` says whether it has a Condorcet winner: "any" leaves it to chance,
    "condorcet" plants one (a random arm wins all its pairs), "none" draws until there is none. The instances of the
    POCOWISTA experiments are low, high = 0.6, 1 (easy), 0.55, 0.7 (medium), 0.51, 0.55 (hard)
    [haddenhorst2024identifying].

    Parameters
    ----------
    arms : int
        K >= 2, >= 3 for ``winner="none"``.
    low, high : float
        1/2 <= low <= high <= 1.
    winner : {"any", "condorcet", "none"}
    ties : float
        Probability of a tie, in [0, 1), the same for every pair; the outcomes are then ternary and the other
        probabilities are scaled by 1 - ties.
    """

    arms: int
    low: float = 0.6
    high: float = 1.0
    winner: str = "any"
    ties: float = 0.0

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        if self.winner not in WINNERS:
            raise unknown("winner", self.winner, WINNERS)
        _world.check_arms(self.arms, least=3 if self.winner == "none" else 2)
        _world.check_fraction("low", self.low, 0.5, 1.0)
        _world.check_fraction("high", self.high, 0.5, 1.0)
        _world.check_fraction("ties", self.ties, 0.0, 1.0 - 1e-9)
        if self.low > self.high:
            raise InvalidInput(f"low must be at most high; got low={self.low!r}, high={self.high!r}.")
        if self.winner == "none" and self.high <= 0.5:
            raise InvalidInput(f'winner="none" needs decided pairs, so high > 1/2; got high={self.high!r}.')

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(self.arms, horizon)

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        P = self._draw(rng)
        while self.winner == "none" and ((P > 0.5).sum(axis=1) == self.arms - 1).any():
            P = self._draw(rng)
        if self.ties == 0.0:
            return _world.matrix_world(P)
        ties = np.full_like(P, self.ties)
        np.fill_diagonal(ties, 0.0)
        return _world.matrix_world(0.5 + (P - 0.5) * (1 - self.ties), ties)

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        i, j = np.triu_indices(self.arms, 1)
        chance = rng.uniform(self.low, self.high, len(i))
        stronger = rng.random(len(i)) < 0.5
        planted = int(rng.integers(self.arms))
        if self.winner == "condorcet":
            stronger = np.where(i == planted, True, np.where(j == planted, False, stronger))
        P = np.full((self.arms, self.arms), 0.5)
        P[i, j] = np.where(stronger, chance, 1 - chance)
        P[j, i] = 1 - P[i, j]
        return P

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct
