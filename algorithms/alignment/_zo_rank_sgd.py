"""ZO-RankSGD: descent on a function that can only be ranked [tang2024zeroth].

Not a learner of this protocol: its oracle ranks points of R^d, not responses. Two functions.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def direction(perturbations: jax.Array, ranking: jax.Array, best: int) -> jax.Array:
    """Descent direction from the k best of m perturbations, in order: [d], to be subtracted.

    Every edge (better -> worse) of the partial order votes for ``xi_worse - xi_better``; their mean over the
    ``k (k - 1) / 2 + k (m - k)`` edges. A perturbation of rank i = 0..k-1 has m - 1 - i edges out and i in, so weight
    ``2 i - m + 1``; the unranked ones have weight k.

    Parameters
    ----------
    perturbations : array [m, d]
    ranking : int array [m]
        Indices, best (lowest value) first; the order beyond the first k is not used.
    best : int
        k.
    """
    m = perturbations.shape[0]
    place = jnp.arange(m)
    weight = jnp.where(place < best, 2 * place - m + 1, best)
    edges = best * (best - 1) / 2 + best * (m - best)
    return (weight[:, None] * perturbations[ranking]).sum(axis=0) / edges


def descend(
    value: Callable[[jax.Array], jax.Array],
    start: jax.Array,
    key: Any,
    *,
    rounds: int,
    samples: int = 10,
    best: int = 10,
    radius: float = 0.1,
    step_size: float = 1.0,
    line_search: int = 5,
) -> jax.Array:
    """Points x_0, ..., x_rounds; `value` is used through rankings only: [rounds + 1, d].

    Each round ranks x + radius xi_i, then x itself and x - step_size 2^-j g for j < `line_search`, and keeps the best.
    """

    def step(x: jax.Array, k: Any) -> tuple[jax.Array, jax.Array]:
        xi = jax.random.normal(k, (samples, *x.shape))
        ranking = jnp.argsort(jax.vmap(value)(x + radius * xi))
        g = direction(xi, ranking, best)
        trials = jnp.stack([x] + [x - step_size * 2.0**-j * g for j in range(line_search)])
        following = trials[jnp.argmin(jax.vmap(value)(trials))]
        return following, following

    _, path = jax.lax.scan(step, start, jax.random.split(key, rounds))
    return jnp.concatenate([start[None], path])
