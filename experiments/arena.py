"""Which LLM wins? Finite-armed algorithms duel 30 language models with the win rates of human votes.

Once with a tie as half a win for each (a fair coin decides it, so duels have two outcomes), once with ties as an
outcome of their own. POCOWISTA identifies a Copeland winner from the most probable outcome of each pair. With ties as
an outcome its assumption of a unique one fails: two pairs have as many ties as wins, one of them with the winner.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.finite import RMED1, RMED2FH, RUCB, BeatTheMean, DoubleThompsonSampling, UniformPairs
from algorithms.identification import POCOWISTA
from duel.lower_bounds import condorcet_lower_bound
from duel.sweep import Sweep
from envs.finite import arena

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

SWEEP = Sweep(
    name="arena",
    algorithms=[RUCB(), DoubleThompsonSampling(), RMED1(), RMED2FH(), BeatTheMean(), UniformPairs(), POCOWISTA()],
    environments={"ties half": arena(), "ties ternary": arena(ties="ternary")},
    horizon=1_000_000,
    runs=32,
)

TITLES = {"ties half": "a tie is half a win", "ties ternary": "a tie is an outcome"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regret curves, with the lower bound of binary duels, and how often POCOWISTA is right; returns the files."""
    from duel import plotting

    figure = plotting.regret_figure(
        frame, lower_bounds={"ties half": condorcet_lower_bound(arena().P)}, titles=TITLES,
        order=list(SWEEP.algorithms), unit="win probability",
    )  # fmt: skip
    return plotting.save(figure, Path(out) / "arena") + plotting.save(identification(frame), Path(out) / "arena_winner")


def identification(frame: "pd.DataFrame") -> "Figure":
    """Share of POCOWISTA's runs whose answer of the moment is a Copeland winner, against duels."""
    from duel import plotting

    part: Any = frame[(frame["algorithm"] == "POCOWISTA") & (frame["metric"] == "correct")]
    figure: Any = plotting.plot_regret(
        part, metric="correct", by="environment", scale="semilogx", top=1.02, start=1000,
        title="POCOWISTA: is the answer so far a Copeland winner?",
    ).figure  # fmt: skip
    return figure
