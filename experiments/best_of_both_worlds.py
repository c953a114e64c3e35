"""Best of both worlds: versatile dueling bandits on a fixed matrix and against a switch [saha2022versatile].

The switch: for a fifth of the time arm 1 beats arm 0, afterwards arm 0 beats arm 1; arm 0 is best in hindsight.
Learners that drop arms for good (MergeRUCB) never return to it. RUCB, RMED and Thompson sampling do
return, by no theorem: they have compared the two arms only O(ln T) times before it, and a few wins overturn that.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.finite import (
    REX3,
    RMED1,
    RUCB,
    DoubleThompsonSampling,
    MergeRUCB,
    SparringEXP3,
    UniformPairs,
    VersatileDuelingBandit,
)
from duel.sweep import Sweep
from envs.finite import PreferenceMatrix, PreferenceSequence

if TYPE_CHECKING:
    import pandas as pd

HORIZON = 50_000


def preferences(best: int) -> np.ndarray:
    """Arms 0 and 1 beat each other by 0.7, as `best` says; both beat the other four by 0.6; those are equal. [6, 6]"""
    P = np.full((6, 6), 0.5)
    P[:2, 2:], P[2:, :2] = 0.6, 0.4
    P[best, 1 - best], P[1 - best, best] = 0.7, 0.3
    return P


SWEEP = Sweep(
    name="best_of_both_worlds",
    algorithms={
        "VDB": VersatileDuelingBandit(),
        "VDB shared": VersatileDuelingBandit(shared=True),
        "VDB IW": VersatileDuelingBandit(reduced_variance=False),
        "SparringEXP3": SparringEXP3(),
        "REX3": REX3(),
        "RUCB": RUCB(),
        "RMED1": RMED1(),
        "DoubleThompsonSampling": DoubleThompsonSampling(),
        "MergeRUCB": MergeRUCB(),
        "UniformPairs": UniformPairs(),
    },
    environments={
        "fixed": PreferenceMatrix(preferences(0)),
        "switch": PreferenceSequence((preferences(1), preferences(0)), starts=(1, HORIZON // 5 + 1)),
    },
    horizon=HORIZON,
    runs=48,
)

TITLES = {"fixed": "fixed preferences", "switch": "switched after a fifth of the time"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Average regret to arm 0, on a logarithmic and (it may be negative) on a linear scale; returns the files."""
    from duel import plotting

    written = []
    for name, scale in (("fixed", "loglog"), ("switch", "linear")):
        part: Any = frame[frame["environment"] == name]
        figure = plotting.regret_figure(
            part,
            titles=TITLES,
            order=list(SWEEP.algorithms),
            unit="win probability",
            scale=scale,
        )
        if name == "switch":
            figure.axes[0].autoscale(axis="y")  # below zero: better than arm 0 before the switch
        written += plotting.save(figure, Path(out) / f"best_of_both_worlds_{name}")
    return written
