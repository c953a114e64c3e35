"""MaxInP: maximum-informative-pair.

Longer than 150 lines: the theorem's width beside the default, and a state that compiled code has to spell out anew.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from duel import glm
from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import uniform_index, uniform_pair
from duel.errors import InvalidInput, positive_integer
from duel.glm import Estimate, solve
from duel.linalg import cholesky
from duel.links import kappa

from ._linear import learn, rate


class State(NamedTuple):
    estimate: Estimate  # theta and the duels behind it
    gram: np.ndarray  # [d, d] V = ridge I + sum of z z^T
    root: np.ndarray  # [d, d] S with S^T S = V^-1
    white: np.ndarray  # [K, d] S x_i, so that ||x_i - x_j||_{V^-1} = |S x_i - S x_j|
    utility: np.ndarray  # [K] x_i^T theta
    width: np.ndarray  # [K, K] ||x_i - x_j||_{V^-1}
    candidates: np.ndarray  # int64 [K] the arms of C, in its first places
    work: np.ndarray  # [3, d] workspace: the contrast z and two rows
    explored: bool  # whether the exploration phase is over
    exploration: int  # t0, or its cap if it ends with lambda_min(V) >= 1
    adaptive: bool  # whether it does
    eta: float  # confidence width


class MaxInP(NamedTuple):
    """Duels the least known pair among the arms that may still be best [saha2021optimal].

    ::

        1  for t = 1, ..., t0: duel a uniformly random pair of distinct arms, until lambda_min(V) >= 1
        2  V = sum of z z^T over these duels, z = x_first - x_second
        3  for t = t0 + 1, ..., T:
        4      theta = maximum likelihood estimate on all duels so far
        5      C = {i : (x_i - x_j)^T theta + eta ||x_i - x_j||_{V^-1} > 0 for all j != i}
        6      (i, j) = argmax over C x C of ||x_i - x_j||_{V^-1}
        7      duel (i, j); V += z z^T

    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic in the paper, ||theta|| <= 1 and ||x|| <= 1; a fresh
    iid set of K features in every round; horizon known.
    Guarantee: average regret O~(d sqrt(T)) (abstract of the paper).
    Source: NeurIPS 2021 (extended from arXiv 2002.08583), the algorithm of that name; remembered, the text was not at
    hand. Its eta, (1 / (2 kappa)) sqrt((d / 2) ln(1 + 2 T / d) + ln(1 / delta)) with kappa the least slope of F, is
    remembered too (`theorem_width`): about 25 for d = 5, T = 10^4, with which no arm leaves C for thousands of rounds.
    Deviations: eta is 2 sqrt(d ln T) by default, the value in the code of VACDB's experiments (half of it is too small:
    on static arms some runs then drop the best arm for good); V and the likelihood carry a ridge; line 5 has >= in
    place of >, so that two copies of the best arm stay in C; exploration ends at d K rounds at the latest (contexts
    that do not span R^d never reach lambda_min = 1). A lone candidate duels itself. Ties of the argmax at random. A
    tied duel counts half a win.
    Cost: O(K d^2 + K^2 d + d^3) a round, and now and then a scan of the distinct contrasts seen so far.

    Parameters
    ----------
    confidence_width : float > 0 or None
        eta; None is 2 sqrt(d ln T).
    exploration : int >= 0 or None
        t0 as a number of rounds; None is: until lambda_min(V) >= 1, at most d K rounds.
    estimator : "exact" or "online"
        See `duel.glm`.
    ridge : float > 0
    tolerance : float > 0
        Of the exact estimator.
    """

    confidence_width: float | None = None
    exploration: int | None = None
    estimator: str = "exact"
    ridge: float = 1e-3
    tolerance: float = 1e-4

    def check(self, problem: Problem) -> None:
        if self.confidence_width is not None and not 0 < self.confidence_width < math.inf:
            raise InvalidInput(
                f"confidence_width must be None (2 sqrt(d ln T)) or a finite number > 0; got {self.confidence_width!r}."
            )
        if self.exploration is not None:
            positive_integer("exploration", self.exploration, least=0)
        glm.check(self.estimator, self.ridge, self.tolerance)

    def init(self, problem: Problem) -> State:
        K, d, T = problem.arms, problem.dimension, problem.horizon
        exploration = d * K if self.exploration is None else int(self.exploration)
        capacity = T if self.estimator == "exact" else min(T, max(1, exploration))
        return State(
            estimate=glm.start(
                d, capacity, problem.link, estimator=self.estimator, ridge=self.ridge, tolerance=self.tolerance
            ),
            gram=self.ridge * np.eye(d),
            root=np.eye(d) / math.sqrt(self.ridge),
            white=np.zeros((K, d)),
            utility=np.zeros(K),
            width=np.zeros((K, K)),
            candidates=np.zeros(K, dtype=np.int64),
            work=np.zeros((3, d)),
            explored=False,
            exploration=exploration,
            adaptive=self.exploration is None,
            eta=2 * math.sqrt(d * math.log(max(T, 2))) if self.confidence_width is None else self.confidence_width,
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        if not state.explored:
            if t <= state.exploration and not (state.adaptive and spanned(state)):  # l.1
                first, second = uniform_pair(rng, len(contexts))
                return state, first, second
            state = with_explored(state)
        solve(state.estimate)  # l.4
        rate(state, contexts)
        measure(state)
        count = plausible(state)  # l.5
        first, second = widest(state, count, rng)  # l.6
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first != second:
            learn(state, contexts, t, first, second, outcome)  # l.7
        return state


def spanned(state: State) -> bool:
    """Whether lambda_min(V) > 1: V - I is positive definite."""
    return cholesky(state.gram, state.estimate.square[0], 1.0)


def measure(state: State) -> None:
    """Widths of all pairs."""
    K, d = state.white.shape
    for i in range(K):
        for j in range(i):
            square = 0.0
            for k in range(d):
                gap = state.white[i, k] - state.white[j, k]
                square += gap * gap
            state.width[i, j] = math.sqrt(square)
            state.width[j, i] = state.width[i, j]


def plausible(state: State) -> int:
    """Put C, the arms that no other beats for certain, into `candidates`; returns their number (at least 1)."""
    count = 0
    for i in range(len(state.utility)):
        keep = True
        for j in range(len(state.utility)):
            if state.utility[i] - state.utility[j] + state.eta * state.width[i, j] < 0.0:
                keep = False
                break
        if keep:
            state.candidates[count] = i
            count += 1
    return count


def widest(state: State, count: int, rng: np.random.Generator) -> tuple[int, int]:
    """The pair of candidates with the largest width, ties at random; a lone candidate with itself."""
    first, second = state.candidates[0], state.candidates[0]
    best, ties = -1.0, 0
    for a in range(count):
        for b in range(a):
            i, j = state.candidates[a], state.candidates[b]
            if state.width[i, j] >= best:
                ties = ties + 1 if state.width[i, j] == best else 1
                if ties == 1 or uniform_index(rng, ties) == 0:
                    best, first, second = state.width[i, j], i, j
    return first, second


def with_explored(state: State) -> State:
    """The state after exploration."""
    return State(
        estimate=state.estimate,
        gram=state.gram,
        root=state.root,
        white=state.white,
        utility=state.utility,
        width=state.width,
        candidates=state.candidates,
        work=state.work,
        explored=True,
        exploration=state.exploration,
        adaptive=state.adaptive,
        eta=state.eta,
    )


def theorem_width(problem: Problem, *, radius: float = 2.0, delta: float | None = None) -> float:
    """The paper's eta (remembered): (1 / (2 kappa)) sqrt((d / 2) ln(1 + 2 T / d) + ln(1 / delta)).

    kappa is the least F' over |z| <= `radius` (2 for ||x|| <= 1, ||theta|| <= 1); `delta` is 1 / T if None.
    """
    d, T = problem.dimension, problem.horizon
    failure = 1.0 / T if delta is None else delta
    return 0.5 * kappa(problem.link, radius) * math.sqrt(d / 2 * math.log(1 + 2 * T / d) + math.log(1 / failure))


def bound(T: float, world: Any) -> float:
    """d sqrt(T), without the theorem's constants and logarithms."""
    return len(world.theta) * math.sqrt(T)


CARD = Card(
    name="MaxInP",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="saha2021optimal",
    source="NeurIPS 2021, algorithm Maximum-Informative-Pair; remembered",
    assumptions=(
        "Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic",
        "||x|| <= 1 and ||theta|| <= 1",
        "context sets iid over rounds",
        "horizon known",
    ),
    theorems=(
        Theorem(
            statement="Average regret O~(d sqrt(T)) for iid context sets (as in the abstract).",
            metric="average",
            bound=bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
        ),
    ),
    deviations=(
        "confidence width 2 sqrt(d ln T), as in VACDB's experiments, in place of the theorem's (theorem_width)",
        "ridge in V and in the likelihood; >= in the definition of C; exploration capped at d K rounds",
    ),
    parameters={"confidence_width": "theorem_width in the theorem, remembered; 2 sqrt(d ln T) in the code of VACDB"},
)
