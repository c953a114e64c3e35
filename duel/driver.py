"""Computing cells: what a worker does with one, and the loop that hands them out, counts them and stops cleanly."""

import contextlib
import json
import os
import platform
import queue
import secrets
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, TextIO

import numpy as np

from duel.errors import InvalidInput
from duel.executors import Stop, WorkerDied, versions
from duel.identity import unit, unit_id
from duel.protocols import simulate
from duel.store import Cell, Damaged, Store, StoreError, read_cell

ATTEMPTS = 3
HOPELESS = 20


class Interrupted(KeyboardInterrupt):
    """A sweep was stopped by Ctrl-C or SIGTERM. Finished cells are in the store; the message says how to go on."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number


class CellsFailed(RuntimeError):
    """Some cells raised, or killed their workers; all others are in the store."""


class PoolLost(RuntimeError):
    """The executor is gone (a Dask scheduler that died). Finished cells are in the store."""


class GivenUp(Exception):
    """A cell in flight noticed that the sweep is stopping."""


class Task(NamedTuple):
    """One cell to compute: all that a worker needs, as class names and parameters."""

    cell: str  # content hash
    algorithm: Any
    environment: Any
    horizon: int
    seed: int
    checkpoints: tuple[int, ...]
    block: int  # runs in a whole block
    start: int  # first run of the block
    count: int  # runs asked for, from start
    pair: str  # for people: "RUCB on btl10"

    @property
    def label(self) -> str:
        """For people: ``"RUCB on btl10, runs 0-15"``."""
        return f"{self.pair}, runs {self.start}-{self.start + self.count - 1}"


class Receipt(NamedTuple):
    """What a worker returns: never data."""

    cell: str
    computed: int  # runs computed now; 0 if another sweep had finished the cell in the meantime
    seconds: float  # of simulation
    bytes: int
    worker: str  # host:process
    damaged: tuple[str, ...]  # files set aside on the way


def compute(path: str, task: Task, stop: Callable[[], bool] | None = None) -> Receipt:
    """Compute what is missing of a cell and commit it. Runs in a worker.

    Raises
    ------
    InvalidInput
        If this process has other code than the driver, so that the result would be filed under a wrong name.
    StoreError
        If the result cannot be written.
    """
    store = Store(path)
    worker = f"{platform.node()}:{os.getpid()}"
    held, damaged = usable(store, task.cell)
    have = 0 if held is None else len(held.runs)
    if have >= task.count:
        return Receipt(task.cell, 0, 0.0, 0, worker, damaged)
    whole = unit(
        task.algorithm, task.environment, horizon=task.horizon, seed=task.seed, checkpoints=task.checkpoints,
        block=task.block, start=task.start,
    )  # fmt: skip
    if unit_id(whole) != task.cell:
        raise InvalidInput(
            f"executor: worker {worker} has other code for {task.pair} than the process that planned the sweep "
            f"(edited since?); run the sweep again."
        )

    def progress(_rounds: int) -> None:
        if stop is not None and stop():
            raise GivenUp

    began = time.perf_counter()
    runs = range(task.start + have, task.start + task.count)
    trace = simulate(
        task.algorithm, task.environment, horizon=task.horizon, runs=list(runs), seed=task.seed,
        checkpoints=task.checkpoints, workers=1, progress=progress,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    metrics = {name: np.asarray(values, dtype=np.float64) for name, values in trace.metrics.items()}
    if held is not None:
        metrics = {name: np.concatenate([held.metrics[name], values]) for name, values in metrics.items()}
    result = Cell(
        unit=whole,
        runs=np.arange(task.start, task.start + task.count, dtype=np.int64),
        checkpoints=np.asarray(trace.checkpoints, dtype=np.int64),
        metrics=metrics,
        provenance={
            "versions": versions(),
            "machine": machine(),
            "worker": worker,
            "seconds": seconds,
            "runs": len(runs),
        },
    )
    size = store.write(task.cell, result)
    return Receipt(task.cell, len(runs), seconds, size, worker, damaged)


def usable(store: Store, cell: str) -> tuple[Cell | None, tuple[str, ...]]:
    """The longest sound file of a cell; damaged ones are set aside and named."""
    damaged: list[str] = []
    while (file := store.prefix(cell)) is not None:
        try:
            return read_cell(file), tuple(damaged)
        except FileNotFoundError:
            continue
        except Damaged as e:
            damaged.append(str(e))
            store.quarantine(file, str(e))
    return None, tuple(damaged)


def machine() -> str:
    """Architecture, system and processor count, for the record."""
    return f"{platform.machine()} {platform.system()} {platform.release()}, {os.cpu_count()} cores"


class Outcome(NamedTuple):
    """How a drive ended."""

    computed: int  # cells
    found: int  # cells that another sweep finished in the meantime
    seconds: float  # of simulation, over all workers
    bytes: int


def drive(
    store: Store, tasks: Sequence[Task], pool: Any, stop: Stop, log: "Log", progress: "Progress", resume: str
) -> Outcome:
    """Hand out cells until all are done.

    A cell whose worker dies is tried again, three times in all. A cell that raises is put down; the others go on, and
    the end is CellsFailed. A store that cannot be written, or an executor that is gone, ends the sweep at once.

    Raises
    ------
    Interrupted, CellsFailed, PoolLost, StoreError, InvalidInput
    """
    waiting, flying = deque(tasks), dict[Any, Task]()
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    attempts: Counter[str] = Counter()
    failed: list[tuple[Task, BaseException]] = []
    done, found, seconds, size = 0, 0, 0.0, 0

    def safe() -> str:
        return f"{done + found} of {len(tasks)} cells were finished and are safe in {str(store.path)!r}"

    while waiting or flying:
        if stop.signal is not None:
            log.event("stopped", signal=stop.signal, finished=done + found)
            how = "Ctrl-C" if stop.signal == 2 else f"signal {stop.signal}"
            raise Interrupted(f"stopped by {how}: {safe()}. {resume}", stop.signal)
        slots = pool.slots
        while waiting and len(flying) < slots:
            task = waiting.popleft()
            arguments = (stop.is_set,) if pool.interruptible else ()
            try:
                future = pool.submit(compute, os.path.abspath(store.path), task, *arguments)
            except InvalidInput:
                raise
            except Exception as e:
                reason = pool.trouble() or f"{pool.describe} takes no more cells ({type(e).__name__}: {e})"
                _lost(reason, log, safe, resume)
            flying[future] = task
            future.add_done_callback(arrived.put)
        try:
            future = arrived.get(timeout=0.25)
        except queue.Empty:
            progress.tick()
            _require_alive(pool, log, safe, resume)
            continue
        task = flying.pop(future)
        receipt, error = _outcome(future)
        if receipt is not None:
            done, found = done + (receipt.computed > 0), found + (receipt.computed == 0)
            seconds, size = seconds + receipt.seconds, size + receipt.bytes
            for message in receipt.damaged:
                progress.say(f"set aside and computed again: {message}")
            log.event("cell", label=task.label, **receipt._asdict())
            progress.cell(task, receipt)
            continue
        assert error is not None
        if isinstance(error, GivenUp):
            waiting.append(task)
            continue
        _require_alive(pool, log, safe, resume)
        log.event("error", cell=task.cell, label=task.label, error=f"{type(error).__name__}: {error}")
        if isinstance(error, StoreError):
            raise StoreError(error.errno, f"{error.strerror}; {safe()}. {resume}")
        if isinstance(error, InvalidInput) and str(error).startswith("executor:"):
            raise error
        attempts[task.cell] += 1
        if _worker_died(error) and attempts[task.cell] < ATTEMPTS:
            progress.say(f"a worker died on {task.label}; trying it again ({attempts[task.cell]} of {ATTEMPTS - 1})")
            waiting.append(task)
            continue
        progress.say(f"failed: {task.label}: {type(error).__name__}: {error}")
        failed.append((task, error))
        if len(failed) >= HOPELESS and not done + found:
            break
    if failed:
        task, error = failed[0]
        raise CellsFailed(
            f"{len(failed)} cells failed, first {task.label}: {type(error).__name__}: {error}; {safe()}. "
            f"Mend the cause and run again: only what is missing is computed."
        ) from error
    return Outcome(done, found, seconds, size)


def _require_alive(pool: Any, log: "Log", safe: Callable[[], str], resume: str) -> None:
    trouble = pool.trouble()
    if trouble is not None:
        _lost(trouble, log, safe, resume)


def _lost(reason: str, log: "Log", safe: Callable[[], str], resume: str) -> NoReturn:
    log.event("lost", reason=reason)
    raise PoolLost(f"{reason}; {safe()}. Start it again; {resume[0].lower()}{resume[1:]}")


def _outcome(future: Any) -> tuple[Receipt | None, BaseException | None]:
    try:
        return future.result(), None
    except KeyboardInterrupt:
        raise
    except BaseException as e:  # cancelled futures raise what is no Exception
        return None, e


def _worker_died(error: BaseException) -> bool:
    return isinstance(error, WorkerDied | CancelledError) or type(error).__name__ in {
        "KilledWorker", "FutureCancelledError", "CommClosedError", "BrokenProcessPool", "FuturesCancelledError",
    }  # fmt: skip


class Log:
    """One JSON line an event: versions, machine and git state first, then every cell. Never stops a sweep."""

    def __init__(self, store: Store, name: str) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.path = store.path / "logs" / f"{stamp}-{name}-{os.getpid()}-{secrets.token_hex(2)}.jsonl"
        self._file: TextIO | None = None
        with contextlib.suppress(OSError):
            self._file = open(self.path, "x", encoding="utf-8")  # noqa: SIM115  (closed by close)

    def event(self, kind: str, **fields: Any) -> None:
        """Write a line with the time; a full disk ends the log, never the sweep."""
        if self._file is None:
            return
        line = json.dumps({"event": kind, "time": round(time.time(), 3), **fields}, default=str)
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except (OSError, ValueError):  # a full disk stops the cells, with a better message
            self._file = None

    def close(self) -> None:
        """Close the file; more events are then lost."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def git_state(folder: Path | None = None) -> dict[str, Any]:
    """Commit and whether the working tree differs from it; empty outside a repository."""
    folder = Path(__file__).resolve().parent.parent if folder is None else folder

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    changes = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "changed": [] if not changes else [line[3:] for line in changes.splitlines()][:50]}


