"""Sparring with EXP3."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput

from . import _exponential


class State(NamedTuple):
    players: _exponential.Weights  # the two EXP3 players
    exploration: float  # gamma


class SparringEXP3(NamedTuple):
    """Two EXP3 players, one for each place in the duel; each is paid 1 for a win [ailon2014reducing; auer2002exp3].

    ::

        1  gamma = min(1, sqrt(K ln K / ((e - 1) T)));  w = 1 [K] for each player
        2  for t = 1, ..., T:
        3      each player: p_k = (1 - gamma) w_k / sum w + gamma / K;  draw its arm from p
        4      compare;  the winner's reward is 1, the loser's 0
        5      each player, for its arm k: w_k = w_k exp(gamma reward / (p_k K))

    Assumptions: none on the sequence of preference matrices, as long as one arm is at least as good as every other in
    all of them (a Condorcet winner for average regret). The horizon is known.
    Guarantee: expected average regret at most 2 sqrt(e - 1) sqrt(T K ln K). (EXP3's bound holds against any adversary
    [auer2002exp3, Corollary 3.2]; for the winner w the two players' regrets are sum P(w, b_t) - P(a_t, b_t) and
    sum P(w, a_t) - P(b_t, a_t), and their sum is twice the average regret.)
    Source: ICML 2014, Algorithm 3 (Sparring); SICOMP 2002, EXP3. Deviations: none. A tie pays 1/2 to each.
    Outside the assumptions: without a Condorcet winner the same sum bounds the regret against every fixed arm's win
    rate, so that the average plays approach the von Neumann mixture [dudik2015contextual]; they need not settle.
    Cost: O(K) a round.

    Parameters
    ----------
    exploration : float in [0, 1]
        gamma; 0 takes the value of line 1.
    """

    exploration: float = 0.0

    def check(self, problem: Problem) -> None:
        if not 0 <= self.exploration <= 1:
            raise InvalidInput(
                f"exploration must be in [0, 1] (0 takes the theorem's gamma); got {self.exploration!r}."
            )

    def init(self, problem: Problem) -> State:
        K, T = problem.arms, problem.horizon
        gamma = self.exploration or min(1.0, math.sqrt(K * math.log(K) / ((math.e - 1.0) * T)))  # l.1
        return State(players=_exponential.initial(2, K), exploration=gamma)

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        _exponential.mix(state.players, 0, state.exploration)  # l.3
        _exponential.mix(state.players, 1, state.exploration)
        first = _exponential.draw(state.players.chance, 0, rng)
        second = _exponential.draw(state.players.chance, 1, rng)
        return state, first, second

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        s = state.players
        rate = state.exploration / s.chance.shape[1]
        s.log_weight[0, first] += rate * 0.5 * (1 + outcome) / s.chance[0, first]  # l.5
        s.log_weight[1, second] += rate * 0.5 * (1 - outcome) / s.chance[1, second]
        return state


def bound(T: float, world: Any) -> float:
    """2 sqrt(e - 1) sqrt(T K ln K)."""
    K = len(world.gap)
    return 2.0 * math.sqrt((math.e - 1.0) * T * K * math.log(K))


CARD = Card(
    name="SparringEXP3",
    setting="adversarial dueling bandits with a Condorcet winner, average regret, known horizon",
    citation="ailon2014reducing",
    source="ICML 2014, Algorithm 3; EXP3 of auer2002exp3",
    assumptions=("a Condorcet winner (of every round's matrix)", "the horizon is known"),
    theorems=(
        Theorem(
            statement="Expected average regret at most 2 sqrt(e - 1) sqrt(T K ln K), also against an adversary.",
            metric="average",
            bound=bound,
            instance=Instance("BradleyTerry", utilities=(2.0, 1.5, 1.0, 0.5, 0.0)),
            explicit=True,
        ),
    ),
    parameters={"exploration": "gamma; 0 takes min(1, sqrt(K ln K / ((e - 1) T)))"},
)
