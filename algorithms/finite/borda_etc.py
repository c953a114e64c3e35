"""Explore, then commit, for Borda regret: the baseline."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import random_argmax, uniform_pair
from duel.errors import InvalidInput


class State(NamedTuple):
    wins: np.ndarray  # [K] duels that arm i won while exploring; a tie is half a win
    duels: np.ndarray  # [K] duels that arm i played while exploring
    mean: np.ndarray  # [K] wins / duels, 0 before the first
    left: int  # exploring duels still to come
    best: int  # the arm committed to; -1 before


class BordaETC(NamedTuple):
    """Uniform pairs for N rounds, then the arm of highest estimated Borda score against itself (a baseline).

    ::

        1  N = min(T, ceil(scale (K ln T)^(1/3) T^(2/3)))
        2  N times: play a uniformly random pair of distinct arms
        3  b_i = share of its duels that arm i won
        4  play argmax_i b_i against itself

    Assumptions: a fixed preference matrix; the horizon is known. No Condorcet winner is needed.
    Guarantee: expected Borda regret at most (scale + 2 / sqrt(scale) + o(1)) (K ln T)^(1/3) T^(2/3): exploring costs
    at most 1 a round; then, with probability 1 - 1/T, every b_i is within sqrt(K ln(2 K T) / (4 N)) of the truth
    (Hoeffding; each arm plays about 2 N / K times), and committing costs at most twice that a round.
    Source: definition; the rate is that of [saha2021adversarial], whose lower bound T^(2/3) it meets up to logarithms.
    Deviations: none. Ties in line 4: at random; a tie of a ternary environment is half a win.
    Outside the assumptions: an adversary who changes the matrix after round N makes its regret linear.
    Cost: O(1) a round.

    Parameters
    ----------
    scale : float > 0
        Of the number of exploring rounds.
    """

    scale: float = 1.0

    def check(self, problem: Problem) -> None:
        if not 0 < self.scale < math.inf:
            raise InvalidInput(f"scale must be a finite number > 0; got {self.scale!r}.")

    def init(self, problem: Problem) -> State:
        K, T = problem.arms, problem.horizon
        N = math.ceil(self.scale * (K * math.log(T)) ** (1 / 3) * T ** (2 / 3)) if T > 1 else 1
        return State(
            wins=np.zeros(K),
            duels=np.zeros(K),
            mean=np.zeros(K),
            left=min(T, max(1, N)),
            best=-1,  # l.1
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        if state.left > 0:
            first, second = uniform_pair(rng, len(state.wins))  # l.2
            return state, first, second
        best = state.best
        if best < 0:
            best = random_argmax(state.mean, rng)  # l.4
            state = State(wins=state.wins, duels=state.duels, mean=state.mean, left=0, best=best)
        return state, best, best

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if state.left == 0:
            return state
        state.wins[first] += 0.5 * (1 + outcome)
        state.wins[second] += 0.5 * (1 - outcome)
        state.duels[first] += 1.0
        state.duels[second] += 1.0
        state.mean[first] = state.wins[first] / state.duels[first]  # l.3
        state.mean[second] = state.wins[second] / state.duels[second]
        return State(wins=state.wins, duels=state.duels, mean=state.mean, left=state.left - 1, best=-1)


def bound(T: float, world: Any) -> float:
    """The guarantee's leading term at scale 1: 3 (K ln T)^(1/3) T^(2/3)."""
    K = len(world.borda_gap)
    return 3.0 * (K * math.log(T)) ** (1 / 3) * T ** (2 / 3)


CARD = Card(
    name="BordaETC",
    setting="dueling bandits, Borda regret, known horizon: a baseline",
    citation="none",
    source="definition",
    assumptions=("a fixed preference matrix", "the horizon is known"),
    theorems=(
        Theorem(
            statement="Expected Borda regret at most 3 (K ln T)^(1/3) T^(2/3) (1 + o(1)).",
            metric="borda",
            bound=bound,
            instance=Instance("BradleyTerry", utilities=(2.0, 1.5, 1.0, 0.5, 0.0)),
            explicit=True,
        ),
    ),
    parameters={"scale": "of the number of exploring rounds"},
)
