"""Finite-armed environments: their matrices by hand, their outcomes in law, their regrets by formula."""

import math

import numpy as np
import pytest

import duel
from algorithms.finite import UniformPairs
from duel import matrices, preferences, regret, tables
from duel.errors import InvalidInput
from envs.finite import (
    Arithmetic,
    BradleyTerry,
    Cyclic,
    HardCondorcet,
    LinearUtilities,
    Mallows,
    PlackettLuce,
    PreferenceMatrix,
    RandomTournament,
    Thurstone,
    arena,
    from_counts,
)

RPS = [[0.5, 0.9, 0.2], [0.1, 0.5, 0.7], [0.8, 0.3, 0.5]]


def world(environment, seed=0):
    environment.check()
    return environment.init(np.random.default_rng(seed))


@pytest.mark.by_hand("BradleyTerry", "PlackettLuce", "LinearUtilities", "Thurstone")
def test_utilities_by_hand():
    # logistic(ln 3) = 3 / 4, and worths 3 and 1 are utilities ln 3 and 0
    np.testing.assert_allclose(world(BradleyTerry([math.log(3), 0.0])).P, [[0.5, 0.75], [0.25, 0.5]], atol=1e-15)
    np.testing.assert_allclose(world(PlackettLuce([3.0, 1.0])).P, [[0.5, 0.75], [0.25, 0.5]], atol=1e-15)
    # 1/2 + 0.4 / 2; a difference of 3 is a certain win
    np.testing.assert_allclose(world(LinearUtilities([0.4, 0.0, -3.0])).P[0], [0.5, 0.7, 1.0], atol=1e-15)
    # Phi(1) = 0.841344746068543 (tables of the normal distribution) at a difference of sqrt 2
    assert world(Thurstone([math.sqrt(2.0), 0.0])).P[0, 1] == pytest.approx(0.841344746068543, abs=1e-14)


@pytest.mark.by_hand("Arithmetic", "Cyclic")
def test_published_matrices():
    np.testing.assert_allclose(world(Arithmetic()).P, matrices.arithmetic8(), atol=1e-15)
    np.testing.assert_allclose(world(Cyclic(3, margin=0.4, champion=0.1)).P, matrices.cyclic4(), atol=1e-15)
    circle = world(Cyclic(5, margin=0.2))
    assert circle.condorcet == -1
    assert circle.copeland.all()
    np.testing.assert_array_equal((circle.P > 0.5).sum(axis=1), 2)


@pytest.mark.by_hand("HardCondorcet")
def test_hard_condorcet_by_hand():
    # K = 2: the stronger arm wins with 1/2 + 0 / 4 + 1e-10 / 2; K = 3: chances 1/2, 1/2, 1/2 + 1/6 up to 1e-10
    P = world(HardCondorcet(3)).P
    strength = np.argsort((P > 0.5).sum(axis=1))
    ordered = P[np.ix_(strength, strength)]
    np.testing.assert_allclose(ordered[2], [0.5, 0.5 + 1 / 6, 0.5], atol=1e-9)
    np.testing.assert_array_equal((ordered > 0.5).sum(axis=1), [0, 1, 2])


@pytest.mark.by_hand("Mallows")
def test_mallows_by_hand():
    # neighbours: h(2) - h(1) = 2 / (1 - phi^2) - 1 / (1 - phi) = 1 / (1 + phi)
    P = world(Mallows(3, phi=0.5)).P
    assert P[0, 1] == pytest.approx(2 / 3, abs=1e-15)
    # K = 3, phi = 1/2: rankings weigh phi^(inversions): 1, 1/2, 1/2, 1/4, 1/4, 1/8; 0 above 2 in 1 + 1/2 + 1/2 of 21/8
    total = 1 + 0.5 + 0.5 + 0.25 + 0.25 + 0.125
    assert P[0, 2] == pytest.approx((1 + 0.5 + 0.5) / total, abs=1e-12)


@pytest.mark.by_hand("PreferenceMatrix")
def test_matrix_world_by_hand():
    w = world(PreferenceMatrix(matrices.cyclic4()))
    assert w.condorcet == 0
    np.testing.assert_allclose(w.gap, [0, 0.1, 0.1, 0.1], atol=1e-15)
    # Copeland 3, 1, 1, 1 of 3; Borda 0.6 against (0.4 + 0.9 + 0.1) / 3
    np.testing.assert_allclose(w.copeland_gap, [0, 2 / 3, 2 / 3, 2 / 3], atol=1e-15)
    np.testing.assert_allclose(w.borda_gap, [0, *[0.6 - 1.4 / 3] * 3], atol=1e-15)
    loss = PreferenceMatrix.regrets(None, w, 0, 1)
    np.testing.assert_allclose(loss, [0.05, 0.0, 0.1, 1 / 3, (0.6 - 1.4 / 3) / 2], atol=1e-15)


@pytest.mark.by_hand("PreferenceMatrix")
def test_ternary_world_by_hand():
    # 0 beats 1 (mode win), 0 and 2 are indifferent (mode tie), 1 and 2 likewise: scores 3/2, 1/2, 1
    win = [[0.5, 0.6, 0.3], [0.2, 0.5, 0.1], [0.1, 0.2, 0.5]]
    ties = [[0.0, 0.2, 0.6], [0.2, 0.0, 0.7], [0.6, 0.7, 0.0]]
    w = world(PreferenceMatrix(win, ties))
    np.testing.assert_allclose(w.copeland_gap, [0, 0.5, 0.25], atol=1e-15)
    assert w.condorcet == 0  # by half wins: 0.7 and 0.6
    rng = np.random.default_rng(5)
    outcomes = np.array([PreferenceMatrix.duel(None, w, 0, 2, rng) for _ in range(20_000)])
    for outcome, chance in ((1, 0.3), (0, 0.6), (-1, 0.1)):  # 5 standard errors: false alarm below 1e-6
        assert abs((outcomes == outcome).mean() - chance) < 5 * math.sqrt(chance * (1 - chance) / 20_000)


