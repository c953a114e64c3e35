"""The regularised objective is learnt at rate 1/n, the error of the rewards only at 1/sqrt(n).

The gap is beta KL(pi || pi*), quadratic in the error of the rewards. Four responses, all of them in the data.
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
    name="fast_rates",
    algorithms={"Gibbs policy of the MLE": MaximumLikelihood()},
    environments={
        "beta = 1": GaussianFeatures(size=2, contexts=8, kl_weight=1.0),
        "no KL term": GaussianFeatures(size=2, contexts=8),
    },
    horizon=32_000,
    runs=128,
    checkpoints=(500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000),
)

TITLES = {"beta = 1": "KL weight 1", "no KL term": "no KL term (greedy)"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regularised gap and error of the estimate against n; returns the files."""
    return panels(
        frame, Path(out) / "fast_rates", ("regularised_gap", "error"), titles=TITLES, order=list(SWEEP.algorithms)
    )
