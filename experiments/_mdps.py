"""What the experiments on MDPs share: reward per round from exact regrets, panels of means with bands."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "pair_regret_sum": "pair regret (sum)",
    "pair_regret_mean": "pair regret (mean)",
    "suboptimality": "suboptimality",
    "queries": "queries",
    "kl_expert": "KL(expert || policy)",
}


def table(frame: Any, algorithm: str, environment: str, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Checkpoints [C] and values [R, C] of one cell."""
    part = frame[
        (frame["algorithm"] == algorithm) & (frame["environment"] == environment) & (frame["metric"] == metric)
    ]
    wide = part.pivot(index="run", columns="t", values="value").sort_index(axis=1)
    return wide.columns.to_numpy(dtype=float), wide.to_numpy(dtype=float)


def per_round(checkpoints: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of a cumulative metric per round between checkpoints: midpoints [C], values [R, C]."""
    edges = np.concatenate([[0.0], checkpoints])
    padded = np.concatenate([np.zeros((len(values), 1)), values], axis=1)
    return 0.5 * (edges[1:] + edges[:-1] + 1), np.diff(padded, axis=1) / np.diff(edges)


def curve(ax: "Axes", x: np.ndarray, values: np.ndarray, look: Mapping[str, Any], label: str) -> None:
    """Mean over runs with a 95 % normal band."""
    mean, error = values.mean(axis=0), values.std(axis=0) / np.sqrt(max(len(values) - 1, 1))
    look = {k: v for k, v in look.items() if k != "marker"}
    ax.plot(x, mean, label=label, linewidth=1.4, **look)
    ax.fill_between(x, mean - 1.96 * error, mean + 1.96 * error, color=look["color"], alpha=0.15, linewidth=0)


def tidy(ax: "Axes", title: str, xlabel: str, ylabel: str) -> None:
    """Labels and a quiet frame."""
    ax.set_title(title, fontsize=9, loc="left", fontweight="bold")
    ax.set_xlabel(xlabel, fontsize=8)
    ax.set_ylabel(ylabel, fontsize=8)
    ax.grid(True, color="#DDDDDD", linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=7)


def legend(figure: Any, axes: "Sequence[Axes]", columns: int = 4) -> None:
    """One legend for all panels, above them."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, name in zip(*ax.get_legend_handles_labels()):
            found.setdefault(name, handle)
    figure.legend(
        list(found.values()), list(found), loc="outside upper center", ncols=columns, fontsize=7, frameon=False
    )


def say_runs(figure: Any, frame: Any) -> None:
    """What curves and bands are, below the panels."""
    from duel import plotting

    runs = frame["run"].nunique()
    plotting.footnote(figure, f"Mean over n = {runs} runs; bands and bars: 95 % interval of the mean (normal).")


def mean_and_error(values: np.ndarray) -> str:
    """``mean ± standard error`` of [R] values."""
    return f"{values.mean():.4g} ± {values.std() / np.sqrt(max(len(values) - 1, 1)):.2g}"
