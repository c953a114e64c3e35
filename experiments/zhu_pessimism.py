"""Plain against pessimistic maximum likelihood on the instance where plain fails, and the reference-vector trap.

Figure 1 of [zhu2023principled]: n from 10 to 500, 100 runs. The error of the estimate falls while the gap of the plain
policy stays at 0.27 to 0.31. Pessimism helps for v = phi(a4) or v = 0, is plain MLE for v = uniform mean, and imitates
the logged arms (gap 1) for their mean. With the paper's own radius and v = 0 the gap is 0.1 exactly.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.alignment import MaximumLikelihood, PessimisticMLE
from duel.sweep import Sweep
from envs.alignment import FailureInstance
from experiments._alignment import panels

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="zhu_pessimism",
    algorithms={
        "MLE": MaximumLikelihood(),
        "v = phi(a4)": PessimisticMLE(reference=(0.0, 1.0, 0.0)),
        "v = 0": PessimisticMLE(reference="origin"),
        "v = 0, paper's radius": PessimisticMLE(reference="origin", radius="paper"),
        "v = uniform mean": PessimisticMLE(reference="uniform"),
        "v = logged mean": PessimisticMLE(reference="logged"),
    },
    environments={"failure": FailureInstance()},
    horizon=500,
    runs=100,
    checkpoints=(10, 20, 50, 100, 200, 500),
)

TITLES = {"failure": "four actions, one comparison decides"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Suboptimality and error against n; returns the files."""
    return panels(
        frame,
        Path(out) / "zhu_pessimism",
        ("suboptimality", "error"),
        titles=TITLES,
        order=list(SWEEP.algorithms),
        scale="semilogx",
    )
