"""Cardinal (one arm, one reward) bandits inside duels: UCB for Sparring, MultiSBM and Doubler.

::

    UCB: argmax_k  mean_k + sqrt((a + 2) / 2 * ln n / n_k);  n plays of this bandit, n_k of arm k; unplayed arms first

(a = 3 in the experiments of [ailon2014reducing] and in two public codes: the factor under the root is 2.5 ln n / n_k.)
"""

import math
from typing import NamedTuple

import numpy as np

from duel.draws import uniform_index


class Bandits(NamedTuple):
    share: np.ndarray  # [M, K] mean reward of arm k in bandit m; 2 before its first play
    width: np.ndarray  # [M, K] 1 / sqrt(plays), 0 before the first
    plays: np.ndarray  # [M, K]
    rounds: np.ndarray  # [M] n, plays of bandit m


def initial(M: int, K: int) -> Bandits:
    """M bandits of K arms that nobody has played."""
    return Bandits(share=np.full((M, K), math.inf), width=np.zeros((M, K)), plays=np.zeros((M, K)), rounds=np.zeros(M))


def ucb(s: Bandits, m: int, alpha: float, rng: np.random.Generator) -> int:
    """The arm that bandit m plays, ties at random."""
    scale = math.sqrt((0.5 * alpha + 1.0) * math.log(max(s.rounds[m], 1.0)))
    best, chosen, ties = -1.0, 0, 0
    for k in range(s.share.shape[1]):
        index = s.share[m, k] + scale * s.width[m, k]
        if index >= best:
            ties = ties + 1 if index == best else 1
            if ties == 1 or uniform_index(rng, ties) == 0:
                best, chosen = index, k
    return chosen


def reward(s: Bandits, m: int, k: int, gain: float) -> None:
    """Bandit m played arm k and gained `gain`."""
    s.rounds[m] += 1.0
    s.plays[m, k] += 1.0
    n = s.plays[m, k]
    if n == 1.0:
        s.share[m, k] = gain
    else:
        s.share[m, k] += (gain - s.share[m, k]) / n
    s.width[m, k] = 1.0 / math.sqrt(n)


def forget(s: Bandits, m: int) -> None:
    """Reset bandit m."""
    s.rounds[m] = 0.0
    for k in range(s.share.shape[1]):
        s.share[m, k] = math.inf
        s.width[m, k] = 0.0
        s.plays[m, k] = 0.0
