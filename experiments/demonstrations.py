"""Demonstrations and labels: the expert's clone comes nearer as 1/N, labels improve on it [tiapkin2024demonstration].

N demonstrations and N labelled pairs. A huge KL weight is behaviour cloning alone; a small one trusts the labels.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.mdps import DemonstrationRL
from duel.sweep import Sweep
from envs.mdps import RandomMDP
from experiments import _mdps

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="demonstrations",
    algorithms={
        "clone alone": DemonstrationRL(kl_weight=1e6),
        "KL weight 1": DemonstrationRL(kl_weight=1.0),
        "KL weight 0.1": DemonstrationRL(kl_weight=0.1),
    },
    environments={"5 states": RandomMDP(states=5, actions=3, horizon=5)},
    horizon=2_048,
    runs=96,
    checkpoints=[16, 32, 64, 128, 256, 512, 1024, 2048],
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """KL from the expert and suboptimality against N; a dotted line of slope -1; returns the files."""
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    axes = list(figure.subplots(1, 2))
    (place,) = SWEEP.environments
    for ax, metric in zip(axes, ("kl_expert", "suboptimality")):
        for name in names:
            n, values = _mdps.table(frame, name, place, metric)
            _mdps.curve(ax, n, values, style[name], name)
            if metric == "kl_expert" and name == "clone alone":
                start = values.mean(axis=0)[0]
                ax.plot(n, start * n[0] / n, ":", color="black", linewidth=1, label="slope -1")
        ax.set(xscale="log", yscale="log")
        _mdps.tidy(ax, "", "demonstrations and pairs, N each", _mdps.NAMES[metric])
    _mdps.legend(figure, axes)
    _mdps.say_runs(figure, frame)
    return plotting.save(figure, Path(out) / "demonstrations")
