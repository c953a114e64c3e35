"""The tabular simulation of EGPO, at the paper's settings and with its baselines mended [zhou2025egpo].

Ten games of ten actions, P uniform, reference logits normal, play from the reference. The paper gives one learning
rate lr per beta to all methods, eta = 4 lr / (beta n): 0.08, 0.8, 0.4 for beta = 0.001, 0.01, 0.1 (100,000, 5,000,
1,000 iterations) and 0.008 for beta = 0.01 with 100 sampled comparisons a step (100,000 iterations). Beside each
baseline as published stands a mended one:

* Nash-MD mixes in half of the reference it should (share = 1/2); mended, share = 1, its constant-step bias is larger.
* Nash-MD-PG descends at the same lr as Online IPO 2 although its gradient is beta / 4 times as long; mended, s = 4 lr
  / beta.
* The published sampled Nash-MD normalises over runs instead of actions; here it never does.

With sampled comparisons EGPO's published lead over Online IPO 1 (0.013 against 0.019 after 20,000 steps) is luck of ten
games. To second order the noise floors are as 2 beta - eta omega^2 to 2 beta + eta omega^2, 3 to 10 per cent apart at
these steps, exact play differs by as little, and the noise forgets in 1 / (eta beta) = 12,500 steps, so that one final
gap is one draw. Over 48 games, EGPO to Online IPO 1, mean ln ratio: 0.11 +- 0.16 at 20,000 steps, 0.19 +- 0.20 at
100,000, -0.03 +- 0.09 for the mean gap of the last half; four tens of these games had medians (EGPO / Online IPO 1) of
.009/.003, .007/.007, .009/.012, .004/.009 at the end. And an EGPO step costs two calls.

Two rows show what a fair step size does: mirror descent at its own stable step, and regularised OMWU at its theorem's.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.games import EGPO, NashMD, PolicyGradient, RegularizedOMD, RegularizedOMWU
from duel.sweep import Sweep
from envs.games import RandomPreferences, SampledComparisons
from experiments import _games

if TYPE_CHECKING:
    import pandas as pd

ACTIONS = 10
SETTINGS = {  # environment -> beta, eta, iterations in the paper
    "exact, beta 0.001": (0.001, 0.08, 100_000),
    "exact, beta 0.01": (0.01, 0.8, 5_000),
    "exact, beta 0.1": (0.1, 0.4, 1_000),
    "sampled, beta 0.01": (0.01, 0.008, 100_000),
}
SHARED = {"mirror descent, own step": RegularizedOMD(), "regularised OMWU": RegularizedOMWU()}
METHODS = (
    "Online IPO 1",
    "Online IPO 2",
    "Nash-MD, published",
    "Nash-MD, mended",
    "Nash-MD-PG, published",
    "Nash-MD-PG, mended",
    "EGPO",
    *SHARED,
)


def _methods(beta: float, eta: float) -> dict[str, Any]:
    """Method -> algorithm at the setting's learning rate."""
    lr = eta * beta * ACTIONS / 4
    return {
        "Online IPO 1": RegularizedOMD(eta),
        "Online IPO 2": PolicyGradient(4 * lr / beta),
        "Nash-MD, published": NashMD(eta, share=0.5),
        "Nash-MD, mended": NashMD(eta),
        "Nash-MD-PG, published": PolicyGradient(lr, mixture=eta * beta / 2),
        "Nash-MD-PG, mended": PolicyGradient(4 * lr / beta, mixture=eta * beta),
        "EGPO": EGPO(eta),
        **SHARED,
    }


def _label(method: str, beta: float, eta: float) -> str:
    """Name of a method's algorithm in the sweep: settings in which it is the same algorithm share it."""
    if method in SHARED:
        return method
    if method == "Nash-MD-PG, published":
        return f"{method} | lr {eta * beta * ACTIONS / 4:g}"
    return f"{method} | eta {eta:g}"


def _environment(name: str) -> Any:
    game = RandomPreferences(actions=ACTIONS, kl_weight=SETTINGS[name][0], reference_scale=1.0)
    return SampledComparisons(game, comparisons=100) if name.startswith("sampled") else game


