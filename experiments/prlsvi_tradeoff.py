"""PR-LSVI on a small RiverSwim: regret against queries over the noise scale and the query threshold.

The paper has no experiment. Greedy play and small noise leave runs stuck with their first policies: all of them, nearly
all with noise 0.1, a third with 0.5; noise 1 frees all, more noise only costs. Thresholds up to 0.2 save nine queries
in ten for nothing, larger ones are paid for in regret. Errors of
the table are standard errors.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from algorithms.mdps import PRLSVI, UCBVI, GreedyPreferences, PbTS
from duel.sweep import Sweep
from envs.mdps import RiverSwim
from experiments import _mdps

if TYPE_CHECKING:
    import pandas as pd

NOISES = (0.1, 0.25, 0.5, 1.0, 2.0)
THRESHOLDS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
PLACE = "RiverSwim, 4 states, H = 8"

SWEEP = Sweep(
    name="prlsvi_tradeoff",
    algorithms={
        "greedy": GreedyPreferences(),
        **{f"PR-LSVI, noise {s:g}": PRLSVI(s, s) for s in NOISES},
        **{f"PR-LSVI, threshold {e:g}": PRLSVI(threshold=e) for e in THRESHOLDS[1:]},
        **{f"PbTS, threshold {e:g}": PbTS(threshold=e) for e in THRESHOLDS},
        "UCBVI, sees rewards": UCBVI(),
    },
    environments={PLACE: RiverSwim(4, 8, "state_action", 2.0)},
    horizon=3_200,
    runs=48,
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regret over rounds by noise and by threshold, and the frontier of regret and queries; a table."""
    from matplotlib.figure import Figure

    from duel import plotting

    figure = Figure(figsize=(10.2, 3.6), layout="constrained")
    axes = list(figure.subplots(1, 3))
    names = list(SWEEP.algorithms)
    noises = [n for n in names if "noise" in n or "greedy" in n or "UCBVI" in n]
    frontier = {
        "PR-LSVI": ["PR-LSVI, noise 1", *(n for n in names if n.startswith("PR-LSVI, threshold"))],
        "PbTS": [n for n in names if n.startswith("PbTS")],
    }
    drawn = ["PR-LSVI, noise 1", *(f"PR-LSVI, threshold {e:g}" for e in (0.1, 0.2, 0.5)), "PbTS, threshold 0"]
    for ax, shown in zip(axes, (noises, [*drawn, "PbTS, threshold 0.5"])):  # below 0.1 they coincide with 0
        style = plotting.styles(shown)
        for name in shown:
            t, values = _mdps.table(frame, name, PLACE, "pair_regret_sum")
            label = "PR-LSVI, threshold 0" if name == "PR-LSVI, noise 1" and shown is not noises else name
            _mdps.curve(ax, t, values, style[name], label.replace("PR-LSVI, ", ""))
        ax.set(xscale="log", yscale="log")
        ax.legend(fontsize=6, frameon=False)
    _mdps.tidy(axes[0], "noise scale, threshold 0", "rounds", _mdps.NAMES["pair_regret_sum"])
    _mdps.tidy(axes[1], "query threshold, noise 1", "rounds", _mdps.NAMES["pair_regret_sum"])
    style = plotting.styles(list(frontier))
    lines = ["| learner | pair regret (sum) | queries | suboptimality at the end |", "|---|---|---|---|"]
    for kind, members in frontier.items():
        regret = [_mdps.table(frame, n, PLACE, "pair_regret_sum")[1][:, -1] for n in members]
        queries = [_mdps.table(frame, n, PLACE, "queries")[1][:, -1] for n in members]
        look = {"color": style[kind]["color"], "marker": "o", "markersize": 4, "linewidth": 1.2}
        error = [1.96 * r.std() / np.sqrt(max(len(r) - 1, 1)) for r in regret]
        axes[2].errorbar([q.mean() for q in queries], [r.mean() for r in regret], error, label=kind, **look)
        for e, q, r in zip(THRESHOLDS, queries, regret):
            if e >= 0.1:  # smaller ones crowd together with threshold 0
                place = {"xytext": (4, 6 if kind == "PR-LSVI" else -11), "textcoords": "offset points"}
                axes[2].annotate(f"{e:g}", (q.mean(), r.mean()), fontsize=7, color=look["color"], **place)
    axes[2].set(xscale="log")
    axes[2].set_ylim(bottom=0)
    axes[2].legend(fontsize=6, frameon=False)
    axes[2].margins(x=0.12)
    _mdps.tidy(axes[2], "frontier, by threshold", "queries", _mdps.NAMES["pair_regret_sum"])
    _mdps.say_runs(figure, frame)
    for name in names:
        cells = [
            _mdps.mean_and_error(_mdps.table(frame, name, PLACE, metric)[1][:, -1])
            for metric in ("pair_regret_sum", "queries", "suboptimality")
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    file = Path(out) / "prlsvi_tradeoff.md"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "prlsvi_tradeoff"), file]
