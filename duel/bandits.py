"""The sequential protocol: duels, one after the other, with regret recorded at checkpoints. One loop, compiled.

* A *learner* (any file of `algorithms/finite`) has ``init(self, problem) -> state``, ``select(self, state, contexts, t,
  rng) -> (state, first, second)`` and ``update(self, state, contexts, t, first, second, outcome) -> state``: rounds t =
  1, 2, ..., contexts [K, d], outcome +1 if the first won, 0 for a tie, -1 if the second won. To stop early it has
  ``done(self, state) -> bool``, ``recommend(self, state) -> arm`` and an attribute ``target`` ("condorcet", "copeland"
  or "borda"), which says what the arm is to be. Optional is ``check(self, problem)``, which refuses bad fields.
* An *environment* has ``problem(self, horizon) -> Problem``, ``init(self, rng) -> world``, ``observe(self, world, t,
  rng) -> contexts``, ``duel(self, world, first, second, rng) -> outcome`` and ``regrets(self, world, first, second)``,
  a number for every name in its `metrics`.

These are plain Python functions; this module compiles the loop of a (learner, environment) pair with Numba, without the
GIL, and runs one loop per run in a pool of threads. `compiled=False` interprets the same functions: same bits.

Outcomes may come late: an environment that offers `post` and `delivered` takes each outcome into its own keeping,
``post(self, world, t, first, second, outcome, rng) -> count`` of those due at the end of round t, and hands them out,
``delivered(self, world, k) -> (contexts, s, first, second, outcome)`` as they were in round s <= t. The learner's
`update` is called with these, in that order, zero or more times a round; it need not know.

Streams: run r of seed s draws from ``SeedSequence(s, spawn_key=(role, r))``, role 0 the environment, 1 the learner.
The environment consumes the same draws whatever the learner does, so all learners meet the same instance, contexts and
noise, and a run is the same numbers whoever its neighbours are.
"""

import platform
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput
from duel.source import code_digest
from duel.trace import Trace

ENVIRONMENT, LEARNER = 0, 1
LEARNER_METHODS = ("init", "select", "update")
STOPPING_METHODS = ("done", "recommend")
DELAY_METHODS = ("post", "delivered")


class Problem(NamedTuple):
    """What a learner is told before the first duel."""

    arms: int  # K
    dimension: int  # d, length of a context; K for finite-armed problems, whose contexts are the identity
    horizon: int  # T, rounds that will be played
    link: str = "logistic"  # name of the comparison function F, see duel.links
    size: int = 2  # k, most arms that a round may show: 2 in duels, more in `duel.subsets`


def stream(seed: int, role: int, run: int) -> np.random.Generator:
    """The random numbers of one role in one run."""
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=(role, run))))


def world(environment: Any, seed: int, run: int) -> Any:
    """The instance that run `run` of `seed` plays on: its ground truth, which no learner sees."""
    return _typed(environment).init(stream(seed, ENVIRONMENT, run))


def _never(self: Any, state: Any) -> bool:
    return False


def _no_arm(self: Any, state: Any) -> int:
    return -1


