"""The text of ``duel fit comparisons.csv``: which model was fitted to a user's table, and how sure one may be."""

import math
import os
from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput, unknown
from duel.fits import Fit
from duel.likelihood import bradley_terry, ternary, tie_treatments
from duel.preferences import TIE_RULES
from duel.tables import read_counts

MODELS = ("bradley_terry", "davidson", "rao_kupper")


class Report(NamedTuple):
    """What `fit_file` found."""

    text: str
    fit: Fit  # the fit that was asked for; `Fit.exists` says whether it has numbers


def fit_file(
    path: str | os.PathLike[str],
    *,
    model: str | None = None,
    ties: str = "half",
    link: str = "logistic",
    ridge: float = 0.0,
    box: float | None = None,
    firth: bool = False,
    level: float = 0.95,
) -> Report:
    """Fit a user's table of counted comparisons and say what was done: the text of ``duel fit comparisons.csv``.

    Model, objective, stopping rule and status come first, then strengths with intervals; where there are ties, how
    the other treatments of them differ. If the maximum does not exist the text says so, names the groups, and gives
    Firth's fit instead, as such.

    Parameters
    ----------
    path : path of a CSV file
        As read by `duel.tables.read_counts`.
    model : {"bradley_terry", "davidson", "rao_kupper"}, optional
        Davidson's model if there are ties and no option of `bradley_terry` is given, else Bradley-Terry.
    ties : {"half", "drop"}
        Under Bradley-Terry: half a win for each, or left out.
    link, ridge, box, firth
        As in `duel.likelihood.bradley_terry`, which they need.
    level : float in (0, 1)
        Of the intervals.

    Raises
    ------
    InvalidInput
        From `duel.tables.read_counts`; for a matrix of probabilities, which has no counts to fit; an option that the
        model does not have.
    """
    if model is not None and model not in MODELS:
        raise unknown("model", model, MODELS)
    if ties not in TIE_RULES:
        raise unknown("ties", ties, TIE_RULES)
    if not 0 < level < 1:
        raise InvalidInput(f"level must lie strictly between 0 and 1; got {level!r}.")
    counts = read_counts(path)
    if counts.kind != "counts":
        raise InvalidInput(f"{os.fspath(path)}: a matrix of probabilities; a fit needs counts of wins (and ties).")
    tied = bool(counts.ties.any())
    plain = link == "logistic" and ridge == 0 and box is None and not firth
    if model is None:
        model = "davidson" if tied and plain and ties == "half" else "bradley_terry"
    if model != "bradley_terry" and not plain:
        raise InvalidInput(f"link, ridge, box and firth need model='bradley_terry'; got model={model!r}.")
    half = counts.wins + 0.5 * counts.ties
    if model == "bradley_terry":
        table = half if ties == "half" else counts.wins
        fit = bradley_terry(table, link=link, ridge=ridge, box=box, firth=firth)
    else:
        fit = ternary(counts.wins, counts.ties, model=model)
    treated = {"half": "a tie counts as half a win for each", "drop": "ties are left out"}[ties]
    lines = [
        f"{os.fspath(path)}: {len(counts.names)} items, {counts.duels.sum() / 2:.0f} comparisons"
        + (f", {counts.ties.sum() / 2:.0f} of them ties" if tied else "")
        + (f"; {treated}" if tied and model == "bradley_terry" else ""),
        "",
        fit.describe(),
    ]
    shown = fit
    if not fit.exists:
        if fit.components:
            groups = "; ".join("{" + ", ".join(counts.names[i] for i in group) + "}" for group in fit.components)
            lines += ["", f"Groups each of which is connected by wins: {groups}."]
        shown = bradley_terry(half, firth=True)
        lines += [
            "",
            "No estimate exists. Firth's bias-reduced fit instead (a tie is half a win for each):",
            shown.describe(),
        ]
    if shown.exists:
        interval = shown.intervals(level)
        width = max(len(name) for name in counts.names)
        lines += ["", f"{'item':{width}}  strength  {level:.0%} interval (Fisher)"]
        for i in np.argsort(-shown.estimate, kind="stable"):
            low, high = interval[i]
            lines.append(f"{counts.names[i]:{width}}  {shown.estimate[i]:+8.4f}  [{low:+.4f}, {high:+.4f}]")
        lines.append(_meaning(model, link))
    if tied and fit.exists:
        if model == "davidson":
            lines += ["", f"Davidson's nu = {fit.tie:.4f}: equals tie with probability {fit.tie / (2 + fit.tie):.3f}."]
        elif model == "rao_kupper":
            lines += ["", f"Threshold eta = {fit.tie:.4f}: equals tie with probability {math.tanh(fit.tie / 2):.3f}."]
        if plain:
            lines += _four_ways(counts.wins, counts.ties, fit)
    return Report("\n".join(lines) + "\n", fit)


def _meaning(model: str, link: str) -> str:
    if model == "rao_kupper":
        return "Strengths sum to zero; a difference z means a win with probability 1 / (1 + e^(eta - z))."
    if link != "logistic":
        return f"Strengths sum to zero; a difference z means a win with probability F(z), F the {link} function."
    decided = " among decided duels" if model == "davidson" else ""
    return f"Strengths sum to zero; a difference z means a win with probability 1 / (1 + e^-z){decided}."


def _four_ways(wins: np.ndarray, ties: np.ndarray, fit: Fit) -> list[str]:
    mine = _ranks(fit.estimate)
    lines = [
        "",
        "Ties four ways (spread = best less worst strength; moved = items whose rank differs from the fit's above):",
    ]
    for name, other in tie_treatments(wins, ties).items():
        if not other.exists:
            lines.append(f"  {name:10}  no estimate: {other.status.value}")
            continue
        moved = int((_ranks(other.estimate) != mine).sum())
        lines.append(f"  {name:10}  spread {np.ptp(other.estimate):7.4f}  moved {moved}")
    return lines


def _ranks(strengths: np.ndarray) -> np.ndarray:
    """Rank of each item, 0 for the strongest; equals in the order of the table."""
    return np.argsort(np.argsort(-strengths, kind="stable"))
