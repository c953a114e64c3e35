"""What eliminations by Borda score share: live arms that take turns against random opponents."""

from typing import Any

import numpy as np

from duel.draws import uniform_index


def random_opponent(i: int, K: int, rng: np.random.Generator) -> int:
    """Uniform over the arms other than i, eliminated ones too: the Borda score is about all of them."""
    other = uniform_index(rng, K - 1)
    return other + 1 if other >= i else other


def best_share(state: Any) -> int:
    """The live arm with the largest share of wins; all live arms have had `turns` duels, or one more."""
    best, highest = state.live[0], -1.0
    for k in range(state.size):
        i = state.live[k]
        share = state.wins[i] / state.duels[i] if state.duels[i] > 0 else 0.5
        if share > highest:
            best, highest = i, share
    return best


def without_low(state: Any, best: int, width: float) -> int:
    """Remove the live arms whose share is more than `width` below the best; return how many are left."""
    edge = state.wins[best] - width * state.duels[best]
    size = 0
    for k in range(state.size):
        i = state.live[k]
        if state.wins[i] >= edge:
            state.live[size] = i
            size += 1
    return size
