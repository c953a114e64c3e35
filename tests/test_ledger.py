"""The ledger: every claim has a row, rows are backed by stored runs, and a wrong algorithm flips its row."""

import dataclasses
import json
import os
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import mutants
import mutants_survey
import numpy as np
import pandas as pd
import pytest

from algorithms.finite import RUCB, UniformPairs
from algorithms.games import OMD
from duel import catalog, executors, ledger, rates
from duel.card import Comparison, Instance, Theorem
from duel.cli import main
from duel.driver import Interrupted, PoolLost
from duel.errors import InvalidInput
from duel.executors import WorkerDied
from duel.store import StoreError, garbage
from envs.finite import BradleyTerry

ROOT = Path(ledger.__file__).resolve().parent.parent


def claim(name: str) -> ledger.Claim:
    (found,) = (c for c in ledger.claims([name]) if c.name == name)
    return found


def test_every_claim_of_every_card_has_a_row() -> None:
    rows = ledger.claims()
    assert len(rows) == sum(len(c.theorems) + len(c.comparisons) for c, _ in catalog.cards().values())
    assert len({row.name for row in rows}) == len(rows) >= 60
    assert [r.name for r in ledger.claims(["RUCB"])] == ["RUCB", "RUCB.2"]
    assert {r.family for r in ledger.claims(["games"])} == {"games"}
    for row in rows:
        if isinstance(row.claim, Comparison):
            catalog.build(row.claim.instance)
            catalog.algorithm(row.claim.rival)(**row.claim.rival_fields)
        row.algorithm(**row.claim.fields)


def test_sizes_follow_from_the_mode_alone() -> None:
    theorem = claim("RUCB").claim
    assert ledger.sizes(theorem, "standard") == ((1000, 2000, 4000, 8000, 16000), 64)
    assert ledger.sizes(theorem, "quick") == ((1000, 2000, 4000), 32)
    assert ledger.sizes(theorem, "full") == ((1000, 2000, 4000, 8000, 16000, 32000), 256)
    assert ledger.sizes(claim("RUCB.2").claim, "quick") == ((20_000,), 32)


def bad_calls() -> list[tuple[Any, str]]:
    return [
        (lambda: ledger.claims(["RUBC"]), r"no claim of 'RUBC'\. Did you mean 'RUCB'\?"),
        (lambda: ledger.sizes(claim("RUCB").claim, "quik"), "quick"),
        (lambda: ledger.run(["RUCB"], mode="fast", out="nowhere"), "mode"),
    ]


@pytest.mark.parametrize(("call", "message"), bad_calls())
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()
    assert not Path("nowhere").exists()


def test_verdicts_of_comparisons() -> None:
    """By hand: paired differences -1 and +1 decide, noise does not."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=40)

    def judged(gap: float, **changes: Any) -> ledger.Row:
        values = {"RUCB": noise + 10 + gap, "UniformPairs": noise + 10}

        def fake(algorithm: Any, environment: Any, **_: Any) -> dict[str, np.ndarray]:
            return {"average": values[type(algorithm).__name__][:, None]}

        said = Comparison("A beats B.", "UniformPairs", "average", INSTANCE, 100, runs=40, **changes)
        return ledger.measure(ledger.Claim("RUCB", claim("RUCB").card, RUCB, said), simulate=fake)

    assert judged(-1.0).verdict == rates.HOLDS
    assert judged(1.0).verdict == rates.CONTRADICTED
    assert judged(-1.0, factor=0.5).verdict == rates.CONTRADICTED
    assert judged(0.0).verdict == rates.HOLDS  # "at most"
    row = judged(-1.0)
    assert row.means == pytest.approx(((noise + 9).mean(), (noise + 10).mean()))
    assert row.measured == pytest.approx((noise + 9).mean() / (noise + 10).mean())


INSTANCE = Instance("BradleyTerry", utilities=(2.0, 1.5, 1.0, 0.5, 0.0))


def test_rows_are_backed_by_stored_runs(tmp_path: Path) -> None:
    """The numbers are `rates.measure`'s; a second ledger computes nothing and says the same."""
    theorem = claim("UniformPairs").claim
    assert isinstance(theorem, Theorem)
    (row,) = ledger.run(["UniformPairs"], mode="quick", out=tmp_path, workers=1)
    plain = rates.measure(UniformPairs(), theorem, horizons=row.horizons, runs=row.runs)
    np.testing.assert_array_equal(row.means, plain.values.mean(axis=0))
    np.testing.assert_array_equal(row.bounds, plain.bounds)
    cells = {f: f.stat().st_mtime_ns for f in (tmp_path / "cells").rglob("*.parquet")}
    assert len(cells) == 2  # 32 runs in aligned blocks of 16
    assert ledger.run(["UniformPairs"], mode="quick", out=tmp_path, workers=1) == [row]
    assert {f: f.stat().st_mtime_ns for f in (tmp_path / "cells").rglob("*.parquet")} == cells


