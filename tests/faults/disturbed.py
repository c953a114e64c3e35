"""The script that is disturbed, and what must be true of its store afterwards."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
from sweep_script import SWEEP

from duel.store import Store, load, verify

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}


def start(out: Path, **options: Any) -> subprocess.Popen[str]:
    """The script in a process group of its own."""
    words = [f"{k}={v}" for k, v in options.items()]
    return subprocess.Popen(
        [sys.executable, str(HERE / "sweep_script.py"), str(out), *words], env=environment(), cwd=HERE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """Wait for a condition and return its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain")


def files(out: Path) -> dict[Path, tuple[int, int]]:
    """Result files with what changes when one is written again."""
    return {f: (f.stat().st_ino, f.stat().st_mtime_ns) for f, _, _ in Store(out).files()}


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of these processes lives (zombies are dead)."""
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


class Truth:
    """The undisturbed run, and the check that a disturbed store ends as it did."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def check_sound(self, out: Path) -> dict[Path, tuple[int, int]]:
        """What is there is sound and not doubled; returns it."""
        if not (out / "cells").is_dir():
            return {}
        verdict = verify(out)
        assert [d for d in verdict.damaged if "sweeps" not in d] == []
        assert verdict.superseded == ()
        return files(out)

    def check_finished(self, out: Path) -> None:
        """Bit by bit the undisturbed frame."""
        frame = load(out, SWEEP.name).to_frame()
        pd.testing.assert_frame_equal(frame, self.frame, check_exact=True)
        assert frame["value"].to_numpy().tobytes() == self.frame["value"].to_numpy().tobytes()
        verdict = verify(out)
        assert verdict.damaged == ()
        assert verdict.superseded == ()
        assert verdict.cells == len(SWEEP.tasks())

    def check_resumes(self, out: Path) -> None:
        """A rerun computes only what is missing, and ends as the undisturbed run did."""
        before = self.check_sound(out)
        SWEEP.run(out, progress=False)
        after = files(out)
        assert all(after[f] == stamp for f, stamp in before.items())
        assert verify(out).temporaries == ()
        self.check_finished(out)
