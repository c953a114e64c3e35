"""The game protocol: Nash learning from human feedback, in JAX. One loop: ``jit(vmap(scan))`` over a batch of games.

A *game* is a pytree with `payoffs`: `duel.payoffs.PreferenceGame` or `ZeroSumGame`, or your own. A *solver* (any file
of `algorithms/games`) is a NamedTuple with

* ``init(self, game) -> state``;
* ``step(self, state, game, oracle, key) -> state``;
* ``policy(self, state) -> [..., n]``, and ``average_policy`` where its theorem speaks of the average;
* optionally ``calls(self) -> int``, oracle calls a step (counted by tracing where absent), and
  ``multipliers(self, frequencies, kl_weight)``, the moduli of the linearised map at the equilibrium, or
  ``jacobian(self, A, policy, kl_weight)``, that map itself: see `local_multiplier`.

A state field named ``logits`` is taken for the policy's logits: metrics are then computed from log-probabilities, which
keeps entries like 1e-160 apart from zero. An *oracle* of `duel.oracles` answers `margins(game, policy, key)`: win rates
against the policy less one half, of every action: exact, noisy, or estimated from sampled comparisons. Names of
`duel.payoffs` and `duel.oracles` can be had from here, too.

Numbers are float64, see `duel.payoffs`.

Batches: on a CPU, `run` plays games in blocks of 8 lanes (n <= 32) or one by one (n > 32), whatever the number of
runs, so that a run is the same bits alone or in company. `solve` plays exactly the batch it is given, in lockstep if n
is small.
"""

import platform
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from duel import equilibrium
from duel.bandits import ENVIRONMENT, LEARNER, stream
from duel.errors import InvalidInput, positive_integer
from duel.oracles import Comparisons, Counting, Exact, Gaussian  # noqa: F401 (at home here, too)
from duel.payoffs import (  # noqa: F401 (at home here, too)
    PreferenceGame,
    ZeroSumGame,
    duality_gap,
    exploitability,
    gap_of_logits,
    kl_divergence,
    original_gap,
    suboptimality,
    total_variation,
    value,
)
from duel.source import code_digest
from duel.trace import Trace, geometric_checkpoints

LANES, SMALL = 8, 32  # games of at most SMALL actions run LANES at a time: 0.7M steps/s, so that one game is fast too


class DivergenceWarning(RuntimeWarning):
    """A solver left the floating-point numbers, or its step size exceeds the local limit of stability."""


# ----------------------------------------------------------------------------------------------------------------------
# the loop


class Path(NamedTuple):
    """Policies of a solver at checkpoints, after that many steps."""

    log_policy: jax.Array  # [..., C, n] last iterate
    average: jax.Array | None  # [..., C, n] average policy, where the solver keeps one


def _log_policy(algorithm: Any, state: Any) -> jax.Array:
    logits = getattr(state, "logits", None)
    return jnp.log(algorithm.policy(state)) if logits is None else jax.nn.log_softmax(logits, axis=-1)


def _play(algorithm: Any, oracle: Any, game: Any, checkpoints: jax.Array, key: jax.Array) -> Path:
    """One game, from the initial state to the last checkpoint."""

    def advance(t: jax.Array, state: Any) -> Any:
        return algorithm.step(state, game, oracle, jax.random.fold_in(key, t))

    def segment(carry: tuple[Any, jax.Array], end: jax.Array) -> tuple[Any, Path]:
        state = lax.fori_loop(carry[1] + 1, end + 1, advance, carry[0])
        average = algorithm.average_policy(state) if hasattr(algorithm, "average_policy") else None
        return (state, end), Path(_log_policy(algorithm, state), average)

    start = (algorithm.init(game), jnp.zeros((), checkpoints.dtype))
    return lax.scan(segment, start, checkpoints)[1]


