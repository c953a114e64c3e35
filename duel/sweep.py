"""Sweep: algorithms x environments x runs, cut into cells, computed once, kept for ever.

::

    SWEEP = Sweep(
        name="finite_regret",
        algorithms=[RUCB(), *grid(DoubleThompsonSampling, alpha=[0.51, 0.6])],
        environments={"btl10": BradleyTerry([...]), "arena": arena()},
        horizon=10_000,
        runs=100,
    )
    results = SWEEP.run(out="results/finite_regret")

A *cell* is one algorithm in one environment for one aligned block of 16 runs. Its identity is the hash of classes,
every field (typed; arrays by digest), horizon, seed, block, checkpoints, dtype, format version and the syntax trees of
the project modules that it runs. Versions, machine and times are recorded beside the numbers and never hashed.

A block that is not asked for in full (the last of 100 runs is 4 long) holds only the runs that were asked for; asking
for more later computes only the new ones and merges. Run r of a seed is the same numbers in whatever company it is
computed, so results do not depend on blocks, order, workers or executor, to the bit.
"""

import contextlib
import dataclasses
import json
import math
import os
import random
import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from duel.designs import grid as grid
from duel.driver import Log, Progress, Task, drive, duration, git_state, machine
from duel.errors import InvalidInput, positive_integer, unknown
from duel.executors import Stop, check_executor, compare_workplaces, open_pool, versions, workplace
from duel.fields import conform
from duel.identity import canonical, fields_of, unit, unit_id
from duel.protocols import PROTOCOLS, _checkpoints, available_cores, simulate
from duel.store import Damaged, Entry, Results, Store, StoreError, read_cell, what_is_wrong

