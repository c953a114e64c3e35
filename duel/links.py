"""Comparison functions F of Pr(first wins) = F(u_first - u_second): Numba-ready scalars with JAX twins side by side.

A duel needs F increasing with F(z) + F(-z) = 1. A random-utility model gives one for every noise G: each side adds an
independent draw of G and the larger sum wins, so F is the distribution function of the difference of two draws of G,
which is symmetric even where G is not (Gumbel, exponential).

========== ========================= ======================== ===================================== =================
name       F(z)                      noise G                  tails                                 kappa(R)
========== ========================= ======================== ===================================== =================
logistic   1 / (1 + exp(-z))         Gumbel(0, 1)             exponential                           2 + e^R + e^-R
probit     Phi(z)                    N(0, 1/2)                Gaussian                              sqrt(2 pi) e^(R^2/2)
thurstone  Phi(z / sqrt 2)           N(0, 1) (Case V)         Gaussian                              2 sqrt(pi) e^(R^2/4)
laplace    1/2 + sign(z) (1-e^-|z|)/2  Exp(1)                 exponential                           2 e^R
uniform    (1+z)^2/2, 1 - (1-z)^2/2  U(0, 1)                  0 and 1 from |z| = 1               1 / (1 - R), R < 1
linear     (1 + z) / 2, clipped      none, see below          0 and 1 from |z| = 1               2, R < 1
========== ========================= ======================== ===================================== =================

Both normal conventions are offered by name; "probit" is the one without the factor sqrt 2.

The linear link is the distribution function of U(-1, 1), and no G gives it: the difference of two iid draws has
characteristic function |phi_G|^2 >= 0, and that of U(-1, 1), sin(t)/t, takes negative values. `noise` then draws a
stand-in of the same variance, uniform on +-sqrt(1/2) (a difference of two has variance 1/3, as U(-1, 1) has).

The complementary log-log 1 - exp(-exp(z)) is refused: F(0) = 1 - 1/e, so an arm would beat its own copy, and the two
orders of a pair would not sum to one. The Gumbel noise behind it compares an arm with a threshold; of two arms with
Gumbel noise the difference is logistic.

The compiled half takes an integer code (``code("logistic")``) and one number; the JAX half (names ending in ``_jnp``)
takes the name and returns a function of arrays. This module imports no JAX until one of those is called.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from duel.errors import InvalidInput, unknown

NAMES = ("logistic", "probit", "thurstone", "laplace", "uniform", "linear")
LOGISTIC, PROBIT, THURSTONE, LAPLACE, UNIFORM, LINEAR = range(len(NAMES))
NOISES = ("gumbel", "normal(0, 1/2)", "normal(0, 1)", "exponential", "uniform(0, 1)", "none")

SQRT_HALF = math.sqrt(0.5)
SQRT_TWO_PI = math.sqrt(2 * math.pi)
LOG_SQRT_TWO_PI = 0.5 * math.log(2 * math.pi)
LOG_HALF = math.log(0.5)


def code(name: str) -> int:
    """The integer that compiled code dispatches on.

    Raises
    ------
    InvalidInput
        For a name not in `NAMES`; for "cloglog", with the reason why a duel cannot have it.
    """
    if name in ("cloglog", "loglog"):
        raise InvalidInput(
            f"link: {name!r} is not symmetric, F(z) + F(-z) != 1, so it is no law of a duel; "
            "two arms with Gumbel noise give 'logistic'."
        )
    if name not in NAMES:
        raise unknown("link", name, NAMES)
    return NAMES.index(name)


def kappa(name: str, radius: float) -> float:
    """1 / inf of F'(z) over |z| <= `radius`; infinite where F is flat. All F' here fall with |z|.

    Papers differ: some call the infimum itself kappa. Ours is the large number, which multiplies regret bounds.

    Raises
    ------
    InvalidInput
        A radius that is negative or not finite, an unknown link.
    """
    if not 0 <= radius < math.inf:
        raise InvalidInput(f"radius must be a finite number >= 0; got {radius!r}.")
    slope = derivative(code(name), float(radius))
    return 1.0 / slope if slope > 0.0 else math.inf


def noise_name(name: str) -> str:
    """Name of the noise G whose difference has distribution function F; "none" for the linear link."""
    return NOISES[code(name)]


# --- scalars for compiled code; `link` is an int code ---


def cdf(link: int, z: float) -> float:
    """F(z). Relative accuracy in the left tail is kept."""
    if link == LOGISTIC:
        e = math.exp(-abs(z))
        return 1.0 / (1.0 + e) if z >= 0.0 else e / (1.0 + e)
    if link == PROBIT:
        return 0.5 * math.erfc(-z * SQRT_HALF)
    if link == THURSTONE:
        return 0.5 * math.erfc(-z * 0.5)
    if link == LAPLACE:
        e = 0.5 * math.exp(-abs(z))
        return 1.0 - e if z >= 0.0 else e
    if link == UNIFORM:
        rest = max(0.0, 1.0 - abs(z))
        tail = 0.5 * rest * rest
        return 1.0 - tail if z >= 0.0 else tail
    return min(1.0, max(0.0, 0.5 + 0.5 * z))


def derivative(link: int, z: float) -> float:
    """F'(z) > 0. At a kink (|z| = 1 of the bounded links) the inner slope."""
    if link == LOGISTIC:
        e = math.exp(-abs(z))
        return e / ((1.0 + e) * (1.0 + e))
    if link == PROBIT:
        return math.exp(-0.5 * z * z) / SQRT_TWO_PI
    if link == THURSTONE:
        return SQRT_HALF * math.exp(-0.25 * z * z) / SQRT_TWO_PI
    if link == LAPLACE:
        return 0.5 * math.exp(-abs(z))
    if link == UNIFORM:
        return max(0.0, 1.0 - abs(z))
    return 0.5 if abs(z) <= 1.0 else 0.0


