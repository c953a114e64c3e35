"""Gaussian-process utilities of a fixed set of arms, and their posterior given duels.

Prior: f ~ N(0, amplitude^2 R), R the squared-exponential correlation of the arms' features plus a jitter. Given duels
won with probability F(f_i - f_j) the posterior of f is no Gaussian. Two ways to it:

Laplace
    the mode and the curvature there [chu2005preference];
Gibbs
    for the normal link, F(z) = Phi(z / s), exactly in the limit. A duel is v = f_i - f_j + s e > 0, e ~ N(0, 1): f
    given all v is Gaussian, and the v given f are independent truncated normals. The posterior is a skew Gaussian
    process [benavoli2021preferential], and alternating the two conditionals samples it.

Duels between K arms enter the first only as a table of wins [K, K]; the second keeps a latent number for each.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.errors import InvalidInput
from duel.links import log_cdf_jnp
from duel.nonlinear import Problem

JITTER = 1e-6  # of the correlation's diagonal: how well arms with equal features must agree
NEWTON_STEPS = 100
FIRST_REACH = 3.0  # most that the first Newton step may change an arm's utility
NOISE = {"probit": 1.0, "thurstone": 2.0**0.5, "logistic": 1.702}
"""s of the normal link that is each link; for the logistic one the nearest, at most 0.0095 away [camilli1994origin]."""


class LatentState(NamedTuple):
    """Duels with their latent numbers; rounds to come have outcome 0 and count nothing."""

    first: jax.Array  # int [T]
    second: jax.Array  # int [T]
    outcome: jax.Array  # [T] 1, -1, or 0
    latent: jax.Array  # [T] v, of the outcome's sign


class GaussianState(NamedTuple):
    """A Gaussian of f as m + root xi, xi ~ N(0, I)."""

    mean: jax.Array  # [K]
    root: jax.Array  # [K, K] root root^T = covariance


def check_fixed(problem: Problem) -> None:
    """Refuse contexts that change."""
    if problem.fresh:
        raise InvalidInput(
            "fresh: a Gaussian process over a fixed set of arms cannot play contexts that change in every round; "
            "use fresh=False, AckleyUtility, BraninUtility, or a neural learner."
        )


def covariance(contexts: jax.Array, lengthscale: Any, amplitude: Any) -> jax.Array:
    """amplitude^2 exp(-|x - y|^2 / (2 lengthscale^2)), with jitter: [K, K]."""
    square = jnp.sum((contexts[:, None] - contexts[None]) ** 2, axis=-1)
    return amplitude**2 * (jnp.exp(-0.5 * square / lengthscale**2) + JITTER * jnp.eye(len(contexts)))


def laplacian(weight: jax.Array) -> jax.Array:
    """sum_ij weight_ij (e_i - e_j)(e_i - e_j)^T: [K, K]."""
    both = weight + weight.T
    return jnp.diag(both.sum(axis=1)) - both


def condition(prior_root: jax.Array, precision: jax.Array, drift: jax.Array) -> GaussianState:
    """N(0, L L^T) times exp(drift . f - f^T precision f / 2): covariance L (I + L^T precision L)^-1 L^T."""
    B = jnp.eye(len(prior_root)) + prior_root.T @ precision @ prior_root
    C = jnp.linalg.cholesky(B)
    root = jax.scipy.linalg.solve_triangular(C, prior_root.T, lower=True).T  # L C^-T
    return GaussianState(root @ (root.T @ drift), root)


def laplace(prior_root: jax.Array, wins: jax.Array, start: jax.Array, link: str) -> GaussianState:
    """Mode of the posterior by Newton's method from `start`, and the inverse curvature there.

    A step that does not climb is not taken, and the next is shorter: full steps alone cycle between two points as soon
    as a win and a loss follow each other under a wide prior (amplitude 4). The mean is NaN if no mode was found, which
    `duel.nonlinear` refuses to go on with.

    Parameters
    ----------
    prior_root : [K, K]
        Lower triangular square root of the prior's covariance.
    wins : [K, K]
        Times i beat j.
    start : [K]
    link : str
        Log-concave, so that the mode is unique.
    """
    log_cdf = log_cdf_jnp(link)
    slope = jax.vmap(jax.vmap(jax.grad(log_cdf)))
    curvature = jax.vmap(jax.vmap(jax.grad(jax.grad(log_cdf))))

    def expand(f: jax.Array) -> GaussianState:
        gap = f[:, None] - f[None]
        g, h = wins * slope(gap), wins * jnp.maximum(-curvature(gap), 0.0)
        precision = laplacian(h)
        return condition(prior_root, precision, g.sum(axis=1) - g.sum(axis=0) + precision @ f)

    def height(f: jax.Array) -> jax.Array:
        white = jax.scipy.linalg.solve_triangular(prior_root, f, lower=True)
        log_F = log_cdf(f[:, None] - f[None])
        return jnp.sum(jnp.where(wins > 0, wins * log_F, 0.0)) - 0.5 * white @ white

    def iterate(carry: Any) -> Any:
        f, _, reach, i = carry
        step = expand(f).mean - f
        size = jnp.abs(step).max()
        there, here = f + step * jnp.minimum(1.0, reach / jnp.maximum(size, 1e-300)), height(f)
        climbs = height(there) >= here - 1e-12 * (1.0 + jnp.abs(here))
        longer = jnp.where(size > reach, 2.0 * reach, reach)
        return (
            jnp.where(climbs, there, f),
            size,
            jnp.where(climbs, longer, 0.25 * jnp.minimum(reach, size)),
            i + 1,
        )

    def unfinished(carry: Any) -> jax.Array:
        return (carry[1] > 1e-9) & (carry[3] < NEWTON_STEPS)

    begin = (start, jnp.array(jnp.inf), jnp.array(FIRST_REACH), 0)
    mode, size, *_ = jax.lax.while_loop(unfinished, iterate, begin)
    found = size <= 1e-6 * (1.0 + jnp.abs(mode).max())  # 1e-9 is out of reach where the prior is nearly singular
    return expand(mode)._replace(mean=jnp.where(found, mode, jnp.nan))


def no_duels(horizon: int) -> LatentState:
    """Room for T duels."""
    nobody = jnp.zeros(horizon, dtype=int)
    return LatentState(nobody, nobody, jnp.zeros(horizon), jnp.zeros(horizon))


def add(duels: LatentState, t: Any, first: Any, second: Any, outcome: Any, noise: float) -> LatentState:
    """Enter the duel of round t, its latent number one deviation from 0 on the winner's side."""
    return LatentState(
        duels.first.at[t - 1].set(first),
        duels.second.at[t - 1].set(second),
        duels.outcome.at[t - 1].set(outcome),
        duels.latent.at[t - 1].set(noise * outcome),
    )


