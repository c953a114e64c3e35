"""Count tables: every layout that is read, every fault that is refused, the estimates, and the shipped arena table."""

import hashlib
import itertools
import json
import zipfile
from importlib.resources import files

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duel import matrices, preferences, tables
from duel.data import build_arena
from duel.errors import InvalidInput


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="duels.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return to_file


PLAIN = "item_i,item_j,wins_i,wins_j,ties\ncat,dog,3,1,2\ndog,fox,4,0,0\n"


def expect_plain(counts):
    assert counts.names == ("cat", "dog", "fox")
    assert counts.kind == "counts"
    assert counts.wins.tolist() == [[0, 3, 0], [1, 0, 4], [0, 0, 0]]
    assert counts.ties.tolist() == [[0, 2, 0], [2, 0, 0], [0, 0, 0]]
    assert counts.duels.tolist() == [[0, 6, 0], [6, 0, 4], [0, 4, 0]]


# ------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.rstrip("\n"),
        "\n\n" + PLAIN.replace("\n", "\n\n"),
        PLAIN.replace("cat", '" cat "').replace("3,", "3.0, "),
        "Model A,model-b,Wins A,WIN_B,draws\ncat,dog,3,1,2\ndog,fox,4,0,0\n",
        "ties,wins_j,wins_i,item_j,item_i\n2,1,3,dog,cat\n0,0,4,fox,dog\n",
        "first,second,first_wins,second_wins,ties\ncat,dog,3,1,2\ndog,fox,4,0,0\n",
    ],
)
def test_tables_of_pairs(write, text):
    expect_plain(tables.read_counts(write(text)))


def test_quoted_names_and_missing_ties(write):
    counts = tables.read_counts(write('item_i,item_j,wins_i,wins_j\n"x, y","say ""z""",1,2\n'))
    assert counts.names == ("x, y", 'say "z"')
    assert counts.wins.tolist() == [[0, 1], [2, 0]]
    assert not counts.ties.any()


def test_names_that_are_numbers(write):
    counts = tables.read_counts(write("i,j,wins_i,wins_j\n7,3,1,2\n"))
    assert counts.names == ("7", "3")


COUNT_MATRICES = {
    "bare": "0,3,1\n2,0,4\n0,5,0\n",
    "empty diagonal": ",3,1\n2,,4\n0,5,\n",
    "header": "a,b,c\n0,3,1\n2,0,4\n0,5,0\n",
    "header and names": ",a,b,c\na,0,3,1\nb,2,0,4\nc,0,5,0\n",
    "corner": "arm,a,b,c\na,0,3,1\nb,2,0,4\nc,0,5,0\n",
    "short header": "a,b,c\na,0,3,1\nb,2,0,4\nc,0,5,0\n",
    "names without header": "a,0,3,1\nb,2,0,4\nc,0,5,0\n",
    "numbers as names": ",0,1,2\n0,0,3,1\n1,2,0,4\n2,0,5,0\n",
    "numbers as names, corner": "arm,0,1,2\n0,0,3,1\n1,2,0,4\n2,0,5,0\n",
}


@pytest.mark.parametrize("case", COUNT_MATRICES)
def test_matrices_of_counts(write, case):
    counts = tables.read_counts(write(COUNT_MATRICES[case]))
    assert counts.kind == "counts"
    assert counts.wins.tolist() == [[0, 3, 1], [2, 0, 4], [0, 5, 0]]
    named = "a" in COUNT_MATRICES[case].replace("arm", "")
    assert counts.names == (("a", "b", "c") if named else ("0", "1", "2"))


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("names", [None, list("uvwxyz")])
def test_probabilities_as_a_data_frame_writes_them(tmp_path, index, names):
    path = tmp_path / "P.csv"
    pd.DataFrame(matrices.arxiv6(), index=names, columns=names).to_csv(path, index=index, header=index or bool(names))
    counts = tables.read_counts(path)
    assert counts.kind == "probabilities"
    assert counts.names == tuple("uvwxyz" if names else "012345")
    estimate = tables.preference_matrix(counts)
    np.testing.assert_array_equal(estimate.P, matrices.arxiv6())
    assert estimate.observed.all()
    assert tables.preference_matrix(counts, "ternary").ties.tolist() == np.zeros((6, 6)).tolist()


