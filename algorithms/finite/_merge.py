"""Batches of arms that shrink and merge: what MergeRUCB and MergeDTS share.

Batch m is the places begin[m] .. begin[m] + size[m] - 1 of `arms`. Nothing here costs K^2 a round: dropping an arm is
O(batch), merging is O(K + batches^2), and happens at most ln2(K) times, once a stage.
"""

import math
from typing import NamedTuple

import numpy as np

from duel.draws import uniform_index


class Batches(NamedTuple):
    wins: np.ndarray  # [K, K] times i beat j; a tie is half a win for each
    arms: np.ndarray  # int [K] the live arms, batch after batch
    begin: np.ndarray  # int [K] first place of batch m
    size: np.ndarray  # int [K] its length
    spare: np.ndarray  # int [4, K] scratch of a merge: arms, begin, size, order of the batches
    count: int  # b_S, number of batches
    live: int  # arms not yet dropped
    stage: int  # S = 1, 2, ...; 0 before the first duel
    current: int  # the batch that plays in this round


def initial(K: int) -> Batches:
    """One batch, not yet drawn at random."""
    return Batches(
        wins=np.zeros((K, K)),
        arms=np.arange(K),
        begin=np.zeros(K, dtype=np.int64),
        size=np.zeros(K, dtype=np.int64),
        spare=np.zeros((4, K), dtype=np.int64),
        count=0,
        live=K,
        stage=0,
        current=0,
    )


def confidence_offset(K: int, alpha: float, delta: float) -> float:
    """C(delta) = ((4 alpha - 1) K^2 / ((2 alpha - 1) delta))^(1 / (2 alpha - 1)), for alpha > 1/2."""
    return math.exp(math.log((4 * alpha - 1) * K * K / ((2 * alpha - 1) * delta)) / (2 * alpha - 1))


def moved(s: Batches, count: int, live: int, stage: int, current: int) -> Batches:
    return Batches(
        wins=s.wins,
        arms=s.arms,
        begin=s.begin,
        size=s.size,
        spare=s.spare,
        count=count,
        live=live,
        stage=stage,
        current=current,
    )


def drawn_at_random(s: Batches, length: int, rng: np.random.Generator) -> Batches:
    """Stage 1: the arms in random order, cut into batches of `length` (the last may be shorter)."""
    K = len(s.arms)
    for k in range(K - 1):
        other = k + uniform_index(rng, K - k)
        arm = s.arms[k]
        s.arms[k] = s.arms[other]
        s.arms[other] = arm
    count = (K + length - 1) // length
    for m in range(count):
        s.begin[m] = m * length
        s.size[m] = min(length, K - m * length)
    return moved(s, count, K, 1, 0)


def record(s: Batches, first: int, second: int, outcome: int) -> None:
    """Count a duel of two distinct arms."""
    s.wins[first, second] += 0.5 * (1 + outcome)
    s.wins[second, first] += 0.5 * (1 - outcome)


def condemned(s: Batches, first: int, second: int, budget: float) -> int:
    """The one of the two arms whose upper bound mean + sqrt(budget / n) against the other is below 1/2, or -1."""
    n = s.wins[first, second] + s.wins[second, first]
    gap = s.wins[first, second] / n - 0.5
    if n * gap * gap <= budget:
        return -1
    return second if gap > 0 else first


def without(s: Batches, arm: int) -> Batches:
    """The batches without an arm of the current batch."""
    m = s.current
    last = s.begin[m] + s.size[m] - 1
    for k in range(s.begin[m], last):
        if s.arms[k] == arm:
            s.arms[k] = s.arms[last]
            break
    s.size[m] -= 1
    return moved(s, s.count, s.live - 1, s.stage, m)


def merged_if_due(s: Batches, length: int) -> Batches:
    """At K / 2^S live arms the stage ends: small batches join large ones, to sizes in [length / 2, 3 length / 2]."""
    due = s.live * 2**s.stage <= len(s.arms)
    if not due:
        due = s.live == s.count  # every batch is a single arm: nobody could be dropped any more
    if s.count < 2 or not due:
        return s
    count = merged(s, s.count, length)
    smallest = s.size[0]
    for m in range(count):
        smallest = min(smallest, s.size[m])
    if count > 1 and 2 * smallest <= length:
        count = merged(s, count, length)
    return moved(s, count, s.live, s.stage + 1, 0)


def merged(s: Batches, count: int, length: int) -> int:
    """Pair the smallest batch with the largest as long as the sum is at most 3 length / 2; return the new count."""
    order = s.spare[3]
    for m in range(count):  # insertion sort by size, stable
        k = m
        while k > 0 and s.size[order[k - 1]] > s.size[m]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = m
    i, j, new, place = 0, count - 1, 0, 0
    while i <= j:
        s.spare[1, new] = place
        place = copied(s, order[j], place)
        if i < j and 2 * (s.size[order[i]] + s.size[order[j]]) <= 3 * length:
            place = copied(s, order[i], place)
            i += 1
        j -= 1
        s.spare[2, new] = place - s.spare[1, new]
        new += 1
    return taken_over(s, new, place)


def copied(s: Batches, m: int, place: int) -> int:
    """Append batch m to the scratch copy of the arms."""
    for k in range(s.begin[m], s.begin[m] + s.size[m]):
        s.spare[0, place] = s.arms[k]
        place += 1
    return place


def taken_over(s: Batches, count: int, places: int) -> int:
    """The scratch copy becomes the batches."""
    for k in range(places):
        s.arms[k] = s.spare[0, k]
    for m in range(count):
        s.begin[m] = s.spare[1, m]
        s.size[m] = s.spare[2, m]
    return count


def joined_with_next(s: Batches, m: int) -> Batches:
    """Batch m, a single arm, joins the next batch (the first, if it is the last), which becomes the current one."""
    target = (m + 1) % s.count
    place, new, current = 0, 0, 0
    for b in range(s.count):
        if b != m:
            s.spare[1, new] = place
            place = copied(s, b, place)
            if b == target:
                place = copied(s, m, place)
                current = new
            s.spare[2, new] = place - s.spare[1, new]
            new += 1
    return moved(s, taken_over(s, new, place), s.live, s.stage, current)
