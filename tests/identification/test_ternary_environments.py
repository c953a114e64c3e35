"""Davidson and Rao-Kupper: probabilities by hand, outcomes in law, winners by mode, refusals."""

import math

import numpy as np
import pytest
from scipy import stats

from duel.errors import InvalidInput
from envs.finite import BradleyTerry, Davidson, RaoKupper


def world(environment, seed=0):
    environment.check()
    return environment.init(np.random.default_rng(seed))


@pytest.mark.by_hand("Davidson")
def test_davidson_by_hand():
    # worths 4 and 1, nu = 1: 4 : sqrt(4) : 1
    w = world(Davidson((math.log(4.0), 0.0), tie_weight=1.0))
    np.testing.assert_allclose([w.win[0, 1], w.not_loss[0, 1] - w.win[0, 1], w.win[1, 0]], [4 / 7, 2 / 7, 1 / 7])
    assert w.P[0, 1] == pytest.approx(5 / 7)
    # equal arms tie with nu / (2 + nu)
    even = world(Davidson((0.0, 0.0), tie_weight=3.0))
    assert even.not_loss[0, 1] - even.win[0, 1] == pytest.approx(0.6)


@pytest.mark.by_hand("RaoKupper")
def test_rao_kupper_by_hand():
    # worths 3 and 1, theta = 2: 3 / (3 + 2), 1 / (1 + 6), the rest 9 / 35
    w = world(RaoKupper((math.log(3.0), 0.0), threshold=2.0))
    np.testing.assert_allclose([w.win[0, 1], w.not_loss[0, 1] - w.win[0, 1], w.win[1, 0]], [3 / 5, 9 / 35, 1 / 7])


@pytest.mark.parametrize("environment", [Davidson((1.0, 0.3, 0.0), 0.8), RaoKupper((1.0, 0.3, 0.0), 1.7)])
def test_outcomes_in_law(environment):
    """Chi-square of 20000 duels at level 1e-7."""
    w, rng = world(environment), np.random.default_rng(1)
    outcomes = np.array([type(environment).duel(environment, w, 0, 2, rng) for _ in range(20_000)])
    chances = np.array([w.win[0, 2], w.not_loss[0, 2] - w.win[0, 2], w.win[2, 0]])
    counts = np.array([(outcomes == k).sum() for k in (1, 0, -1)])
    assert chances.sum() == pytest.approx(1.0)
    assert stats.chisquare(counts, 20_000 * chances).pvalue > 1e-7


@pytest.mark.parametrize("environment", [Davidson((2.0, 0.5, -3.0), 0.0), RaoKupper((2.0, 0.5, -3.0), 1.0)])
def test_without_ties_it_is_bradley_terry(environment):
    np.testing.assert_allclose(world(environment).P, world(BradleyTerry((2.0, 0.5, -3.0))).P, atol=1e-15)


@pytest.mark.parametrize("environment", [Davidson((400.0, 0.0, -400.0), 2.0), RaoKupper((400.0, 0.0, -400.0), 2.0)])
def test_extreme_utilities_are_safe(environment):
    w = world(environment)
    assert np.isfinite(w.P).all()
    np.testing.assert_array_equal(w.P + w.P.T, 1.0)
    assert w.P[0, 2] == 1.0


def test_indifference_is_a_band_of_utilities():
    # Davidson: the mode is a tie when |difference| < 2 ln nu = 1.386: 0 ~ 1 ~ 2, yet 0 is preferred to 2
    w = world(Davidson((2.0, 1.0, 0.0), tie_weight=2.0))
    np.testing.assert_array_equal(w.copeland, [True, False, False])  # scores 3/2, 1, 1/2
    wide = world(Davidson((1.0, 0.5, 0.0), tie_weight=2.0))
    assert wide.copeland.all()


def test_shuffled_arms_keep_their_model():
    plain, mixed = world(Davidson((3.0, 1.0, 0.0), 1.2)), world(Davidson((3.0, 1.0, 0.0), 1.2, shuffle=True), seed=3)
    np.testing.assert_allclose(np.sort(plain.P.ravel()), np.sort(mixed.P.ravel()), atol=1e-15)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        (Davidson((1.0, 0.0), -0.1), "tie_weight"),
        (Davidson((1.0, 0.0), math.nan), "tie_weight"),
        (Davidson((1.0, 0.0), True), "tie_weight"),
        (RaoKupper((1.0, 0.0), 0.9), "threshold"),
        (RaoKupper((1.0, 0.0), math.inf), "threshold"),
        (Davidson((1.0,), 1.0), "utilities"),
        (RaoKupper((1.0, math.nan), 2.0), "utilities"),
    ],
)
def test_refused_by_name(environment, name):
    with pytest.raises(InvalidInput, match=name):
        environment.check()
