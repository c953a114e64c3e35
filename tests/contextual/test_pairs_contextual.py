"""Optimistic pairs, robust pairs and layered learners: rounds by hand, rates, and wrong versions."""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import optimize, special

import duel
from algorithms.contextual import RCDB, VACDB, MaxFirstRndNext, MaxFirstUCBNext, MaxPairUCB, StaD, _layers
from algorithms.contextual import vacdb as vacdb_file
from algorithms.contextual.stad import theorem_width
from duel import catalog, glm, rates
from duel.bandits import Problem
from duel.errors import InvalidInput
from envs.contextual import SphereContexts, _world

LINE = np.array([[1.0], [0.5], [-1.0]])
PROBLEM = Problem(arms=3, dimension=1, horizon=100)
NAMES = ("MaxPairUCB", "MaxFirstUCBNext", "MaxFirstRndNext", "RCDB", "VACDB", "StaD")
DEAF, SWAPPED = 1, 2


class Draws:
    """Uniform draws laid out in advance."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def random(self) -> float:
        return self.values.pop(0)


class Misheard(NamedTuple):
    """SphereContexts whose outcomes the learner mishears: never (0), as a fair coin (DEAF), or the wrong way round."""

    dimension: int = 3
    arms: int = 5
    fault: int = 0
    norm: float = 1.0
    theta: Any = None
    link: str = "logistic"
    fresh: bool = True

    protocol = "duels"
    metrics = ("average", "weak")
    problem = _world.problem
    init = SphereContexts.init
    observe = SphereContexts.observe
    regrets = _world.regrets

    def duel(self, world: Any, first: int, second: int, rng: Any) -> int:
        outcome = hear(self, world, first, second, rng)
        if self.fault == DEAF:
            return 1 if rng.random() < 0.5 else -1
        return -outcome if self.fault == SWAPPED else outcome


hear = _world.duel


def taught(learner: Any) -> tuple[Any, float]:
    """The state after arm 0 beat arms 1 and 2 on x = (1, 1/2, -1), and theta by SciPy: M = 1 + 1/4 + 4."""
    state = learner.init(PROBLEM)
    state = learner.update(state, LINE, 1, 0, 1, 1)
    state = learner.update(state, LINE, 2, 0, 2, 1)
    assert state.gram[0, 0] == pytest.approx(5.25)
    assert state.root[0, 0] == pytest.approx(1 / math.sqrt(5.25))
    return state, root_of((0.5, 1.0), (2.0, 1.0))


def root_of(*won: tuple[float, float], ridge: float = 1.0) -> float:
    """theta with ridge theta + sum of w z (F(z theta) - 1) = 0."""
    return optimize.brentq(lambda x: ridge * x + sum(w * z * (special.expit(z * x) - 1) for z, w in won), 0, 9)


@pytest.mark.by_hand("MaxPairUCB")
@pytest.mark.parametrize(("beta", "pair"), [(0.5, (0, 0)), (10.0, (2, 0))])
def test_max_pair_ucb_by_hand(beta: float, pair: tuple[int, int]) -> None:
    """2 theta = 1.6 for (0, 0) against 2 beta / sqrt(5.25) = 0.87 beta for (0, 2)."""
    learner = MaxPairUCB(confidence_width=beta, ridge=1.0, tolerance=1e-9)
    state, theta = taught(learner)
    values = {
        (i, j): float((LINE[i] + LINE[j])[0] * theta + beta * abs(LINE[i] - LINE[j])[0] / math.sqrt(5.25))
        for i in range(3)
        for j in range(i + 1)
    }
    assert max(values, key=lambda p: values[p]) == pair
    state, first, second = learner.select(state, LINE, 3, Draws())
    assert state.estimate.theta[0] == pytest.approx(theta, abs=1e-8)
    assert (first, second) == pair


@pytest.mark.by_hand("MaxFirstUCBNext")
@pytest.mark.parametrize(("beta", "second"), [(1.0, 0), (10.0, 2)])
def test_max_first_ucb_next_by_hand(beta: float, second: int) -> None:
    """Leads over arm 0: 0, -theta / 2 + beta / (2 sqrt(5.25)), -2 theta + 2 beta / sqrt(5.25); theta = 0.8."""
    learner = MaxFirstUCBNext(confidence_width=beta, ridge=1.0, tolerance=1e-9)
    state, theta = taught(learner)
    state, *pair = learner.select(state, LINE, 3, Draws())
    w = beta / math.sqrt(5.25)
    np.testing.assert_allclose(state.value, [0.0, -0.5 * theta + 0.5 * w, -2 * theta + 2 * w], atol=1e-8)
    assert pair == [0, second]


@pytest.mark.by_hand("MaxFirstRndNext")
@pytest.mark.parametrize(("beta", "draw", "second"), [(1.0, 0.9, 0), (10.0, 0.5, 1), (10.0, 0.9, 2)])
def test_max_first_rnd_next_by_hand(beta: float, draw: float, second: int) -> None:
    """With beta = 1 arm 0 beats both others for certain (0.4 > 0.22, 1.6 > 0.87); with 10 none does."""
    learner = MaxFirstRndNext(confidence_width=beta, ridge=1.0, tolerance=1e-9)
    state, _ = taught(learner)
    state, *pair = learner.select(state, LINE, 3, Draws(draw))
    assert pair == [0, second]


@pytest.mark.by_hand("RCDB")
def test_rcdb_by_hand() -> None:
    """a = 1: leverage 2 of the first duel gives weight 1/2, Sigma = 1 + 2; then 0.5 / sqrt(3) < 1 gives weight 1."""
    learner = RCDB(corruption=1, slope=1.0, ridge=1.0, tolerance=1e-9)
    state = learner.init(PROBLEM)
    assert state.reach == 1.0
    assert state.width == 2.0  # sqrt(d) + a C
    state = learner.update(state, LINE, 1, 0, 2, 1)
    assert state.gram[0, 0] == pytest.approx(3.0)
    state = learner.update(state, LINE, 2, 0, 1, 1)
    assert state.gram[0, 0] == pytest.approx(3.25)
    assert state.root[0, 0] == pytest.approx(1 / math.sqrt(3.25))
    assert glm.solve(state.estimate)
    assert state.estimate.theta[0] == pytest.approx(root_of((2.0, 0.5), (0.5, 1.0)), abs=1e-8)
    assert learner.init(PROBLEM)._replace(reach=0.0).estimate.ridge == 1.0
    trusting = RCDB(corruption=0, slope=0.25).init(PROBLEM)
    assert trusting.reach == math.inf
    assert trusting.estimate.ridge == 0.25


@pytest.mark.by_hand("VACDB")
def test_vacdb_by_hand() -> None:
    """Sigma = 1/4: widths 1, 4, 3, all above 1/2. Arms 2 and 0 are drawn, weight (0.5 / 4)^2 = 1/64."""
    learner = VACDB(layers=1, slope=1.0, confidence_width=1.0, tolerance=1e-9)
    state = learner.init(PROBLEM)
    state, first, second = learner.select(state, LINE, 1, Draws(0.4))
    assert (first, second) == (2, 0)
    assert state.layers.weight[1] == pytest.approx(1 / 64)
    state = learner.update(state, LINE, 1, 2, 0, -1)
    assert state.layers.gram[0, 0, 0] == pytest.approx(0.25 + 4 / 64)
    assert state.layers.duels[0] == 1
    # the layer is wide still; it is solved when its arms are compared, and not for an arm alone
    state.layers.alive[:] = 1
    widest = _layers.enter(state.layers, 0, LINE)
    assert widest == pytest.approx(2 / math.sqrt(0.3125))
    _layers.settle(state.layers, 0, LINE, 0.0)
    assert state.layers.estimates.theta[0, 0] == 0.0
    _layers.settle(state.layers, 0, LINE, widest)
    assert state.layers.estimates.theta[0, 0] == pytest.approx(root_of((2.0, 1 / 64), ridge=0.25), abs=1e-8)
    # once it is narrow, the best arm duels itself and nothing is kept
    state.layers.root[0, 0, 0] = 1e-3
    state, first, second = learner.select(state, LINE, 2, Draws())
    assert (first, second) == (0, 0)
    before = state.layers.gram.copy()
    state = learner.update(state, LINE, 2, 0, 0, 1)
    np.testing.assert_array_equal(state.layers.gram, before)
    assert state.layers.duels[0] == 1


@pytest.mark.by_hand("VACDB")
@pytest.mark.parametrize(("beta", "pair"), [(0.1, (0, 0)), (1.1, (1, 0))])
def test_vacdb_eliminates_within_the_accuracy_times_beta(beta: float, pair: tuple[int, int]) -> None:
    """Layer 1 narrow, theta = 1: utilities 1, 1/2, -1; slack beta / 2. Layer 2: Sigma = 1/16, widths 4 |x - y|."""
    learner = VACDB(layers=2, confidence_width=beta)
    state = learner.init(PROBLEM)
    state.layers.root[0, 0, 0] = 0.2
    state.layers.estimates.theta[0, 0] = 1.0
    state, *chosen = learner.select(state, LINE, 1, Draws(0.5))
    assert tuple(chosen) == pair
    assert list(state.layers.alive) == ([1, 0, 0] if beta == 0.1 else [1, 1, 0])
    assert state.layers.level[1] == (-1 if beta == 0.1 else 1)


def test_vacdb_radius_of_the_theorem() -> None:
    """The formula, from |Psi_l| in a coarse layer and from the observed variance in a fine one."""
    learner = VACDB(radius="theory", slope=0.25, delta=0.1, layers=30)
    state = learner.init(PROBLEM)
    np.testing.assert_allclose(state.beta, 0.5 ** np.arange(1, 31) * 5)
    t, L = 10, 30
    log_next, log_now = math.log(4 * 11**2 * L / 0.1), math.log(4 * 10**2 * L / 0.1)
    for s, outcomes in ((0, (1, 1, -1)), (20, (1, 1, -1))):
        for outcome in outcomes:
            _layers.keep(state.layers, s, LINE, 0, 2, outcome, 0.01)
            state.stale[s] = 1
        state.layers.alive[:] = 1
        _layers.settle(state.layers, s, LINE, _layers.enter(state.layers, s, LINE))
        vacdb_file.refresh(state, s, t)
        p = special.expit(2 * state.layers.estimates.theta[s, 0])
        variance = 3.0 if s == 0 else 0.01 * (2 * (1 - p) ** 2 + p**2)
        unit = 0.5 ** (s + 1)
        beta = (
            16 * unit / 0.25 * math.sqrt((8 * variance + 18 * log_next) * log_now)
            + 6 * unit / 0.25 * log_now
            + 2 * unit
        )
        assert state.variance[s] == pytest.approx(variance)
        assert state.beta[s] == pytest.approx(beta)


@pytest.mark.by_hand("StaD")
def test_stad_by_hand() -> None:
    """One exploration duel goes to every stage; then stage 1 is wide, narrow with survivors, and narrow at last."""
    learner = StaD(confidence_width=1.0, exploration=1, stages=2, ridge=1.0)
    state = learner.init(PROBLEM)
    state, first, second = learner.select(state, LINE, 1, Draws(0.1, 0.9))
    assert (first, second) == (0, 2)
    state = learner.update(state, LINE, 1, 0, 2, 1)
    np.testing.assert_allclose(state.layers.gram[:, 0, 0], [5.0, 5.0])
    # widths / sqrt(5): 0.22, 0.89, 0.67 against 1/2; two wide pairs, (2, 0) and (2, 1)
    state, first, second = learner.select(state, LINE, 2, Draws(0.6))
    assert (first, second) == (2, 1)
    state = learner.update(state, LINE, 2, 2, 1, -1)
    np.testing.assert_allclose(state.layers.gram[:, 0, 0], [5.0 + 2.25, 5.0])
    # stage 1 narrow, theta = 2: arm 1 is 1 behind, more than 1/2, so that only arm 0 is left
    state.layers.root[0, 0, 0], state.layers.estimates.theta[0, 0], state.layers.changed[0] = 0.1, 2.0, 0
    state, first, second = learner.select(state, LINE, 3, Draws())
    assert (first, second) == (0, 0)
    assert state.layers.level[3] == -1
    assert theorem_width(PROBLEM, radius=0.0, delta=0.9) == pytest.approx(6 * math.sqrt(2 * math.log(1000)))


@pytest.mark.parametrize(
    "learner",
    [
        MaxPairUCB(confidence_width=0.0),
        MaxFirstUCBNext(ridge=-1.0),
        MaxFirstRndNext(estimator="mle"),
        RCDB(corruption=-1),
        RCDB(slope=0.0),
        VACDB(radius="wide"),
        VACDB(layers=0),
        VACDB(layers=61),
        VACDB(norm=0.0),
        VACDB(delta=1.0),
        StaD(confidence_width=math.inf),
        StaD(stages=99),
        StaD(exploration=-1),
    ],
    ids=repr,
)
def test_bad_hyper_parameters_of_pair_learners_are_refused(learner: Any) -> None:
    with pytest.raises(InvalidInput) as error:
        duel.simulate(learner, SphereContexts(2, 3), horizon=5)
    assert "\n" not in str(error.value)


def measured(name: str, fault: int, runs: int) -> tuple[Any, rates.Measurement]:
    card, cls = catalog.cards()[name]
    theorem = card.theorems[0]
    fields = dict(theorem.fields)
    return theorem, rates.measure(cls(**fields), theorem, environment=Misheard(fault=fault), runs=runs)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.rate(n), pytest.mark.mutant(n)]) for n in NAMES])
def test_pair_learners_keep_their_rate_and_lose_it_when_they_mishear(name: str) -> None:
    """One compiled loop a learner. Fair coins for outcomes leave all arms alike; swapped, the worst arm looks best."""
    theorem, right = measured(name, 0, theorem_runs(name))
    rates.assert_rate(None, theorem, measurement=right)
    for fault in (DEAF, SWAPPED):
        _, wrong = measured(name, fault, 16)
        with pytest.raises(AssertionError, match="exceeds the claimed"):
            rates.assert_rate(None, theorem, measurement=wrong)


@pytest.mark.mutant("StaD")
def test_stad_with_a_narrow_width_loses_the_best_arms_for_good() -> None:
    """The estimate of a finished stage is wrong by more than its accuracy, and nothing is learnt there any more."""
    theorem = catalog.cards()["StaD"][0].theorems[0]
    later = {"environment": Misheard(), "horizons": (4_000, 8_000, 16_000, 32_000), "runs": 16}
    narrow = rates.measure(StaD(confidence_width=1.0), theorem, **later)
    with pytest.raises(AssertionError, match="exceeds the claimed"):
        rates.assert_rate(None, theorem, measurement=narrow)


def theorem_runs(name: str) -> int:
    return catalog.cards()[name][0].theorems[0].runs


@pytest.mark.mutant("VACDB")
def test_vacdb_without_layers_stops_learning() -> None:
    theorem = vacdb_file.CARD.theorems[0]
    flat = rates.measure(VACDB(layers=1), theorem, environment=Misheard(), runs=16)
    with pytest.raises(AssertionError, match="exceeds the claimed"):
        rates.assert_rate(None, theorem, measurement=flat)


@pytest.mark.mutant("RCDB")
def test_pairs_without_a_bonus_lock_in() -> None:
    """Greedy play on static arms: some runs never meet the best arm again."""
    static = Misheard(fresh=False)
    settings = {"horizon": 4_000, "runs": 64, "checkpoints": [500, 1_000, 2_000, 4_000]}
    greedy = duel.simulate(RCDB(corruption=0, confidence_width=1e-9), static, **settings)
    right = duel.simulate(RCDB(corruption=0), static, **settings)
    assert rates.fit_exponent(greedy.checkpoints, greedy["average"]).value > 0.85
    assert rates.fit_exponent(right.checkpoints, right["average"]).value < 0.6
