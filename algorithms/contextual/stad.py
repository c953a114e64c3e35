"""Sta'D: stagewise adaptive duel."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel import glm, links
from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import uniform_pair
from duel.errors import InvalidInput, positive_integer

from ._layers import Layers, best_living, eliminate, enter, keep, settle, start, wide_pair
from ._linear import default_width, distance


class State(NamedTuple):
    layers: Layers  # stage s of the paper is number s - 1 here
    last: int  # stages
    exploration: int  # t0
    eta: float  # confidence width
    fine: float  # 1 / sqrt(T)


class StaD(NamedTuple):
    """Stages of accuracy 2^-s, each with duels of its own, so that those of a stage are independent given its contexts
    [saha2021optimal].

    ::

        1  t0 uniformly random pairs, given to every stage
        2  for t = t0 + 1, ..., T:  s = 1, G = all arms;  repeat
        3      theta_s = maximum likelihood on phi_s, V_s = sum_{phi_s} z z^T;  p(i, j) = eta ||x_i - x_j||_{V_s^-1}
        4      if p <= 1 / sqrt(T) on G:  i = argmax_G x_i^T theta_s, j = argmax_G x_j^T theta_s + p(j, i)
                  and keep nothing
        5      elif p <= 2^-s on G:  G = {i in G : x_i^T theta_s + 2^-s >= max_G x_j^T theta_s};  s += 1
        6      else: duel any pair of G with p > 2^-s;  phi_s += {t}

    Assumptions: Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic in the paper; context sets iid over rounds; horizon
    known.
    Guarantee: average regret O~(sqrt(d T)), with sqrt(ln K) in the first version.
    Source: NeurIPS 2021, the algorithm of that name, from a public memo that quotes its lines; the text was not at
    hand. Its eta, (3 / (2 kappa)) sqrt(2 ln(3 T K / delta)) with kappa the least slope of F, is remembered
    (`theorem_width`); near 100 at K = 10, T = 10^4.
    Deviations: eta is 2 sqrt(d ln T) by default, the width that the code of VACDB's experiments gives this algorithm
    and its rivals (its stages are coarser by that factor: it compares the width without eta with 2^-s and eliminates at
    eta 2^-s); V and the likelihood carry a ridge; the pair of line 6 is uniform among the wide ones.
    Measured: stage s takes about d eta^2 4^s duels, so that regret is a large multiple of sqrt(d T) from the start and
    the exponent shows early (0.45 for T from 4000 to 128 000 at d = 3, where eta is 10 to 12). A narrow width is no way
    out: at eta = 1 the estimate of a finished stage is wrong by more than 2^-s in many runs, the best arms go, and
    since nothing is learnt there any more regret stays linear (exponent 0.9).
    Cost: O(K d^2 + K^2 d) for every stage passed in a round.

    Parameters
    ----------
    confidence_width : float > 0 or None
        eta; None is 2 sqrt(d ln T).
    exploration : int >= 0 or None
        t0; None is d K.
    stages : int >= 1 or None
        None is ceil(log2(sqrt(T))).
    ridge : float > 0
    tolerance : float > 0
    """

    confidence_width: float | None = None
    exploration: int | None = None
    stages: int | None = None
    ridge: float = 1e-3
    tolerance: float = 1e-4

    def check(self, problem: Problem) -> None:
        if self.confidence_width is not None and not 0 < self.confidence_width < math.inf:
            raise InvalidInput(
                f"confidence_width must be None (2 sqrt(d ln T)) or a finite number > 0; got {self.confidence_width!r}."
            )
        if self.exploration is not None:
            positive_integer("exploration", self.exploration, least=0)
        if self.stages is not None and positive_integer("stages", self.stages) > 60:
            raise InvalidInput(
                f"stages must be None or in 1..60 (the finest accuracy is 2^-stages); got {self.stages}."
            )
        glm.check("exact", self.ridge, self.tolerance)

    def init(self, problem: Problem) -> State:
        K, d, T = problem.arms, problem.dimension, max(problem.horizon, 2)
        S = math.ceil(0.5 * math.log2(T)) if self.stages is None else int(self.stages)
        one = np.ones(max(S, 1))
        return State(
            layers=start(problem, self, len(one), ridge=self.ridge * one, gram=self.ridge * one, unit=one),
            last=len(one),
            exploration=d * K if self.exploration is None else int(self.exploration),
            eta=default_width(problem) if self.confidence_width is None else float(self.confidence_width),
            fine=1.0 / math.sqrt(T),
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        layers = state.layers
        if t <= state.exploration:  # l.1
            layers.level[t] = state.last
            first, second = uniform_pair(rng, len(contexts))
            return state, first, second
        for i in range(len(contexts)):
            layers.alive[i] = 1.0
        level, first, second = -1, 0, 0
        for s in range(state.last):
            accuracy = 0.5 ** (s + 1)
            widest = state.eta * enter(layers, s, contexts)
            if widest <= accuracy or widest <= state.fine:
                settle(layers, s, contexts, widest)  # l.3
            if widest <= state.fine or (s == state.last - 1 and widest <= accuracy):
                first, second = greedy_and_rival(state, rng)  # l.4
                break
            if widest > accuracy:
                level = s
                first, second = wide_pair(layers, accuracy / state.eta, rng)  # l.6
                break
            eliminate(layers, accuracy)  # l.5
        layers.level[t] = level
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        level = state.layers.level[t]
        if level == state.last:
            for s in range(state.last):
                keep(state.layers, s, contexts, first, second, outcome, 1.0)
        elif level >= 0:
            keep(state.layers, level, contexts, first, second, outcome, 1.0)
        return state


def greedy_and_rival(state: State, rng: np.random.Generator) -> tuple[int, int]:
    """The best living arm and the living arm with the largest upper bound on its lead over it (l.4)."""
    layers = state.layers
    for i in range(len(layers.value)):
        layers.value[i] = layers.utility[i]
    first = best_living(layers, rng)
    for j in range(len(layers.value)):
        layers.value[j] = layers.utility[j] + state.eta * distance(layers.white, j, first)
    return first, best_living(layers, rng)


def theorem_width(problem: Problem, *, radius: float = 2.0, delta: float | None = None) -> float:
    """The paper's eta (remembered): (3 / (2 kappa)) sqrt(2 ln(3 T K / delta)), kappa = least F' over |z| <= radius."""
    failure = 1.0 / problem.horizon if delta is None else delta
    return (
        1.5 * links.kappa(problem.link, radius) * math.sqrt(2 * math.log(3 * problem.horizon * problem.arms / failure))
    )


def bound(T: float, world: Any) -> float:
    """sqrt(d T)."""
    return math.sqrt(len(world.theta) * T)


CARD = Card(
    name="StaD",
    setting="contextual dueling bandits with linear utilities, average regret",
    citation="saha2021optimal",
    source="NeurIPS 2021, algorithm Stagewise-Adaptive-Duel, lines as quoted by a public memo; eta remembered",
    assumptions=(
        "Pr(i beats j) = F(theta^T (x_i - x_j)), F logistic",
        "||x|| <= 1 and ||theta|| <= 1",
        "context sets iid over rounds",
        "horizon known",
    ),
    theorems=(
        Theorem(
            statement="Average regret O~(sqrt(d T)) for iid contexts (abstract).",
            metric="average",
            bound=bound,
            instance=Instance("SphereContexts", dimension=3, arms=5, norm=1.0),
            horizons=(1_000, 2_000, 4_000, 8_000),
            runs=24,
        ),
    ),
    deviations=(
        "confidence width 2 sqrt(d ln T), as in VACDB's experiments, in place of the theorem's (theorem_width)",
        "ridge in V and in the likelihood; d K rounds of exploration; the wide pair uniform among such pairs",
    ),
    parameters={"confidence_width": "theorem_width in the theorem, remembered; 2 sqrt(d ln T) in the code of VACDB"},
)
