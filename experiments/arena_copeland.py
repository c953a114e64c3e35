"""Which LLM wins most of its pairs? Identification on the win rates of human votes on 30 language models.

Ties as half a win, dropped, and as an outcome of their own. Many pairs are close to even: who has to decide them all
needs millions of duels (PBR) where POCOWISTA needs half a million. With ties as an outcome the most probable outcomes
decide, another winner than the majorities' that SAVAGE and PBR find; and two pairs have as many ties as wins, so that
POCOWISTA, whose assumption of a unique mode fails, does not come to an end.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.identification import POCOWISTA, SAVAGE, TRAPOCOWISTA, BordaElimination, PBRCopeland
from duel.sweep import Sweep
from envs.finite import arena
from experiments import _identification

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="arena_copeland",
    algorithms=[POCOWISTA(), TRAPOCOWISTA(), SAVAGE(), PBRCopeland(), BordaElimination()],
    environments={
        "ties half": arena(),
        "ties dropped": arena(ties="drop"),
        "ties ternary": arena(ties="ternary"),
    },
    horizon=3_000_000,
    runs=32,
)

TITLES = {"ties half": "a tie is half a win", "ties dropped": "ties dropped", "ties ternary": "a tie is an outcome"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Share of runs whose answer so far is right (the Copeland winner, or the Borda winner), and the table; files."""
    from matplotlib.figure import Figure

    from duel import plotting

    style = plotting.styles(list(SWEEP.algorithms))
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    for ax, (environment, title) in zip(axes, TITLES.items()):
        part: Any = frame[frame["environment"] == environment]
        plotting.plot_regret(
            part,
            metric="correct",
            scale="semilogx",
            top=1.02,
            start=1000,
            ax=ax,
            style=style,
            labels="none",
            title=title,
        )
        ax.set_ylabel("answer so far is right (share of runs)" if ax is axes[0] else "")
    handles, names = axes[0].get_legend_handles_labels()
    names = [f"{n} (Borda winner)" if n == "BordaElimination" else n for n in names]
    figure.legend(handles, names, loc="outside upper center", ncols=5, fontsize=8, frameon=False)
    runs = frame["run"].nunique()
    plotting.footnote(
        figure,
        f"Lines: share of n = {runs} runs. Bands: pointwise 95 % bootstrap interval of the share. Right: a Copeland "
        "winner, for BordaElimination the Borda winner.",
    )
    file = Path(out) / "arena_copeland.md"
    file.write_text(_identification.markdown(_identification.summary(frame)), encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "arena_copeland"), file]
