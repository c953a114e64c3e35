"""Time of the likelihood fits beside other ways to the same maximum, measured in one process on the same data.

Every row checks first that the rivals reach the same maximum; a library that is not installed is left out, not failed.
Seconds of processor time, least of the repeats: a busy machine adds to them and never takes away.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from scipy import optimize, special

from duel.bench import chosen, verdict
from duel.likelihood import bradley_terry, count_wins, linear, plackett_luce

SEED = 0


@dataclass(frozen=True)
class Rival:
    """Another way to the same numbers."""

    name: str
    seconds: float
    error: float  # largest difference of its estimate from ours


@dataclass(frozen=True)
class Row:
    """What was measured."""

    name: str
    seconds: float  # ours, the whole call
    goal: str
    met: bool
    rivals: tuple[Rival, ...]
    note: str = ""


def rows(names: Sequence[str] = (), *, quick: bool = False) -> Iterator[Row]:
    """Measure the cases that begin with one of `names` (all if empty), each when its row is asked for.

    `quick` takes a tenth of the data and no library that takes seconds: goals are then not judged.

    Raises
    ------
    InvalidInput
        At once, for a name that no case begins with.
    """
    cases = {
        "Bradley-Terry K=100 n=1e5": items,
        "Plackett-Luce K=100 n=1e4": rankings,
        "logistic d=10 n=1e5": differences,
        "failure instance, 1000 seeds": seeds,
    }
    return (case(name, quick) for name, case in chosen(cases, names).items())


def heading() -> str:
    """How to read the rows in a terminal."""
    return "Processor time, the least of the repeats: ours, and rivals on the same data with their distance from it."


def line(row: Row, *, quick: bool = False) -> str:
    """A row for a terminal, with a line a rival."""
    lines = [f"{row.name:<34}{1e3 * row.seconds:>12.2f} ms   goal {row.goal}{verdict(row.met, quick)}; {row.note}"]
    for rival in row.rivals:
        ratio = f"{rival.seconds / row.seconds:>9.1f}x"
        lines.append(f"    {rival.name:<30}{1e3 * rival.seconds:>12.2f} ms {ratio}  differs by {rival.error:.0e}")
    return "\n".join(lines)


def least(call: Callable[[], Any], repeats: int = 7) -> tuple[float, Any]:
    """Seconds of processor time of the fastest of `repeats` calls, and what the last one returned."""
    times, answer = [], None
    for _ in range(repeats):
        began = time.process_time()
        answer = call()
        times.append(time.process_time() - began)
    return min(times), answer


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def _centred(x: Any) -> np.ndarray:
    return np.asarray(x) - np.mean(x)


def items(title: str, quick: bool) -> Row:
    """From rows of comparisons to strengths, counting included."""
    K, n = 100, 10_000 if quick else 100_000
    rng = np.random.default_rng(SEED)
    theta = rng.normal(size=K)
    i = rng.integers(K, size=n)
    j = (i + rng.integers(1, K, size=n)) % K
    won = rng.random(n) < special.expit(theta[i] - theta[j])
    winners, losers = np.where(won, i, j), np.where(won, j, i)
    seconds, fit = least(lambda: bradley_terry(count_wins(winners, losers, K)).require())

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        z = x[winners] - x[losers]
        lost = special.expit(-z)
        g = np.bincount(losers, lost, K) - np.bincount(winners, lost, K)
        return -special.log_expit(z).sum() / n, g / n

    def by_rows() -> np.ndarray:
        options = {"gtol": 1e-9, "ftol": 1e-15, "maxiter": 1000}
        return optimize.minimize(loss, np.zeros(K), jac=True, method="L-BFGS-B", options=options).x

    rivals = [_rival("SciPy L-BFGS on rows", by_rows, fit.estimate, 1)]
    choix = _library("choix")
    if choix is not None:
        rows = list(zip(winners.tolist(), losers.tolist()))
        for name in ("ilsr_pairwise",) if quick else ("ilsr_pairwise", "mm_pairwise", "opt_pairwise"):
            method = getattr(choix, name)
            rivals.append(_rival(f"choix {name}", lambda m=method: m(K, rows), fit.estimate, 1))
    return Row(title, seconds, "10 ms", seconds <= 0.010, tuple(rivals), f"{fit.iterations} iterations")


def rankings(title: str, quick: bool) -> Row:
    """Rankings of five out of a hundred."""
    K, n = 100, 1_000 if quick else 10_000
    rng = np.random.default_rng(SEED)
    theta = rng.normal(size=K)
    sets = np.argsort(rng.random((n, K)), axis=1)[:, :5]
    order = np.argsort(-(theta[sets] + rng.gumbel(size=sets.shape)), axis=1)
    R = np.take_along_axis(sets, order, 1)
    seconds, fit = least(lambda: plackett_luce(R, K).require())
    chosen = np.bincount(R[:, :-1].ravel(), minlength=K)

    def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
        w = np.exp(x[R])
        rest = np.cumsum(w[:, ::-1], axis=1)[:, ::-1][:, :-1]
        share = np.cumsum(1 / rest, axis=1)
        expected = w * np.concatenate([share, share[:, -1:]], axis=1)
        g = np.bincount(R.ravel(), expected.ravel(), K) - chosen
        return (np.log(rest).sum() - chosen @ x) / n, g / n

    def quasi_newton() -> np.ndarray:
        options = {"gtol": 1e-9, "ftol": 1e-15, "maxiter": 1000}
        return optimize.minimize(loss, np.zeros(K), jac=True, method="L-BFGS-B", options=options).x

    rivals = [_rival("SciPy L-BFGS", quasi_newton, fit.estimate, 1)]
    choix = _library("choix")
    if choix is not None:
        rivals.append(_rival("choix ilsr_rankings", lambda: choix.ilsr_rankings(K, R.tolist()), fit.estimate, 1))
    return Row(title, seconds, "20 ms", seconds <= 0.020, tuple(rivals), f"{fit.iterations} iterations")


def differences(title: str, quick: bool) -> Row:
    """Linear logistic preferences; the rival is one pass of Newton's method written as three BLAS calls."""
    d, n = 10, 10_000 if quick else 100_000
    rng = np.random.default_rng(SEED)
    X, theta = rng.normal(size=(n, d)), rng.normal(size=d) / 3
    y = (rng.random(n) < special.expit(X @ theta)).astype(float)
    seconds, fit = least(lambda: linear(X, y).require())

    def newton_pass(x: np.ndarray) -> np.ndarray:
        p = special.expit(X @ x)
        return x + np.linalg.solve((X * (p * (1 - p))[:, None]).T @ X, X.T @ (y - p))

    one, _ = least(lambda: newton_pass(fit.estimate))
    each = seconds / fit.iterations
    rivals = [Rival("one Newton pass", one, float(np.abs(newton_pass(fit.estimate) - fit.estimate).max()))]
    sklearn = _library("sklearn.linear_model")
    if sklearn is not None:
        model = sklearn.LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10)
        rivals.append(_rival("scikit-learn lbfgs", lambda: model.fit(X, y).coef_[0], fit.estimate, 3, shift=False))
    note = f"{fit.iterations} iterations, {1e3 * each:.2f} ms each, {each / one:.2f} passes each"
    return Row(title, seconds, "1.5 passes an iteration", each <= 1.5 * one, tuple(rivals), note)


