"""What theory may be used on given preference data: winners, transitivity, connectivity, and which assumptions fail."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duel import lower_bounds, preferences, tables
from duel.errors import InvalidInput, unknown
from duel.preferences import RandomWalkWinner, Transitivity, VonNeumannWinner
from duel.tables import Connectivity, Counts


@dataclass(frozen=True)
class Assumption:
    """One assumption of theory, whether it holds, and what rests on it.

    Attributes
    ----------
    name : str
    holds : bool or None
        None if the data cannot tell.
    evidence : str
        The figure or the arms that decide it.
    needed_by : str
        Algorithms and results that assume it.
    """

    name: str
    holds: bool | None
    evidence: str
    needed_by: str


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Ground truth of a preference matrix, see `diagnose`. Arms are numbers; `names` has their names.

    ``str(diagnosis)`` is the report that ``duel diagnose`` prints.
    """

    names: tuple[str, ...]
    tie_rule: str
    tie_share: float | None
    condorcet_winner: int | None
    weak_condorcet_winners: tuple[int, ...]
    copeland_winners: tuple[int, ...]
    copeland_scores: np.ndarray  # [K]
    borda_winners: tuple[int, ...]
    borda_scores: np.ndarray  # [K]
    smith_set: tuple[int, ...]
    von_neumann: VonNeumannWinner
    random_walk: RandomWalkWinner
    lower_bound: float | None  # average regret per ln T, binary duels; None without a Condorcet winner
    transitivity: Transitivity
    connectivity: Connectivity | None
    smallest_gap: float
    undecided_pairs: int | None
    assumptions: tuple[Assumption, ...]

    @property
    def failed(self) -> tuple[Assumption, ...]:
        """The assumptions that do not hold."""
        return tuple(a for a in self.assumptions if a.holds is False)

    def __str__(self) -> str:
        return render(self)


def diagnose(
    data: Any, ties: Any = None, *, tie_rule: str = "half", smoothing: float = 0.0, names: Sequence[str] | None = None
) -> Diagnosis:
    """Winners, transitivity and connectivity of preference data, and the assumptions of theory that fail.

    Parameters
    ----------
    data : Counts or array_like [K, K]
        Counted duels (`duel.tables.read_counts`) or a preference matrix.
    ties : array_like [K, K], optional
        Tie probabilities that go with a matrix; counts bring their own.
    tie_rule : {"half", "drop"}
        What a tie is worth.
    smoothing : float
        Pseudo-count per outcome, for counts (`duel.tables.preference_matrix`).
    names : sequence of str, optional
        Names of the arms of a matrix.

    Returns
    -------
    Diagnosis
        About the matrix as given. Of counts this is the empirical matrix, not the population: `undecided_pairs` says
        how many of its preferences could be noise. Pairs without duels enter as 1/2.

    Raises
    ------
    InvalidInput
        Bad matrix, unknown `tie_rule`, names or ties where they do not belong.
    """
    if tie_rule not in preferences.TIE_RULES:
        raise unknown("tie_rule", tie_rule, preferences.TIE_RULES)
    connectivity = tie_share = unclear = None
    if isinstance(data, Counts):
        if ties is not None or names is not None:
            raise InvalidInput("ties and names must be left out for Counts, which have their own.")
        P = tables.preference_matrix(data, tie_rule, smoothing=smoothing).P
        labels = data.names
        connectivity = tables.connectivity(data, tie_rule)
        if data.kind == "counts":
            duels = data.duels.sum()
            tie_share = float(data.ties.sum() / duels) if duels else None
            unclear = _unclear(data)
    else:
        if smoothing:
            raise InvalidInput(f"smoothing must be 0 for a matrix: there are no counts; got {smoothing!r}.")
        P = preferences.binary(data, ties, tie_rule=tie_rule)
        labels = tuple(str(n) for n in (range(len(P)) if names is None else names))
        if len(labels) != len(P):
            raise InvalidInput(f"names must name the {len(P)} arms; got {len(labels)} names.")
        if ties is not None:
            K = len(P)
            T = preferences.check_ternary(data, ties)[1]
            tie_share = float((T.sum() - np.trace(T)) / (K * (K - 1)))
    D = preferences.gaps(P)
    upper = np.triu_indices(len(D), 1)
    order = preferences.transitivity(P)
    winner = preferences.condorcet_winner(P)
    mixture = preferences.von_neumann_winner(P)
    return Diagnosis(
        names=labels,
        tie_rule=tie_rule,
        tie_share=tie_share,
        condorcet_winner=winner,
        weak_condorcet_winners=preferences.weak_condorcet_winners(P),
        copeland_winners=preferences.copeland_winners(P),
        copeland_scores=preferences.copeland_scores(P),
        borda_winners=preferences.borda_winners(P),
        borda_scores=preferences.borda_scores(P),
        smith_set=preferences.smith_set(P),
        von_neumann=mixture,
        random_walk=preferences.random_walk_winner(P),
        lower_bound=None if winner is None else lower_bounds.condorcet_lower_bound(P),
        transitivity=order,
        connectivity=connectivity,
        smallest_gap=float(np.abs(D[upper]).min()),
        undecided_pairs=None if unclear is None else int(unclear[upper].sum()),
        assumptions=_assumptions(labels, D, winner, order, mixture, connectivity, unclear),
    )