class Progress:
    """What people see: a bar with rate and time left in a terminal, a plain line a minute elsewhere, or nothing."""

    def __init__(self, tasks: Sequence[Task], slots: int, title: str, show: bool | None) -> None:
        self._left = Counter(task.pair for task in tasks)
        self._spent: dict[str, tuple[float, int]] = {}
        self._slots, self._title, self._total, self._done = slots, title, len(tasks), 0
        self._began = self._last = time.monotonic()
        self._bar: Any = None
        self._plain = False
        if show is not False:
            if sys.stderr.isatty() and tasks:
                self._open_bar()
            else:
                self._plain = True

    def _open_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("cells  {task.fields[rate]}"), console=Console(stderr=True), transient=False,
        )  # fmt: skip
        self._line = self._bar.add_task(self._title, total=self._total, rate="")
        self._bar.start()

    def cell(self, task: Task, receipt: Receipt) -> None:
        """A cell is finished."""
        self._done += 1
        self._left[task.pair] -= 1
        spent, count = self._spent.get(task.pair, (0.0, 0))
        if receipt.computed:
            self._spent[task.pair] = (spent + receipt.seconds, count + 1)
        if self._bar is not None:
            self._bar.update(self._line, completed=self._done, rate=self.rate())
        self.tick()

    def tick(self) -> None:
        """Time has passed."""
        if self._plain and time.monotonic() - self._last >= 60:
            self._last = time.monotonic()
            self._print(f"{self._title}: {self._done} of {self._total} cells, {self.rate()}")

    def left(self) -> float:
        """Seconds left, from what cells of each pair took so far."""
        total, count = (sum(x) for x in zip(*self._spent.values())) if self._spent else (0.0, 0)
        if not count:
            return float("nan")
        mean = total / count
        work = 0.0
        for pair, cells in self._left.items():
            spent, n = self._spent.get(pair, (mean, 1))
            work += cells * spent / n
        return work / self._slots

    def rate(self) -> str:
        """Cells a second, and the time left."""
        rate = self._done / max(time.monotonic() - self._began, 1e-9)
        speed = f"{rate:.1f} cells/s" if rate >= 1 else f"{1 / max(rate, 1e-9):.1f} s/cell"
        left = self.left()
        return speed if left != left else f"{speed}, {duration(left)} left"

    def say(self, message: str) -> None:
        """A line for people, beside the bar."""
        if self._bar is not None:
            self._bar.console.print(message, markup=False, highlight=False)
        elif self._plain:
            self._print(message)

    def _print(self, message: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._plain and kind is None:
            seconds = time.monotonic() - self._began
            self._print(f"{self._title}: {self._done} cells in {duration(seconds)}")


def duration(seconds: float) -> str:
    """Seconds for people: "0.4 s", "3 min 20 s", "2 h 05 min", "3 days 4 h"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    if seconds < 172_800:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d} min"
    return f"{int(seconds // 86_400)} days {int(seconds % 86_400 // 3600)} h"
