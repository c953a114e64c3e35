"""Preference matrices: checks, the winners of social choice, and the transitivity that theorems assume.

Conventions of this file
------------------------
``P[i, j] = Pr(i beats j)``, the row beats the column, ``P[i, i] = 1/2``. A *binary* matrix has ``P + P.T = 1``. A
*ternary* one comes with ``ties[i, j] = Pr(i and j tie)`` and ``P + P.T + ties = 1``. Everything is decided on the
gaps ``D[i, j]``, which are antisymmetric to the last bit:

========== ============================================= ===================================================
tie_rule   meaning                                       D[i, j]
========== ============================================= ===================================================
``"half"`` a tie is half a win for each                  ``(P[i, j] - P[j, i]) / 2``
``"drop"`` a tied duel is forgotten, the rest rescaled   ``(P[i, j] - P[j, i]) / (2 (P[i, j] + P[j, i]))``
========== ============================================= ===================================================

The sign of a gap, hence Condorcet, Copeland and Smith, is the same under both rules; Borda, von Neumann, random walk
and SST/STI are not. A pair is *tied* when its gap is exactly zero: gaps of 1e-12 count as preferences, since
published hard instances have them.

Sources: definitions as in the survey [bengs2021survey]_; each function names its own.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput, unknown

RECIPROCITY = 1e-9
"""How far ``P + P.T`` may be from 1."""

ROUNDING = 1e-12
"""Sums and differences of probabilities closer than this are equal: Borda ties, SST and STI at equality."""

TIE_RULES = ("half", "drop")


# ---------------------------------------------------------------------------------------------------------- checks


def check(P: Any, *, argument: str = "P") -> np.ndarray:
    """A binary preference matrix as a fresh float64 array, or `InvalidInput`.

    Parameters
    ----------
    P : array_like [K, K]
        Nested lists, an array or a DataFrame; ``P[i, j] = Pr(i beats j)``, K >= 2.
    argument : str
        What error messages call it.

    Returns
    -------
    ndarray [K, K]
        The same numbers, float64, C-contiguous.

    Raises
    ------
    InvalidInput
        Not numeric, not square, K < 2, NaN or infinite, outside [0, 1], diagonal not 1/2, or
        ``P[i, j] + P[j, i]`` further than 1e-9 from 1.
    """
    P = _square(P, argument)
    _refuse_outside_unit_interval(P, argument)
    diagonal = np.abs(np.diag(P) - 0.5)
    if diagonal.max() > RECIPROCITY:
        i = int(np.argmax(diagonal))
        raise InvalidInput(
            f"{argument}[{i},{i}] = {P[i, i]:.12g}, must be 0.5: an arm against itself is a coin flip "
            f"(np.fill_diagonal({argument}, 0.5) if the diagonal was left empty)."
        )
    total = P + P.T
    if np.abs(total - 1.0).max() > RECIPROCITY:
        i, j = _worst_pair(total - 1.0)
        hint = "wrong matrix convention?"
        if np.all(total <= 1.0 + RECIPROCITY):
            hint = f"if the rest are ties, pass ties = 1 - {argument} - {argument}.T with the diagonal of ties 0."
        raise InvalidInput(f"{argument}[{i},{j}] + {argument}[{j},{i}] = {total[i, j]:.12g}, must be 1: {hint}")
    return P


def check_ternary(P: Any, ties: Any, *, argument: str = "P") -> tuple[np.ndarray, np.ndarray]:
    """A ternary preference matrix ``(P, ties)`` as fresh float64 arrays, or `InvalidInput`.

    Parameters
    ----------
    P : array_like [K, K]
        ``P[i, j] = Pr(i beats j)``.
    ties : array_like [K, K]
        ``ties[i, j] = Pr(i and j tie)``, symmetric.
    argument : str
        What error messages call `P`.

    Notes
    -----
    ``P + P.T + ties = 1`` holds on the diagonal too: either ``P[i, i] = 1/2, ties[i, i] = 0`` or
    ``P[i, i] = 0, ties[i, i] = 1``.

    Raises
    ------
    InvalidInput
        As `check`; also ties of another shape, asymmetric, or probabilities that do not add up to 1 within 1e-9.
    """
    P = _square(P, argument)
    T = _square(ties, "ties")
    if T.shape != P.shape:
        raise InvalidInput(f"ties must have the shape of {argument}, {P.shape}; got {T.shape}.")
    _refuse_outside_unit_interval(P, argument)
    _refuse_outside_unit_interval(T, "ties")
    if np.abs(T - T.T).max() > RECIPROCITY:
        i, j = _worst_pair(T - T.T)
        raise InvalidInput(
            f"ties must be symmetric; got ties[{i},{j}] = {T[i, j]:.12g} but ties[{j},{i}] = {T[j, i]:.12g}."
        )
    total = P + P.T + T
    if np.abs(total - 1.0).max() > RECIPROCITY:
        i, j = _worst_pair(total - 1.0)
        half = P + P.T + 2 * T
        hint = "wrong matrix convention?"
        if np.abs(half - 1.0).max() <= RECIPROCITY:
            hint = "these ties are half the tie probability; pass 2 * ties."
        elif np.abs(P + P.T - 1.0).max() <= RECIPROCITY:
            hint = f"{argument} already counts a tie as half a win; pass {argument} - ties / 2."
        raise InvalidInput(
            f"{argument}[{i},{j}] + {argument}[{j},{i}] + ties[{i},{j}] = {total[i, j]:.12g}, must be 1: {hint}"
        )
    return P, T


def gaps(P: Any, ties: Any = None, *, tie_rule: str = "half", argument: str = "P") -> np.ndarray:
    """The checked gaps ``D[i, j]``: chance that i beats j, less 1/2, under the named tie rule.

    Parameters
    ----------
    P : array_like [K, K]
        Preference matrix, see `check`.
    ties : array_like [K, K], optional
        Tie probabilities, see `check_ternary`.
    tie_rule : {"half", "drop"}
        What a tie is worth; without `ties` both are the same. A pair that only ties has gap 0 under both.
    argument : str
        What error messages call `P`.

    Returns
    -------
    ndarray [K, K]
        In [-1/2, 1/2], ``D == -D.T`` exactly.

    Raises
    ------
    InvalidInput
        See `check` and `check_ternary`; unknown `tie_rule`.
    """
    if tie_rule not in TIE_RULES:
        raise unknown("tie_rule", tie_rule, TIE_RULES)
    if ties is None:
        B = check(P, argument=argument)
        return (B - B.T) / 2
    B, _ = check_ternary(P, ties, argument=argument)
    if tie_rule == "half":
        return (B - B.T) / 2
    decided = B + B.T
    return np.divide(B - B.T, 2 * decided, out=np.zeros_like(B), where=decided > 0)


def binary(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """The binary preference matrix ``1/2 + D`` of a ternary one, under the named tie rule: float64 [K, K]."""
    return 0.5 + gaps(P, ties, tie_rule=tie_rule)


def _square(P: Any, argument: str) -> np.ndarray:
    """`P` as a fresh, finite, square float64 array with K >= 2."""
    index, columns = getattr(P, "index", None), getattr(P, "columns", None)
    if index is not None and columns is not None and len(index) == len(columns):
        rows, cols = list(index), list(columns)
        if rows != cols and set(rows) == set(cols):
            raise InvalidInput(
                f"{argument}: rows and columns carry the same labels in different orders; "
                f"pass {argument}.loc[{argument}.columns, {argument}.columns]."
            )
    if isinstance(P, np.ma.MaskedArray):
        P = np.ma.filled(P.astype(np.float64), np.nan)
    try:
        raw = np.asarray(P)
        if raw.dtype.kind not in "biufO":
            raise TypeError(f"entries of type {raw.dtype}")
        A = np.array(raw, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{argument} must be a square matrix of numbers; got {type(P).__name__}: {error}.") from None
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise InvalidInput(f"{argument} must be square, [K, K]; got shape {A.shape}.")
    if A.shape[0] < 2:
        raise InvalidInput(f"{argument} must have at least 2 arms; got K = {A.shape[0]}.")
    if not np.isfinite(A).all():
        i, j = (int(x) for x in np.argwhere(~np.isfinite(A))[0])
        raise InvalidInput(
            f"{argument}[{i},{j}] = {A[i, j]}, must be finite: estimate a pair that was never compared as 0.5, "
            "or read the counts with duel.tables, which flags it."
        )
    return A


def _refuse_outside_unit_interval(A: np.ndarray, argument: str) -> None:
    if A.min() >= 0.0 and A.max() <= 1.0:
        return
    i, j = (int(x) for x in np.argwhere((A < 0) | (A > 1))[0])
    hint = ""
    if np.abs(A + A.T).max() <= RECIPROCITY:
        hint = " Antisymmetric: if these are gaps pass 1/2 + D, if these are payoffs 2P - 1 pass (1 + A) / 2."
    elif A.min() >= 0 and np.all(np.round(A) == A):
        hint = " These look like counts: duel.tables.preference_matrix makes probabilities of them."
    elif A.min() >= 0 and np.abs(A + A.T - 100.0).max() <= 1e-6:
        hint = " These look like percentages: divide by 100."
    raise InvalidInput(f"{argument}[{i},{j}] = {A[i, j]:.12g}, must lie in [0, 1].{hint}")


def _worst_pair(error: np.ndarray) -> tuple[int, int]:
    """Indices (i, j), i < j where possible, of the largest |error|."""
    i, j = (int(x) for x in np.unravel_index(np.argmax(np.abs(error)), error.shape))
    return min(i, j), max(i, j)


# ---------------------------------------------------------------------------------------------------------- winners


def condorcet_winner(P: Any, ties: Any = None) -> int | None:
    """The arm that beats every other arm, ``D[i, j] > 0`` for all j != i; None if there is none.

    Independent of the tie rule. Source: definition in [bengs2021survey]_, section 2.
    """
    return _condorcet_winner(gaps(P, ties))


def _condorcet_winner(D: np.ndarray) -> int | None:
    beaten = (D > 0).sum(axis=1)
    i = int(np.argmax(beaten))
    return i if beaten[i] == len(beaten) - 1 else None


def weak_condorcet_winners(P: Any, ties: Any = None) -> tuple[int, ...]:
    """Arms that lose to nobody, ``D[i, j] >= 0`` for all j; possibly none, several only if they tie one another."""
    return _indices((gaps(P, ties) >= 0).all(axis=1))


def copeland_scores(P: Any, ties: Any = None, *, normalised: bool = False) -> np.ndarray:
    """Number of arms that each arm beats, plus 1/2 for each arm that it ties.

    Parameters
    ----------
    P, ties : array_like [K, K]
        Preference matrix and tie probabilities; independent of the tie rule.
    normalised : bool
        Divide by K - 1, so that a Condorcet winner scores 1.

    Returns
    -------
    ndarray [K]
        ``C(i) = #{j: D[i, j] > 0} + #{j != i: D[i, j] = 0} / 2``.

    Notes
    -----
    A pair is tied here when neither arm wins more often. Work on indifferences instead calls a pair tied when a tie
    is its most likely outcome; that is another score, which needs the ternary matrix.
    """
    D = gaps(P, ties)
    scores = (np.sign(D).sum(axis=1) + len(D) - 1) / 2
    return scores / (len(D) - 1) if normalised else scores


def copeland_winners(P: Any, ties: Any = None) -> tuple[int, ...]:
    """Arms of the largest Copeland score (ties count 1/2), in increasing order; never empty."""
    scores = copeland_scores(P, ties)
    return _indices(scores == scores.max())


def borda_scores(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """Chance of beating a uniformly drawn *other* arm: ``b(i) = (1/(K-1)) sum_{j != i} P[i, j]``, float64 [K]."""
    D = gaps(P, ties, tie_rule=tie_rule)
    return 0.5 + D.sum(axis=1) / (len(D) - 1)


def shifted_borda_scores(P: Any, ties: Any = None, *, tie_rule: str = "half") -> np.ndarray:
    """Chance of beating a uniformly drawn arm, oneself included: ``s(i) = (1/K) sum_j P[i, j]``, float64 [K].

    ``s = ((K-1) b + 1/2) / K`` with b of `borda_scores`. Source: [saha2021adversarial]_.
    """
    D = gaps(P, ties, tie_rule=tie_rule)
    return 0.5 + D.sum(axis=1) / len(D)


def borda_winners(P: Any, ties: Any = None, *, tie_rule: str = "half") -> tuple[int, ...]:
    """Arms of the largest Borda score, up to rounding (1e-12), in increasing order; never empty."""
    scores = borda_scores(P, ties, tie_rule=tie_rule)
    return _indices(scores >= scores.max() - ROUNDING)


def smith_set(P: Any, ties: Any = None) -> tuple[int, ...]:
    """The smallest non-empty set whose every member beats every arm outside it (the top cycle).

    Independent of the tie rule; an arm that ties a member is itself a member. Source: [smith1973aggregation]_.

    Notes
    -----
    Each of the m members of a dominating set beats at least K - m arms, each arm outside at most K - m - 1, so the
    set is a prefix of the arms sorted by the number of arms they beat: O(K^2).
    """
    return tuple(sorted(_dominating_prefix(gaps(P, ties) > 0)))


class VonNeumannWinner(NamedTuple):
    """A maximin mixture over arms, see `von_neumann_winner`."""

    mixture: np.ndarray  # [K] probabilities
    value: float  # win probability that the mixture guarantees, 1/2 up to rounding
    unique: bool  # whether no other mixture is maximin
    support: tuple[int, ...]  # arms of positive probability


def von_neumann_winner(P: Any, ties: Any = None, *, tie_rule: str = "half") -> VonNeumannWinner:
    """A mixture of arms that beats or ties every arm: the maximin strategy of the game P.

    Parameters
    ----------
    P, ties : array_like [K, K]
        Preference matrix and tie probabilities.
    tie_rule : {"half", "drop"}
        The mixture depends on it.

    Returns
    -------
    VonNeumannWinner
        Also known as the maximal lottery. With a Condorcet winner it is that arm. If it is not unique, one extreme
        point of the set of maximin mixtures is returned (uniform if all arms of the Smith set tie).

    Raises
    ------
    InvalidInput
        See `gaps`.
    RuntimeError
        The linear program was not solved to 1e-8 of the largest gap.

    Notes
    -----
    The support lies in the Smith set, so only that block is solved, divided by its largest gap: HiGHS works with
    absolute tolerances and would return a wrong mixture, silently, for gaps near 1e-9. Its answer is polished by
    solving the indifference equations on the support. The mixture is unique iff it is strictly complementary
    (every arm outside the support loses to it) and the matrix ``[[D_SS, -1], [1, 0]]`` of the support is
    nonsingular; both are decided at 1e-9 of the largest gap. Sources: [kreweras1965aggregation]_,
    [dudik2015contextual]_; strict complementarity of linear programs [goldman1956linear]_.
    """
    D = gaps(P, ties, tie_rule=tie_rule)
    K = len(D)
    inside = np.array(sorted(_dominating_prefix(D > 0)))
    block = D[np.ix_(inside, inside)]
    scale = np.abs(block).max()
    mixture = np.zeros(K)
    if len(inside) == 1:
        mixture[inside] = 1.0
        unique = True
    elif scale == 0.0:
        mixture[inside] = 1.0 / len(inside)
        unique = False
    else:
        mixture[inside], unique = _maximin(block / scale)
    guaranteed = float((mixture @ D).min())
    if guaranteed < -1e-8 * max(float(scale), 1e-8):
        raise RuntimeError(f"the von Neumann winner was not found: the mixture found guarantees 1/2 {guaranteed:+.3g}.")
    return VonNeumannWinner(mixture, 0.5 + guaranteed, unique, _indices(mixture > 0))


def _maximin(A: np.ndarray) -> tuple[np.ndarray, bool]:
    """Maximin mixture of the antisymmetric game A [n, n] (largest entry 1), and whether it is the only one."""
    from scipy.optimize import linprog

    n = len(A)
    solution = linprog(
        c=np.append(np.zeros(n), -1.0),
        A_ub=np.column_stack([-A.T, np.ones(n)]),
        b_ub=np.zeros(n),
        A_eq=np.append(np.ones(n), 0.0)[None, :],
        b_eq=[1.0],
        bounds=[(0.0, None)] * n + [(None, None)],
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if solution.x is None:
        raise RuntimeError(f"the linear program of the von Neumann winner failed: {solution.message}")
    x = _on_simplex(solution.x[:n])

    # Polish: the least change of x on its support that makes every binding inequality an equation.
    support = x > 1e-9
    binding = x @ A < 1e-7
    equations = np.vstack([A[np.ix_(support, binding)].T, np.ones(support.sum())])
    residual = np.append(-(x[support] @ A[np.ix_(support, binding)]), 1.0 - x[support].sum())
    polished = np.zeros(n)
    polished[support] = x[support] + np.linalg.lstsq(equations, residual, rcond=None)[0]
    polished = _on_simplex(polished)
    if (polished @ A).min() >= (x @ A).min():
        x = polished

    support = x > 1e-9
    strictly_complementary = bool(np.all((x @ A > 1e-9) != support))
    s = int(support.sum())
    bordered = np.zeros((s + 1, s + 1))
    bordered[:s, :s] = A[np.ix_(support, support)]
    bordered[:s, s] = -1.0
    bordered[s, :s] = 1.0
    singular = np.linalg.svd(bordered, compute_uv=False)
    return x, strictly_complementary and bool(singular[-1] > 1e-9 * singular[0])


def _on_simplex(x: np.ndarray) -> np.ndarray:
    x = np.where(x > 1e-15, x, 0.0)
    return x / x.sum()


class RandomWalkWinner(NamedTuple):
    """Stationary distribution of the walk to better arms, see `random_walk_winner`."""

    distribution: np.ndarray  # [K] share of time at each arm
    winners: tuple[int, ...]  # arms of the largest share, up to rounding


def random_walk_winner(P: Any, ties: Any = None, *, tie_rule: str = "half") -> RandomWalkWinner:
    """The arms that a walk towards better arms visits most.

    From arm i the walk moves to ``j != i`` with probability proportional to ``P[j, i]``; an arm that beats all others
    for sure is never left. Source: [bengs2021survey]_, section 2, after [altman2008axiomatic]_. (Variants that may
    also stay at i weigh the arms differently.)

    Parameters
    ----------
    P, ties : array_like [K, K]
        Preference matrix and tie probabilities.
    tie_rule : {"half", "drop"}
        The walk depends on it.

    Returns
    -------
    RandomWalkWinner

    Notes
    -----
    Of two arms at least one is left for the other, so there is exactly one recurrent class and the distribution is
    unique. The class is the smallest set that surely beats the rest; its distribution is found by elimination
    without subtractions [grassmann1985regenerative]_. O(K^3).
    """
    D = gaps(P, ties, tie_rule=tie_rule)
    K = len(D)
    recurrent = np.array(sorted(_dominating_prefix(D >= 0.5)))
    n = len(recurrent)
    move = np.maximum(0.5 - D[np.ix_(recurrent, recurrent)], 0.0)  # Pr(column beats row)
    np.fill_diagonal(move, 0.0)
    move /= np.maximum(move.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    order = np.argsort(move.sum(axis=0), kind="stable")[::-1]  # the arms visited least are eliminated first
    move = move[np.ix_(order, order)]
    for k in range(n - 1, 0, -1):
        move[:k, k] /= move[k, :k].sum()
        move[:k, :k] += np.outer(move[:k, k], move[k, :k])
    share = np.ones(n)
    for k in range(1, n):
        share[k] = share[:k] @ move[:k, k]
    distribution = np.zeros(K)
    distribution[recurrent[order]] = share / share.sum()
    return RandomWalkWinner(distribution, _indices(distribution >= distribution.max() - ROUNDING))


def _dominating_prefix(beats: np.ndarray) -> tuple[int, ...]:
    """Smallest non-empty set S with beats[i, j] for all i in S, j not in S; `beats` is asymmetric, [K, K] bool."""
    K = len(beats)
    order = np.argsort(-beats.sum(axis=1), kind="stable")  # a member beats K - m or more, others fewer
    sorted_beats = beats[np.ix_(order, order)]
    across = np.cumsum(np.cumsum(sorted_beats, axis=0), axis=1)  # across[m-1, n-1] = wins of the first m over first n
    for m in range(1, K):
        if across[m - 1, K - 1] - across[m - 1, m - 1] == m * (K - m):
            return tuple(int(i) for i in order[:m])
    return tuple(range(K))


def _indices(mask: Any) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(mask))


# ---------------------------------------------------------------------------------------------------- transitivity


@dataclass(frozen=True)
class ChainCounts:
    """Ordered triples of distinct arms (i, j, k) with i over j and j over k, and how many break each rule.

    Attributes
    ----------
    chains : int
        Number of such triples.
    wst, mst, sst : int
        Chains that break weak, moderate, strong stochastic transitivity: D[i, k] at least 0, the smaller, the larger
        of D[i, j] and D[j, k].
    sti : int
        Chains that break the stochastic triangle inequality D[i, k] <= D[i, j] + D[j, k].
    """

    chains: int
    wst: int
    mst: int
    sst: int
    sti: int


@dataclass(frozen=True)
class Transitivity:
    """What holds of the order of the arms, see `transitivity`.

    Attributes
    ----------
    weak : ChainCounts
        "i over j" read as ``P[i, j] >= 1/2``, the textbook form; WST asks for ``P[i, k] >= 1/2``.
    strict : ChainCounts
        "i over j" read as ``P[i, j] > 1/2``, the form of bandit papers; WST asks for ``P[i, k] > 1/2``.
    tied_pairs : int
        Pairs at exactly 1/2. Without ties, weak and strict counts are the same.
    cyclic_triples : int
        Sets of three arms that beat each other in a circle.
    cycle : (int, int, int) or None
        One of them.
    acyclic : bool
        No circle of any length among strict preferences.
    total_order : tuple of int or None
        The arms from best to worst if all pairs are decided and consistent: a strict total order.
    levels : tuple of tuples of int or None
        The arms from best to worst, equals together, if ``P[i, j] >= 1/2`` is transitive: a total preorder.
    gamma : float
        Largest gamma in [0, 1] with ``D[i, k] >= gamma max(D[i, j], D[j, k])`` on all strict chains: 1 under SST, 0 if
        no positive gamma will do. The gamma >= 1 of Beat-the-Mean [yue2011beat]_ is its inverse.
    gamma_from_winner : float or None
        The same over chains that start at the Condorcet winner, which is all that Beat-the-Mean asks for; None without
        a Condorcet winner.
    sti_from_winner : bool or None
        Whether the triangle inequality holds on those chains.
    worst_sst, worst_sti : float
        Largest excess over the rule on weak chains, as a probability; 0 if none.
    """

    weak: ChainCounts
    strict: ChainCounts
    tied_pairs: int
    cyclic_triples: int
    cycle: tuple[int, int, int] | None
    acyclic: bool
    total_order: tuple[int, ...] | None
    levels: tuple[tuple[int, ...], ...] | None
    gamma: float
    gamma_from_winner: float | None
    sti_from_winner: bool | None
    worst_sst: float
    worst_sti: float

    @property
    def wst(self) -> bool:
        """Weak stochastic transitivity, in the weak (>=) form, which implies the strict one."""
        return self.weak.wst == 0

    @property
    def mst(self) -> bool:
        """Moderate stochastic transitivity, in the weak (>=) form, which implies the strict one."""
        return self.weak.mst == 0

    @property
    def sst(self) -> bool:
        """Strong stochastic transitivity, in the weak (>=) form, which implies the strict one."""
        return self.weak.sst == 0

    @property
    def sti(self) -> bool:
        """Stochastic triangle inequality, in the weak (>=) form, which implies the strict one."""
        return self.weak.sti == 0


def transitivity(P: Any, ties: Any = None, *, tie_rule: str = "half") -> Transitivity:
    """Which transitivity assumptions hold, with the number of violated chains.

    Parameters
    ----------
    P, ties : array_like [K, K]
        Preference matrix and tie probabilities.
    tie_rule : {"half", "drop"}
        WST, total order and cycles do not depend on it; MST, SST, gamma and STI do.

    Returns
    -------
    Transitivity

    Notes
    -----
    Preferences are compared with 1/2 exactly and with each other up to 1e-12 (a linear P satisfies STI with
    equality). O(K^3) time, O(K^2) memory; 0.1 s for K = 200. Source: section 3 of [bengs2021survey]_.
    """
    D = gaps(P, ties, tie_rule=tie_rule)
    K = len(D)
    weak, strict = np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64)
    worst_sst = worst_sti = 0.0
    winner = _condorcet_winner(D)
    gamma = gamma_from_winner = 1.0
    sti_from_winner = True
    over = D >= 0
    np.fill_diagonal(over, False)
    for j in range(K):
        above, below = np.flatnonzero(over[:, j]), np.flatnonzero(over[j])
        left, right, direct = D[above, j][:, None], D[j, below][None, :], D[np.ix_(above, below)]
        chain = above[:, None] != below[None, :]
        strict_chain = chain & (left > 0) & (right > 0)
        larger = np.maximum(left, right)
        no_mst = direct < np.minimum(left, right) - ROUNDING
        no_sst = direct < larger - ROUNDING
        no_sti = direct > left + right + ROUNDING
        weak += [np.sum(chain & rule) for rule in (True, direct < 0, no_mst, no_sst, no_sti)]
        strict += [np.sum(strict_chain & rule) for rule in (True, direct <= 0, no_mst, no_sst, no_sti)]
        worst_sst = max(worst_sst, float((larger - direct).max(initial=0.0, where=chain)))
        worst_sti = max(worst_sti, float((direct - left - right).max(initial=0.0, where=chain)))
        ratio = np.ones_like(direct)
        np.divide(np.maximum(direct, 0.0), larger, out=ratio, where=strict_chain & no_sst)
        gamma = min(gamma, float(ratio.min(initial=1.0)))
        if winner is not None and j != winner:
            first = int(np.searchsorted(above, winner))
            gamma_from_winner = min(gamma_from_winner, float(ratio[first].min(initial=1.0)))
            sti_from_winner = sti_from_winner and not (strict_chain & no_sti)[first].any()
    beats = D > 0
    cyclic, cycle = _cyclic_triples(beats)
    scores = np.sign(D).sum(axis=1)
    order = np.argsort(-scores, kind="stable")
    tied = int(np.sum(D == 0) - K) // 2
    total = tuple(int(i) for i in order) if tied == 0 and len(np.unique(scores)) == K else None
    levels = None
    if weak[1] == 0:
        levels = tuple(_indices(scores == s) for s in np.unique(scores)[::-1])
    return Transitivity(
        weak=ChainCounts(*(int(n) for n in weak)),
        strict=ChainCounts(*(int(n) for n in strict)),
        tied_pairs=tied,
        cyclic_triples=cyclic,
        cycle=cycle,
        acyclic=_is_acyclic(beats),
        total_order=total,
        levels=levels,
        gamma=gamma,
        gamma_from_winner=None if winner is None else gamma_from_winner,
        sti_from_winner=None if winner is None else bool(sti_from_winner),
        worst_sst=worst_sst if worst_sst > ROUNDING else 0.0,
        worst_sti=worst_sti if worst_sti > ROUNDING else 0.0,
    )


def _cyclic_triples(beats: np.ndarray) -> tuple[int, tuple[int, int, int] | None]:
    """Number of 3-cycles of a strict relation [K, K], and one of them."""
    B = beats.astype(np.float64)
    closing = (B @ B) * B.T  # [i, k] = number of j with i > j > k > i; whole numbers, exact in float64
    count = round(float(closing.sum())) // 3
    if count == 0:
        return 0, None
    i, k = (int(x) for x in np.argwhere(closing > 0)[0])
    j = int(np.flatnonzero(beats[i] & beats[:, k])[0])
    return count, (i, j, k)


def _is_acyclic(beats: np.ndarray) -> bool:
    """Whether the strict relation has no cycle: arms that nobody left beats can be taken away until none is left."""
    left = np.ones(len(beats), dtype=bool)
    beaten_by = beats.sum(axis=0)
    while left.any():
        top = left & (beaten_by == 0)
        if not top.any():
            return False
        left &= ~top
        beaten_by = beaten_by - beats[top].sum(axis=0)
    return True