class _Static(NamedTuple):
    """The part of an algorithm or oracle that is compiled in: its structure, names, switches and counts."""

    structure: Any  # PyTreeDef
    leaves: tuple[Any, ...]  # None marks a number that is passed at run time


def _split(obj: Any) -> tuple[_Static, list[float]]:
    leaves, structure = jax.tree.flatten(obj)
    numbers = [float(x) for x in leaves if isinstance(x, float | np.floating)]
    return _Static(structure, tuple(None if isinstance(x, float | np.floating) else x for x in leaves)), numbers


def _join(static: _Static, numbers: Any) -> Any:
    stream_of_numbers = iter(numbers)
    leaves = [next(stream_of_numbers) if x is None else x for x in static.leaves]
    return jax.tree.unflatten(static.structure, leaves)


@lru_cache(maxsize=64)  # a program is dozens of memory maps, of which Linux grants a process 65,530
def _compiled(algorithm: _Static, oracle: _Static, batch: int, in_turn: bool) -> Callable[..., Path]:
    """The loop over a batch of `batch` leading axes (0: one game), for numbers, games, checkpoints and keys.

    `in_turn`: one game after the other instead of in lockstep, so that each game's matrix stays in the cache.
    """

    def play(numbers: Any, game: Any, checkpoints: jax.Array, key: jax.Array) -> Path:
        return _play(_join(algorithm, numbers[0]), _join(oracle, numbers[1]), game, checkpoints, key)

    for _ in range(batch):
        play = _in_turn(play) if in_turn else jax.vmap(play, in_axes=(None, 0, None, 0))
    return jax.jit(play)


def _in_turn(play: Callable[..., Path]) -> Callable[..., Path]:
    def each(numbers: Any, game: Any, checkpoints: jax.Array, key: jax.Array) -> Path:
        return lax.map(lambda pair: play(numbers, pair[0], checkpoints, pair[1]), (game, key))

    return each


def _large(game: Any) -> bool:
    """Whether games are better played one by one: on a CPU, with more than SMALL numbers in a policy."""
    return jax.default_backend() == "cpu" and int(np.prod(game.policy_shape)) > SMALL


def solve(
    algorithm: Any,
    game: Any,
    *,
    horizon: int,
    checkpoints: Any = None,
    oracle: Any = None,
    key: jax.Array | None = None,
) -> Path:
    """Run a solver on the given games, all of them as one compiled batch.

    Parameters
    ----------
    algorithm : NamedTuple
        A solver.
    game : PreferenceGame or ZeroSumGame
        One game, or a batch.
    horizon : int >= 1
        Steps.
    checkpoints : increasing ints in 1..horizon, optional
        When the policy is recorded; geometric if None.
    oracle : Exact(), Gaussian(scale) or Comparisons(count), optional
        Exact if None.
    key : JAX key, optional
        Randomness of the oracle.

    Returns
    -------
    Path
        ``log_policy`` [..., C, n] and ``average``. `measure` turns it into metrics.

    Raises
    ------
    InvalidInput
        A horizon < 1, checkpoints that do not increase in 1..horizon, a game that the solver cannot play.

    Warns
    -----
    DivergenceWarning
        When policies cease to be numbers.
    """
    T = positive_integer("horizon", horizon)
    marks = np.asarray(geometric_checkpoints(T) if checkpoints is None else list(checkpoints), dtype=np.int64)
    if marks.ndim != 1 or not len(marks) or marks[0] < 1 or marks[-1] > T or (np.diff(marks) <= 0).any():
        raise InvalidInput(f"checkpoints must be increasing steps in 1..horizon={T}; got {checkpoints!r}.")
    game = jax.tree.map(jnp.asarray, game)
    _check(algorithm, game)
    key = jax.random.key(0) if key is None else key
    if game.batch_shape:
        key = jax.random.split(key, game.batch_shape)
    static, numbers = _split(algorithm)
    oracle_static, oracle_numbers = _split(Exact() if oracle is None else oracle)
    play = _compiled(static, oracle_static, len(game.batch_shape), _large(game))
    path = play((numbers, oracle_numbers), _without_shared(game), jnp.asarray(marks), key)
    if np.isnan(np.asarray(path.log_policy)).any():
        warnings.warn(
            f"{type(algorithm).__name__} diverged: its logits overflowed, and its policies are NaN from there. Take a "
            "smaller step_size.",
            DivergenceWarning,
            stacklevel=2,
        )
    return path


