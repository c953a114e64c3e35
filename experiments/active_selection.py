"""Choosing what to ask: APO against contexts and pairs as they come, where one context in a hundred is telling.

In `NeedleContexts` the last coordinate of theta shows in context 0 alone. The learner that asks where its design is
thinnest [das2024active] meets it within d questions; the one that takes contexts as they come about 1/100 of the time,
and until then its policy is wrong there with probability 1/2. Metric: what the final policy loses in its worst context.

Answer: on the needle APO is right in all of 96 runs after 64 questions, where uniform questions still lose 0.71 +- 0.19
(0.06 +- 0.07 after 512). Where contexts are even, APO leads for the first dozen questions and falls behind after a
hundred: 0.19 +- 0.09 against 0.04 +- 0.02 at 512. It asks for the widest contrasts, whose answers are the surest.
(+- is half of a 95 % interval.)
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.alignment import APO
from duel.sweep import Sweep
from envs.alignment import GaussianFeatures, NeedleContexts

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="active_selection",
    algorithms={"APO": APO(), "uniform": APO(active=False)},
    environments={
        "needle": NeedleContexts(contexts=100, dimension=4),
        "even": GaussianFeatures(actions=5, dimension=3, contexts=8, size=2, batch=1),
    },
    horizon=512,
    runs=96,
    checkpoints=[2, 4, 8, 16, 32, 64, 128, 256, 512],
)

TITLES = {"needle": "one telling context in 100, d = 4", "even": "Gaussian features, 8 contexts, d = 3"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Worst-context gap against questions, mean with its 95 % interval over runs."""
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    rows = ["| instance | learner | questions | worst-context gap |", "|---|---|---:|---:|"]
    for ax, environment in zip(figure.subplots(1, 2), SWEEP.environments):
        for name in names:
            t, mean, error = curve(frame, environment, name)
            ax.errorbar(t, mean, error, label=name, linewidth=1.3, elinewidth=0.8, markersize=4, **style[name])
            rows += [f"| {environment} | {name} | {t[i]} | {mean[i]:.3f} ± {error[i]:.3f} |" for i in range(len(t))]
        ax.set_xscale("log", base=2)
        ax.set_ylim(bottom=0)
        ax.set_title(TITLES[environment], fontsize=9, loc="left", fontweight="bold")
        ax.set_xlabel("questions asked", fontsize=8)
        ax.grid(True, color="#DDDDDD", linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7)
    figure.axes[0].set_ylabel("gap of the final policy, worst context", fontsize=8)
    figure.axes[0].legend(fontsize=8, frameon=False)
    plotting.footnote(figure, f"Mean over n = {frame['run'].nunique()} runs; bars: 95 % interval of the mean (normal).")
    file = Path(out) / "active_selection.md"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "active_selection"), file]


def curve(frame: Any, environment: str, algorithm: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Questions, mean of `worst` over runs and half width of its 95 % interval."""
    chosen = (frame["environment"] == environment) & (frame["algorithm"] == algorithm) & (frame["metric"] == "worst")
    groups = frame[chosen].groupby("t")["value"]
    mean, deviation, count = groups.mean(), groups.std(ddof=1).fillna(0.0), groups.count()
    return mean.index.to_numpy(), mean.to_numpy(), 1.96 * (deviation / np.sqrt(count)).to_numpy()