def _make_advance(
    select: Any, update: Any, done: Any, recommend: Any, observe: Any, duel: Any, regrets: Any,
    post: Any = None, delivered: Any = None,
) -> Callable[..., Any]:  # fmt: skip
    """The loop over these functions. They are closed over, so that Numba links and inlines them.

    The loop calls `update` itself: a function between the two that is handed the state makes Numba count references to
    all its arrays every round (RUCB at K = 10: 5 in place of 15 million rounds a second).
    """
    late = post is not None  # a constant to Numba, which compiles one branch only

    def advance(
        learner: Any,
        state: Any,
        environment: Any,
        world: Any,
        nature: Any,  # Generator of the environment
        coins: Any,  # Generator of the learner
        start: int,  # rounds already played
        stop: int,  # rounds played when this call returns, unless the learner is done before
        checkpoints: Any,  # int64 [C]
        reached: int,  # checkpoints already recorded
        total: Any,  # float64 [M] cumulative regret, updated in place
        regret: Any,  # float64 [C, M] recorded in place
        recommended: Any,  # int64 [C] recorded in place
    ) -> Any:
        t = start
        finished = done(learner, state)
        while t < stop and not finished:
            t += 1
            contexts = observe(environment, world, t, nature)
            state, first, second = select(learner, state, contexts, t, coins)
            outcome = duel(environment, world, first, second, nature)
            if late:  # outcomes are heard when the environment delivers them, with round and contexts of their duels
                for k in range(post(environment, world, t, first, second, outcome, nature)):
                    past_contexts, s, i, j, past_outcome = delivered(environment, world, k)
                    state = update(learner, state, past_contexts, s, i, j, past_outcome)
            else:
                state = update(learner, state, contexts, t, first, second, outcome)
            losses = regrets(environment, world, first, second)
            for m in range(len(losses)):
                total[m] += losses[m]
            finished = done(learner, state)
            if reached < len(checkpoints) and t == checkpoints[reached]:
                for m in range(len(losses)):
                    regret[reached, m] = total[m]
                recommended[reached] = recommend(learner, state)
                reached += 1
        return state, t, reached, finished

    return advance


class Form(NamedTuple):
    """What tells one kind of sequential round from another: its loop, and how the environment answers in it."""

    make_advance: Callable[..., Callable[..., Any]]  # as `_make_advance`, whose arguments and results it shares
    answer: str  # the environment's method


DUELS = Form(_make_advance, "duel")


@lru_cache(maxsize=512)
def _loop(learner: type, environment: type, is_compiled: bool, identity: str, form: Form = DUELS) -> Callable[..., Any]:
    """The loop of a pair of classes; `identity` is the digest of all code behind it."""
    functions = [
        getattr(learner, "select"),  # noqa: B009  (pyright: the classes are structural)
        getattr(learner, "update"),  # noqa: B009
        getattr(learner, "done", _never),
        getattr(learner, "recommend", _no_arm),
        *(getattr(environment, name) for name in ("observe", form.answer, "regrets")),
        *(getattr(environment, name) for name in DELAY_METHODS if hasattr(environment, "post")),
    ]
    if not is_compiled:
        return form.make_advance(*functions)
    from duel import compiling

    return compiling.loop(form.make_advance(*map(compiling.part, functions)), identity)


def loop(learner: type, environment: type, *, compiled: bool = True, form: Form = DUELS) -> Callable[..., Any]:
    """The advance function of a pair of classes, compiled on first use (see `_make_advance` for its arguments)."""
    return _loop(learner, environment, compiled, code_digest(learner, environment, form.make_advance), form)


def check(algorithm: Any, environment: Any, horizon: int, *, form: Form = DUELS) -> None:
    """Refuse a pair that cannot play, before anything is compiled: methods, then fields by their own checks."""
    _require(algorithm, LEARNER_METHODS, "algorithm")
    _require(environment, ("problem", "init", "observe", form.answer, "regrets"), "environment")
    algorithm, environment = _typed(algorithm), _typed(environment)
    if hasattr(environment, "check"):
        environment.check()
    problem = environment.problem(horizon)
    if hasattr(algorithm, "check"):
        algorithm.check(problem)