def _without_shared(game: Any) -> Any:
    """Prompt weights are shared by a batch: give each game its copy, so that one vmap axis fits all."""
    weights = getattr(game, "weights", None)
    if weights is None or not game.batch_shape:
        return game
    return game.replace(weights=jnp.broadcast_to(weights, (*game.batch_shape, *weights.shape[-1:])))


def calls_per_step(algorithm: Any, game: Any) -> int:
    """Oracle calls (payoff products) of one step of a solver on one game."""
    if hasattr(algorithm, "calls"):
        return int(algorithm.calls())
    counter = Counting(Exact())

    def step(game: Any) -> Any:
        return algorithm.step(algorithm.init(game), game, counter, jax.random.key(0))

    jax.eval_shape(step, game)
    return counter.calls


# ----------------------------------------------------------------------------------------------------------------------
# the protocol


def check(algorithm: Any, environment: Any, horizon: int) -> None:
    """Refuse a pair that cannot play, before anything is compiled: methods and fields, on a game of the environment."""
    _check_classes(algorithm, environment)
    if not hasattr(environment, "dataset"):
        _check(algorithm, stack([environment.init(stream(0, ENVIRONMENT, 0))]))


def _check_classes(algorithm: Any, environment: Any) -> None:
    if isinstance(environment, type) or not callable(getattr(environment, "init", None)):
        raise InvalidInput(
            f"environment must be an instance with a method init(rng) that draws a game; got {environment!r}."
        )
    if hasattr(environment, "check"):
        environment.check()
    if isinstance(algorithm, type):
        raise InvalidInput(
            f"algorithm: got the class {algorithm.__name__}; pass an instance, {algorithm.__name__}(...)."
        )


def _check(algorithm: Any, game: Any) -> None:
    if isinstance(algorithm, type):
        raise InvalidInput(
            f"algorithm: got the class {algorithm.__name__}; pass an instance, {algorithm.__name__}(...)."
        )
    missing = [m for m in ("init", "step", "policy") if not callable(getattr(algorithm, m, None))]
    if missing or not hasattr(algorithm, "_fields"):
        raise InvalidInput(
            f"algorithm must be a NamedTuple with methods init, step and policy; got {type(algorithm).__name__}"
            + (f" without {missing[0]!r}." if missing else ".")
        )
    if hasattr(algorithm, "check"):
        algorithm.check(game)
    if getattr(game, "sequential", False) and "logits" not in algorithm.init(game)._fields:
        raise InvalidInput(
            f"algorithm: {type(algorithm).__name__} plays one-shot games; a multi-turn game needs a solver in logits "
            "(RegularizedOMD, MMD, EGPO ...)."
        )


def need_regularization(name: str, game: Any) -> None:
    """For the `check` of solvers that divide by beta: InvalidInput unless every game has kl_weight > 0."""
    beta = np.asarray(game.kl_weight)
    if not (beta > 0).all():
        raise InvalidInput(
            f"kl_weight must be > 0 for {name}, which solves the regularised game; got {float(beta.min())!r}. "
            "For the original game take OMD, OptimisticOMD or MagnetRefresh."
        )


def positive(**numbers: float | None) -> None:
    """For the `check` of solvers: refuses by name what is not a finite number > 0; None (a default) passes."""
    for name, number in numbers.items():
        if number is not None and not 0 < number < np.inf:
            raise InvalidInput(f"{name} must be a finite number > 0, or None for the theorem's; got {number!r}.")


