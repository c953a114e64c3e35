"""Which pairs to label next: five samplers of online DPO.

Twenty responses, batches of 32. With exact gradients uniform pairs converge linearly and pairs weighted by 1/s'
quadratically (`algorithms.alignment.online_dpo.weighted_step`, tested); here labels are sampled.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import OnlineDPO
from duel.sweep import Sweep
from envs.alignment import TabularPreferences
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="samplers",
    algorithms={s: OnlineDPO(sampler=s) for s in ("policy", "reference", "uniform", "mix_policy", "pilaf")},
    environments={
        "beta = 1": TabularPreferences(actions=20, kl_weight=1.0, reward_bound=3.0, batch=32),
        "beta = 0.2": TabularPreferences(actions=20, kl_weight=0.2, reward_bound=3.0, batch=32),
    },
    horizon=200,
    runs=64,
)

TITLES = {"beta = 1": "KL weight 1", "beta = 0.2": "KL weight 0.2"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regularised gap against rounds; returns the files."""
    return panels(
        frame,
        Path(out) / "samplers",
        ("regularised_gap",),
        titles=TITLES,
        order=list(SWEEP.algorithms),
        x="rounds of 32 pairs",
    )
