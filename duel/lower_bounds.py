"""Instance-dependent lower bounds on regret: the line to draw under a measured curve."""

from typing import Any, NamedTuple

import numpy as np

from duel import preferences
from duel.errors import InvalidInput, unknown

OPPONENTS = ("any", "winner")


class LowerBoundTerms(NamedTuple):
    """The terms of `condorcet_lower_bound`, one for each arm."""

    winner: int  # the Condorcet winner
    coefficients: np.ndarray  # [K] regret per ln T that excluding the arm costs; 0 for the winner
    opponents: np.ndarray  # [K] the arm whose duels exclude it most cheaply; the winner itself for the winner


def divergence_from_half(p: Any) -> Any:
    """``d(p, 1/2) = p ln(2 p) + (1 - p) ln(2 (1 - p))``, the Kullback-Leibler divergence in nats.

    Accurate near 1/2, where it is ``2 (p - 1/2)^2``; ln 2 at 0 and 1. `p` is a number or an array in [0, 1].
    """
    return _divergence_of_gap(np.asarray(p, dtype=np.float64) - 0.5)


def _divergence_of_gap(gap: np.ndarray) -> np.ndarray:
    x = np.abs(2 * gap)  # d = (ln(1 - x^2) + 2 x artanh x) / 2, without the cancellation of the textbook form
    inner = np.minimum(x, 1 - 1e-16)
    return np.where(x < 1, 0.5 * np.log1p(-inner * inner) + inner * np.arctanh(inner), np.log(2.0))


def condorcet_lower_bound_terms(P: Any, *, opponents: str = "any") -> LowerBoundTerms:
    """What `condorcet_lower_bound` adds up, arm by arm. Same parameters and errors."""
    if opponents not in OPPONENTS:
        raise unknown("opponents", opponents, OPPONENTS)
    D = preferences.gaps(P)
    w = preferences.condorcet_winner(P)
    if w is None:
        raise InvalidInput(
            "P must have a Condorcet winner, an arm that beats every other with probability > 1/2; this one has none "
            f"(Copeland winners {preferences.copeland_winners(P)}), and the bound on average regret is undefined."
        )
    K = len(D)
    cost = (D[w][:, None] + D[w][None, :]) / 2  # [i, j] average regret of the duel (i, j)
    rounds = np.full((K, K), np.inf)  # [i, j] duels of i with j per ln T that would prove i is no winner
    np.divide(1.0, _divergence_of_gap(D), out=rounds, where=D < 0)
    if opponents == "winner":
        rounds[:, np.arange(K) != w] = np.inf
    rounds[w] = 0.0  # nothing to prove
    total = cost * rounds
    best = total.argmin(axis=1)
    best[w] = w
    return LowerBoundTerms(w, total[np.arange(K), best], best)


def condorcet_lower_bound(P: Any, *, opponents: str = "any") -> float:
    """Coefficient of ln T below which no consistent algorithm's average regret can stay.

    ::

        liminf E[R_T] / ln T  >=  sum_{i != w}  min_{j in O_i}  (D[w, i] + D[w, j]) / (2 d(P[i, j], 1/2))
        O_i = {j : P[i, j] < 1/2},   D = P - 1/2,   w the Condorcet winner,   d Kullback-Leibler in nats

    Each arm i must be shown to lose against somebody; j is the opponent that shows it at the least regret.

    Parameters
    ----------
    P : array_like [K, K]
        Binary preference matrix with a Condorcet winner.
    opponents : {"any", "winner"}
        ``"any"`` is the theorem; RMED2 attains it. ``"winner"`` allows j = w only: the constant of algorithms that
        compare with the winner alone (RMED1), never smaller.

    Returns
    -------
    float
        Average regret per ln T.

    Raises
    ------
    InvalidInput
        Bad matrix, no Condorcet winner, unknown `opponents`.

    Notes
    -----
    A pair at exactly 1/2 cannot show that either arm loses, so it is not in O_i (as in arm 3 against 5 of
    `duel.matrices.arxiv6`). Source: the regret lower bound of
    [komiyama2015regret]_, whose RMED1 attains the second constant and RMED2 the first.
    """
    return float(condorcet_lower_bound_terms(P, opponents=opponents).coefficients.sum())
