"""Regret notions of dueling bandits, each a small pure function with its formula.

Two layers. A *gap* is what one arm is short of the best, ``[K]``; a *rule* makes the regret of the duel (i, j) of the
gaps of its two arms. Names differ between papers, so the rule is always named:

=================  =====================================  ========================  ===================================
metric             gap of arm i                           rule                      defined
=================  =====================================  ========================  ===================================
``average``        ``D[w, i]``, w the Condorcet winner    ``(gap_i + gap_j) / 2``   with a Condorcet winner, else NaN
``weak``           same                                   ``min(gap_i, gap_j)``     with a Condorcet winner, else NaN
``strong``         same                                   ``max(gap_i, gap_j)``     with a Condorcet winner, else NaN
``copeland``       ``(max C - C(i)) / (K - 1)``           ``(gap_i + gap_j) / 2``   always; ties count 1/2 in C
``borda``          ``max b - b(i)``, other arms only      ``(gap_i + gap_j) / 2``   always
``shifted_borda``  ``max s - s(i)``, oneself included     ``(gap_i + gap_j) / 2``   always; ``(K-1)/K`` times ``borda``
``von_neumann``    ``sum_k m[k] D[k, i]``, m the mixture  ``(gap_i + gap_j) / 2``   always; depends on m if not unique
=================  =====================================  ========================  ===================================

with ``D = P - 1/2``. [yue2012karmed]_ call twice the average "strong"; others count weak regret 0/1; some code records
twice the average. A duel of the best arm with itself costs 0 under every metric.

Sources: [bengs2021survey]_ (average, weak, strong), [zoghi2015copeland]_ (Copeland), [saha2021adversarial]_ (shifted
Borda), [dudik2015contextual]_ (von Neumann).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duel import preferences
from duel.errors import InvalidInput, unknown

# ------------------------------------------------------------------------------------ rules: gaps of two arms -> regret
# The rules work on numbers and on arrays, interpreted or compiled by Numba.


def average(first: Any, second: Any) -> Any:
    """``(first + second) / 2``: both arms count."""
    return 0.5 * (first + second)


def weak(first: Any, second: Any) -> Any:
    """``min(first, second)``: only the better arm counts, 0 as soon as the winner plays."""
    return np.minimum(first, second)


def strong(first: Any, second: Any) -> Any:
    """``max(first, second)``: only the worse arm counts, 0 only when the winner meets itself."""
    return np.maximum(first, second)


# ---------------------------------------------------------------------------------------- gaps: one number for each arm


def condorcet_gaps(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``D[w, i]``: how much the Condorcet winner w beats arm i by, [K]; NaN if there is no Condorcet winner."""
    D = preferences.gaps(P, ties, tie_rule=tie_rule)
    w = preferences.condorcet_winner(P, ties)
    return np.full(len(D), np.nan) if w is None else D[w].copy()


def copeland_gaps(P: Any, ties: Any = None) -> np.ndarray:
    """``(max C - C(i)) / (K - 1)``: share of the arms by which arm i beats fewer than a Copeland winner, [K]."""
    scores = preferences.copeland_scores(P, ties)
    return (scores.max() - scores) / (len(scores) - 1)


