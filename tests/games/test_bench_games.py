"""The benchmark of games: its rows, its NumPy loop, its command."""

from typing import Any

import numpy as np
import pytest

from algorithms.games import EGPO
from duel import bench_games
from duel.cli import main
from duel.games import solve
from envs.games import RandomPreferences


def test_the_command_measures_and_says_where(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"EGPO n=3": (3, 4, 1000, 1.0, False), "EGPO n=4, simulate": (4, 1, 1000, None, True)}
    monkeypatch.setattr(bench_games, "CASES", small)
    assert main(["bench", "--games", "--quick"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Device: ")
    assert "EGPO n=3" in out
    assert "bare matvec pairs a step" in out
    assert main(["bench", "--games", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_the_loop_is_egpo() -> None:
    game = RandomPreferences(actions=5, reference_scale=1.0).init(np.random.default_rng(0))
    A, ell = np.asarray(game.A), np.asarray(game.log_reference)
    theta = bench_games.egpo(A, ell, 0.1, ell, 20)
    path = solve(EGPO(), game, horizon=20, checkpoints=[20]).log_policy[0]
    assert np.abs(np.log(bench_games._softmax(theta)) - path).max() < 1e-12