def second_derivative(link: int, z: float) -> float:
    """F''(z), odd; 0 at kinks of F'."""
    if link == LOGISTIC:
        e = math.exp(-abs(z))
        size = e * (1.0 - e) / ((1.0 + e) * (1.0 + e) * (1.0 + e))
        return -size if z >= 0.0 else size
    if link == PROBIT:
        return -z * math.exp(-0.5 * z * z) / SQRT_TWO_PI
    if link == THURSTONE:
        return -0.5 * z * SQRT_HALF * math.exp(-0.25 * z * z) / SQRT_TWO_PI
    if link == LINEAR or z == 0.0 or (link == UNIFORM and abs(z) >= 1.0):
        return 0.0
    size = 0.5 * math.exp(-abs(z)) if link == LAPLACE else 1.0
    return -size if z > 0.0 else size


def curve(link: int, z: float) -> tuple[float, float, float]:
    """F(z), F'(z) and F''(z) at the price of one exponential for the logistic link."""
    if link == LOGISTIC:
        e = math.exp(-abs(z))
        tail = 1.0 / (1.0 + e)  # F(|z|)
        slope = e * tail * tail
        bend = slope * (1.0 - e) * tail
        return (tail, slope, -bend) if z >= 0.0 else (e * tail, slope, bend)
    return cdf(link, z), derivative(link, z), second_derivative(link, z)


def log_cdf(link: int, z: float) -> float:
    """ln F(z), accurate in both tails; -inf where F is 0 (bounded links)."""
    if link == LOGISTIC:
        soft = math.log1p(math.exp(-abs(z)))
        return -soft if z >= 0.0 else z - soft
    if link == PROBIT:
        return log_normal_cdf(z)
    if link == THURSTONE:
        return log_normal_cdf(z * SQRT_HALF)
    if link == LAPLACE:
        return math.log1p(-0.5 * math.exp(-z)) if z >= 0.0 else LOG_HALF + z
    if z >= 1.0:
        return 0.0
    if z <= -1.0:
        return -math.inf
    if link == UNIFORM:
        return math.log1p(-0.5 * (1.0 - z) * (1.0 - z)) if z >= 0.0 else LOG_HALF + 2.0 * math.log1p(z)
    return LOG_HALF + math.log1p(z)


