"""Speed of the engine beside plain NumPy loops of the same algorithms, measured in the same process.

The loops below are what one writes from the paper: the pseudo-code line by line, one NumPy call for each array
operation, no compiler. They are also an independent second implementation: a test compares their regret with the
engine's. Instances: Bradley-Terry with ``utilities = numpy.linspace(2, 0, K)`` and T = 10 000; for POCOWISTA,
which stops by itself, ``linspace(0.2, 0, K)``, so that runs are long beside their set-up; contextual duels with fresh
contexts on the sphere and the logistic link.
"""

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, TypeVar

import numpy as np

from duel import bench_contextual, catalog
from duel.errors import unknown
from duel.matrices import bradley_terry
from duel.protocols import simulate

HORIZON = 10_000
ALPHA = 0.51
C = TypeVar("C")


@dataclass(frozen=True)
class Case:
    """One line of the benchmark."""

    name: str
    algorithm: str  # class in the catalogue
    environment: str  # class or constructor in the catalogue
    goal: float  # rounds per second of one core that the lab set itself
    loop: Callable[[int, int], tuple[int, float]]  # (rounds, seed) -> (rounds played, average regret)
    parameters: tuple[tuple[str, Any], ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()
    horizon: int = HORIZON  # rounds of one run of the engine

    def build(self) -> tuple[Any, Any]:
        """The algorithm and the environment."""
        return (
            catalog.algorithm(self.algorithm)(**dict(self.parameters)),
            catalog.environment(self.environment)(**dict(self.fields)),
        )


@dataclass(frozen=True)
class Row:
    """What was measured. Rates are rounds (duels) per second of processor time, so that a busy machine shows less."""

    name: str
    goal: float
    engine: float  # one thread, median of the repeats
    engine_low: float  # slowest repeat
    engine_high: float  # fastest repeat
    loop: float  # NumPy, one thread
    scaling: float  # wall-clock time of one thread over that of two, median of the repeats
    first_call: float  # seconds to the first result in this process: compiling, or reading kept machine code

    @property
    def ratio(self) -> float:
        """Engine on one thread over the NumPy loop."""
        return self.engine / self.loop


def rows(names: Sequence[str] = (), *, quick: bool = False) -> Iterator[Row]:
    """Measure the cases that begin with one of `names` (all if empty), each when its row is asked for.

    Parameters
    ----------
    names : sequence of str
        Case names, or prefixes of them such as "RUCB".
    quick : bool
        A fifth of the time, noisier.

    Raises
    ------
    InvalidInput
        At once, for a name that no case begins with.
    """
    seconds, repeats = (0.3, 3) if quick else (1.5, 5)
    wanted = chosen({case.name: case for case in cases()}, names)
    return (measure(case, seconds=seconds, repeats=repeats) for case in wanted.values())


def chosen(cases: Mapping[str, C], names: Sequence[str]) -> dict[str, C]:
    """Cases whose name begins with one of `names`, whatever the letters' case; all of them if there are none.

    Raises
    ------
    InvalidInput
        A name that no case begins with.
    """

    def begins(case: str, name: str) -> bool:
        return case.lower().startswith(name.lower())

    for name in names:
        if not any(begins(case, name) for case in cases):
            raise unknown("benchmark", name, tuple(cases))
    return {case: what for case, what in cases.items() if not names or any(begins(case, name) for name in names)}


def measure(case: Case, *, seconds: float, repeats: int) -> Row:
    """Time one case: about `seconds` of the engine in each of `repeats`, on one thread and on two."""
    algorithm, environment = case.build()
    began = time.perf_counter()
    simulate(algorithm, environment, horizon=case.horizon, runs=1, checkpoints=1, workers=1)
    first_call = time.perf_counter() - began

    def timed(runs: int, workers: int, seed: int) -> tuple[float, float, float]:
        """Rounds played, seconds of processor and of wall clock."""
        wall, busy = time.perf_counter(), time.process_time()
        trace = simulate(
            algorithm, environment, horizon=case.horizon, runs=runs, seed=seed, checkpoints=1, workers=workers
        )  # fmt: skip
        busy, wall = time.process_time() - busy, time.perf_counter() - wall
        return float(trace.final("duels").sum()) if "duels" in trace.metrics else runs * case.horizon, busy, wall

    runs = 2
    while runs < 10_000 and timed(runs, 1, 0)[2] < seconds / 2:
        runs *= 2
    rates, scaling = [], []
    for k in range(repeats):  # one and two threads in turn, so that a busy neighbour hits both
        rounds, busy, alone = timed(runs, 1, k)
        rates.append(rounds / busy)
        scaling.append(alone / timed(runs, 2, k)[2])
    rounds, busy = 0, 0.0
    while busy < seconds:
        began = time.process_time()
        rounds += case.loop(HORIZON, rounds)[0]
        busy += time.process_time() - began
    return Row(
        case.name, case.goal, median(rates), min(rates), max(rates), rounds / busy, median(scaling), first_call
    )  # fmt: skip


def heading() -> str:
    """How to read the rows in a terminal."""
    about = machine()
    heads = "{:<28}{:>16}{:>18}{:>8}{:>16}{:>7}{:>11}{:>12}".format(
        "case", "engine rounds/s", "slowest..fastest", "goal", "NumPy rounds/s", "ratio", "2 threads", "first call"
    )
    return (
        "Rounds per second of processor time on one thread (median of the repeats); '2 threads': wall-clock time of "
        f"one thread over that of two.\n{about['processor']}, {about['cores']} cores, Python {about['python']}, "
        f"NumPy {about['numpy']}, Numba {about['numba']}.\n\n{heads}\n{'-' * len(heads)}"
    )


def line(row: Row, *, quick: bool = False) -> str:
    """A row for a terminal."""
    spread = f"{metric_prefix(row.engine_low)}..{metric_prefix(row.engine_high)}"
    return (
        f"{row.name:<28}{metric_prefix(row.engine):>16}{spread:>18}{metric_prefix(row.goal):>8}"
        f"{metric_prefix(row.loop):>16}{row.ratio:>6.0f}x{row.scaling:>10.2f}x{row.first_call:>10.1f} s"
    )


def verdict(met: bool, quick: bool) -> str:
    """Whether a goal is met, in a word; a quick measurement does not judge."""
    return "" if quick else " (met)" if met else " (missed)"


def metric_prefix(value: float) -> str:
    """``"12.3M"``, ``"456k"``, ``"7.8"``: three digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def as_json(rows: Iterable[Any], *, quick: bool) -> dict[str, Any]:
    """Rows of any benchmark (their fields, and `ratio` where they have it) and the machine, ready for `json.dumps`."""
    told = [asdict(row) | ({"ratio": row.ratio} if hasattr(row, "ratio") else {}) for row in rows]
    return {"quick": quick, "machine": machine(), "rows": told}


def machine() -> dict[str, Any]:
    """What the figures depend on; the device where JAX computes, if it was used."""
    import numba

    about = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "load": " / ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown",
    }
    return about | ({"device": device()} if "jax" in sys.modules else {})


def device() -> str:
    """Where JAX computes."""
    import jax

    it = jax.devices()[0]
    return f"{it.platform} {it.device_kind}; float64"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def cases() -> list[Case]:
    """Every case, in the order of the table."""
    found = []
    for name, algorithm, loop, goals in (
        ("RUCB", "RUCB", rucb, {10: 10e6, 50: 2.5e6}),
        ("RMED1", "RMED1", rmed1, {10: 4e6, 50: 1e6}),
        ("D-TS", "DoubleThompsonSampling", double_thompson_sampling, {10: 300e3, 50: 18e3}),
        ("MergeRUCB", "MergeRUCB", merge_rucb, {100: 3e6}),
        ("WS-S", "WinnerStaysStrong", winner_stays_strong, {10: 10e6}),
    ):
        for K, goal in goals.items():
            utilities = tuple(np.linspace(2, 0, K).tolist())
            found.append(
                Case(
                    f"{name} K={K}", algorithm, "BradleyTerry", goal, _finite(loop, K),
                    fields=(("utilities", utilities),),
                )
            )  # fmt: skip
    found.append(
        Case(
            "POCOWISTA K=10", "POCOWISTA", "BradleyTerry", 20e6, _finite(pocowista, 10, 0.2),
            fields=(("utilities", tuple(np.linspace(0.2, 0, 10).tolist())),), horizon=1_000_000_000,
        )
    )  # fmt: skip
    for name, loop, estimator, sizes in (
        ("CoLSTIM", bench_contextual.colstim, "exact", ((5, 10, 25e3), (10, 20, 15e3))),
        ("CoLSTIM", bench_contextual.colstim, "online", ((5, 10, 300e3), (10, 20, 250e3))),
        ("MaxInP", bench_contextual.maxinp, "exact", ((5, 10, 15e3), (10, 20, 5e3))),
        ("MaxInP", bench_contextual.maxinp, "online", ((5, 10, 300e3), (10, 20, 150e3))),
        ("VACDB", bench_contextual.vacdb, "exact", ((5, 10, 15e3), (10, 20, 5e3))),
    ):
        for d, K, goal in sizes:
            found.append(
                Case(
                    f"{name} {estimator} d={d} K={K}", name, "SphereContexts", goal,
                    _contextual(loop, d, K, estimator), parameters=(("estimator", estimator),) * (name != "VACDB"),
                    fields=(("dimension", d), ("arms", K)),
                )
            )  # fmt: skip
    return found


def _finite(
    loop: Callable[..., tuple[int, float]], K: int, top: float = 2.0
) -> Callable[[int, int], tuple[int, float]]:
    return lambda rounds, seed: loop(bradley_terry(np.linspace(top, 0, K)), rounds, np.random.default_rng(seed))


def _contextual(
    loop: Callable[..., tuple[int, float]], d: int, K: int, estimator: str
) -> Callable[[int, int], tuple[int, float]]:
    online = {"online": True} if estimator == "online" else {}
    return lambda rounds, seed: loop(d, K, rounds, np.random.default_rng(seed), **online)


# ------------------------------------------------------------------------- the papers' pseudo-code in plain NumPy


def rucb(P: np.ndarray, rounds: int, rng: np.random.Generator) -> tuple[int, float]:
    """Relative upper confidence bound, Algorithm 1 of [zoghi2014rucb]; arm 0 is the Condorcet winner of `P` [K, K].

    Returns
    -------
    rounds, average regret
    """
    K = len(P)
    gap = P[0] - 0.5
    wins = np.zeros((K, K))
    champion = -1
    regret = 0.0
    for t in range(1, rounds + 1):
        n = wins + wins.T
        with np.errstate(divide="ignore", invalid="ignore"):
            U = np.where(n > 0, wins / n + np.sqrt(ALPHA * np.log(t) / n), 2.0)
        np.fill_diagonal(U, 0.5)
        candidates = np.flatnonzero((U >= 0.5).all(axis=1))
        if champion not in candidates:
            champion = -1
        if len(candidates) == 0:
            c = rng.integers(K)
        elif len(candidates) == 1:
            champion = c = candidates[0]
        elif champion >= 0 and rng.random() < 0.5:
            c = champion
        else:
            c = rng.choice(candidates[candidates != champion])
        column = U[:, c]
        best = np.flatnonzero(column == column.max())
        d = c if len(best) == 1 and best[0] == c else rng.choice(best[best != c])
        if rng.random() < P[c, d]:
            wins[c, d] += c != d
        else:
            wins[d, c] += c != d
        regret += 0.5 * (gap[c] + gap[d])
    return rounds, regret


def rmed1(P: np.ndarray, rounds: int, rng: np.random.Generator) -> tuple[int, float]:
    """Relative minimum empirical divergence, Algorithms 1 and 2 of [komiyama2015regret]. As `rucb`."""
    K = len(P)
    gap = P[0] - 0.5
    wins = np.zeros((K, K))
    slack = 0.3 * K**1.01
    regret = 0.0

    def play(i: int, j: int) -> float:
        if i != j:
            winner, loser = (i, j) if rng.random() < P[i, j] else (j, i)
            wins[winner, loser] += 1
        return 0.5 * (gap[i] + gap[j])

    t = 0
    for i in range(K):
        for j in range(i + 1, K):
            if t < rounds:
                regret += play(i, j)
                t += 1
    current, remaining, following = list(range(K)), set(range(K)), set()
    while t < rounds:
        for l in current:
            if t == rounds:
                break
            n = wins + wins.T
            mean = np.divide(wins, n, out=np.full((K, K), 0.5), where=n > 0)
            inside = np.clip(mean, 1e-300, 1 - 1e-16)
            divergence = mean * np.log(2 * inside) + (1 - mean) * np.log(2 * (1 - inside))
            evidence = np.where(mean <= 0.5, n * divergence, 0.0).sum(axis=1)
            best = int(evidence.argmin())
            others = mean[l].copy()
            others[l] = np.inf
            superior = others <= 0.5
            m = best if superior[best] or not superior.any() else int(others.argmin())
            t += 1
            regret += play(l, m)
            n = wins + wins.T
            mean = np.divide(wins, n, out=np.full((K, K), 0.5), where=n > 0)
            inside = np.clip(mean, 1e-300, 1 - 1e-16)
            divergence = mean * np.log(2 * inside) + (1 - mean) * np.log(2 * (1 - inside))
            evidence = np.where(mean <= 0.5, n * divergence, 0.0).sum(axis=1)
            remaining.discard(l)
            alive = np.flatnonzero(evidence - evidence.min() <= np.log(t) + slack)
            following.update(int(j) for j in alive if j not in remaining)
        current = sorted(following)
        remaining, following = set(current), set()
    return rounds, regret


def double_thompson_sampling(P: np.ndarray, rounds: int, rng: np.random.Generator) -> tuple[int, float]:
    """Double Thompson sampling, Algorithm 1 of [wu2016double]. As `rucb`."""
    K = len(P)
    gap = P[0] - 0.5
    wins = np.zeros((K, K))
    upper = np.triu_indices(K, 1)
    regret = 0.0
    for t in range(1, rounds + 1):
        n = wins + wins.T
        with np.errstate(divide="ignore", invalid="ignore"):
            radius = np.sqrt(ALPHA * np.log(t) / n)
            U = np.where(n > 0, wins / n + radius, 2.0)
            L = np.where(n > 0, wins / n - radius, -1.0)
        np.fill_diagonal(U, 0.5)
        np.fill_diagonal(L, 0.5)
        score = (U > 0.5).sum(axis=1)
        candidate = score == score.max()
        theta = np.full((K, K), 0.5)
        theta[upper] = rng.beta(wins[upper] + 1, wins.T[upper] + 1)
        theta.T[upper] = 1 - theta[upper]
        sampled = np.where(candidate, (theta > 0.5).sum(axis=1), -1)
        i = rng.choice(np.flatnonzero(sampled == sampled.max()))
        second = rng.beta(wins[:, i] + 1, wins[i] + 1)
        second[i] = 0.5
        second[L[:, i] > 0.5] = -1.0
        j = int(second.argmax())
        if rng.random() < P[i, j]:
            wins[i, j] += i != j
        else:
            wins[j, i] += i != j
        regret += 0.5 * (gap[i] + gap[j])
    return rounds, regret


def merge_rucb(P: np.ndarray, rounds: int, rng: np.random.Generator) -> tuple[int, float]:
    """MergeRUCB, Algorithm 1 of [zoghi2015mergerucb], batches of 4, alpha = 1.01, delta = 0.01. As `rucb`."""
    K, length, alpha, delta = len(P), 4, 1.01, 0.01
    gap = P[0] - 0.5
    wins = np.zeros((K, K))
    offset = ((4 * alpha - 1) * K**2 / ((2 * alpha - 1) * delta)) ** (1 / (2 * alpha - 1))
    arms = rng.permutation(K)
    batches = [list(arms[k : k + length]) for k in range(0, K, length)]
    stage = 1
    regret = 0.0
    for t in range(1, rounds + 1):
        batch = batches[t % len(batches)]
        if len(batch) == 1:
            regret += gap[batch[0]]
            continue
        c = rng.choice(batch)
        others = np.array([j for j in batch if j != c])
        n = wins[others, c] + wins[c, others]
        with np.errstate(divide="ignore", invalid="ignore"):
            upper = np.where(n > 0, wins[others, c] / n + np.sqrt(alpha * np.log(t + offset) / n), 2.0)
        d = rng.choice(others[upper == upper.max()])
        winner, loser = (c, d) if rng.random() < P[c, d] else (d, c)
        wins[winner, loser] += 1
        regret += 0.5 * (gap[c] + gap[d])
        total = wins[c, d] + wins[d, c]
        for i, j in ((c, d), (d, c)):
            if wins[i, j] / total + math.sqrt(alpha * math.log(t + offset) / total) < 0.5:
                batch.remove(i)
        live = sum(map(len, batches))
        if len(batches) > 1 and (live * 2**stage <= K or live == len(batches)):
            batches = _merged(batches, length)
            if len(batches) > 1 and 2 * min(map(len, batches)) <= length:
                batches = _merged(batches, length)
            stage += 1
    return rounds, regret


def _merged(batches: list[list[int]], length: int) -> list[list[int]]:
    """The smallest batches with the largest, up to 3 length / 2 arms."""
    waiting, merged = sorted(batches, key=len), []
    while waiting:
        batch = waiting.pop()
        if waiting and 2 * (len(batch) + len(waiting[0])) <= 3 * length:
            batch = batch + waiting.pop(0)
        merged.append(batch)
    return merged


def winner_stays_strong(P: np.ndarray, rounds: int, rng: np.random.Generator) -> tuple[int, float]:
    """Winner Stays for strong regret, Algorithms 1 and 2 of [chen2017weak], beta = 1.1. As `rucb`."""
    K = len(P)
    gap = P[0] - 0.5
    balance = np.zeros(K, dtype=int)
    previous = np.zeros(K, dtype=bool)
    t, number, regret = 0, 1, 0.0
    while t < rounds:
        while t < rounds and (balance == -number).sum() < K - 1:
            i, j = np.lexsort((rng.random(K), ~previous, -balance))[:2]
            previous[:] = False
            previous[[i, j]] = True
            winner, loser = (i, j) if rng.random() < P[i, j] else (j, i)
            balance[winner] += 1
            balance[loser] -= 1
            t += 1
            regret += 0.5 * (gap[i] + gap[j])
        best = int(balance.argmax())
        exploit = min(math.floor(1.1**number * (1 + 1e-12)), rounds - t)
        t += exploit
        regret += exploit * gap[best]
        number += 1
    return rounds, regret


def pocowista(P: np.ndarray, rounds: int, rng: np.random.Generator) -> tuple[int, float]:
    """Potential Copeland winner stays, Algorithm 1 of [haddenhorst2024identifying], delta = 0.05, binary duels.

    Stops when a Copeland winner is known, whatever `rounds`. The stopping density is evaluated by log-gamma functions.

    Returns
    -------
    duels, 1.0 if arm 0 was returned else 0.0
    """
    K = len(P)
    level = 0.05 / (K * (K - 1))
    decided = np.eye(K, dtype=bool)
    score = np.zeros(K)
    potential = np.full(K, K - 1.0)
    duels = 0
    while True:
        i = int(potential.argmax())
        j = int(np.where(decided[i], -1.0, score).argmax())
        won = lost = 0
        while True:
            if rng.random() < P[i, j]:
                won += 1
            else:
                lost += 1
            duels += 1
            log_density = (
                math.lgamma(won + lost + 2) - math.lgamma(won + 1) - math.lgamma(lost + 1) - (won + lost) * math.log(2)
            )
            if math.exp(log_density) <= level:
                break
        score[i if won > lost else j] += 1
        decided[i, j] = decided[j, i] = True
        potential = K - decided.sum(axis=1) + score
        for a in range(K):
            if score[a] >= np.delete(potential, a).max():
                return duels, float(a == 0)
