"""Whole rankings against their pairs: MLE_K and MLE_2 for K = 4 and 9.

Figure 2 of [zhu2023principled]: features and parameter iid N(0, I_3). The advantage of the whole ranking is 4 % (K = 4)
and 11 % (K = 9) asymptotically, so runs are paired: both estimators see the same rankings.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import MaximumLikelihood
from duel.sweep import Sweep
from envs.alignment import GaussianFeatures
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="zhu_kwise",
    algorithms={"MLE_K": MaximumLikelihood(rankings=True), "MLE_2": MaximumLikelihood()},
    environments={"K = 4": GaussianFeatures(actions=4), "K = 9": GaussianFeatures(actions=9)},
    horizon=500,
    runs=100,
    checkpoints=(10, 20, 50, 100, 200, 500),
)

TITLES = {"K = 4": "rankings of 4", "K = 9": "rankings of 9"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Error and suboptimality against n; returns the files."""
    return panels(
        frame,
        Path(out) / "zhu_kwise",
        ("error", "suboptimality"),
        titles=TITLES,
        order=list(SWEEP.algorithms),
        x="rankings n",
    )
