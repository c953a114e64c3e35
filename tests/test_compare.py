"""Comparisons against SciPy, closed forms, and planted faults (pairing lost, tuning on the test runs)."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from duel.compare import bootstrap_iqm, bootstrap_mean, holm, iqm, paired, quantiles, select, summary
from duel.errors import InvalidInput


def tidy(values, metric="average", environment="E", t=(10,)):
    """A tidy table from label -> [run, checkpoint]."""
    parts = []
    for label, v in values.items():
        v = np.asarray(v, dtype=float).reshape(len(v), -1)
        R, C = v.shape
        parts.append(
            pd.DataFrame(
                {
                    "algorithm": label,
                    "environment": environment,
                    "run": np.repeat(np.arange(R), C),
                    "t": np.tile(t, R),
                    "metric": metric,
                    "value": v.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_bootstrap_mean_is_scipys():
    x = np.random.default_rng(1).gamma(2.0, size=(60, 3))
    ours = bootstrap_mean(x, resamples=20_000)
    theirs = stats.bootstrap((x,), np.mean, axis=0, n_resamples=20_000, method="percentile", rng=2)
    np.testing.assert_allclose(ours.center, x.mean(axis=0))
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    np.testing.assert_allclose(ours.low, theirs.confidence_interval.low, atol=0.05 * width.max())
    np.testing.assert_allclose(ours.high, theirs.confidence_interval.high, atol=0.05 * width.max())


def test_bootstrap_repeats_and_a_constant_has_no_width():
    x = np.random.default_rng(1).random((20, 2))
    np.testing.assert_array_equal(bootstrap_mean(x, seed=3).low, bootstrap_mean(x, seed=3).low)
    band = bootstrap_mean(np.full((9, 2), 4.0))
    np.testing.assert_allclose([band.low, band.high], 4.0)


def test_bands_cover_the_expectation():
    """Exponential values, n = 50: 95 % bands cover the mean in 92 to 95 % of trials; 85 % would be wrong.

    1,000 trials; false alarm: Binomial(1000, 0.92) below 870 has probability 1e-7.
    """
    band = bootstrap_mean(np.random.default_rng(3).exponential(size=(50, 1000)), resamples=1000)
    covered = int(((band.low <= 1) & (band.high >= 1)).sum())
    assert stats.binom.cdf(869, 1000, 0.92) < 1e-6
    assert 870 <= covered <= 985


@pytest.mark.parametrize("n", [4, 8, 40])
def test_iqm_is_scipys_trimmed_mean_when_four_divides_n(n):
    x = np.random.default_rng(n).standard_cauchy((n, 3))
    np.testing.assert_allclose(iqm(x), stats.trim_mean(x, 0.25, axis=0))


def test_iqm_counts_border_runs_in_part():
    # n = 5: the middle 2.5 places of 1..5 are 3/4 of 2, all of 3, 3/4 of 4; shifted by weights, the mean is 3.
    assert iqm([5.0, 1.0, 2.0, 3.0, 4.0])[0] == pytest.approx(3.0)
    # n = 2: half of each.
    assert iqm([0.0, 1.0])[0] == pytest.approx(0.5)
    # n = 3 of 0, 0, 9: 3/4 .. 9/4 of 3 covers 1/4 of the first, all of the second, 1/4 of the third.
    assert iqm([0.0, 9.0, 0.0])[0] == pytest.approx(9 * 0.25 / 1.5)


def test_bootstrap_iqm_is_the_iqm_of_resamples():
    x = np.random.default_rng(5).exponential(size=(24, 2))
    ours = bootstrap_iqm(x, resamples=5_000)
    rng = np.random.default_rng(6)
    naive = np.stack([iqm(x[rng.integers(24, size=24)]) for _ in range(5_000)])
    np.testing.assert_allclose(ours.low, np.quantile(naive, 0.025, axis=0), rtol=0.06)
    np.testing.assert_allclose(ours.high, np.quantile(naive, 0.975, axis=0), rtol=0.06)


def test_quantiles_are_numpys():
    x = np.random.default_rng(1).random((30, 4))
    np.testing.assert_array_equal(quantiles(x, [0.1, 0.9]), np.quantile(x, [0.1, 0.9], axis=0))


def test_paired_is_scipys_paired_t_test():
    rng = np.random.default_rng(7)
    noise = rng.normal(scale=10, size=40)
    values = {"A": noise + 1 + rng.normal(size=40), "B": noise + rng.normal(size=40), "C": noise + 5}
    table = paired(tidy(values), "average", baseline="B").set_index("algorithm")
    for label in ("A", "C"):
        theirs = stats.ttest_rel(values[label], values["B"])
        interval = theirs.confidence_interval(0.95)
        row = table.loc[label]
        assert row["p"] == pytest.approx(theirs.pvalue)
        assert (row["low"], row["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))
        assert row["correlation"] == pytest.approx(np.corrcoef(values[label], values["B"])[0, 1])
    # Common noise of deviation 10 hides a difference of 1 from an unpaired test; pairing finds it.
    assert table.loc["A", "p"] < 1e-3 < stats.ttest_ind(values["A"], values["B"]).pvalue


def test_pairing_is_by_run_number_not_by_row():
    rng = np.random.default_rng(8)
    frame = tidy({"A": rng.random(30), "B": rng.random(30)})
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        paired(frame, "average", baseline="A"), paired(shuffled, "average", baseline="A"), check_exact=False
    )


def test_the_share_of_better_runs_counts_ties_half():
    table = paired(tidy({"A": [1, 2, 3, 4], "B": [2, 2, 2, 2]}), "average", baseline="B")
    assert table["better"][0] == (1 + 0.5) / 4
    larger = paired(tidy({"A": [1, 2, 3, 4], "B": [2, 2, 2, 2]}), "average", baseline="B", smaller=False)
    assert larger["better"][0] == (2 + 0.5) / 4


def test_identical_algorithms_do_not_differ():
    table = paired(tidy({"A": [1, 2, 3], "B": [1, 2, 3]}), "average", baseline="B")
    assert table["p"][0] == 1
    assert table["low"][0] == table["high"][0] == 0


def test_holm_is_the_textbooks():
    # Holm 1979: p sorted 0.01, 0.03, 0.04 times 3, 2, 1, made monotone.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    np.testing.assert_allclose(holm([np.nan, 0.5, 0.9]), [np.nan, 1.0, 1.0])


def test_selection_judges_on_runs_that_did_not_choose():
    """100 equal variants: the best looks good on its tuning runs; on held-out runs it is as good as any, mean 0.

    With 20 tuning runs the best of 100 means is about -2.5 / sqrt(20) = -0.56; above -0.2 has probability < 1e-30. The
    test mean of 400 runs is within 0.25 = 5 sd of 0. A selection that reported tuning runs (the fault) fails.
    """
    rng = np.random.default_rng(12)
    values = {f"X(a={k})": rng.normal(size=420) for k in range(100)}
    row = select(tidy(values), "average", tuning=20).iloc[0]
    assert row["tuning_mean"] < -0.2
    assert abs(row["mean"]) < 0.25
    assert row["optimism"] > 0.2
    assert (row["tuning_runs"], row["test_runs"], row["variants"], row["family"]) == (20, 400, 100, "X")


def test_selection_finds_the_best_and_respects_families():
    values = {"X(a=1)": np.ones(10), "X(a=2)": np.zeros(10), "Y": np.full(10, 0.5)}
    table = select(tidy(values), "average").set_index("family")
    assert table.loc["X", "chosen"] == "X(a=2)"
    assert table.loc["Y", "chosen"] == "Y"
    joint = select(tidy(values), "average", families=dict.fromkeys(values, "all"), smaller=False)
    assert list(joint["chosen"]) == ["X(a=1)"]


def test_summary_of_a_known_sample():
    row = summary(tidy({"A": np.arange(1.0, 9.0)}), "average").iloc[0]
    assert (row["runs"], row["mean"], row["median"], row["iqm"]) == (8, 4.5, 4.5, 4.5)
    assert row["sd"] == pytest.approx(np.std(np.arange(1, 9), ddof=1))
    assert row["low"] < 4.5 < row["high"]


def test_a_checkpoint_can_be_chosen():
    frame = tidy({"A": [[1, 2], [3, 4]]}, t=(10, 20))
    assert summary(frame, "average")["mean"][0] == 3
    assert summary(frame, "average", t=10)["mean"][0] == 2


def test_environments_come_apart():
    frame = pd.concat([tidy({"A": [1, 2], "B": [3, 4]}), tidy({"A": [5, 5], "B": [5, 5]}, environment="F")])
    table = paired(frame, "average", baseline="A").set_index("environment")
    assert table.loc["E", "difference"] == 2
    assert table.loc["F", "difference"] == 0


GOOD = tidy({"A": [1, 2, 3, 4], "B": [2, 2, 2, 2]})
REFUSED = [
    (lambda: bootstrap_mean([]), "at least one run"),
    (lambda: bootstrap_mean([[1.0, float("nan")]]), "NaN"),
    (lambda: bootstrap_mean(np.zeros((2, 2, 2))), "[run, checkpoint]"),
    (lambda: bootstrap_mean([1.0, 2.0], level=95), "level must be in (0, 1)"),
    (lambda: bootstrap_mean([1.0, 2.0], level=True), "level must be in (0, 1)"),
    (lambda: bootstrap_mean([1.0, 2.0], resamples=5), "resamples must be"),
    (lambda: bootstrap_mean([1.0, 2.0], seed=-1), "seed must be"),
    (lambda: quantiles([1.0, 2.0], [1.5]), "q must be"),
    (lambda: quantiles([1.0, 2.0], []), "q must be"),
    (lambda: summary(GOOD, "avrage"), "Did you mean 'average'"),
    (lambda: summary(GOOD, "average", t=11), "nearest is 10"),
    (lambda: summary(GOOD.drop(columns="run"), "average"), "no column 'run'"),
    (lambda: summary(None, "average"), "tidy table"),
    (lambda: paired(GOOD, "average", baseline="b"), "Did you mean 'B'"),
    (lambda: paired(GOOD[:-1], "average", baseline="B"), "different runs"),
    (lambda: paired(pd.concat([GOOD, GOOD]), "average", baseline="B"), "own labels"),
    (lambda: select(GOOD, "average", tuning=1.5), "tuning must be"),
    (lambda: select(GOOD, "average", tuning=3), "at least 2 are needed"),
    (lambda: select(GOOD, "average", tuning=0), "tuning must be"),
    (lambda: select(GOOD, "average", families={"A": "x"}), "no family is given for 'B'"),
    (lambda: select(GOOD[:-1], "average"), "different runs"),
]


@pytest.mark.parametrize(("call", "remedy"), REFUSED, ids=[f"{i}-{r}" for i, (_, r) in enumerate(REFUSED)])
def test_bad_comparisons_are_refused_in_one_line(call, remedy):
    with pytest.raises(InvalidInput, match=r"\S") as caught:
        call()
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
