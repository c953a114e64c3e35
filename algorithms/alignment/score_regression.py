"""Two regressions on scalar rewards: DRO (one response at a time) and contrastive policy gradient (pairs)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import fast
from duel.alignment import Data, Problem, minimise
from duel.card import Card
from duel.errors import InvalidInput, unknown


class DRO(NamedTuple):
    """Direct reward optimisation, single trajectories [richemond2024offline].

    ::

        1  minimise over pi and V the mean over (x, y, r) of (r - V(x) - beta ln(pi(y|x) / reference(y|x)))^2 / 2

    Closed form: ``pi ~ reference exp(mean r / beta)`` over the responses seen; those unseen keep their reference mass.
    Gradient form: line 1 over logits and V. Deviations: none.

    Parameters
    ----------
    backend : {"closed", "gradient"}
    """

    backend: str = "closed"

    def check(self, problem: Problem) -> None:
        _check(self.backend, problem)

    def fit(self, data: Data, key: Any) -> jax.Array:
        count, total = _score_sums(data)
        beta = data.problem.kl_weight

        def one(n: jax.Array, s: jax.Array, mu: jax.Array) -> jax.Array:
            mean = s / jnp.maximum(n, 1.0)
            if self.backend == "closed":
                top = jnp.where(n > 0, mean, -jnp.inf).max()
                raw = jnp.where(n > 0, mu * jnp.exp((mean - top) / beta), 0.0)
                covered = jnp.sum(jnp.where(n > 0, mu, 0.0))
                return jnp.where(n > 0, raw / jnp.maximum(raw.sum(), 1e-300) * covered, mu)

            def loss(point: jax.Array) -> jax.Array:
                u = jax.nn.log_softmax(point[:-1]) - jnp.log(mu)
                return jnp.sum(n * (mean - point[-1] - beta * u) ** 2) / jnp.maximum(n.sum(), 1.0)

            return jax.nn.softmax(minimise(loss, jnp.append(jnp.log(mu), 0.0))[:-1])

        return jax.vmap(one)(count, total, data.problem.reference)


class CoPG(NamedTuple):
    """Contrastive policy gradient [fletberliac2024contrastive]: off-policy, from pairs with rewards.

    ::

        1  R(y) = r(y) - beta ln(pi(y) / reference(y))
        2  minimise over pi the mean over pairs of (R(y) - R(y'))^2 / 2

    Its minimiser is the Gibbs policy whatever the pairs' distribution is, if they connect all responses; IPO is the
    case r = +-1/4. Closed form: least squares on the graph of pairs. Deviations: none.

    Parameters
    ----------
    backend : {"closed", "gradient"}
    """

    backend: str = "closed"

    def check(self, problem: Problem) -> None:
        _check(self.backend, problem)

    def fit(self, data: Data, key: Any) -> jax.Array:
        beta, sample = data.problem.kl_weight, data.sample
        X, A = data.problem.reference.shape
        gap = data.weight * (sample.scores[:, 0] - sample.scores[:, -1])
        place = (sample.contexts, sample.rankings[:, 0], sample.rankings[:, -1])
        met = jnp.zeros((X, A, A)).at[place].add(data.weight)
        sums = jnp.zeros((X, A, A)).at[place].add(gap)

        def one(n: jax.Array, s: jax.Array, mu: jax.Array) -> jax.Array:
            total = jnp.maximum(n.sum(), 1.0)
            if self.backend == "closed":
                both = (n + n.T) / total
                laplacian = jnp.diag(both.sum(axis=1)) - both
                flow = (s.sum(axis=1) - s.sum(axis=0)) / (beta * total)
                return jax.nn.softmax(jnp.log(mu) + jnp.linalg.pinv(laplacian, rtol=1e-12, hermitian=True) @ flow)

            def loss(logits: jax.Array) -> jax.Array:
                u = jax.nn.log_softmax(logits) - jnp.log(mu)
                D = beta * (u[:, None] - u)
                return jnp.sum(n * D * D - 2 * s * D) / total

            return jax.nn.softmax(minimise(loss, jnp.log(mu)))

        return jax.vmap(one)(met, sums, data.problem.reference)


def _check(backend: str, problem: Problem) -> None:
    if backend not in ("closed", "gradient"):
        raise unknown("backend", backend, ("closed", "gradient"))
    if not float(problem.kl_weight) > 0:
        raise InvalidInput("kl_weight must be > 0 in the environment.")


def _score_sums(data: Data) -> tuple[jax.Array, jax.Array]:
    """Times each action was seen, and the sum of its scores: two [X, A]."""
    sample = data.sample
    place = (jnp.broadcast_to(sample.contexts[:, None], sample.rankings.shape), sample.rankings)
    zero = jnp.zeros(data.problem.reference.shape)
    weight = jnp.broadcast_to(data.weight[:, None], sample.rankings.shape)
    return zero.at[place].add(weight), zero.at[place].add(weight * sample.scores)


CARDS = (
    Card(
        name="DRO",
        setting="single responses with rewards, KL-regularised",
        citation="richemond2024offline",
        source="arXiv 2405.19107, equation 4 (remembered)",
        theorems=(fast("Gibbs policy of the mean scores: regularised gap O(1/n) under full coverage."),),
    ),
    Card(
        name="CoPG",
        setting="pairs of responses with rewards, KL-regularised",
        citation="fletberliac2024contrastive",
        source="arXiv 2406.19185, equation 5 (remembered)",
        theorems=(fast("Gibbs policy of the compared scores: regularised gap O(1/n) under full coverage."),),
    ),
)
