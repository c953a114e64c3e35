"""Winners and transitivity against brute force in exact arithmetic, closed forms, linear programs, power iteration."""

import itertools
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from duel import matrices, preferences
from duel.errors import InvalidInput


@st.composite
def integer_gaps(draw, largest_k=6):
    """An antisymmetric matrix of eighths, G [K, K] in -4..4: P = 1/2 + G/8 is exact in floating point, ties abound."""
    K = draw(st.integers(2, largest_k))
    span = draw(st.sampled_from([1, 2, 4]))
    upper = draw(st.lists(st.integers(-span, span), min_size=K * (K - 1) // 2, max_size=K * (K - 1) // 2))
    G = np.zeros((K, K), dtype=int)
    G[np.triu_indices(K, 1)] = upper
    return G - G.T


def matrix(G):
    return 0.5 + G / 8


def clones_and_cycle():
    """Rock-paper-scissors in which arm 3 is a clone of arm 0."""
    P = matrices.rock_paper_scissors(3, 0.3)
    Q = np.full((4, 4), 0.5)
    Q[:3, :3] = P
    Q[3, 1:3], Q[1:3, 3] = P[0, 1:3], P[1:3, 0]
    return Q


# ------------------------------------------------------------------------------------------- brute force, exact


def brute_transitivity(G):
    """Counts over all ordered triples, straight from the definitions, in integers."""
    K = len(G)
    counts = {"weak": [0] * 5, "strict": [0] * 5}
    gamma = Fraction(1)
    for i, j, k in itertools.permutations(range(K), 3):
        a, b, c = int(G[i, j]), int(G[j, k]), int(G[i, k])
        for name, premise, wst in (("weak", a >= 0 and b >= 0, c >= 0), ("strict", a > 0 and b > 0, c > 0)):
            if premise:
                rules = (False, wst, c >= min(a, b), c >= max(a, b), c <= a + b)
                for n, holds in enumerate(rules):
                    counts[name][n] += not holds
        if a > 0 and b > 0:
            gamma = min(gamma, Fraction(max(c, 0), max(a, b)))
    return counts, gamma


@given(integer_gaps())
def test_transitivity_counts_equal_brute_force_over_all_triples(G):
    t = preferences.transitivity(matrix(G))
    counts, gamma = brute_transitivity(G)
    for name, got in (("weak", t.weak), ("strict", t.strict)):
        assert [got.chains, got.wst, got.mst, got.sst, got.sti] == counts[name]
    assert t.gamma == pytest.approx(float(gamma), abs=1e-15)
    assert t.tied_pairs == int((G == 0).sum() - len(G)) // 2
    assert (t.wst, t.mst, t.sst, t.sti) == tuple(n == 0 for n in counts["weak"][1:])


@given(integer_gaps())
def test_the_weak_form_of_each_rule_implies_the_strict_form(G):
    t = preferences.transitivity(matrix(G))
    for rule in ("wst", "mst", "sst", "sti"):
        if getattr(t.weak, rule) == 0:
            assert getattr(t.strict, rule) == 0


@given(integer_gaps())
def test_orders_and_cycles_equal_brute_force(G):
    K = len(G)
    t = preferences.transitivity(matrix(G))
    orders = [o for o in itertools.permutations(range(K)) if all(G[a, b] > 0 for a, b in itertools.combinations(o, 2))]
    assert t.total_order == (orders[0] if orders else None)
    extensions = any(
        all(G[a, b] >= 0 for a, b in itertools.combinations(o, 2)) for o in itertools.permutations(range(K))
    )
    assert t.acyclic == extensions
    triples = [(i, j, k) for i, j, k in itertools.permutations(range(K), 3) if min(G[i, j], G[j, k], G[k, i]) > 0]
    assert t.cyclic_triples == len(triples) // 3
    assert (t.cycle in triples) if triples else t.cycle is None
    preorder = all(G[i, k] >= 0 for i, j, k in itertools.permutations(range(K), 3) if G[i, j] >= 0 and G[j, k] >= 0)
    if preorder:
        flat = [i for level in t.levels for i in level]
        assert sorted(flat) == list(range(K))
        for above, below in itertools.combinations(range(len(t.levels)), 2):
            assert all(G[a, b] > 0 for a in t.levels[above] for b in t.levels[below])
        assert all(G[a, b] == 0 for level in t.levels for a in level for b in level)
    else:
        assert t.levels is None


@given(integer_gaps())
def test_relaxation_and_triangle_from_the_winner_equal_brute_force(G):
    K = len(G)
    t = preferences.transitivity(matrix(G))
    winners = [i for i in range(K) if all(G[i, j] > 0 for j in range(K) if j != i)]
    if not winners:
        assert (t.gamma_from_winner, t.sti_from_winner) == (None, None)
        return
    w = winners[0]
    chains = [(j, k) for j, k in itertools.permutations(range(K), 2) if w not in (j, k) and G[j, k] > 0]
    ratios = [Fraction(int(G[w, k]), int(max(G[w, j], G[j, k]))) for j, k in chains]
    assert t.gamma_from_winner == pytest.approx(float(min([Fraction(1), *ratios])), abs=1e-15)
    assert t.sti_from_winner == all(G[w, k] <= G[w, j] + G[j, k] for j, k in chains)


@given(integer_gaps())
def test_winners_equal_brute_force(G):
    K, P = len(G), matrix(G)
    others = [[j for j in range(K) if j != i] for i in range(K)]
    condorcet = [i for i in range(K) if all(G[i, j] > 0 for j in others[i])]
    assert preferences.condorcet_winner(P) == (condorcet[0] if condorcet else None)
    assert preferences.weak_condorcet_winners(P) == tuple(i for i in range(K) if all(G[i, j] >= 0 for j in others[i]))
    doubled = [sum(1 + int(np.sign(G[i, j])) for j in others[i]) for i in range(K)]
    assert preferences.copeland_scores(P).tolist() == [c / 2 for c in doubled]
    assert preferences.copeland_winners(P) == tuple(i for i in range(K) if doubled[i] == max(doubled))
    sums = [int(G[i].sum()) for i in range(K)]
    assert preferences.borda_winners(P) == tuple(i for i in range(K) if sums[i] == max(sums))
    means = [float(Fraction(1, 2) + Fraction(s, 8 * (K - 1))) for s in sums]
    np.testing.assert_allclose(preferences.borda_scores(P), means, atol=1e-15)
    dominating = [
        set(S)
        for size in range(1, K + 1)
        for S in itertools.combinations(range(K), size)
        if all(G[i, j] > 0 for i in S for j in range(K) if j not in S)
    ]
    assert preferences.smith_set(P) == tuple(sorted(min(dominating, key=len)))


@given(integer_gaps())
def test_shifted_borda_is_a_fixed_shrinkage_of_borda(G):
    K, P = len(G), matrix(G)
    b = preferences.borda_scores(P)
    np.testing.assert_allclose(preferences.shifted_borda_scores(P), ((K - 1) * b + 0.5) / K, atol=1e-15)
    np.testing.assert_allclose(preferences.shifted_borda_scores(P), P.mean(axis=1), atol=1e-15)


# --------------------------------------------------------------------------------------------------- von Neumann


def range_of_maximin(P):
    """Smallest and largest weight of each arm over all maximin mixtures, by 2K linear programs of their own."""
    A = P - 0.5
    scaled = A / max(np.abs(A).max(), 1e-300)
    K = len(P)
    ends = np.empty((K, 2))
    for i, (side, sign) in itertools.product(range(K), enumerate((1.0, -1.0))):
        result = linprog(sign * np.eye(K)[i], A_ub=-scaled.T, b_ub=np.zeros(K), A_eq=np.ones((1, K)), b_eq=[1.0])
        ends[i, side] = result.x[i]
    return ends


@settings(max_examples=60)
@given(integer_gaps(5))
def test_von_neumann_winner_is_maximin_and_its_uniqueness_is_that_of_the_linear_program(G):
    P = matrix(G)
    got = preferences.von_neumann_winner(P)
    assert got.mixture.sum() == pytest.approx(1.0, abs=1e-14)
    assert (got.mixture >= 0).all()
    assert (got.mixture @ P).min() >= 0.5 - 1e-13
    assert got.value == pytest.approx(0.5, abs=1e-13)
    ends = range_of_maximin(P)
    assert got.unique == bool(np.all(ends[:, 1] - ends[:, 0] < 1e-7))
    assert np.all(got.mixture >= ends[:, 0] - 1e-7)
    assert np.all(got.mixture <= ends[:, 1] + 1e-7)
    assert set(got.support) <= set(preferences.smith_set(P))


@given(*[st.floats(0.01, 0.5)] * 3)
def test_rock_paper_scissors_with_unequal_margins_has_its_closed_form(a, b, c):
    """With D01 = a, D12 = b, D20 = c the indifference equations give weights b : c : a."""
    P = 0.5 + np.array([[0, a, -c], [-a, 0, b], [c, -b, 0]])
    got = preferences.von_neumann_winner(P)
    np.testing.assert_allclose(got.mixture, np.array([b, c, a]) / (a + b + c), rtol=1e-12)
    assert got.unique


@pytest.mark.parametrize("scale", [1e-6, 1e-9, 1e-12])
def test_gaps_far_below_the_solver_tolerance_still_give_the_right_mixture(scale):
    """Unscaled, HiGHS accepts any mixture here. The tolerance is what rounding of 1/2 + scale leaves of the gaps."""
    P = 0.5 + scale * np.array([[0, 0.1, -0.3], [-0.1, 0, 0.2], [0.3, -0.2, 0]])
    got = preferences.von_neumann_winner(P)
    np.testing.assert_allclose(got.mixture, np.array([2, 3, 1]) / 6, rtol=1e-15 / scale)
    assert got.unique


def test_a_large_gap_outside_the_smith_set_does_not_hide_a_tiny_cycle_inside():
    P = np.full((4, 4), 0.5)
    P[:3, :3] += 1e-11 * np.array([[0, 1, -3], [-1, 0, 2], [3, -2, 0]])
    P[:3, 3], P[3, :3] = 1.0, 0.0
    got = preferences.von_neumann_winner(P)
    assert preferences.smith_set(P) == (0, 1, 2)
    np.testing.assert_allclose(got.mixture, [2 / 6, 3 / 6, 1 / 6, 0], atol=1e-4)
    assert got.unique


@pytest.mark.parametrize("arms", [3, 5, 11])
def test_regular_cycle_is_uniform_and_unique(arms):
    got = preferences.von_neumann_winner(matrices.rock_paper_scissors(arms, 0.2))
    np.testing.assert_allclose(got.mixture, 1 / arms, rtol=1e-12)
    assert got.unique
    assert got.support == tuple(range(arms))


def test_clones_ties_and_weak_winners_are_reported_as_not_unique():
    assert not preferences.von_neumann_winner(clones_and_cycle()).unique
    assert not preferences.von_neumann_winner(np.full((3, 3), 0.5)).unique
    two_leaders = np.array([[0.5, 0.5, 0.8], [0.5, 0.5, 0.7], [0.2, 0.3, 0.5]])
    assert not preferences.von_neumann_winner(two_leaders).unique
    # Arm 0 only ties arm 1, but loses nothing and 1 loses to 2: pure 0 is maximin, the mixtures with 1 are not.
    single = np.array([[0.5, 0.5, 0.8], [0.5, 0.5, 0.3], [0.2, 0.7, 0.5]])
    got = preferences.von_neumann_winner(single)
    assert got.support == (0,)
    ends = range_of_maximin(single)
    assert got.unique == bool(np.all(ends[:, 1] - ends[:, 0] < 1e-9))


@pytest.mark.parametrize("arms", [30, 100, 200])
def test_large_random_tournaments(arms):
    rng = np.random.default_rng(arms)
    upper = np.triu(rng.random((arms, arms)), 1)
    P = upper + np.tril(1 - upper.T, -1) + np.eye(arms) / 2
    got = preferences.von_neumann_winner(P)
    assert (got.mixture @ P).min() >= 0.5 - 1e-13
    assert got.unique
    assert len(got.support) % 2 == 1  # odd in general position: an even skew-symmetric block has no such kernel
    t = preferences.transitivity(P)
    assert t.strict == t.weak
    # Chains of a tournament: one for each transitive triple, three for each cyclic one.
    assert t.weak.chains == arms * (arms - 1) * (arms - 2) // 6 + 2 * t.cyclic_triples
    assert t.weak.wst == 3 * t.cyclic_triples


# --------------------------------------------------------------------------------------------------- random walk


def power_iteration(P):
    """The walk by its definition, made lazy so that it converges, and multiplied out."""
    K = len(P)
    Q = np.zeros((K, K))
    for i in range(K):
        weights = [P[j, i] if j != i else 0.0 for j in range(K)]
        Q[i] = np.array(weights) / sum(weights) if sum(weights) > 0 else np.eye(K)[i]
    lazy = (np.eye(K) + Q) / 2
    distribution = np.full(K, 1 / K)
    for _ in range(3000):
        distribution = distribution @ lazy
    return distribution


@settings(max_examples=50)
@given(integer_gaps())
def test_random_walk_equals_power_iteration(G):
    got = preferences.random_walk_winner(matrix(G))
    expected = power_iteration(matrix(G))
    np.testing.assert_allclose(got.distribution, expected, atol=1e-10)
    assert got.winners == tuple(int(i) for i in np.flatnonzero(expected > expected.max() - 1e-9))


def test_random_walk_on_a_bradley_terry_pair_is_its_weights():
    """Detailed balance with two arms: pi_0 P[1,0] = pi_1 P[0,1] after normalising each row to 1 gives halves."""
    np.testing.assert_allclose(preferences.random_walk_winner([[0.5, 0.9], [0.1, 0.5]]).distribution, [0.5, 0.5])
    assert preferences.random_walk_winner([[0.5, 1.0], [0.0, 0.5]]).winners == (0,)


# -------------------------------------------------------------------------------------------- relabelling, types


@given(integer_gaps(), st.randoms(use_true_random=False))
def test_relabelling_the_arms_relabels_every_answer(G, random):
    K = len(G)
    order = list(range(K))
    random.shuffle(order)
    back = {old: new for new, old in enumerate(order)}
    P, Q = matrix(G), matrix(G)[np.ix_(order, order)]

    def moved(arms):
        return tuple(sorted(back[i] for i in arms))

    for f in (
        preferences.weak_condorcet_winners,
        preferences.copeland_winners,
        preferences.borda_winners,
        preferences.smith_set,
    ):
        assert f(Q) == moved(f(P)), f.__name__
    winner = preferences.condorcet_winner(P)
    assert preferences.condorcet_winner(Q) == (None if winner is None else back[winner])
    assert preferences.von_neumann_winner(P).unique == preferences.von_neumann_winner(Q).unique
    a, b = preferences.transitivity(P), preferences.transitivity(Q)
    assert (a.weak, a.strict, a.gamma, a.cyclic_triples) == (b.weak, b.strict, b.gamma, b.cyclic_triples)


@pytest.mark.parametrize("convert", [np.ndarray.tolist, pd.DataFrame, np.asfortranarray, np.float32])
def test_lists_frames_and_other_arrays_are_accepted_and_plain_python_comes_back(convert):
    P = convert(matrices.cyclic4()) if convert is not np.float32 else np.array([[0.5, 0.75], [0.25, 0.5]], np.float32)
    winner = preferences.condorcet_winner(P)
    assert type(winner) is int
    assert winner == 0
    assert all(type(i) is int for i in preferences.smith_set(P) + preferences.copeland_winners(P))
    assert preferences.check(P).dtype == np.float64


def test_check_returns_a_copy():
    P = matrices.arxiv6()
    preferences.check(P)[0, 1] = 0.9
    assert P[0, 1] == 0.55


# ---------------------------------------------------------------------------------------------------------- ties


def ternary():
    """Arm 0 rarely loses but ties a lot; arm 1 decides: Borda crowns 1 with ties as half, 0 with ties dropped."""
    P = np.array([[0.50, 0.19, 0.19], [0.01, 0.50, 0.90], [0.01, 0.10, 0.50]])
    T = np.array([[0.00, 0.80, 0.80], [0.80, 0.00, 0.00], [0.80, 0.00, 0.00]])
    return P, T


def test_tie_rules_by_hand():
    P, T = ternary()
    np.testing.assert_allclose(preferences.binary(P, T)[0, 1], 0.19 + 0.40)
    np.testing.assert_allclose(preferences.binary(P, T, tie_rule="drop")[0, 1], 0.95)
    assert preferences.borda_winners(P, T) == (1,)  # (.41 + .90)/2 = .655 against .59
    assert preferences.borda_winners(P, T, tie_rule="drop") == (0,)  # .95 against (.05 + .90)/2
    assert preferences.condorcet_winner(P, T) == 0
    assert preferences.copeland_winners(P, T) == (0,)


@given(integer_gaps(), st.integers(0, 3))
def test_majority_is_the_same_under_both_tie_rules(G, tie):
    T = (tie / 8) * (1 - np.eye(len(G)))
    P = (1 - T) * (0.5 + G / 8)
    np.testing.assert_array_equal(np.sign(preferences.gaps(P, T)), np.sign(preferences.gaps(P, T, tie_rule="drop")))
    np.testing.assert_allclose(preferences.binary(P, T, tie_rule="drop"), matrix(G), atol=1e-15)


def test_a_pair_that_only_ties_is_even_under_both_rules():
    P = np.array([[0.5, 0.0], [0.0, 0.5]])
    T = np.array([[0.0, 1.0], [1.0, 0.0]])
    for rule in preferences.TIE_RULES:
        assert preferences.gaps(P, T, tie_rule=rule).tolist() == [[0, 0], [0, 0]]


def test_the_diagonal_of_a_ternary_matrix_may_hold_the_tie():
    P, T = ternary()
    np.fill_diagonal(P, 0.0)
    np.fill_diagonal(T, 1.0)
    assert preferences.condorcet_winner(P, T) == 0


# ------------------------------------------------------------------------------------------ published matrices


@pytest.mark.parametrize(
    ("P", "wst", "sst", "sti", "gap", "uniform"),
    [
        (matrices.arxiv6(), False, False, False, 0.0, 0.0600),
        (matrices.arithmetic8(), True, True, True, 0.05, 0.1750),
        (matrices.cyclic4(), False, False, True, 0.10, 0.0750),
        (matrices.mslr5(), True, True, False, 0.010, 0.1340),
        (matrices.bradley_terry(np.linspace(2, 0, 10)), True, True, True, 0.055, 0.2140),
        (matrices.bradley_terry(np.linspace(2, 0, 50)), True, True, True, 0.010, 0.2164),
    ],
    ids=["arxiv6", "arithmetic8", "cyclic4", "mslr5", "btl10", "btl50"],
)
def test_published_facts(P, wst, sst, sti, gap, uniform):
    """Facts collected from the matrices as distributed by others; uniform = average regret of random play, 4 digits."""
    t = preferences.transitivity(P)
    assert (t.wst, t.sst, t.sti) == (wst, sst, sti)
    off = np.abs(P - 0.5)[np.triu_indices(len(P), 1)]
    assert off.min() == pytest.approx(gap, abs=6e-4)
    assert preferences.condorcet_winner(P) == 0
    assert preferences.smith_set(P) == (0,)
    assert preferences.von_neumann_winner(P).support == (0,)
    assert (P[0] - 0.5).mean() == pytest.approx(uniform, abs=1e-4)


def test_arxiv6_tie_is_exact_and_breaks_order_but_makes_no_cycle():
    """Weak counts 25/2/5/9/8 were also obtained by an independent script over the same matrix."""
    t = preferences.transitivity(matrices.arxiv6())
    assert t.tied_pairs == 1
    assert t.total_order is None
    assert t.levels is None
    assert t.acyclic
    assert (t.weak.chains, t.weak.wst, t.weak.mst, t.weak.sst, t.weak.sti) == (25, 2, 5, 9, 8)


def test_hard_condorcet_gaps_of_1e_12_are_preferences():
    """The hard instance of SAVAGE: P[i, j] = 1/2 + j/(2K) + 1e-10/K for j < i, so the last arm wins."""
    K = 50
    i, j = np.indices((K, K))
    P = np.where(j < i, 0.5 + j / (2 * K) + 1e-10 / K, 0.5)
    P = np.where(j > i, 1 - P.T, P)
    assert preferences.condorcet_winner(P) == K - 1
    assert preferences.copeland_scores(P).tolist() == list(range(K))
    assert preferences.transitivity(P).total_order == tuple(range(K - 1, -1, -1))


def test_bradley_terry_is_reciprocal_to_the_last_bit_and_logistic():
    u = np.array([40.0, 3.0, -1.0, 0.2])
    P = matrices.bradley_terry(u)
    assert np.array_equal(P + P.T, np.ones((4, 4)))
    np.testing.assert_allclose(P, 1 / (1 + np.exp(u[None, :] - u[:, None])), atol=1e-15)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matrices.bradley_terry([1.0]), r"utilities must be a vector of at least 2"),
        (lambda: matrices.bradley_terry([1.0, np.nan]), r"utilities\[1\] = nan, must be finite"),
        (lambda: matrices.bradley_terry("ab"), r"utilities must be"),
        (lambda: matrices.rock_paper_scissors(4), r"arms must be odd.*Try 5"),
        (lambda: matrices.rock_paper_scissors(3, 0.0), r"margin must lie in \(0, 0.5\]; got 0.0"),
    ],
)
def test_matrices_refuse_bad_input(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


# ------------------------------------------------------------------------------------------------------ bad input


def edited(value, *where, base=matrices.arxiv6):
    P = base()
    for i, j in where:
        P[i, j] = value
    return P


BAD = {
    "nan": (edited(np.nan, (1, 2)), r"P\[1,2\] = nan, must be finite"),
    "inf": (edited(np.inf, (0, 3)), r"P\[0,3\] = inf, must be finite"),
    "masked": (np.ma.masked_equal(matrices.arxiv6(), 0.61), r"P\[0,4\] = nan, must be finite"),
    "above one": (edited(1.2, (0, 1)), r"P\[0,1\] = 1.2, must lie in \[0, 1\]"),
    "negative": (edited(-0.1, (2, 0)), r"P\[2,0\] = -0.1, must lie in \[0, 1\]"),
    "counts": ([[0, 12], [7, 0]], r"must lie in \[0, 1\]. These look like counts: duel.tables"),
    "percent": ([[50, 61.5], [38.5, 50]], r"percentages: divide by 100"),
    "gaps": (matrices.arxiv6() - 0.5, r"Antisymmetric: if these are gaps pass 1/2 \+ D"),
    "not reciprocal": (edited(0.52, (2, 5)), r"P\[2,5\] \+ P\[5,2\] = 0.96, must be 1"),
    "not reciprocal, above": (edited(0.59, (2, 5)), r"P\[2,5\] \+ P\[5,2\] = 1.03, must be 1: wrong matrix conv"),
    "ties left out": ([[0.5, 0.3], [0.4, 0.5]], r"must be 1: if the rest are ties, pass ties = 1 - P - P.T"),
    "diagonal 0": ([[0.0, 0.6], [0.4, 0.0]], r"P\[0,0\] = 0, must be 0.5.*fill_diagonal"),
    "not square": (np.full((2, 3), 0.5), r"must be square, \[K, K\]; got shape \(2, 3\)"),
    "vector": ([0.5, 0.5], r"must be square, \[K, K\]; got shape \(2,\)"),
    "scalar": (0.5, r"must be square, \[K, K\]; got shape \(\)"),
    "ragged": ([[0.5, 0.6], [0.4]], r"P must be a square matrix of numbers; got list"),
    "text": ([["0.5", "0.6"], ["0.4", "0.5"]], r"P must be a square matrix of numbers; got list: entries of type"),
    "none": (None, r"P must"),
    "complex": ([[0.5, 0.5j], [0.5, 0.5]], r"P must be a square matrix of numbers"),
    "objects": ([[0.5, {}], [0.5, 0.5]], r"P must be a square matrix of numbers"),
    "one arm": ([[0.5]], r"at least 2 arms; got K = 1"),
    "no arms": (np.zeros((0, 0)), r"at least 2 arms; got K = 0"),
    "frame in two orders": (
        pd.DataFrame(matrices.arxiv6()[:, ::-1], index=list("abcdef"), columns=list("fedcba")),
        r"same labels in different orders; pass P.loc\[P.columns, P.columns\]",
    ),
}

PUBLIC = (
    preferences.check,
    preferences.condorcet_winner,
    preferences.weak_condorcet_winners,
    preferences.copeland_scores,
    preferences.copeland_winners,
    preferences.borda_scores,
    preferences.shifted_borda_scores,
    preferences.borda_winners,
    preferences.smith_set,
    preferences.von_neumann_winner,
    preferences.random_walk_winner,
    preferences.transitivity,
    preferences.binary,
    preferences.gaps,
)


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.__name__)
def test_bad_matrices_are_refused_in_one_line(function, case):
    P, message = BAD[case]
    with pytest.raises(InvalidInput, match=message) as caught:
        function(P)
    assert "\n" not in str(caught.value)


