"""Designs over hyper-parameters: sizes, order, scales, and every refusal with its remedy."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import qmc

from duel.designs import METHODS, design, grid, integers, linear, log, log_space
from duel.errors import InvalidInput


class Learner(NamedTuple):
    width: float = 1.0
    power: float = 0.5
    link: str = "logistic"
    arms: int = 3


class Needy(NamedTuple):
    must: float


def test_a_grid_varies_the_last_field_fastest():
    members = grid(Learner, width=[1.0, 2.0], power=(0.1, 0.2, 0.3), link="probit")
    assert [(m.width, m.power) for m in members] == [(1, 0.1), (1, 0.2), (1, 0.3), (2, 0.1), (2, 0.2), (2, 0.3)]
    assert {m.link for m in members} == {"probit"}
    assert {m.arms for m in members} == {3}


def test_a_grid_of_nothing_is_the_default():
    assert grid(Learner) == [Learner()]


def test_a_grid_takes_ranges_and_none():
    assert grid(Learner, arms=range(2, 5)) == [Learner(arms=2), Learner(arms=3), Learner(arms=4)]
    assert grid(Learner, width=[None, 1.0])[0].width is None


def test_log_space_is_geometric_with_exact_ends():
    values = log_space(1e-3, 10, 9)
    assert values[0] == 1e-3
    assert values[-1] == 10
    np.testing.assert_allclose(values, np.geomspace(1e-3, 10, 9), rtol=1e-14)  # numpy's own


@pytest.mark.parametrize("method", METHODS)
def test_designs_stay_in_range_and_repeat(method):
    links = ["probit", "logistic"]
    kwargs = {"width": log(1e-3, 10.0), "power": linear(-1.0, 2.0), "arms": integers(2, 5), "link": links}
    members = design(Learner, 64, seed=3, method=method, **kwargs)
    assert members == design(Learner, 64, seed=3, method=method, **kwargs)
    assert members != design(Learner, 64, seed=4, method=method, **kwargs)
    assert all(1e-3 <= m.width <= 10 and -1 <= m.power < 2 for m in members)
    assert {m.arms for m in members} == {2, 3, 4, 5}
    assert {m.link for m in members} == {"probit", "logistic"}
    assert all(isinstance(m.arms, int) for m in members)


@pytest.mark.parametrize("method", ["sobol", "halton", "random"])
def test_extensible_designs_begin_alike(method):
    small = design(Learner, 16, method=method, width=log(0.1, 1), power=linear(0, 1))
    assert design(Learner, 64, method=method, width=log(0.1, 1), power=linear(0, 1))[:16] == small


def test_a_log_range_is_uniform_in_the_logarithm():
    widths = [m.width for m in design(Learner, 1024, method="sobol", width=log(1e-4, 1e4))]
    positions = (np.log10(widths) + 4) / 8
    # A scrambled Sobol' sequence of 2**10 points in one dimension has exactly one point in each of the 2**10 cells.
    assert sorted(np.floor(positions * 1024).astype(int)) == list(range(1024))


def test_low_discrepancy_is_lower_than_random():
    def discrepancy(method):
        members = design(Learner, 256, method=method, width=linear(0, 1), power=linear(0, 1))
        return qmc.discrepancy(np.array([(m.width, m.power) for m in members]))

    assert discrepancy("sobol") < 0.1 * discrepancy("random")
    assert discrepancy("halton") < 0.2 * discrepancy("random")


def test_a_latin_hypercube_has_one_point_a_row():
    members = design(Learner, 50, method="latin", width=linear(0, 50), power=linear(0, 50))
    assert sorted(math.floor(m.width) for m in members) == list(range(50))
    assert sorted(math.floor(m.power) for m in members) == list(range(50))


REFUSED = [
    (lambda: grid(Learner, widht=[1.0]), "Did you mean 'width'"),
    (lambda: grid(Learner, width=[]), "empty"),
    (lambda: grid(Learner, width=[1.0, 2.0, 1.0]), "twice"),
    (lambda: grid(Learner(), width=[1.0]), "without brackets"),
    (lambda: grid(dict, width=[1.0]), "NamedTuple"),
    (lambda: grid("Learner", width=[1.0]), "class"),
    (lambda: grid(Needy), "needs a value for 'must'"),
    (lambda: grid(Learner, width={1.0, 2.0}), "whose order is kept"),
    (lambda: grid(Learner, width=(x for x in (1.0,))), "whose order is kept"),
    (lambda: grid(Learner, width={"a": 1}), "whose order is kept"),
    (lambda: grid(Learner, width=log(0.1, 1)), "design(cls"),
    (lambda: grid(Learner, width=range(1001), power=range(1001)), "combinations"),
    (lambda: design(Learner, 0, width=log(0.1, 1)), "n must be"),
    (lambda: design(Learner, 2.5, width=log(0.1, 1)), "n must be"),
    (lambda: design(Learner, 10**7, width=log(0.1, 1)), "at most"),
    (lambda: design(Learner, 4, seed=-1, width=log(0.1, 1)), "seed must be"),
    (lambda: design(Learner, 4, method="sobl", width=log(0.1, 1)), "Did you mean 'sobol'"),
    (lambda: design(Learner, 4, widthh=log(0.1, 1)), "Did you mean 'width'"),
    (lambda: design(Learner, 4, width=1.0), "at least one range"),
    (lambda: design(Learner, 4), "at least one range"),
    (lambda: design(Learner, 4, width=[]), "empty"),
    (lambda: log(0, 1), "must be > 0"),
    (lambda: log(-1, 1), "must be > 0"),
    (lambda: log(2, 1), "swap"),
    (lambda: log(1, 1), "below high"),
    (lambda: log("a", 1), "must be a number"),
    (lambda: log(0.1, float("inf")), "finite"),
    (lambda: linear(float("nan"), 1), "finite"),
    (lambda: linear(3, 1), "swap"),
    (lambda: linear(True, 2), "must be a number"),
    (lambda: integers(1.5, 3), "must be an integer"),
    (lambda: integers(3, 3), "below high"),
    (lambda: log_space(0.1, 1, 1), "count must be"),
]


@pytest.mark.parametrize(("call", "remedy"), REFUSED, ids=[r for _, r in REFUSED])
def test_bad_designs_are_refused_in_one_line(call, remedy):
    with pytest.raises(InvalidInput, match=r"\S") as caught:
        call()
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
