"""What the contextual learners share: utilities and whitened features of a round's arms, and taking in a duel.

Their states have fields of the same names: `estimate` (`duel.glm.Estimate`), `gram` [d, d] (the sum of z z^T and its
start), `root` [d, d] (S with S^T S = gram^-1), `white` [K, d], `utility` [K] and `work` [3, d].
"""

from typing import Any

import numpy as np

from duel.glm import add
from duel.linalg import add_outer, dot, inverse_root, matvec, root_update

REFACTOR = 1024  # rounds between two Cholesky factorisations of gram, in place of a rank-one change of root


def rate(state: Any, contexts: np.ndarray) -> None:
    """Estimated utilities x_i^T theta and whitened features S x_i, so that ||x_i - x_j||_{M^-1} = |S x_i - S x_j|."""
    for i in range(len(contexts)):
        state.utility[i] = dot(contexts[i], state.estimate.theta)
        matvec(state.root, contexts[i], state.white[i])


def learn(state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> None:
    """Take in a duel of two different arms: the estimate and the Gram matrix."""
    z = state.work[0]
    for k in range(len(z)):
        z[k] = contexts[first, k] - contexts[second, k]
    add(state.estimate, z, outcome)
    add_outer(state.gram, z, 1.0)
    if t % REFACTOR == 0:
        inverse_root(state.gram, state.root, state.estimate.square[0])
    else:
        root_update(state.root, z, 1.0, state.work[1:])