def run(
    algorithm: Any,
    environment: Any,
    *,
    horizon: int,
    runs: np.ndarray,
    seed: int,
    checkpoints: np.ndarray,
    workers: int,
    compiled: bool = True,
    progress: Callable[[int], None] | None = None,
    form: Form = DUELS,
) -> Trace:
    """Simulate the runs and return their Trace. Arguments are those of `duel.simulate`, already checked there."""
    check(algorithm, environment, horizon, form=form)
    algorithm, environment = _typed(algorithm), _typed(environment)
    problem = environment.problem(horizon)
    stops = hasattr(type(algorithm), "done")
    advance = loop(type(algorithm), type(environment), compiled=compiled, form=form)
    M, C = len(environment.metrics), len(checkpoints)
    stop = threading.Event()

    def one(number: int) -> tuple[np.ndarray, np.ndarray | None, int]:
        nature, coins = stream(seed, ENVIRONMENT, number), stream(seed, LEARNER, number)
        world, state = environment.init(nature), algorithm.init(problem)
        total, regret = np.zeros(M), np.empty((C, M))
        recommended = np.full(C, -1, dtype=np.int64)
        t, reached, finished, chunk = 0, 0, False, 16_384
        # In chunks, so that Ctrl-C and the progress bar work; the bits do not depend on them.
        while t < horizon and not finished and not stop.is_set():
            began, start = time.perf_counter(), t
            state, t, reached, finished = advance(
                algorithm, state, environment, world, nature, coins, t, min(horizon, t + chunk),
                checkpoints, reached, total, regret, recommended,
            )  # fmt: skip
            if progress is not None:
                progress(t - start)
            if time.perf_counter() - began < 0.1:
                chunk *= 4
        regret[reached:] = total  # a run that stopped early keeps its regret
        if progress is not None and t < horizon:
            progress(horizon - t)
        if not stops:
            return regret, None, t
        recommended[reached:] = algorithm.recommend(state)
        return regret, _correct(environment, algorithm, recommended, world), t

    if compiled:  # a call that plays no round: one thread compiles, and bad types show here
        _advance_nothing(advance, algorithm, environment, problem, seed, int(runs[0]), checkpoints)
    began = time.perf_counter()
    results = _in_threads(one, [int(r) for r in runs], workers, stop)
    metrics = {name: np.stack([r[0][:, m] for r in results]) for m, name in enumerate(environment.metrics)}
    if stops:
        metrics["duels"] = np.stack([np.minimum(checkpoints, r[2]).astype(np.float64) for r in results])
        metrics["correct"] = np.stack([r[1] for r in results])
    bad = [name for name, values in metrics.items() if name not in _undefined(environment) and np.isnan(values).any()]
    if bad:
        raise FloatingPointError(
            f"{type(algorithm).__name__}: metric {bad[0]!r} became NaN; replay with compiled=False."
        )
    return Trace(
        algorithm=type(algorithm).__name__,
        environment=type(environment).__name__,
        parameters=dict(algorithm._asdict()),
        environment_parameters=dict(environment._asdict()),
        runs=runs,
        checkpoints=checkpoints,
        metrics=metrics,
        seed=seed,
        provenance=_provenance(algorithm, environment, compiled, time.perf_counter() - began, form),
    )


def _in_threads(one: Callable[[int], Any], numbers: list[int], workers: int, stop: threading.Event) -> list[Any]:
    """``[one(n) for n in numbers]`` with a few threads that each take the next number: a task a run would cost more."""
    if workers == 1 or len(numbers) == 1:
        return [one(n) for n in numbers]
    results: list[Any] = [None] * len(numbers)
    waiting = iter(enumerate(numbers))

    def work() -> None:
        try:
            for place, number in waiting:
                results[place] = one(number)
        except BaseException:
            stop.set()
            raise

    with ThreadPoolExecutor(min(workers, len(numbers))) as pool:
        futures = [pool.submit(work) for _ in range(min(workers, len(numbers)))]
        try:
            for future in futures:
                future.result()
        except BaseException:  # Ctrl-C too: the others stop after their present chunk of rounds
            stop.set()
            raise
    return results


def _advance_nothing(
    advance: Any, algorithm: Any, environment: Any, problem: Problem, seed: int, run: int, checkpoints: np.ndarray
) -> None:
    nature, coins = stream(seed, ENVIRONMENT, run), stream(seed, LEARNER, run)
    world, state = environment.init(nature), algorithm.init(problem)
    M, C = len(environment.metrics), len(checkpoints)
    from numba.core.errors import NumbaError

    try:
        advance(
            algorithm, state, environment, world, nature, coins, 0, 0,
            checkpoints, 0, np.zeros(M), np.empty((C, M)), np.full(C, -1, dtype=np.int64),
        )  # fmt: skip
    except NumbaError as error:
        names = f"{type(algorithm).__name__} on {type(environment).__name__}"
        raise CompilationFailed(f"{names} cannot be compiled: {_first_cause(str(error))}") from error


