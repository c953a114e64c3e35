"""DPO with another divergence than reverse KL."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import TABLE, bounded_kl
from algorithms.alignment.dpo import BACKENDS, descend
from duel.alignment import Data, Problem, bisect, tabular_rewards
from duel.card import Card
from duel.errors import InvalidInput, unknown

DIVERGENCES = ("reverse_kl", "forward_kl", "jensen_shannon", "alpha", "chi2")
CONVENTIONS = ("official", "trl")


class FDPO(NamedTuple):
    """f-DPO [wang2024beyond]: maximises ``E r - beta E_reference f(pi / reference)`` for the Bradley-Terry rewards.

    ::

        1  u = pi / reference;   minimise the mean over pairs of -ln s(beta (f'(u(winner)) - f'(u(loser))))

    =============== ======================= ================================================
    `divergence`    f'(u), up to a constant  policy for rewards r, lambda such that it sums to 1
    =============== ======================= ================================================
    reverse_kl      ln u                     reference exp((r - lambda) / beta)
    forward_kl      -1/u                     reference beta / (lambda - r)
    jensen_shannon  ln(u / (1 + u))          reference / (exp((lambda - r) / beta) - 1)
    alpha           -u^-alpha / alpha        reference (alpha (lambda - r) / beta)^(-1/alpha)
    chi2            u + ln u                 reference W_0(exp((r - lambda) / beta))
    =============== ======================= ================================================

    Two conventions of alpha are in use: the authors' code ("official", as in the table) and TRL's score
    ``u^(alpha - 1) / (alpha - 1)``; ``alpha_trl = 1 - alpha_official``.

    Closed form: Bradley-Terry MLE within an interval of length R, then lambda by bisection. Gradient form: line 1 over
    logits. Assumptions: reference > 0, 0 not in the domain of f' (so the identity holds without multipliers).
    Deviations: the interval R. No rate is claimed.

    Parameters
    ----------
    divergence : one of the table
    alpha : float in (0, 1)
    convention : {"official", "trl"}
    kl_weight : float > 0, or None
        beta; the problem's if None.
    backend : {"closed", "gradient"}
    """

    divergence: str = "forward_kl"
    alpha: float = 0.5
    convention: str = "official"
    kl_weight: Any = None
    backend: str = "closed"

    def check(self, problem: Problem) -> None:
        if self.divergence not in DIVERGENCES:
            raise unknown("divergence", self.divergence, DIVERGENCES)
        if self.convention not in CONVENTIONS:
            raise unknown("convention", self.convention, CONVENTIONS)
        if self.backend not in BACKENDS:
            raise unknown("backend", self.backend, BACKENDS)
        if not 0 < self.alpha < 1:
            raise InvalidInput(f"alpha must lie strictly between 0 and 1; got {self.alpha!r}.")
        if not float(problem.kl_weight if self.kl_weight is None else self.kl_weight) > 0:
            raise InvalidInput("kl_weight must be > 0: set it here or in the environment.")

    def fit(self, data: Data, key: Any) -> jax.Array:
        problem = data.problem
        beta = problem.kl_weight if self.kl_weight is None else self.kl_weight
        alpha = self.alpha if self.convention == "official" else 1 - self.alpha
        if self.backend == "gradient":
            return descend(data.wins, problem.reference, lambda u: beta * score(self.divergence, u, alpha))
        reward = tabular_rewards(data.wins, problem.reward_bound)
        return regularised_policy(self.divergence, reward, problem.reference, beta, alpha)


def score(divergence: str, log_u: jax.Array, alpha: Any = 0.5) -> jax.Array:
    """f'(u) of the table, from ln u."""
    if divergence == "reverse_kl":
        return log_u
    if divergence == "forward_kl":
        return -jnp.exp(-log_u)
    if divergence == "jensen_shannon":
        return jax.nn.log_sigmoid(log_u)
    if divergence == "alpha":
        return -jnp.exp(-alpha * log_u) / alpha
    return jnp.exp(log_u) + log_u


def inverse_score(divergence: str, z: jax.Array, alpha: Any = 0.5) -> jax.Array:
    """u with f'(u) = z; z < 0 except for reverse_kl and chi2."""
    if divergence == "reverse_kl":
        return jnp.exp(z)
    if divergence == "forward_kl":
        return -1 / z
    if divergence == "jensen_shannon":
        return 1 / jnp.expm1(-z)
    if divergence == "alpha":
        return (-alpha * z) ** (-1 / alpha)
    v = jnp.where(z > 1, jnp.log(jnp.maximum(z, 1.0)), z)  # e^v + v = z, Newton: convex, so it converges from here
    for _ in range(8):
        w = jnp.exp(v)
        v = v - (w + v - z) / (w + 1)
    return jnp.exp(v)


def regularised_policy(
    divergence: str, reward: jax.Array, reference: jax.Array, beta: Any, alpha: Any = 0.5
) -> jax.Array:
    """Maximiser of ``E r - beta E_reference f(pi / reference)``, each row by bisection on its multiplier: [X, A]."""
    top, bottom = reward.max(axis=-1), reward.min(axis=-1)
    at_one = score(divergence, jnp.zeros(()), alpha)  # the multiplier at which an action keeps its reference mass
    low = bottom - beta * at_one
    if divergence not in ("reverse_kl", "chi2"):
        low = jnp.maximum(low, top)

    def mass(multiplier: jax.Array) -> jax.Array:
        u = inverse_score(divergence, (reward - multiplier[..., None]) / beta, alpha)
        return jnp.sum(reference * u, axis=-1) - 1

    root = bisect(mass, low, top - beta * at_one)
    policy = reference * inverse_score(divergence, (reward - root[..., None]) / beta, alpha)
    return policy / policy.sum(axis=-1, keepdims=True)


def bound(n: float, world: Any) -> float:
    """``ln(1 / least reference probability)``, averaged over contexts: the largest KL that any policy has."""
    p = world.problem
    return float(p.weights @ -jnp.log(p.reference).min(axis=-1))


CARD = Card(
    name="FDPO",
    setting="offline preferences, f-divergence regularised",
    citation="wang2024beyond",
    source="ICLR 2024, Theorem 1 (remembered)",
    assumptions=("reference > 0", "0 not in the domain of f'"),
    theorems=(bounded_kl("KL to the reference is at most ln(1 / min reference), as for every policy.", bound, TABLE),),
)