def test_reciprocity_is_checked_to_1e_9():
    P = matrices.arxiv6()
    P[0, 1] += 0.9e-9
    preferences.check(P)
    P[0, 1] += 0.2e-9
    with pytest.raises(InvalidInput, match=r"P\[0,1\] \+ P\[1,0\]"):
        preferences.check(P)


@pytest.mark.parametrize(
    ("P", "T", "message"),
    [
        (ternary()[0], np.zeros((2, 2)), r"ties must have the shape of P, \(3, 3\); got \(2, 2\)"),
        (ternary()[0], -ternary()[1], r"ties\[0,1\] = -0.8, must lie in \[0, 1\]"),
        (ternary()[0], np.triu(ternary()[1]), r"ties must be symmetric; got ties\[0,1\] = 0.8 but ties\[1,0\] = 0"),
        (ternary()[0], ternary()[1] / 2, r"half the tie probability; pass 2 \* ties"),
        (preferences.binary(*ternary()), ternary()[1], r"already counts a tie as half a win; pass P - ties / 2"),
        (ternary()[0], 0.9 * ternary()[1], r"P\[0,1\] \+ P\[1,0\] \+ ties\[0,1\] = 0.92, must be 1: wrong"),
    ],
    ids=["shape", "negative", "asymmetric", "half", "counted twice", "sum"],
)
def test_bad_ties_are_refused(P, T, message):
    with pytest.raises(InvalidInput, match=message):
        preferences.condorcet_winner(P, T)


def test_unknown_tie_rule_is_refused_with_the_nearest_name():
    with pytest.raises(InvalidInput, match=r"tie_rule: unknown name 'halve'. Did you mean 'half'\? Known: drop, half"):
        preferences.borda_scores(matrices.arxiv6(), tie_rule="halve")


# ------------------------------------------------------------------------------------------------------ import cost


def test_importing_the_ground_truth_loads_no_heavy_library():
    code = (
        "import sys, duel.preferences, duel.regret, duel.lower_bounds, duel.matrices, duel.tables, duel.diagnosis;"
        "print([m for m in ('pandas', 'jax', 'numba', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert loaded == "[]"
