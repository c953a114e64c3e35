"""Notebooks: executed with small settings; the committed .ipynb is its .py with outputs."""

import os
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbclient import NotebookClient

import duel

ROOT = Path(duel.__file__).parent.parent
SOURCES = sorted((ROOT / "notebooks").glob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of the kernel's machinery
def test_executes(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs in a fresh kernel, without results of a demo, in a folder of its own."""
    monkeypatch.setenv("DUEL_NOTEBOOK_HORIZON", "500")
    monkeypatch.setenv("DUEL_RESULTS", str(tmp_path / "none"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "notebooks").mkdir()
    notebook = jupytext.read(source)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path / "notebooks")}}
    )
    client.execute()
    pictures = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) >= 2


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.stem)
def test_committed_copy_is_the_source_with_outputs(source: Path) -> None:
    text, stored = jupytext.read(source), nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [(c.cell_type, c.source) for c in stored.cells] == [(c.cell_type, c.source) for c in text.cells], (
        "run: make notebooks"
    )
    assert sum(bool(c.get("outputs")) for c in stored.cells) >= 5
    assert source.with_suffix(".ipynb").stat().st_size < 400_000
    assert not [o for c in stored.cells for o in c.get("outputs", []) if o.output_type == "error"]
    assert str(ROOT) not in source.with_suffix(".ipynb").read_text(encoding="utf-8")
