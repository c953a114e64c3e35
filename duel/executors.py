"""Where cells are computed: threads of this process, spawned processes, a Dask cluster, or anything with `submit`.

A pool here is any object with::

    submit(function, *arguments) -> future     with add_done_callback and result
    slots       how many cells to keep in flight
    describe    a few words for people
    trouble()   None, or why nothing more will come from it
    close(now)  end it; `now` without waiting for cells in flight

Results travel through the store, never through the pool: a cell returns a receipt. Arguments travel as class names and
parameters (NamedTuples pickle by reference), never as closures.
"""

import contextlib
import multiprocessing
import os
import platform
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from pickle import PicklingError
from typing import Any, NamedTuple

from duel.errors import InvalidInput, positive_integer, unknown
from duel.protocols import available_cores

NAMES = ("threads", "processes", "dask")


class WorkerDied(Exception):
    """A worker process ended while it computed a cell."""


class Workplace(NamedTuple):
    """What one worker runs, to be compared with what the driver runs before any cell starts."""

    versions: dict[str, str]
    digests: dict[str, str]  # class -> code digest
    pid: int
    host: str


def workplace(classes: Sequence[tuple[type, type]]) -> Workplace:
    """The versions and the code digests of (algorithm, environment) pairs in this process."""
    from duel.identity import pair_digest

    digests = {f"{a.__name__} on {e.__name__}": pair_digest(a, e) for a, e in classes}
    return Workplace(versions(), digests, os.getpid(), platform.node())


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("numpy", "scipy", "numba", "llvmlite", "jax", "jaxlib"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def versions() -> dict[str, str]:
    """Versions that can change bits: of Python and of the numerical libraries that are installed."""
    return dict(_installed())


def compare_workplaces(here: Workplace, there: Sequence[Workplace]) -> None:
    """Refuse workers whose versions or code differ from the driver's.

    Raises
    ------
    InvalidInput
        Naming the worker, what differs and what to do.
    """
    for worker in there:
        place = f"{worker.host} (process {worker.pid})"
        for name in sorted(here.versions.keys() | worker.versions.keys()):
            mine, other = here.versions.get(name, "absent"), worker.versions.get(name, "absent")
            if mine != other:
                raise InvalidInput(
                    f"executor: worker {place} has {name} {other}, this process {mine}; results could differ in their "
                    f"bits. Install the same versions (pip install -c constraints.txt) and restart the worker."
                )
        for pair, digest in here.digests.items():
            if worker.digests.get(pair) != digest:
                raise InvalidInput(
                    f"executor: worker {place} runs other code for {pair} than this process; "
                    f"update its copy of the project and restart the worker."
                )


def open_pool(executor: Any = "threads", workers: int | None = None, scheduler: str | None = None) -> Any:
    """The pool that `executor` names or is.

    Parameters
    ----------
    executor : "threads", "processes", "dask", a Dask client or cluster object, or any object with `submit`
    workers : int >= 1 or None
        Threads or processes (every core this process may use); for "dask" without a scheduler, of a local cluster.
    scheduler : str or None
        Address of a Dask scheduler, ``tcp://host:8786``.

    Raises
    ------
    InvalidInput
        For an unknown executor, a bad number of workers, or a scheduler that does not answer.
    """
    check_executor(executor, workers, scheduler)
    count = available_cores() if workers is None else int(workers)
    if scheduler is not None:
        executor = "dask"
    if executor == "threads":
        return ThreadPool(count)
    if executor == "processes":
        return ProcessPool(count)
    if executor == "dask":
        return DaskPool(scheduler, count)
    return DaskPool(executor, count) if _is_dask(executor) else ForeignPool(executor, count)


def check_executor(executor: Any = "threads", workers: int | None = None, scheduler: str | None = None) -> None:
    """Refuse what `open_pool` could not open, without opening anything."""
    if workers is not None and positive_integer("workers", workers) > 4096:
        raise InvalidInput(f"workers must be at most 4096 on one machine; got {workers}. Use a Dask cluster for more.")
    if scheduler is not None:
        check_address(scheduler)
        if not isinstance(executor, str) or executor not in {"threads", "dask"}:
            raise InvalidInput(f"scheduler is for executor='dask'; got executor={executor!r}.")
    if isinstance(executor, str):
        if executor not in NAMES:
            raise unknown("executor", executor, NAMES)
    elif isinstance(executor, type):
        raise InvalidInput(f"executor: got the class {executor.__name__}; pass an instance, {executor.__name__}(...).")
    elif not _is_dask(executor) and not callable(getattr(executor, "submit", None)):
        raise InvalidInput(
            f"executor must be one of {', '.join(NAMES)}, a Dask client or cluster, or an object with "
            f"submit(function, *arguments) -> Future; got {executor!r}."
        )


def _is_dask(executor: Any) -> bool:
    return type(executor).__module__.split(".")[0] in {"distributed", "dask", "dask_jobqueue"}


def check_address(scheduler: Any) -> None:
    """Refuse what cannot be the address of a scheduler."""
    if not isinstance(scheduler, str):
        raise InvalidInput(f"scheduler must be an address such as 'tcp://127.0.0.1:8786'; got {scheduler!r}.")
    protocol, mark, place = scheduler.partition("://")
    host, colon, port = place.rpartition(":")
    if not mark or protocol not in {"tcp", "tls", "ucx", "ws", "wss"} or not host or not colon or not port.isdigit():
        raise InvalidInput(f"scheduler must be an address such as 'tcp://127.0.0.1:8786'; got {scheduler!r}.")
    if not 0 < int(port) < 65536:
        raise InvalidInput(f"scheduler: the port must be in 1..65535; got {port} in {scheduler!r}.")


class ThreadPool:
    """Threads of this process: compiled kernels release the GIL; no server, nothing to pickle, one compilation."""

    interruptible = True

    def __init__(self, workers: int) -> None:
        self.slots = workers
        self.describe = f"{workers} thread{'s' * (workers > 1)}"
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="cell")

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._pool.submit(function, *arguments)

    def workplaces(self, classes: Sequence[tuple[type, type]]) -> list[Workplace]:
        return []

    def trouble(self) -> str | None:
        return None

    def close(self, now: bool = False) -> None:
        self._pool.shutdown(wait=True, cancel_futures=now)


