"""Wrong versions of the contextual learners. Tests must reject them.

One class a learner with the fault as a field, so that one compiled loop serves every fault. Fault 0 is the right one.
"""

from typing import NamedTuple

import numpy as np

from algorithms.contextual import CoLSTIM, MaxInP
from algorithms.contextual import colstim as col
from algorithms.contextual import maxinp as inp
from algorithms.contextual._linear import learn, rate
from duel.draws import random_argmax, uniform_pair
from duel.glm import solve

NONE, DEAF, SWAPPED, NO_SELF_DUEL, GREEDY, STALE, COIN_INVERTED, NO_ELIMINATION = range(8)


def misheard(fault: int, t: int, outcome: int) -> int:
    """The outcome as the learner takes it: DEAF hears first, second, first... whoever wins."""
    if fault == DEAF:
        return 1 if t % 2 == 0 else -1
    return -outcome if fault == SWAPPED else outcome


class FaultyCoLSTIM(NamedTuple):
    """CoLSTIM with a fault of the feedback, or one of its own.

    It never duels an arm with itself (NO_SELF_DUEL), has neither noise nor bonus (GREEDY), never solves again after
    exploration (STALE) or tosses the coin backwards (COIN_INVERTED).
    """

    fault: int = NONE
    confidence_width: float | None = None
    threshold: float | None = None
    exploration: int | None = None
    independence: float | None = None
    estimator: str = "exact"
    ridge: float = 1e-3
    tolerance: float = 1e-4

    init = CoLSTIM.init

    def select(
        self, state: col.State, contexts: np.ndarray, t: int, rng: np.random.Generator
    ) -> tuple[col.State, int, int]:
        if t <= state.exploration:
            first, second = uniform_pair(rng, len(contexts))
            return state, first, second
        if self.fault != STALE or t == state.exploration + 1:
            solve(state.estimate)
        rate(state, contexts)
        perturb(state, coin(state, t, rng) != (self.fault == COIN_INVERTED), rng)
        if self.fault == GREEDY:
            for i in range(len(contexts)):
                state.value[i] = state.utility[i]
        first = random_argmax(state.value, rng)
        challenge(state, first)
        if self.fault == GREEDY:
            for i in range(len(contexts)):
                state.value[i] = state.utility[i]
        if self.fault == NO_SELF_DUEL:
            state.value[first] = -np.inf
        second = random_argmax(state.value, rng)
        return state, first, second

    def update(
        self, state: col.State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int
    ) -> col.State:
        if first != second:
            learn(state, contexts, t, first, second, misheard(self.fault, t, outcome))
        return state


class FaultyMaxInP(NamedTuple):
    """MaxInP with a fault of the feedback, or that keeps every arm a candidate (NO_ELIMINATION)."""

    fault: int = NONE
    confidence_width: float | None = None
    exploration: int | None = None
    estimator: str = "exact"
    ridge: float = 1e-3
    tolerance: float = 1e-4

    init = MaxInP.init

    def select(
        self, state: inp.State, contexts: np.ndarray, t: int, rng: np.random.Generator
    ) -> tuple[inp.State, int, int]:
        if t <= state.exploration:
            first, second = uniform_pair(rng, len(contexts))
            return state, first, second
        solve(state.estimate)
        rate(state, contexts)
        measure(state)
        count = plausible(state)
        if self.fault == NO_ELIMINATION:
            count = len(contexts)
            for i in range(count):
                state.candidates[i] = i
        first, second = widest(state, count, rng)
        return state, first, second

    def update(
        self, state: inp.State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int
    ) -> inp.State:
        if first != second:
            learn(state, contexts, t, first, second, misheard(self.fault, t, outcome))
        return state


coin, perturb, challenge = col.coin, col.perturb, col.challenge
measure, plausible, widest = inp.measure, inp.plausible, inp.widest
