"""CoLSTIM and MaxInP on contextual duels, beside uniformly random pairs.

Logistic link, contexts fresh in every round: uniform on the sphere (d = 5, K = 10), and the corners of the hypercube.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.contextual import CoLSTIM, MaxInP
from algorithms.finite import UniformPairs
from duel.sweep import Sweep
from envs.contextual import Hypercube, SphereContexts

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="contextual_regret",
    algorithms={
        "CoLSTIM": CoLSTIM(),
        "CoLSTIM online": CoLSTIM(estimator="online"),
        "MaxInP": MaxInP(),
        "UniformPairs": UniformPairs(),
    },
    environments={
        "sphere": SphereContexts(dimension=5, arms=10),
        "hypercube": Hypercube(dimension=5),
    },
    horizon=20_000,
    runs=64,
)

TITLES = {"sphere": "unit sphere, d = 5, K = 10", "hypercube": "hypercube corners, d = 5, K = 32"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Average and weak regret, each with its distribution at the end; returns the files."""
    from duel import plotting

    written = []
    for metric in ("average", "weak"):
        figure = plotting.regret_figure(
            frame, metric=metric, titles=TITLES, order=list(SWEEP.algorithms), unit="utility"
        )
        written += plotting.save(figure, Path(out) / f"contextual_regret_{metric}")
    return written
