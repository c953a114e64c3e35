"""Exponential weights with uniform exploration, and drawing from a distribution: what the EXP3 family shares."""

import math
from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    log_weight: np.ndarray  # [M, K] ln w_k of player m, up to a constant
    chance: np.ndarray  # [M, K] p_k of player m in this round


def initial(M: int, K: int) -> Weights:
    """M players with equal weights."""
    return Weights(log_weight=np.zeros((M, K)), chance=np.full((M, K), 1.0 / K))


def mix(s: Weights, m: int, exploration: float) -> None:
    """p_k = (1 - exploration) w_k / sum w + exploration / K for player m."""
    K = s.chance.shape[1]
    top = s.log_weight[m, 0]
    for k in range(1, K):
        top = max(top, s.log_weight[m, k])
    total = 0.0
    for k in range(K):
        weight = math.exp(s.log_weight[m, k] - top)
        s.chance[m, k] = weight
        total += weight
    for k in range(K):
        s.chance[m, k] = (1.0 - exploration) * s.chance[m, k] / total + exploration / K


def draw(chance: np.ndarray, m: int, rng: np.random.Generator) -> int:
    """An index from the distribution chance[m], one uniform draw; the last index of positive chance takes rounding."""
    u = rng.random()
    chosen = 0
    for k in range(chance.shape[1]):
        if chance[m, k] > 0.0:
            chosen = k
            u -= chance[m, k]
            if u < 0.0:
                break
    return chosen
