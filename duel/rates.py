"""Rates: exponents with confidence intervals, and what a measurement says of a theorem.

A claim is ``metric <= bound(T)``, with the theorem's own constant (`Theorem.explicit`) or up to one. Measured is
the mean metric over independent runs at doubling horizons. Two slopes are fitted by least squares, each *on the same
grid* for measurement and bound, so that finite-horizon curvature of the bound (a logarithm is no power) cancels:

exponent
    slope of ln(mean) against ln T, beside the slope of ln(bound) against ln T;
level, for explicit bounds
    slope of mean against bound: how much the metric grows per unit of the bound's growth. At most 1 if the theorem's
    leading constant is right, whatever terms of lower order it leaves out. A mean below the bound passes at once.

Both slopes are smooth functions of the vector of means, so that a run's influence on them is known and the standard
error is that of a mean of R independent terms (the delta method). Intervals for reading are bootstrap percentiles over
runs. Decisions of tests use Student's t at level `ALARM` = 1e-6 on top of a tolerance: with the slope at most
``claim + tolerance`` the probability of an alarm is below 1e-6 when the influences are normal, and smaller when they
are skewed to the right, as regrets are (the t statistic of right-skewed terms is skewed to the left). Ratios of
increments are never used: over 32 runs they scatter by a factor of four.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from duel.card import Theorem
from duel.errors import InvalidInput, positive_integer
from duel.protocols import PROTOCOLS, simulate

HOLDS = "holds"
NOT_YET = "not yet in the asymptotic regime"
CONTRADICTED = "contradicted"
UNDECIDED = "undecided by so few runs"
VERDICTS = (HOLDS, UNDECIDED, NOT_YET, CONTRADICTED)

ALARM = 1e-6  # probability that a test of a correct algorithm fails
TOLERANCE = 0.1  # of exponents and of levels, for terms of lower order at finite horizons; see `_edge`
LEVEL_SLACK = 0.5  # of levels in tests: ln ln T terms are worth 40 % at horizons that a test can afford
HOPELESS = 2.0  # level above which terms of lower order are no excuse


@dataclass(frozen=True)
class Exponent:
    """A fitted slope.

    Attributes
    ----------
    value : float
    low, high : float
        Ends of the confidence interval, bootstrap percentiles over runs.
    error : float
        Standard error (delta method); 0 for a single run, which is taken as exact: deterministic algorithms.
    runs : int
    """

    value: float
    low: float
    high: float
    error: float
    runs: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Measurement(NamedTuple):
    """A metric at the horizons of a theorem."""

    horizons: np.ndarray  # [C]
    values: np.ndarray  # [R, C]
    bounds: np.ndarray  # [C] the claimed bound, mean over the runs' instances
    shares: bool = False  # values are events, 0 or 1, and the bound is a probability


@dataclass(frozen=True)
class Verdict:
    """What a measurement says of a theorem.

    Attributes
    ----------
    verdict : str
        `HOLDS`; `NOT_YET`: above the claim, but the excess shrinks significantly along the grid, or the exponent holds
        and the level is less than `HOPELESS` times too high, which terms of lower order can explain; `CONTRADICTED`;
        or `UNDECIDED`: the interval contains the claim's edge, or an exponent is above it by less than the
        tolerance once more on a grid of fewer than four horizons, which shows no trend.
    claimed : float or None
        Exponent of the bound on the grid; None if there is only one horizon.
    exponent : Exponent or None
        Measured on the same grid.
    level : Exponent or None
        Growth of the metric per growth of the bound, or metric / bound at a single horizon; explicit bounds only.
    reason : str
        One sentence with the numbers that decided.
    """

    verdict: str
    claimed: float | None
    exponent: Exponent | None
    level: Exponent | None
    reason: str


def fit_exponent(
    checkpoints: Any, values: Any, *, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Exponent:
    """Slope of ln(mean over runs) against ln T, with its bootstrap interval over runs.

    Parameters
    ----------
    checkpoints : array_like [C]
        At least two different positive horizons T.
    values : array_like [R, C]
        The metric, a row per independent run; its mean must be positive at every horizon.
    confidence : float in (0, 1)
    resamples, seed : int
        Of the bootstrap.

    Raises
    ------
    InvalidInput
        Shapes that do not match, NaN, fewer than two horizons, a mean that is not positive; a bad option.
    """
    T, x = _checked(checkpoints, values)
    _tail(confidence)
    B, seed = positive_integer("resamples", resamples), positive_integer("seed", seed, least=0)
    _require_positive(T, x)
    return _slope(np.log(T), x, log=True, confidence=confidence, resamples=B, seed=seed)


def measure(
    algorithm: Any,
    theorem: Theorem,
    *,
    environment: Any = None,
    horizons: Sequence[int] | None = None,
    runs: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    simulate: Callable[..., Any] = simulate,
) -> Measurement:
    """The theorem's metric, simulated on its instance.

    Every horizon is simulated anew, since algorithms may be told the horizon; an algorithm that is not (`anytime` in
    the theorem) is run once and read at the horizons. The metric "error" is 1 - "correct" of an identification.

    Parameters
    ----------
    algorithm : NamedTuple
    theorem : Theorem
    environment, horizons, runs : optional
        In place of the theorem's own.
    seed, workers : int
        As in `duel.simulate`.
    simulate : callable
        In place of `duel.simulate`: one that keeps what it computed, say. Its result is indexed by the metric.
    """
    from duel import catalog

    environment = catalog.build(theorem.instance) if environment is None else environment
    grid = np.array(theorem.horizons if horizons is None else horizons, dtype=np.int64)
    count = theorem.runs if runs is None else runs
    shares = theorem.metric == "error" and hasattr(type(algorithm), "recommend")
    name = "correct" if shares else theorem.metric

    def play(horizon: int, checkpoints: Sequence[int]) -> np.ndarray:
        trace = simulate(
            algorithm, environment, horizon=horizon, runs=count, seed=seed, checkpoints=checkpoints, workers=workers
        )
        return trace[name]

    if theorem.anytime:
        values = play(int(grid[-1]), [int(t) for t in grid])
    else:
        values = np.concatenate([play(int(t), [int(t)]) for t in grid], axis=1)
    world = import_module(PROTOCOLS[environment.protocol]).world
    worlds = [world(environment, seed, run) for run in range(count)]
    bounds = np.array([np.mean([theorem.bound(float(t), w) for w in worlds]) for t in grid])
    return Measurement(grid, 1.0 - values if shares else values, bounds, shares)


def check_theorem(
    theorem: Theorem,
    measurement: Measurement,
    *,
    tolerance: float = TOLERANCE,
    confidence: float = 0.95,
    floor: float = 0.0,
) -> Verdict:
    """What the measurement says of the theorem.

    Parameters
    ----------
    theorem : Theorem
    measurement : Measurement
        Of the right algorithm, see `measure`.
    tolerance : float
        Excess of the exponent (and relative excess of the level) that terms of lower order may explain; of exponents
        steeper than 2 in proportion.
    confidence : float
        Of the intervals that decide.
    floor : float
        Horizons whose mean metric is at most this are left out: below it, rounding errors rule.
    """
    if measurement.shares:
        return _check_probability(measurement, confidence)
    m = _above(measurement, floor)
    if len(m.horizons) == 1:
        return _check_single(theorem, m, tolerance, confidence)
    T, b = np.log(m.horizons.astype(np.float64)), np.log(m.bounds)
    _require_positive(m.horizons, m.values)
    exponent = _slope(T, m.values, log=True, confidence=confidence)
    claimed = _plain_slope(T, b)
    relaxing = _relaxation(T, b, m.values, log=True, confidence=confidence)
    verdict, reason = _judge(exponent, claimed, tolerance, relaxing)
    if verdict == CONTRADICTED and len(T) < 4 and exponent.low <= _edge(claimed, 2 * tolerance):
        verdict, reason = UNDECIDED, f": above {_edge(claimed, tolerance):.3f}, but {len(T)} horizons show no trend"
    reason = f"exponent {exponent}, claimed {claimed:.3f}{reason}"
    level = None
    if theorem.explicit:
        constant = bool(np.ptp(m.bounds) <= 1e-12 * m.bounds.max())  # then the last metric over the bound, else growth
        level = (
            _slope(np.zeros(1), (m.values / m.bounds)[:, -1:], log=False, confidence=confidence, single=True)
            if constant
            else _slope(m.bounds, m.values, log=False, confidence=confidence)
        )
        below = bool(np.all(_upper_mean(m.values, confidence) <= m.bounds))
        if below:
            second, why = HOLDS, f"; the mean is below the bound, {_last(m)}"
        else:
            falling = not constant and _relaxation(m.bounds, m.bounds, m.values, log=False, confidence=confidence)
            second, why = _judge(level, 1.0, tolerance, falling or (verdict == HOLDS and level.low <= HOPELESS))
            words = f"is {level} times the bound" if constant else f"grows {level} times as fast as the bound"
            why = f"; {words}{why}"
        verdict, reason = _worse(verdict, second), reason + why
    return Verdict(verdict, claimed, exponent, level, reason)


def assert_rate(
    algorithm: Any,
    theorem: Theorem,
    *,
    environment: Any = None,
    horizons: Sequence[int] | None = None,
    runs: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    level_slack: float = LEVEL_SLACK,
    floor: float = 0.0,
    measurement: Measurement | None = None,
) -> Measurement:
    """Fail with AssertionError if the measured rate exceeds the theorem's; false alarms below `ALARM` (see module).

    One-sided: smaller is never wrong. Also fails if the measurement could not have rejected the trivial rate (linear
    regret, or a gap that does not shrink), or a level twice too high: a test without power approves everything.

    Parameters
    ----------
    algorithm, theorem, environment, horizons, runs, seed
        As in `measure`.
    tolerance, floor
        As in `check_theorem`.
    level_slack : float
        Excess of the level, for explicit bounds.
    measurement : Measurement, optional
        Judge this one in place of simulating.

    Returns
    -------
    Measurement
        What was measured.

    Raises
    ------
    AssertionError
        As said; raised whatever the interpreter's ``-O``.
    InvalidInput
        A mean that is not positive has no exponent; a `floor` that leaves too few horizons.
    """
    m = measurement
    if m is None:
        m = measure(algorithm, theorem, environment=environment, horizons=horizons, runs=runs, seed=seed)
    if m.shares:
        _assert_probability(m)
        return m
    kept = _above(m, floor)
    R = len(kept.values)
    if len(kept.horizons) > 1:
        T, b = np.log(kept.horizons.astype(np.float64)), np.log(kept.bounds)
        _require_positive(kept.horizons, kept.values)
        claimed, value, error = _plain_slope(T, b), *_slope_and_error(T, kept.values, log=True)
        reach = _quantile(R) * error
        edge = _edge(claimed, tolerance)
        if not value - reach <= edge:  # NaN fails, too
            raise AssertionError(
                f"{theorem.statement} Exponent {value:.3f} (standard error {error:.3f}, {R} runs, T = "
                f"{kept.horizons[0]}..{kept.horizons[-1]}) exceeds the claimed {claimed:.3f} by more than "
                f"{edge - claimed:.3g}; means {np.round(kept.values.mean(axis=0), 4).tolist()}, bound "
                f"{np.round(kept.bounds, 4).tolist()}."
            )
        trivial = 1.0 if claimed >= 0 else 0.0
        if not (edge >= trivial or edge + 2 * reach < trivial):
            raise AssertionError(
                f"{theorem.statement} {R} runs could not reject exponent {trivial}: the edge is {edge:.3f}, the reach "
                f"of an alarm {reach:.3f}. Take more runs or longer horizons."
            )
    if theorem.explicit:
        _assert_level(theorem, kept, level_slack)
    return m


def assert_smaller(better: Any, worse: Any, *, alarm: float = ALARM) -> None:
    """Fail with AssertionError unless the mean of `better` is below that of `worse`: paired t test at level `alarm`.

    Pairs share instance and noise, so differences scatter less than the two metrics do.

    Parameters
    ----------
    better, worse : array_like [R]
        A value a run, R >= 2; the same runs in the same order.
    alarm : float in (0, 1)
        Probability of passing when the means are equal.

    Raises
    ------
    InvalidInput
        Shapes that differ, or fewer than two runs.
    """
    first, second = np.asarray(better, dtype=np.float64), np.asarray(worse, dtype=np.float64)
    R = len(first) if first.ndim == 1 else 0
    if first.shape != second.shape or R < 2:
        raise InvalidInput(f"better and worse must be [R], the same R >= 2; got shapes {first.shape}, {second.shape}.")
    difference = second - first
    error = difference.std(ddof=1) / np.sqrt(R)
    if not difference.mean() > _quantile(R, alarm) * error:
        raise AssertionError(
            f"not shown to be smaller: mean difference {difference.mean():.4g}, standard error {error:.4g}, {R} pairs."
        )


def _assert_level(theorem: Theorem, m: Measurement, slack: float) -> None:
    """Mean below the bound at every horizon, or growing no faster than it; at level ALARM."""
    R = len(m.values)
    mean, error = m.values.mean(axis=0), _error_of_mean(m.values)
    excess = mean - _quantile(R) * error - m.bounds
    if np.all(excess <= 0) and np.all(mean + _quantile(R) * error <= 2 * m.bounds):
        return
    if len(m.horizons) > 1 and np.ptp(m.bounds) > 0:
        value, scatter = _slope_and_error(m.bounds, m.values, log=False)
        reach = _quantile(R) * scatter
        if value - reach <= 1 + slack and reach <= 1:
            return
        found = f"grows {value:.3f} (standard error {scatter:.3f}) times as fast as the bound"
    else:
        found = f"is {mean[-1]:.4g} (standard error {error[-1]:.2g})"
    raise AssertionError(f"{theorem.statement} The metric {found}; {_last(m)}, {R} runs.")


def _assert_probability(m: Measurement) -> None:
    from scipy import stats

    errors, R, delta = round(float(m.values[:, -1].sum())), len(m.values), float(m.bounds[-1])
    chance = float(stats.binom.sf(errors - 1, R, delta))
    if not chance >= ALARM:
        raise AssertionError(f"{errors} errors in {R} runs where at most {delta:.3g} is allowed (chance {chance:.1g}).")
    if not stats.binom.sf(R // 2 - 1, R, delta) < ALARM:
        raise AssertionError(f"{R} runs could not reject an error rate of 1/2.")


def _check_probability(m: Measurement, confidence: float) -> Verdict:
    """Clopper-Pearson interval of the error probability against its bound."""
    from scipy import stats

    errors, R, delta = round(float(m.values[:, -1].sum())), len(m.values), float(m.bounds[-1])
    tail = _tail(confidence)
    low = float(stats.beta.ppf(tail, errors, R - errors + 1)) if errors else 0.0
    high = float(stats.beta.ppf(1 - tail, errors + 1, R - errors)) if errors < R else 1.0
    share = errors / R
    level = Exponent(share / delta, low / delta, high / delta, np.sqrt(share * (1 - share) / R) / delta, R)
    verdict = HOLDS if high <= delta else CONTRADICTED if low > delta else UNDECIDED
    return Verdict(verdict, None, None, level, f"{errors} errors in {R} runs, allowed share {delta:.3g}")


def _check_single(theorem: Theorem, m: Measurement, tolerance: float, confidence: float) -> Verdict:
    if not theorem.explicit:
        raise InvalidInput("theorem.horizons must have at least 2 entries unless the bound is explicit; got 1.")
    level = _slope(np.zeros(1), m.values / m.bounds, log=False, confidence=confidence, single=True)
    verdict, why = _judge(level, 1.0, tolerance, False)
    return Verdict(verdict, None, None, level, f"metric / bound {level}{why}")


def _edge(claimed: float, tolerance: float) -> float:
    """Largest slope that is taken for the claimed one; steep slopes (a geometric decay) are claimed to 5 %, not 0.1."""
    return claimed + tolerance * max(1.0, abs(claimed) / 2)


def _judge(measured: Exponent, claimed: float, tolerance: float, relaxing: bool) -> tuple[str, str]:
    edge = _edge(claimed, tolerance)
    if measured.high <= edge:
        return HOLDS, ""
    if measured.low <= edge:
        return UNDECIDED, f": the interval contains {edge:.3f}"
    if relaxing:
        return NOT_YET, ", within what terms of lower order can explain"
    return CONTRADICTED, ", and the excess does not shrink with T"


def _relaxation(x: np.ndarray, claim: np.ndarray, values: np.ndarray, *, log: bool, confidence: float) -> bool:
    """Whether the excess slope over the claim is significantly smaller on the second half of the grid."""
    C = len(x)
    if C < 4:
        return False
    halves = slice(0, C // 2 + 1), slice(C // 2, C)
    weights, excess = np.zeros(C), 0.0
    for sign, half in zip((1.0, -1.0), halves):
        weights[half] += sign * _weights(x[half])
        excess -= sign * float(_weights(x[half]) @ claim[half])
    value, error = _functional(weights, values, log=log)
    return value + excess > _quantile(len(values), _tail(confidence)) * error


def _worse(first: str, second: str) -> str:
    return max(first, second, key=VERDICTS.index)


def _last(m: Measurement) -> str:
    return f"mean {m.values[:, -1].mean():.4g} and bound {m.bounds[-1]:.4g} at T = {m.horizons[-1]}"


def _weights(x: np.ndarray) -> np.ndarray:
    """Weights [C] by which least squares makes a slope of ordinates."""
    centred = x - x.mean()
    return centred / (centred @ centred)


def _plain_slope(x: np.ndarray, y: np.ndarray) -> float:
    return float(_weights(x) @ y)


def _functional(weights: np.ndarray, values: np.ndarray, *, log: bool) -> tuple[float, float]:
    """Sum of weights times (logarithms of) means, and its standard error from the runs' influences."""
    R, mean = len(values), values.mean(axis=0)
    influence = (values / mean - 1.0 if log else values - mean) @ weights
    value = float(weights @ (np.log(mean) if log else mean))
    return value, float(influence.std(ddof=1) / np.sqrt(R)) if R > 1 else 0.0