def seeds(title: str, quick: bool) -> Row:
    """A thousand data sets of figure 1 (n = 500) in one compiled call, beside a loop of constrained SciPy fits."""
    import jax
    import jax.numpy as jnp

    from duel import alignment

    R, n, B = 100 if quick else 1000, 500, 2.0
    features = np.array([[1.0, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 0]])
    basis = alignment.centred_basis(3)
    truth = features @ [-1.0, 0.1, 0.9]
    rng = np.random.default_rng(SEED)
    wins = np.zeros((R, 1, 4, 4))
    wins[:, 0, 0, 1] = rng.binomial(n - 1, special.expit(truth[0] - truth[1]), R)
    wins[:, 0, 1, 0] = n - 1 - wins[:, 0, 0, 1]
    wins[:, 0, 1, 2] = rng.random(R) < special.expit(truth[1] - truth[2])
    wins[:, 0, 2, 1] = 1 - wins[:, 0, 1, 2]
    world = alignment.linear_world(features[None], np.zeros(3), basis=basis, parameter_bound=B, reward_bound=1.1)

    @jax.jit
    def together(tables: Any) -> Any:
        none: Any = None
        data = alignment.Data(world.problem, none, none, float(n), tables)
        return jax.vmap(lambda w: alignment.maximum_likelihood(data._replace(wins=w)))(tables)

    tables = jnp.asarray(wins)
    together(tables).block_until_ready()  # compiles
    seconds, ours = least(lambda: together(tables).block_until_ready())
    ball = {"type": "ineq", "fun": lambda z: B * B - z @ z, "jac": lambda z: -2 * z}
    coordinates = features @ basis

    def one(table: np.ndarray) -> np.ndarray:
        i, j = np.nonzero(table)
        x, count = coordinates[i] - coordinates[j], table[i, j] / n

        def loss(z: np.ndarray) -> tuple[float, np.ndarray]:
            margin = x @ z
            return -count @ special.log_expit(margin), -(count * special.expit(-margin)) @ x

        options = {"ftol": 1e-12, "maxiter": 200}
        found = optimize.minimize(loss, np.zeros(2), jac=True, method="SLSQP", constraints=[ball], options=options)
        return basis @ found.x

    few = wins[: 20 if quick else 200, 0]
    loop, theirs = least(lambda: np.stack([one(table) for table in few]), 3)
    loop *= R / len(few)
    error = float(np.abs(theirs - np.asarray(ours)[: len(few)]).max())
    rivals = (Rival(f"loop of {R} SciPy SLSQP fits", loop, error),)
    return Row(title, seconds, "100x the loop", loop >= 100 * seconds, rivals, f"{loop / seconds:.0f}x")


def _rival(name: str, call: Callable[[], Any], estimate: np.ndarray, repeats: int, *, shift: bool = True) -> Rival:
    seconds, found = least(call, repeats)
    error = np.abs((_centred(found) if shift else np.asarray(found)) - estimate).max()
    return Rival(name, seconds, float(error))
