"""Winner Stays for strong regret (WS-S)."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput

from . import _winner_stays


class State(NamedTuple):
    core: _winner_stays.State  # WS-W
    best: int  # Z(l), the winner of the last round; -1 before the end of the first
    exploit: int  # duels of Z(l) with itself that are left


class WinnerStaysStrong(NamedTuple):
    """Winner Stays with exploitation: after each round of WS-W its winner meets itself beta^l times [chen2017weak].

    ::

        1  for l = 1, 2, ...:
        2      run round l of WS-W                                   # see WinnerStaysWeak
        3      Z(l) = the winner of round l
        4      floor(beta^l) times: play Z(l) against itself, learn nothing

    Assumptions: a Condorcet winner exists, and 1 < beta < p / (1 - p) with p the smallest chance with which it beats
    another arm. The horizon is not used.
    Guarantee: expected strong regret O(K^2 + K ln T), O(K ln K + K ln T) under a total order (Theorems 3 and 4).
    Source: ICML 2017, Algorithm 2. A *round* of WS-W lets every arm play; published libraries that run a single duel
    there explore ln T times in all, which is linear regret. Deviations: none; a tie leaves C as it is.
    The condition on beta (remembered, and derived): the winner is missed in round l with probability of order
    ((1 - p) / p)^l, so a larger beta makes the expected regret of line 4 grow like a power of T.
    Outside the assumptions: as WS-W; each exploitation phase then plays whichever arm won last.
    Cost: O(1) a round.

    Parameters
    ----------
    growth : float > 1
        beta; 1.1 in the paper's experiments (remembered).
    """

    growth: float = 1.1

    def check(self, problem: Problem) -> None:
        if not 1 < self.growth < math.inf:
            raise InvalidInput(
                f"growth must be a finite number > 1 (below p / (1 - p) for the theorem); got {self.growth!r}."
            )

    def init(self, problem: Problem) -> State:
        return State(core=_winner_stays.initial(problem.arms), best=-1, exploit=0)

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        if state.exploit > 0:
            return state, state.best, state.best  # l.4
        core = _winner_stays.ready(state.core, rng)  # l.2
        return State(core=core, best=state.best, exploit=0), core.incumbent, core.challenger

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if state.exploit > 0:
            return State(core=state.core, best=state.best, exploit=state.exploit - 1)
        core = _winner_stays.after(state.core, outcome)
        best, exploit = state.best, 0
        if core.round > state.core.round:
            best = core.incumbent  # l.3
            length = math.exp(min(state.core.round * math.log(self.growth), 40.0))
            exploit = math.floor(length * (1.0 + 1e-12))
        return State(core=core, best=best, exploit=exploit)


def bound(T: float, world: Any) -> float:
    """The rate under a total order without its constant: K ln K + K ln T."""
    K = len(world.gap)
    return K * math.log(K) + K * math.log(T)


CARD = Card(
    name="WinnerStaysStrong",
    setting="Condorcet dueling bandits, strong regret",
    citation="chen2017weak",
    source="ICML 2017, Algorithm 2",
    assumptions=("a Condorcet winner exists", "1 < beta < p / (1 - p), p its smallest winning chance"),
    theorems=(
        Theorem(
            statement="Expected strong regret O(K ln K + K ln T) under a total order.",
            metric="strong",
            bound=bound,
            anytime=True,
            instance=Instance("BradleyTerry", utilities=(2.0, 1.5, 1.0, 0.5, 0.0)),
            horizons=(8_000, 16_000, 32_000, 64_000, 128_000),
        ),
    ),
    parameters={"growth": "beta; 1.1 in the paper's experiments (remembered); < p / (1 - p) in the theorem"},
)
