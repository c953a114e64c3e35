"""Small multiples of alignment metrics: one panel an environment, one row a metric."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NAMES = {
    "suboptimality": "suboptimality (reward)",
    "regularised_gap": "regularised gap",
    "error": "error, data semi-norm",
    "kl": "KL to the reference",
    "unseen": "rounds without the best response",
    "worst": "suboptimality, worst context",
    "maxmin_gap": "loss of the worst-off group",
    "win_rate": "win rate against the reference",
}


def panels(
    frame: "pd.DataFrame",
    path: Path,
    metrics: Sequence[str],
    *,
    titles: Mapping[str, str] | None = None,
    x: str = "comparisons n",
    scale: str = "loglog",
    order: Sequence[str] = (),
) -> list[Path]:
    """Draw mean curves with 95 % bootstrap bands over the runs and save them; returns the files."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from duel import plotting

    places = list(dict.fromkeys(frame["environment"]))
    styles = plotting.styles(list(order) or list(dict.fromkeys(frame["algorithm"])))
    figure = Figure(figsize=(3.4 * len(places) + 0.6, 2.6 * len(metrics)), layout="constrained")
    axes: Any = figure.subplots(len(metrics), len(places), squeeze=False)
    for i, metric in enumerate(metrics):
        for j, place in enumerate(places):
            ax = axes[i, j]
            part: Any = frame[(frame["environment"] == place) & (frame["metric"] == metric)]
            if part.empty:
                ax.set_visible(False)
                continue
            title = (titles or {}).get(place, place) if i == 0 else ""
            plotting.plot_regret(
                part, metric=metric, ax=ax, scale=scale, style=styles, title=title, start=int(part["t"].min()),
                labels="none",
            )  # fmt: skip
            ax.set_xlabel(x if i == len(metrics) - 1 else "")
            ax.set_ylabel(NAMES.get(metric, metric) if j == 0 else "")
    handles = [Line2D([], [], label=name, **look) for name, look in styles.items()]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=min(2 * len(places), len(handles)), frameon=False, fontsize=8
    )
    runs = frame["run"].nunique()
    figure.suptitle(f"mean of {runs} runs, 95 % bootstrap bands", fontsize=8)
    return plotting.save(figure, path)