def log_normal_cdf(z: float) -> float:
    """ln Phi(z); below -20 by the asymptotic series of the Mills ratio (relative error of ln Phi < 1e-15)."""
    if z > 0.0:
        return math.log1p(-0.5 * math.erfc(z * SQRT_HALF))
    if z > -20.0:
        return math.log(0.5 * math.erfc(-z * SQRT_HALF))
    r = 1.0 / (z * z)
    series = -r * (1.0 - 3.0 * r * (1.0 - 5.0 * r * (1.0 - 7.0 * r * (1.0 - 9.0 * r))))
    return -0.5 * z * z - LOG_SQRT_TWO_PI - math.log(-z) + math.log1p(series)


def inverse(link: int, p: float) -> float:
    """z with F(z) = p: -inf at 0 and inf at 1 (-1 and 1 for the bounded links), NaN outside [0, 1]."""
    if not 0.0 <= p <= 1.0:
        return math.nan
    if link == LINEAR:
        return 2.0 * p - 1.0
    if link == UNIFORM:
        return math.sqrt(2.0 * p) - 1.0 if p <= 0.5 else 1.0 - math.sqrt(2.0 * (1.0 - p))
    if p == 0.0:
        return -math.inf
    if p == 1.0:
        return math.inf
    if link == LOGISTIC:
        return math.log(p) - math.log1p(-p)
    if link == LAPLACE:
        return math.log(2.0 * p) if p <= 0.5 else -math.log(2.0 * (1.0 - p))
    z = normal_quantile(p)
    return z if link == PROBIT else z / SQRT_HALF


def normal_quantile(p: float) -> float:
    """Phi^-1(p) for 0 < p < 1: a rational guess (Abramowitz and Stegun 26.2.23), then Newton on ln Phi."""
    tail = min(p, 1.0 - p)
    if tail == 0.5:
        return 0.0
    log_tail = math.log(tail)
    t = math.sqrt(-2.0 * log_tail)
    top = 2.515517 + t * (0.802853 + t * 0.010328)
    z = top / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t
    for _ in range(3):
        log_phi = log_normal_cdf(z)
        z -= (log_phi - log_tail) * math.exp(log_phi + 0.5 * z * z + LOG_SQRT_TWO_PI)
    return z if p < 0.5 else -z


def slope_stretch(link: int, reach: float, step: float) -> float:
    """Bound on F'(a + h) / F'(a) and on its inverse over |a| <= reach, |h| <= step; inf if F' has kinks."""
    if link == LOGISTIC:  # self-concordance: |F''| <= F'
        return math.exp(min(step, 700.0))
    if link == PROBIT:  # ln F' = -a^2 / 2 + const
        return math.exp(min(step * (reach + 0.5 * step), 700.0))
    if link == THURSTONE:
        return math.exp(min(0.5 * step * (reach + 0.5 * step), 700.0))
    return math.inf


def third_ratio(link: int, reach: float) -> float:
    """Bound on |F'''(a)| / F'(a) over |a| <= reach; inf if F' has kinks."""
    if link == LOGISTIC:  # F''' = F' (1 - 6 F (1 - F))
        return 1.0
    if link == PROBIT:  # F''' = F' (a^2 - 1)
        return max(1.0, reach * reach - 1.0)
    if link == THURSTONE:
        return 0.5 * max(1.0, 0.5 * reach * reach - 1.0)
    return math.inf


def noise(link: int, rng: np.random.Generator) -> float:
    """One draw of G. Not centred: Gumbel has mean 0.577, Exp(1) has mean 1; only differences matter to F."""
    if link == LOGISTIC:
        return -math.log(max(rng.standard_exponential(), 1e-300))
    if link == PROBIT:
        return SQRT_HALF * rng.standard_normal()
    if link == THURSTONE:
        return rng.standard_normal()
    if link == LAPLACE:
        return rng.standard_exponential()
    if link == UNIFORM:
        return rng.random()
    return SQRT_HALF * (2.0 * rng.random() - 1.0)


# --- JAX twins; `name` is static, z an array ---