class CompilationFailed(TypeError):
    """A learner or environment uses something that compiled code does not know; interpreted, it may still run."""


def _first_cause(message: str) -> str:
    """One line of the compiler's many: what went wrong, where, and what to do."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    cause = next((x for x in lines if not x.startswith(("Failed in", "- Resolution", "During", "No impl"))), lines[0])
    unknown_call = next((x for x in lines if x.startswith("No implementation")), "")
    place = next((x.split("typing of ")[-1] for x in lines if "typing of" in x and "bandits.py" not in x), "")
    hint = "simulate(..., compiled=False) runs it interpreted; a State field must keep its type."
    return " ".join(x for x in (unknown_call, cause, f"[{place}]" if place else "", hint) if x)


def _undefined(environment: Any) -> tuple[str, ...]:
    """Metrics that may be NaN by definition (regret against a Condorcet winner that does not exist)."""
    return getattr(environment, "may_be_undefined", ())


def _correct(environment: Any, algorithm: Any, recommended: np.ndarray, world: Any) -> np.ndarray:
    arms = {int(a) for a in recommended}
    allowed = (algorithm.epsilon,) if hasattr(algorithm, "epsilon") else ()  # PAC: right up to epsilon
    right = {a: float(a >= 0 and environment.correct(world, a, algorithm.target, *allowed)) for a in arms}
    return np.array([right[int(a)] for a in recommended])


def _require(obj: Any, methods: tuple[str, ...], argument: str) -> None:
    if isinstance(obj, type):
        raise InvalidInput(f"{argument}: got the class {obj.__name__}; pass an instance, {obj.__name__}(...).")
    if not isinstance(obj, tuple) or not hasattr(obj, "_fields"):
        raise InvalidInput(f"{argument} must be a NamedTuple with methods {', '.join(methods)}; got {obj!r}.")
    if argument == "environment" and hasattr(type(obj), "post"):
        methods = (*methods, *DELAY_METHODS)
    missing = [m for m in methods if not isinstance(getattr(type(obj), m, None), FunctionType)]
    if missing:
        raise InvalidInput(
            f"{argument}: {type(obj).__name__} has no method {missing[0]!r}; needed: {', '.join(methods)}."
        )
    if argument == "algorithm":
        for a, b in (STOPPING_METHODS, STOPPING_METHODS[::-1]):
            if hasattr(type(obj), a) and not hasattr(type(obj), b):
                raise InvalidInput(
                    f"algorithm: {type(obj).__name__} has {a!r} but not {b!r}; an algorithm that stops needs both."
                )


def _typed(obj: Any) -> Any:
    """Fields in the types that compiled code knows: lists become float arrays, ints declared float become floats."""
    annotations = type(obj).__annotations__
    changed = {}
    for name, value in obj._asdict().items():
        if isinstance(value, np.ndarray):
            changed[name] = np.array(value, order="C")  # own, writable, contiguous: one machine code for all
        elif isinstance(value, list) or (isinstance(value, tuple) and not hasattr(value, "_fields")):
            changed[name] = np.array(value, dtype=np.float64) if _numeric(value) else tuple(value)
        elif annotations.get(name) is float and isinstance(value, int | np.integer | np.floating):
            changed[name] = float(value)
        elif isinstance(value, np.generic):
            changed[name] = value.item()
    return obj._replace(**changed) if changed else obj


def _numeric(value: Any) -> bool:
    try:
        return np.array(value).dtype.kind in "biuf"
    except ValueError:
        return False


def _provenance(algorithm: Any, environment: Any, compiled: bool, seconds: float, form: Form) -> dict[str, Any]:
    import numba

    from duel import __version__

    return {
        "duel": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "machine": f"{platform.machine()} {platform.system()}",
        "code": code_digest(type(algorithm), type(environment), form.make_advance),
        "compiled": compiled,
        "seconds": seconds,
    }
