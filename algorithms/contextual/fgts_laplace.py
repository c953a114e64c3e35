"""FGTS.CDB with Laplace's method in place of its sampler."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel import glm
from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput
from duel.linalg import dot, matvec

from . import _posterior
from ._linear import root_bound
from ._posterior import Posterior, hear, refresh, sampled_best
from .linear_double_ts import check_at_least_zero


class State(NamedTuple):
    posterior: Posterior  # theta and H without the Feel-Good term
    optimism: np.ndarray  # [2, d] sum over rounds of x_best - x_other, other = second for j = 1, first for j = 2
    shift: np.ndarray  # [d] what the Feel-Good term adds to a draw, whitened
    weight: float  # mu / eta


class FGTSLaplace(NamedTuple):
    """Feel-Good Thompson sampling for contextual dueling bandits, on a Gaussian approximation of its posterior
    [li2024feelgood].

    ::

        1  for t = 1, ..., T:
        2      for j = 1, 2, independently:
        3          theta_j ~ p_j(theta) ~ N(theta; 0, I / prior) exp(-sum_s L_j,s(theta)),
                   L_j,s = eta loss_s(theta) - mu max_a theta^T (x_s,a - x_s^(3-j))
        4          a_j = argmax_i x_i^T theta_j
        5      duel (a_1, a_2), keep contexts, arms and outcome                          # a_1 = a_2 allowed

    loss_s is the log-loss of the duel, x_s^(3-j) the arm that the *other* draw chose: the Feel-Good term rewards a
    theta that believes in an arm better than that one. Here line 3 draws from the Gaussian at the mode of the prior and
    the losses, tilted by the Feel-Good term, whose max is taken at the estimate of round s. A linear term moves the
    mean of a Gaussian and leaves its covariance, so that all is exact but for these two approximations:

        theta_j ~ N(theta + (mu / eta) H^-1 sum_s (x_s,best - x_s^(3-j)), H^-1 / eta)

    `FGTSLangevin` samples from p_j itself.

    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic, ||theta|| <= B; horizon known (for mu).
    Guarantee: average regret O~(d sqrt(T)) for draws from p_j (abstract of the paper), with a lower bound
    Omega(d sqrt(T)) for infinitely many arms; nothing is proved for the approximation.
    Source: ICML 2024 (arXiv 2404.06013), Algorithm 1, as later papers and code state it; the text was not at hand. From
    there eta = 1 / 4 and mu = 1 / (10 e^B sqrt(T)), its Theorem 5.2; second-hand. With this mu the Feel-Good term moves
    theta by a fraction of its standard deviation: set ``feel_good`` by hand to see it act.
    Deviations: Laplace's method, and the max at a past estimate, as said (of equal arms the first); the prior is
    Gaussian; ties of line 4 at random.
    Outside the assumptions: other links replace the log-loss by the quasi-likelihood of `duel.glm`; with late outcomes
    the max is taken when an outcome is heard.
    Cost: O(K d + d^3) a round.

    Parameters
    ----------
    temper : float > 0
        eta, weight of the likelihood.
    feel_good : float >= 0 or None
        mu; None is 1 / (10 e^B sqrt(T)).
    norm : float > 0
        B, bound on ||theta||; used by the default of mu alone.
    prior : float > 0
        Precision of the Gaussian prior.
    estimator : "exact" or "online"
        See `duel.glm`.
    tolerance : float > 0
        Of the exact estimator.
    """

    temper: float = 0.25
    feel_good: float | None = None
    norm: float = 1.0
    prior: float = 1.0
    estimator: str = "exact"
    tolerance: float = 1e-4

    def check(self, problem: Problem) -> None:
        check(self)
        glm.check(self.estimator, self.prior, self.tolerance)

    def init(self, problem: Problem) -> State:
        d, eta = problem.dimension, self.temper
        return State(
            posterior=_posterior.start(problem, self, width=1.0 / math.sqrt(eta), ridge=self.prior / eta),
            optimism=np.zeros((2, d)),
            shift=np.zeros(d),
            weight=feel_good(self, problem) / eta,
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        refresh(state.posterior)
        first, second = 0, 0
        for j in range(2):  # l.2
            tilt(state, j)
            first, second = second, sampled_best(state.posterior, contexts, state.shift, rng)  # l.3-4
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        theta = state.posterior.estimate.theta
        best, most = 0, -math.inf
        for i in range(len(contexts)):
            value = dot(contexts[i], theta)
            if value > most:
                best, most = i, value
        for k in range(len(theta)):
            state.optimism[0, k] += contexts[best, k] - contexts[second, k]
            state.optimism[1, k] += contexts[best, k] - contexts[first, k]
        if first != second:
            hear(state.posterior, contexts, first, second, outcome)  # l.5
        return state


def tilt(state: State, j: int) -> None:
    """shift = (mu / eta) S sum_s (x_s,best - x_s^(3-j)), which S^T takes to the shift of the mean."""
    matvec(state.posterior.root, state.optimism[j], state.shift)
    for k in range(len(state.shift)):
        state.shift[k] *= state.weight


def feel_good(fields: Any, problem: Problem) -> float:
    """mu, resolved."""
    if fields.feel_good is not None:
        return float(fields.feel_good)
    return 1.0 / (10.0 * math.exp(fields.norm) * math.sqrt(problem.horizon))


def check(fields: Any) -> None:
    """Refuse bad temper, feel_good, norm or prior."""
    for name, value in (("temper", fields.temper), ("norm", fields.norm), ("prior", fields.prior)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise InvalidInput(f"{name} must be a finite number > 0; got {value!r}.")
    if fields.feel_good is not None:
        check_at_least_zero("feel_good", fields.feel_good, "None is 1 / (10 e^norm sqrt(T))")


CARD = Card(
    name="FGTSLaplace",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="li2024feelgood",
    source="ICML 2024, Algorithm 1, second-hand, with Laplace's method for its posterior",
    assumptions=(
        "Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic, ||theta|| <= B",
        "draws from the posterior itself",
        "horizon known",
    ),
    theorems=(
        Theorem(
            statement="Average regret O~(d sqrt(T)) for exact draws (as in the abstract), not proved for this one.",
            metric="average",
            bound=root_bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
            horizons=(500, 1_000, 2_000, 4_000, 8_000),
            runs=32,
        ),
    ),
    deviations=(
        "Gaussian approximation of the posterior; the max of the Feel-Good term at the estimate of its round",
        "ties of the argmax at random",
    ),
    parameters={
        "temper": "1/4 in Theorem 5.2, second-hand",
        "feel_good": "1 / (10 e^B sqrt(T)) in Theorem 5.2, second-hand",
        "prior": "not known",
    },
)