def anchored(logits: jax.Array, game: Any, step_size: Any) -> jax.Array:
    """``(1 - eta beta) theta + eta beta log mu``: a step of the regulariser alone, a geometric mixture with mu."""
    pull = step_size * game.kl_weight
    return (1 - pull) * logits + pull * game.log_reference


def stack(games: list[Any]) -> Any:
    """One batch of single games; InvalidInput unless they are of one kind and shape."""
    if len({jax.tree.structure(g) for g in games} | set()) > 1 or len({g.policy_shape for g in games}) > 1:
        raise InvalidInput("games of one batch must have the same kind and shape.")
    weights = getattr(games[0], "weights", None)
    batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), *games)
    return batch if weights is None else batch.replace(weights=weights)


def measure(game: Any, path: Path, truth: Any) -> dict[str, np.ndarray]:
    """Metrics of a path: name -> [R, C], for a batch of R games.

    `gap` (regularised if kl_weight > 0), `original_gap`, `exploitability`, `kl` = KL(equilibrium || policy) and `tv`
    to the equilibrium, their `average_` forms where the solver keeps an average, and `diverged` (0 or 1). The original
    game's equilibrium is the nearest one, the I-projection of the policy. `truth` comes from `truth_of`.
    """
    log_policy = np.asarray(path.log_policy)
    finite = np.isfinite(np.exp(log_policy)).reshape(*log_policy.shape[:2], -1).all(axis=-1)
    rows = len(game.policy_shape)
    lost = finite.reshape(finite.shape + (1,) * rows)
    uniform = -np.log(log_policy.shape[-1])
    metrics = _metrics(game, np.where(lost, log_policy, uniform), truth, "")
    for name, values in metrics.items():
        metrics[name] = np.where(finite, values, np.inf if name != "tv" else 1.0)
    if path.average is not None and not getattr(game, "sequential", False):
        with np.errstate(divide="ignore"):
            average = np.log(np.asarray(path.average))
        metrics.update(_metrics(game, np.where(lost, average, uniform), truth, "average_"))
        for name in ("average_gap", "average_original_gap"):
            metrics[name] = np.where(finite, metrics[name], np.inf)
    metrics["diverged"] = (~finite).astype(float)
    return metrics


