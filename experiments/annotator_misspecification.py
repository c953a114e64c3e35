"""Judges who are not Bradley-Terry judges: position bias, flips, and a mixture of two groups.

A single Bradley-Terry reward cannot represent a mixture of Luce annotators (tested on the one-dimensional densities of
[dumoulin2023density]: the fit has neither mode). Position bias averages out when the order is random; flips do not.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import DPO, IPO, SPPO
from duel.sweep import Sweep
from envs.alignment import AnnotatorGroups, TabularPreferences
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

REWARDS = {"rewards": (1.0, 0.6, 0.3, 0.0), "kl_weight": 0.5, "reward_bound": 6.0}

SWEEP = Sweep(
    name="annotator_misspecification",
    algorithms={"DPO": DPO(), "IPO": IPO(), "SPPO": SPPO()},
    environments={
        "Bradley-Terry": TabularPreferences(**REWARDS),
        "position bias": TabularPreferences(**REWARDS, position=1.0),
        "flips": TabularPreferences(**REWARDS, flip=0.25),
        "two groups": AnnotatorGroups(shares=(0.6, 0.4)),
    },
    horizon=10_000,
    runs=64,
    checkpoints=(200, 500, 1_000, 2_000, 5_000, 10_000),
)

TITLES = {
    "Bradley-Terry": "Bradley-Terry judges",
    "position bias": "first shown favoured, log-odds 1",
    "flips": "one label in four turned round",
    "two groups": "60 % and 40 % want opposites",
}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regularised gap and win rate against n; returns the files."""
    return panels(
        frame,
        Path(out) / "annotator_misspecification",
        ("regularised_gap", "win_rate"),
        titles=TITLES,
        order=list(SWEEP.algorithms),
        scale="semilogx",
    )