def test_zeros_and_ones_are_counts_with_diagonal_0_and_probabilities_with_diagonal_half(write):
    assert tables.read_counts(write("0,1\n0,0\n")).kind == "counts"
    assert tables.read_counts(write(".5,1\n0,.5\n")).kind == "probabilities"


# ------------------------------------------------------------------------------------------------------- refusing

HEAD = "item_i,item_j,wins_i,wins_j,ties\n"
BAD_FILES = {
    "empty": ("", r"duels.csv: no data; expected a header"),
    "header only": (HEAD, r"no data"),
    "negative": (HEAD + "a,b,1,2,0\na,c,-3,1,0\n", r"line 3: wins_i = -3, a count must be >= 0"),
    "fraction": (HEAD + "a,b,0.55,0.45,0\n", r"line 2: wins_i = 0.55, a count must be a whole.*square matrix"),
    "text": (HEAD + "a,b,1,two,0\n", r"line 2: wins_j = 'two' is not a number"),
    "nan": (HEAD + "a,b,1,nan,0\n", r"line 2: wins_j = nan, must be finite"),
    "inf": (HEAD + "a,b,1,2,inf\n", r"line 2: ties = inf, must be finite"),
    "empty cell": (HEAD + "a,b,1,,0\n", r"line 2: wins_j is empty"),
    "short line": (HEAD + "a,b,1,2,0\n\na,c,1,2\n", r"line 4: 4 fields, expected 5"),
    "long line": (HEAD + "a,b,1,2,0,9\n", r"line 2: 6 fields, expected 5"),
    "pair twice": (HEAD + "a,b,1,2,0\nc,a,1,1,1\na,b,1,2,0\n", r"line 4: pair 'a', 'b' already on line 2; add"),
    "pair twice, reversed": (HEAD + "a,b,1,2,0\nb,a,1,2,0\n", r"line 3: pair 'b', 'a' already on line 2"),
    "itself": (HEAD + "a,a,1,2,0\n", r"line 2: 'a' against itself"),
    "nameless": (HEAD + "a, ,1,2,0\n", r"line 2: an item has no name"),
    "misspelt": ("item_i,item_j,wins_i,wins_k\na,b,1,2\n", r"line 1: unknown column 'wins_k'. Did you mean 'wins_j'"),
    "unknown column": (HEAD[:-1] + ",ties_both_bad\na,b,1,2,0,4\n", r"line 1: unknown column 'ties_both_bad'"),
    "column twice": ("item_i,item_j,wins_i,wins,wins_j\na,b,1,1,2\n", r"line 1: columns 'wins_i' and 'wins' both mean"),
    "missing column": ("item_i,item_j,wins_i\na,b,1\n", r"line 1: no column wins_j; got .*'wins_i'\]. Names"),
    "wrong header": ("x,y,z,w\na,b,1,2\n", r"line 1: unknown column 'x'"),
    "wrong header, second line": ("\nx,y,z,w\na,b,1,2\n", r"line 2: unknown column 'x'"),
    "no header": ("a,b,1,2\nb,c,1,2\n", r"line 1: no header item_i,item_j,wins_i,wins_j"),
    "open quote": (HEAD + 'a,"b,1,2,0\n', r"line \d: malformed CSV"),
    "not UTF-8": (HEAD.encode() + b"a,b,1,2,0\n\xff\xfe,b,1,2,0\n", r"line 3: not UTF-8"),
    "spreadsheet": (b"PK\x03\x04....", r"spreadsheet or zip archive, not CSV"),
    "one row": ("0\n", r"no data"),
    "one arm": ("a\n0\n", r"at least 2 arms; got 1"),
    "not square": ("0,1,2\n1,0,2\n", r"line 1: 3 fields in the first of 2 rows; a matrix must be square"),
    "ragged matrix": ("0,1,2\n1,0\n2,2,0\n", r"line 2: 2 fields, expected 3"),
    "negative matrix": ("0,1\n-4,0\n", r"line 2: column 1 = -4, must be >= 0"),
    "negative named": (",a,b\na,0,1\nb,-4,0\n", r"line 3: column 2 = -4, must be >= 0"),
    "neither": ("0,1.5\n2,0\n", r"line 1: column 2 = 1.5, must be in \[0, 1\] \(probabilities, since"),
    "not reciprocal": ("0.5,0.6\n0.43,0.5\n", r"row 0 on line 1: P\[0,1\] \+ P\[1,0\] = 1.03, must be 1: wrong matrix"),
    "text in matrix": (",a,b\na,0.5,x\nb,0.4,0.5\n", r"line 2: column 3 = 'x' is not a number"),
    "nan in matrix": ("0.5,nan\n0.4,0.5\n", r"line 1: column 2 = nan, must be finite"),
    "hole in matrix": ("0,1,2\n1,0,\n3,4,0\n", r"line 2: column 3 is empty"),
    "row order": (",a,b\nb,0,1\na,2,0\n", r"line 2: row named 'b', but column 1 is 'a'"),
    "names twice": ("a,a\n0,1\n1,0\n", r"line 1: arms must have names that differ"),
    "header too long": ("a,b,c\n0,1\n1,0\n", r"line 1: 3 names for 2 columns"),
    "ambiguous": (",3,4\n3,,7\n4,1,\n", r"line 1: cannot tell whether the first row holds names or numbers"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_refused_in_one_line_with_its_number(write, case):
    text, message = BAD_FILES[case]
    with pytest.raises(InvalidInput, match=message) as caught:
        tables.read_counts(write(text))
    assert "\n" not in str(caught.value)
    assert "duels.csv" in str(caught.value)


def test_a_missing_file_suggests_its_neighbour(write):
    path = write(PLAIN)
    with pytest.raises(InvalidInput, match=r"duel.csv: no such file. Did you mean 'duels.csv'\?"):
        tables.read_counts(path.with_name("duel.csv"))
    with pytest.raises(InvalidInput, match=r"no such file.$"):
        tables.read_counts(path.parent / "nowhere" / "duels.csv")
    with pytest.raises(InvalidInput, match=r"cannot be read \(Is a directory\)"):
        tables.read_counts(path.parent)


@given(st.text(alphabet='ab,;\n" \t0123.-e\x00', max_size=60))
def test_any_text_is_read_or_refused_but_never_crashes(text):
    refusal, counts = "", None
    try:
        counts = tables._parse(text, "fuzz.csv")
    except InvalidInput as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert (counts is None) == bool(refusal)
    if counts is not None:
        preferences.check(tables.preference_matrix(counts).P)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tables.make_counts([[0, 1, 2]]), r"wins must be a square matrix \[K, K\] with K >= 2"),
        (lambda: tables.make_counts([[0, -1], [2, 0]]), r"wins\[0,1\] = -1, must be a count"),
        (lambda: tables.make_counts([[0, 0.5], [0.5, 0]]), r"wins\[0,1\] = 0.5, must be a count"),
        (lambda: tables.make_counts([[0, np.nan], [2, 0]]), r"wins\[0,1\] = nan"),
        (lambda: tables.make_counts([[1, 1], [2, 0]]), r"wins\[0,0\] = 1, must be 0: an arm does not meet itself"),
        (lambda: tables.make_counts([[0, "x"], [2, 0]]), r"wins must be a square matrix of counts"),
        (lambda: tables.make_counts([[0, 1], [2, 0]], [[0, 1], [2, 0]]), r"ties must be symmetric"),
        (lambda: tables.make_counts([[0, 1], [2, 0]], np.zeros((3, 3))), r"ties must have the shape of wins"),
        (lambda: tables.make_counts([[0, 1], [2, 0]], names=["a"]), r"names must name the 2 arms; got 1"),
        (lambda: tables.make_counts([[0, 1], [2, 0]], names=["a", "a"]), r"'a' comes up more than once"),
        (lambda: tables.preference_matrix(small(), "halve"), r"ties: unknown name 'halve'. Did you mean 'half'"),
        (lambda: tables.preference_matrix(small(), smoothing=-1), r"smoothing must be a finite number >= 0; got -1"),
        (lambda: tables.preference_matrix(small(), smoothing=np.inf), r"smoothing must be a finite number"),
        (lambda: tables.connectivity(small(), "none"), r"ties: unknown name 'none'"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_probabilities_cannot_be_smoothed(write):
    with pytest.raises(InvalidInput, match=r"smoothing must be 0 for a matrix of probabilities"):
        tables.preference_matrix(tables.read_counts(write("0.5,0.6\n0.4,0.5\n")), smoothing=1.0)


# ------------------------------------------------------------------------------------------------------ estimates


def small():
    """cat 3 : 1 dog with 2 ties; dog 4 : 0 fox; cat and fox only tied, twice."""
    wins = [[0, 3, 0], [1, 0, 4], [0, 0, 0]]
    ties = [[0, 2, 2], [2, 0, 0], [2, 0, 0]]
    return tables.make_counts(wins, ties, ["cat", "dog", "fox"])


def test_estimates_by_hand():
    half = tables.preference_matrix(small())
    np.testing.assert_allclose(half.P, [[0.5, 4 / 6, 0.5], [2 / 6, 0.5, 1], [0.5, 0, 0.5]], atol=1e-15)
    assert half.ties is None
    assert half.observed.all()
    drop = tables.preference_matrix(small(), "drop")
    np.testing.assert_allclose(drop.P, [[0.5, 0.75, 0.5], [0.25, 0.5, 1], [0.5, 0, 0.5]], atol=1e-15)
    assert drop.observed.tolist() == [[True, True, False], [True, True, True], [False, True, True]]
    ternary = tables.preference_matrix(small(), "ternary")
    np.testing.assert_allclose(ternary.P, [[0.5, 3 / 6, 0], [1 / 6, 0.5, 1], [0, 0, 0.5]], atol=1e-15)
    np.testing.assert_allclose(ternary.ties, [[0, 2 / 6, 1], [2 / 6, 0, 0], [1, 0, 0]], atol=1e-15)


def test_smoothing_by_hand():
    assert tables.preference_matrix(small(), smoothing=1).P[1, 2] == pytest.approx(5 / 6)
    assert tables.preference_matrix(small(), "drop", smoothing=0.5).P[0, 1] == pytest.approx(3.5 / 5)
    ternary = tables.preference_matrix(small(), "ternary", smoothing=1)
    assert ternary.P[0, 1] == pytest.approx(4 / 9)
    assert ternary.ties[0, 1] == pytest.approx(3 / 9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.5, 2.0]))
