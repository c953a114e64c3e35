"""The diagnosis names the assumptions that fail, on instances made to break each of them."""

import numpy as np
import pytest

from duel import matrices, tables
from duel.diagnosis import diagnose, diagnose_file
from duel.errors import InvalidInput

ORDERED = {
    "Condorcet winner exists",
    "no pair at exactly 1/2",
    "strict total order",
    "weak stochastic transitivity (WST)",
    "strong stochastic transitivity (SST)",
    "relaxed SST from the winner",
    "stochastic triangle inequality (STI)",
    "unique von Neumann winner",
}


def failed(diagnosis):
    return {a.name for a in diagnosis.failed}


def test_a_bradley_terry_matrix_breaks_nothing():
    d = diagnose(matrices.bradley_terry([2.0, 1.0, 0.0]), names=["a", "b", "c"])
    assert failed(d) == set()
    assert {a.name for a in d.assumptions} == ORDERED
    assert "none fails" in str(d)
    assert "order: a, b, c" in str(d)


@pytest.mark.parametrize(
    ("P", "expected"),
    [
        (
            matrices.rock_paper_scissors(3, 0.2),
            {
                "Condorcet winner exists",
                "strict total order",
                "weak stochastic transitivity (WST)",
                "strong stochastic transitivity (SST)",
            },
        ),
        (matrices.mslr5(), {"stochastic triangle inequality (STI)"}),
        (
            matrices.cyclic4(),
            {
                "strict total order",
                "weak stochastic transitivity (WST)",
                "strong stochastic transitivity (SST)",
            },
        ),
        (np.full((3, 3), 0.5), ORDERED - {n for n in ORDERED if "stochastic" in n} - {"relaxed SST from the winner"}),
        (
            matrices.arxiv6(),
            ORDERED - {"Condorcet winner exists", "unique von Neumann winner", "relaxed SST from the winner"},
        ),
    ],
    ids=["rock-paper-scissors", "mslr5", "cyclic4", "all even", "arxiv6"],
)
def test_exactly_the_broken_assumptions_fail(P, expected):
    assert failed(diagnose(P)) == expected


def test_relaxed_sst_is_unknown_without_a_winner():
    d = diagnose(matrices.rock_paper_scissors())
    assert [a.holds for a in d.assumptions if a.name == "relaxed SST from the winner"] == [None]
    assert "unknown relaxed SST" in str(d)
    assert d.lower_bound is None


def test_counts_add_connectivity_and_noise():
    """c never wins and d was never compared: no finite Bradley-Terry fit; 10 : 0 is clear, 3 : 2 is not."""
    wins = np.zeros((4, 4))
    wins[0, 1], wins[1, 0], wins[0, 2], wins[1, 2] = 3, 2, 10, 10
    d = diagnose(tables.make_counts(wins, names=["a", "b", "c", "d"]))
    assert {"every pair observed", "win graph strongly connected"} <= failed(d)
    assert d.undecided_pairs == 4  # a-b and the three pairs of d
    assert d.connectivity.components == ((0, 1), (2,), (3,))
    report = str(d)
    assert "3 of 6 pairs missing, taken as 1/2 above" in report
    assert "3 components; some arms were never compared" in report
    assert "a finite, unique maximum-likelihood estimate of Bradley-Terry" in report


def test_tie_rule_changes_the_report():
    """By hand: with ties dropped a pair that only tied is unobserved and does not connect."""
    counts = tables.make_counts([[0, 5, 0], [4, 0, 5], [0, 4, 0]], [[0, 2, 8], [2, 0, 0], [8, 0, 0]])
    half, drop = diagnose(counts), diagnose(counts, tie_rule="drop")
    assert half.tie_share == drop.tie_share == pytest.approx(10 / 28)
    assert (half.connectivity.unobserved_pairs, drop.connectivity.unobserved_pairs) == (0, 1)
    assert "a tie is half a win" in str(half)
    assert "ties dropped" in str(drop)


def test_ternary_matrices():
    P = np.array([[0.5, 0.3, 0.6], [0.1, 0.5, 0.5], [0.2, 0.2, 0.5]])
    d = diagnose(P, 1 - P - P.T)
    assert d.condorcet_winner == 0
    assert d.tie_share == pytest.approx((0.6 + 0.2 + 0.3) / 3)


def test_the_report_of_the_arena():
    counts = tables.arena_counts()
    report = str(diagnose(counts))
    for line in (
        "30 arms, 435 of 435 pairs observed, 218 to 13149 duels a pair (median 909)",
        "ties: 35.2%; a tie is half a win",
        "  Condorcet    gpt-4o-2024-05-13",
        "  FAILS   strict total order: 6 cyclic triples, 0 tied pairs",
        "  holds   win graph strongly connected: 1 component",
    ):
        assert line in report.splitlines()


def test_files(tmp_path):
    path = tmp_path / "P.csv"
    np.savetxt(path, matrices.cyclic4(), delimiter=",", fmt="%.3f")
    report = diagnose_file(path)
    assert (
        report
        == str(diagnose(matrices.cyclic4())).replace("4 arms\n", "4 arms, 6 of 6 pairs observed\n")
        + "\n  holds   every pair observed: 0 of 6 pairs missing\n  holds   win graph strongly connected: 1 component"
    )
    assert "1 > 2 > 3 > 1" in report
    assert "at least as 0.8151 ln T" in report


def test_long_lists_are_cut():
    report = str(diagnose(np.full((40, 40), 0.5)))
    assert "... 30 more" in report
    assert max(map(len, report.splitlines())) < 200


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagnose([[0.5, 0.7], [0.4, 0.5]]), r"P\[0,1\] \+ P\[1,0\] = 1.1"),
        (lambda: diagnose(matrices.arxiv6(), tie_rule="ternary"), r"tie_rule: unknown name 'ternary'"),
        (lambda: diagnose(matrices.arxiv6(), smoothing=1.0), r"smoothing must be 0 for a matrix"),
        (lambda: diagnose(matrices.arxiv6(), names=["a"]), r"names must name the 6 arms; got 1"),
        (lambda: diagnose(tables.arena_counts(), names=["a"]), r"ties and names must be left out for Counts"),
        (lambda: diagnose_file("nowhere.csv"), r"nowhere.csv: no such file"),
        (lambda: diagnose_file("nowhere.csv", ties="ternary"), r"ties: unknown name 'ternary'"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
