"""Pages of measurements: verdicts follow from the lines, tables from the stored files, and both can say no."""

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from duel import catalog, cli

DOCS = Path(cli.__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def made() -> Any:
    """The modules of the documentation that make these pages."""
    sys.path.insert(0, str(DOCS))
    try:
        import measured
        import published
        import reproductions

        yield measured, published, reproductions
    finally:
        sys.path.remove(str(DOCS))


def test_lines_judge(made: tuple[ModuleType, ...]) -> None:
    """By hand: a ratio of 1/2 without noise is below 1, one of 2 is not; a mean within noise of its edge is neither."""
    *_, r = made
    ones = np.ones(8)
    assert r.ratio("", ones, 2 * ones, below=1) == r.Line("", "", 0.5, 0.5, 0.5, True)
    assert not r.ratio("", 2 * ones, ones, below=1).agrees
    assert r.ratio("", 2 * ones, ones).agrees is None
    noisy = np.array([-1.0, 1.0] * 8)
    assert not r.mean("", noisy, below=0.1).agrees
    assert not r.mean("", noisy, above=-0.1).agrees
    assert r.mean("", noisy, below=2, above=-2).agrees
    assert r.exponent("", (1, 10, 100), np.array([[1.0, 0.1, 0.01]]), below=-0.9).value == pytest.approx(-1)
    hundred = np.arange(101.0)
    assert r.among("", hundred, (1, 99)).agrees
    assert not r.among("", hundred, (1, 120)).agrees
    assert r.against("", hundred, 60.0, 4).agrees
    assert not r.against("", hundred, 90.0, 100).agrees


def test_verdicts(made: tuple[ModuleType, ...]) -> None:
    *_, r = made
    yes, no, none = (r.Line("", "", 1, 1, 1, agrees) for agrees in (True, False, None))
    assert r.verdict([yes, none]) == "reproduced"
    assert r.verdict([yes, no, none]) == "in part: 1 of 2 lines"
    assert r.verdict([no, none]) == "not reproduced"


def test_a_planted_result_is_judged(made: tuple[ModuleType, ...]) -> None:
    """The order of two learners, exchanged, exchanges the verdict."""
    _, published, r = made

    class Fake:
        swap = False

        def __init__(self, sweep: Any) -> None:
            self.environments = tuple(sweep.environments)

        def final(self, algorithm: str, place: str, metric: str) -> np.ndarray:
            least = {"MergeDTS": 1.0, "MergeRUCB": 2.0, "RUCB": 3.0}[algorithm]
            return np.full(4, 1 / least if self.swap else least) + 0.01 * np.arange(4)

    assert r.verdict(list(published.merge(Fake))) == "reproduced"
    Fake.swap = True
    assert r.verdict(list(published.merge(Fake))) == "not reproduced"


def test_stored_reproductions(made: tuple[ModuleType, ...]) -> None:
    """At least twelve are stored; each belongs to a definition, cites an entry, judges a line."""
    _, published, r = made
    files = {f.stem for f in (DOCS / "reproductions").glob("*.json")}
    assert files <= set(published.REPRODUCTIONS)
    assert len(files) >= 12
    bib = (DOCS.parent / "references.bib").read_text(encoding="utf-8")
    for name, said in published.REPRODUCTIONS.items():
        assert f"{{{said.citation}," in bib, said.citation
        assert not said.experiment or said.experiment in catalog.experiments()
        for key in re.findall(r"\{cite\}`(\w+)`", said.reports):
            assert f"{{{key}," in bib, key
        if name in files:
            lines = r.stored(name)
            assert any(line.agrees is not None for line in lines), name
            assert all(line.low <= line.value <= line.high for line in lines), name


def test_the_page_says_what_is_stored(made: tuple[ModuleType, ...]) -> None:
    measured, published, r = made
    text = measured.reproductions_page()
    for name, said in published.REPRODUCTIONS.items():
        lines = r.stored(name)
        if lines is not None:
            assert f"| [{said.title}](#reproduced-{name.replace('_', '-')}) |" in text
            assert f"**{r.verdict(lines).capitalize()}.**" in text
    assert all(len(row.split(" | ")) in {3, 4} for row in text.splitlines() if row.startswith("| "))


FIT = {"value": 2.0, "low": 1.9, "high": 2.1, "error": 0.05, "runs": 7}
STORED = {
    "engine": {
        "rows": [
            {
                "name": "RUCB K=10", "goal": 1e7, "engine": 2e7, "engine_low": 1e7, "engine_high": 3e7, "loop": 1e4,
                "scaling": 1.9, "first_call": 0.5, "ratio": 2000.0,
            }
        ]
    },
    "fits": {
        "rows": [
            {
                "name": "Bradley-Terry", "seconds": 0.002, "goal": "10 ms", "met": True, "note": "",
                "rivals": [
                    {"name": "SciPy", "seconds": 0.05, "error": 1e-9}, {"name": "choix", "seconds": 2.5, "error": 2e-8},
                ],
            }
        ]
    },
    "costs": {
        "rows": [
            {"name": "D-TS", "symbol": "K", "sizes": [16, 128], "exponent": FIT, "expected": "K^2", "seconds": [1, 2]},
            {"name": "RUCB", "cold": 9.0, "warm": 2.0, "imports": 1.5, "megabytes": [200.0, 210.0]},
        ],
    },
    "games": {
        "rows": [
            {
                "name": "EGPO n=10", "rate": 9e6, "slowest": 7e6, "goal": "6M", "met": True, "loop": 9e4,
                "compile": 0.3, "ratio": 100.0,
            }
        ]
    },
    "mdps": {"rows": [{"name": "PSRL", "value": 81e3, "unit": "episodes/s", "goal": 1e4, "met": True, "note": "x"}]},
}  # fmt: skip


def test_tables_of_the_benchmark(made: tuple[ModuleType, ...], tmp_path: Path) -> None:
    """Every kind of file becomes a table; what is not there is left out."""
    measured, *_ = made
    for name, content in STORED.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": {"cores": 2, "load": "0.1"}, **content}))
    text = measured.benchmark_page(tmp_path)
    for row in (
        "| RUCB K=10 | **2,000×** (1,000× to 3,000×) | 20 M | 10 k | 1.90× | 0.5 s |",
        "| Bradley-Terry | 2 ms | SciPy | **25×** | 50 ms | 1e-09 |",
        "|  |  | choix | **1,250×** | 2.5 s | 2e-08 |",
        "| D-TS | K = 16 to 128 | **2.00** [1.90, 2.10] | K^2 |",
        "| RUCB | 9.0 s | 2.0 s | 1.5 s | 200 MB | 210 MB |",
        "| EGPO n=10 | **100×** | 9 M | 7 M | 6M | 300 ms |",
        "| PSRL | 81 k episodes/s | 10 k episodes/s | x |",
        "*cores 2, load 0.1*",
    ):
        assert row in text
    assert measured.benchmark_page(tmp_path / "nowhere").count("##") == 0


@pytest.mark.parametrize("name", ["engine", "games", "mdps", "fits", "costs"])
def test_the_stored_benchmark_is_that_of_the_command(made: tuple[ModuleType, ...], name: str) -> None:
    """Stored rows have the fields that the page reads, and names that the command knows."""
    measured, *_ = made
    file = DOCS / "benchmark" / f"{name}.json"
    if not file.exists():
        pytest.skip(f"{file.name} is not there: {measured.PARTS[name][1]}")
    content = json.loads(file.read_text(encoding="utf-8"))
    assert {"processor", "cores", "load"} <= set(content["machine"])
    text = measured.PARTS[name][2](content)
    assert all(row["name"] in text for row in content["rows"])


def test_unknown_reproduction(made: tuple[ModuleType, ...], capsys: pytest.CaptureFixture[str]) -> None:
    *_, r = made
    with pytest.raises(SystemExit):
        r.main(["rmad"])
    assert "unknown reproduction 'rmad'" in capsys.readouterr().err
