"""What races share: pairs of arms that take turns until nothing depends on them, and Hoeffding intervals.

The states passed here have `pair` [P, 2] with the live pairs in its first `live` rows, `place` the row to be played
next, `wins` and `duels` [K, K], and `log_term`.
"""

import math
from typing import Any

import numpy as np


def all_pairs(K: int) -> np.ndarray:
    """int [K (K - 1) / 2, 2], every pair once, the lower index first."""
    return np.stack(np.triu_indices(K, 1), axis=1).astype(np.int64)


def count_duel(state: Any, first: int, second: int, outcome: int) -> int:
    """Enter a duel, a tie as half a win for each; return 1 or -1 if 1/2 has left the pair's interval, else 0.

    The interval is the share of wins +- sqrt((log_term + 2 ln n) / (2 n)). Summed over n and both sides, it fails with
    probability at most exp(-log_term) pi^2 / 3.
    """
    state.wins[first, second] += 0.5 * (1 + outcome)
    state.wins[second, first] += 0.5 * (1 - outcome)
    n = state.duels[first, second] + 1.0
    state.duels[first, second] = n
    state.duels[second, first] = n
    gap = state.wins[first, second] / n - 0.5
    if gap * gap * 2.0 * n <= state.log_term + 2.0 * math.log(n):
        return 0
    return 1 if gap > 0 else -1


def keep_pair(state: Any, kept: int, k: int) -> int:
    """Move pair k behind the `kept` pairs before it."""
    state.pair[kept, 0] = state.pair[k, 0]
    state.pair[kept, 1] = state.pair[k, 1]
    return kept + 1


def settled_after(gap: float, log_term: float) -> float:
    """Duels after which an interval that holds leaves 1/2: the first n with 2 sqrt((log_term + 2 ln n) / (2 n)) < gap.

    The interval around the estimate is then on one side of 1/2, since it contains 1/2 + gap or 1/2 - gap.
    """
    n, step = 1.0, 1.0
    while 2.0 * (log_term + 2.0 * math.log(n)) >= n * gap * gap:
        n, step = n * 2.0, n
    low = step
    while n - low > 1.0:
        middle = math.floor((n + low) / 2.0)
        if 2.0 * (log_term + 2.0 * math.log(middle)) >= middle * gap * gap:
            low = middle
        else:
            n = middle
    return n
