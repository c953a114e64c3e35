"""Regret tables against loops over the definitions and numbers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duel import matrices, preferences, regret
from duel.errors import InvalidInput

WITH_WINNER = {
    "arxiv6": matrices.arxiv6(),
    "cyclic4": matrices.cyclic4(),
    "arithmetic8": matrices.arithmetic8(),
    "mslr5": matrices.mslr5(),
    "btl": matrices.bradley_terry([0.3, 2.0, -1.0, 0.9]),
}
NO_WINNER = {
    "cycle": matrices.rock_paper_scissors(3, 0.3),
    "two leaders": np.array([[0.5, 0.5, 0.8], [0.5, 0.5, 0.7], [0.2, 0.3, 0.5]]),
}


@pytest.mark.parametrize("name", WITH_WINNER)
def test_condorcet_tables_by_loops(name):
    P = WITH_WINNER[name]
    K = len(P)
    w = next(i for i in range(K) if all(P[i, j] > 0.5 for j in range(K) if j != i))
    tables = regret.tables(P, metrics=("average", "weak", "strong"))
    for i in range(K):
        for j in range(K):
            a, b = P[w, i] - 0.5, P[w, j] - 0.5
            assert tables["average"][i, j] == pytest.approx((a + b) / 2, abs=1e-15)
            assert tables["weak"][i, j] == pytest.approx(min(a, b), abs=1e-15)
            assert tables["strong"][i, j] == pytest.approx(max(a, b), abs=1e-15)


@pytest.mark.parametrize("name", [*WITH_WINNER, *NO_WINNER])
def test_score_tables_by_loops(name):
    P = (WITH_WINNER | NO_WINNER)[name]
    K = len(P)
    copeland = [sum((P[i, j] > 0.5) + 0.5 * (P[i, j] == 0.5) for j in range(K) if j != i) / (K - 1) for i in range(K)]
    borda = [sum(P[i, j] for j in range(K) if j != i) / (K - 1) for i in range(K)]
    shifted = [sum(P[i, j] for j in range(K)) / K for i in range(K)]
    tables = regret.tables(P, metrics=("copeland", "borda", "shifted_borda"))
    for metric, score in (("copeland", copeland), ("borda", borda), ("shifted_borda", shifted)):
        expected = [[max(score) - (score[i] + score[j]) / 2 for j in range(K)] for i in range(K)]
        np.testing.assert_allclose(tables[metric], expected, atol=1e-15)


def test_arxiv6_by_hand():
    """D_0 = (0, .05, .05, .04, .11, .11); Copeland 5, 4, 3, 1.5, 1, .5 of 5; arm 3 against arm 5."""
    P = matrices.arxiv6()
    assert regret.duel_regret(P, 3, 5) == pytest.approx((0.04 + 0.11) / 2)
    assert regret.duel_regret(P, 3, 5, "weak") == pytest.approx(0.04)
    assert regret.duel_regret(P, 3, 5, "strong") == pytest.approx(0.11)
    assert regret.duel_regret(P, 3, 5, "copeland") == pytest.approx((3.5 + 4.5) / 2 / 5)
    assert regret.duel_regret(P, 3, 5, "borda") == pytest.approx(0.572 - (2.41 + 2.22) / 10)
    assert regret.duel_regret(P, 3, 5, "shifted_borda") == pytest.approx((0.572 - (2.41 + 2.22) / 10) * 5 / 6)
    assert regret.duel_regret(P, 0, 0, "strong") == 0.0


@pytest.mark.parametrize(
    ("P", "uniform"),
    [
        (matrices.arxiv6(), 0.0600),
        (matrices.arithmetic8(), 0.1750),
        (matrices.cyclic4(), 0.0750),
        (matrices.mslr5(), 0.1340),
        (matrices.bradley_terry(np.linspace(2, 0, 10)), 0.2140),
        (matrices.bradley_terry(np.linspace(2, 0, 50)), 0.2164),
    ],
    ids=["arxiv6", "arithmetic8", "cyclic4", "mslr5", "btl10", "btl50"],
)
def test_random_play_costs_its_published_average_regret_a_round(P, uniform):
    """A recorder of the sum instead of the mean, a known fault in published code, would show twice this."""
    table = regret.average_regret(P)
    assert table.mean() == pytest.approx(uniform, abs=1e-4)
    off_diagonal = table[~np.eye(len(P), dtype=bool)]
    assert off_diagonal.mean() == pytest.approx(uniform, abs=1e-4)


@pytest.mark.parametrize("name", NO_WINNER)
def test_without_a_condorcet_winner_only_its_regrets_are_undefined(name):
    tables = regret.tables(NO_WINNER[name])
    for metric, table in tables.items():
        assert np.isnan(table).all() == (metric in ("average", "weak", "strong")), metric
    assert np.isnan(regret.duel_regret(NO_WINNER[name], 0, 1))


@pytest.mark.parametrize("name", WITH_WINNER)
def test_every_table_is_symmetric_non_negative_and_free_for_the_winner(name):
    P = WITH_WINNER[name]
    w = preferences.condorcet_winner(P)
    for metric, table in regret.tables(P).items():
        assert np.array_equal(table, table.T), metric
        assert (table >= 0).all(), metric
        if "borda" not in metric:
            assert table[w, w] == pytest.approx(0.0, abs=1e-15), metric


@pytest.mark.parametrize("name", WITH_WINNER)
def test_von_neumann_regret_is_average_regret_when_there_is_a_condorcet_winner(name):
    np.testing.assert_allclose(
        regret.von_neumann_regret(WITH_WINNER[name]), regret.average_regret(WITH_WINNER[name]), atol=1e-15
    )


def test_von_neumann_regret_of_a_cycle_with_an_outsider_by_hand():
    """Uniform over the circle; the outsider loses .9 to each, so its gap is .4 and a duel with it costs .2."""
    P = np.full((4, 4), 0.5)
    P[:3, :3] = matrices.rock_paper_scissors(3, 0.3)
    P[:3, 3], P[3, :3] = 0.9, 0.1
    table = regret.von_neumann_regret(P)
    np.testing.assert_allclose(table[:3, :3], 0.0, atol=1e-15)
    np.testing.assert_allclose(table[:3, 3], 0.2)
    assert table[3, 3] == pytest.approx(0.4)


def test_tie_rules_change_the_size_of_regret_but_not_copeland():
    P = np.array([[0.5, 0.5, 0.6], [0.1, 0.5, 0.4], [0.2, 0.2, 0.5]])
    T = 1 - P - P.T
    np.testing.assert_allclose(regret.condorcet_gaps(P, T), [0, 0.2, 0.2])  # (.5-.1)/2, (.6-.2)/2
    np.testing.assert_allclose(regret.condorcet_gaps(P, T, tie_rule="drop"), [0, 0.2 / 0.6, 0.2 / 0.8])
    same = regret.tables(P, T, tie_rule="drop")["copeland"]
    np.testing.assert_array_equal(regret.tables(P, T)["copeland"], same)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=8), st.data())
def test_contextual_regret(utilities, data):
    i, j = (data.draw(st.integers(0, len(utilities) - 1)) for _ in range(2))
    u = np.array(utilities)
    assert regret.contextual_average(u, i, j) == pytest.approx(u.max() - u[[i, j]].mean(), abs=1e-12)
    assert regret.contextual_weak(u, i, j) == u.max() - u[[i, j]].max()
    assert 0 <= regret.contextual_weak(u, i, j) <= regret.contextual_average(u, i, j)


def test_rules_compile_and_give_the_same_bits():
    import numba

    u = np.array([0.3, -1.7, 2.2, 0.1])
    for rule in (regret.average, regret.weak, regret.strong):
        assert numba.njit(rule)(0.1, 0.7) == rule(0.1, 0.7)
        np.testing.assert_array_equal(rule(u, u[::-1]), [rule(a, b) for a, b in zip(u, u[::-1])])
    for rule in (regret.contextual_average, regret.contextual_weak):
        assert numba.njit(rule)(u, 0, 3) == rule(u, 0, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda P: regret.tables(P, metrics=("avarage",)), r"metric: unknown name 'avarage'. Did you mean 'average'\?"),
        (lambda P: regret.duel_regret(P, 0, 6), r"second must be an arm in 0..5; got 6"),
        (lambda P: regret.duel_regret(P, -1, 0), r"first must be an arm in 0..5; got -1"),
        (lambda P: regret.average_regret(P[:, :3]), r"must be square"),
        (lambda P: regret.borda_regret(P, tie_rule="none"), r"tie_rule: unknown name 'none'"),
        (lambda P: regret.von_neumann_regret(P - 0.5), r"Antisymmetric"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidInput, match=message):
        call(matrices.arxiv6())