def _slope_and_error(x: np.ndarray, values: np.ndarray, *, log: bool) -> tuple[float, float]:
    return _functional(_weights(x), values, log=log)


def _slope(
    x: np.ndarray,
    values: np.ndarray,
    *,
    log: bool,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    single: bool = False,
) -> Exponent:
    """Least squares slope of (the logarithm of) the means [C] on x [C]; with `single`, the mean itself."""
    R = len(values)
    weights = np.ones(1) if single else _weights(x)
    value, error = _functional(weights, values, log=log)
    if R == 1:
        return Exponent(value, value, value, 0.0, 1)
    draws = np.random.Generator(np.random.PCG64DXSM(seed)).multinomial(R, np.full(R, 1 / R), size=resamples)
    means = draws @ values / R
    slopes = (np.log(np.maximum(means, np.finfo(float).tiny)) if log else means) @ weights
    tail = _tail(confidence)
    low, high = np.quantile(slopes, [tail, 1 - tail])
    return Exponent(value, float(low), float(high), error, R)


def _error_of_mean(values: np.ndarray) -> np.ndarray:
    R = len(values)
    return values.std(axis=0, ddof=1) / np.sqrt(R) if R > 1 else np.zeros(values.shape[1])


def _upper_mean(values: np.ndarray, confidence: float) -> np.ndarray:
    return values.mean(axis=0) + _quantile(len(values), _tail(confidence)) * _error_of_mean(values)