def test_every_estimate_is_a_valid_matrix_and_unobserved_pairs_are_even(seed, smoothing):
    rng = np.random.default_rng(seed)
    wins = rng.poisson(1.0, (5, 5))
    ties = np.triu(rng.poisson(0.5, (5, 5)), 1)
    np.fill_diagonal(wins, 0)
    counts = tables.make_counts(wins, ties + ties.T)
    for rule in ("half", "drop"):
        estimate = tables.preference_matrix(counts, rule, smoothing=smoothing)
        preferences.check(estimate.P)
        assert (estimate.P[~estimate.observed] == 0.5).all()
        if smoothing == 0:  # the estimate of the ternary shares, seen through the same rule
            seen = tables.preference_matrix(counts, "ternary")
            np.testing.assert_allclose(preferences.binary(seen.P, seen.ties, tie_rule=rule), estimate.P, atol=1e-15)
    estimate = tables.preference_matrix(counts, "ternary", smoothing=smoothing)
    preferences.check_ternary(estimate.P, estimate.ties)
    assert (estimate.P[~estimate.observed] == 0.5).all()


# --------------------------------------------------------------------------------------------------- connectivity


@given(st.integers(0, 2**32 - 1), st.sampled_from(["half", "drop"]))
def test_components_equal_brute_force_reachability(seed, rule):
    rng = np.random.default_rng(seed)
    wins = rng.poisson(0.25, (5, 5))
    ties = np.triu(rng.poisson(0.1, (5, 5)), 1)
    np.fill_diagonal(wins, 0)
    counts = tables.make_counts(wins, ties + ties.T)
    edge = (counts.wins > 0) | ((counts.ties > 0) & (rule == "half"))
    reach = {(i, j): bool(edge[i, j]) or i == j for i in range(5) for j in range(5)}
    for k, i, j in itertools.product(range(5), repeat=3):  # Warshall
        reach[i, j] |= reach[i, k] and reach[k, j]
    strong = {tuple(j for j in range(5) if reach[i, j] and reach[j, i]) for i in range(5)}
    got = tables.connectivity(counts, rule)
    assert set(got.components) == strong
    assert got.strongly_connected == (len(strong) == 1)
    assert got.unobserved_pairs == sum(not (edge[i, j] or edge[j, i]) for i, j in itertools.combinations(range(5), 2))