class ProcessPool:
    """Spawned processes (never forked: JAX hangs in a forked child), one cell each at a time.

    Every worker is a pool of one, so that a worker that dies takes one cell with it, is named with it, and is replaced.
    A worker ends when its driver does, however that died.
    """

    interruptible = False

    def __init__(self, workers: int) -> None:
        self.slots = workers
        self.describe = f"{workers} process{'es' * (workers > 1)}"
        self._free: queue.SimpleQueue[_Slot] = queue.SimpleQueue()
        self._all = [_Slot() for _ in range(workers)]
        for slot in self._all:
            self._free.put(slot)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        slot = self._free.get()
        outer: Future[Any] = Future()
        outer.set_running_or_notify_cancel()

        def settle(inner: Future[Any]) -> None:
            error = inner.exception() if not inner.cancelled() else WorkerDied("cancelled")
            if isinstance(error, BrokenProcessPool):
                slot.replace()
                error = WorkerDied("a worker process died (killed, out of memory, or crashed)")
            self._free.put(slot)
            if error is None:
                outer.set_result(inner.result())
            else:
                outer.set_exception(error)

        try:
            slot.submit(function, *arguments).add_done_callback(settle)
        except BrokenProcessPool:  # it died between two cells
            slot.replace()
            slot.submit(function, *arguments).add_done_callback(settle)
        return outer

    def workplaces(self, classes: Sequence[tuple[type, type]]) -> list[Workplace]:
        """Start every worker and ask what it runs.

        Raises
        ------
        InvalidInput
            If a worker cannot start or cannot import the classes.
        """
        lost = [c.__qualname__ for pair in classes for c in pair if _prompt_only(c)]
        if lost:
            raise InvalidInput(
                f"executor='processes': workers cannot import {lost[0]}, which was defined at the prompt; define it in "
                f"a .py file, or use executor='threads'."
            )
        asked = [slot.submit(workplace, classes) for slot in self._all]
        try:
            return [future.result() for future in asked]
        except BrokenProcessPool:
            hidden = shadowed_modules()
            also = f" Or rename {hidden[0]}.py, which hides a standard module." if hidden else ""
            raise InvalidInput(
                "executor='processes': a worker could not start. A script must start its sweep under "
                f"`if __name__ == '__main__':`, because every worker imports the script.{also}"
            ) from None
        except (AttributeError, ImportError, PicklingError) as e:
            raise InvalidInput(
                f"executor='processes': a worker cannot import the classes ({e}); define algorithms and environments "
                f"in a .py file, or use executor='threads'."
            ) from None

    def trouble(self) -> str | None:
        return None

    def close(self, now: bool = False) -> None:
        for slot in self._all:
            slot.close(now)


