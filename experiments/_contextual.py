"""What the contextual experiments share: a figure of average regret, a table of paired differences, final values."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def figure_and_table(
    frame: "pd.DataFrame",
    out: str | Path,
    *,
    name: str,
    titles: Mapping[str, str],
    order: Sequence[str],
    baseline: str,
    metrics: Sequence[str] = ("average",),
) -> list[Path]:
    """Regret over time of the learners in `order`, and the final differences of all from `baseline`; the files."""
    from duel import compare, plotting

    written = []
    drawn: Any = frame[frame["algorithm"].isin(list(order))]
    for metric in metrics:
        figure = plotting.regret_figure(drawn, metric=metric, titles=dict(titles), order=list(order), unit="utility")
        written += plotting.save(figure, Path(out) / f"{name}_{metric}")
        table = Path(out) / f"{name}_{metric}.md"
        rows = compare.paired(frame, metric, baseline=baseline)
        table.write_text(markdown(rows, baseline), encoding="utf-8")
        written.append(table)
    return written


def markdown(rows: "pd.DataFrame", baseline: str) -> str:
    """Mean regret and its paired difference from the baseline, with 95 % intervals and Holm's p over the table."""
    lines = [
        f"| environment | algorithm | runs | mean | less {baseline} | 95 % interval | p (Holm) | better in |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for environment, part in rows.groupby("environment", sort=False):
        first = part.iloc[0]
        lines.append(f"| {environment} | {baseline} | {first.runs} | {first.baseline:.1f} | | | | |")
        for _, row in part.sort_values("mean").iterrows():
            lines.append(
                f"| {environment} | {row.algorithm} | {row.runs} | {row['mean']:.1f} | {row.difference:+.1f} | "
                f"[{row.low:+.1f}, {row.high:+.1f}] | {row.p_holm:.2g} | {row.better:.0%} |"
            )
    return "\n".join(lines) + "\n"


def finals(frame: "pd.DataFrame", metric: str, t: int | None = None) -> "dict[tuple[str, str], np.ndarray]":
    """(algorithm, environment) -> the metric of every run [R] at round `t` (the last), in the order of the runs."""
    chosen: Any = frame[(frame["metric"] == metric) & (frame["t"] == (frame["t"].max() if t is None else t))]
    groups = chosen.sort_values("run").groupby(["algorithm", "environment"], sort=False, observed=True)["value"]
    return {(str(a), str(e)): values.to_numpy(dtype=float) for (a, e), values in groups}


def half_width(values: "np.ndarray", level: float = 0.95) -> float:
    """Half of Student's interval of the mean of `values` [R]; 0 for a single run."""
    from scipy import stats

    n = len(values)
    return float(stats.t.ppf((1 + level) / 2, n - 1) * values.std(ddof=1) / math.sqrt(n)) if n > 1 else 0.0


def merged(frame: "pd.DataFrame") -> "pd.DataFrame":
    """One name for learners that are told something: "RCDB told 30" becomes "RCDB told", whatever the environment."""
    names: Any = frame["algorithm"]
    return frame.assign(algorithm=names.str.replace(r" told .*", " told", regex=True))
