"""The benchmark's NumPy loops are a second implementation: their regret must be that of the engine, in law."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from algorithms.contextual import VACDB, CoLSTIM, MaxInP
from algorithms.finite import RMED1, RUCB, DoubleThompsonSampling, MergeRUCB, WinnerStaysStrong
from algorithms.identification import POCOWISTA
from duel import bench, bench_contextual, bench_costs, bench_fits, bench_games, bench_mdps, simulate
from duel.errors import InvalidInput
from duel.matrices import bradley_terry
from envs.contextual import SphereContexts
from envs.finite import BradleyTerry

UTILITIES = (2.0, 1.0, 0.5, 0.0)
ALARM = 1e-6


def same_mean(a: np.ndarray, b: np.ndarray) -> float:
    """p-value of Welch's test."""
    return float(stats.ttest_ind(a, b, equal_var=False).pvalue)


@pytest.mark.parametrize(
    ("algorithm", "loop"),
    [
        (RUCB(), bench.rucb),
        (RMED1(), bench.rmed1),
        (DoubleThompsonSampling(), bench.double_thompson_sampling),
        (MergeRUCB(), bench.merge_rucb),
        (WinnerStaysStrong(), bench.winner_stays_strong),
    ],
    ids=lambda x: type(x).__name__ if hasattr(x, "_fields") else "",
)
def test_loops_agree_with_the_engine(algorithm: Any, loop: Callable[..., tuple[int, float]]) -> None:
    """Mean regret after 500 rounds, 60 runs of the loop against 600 of the engine; false alarm 1e-6."""
    P = bradley_terry(UTILITIES)
    mine = np.array([loop(P, 500, np.random.default_rng(s))[1] for s in range(60)])
    engine = simulate(algorithm, BradleyTerry(UTILITIES), horizon=500, runs=600, checkpoints=1).final("average")
    assert same_mean(mine, engine) > ALARM
    assert same_mean(mine * 1.5, engine) < ALARM  # 60 runs see a difference of a half


def test_batches_merge_as_in_the_engine() -> None:
    """Twelve arms that fall far apart: batches shrink and merge within 3,000 rounds."""
    utilities = np.linspace(12, 0, 12)
    mine = np.array([bench.merge_rucb(bradley_terry(utilities), 3_000, np.random.default_rng(s))[1] for s in range(40)])
    world = BradleyTerry(tuple(utilities))
    engine = simulate(MergeRUCB(), world, horizon=3_000, runs=600, checkpoints=1).final("average")
    assert same_mean(mine, engine) > ALARM
    assert same_mean(mine * 1.2, engine) < ALARM


def test_pocowista_loop_agrees() -> None:
    P = bradley_terry(UTILITIES)
    found = np.array([bench.pocowista(P, 0, np.random.default_rng(s)) for s in range(200)])
    trace = simulate(POCOWISTA(), BradleyTerry(UTILITIES), horizon=1_000_000, runs=600, checkpoints=1)
    assert same_mean(found[:, 0], trace.final("duels")) > ALARM
    assert same_mean(1.5 * found[:, 0], trace.final("duels")) < ALARM
    assert found[:, 1].mean() > 0.9


@pytest.mark.parametrize(
    ("algorithm", "loop", "options"),
    [
        (CoLSTIM(), bench_contextual.colstim, {}),
        (CoLSTIM(estimator="online"), bench_contextual.colstim, {"online": True}),
        (MaxInP(), bench_contextual.maxinp, {}),
        (VACDB(), bench_contextual.vacdb, {}),
    ],
    ids=["CoLSTIM", "CoLSTIM online", "MaxInP", "VACDB"],
)
def test_contextual_loops_agree(algorithm: Any, loop: Callable[..., tuple[int, float]], options: Any) -> None:
    """The loop's constants are those of its horizon."""
    mine = np.array([loop(3, 5, 300, np.random.default_rng(s), horizon=300, **options)[1] for s in range(60)])
    trace = simulate(algorithm, SphereContexts(dimension=3, arms=5), horizon=300, runs=600, checkpoints=1)
    assert same_mean(mine, trace.final("average")) > ALARM
    assert same_mean(mine * 1.5, trace.final("average")) < ALARM


def test_every_case_can_be_built_and_has_its_loop() -> None:
    names = [case.name for case in bench.cases()]
    assert len(names) == len(set(names))
    for case in bench.cases():
        algorithm, environment = case.build()
        assert type(algorithm).__name__ == case.algorithm
        assert environment.protocol == "duels"
        rounds, value = case.loop(30, 0)
        assert rounds >= 30
        assert math.isfinite(value)


def test_names_are_prefixes_in_any_case() -> None:
    known = {"RUCB K=10": 1, "RUCB K=50": 2, "D-TS K=10": 3, "WS-S K=10": 4}
    assert bench.chosen(known, ["rucb", "D-TS K=10"]) == {"RUCB K=10": 1, "RUCB K=50": 2, "D-TS K=10": 3}
    assert bench.chosen(known, []) == known
    with pytest.raises(InvalidInput, match="benchmark: unknown name 'rcub'"):
        bench.chosen(known, ["rucb", "rcub"])


@pytest.mark.parametrize("module", [bench, bench_costs, bench_fits, bench_games, bench_mdps])
def test_unknown_names_are_refused_before_anything_is_measured(module: Any) -> None:
    with pytest.raises(InvalidInput, match="unknown name 'nobody'"):
        module.rows(["nobody"])


@pytest.mark.parametrize(("value", "said"), [(12_345_678, "12.3M"), (456_000, "456k"), (7.84, "7.84"), (2e9, "2G")])
def test_metric_prefix(value: float, said: str) -> None:
    assert bench.metric_prefix(value) == said
