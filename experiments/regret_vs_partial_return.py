"""Do people judge a segment by what it collected or by what it gave away? What a learner makes of either.

The estimate is read as the optimal advantage and acted on greedily. Right for regret judges; partial-return judges
teach the reward, and acting greedily on a reward is myopic, unless shaping has already put the value into it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import MaximumLikelihood
from duel.sweep import Sweep
from envs.alignment import SegmentPreferences
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="regret_vs_partial_return",
    algorithms={"MLE, read as advantage": MaximumLikelihood()},
    environments={
        "regret": SegmentPreferences(),
        "partial return": SegmentPreferences(model="partial_return"),
        "shaped": SegmentPreferences(model="partial_return", shaping=1.0),
    },
    horizon=10_000,
    runs=64,
    checkpoints=(100, 300, 1_000, 3_000, 10_000),
)

TITLES = {
    "regret": "judged by regret",
    "partial return": "judged by partial return",
    "shaped": "partial return, shaped by V*",
}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Mean advantage lost, and the error of the estimate, against n; returns the files."""
    path = Path(out) / "regret_vs_partial_return"
    return panels(frame, path, ("suboptimality", "error"), titles=TITLES, scale="semilogx")
