"""Regret of the finite-armed algorithms on three textbook matrices, beside the asymptotic lower bound.

Bradley-Terry with ten arms (a total order, everything transitive), the arXiv rankers (a tie, no order) and a weak
winner over a strong circle, where algorithms that only compare with the winner pay for it [komiyama2015regret].
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from algorithms.finite import RMED1, RMED2FH, RUCB, BeatTheMean, DoubleThompsonSampling, UniformPairs
from duel import matrices
from duel.lower_bounds import condorcet_lower_bound
from duel.sweep import Sweep
from envs.finite import PreferenceMatrix

if TYPE_CHECKING:
    import pandas as pd

MATRICES = {
    "btl10": matrices.bradley_terry(np.linspace(2, 0, 10)),  # u_i = 2 (1 - i / (K - 1))
    "arxiv6": matrices.arxiv6(),
    "cyclic4": matrices.cyclic4(),
}

SWEEP = Sweep(
    name="finite_regret",
    algorithms=[RUCB(), DoubleThompsonSampling(), RMED1(), RMED2FH(), BeatTheMean(), UniformPairs()],
    environments={name: PreferenceMatrix(P) for name, P in MATRICES.items()},
    horizon=1_000_000,
    runs=64,
)

BOUNDS = {name: condorcet_lower_bound(P) for name, P in MATRICES.items()}
"""Average regret per ln T that no consistent algorithm can beat."""

TITLES = {"btl10": "Bradley-Terry, K = 10", "arxiv6": "arXiv rankers, K = 6", "cyclic4": "circle under a winner, K = 4"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regret curves with the lower bound, and distributions of the final regret; returns the files."""
    from duel import plotting

    figure = plotting.regret_figure(
        frame, lower_bounds=BOUNDS, titles=TITLES, order=list(SWEEP.algorithms), unit="win probability"
    )
    return plotting.save(figure, Path(out) / "finite_regret")
