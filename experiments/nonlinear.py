"""Learners of nonlinear utilities on the four functions of the papers.

Average regret counts both arms of a duel, weak regret the better one: learners that must show two different arms
(APOHF, the ensemble's double Thompson sampling, expected improvement, the hallucination believer) pay for it in the
first for ever, and are judged by the second. Gaussian processes play fixed arms alone, so that the two contextual
utilities have eight arms of their own in every run.

Answer, at 300 rounds and 8 runs: the skew GP's Thompson sampling pays least or nearly least average regret on cosine,
quadratic and Ackley, with the narrowest intervals; neural Thompson sampling is as good on quadratic. On the grid of
Branin, whose best arms differ by little, the neural learners and ensembles pay less than the GPs. In weak regret the
learners that never repeat an arm do well everywhere, but for APOHF; expected improvement is caught at a wrong arm in
some runs. Most other differences are within the intervals.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.nonlinear import (
    APOHF,
    EnsembleThompson,
    NeuralDuelingTS,
    NeuralDuelingUCB,
    PreferentialBO,
    SkewPreferentialBO,
)
from duel.sweep import Sweep
from envs.nonlinear import AckleyUtility, BraninUtility, CosineUtility, QuadraticUtility

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="nonlinear",
    algorithms={
        "neural UCB": NeuralDuelingUCB(),
        "neural TS": NeuralDuelingTS(),
        "APOHF": APOHF(width=16, steps=30),
        "ensemble double TS": EnsembleThompson(),
        "ensemble TS, repeats": EnsembleThompson(repeat=True),
        "GP, Laplace, TS": PreferentialBO(),
        "GP, Laplace, EI": PreferentialBO("ei"),
        "skew GP, TS": SkewPreferentialBO(),
        "skew GP, believer": SkewPreferentialBO("believer"),
    },
    environments={
        "cosine": CosineUtility(dimension=3, arms=8, scale=3.0, fresh=False),
        "quadratic": QuadraticUtility(dimension=3, arms=8, fresh=False),
        "Ackley": AckleyUtility(points=30, scale=2.0),
        "Branin": BraninUtility(points=6),
    },
    horizon=300,
    runs=16,
    checkpoints=[10, 20, 30, 50, 75, 100, 150, 200, 250, 300],
)

TITLES = {
    "cosine": "3 cos(3 x.theta), 8 arms in R^3",
    "quadratic": "10 (x.theta)^2, 8 arms in R^3",
    "Ackley": "Ackley / 2 on a line of 30",
    "Branin": "Branin / 52 on a 6 x 6 grid",
}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Average and weak regret against rounds, four utilities, with 95 % bands of the mean; and the table."""
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    figure = Figure(figsize=(10.5, 5.6), layout="constrained")
    axes = figure.subplots(2, 4, sharex=True)
    rows = ["| utility | learner | average regret | weak regret |", "|---|---|---:|---:|"]
    for column, environment in enumerate(SWEEP.environments):
        for row, metric in enumerate(("average", "weak")):
            ax = axes[row, column]
            for name in names:
                t, mean, error = curve(frame, environment, name, metric)
                if len(t) == 0:
                    continue
                ax.plot(t, mean, label=name, linewidth=1.2, markersize=3, **style[name])
                ax.fill_between(t, mean - error, mean + error, color=style[name]["color"], alpha=0.12, linewidth=0)
            ax.grid(True, color="#DDDDDD", linewidth=0.5)
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(labelsize=7)
            ax.set_ylim(bottom=0)
            if row == 0:
                ax.set_title(TITLES[environment], fontsize=8, loc="left", fontweight="bold")
            else:
                ax.set_xlabel("rounds", fontsize=8)
            if column == 0:
                ax.set_ylabel(f"{metric} regret (utility)", fontsize=8)
        for name in names:
            cells = []
            for metric in ("average", "weak"):
                t, mean, error = curve(frame, environment, name, metric)
                cells.append(f"{mean[-1]:.1f} ± {error[-1]:.1f}" if len(t) else "")
            rows.append(f"| {environment} | {name} | {cells[0]} | {cells[1]} |")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=8, frameon=False)
    runs = frame["run"].nunique()
    plotting.footnote(
        figure,
        f"Mean over n = {runs} runs, the same instances and noise for every learner; bands: 95 % "
        "interval of the mean (normal).",
    )
    file = Path(out) / "nonlinear.md"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "nonlinear"), file]


def curve(frame: Any, environment: str, algorithm: str, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rounds, mean over runs and half width of its 95 % interval."""
    chosen = (frame["environment"] == environment) & (frame["algorithm"] == algorithm) & (frame["metric"] == metric)
    groups = frame[chosen].groupby("t")["value"]
    mean, deviation, count = groups.mean(), groups.std(ddof=1).fillna(0.0), groups.count()
    return mean.index.to_numpy(), mean.to_numpy(), 1.96 * (deviation / np.sqrt(count)).to_numpy()