def _prompt_only(cls: type) -> bool:
    """Whether a class was defined at a prompt or in a notebook."""
    return cls.__module__ == "__main__" and not hasattr(sys.modules["__main__"], "__file__")


class _Slot:
    """A pool of one spawned process."""

    def __init__(self) -> None:
        self._pool = self._fresh()

    def _fresh(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._pool.submit(function, *arguments)

    def replace(self) -> None:
        old, self._pool = self._pool, self._fresh()
        old.shutdown(wait=False)

    def close(self, now: bool) -> None:
        workers = list((getattr(self._pool, "_processes", None) or {}).values())
        if now:
            for worker in workers:
                worker.terminate()
        self._pool.shutdown(wait=not now, cancel_futures=now)
        if now:
            for worker in workers:
                worker.join(5)


def _begin_worker() -> None:
    """In a fresh worker: leave Ctrl-C to the driver, and end when the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # workers share a GPU's memory
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


class DaskPool:
    """A Dask cluster: a scheduler's address, a client, a cluster object (local or of its job-queue companion).

    Without any of these, a local cluster of processes. A worker that dies mid-cell is replaced by another one; when the
    scheduler dies, the sweep stops with a message, and a rerun computes what is missing.

    On a cluster, workers need the same installation and the folder `out` on a shared file system. Either start a
    scheduler and workers as jobs (``dask scheduler``, ``dask worker tcp://host:8786 --nthreads 1 --nworkers 32``) and
    run ``python -m experiments run NAME --executor dask --scheduler tcp://host:8786``, or let the job-queue companion
    submit them::

        from dask_jobqueue import SLURMCluster

        cluster = SLURMCluster(cores=32, processes=32, memory="64GB", walltime="08:00:00")
        cluster.adapt(maximum_jobs=20)
        SWEEP.run("results/finite_regret", executor=cluster)

    Jobs that reach their time limit lose the cells in flight only: those are tried again on other workers, three times
    in all, and by the next run of the same command. For JAX on GPUs start one worker a GPU (``CUDA_VISIBLE_DEVICES``).
    """

    interruptible = False

    def __init__(self, target: Any, workers: int, *, timeout: float = 10) -> None:
        try:
            import distributed
        except ImportError:
            raise InvalidInput("executor='dask' needs Dask: pip install 'duel-lab[dask]'.") from None
        self._cluster: Any = None
        self._client: Any = None
        self._threads = 1
        self._owned = not isinstance(target, distributed.Client)
        if isinstance(target, distributed.Client):
            self._client = target
        elif isinstance(target, str):
            try:
                self._client = distributed.Client(target, timeout=timeout, set_as_default=False)
            except (OSError, TimeoutError, ValueError) as e:
                raise InvalidInput(
                    f"scheduler: nothing answers at {target} ({type(e).__name__}); start one with `dask scheduler` "
                    f"and workers with `dask worker {target}`, or check the address."
                ) from None
        elif target is None:
            self._cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="", silence_logs=50
            )
            self._client = distributed.Client(self._cluster, set_as_default=False)
        else:
            self._client = distributed.Client(target, timeout=timeout, set_as_default=False)
        self.describe = f"Dask at {self._address()}"

    def _address(self) -> str:
        return str(getattr(self._client.scheduler, "address", "?"))

    @property
    def slots(self) -> int:
        """Threads of all workers now (a cluster may grow), twice: the next cell waits where it will run."""
        if self._client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):  # `trouble` will say so
                self._threads = max(1, sum(self._client.nthreads().values()))
        return 2 * self._threads

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._client.submit(function, *arguments, pure=False, retries=0)

    def workplaces(self, classes: Sequence[tuple[type, type]]) -> list[Workplace]:
        """Ask every worker what it runs, after waiting up to a minute for the first one."""
        import distributed

        local = [c.__qualname__ for pair in classes for c in pair if c.__module__ in {"__main__", "__mp_main__"}]
        if local:
            raise InvalidInput(
                f"executor='dask': {local[0]} is defined in the script itself, which workers do not have; move it to "
                f"a .py file that workers can import."
            )
        try:
            self._client.wait_for_workers(1, timeout=60)
        except (TimeoutError, distributed.TimeoutError):
            raise InvalidInput(
                f"executor='dask': no worker joined {self._address()} within a minute; start some with "
                f"`dask worker {self._address()}` or scale the cluster."
            ) from None
        try:
            return list(self._client.run(workplace, classes).values())
        except (ImportError, AttributeError) as e:
            raise InvalidInput(
                f"executor='dask': a worker cannot import the project ({e}); install the same version of it there."
            ) from None

    def trouble(self) -> str | None:
        if self._client.status == "running":
            return None
        return f"the Dask scheduler at {self._address()} is gone (client is {self._client.status})"

    def close(self, now: bool = False) -> None:
        if self._owned:
            with contextlib.suppress(OSError, TimeoutError):  # a scheduler that is gone cannot be told
                self._client.close(timeout=2 if now else 10)
            if self._cluster is not None:
                self._cluster.close(timeout=5)


class ForeignPool:
    """Anything with ``submit(function, *arguments) -> Future``; the caller opens and closes it."""

    interruptible = False

    def __init__(self, executor: Any, workers: int) -> None:
        self._executor = executor
        self.slots = int(getattr(executor, "_max_workers", workers))
        self.describe = type(executor).__name__

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        future = self._executor.submit(function, *arguments)
        if not callable(getattr(future, "add_done_callback", None)) or not callable(getattr(future, "result", None)):
            raise InvalidInput(
                f"executor: {self.describe}.submit must return a Future with result() and add_done_callback(); "
                f"got {future!r}."
            )
        return future

    def workplaces(self, classes: Sequence[tuple[type, type]]) -> list[Workplace]:
        return []

    def trouble(self) -> str | None:
        return None

    def close(self, now: bool = False) -> None:
        return


class Stop:
    """Whether and why a sweep should stop: set by SIGINT and SIGTERM while it is entered, in the main thread only.

    A second Ctrl-C raises KeyboardInterrupt at once.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._event = threading.Event()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Stop":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _handle(self, number: int, _frame: Any) -> None:
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        self._event.set()

    def set(self) -> None:
        """Ask cells in flight in this process to give up."""
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()


def shadowed_modules() -> list[str]:
    """Standard-library modules that a file of the script's folder hides, a frequent reason why workers fail."""
    folder = sys.path[0] if sys.path else ""
    if not folder or not os.path.isdir(folder):
        return []
    return sorted(n[:-3] for n in os.listdir(folder) if n.endswith(".py") and n[:-3] in sys.stdlib_module_names)
