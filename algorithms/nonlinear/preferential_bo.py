"""PreferentialBO: preferential Bayesian optimisation with the Laplace approximation."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput, unknown
from duel.nonlinear import Problem

from . import _gaussian_process as gp
from ._network import check_link, check_positive

ACQUISITIONS = ("thompson", "ei")
BOUNDED = ("uniform", "linear")


class State(NamedTuple):
    root: jax.Array  # [K, K] square root of the prior covariance
    wins: jax.Array  # [K, K] times i beat j
    mode: jax.Array  # [K] of the posterior


class PreferentialBO(NamedTuple):
    """Gaussian-process utilities, Laplace posterior [chu2005preference], two draws or expected improvement.

    ::

        1  f ~ GP(0, k)
        2  for t = 1, 2, ...:
        3      posterior of f given the duels, about N(mode, curvature^-1)
        4      "thompson": x_1 and x_2 are the argmax of two draws; x_2 = x_1 allowed
        5      "ei": x_1 = argmax of the mean among the arms played,
                     x_2 = argmax over x != x_1 of E max(0, f(x) - mean(x_1))
        6      duel

    Line 4 is double Thompson sampling, in the form of kernel self-sparring with two players [sui2017multidueling], line
    5 the interactive optimisation of [brochu2010tutorial]. Hyper-parameters are given, not learned.

    Assumptions: Pr(i beats j) = F(f_i - f_j), F known and log-concave; the same arms in every round.
    Guarantee: none for the approximate posterior. With "ei" two different arms are always shown, so that average regret
    is linear and weak regret what is kept small; the Laplace posterior ignores the skewness of the true one, and EI is
    known to stick to early favourites because of it [takeno2023towards].
    Source: as cited; Algorithm of the first by equations, the rest remembered. Deviations: kernel and link fixed; no
    library, since none that is kept up runs inside a compiled loop. Ties go to the first arm.
    Cost: a few Newton steps, O(K^3) each, a round. A mode that is not found stops the run with an error.

    Parameters
    ----------
    acquisition : "thompson" or "ei"
    lengthscale : float > 0
        Of the squared-exponential kernel, in units of the features.
    amplitude : float > 0
        Prior standard deviation of f.
    link : str
        F, that of the environment; not "uniform" or "linear".
    """

    acquisition: str = "thompson"
    lengthscale: float = 0.3
    amplitude: float = 2.0
    link: str = "logistic"

    def check(self, problem: Problem) -> None:
        if self.acquisition not in ACQUISITIONS:
            raise unknown("acquisition", self.acquisition, ACQUISITIONS)
        check_positive(lengthscale=self.lengthscale, amplitude=self.amplitude)
        check_link(self.link, problem)
        if self.link in BOUNDED:
            raise InvalidInput(
                f"link must be log-concave on the whole line, such as 'logistic' or 'probit'; got {self.link!r}, "
                "under which some utilities make an outcome impossible."
            )
        gp.check_fixed(problem)

    def init(self, problem: Problem, key: jax.Array) -> State:
        K = len(problem.contexts)
        root = jnp.linalg.cholesky(gp.covariance(problem.contexts, self.lengthscale, self.amplitude))
        return State(root, jnp.zeros((K, K)), jnp.zeros(K))

    def select(self, state: State, contexts: jax.Array, t: Any, key: jax.Array) -> tuple[State, jax.Array, jax.Array]:
        posterior = gp.laplace(state.root, state.wins, state.mode, self.link)  # l.3
        state = state._replace(mode=posterior.mean)
        if self.acquisition == "thompson":
            xi = jax.random.normal(key, (len(state.mode), 2), dtype=float)
            first, second = jnp.argmax(posterior.mean[:, None] + posterior.root @ xi, axis=0)  # l.4
            return state, first, second
        played = (state.wins + state.wins.T).sum(axis=1) > 0
        first = jnp.argmax(jnp.where(played | (t == 1), posterior.mean, -jnp.inf))  # l.5
        gain = posterior.mean - posterior.mean[first]
        spread = jnp.linalg.norm(posterior.root, axis=1)
        improvement = expected_improvement(gain, spread).at[first].set(-jnp.inf)
        return state, first, jnp.argmax(improvement)

    def update(
        self, state: State, contexts: jax.Array, t: Any, first: Any, second: Any, outcome: Any, key: jax.Array
    ) -> State:
        won, lost = jnp.where(outcome > 0, first, second), jnp.where(outcome > 0, second, first)
        return state._replace(wins=state.wins.at[won, lost].add(jnp.where(won == lost, 0.0, 1.0)))


def expected_improvement(gain: jax.Array, spread: jax.Array) -> jax.Array:
    """E max(0, N(gain, spread^2))."""
    z = gain / jnp.maximum(spread, 1e-12)
    return gain * jax.scipy.stats.norm.cdf(z) + spread * jax.scipy.stats.norm.pdf(z)


def bound(T: float, world: Any) -> float:
    """sqrt(T), the order of Thompson sampling with a kernel of slowly growing information gain."""
    return math.sqrt(T)


CARD = Card(
    name="PreferentialBO",
    setting="dueling bandits, Gaussian-process utilities of fixed arms",
    citation="chu2005preference",
    source="ICML 2005 (model and Laplace posterior); acquisitions as cited in the docstring, remembered",
    assumptions=("Pr(i beats j) = F(f_i - f_j), F known", "the same arms in every round"),
    theorems=(
        Theorem(
            statement="Not proved for the approximate posterior: average regret at most about sqrt(T).",
            metric="average",
            bound=bound,
            instance=Instance("AckleyUtility", points=12, scale=2.0),
            horizons=(50, 100, 200, 400),
            runs=32,
            anytime=True,
        ),
    ),
    deviations=("hyper-parameters given",),
)