def diagnose_file(path: str | os.PathLike[str], ties: str = "half", *, smoothing: float = 0.0) -> str:
    """The report of `diagnose` on a CSV file of counts or probabilities, as plain text.

    Parameters
    ----------
    path : path-like
        See `duel.tables.read_counts`.
    ties : {"half", "drop"}
        What a tie is worth.
    smoothing : float
        Pseudo-count per outcome.

    Raises
    ------
    InvalidInput
        Unreadable or malformed file (with the line), unknown `ties`.
    """
    if ties not in preferences.TIE_RULES:
        raise unknown("ties", ties, preferences.TIE_RULES)
    return str(diagnose(tables.read_counts(path), tie_rule=ties, smoothing=smoothing))


def _unclear(counts: Counts) -> np.ndarray:
    """Pairs whose lead, wins less losses, is within two standard errors of 0; never compared ones included: [K, K].

    Between equals the lead has variance = number of decided duels, whatever a tie is worth.
    """
    return np.abs(counts.wins - counts.wins.T) <= 2 * np.sqrt(counts.wins + counts.wins.T)


def _assumptions(
    names: tuple[str, ...],
    D: np.ndarray,
    winner: int | None,
    order: Transitivity,
    mixture: VonNeumannWinner,
    connectivity: Connectivity | None,
    unclear: np.ndarray | None,
) -> tuple[Assumption, ...]:
    K = len(names)
    chains = order.weak.chains
    if winner is None:
        champion = "nobody beats every other arm"
    else:
        champion = f"{names[winner]}, beats all with at least 1/2 + {np.delete(D[winner], winner).min():.4g}"
        if unclear is not None:
            champion += f"; {int(np.delete(unclear[winner], winner).sum())} of its {K - 1} leads could be noise"
    gamma = order.gamma_from_winner
    found = [
        Assumption(
            "Condorcet winner exists",
            winner is not None,
            champion,
            "RUCB, RCS, MergeRUCB, RMED, D-TS+ in its fast case, Condorcet SAVAGE, WS-W, WS-S, IF, BTM; "
            "average, weak and strong regret",
        ),
        Assumption(
            "no pair at exactly 1/2",
            order.tied_pairs == 0,
            f"{order.tied_pairs} of {K * (K - 1) // 2} pairs tied",
            "CCB, SCB, D-TS; SAVAGE, POCOWISTA on binary duels, and every test that has to decide all pairs",
        ),
        Assumption(
            "strict total order",
            order.total_order is not None,
            f"{order.cyclic_triples} cyclic triples, {order.tied_pairs} tied pairs",
            "IF, BTM, PLPAC, MallowsMPI",
        ),
        Assumption(
            "weak stochastic transitivity (WST)",
            order.wst,
            f"{order.weak.wst} of {chains} chains broken",
            "TRA-POCOWISTA, rankings by majority",
        ),
        Assumption(
            "strong stochastic transitivity (SST)",
            order.sst,
            f"{order.weak.sst} of {chains} chains broken, worst by {order.worst_sst:.4g}; gamma = {order.gamma:.4g}",
            "IF, BTM with gamma = 1, OPT-MAX; implied by Bradley-Terry and every P = F(u_i - u_j), which cannot fit",
        ),
        Assumption(
            "relaxed SST from the winner",
            None if gamma is None else gamma > 0,
            "no Condorcet winner to start from" if gamma is None else f"gamma = {gamma:.4g}{_inverse(gamma)}",
            "BTM with whatever gamma",
        ),
        Assumption(
            "stochastic triangle inequality (STI)",
            order.sti,
            f"{order.weak.sti} of {chains} chains broken, worst by {order.worst_sti:.4g}",
            "IF, BTM, KNOCKOUT",
        ),
        Assumption(
            "unique von Neumann winner",
            mixture.unique,
            f"{len(mixture.support)} of {K} arms in the mixture found",
            "last-iterate convergence to the equilibrium, von Neumann regret as one number",
        ),
    ]
    if connectivity is not None:
        missing, parts = connectivity.unobserved_pairs, len(connectivity.components)
        found += [
            Assumption(
                "every pair observed",
                missing == 0,
                f"{missing} of {connectivity.pairs} pairs missing" + (", taken as 1/2 above" if missing else ""),
                "everything above, as a statement about these arms",
            ),
            Assumption(
                "win graph strongly connected",
                connectivity.strongly_connected,
                f"{parts} component{'s' if parts > 1 else ''}"
                + ("; some arms were never compared" if len(connectivity.comparison_components) > 1 else ""),
                "a finite, unique maximum-likelihood estimate of Bradley-Terry",
            ),
        ]
    return tuple(found)


