"""REX3: relative exponential weights for adversarial duels."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput

from . import _exponential


class State(NamedTuple):
    player: _exponential.Weights  # one distribution for both arms
    exploration: float  # gamma


class REX3(NamedTuple):
    """Both arms from one EXP3 distribution; the winner's weight rises, the loser's falls [gajane2015relative].

    ::

        1  gamma = min(1/2, sqrt(K ln K / (e T)));  w = 1 [K]
        2  for t = 1, ..., T:
        3      p_k = (1 - gamma) w_k / sum w + gamma / K
        4      draw a and b from p, independently
        5      compare;  o = 1/2 if a wins, -1/2 if b wins, 0 for a tie
        6      w_a = w_a exp(gamma / K  o / (2 p_a));  w_b = w_b exp(-gamma / K  o / (2 p_b))     (nothing if a = b)

    Assumptions: utilities x_t in [0, 1] chosen by an adversary, P_t(i beats j) = (1 + x_ti - x_tj) / 2. Known horizon.
    Guarantee: expected regret against the best fixed arm O(sqrt(T K ln K)) (Theorem 1).
    Source: ICML 2015, Algorithm 1; the update is remembered, and checked: the terms o / (2 p) of
    line 6 have the mean sum_b p_b E o(k, b), the gain of k over the player's own mixture. (One public code has o = 1
    and no 2: four times the step.) Deviations: weights are kept as logarithms.
    Outside the assumptions: the estimate is unbiased for every preference matrix, so that with a Condorcet winner
    average regret is still O(sqrt(T K ln K)); without one the play circles.
    Cost: O(K) a round.

    Parameters
    ----------
    exploration : float in [0, 1/2]
        gamma; 0 takes the value of line 1.
    """

    exploration: float = 0.0

    def check(self, problem: Problem) -> None:
        if not 0 <= self.exploration <= 0.5:
            raise InvalidInput(f"exploration must be in [0, 1/2] (0 takes the tuned gamma); got {self.exploration!r}.")

    def init(self, problem: Problem) -> State:
        K, T = problem.arms, problem.horizon
        gamma = self.exploration or min(0.5, math.sqrt(K * math.log(K) / (math.e * T)))  # l.1
        return State(player=_exponential.initial(1, K), exploration=gamma)

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        _exponential.mix(state.player, 0, state.exploration)  # l.3
        first = _exponential.draw(state.player.chance, 0, rng)  # l.4
        second = _exponential.draw(state.player.chance, 0, rng)
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        s = state.player
        if first != second:
            step = 0.25 * outcome * state.exploration / s.chance.shape[1]
            s.log_weight[0, first] += step / s.chance[0, first]  # l.6
            s.log_weight[0, second] -= step / s.chance[0, second]
        return state


def bound(T: float, world: Any) -> float:
    """The rate sqrt(T K ln K)."""
    K = len(world.gap)
    return math.sqrt(T * K * math.log(K))


CARD = Card(
    name="REX3",
    setting="adversarial utility-based dueling bandits, average regret, known horizon",
    citation="gajane2015relative",
    source="ICML 2015, Algorithm 1",
    assumptions=("utilities with a linear link, chosen by an adversary", "the horizon is known"),
    theorems=(
        Theorem(
            statement="Expected regret O(sqrt(T K ln K)) against the best fixed arm.",
            metric="average",
            bound=bound,
            instance=Instance(
                "PreferenceMatrix",
                P=((0.5, 0.8, 0.85, 0.9), (0.2, 0.5, 0.55, 0.6), (0.15, 0.45, 0.5, 0.55), (0.1, 0.4, 0.45, 0.5)),
            ),
        ),
    ),
    deviations=("weights are kept as logarithms",),
    parameters={"exploration": "gamma; 0 takes min(1/2, sqrt(K ln K / (e T)))"},
)