@pytest.mark.by_hand("RandomTournament")
def test_random_tournament():
    for seed in range(20):
        P = world(RandomTournament(6, 0.55, 0.7, winner="condorcet"), seed).P
        assert preferences.condorcet_winner(P) is not None
        off = np.abs(P - 0.5)[~np.eye(6, dtype=bool)]
        assert (off >= 0.05 - 1e-12).all()
        assert (off <= 0.2 + 1e-12).all()
        np.testing.assert_allclose(P + P.T, 1.0, atol=1e-15)
        assert world(RandomTournament(4, winner="none"), seed).condorcet == -1
    ternary = world(RandomTournament(4, 0.6, 1.0, ties=0.25), 1)
    np.testing.assert_allclose((ternary.not_loss - ternary.win)[0, 1:], 0.25, atol=1e-15)


@pytest.mark.parametrize(
    "environment",
    [PreferenceMatrix(RPS), PreferenceMatrix(matrices.arxiv6()), Cyclic(5), Mallows(7), arena(), RandomTournament(9)],
    ids=["cycle", "arxiv6", "circle", "mallows", "arena", "tournament"],
)
def test_world_agrees_with_the_checked_ground_truth(environment):
    """The world repeats the formulas of duel.preferences and duel.regret without their checks."""
    w = world(environment, 3)
    winner = preferences.condorcet_winner(w.P)
    assert w.condorcet == (-1 if winner is None else winner)
    assert tuple(np.flatnonzero(w.copeland)) == preferences.copeland_winners(w.P)
    assert tuple(np.flatnonzero(w.borda)) == preferences.borda_winners(w.P)
    expected = regret.tables(w.P, metrics=("average", "weak", "strong", "copeland", "borda"))
    K = len(w.P)
    mine = np.array([[PreferenceMatrix.regrets(None, w, i, j) for j in range(K)] for i in range(K)])
    for m, name in enumerate(PreferenceMatrix.metrics):
        np.testing.assert_allclose(mine[:, :, m], expected[name], atol=1e-12)


def test_shuffle_relabels_and_leaves_the_noise_alone():
    trace = duel.simulate(UniformPairs(), BradleyTerry([2.0, 1.0, 0.0], shuffle=True), horizon=2000, runs=8)
    assert len(np.unique(trace.final("average"))) > 1
    winners = {world(BradleyTerry([2.0, 1.0, 0.0], shuffle=True), s).condorcet for s in range(20)}
    assert winners == {0, 1, 2}


@pytest.mark.by_hand("arena")
def test_arena_by_hand():
    """The first line of the table: 475 wins, 174 losses, 379 ties in 1028 votes; (475 + 379 / 2) / 1028 = 0.6464."""
    names = list(tables.arena_counts().names)
    i, j = names.index("claude-3-5-sonnet-20240620"), names.index("claude-3-haiku-20240307")
    half, ternary = world(arena()), world(arena(ties="ternary"))
    assert half.P[i, j] == pytest.approx(664.5 / 1028)
    assert ternary.win[i, j] == pytest.approx(475 / 1028)
    assert ternary.not_loss[i, j] == pytest.approx(854 / 1028)


@pytest.mark.by_hand("from_counts")
def test_counts_round_trip(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("item_i,item_j,wins_i,wins_j,ties\na,b,6,2,2\na,c,5,5,0\nb,c,1,3,6\n")
    w = world(from_counts(file))
    assert w.P[0, 1] == pytest.approx(0.7)
    ternary = world(from_counts(file, ties="ternary"))
    assert ternary.win[0, 1] == pytest.approx(0.6)
    assert ternary.not_loss[1, 2] == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        (PreferenceMatrix([[0.5, 0.8], [0.3, 0.5]]), "P"),
        (PreferenceMatrix([[0.5, math.nan], [0.3, 0.5]]), "P"),
        (PreferenceMatrix([[0.5]]), "P"),
        (PreferenceMatrix([[0.5, 0.5]]), "P"),
        (PreferenceMatrix([[0.5, 0.6], [0.2, 0.5]], ties=[[0.0, 0.3], [0.3, 0.0]]), "ties"),
        (BradleyTerry([1.0]), "utilities"),
        (BradleyTerry([1.0, math.inf]), "utilities"),
        (BradleyTerry("abc"), "utilities"),
        (PlackettLuce([1.0, 0.0]), "weights"),
        (Arithmetic(8, step=0.1), "step"),
        (Cyclic(4), "arms"),
        (Cyclic(5, margin=0.7), "margin"),
        (HardCondorcet(1), "arms"),
        (Mallows(4, phi=1.0), "phi"),
        (RandomTournament(2, winner="none"), "arms"),
        (RandomTournament(4, winner="cordorcet"), "winner"),
        (RandomTournament(4, low=0.8, high=0.7), "low"),
        (RandomTournament(4, ties=1.0), "ties"),
        (RandomTournament(4.5), "arms"),
    ],
)
def test_bad_environments_are_refused_by_name(environment, names):
    with pytest.raises(InvalidInput, match=names) as caught:
        duel.simulate(UniformPairs(), environment, horizon=10)
    assert "\n" not in str(caught.value)
