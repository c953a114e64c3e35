"""Feedback that an adversary overturns: regret after 50 000 duels against the number C of false outcomes.

Four arms on a ladder; the adversary makes the weaker arm win until its budget is spent [agarwal2021corruption]. Whoever
is deceived before it has settled plays the worst arm against itself, 0.3 a round, and learns nothing more. Wide
confidence intervals protect, and cost regret where nobody lies: a hundred false outcomes are enough for RUCB, RMED1 and
Thompson sampling, three hundred for MergeRUCB and VDB, a thousand for Interleaved Filter, three thousand for Beat the
Mean. None of them is made for corruption.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.finite import (
    RMED1,
    RUCB,
    BeatTheMean,
    DoubleThompsonSampling,
    InterleavedFilter,
    MergeRUCB,
    UniformPairs,
    VersatileDuelingBandit,
)
from duel.sweep import Sweep
from envs.finite import CorruptedPreferences

if TYPE_CHECKING:
    import pandas as pd

BUDGETS = (0, 30, 100, 300, 1_000, 3_000, 10_000)
LADDER = tuple(tuple(0.5 + 0.1 * (j - i) for j in range(4)) for i in range(4))

SWEEP = Sweep(
    name="corrupted_duels",
    algorithms=[
        RUCB(),
        RMED1(),
        DoubleThompsonSampling(),
        VersatileDuelingBandit(),
        MergeRUCB(),
        InterleavedFilter(),
        BeatTheMean(gamma=1.0),
        UniformPairs(),
    ],
    environments={f"C = {C}": CorruptedPreferences(LADDER, budget=C) for C in BUDGETS},
    horizon=50_000,
    runs=48,
    checkpoints=[50_000],
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Average regret (of the true matrix) with 95 % intervals against C; returns the files."""
    import numpy as np
    from matplotlib.figure import Figure

    from duel import plotting

    part: Any = frame[(frame["metric"] == "average") & (frame["t"] == frame["t"].max())]
    style = plotting.styles(list(SWEEP.algorithms))
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    ax = figure.subplots()
    for name in SWEEP.algorithms:
        means, errors = [], []
        for C in BUDGETS:
            chosen = (part["algorithm"] == name) & (part["environment"] == f"C = {C}")
            values = part.loc[chosen, "value"].to_numpy(dtype=float)
            means.append(values.mean())
            errors.append(1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0)
        ax.errorbar(BUDGETS, means, errors, label=name, markersize=4, linewidth=1.2, **style[name])
    ax.set_xscale("symlog", linthresh=30)
    ax.set_yscale("log")
    ax.set_xlim(-2, None)
    ax.set_xticks(BUDGETS, [f"{C:,}" for C in BUDGETS])
    ax.minorticks_off()
    T = frame["t"].max()
    ax.set(xlabel="overturned outcomes C", ylabel=f"cumulative average regret\nafter T = {T:,} (win probability)")
    ax.grid(True, color="#DDDDDD", linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    plotting.footnote(figure, f"Mean over n = {frame['run'].nunique()} runs; bars: 95 % interval of the mean (normal).")
    return plotting.save(figure, Path(out) / "corrupted_duels")
