"""Data on two of three responses: DPO's loss is blind to the third, an on-policy KL term is not.

The third response is never shown. DPO here means its reward-model form, which puts the unseen reward in the middle of
its interval; any other value is as likely. HyPO's and RPO's second terms, and the chi-squared regulariser, decide it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import DPO, RPO, Chi2PO, HyPO
from duel.sweep import Sweep
from envs.alignment import TabularPreferences
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="hypo_coverage",
    algorithms={"DPO": DPO(), "HyPO": HyPO(), "RPO": RPO(), "chi2-PO": Chi2PO()},
    environments={
        "partial": TabularPreferences(rewards=(0.2, 0.4, 0.0), data=(0.5, 0.5, 0.0), kl_weight=0.2, reward_bound=4.0),
        "full": TabularPreferences(rewards=(0.2, 0.4, 0.0), kl_weight=0.2, reward_bound=4.0),
    },
    horizon=5_000,
    runs=64,
    checkpoints=(50, 100, 200, 500, 1_000, 2_000, 5_000),
)

TITLES = {"partial": "third response never shown", "full": "all responses shown"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regularised gap and KL to the reference against n; returns the files."""
    return panels(
        frame, Path(out) / "hypo_coverage", ("regularised_gap", "kl"), titles=TITLES, order=list(SWEEP.algorithms)
    )
