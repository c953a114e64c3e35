"""Throughput of exact EGPO with its gap recorded at checkpoints: ``python tests/games/throughput.py``, on any device.

Prints game-iterations per second (of process time on a CPU, to be pinned by ``OMP_NUM_THREADS=1 taskset -c 0``; of wall
clock on an accelerator), the seconds to compile, and for n = 1000 the ratio to two bare matrix-vector products.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from algorithms.games import EGPO
from duel.games import measure, solve, stack, truth_of, world
from envs.games import RandomPreferences

CASES = ((10, 1, 300_000), (10, 100, 20_000), (100, 1, 20_000), (100, 100, 1_000), (1000, 1, 1_500))


def clock() -> float:
    return time.process_time() if jax.default_backend() == "cpu" else time.perf_counter()


def seconds(work: Callable[[], Any]) -> float:
    began = clock()
    jax.block_until_ready(work())
    return clock() - began


def bare_pair(n: int, iterations: int) -> float:
    """Pairs of matrix-vector products a second."""
    A = np.random.default_rng(0).random((n, n))
    A = jnp.asarray((A - A.T) / n)

    @jax.jit
    def loop(p: jax.Array, steps: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, steps, lambda _, x: A @ (A @ x), p)

    start = jnp.ones(n)
    jax.block_until_ready(loop(start, jnp.asarray(2)))
    return iterations / seconds(lambda: loop(start, jnp.asarray(iterations)))


def main() -> None:
    device = jax.devices()[0]
    print(f"device: {device.platform} {device.device_kind}; float64")
    for n, games, iterations in CASES:
        environment = RandomPreferences(actions=n, reference_scale=1.0)
        game = stack([world(environment, 0, r) for r in range(games)])
        played = game[0] if games == 1 else game
        marks = np.unique(np.geomspace(1, iterations, 10).astype(int))

        def play(played: Any = played, marks: Any = marks, iterations: int = iterations) -> Any:
            return solve(EGPO(), played, horizon=iterations, checkpoints=marks).log_policy

        first, second = seconds(play), seconds(play)
        path = solve(EGPO(), game, horizon=int(marks[3]), checkpoints=marks[:4])
        gap = measure(game, path, truth_of(game))["gap"]
        rate = games * iterations / second
        note = f", {bare_pair(n, iterations) / rate:.2f} x a bare matvec pair" if n >= 1000 else ""
        print(
            f"n={n} games={games}: {rate / 1e6:.4g} M game-iterations/s{note}; compile {first - second:.2f} s; "
            f"gap after {marks[3]} steps {np.median(gap[:, -1]):.2e}"
        )


if __name__ == "__main__":
    main()
