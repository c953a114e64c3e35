"""Labels of segments: the same pairs of trajectories, compared whole or piece by piece.

Labels of m pieces are m times as many: against pairs they help, by about what two to four times as many pairs would;
against labels they do not, at these rewards (labels of whole trajectories would have to saturate first).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.mdps import FREEHAND
from duel.mdps import Preference
from duel.sweep import Sweep
from envs.mdps import RandomMDP
from experiments import _mdps

if TYPE_CHECKING:
    import pandas as pd

PIECES = (1, 2, 4, 8)

SWEEP = Sweep(
    name="segments",
    algorithms=[FREEHAND(radius_multiplier=0.3)],
    environments={
        f"{m} segment{'s' * (m > 1)}": RandomMDP(
            states=4, actions=2, horizon=8, preference=Preference("segments", pieces=m)
        )
        for m in PIECES
    },
    horizon=1_024,
    runs=64,
    checkpoints=[16, 32, 64, 128, 256, 512, 1024],
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Suboptimality against pairs, and against labels; returns the files."""
    from matplotlib.figure import Figure

    from duel import plotting

    (learner,) = SWEEP.algorithms
    style = plotting.styles(list(SWEEP.environments))
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    axes = list(figure.subplots(1, 2, sharey=True))
    for ax, what in zip(axes, ("pairs of trajectories", "labels")):
        for place, m in zip(SWEEP.environments, PIECES):
            n, values = _mdps.table(frame, learner, place, "suboptimality")
            _mdps.curve(ax, n * (m if what == "labels" else 1), values, style[place], place)
        ax.set(xscale="log", yscale="log")
        _mdps.tidy(ax, "", what, _mdps.NAMES["suboptimality"])
    _mdps.legend(figure, axes)
    _mdps.say_runs(figure, frame)
    return plotting.save(figure, Path(out) / "segments")
