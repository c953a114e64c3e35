"""PR-LSVI on random linear MDPs: how regret grows with the dimension, the horizon of an episode and the rounds.

Instances are simplex linear MDPs with concentrated features, one draw a run, so that means are Bayesian regrets. The
theorem's bound grows as d^3 H^(5/2) sqrt(T) (remembered); random instances are easier than the worst. Measured with 48
runs: T^0.63 [0.58, 0.69] from 200 to 3,200 rounds, H^0.65 [0.55, 0.75], and no growth with d from 2 to 16 (what
there is to lose differs too); LSVI-UCB, which sees rewards, grows as d^1.1.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from algorithms.mdps import LSVIUCB, PRLSVI
from duel.rates import fit_exponent
from duel.sweep import Sweep
from envs.mdps import SimplexMDP
from experiments import _mdps

if TYPE_CHECKING:
    import pandas as pd

DIMENSIONS, STAGES = (2, 4, 8, 16), (2, 4, 8, 16)
BASE = {"states": 10, "actions": 4, "concentration": 0.2, "instance": None}

SWEEP = Sweep(
    name="linear_mdp_scaling",
    algorithms={"PR-LSVI": PRLSVI(), "LSVI-UCB, sees rewards": LSVIUCB()},
    environments={
        **{f"d = {d}, H = 4": SimplexMDP(dimension=d, horizon=4, **BASE) for d in DIMENSIONS},
        **{f"d = 4, H = {H}": SimplexMDP(dimension=4, horizon=H, **BASE) for H in STAGES if H != 4},
    },
    horizon=3_200,
    runs=48,
    checkpoints=[25, 50, 100, 200, 400, 800, 1600, 3200],
)


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regret against d, H and T; exponents with intervals in a table."""
    from matplotlib.figure import Figure

    from duel import plotting

    names = list(SWEEP.algorithms)
    style = plotting.styles(names)
    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    axes = list(figure.subplots(1, 3))
    places = {
        "dimension d": ([f"d = {d}, H = 4" for d in DIMENSIONS], DIMENSIONS),
        "stages H": ([f"d = 4, H = {H}" for H in STAGES], STAGES),
    }
    lines = ["| learner | exponent of | measured | 95 % interval |", "|---|---|---|---|"]
    for name in names:
        look = {k: v for k, v in style[name].items() if k != "marker"}
        for ax, (what, (cells, sizes)) in zip(axes, places.items()):
            values = [_mdps.table(frame, name, cell, "pair_regret_sum")[1][:, -1] for cell in cells]
            runs = min(len(v) for v in values)
            stacked = np.stack([v[:runs] for v in values], axis=1)
            _mdps.curve(ax, np.array(sizes, dtype=float), stacked, look, name)
            lines.append(_row(name, what, sizes, stacked))
        t, values = _mdps.table(frame, name, "d = 4, H = 4", "pair_regret_sum")
        _mdps.curve(axes[2], t, values, look, name)
        late = t >= t[-1] / 16
        lines.append(_row(name, f"rounds T (from {t[late][0]:g})", t[late], values[:, late]))
    for ax, what in zip(axes, ("dimension d (H = 4)", "stages H (d = 4)", "rounds T (d = 4, H = 4)")):
        ax.set(xscale="log", yscale="log")
        title = "" if ax is axes[2] else f"after {frame['t'].max():,} rounds"
        _mdps.tidy(ax, title, what, _mdps.NAMES["pair_regret_sum"] if ax is axes[0] else "")
    for ax, (_, sizes) in zip(axes, places.values()):
        ax.minorticks_off()
        ax.set_xticks(sizes, [str(x) for x in sizes])
    _mdps.legend(figure, axes)
    _mdps.say_runs(figure, frame)
    file = Path(out) / "linear_mdp_scaling.md"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "linear_mdp_scaling"), file]


def _row(name: str, what: str, sizes: "np.ndarray | tuple[int, ...]", values: np.ndarray) -> str:
    if len(sizes) < 2 or (values.mean(axis=0) <= 0).any():
        return f"| {name} | {what} | | |"
    found = fit_exponent(np.array(sizes, dtype=float), values)
    return f"| {name} | {what} | {found.value:.2f} | [{found.low:.2f}, {found.high:.2f}] |"
