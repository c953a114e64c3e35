"""Who reaches an equilibrium of the original game with the last iterate?

Multiplicative weights spirals outward; extragradient and optimistic weights converge, with a step size that matters,
and optimism can be arbitrarily slow (the two-player game of cai2024fast); refreshing a magnet (MPO, COMAL) and the
Euclidean OGDA converge on all four; RM+ converges on average only.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.games import EGPO, MMD, OGDA, OMD, MagnetRefresh, OptimisticOMD, RegretMatching
from duel.sweep import Sweep
from envs.games import RandomPreferences, RegretMatchingTrap, RockPaperScissors, SlowOptimism
from experiments import _games

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="last_iterate",
    algorithms={
        "MWU, eta 0.1": OMD(0.1),
        "OMWU, eta 0.1": OptimisticOMD(0.1),
        "OMWU, eta 0.5": OptimisticOMD(0.5),
        "extragradient, eta 0.1": EGPO(0.1),
        "extragradient, eta 0.5": EGPO(0.5),
        "MPO (magnet refresh of MMD)": MagnetRefresh(MMD(), kl_weight=0.1, period=50),
        "COMAL (magnet refresh of EGPO)": MagnetRefresh(EGPO(), kl_weight=0.1, period=50),
        "OGDA, eta 0.1": OGDA(0.1),
        "RM+": RegretMatching("rm+"),
    },
    environments={
        "rock, paper, scissors": RockPaperScissors(kl_weight=0.0, reference_scale=0.5),
        "random, 10 actions": RandomPreferences(actions=10, kl_weight=0.0),
        "slow optimism, delta 0.05": SlowOptimism(delta=0.05),
        "trap of RM+": RegretMatchingTrap(),
    },
    horizon=100_000,
    runs=16,
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Gap of the last iterate against payoff products, one panel a game."""
    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    figure, axes = _games.figure_of(len(SWEEP.environments), columns=2)
    for ax, environment in zip(axes, SWEEP.environments, strict=True):
        rows = frame[frame["environment"] == environment]
        _games.median_panel(ax, rows, names, style, metric="gap", x="products")
        ax.set_title(environment, fontsize=9, loc="left", fontweight="bold")
    _games.legend(figure, axes, columns=3)
    runs, steps = frame["run"].nunique(), frame["t"].max()
    plotting.footnote(
        figure, f"Median over n = {runs} runs of {steps:,} steps; bands: quartiles. Gaps below 1e-17 are drawn there."
    )
    return plotting.save(figure, Path(out) / "last_iterate")