@jax.jit
def _gaps(game: Any, log_policy: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(g: Any, path: jax.Array) -> Any:
        return jax.vmap(lambda x: (gap_of_logits(g, x), g.best_response_gain(x, None)))(path)

    return jax.vmap(one)(game, log_policy)


@jax.jit
def _distances(game: Any, log_truth: jax.Array, log_policy: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(g: Any, truth: jax.Array, path: jax.Array) -> Any:
        def at(target: jax.Array, x: jax.Array) -> Any:
            return g.kl(target, x), g.tv(target, x)

        return jax.vmap(at)(truth, path)

    return jax.vmap(one)(game, log_truth, log_policy)


def _metrics(game: Any, log_policy: np.ndarray, truth: Any, prefix: str) -> dict[str, np.ndarray]:
    lanes = _without_shared(game)
    gap, original = (np.asarray(x) for x in _gaps(lanes, log_policy))
    found = {f"{prefix}gap": gap, f"{prefix}original_gap": original}
    if not prefix:
        kl, tv = (np.asarray(x) for x in _distances(lanes, truth(log_policy), log_policy))
        found |= {"exploitability": original / 2, "kl": kl, "tv": tv}
    return found


def truth_of(game: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Log-equilibria of a batch of games as a function of the log-policies [R, C, ...] to compare: same shape.

    The regularised game's equilibrium is unique; of the original game's equilibria the nearest is taken.

    Raises
    ------
    InvalidInput
        Regularised and original games in one batch.
    """
    if hasattr(game, "log_equilibrium"):
        log_equilibrium = np.asarray(game.log_equilibrium())
        return lambda log_policy: np.broadcast_to(log_equilibrium[:, None], log_policy.shape)
    beta = np.asarray(game.kl_weight)
    if (beta > 0).all():
        solution = equilibrium.regularized_log_policy(game)
        return lambda log_policy: np.broadcast_to(solution[:, None], log_policy.shape)
    if (beta > 0).any():
        raise InvalidInput("kl_weight must be > 0 for all games of a batch or 0 for all of them.")
    sets = [[equilibrium.EquilibriumSet(g) for g in _single_games(game[r])] for r in range(game.batch_shape[0])]

    def nearest(log_policy: np.ndarray) -> np.ndarray:
        found = np.empty_like(log_policy)
        for r, row in enumerate(sets):
            for c in range(log_policy.shape[1]):
                if len(row) == 1:
                    found[r, c] = row[0].nearest(log_policy[r, c])
                else:
                    found[r, c] = np.stack([s.nearest(x) for s, x in zip(row, log_policy[r, c], strict=True)])
        with np.errstate(divide="ignore"):
            return np.log(found)

    return nearest


def _single_games(game: Any) -> list[Any]:
    """The prompts of a contextual game as games; any other game as itself."""
    if getattr(game, "weights", None) is None:
        return [game]
    weight = jnp.broadcast_to(game.kl_weight, game.A.shape[:1])
    return [
        PreferenceGame.tree_unflatten(None, (*x, None)) for x in zip(game.A, game.log_reference, weight, strict=True)
    ]


def local_multiplier(algorithm: Any, game: Any, policy: Any) -> np.ndarray | None:
    """Largest modulus of the solver's linearised map at the regularised equilibrium `policy`, of every game: [R].

    Above 1 the last iterate moves away from the equilibrium. None where it is not known: the solver states neither
    ``multipliers(frequencies, kl_weight)`` (a map in which only the spectrum of the game matters) nor ``jacobian(A,
    policy, kl_weight)`` (any other), or the game is not regularised or not a matrix game.
    """
    if not hasattr(game, "blocks") or not (np.asarray(game.kl_weight) > 0).all():
        return None
    beta = np.asarray(game.kl_weight).reshape(-1)
    if hasattr(algorithm, "multipliers"):
        frequencies = equilibrium.local_frequencies(game, policy).reshape(len(beta), -1)
        found = [algorithm.multipliers(w, float(b)) for w, b in zip(frequencies, beta, strict=True)]
        return None if any(x is None for x in found) else np.array([np.max(x) for x in found])
    if hasattr(algorithm, "jacobian") and isinstance(game, PreferenceGame) and game.weights is None:
        A, p = np.asarray(game.A), np.asarray(policy)
        A, p = A.reshape(-1, *A.shape[-2:]), p.reshape(-1, p.shape[-1])
        spectra = [np.linalg.eigvals(algorithm.jacobian(*x)) for x in zip(A, p, beta.tolist(), strict=True)]
        return np.array([np.abs(x).max() for x in spectra])
    return None


def _warn_of_step(algorithm: Any, game: Any) -> None:
    """Say so when the linearised map at the equilibrium expands: the step size is beyond the local limit."""
    if not (hasattr(algorithm, "multipliers") or hasattr(algorithm, "jacobian")) or not hasattr(game, "blocks"):
        return
    if not (np.asarray(game.kl_weight) > 0).all():
        return
    worst = local_multiplier(algorithm, game, equilibrium.regularized_equilibrium(game))
    if worst is not None and (worst > 1 + 1e-9).any():
        given = getattr(algorithm, "step_size", None)
        step = "its step" if given is None else f"step_size {given!r}"
        beyond = int((worst > 1 + 1e-9).sum())
        warnings.warn(
            f"{type(algorithm).__name__}: {step} exceeds the local limit of stability on {beyond} of {len(worst)} "
            f"games (multiplier up to {worst.max():.4g} > 1): the last iterate will not converge. Take a smaller one.",
            DivergenceWarning,
            stacklevel=4,
        )


def world(environment: Any, seed: int, run: int) -> Any:
    """The game that run `run` of `seed` is played on."""
    return environment.init(stream(seed, ENVIRONMENT, run))


def run(
    algorithm: Any,
    environment: Any,
    *,
    horizon: int,
    runs: np.ndarray,
    seed: int,
    checkpoints: np.ndarray,
    workers: int | None = None,
    compiled: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Simulate a solver on the games of an environment, one game a run. Called by `duel.simulate`, which checks.

    The environment's ``init(rng)`` draws run r's game from the run's own stream; its ``oracle()``, if it has one, says
    how win rates are observed. Metrics: see `measure`; `products` counts payoff evaluations and `queries` preference
    queries (sampled comparisons) up to the checkpoint.

    Warns
    -----
    DivergenceWarning
        When the step size exceeds the local limit of stability, and when a policy ceases to be a number. Gaps of such
        runs are infinite from then on, never NaN, and `diverged` is 1.
    """
    _check_classes(algorithm, environment)
    if hasattr(environment, "dataset"):
        return _run_offline(algorithm, environment, runs, seed, checkpoints, compiled, progress)
    began = time.perf_counter()
    algorithm = floats(algorithm)
    game = stack([world(environment, seed, int(r)) for r in runs])
    _check(algorithm, game)
    oracle = floats(environment.oracle()) if hasattr(environment, "oracle") else Exact()
    _warn_of_step(algorithm, game)
    base = jax.random.fold_in(jax.random.PRNGKey(seed), LEARNER)
    keys = jax.vmap(lambda r: jax.random.fold_in(base, r))(jnp.asarray(runs))
    path = _blocks_of_runs(algorithm, oracle, game, jnp.asarray(checkpoints), keys, workers or 1, compiled, progress)
    metrics = measure(game, path, truth_of(game))
    calls = calls_per_step(algorithm, game[0])
    metrics["products"] = np.broadcast_to(calls * checkpoints.astype(float), metrics["gap"].shape).copy()
    if oracle.queries:
        prompts = 1 if getattr(game, "weights", None) is None else len(game.weights)
        metrics["queries"] = metrics["products"] * oracle.queries * prompts
    _report_divergence(algorithm, runs, checkpoints, metrics["diverged"])
    return _trace(algorithm, environment, runs, checkpoints, metrics, seed, compiled, began)


def _run_offline(
    algorithm: Any,
    environment: Any,
    runs: np.ndarray,
    seed: int,
    checkpoints: np.ndarray,
    compiled: bool,
    progress: Callable[[int], None] | None,
) -> Trace:
    """Games learned from preferences collected beforehand: ``fit`` on the first t pairs, for t in the checkpoints."""
    if not callable(getattr(algorithm, "fit", None)):
        raise InvalidInput(
            f"algorithm: {type(algorithm).__name__} has no method fit(data), which {type(environment).__name__} needs; "
            "take PessimisticNash."
        )
    began = time.perf_counter()
    algorithm = floats(algorithm)
    if hasattr(algorithm, "check"):
        algorithm.check(None)
    gap = np.empty((len(runs), len(checkpoints)))
    for k, r in enumerate(runs):
        rng = stream(seed, ENVIRONMENT, int(r))
        world = environment.init(rng)
        data = environment.dataset(world, int(checkpoints[-1]), rng)
        for c, n in enumerate(checkpoints):
            known = data._replace(**{name: getattr(data, name)[:n] for name in ("states", "actions", "first_wins")})
            gap[k, c] = environment.gap(world, algorithm.fit(known))
        if progress is not None:
            progress(int(checkpoints[-1]))
    return _trace(algorithm, environment, runs, checkpoints, {"gap": gap}, seed, compiled, began)


def _trace(
    algorithm: Any,
    environment: Any,
    runs: np.ndarray,
    checkpoints: np.ndarray,
    metrics: dict[str, np.ndarray],
    seed: int,
    compiled: bool,
    began: float,
) -> Trace:
    return Trace(
        algorithm=type(algorithm).__name__,
        environment=type(environment).__name__,
        parameters=dict(algorithm._asdict()),
        environment_parameters=dict(environment._asdict()),
        runs=runs,
        checkpoints=checkpoints,
        metrics=metrics,
        seed=seed,
        provenance=_provenance(algorithm, environment, compiled, time.perf_counter() - began),
    )


def floats(obj: Any) -> Any:
    """Integers in fields declared float become floats, so that 1 and 1.0 are one algorithm."""
    kinds = {k: str(v) for k, v in type(obj).__annotations__.items()} if hasattr(obj, "_fields") else {}
    changed = {
        k: float(v)
        for k, v in (obj._asdict().items() if kinds else ())
        if isinstance(v, int | np.floating) and not isinstance(v, bool) and "float" in kinds.get(k, "")
    }
    return obj._replace(**changed) if changed else obj


def _blocks_of_runs(
    algorithm: Any,
    oracle: Any,
    game: Any,
    checkpoints: jax.Array,
    keys: jax.Array,
    workers: int,
    compiled: bool,
    progress: Callable[[int], None] | None,
) -> Path:
    """Play the runs in blocks of a fixed number of lanes (on an accelerator: all at once)."""
    R = len(keys)
    lanes = (1 if _large(game) else LANES) if jax.default_backend() == "cpu" else R
    static, numbers = _split(algorithm)
    oracle_static, oracle_numbers = _split(oracle)
    game = _without_shared(game)
    play = _compiled(static, oracle_static, 1 if lanes > 1 else 0, False)

    def block(start: int) -> Path:
        at = np.minimum(np.arange(start, start + lanes), R - 1)
        at = at if lanes > 1 else at[0]
        path = play((numbers, oracle_numbers), jax.tree.map(lambda x: x[at], game), checkpoints, keys[at])
        path = jax.tree.map(lambda x: np.asarray(x)[: R - start] if lanes > 1 else np.asarray(x)[None], path)
        if progress is not None:
            progress(int(checkpoints[-1]) * min(lanes, R - start))
        return path

    starts = range(0, R, lanes)
    if not compiled:
        with jax.disable_jit():
            paths = [block(s) for s in starts]
    elif len(starts) > 1 and workers > 1:
        first = block(0)  # compiles once
        with ThreadPoolExecutor(min(workers, len(starts))) as pool:
            paths = [first, *pool.map(block, starts[1:])]
    else:
        paths = [block(s) for s in starts]
    return jax.tree.map(lambda *x: np.concatenate(x), *paths)


def _report_divergence(algorithm: Any, runs: np.ndarray, checkpoints: np.ndarray, diverged: np.ndarray) -> None:
    lost = np.flatnonzero(diverged.any(axis=1))
    if len(lost):
        first = int(checkpoints[diverged[lost[0]].argmax()])
        warnings.warn(
            f"{type(algorithm).__name__} diverged in {len(lost)} of {len(runs)} runs (run {int(runs[lost[0]])} by step "
            f"{first}): its logits overflowed. Gaps are infinite from there. Take a smaller step_size.",
            DivergenceWarning,
            stacklevel=4,
        )


def _provenance(algorithm: Any, environment: Any, compiled: bool, seconds: float) -> dict[str, Any]:
    from duel import __version__

    device = jax.devices()[0]
    return {
        "duel": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "jax": jax.__version__,
        "device": f"{device.platform} {device.device_kind}",
        "machine": f"{platform.machine()} {platform.system()}",
        "code": code_digest(type(algorithm), type(environment), run),
        "compiled": compiled,
        "seconds": seconds,
    }
