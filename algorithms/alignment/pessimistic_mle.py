"""Pessimistic maximum likelihood: the best policy for the worst parameter in a confidence ellipsoid."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duel.alignment import Answer, Data, Problem, design, greedy, maximum_likelihood, rewards
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput, unknown
from duel.likelihood import explicit_radius, paper_radius

REFERENCES = ("origin", "uniform", "logged", "reference")
RADII = ("plain", "paper", "explicit")
DELTA = 0.05


class PessimisticMLE(NamedTuple):
    """Pessimistic MLE for linear rewards [zhu2023principled, Algorithm 1].

    ::

        1  theta = MLE over |theta| <= B;  Sigma = mean (phi - phi')(phi - phi')^T
        2  f = radius of the ellipsoid |. - theta|_(Sigma + lambda I) <= f
        3  J(pi) = min over the ellipsoid of E_x[. (phi(x, pi(x)) - v)]
                 = theta . z - f |z|_(Sigma + lambda I)^-1,   z = E_x phi(x, pi(x)) - v
        4  pi = argmax J

    Several contexts: ``joint=False`` moves the expectation out of the norm, so each context has its own argmax (weaker
    bound); ``joint=True`` maximises J over stochastic policies by Frank-Wolfe.

    Guarantee: ``J(pi*) - J(pi) <= 2 f |E phi(x, pi*(x)) - v|_(Sigma + lambda I)^-1``. It hinges on v: on the paper's
    hard instance v = phi(a*) gives 1/sqrt(n), v = 0 a constant 0.1 until n ~ 1e5 with the paper's radius, v = mean
    feature of a uniform policy is plain MLE, and v = mean feature of the logged actions is worse than plain MLE.

    Source: arXiv v5, Algorithm 1 and Theorem 3.2 (remembered). Deviations: the intersection of the ellipsoid with
    ``|theta| <= B`` is ignored, as in the paper's own algorithm; lambda = ridge / n.

    Parameters
    ----------
    reference : {"origin", "uniform", "logged", "reference"} or d numbers
        v: zero, mean feature of the uniform policy, of the logged actions, of the reference policy, or a vector.
    radius_multiplier : float > 0
        The paper's constant C.
    radius : {"plain", "paper", "explicit"}
        "plain" sqrt((d + ln(1/delta))/n) without the curvature constant, "paper" and "explicit" as in
        `duel.likelihood.paper_radius` (margin L B) and `explicit_radius` (margin 2 L B).
    ridge : float > 0
        lambda = ridge / n.
    rankings : bool
        Whole-ranking likelihood (MLE_K) instead of pairs.
    joint : bool
    """

    reference: Any = "origin"
    radius_multiplier: float = 1.0
    radius: str = "plain"
    ridge: float = 1.0
    rankings: bool = False
    joint: bool = False

    def check(self, problem: Problem) -> None:
        if isinstance(self.reference, str):
            if self.reference not in REFERENCES:
                raise unknown("reference", self.reference, REFERENCES)
        elif np.shape(self.reference) != problem.features.shape[-1:]:
            raise InvalidInput(
                f"reference must be one of {', '.join(REFERENCES)}, or {problem.features.shape[-1]} numbers; "
                f"got {self.reference!r}."
            )
        if self.radius not in RADII:
            raise unknown("radius", self.radius, RADII)
        for name, number in (("radius_multiplier", self.radius_multiplier), ("ridge", self.ridge)):
            if not 0 < number < float("inf"):
                raise InvalidInput(f"{name} must be a finite number > 0; got {number!r}.")

    def fit(self, data: Data, key: Any) -> Answer:
        problem = data.problem
        d = problem.features.shape[-1]
        theta = maximum_likelihood(data, rankings=self.rankings)  # l.1
        shape = design(data) + self.ridge / data.size * jnp.eye(d)
        f = self.radius_multiplier * _radius(self.radius, data, self.ridge, self.rankings)  # l.2
        offset = problem.features - _vector(self.reference, data)
        inverse = jnp.linalg.inv(shape)
        if self.joint:
            policy = _joint(problem, offset, theta, inverse, f)
        else:
            width = jnp.sqrt(jnp.einsum("xad,de,xae->xa", offset, inverse, offset))
            policy = greedy(rewards(problem, theta) - f * width)  # l.3-4
        return Answer(policy, theta, shape, f)


def _vector(reference: Any, data: Data) -> jax.Array:
    """v of the pseudo-code."""
    if not isinstance(reference, str):
        return jnp.asarray(reference)
    phi, weights = data.problem.features, data.problem.weights
    if reference == "origin":
        return jnp.zeros(phi.shape[-1])
    if reference == "uniform":
        return weights @ phi.mean(axis=1)
    if reference == "logged":
        shown = data.wins.sum(axis=2) + data.wins.sum(axis=1)
        return jnp.einsum("xa,xad->d", shown, phi) / shown.sum()
    return jnp.einsum("x,xa,xad->d", weights, data.problem.reference, phi)


def _radius(kind: str, data: Data, ridge: Any, rankings: bool) -> jax.Array:
    """f of the pseudo-code with C = 1."""
    problem = data.problem
    d = problem.features.shape[-1]
    if kind == "plain":
        return jnp.sqrt((d + jnp.log(1 / DELTA)) / data.size)
    B = problem.parameter_bound
    reach = B * jnp.sqrt(jnp.max(jnp.sum(problem.features**2, axis=-1)))
    size = data.sample.rankings.shape[1] if rankings else 2
    if kind == "paper":
        return paper_radius(data.size, d, margin=reach, parameter_bound=B, ridge=ridge / data.size, size=size)
    return explicit_radius(data.size, d, margin=2 * reach, parameter_bound=B, ridge=ridge / data.size)


def _joint(problem: Problem, offset: jax.Array, theta: jax.Array, inverse: jax.Array, f: jax.Array) -> jax.Array:
    """argmax over stochastic policies of ``theta . z - f |z|``, z the mean offset: Frank-Wolfe, exact line search."""
    weighted = problem.weights[:, None, None] * offset

    def step(policy: jax.Array, _: Any) -> tuple[jax.Array, None]:
        z = jnp.einsum("xa,xad->d", policy, weighted)
        norm = jnp.sqrt(z @ inverse @ z + 1e-18)
        toward = greedy(weighted @ (theta - f * (inverse @ z) / norm))
        w = jnp.einsum("xa,xad->d", toward, weighted) - z
        a, b, c = w @ inverse @ w, z @ inverse @ w, z @ inverse @ z
        slope = theta @ w  # maximise slope s - f sqrt(a s^2 + 2 b s + c) over s in [0, 1]
        rest = jnp.maximum(f * f * a - slope * slope, 1e-300)
        disc = jnp.maximum(a * c - b * b, 0.0)
        root = (slope * jnp.sqrt(disc / rest) - b) / jnp.maximum(a, 1e-300)
        s = jnp.where(f * f * a > slope * slope, jnp.clip(root, 0.0, 1.0), jnp.where(slope > 0, 1.0, 0.0))
        return policy + s * (toward - policy), None

    start = greedy(weighted @ theta)
    return jax.lax.scan(step, start, None, length=500)[0]


def bound(n: float, world: Any) -> float:
    """1 / sqrt(n), without its constant."""
    return n**-0.5


CARD = Card(
    name="PessimisticMLE",
    setting="offline preferences, linear rewards, partial coverage",
    citation="zhu2023principled",
    source="arXiv v5, Algorithm 1 (remembered)",
    assumptions=("linear rewards", "Bradley-Terry preferences", "pi* covered relative to v"),
    theorems=(
        Theorem(
            statement="Suboptimality O(|E phi(pi*) - v|_Sigma^-1 sqrt(d/n)) (Theorem 3.2).",
            metric="suboptimality",
            bound=bound,
            instance=Instance("FailureInstance"),
            horizons=(50, 100, 200, 400, 800),
            runs=512,
        ),
    ),
    parameters={"reference": "phi(a4) = (0, 1, 0) on FailureInstance", "radius_multiplier": "1"},
)