def _quantile(R: int, alarm: float = ALARM) -> float:
    """Upper `alarm` quantile of Student's t for R runs; 0 for one run, which is exact."""
    from scipy import stats

    return float(stats.t.isf(alarm, R - 1)) if R > 1 else 0.0


def _tail(confidence: float) -> float:
    """Probability left out on each side of an interval."""
    if not 0 < confidence < 1:
        raise InvalidInput(f"confidence must be in (0, 1), for example 0.95; got {confidence!r}.")
    return (1 - confidence) / 2


def _above(m: Measurement, floor: float) -> Measurement:
    keep = m.values.mean(axis=0) > floor
    if floor <= 0 or keep.all():
        return m
    if keep.sum() < 2:
        raise InvalidInput(f"floor={floor!r} leaves {int(keep.sum())} horizons; take shorter ones.")
    return Measurement(m.horizons[keep], m.values[:, keep], m.bounds[keep])


def _checked(checkpoints: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    T, x = np.asarray(checkpoints, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if T.ndim != 1 or len(T) < 2 or len(np.unique(T)) < len(T) or not np.isfinite(T).all() or (T <= 0).any():
        raise InvalidInput(f"checkpoints must be at least 2 different positive numbers; got {checkpoints!r}.")
    if x.ndim != 2 or x.shape[0] < 1 or x.shape[1] != len(T) or not np.isfinite(x).all():
        raise InvalidInput(f"values must be finite, of shape [runs, {len(T)}]; got shape {x.shape}.")
    return T, x


def _require_positive(T: np.ndarray, values: np.ndarray) -> None:
    mean = values.mean(axis=0)
    if not (mean > 0).all():
        c = int(np.argmin(mean > 0))
        raise InvalidInput(
            f"the mean metric must be positive to have an exponent; it is {mean[c]:.3g} at T = {T[c]:g}. "
            "Take longer horizons, or a floor for gaps at rounding level."
        )
