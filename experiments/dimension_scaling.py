"""How does contextual regret grow with the dimension d and the horizon T, beside what the papers claim?

Ten fresh arms on the sphere of R^d, d = 2, 4, 8, 16, logistic link, T = 16 000, 16 runs. theta has length sqrt(d), so
that utilities spread alike in every dimension: what changes is how much there is to learn. One run is read on its way,
from T / 16 on; its learner has the constants of T throughout. Claims are the bounds of the cards on the same grid.

Answer: in T, exponents are at or below the claimed 1/2 for CoLSTIM (0.31 at d = 2 to 0.49 at d = 16) and, up to d = 8,
for MaxInP and VACDB; MaxPairUCB (0.59, 0.73) is above it from d = 8 on, where it still explores. Sta'D, of the same
claim, has hardly begun to learn at d = 8 (0.97). In d, VACDB (1.01) and MaxPairUCB (1.12) are near the claimed 1,
MaxInP (1.46) and CoLSTIM (1.20, claimed 1/2) above. An upper bound leaves room for that, its constant unknown: regret
in low dimension is small because these instances have gaps. But no sqrt(d) is seen at T = 16 000.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from algorithms.contextual import VACDB, CoLSTIM, MaxInP, MaxPairUCB, StaD
from duel.sweep import Sweep
from envs.contextual import SphereContexts
from experiments import _contextual

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS = (2, 4, 8, 16)
SHOWN = 8  # the dimension whose curves are drawn

SWEEP = Sweep(
    name="dimension_scaling",
    algorithms={
        "CoLSTIM": CoLSTIM(),
        "MaxInP": MaxInP(),
        "Sta'D": StaD(),
        "MaxPairUCB": MaxPairUCB(),
        "VACDB": VACDB(),
    },
    environments={f"d = {d}": SphereContexts(dimension=d, arms=10, norm=d**0.5) for d in DIMENSIONS},
    horizon=16_000,
    runs=16,
    checkpoints=[250, 500, 1_000, 2_000, 4_000, 8_000, 16_000],
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regret against T and against d, the fitted exponents beside the claims, and their table; returns the files."""
    import numpy as np
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    times = [int(t) for t in sorted(frame["t"].unique())]
    at = {t: _contextual.finals(frame, "average", t) for t in times}
    style = plotting.styles(names)
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    over_time, over_dimension, forest = figure.subplots(1, 3)
    for name in names:
        for ax, x, values in (
            (over_time, times, [at[t][name, f"d = {SHOWN}"] for t in times]),
            (over_dimension, DIMENSIONS, [at[times[-1]][name, f"d = {d}"] for d in DIMENSIONS]),
        ):
            means, bars = [v.mean() for v in values], [_contextual.half_width(v) for v in values]
            ax.errorbar(x, means, bars, label=name, markersize=4, linewidth=1.2, elinewidth=0.8, **style[name])
    guide(over_time, (0.5, 1.0))
    guide(over_dimension, (0.5, 1.0))
    over_dimension.set_xticks(DIMENSIONS, [str(d) for d in DIMENSIONS])
    over_time.set_xticks(times[::2], [f"{t:,}" for t in times[::2]], fontsize=7)
    for ax in (over_time, over_dimension):
        ax.minorticks_off()
        ax.grid(True, color="#DDDDDD", linewidth=0.5)
    over_time.set(xlabel="round T (duels)", ylabel="cumulative average regret (utility)")
    over_dimension.set(xlabel="dimension d")
    over_time.set_title(f"d = {SHOWN}", fontsize=9, loc="left", fontweight="bold")
    over_dimension.set_title(f"T = {times[-1]:,}", fontsize=9, loc="left", fontweight="bold")

    rows = exponents(frame)
    marks = {f"in T, d = {DIMENSIONS[0]}": "^", f"in T, d = {DIMENSIONS[-1]}": "o", f"in d, T = {times[-1]:,}": "s"}
    for k, name in enumerate(names):
        for m, (kind, marker) in enumerate(marks.items()):
            claimed, fitted = rows[name, kind]
            y = k + 0.25 * (m - 1)
            forest.plot([claimed, claimed], [y - 0.11, y + 0.11], color="#000000", linewidth=1.6)
            spread = np.array([[fitted.value - fitted.low], [fitted.high - fitted.value]])
            face = style[name]["color"] if m else "white"
            forest.errorbar(
                [fitted.value], [y], xerr=spread, fmt=marker, color=style[name]["color"], markerfacecolor=face,
                markersize=4.5,
            )  # fmt: skip
    for kind, marker in marks.items():
        face = "white" if marker == "^" else "#555555"
        forest.plot([], [], marker, color="#555555", markerfacecolor=face, markersize=4.5, label=kind)
    forest.plot([], [], "|", color="#000000", markersize=7, markeredgewidth=1.6, label="claimed")
    forest.set_yticks(range(len(names)), names, fontsize=8)
    forest.invert_yaxis()
    forest.grid(True, axis="x", color="#DDDDDD", linewidth=0.5)
    forest.set_xlabel("exponent")
    forest.set_title("fitted exponents", fontsize=9, loc="left", fontweight="bold")
    for ax in (over_time, over_dimension, forest):
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    handles, labels = over_time.get_legend_handles_labels()
    more, kinds = forest.get_legend_handles_labels()
    figure.legend([*handles, *more], [*labels, *kinds], loc="outside upper center", ncols=5, fontsize=7, frameon=False)
    plotting.footnote(
        figure,
        f"Mean over n = {frame['run'].nunique()} runs; bars: 95 % intervals of means and exponents, often within the "
        "marker. Dotted: slopes 1/2 and 1. Claimed: slope of the card's bound on the same grid.",
    )
    lines = ["| learner | exponent | claimed | fitted [95 % interval] |", "|---|---|---:|---:|"]
    lines += [f"| {n} | {kind} | {claimed:.2f} | {fitted} |" for (n, kind), (claimed, fitted) in rows.items()]
    file = Path(out) / "dimension_scaling.md"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "dimension_scaling"), file]


