"""Fitted costs: the exponent of a known cost comes out, and processes of their own start."""

from typing import Any

import pytest

from duel import bench_costs
from duel.cli import main


def test_a_known_exponent_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds are 1e-6 K^2 a round here."""
    monkeypatch.setattr(bench_costs, "_busy", lambda a, e, T, runs, seed: 1e-6 * a**2 * T * runs * (1 + 0.01 * seed))
    case = bench_costs.Case("X", "K", (2, 4, 8), lambda K: (K, None, 100), "K^2")
    row = bench_costs.measure(case, repeats=3, seconds=0.01)
    assert row.exponent.value == pytest.approx(2.0)
    assert row.seconds[0] == pytest.approx(1.01 * 4e-6)
    whole = bench_costs.Case("X", "K", (2, 4, 8), lambda K: (K, None, K), "K^3", whole=True)
    assert bench_costs.measure(whole, repeats=2, seconds=0.01).exponent.value == pytest.approx(3.0)


def test_the_command(capsys: Any) -> None:
    assert main(["bench", "--costs", "--quick", "merge"]) == 0
    assert "MergeRUCB         K = 64 to 512" in capsys.readouterr().out
    assert main(["bench", "--costs", "nobody"]) == 2
    assert "nobody" in capsys.readouterr().err


def test_starts_come_after_all_cases_and_fill_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_costs, "cases", list)
    monkeypatch.setattr(bench_costs, "_fresh", lambda build, T, folder: (0.5, 2.0, float(T)))
    rows = list(bench_costs.rows())
    assert [row.name for row in rows] == list(bench_costs.STARTS)
    assert "cold 2.0 s" in bench_costs.line(rows[0])
    assert "10000000 MB at T = 10,000,000" in bench_costs.line(rows[0])


def test_a_fresh_process(tmp_path: Any) -> None:
    build, short, _ = bench_costs.STARTS["RUCB"]
    imports, seconds, megabytes = bench_costs._fresh(build, short, str(tmp_path))
    assert 0 < imports < seconds
    assert 20 < megabytes < 5_000
