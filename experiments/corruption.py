"""What do C false outcomes cost a contextual learner, and what does robustness cost where there are none?

Fresh arms on the sphere, d = 5, K = 10, T = 5000, 32 runs; an adversary turns around the first C outcomes that favour
the better arm [di2025rcdb]. "Told" learners know C and weigh duels of high leverage down; "RCDB, C = 100" guesses; the
rest trust every outcome, "RCDB, C = 0" among them: the same rule with full weights, so it shows what the weights do.

Answer: regret of RCDB told C grows by 3 to 6 C, in proportion, as its theorem has it. Those that trust stand C = 10 to
30 and are lost at 100: a reversed theta makes them duel the worst arms, where nothing corrects it (6600; random play
has half of that). A guess of 100 costs 226 [209, 242] where there are no false outcomes. CoLSTIM has least up to 10.
RCDP-UCB told C does as well as RCDB up to 30 and worse beyond, by 353 [262, 444] at 100 and 1687 [1537, 1837] at 300.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from algorithms.contextual import RCDB, RCDPUCB, VACDB, CoLSTIM, MaxInP
from duel.sweep import Sweep
from envs.contextual import CorruptedContexts
from experiments import _contextual

if TYPE_CHECKING:
    import pandas as pd

BUDGETS = (0, 10, 30, 100, 300, 1_000)
GUESS = 100

SWEEP = Sweep(
    name="corruption",
    algorithms={f"RCDB told {C}": RCDB(corruption=C) for C in BUDGETS if C not in (0, GUESS)}
    | {f"RCDP-UCB told {C}": RCDPUCB(corruption=C, delay=0.0) for C in BUDGETS}
    | {
        f"RCDB, C = {GUESS}": RCDB(corruption=GUESS),
        "RCDB, C = 0": RCDB(corruption=0),
        "CoLSTIM": CoLSTIM(),
        "MaxInP": MaxInP(),
        "VACDB": VACDB(),
    },
    environments={f"C = {C}": CorruptedContexts(dimension=5, arms=10, budget=C) for C in BUDGETS},
    horizon=5_000,
    runs=32,
    checkpoints=[5_000],
    only={f"RCDB told {C}": [f"C = {C}"] for C in BUDGETS if C not in (0, GUESS)}
    | {f"RCDP-UCB told {C}": [f"C = {C}"] for C in BUDGETS},
)

ORDER = ("RCDB told", "RCDP-UCB told", f"RCDB, C = {GUESS}", "RCDB, C = 0", "CoLSTIM", "MaxInP", "VACDB")


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """Regret against C, what C adds to it, and the paired differences from RCDB told C; returns the files."""
    import pandas as pd
    from matplotlib.figure import Figure

    from duel import compare, plotting

    told = [frame[(frame["algorithm"] == f"RCDB, C = {C}") & (frame["environment"] == f"C = {C}")] for C in (0, GUESS)]
    ours = pd.concat(
        [_contextual.merged(frame), *(part.assign(algorithm="RCDB told") for part in told)],
        ignore_index=True,
    )
    places = [f"C = {C}" for C in BUDGETS]
    ours = ours.sort_values("environment", key=lambda column: column.astype(str).map(places.index), kind="stable")
    ends = _contextual.finals(ours, "average")
    style = plotting.styles(ORDER)
    figure = Figure(figsize=(8.6, 3.9), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in ORDER:
        values = [ends[name, f"C = {C}"] for C in BUDGETS]
        look = {"markersize": 4, "linewidth": 1.2, "elinewidth": 0.8} | style[name]
        left.errorbar(
            BUDGETS, [v.mean() for v in values], [_contextual.half_width(v) for v in values], label=name, **look
        )
        added = [v - values[0] for v in values[1:]]
        right.errorbar(BUDGETS[1:], [v.mean() for v in added], [_contextual.half_width(v) for v in added], **look)
    left.set_xscale("symlog", linthresh=10)
    left.set_yscale("log")
    left.set_xlim(0, None)
    left.set_yticks([300, 1_000, 3_000], ["300", "1,000", "3,000"])
    left.set_ylabel(f"cumulative average regret after T = {frame['t'].max():,} (utility)", fontsize=8)
    right.set_xscale("log")
    right.set_yscale("symlog", linthresh=10)
    right.axhline(0.0, color="#555555", linewidth=0.8)
    right.plot(BUDGETS[1:], BUDGETS[1:], ":", color="#555555", linewidth=1.0)
    right.annotate("C", (BUDGETS[-1], BUDGETS[-1]), fontsize=8, color="#555555", ha="left")
    left.set_title("regret", fontsize=9, loc="left", fontweight="bold")
    right.set_title("regret less that without false outcomes, run by run", fontsize=9, loc="left", fontweight="bold")
    for ax, ticks in ((left, BUDGETS), (right, BUDGETS[1:])):
        ax.set_xticks(ticks, [f"{C:,}" for C in ticks])
        ax.minorticks_off()
        ax.set_xlabel("outcomes turned around, C", fontsize=8)
        ax.grid(True, color="#DDDDDD", linewidth=0.5)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=7)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    plotting.footnote(
        figure,
        f"Mean over n = {frame['run'].nunique()} runs; bars: 95 % interval of the mean (Student). Dotted: one unit of "
        "utility for every outcome turned around.",
    )
    file = Path(out) / "corruption.md"
    table = compare.paired(ours, "average", baseline="RCDB told")
    file.write_text(_contextual.markdown(table, "RCDB told"), encoding="utf-8")
    return [*plotting.save(figure, Path(out) / "corruption"), file]
