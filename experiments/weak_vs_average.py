"""Who has a good arm in every duel, and who duels good arms only? Weak against average regret.

Average regret counts both arms of a duel, weak regret the better one. Fresh arms on the sphere and one static arm set a
run, d = 5, K = 10, logistic link, theta of length 2, T = 10 000, 32 runs. Dotted: weak regret equal to, and a tenth of,
average regret. Dots are runs, lines the way of the mean. The table has means and half of their 95 % intervals.

Answer: CoLSTIM pays least in average regret (447 and 198), a tenth to a quarter of it weak. On fresh arms, learners
with a greedy first arm pay twice CoLSTIM's average regret, of which 2 to 7 % is weak: their second arm is the price.
MaxInP and Sta'D duel two arms that they do not know, a quarter to a half weak. On static arms the means of all but
CoLSTIM, MaxFirstRndNext and Sta'D are those of the few runs that settle on a wrong arm, near the upper line.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.contextual import VACDB, CoLSTIM, MaxFirstRndNext, MaxFirstUCBNext, MaxInP, MaxPairUCB, StaD
from algorithms.finite import UniformPairs
from duel.sweep import Sweep
from envs.contextual import SphereContexts
from experiments import _contextual

if TYPE_CHECKING:
    import pandas as pd

SWEEP = Sweep(
    name="weak_vs_average",
    algorithms={
        "CoLSTIM": CoLSTIM(),
        "MaxInP": MaxInP(),
        "Sta'D": StaD(),
        "VACDB": VACDB(norm=2.0),
        "MaxPairUCB": MaxPairUCB(),
        "MaxFirstUCBNext": MaxFirstUCBNext(),
        "MaxFirstRndNext": MaxFirstRndNext(),
        "UniformPairs": UniformPairs(),
    },
    environments={
        "fresh": SphereContexts(dimension=5, arms=10, norm=2.0),
        "static": SphereContexts(dimension=5, arms=10, norm=2.0, fresh=False),
    },
    horizon=10_000,
    runs=32,
)

TITLES = {"fresh": "new arms in every round", "static": "the same arms in every round"}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Every learner's mean path through the plane of the two regrets with its runs' ends, and the table; the files."""
    import numpy as np
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    style["UniformPairs"] = style["UniformPairs"] | {"color": "#777777"}
    times = [int(t) for t in sorted(frame["t"].unique()) if t >= 100]
    figure = Figure(figsize=(8.6, 4.4), layout="constrained")
    rows = ["| arms | learner | average regret | weak regret | weak / average |", "|---|---|---:|---:|---:|"]
    both = {m: {t: _contextual.finals(frame, m, t) for t in times} for m in ("average", "weak")}
    for ax, place in zip(figure.subplots(1, 2), SWEEP.environments):
        for name in names:
            x, y = (np.array([both[m][t][name, place].mean() for t in times]) for m in ("average", "weak"))
            look = style[name] | {"marker": None}
            ax.plot(x, y, linewidth=1.0, alpha=0.8, **look)
            a, w = both["average"][times[-1]][name, place], both["weak"][times[-1]][name, place]
            shown = w > 0
            ax.plot(a[shown], w[shown], ".", markersize=2.5, alpha=0.5, color=style[name]["color"])
            ax.plot([a.mean()], [w.mean()], markersize=7, label=name, markeredgecolor="white", **style[name])
            rows.append(
                f"| {place} | {name} | {a.mean():.1f} ± {_contextual.half_width(a):.1f} | {w.mean():.1f} ± "
                f"{_contextual.half_width(w):.1f} | {w.mean() / a.mean():.2f} |"
            )
        ax.set_xscale("log")
        ax.set_yscale("log")
        ends = np.array([0.5 * max(1e-9, ax.get_xlim()[0]), 2 * ax.get_xlim()[1]])
        limits = ax.get_xlim(), ax.get_ylim()
        for share in (1.0, 0.1):
            ax.plot(ends, share * ends, ":", color="#999999", linewidth=1.0, zorder=0)
        ax.set(xlim=limits[0], ylim=limits[1], xlabel="cumulative average regret (utility)")
        ax.set_title(TITLES[place], fontsize=9, loc="left", fontweight="bold")
        ax.grid(True, color="#DDDDDD", linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("cumulative weak regret (utility)")
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8, frameon=False
    )
    plotting.footnote(
        figure,
        f"Lines: mean over n = {frame['run'].nunique()} runs from t = {times[0]:,} to the mark at {times[-1]:,}; dots: "
        "single runs there (those without weak regret left out). Dotted: weak regret equal to, and a tenth of, average "
        "regret.",
    )
    file = Path(out) / "weak_vs_average.md"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "weak_vs_average"), file]