def _inverse(gamma: float) -> str:
    return f", {1 / gamma:.4g} in the convention of BTM" if gamma > 0 else ""


# ------------------------------------------------------------------------------------------------------- plain text


def render(diagnosis: Diagnosis, *, most: int = 10) -> str:
    """The diagnosis as plain text; long lists of arms are cut after `most` names."""
    d, names, order = diagnosis, diagnosis.names, diagnosis.transitivity
    rule = "a tie is half a win" if d.tie_rule == "half" else "ties dropped"
    lines = [f"{len(names)} arms"]
    c = d.connectivity
    if c is not None:
        lines[0] += f", {c.pairs - c.unobserved_pairs} of {c.pairs} pairs observed"
    if c is not None and np.isfinite(c.median):
        lines[0] += f", {c.fewest:.0f} to {c.most:.0f} duels a pair (median {c.median:.0f})"
    if d.tie_share is not None:
        lines.append(f"ties: {d.tie_share:.1%}; {rule}")
    lines.append(f"smallest gap |P - 1/2|: {d.smallest_gap:.4g}; pairs at exactly 1/2: {order.tied_pairs}")
    if d.undecided_pairs is not None:
        lines.append(f"pairs whose lead is within two standard errors, so perhaps noise: {d.undecided_pairs}")
    champion = "none" if d.condorcet_winner is None else names[d.condorcet_winner]
    by_weight = sorted(d.von_neumann.support, key=lambda i: -d.von_neumann.mixture[i])
    mixture = _listing(by_weight, names, most, [f" {d.von_neumann.mixture[i]:.4g}" for i in by_weight])
    walk, others = d.random_walk, len(names) - 1
    lines += [
        "",
        "WINNERS",
        f"  Condorcet    {champion}",
        f"  Copeland     {_listing(d.copeland_winners, names, most)}: beats {d.copeland_scores.max():g} of {others}",
        f"  Borda        {_listing(d.borda_winners, names, most)}: beats a random arm with {d.borda_scores.max():.4g}",
        f"  random walk  {_listing(walk.winners, names, most)}: {walk.distribution.max():.4g} of the time",
        f"  Smith set    {_listing(d.smith_set, names, most)}",
        f"  von Neumann  {mixture} ({'unique' if d.von_neumann.unique else 'not unique'})",
    ]
    if d.lower_bound is not None:
        lines.append(f"  average regret grows at least as {d.lower_bound:.4g} ln T (binary duels)")
    lines += [
        "",
        "TRANSITIVITY   violated chains i over j over k",
        f"  {'':14}{'chains':>10}{'WST':>10}{'MST':>10}{'SST':>10}{'STI':>10}",
    ]
    for label, n in ((">= 1/2", order.weak), ("> 1/2", order.strict)):
        lines.append(f"  {'over: ' + label:14}{n.chains:>10}{n.wst:>10}{n.mst:>10}{n.sst:>10}{n.sti:>10}")
    if order.total_order is not None:
        lines.append(f"  order: {_listing(order.total_order, names, most)}")
    elif order.cycle is not None:
        i, j, k = (names[x] for x in order.cycle)
        lines.append(f"  {order.cyclic_triples} cyclic triples, such as {i} > {j} > {k} > {i}")
    lines += ["", "ASSUMPTIONS OF THEORY"]
    for a in d.assumptions:
        mark = "unknown" if a.holds is None else "holds" if a.holds else "FAILS"
        lines.append(f"  {mark:8}{a.name}: {a.evidence}")
        if a.holds is False:
            lines.append(f"  {'':8}  needed by: {a.needed_by}")
    if not d.failed:
        lines.append("  none fails")
    return "\n".join(lines)


def _listing(arms: Sequence[int], names: tuple[str, ...], most: int, notes: Sequence[str] | None = None) -> str:
    shown = [names[i] + (notes[n] if notes else "") for n, i in enumerate(arms[:most])]
    return ", ".join(shown) + (f", ... {len(arms) - most} more" if len(arms) > most else "")
