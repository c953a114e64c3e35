"""RUCB, first published version."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.draws import uniform_index
from duel.errors import InvalidInput

from . import _relative
from ._relative import State


class RUCBArxiv(NamedTuple):
    """Relative upper confidence bound, the version without a set B of hypothesised winners [zoghi2013rucbarxiv].

    ::

        1  W = 0 [K, K]                                              # w_ij = wins of i over j
        2  for t = 1, ..., T:
        3      u_ij = w_ij / (w_ij + w_ji) + sqrt(alpha ln t / (w_ij + w_ji)), with x/0 := 1;  u_ii = 1/2
        5      c drawn uniformly from C = {c : u_cj >= 1/2 for all j}, or from all arms if C is empty
        8      d = argmax_j u_jc, ties at random, d = c only if it is the unique maximiser
        9      compare c and d, add one to w of the winner

    Assumptions: a Condorcet winner exists. The horizon is not used.
    Guarantee: expected average regret O(K^2 ln T) in the worst case for alpha > 1 (high probability for alpha > 1/2).
    The ICML version, `RUCB`, adds B and has the better bound O(K^2 + K ln T).
    Source: arXiv 1312.3393, Algorithm 1 (remembered; the rule agrees with the code of [komiyama2015regret], which keeps
    both versions apart). Deviations: none in law; C is kept as in `RUCB`.
    Outside the assumptions: without a Condorcet winner C empties, c is uniform, and regret against any notion of
    winner is linear. If the best arms tie at exactly 1/2, they all stay in C: they cost nothing (no gap), but
    their duels with the others go on.
    Cost: O(K) a round.

    Parameters
    ----------
    alpha : float
        Exploration rate; > 1/2 in the theorems; 0.51 in the experiments.
    """

    alpha: float = 0.51

    def check(self, problem: Problem) -> None:
        if not 0 < self.alpha < math.inf:
            raise InvalidInput(f"alpha must be > 0 (the bound of zoghi2013rucbarxiv needs > 1/2); got {self.alpha!r}.")

    def init(self, problem: Problem) -> State:
        return _relative.initial(problem.arms)  # l.1

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        K = len(state.wake)
        budget = self.alpha * math.log(t)
        size, first = 0, -1
        for c in range(K):  # l.5
            if budget >= state.wake[c]:
                size += 1
                if size == 1 or uniform_index(rng, size) == 0:
                    first = c
        if size == 0:
            first = uniform_index(rng, K)
        return state, first, _relative.challenger(state, first, math.sqrt(budget), rng)  # l.8

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        if first != second:
            _relative.record(state, first, second, outcome)  # l.9
        return state


def bound(T: float, world: Any) -> float:
    """The rate without its constant."""
    return len(world.gap) ** 2 * math.log(T)


CARD = Card(
    name="RUCBArxiv",
    setting="Condorcet dueling bandits, average regret",
    citation="zoghi2013rucbarxiv",
    source="arXiv 1312.3393, Algorithm 1",
    assumptions=("a Condorcet winner exists",),
    theorems=(
        Theorem(
            statement="Expected average regret O(K^2 ln T).",
            metric="average",
            bound=bound,
            anytime=True,
            instance=Instance("BradleyTerry", utilities=(2.0, 1.5, 1.0, 0.5, 0.0)),
        ),
    ),
    parameters={"alpha": "0.51 in the experiments"},
)
