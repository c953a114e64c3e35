"""The Nash mixture over 30 language models, and how each solver approaches it [chiang2024chatbot].

The votes have a Condorcet winner, so that the original game's equilibrium is one model; with the votes drawn anew (a
parametric bootstrap, one game a run) it is not always the same one. Against a pure equilibrium even multiplicative
weights converge, and RM+ is done as soon as its regrets have one positive entry. The regularised game mixes the models
that are close to the best; there EGPO and regularised OMWU are the same curve a product, EGPO's steps being twice as
long and twice as dear.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.games import (
    EGPO,
    MMD,
    OGDA,
    OMD,
    MagnetRefresh,
    NashMD,
    OptimisticOMD,
    RegretMatching,
    RegularizedOMD,
    RegularizedOMWU,
)
from duel import equilibrium
from duel.bandits import ENVIRONMENT, stream
from duel.sweep import Sweep
from envs.games import LanguageModels
from experiments import _games

if TYPE_CHECKING:
    import pandas as pd

REGULARIZED, ORIGINAL = "regularised game, beta 0.01", "original game"
SOLVERS = {
    REGULARIZED: {
        "EGPO": EGPO(),
        "regularised OMWU": RegularizedOMWU(),
        "mirror descent": RegularizedOMD(),
        "Nash-MD, theorem's schedule": NashMD(),
        "proximal point (magnet refresh of EGPO)": MagnetRefresh(EGPO(), kl_weight=0.02, period=100),
    },
    ORIGINAL: {
        "MWU, eta 0.5": OMD(0.5),
        "OMWU, eta 0.5": OptimisticOMD(0.5),
        "MPO (magnet refresh of MMD)": MagnetRefresh(MMD(), kl_weight=0.05, period=100),
        "COMAL (magnet refresh of EGPO)": MagnetRefresh(EGPO(), kl_weight=0.05, period=50),
        "OGDA, eta 0.1": OGDA(0.1),
        "RM+": RegretMatching(),
    },
}

SWEEP = Sweep(
    name="arena_nash",
    algorithms={name: solver for solvers in SOLVERS.values() for name, solver in solvers.items()},
    environments={
        REGULARIZED: LanguageModels(kl_weight=0.01, resample=True),
        ORIGINAL: LanguageModels(kl_weight=0.0, resample=True),
    },
    horizon=30_000,
    runs=16,
    only={name: [game] for game, solvers in SOLVERS.items() for name in solvers},
)


def mixtures(kl_weight: float, runs: int = 16) -> np.ndarray:
    """Equilibria of the arena with its votes drawn anew, [runs, 30]; of the original game for `kl_weight` 0."""
    environment = LanguageModels(kl_weight=kl_weight, resample=True)
    games = [environment.init(stream(SWEEP.seed, ENVIRONMENT, r)) for r in range(runs)]
    solve = equilibrium.regularized_equilibrium if kl_weight > 0 else equilibrium.nash
    return np.stack([solve(game) for game in games])


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Gaps of the solvers, regularised and original, and the mixtures with their sampling error."""
    from duel import plotting

    style = plotting.styles(list(SWEEP.algorithms))
    figure, axes = _games.figure_of(3, columns=3, height=3.4)
    for ax, (game, solvers) in zip(axes, SOLVERS.items()):
        _games.median_panel(ax, frame[frame["environment"] == game], list(solvers), style, x="products")
        ax.set_title(game, fontsize=9, loc="left", fontweight="bold")
    models = LanguageModels().names()
    regularized, original = mixtures(0.01), mixtures(0.0)
    top = np.argsort(-regularized.mean(axis=0))[:6]
    place = np.arange(len(top))
    for shift, shares, color, label in (
        (-0.2, regularized, plotting.COLORS[0], "regularised equilibrium"),
        (0.2, original, plotting.COLORS[1], "Nash equilibrium"),
    ):
        low, high = shares[:, top].min(axis=0), shares[:, top].max(axis=0)
        mean = shares[:, top].mean(axis=0)
        errors: Any = [np.maximum(mean - low, 0), np.maximum(high - mean, 0)]
        axes[2].barh(place + shift, mean, 0.38, xerr=errors, color=color, label=label, error_kw={"elinewidth": 0.7})
    axes[2].set_yticks(place, [models[i] for i in top], fontsize=6)
    axes[2].invert_yaxis()
    axes[2].set_xlabel("probability: mean and range, votes resampled", fontsize=7)
    axes[2].tick_params(axis="x", labelsize=7)
    axes[2].spines[["top", "right"]].set_visible(False)
    axes[2].set_title("mixture over models", fontsize=9, loc="left", fontweight="bold")
    _games.legend(figure, axes, columns=5)
    plotting.footnote(
        figure,
        f"Gaps: median over n = {frame['run'].nunique()} games with the votes drawn anew; bands: quartiles. Gaps below "
        "1e-17 are drawn there. MWU and OMWU are one line.",
    )
    return plotting.save(figure, Path(out) / "arena_nash")
