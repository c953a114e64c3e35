"""What the RMED family shares: empirical divergences and the loops over arms that may still be the Condorcet winner."""

import math
from typing import NamedTuple

import numpy as np


class State(NamedTuple):
    duels: np.ndarray  # [K, K] N_ij, times i met j
    wins: np.ndarray  # [K, K] times i beat j; a tie is half a win for each
    mean: np.ndarray  # [K, K] mu_ij = wins / duels, 1/2 before the first duel
    evidence: np.ndarray  # [K, K] N_ij d(mu_ij, 1/2) where mu_ij <= 1/2, else 0
    divergence: np.ndarray  # [K] I_i, its row sums: -I_i is the log-likelihood that i is the Condorcet winner
    queue: np.ndarray  # int [K] L_C, the arms of this loop in order
    queued: int  # |L_C|
    position: int  # arms of L_C already played
    remaining: np.ndarray  # bool [K] L_R: arms of L_C not yet played
    next_queue: np.ndarray  # int [K] L_N
    next_queued: int  # |L_N|
    next_member: np.ndarray  # bool [K] membership in L_N
    opponent: np.ndarray  # int [K] b(l), the most informative superior of l per unit of regret; -1 if none
    best: int  # i* = argmin I
    forced: int  # duels left of the initial phase, which plays every pair in turn


def initial(K: int, rounds: int) -> State:
    """L_C = L_R = [K], L_N empty, and `rounds` duels of every pair to come."""
    zeros = np.zeros((K, K))
    return State(
        duels=zeros.copy(),
        wins=zeros.copy(),
        mean=np.full((K, K), 0.5),
        evidence=zeros.copy(),
        divergence=np.zeros(K),
        queue=np.arange(K),
        queued=K,
        position=0,
        remaining=np.ones(K, dtype=np.bool_),
        next_queue=np.zeros(K, dtype=np.int64),
        next_queued=0,
        next_member=np.zeros(K, dtype=np.bool_),
        opponent=np.full(K, -1),
        best=0,
        forced=rounds * K * (K - 1) // 2,
    )


def kl_half(p: float) -> float:
    """d(p, 1/2) = p ln 2p + (1 - p) ln 2(1 - p), the Bernoulli divergence from a fair coin, in nats."""
    if p <= 0.0 or p >= 1.0:
        return math.log(2.0)
    return p * math.log(2.0 * p) + (1.0 - p) * math.log(2.0 * (1.0 - p))


def forced_pair(state: State) -> tuple[int, int]:
    """The next pair of the initial phase: (0, 1), (0, 2), ..., round after round."""
    K = len(state.queue)
    index = (state.forced - 1) % (K * (K - 1) // 2)
    first = 0
    while index >= K - 1 - first:
        index -= K - 1 - first
        first += 1
    return first, first + 1 + index


def plain_opponent(state: State, l: int) -> int:
    """RMED1's choice of m(t): i* if it may be superior to l or nothing is, else the arm that beats l most often."""
    best, strongest, lowest, superiors = state.best, -1, 2.0, 0
    for j in range(len(state.queue)):
        if j != l:
            if state.mean[l, j] <= 0.5:
                superiors += 1
            if state.mean[l, j] < lowest:
                strongest, lowest = j, state.mean[l, j]
    if superiors == 0 or (best != l and state.mean[l, best] <= 0.5):
        return best
    return strongest


def record(state: State, first: int, second: int, outcome: int) -> None:
    """Count a duel; it changes the divergence of its two arms only."""
    state.duels[first, second] += 1.0
    state.duels[second, first] += 1.0
    state.wins[first, second] += 0.5 * (1 + outcome)
    state.wins[second, first] += 0.5 * (1 - outcome)
    n = state.duels[first, second]
    mu = state.wins[first, second] / n
    state.mean[first, second] = mu
    state.mean[second, first] = 1.0 - mu
    evidence = n * kl_half(mu)
    state.evidence[first, second] = evidence if mu <= 0.5 else 0.0
    state.evidence[second, first] = evidence if mu >= 0.5 else 0.0
    I_first, I_second = 0.0, 0.0
    for k in range(len(state.queue)):
        I_first += state.evidence[first, k]
        I_second += state.evidence[second, k]
    state.divergence[first] = I_first
    state.divergence[second] = I_second


def step(state: State, t: int, first: int, second: int, outcome: int, slack: float) -> State:
    """Lines 15 to 20: play, and collect the arms that may still be the Condorcet winner; `slack` is f(K)."""
    K = len(state.queue)
    if first != second:
        record(state, first, second, outcome)
    best = 0
    for i in range(1, K):
        if state.divergence[i] < state.divergence[best]:
            best = i
    forced, position = state.forced, state.position
    queued, next_queued = state.queued, state.next_queued
    if forced > 0:
        forced -= 1
    else:
        state.remaining[state.queue[position]] = False  # l.16
        position += 1
        limit = state.divergence[best] + math.log(t) + slack
        for j in range(K):  # l.17
            if state.divergence[j] <= limit and not state.remaining[j] and not state.next_member[j]:
                state.next_member[j] = True
                state.next_queue[next_queued] = j
                next_queued += 1
        if position == queued:  # l.20
            for k in range(next_queued):
                j = state.next_queue[k]
                state.queue[k] = j
                state.remaining[j] = True
                state.next_member[j] = False
            queued, next_queued, position = next_queued, 0, 0
    return State(
        duels=state.duels,
        wins=state.wins,
        mean=state.mean,
        evidence=state.evidence,
        divergence=state.divergence,
        queue=state.queue,
        queued=queued,
        position=position,
        remaining=state.remaining,
        next_queue=state.next_queue,
        next_queued=next_queued,
        next_member=state.next_member,
        opponent=state.opponent,
        best=best,
        forced=forced,
    )


def with_forced(state: State, forced: int) -> State:
    """The same state with `forced` duels to come that do not move the loops (line 9 of RMED2)."""
    return State(
        duels=state.duels,
        wins=state.wins,
        mean=state.mean,
        evidence=state.evidence,
        divergence=state.divergence,
        queue=state.queue,
        queued=state.queued,
        position=state.position,
        remaining=state.remaining,
        next_queue=state.next_queue,
        next_queued=state.next_queued,
        next_member=state.next_member,
        opponent=state.opponent,
        best=state.best,
        forced=forced,
    )
