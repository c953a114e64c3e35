"""The layers of VACDB and Sta'D: an estimate and a Gram matrix for each accuracy 2^-l, in stacked arrays.

A layer that is still being filled chooses pairs by width alone: it is solved when it is passed, its arms compared, and
it has changed since. Solving it after every duel that it keeps scanned its history nearly every time, because the
estimate of a young layer moves far with each.

Longer than 150 lines: `Layers` and `layer` spell out every array, since compiled code knows neither lists of states nor
`_replace`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from duel import glm
from duel.bandits import Problem
from duel.draws import random_argmax, uniform_index
from duel.glm import Estimate, add, solve
from duel.linalg import add_outer, dot, inverse_root, matvec, root_update

from ._linear import REFACTOR, distance

SHARED = ("link", "online", "ridge", "tolerance")  # fields of an Estimate that are no arrays


class Layers(NamedTuple):
    estimates: Estimate  # its arrays with a leading axis [L]; layer l has ridge and tolerance of its own
    ridge: np.ndarray  # [L] of the estimating equation
    tolerance: np.ndarray  # [L]
    gram: np.ndarray  # [L, d, d] Sigma_l
    root: np.ndarray  # [L, d, d] S with S^T S = Sigma_l^-1
    duels: np.ndarray  # int64 [L] |Psi_l|
    changed: np.ndarray  # int64 [L] 1 if a duel came in since the layer was solved
    alive: np.ndarray  # [K] 1 for the arms of A_l, else 0
    white: np.ndarray  # [K, d] S x_i in the present layer
    utility: np.ndarray  # [K] x_i^T theta_l
    value: np.ndarray  # [K] what an argmax is taken of
    work: np.ndarray  # [3, d]
    level: np.ndarray  # int64 [T + 1] layer that keeps the duel of round t, -1 if none
    weight: np.ndarray  # [T + 1] its weight in the likelihood, w_t^2 of VACDB


def start(problem: Problem, fields: Any, layers: int, ridge: np.ndarray, gram: np.ndarray, unit: np.ndarray) -> Layers:
    """`layers` empty layers; ridge [L] of the equation, gram [L] start of Sigma, unit [L] scale of the tolerance."""
    K, d, T = problem.arms, problem.dimension, problem.horizon
    one = glm.start(d, T, problem.link, estimator="exact", ridge=1.0, tolerance=1.0)
    stacked = {n: np.zeros((layers, *v.shape), dtype=v.dtype) for n, v in one._asdict().items() if n not in SHARED}
    return Layers(
        estimates=one._replace(**stacked),
        ridge=np.array(ridge, dtype=np.float64),
        tolerance=fields.tolerance * np.array(unit, dtype=np.float64),
        gram=gram[:, None, None] * np.eye(d),
        root=np.eye(d) / np.sqrt(gram)[:, None, None],
        duels=np.zeros(layers, dtype=np.int64),
        changed=np.zeros(layers, dtype=np.int64),
        alive=np.zeros(K),
        white=np.zeros((K, d)),
        utility=np.zeros(K),
        value=np.zeros(K),
        work=np.zeros((3, d)),
        level=np.zeros(T + 1, dtype=np.int64) - 1,
        weight=np.zeros(T + 1),
    )


# --- compiled by the engine from here on ---


def layer(layers: Layers, s: int) -> Estimate:
    """The estimate of layer s: views of the stacked arrays."""
    e = layers.estimates
    return Estimate(
        link=e.link,
        online=e.online,
        ridge=layers.ridge[s],
        tolerance=layers.tolerance[s],
        theta=e.theta[s],
        status=e.status[s],
        norms=e.norms[s],
        contrasts=e.contrasts[s],
        weight=e.weight[s],
        wins=e.wins[s],
        slots=e.slots[s],
        anchor=e.anchor[s],
        shift=e.shift[s],
        score=e.score[s],
        hessian=e.hessian[s],
        third=e.third[s],
        inverse=e.inverse[s],
        work=e.work[s],
        pairs=e.pairs[s],
        square=e.square[s],
    )


def enter(layers: Layers, s: int, contexts: np.ndarray) -> float:
    """Whiten the living arms in layer s; returns the largest width of a pair of them. No estimate is needed for it."""
    root = layers.root[s]
    for i in range(len(contexts)):
        if layers.alive[i] > 0.0:
            matvec(root, contexts[i], layers.white[i])
    widest = 0.0
    for i in range(len(contexts)):
        if layers.alive[i] > 0.0:
            for j in range(i):
                if layers.alive[j] > 0.0:
                    widest = max(widest, distance(layers.white, i, j))
    return widest


def settle(layers: Layers, s: int, contexts: np.ndarray, widest: float) -> None:
    """Utilities of the living arms, with layer s solved again if it has changed; not for an arm alone (width 0)."""
    if layers.changed[s] == 1 and widest > 0.0:
        solve(layer(layers, s))
        layers.changed[s] = 0
    for i in range(len(contexts)):
        if layers.alive[i] > 0.0:
            layers.utility[i] = dot(contexts[i], layers.estimates.theta[s])


def wide_pair(layers: Layers, bar: float, rng: np.random.Generator) -> tuple[int, int]:
    """A pair of living arms with width > bar, uniform among them; one draw."""
    count = 0
    for i in range(len(layers.alive)):
        for j in range(i):
            if layers.alive[i] > 0.0 and layers.alive[j] > 0.0 and distance(layers.white, i, j) > bar:
                count += 1
    chosen = uniform_index(rng, count)
    for i in range(len(layers.alive)):
        for j in range(i):
            if layers.alive[i] > 0.0 and layers.alive[j] > 0.0 and distance(layers.white, i, j) > bar:
                if chosen == 0:
                    return i, j
                chosen -= 1
    return 0, 0


def eliminate(layers: Layers, slack: float) -> None:
    """Keep the living arms whose utility is within `slack` of the best one's."""
    best = -math.inf
    for i in range(len(layers.alive)):
        if layers.alive[i] > 0.0:
            best = max(best, layers.utility[i])
    for i in range(len(layers.alive)):
        if layers.alive[i] > 0.0 and layers.utility[i] < best - slack:
            layers.alive[i] = 0.0


