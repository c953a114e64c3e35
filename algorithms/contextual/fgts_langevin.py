"""FGTS.CDB: Feel-Good Thompson sampling for contextual dueling bandits, by Langevin dynamics."""

import math
from typing import NamedTuple

import numpy as np

from duel import glm
from duel.bandits import Problem
from duel.card import Card, Comparison, Instance, Theorem
from duel.draws import random_argmax, uniform_index
from duel.errors import InvalidInput, positive_integer
from duel.glm import Estimate, solve
from duel.linalg import dot, matvec
from duel.links import cdf, code, derivative

from ._linear import learn, root_bound
from .fgts_laplace import check, feel_good


class State(NamedTuple):
    estimate: Estimate  # mode of prior and losses, about which gradients are taken
    gram: np.ndarray  # [d, d] M = (ridge / F'(0)) I + sum of z z^T
    root: np.ndarray  # [d, d] S with S^T S = M^-1, which preconditions
    chains: np.ndarray  # [2, d] theta_1 and theta_2, carried on from round to round
    count: np.ndarray  # int64 [2] rounds kept, those of them with different arms
    contexts: np.ndarray  # [T, K, d] arms of each round kept
    other: np.ndarray  # [2, d] sum over rounds of x_s^(3-j)
    contrasts: np.ndarray  # [T, d] z of each duel kept
    utility: np.ndarray  # [K]
    work: np.ndarray  # [5, d] workspace: a contrast and two rows for `learn`; gradient, step
    link: int  # code of F
    prior: float  # precision of the prior
    temper: float  # eta
    feel_good: float  # mu
    drift: float  # h / (eta F'(0))
    noise: float  # sqrt(2 h / (eta F'(0)))


