"""Preferences that change: dynamic regret on the four published generators [suk2023when].

Given matrices in turn (a ladder that begins with another arm), winners that are exchanged, Bradley-Terry ladders that
are dealt anew, and a matrix whose entries walk. ANACONDA and METASWIFT replay. In 16 runs of 100 000 rounds ANACONDA's
replays, of uniform pairs, save regret on the given matrices (2779 +- 232), make no difference that could be seen where
winners are exchanged or worths dealt anew, and double the regret on the walk; it stays far behind METASWIFT and behind
learners without a theorem. METASWIFT's regret is the least where winners are exchanged and varies little between runs
everywhere. RUCB, RMED1 and Thompson sampling come back too, by no theorem: sooner or later, by luck. Without replays,
and in MergeRUCB, arms are dropped for good. The walk has no Condorcet winner to speak of: its regret is that of Borda
scores. (+- is half of a 95 % interval of the paired difference.)
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.finite import (
    ANACONDA,
    METASWIFT,
    RMED1,
    RUCB,
    DoubleThompsonSampling,
    MergeRUCB,
    SparringEXP3,
    UniformPairs,
    VersatileDuelingBandit,
)
from duel.sweep import Sweep
from envs.finite import GeometricBTL, PreferenceSequence, PreferenceWalk, SwitchingWinners

if TYPE_CHECKING:
    import pandas as pd

HORIZON = 100_000
PHASE = HORIZON // 4


def ladder(best: int) -> tuple[tuple[float, ...], ...]:
    """Five arms in order best, best + 1, ... (modulo 5), P = 1/2 + (j - i) / 10 for the places i, j. [5, 5]"""
    rank = [(i - best) % 5 for i in range(5)]
    return tuple(tuple(0.5 + 0.1 * (rank[j] - rank[i]) for j in range(5)) for i in range(5))


SWEEP = Sweep(
    name="nonstationary",
    algorithms={
        "ANACONDA": ANACONDA(),
        "METASWIFT": METASWIFT(),
        "ANACONDA, no replays": ANACONDA(replay_scale=0.0),
        "VDB": VersatileDuelingBandit(),
        "SparringEXP3": SparringEXP3(),
        "RUCB": RUCB(),
        "RMED1": RMED1(),
        "DoubleThompsonSampling": DoubleThompsonSampling(),
        "MergeRUCB": MergeRUCB(),
        "UniformPairs": UniformPairs(),
    },
    environments={
        "sequence": PreferenceSequence(
            tuple(ladder(2 * m) for m in range(4)), tuple(1 + m * PHASE for m in range(4)), benchmark=None
        ),
        "winners": SwitchingWinners(arms=5, phase=PHASE, gap=0.3),
        "ladder": GeometricBTL(arms=5, phase=PHASE),
        "walk": PreferenceWalk(arms=5),
    },
    horizon=HORIZON,
    runs=32,
)

TITLES = {
    "sequence": "given matrices",
    "winners": "winners exchanged",
    "ladder": "worths dealt anew",
    "walk": "random walk",
}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Dynamic regret: to the round's Condorcet winner, and for the walk to its best Borda score; returns the files."""
    from duel import plotting

    written = []
    for name, environments, metric in (
        ("condorcet", ("sequence", "winners", "ladder"), "average"),
        ("walk", ("walk",), "borda"),
    ):
        part: Any = frame[frame["environment"].isin(environments)]
        figure = plotting.regret_figure(
            part, metric=metric, titles=TITLES, order=list(SWEEP.algorithms), unit="win probability", scale="linear"
        )
        written += plotting.save(figure, Path(out) / f"nonstationary_{name}")
    return written
