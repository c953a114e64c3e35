"""Dueling-EXP3 (D-EXP3) for adversarial Borda regret, and its high-probability form."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput

from . import _exponential


class State(NamedTuple):
    player: _exponential.Weights  # log_weight = eta times the estimated cumulative shifted Borda scores
    step_size: float  # eta
    exploration: float  # gamma
    bias: float  # beta; 0 without the high-probability form


class DuelingEXP3(NamedTuple):
    """Exponential weights on importance-weighted Borda scores, against any sequence of matrices [saha2021adversarial].

    ::

        1  eta = (ln K / (T sqrt(K)))^(2/3);  gamma = sqrt(eta K);  q = 1/K [K];  S = 0 [K]
        3  for t = 1, ..., T:
        4      draw x and y from q, independently;  compare;  o = 1 if x wins, else 0
        5      S_x = S_x + o / (K q_x q_y)
               high probability (delta > 0):  S_i = S_i + beta / q_i for all i,  beta = sqrt(ln(K / delta) / (K T))
        7      q_i = (1 - gamma) exp(eta S_i) / sum_j exp(eta S_j) + gamma / K

    Assumptions: none on the sequence of preference matrices; the horizon is known.
    Guarantee: expected shifted Borda regret O((K ln K)^(1/3) T^(2/3)); with delta > 0, O~(K^(1/3) T^(2/3)) with
    probability 1 - delta. The constant 3 of the card is derived: exponential weights with eta S_t <= 1 (which gamma =
    sqrt(eta K) ensures) lose ln K / eta + gamma T + eta sum_t E[sum_i q_i s_i^2], the last expectation is at most
    K / gamma, and each of the three terms is (K ln K)^(1/3) T^(2/3). Borda regret is K / (K - 1) times the shifted.
    Source: ICML 2021, Algorithm 1 (delta = 0) and 2 (delta > 0), read through a public code. Deviations: gamma <= 1,
    which matters only for T < about K ln K. A tie of a ternary environment counts o = 1/2.
    Outside the assumptions: nothing breaks without a Condorcet winner: the Borda winner is its benchmark. It never
    stops exploring at rate gamma, so on a fixed matrix its regret still grows like T^(2/3).
    Cost: O(K) a round.

    Parameters
    ----------
    delta : float in [0, 1)
        0: Algorithm 1. Above 0: Algorithm 2 with that chance of failure.
    """

    delta: float = 0.0

    def check(self, problem: Problem) -> None:
        if not 0 <= self.delta < 1:
            raise InvalidInput(f"delta must be in [0, 1) (0 is the version in expectation); got {self.delta!r}.")

    def init(self, problem: Problem) -> State:
        K, T = problem.arms, problem.horizon
        eta = (math.log(K) / (T * math.sqrt(K))) ** (2.0 / 3.0)  # l.1
        return State(
            player=_exponential.initial(1, K),
            step_size=eta,
            exploration=min(1.0, math.sqrt(eta * K)),
            bias=math.sqrt(math.log(K / self.delta) / (K * T)) if self.delta > 0 else 0.0,
        )

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        _exponential.mix(state.player, 0, state.exploration)  # l.7
        first = _exponential.draw(state.player.chance, 0, rng)  # l.4
        second = _exponential.draw(state.player.chance, 0, rng)
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        s = state.player
        K = s.chance.shape[1]
        if state.bias > 0.0:
            for i in range(K):
                s.log_weight[0, i] += state.step_size * state.bias / s.chance[0, i]
        won = 0.5 * (1 + outcome)
        s.log_weight[0, first] += state.step_size * won / (K * s.chance[0, first] * s.chance[0, second])  # l.5
        return state


def bound(T: float, world: Any) -> float:
    """3 (K ln K)^(1/3) T^(2/3) for the shifted Borda regret, times K / (K - 1) for the Borda regret."""
    K = len(world.borda_gap)
    return 3.0 * (K * math.log(K)) ** (1 / 3) * T ** (2 / 3) * K / (K - 1)


CARD = Card(
    name="DuelingEXP3",
    setting="adversarial dueling bandits, Borda regret, known horizon",
    citation="saha2021adversarial",
    source="ICML 2021, Algorithms 1 and 2",
    assumptions=("the horizon is known",),
    theorems=(
        Theorem(
            statement="Expected Borda regret at most 3 (K ln K)^(1/3) T^(2/3) K / (K - 1), also against an adversary.",
            metric="borda",
            bound=bound,
            instance=Instance("BradleyTerry", utilities=(4.0, 1.0, 0.5, 0.0)),
            horizons=(8_000, 16_000, 32_000, 64_000, 128_000),
            runs=32,
            explicit=True,
        ),
    ),
    deviations=("gamma <= 1",),
    parameters={"delta": "0 = expectation (Algorithm 1); > 0 = high probability (Algorithm 2)"},
)