def test_connectivity_by_hand():
    got = tables.connectivity(small())
    assert (got.pairs, got.unobserved_pairs, got.fewest, got.median, got.most) == (3, 0, 2, 4, 6)
    assert got.strongly_connected  # fox beats nobody, but a tie with cat links it
    dropped = tables.connectivity(small(), "drop")
    assert dropped.unobserved_pairs == 1
    assert dropped.components == ((0, 1), (2,))
    assert dropped.comparison_components == ((0, 1, 2),)
    islands = tables.connectivity(tables.make_counts([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]))
    assert islands.components == islands.comparison_components == ((0, 1), (2, 3))


# ---------------------------------------------------------------------------------------------------------- arena


def test_arena_table_facts():
    counts = tables.arena_counts()
    assert len(counts.names) == 30
    assert counts.names == tuple(sorted(counts.names))
    duels = counts.duels[np.triu_indices(30, 1)]
    assert (len(duels), duels.min(), np.median(duels), duels.max(), duels.sum()) == (435, 218, 909, 13149, 663268)
    assert counts.ties.sum() / 2 == 233706
    P = tables.preference_matrix(counts).P
    winner = preferences.condorcet_winner(P)
    assert counts.names[winner] == "gpt-4o-2024-05-13"
    assert preferences.borda_scores(P)[winner] == pytest.approx(0.6242, abs=5e-5)
    t = preferences.transitivity(P)
    # The same counts of violated chains came out of an independent script, run when the votes were first reduced.
    assert (t.weak.chains, t.weak.wst, t.weak.mst, t.weak.sst, t.weak.sti) == (4072, 18, 66, 731, 1573)
    assert t.cyclic_triples == 6
    dropped = preferences.transitivity(tables.preference_matrix(counts, "drop").P)
    assert (dropped.weak.sst, dropped.weak.sti) == (778, 1374)


