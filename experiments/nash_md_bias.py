"""Nash-MD with a constant step stops beside the equilibrium, at a distance of order eta^2; its schedule does not.

KL(equilibrium || policy) on 16 random games of ten actions at beta = 0.1, with the theorem's bound 8 / (beta^2 (T +
1)) and mirror descent, which has no bias, for comparison [munos2023nash]. The limit is known exactly: the regularised
best response to the equilibrium at weight beta / (1 - eta beta).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from algorithms.games import NashMD, RegularizedOMD
from algorithms.games.nash_md import limit
from duel import equilibrium
from duel.games import world
from duel.sweep import Sweep
from envs.games import RandomPreferences
from experiments import _games

if TYPE_CHECKING:
    import pandas as pd

BETA = 0.1
STEPS = (0.9, 0.3, 0.1, 0.03)

SWEEP = Sweep(
    name="nash_md_bias",
    algorithms={
        **{f"Nash-MD, eta {eta}": NashMD(eta) for eta in STEPS},
        "Nash-MD, theorem's schedule": NashMD(),
        "mirror descent, eta 0.3": RegularizedOMD(0.3),
        "mirror descent, same schedule": RegularizedOMD(schedule="decreasing"),
    },
    environments={"random": RandomPreferences(actions=10, kl_weight=BETA, reference_scale=1.0)},
    horizon=10_000,
    runs=16,
)


def floors(frame: "pd.DataFrame") -> dict[float, float]:
    """Median final KL by constant step size."""
    rows: Any = frame[(frame["metric"] == "kl") & (frame["t"] == frame["t"].max())]
    return {eta: float(rows[rows["algorithm"] == f"Nash-MD, eta {eta}"]["value"].median()) for eta in STEPS}


def _worlds() -> list[Any]:
    return [world(SWEEP.environments["random"], SWEEP.seed, run) for run in range(SWEEP.runs)]


def _exact(step_size: float, game: Any) -> float:
    """``KL(equilibrium || limit)`` of the constant step."""
    reached = jax.nn.log_softmax(limit(game, step_size * BETA))
    return float(game.kl(equilibrium.regularized_log_policy(game), reached))


def plot(frame: "pd.DataFrame", out: str | Path) -> list[Path]:
    """KL against iterations with the bound; and the floor against the step size, with what it is in theory."""
    from duel import plotting

    names = list(SWEEP.algorithms)
    figure, (curves, bias) = _games.figure_of(2, columns=2, height=3.2)
    _games.median_panel(curves, frame, names, plotting.styles(names), metric="kl", floor=1e-16)
    t = np.geomspace(1, frame["t"].max(), 50)
    curves.plot(t, 8 / (BETA**2 * (t + 1)), color="black", linewidth=0.8, linestyle=":", label="bound of the theorem")
    curves.set_title("last iterate", fontsize=9, loc="left", fontweight="bold")
    found = floors(frame)
    eta = np.array(list(found))
    bias.loglog(eta, list(found.values()), "o", color=plotting.COLORS[0], label="measured floor")
    steps = np.geomspace(eta.min(), eta.max(), 8)
    exact = [np.median([_exact(step, world) for world in _worlds()]) for step in steps]
    bias.loglog(steps, exact, color="black", linewidth=0.8, label="exact, from an equilibrium")
    bias.set(xlabel="constant step eta", ylabel="KL(equilibrium || policy)")
    bias.grid(True, color="#DDDDDD", linewidth=0.5)
    bias.spines[["top", "right"]].set_visible(False)
    _games.small_print(bias)
    bias.set_title("bias of order eta squared", fontsize=9, loc="left", fontweight="bold")
    _games.legend(figure, [curves, bias], columns=3)
    runs = frame["run"].nunique()
    plotting.footnote(figure, f"Median over n = {runs} games; bands: quartiles. Values below 1e-16 are drawn there.")
    return plotting.save(figure, Path(out) / "nash_md_bias")
