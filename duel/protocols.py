"""`simulate`: the one door to every protocol."""

import operator
import os
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from duel.errors import InvalidInput, positive_integer, unknown
from duel.fields import conform
from duel.trace import Trace, geometric_checkpoints

PROTOCOLS = {
    "duels": "duel.bandits",
    "subsets": "duel.subsets",
    "nonlinear": "duel.nonlinear",
    "game": "duel.games",
    "alignment": "duel.alignment",
    "mdp": "duel.mdps",
}


def simulate(
    algorithm: Any,
    environment: Any,
    *,
    horizon: int,
    runs: int | Sequence[int] = 1,
    seed: int = 0,
    checkpoints: int | Sequence[int] | None = None,
    workers: int | None = None,
    compiled: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Play `algorithm` in `environment` and record its metrics.

    Parameters
    ----------
    algorithm, environment : NamedTuple instances
        For example ``algorithms.finite.RUCB()`` and ``envs.finite.BradleyTerry([2.0, 1.0, 0.0])``. The environment
        knows its protocol.
    horizon : int >= 1
        Rounds (duels, iterations or samples) of each run.
    runs : int >= 1, or a sequence of run numbers
        ``runs=50`` means runs 0..49. Run r of a seed is the same numbers alone or among others.
    seed : int >= 0
    checkpoints : None, int or increasing integers in 1..horizon
        When metrics are recorded: a geometric grid (None), that many geometric points, or these rounds.
    workers : int >= 1 or None
        Threads; None takes every core this process may use. The result does not depend on it, to the bit. Protocols
        in JAX run one at a time in a process whatever it is; XLA spreads them over the cores.
    compiled : bool
        False interprets the same functions (for a debugger, coverage or a first draft): same bits, slowly.
    progress : callable (rounds) or None
        Called with the number of rounds just played, from worker threads.

    Returns
    -------
    Trace

    Raises
    ------
    InvalidInput
        Before anything is compiled, with the argument, the value, what is allowed and the nearest right thing.
    """
    T = positive_integer("horizon", horizon)
    numbers = _run_numbers(runs)
    seed = positive_integer("seed", seed, least=0)
    marks = _checkpoints(checkpoints, T)
    threads = available_cores() if workers is None else positive_integer("workers", workers)
    protocol = getattr(environment, "protocol", None)
    if isinstance(environment, type):
        name = environment.__name__
        raise InvalidInput(f"environment: got the class {name}; pass an instance, {name}(...).")
    if protocol is None:
        raise InvalidInput(
            f"environment must have a class attribute protocol, one of {', '.join(PROTOCOLS)}; got {environment!r}."
        )
    if protocol not in PROTOCOLS:
        raise unknown("environment.protocol", protocol, tuple(PROTOCOLS))
    algorithm, environment = conform(algorithm), conform(environment)
    module = import_module(PROTOCOLS[protocol])
    arguments = {"horizon": T, "runs": numbers, "seed": seed, "checkpoints": marks, "compiled": compiled}
    if protocol not in _IN_JAX:
        return module.run(algorithm, environment, workers=threads, progress=progress, **arguments)
    with _ONE_JAX_RUN:
        return module.run(algorithm, environment, workers=1, progress=progress, **arguments)


_IN_JAX = ("nonlinear", "game", "alignment", "mdp")
_ONE_JAX_RUN = threading.RLock()
"""Two threads of one process that run JAX programs with linear algebra at once can wait for each other for ever on a
processor of two cores (seen with jaxlib 0.10.2 on XPO's loops), so those protocols run one at a time. XLA spreads a
program over the cores by itself; processes are not affected."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_numbers(runs: int | Sequence[int]) -> np.ndarray:
    if not hasattr(runs, "__len__"):
        return np.arange(positive_integer("runs", runs), dtype=np.int64)
    numbers = [positive_integer("runs", r, least=0) for r in runs]  # type: ignore[union-attr]
    if not numbers or len(set(numbers)) < len(numbers):
        raise InvalidInput(f"runs must be a count >= 1 or distinct run numbers >= 0; got {runs!r}.")
    return np.array(numbers, dtype=np.int64)


def _checkpoints(checkpoints: int | Sequence[int] | None, horizon: int) -> np.ndarray:
    if checkpoints is None:
        return geometric_checkpoints(horizon)
    if not hasattr(checkpoints, "__len__"):
        count = positive_integer("checkpoints", checkpoints)
        return (
            np.unique(np.round(np.geomspace(1, horizon, count)).astype(np.int64)) if count > 1 else np.array([horizon])
        )
    marks = [positive_integer("checkpoints", c) for c in checkpoints]  # type: ignore[union-attr]
    if not marks or not all(map(operator.lt, marks, marks[1:])) or marks[-1] > horizon:
        raise InvalidInput(
            f"checkpoints must be increasing rounds in 1..horizon={horizon}; got {checkpoints!r}. None gives a grid."
        )
    return np.array(marks, dtype=np.int64)
