"""Identification of Copeland and Condorcet winners: POCOWISTA against its rivals, binary and ternary.

The instances of the paper (random tournaments of 10 and 20 arms, without and with a planted Condorcet winner), a total
order, and three families of ternary duels, on which no results have been published. SELECT and DKWT look for a
Condorcet winner: where there is none they are never right. SELECT is told the winner's gap, as in the paper: 0.1
on "Condorcet, easy 20", 0.05 on "Condorcet, medium 20"; elsewhere it is told 0.05, right or wrong. TRA-POCOWISTA
assumes transitivity: on random tournaments it is cheap and mostly wrong. SAVAGE and PBR count a tie as half a win: arms
that are exactly even keep them going to the horizon (the dotted line).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.identification import DKWT, POCOWISTA, SAVAGE, SELECT, TRAPOCOWISTA, PBRCopeland
from duel.sweep import Sweep, grid
from envs.finite import Davidson, Mallows, RandomTournament, RaoKupper
from experiments import _identification

if TYPE_CHECKING:
    import pandas as pd

DELTAS = [0.01, 0.05, 0.1]

ENVIRONMENTS = {
    "easy 10": RandomTournament(10, 0.6, 1.0),
    "easy 20": RandomTournament(20, 0.6, 1.0),
    "medium 20": RandomTournament(20, 0.55, 0.7),
    "Condorcet, easy 20": RandomTournament(20, 0.6, 1.0, winner="condorcet"),
    "Condorcet, medium 20": RandomTournament(20, 0.55, 0.7, winner="condorcet"),
    "total order, Mallows 10": Mallows(10, 0.5, shuffle=True),
    "ternary, easy 10": RandomTournament(10, 0.6, 1.0, ties=0.2),
    "ternary, Davidson, classes": Davidson((3.0, 3.0, 1.0, 1.0, -1.0, -1.0), tie_weight=1.5, shuffle=True),
    "ternary, Rao-Kupper, classes": RaoKupper((3.0, 3.0, 0.0, 0.0, -3.0, -3.0), threshold=4.0, shuffle=True),
    "ternary, Davidson, bands": Davidson((1.3, 0.9, 0.6, 0.1, -0.4, -0.8), tie_weight=1.6, shuffle=True),
}
TOLD = "Condorcet, easy 20"  # where SELECT knows that the winner's gap is 0.1

SWEEP = Sweep(
    name="pocowista",
    algorithms=[
        *grid(POCOWISTA, delta=DELTAS),
        *grid(TRAPOCOWISTA, delta=DELTAS),
        *grid(SAVAGE, delta=DELTAS),
        *grid(PBRCopeland, delta=DELTAS),
        *grid(SELECT, gap=[0.1, 0.05], delta=DELTAS),
        *grid(DKWT, delta=DELTAS),
    ],
    environments=ENVIRONMENTS,
    horizon=3_000_000,
    runs=100,
    checkpoints=[3_000_000],
    only={f"SELECT(gap=0.1, delta={delta})": [TOLD] for delta in DELTAS}
    | {f"SELECT(gap=0.05, delta={delta})": [name for name in ENVIRONMENTS if name != TOLD] for delta in DELTAS},
)

GROUPS = {
    "POCOWISTA": "POCOWISTA",
    "TRA-POCOWISTA": "TRAPOCOWISTA",
    "SAVAGE": "SAVAGE",
    "PBR-Copeland": "PBRCopeland",
    "SELECT": "SELECT",
    "DKWT": "DKWT",
}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Right answers against duels, a panel an environment, and the same numbers as a table; returns the files."""
    from matplotlib.figure import Figure

    from duel import plotting

    table = _identification.summary(frame)
    groups = {name: [a for a in SWEEP.algorithms if a.startswith(f"{cls}(")] for name, cls in GROUPS.items()}
    style = plotting.styles(list(groups))
    figure = Figure(figsize=(9.6, 10.5), layout="constrained")
    axes = figure.subplots(4, 3).ravel()
    times: Any = frame["t"]
    horizon = int(times.max())
    for ax, environment in zip(axes, SWEEP.environments):
        part: Any = table[table["environment"] == environment]
        _identification.cost_panel(ax, part, groups, style, title=environment)
        if (part["finished"] < 1).any():
            ax.axvline(horizon, color="#888888", linestyle=":", linewidth=0.8)
    for extra in axes[len(SWEEP.environments) :]:
        extra.set_axis_off()
    handles, names = axes[0].get_legend_handles_labels()
    axes[-1].legend(handles, names, loc="center", fontsize=8, frameon=False, title="delta = 0.01, 0.05, 0.1 each")
    runs = frame["run"].nunique()
    plotting.footnote(
        figure, f"n = {runs} runs; bars: 95 % Clopper-Pearson interval. Dotted: the horizon, which some runs play to."
    )
    file = Path(out) / "pocowista.md"
    file.write_text(_identification.markdown(table), encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "pocowista"), file]