def borda_gaps(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``max b - b(i)``, b the chance of beating a uniform other arm, [K]."""
    scores = preferences.borda_scores(P, ties, tie_rule=tie_rule)
    return scores.max() - scores


def shifted_borda_gaps(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``max s - s(i)``, s the chance of beating a uniform arm, oneself included, [K]."""
    scores = preferences.shifted_borda_scores(P, ties, tie_rule=tie_rule)
    return scores.max() - scores


def von_neumann_gaps(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``sum_k m[k] D[k, i]``: how much the von Neumann mixture m beats arm i by, [K]; 0 on its support.

    If the mixture is not unique the gaps are those of the one that `duel.preferences.von_neumann_winner` returns.
    """
    D = preferences.gaps(P, ties, tie_rule=tie_rule)
    mixture = preferences.von_neumann_winner(P, ties, tie_rule=tie_rule).mixture
    return np.maximum(mixture @ D, 0.0)


# --------------------------------------------------------------------------------- tables: regret of every duel, [K, K]


def average_regret(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``(D[w, i] + D[w, j]) / 2`` against the Condorcet winner w: [K, K]; all NaN without one."""
    return _table(condorcet_gaps(P, ties, tie_rule=tie_rule), average)


def weak_regret(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``min(D[w, i], D[w, j])`` against the Condorcet winner w: [K, K]; all NaN without one."""
    return _table(condorcet_gaps(P, ties, tie_rule=tie_rule), weak)


def strong_regret(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``max(D[w, i], D[w, j])`` against the Condorcet winner w: [K, K]; all NaN without one."""
    return _table(condorcet_gaps(P, ties, tie_rule=tie_rule), strong)


def copeland_regret(P: Any, ties: Any = None) -> np.ndarray:
    """``(max C - (C(i) + C(j)) / 2) / (K - 1)``: normalised Copeland regret, [K, K]; the tie rule does not matter."""
    return _table(copeland_gaps(P, ties), average)


def borda_regret(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``max b - (b(i) + b(j)) / 2``: [K, K]."""
    return _table(borda_gaps(P, ties, tie_rule=tie_rule), average)


def shifted_borda_regret(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``max s - (s(i) + s(j)) / 2``: [K, K], (K-1)/K times the Borda regret."""
    return _table(shifted_borda_gaps(P, ties, tie_rule=tie_rule), average)


def von_neumann_regret(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """``sum_k m[k] (D[k, i] + D[k, j]) / 2`` against the von Neumann mixture m: [K, K]."""
    return _table(von_neumann_gaps(P, ties, tie_rule=tie_rule), average)


def _table(gaps: np.ndarray, rule: Callable[[Any, Any], Any]) -> np.ndarray:
    return rule(gaps[:, None], gaps[None, :])


METRICS = ("average", "weak", "strong", "copeland", "borda", "shifted_borda", "von_neumann")
"""Names that `tables` and `duel_regret` know."""


def tables(
    P: Any, ties: Any = None, *, metrics: Sequence[str] = METRICS, tie_rule: str = "half"
) -> dict[str, np.ndarray]:
    """Regret tables [K, K] by metric name, for an environment to look duels up in.

    Parameters
    ----------
    P, ties : array_like [K, K]
        Preference matrix and tie probabilities.
    metrics : sequence of str
        Among `METRICS`.
    tie_rule : {"half", "drop"}
        What a tie is worth.

    Returns
    -------
    dict name -> ndarray [K, K]
        Per-duel regret; ``average``, ``weak`` and ``strong`` are all NaN without a Condorcet winner.

    Raises
    ------
    InvalidInput
        Bad matrices, or an unknown metric.
    """
    return {name: _regret_table(P, ties, name, tie_rule) for name in metrics}


def duel_regret(
    P: Any, first: int, second: int, metric: str = "average", ties: Any = None, *, tie_rule: str = "half"
) -> float:
    """Regret of one duel of `first` and `second` under the named metric; NaN where the metric is undefined.

    Raises
    ------
    InvalidInput
        Bad matrices, an unknown metric, or an arm outside 0..K-1.
    """
    table = _regret_table(P, ties, metric, tie_rule)
    for argument, arm in (("first", first), ("second", second)):
        if not 0 <= arm < len(table):
            raise InvalidInput(f"{argument} must be an arm in 0..{len(table) - 1}; got {arm!r}.")
    return float(table[first, second])


def _regret_table(P: Any, ties: Any, metric: str, tie_rule: str) -> np.ndarray:
    match metric:
        case "average":
            return average_regret(P, ties, tie_rule=tie_rule)
        case "weak":
            return weak_regret(P, ties, tie_rule=tie_rule)
        case "strong":
            return strong_regret(P, ties, tie_rule=tie_rule)
        case "copeland":
            return copeland_regret(P, ties)
        case "borda":
            return borda_regret(P, ties, tie_rule=tie_rule)
        case "shifted_borda":
            return shifted_borda_regret(P, ties, tie_rule=tie_rule)
        case "von_neumann":
            return von_neumann_regret(P, ties, tie_rule=tie_rule)
    raise unknown("metric", metric, METRICS)


# ---------------------------------------------------------------------------------------------------- contextual regret
# Per duel, in units of utility, not of probability. Plain loops: the same bits interpreted and compiled.


def contextual_average(utilities: Any, first: int, second: int) -> float:
    """``max u - (u[first] + u[second]) / 2`` with the utilities u [K] of this round's arms.

    Source: [saha2021optimal]_. Code that records ``(2 x* - x - y)^T theta`` reports twice this.
    """
    best = utilities[0]
    for u in utilities:
        if u > best:
            best = u
    return best - 0.5 * (utilities[first] + utilities[second])


def contextual_weak(utilities: Any, first: int, second: int) -> float:
    """``max u - max(u[first], u[second])`` with the utilities u [K] of this round's arms. [saha2021optimal]_"""
    best = utilities[0]
    for u in utilities:
        if u > best:
            best = u
    return best - max(utilities[first], utilities[second])