def test_the_command(tmp_path: Path, capsys: Any) -> None:
    assert main(["theorems", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ledger.claims())
    words = ["theorems", "--quick", "--only", "UniformPairs", "--only", "OMD", "--out", str(tmp_path), "--workers", "2"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "2 claims: 2 holds." in said
    page = (tmp_path / "ledger.md").read_text()
    assert "| **UniformPairs**" in page
    assert "(figures/ledger/OMD.png)" in page
    assert (tmp_path / "figures" / "ledger" / "OMD.png").stat().st_size < 20_000
    table = pd.read_csv(tmp_path / "ledger.csv")
    assert list(table["verdict"]) == ["holds", "holds"]


def test_runs_of_every_claim_stay_on_record(tmp_path: Path) -> None:
    """One class with other fields, other instances, more runs, another seed: none makes the others garbage."""
    play = ledger.stored(tmp_path)
    here, there = BradleyTerry((1.0, 0.0)), BradleyTerry((2.0, 0.0))
    for algorithm, environment, runs, seed in (
        (RUCB(), here, 2, 0),
        (RUCB(alpha=0.7), here, 2, 0),
        (RUCB(), there, 2, 0),
        (RUCB(), here, 20, 0),
        (RUCB(), here, 1, 0),
        (RUCB(), here, 2, 1),
    ):
        play(algorithm, environment, horizon=20, runs=runs, seed=seed, checkpoints=[20])
    assert garbage(tmp_path) == []


class Broken:
    """A pool of one whose worker answers with an error."""

    slots, closed = 1, []

    def __init__(self, workers: int, error: BaseException) -> None:
        self.error = error

    def submit(self, function: Any, name: str) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(self.error)
        return future

    def close(self, now: bool) -> None:
        self.closed.append(now)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [(WorkerDied("a worker process died"), PoolLost, 1), (KeyboardInterrupt(), Interrupted, 130)],
)
def test_a_stopped_ledger_says_how_to_go_on(
    error: BaseException, kind: Any, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(executors, "ProcessPool", partial(Broken, error=error))
    with pytest.raises(kind, match=r"0 of 2 claims were measured; finished runs are safe in .*Run the same command"):
        ledger.run(["UniformPairs", "OMD"], out=tmp_path, workers=2)
    assert Broken.closed.pop() is True
    words = ["theorems", "--only", "UniformPairs", "--only", "OMD", "--out", str(tmp_path), "--workers", "2"]
    assert main(words) == status
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("suffix", [".png", ".csv", ".md"])
def test_a_page_is_written_whole_or_not_at_all(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up leaves the old file in its place, and none in part."""
    row = ledger.measure(claim("UniformPairs"), mode="quick")
    files = [f for f in ledger.page([row], tmp_path / "ledger.md") if f.suffix == suffix]
    before = [f.read_bytes() for f in files]
    real = os.replace

    def full(source: Path, target: Path) -> None:
        if target.suffix == suffix:
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("duel.store.os.replace", full)
    with pytest.raises(StoreError, match="the disk is full"):
        ledger.page(
            [dataclasses.replace(row, verdict=rates.CONTRADICTED, means=(9.0, 8.0, 7.0))], tmp_path / "ledger.md"
        )
    assert [f.read_bytes() for f in files] == before != []
    assert not list(tmp_path.rglob(".tmp-*"))


WRONG = {
    "RUCB": RUCB(alpha=1e-9),
    "RUCB challenger": mutants.TransposedRUCB(),
    "RUCB never itself": mutants.NeverSelfRUCB(),
    "RCS.2": UniformPairs(),
    "RMED1": mutants.FirstIndexRMED1(),
    "MergeRUCB": mutants_survey.DropsTheBetter(),
    "MultiSBM": mutants_survey.OwnRowMultiSBM(),
    "SparringUCB": mutants_survey.UnpaidSparring(),
    "REX3": mutants_survey.OneSignREX3(),
    "BordaETC": UniformPairs(),
    "WinnerStaysWeak": UniformPairs(),
    "OptimisticOMD": OMD(step_size=0.5),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mutant_flips_its_row(name: str) -> None:
    row = claim(name.split()[0])
    assert ledger.measure(row, mode="quick", algorithm=WRONG[name]).verdict == rates.CONTRADICTED


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in WRONG}))
def test_the_right_algorithm_does_not(name: str) -> None:
    assert ledger.measure(claim(name), mode="quick").verdict != rates.CONTRADICTED


def test_the_published_page_explains_what_does_not_hold() -> None:
    file = ROOT / "docs" / "ledger.csv"
    if not file.exists():
        pytest.skip("docs/ledger.csv is not there: duel theorems --page docs/ledger.md")
    table = pd.read_csv(file, keep_default_na=False)
    known = {row.name: row for row in ledger.claims()}
    assert len(table) >= 60
    for _, row in table.iterrows():
        assert row["name"] in known, f"{row['name']} is in docs/ledger.csv and in no card; run duel theorems again"
        if row["verdict"] in (rates.NOT_YET, rates.CONTRADICTED):
            assert known[row["name"]].claim.remark, f"{row['name']} is {row['verdict']}: its card must say why (remark)"


def test_a_page_keeps_the_rows_of_other_claims(tmp_path: Path) -> None:
    """Measured again, a claim has its new row; others keep theirs, unless their card says something else now."""
    one, two = (ledger.measure(claim(name), mode="quick") for name in ("UniformPairs", "OMD"))
    ledger.page([one, dataclasses.replace(two, statement="Something else.")], tmp_path / "ledger.md")
    assert [row.name for row in ledger.read(tmp_path / "ledger.csv")] == ["UniformPairs"]
    assert "`duel theorems --quick`" in ledger.markdown([one], "quick")
    ledger.page([two], tmp_path / "ledger.md", mode="full")  # whose header would not be true of the other row
    assert "`duel theorems`:" in (tmp_path / "ledger.md").read_text()
    kept, new = ledger.read(tmp_path / "ledger.csv")
    assert (kept.name, new.name) == ("UniformPairs", "OMD")
    for name, value in vars(one).items():
        if name in ledger.CURVES:
            np.testing.assert_allclose(getattr(kept, name), value, rtol=1e-5)
        else:
            assert getattr(kept, name) == value, name
    assert (tmp_path / "ledger.md").read_text().count("| holds |") == 2
    ledger.page([dataclasses.replace(one, verdict=rates.CONTRADICTED)], tmp_path / "ledger.md")
    assert [row.verdict for row in ledger.read(tmp_path / "ledger.csv")] == [rates.CONTRADICTED, rates.HOLDS]


def test_the_table_is_tidy() -> None:
    rows = [ledger.measure(claim("UniformPairs"), mode="quick")]
    table = ledger.to_frame(rows)
    assert json.loads(table.to_json())["verdict"]["0"] == "holds"
    assert table.loc[0, "horizons"] == "1000 2000 4000"
