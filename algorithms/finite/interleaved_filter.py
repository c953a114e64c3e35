"""Interleaved Filter (IF1 and IF2)."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import uniform_index


class State(NamedTuple):
    wins: np.ndarray  # [K] times the candidate beat arm b since it became the candidate; a tie is half a win
    duels: np.ndarray  # [K] times the candidate met arm b since it became the candidate
    active: np.ndarray  # int [K] W, the other arms still in the race, in its first `size` places
    size: int  # |W|
    position: int  # arms of W that the candidate has met in this sweep
    candidate: int  # b^; -1 before the first duel
    log_term: float  # ln(1 / delta), delta = 1 / (T K^2)


class InterleavedFilter(NamedTuple):
    """Interleaved Filter: one candidate meets all others in turn until one side is surely better [yue2012karmed].

    ::

        2   delta = 1 / (T K^2);  b^ = an arm drawn at random;  W = the other arms
        5   P_b = share of duels that b^ won against b;  c = sqrt(4 ln(1/delta) / n), n = duels of b^ and b
        6   while W is not empty:
        7       for b in W: compare b^ and b
        10      drop from W every b with P_b - c > 1/2                                     (b^ is surely better)
        13      if some b' in W has P_b' + c < 1/2:                                        (b' is surely better)
        14          IF2 only: drop from W every b with P_b > 1/2                           (pruning)
        17          b^ = b', W = W - {b'}; forget all P
            play b^ against itself

    Assumptions: a total order with strong stochastic transitivity and the stochastic triangle inequality; the horizon
    is known.
    Guarantee: expected regret O(K / eps ln T) with pruning (IF2), O(K ln K / eps ln T) without (IF1), eps the gap of
    the two best arms.
    Source: JCSS 2012, Algorithms 1 (IF1) and 2 (IF2, the same with line 14). Deviations: if several arms satisfy line
    13, the one of lowest P_b' + c becomes the candidate (the paper says "some"). A tie is half a win for each.
    Outside the assumptions: pruning without SST can drop the best arm (arms that beat b^ only seldom may still be
    the winner); without a total order the candidate may change for ever in a circle, with linear regret; a pair at
    exactly 1/2 is compared until the horizon.
    Cost: O(1) a round, O(K) at the end of a sweep.

    Parameters
    ----------
    pruning : bool
        True is IF2, False IF1.
    """

    pruning: bool = True

    def init(self, problem: Problem) -> State:
        K = problem.arms
        return State(  # l.2
            wins=np.zeros(K),
            duels=np.zeros(K),
            active=np.arange(K),
            size=K - 1,
            position=0,
            candidate=-1,
            log_term=math.log(float(problem.horizon) * K * K),
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        candidate = state.candidate
        if candidate < 0:  # l.2
            K = len(state.wins)
            place = uniform_index(rng, K)
            candidate = int(state.active[place])
            state.active[place] = state.active[K - 1]
        second = int(state.active[state.position]) if state.size > 0 else candidate  # l.7
        return moved(state, state.size, state.position, candidate), candidate, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        size, position, candidate = state.size, state.position, state.candidate
        if size > 0:
            state.wins[second] += 0.5 * (1 + outcome)
            state.duels[second] += 1.0
            position += 1
            if position == size:
                position = 0
                size, better = without_the_beaten(state)  # l.10-13
                if better >= 0:
                    size = succeed(state, size, better, self.pruning)  # l.14-17
                    candidate = better
        return moved(state, size, position, candidate)


def without_the_beaten(state: State) -> tuple[int, int]:
    """Drop the arms that the candidate surely beats; return the size of W, and an arm that surely beats it or -1."""
    size, better, lowest = 0, -1, 0.5
    for k in range(state.size):
        b = int(state.active[k])
        mean = state.wins[b] / state.duels[b]
        c = math.sqrt(4.0 * state.log_term / state.duels[b])
        if mean - c <= 0.5:
            state.active[size] = b
            size += 1
        if mean + c < lowest:
            better, lowest = b, mean + c
    return size, better


def succeed(state: State, present: int, better: int, pruning: bool) -> int:
    """`better` becomes the candidate; return the new size of W."""
    size = 0
    for k in range(present):
        b = int(state.active[k])
        if b != better and not (pruning and state.wins[b] > 0.5 * state.duels[b]):
            state.active[size] = b
            size += 1
    for b in range(len(state.wins)):
        state.wins[b] = 0.0
        state.duels[b] = 0.0
    return size


def moved(state: State, size: int, position: int, candidate: int) -> State:
    return State(
        wins=state.wins,
        duels=state.duels,
        active=state.active,
        size=size,
        position=position,
        candidate=candidate,
        log_term=state.log_term,
    )


def bound(T: float, world: Any) -> float:
    """The rate O(K / eps ln T) of IF2 without its constant."""
    gap = np.sort(world.gap)
    return len(gap) / gap[1] * math.log(T)


CARD = Card(
    name="InterleavedFilter",
    setting="dueling bandits under a total order with SST and STI, average regret, known horizon",
    citation="yue2012karmed",
    source="JCSS 2012, Algorithms 1 and 2",
    assumptions=("total order", "SST", "STI", "the horizon is known"),
    theorems=(
        Theorem(
            statement="Expected average regret O(K / eps ln T) with pruning (IF2).",
            metric="average",
            bound=bound,
            instance=Instance("BradleyTerry", utilities=(4.0, 1.0, 0.5, 0.0)),
            horizons=(4_000, 8_000, 16_000, 32_000, 64_000),
        ),
    ),
    deviations=("of several arms surely better than the candidate, the one of lowest upper bound succeeds it",),
    parameters={"pruning": "True is IF2, the version of the theorem; False is IF1"},
)