SWEEP = Sweep(
    name="egpo_tabular",
    algorithms={
        _label(method, beta, eta): algorithm
        for beta, eta, _ in SETTINGS.values()
        for method, algorithm in _methods(beta, eta).items()
    },
    environments={name: _environment(name) for name in SETTINGS},
    horizon=100_000,
    runs=10,
    only={
        label: [name for name, (beta, eta, _) in SETTINGS.items() if _label(method, beta, eta) == label]
        for method in METHODS
        for label in [_label(method, beta, eta) for beta, eta, _ in SETTINGS.values()]
        if method not in SHARED
    },
)
LOOKS = {  # a colour a family, dashed where the baseline is mended; later ones lie on top
    "mirror descent, own step": {"color": "#0072B2", "linestyle": ":"},
    "Online IPO 2": {"color": "#D55E00", "linestyle": "-"},
    "Nash-MD, published": {"color": "#009E73", "linestyle": "-"},
    "Nash-MD, mended": {"color": "#009E73", "linestyle": "--"},
    "Nash-MD-PG, published": {"color": "#CC79A7", "linestyle": "-"},
    "Nash-MD-PG, mended": {"color": "#CC79A7", "linestyle": "--"},
    "regularised OMWU": {"color": "#E69F00", "linestyle": "-"},
    "Online IPO 1": {"color": "#0072B2", "linestyle": "-", "linewidth": 1.8},
    "EGPO": {"color": "#000000", "linestyle": "-", "linewidth": 1.8},
}


def matched(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The rows in which a method runs at the setting's own step size and within its iterations, by method."""
    import pandas as pd

    parts = []
    for name, (beta, eta, iterations) in SETTINGS.items():
        labels = {_label(m, beta, eta): m for m in METHODS}
        rows: Any = frame[
            (frame["environment"] == name) & frame["algorithm"].isin(list(labels)) & (frame["t"] <= iterations)
        ]
        parts.append(rows.assign(algorithm=rows["algorithm"].map(labels)))
    return pd.concat(parts)


def ranking(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Final gap by setting and method: median, least, largest over the games."""
    rows: Any = matched(frame)
    rows = rows[rows["metric"] == "gap"]
    last: Any = rows[rows["t"] == rows.groupby("environment")["t"].transform("max")]
    table = last.groupby(["environment", "algorithm"])["value"].agg(["median", "min", "max"])
    order = table.index.get_level_values("environment").map(list(SETTINGS).index)
    return table.assign(order=order).sort_values(["order", "median"]).drop(columns="order")


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """One panel a setting, gap against iterations, bands for EGPO and Online IPO 1; and the ranking as a table."""
    from duel import plotting

    rows: Any = matched(frame)
    figure, axes = _games.figure_of(len(SETTINGS), columns=2)
    for ax, name in zip(axes, SETTINGS, strict=True):
        _games.median_panel(
            ax, rows[rows["environment"] == name], tuple(LOOKS), LOOKS, floor=1e-16, bands=("EGPO", "Online IPO 1")
        )
        ax.set_title(name, fontsize=9, loc="left", fontweight="bold")
    _games.legend(figure, axes, columns=3)
    plotting.footnote(
        figure,
        f"Median over n = {frame['run'].nunique()} games; bands, of EGPO and Online IPO 1 alone: quartiles. Gaps below "
        "1e-16 are drawn there.",
    )
    path = Path(out) / "egpo_tabular"
    files = plotting.save(figure, path)
    table = path.with_suffix(".md")
    table.write_text(_markdown(ranking(frame)), encoding="utf-8")
    return [*files, table]


def _markdown(table: "pd.DataFrame") -> str:
    lines = ["| setting | method | median final gap | least | largest |", "|---|---|---|---|---|"]
    for row in table.reset_index().itertuples(index=False):
        lines.append(f"| {row[0]} | {row[1]} | {row[2]:.1e} | {row[3]:.1e} | {row[4]:.1e} |")
    return "\n".join(lines) + "\n"


def spread_of_final_gap(frame: "pd.DataFrame", method: str, setting: str) -> np.ndarray:
    """Final gaps of one method in one setting, sorted: [runs]."""
    rows: Any = matched(frame)
    rows = rows[(rows["algorithm"] == method) & (rows["environment"] == setting) & (rows["metric"] == "gap")]
    return np.sort(rows[rows["t"] == rows["t"].max()]["value"].to_numpy())
