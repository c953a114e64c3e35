"""The benchmark of MDP learners: its NumPy loops are a second implementation, its rows say what was measured."""

from typing import Any

import numpy as np
import pytest
from mutants_mdps import hearing

import duel
from algorithms.mdps import LSVIUCB
from duel import bench_mdps
from duel.cli import main
from envs.mdps import RiverSwim

SMALL = RiverSwim(4, 8, "state_action", 2.0)


def test_a_pass_over_the_past_gives_what_sums_give():
    found = [bench_mdps.lsvi_ucb(SMALL, 12, np.random.default_rng(0), past=past) for past in (False, True)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_regret_is_that_of_the_engine():
    """The engine updates after two episodes, NumPy after each: means agree within 5 standard errors and a fifth."""
    ours = duel.simulate(hearing(LSVIUCB()), SMALL, horizon=100, runs=32, checkpoints=[100]).final("pair_regret_sum")
    theirs = np.array([bench_mdps.lsvi_ucb(SMALL, 200, np.random.default_rng(s)) for s in range(8)])
    error = np.sqrt(ours.var(ddof=1) / 32 + theirs.var(ddof=1) / 8)
    assert abs(ours.mean() - theirs.mean()) < 5 * error + 0.2 * ours.mean()


def test_rows(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    calls = []
    monkeypatch.setattr(bench_mdps, "simulate", lambda *args, horizon, **rest: calls.append(horizon))
    monkeypatch.setattr(bench_mdps, "lsvi_ucb", lambda *args, **rest: sum(range(10_000)))
    assert main(["bench", "--mdps", "--quick", "LSVI", "DPS linear"]) == 0
    out = capsys.readouterr().out
    assert "episodes/s" in out
    assert "20 iterations" in out
    assert set(calls) == {200, 20}
    assert main(["bench", "--mdps", "nobody"]) == 2
