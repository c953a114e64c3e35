"""CoLSTIM with a stochastic-gradient estimate in place of the maximum likelihood estimate."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import random_argmax, uniform_pair
from duel.errors import InvalidInput
from duel.linalg import add_outer, dot, inverse_root, root_update
from duel.links import cdf, code

from ._linear import REFACTOR, rate
from .colstim import CoLSTIM, bound, challenge, coin, perturb


class DescentState(NamedTuple):
    theta: np.ndarray  # [d] what decisions are made with: the average, or the last iterate
    last: np.ndarray  # [d] the iterate
    steps: np.ndarray  # int64 [1] duels so far


class State(NamedTuple):
    estimate: DescentState  # theta, in the place of `duel.glm.Estimate`
    gram: np.ndarray  # [d, d] M = ridge I + sum of z z^T
    root: np.ndarray  # [d, d] S with S^T S = M^-1
    white: np.ndarray  # [K, d] S x_i, so that ||x_i - x_j||_{M^-1} = |S x_i - S x_j|
    utility: np.ndarray  # [K] x_i^T theta
    value: np.ndarray  # [K] what an argmax is taken of
    work: np.ndarray  # [3, d] workspace: the contrast z and two rows
    square: np.ndarray  # [d, d] workspace
    link: int  # code of F, whose noise G is
    exploration: int  # tau
    width: float  # c1
    threshold: float  # C_thresh
    coin: float  # sqrt(d ln(d T)), so that p_t = min(1, coin / sqrt(t - tau))
    fixed_coin: float  # p_t if given as a constant, else -1


class CoLSTIMSGD(NamedTuple):
    """CoLSTIM whose line 6 is one gradient step a duel [bengs2022colstim].

    ::

        6  theta_n = theta_(n-1) + gamma n^-alpha (o_n - F(z_n^T theta_(n-1))) z_n   after the n-th duel of two arms,
           and decisions are made with the average (theta_1 + ... + theta_n) / n

    All else is `CoLSTIM`, whose ``estimator="online"`` is second order (an implicit Newton step a duel). This one costs
    O(d): a step along z has the same size whatever is known of that direction. Regret at T = 10 000 on the sphere, this
    one against the exact estimate: d = 5, K = 10: 455 (standard error 19) and 485 (15); static arms 261 (41) and 288
    (49); d = 10, K = 20: 1120 and 915.

    Assumptions: as `CoLSTIM`.
    Guarantee: the paper is said to allow such an estimate (its section 3.2.3, second-hand); no rate is known to us.
    Source: gamma = 2, alpha = 0.6 with averaging and gamma = 1, alpha = 0.1 without are in later code of the group, for
    choices from subsets; both second-hand. The latter does not converge, since the noise of a step falls as n^-0.1:
    on fresh contexts it does no harm (431), on static arms some runs never settle (906, standard error 409).
    Deviations: as `CoLSTIM`. Regret in the paper's experiments with this form: not known.
    Cost: O(K d^2) a round.

    Parameters
    ----------
    step_size : float > 0
        gamma.
    decay : float in [0, 1]
        alpha.
    average : bool
        Decide with the average of the iterates (Polyak and Ruppert), or with the last.
    confidence_width, threshold, exploration, independence
        As in `CoLSTIM`.
    ridge : float > 0
        Of M.
    """

    step_size: float = 2.0
    decay: float = 0.6
    average: bool = True
    confidence_width: float | None = None
    threshold: float | None = None
    exploration: int | None = None
    independence: float | None = None
    ridge: float = 1e-3

    def check(self, problem: Problem) -> None:
        gamma = self.step_size
        if isinstance(gamma, bool) or not isinstance(gamma, int | float) or not 0 < gamma < math.inf:
            raise InvalidInput(f"step_size must be a finite number > 0, for example 2; got {gamma!r}.")
        if not 0 <= self.decay <= 1:
            raise InvalidInput(f"decay must be in [0, 1], for example 0.6; got {self.decay!r}.")
        if not isinstance(self.average, bool):
            raise InvalidInput(f"average must be True or False; got {self.average!r}.")
        twin(self).check(problem)

    def init(self, problem: Problem) -> State:
        like, d = twin(self).init(problem), problem.dimension
        return State(
            estimate=DescentState(theta=np.zeros(d), last=np.zeros(d), steps=np.zeros(1, dtype=np.int64)),
            gram=like.gram,
            root=like.root,
            white=like.white,
            utility=like.utility,
            value=like.value,
            work=like.work,
            square=np.zeros((d, d)),
            link=code(problem.link),
            exploration=like.exploration,
            width=like.width,
            threshold=like.threshold,
            coin=like.coin,
            fixed_coin=like.fixed_coin,
        )

    def select(self, state: Any, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        if t <= state.exploration:  # l.1
            first, second = uniform_pair(rng, len(contexts))
            return state, first, second
        rate(state, contexts)
        perturb(state, coin(state, t, rng), rng)
        first = random_argmax(state.value, rng)  # l.14
        challenge(state, first)
        second = random_argmax(state.value, rng)  # l.15
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first == second:
            return state
        z = state.work[0]
        for k in range(len(z)):
            z[k] = contexts[first, k] - contexts[second, k]
        theta, last = state.estimate.theta, state.estimate.last
        state.estimate.steps[0] += 1
        n = state.estimate.steps[0]
        residual = 0.5 * (1.0 + outcome) - cdf(state.link, dot(z, last))
        size = self.step_size * math.exp(-self.decay * math.log(n + 0.0)) * residual
        for k in range(len(z)):
            last[k] += size * z[k]  # l.6
            theta[k] = theta[k] + (last[k] - theta[k]) / n if self.average else last[k]
        add_outer(state.gram, z, 1.0)  # l.16
        if t % REFACTOR == 0:
            inverse_root(state.gram, state.root, state.square)
        else:
            root_update(state.root, z, 1.0, state.work[1:])
        return state


def twin(fields: CoLSTIMSGD) -> CoLSTIM:
    """CoLSTIM with the same fields, for their checks and defaults."""
    return CoLSTIM(
        confidence_width=fields.confidence_width,
        threshold=fields.threshold,
        exploration=fields.exploration,
        independence=fields.independence,
        estimator="online",
        ridge=fields.ridge,
    )


CARD = Card(
    name="CoLSTIMSGD",
    setting="contextual dueling bandits with linear utilities, average and weak regret",
    citation="bengs2022colstim",
    source="ICML 2022, Algorithm 1 with the estimate of section 3.2.3, second-hand; step sizes of later code",
    assumptions=(
        "Pr(i beats j) = F(theta^T (x_i - x_j)), F known and symmetric",
        "||x|| <= 1 and ||theta|| <= 1",
        "contexts iid over rounds, contrasts of random pairs with covariance bounded below",
        "horizon known",
    ),
    theorems=(
        Theorem(
            statement="Average regret O~(sqrt(d T)) is proved for the maximum likelihood estimate, not for this one.",
            metric="average",
            bound=bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
            horizons=(500, 1_000, 2_000, 4_000, 8_000),
            runs=32,
        ),
    ),
    deviations=("ridge in M; ties of the argmax at random",),
    parameters={"step_size, decay": "2 and 0.6 averaged, or 1 and 0.1 not averaged, in later code of the group"},
)
