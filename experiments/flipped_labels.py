"""Labels turned round with probability e: DPO, conservative and robust DPO that know e.

DPO and cDPO stay biased; rDPO's gap falls as 1/n, larger than that of clean labels by about (1 - 2e)^-2.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import DPO
from duel.sweep import Sweep
from envs.alignment import TabularPreferences
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

REWARDS = {"rewards": (1.0, 0.6, 0.3, 0.0), "kl_weight": 0.5, "reward_bound": 6.0}

SWEEP = Sweep(
    name="flipped_labels",
    algorithms={
        "DPO": DPO(),
        "cDPO, e = 0.2": DPO(label_smoothing=0.2),
        "rDPO, e = 0.2": DPO(label_smoothing=0.2, unbiased=True),
    },
    environments={f"flip {e}": TabularPreferences(**REWARDS, flip=e) for e in (0.0, 0.2)},
    horizon=20_000,
    runs=128,
    checkpoints=(200, 500, 1_000, 2_000, 5_000, 10_000, 20_000),
)

TITLES = {"flip 0.0": "clean labels", "flip 0.2": "one label in five turned round"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regularised gap against n; returns the files."""
    return panels(
        frame, Path(out) / "flipped_labels", ("regularised_gap",), titles=TITLES, order=list(SWEEP.algorithms)
    )
