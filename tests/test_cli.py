"""The `duel` command: what it prints, refuses and leaves alone."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from algorithms.finite import RUCB, UniformPairs
from algorithms.identification import POCOWISTA
from duel import catalog, cli
from duel.errors import InvalidInput
from duel.sweep import Sweep
from envs.finite import BradleyTerry

ROOT = Path(cli.__file__).parent.parent
COUNTS = "item_i,item_j,wins_i,wins_j\na,b,30,10\nb,c,25,15\na,c,38,2\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """An experiment called "tiny" in the catalogue."""
    sweep = Sweep("tiny", [RUCB(), UniformPairs()], {"btl": BradleyTerry((1.0, 0.0))}, horizon=50, runs=3)

    def plot(frame: pd.DataFrame, out: Path) -> list[Path]:
        (Path(out) / "tiny.txt").write_text(f"{len(frame)}\n")
        return [Path(out) / "tiny.txt"]

    module = SimpleNamespace(SWEEP=sweep, plot=plot, __doc__="A tiny experiment.", __file__="tiny.py")
    real = catalog.experiment
    monkeypatch.setattr(catalog, "experiment", lambda name: module if name == "tiny" else real(name))
    return sweep


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.main(words)
    out, err = capsys.readouterr()
    return status, out, err


# --------------------------------------------------------------------------------------------------------- start-up


@pytest.mark.parametrize(("chosen", "threads"), [("", "1"), ("3", "3")])
def test_xla_has_one_thread_unless_told_otherwise(chosen: str, threads: str) -> None:
    env = {k: v for k, v in os.environ.items() if k != "PJRT_NPROC"} | ({"PJRT_NPROC": chosen} if chosen else {})
    words = [sys.executable, "-c", "import os, duel; print(os.environ['PJRT_NPROC'])"]
    assert subprocess.run(words, env=env, capture_output=True, text=True, check=True).stdout.strip() == threads


@pytest.mark.parametrize("start", ["import duel", "from duel.cli import main; main(['--help'])"])
def test_start_is_light(start: str) -> None:
    """Neither a compiler nor pandas nor pyplot; the time is not asserted tightly (0.5 s is the aim, shown by hand)."""
    heavy = ("jax", "numba", "pandas", "matplotlib", "matplotlib.pyplot", "scipy", "pyarrow", "distributed", "rich")
    code = (
        "import sys\nfrom contextlib import suppress\n"
        f"with suppress(SystemExit):\n    {start}\n"
        f"print('HEAVY', [m for m in {heavy!r} if m in sys.modules])"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.rstrip().endswith("HEAVY []"), done.stdout
    assert time.perf_counter() - began < 10


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lst", "command: unknown name 'lst'. Did you mean 'list'?"),
        ("list algoritms", "kind: unknown name 'algoritms'. Did you mean 'algorithms'?"),
        ("list --fast", "unrecognized argument '--fast'"),
        ("run aren", "experiment: unknown name 'aren'. Did you mean 'arena'?"),
        ("run arena --runz 3", "unrecognized argument '--runz'. Did you mean '--runs'?"),
        ("run arena --runs 0", "runs must be an integer >= 1; got 0"),
        ("run arena --runs -3", "runs must be an integer >= 1; got -3"),
        ("run arena --runs 2.5", "--runs must be a whole number"),
        ("run arena --runs many", "--runs must be a whole number"),
        ("run arena --horizon 0", "horizon must be an integer >= 1; got 0"),
        ("run arena --horizon nan", "--horizon must be a whole number"),
        ("run arena --seed -1", "seed must be an integer >= 0; got -1"),
        ("run arena --workers 0", "workers must be an integer >= 1; got 0"),
        ("run arena --runs", "argument --runs: expected one argument"),
        ("run", "the following arguments are required: EXPERIMENT"),
        ("run arena --out file/below", "--out 'file/below': 'file' is a file; choose another folder."),
        ("demo --out file", "--out 'file': 'file' is a file; choose another folder."),
        ("demo --workers none", "--workers must be a whole number"),
        ("plot arena --out nowhere", "no results in 'nowhere'"),
        ("diagnose nothing.csv", "nothing.csv: no such file"),
        ("diagnose bad.csv", "bad.csv, line 3"),
        ("diagnose good.csv --ties hlaf", "ties: unknown name 'hlaf'. Did you mean 'half'?"),
        ("diagnose good.csv --smoothing much", "--smoothing must be a number, such as 0.5; got 'much'"),
        ("diagnose good.csv --smoothing -1", "smoothing"),
        ("bench rucq", "benchmark: unknown name 'rucq'"),
        ("bench rucb --games --mdps", "argument --mdps: not allowed with argument --games"),
        ("bench rucb --out file/bench.json", "--out 'file': 'file' is a file"),
        ("bench rucb --out .", "--out '.' is a folder; give the name of a file"),
        ("run arena --status --dry-run", "argument --dry-run: not allowed with argument --status"),
        ("theorems --quick --full", "argument --full: not allowed with argument --quick"),
        ("theorems --only Nobody", "no claim of 'Nobody'"),
        ("theorems --only RUCB --workers 0", "workers must be an integer >= 1; got 0"),
        ("theorems --only RUCB --seed -1", "seed must be an integer >= 0; got -1"),
        ("theorems --only RUCB --out file", "--out 'file': 'file' is a file; choose another folder."),
        ("theorems --only RUCB --page file/ledger.md", "--page 'file': 'file' is a file; choose another folder."),
        ("theorems --only RUCB --page ledger.csv", "page must be a file ending in .md, such as ledger.md"),
        ("theorems --only RUCB --page good.md", "'good.csv' is no table of a ledger (no column 'name')"),
        ("list algorithms --markdown good.csv", "--markdown writes every kind; leave 'algorithms' out."),
        ("verify nowhere", "no results in 'nowhere'"),
        ("gc nowhere", "no results in 'nowhere'"),
        ("export nowhere a.csv", "no results in 'nowhere'"),
        ("export nowhere a.xlsx", "file must end in .parquet or .csv; got 'a.xlsx'."),
        ("list --markdown nowhere.md", "--markdown: cannot read 'nowhere.md'"),
        ("list --markdown good.csv", "must hold the lines"),
    ],
)
def test_refusals_are_one_line_status_2_and_write_nothing(
    words: str, said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").write_text("not a folder")
    (here / "good.csv").write_text(COUNTS)
    (here / "bad.csv").write_text("item_i,item_j,wins_i,wins_j\na,b,3,1\nb,c,2,x\n")
    before = {p.name: p.read_bytes() for p in here.iterdir()}
    status, out, err = run(capsys, *words.split())
    assert status == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
    assert out == ""
    assert {p.name: p.read_bytes() for p in here.iterdir()} == before


def test_a_folder_without_permission_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InvalidInput, match="no permission to write"):
        cli.require_writable("some/folder")


def test_help_and_version_exit_0(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["run", "--help"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(words)
        assert caught.value.code == 0
    assert run(capsys)[0] == 0
    assert run(capsys, "--version")[1].startswith("duel-lab ")


# ------------------------------------------------------------------------------------------------------------ verbs


def test_list_names_everything_that_the_catalogue_has(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "list")[1]
    words = {line.split()[0] for line in out.splitlines() if line.strip()}
    assert {*catalog.algorithms(), *catalog.environments(), *catalog.experiments()} <= words
    only = run(capsys, "list", "experiments")[1]
    assert [line.split()[0] for line in only.splitlines()] == sorted(catalog.experiments())
    assert "RUCB" not in only


def test_every_summary_is_a_sentence_without_a_citation() -> None:
    for kind in catalog.KINDS:
        for name, _, words in catalog.listing(kind):
            assert len(words) > 10, name
            assert "[" not in words or "]" not in words or "]_" not in words, name
            assert "\n" not in words


def test_run_says_the_cost_computes_draws_and_resumes(
    tiny: Sweep, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = run(capsys, "run", "tiny", "--dry-run")
    assert status == 0
    assert out.startswith("tiny: 2 cells, 0 done, 2 to compute: about")
    assert list(here.iterdir()) == []
    status, out, _ = run(capsys, "run", "tiny")
    assert status == 0
    assert out.startswith("tiny: 2 cells, 0 done, 2 to compute: about")
    rows = int((here / "results" / "tiny" / "tiny.txt").read_text())
    assert rows == 2 * 3 * 5 * len(tiny.tasks()[0].checkpoints)
    (here / "results" / "tiny" / "tiny.txt").unlink()
    assert "2 done, 0 to compute" in run(capsys, "run", "tiny", "--status")[1]
    assert run(capsys, "plot", "tiny") == (0, "results/tiny/tiny.txt\n", "")
    assert run(capsys, "run", "tiny", "--smoke")[0] == 0
    assert run(capsys, "plot", "tiny", "--smoke") == (0, "results/tiny/tiny.txt\n", "")
    assert int((here / "results" / "tiny" / "tiny.txt").read_text()) < rows
    assert (here / "results" / "tiny" / "tiny.txt").is_file()
    assert "2 cells, 1 done" not in run(capsys, "run", "tiny", "--seed", "1", "--status")[1]


def test_verify_gc_and_export(
    tiny: Sweep, here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = tiny.run(here / "store", progress=False).to_frame()  # type: ignore[union-attr]
    status, out, _ = run(capsys, "verify", "store")
    assert status == 0
    assert out.startswith("2 files, 2 cells, 6 runs")
    for name in ("all.csv", "all.parquet"):
        assert run(capsys, "export", "store", name, "--metric", "weak")[0] == 0
    read = pd.read_csv(here / "all.csv")
    np.testing.assert_array_equal(read["value"], frame[frame["metric"] == "weak"]["value"])
    monkeypatch.setenv("DUEL_DATA", str(here))  # without the data of food_prefs
    assert "0 files" in run(capsys, "gc", "store")[1]
    victim = next((here / "store" / "cells").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-7])
    status, out, _ = run(capsys, "verify", "store")
    assert status == 1
    assert "damaged: " in out
    assert victim.name in out


def test_diagnose_prints_the_winner(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "good.csv").write_text(COUNTS)
    status, out, _ = run(capsys, "diagnose", "good.csv")
    assert status == 0
    assert "Condorcet    a" in out


def test_bench_measures_prints_json_and_writes_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "bench", "pocowista", "--quick", "--json")
    assert status == 0
    found = json.loads(out)
    (row,) = found["rows"]
    assert row["name"] == "POCOWISTA K=10"
    assert row["engine_low"] <= row["engine"] <= row["engine_high"]
    assert row["ratio"] == pytest.approx(row["engine"] / row["loop"])
    assert row["ratio"] > 1
    assert found["machine"]["cores"] >= 1
    assert found["quick"] is True
    status, out, _ = run(capsys, "bench", "rmed1 k=10", "--quick", "--out", "new/bench.json")
    assert status == 0
    assert [row["name"] for row in json.loads((here / "new" / "bench.json").read_text())["rows"]] == ["RMED1 K=10"]
    assert [p.name for p in (here / "new").iterdir()] == ["bench.json"]
    assert "RMED1 K=10" in out
    assert "RMED1 K=50" not in out


# ----------------------------------------------------------------------------------------------------------- tables


def test_final_table_by_hand() -> None:
    """Two runs, two algorithms: B ends at 1 and 3 (2 +- 1), A at 5 and 5 (5 +- 0), 3 +- 1 behind B."""
    frame = pd.DataFrame(
        [
            ("e", name, run, t, "average", value)
            for name, values in {"A": ((2.0, 5.0), (2.0, 5.0)), "B": ((0.5, 1.0), (0.5, 3.0))}.items()
            for run, pair in enumerate(values)
            for t, value in zip((1, 2), pair)
        ],
        columns=["environment", "algorithm", "run", "t", "metric", "value"],
    )
    table: Any = cli.final_table(frame)
    assert table["algorithm"].tolist() == ["B", "A"]
    assert table["mean"].tolist() == [2.0, 5.0]
    assert table["se"].tolist() == pytest.approx([1.0, 0.0])
    assert table["behind"].tolist() == [0.0, 3.0]
    assert table["behind_se"].tolist() == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(
    ("mean", "error", "said"),
    [(123.456, 5.67, "123.5 ± 5.7"), (123.456, 0.0567, "123.456 ± 0.057"), (12345.6, 345.6, "12346 ± 346"),
     (7.0, float("nan"), "7"), (7.0, 0.0, "7")],
)  # fmt: skip
def test_plus_minus(mean: float, error: float, said: str) -> None:
    assert cli.plus_minus(mean, error) == said


def test_answers_of_identification(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    sweep = Sweep("id", [POCOWISTA()], {"easy": BradleyTerry((4.0, 0.0))}, horizon=2000, runs=4)
    cli.print_answers(sweep.run(here / "s", progress=False).to_frame())  # type: ignore[union-attr]
    out = capsys.readouterr().out
    assert out.startswith("POCOWISTA on easy: 4 of 4 runs stopped before 2,000 duels (median ")
    assert "of these with a Copeland winner" in out


def test_demo_smoke(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "demo", "--smoke", "--out", "demo")
    assert status == 0
    for picture in ("finite_regret", "arena", "arena_winner"):
        for kind in ("png", "pdf"):
            assert (here / "demo" / f"{picture}.{kind}").stat().st_size > 1000
            assert f"demo/{picture}.{kind}" in out
    assert "mean ± standard error" in out
    assert out.count("DoubleThompsonSampling") == 5
