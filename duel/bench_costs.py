"""How costs grow: fitted exponents in the number of arms, the dimension, the actions and the rounds; memory; start-up.

Every case simulates one algorithm at doubling sizes and fits the slope of ln(processor seconds a round) against
ln(size), which carries over to other machines far better than seconds do. The interval is a bootstrap over repeats.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from duel import catalog
from duel.bench import chosen
from duel.protocols import simulate
from duel.rates import Exponent, fit_exponent


@dataclass(frozen=True)
class Case:
    """A pair whose size varies."""

    name: str
    symbol: str  # K, d, n or T: what varies
    sizes: tuple[int, ...]
    build: Callable[[int], tuple[Any, Any, int]]  # size -> algorithm, environment, horizon
    expected: str  # what the algorithm must cost, in words
    whole: bool = False  # cost of the whole run, not of a round


@dataclass(frozen=True)
class Row:
    """A measured exponent: processor seconds a round (of the whole run, for T) against the size."""

    name: str
    symbol: str
    sizes: tuple[int, ...]
    exponent: Exponent
    expected: str
    seconds: tuple[float, ...]  # median over the repeats, a size


@dataclass(frozen=True)
class Start:
    """Seconds to the first result of a fresh process, without and with kept machine code; peak memory (Linux)."""

    name: str
    cold: float
    warm: float
    imports: float  # of these, importing the lab and its libraries
    megabytes: tuple[float, float]  # peak memory at the short and at the long horizon of `STARTS`


def rows(names: Sequence[str] = (), *, quick: bool = False) -> Iterator[Row | Start]:
    """Measure the cases that begin with one of `names`, each when its row is asked for; all and `STARTS` if empty.

    Raises
    ------
    InvalidInput
        At once, for a name that no case begins with.
    """
    repeats, seconds = (3, 0.05) if quick else (7, 0.3)
    wanted = chosen({case.name: case for case in cases()}, names)
    measured = (measure(case, repeats=repeats, seconds=seconds) for case in wanted.values())
    return chain(measured, () if names else map(start, STARTS))


def heading() -> str:
    """How to read the rows in a terminal."""
    return (
        "Exponents, with 95 % intervals over the repeats, of the processor time of a round (of a run, for T) against\n"
        "the size; then processes of their own: time to the first result, and peak memory."
    )


def line(row: Row | Start, *, quick: bool = False) -> str:
    """A row for a terminal."""
    if isinstance(row, Row):
        sizes = f"{row.symbol} = {row.sizes[0]:,} to {row.sizes[-1]:,}"
        return f"{row.name:<18}{sizes:<24}exponent {row.exponent!s:<24}{row.expected}"
    short, long = (f"{T:,}" for T in STARTS[row.name][1:])
    return (
        f"{row.name:<18}cold {row.cold:.1f} s, with kept machine code {row.warm:.1f} s (imports {row.imports:.1f} s); "
        f"{row.megabytes[0]:.0f} MB at T = {short}, {row.megabytes[1]:.0f} MB at T = {long}"
    )


def measure(case: Case, *, repeats: int, seconds: float) -> Row:
    """Time a case: about `seconds` at each size, `repeats` times over, sizes in turn so that a neighbour hits all."""
    built = [case.build(size) for size in case.sizes]
    spent = np.empty((repeats, len(built)))
    runs = [_enough(algorithm, environment, T, seconds) for algorithm, environment, T in built]
    for r in range(repeats):
        for k, (algorithm, environment, T) in enumerate(built):
            busy = _busy(algorithm, environment, T, runs[k], seed=r)
            spent[r, k] = busy / runs[k] if case.whole else busy / (runs[k] * T)
    exponent = fit_exponent(case.sizes, spent)
    return Row(case.name, case.symbol, case.sizes, exponent, case.expected, tuple(np.median(spent, axis=0).tolist()))


def _busy(algorithm: Any, environment: Any, horizon: int, runs: int, seed: int) -> float:
    """Processor seconds of a simulation that is compiled already."""
    began = time.process_time()
    simulate(algorithm, environment, horizon=horizon, runs=runs, seed=seed, checkpoints=1, workers=1)
    return time.process_time() - began


def _enough(algorithm: Any, environment: Any, horizon: int, seconds: float) -> int:
    """Runs that take about `seconds`; compiles on the way."""
    _busy(algorithm, environment, horizon, 1, 0)
    runs = 1
    while runs < 4096 and _busy(algorithm, environment, horizon, runs, 0) < seconds / 2:
        runs *= 2
    return runs


def cases() -> list[Case]:
    """Every case, in the order of the table."""
    make, place = catalog.algorithm, catalog.environment

    def arms(name: str, horizon: int) -> Callable[[int], tuple[Any, Any, int]]:
        return lambda K: (make(name)(), place("BradleyTerry")(np.linspace(4, 0, K)), horizon)

    def sphere(name: str, **fields: Any) -> Callable[[int], tuple[Any, Any, int]]:
        return lambda d: (make(name)(**fields), place("SphereContexts")(dimension=d, arms=10), 2_000)

    def long(name: str) -> Callable[[int], tuple[Any, Any, int]]:
        return lambda T: (make(name)(), place("SphereContexts")(dimension=5, arms=10), T)

    def games(n: int) -> tuple[Any, Any, int]:
        return make("EGPO")(), place("RandomPreferences")(actions=n, kl_weight=0.1), 1_000

    doubled = (16, 32, 64, 128)
    return [
        Case("RUCB", "K", doubled, arms("RUCB", 20_000), "K^2 a round at worst"),
        Case("RMED1", "K", doubled, arms("RMED1", 20_000), "K a round"),
        Case("D-TS", "K", doubled, arms("DoubleThompsonSampling", 20_000), "K^2 a round"),
        Case("MergeRUCB", "K", (64, 128, 256, 512), arms("MergeRUCB", 100_000), "no K^2 a round"),
        Case("CoLSTIM exact", "d", (4, 8, 16, 32), sphere("CoLSTIM"), "d^3 a Newton step"),
        Case("CoLSTIM online", "d", (4, 8, 16, 32), sphere("CoLSTIM", estimator="online"), "d^2 a round"),
        *(
            Case(f"{name} exact", "T", (10_000, 20_000, 40_000, 80_000), long(name), "linear: scans are rare", True)
            for name in ("CoLSTIM", "MaxInP", "VACDB")
        ),
        Case("EGPO", "n", (64, 128, 256, 512), games, "two products of n x n a step"),
    ]


# ------------------------------------------------------------------------------------------------------ the process


_SCRIPT = """
import time
began = time.perf_counter()
import duel
from duel import catalog, simulate
import numpy as np
algorithm, environment = {build}
imported = time.perf_counter() - began
simulate(algorithm, environment, horizon={T}, runs=1, checkpoints=1, workers=1)
done = time.perf_counter() - began
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
print(imported, done, peak / 1024)
"""

STARTS = {
    "RUCB": (
        'catalog.algorithm("RUCB")(), catalog.environment("BradleyTerry")(np.linspace(2, 0, 10))', 10_000, 10_000_000,
    ),
    "CoLSTIM": ('catalog.algorithm("CoLSTIM")(), catalog.environment("SphereContexts")()', 1_000, 20_000),
    "EGPO": ('catalog.algorithm("EGPO")(), catalog.environment("RandomPreferences")(10)', 1_000, 100_000),
}  # fmt: skip


def start(name: str) -> Start:
    """Fresh processes for one of `STARTS`: cold and warm starts, and peak memory at a short and at a long horizon."""
    build, short, long = STARTS[name]
    with tempfile.TemporaryDirectory() as folder:
        _, cold, small = _fresh(build, short, folder)
        imports, warm, _ = _fresh(build, short, folder)
        *_, large = _fresh(build, long, folder)
    return Start(name, cold, warm, imports, (small, large))


def _fresh(build: str, horizon: int, folder: str) -> tuple[float, float, float]:
    words = [sys.executable, "-c", _SCRIPT.format(build=build, T=horizon)]
    done = subprocess.run(
        words, env={**os.environ, "DUEL_CACHE_DIR": folder}, capture_output=True, text=True, check=True
    )
    imports, seconds, megabytes = map(float, done.stdout.split())
    return imports, seconds, megabytes
