"""What the experiments on identification share: a row per learner with its error, and points of error against cost."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def summary(frame: "pd.DataFrame", confidence: float = 0.95) -> "pd.DataFrame":
    """Success and cost of every learner in every environment, at the end of the runs.

    Parameters
    ----------
    frame : DataFrame
        Tidy results with the metrics `duels` and `correct`.
    confidence : float
        Of the Clopper-Pearson interval of the share of right answers.

    Returns
    -------
    DataFrame
        Columns environment, algorithm, runs, finished (share of runs that ended before the horizon), correct,
        correct_low, correct_high, duels (mean), duels_error (standard error of the mean).
    """
    import pandas as pd
    from scipy import stats

    times: Any = frame["t"]
    horizon = int(times.max())
    last: Any = frame[frame["t"] == horizon]
    tail, rows = (1 - confidence) / 2, []
    for (environment, algorithm), part in last.groupby(["environment", "algorithm"], sort=False, observed=True):
        values = {m: part.loc[part["metric"] == m, "value"].to_numpy(dtype=float) for m in ("duels", "correct")}
        R, right = len(values["correct"]), int(values["correct"].sum())
        rows.append(
            {
                "environment": environment,
                "algorithm": algorithm,
                "runs": R,
                "finished": float((values["duels"] < horizon).mean()),
                "correct": right / R,
                "correct_low": float(stats.beta.ppf(tail, right, R - right + 1)) if right else 0.0,
                "correct_high": float(stats.beta.ppf(1 - tail, right + 1, R - right)) if right < R else 1.0,
                "duels": float(values["duels"].mean()),
                "duels_error": float(values["duels"].std(ddof=1) / np.sqrt(R)) if R > 1 else np.nan,
            }
        )
    return pd.DataFrame(rows)


def markdown(table: "pd.DataFrame") -> str:
    """The summary as a Markdown table."""
    lines = ["| environment | algorithm | runs | finished | right | 95 % interval | duels (standard error) |"]
    lines.append("|---|---|---:|---:|---:|---|---:|")
    for row in table.to_dict("records"):
        lines.append(
            f"| {row['environment']} | {row['algorithm']} | {row['runs']} | {row['finished']:.2f} | "
            f"{row['correct']:.2f} | {row['correct_low']:.2f} to {row['correct_high']:.2f} | "
            f"{row['duels']:,.0f} ({row['duels_error']:,.0f}) |"
        )
    return "\n".join(lines) + "\n"


def cost_panel(
    ax: "Axes",
    table: "pd.DataFrame",
    groups: Mapping[str, Sequence[str]],
    style: Mapping[str, Mapping[str, Any]],
    *,
    title: str,
) -> None:
    """Share of right answers against mean duels; a line joins the members of a group, such as values of delta."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name, members in groups.items():
        rows: Any = table[table["algorithm"].isin(list(members))]
        rows = rows.sort_values("duels")
        if len(rows) == 0:
            continue
        look = style[name]
        x, y = rows["duels"].to_numpy(), rows["correct"].to_numpy()
        bars = [y - rows["correct_low"].to_numpy(), rows["correct_high"].to_numpy() - y]
        ax.errorbar(x, y, bars, label=name, capsize=0, elinewidth=0.8, markersize=4, linewidth=1.0, **look)
    ax.set(xscale="log", ylim=(-0.03, 1.03))
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}" if x < 10_000 or f"{x:e}"[0] in "1235" else ""))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("duels (mean)", fontsize=8)
    place = ax.get_subplotspec()
    if place is None or place.is_first_col():
        ax.set_ylabel("right answers (share of runs)", fontsize=8)
    ax.set_title(title, fontsize=8)
    ax.grid(True, color="#DDDDDD", linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=7)