class FGTSLangevin(NamedTuple):
    """Two draws from posteriors that reward belief in an unseen better arm; their best arms duel [li2024feelgood].

    ::

        1  for t = 1, ..., T:
        2      for j = 1, 2, independently:
        3          theta_j ~ p_j(theta) ~ N(theta; 0, I / prior) exp(-sum_s L_j,s(theta)),
                   L_j,s = eta loss_s(theta) - mu max_a theta^T (x_s,a - x_s^(3-j))
        4          a_j = argmax_i x_i^T theta_j
        5      duel (a_1, a_2), keep contexts, arms and outcome                          # a_1 = a_2 allowed

    loss_s is the log-loss of the duel, x_s^(3-j) the arm that the *other* draw chose. Line 3 is stochastic-gradient
    Langevin dynamics: two chains go on from where they were in the round before, `steps` times

        theta_j <- theta_j - h P g + sqrt(2 h) P^(1/2) xi,   xi ~ N(0, I)

    g an unbiased estimate of the gradient of -ln p_j: `batch` losses and `batch` maxima, drawn anew with replacement
    (all, while there are no more), and what is linear exactly.

    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic, ||theta|| <= B; horizon known (for mu).
    Guarantee: average regret O~(d sqrt(T)) for draws from p_j (abstract of the paper), with a lower bound
    Omega(d sqrt(T)) for infinitely many arms. Nothing is proved for a chain of a few steps.
    Source: ICML 2024 (arXiv 2404.06013), Algorithm 1, as later papers and code state it; the text was not at hand. From
    there eta = 1 / 4, mu = 1 / (10 e^B sqrt(T)) (its Theorem 5.2), and that it samples by SGLD.
    Deviations: two that make SGLD a sampler and not a hot optimiser. Losses are differences from their value at the
    mode, which the exact estimator knows (control variates), so that the noise of a batch does not drown xi. And
    P = M^-1 / (eta F'(0)), which bounds the inverse curvature from below: h in (0, 1) is stable whatever is played, and
    few steps mix however narrow the played contrasts. The prior is Gaussian; ties at random.
    Outside the assumptions: other links replace the log-loss by the quasi-likelihood of `duel.glm`.
    Cost: O(steps batch K d) a round, whatever the number of rounds before; memory T K d.

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
    steps : int >= 1
        Of each chain in a round.
    step_size : float in (0, 1)
        h; the variance of the chain is too large by a factor of at most 1 / (1 - h / 2).
    batch : int >= 1
    tolerance : float > 0
        Of the exact estimator.
    """

    temper: float = 0.25
    feel_good: float | None = None
    norm: float = 1.0
    prior: float = 1.0
    steps: int = 4
    step_size: float = 0.25
    batch: int = 32
    tolerance: float = 1e-4

    def check(self, problem: Problem) -> None:
        check(self)
        positive_integer("steps", self.steps)
        positive_integer("batch", self.batch)
        if not 0 < self.step_size < 1:
            raise InvalidInput(f"step_size must be in (0, 1), where the chain is stable; got {self.step_size!r}.")
        glm.check("exact", self.prior, self.tolerance)

    def init(self, problem: Problem) -> State:
        K, d, T = problem.arms, problem.dimension, problem.horizon
        link, ridge = code(problem.link), self.prior / self.temper
        top = derivative(link, 0.0)
        speed = self.step_size / (self.temper * top)
        return State(
            estimate=glm.start(d, T, problem.link, ridge=ridge, tolerance=self.tolerance),
            gram=ridge / top * np.eye(d),
            root=np.eye(d) / math.sqrt(ridge / top),
            chains=np.zeros((2, d)),
            count=np.zeros(2, dtype=np.int64),
            contexts=np.zeros((T, K, d)),
            other=np.zeros((2, d)),
            contrasts=np.zeros((T, d)),
            utility=np.zeros(K),
            work=np.zeros((5, d)),
            link=link,
            prior=float(self.prior),
            temper=float(self.temper),
            feel_good=feel_good(self, problem),
            drift=speed,
            noise=math.sqrt(2 * speed),
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        solve(state.estimate)
        first, second = 0, 0
        for j in range(2):  # l.2
            first, second = second, sampled_best(state, contexts, j, self.steps, self.batch, rng)  # l.3-4
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        n, m = state.count[0], state.count[1]
        for i in range(len(contexts)):
            for k in range(contexts.shape[1]):
                state.contexts[n, i, k] = contexts[i, k]
        for k in range(contexts.shape[1]):
            state.other[0, k] += contexts[second, k]
            state.other[1, k] += contexts[first, k]
            state.contrasts[m, k] = contexts[first, k] - contexts[second, k]
        state.count[0] = n + 1
        if first != second:
            state.count[1] = m + 1
            learn(state, contexts, t, first, second, outcome)  # l.5
        return state


def sampled_best(state: State, contexts: np.ndarray, j: int, steps: int, batch: int, rng: np.random.Generator) -> int:
    """Move chain j by `steps`, then the best arm of its theta (l.3-4)."""
    theta, step = state.chains[j], state.work[4]
    for _ in range(steps):
        gradient(state, j, batch, rng)
        matvec(state.root, state.work[3], step)
        for k in range(len(theta)):
            step[k] = state.noise * rng.standard_normal() - state.drift * step[k]
        for i in range(len(theta)):
            for k in range(len(theta)):
                theta[k] += state.root[i, k] * step[i]
    for i in range(len(contexts)):
        state.utility[i] = dot(contexts[i], theta)
    return random_argmax(state.utility, rng)


def gradient(state: State, j: int, batch: int, rng: np.random.Generator) -> None:
    """work[3] = estimate of the gradient of -ln p_j at chain j: prior (theta - mode) + the losses' and the maxima's."""
    g, theta, mode, z = state.work[3], state.chains[j], state.estimate.theta, state.work[0]
    n, m, d = state.count[0], state.count[1], len(theta)
    for k in range(d):
        g[k] = state.prior * (theta[k] - mode[k]) + state.feel_good * state.other[j, k]
    drawn = min(m, batch)
    for b in range(drawn):
        s = b if m <= batch else uniform_index(rng, m)
        for k in range(d):
            z[k] = state.contrasts[s, k]
        excess = cdf(state.link, dot(z, theta)) - cdf(state.link, dot(z, mode))
        scaled = state.temper * excess * (m / drawn)
        for k in range(d):
            g[k] += scaled * z[k]
    drawn = min(n, batch) if state.feel_good > 0.0 else 0
    for b in range(drawn):
        s = b if n <= batch else uniform_index(rng, n)
        best, most = 0, -math.inf
        for i in range(state.contexts.shape[1]):
            value = dot(state.contexts[s, i], theta)
            if value > most:
                best, most = i, value
        scaled = state.feel_good * (n / drawn)
        for k in range(d):
            g[k] -= scaled * state.contexts[s, best, k]


CARD = Card(
    name="FGTSLangevin",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="li2024feelgood",
    source="ICML 2024, Algorithm 1, second-hand, sampled by stochastic-gradient Langevin dynamics",
    assumptions=(
        "Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic, ||theta|| <= B",
        "draws from the posterior itself",
        "horizon known",
    ),
    theorems=(
        Theorem(
            statement="Average regret O~(d sqrt(T)) for exact draws (as in the abstract).",
            metric="average",
            bound=root_bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
            horizons=(500, 1_000, 2_000, 4_000, 8_000),
            runs=32,
        ),
    ),
    comparisons=tuple(
        Comparison(
            statement=f"Less regret than {rival} (abstract: existing algorithms are outperformed by a large margin).",
            rival=rival,
            metric="average",
            instance=Instance("SphereContexts", dimension=5, arms=10, norm=1.0),
            horizon=4_000,
            runs=32,
            remark=remark,
        )
        for rival, remark in (
            ("CoLSTIM", "eta = 1/4 doubles the noise of a draw; with eta = 1 the claim holds (234 against 298)"),
            ("MaxInP", ""),
        )
    ),
    deviations=(
        "control variates at the mode, and preconditioned steps; Gaussian prior",
        "ties of the argmax at random",
    ),
    parameters={
        "temper": "1/4 in Theorem 5.2, second-hand",
        "feel_good": "1 / (10 e^B sqrt(T)) in Theorem 5.2, second-hand",
        "steps, step_size, batch, prior": "not known",
    },
)
