"""Exploration: the best response has reference probability 1e-4.

XPO's alpha from none to too much. With two responses the bonus finds the hidden one at once, without it never. A
constant alpha grows its weight with t, so a large one keeps the policy from settling.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import XPO
from duel.sweep import Sweep
from envs.alignment import HiddenArm
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="xpo_hidden_arm",
    algorithms={
        "alpha = 0": XPO(alpha=0.0),
        "alpha = 1e-4": XPO(alpha=1e-4),
        "alpha = 1e-3": XPO(alpha=1e-3),
        "alpha = 1e-2": XPO(alpha=1e-2),
    },
    environments={"2 responses": HiddenArm(), "10 responses": HiddenArm(actions=10, batch=100)},
    horizon=40,
    runs=32,
)

TITLES = {"2 responses": "2 responses, 1 pair a round", "10 responses": "10 responses, 100 pairs a round"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Rounds before the first visit, and the regularised gap; returns the files."""
    return panels(
        frame,
        Path(out) / "xpo_hidden_arm",
        ("unseen", "regularised_gap"),
        titles=TITLES,
        order=list(SWEEP.algorithms),
        x="rounds",
        scale="linear",
    )
