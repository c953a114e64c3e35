"""The README is true: its code runs, its commands exist, its table is the catalogue, its files are there."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from duel import cli

ROOT = Path(cli.__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.S)
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.S))


def test_first_example_and_picture_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of 'Use', one after the other, in one namespace, as a reader would type them."""
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    exec(BLOCKS[0], space)
    assert len(space["frame"]) == 20 * 5 * len(space["trace"].checkpoints)  # type: ignore[attr-defined, arg-type]
    exec(BLOCKS[1], space)
    assert {p.name for p in (tmp_path / "results").iterdir()} == {"four_arms.png", "four_arms.pdf"}


def test_worked_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The algorithm of 'Your own algorithm' passes the tests that the README gives it, word for word."""
    file = re.search(r"<!-- file: (\S+) -->\n```python\n(.*?)```", README, re.S)
    test = re.search(r"<!-- test of the file above -->\n```python\n(.*?)```", README, re.S)
    assert file is not None
    assert test is not None
    assert file[1] == "algorithms/finite/epsilon_greedy.py"
    (tmp_path / "readme_epsilon_greedy.py").write_text(file[2])
    monkeypatch.syspath_prepend(str(tmp_path))
    space: dict[str, object] = {}
    exec(test[1].replace("algorithms.finite.epsilon_greedy", "readme_epsilon_greedy"), space)
    checks = [value for name, value in space.items() if name.startswith("test_")]
    assert len(checks) == 2
    for check in checks:
        check()  # type: ignore[operator]
    module = importlib.import_module("readme_epsilon_greedy")
    assert module.CARD.name == module.EpsilonGreedy.__name__


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    named = set(re.findall(r"`?make ([a-z-]+)", README))
    assert {"demo", "test", "test-slow", "test-faults", "bench", "notebooks"} <= named <= targets


def test_ci_calls_the_readme_test_command() -> None:
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("\nexec make test")
    assert "make test " in SHELL


@pytest.mark.parametrize("line", [line for line in SHELL.splitlines() if line.startswith("duel ")])
def test_duel_commands_parse(line: str) -> None:
    """Every `duel …` line of the README is understood; what it computes is tested elsewhere."""
    words = line.partition("#")[0].split()[1:]
    options = cli._parser().parse_args(words)
    assert options.command == words[0]
    if words[0] in {"run", "plot"}:
        assert options.name in cli.catalog.experiments()


def test_catalogue_table_is_up_to_date() -> None:
    start, end = (README.index(mark) for mark in cli.MARKS)
    shown = README[start + len(cli.MARKS[0]) : end].strip()
    assert shown == cli.catalogue_markdown(), "run: duel list --markdown README.md"


def test_files_and_pictures_that_it_names_exist() -> None:
    for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (ROOT / target).is_file(), target
    for name in (
        "NOTATION.md",
        "references.bib",
        "constraints.txt",
        "LICENSE",
        "CHANGELOG.md",
        "duel/data/PROVENANCE.md",
    ):
        assert (ROOT / name).is_file(), name


def test_constraints_are_exact_and_name_no_registry() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][A-Za-z0-9.+]*", line), line
    assert lines == sorted(lines)


def test_version_is_said_once() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "duel.cli", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert f'version = "{said.split()[1]}"' in (ROOT / "pyproject.toml").read_text()
