"""Every identification learner at delta = 0.05, where its assumptions hold and where they do not: error and duels.

A Bradley-Terry ladder, on which all assumptions hold; five arms of which each loses to some other (no Condorcet
winner); a weak Condorcet winner over a strong circle (no SST, no total order); and two best arms that are exactly even
(a tie at 1/2). "Right" is judged by the winner that a learner looks for, up to its epsilon if it has one; where there
is none, nothing is right. The table says who is wrong, and who does not come to an end.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.identification import (
    DKWT,
    PLPAC,
    POCOWISTA,
    SAVAGE,
    SELECT,
    TRAPOCOWISTA,
    ActiveRanking,
    BordaElimination,
    BordaRanking,
    DoubleElimination,
    ExpertRanking,
    Knockout,
    MallowsMPI,
    OptMax,
    PBRCopeland,
    SequentialElimination,
    SingleElimination,
)
from duel import bandits, catalog, matrices
from duel.sweep import Sweep
from envs.finite import BradleyTerry, PreferenceMatrix
from experiments import _identification
from experiments.copeland_regret import one_loss

if TYPE_CHECKING:
    import pandas as pd

DELTA = 0.05
TIE = ((0.5, 0.5, 0.7, 0.7), (0.5, 0.5, 0.7, 0.7), (0.3, 0.3, 0.5, 0.6), (0.3, 0.3, 0.4, 0.5))

SWEEP = Sweep(
    name="identification_error",
    algorithms={
        "POCOWISTA": POCOWISTA(DELTA),
        "TRA-POCOWISTA": TRAPOCOWISTA(DELTA),
        "SAVAGE, Copeland": SAVAGE(DELTA),
        "SAVAGE, Condorcet": SAVAGE(DELTA, target="condorcet"),
        "SAVAGE, Borda": SAVAGE(DELTA, target="borda"),
        "PBRCopeland": PBRCopeland(DELTA),
        "SELECT": SELECT(gap=0.1, delta=DELTA),
        "DKWT": DKWT(DELTA),
        "Knockout": Knockout(epsilon=0.1, delta=DELTA),
        "SequentialElimination": SequentialElimination(epsilon=0.1, delta=DELTA),
        "OptMax": OptMax(epsilon=0.1, delta=DELTA),
        "PLPAC": PLPAC(epsilon=0.1, delta=DELTA),
        "MallowsMPI": MallowsMPI(DELTA),
        "BordaRanking": BordaRanking(epsilon=0.1, delta=DELTA),
        "BordaElimination": BordaElimination(DELTA),
        "ActiveRanking": ActiveRanking(DELTA),
        "ExpertRanking": ExpertRanking(DELTA),
        "SingleElimination": SingleElimination(budget=1_000),
        "DoubleElimination": DoubleElimination(budget=1_000),
    },
    environments={
        "ladder": BradleyTerry((1.5, 1.0, 0.5, 0.0), shuffle=True),
        "no Condorcet winner": PreferenceMatrix(one_loss()),
        "no SST": PreferenceMatrix(matrices.cyclic4()),
        "tie at the top": PreferenceMatrix(TIE),
    },
    horizon=100_000,
    runs=200,
    checkpoints=[100_000],
)


def promised(name: str) -> float:
    """Duels that the learner's card promises on the ladder; NaN if its card has no such theorem."""
    learner: Any = SWEEP.algorithms[name]
    cls = type(learner).__name__
    world = bandits.world(SWEEP.environments["ladder"], 0, 0)
    claims = [theorem for theorem in catalog.cards()[cls][0].theorems if theorem.metric == "duels"]
    if name == "SAVAGE, Borda":  # the card's bound is that of the other targets
        claims = []
    return float(claims[0].bound(float(SWEEP.horizon), world)) if claims else float("nan")


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """The share of right answers of every learner, a panel an environment, and the table with the duels; files."""
    import numpy as np
    from matplotlib.figure import Figure

    from duel import plotting

    table = _identification.summary(frame)
    names = list(SWEEP.algorithms)
    figure = Figure(figsize=(11.0, 4.8), layout="constrained")
    axes = figure.subplots(1, len(SWEEP.environments), sharey=True)
    for ax, environment in zip(axes, SWEEP.environments):
        part: Any = table[table["environment"] == environment].set_index("algorithm")
        rows = [n for n in names if n in part.index]
        y = [names.index(n) for n in rows]
        share, low, high = (part.loc[rows, c].to_numpy(dtype=float) for c in ("correct", "correct_low", "correct_high"))
        ended = part.loc[rows, "finished"].to_numpy(dtype=float) > 0.5
        bars = np.array([share - low, high - share])
        for which, marker, label in ((ended, "o", "stopped by itself"), (~ended, "x", "played to the horizon")):
            if which.any():
                places = np.array(y)[which]
                ax.errorbar(share[which], places, xerr=bars[:, which], fmt=marker, color="#333333", label=label)
        ax.axvline(1 - DELTA, color="#999999", linewidth=0.8, linestyle=":")
        ax.set_yticks(range(len(names)), names, fontsize=8)
        ax.set(xlim=(-0.05, 1.05), title=environment, xlabel="right answers (share)")
        ax.grid(True, axis="x", color="#DDDDDD", linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    handles: dict[str, Any] = {}
    for ax in axes:
        handles |= {label: handle for handle, label in zip(*ax.get_legend_handles_labels())}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    plotting.footnote(
        figure,
        f"n = {frame['run'].nunique()} runs; bars: 95 % Clopper-Pearson interval (mostly within the marker). Dotted: "
        f"1 - delta = {1 - DELTA:g}.",
    )
    lines = [_identification.markdown(table), "\n| learner | mean duels on the ladder | promised |\n|---|---:|---:|\n"]
    ladder: Any = table[table["environment"] == "ladder"]
    for row in ladder.to_dict("records"):
        bound = promised(row["algorithm"])
        if np.isfinite(bound):
            lines.append(f"| {row['algorithm']} | {row['duels']:,.0f} | {bound:,.0f} |\n")
    file = Path(out) / "identification_error.md"
    file.write_text("".join(lines), encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "identification_error"), file]
