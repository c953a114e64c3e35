"""Chi-squared preference optimisation against DPO where one response is hardly in the data.

Rewards (1/2, 1/2 - g, 0), the third response has reference probability 0.002. A small KL weight lets DPO follow the
noise of that response; a large one keeps it from telling the first two apart. The chi-squared regulariser does both.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import DPO, Chi2PO
from duel.sweep import Sweep
from envs.alignment import TabularPreferences
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="chi2_vs_dpo",
    algorithms={
        "DPO, beta = 0.4": DPO(kl_weight=0.4),
        "DPO, beta = 0.1": DPO(kl_weight=0.1),
        "DPO, beta = 0.02": DPO(kl_weight=0.02),
        "chi2-PO, beta = 0.7/sqrt(n)": Chi2PO(kl_weight=0.7),
    },
    environments={
        f"g = {gap}": TabularPreferences(rewards=(0.5, 0.5 - gap, 0.0), reference=(0.499, 0.499, 0.002))
        for gap in (0.05, 0.2)
    },
    horizon=10_000,
    runs=128,
    checkpoints=(100, 200, 500, 1_000, 2_000, 5_000, 10_000),
)

TITLES = {"g = 0.05": "gap 0.05", "g = 0.2": "gap 0.2"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Suboptimality against n; returns the files."""
    return panels(frame, Path(out) / "chi2_vs_dpo", ("suboptimality",), titles=TITLES, order=list(SWEEP.algorithms))
