"""CSWS: combinatorial successive winner stays, for subsets of two."""

import math
from typing import Any, NamedTuple

import numpy as np

from algorithms.identification._knockout import check_budget, matches_by_round, next_match, shuffle, spent
from duel.bandits import Problem
from duel.card import Card, Instance, Theorem


class State(NamedTuple):
    order: np.ndarray  # int [K] arms still in, in its first `size` places
    size: int  # arms still in
    place: int  # the match being played, from 0
    started: bool  # the arms have been put in random order
    first_wins: float  # of the match; a tie is half a win for each
    duels: float  # of the match
    length: float  # b_r
    share: float  # T / R, duels of a round


class CSWS(NamedTuple):
    """Combinatorial successive winner stays with a fixed budget, subsets of size two [brandt2022finding].

    ::

        1   S = all arms in random order;  R = ceil(log2 K)
        2   for r = 1, ..., R: split S into pairs, an odd arm has a bye
        3       query every pair b_r = floor(T / (R floor(|S| / 2))) times
        4       S = the arm with more wins of every pair, and the odd arm
        5   return the arm in S

    The rounds share the budget equally, so that the few matches of the late rounds, between strong arms, are long. For
    subsets of two, keeping one arm of a pair is all that one can do: CSWS, CSR (reject one) and CSH (halve) are one.

    Assumptions: a Condorcet winner. T duels may be spent.
    Guarantee: wrong with probability at most sum_r exp(-2 b_r gap^2), gap the winner's smallest P - 1/2 (Hoeffding).
    Source: NeurIPS 2022, the family CSE with f(2) = 1, remembered; the guarantee is worked out here. Deviations: an odd
    arm has a bye (there it fills its group with arms already queried). If ties draw a match, its second arm stays.
    Cost: O(1) a duel, O(K) memory.

    Parameters
    ----------
    budget : int
        T, duels to spend; 0, or more than the horizon: the horizon.
    """

    budget: int = 0

    target = "condorcet"

    def check(self, problem: Problem) -> None:
        matches = matches_by_round(problem.arms)
        check_budget(self.budget, problem.horizon, len(matches) * matches[0])

    def init(self, problem: Problem) -> State:
        K = problem.arms
        share = spent(self.budget, problem.horizon) / len(matches_by_round(K))
        return State(
            order=np.arange(K),
            size=K,
            place=0,
            started=False,
            first_wins=0.0,
            duels=0.0,
            length=float(math.floor(share / (K // 2))),
            share=share,
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        if not state.started:
            shuffle(state.order, state.size, rng)  # l.1
        return state, state.order[2 * state.place], state.order[2 * state.place + 1]  # l.2

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        first_wins, n = state.first_wins + 0.5 * (1 + outcome), state.duels + 1.0
        size, place, length = state.size, state.place, state.length
        if n >= length:  # l.4
            size, place = next_match(state, first if first_wins > 0.5 * n else second)
            first_wins, n = 0.0, 0.0
            if place == 0 and size > 1:
                length = float(math.floor(state.share / (size // 2)))  # l.3
        return State(
            order=state.order,
            size=size,
            place=place,
            started=True,
            first_wins=first_wins,
            duels=n,
            length=length,
            share=state.share,
        )

    def done(self, state: State) -> bool:
        return state.size == 1

    def recommend(self, state: State) -> int:
        return state.order[0]


def bound(T: float, world: Any) -> float:
    """sum_r exp(-2 b_r gap^2), at most 1; a drawn match of even length counts as lost."""
    matches, gap = matches_by_round(len(world.P)), np.sort(world.gap)[1]
    return min(1.0, sum(math.exp(-2.0 * math.floor(T / (len(matches) * n)) * gap**2) for n in matches))


CARD = Card(
    name="CSWS",
    setting="Condorcet winner identification, fixed budget",
    citation="brandt2022finding",
    source="NeurIPS 2022, CSE with subsets of two (remembered); guarantee worked out here",
    assumptions=("a Condorcet winner exists", "the budget is known"),
    theorems=(
        Theorem(
            statement="Wrong with probability at most sum_r exp(-2 b_r gap^2), b_r the duels of a match of round r.",
            metric="error",
            bound=bound,
            instance=Instance("RandomTournament", arms=8, low=0.6, high=0.6, winner="condorcet"),
            horizons=(1_800,),
            runs=400,
            explicit=True,
        ),
    ),
    deviations=("an odd arm has a bye",),
)
