"""Figures of the experiment layer: ``PYTHONPATH=tests python tests/faults/measure.py``, on a quiet machine.

Overhead and speed-up with cells of about one second (RUCB, ten arms), an unchanged rerun of 10,000 cells, and 10,000
runs x 200 checkpoints exported and loaded. The last two use a protocol without simulation (`toy_protocol`).
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from toy_protocol import Learner, World

from algorithms.finite import RUCB
from duel import protocols, simulate
from duel.store import load, verify
from duel.sweep import Sweep, grid
from envs.finite import BradleyTerry


def timed(action: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor seconds, and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def overhead_and_speed(folder: Path, horizon: int = 1_000_000, cells: int = 12) -> None:
    environment = BradleyTerry(list(np.linspace(0, 2, 10)))
    sweep = Sweep("overhead", [RUCB()], [environment], horizon, 16 * cells)
    sweep.replace(horizon=1000).run(folder / "warm", progress=False)
    blocks = [list(range(16 * k, 16 * k + 16)) for k in range(cells)]
    wall, cpu, _ = timed(
        lambda: [simulate(RUCB(), environment, horizon=horizon, runs=b, workers=1) for b in blocks]
    )  # no store: what the cells cost
    print(f"{cells} cells by simulate alone: {wall:.2f} s, {cpu:.2f} s of processor, {cpu / cells:.2f} s a cell")
    walls = {}
    for workers in (1, 2):
        walls[workers], spent, _ = timed(lambda w=workers: sweep.run(folder / f"w{w}", workers=w, progress=False))
        on_wall, on_cpu = 100 * (walls[workers] * workers / wall - 1), 100 * (spent / cpu - 1)
        print(f"sweep, {workers} workers: {walls[workers]:.2f} s, {spent:.2f} s of processor")
        print(f"  overhead {on_wall:.1f} % of wall time, {on_cpu:.1f} % of processor time")
    print(f"two workers are {walls[1] / walls[2]:.2f} times as fast as one")


def many_cells(folder: Path) -> None:
    learners = grid(Learner, gain=[float(k) for k in range(1, 101)])
    sweep = Sweep("many", learners, {"e": World()}, 1_000, 1_600)
    print(f"{len(sweep.tasks())} cells, first run: {timed(lambda: sweep.run(folder, progress=False))[0]:.1f} s")
    print(f"unchanged rerun: {timed(lambda: sweep.run(folder, progress=False))[0]:.2f} s")
    seconds, _, found = timed(lambda: verify(folder))
    print(f"verify: {seconds:.1f} s for {found.files} files, {found.bytes / 1e6:.0f} MB, {len(found.damaged)} damaged")


def many_rows(folder: Path) -> None:
    marks = np.unique(np.linspace(1, 100_000, 200).astype(int)).tolist()
    sweep = Sweep("rows", [Learner()], {"e": World()}, 100_000, 10_000, checkpoints=marks)
    results = sweep.run(folder, progress=False)
    seconds, _, frame = timed(lambda: load(folder).to_frame())
    size = sum(f.stat().st_size for f, _, _ in results.store.files())
    print(f"load {len(frame):,} rows (two metrics) from {size / 1e6:.0f} MB in cells: {seconds:.1f} s")
    for name, export in (("all.parquet", results.to_parquet), ("all.csv", results.to_csv)):
        seconds = timed(lambda n=name, e=export: e(folder / n))[0]
        print(f"export {name}: {seconds:.1f} s, {(folder / name).stat().st_size / 1e6:.0f} MB")
    print(f"read all.parquet: {timed(lambda: pd.read_parquet(folder / 'all.parquet'))[0]:.1f} s")


if __name__ == "__main__":
    protocols.PROTOCOLS["toy"] = "toy_protocol"
    with tempfile.TemporaryDirectory() as place:
        overhead_and_speed(Path(place))
        many_cells(Path(place) / "many")
        many_rows(Path(place) / "rows")