def given_latents(prior_root: jax.Array, duels: LatentState, noise: float) -> GaussianState:
    """f given all v, a Gaussian: its covariance depends on who met whom alone."""
    K, played = len(prior_root), jnp.abs(duels.outcome)
    met = jnp.zeros((K, K)).at[duels.first, duels.second].add(played)
    pull = played * duels.latent / noise**2
    drift = jnp.zeros(K).at[duels.first].add(pull).at[duels.second].add(-pull)
    return condition(prior_root, laplacian(met) / noise**2, drift)


def sweep(
    prior_root: jax.Array, duels: LatentState, noise: float, key: jax.Array, sweeps: int
) -> tuple[LatentState, jax.Array]:
    """Gibbs sampling: f given v, then v given f, `sweeps` times; the latents and the draws of f [sweeps, K]."""
    root = given_latents(prior_root, duels, noise).root  # the same in every sweep
    played = jnp.abs(duels.outcome)
    K, T = len(root), len(played)

    def once(latent: jax.Array, key: jax.Array) -> Any:
        a, b = jax.random.split(key)
        pull = played * latent / noise**2
        drift = jnp.zeros(K).at[duels.first].add(pull).at[duels.second].add(-pull)
        f = root @ (root.T @ drift + jax.random.normal(a, (K,), dtype=float))
        gap = duels.outcome * (f[duels.first] - f[duels.second])
        e = positive_part(gap / noise, jax.random.uniform(b, (T,), dtype=float, minval=1e-300))
        return duels.outcome * noise * e, f

    latent, draws = jax.lax.scan(once, duels.latent, jax.random.split(key, sweeps))
    return duels._replace(latent=latent), draws


def positive_part(mean: jax.Array, uniform: jax.Array) -> jax.Array:
    """N(mean, 1) given that it is positive, by inversion of its upper tail, which is exact far from the mean too."""
    tail = jax.scipy.special.ndtr(mean)  # of -mean upwards
    draw = mean - jax.scipy.special.ndtri(uniform * tail)
    # below -37 deviations the tail is 0 in floating point; there it is exponential with rate -mean
    return jnp.where(mean > -37.0, jnp.maximum(draw, 1e-12), -jnp.log(uniform) / jnp.maximum(-mean, 1.0))