def best_living(layers: Layers, rng: np.random.Generator) -> int:
    """argmax of `value` over the living arms, ties at random."""
    for i in range(len(layers.alive)):
        if layers.alive[i] == 0.0:
            layers.value[i] = -math.inf
    return random_argmax(layers.value, rng)


def optimistic_living_pair(layers: Layers, width: float, rng: np.random.Generator) -> tuple[int, int]:
    """argmax over living i >= j of (x_i + x_j)^T theta + width ||x_i - x_j||, ties at random."""
    first, second = 0, 0
    best, ties = -math.inf, 0
    for i in range(len(layers.alive)):
        for j in range(i + 1):
            if layers.alive[i] > 0.0 and layers.alive[j] > 0.0:
                value = layers.utility[i] + layers.utility[j] + width * distance(layers.white, i, j)
                if value >= best:
                    ties = ties + 1 if value == best else 1
                    if ties == 1 or uniform_index(rng, ties) == 0:
                        best, first, second = value, i, j
    return first, second


def keep(layers: Layers, s: int, contexts: np.ndarray, first: int, second: int, outcome: int, w: float) -> None:
    """Psi_s gains a duel of weight w in both the likelihood and Sigma_s."""
    z = layers.work[0]
    for k in range(len(z)):
        z[k] = contexts[first, k] - contexts[second, k]
    estimate = layer(layers, s)
    add(estimate, z, outcome, w)
    add_outer(layers.gram[s], z, w)
    layers.duels[s] += 1
    layers.changed[s] = 1
    if layers.duels[s] % REFACTOR == 0:
        inverse_root(layers.gram[s], layers.root[s], estimate.square[0])
    else:
        root_update(layers.root[s], z, w, layers.work[1:])
