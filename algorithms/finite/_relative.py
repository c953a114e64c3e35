"""What the learners with relative confidence bounds share: u_ij, and when an arm may be the Condorcet winner.

::

    u_ij = w_ij / n_ij + sqrt(alpha ln t / n_ij),  x/0 := 1,  u_ii = 1/2;   l_ij = 1 - u_ji

u_ij >= 1/2 holds exactly when alpha ln t >= n_ij (1/2 - mean_ij)^2 =: wake_pair_ij (0 if mean_ij >= 1/2): a number that
changes only when i meets j. So nothing is recomputed for pairs that did not meet.
"""

import math
from typing import NamedTuple

import numpy as np

from duel.draws import uniform_index


class State(NamedTuple):
    wins: np.ndarray  # [K, K] times i beat j; a tie is half a win for each
    rival: np.ndarray  # [K, K] share of their duels that j won against i: u_ji less its bonus; 2 before the first duel
    width: np.ndarray  # [K, K] 1 / sqrt(duels of i and j), 0 before the first: the bonus of u_ji per sqrt(alpha ln t)
    wake_pair: np.ndarray  # [K, K] value of alpha ln t from which u_ij >= 1/2
    wake: np.ndarray  # [K] its maximum over j: u_ij >= 1/2 for all j exactly when alpha ln t >= wake[i]


def initial(K: int) -> State:
    """Before the first duel."""
    rival = np.full((K, K), 2.0)  # x/0 := 1, twice
    np.fill_diagonal(rival, 0.5)
    return State(
        wins=np.zeros((K, K)), rival=rival, width=np.zeros((K, K)), wake_pair=np.zeros((K, K)), wake=np.zeros(K)
    )


def challenger(state: State, c: int, scale: float, rng: np.random.Generator) -> int:
    """argmax_j u_jc at scale = sqrt(alpha ln t), ties at random; c itself only if it is the unique maximiser."""
    best, second, ties = -1.0, c, 0
    for j in range(len(state.wake)):
        u = state.rival[c, j] + scale * state.width[c, j]
        if u >= best and j != c:
            ties = ties + 1 if u == best else 1
            if ties == 1 or uniform_index(rng, ties) == 0:
                best, second = u, j
    return second if best >= 0.5 else c


def record(state: State, first: int, second: int, outcome: int) -> None:
    """Count a duel of two distinct arms."""
    state.wins[first, second] += 0.5 * (1 + outcome)
    state.wins[second, first] += 0.5 * (1 - outcome)
    refresh(state, first, second)
    refresh(state, second, first)


def refresh(state: State, i: int, j: int) -> None:
    """What the duels of i and j say of u_ji, and of when i may be a candidate."""
    n = state.wins[i, j] + state.wins[j, i]
    lost = state.wins[j, i] / n
    state.rival[i, j] = lost
    state.width[i, j] = 1.0 / math.sqrt(n)
    before = state.wake_pair[i, j]
    after = n * (lost - 0.5) ** 2 if lost > 0.5 else 0.0
    state.wake_pair[i, j] = after
    if after >= state.wake[i]:
        state.wake[i] = after
    elif before == state.wake[i]:
        top = 0.0
        for k in range(len(state.wake)):
            top = max(top, state.wake_pair[i, k])
        state.wake[i] = top
