"""Labels chosen without a look at labels (REGIME) beside learners that look, at the same number of labels.

New random MDPs in every run, so that means are Bayesian. REGIME spends unlabelled episodes first; the axis counts
labels.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.mdps import PRLSVI, REGIME, PbTS, UniformPolicy
from duel.sweep import Sweep
from envs.mdps import RandomMDP
from experiments import _mdps

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="reward_agnostic",
    algorithms={
        "REGIME": REGIME(exploration=100),
        "REGIME, transitions known": REGIME(known=True),
        "PR-LSVI": PRLSVI(),
        "Thompson form": PbTS(),
        "uniform": UniformPolicy(),
    },
    environments={
        "3 states": RandomMDP(states=3, actions=2, horizon=3),
        "6 states": RandomMDP(states=6, actions=3, horizon=4),
    },
    horizon=2_000,
    runs=64,
    checkpoints=[125, 180, 250, 350, 500, 700, 1000, 1400, 2000],
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Suboptimality of the recommendation against the labels asked for; returns the files."""
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    axes = list(figure.subplots(1, len(SWEEP.environments)))
    for ax, place in zip(axes, SWEEP.environments):
        for name in names:
            _, labels = _mdps.table(frame, name, place, "queries")
            _, loss = _mdps.table(frame, name, place, "suboptimality")
            _mdps.curve(ax, labels.mean(axis=0), loss, style[name], name)
        ax.set(xscale="log", yscale="log")
        _mdps.tidy(ax, place, "labels", _mdps.NAMES["suboptimality"])
    _mdps.legend(figure, axes, columns=3)
    _mdps.say_runs(figure, frame)
    return plotting.save(figure, Path(out) / "reward_agnostic")