def guide(ax: Any, slopes: tuple[float, ...]) -> None:
    """Dotted lines of the given slopes through the lower left of logarithmic axes."""
    ax.set_xscale("log")
    ax.set_yscale("log")
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for slope in slopes:
        height = bottom * 1.1 * (right / left) ** slope
        ax.plot([left, right], [bottom * 1.1, height], ":", color="#999999", linewidth=1.0, zorder=0)
        ax.annotate(f"{slope:g}", (right, min(height, top)), fontsize=7, color="#777777", ha="left", va="center")
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)


def exponents(frame: "pd.DataFrame") -> "dict[tuple[str, str], tuple[float, Any]]":
    """(learner, what is varied) -> the slope of its card's bound on the same grid, and the fitted `rates.Exponent`."""
    import numpy as np

    from duel import bandits, catalog
    from duel.rates import fit_exponent

    known: Any = frame["t"]
    horizon = int(known.max())
    times = [int(t) for t in sorted(known.unique()) if 16 * t >= horizon]
    at = {t: _contextual.finals(frame, "average", t) for t in times}
    worlds = {d: bandits.world(SWEEP.environments[f"d = {d}"], SWEEP.seed, 0) for d in DIMENSIONS}
    rows = {}
    for name, learner in SWEEP.algorithms.items():
        card = catalog.cards()[type(learner).__name__][0]
        bound = next(theorem.bound for theorem in card.theorems if theorem.metric == "average")
        for d in DIMENSIONS:
            values = np.stack([at[t][name, f"d = {d}"] for t in times], axis=1)
            claimed = slope(times, [bound(t, worlds[d]) for t in times])
            rows[name, f"in T, d = {d}"] = claimed, fit_exponent(times, values)
        values = np.stack([at[horizon][name, f"d = {d}"] for d in DIMENSIONS], axis=1)
        claimed = slope(DIMENSIONS, [bound(horizon, worlds[d]) for d in DIMENSIONS])
        rows[name, f"in d, T = {horizon:,}"] = claimed, fit_exponent(DIMENSIONS, values)
    return rows


def slope(x: Any, y: Any) -> float:
    """Least-squares slope of ln y against ln x."""
    import numpy as np

    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