def test_arena_table_is_the_one_whose_provenance_is_written_down():
    folder = files("duel").joinpath("data")
    digest = hashlib.sha256(folder.joinpath("arena30.csv").read_bytes()).hexdigest()
    provenance = folder.joinpath("PROVENANCE.md").read_text(encoding="utf-8")
    for fact in (digest, build_arena.WHEEL_SHA256, build_arena.JSON_SHA256, "BSD-3-Clause", "663,268"):
        assert fact in provenance
    assert "Redistribution and use" in folder.joinpath("LICENSE-leaderbot.txt").read_text(encoding="utf-8")


def miniature():
    """Four models; d met c only 5 times, so d goes: of c and d it has fewer partners."""
    return {
        "models": ["a", "b", "c", "d"],
        "X": [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]],
        "Y": [
            [100, 90, 5, 5],
            [150, 50, 0, 0],
            [1, 1, 1, 1],
            [70, 70, 30, 40],
            [200, 0, 0, 0],
            [2, 3, 0, 0],
        ],
    }


def test_arena_reduction_by_hand():
    expected = "item_i,item_j,wins_i,wins_j,ties\na,b,100,90,10\na,c,150,50,0\nb,c,70,70,70\n"
    assert build_arena.arena_table(miniature()) == expected


def test_arena_script_compares_writes_and_refuses_other_bytes(tmp_path, monkeypatch, capsys):
    assert build_arena.main([str(tmp_path / "none.whl")]) == 1
    assert "no such file; get it with: pip download leaderbot==0.4.3" in capsys.readouterr().err
    raw = json.dumps(miniature()).encode()
    (tmp_path / "source.json").write_bytes(raw)
    assert build_arena.main([str(tmp_path / "source.json")]) == 1
    assert "expected 25dfb900" in capsys.readouterr().err
    with zipfile.ZipFile(tmp_path / "fake.whl", "w") as wheel:
        wheel.writestr(build_arena.MEMBER, raw)
    assert build_arena.main([str(tmp_path / "fake.whl")]) == 1
    assert "expected 6a35ee04" in capsys.readouterr().err
    monkeypatch.setattr(build_arena, "JSON_SHA256", hashlib.sha256(raw).hexdigest())
    assert build_arena.main([str(tmp_path / "source.json")]) == 1
    assert "DIFFERS" in capsys.readouterr().out
    out = tmp_path / "table.csv"
    assert build_arena.main([str(tmp_path / "source.json"), "--write", str(out)]) == 0
    assert tables.read_counts(out).names == ("a", "b", "c")
