"""How a judge errs: shared by the environments of this family."""

from typing import Any

import jax
import jax.numpy as jnp

from duel.alignment import World


def judge(world: World, contexts: Any, first: Any, second: Any, key: Any, flip: Any = 0.0, position: Any = 0.0) -> Any:
    """Whether the first of each pair is preferred: bool [m].

    The odds of the true preference are multiplied by e^position in favour of what is shown first; then the label is
    turned round with probability `flip`.
    """
    p = world.preference[contexts, first, second]
    biased = p / (p + (1 - p) * jnp.exp(-position))
    u, v = jax.random.uniform(key, (2, *first.shape))
    return (u < biased) ^ (v < flip)


def rank(reward: Any, sets: Any, contexts: Any, key: Any) -> Any:
    """Plackett-Luce rankings of sets of actions [n, m], best first: reward plus Gumbel noise, sorted."""
    noisy = reward[contexts[:, None], sets] + jax.random.gumbel(key, sets.shape)
    return jnp.take_along_axis(sets, jnp.argsort(-noisy, axis=1), axis=1)


def ordered(first: Any, second: Any, won: Any) -> Any:
    """Pairs as rankings [n, 2]."""
    return jnp.stack([jnp.where(won, first, second), jnp.where(won, second, first)], axis=1)