def cdf_jnp(name: str) -> Callable[[Any], Any]:
    """F as a function of JAX arrays, elementwise."""
    import jax
    import jax.numpy as jnp

    link = code(name)
    if link == LOGISTIC:
        return jax.nn.sigmoid
    if link in (PROBIT, THURSTONE):
        scale = 1.0 if link == PROBIT else SQRT_HALF
        return lambda z: jax.scipy.stats.norm.cdf(scale * z)

    def laplace(z: Any) -> Any:
        tail = 0.5 * jnp.exp(-jnp.abs(z))
        return jnp.where(z >= 0, 1 - tail, tail)

    def uniform(z: Any) -> Any:
        tail = 0.5 * jnp.maximum(0.0, 1 - jnp.abs(z)) ** 2
        return jnp.where(z >= 0, 1 - tail, tail)

    return {LAPLACE: laplace, UNIFORM: uniform, LINEAR: lambda z: jnp.clip(0.5 + 0.5 * z, 0.0, 1.0)}[link]


def derivative_jnp(name: str) -> Callable[[Any], Any]:
    """F' as a function of JAX arrays, elementwise."""
    import jax
    import jax.numpy as jnp

    link = code(name)
    if link == LOGISTIC:
        return lambda z: jax.nn.sigmoid(z) * jax.nn.sigmoid(-z)
    if link in (PROBIT, THURSTONE):
        scale = 1.0 if link == PROBIT else SQRT_HALF
        return lambda z: scale * jax.scipy.stats.norm.pdf(scale * z)
    return {
        LAPLACE: lambda z: 0.5 * jnp.exp(-jnp.abs(z)),
        UNIFORM: lambda z: jnp.maximum(0.0, 1 - jnp.abs(z)),
        LINEAR: lambda z: jnp.where(jnp.abs(z) <= 1, 0.5, 0.0),
    }[link]


def log_cdf_jnp(name: str) -> Callable[[Any], Any]:
    """ln F as a function of JAX arrays, elementwise; its gradient is finite wherever ln F is."""
    import jax
    import jax.numpy as jnp

    link = code(name)
    if link == LOGISTIC:
        return jax.nn.log_sigmoid
    if link in (PROBIT, THURSTONE):
        scale = 1.0 if link == PROBIT else SQRT_HALF
        return lambda z: jax.scipy.special.log_ndtr(scale * z)

    def laplace(z: Any) -> Any:  # each branch sees only its own half line, so that no gradient overflows
        right, left = jnp.maximum(z, 0.0), jnp.minimum(z, 0.0)
        return jnp.where(z >= 0, jnp.log1p(-0.5 * jnp.exp(-right)), LOG_HALF + left)

    def uniform(z: Any) -> Any:
        right, left = jnp.clip(z, 0.0, 1.0), jnp.clip(z, -1.0, 0.0)
        return jnp.where(z >= 0, jnp.log1p(-0.5 * (1 - right) ** 2), LOG_HALF + 2 * jnp.log1p(left))

    def linear(z: Any) -> Any:
        return LOG_HALF + jnp.log1p(jnp.clip(z, -1.0, 1.0))

    return {LAPLACE: laplace, UNIFORM: uniform, LINEAR: linear}[link]


def inverse_jnp(name: str) -> Callable[[Any], Any]:
    """F^-1 as a function of JAX arrays with values in (0, 1), elementwise."""
    import jax
    import jax.numpy as jnp

    link = code(name)
    if link == LOGISTIC:
        return lambda p: jnp.log(p) - jnp.log1p(-p)
    if link in (PROBIT, THURSTONE):
        scale = 1.0 if link == PROBIT else SQRT_HALF
        return lambda p: jax.scipy.special.ndtri(p) / scale

    def folded(tail_quantile: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def quantile(p: Any) -> Any:
            left, right = jnp.minimum(p, 0.5), jnp.minimum(1 - p, 0.5)
            return jnp.where(p <= 0.5, tail_quantile(left), -tail_quantile(right))

        return quantile

    return {
        LAPLACE: folded(lambda q: jnp.log(2 * q)),
        UNIFORM: folded(lambda q: jnp.sqrt(2 * q) - 1),
        LINEAR: lambda p: 2 * p - 1,
    }[link]
