"""Dueling posterior sampling on RiverSwim, in the settings of its authors: three credit assignments, five judges.

Six states, H = 50, reward on the transition, 200 iterations; judges logistic with steepness 1000, 1, .5, .1 and linear
clip(.5 + .01 difference). V* = 9.643. Rewards per iteration are exact values of the policies played, not returns;
the table has their means and standard errors.
The authors' code gives, with linear credit and sampled returns of 25 runs, .96, 6.11, 8.92, 9.23, 9.33 (c = 1000) and
.96, 6.14, 8.72, 9.09, 9.26 (c = 1) in iterations 1-10, 11-50, 51-100, 101-150 and 151-200; with logistic credit and
c = 1 .99, 7.44, 9.36, 9.42, 9.92 (5 runs).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from algorithms.mdps import PSRL, DuelingPosteriorSampling
from duel.mdps import Preference, optimal_value
from duel.sweep import Sweep
from envs.mdps import RiverSwim
from experiments import _mdps

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="dps_riverswim",
    algorithms={
        "DPS, linear": DuelingPosteriorSampling("linear"),
        "DPS, logistic": DuelingPosteriorSampling("logistic"),
        "DPS, GP": DuelingPosteriorSampling("gp"),
        "PSRL, sees rewards": PSRL(),
    },
    environments={
        **{f"logistic, c = {c:g}": RiverSwim(preference=Preference(steepness=c)) for c in (1000.0, 1.0, 0.5, 0.1)},
        "linear, c = .01": RiverSwim(preference=Preference(link="linear", steepness=0.02)),
    },
    horizon=200,
    runs=100,
    checkpoints=list(range(10, 201, 10)),
)

WINDOWS = ((0, 10), (10, 50), (50, 100), (100, 150), (150, 200))


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Mean value of the two policies per iteration, one panel a judge; a table by windows of iterations."""
    from matplotlib.figure import Figure

    from duel import plotting

    best = optimal_value(RiverSwim())
    names, places = list(SWEEP.algorithms), list(SWEEP.environments)
    style = plotting.styles(names)
    figure = Figure(figsize=(10.2, 5.2), layout="constrained")
    axes = list(figure.subplots(2, 3, sharey=True).ravel())
    axes[-1].set_axis_off()
    lines = ["| judge | learner | " + " | ".join(f"it {a + 1}-{b}" for a, b in WINDOWS) + " |", "|---" * 7 + "|"]
    for ax, place in zip(axes, places):
        for name in names:
            t, values = _mdps.table(frame, name, place, "pair_regret_mean")
            x, lost = _mdps.per_round(t, values)
            _mdps.curve(ax, x, best - lost, style[name], name)
            at = {0: np.zeros(len(values)), **{int(c): values[:, i] for i, c in enumerate(t)}}
            cells = [
                _mdps.mean_and_error(best - (at[b] - at[a]) / (b - a)) if a in at and b in at else ""
                for a, b in WINDOWS
            ]
            lines.append(f"| {place} | {name} | {' | '.join(cells)} |")
        ax.axhline(best, color="#888888", linewidth=0.8, linestyle=":")
        title = place.replace(" .", " 0.")
        _mdps.tidy(ax, title, "iteration", "value of the policies played" if ax in axes[::3] else "")
    _mdps.legend(figure, axes[:-1])
    plotting.footnote(
        figure,
        f"Mean over n = {frame['run'].nunique()} runs and ten iterations; bands: 95 % interval of the mean (normal). "
        f"Dotted: the optimum, {best:.3f}.",
    )
    file = Path(out) / "dps_riverswim.md"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "dps_riverswim"), file]
