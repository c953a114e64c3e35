"""Comparing algorithms on the same runs: paired tables, held-out selection of hyper-parameters, quantiles, bands.

Run r of a seed meets the same instance, contexts and noise whatever the algorithm, so algorithms are compared run by
run (common random numbers): the interval of a difference is that of the paired differences, often much narrower than
the intervals of the two means suggest.

Functions take the tidy table of `Results.to_frame` or `Trace.to_frame`, or a plain array [run, checkpoint]. A smaller
metric is taken to be better (regret, gap, error); pass ``smaller=False`` for `correct` and the like.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer, unknown

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("algorithm", "environment", "run", "t", "metric", "value")


class Band(NamedTuple):
    """A curve with an interval at every checkpoint."""

    center: np.ndarray  # [C]
    low: np.ndarray  # [C]
    high: np.ndarray  # [C]


def bootstrap_mean(values: Any, *, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Band:
    """Mean over runs with a percentile bootstrap interval at every checkpoint.

    The interval is for the expectation, which is what theorems bound; it says nothing of the spread of single runs
    (`quantiles`, `duel.plotting.plot_ecdf`). Whole runs are resampled: with replacement, n runs have multinomial
    weights, and the means of all resamples are one product of matrices, [resamples, R] @ [R, C].

    Parameters
    ----------
    values : array_like [R, C] or [R]
    level : float in (0, 1)
        Coverage of the interval, asymptotically.
    resamples : int >= 100
    seed : int >= 0
        Of the resampling alone: the same values give the same band.

    Returns
    -------
    Band of arrays [C]
        A single run is its own interval.

    Raises
    ------
    InvalidInput
        No run, NaN, a level outside (0, 1), too few resamples.
    """
    x = _values(values)
    means = _weights(len(x), resamples, seed) @ x
    low, high = np.quantile(means, _tails(level), axis=0)
    return Band(x.mean(axis=0), low, high)


def bootstrap_iqm(values: Any, *, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Band:
    """Interquartile mean over runs with a percentile bootstrap interval. Arguments as in `bootstrap_mean`."""
    x = np.sort(_values(values), axis=0)
    counts = np.rint(_weights(len(x), resamples, seed) * len(x))
    # Run k of the sorted runs fills the places before[k] .. before[k] + counts[k] of the sorted resample.
    before = np.concatenate([np.zeros((len(counts), 1)), np.cumsum(counts, axis=1)], axis=1)
    inside = np.diff(np.clip(before, len(x) / 4, 3 * len(x) / 4), axis=1)
    low, high = np.quantile(inside @ x / (len(x) / 2), _tails(level), axis=0)
    return Band(iqm(x), low, high)


def iqm(values: Any) -> np.ndarray:
    """Interquartile mean over runs [C]: the mean of the middle half, runs on its border counting in part.

    Equal to ``scipy.stats.trim_mean(values, 0.25)`` when the number of runs is a multiple of four. Theorems bound the
    mean; trimming hides the rare runs of linear regret that theory is about, so report both.
    """
    x = np.sort(_values(values), axis=0)
    n = len(x)
    edges = np.clip(np.arange(n + 1), n / 4, 3 * n / 4)
    return np.diff(edges) @ x / (n / 2)


def quantiles(values: Any, q: Sequence[float] = (0.1, 0.5, 0.9)) -> np.ndarray:
    """Quantiles over runs: [len(q), C], linear interpolation."""
    chosen = np.asarray(q, dtype=np.float64)
    if chosen.ndim != 1 or not len(chosen) or not ((chosen >= 0) & (chosen <= 1)).all():
        raise InvalidInput(f"q must be a list of probabilities in [0, 1]; got {q!r}.")
    return np.quantile(_values(values), chosen, axis=0)


def summary(
    frame: "pd.DataFrame",
    metric: str,
    *,
    t: int | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> "pd.DataFrame":
    """One row per environment and algorithm: runs, mean with interval, standard deviation, median, tails, IQM.

    Parameters
    ----------
    frame : tidy table
    metric : str
    t : int or None
        Checkpoint; the last one of each environment (None).
    level, resamples, seed
        Of the bootstrap interval of the mean, columns `low` and `high`.
    """
    import pandas as pd

    rows = []
    for environment, table in by_run(frame, metric, t).items():
        for algorithm in table.columns:
            x = table[algorithm].dropna().to_numpy()
            if not len(x):
                continue
            band = bootstrap_mean(x, level=level, resamples=resamples, seed=seed)
            q10, median, q90 = (float(v[0]) for v in quantiles(x))
            rows.append(
                {
                    "environment": environment, "algorithm": algorithm, "runs": len(x), "mean": float(x.mean()),
                    "low": float(band.low[0]), "high": float(band.high[0]),
                    "sd": float(x.std(ddof=1)) if len(x) > 1 else np.nan,
                    "q10": q10, "median": median, "q90": q90, "iqm": float(iqm(x)[0]),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def paired(
    frame: "pd.DataFrame",
    metric: str,
    *,
    baseline: str,
    t: int | None = None,
    level: float = 0.95,
    smaller: bool = True,
) -> "pd.DataFrame":
    """Every algorithm against a baseline, run by run.

    Columns: environment, algorithm, runs, mean, baseline (its mean), difference (algorithm less baseline), low, high
    (Student's interval of the mean paired difference), p (two-sided paired t test), p_holm (Holm's correction over all
    rows), better (share of runs in which the algorithm is strictly better, a tie counting half), correlation (of the
    two over runs: what pairing gains).

    Parameters
    ----------
    frame : tidy table
    metric : str
    baseline : str
        Label of the algorithm to compare with.
    t : int or None
        Checkpoint; the last one of each environment (None).
    level : float in (0, 1)
    smaller : bool
        Whether smaller values are better.

    Raises
    ------
    InvalidInput
        If runs of an algorithm and the baseline are not the same.
    """
    import pandas as pd
    from scipy import stats

    tail = _tails(level)[1]
    rows = []
    for environment, table in by_run(frame, metric, t).items():
        if baseline not in table.columns:
            raise unknown("baseline", baseline, tuple(map(str, table.columns)))
        for algorithm in table.columns:
            if algorithm == baseline:
                continue
            x, y = np.asarray(table[algorithm], dtype=float), np.asarray(table[baseline], dtype=float)
            if np.isnan(x).any() or np.isnan(y).any():
                raise InvalidInput(
                    f"baseline: {algorithm} and {baseline} on {environment} have different runs; finish the sweep, or "
                    f"keep the runs that both have."
                )
            d, n = x - y, len(x)
            error = d.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
            half = stats.t.ppf(tail, n - 1) * error if n > 1 else np.nan
            p = _p_value(d.mean(), error, n)
            wins = (d < 0 if smaller else d > 0).mean() + 0.5 * (d == 0).mean()
            varies = n > 1 and x.std() > 0 and y.std() > 0
            rows.append(
                {
                    "environment": environment, "algorithm": algorithm, "runs": n, "mean": x.mean(),
                    "baseline": y.mean(), "difference": d.mean(), "low": d.mean() - half, "high": d.mean() + half,
                    "p": p, "better": wins, "correlation": float(np.corrcoef(x, y)[0, 1]) if varies else np.nan,
                }
            )  # fmt: skip
    table = pd.DataFrame(rows)
    if len(table):
        table.insert(table.columns.get_loc("p") + 1, "p_holm", holm(table["p"].to_numpy()))  # type: ignore[arg-type]
    return table


def holm(p: Any) -> np.ndarray:
    """Holm's step-down adjusted p values: controls the chance of any false rejection. NaN stays NaN."""
    p = np.asarray(p, dtype=np.float64)
    good = np.flatnonzero(~np.isnan(p))
    order = good[np.argsort(p[good], kind="stable")]
    adjusted = np.full(p.shape, np.nan)
    scaled = p[order] * (len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted


def select(
    frame: "pd.DataFrame",
    metric: str,
    *,
    tuning: float | int = 0.5,
    families: Mapping[str, str] | None = None,
    t: int | None = None,
    level: float = 0.95,
    smaller: bool = True,
    resamples: int = 2000,
    seed: int = 0,
) -> "pd.DataFrame":
    """The best hyper-parameters of each family, chosen on some runs and judged on others.

    The mean of the best of many variants, on the runs that chose it, is too good: `optimism` is by how much. Only
    `mean`, `low` and `high`, computed on held-out runs, may be reported.

    Columns: environment, family, chosen (label), variants, tuning_runs, tuning_mean, test_runs, mean, low, high
    (bootstrap), optimism (how much better the tuning mean looks than the test mean).

    Parameters
    ----------
    frame : tidy table
    metric : str
    tuning : float in (0, 1) or int >= 1
        Share or number of runs, the lowest run numbers, on which to choose; at least 2 runs must be left.
    families : mapping label -> family, or None
        What belongs together; None takes labels up to their first bracket: "CoLSTIM(confidence_width=0.5)" is CoLSTIM.
    t, level, resamples, seed, smaller
        As in `summary` and `paired`.

    Raises
    ------
    InvalidInput
        If variants have different runs, or too few runs are left.
    """
    import pandas as pd

    rows = []
    for environment, table in by_run(frame, metric, t).items():
        if table.isna().to_numpy().any():
            raise InvalidInput(f"frame: algorithms on {environment} have different runs; finish the sweep first.")
        n = _tuning_runs(tuning, len(table))
        first, rest = table.iloc[:n], table.iloc[n:]
        groups: dict[str, list[str]] = {}
        for label in table.columns:
            if families is not None and label not in families:
                raise InvalidInput(f"families: no family is given for {label!r}; add it.")
            groups.setdefault(families[label] if families is not None else str(label).split("(")[0], []).append(label)
        for family, labels in groups.items():
            means = first[labels].mean()
            chosen = labels[int(np.argmin(means) if smaller else np.argmax(means))]
            x = rest[chosen].to_numpy()
            band = bootstrap_mean(x, level=level, resamples=resamples, seed=seed)
            gain = float(x.mean() - means[chosen])
            rows.append(
                {
                    "environment": environment, "family": family, "chosen": chosen, "variants": len(labels),
                    "tuning_runs": n, "tuning_mean": float(means[chosen]), "test_runs": len(x), "mean": float(x.mean()),
                    "low": float(band.low[0]), "high": float(band.high[0]), "optimism": gain if smaller else -gain,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def by_run(frame: Any, metric: str, t: int | None = None) -> "dict[str, pd.DataFrame]":
    """Environment -> table [run, algorithm] of one metric at one checkpoint, algorithms in order of appearance.

    Parameters
    ----------
    frame : tidy table
    metric : str
    t : int or None
        Checkpoint; the last one of each environment (None).

    Raises
    ------
    InvalidInput
        A missing column, an unknown metric, a `t` that is no checkpoint, several values for a run.
    """
    missing = [c for c in COLUMNS if c not in getattr(frame, "columns", ())]
    if missing:
        raise InvalidInput(f"frame must be the tidy table of results.to_frame(); it has no column {missing[0]!r}.")
    metrics = tuple(map(str, frame["metric"].unique()))
    if metric not in metrics:
        raise unknown("metric", metric, metrics)
    rows = frame[frame["metric"] == metric]
    tables = {}
    for environment in rows["environment"].unique():
        here = rows[rows["environment"] == environment]
        at = int(here["t"].max()) if t is None else positive_integer("t", t)
        now = here[here["t"] == at]
        if not len(now):
            known = sorted(here["t"].unique())
            near = min(known, key=lambda c: abs(c - at))
            raise InvalidInput(f"t: {at} is not a checkpoint on {environment}; the nearest is {near}.")
        if now.duplicated(["algorithm", "run"]).any():
            raise InvalidInput(
                f"frame: several values for one algorithm, run and t on {environment}; give variants own labels."
            )
        names = list(dict.fromkeys(map(str, now["algorithm"])))
        table = now.astype({"algorithm": str}).pivot(index="run", columns="algorithm", values="value")
        tables[str(environment)] = table.sort_index()[names]
    return tables


def _p_value(mean: float, error: float, n: int) -> float:
    """Two-sided p value of a paired t test; 1 for no difference at all, NaN for a single run."""
    from scipy import stats

    if n < 2:
        return np.nan
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stats.t.sf(abs(mean) / error, n - 1))


def _tuning_runs(tuning: float | int, runs: int) -> int:
    if isinstance(tuning, float):
        if not 0 < tuning < 1:
            raise InvalidInput(f"tuning must be a share in (0, 1) or a number of runs; got {tuning!r}.")
        n = round(tuning * runs)
    else:
        n = positive_integer("tuning", tuning)
    if n < 1 or runs - n < 2:
        raise InvalidInput(f"tuning: {n} of {runs} runs leave {runs - n} to judge on, at least 2 are needed; add runs.")
    return n


def _weights(n: int, resamples: int, seed: int) -> np.ndarray:
    """Weights [resamples, n] of bootstrap resamples; rows sum to 1."""
    B = positive_integer("resamples", resamples, least=100)
    rng = np.random.default_rng(positive_integer("seed", seed, least=0))
    return rng.multinomial(n, np.full(n, 1.0 / n), size=B) / n


def _tails(level: float) -> tuple[float, float]:
    if isinstance(level, bool) or not isinstance(level, int | float) or not 0 < level < 1:
        raise InvalidInput(f"level must be in (0, 1), for example 0.95; got {level!r}.")
    return (1 - level) / 2, (1 + level) / 2


def _values(values: Any) -> np.ndarray:
    """[R, C], finite, R >= 1."""
    x = np.asarray(values, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or not len(x):
        raise InvalidInput(f"values must be an array [run, checkpoint] with at least one run; got shape {x.shape}.")
    if np.isnan(x).any():
        raise InvalidInput(
            "values contain NaN: the metric is undefined there; choose another metric or drop these runs."
        )
    return x
