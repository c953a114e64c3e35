"""The benchmark's NumPy loops play the very duels of the engine's algorithms, round by round.

Both get the same contexts, the same outcome of a pair whichever way round it is shown, and the same random numbers of
the learner, so that nothing is left to chance. Equal means (`tests/test_bench.py`) would not see a rule that errs at
times.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mutants_contextual import COIN_INVERTED, DEAF, NO_ELIMINATION, NO_SELF_DUEL, NONE, FaultyCoLSTIM, FaultyMaxInP

from algorithms.contextual import VACDB, CoLSTIM, MaxInP
from duel import bandits, bench_contextual
from duel.draws import uniform_index, uniform_pair
from duel.links import LOGISTIC, noise
from envs.contextual import SphereContexts

D, K, ROUNDS, SEED = 3, 5, 200, 4


class Nature:
    """Contexts and outcomes of one run, and the pairs that were shown."""

    def __init__(self) -> None:
        self.environment, self.rng, self.t = SphereContexts(D, K), bandits.stream(SEED, bandits.ENVIRONMENT, 0), 0
        self.world = self.environment.init(self.rng)
        self.pairs: list[tuple[int, int]] = []
        self.regret = 0.0

    def observe(self) -> np.ndarray:
        self.t += 1
        return self.environment.observe(self.world, self.t, self.rng).copy()

    def outcome(self, first: int, second: int) -> int:
        """+1 if `first` won; drawn for the arm of the larger index."""
        high, low = max(first, second), min(first, second)
        self.pairs.append((int(high), int(low)))
        won = self.environment.duel(self.world, high, low, self.rng)
        return won if first >= second else -won

    def duel(self, X: np.ndarray, first: int, second: int) -> float:
        return 0.5 * (1 + self.outcome(first, second))


class Coins:
    """A NumPy generator's methods, from the draws that the engine's helpers make of a learner's stream."""

    def __init__(self) -> None:
        self.rng = bandits.stream(SEED, bandits.LEARNER, 0)

    def random(self) -> float:
        return self.rng.random()

    def integers(self, n: int) -> int:
        return uniform_index(self.rng, n)

    def choice(self, n: int, size: int, replace: bool) -> tuple[int, int]:
        return uniform_pair(self.rng, n)

    def gumbel(self, size: int) -> np.ndarray:
        return np.array([noise(LOGISTIC, self.rng) for _ in range(size)])


def engine_pairs(learner: Any) -> list[tuple[int, int]]:
    nature, coins = Nature(), bandits.stream(SEED, bandits.LEARNER, 0)
    state = learner.init(nature.environment.problem(ROUNDS))
    for t in range(1, ROUNDS + 1):
        X = nature.observe()
        state, first, second = learner.select(state, X, t, coins)
        state = learner.update(state, X, t, first, second, nature.outcome(first, second))
    return nature.pairs


def loop_pairs(loop: Callable[..., Any], options: dict[str, Any], patch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    nature = Nature()
    patch.setattr(bench_contextual, "World", lambda d, K, rng: nature)
    loop(D, K, ROUNDS, Coins(), **options)
    return nature.pairs


TIGHT: dict[str, Any] = {"tolerance": 1e-11}
ONLINE: dict[str, Any] = {"estimator": "online", **TIGHT}
NARROW = 2 * math.sqrt(D * math.log(4))  # the loop's width at horizon 4: arms leave C within these rounds


@pytest.mark.parametrize(
    ("learner", "loop", "options"),
    [
        (MaxInP(NARROW, **TIGHT), bench_contextual.maxinp, {"horizon": 4}),
        (MaxInP(NARROW, **ONLINE), bench_contextual.maxinp, {"horizon": 4, "online": True}),
        (CoLSTIM(**TIGHT), bench_contextual.colstim, {"horizon": ROUNDS}),
        (CoLSTIM(**ONLINE), bench_contextual.colstim, {"horizon": ROUNDS, "online": True}),
        (VACDB(**TIGHT), bench_contextual.vacdb, {"horizon": ROUNDS}),
    ],
    ids=["MaxInP", "MaxInP online", "CoLSTIM", "CoLSTIM online", "VACDB"],
)
def test_the_loops_play_the_duels_of_the_engine(
    learner: Any, loop: Callable[..., Any], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loop_pairs(loop, options, monkeypatch) == engine_pairs(learner)


@pytest.mark.parametrize(
    ("learner", "loop", "horizon", "agrees"),
    [
        (FaultyMaxInP(NONE, NARROW, exploration=7, **TIGHT), bench_contextual.maxinp, 4, True),  # V spans after 7 duels
        (FaultyMaxInP(NO_ELIMINATION, NARROW, exploration=7, **TIGHT), bench_contextual.maxinp, 4, False),
        (FaultyMaxInP(DEAF, NARROW, exploration=7, **TIGHT), bench_contextual.maxinp, 4, False),
        (FaultyCoLSTIM(NONE, **TIGHT), bench_contextual.colstim, ROUNDS, True),
        (FaultyCoLSTIM(COIN_INVERTED, **TIGHT), bench_contextual.colstim, ROUNDS, False),
        (FaultyCoLSTIM(NO_SELF_DUEL, **TIGHT), bench_contextual.colstim, ROUNDS, False),
    ],
    ids=["MaxInP", "no elimination", "deaf", "CoLSTIM", "coin inverted", "no self-duel"],
)
def test_a_fault_shows_in_the_duels(
    learner: Any, loop: Callable[..., Any], horizon: int, agrees: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (loop_pairs(loop, {"horizon": horizon}, monkeypatch) == engine_pairs(learner)) == agrees