BLOCK = 16
MOST_CELLS = 5_000_000
MOST_BYTES = 2 << 30
RESERVED = ("sweep", "algorithm", "environment", "run", "t", "metric", "value")


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Algorithms x environments x runs.

    Parameters
    ----------
    name : str
        Letters, digits, ``_ . -``: names the sweep in the store.
    algorithms : sequence of instances, or mapping label -> instance
        Labels of a sequence are class names, with the fields that differ when a class comes more than once.
    environments : sequence of instances, or mapping label -> instance
    horizon : int >= 1
    runs : int >= 1
    seed : int >= 0
    checkpoints : None, int or increasing integers in 1..horizon
        As in `duel.simulate`.
    block : int >= 1
        Runs in a cell. Results do not depend on it; files do.
    only : mapping label of an algorithm -> sequence of labels of environments, or None
        Algorithms that meet these environments alone, such as those that are told something of the instance; the
        others, and all if it is None, meet every environment.

    Raises
    ------
    InvalidInput
        Before anything is compiled or written.
    """

    name: str
    algorithms: Any
    environments: Any
    horizon: int
    runs: int
    seed: int = 0
    checkpoints: Any = None
    block: int = BLOCK
    only: Any = None

    def __post_init__(self) -> None:
        put = partial(object.__setattr__, self)
        put("name", _sweep_name(self.name))
        put("horizon", positive_integer("horizon", self.horizon))
        put("runs", positive_integer("runs", self.runs))
        put("seed", positive_integer("seed", self.seed, least=0))
        put("block", positive_integer("block", self.block))
        for argument, most in (("horizon", 10**15), ("runs", 10**9), ("block", 65_536), ("seed", 2**63 - 1)):
            if getattr(self, argument) > most:
                raise InvalidInput(f"{argument} must be at most {most:,}; got {getattr(self, argument):,}.")
        rows = min(self.block, self.runs)
        if hasattr(self.checkpoints, "__len__"):
            _check_size(rows, len(self.checkpoints))
        marks = _checkpoints(self.checkpoints, self.horizon)
        _check_size(rows, len(marks))
        if hasattr(self.checkpoints, "__len__"):
            put("checkpoints", tuple(int(c) for c in marks))
        put("algorithms", _labelled("algorithm", self.algorithms))
        put("environments", _labelled("environment", self.environments))
        for label, environment in self.environments.items():
            protocol = getattr(environment, "protocol", None)
            if protocol is None:
                raise InvalidInput(
                    f"environments: {label} does not say its protocol; an environment has a class attribute "
                    f"protocol = one of {', '.join(PROTOCOLS)}. Are algorithms and environments swapped?"
                )
            if protocol not in PROTOCOLS:
                raise unknown(f"environments: {label}.protocol", protocol, tuple(PROTOCOLS))
        for label, algorithm in self.algorithms.items():
            if hasattr(algorithm, "protocol"):
                raise InvalidInput(f"algorithms: {label} is an environment; give it in environments=.")
            for field in type(algorithm)._fields:
                if field in RESERVED:
                    raise InvalidInput(
                        f"algorithms: {label} has a field {field!r}, which is a column of the results; rename it."
                    )
        put("only", _only(self.only, self.algorithms, self.environments))
        cells = len(self.pairs) * -(-self.runs // self.block)
        if cells > MOST_CELLS:
            raise InvalidInput(f"runs: {cells:,} cells, at most {MOST_CELLS:,}; use fewer runs or a larger block=.")

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Labels (algorithm, environment) of what is played, algorithms first."""
        allowed = self.only or {}
        return [(a, e) for a in self.algorithms for e in self.environments if e in allowed.get(a, self.environments)]

    def replace(self, **changes: Any) -> "Sweep":
        """A copy with other values: ``SWEEP.replace(runs=500, horizon=1_000)``.

        A new horizon drops checkpoints that were listed beyond it; new algorithms or environments drop `only`.
        """
        known = tuple(f.name for f in dataclasses.fields(self))
        for name in changes:
            if name not in known:
                raise unknown("replace", name, known)
        horizon = changes.get("horizon")
        if horizon is not None and "checkpoints" not in changes and isinstance(self.checkpoints, tuple):
            T = positive_integer("horizon", horizon)
            changes["checkpoints"] = tuple(sorted({c for c in self.checkpoints if c < T} | {T}))
        if {"algorithms", "environments"} & changes.keys():
            changes.setdefault("only", None)
        return dataclasses.replace(self, **changes)

    def smoke(self) -> "Sweep":
        """A small version, under its own name, that takes seconds: at most 2 runs and 500 rounds."""
        name = self.name if self.name.endswith("-smoke") else f"{self.name}-smoke"
        return self.replace(name=name, runs=min(self.runs, 2), horizon=min(self.horizon, 500))

    def tasks(self) -> list[Task]:
        """Every cell, in the order of algorithms, environments, runs."""
        return list(self._tasks())

    def _tasks(self) -> Iterator[Task]:
        marks = self._marks()
        for a_label, e_label in self.pairs:
            algorithm, environment = self.algorithms[a_label], self.environments[e_label]
            whole = unit(
                algorithm, environment, horizon=self.horizon, seed=self.seed, checkpoints=marks,
                block=self.block, start=0,
            )  # fmt: skip
            for start in range(0, self.runs, self.block):
                count = min(self.block, self.runs - start)
                yield Task(
                    unit_id(whole | {"start": start}), algorithm, environment, self.horizon, self.seed, marks,
                    self.block, start, count, f"{a_label} on {e_label}",
                )  # fmt: skip

    def _marks(self) -> tuple[int, ...]:
        return tuple(int(c) for c in _checkpoints(self.checkpoints, self.horizon))

    def check(self) -> None:
        """Let every environment and algorithm check its fields, and every pair its methods, before anything runs."""
        for a_label, e_label in self.pairs:
            check_pair(self.algorithms[a_label], self.environments[e_label], self.horizon, f"{a_label} on {e_label}")

    def entries(self, tasks: Sequence[Task] | None = None) -> tuple[Entry, ...]:
        """The (algorithm, environment) pairs with their cells."""
        tasks = self.tasks() if tasks is None else tasks
        per = -(-self.runs // self.block)
        return tuple(
            Entry(
                self.name, a, e, _readable(self.algorithms[a]),
                tuple((t.cell, t.count) for t in tasks[i * per : (i + 1) * per]),
            )
            for i, (a, e) in enumerate(self.pairs)
        )  # fmt: skip

    def plan(self, out: str | os.PathLike[str], workers: int | None = None, *, pilot: float = 60.0) -> "Plan":
        """What `run` would compute, and about what it would cost. Writes nothing.

        Times come from cells of the same pair that are there already, else from short trials of the pairs, which also
        compile them; no trial begins after `pilot` seconds of trials.
        """
        self.check()
        store = Store(out)
        tasks = self.tasks()
        missing, damaged = _missing(store, tasks)
        seconds, size = _costs(store, tasks, missing, pilot=pilot)
        threads = available_cores() if workers is None else positive_integer("workers", workers)
        return Plan(self, store, tuple(tasks), tuple(missing), tuple(damaged), seconds, size, threads)

    def status(self, out: str | os.PathLike[str]) -> "Plan":
        """How far the sweep is: like `plan`, without trials, so that times are known only where cells are."""
        return self.plan(out, pilot=0.0)

    def run(
        self,
        out: str | os.PathLike[str],
        workers: int | None = None,
        executor: Any = "threads",
        progress: bool | None = None,
        dry_run: bool = False,
        scheduler: str | None = None,
    ) -> Any:
        """Compute what is missing in the store `out` and return the `Results`, read on demand.

        Parameters
        ----------
        out : path-like
            Folder of the store; made if absent. Several sweeps, also at once, may share it.
        workers : int >= 1 or None
            Threads or processes (every core this process may use).
        executor : "threads", "processes", "dask", a Dask client or cluster, or any object with `submit`
        progress : None, True or False
            A bar in a terminal and a plain line a minute elsewhere, or silence (False).
        dry_run : bool
            Return the `Plan` (print it to see the cost) and compute nothing.
        scheduler : str or None
            Address of a Dask scheduler for executor="dask".

        Raises
        ------
        InvalidInput
            Before any cell starts.
        StoreError
            The store is read-only or the disk is full; finished cells are safe.
        Interrupted
            A KeyboardInterrupt: Ctrl-C or SIGTERM. Finished cells are safe, the message says how to resume.
        CellsFailed, PoolLost
            See their docstrings; finished cells are safe.
        """
        if progress is not None and not isinstance(progress, bool):
            raise InvalidInput(f"progress must be True, False or None; got {progress!r}.")
        check_executor(executor, workers, scheduler)
        store = Store(out)
        if dry_run:
            return self.plan(out, workers)
        self.check()
        tasks = self.tasks()
        missing, damaged = _missing(store, tasks)
        results = Results(store, self.entries(tasks))
        if not missing:
            with contextlib.suppress(StoreError):  # a complete store may be read-only
                store.record(self.name, self._record(tasks))
                store.sweep_temporaries()
            Progress((), 1, self.name, progress).say(f"{self.name}: all {len(tasks)} cells are there already")
            return results
        pool = open_pool(executor, workers, scheduler)
        finished = False
        try:
            classes = sorted({(type(t.algorithm), type(t.environment)) for t in missing}, key=repr)
            compare_workplaces(workplace(classes), pool.workplaces(classes))
            stale = store.prepare()
            store.record(self.name, self._record(tasks))
            for file, reason in damaged:
                store.quarantine(file, reason)
            # Drivers that share a store go through it in different orders, so that they rarely meet.
            random.Random(os.urandom(8)).shuffle(missing)
            with Log(store, self.name) as log, Stop() as stop:
                log.event(
                    "start", sweep=self.name, cells=len(tasks), missing=len(missing), executor=pool.describe,
                    versions=versions(), machine=machine(), git=git_state(), command=sys.argv,
                    stale=stale, damaged=[reason for _, reason in damaged], definition=self._definition(),
                )  # fmt: skip
                with Progress(missing, pool.slots, self.name, progress) as bar:
                    for _, reason in damaged:
                        bar.say(f"set aside, to be computed again: {reason}")
                    if len(tasks) > len(missing):
                        bar.say(f"{self.name}: {len(tasks) - len(missing)} of {len(tasks)} cells are there already")
                    try:
                        outcome = drive(store, missing, pool, stop, log, bar, _resume())
                    except BaseException:
                        stop.set()
                        raise
                log.event("end", **outcome._asdict())
            finished = True
        finally:
            pool.close(now=not finished)
        return results

    def _record(self, tasks: Sequence[Task]) -> dict[str, Any]:
        entries = [e._asdict() | {"cells": [list(c) for c in e.cells]} for e in self.entries(tasks)]
        for entry in entries:
            del entry["sweep"]
        return {"definition": self._definition(), "entries": entries}

    def _definition(self) -> dict[str, Any]:
        return {
            "horizon": self.horizon,
            "runs": self.runs,
            "seed": self.seed,
            "block": self.block,
            "checkpoints": list(self._marks()),
            "algorithms": list(self.algorithms),
            "environments": list(self.environments),
        } | ({"only": {a: list(e) for a, e in self.only.items()}} if self.only else {})


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a sweep would compute. Print it for people.

    Attributes
    ----------
    tasks, missing : tuple of Task
        All cells, and those to compute.
    damaged : tuple of (file, reason)
        Files that fail their check; `run` sets them aside.
    seconds : mapping pair -> seconds or None
        Simulation time of the missing cells of each pair on one core, None where it is not known.
    bytes : int
        About what the missing cells will take on disk.
    workers : int
    """

    sweep: Sweep
    store: Store
    tasks: tuple[Task, ...]
    missing: tuple[Task, ...]
    damaged: tuple[tuple[Any, str], ...]
    seconds: Mapping[str, float | None]
    bytes: int
    workers: int

    @property
    def done(self) -> int:
        """Cells that are there."""
        return len(self.tasks) - len(self.missing)

    @property
    def wall(self) -> float | None:
        """Estimated seconds with `workers` workers; None if some pair's cost is not known."""
        if any(s is None for s in self.seconds.values()):
            return None
        return sum(s for s in self.seconds.values() if s is not None) / max(1, min(self.workers, len(self.missing)))

    def __str__(self) -> str:
        lines = [f"{self.sweep.name}: {len(self.tasks)} cells, {self.done} done, {len(self.missing)} to compute"]
        if self.missing:
            wall = self.wall
            cost = "unknown time" if wall is None else f"about {duration(wall)}"
            lines[0] += f": {cost} on {self.workers} workers, about {max(self.bytes, 1) / 1e6:.1f} MB"
        total: dict[str, int] = {}
        left: dict[str, int] = {}
        for task in self.tasks:
            total[task.pair] = total.get(task.pair, 0) + 1
        for task in self.missing:
            left[task.pair] = left.get(task.pair, 0) + 1
        width = max(map(len, total), default=0)
        for pair, cells in total.items():
            missing = left.get(pair, 0)
            spent = self.seconds.get(pair)
            cost = "" if not missing or spent is None else f"   {duration(spent)} on one core"
            lines.append(f"  {pair:<{width}}   {cells - missing:>5} of {cells} cells{cost}")
        lines += [f"  damaged, will be set aside and computed again: {reason}" for _, reason in self.damaged]
        return "\n".join(lines)


def _missing(store: Store, tasks: Sequence[Task]) -> tuple[list[Task], list[tuple[Any, str]]]:
    """Cells without a sound file, and the files that are not sound. Every byte of every wanted file is checked."""
    held = store.held()
    missing, damaged = [], []
    for task in tasks:
        have = held.get(task.cell, 0)
        file = store.file(task.cell, have)
        wrong = None
        if have:
            try:
                wrong = what_is_wrong(file.read_bytes(), file)
            except FileNotFoundError:  # another sweep has just replaced it by a longer one
                have = 0 if store.find(task.cell, task.count) is None else have
            except OSError as e:
                wrong = f"{file}: cannot be read ({e.strerror})"
        if wrong is not None:
            damaged.append((file, wrong))
        if wrong is not None or have < task.count:
            missing.append(task)
    return missing, damaged


def _costs(
    store: Store, tasks: Sequence[Task], missing: Sequence[Task], *, pilot: float
) -> tuple[dict[str, float | None], int]:
    """Seconds of simulation on one core for each pair's missing cells, and bytes of all of them."""
    gone = {task.cell for task in missing}
    held = store.held()
    known: dict[str, float] = {}
    sizes: list[float] = []
    for task in tasks:
        if task.pair in known or task.cell in gone or task.cell not in held:
            continue
        file = store.file(task.cell, held[task.cell])
        try:
            provenance = read_cell(file).provenance
            known[task.pair] = float(provenance["seconds"]) / int(provenance["runs"])
            sizes.append(file.stat().st_size / held[task.cell])
        except (Damaged, OSError, KeyError, ZeroDivisionError):
            continue
    runs: dict[str, int] = {}
    first: dict[str, Task] = {}
    for task in missing:
        runs[task.pair] = runs.get(task.pair, 0) + task.count - min(task.count, held.get(task.cell, 0))
        first.setdefault(task.pair, task)
    began = time.monotonic()
    for pair, task in first.items():
        if pair not in known and time.monotonic() - began < pilot:
            try:
                known[pair] = _trial(task)
            except InvalidInput:
                raise
            except Exception:  # the cells will say so, and the others still run
                continue
    mean = sum(known.values()) / len(known) if known and pilot > 0 else None
    seconds = {pair: (known.get(pair, mean) or 0.0) * n if pair in known or mean else None for pair, n in runs.items()}
    per_run = sum(sizes) / len(sizes) if sizes else 8.0 * 4 * len(tasks[0].checkpoints) if tasks else 0.0
    return seconds, int(per_run * sum(runs.values()))


def _trial(task: Task) -> float:
    """About the seconds of one run of a task, from shorter ones; whole, if it ends by itself in the trial."""
    rounds = min(task.horizon, 64)
    while True:
        spent = []
        for run in (0, 1):  # the first one compiles
            began = time.perf_counter()
            trace = simulate(
                task.algorithm, task.environment, horizon=rounds, runs=[run], seed=task.seed, checkpoints=[rounds],
                workers=1,
            )  # fmt: skip
            spent.append(time.perf_counter() - began)
        if "duels" in trace.metrics and trace.metrics["duels"][0, -1] < rounds:  # an identification that is done
            return spent[1]
        if spent[1] > 0.05 or rounds == task.horizon:
            return spent[1] * task.horizon / rounds
        rounds = min(task.horizon, rounds * 8)


def _resume() -> str:
    words = [os.path.basename(sys.argv[0] or "python"), *sys.argv[1:]]
    if words[0] == "__main__.py":
        words = ["python", "-m", os.path.basename(os.path.dirname(sys.argv[0])), *sys.argv[1:]]
    return f"Run the same command again to resume ({shlex.join(words)})."


def check_pair(algorithm: Any, environment: Any, horizon: int, label: str) -> None:
    """Refuse a pair that cannot run, by the checks of its engine, its environment and its algorithm."""
    try:
        algorithm, environment = conform(algorithm), conform(environment)
        import_module(PROTOCOLS[environment.protocol]).check(algorithm, environment, horizon)
    except InvalidInput as e:
        raise InvalidInput(f"{label}: {e}") from None


def _check_size(runs: int, checkpoints: int) -> None:
    """Refuse a cell that would not fit in memory, at eight metrics of eight bytes."""
    size = 64 * runs * checkpoints
    if size > MOST_BYTES:
        raise InvalidInput(
            f"checkpoints: a cell of {runs} runs x {checkpoints:,} checkpoints needs about {size / 2**30:.0f} GiB, at "
            f"most {MOST_BYTES >> 30}; record fewer checkpoints (None gives a grid)."
        )


def _sweep_name(name: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise InvalidInput(
            f"name must be 1 to 100 letters, digits, '_', '-' or '.', beginning with a letter or digit; got {name!r}."
        )
    return name


def _labelled(argument: str, given: Any) -> dict[str, Any]:
    """Label -> instance, labels unique, instances hashable by content and distinct."""
    plural = f"{argument}s"
    if isinstance(given, type):
        raise InvalidInput(f"{plural}: got the class {given.__name__}; pass a list of instances, [{given.__name__}()].")
    if isinstance(given, tuple) and hasattr(given, "_fields"):
        raise InvalidInput(f"{plural} must be a list or a mapping; got one instance, put it in a list: [{given!r}].")
    if isinstance(given, Mapping):
        members: dict[Any, Any] = dict(given)
        for label in members:
            if not isinstance(label, str) or not label.strip() or len(label) > 200 or not label.isprintable():
                raise InvalidInput(f"{plural}: labels must be printable text of at most 200 characters; got {label!r}.")
    elif isinstance(given, list | tuple):
        members = dict(enumerate(given))
    else:
        raise InvalidInput(f"{plural} must be a list of instances or a mapping label -> instance; got {given!r}.")
    if not members:
        raise InvalidInput(f"{plural}: give at least one {argument}.")
    seen: dict[str, Any] = {}
    for key, member in members.items():
        where = f"{plural}[{key!r}]"
        if isinstance(member, type):
            raise InvalidInput(f"{where}: got the class {member.__name__}; pass an instance, {member.__name__}(...).")
        if isinstance(member, list):
            raise InvalidInput(f"{where} is a list; unpack it: [*grid(...), ...].")
        if not isinstance(member, tuple) or not hasattr(member, "_fields"):
            raise InvalidInput(f"{where} must be a NamedTuple instance such as RUCB(); got {member!r}.")
        content = {name: canonical(value, f"{where}.{name}") for name, value in fields_of(member).items()}
        identity = json.dumps([str(type(member)), content])
        if identity in seen:
            raise InvalidInput(f"{where} equals {plural}[{seen[identity]!r}]: {_short(member)}; leave one out.")
        seen[identity] = key
    if isinstance(given, Mapping):
        return members
    return dict(zip(_labels(list(members.values())), members.values()))


def _only(given: Any, algorithms: Mapping[str, Any], environments: Mapping[str, Any]) -> Any:
    """`only` with tuples of labels, each of which exists."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise InvalidInput(f"only must be None or a mapping algorithm -> its environments; got {given!r}.")
    for label, places in given.items():
        if label not in algorithms:
            raise unknown("only", label, tuple(algorithms))
        if not isinstance(places, list | tuple) or not places:
            raise InvalidInput(f"only[{label!r}] must be a list of labels of environments; got {places!r}.")
        for place in places:
            if place not in environments:
                raise unknown(f"only[{label!r}]", place, tuple(environments))
    return {label: tuple(places) for label, places in given.items()}


def _labels(members: Sequence[Any]) -> list[str]:
    """Class names, with the fields that differ among members of the same class."""
    groups: dict[str, list[Any]] = {}
    for member in members:
        groups.setdefault(type(member).__name__, []).append(member)
    labels = []
    for member in members:
        name = type(member).__name__
        group = groups[name]
        if len(group) == 1:
            labels.append(name)
            continue
        fields = dict.fromkeys(f for m in group for f in m._fields)
        varied = [f for f in fields if len({_text(getattr(m, f, None)) for m in group}) > 1]
        labels.append(f"{name}({', '.join(f'{f}={_text(getattr(member, f, None))}' for f in varied)})")
    count = Counter(labels)  # two classes of one name are told apart by their modules
    labels = [f"{type(m).__module__}.{n}" if count[n] > 1 else n for m, n in zip(members, labels)]
    for label, n in Counter(labels).items():
        if n > 1:
            raise InvalidInput(f"{n} members would all be called {label!r}; give a mapping label -> instance.")
    return labels


def _text(value: Any) -> str:
    """A field's value for people: short, arrays by shape and digest."""
    if isinstance(value, np.generic):
        value = value.item()
    text = value.__name__ if callable(value) and hasattr(value, "__name__") else repr(value)
    if isinstance(value, np.ndarray) or hasattr(value, "__array__") or len(text) > 60:
        content = canonical(value, "value")
        return f"{type(value).__name__}:{unit_id({'value': content})[:8]}"
    return text


def _short(member: Any) -> str:
    return f"{type(member).__name__}({', '.join(f'{k}={_text(v)}' for k, v in member._asdict().items())})"


def _readable(member: Any) -> dict[str, Any]:
    """Fields as columns of a table: numbers, text, None; anything else as short text."""
    found = {}
    for name, value in fields_of(member).items():
        plain = value is None or isinstance(value, bool | str | int | float)
        if isinstance(value, float) and not math.isfinite(value):
            plain = False
        found[name] = value if plain else _text(value)
    return found
