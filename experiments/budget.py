"""How often is the winner found within a budget of duels?

Fixed-budget tournaments against learners that fix the confidence instead and stop by themselves, on 16 arms: a planted
winner with equal gaps of 0.1 in a random tournament, and a Bradley-Terry ladder, whose strongest rival is close. The
dotted lines without markers are the tournaments' guarantees (Hoeffding and the union bound).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.identification import (
    POCOWISTA,
    SELECT,
    DoubleElimination,
    MallowsMPI,
    SingleElimination,
    double_elimination,
    single_elimination,
)
from duel.sweep import Sweep, grid
from envs.finite import BradleyTerry, RandomTournament
from experiments import _identification

if TYPE_CHECKING:
    import pandas as pd

BUDGETS = [100, 200, 400, 800, 1_600, 3_200, 6_400]
DELTAS = [0.01, 0.05, 0.2]

SWEEP = Sweep(
    name="budget",
    algorithms=[
        *grid(SingleElimination, budget=BUDGETS),
        *grid(DoubleElimination, budget=BUDGETS),
        *grid(SELECT, gap=0.1, delta=DELTAS),
        *grid(MallowsMPI, delta=DELTAS),
        *grid(POCOWISTA, delta=DELTAS),
    ],
    environments={
        "equal gaps": RandomTournament(16, 0.6, 0.6, winner="condorcet"),
        "ladder": BradleyTerry(tuple(2.0 - 2.0 * k / 15 for k in range(16)), shuffle=True),
    },
    horizon=200_000,
    runs=400,
    checkpoints=[200_000],
)

TITLES = {"equal gaps": "winner 0.6 against all, K = 16", "ladder": "Bradley-Terry ladder, K = 16, smallest gap 0.033"}
GROUPS = {
    "single elimination": "SingleElimination",
    "double elimination": "DoubleElimination",
    "SELECT (delta)": "SELECT",
    "MallowsMPI (delta)": "MallowsMPI",
    "POCOWISTA (delta)": "POCOWISTA",
}
BOUNDS = {"single elimination": single_elimination, "double elimination": double_elimination}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Right answers against duels with the guarantees, and the table; returns the files."""
    from matplotlib.figure import Figure

    from duel import bandits, plotting

    table = _identification.summary(frame)
    groups = {name: [a for a in SWEEP.algorithms if a.startswith(f"{cls}(")] for name, cls in GROUPS.items()}
    style = plotting.styles(list(groups))
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    for ax, (environment, title) in zip(figure.subplots(1, 2), TITLES.items()):
        part: Any = table[table["environment"] == environment]
        _identification.cost_panel(ax, part, groups, style, title=title)
        world = bandits.world(SWEEP.environments[environment], 0, 0)
        budgets = np.geomspace(60, 200_000, 200)
        for name, module in BOUNDS.items():
            promised = np.array([1 - module.bound(T, world) for T in budgets])
            said = promised > 0.01
            ax.plot(budgets[said], promised[said], linestyle=(0, (1, 3)), linewidth=1.4, color=style[name]["color"])
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=6, fontsize=8, frameon=False)
    plotting.footnote(
        figure,
        f"n = {frame['run'].nunique()} runs; bars: 95 % Clopper-Pearson interval of the share. Points without markers: "
        "what the two tournaments guarantee.",
    )
    file = Path(out) / "budget.md"
    file.write_text(_identification.markdown(table), encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "budget"), file]
