"""Methods compared per preference query, not per update: gap against sampled comparisons.

EGPO spends two oracle calls an update, regularised OMWU one for the same rate; with noise a smaller step trades speed
for a lower floor, and decreasing steps have none (Nash-MD's schedule and mirror descent's are then one curve).
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.games import EGPO, NashMD, PolicyGradient, RegularizedOMD, RegularizedOMWU
from duel.sweep import Sweep
from envs.games import RandomPreferences, SampledComparisons
from experiments import _games

if TYPE_CHECKING:
    import pandas as pd

GAME = RandomPreferences(actions=10, kl_weight=0.1, reference_scale=1.0)

SWEEP = Sweep(
    name="per_query",
    algorithms={
        "EGPO, eta 0.1": EGPO(0.1),
        "EGPO, eta 0.01": EGPO(0.01),
        "regularised OMWU, eta 0.1": RegularizedOMWU(0.1),
        "regularised OMWU, eta 0.01": RegularizedOMWU(0.01),
        "mirror descent, eta 0.1": RegularizedOMD(0.1),
        "mirror descent, decreasing": RegularizedOMD(schedule="decreasing"),
        "Nash-MD, theorem's schedule": NashMD(),
        "policy gradient, s 1": PolicyGradient(1.0),
    },
    environments={
        f"{m} comparison{'s' * (m > 1)} a call": SampledComparisons(GAME, comparisons=m) for m in (1, 10, 100)
    },
    horizon=30_000,
    runs=16,
)


LOOKS = {  # a colour a method, dashed at the smaller step
    "EGPO, eta 0.1": {"color": "#000000", "linestyle": "-"},
    "EGPO, eta 0.01": {"color": "#000000", "linestyle": "--"},
    "regularised OMWU, eta 0.1": {"color": "#E69F00", "linestyle": "-"},
    "regularised OMWU, eta 0.01": {"color": "#E69F00", "linestyle": "--"},
    "mirror descent, eta 0.1": {"color": "#0072B2", "linestyle": "-"},
    "mirror descent, decreasing": {"color": "#0072B2", "linestyle": "-."},
    "Nash-MD, theorem's schedule": {"color": "#009E73", "linestyle": ":", "linewidth": 2.0},
    "policy gradient, s 1": {"color": "#CC79A7", "linestyle": "-"},
}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Gap against preference queries, one panel a batch size; bands for two of the curves, the others' are as wide."""
    from duel import plotting

    figure, axes = _games.figure_of(len(SWEEP.environments), columns=3)
    for ax, environment in zip(axes, SWEEP.environments, strict=True):
        rows = frame[frame["environment"] == environment]
        _games.median_panel(
            ax, rows, list(LOOKS), LOOKS, x="queries", bands=("EGPO, eta 0.01", "mirror descent, decreasing")
        )
        ax.set_title(environment, fontsize=9, loc="left", fontweight="bold")
    _games.legend(figure, axes, columns=4)
    plotting.footnote(
        figure, f"Median over n = {frame['run'].nunique()} games; bands, of two curves (others are as wide): quartiles."
    )
    return plotting.save(figure, Path(out) / "per_query")
