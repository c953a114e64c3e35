"""The documentation is true: it builds without a warning, its code runs, and what it names exists."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from duel import catalog, cli

ROOT = Path(cli.__file__).parent.parent
DOCS = ROOT / "docs"
MADE = {"generated", "_build", "figures", "benchmark", "reproductions"}  # pages that are made, and their parts
PAGES = sorted(p for p in DOCS.rglob("*.md") if not MADE & set(p.parts))
TEXTS = {str(p.relative_to(DOCS)): p.read_text(encoding="utf-8") for p in PAGES}
PARSED = {"run", "plot", "bench", "theorems", "demo"}  # commands that take minutes: understood, not run


class Block(NamedTuple):
    """A fenced block of a page, with the comment on the line before it."""

    note: str
    language: str
    text: str


def blocks(text: str) -> list[Block]:
    found = re.finditer(
        r"(?:<!-- (?P<note>[^\n]*) -->\n)?^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", text, re.M | re.S
    )
    return [Block(m["note"] or "", m["language"], m["text"]) for m in found]


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[None]:
    """Modules that a page made in its folder are forgotten after it; libraries that it imported are not."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if "```python" in text or "```sh" in text])
@pytest.mark.usefixtures("forgetful")
def test_code_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block in order, in one namespace and one folder, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = blocks(TEXTS[page])
    for block in found:  # files first: a reader who comes to a later block has the whole file
        kind, _, file = block.note.partition(": ")
        if kind in {"file", "append to"}:
            with open(tmp_path / file, "a", encoding="utf-8") as out:
                out.write(block.text)
    space: dict[str, Any] = {"__name__": page}
    for block in found:
        if block.note.startswith(("not run", "file", "append to")):
            ast.parse(block.text if block.language == "python" else "")
        elif block.language == "python":
            exec(compile(block.text, page, "exec"), space)
        elif block.language == "sh":
            for line in block.text.splitlines():
                shell(line)
        else:
            assert block.language in {"text", "bibtex"} or block.language.startswith("{"), block.language


def test_files_of_the_tutorial_pass_the_linter() -> None:
    """What a reader moves into the clone at the end is what `make test` accepts."""
    made: dict[str, str] = {}
    for block in blocks(TEXTS["tutorial.md"]):
        kind, _, file = block.note.partition(": ")
        if kind in {"file", "append to"}:
            there = f"algorithms/finite/{file}"
            made[there] = f"{made[there]}\n\n{block.text}" if there in made else block.text
        elif block.note.startswith("not run: the checks"):
            made["tests/finite/test_explore_then_commit.py"] = block.text
    assert len(made) == 2
    ours = ["--config", 'lint.isort.known-first-party = ["algorithms", "duel"]']  # the file itself is not there
    for file, text in made.items():
        for words in (["check", *ours], ["format", "--check"]):
            ruff = [sys.executable, "-m", "ruff", *words, "--stdin-filename", file, "-"]
            done = subprocess.run(ruff, input=text, capture_output=True, text=True, cwd=ROOT)
            assert done.returncode == 0, done.stdout + done.stderr


def shell(line: str) -> None:
    """Run a `duel` command, or understand it; look up a target of `make`."""
    words = line.partition("#")[0].split()
    assert words[0] in {"duel", "make"}, line
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert words[1] in re.findall(r"^([a-z-]+):", makefile, re.M)
    elif words[1] in PARSED:
        options = cli._parser().parse_args(words[1:])
        assert getattr(options, "name", None) in {None, *catalog.experiments()}
    else:
        assert cli.main(words[1:]) == 0, line


def test_first_example_is_that_of_the_readme() -> None:
    """The first example of the start page is that of the README, word for word."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert blocks(TEXTS["index.md"])[0].text in readme


def test_tests_that_it_names_exist() -> None:
    """Every `tests/…py::test_…` of the pages is a function of that file."""
    named = [m for text in TEXTS.values() for m in re.findall(r"(tests/[\w/]+\.py)::(\w+)", text)]
    assert len(named) >= 12
    for file, function in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, (file, function)


def test_commands_that_it_names_exist() -> None:
    parser = cli._parser()
    verbs = next(a for a in parser._actions if isinstance(a.choices, dict)).choices
    named = {m for text in TEXTS.values() for m in re.findall(r"`duel ([a-z]+)", text)}
    assert {"diagnose", "report", "theorems"} <= named <= set(verbs or ())


def test_pictures_are_small_and_belong_to_experiments() -> None:
    index = json.loads((DOCS / "figures" / "figures.json").read_text(encoding="utf-8"))
    assert set(index) <= set(catalog.experiments())
    files = [DOCS / "figures" / name for line in index.values() for name in line["files"]]
    assert len(files) >= 20
    for file in files:
        assert 0 < file.stat().st_size < 150_000, file


def test_pictures_are_of_the_experiments_as_they_are() -> None:
    """Sizes and seeds that the page states are those of the sweeps now: who changes a sweep draws its picture again."""
    sys.path.insert(0, str(DOCS))
    try:
        import figures
    finally:
        sys.path.remove(str(DOCS))
    for name, line in figures.index().items():
        if name == "food_prefs":  # its data are not shipped
            continue
        sweep = catalog.experiment(name).SWEEP
        drawn = figures.reference(sweep)
        now = (drawn.runs, drawn.horizon, drawn.seed, sweep.runs, sweep.horizon)
        said = tuple(line[key] for key in ("runs", "horizon", "seed", "full_runs", "full_horizon"))
        assert now == said, f"{name}: python docs/figures.py {name}"


def test_no_docstring_is_lost_in_mark_up() -> None:
    """Stars, bars and hanging lines of prose are text; blocks, tables and citations are what they are meant to be."""
    sys.path.insert(0, str(DOCS))
    try:
        import extension
    finally:
        sys.path.remove(str(DOCS))
    lines = extension.escaped_docstring(
        ["KL(pi* || mu) of [zoghi2014rucb]_, `a*b`.", "", "::", "", "    1  |C| = 1*", "", "Source: a", "b", "   c_ d"]
    )
    assert lines[0] == r"KL(pi\* \|\| mu) of :cite:p:`zoghi2014rucb`, `a*b`."
    assert lines[4] == "    1  |C| = 1*"
    assert lines[6:] == ["**Source:** a", "b", r"c\_ d"]
    table = extension.escaped_docstring(["== ==", "a  |z|", "== ==", "", "end"])
    assert table[:3] == ["::", "", "   == =="]


def test_it_builds_without_a_warning(site: Path) -> None:
    """The fixture builds it, warnings as errors; every algorithm and environment has its section."""
    text = "".join(p.read_text(encoding="utf-8") for p in (site / "generated" / "catalogue").glob("*.html"))
    for name, module in (catalog.algorithms() | catalog.environments()).items():
        assert f'id="{module}.{name}"' in text, name
    assert "https://cdn" not in text
    assert (site / "_static" / "mathjax" / "tex-chtml.js").exists()


def test_a_broken_docstring_would_be_found(tmp_path: Path) -> None:
    """The flags of the build turn a warning into a failure."""
    (tmp_path / "index.md").write_text("# Title\n\n[nowhere](missing.md)\n")
    (tmp_path / "conf.py").write_text("extensions = ['myst_parser']\n")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", "-q", "-W", str(tmp_path), str(tmp_path / "out")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "missing.md" in done.stderr
