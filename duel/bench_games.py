"""Throughput of exact EGPO on preference games, gaps recorded at checkpoints, beside a NumPy loop and bare products.

Rates are game-iterations a second: of processor time on a CPU (one thread: ``OMP_NUM_THREADS=1 taskset -c 0``), of wall
clock on an accelerator. The best of the repeats counts, since a busy machine only ever takes away. The same command
runs on whatever device JAX finds, and `device` says on which.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from duel import catalog
from duel.bench import chosen, device, metric_prefix, verdict
from duel.games import gap_of_logits, solve, stack, world
from duel.protocols import simulate


@dataclass(frozen=True)
class Row:
    """What was measured. Goals are for one CPU core."""

    name: str
    rate: float  # game-iterations a second, best of the repeats
    slowest: float  # worst of the repeats
    goal: str
    met: bool
    loop: float  # NumPy, one game after the other
    compile: float  # seconds of the first call less those of the second

    @property
    def ratio(self) -> float:
        """Ours over the NumPy loop."""
        return self.rate / self.loop


CASES = {  # name -> actions, games, iterations, goal in game-iterations a second (None: by `SLACK`), by `simulate`
    "EGPO n=10, 100 games": (10, 100, 20_000, 6e6, False),
    "EGPO n=100, 100 games": (100, 100, 1_000, 0.3e6, False),
    "EGPO n=10, 1 game": (10, 1, 500_000, 0.7e6, False),
    "EGPO n=10, simulate(runs=1)": (10, 1, 500_000, 0.7e6, True),
    "EGPO n=1000, 1 game": (1000, 1, 1_000, None, False),
}
SLACK = 1.3  # at n = 1000, what a step may take of two bare matrix-vector products


def rows(names: Sequence[str] = (), *, quick: bool = False) -> Iterator[Row]:
    """Measure the cases that begin with one of `names` (all if empty), each when its row is asked for.

    `quick` takes a tenth of the iterations.

    Raises
    ------
    InvalidInput
        At once, for a name that no case begins with.
    """
    return (_measured(name, *case, quick=quick) for name, case in chosen(CASES, names).items())


def heading() -> str:
    """How to read the rows in a terminal."""
    return (
        f"Device: {device()}. Of processor time on a CPU, of wall clock elsewhere; the best of the repeats. Goals are "
        "for one CPU core."
    )


def line(row: Row, *, quick: bool = False) -> str:
    """A row for a terminal."""
    return (
        f"{row.name:<30}{metric_prefix(row.rate):>8} game-iterations/s (slowest {metric_prefix(row.slowest)}), goal "
        f"{row.goal}{verdict(row.met, quick)}; {row.ratio:.0f}x a NumPy loop; compiled in {row.compile:.2f} s"
    )


def _measured(name: str, n: int, games: int, iterations: int, goal: float | None, through: bool, *, quick: bool) -> Row:
    iterations, repeats = max(iterations // (10 if quick else 1), 100), 3 if quick else 7
    environment, algorithm = catalog.environment("RandomPreferences")(actions=n, reference_scale=1.0), _egpo()
    game = stack([world(environment, 0, r) for r in range(games)])
    game = game[0] if games == 1 else game
    marks = np.unique(np.geomspace(1, iterations, 10).astype(int)).tolist()

    def play() -> Any:
        if through:
            return simulate(algorithm, environment, horizon=iterations, runs=1, checkpoints=marks, workers=1)["gap"]
        path = solve(algorithm, game, horizon=iterations, checkpoints=marks)
        return _gaps(game, path.log_policy)

    first = _seconds(play)
    pairs = []
    times = []
    for _ in range(repeats):
        times.append(_seconds(play))
        pairs.append(_seconds(_pair(n, iterations)) if goal is None else 0.0)
    rate, slowest = games * iterations / min(times), games * iterations / max(times)
    if goal is None:
        ratio = min(times) / min(pairs)
        said, met = f"at most {SLACK} bare matvec pairs a step ({ratio:.2f})", ratio <= SLACK
    else:
        said, met = f"{goal / 1e6:g}M/s", rate >= goal
    return Row(name, rate, slowest, said, met, _loop(n, 0.2 if quick else 1.0), max(first - min(times), 0.0))


def _egpo() -> Any:
    return catalog.algorithm("EGPO")()


def _clock() -> float:
    return time.process_time() if jax.default_backend() == "cpu" else time.perf_counter()


def _seconds(work: Callable[[], Any]) -> float:
    began = _clock()
    jax.block_until_ready(work())
    return _clock() - began


@jax.jit
def _gaps(game: Any, log_policy: jax.Array) -> jax.Array:
    def each(g: Any, path: jax.Array) -> jax.Array:
        return jax.vmap(lambda x: gap_of_logits(g, x))(path)

    return jax.vmap(each)(game, log_policy) if game.batch_shape else each(game, log_policy)


@jax.jit
def _products(A: jax.Array, p: jax.Array, steps: jax.Array) -> jax.Array:
    return jax.lax.fori_loop(0, steps, lambda _, x: A @ (A @ x), p)


def _pair(n: int, iterations: int) -> Callable[[], Any]:
    """As many pairs of matrix-vector products as EGPO takes steps; compiled."""
    A = np.random.default_rng(0).random((n, n))
    A, p = jnp.asarray((A - A.T) / n), jnp.ones(n)
    jax.block_until_ready(_products(A, p, jnp.asarray(2)))
    return lambda: _products(A, p, jnp.asarray(iterations))


def _loop(n: int, seconds: float) -> float:
    """Iterations a second of EGPO in plain NumPy, one game, without any gap."""
    rng = np.random.default_rng(0)
    lower = np.tril(rng.random((n, n)) - 0.5, -1)
    A, beta = lower - lower.T, 0.1
    ell = rng.standard_normal(n)
    theta, steps = ell, 0
    began = time.process_time()
    while time.process_time() - began < seconds:
        theta = egpo(A, ell, beta, theta, 100)
        steps += 100
    return steps / (time.process_time() - began)


def egpo(A: np.ndarray, ell: np.ndarray, beta: float, theta: np.ndarray, steps: int) -> np.ndarray:
    """Logits [n] after `steps` of EGPO at eta = 1 / (1 + beta), from the paper's two lines."""
    eta = 1 / (1 + beta)
    for _ in range(steps):
        base = (1 - eta * beta) * theta + eta * beta * ell
        half = base + eta * (A @ _softmax(theta))
        theta = base + eta * (A @ _softmax(half))
    return theta


def _softmax(theta: np.ndarray) -> np.ndarray:
    w = np.exp(theta - theta.max())
    return w / w.sum()
