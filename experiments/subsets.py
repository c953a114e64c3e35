"""How often is the generalised Condorcet winner found within a budget of queries, and what do larger subsets buy?

CSWS, CSR and CSH [brandt2022finding] on 12 arms: subsets whose winners follow no common worth, and a Plackett-Luce
ladder of worths, for subsets of 2, 3 and 5 arms. For pairs the three are one. Dotted lines without markers are what is
guaranteed (Hoeffding and Markov): nothing yet on the ladder, whose margins are small.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from algorithms.subsets import CSH, CSR, CSWS, csh, csr, csws
from duel.sweep import Sweep, grid
from envs.subsets import CondorcetSubsets, PlackettLuceSubsets
from experiments import _identification

if TYPE_CHECKING:
    import pandas as pd

BUDGETS = [60, 120, 240, 480, 960, 1_920, 3_840]
SIZES = (2, 3, 5)
WORTHS = tuple(0.85**i for i in range(12))

SWEEP = Sweep(
    name="subsets",
    algorithms=[*grid(CSWS, budget=BUDGETS), *grid(CSR, budget=BUDGETS), *grid(CSH, budget=BUDGETS)],
    environments={f"own laws, k = {k}": CondorcetSubsets(12, k, 0.2) for k in SIZES}
    | {f"Plackett-Luce, k = {k}": PlackettLuceSubsets(WORTHS, k) for k in SIZES},
    horizon=4_000,
    runs=400,
    checkpoints=[4_000],
    block=400,
)

MODULES = {"CSWS": csws, "CSR": csr, "CSH": csh}


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Right answers against queries, a panel for every environment, and the table; returns the files."""
    from matplotlib.figure import Figure

    from duel import bandits, plotting

    table = _identification.summary(frame)
    groups = {name: [a for a in SWEEP.algorithms if a.startswith(f"{name}(")] for name in MODULES}
    style = plotting.styles(list(groups))
    figure = Figure(figsize=(9.4, 5.2), layout="constrained")
    for ax, (environment, instance) in zip(figure.subplots(2, len(SIZES)).flat, SWEEP.environments.items()):
        part: Any = table[table["environment"] == environment]
        _identification.cost_panel(ax, part, groups, style, title=environment)
        ax.set_xlabel("queries", fontsize=8)
        worlds = [bandits.world(instance, 0, run) for run in range(16)]
        budgets = np.geomspace(60, 4_000, 120)
        for name, module in MODULES.items():
            promised = np.array([1 - np.mean([module.bound(T, w) for w in worlds]) for T in budgets])
            said = promised > 0.01
            ax.plot(budgets[said], promised[said], linestyle=(0, (1, 3)), linewidth=1.4, color=style[name]["color"])
        ax.set_xlim(45, 5_000)
    figure.axes[0].legend(fontsize=7, frameon=False, loc="lower right")
    plotting.footnote(
        figure,
        f"n = {frame['run'].nunique()} runs; bars: 95 % Clopper-Pearson interval of the share. Points without markers: "
        "what is guaranteed, where that is more than 0.",
    )
    file = Path(out) / "subsets.md"
    file.write_text(_identification.markdown(table), encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "subsets"), file]
