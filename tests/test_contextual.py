"""Contextual duels: environments by hand and in law, CoLSTIM and MaxInP by hand, their rates, and wrong versions."""

import math

import numpy as np
import pytest
from mutants_contextual import (
    COIN_INVERTED,
    DEAF,
    GREEDY,
    NO_ELIMINATION,
    NO_SELF_DUEL,
    STALE,
    SWAPPED,
    FaultyCoLSTIM,
    FaultyMaxInP,
)
from scipy import optimize, special

import duel
from algorithms.contextual import CoLSTIM, MaxInP
from algorithms.contextual import colstim as colstim_file
from algorithms.contextual import maxinp as maxinp_file
from algorithms.contextual.maxinp import theorem_width
from algorithms.finite import UniformPairs
from duel import glm, links, rates
from duel.bandits import Problem
from duel.errors import InvalidInput
from envs.contextual import (
    FixedArms,
    GaussianContexts,
    Heteroscedastic,
    Hypercube,
    SignContexts,
    SphereContexts,
)

TRIANGLE = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))
ENVIRONMENTS = [
    GaussianContexts(3, 4),
    GaussianContexts(3, 4, link="thurstone", norm=2.0, fresh=False),
    SphereContexts(2, 5, link="laplace"),
    SphereContexts(2, 5, link="probit", fresh=False, theta=(0.3, -0.4)),
    Hypercube(3, scale=0.5),
    FixedArms(TRIANGLE, theta=(0.2, 0.1), link="linear"),
    FixedArms(TRIANGLE, norm=0.4, link="uniform"),
    Heteroscedastic(3, 4),
    SignContexts(3, 6),
]


def identity(environment):
    return f"{type(environment).__name__}-{environment.link}"


# --- environments ---


@pytest.mark.by_hand("FixedArms")
def test_fixed_arms_by_hand():
    """u = (0.6, -0.2, -0.6): a duel of arms 1 and 2 costs 0.6 + 0.4 on average, weakly 0.8; F(0.4) = 0.7 (linear)."""
    environment = FixedArms(TRIANGLE, theta=(0.6, -0.2), link="linear")
    environment.check()
    assert environment.problem(9) == Problem(arms=3, dimension=2, horizon=9, link="linear")
    world = environment.init(np.random.default_rng(0))
    np.testing.assert_allclose(world.utilities, [0.6, -0.2, -0.6], atol=1e-16)
    assert environment.regrets(world, 1, 2) == pytest.approx((1.0, 0.8))
    assert environment.regrets(world, 0, 0) == (0.0, 0.0)
    assert environment.regrets(world, 2, 0) == pytest.approx((0.6, 0.0))
    for draw, outcome in ((0.699, 1), (0.701, -1)):
        assert environment.duel(world, 1, 2, Script(random=[draw])) == outcome


@pytest.mark.by_hand("Hypercube")
def test_hypercube_by_hand():
    """d = 2 without noise: four corners; theta on one coordinate has length `scale` there."""
    environment = Hypercube(2, scale=3.0, nonzero=1, jitter=0.0)
    environment.check()
    world = environment.init(np.random.default_rng(4))
    assert sorted(map(tuple, world.contexts)) == [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)]
    assert sorted(world.theta) == [0.0, 3.0]
    assert sorted(world.utilities) == [-3.0, -3.0, 3.0, 3.0]
    noisy = Hypercube(4).init(np.random.default_rng(4))
    corner = np.sign(noisy.contexts)
    assert ((noisy.contexts - corner <= 0) & (noisy.contexts - corner >= -0.1)).all()
    assert np.count_nonzero(noisy.theta) == 2
    assert len({tuple(row) for row in corner}) == 16


@pytest.mark.by_hand("GaussianContexts", "SphereContexts", "Heteroscedastic", "SignContexts")
def test_features_by_hand():
    """Draws (3, 4) in two dimensions: on the sphere (0.6, 0.8); Gaussian 3 / sqrt 2, 4 / sqrt 2, pulled back to it."""
    normals = [1.0, 0.0, 3.0, 4.0, 0.6, -0.8]  # theta, then two arms
    for environment, second in (
        (SphereContexts(2, 2, theta=(1.0, 0.5), fresh=False), (0.6, -0.8)),
        (GaussianContexts(2, 2, theta=(1.0, 0.5), fresh=False), (0.6 / math.sqrt(2), -0.8 / math.sqrt(2))),
    ):
        world = environment.init(Script(standard_normal=list(normals)))
        np.testing.assert_allclose(world.contexts, [(0.6, 0.8), second], rtol=1e-15)
        np.testing.assert_allclose(world.utilities, [1.0, second[0] + 0.5 * second[1]], rtol=1e-14)
        assert world.best[0] == world.utilities[0]
    varied = Heteroscedastic(2, 2, low=0.5, norm=2.0)
    world = varied.init(Script(standard_normal=[3.0, -4.0]))
    np.testing.assert_allclose(world.theta, [1.2, -1.6])
    varied.observe(world, 1, Script(random=[0.5], standard_normal=normals[2:]))  # radius 0.5 + 0.5 * 0.5
    np.testing.assert_allclose(world.contexts, [(0.45, 0.6), (0.45, -0.6)], rtol=1e-15)
    signs = SignContexts(4, 2).init(np.random.default_rng(0))
    assert set(np.abs(signs.contexts).ravel()) == {0.5}


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=identity)
def test_features_and_theta_are_as_promised(environment):
    environment.check()
    problem = environment.problem(7)
    lengths, thetas = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        world = environment.init(rng)
        contexts = environment.observe(world, 1, rng)
        assert contexts.shape == (problem.arms, problem.dimension)
        np.testing.assert_allclose(world.utilities, contexts @ world.theta, atol=1e-14)
        assert world.best[0] == world.utilities.max()
        lengths.append(np.linalg.norm(contexts, axis=1))
        thetas.append(world.theta.copy())
    if not isinstance(environment, Hypercube):
        assert np.max(lengths) <= 1 + 1e-12
    if getattr(environment, "theta", None) is not None:
        np.testing.assert_array_equal(thetas, np.tile(environment.theta, (30, 1)))
    else:
        norm = environment.scale if isinstance(environment, Hypercube) else environment.norm
        np.testing.assert_allclose(np.linalg.norm(thetas, axis=1), norm, rtol=1e-12)
        assert len({t.tobytes() for t in thetas}) == 30


def win_frequency_deviation(environment, world, claimed, duels=20_000):
    """Largest deviation of a pair's win frequency from `claimed`, in standard errors, over three pairs."""
    rng = np.random.default_rng(11)
    worst = 0.0
    for i, j in ((0, 1), (1, 0), (2, 0)):
        p = links.cdf(links.code(claimed), world.utilities[i] - world.utilities[j])
        won = sum(environment.duel(world, i, j, rng) == 1 for _ in range(duels))
        worst = max(worst, abs(won - duels * p) / math.sqrt(duels * p * (1 - p)))
    return worst


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=identity)
def test_the_better_arm_wins_as_often_as_the_link_says(environment):
    """27 frequencies; 5.8 standard errors have probability 6.6e-9 each, 2e-7 in all."""
    rng = np.random.default_rng(3)
    world = environment.init(rng)
    environment.observe(world, 1, rng)
    assert win_frequency_deviation(environment, world, environment.link) < 5.8


def test_a_wrong_link_is_told_apart():
    environment = FixedArms(TRIANGLE, theta=(0.5, 0.0))
    world = environment.init(np.random.default_rng(0))
    assert win_frequency_deviation(environment, world, "logistic") < 5.8
    assert win_frequency_deviation(environment, world, "probit") > 5.8


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=identity)
def test_the_same_draws_whatever_the_learner_does(environment):
    def contexts(pairs):
        rng = np.random.default_rng(5)
        world = environment.init(rng)
        seen = []
        for t, (i, j) in enumerate(pairs, 1):
            seen.append(environment.observe(world, t, rng).copy())
            assert environment.duel(world, i, j, rng) in (-1, 1)
        return np.array(seen), rng.random()

    one, other = contexts([(0, 1)] * 5), contexts([(1, 1), (2, 0), (0, 0), (3 % 3, 2), (1, 0)])
    np.testing.assert_array_equal(one[0], other[0])
    assert one[1] == other[1]
    fresh = getattr(environment, "fresh", isinstance(environment, Heteroscedastic))
    assert (one[0][0] != one[0][1]).any() == fresh


def test_rounds_of_the_heteroscedastic_environment_differ_in_variance():
    environment = Heteroscedastic()
    rng = np.random.default_rng(0)
    world = environment.init(rng)
    variance = []
    for t in range(1, 400):
        environment.observe(world, t, rng)
        p = special.expit(world.utilities[:, None] - world.utilities[None, :])
        variance.append((p * (1 - p))[np.triu_indices(10, 1)].mean())
    assert np.quantile(variance, 0.05) < 0.1
    assert np.quantile(variance, 0.95) > 0.23


@pytest.mark.parametrize(
    "environment",
    [
        GaussianContexts(0, 5),
        SphereContexts(2, 1),
        SphereContexts(2, 3, link="logit"),
        GaussianContexts(2, 3, norm=math.nan),
        GaussianContexts(2, 3, theta=(1.0, 2.0, 3.0)),
        SphereContexts(2, 3, theta=(1.0, math.inf)),
        SphereContexts(2, 3, link="cloglog"),
        SphereContexts(2.5, 3),
        SignContexts(2, 3, norm=0.0),
        FixedArms(((1.0, 0.0),)),
        FixedArms(((1.0, math.nan), (0.0, 1.0))),
        FixedArms((1.0, 2.0)),
        FixedArms(TRIANGLE, theta=(1.0,)),
        Hypercube(17),
        Hypercube(3, nonzero=4),
        Hypercube(3, scale=-1.0),
        Hypercube(3, jitter=-0.1),
        Heteroscedastic(low=0.0),
        Heteroscedastic(low=1.5),
    ],
    ids=repr,
)
def test_bad_environments_are_refused(environment):
    with pytest.raises(InvalidInput) as error:
        duel.simulate(UniformPairs(), environment, horizon=5)
    assert "\n" not in str(error.value)


# --- learners by hand ---


class Script:
    """Random numbers laid out in advance; every one must be asked for, in order."""

    def __init__(self, **streams):
        self.streams = streams

    def _next(self, name):
        return self.streams[name].pop(0)

    def random(self):
        return self._next("random")

    def standard_exponential(self):
        return self._next("standard_exponential")

    def standard_normal(self, size=None):
        if size is None:
            return self._next("standard_normal")
        return np.array([self._next("standard_normal") for _ in range(size)])

    def done(self):
        return not any(self.streams.values())


def explored(learner, X, pairs, **problem):
    """The state after the exploration rounds, in which the first arm of every pair won."""
    state = learner.init(Problem(arms=len(X), dimension=X.shape[1], horizon=100, **problem))
    for t, (i, j) in enumerate(pairs, 1):
        draws = [(i + 0.5) / len(X), ((j if j < i else j - 1) + 0.5) / (len(X) - 1)]
        script = Script(random=draws)
        state, *pair = learner.select(state, X, t, script)
        assert tuple(pair) == (i, j)
        assert script.done()
        state = learner.update(state, X, t, i, j, 1)
    return state


LINE = np.array([[1.0], [0.5], [-1.0]])
GUMBEL = {"low": math.exp(3.0), "zero": 1.0, "high": math.exp(-3.0)}  # exponential draws e of noise -ln e = -3, 0, 3


def line_learner(cls=CoLSTIM, **fields):
    """On x = (1, 1/2, -1) after duels (0, 1) and (0, 2), both won: M = 1 + 1/4 + 4, and theta solves its equation."""
    learner = cls(
        **{"exploration": 2, "ridge": 1.0, "threshold": 2.0, "confidence_width": 1.0, "tolerance": 1e-9, **fields}
    )
    state = explored(learner, LINE, [(0, 1), (0, 2)])
    theta = optimize.brentq(lambda x: x + 0.5 * (special.expit(0.5 * x) - 1) + 2 * (special.expit(2 * x) - 1), 0, 3)
    return learner, state, theta, 1 / math.sqrt(5.25)


@pytest.mark.by_hand("CoLSTIM")
def test_colstim_by_hand_with_independent_noise():
    learner, state, theta, w = line_learner(independence=0.5)
    assert state.gram == pytest.approx(np.array([[5.25]]))
    # coin 0.4 < 0.5: noise -3, 3, 0 for the three arms, clipped to -2, 2, 0
    script = Script(random=[0.4], standard_exponential=[GUMBEL["low"], GUMBEL["high"], GUMBEL["zero"]])
    state, first, second = learner.select(state, LINE, 3, script)
    assert script.done()
    assert state.estimate.theta[0] == pytest.approx(theta, abs=1e-8)
    perturbed = [theta - 2 * w, 0.5 * theta + 2 * 0.5 * w, -theta]
    assert first == int(np.argmax(perturbed)) == 1
    leads = [0.5 * theta + 0.5 * w, 0.0, -1.5 * theta + 1.5 * w]
    np.testing.assert_allclose(state.value, leads, atol=1e-8)
    again = Script(standard_exponential=[GUMBEL["low"], GUMBEL["high"], GUMBEL["zero"]])
    colstim_file.perturb(state, True, again)
    np.testing.assert_allclose(state.value, perturbed, atol=1e-8)
    colstim_file.challenge(state, first)
    assert second == int(np.argmax(leads)) == 0
    # arm 0 wins: z = -1/2 lost, the same as z = 1/2 won once more
    state = learner.update(state, LINE, 3, first, second, -1)
    assert state.gram[0, 0] == pytest.approx(5.5)
    assert state.root[0, 0] == pytest.approx(1 / math.sqrt(5.5))
    again = optimize.brentq(lambda x: x + (special.expit(0.5 * x) - 1) + 2 * (special.expit(2 * x) - 1), 0, 3)
    assert glm.solve(state.estimate)
    assert state.estimate.theta[0] == pytest.approx(again, abs=1e-8)


@pytest.mark.by_hand("CoLSTIM")
@pytest.mark.mutant("CoLSTIM")
def test_colstim_by_hand_with_coupled_noise():
    learner, state, theta, w = line_learner(independence=0.5)
    # coin 0.6: one noise 3, clipped to 2, for all; it scales with |x|, so arm 2 gains as much as arm 0
    script = Script(random=[0.6], standard_exponential=[GUMBEL["high"]])
    state, first, second = learner.select(state, LINE, 3, script)
    assert script.done()
    assert first == int(np.argmax([theta + 2 * w, 0.5 * theta + w, -theta + 2 * w])) == 0
    leads = [0.0, -0.5 * theta + 0.5 * w, -2 * theta + 2 * w]
    np.testing.assert_allclose(state.value, leads, atol=1e-8)
    assert second == int(np.argmax(leads)) == 0  # the first arm again: it has no tougher rival
    before = [a.copy() for a in (state.gram, state.root, state.estimate.score)]
    state = learner.update(state, LINE, 3, 0, 0, 1)
    for a, b in zip(before, (state.gram, state.root, state.estimate.score)):
        np.testing.assert_array_equal(a, b)
    # the coin of some published code is inverted: the same script does not fit it
    wrong, state, *_ = line_learner(FaultyCoLSTIM, independence=0.5, fault=COIN_INVERTED)
    with pytest.raises(IndexError):
        wrong.select(state, LINE, 3, Script(random=[0.6], standard_exponential=[GUMBEL["high"]]))


def test_colstim_coin_follows_the_schedule():
    """p_t = sqrt(d ln(d T) / (t - tau)) = sqrt(ln(100) / 50) = 0.303 at t = 52, tau = 2, d = 1, T = 100."""
    _, state, *_ = line_learner()
    p = math.sqrt(math.log(100) / 50)
    assert colstim_file.coin(state, 52, Script(random=[p - 1e-12]))
    assert not colstim_file.coin(state, 52, Script(random=[p + 1e-12]))
    assert colstim_file.coin(state, 3, Script(random=[1 - 1e-16]))  # the schedule starts above 1


def test_colstim_defaults_are_those_of_the_docstring():
    state = CoLSTIM().init(Problem(arms=7, dimension=3, horizon=1000, link="probit"))
    assert state.exploration == 21
    assert state.width == state.threshold == pytest.approx(math.sqrt(3 * math.log(1000)))
    assert state.link == links.code("probit")
    assert state.estimate.contrasts.shape == (1000, 3)
    assert CoLSTIM(estimator="online").init(Problem(7, 3, 1000)).estimate.contrasts.shape == (21, 3)


PLANE = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


@pytest.mark.by_hand("MaxInP")
@pytest.mark.parametrize(("eta", "pair"), [(1.0, (1, 0)), (0.5, (0, 0))])
def test_maxinp_by_hand(eta, pair):
    """After duels (0, 2) twice, both won, ridge 1: V = diag(9, 1), theta = (a, 0), a + 4 (F(2 a) - 1) = 0, a = 0.74.

    Widths: 2 / 3 between 0 and 2, sqrt(1 / 9 + 1) = 1.05 of the other pairs. With eta = 1, arm 2 is out (-1.48 + 0.67)
    and arm 1 is in (-0.74 + 1.05); with eta = 1/2 arm 1 is out too (-0.74 + 0.53).
    """
    learner = MaxInP(confidence_width=eta, exploration=2, ridge=1.0, tolerance=1e-9)
    state = explored(learner, PLANE, [(0, 2), (0, 2)])
    np.testing.assert_allclose(state.gram, np.diag([9.0, 1.0]))
    state, first, second = learner.select(state, PLANE, 3, Script())
    a = optimize.brentq(lambda x: x + 4 * (special.expit(2 * x) - 1), 0, 3)
    np.testing.assert_allclose(state.estimate.theta, [a, 0.0], atol=1e-8)
    far = math.sqrt(1 / 9 + 1)
    np.testing.assert_allclose(state.width, [[0, far, 2 / 3], [far, 0, far], [2 / 3, far, 0]], atol=1e-14)
    assert (first, second) == pair
    state = learner.update(state, PLANE, 3, first, second, 1)
    np.testing.assert_allclose(state.gram, [[10, -1], [-1, 2]] if eta == 1.0 else np.diag([9.0, 1.0]))


@pytest.mark.by_hand("MaxInP")
def test_maxinp_explores_until_the_least_eigenvalue_is_one():
    """V - I is diag(4, 0) after a duel (0, 2), singular, and [[5, -1], [-1, 1]], positive, after (0, 1) too."""
    learner = MaxInP(ridge=1.0)
    state = explored(learner, PLANE, [(0, 2), (0, 1)])
    assert not maxinp_file.spanned(learner.init(Problem(3, 2, 100)))
    assert maxinp_file.spanned(state)
    state, *_ = learner.select(state, PLANE, 3, Script(random=[]))
    assert state.explored
    # contexts of a finite-armed problem never span R^K: exploration then ends after d K rounds
    stuck = MaxInP().init(Problem(3, 3, 100))
    assert stuck.exploration == 9
    assert stuck.adaptive


def test_maxinp_widths():
    problem = Problem(arms=10, dimension=5, horizon=10_000)
    assert MaxInP().init(problem).eta == pytest.approx(2 * math.sqrt(5 * math.log(10_000)))
    slope = special.expit(2.0) * special.expit(-2.0)
    expected = math.sqrt(2.5 * math.log(1 + 20_000 / 5) + math.log(10_000)) / (2 * slope)
    assert theorem_width(problem) == pytest.approx(expected)
    assert theorem_width(problem, delta=1.0) < expected


@pytest.mark.parametrize(
    "learner",
    [
        CoLSTIM(confidence_width=0.0),
        CoLSTIM(threshold=math.inf),
        CoLSTIM(exploration=-1),
        CoLSTIM(exploration=1.5),
        CoLSTIM(independence=1.2),
        CoLSTIM(estimator="mle"),
        CoLSTIM(ridge=0.0),
        MaxInP(confidence_width=math.nan),
        MaxInP(exploration=-3),
        MaxInP(tolerance=0.0),
    ],
    ids=repr,
)
def test_bad_hyper_parameters_are_refused(learner):
    with pytest.raises(InvalidInput) as error:
        duel.simulate(learner, SphereContexts(2, 3), horizon=5)
    assert "\n" not in str(error.value)


# --- the loop ---

SPHERE = SphereContexts(3, 5)  # the cards' instance


@pytest.mark.parametrize("learner", [CoLSTIM(), CoLSTIM(estimator="online"), MaxInP()], ids=repr)
def test_interpreted_and_compiled_bits_and_any_number_of_workers(learner):
    settings = {"horizon": 150, "runs": 3, "seed": 9, "checkpoints": [20, 150]}
    slow = duel.simulate(learner, SPHERE, compiled=False, workers=1, **settings)
    for workers in (1, 2):
        fast = duel.simulate(learner, SPHERE, workers=workers, **settings)
        for metric in ("average", "weak"):
            np.testing.assert_array_equal(slow[metric], fast[metric])


def test_ties_and_contexts_that_do_not_span_are_no_trouble():
    from envs.finite import PreferenceMatrix

    P = [[0.5, 0.6, 0.5], [0.2, 0.5, 0.4], [0.2, 0.3, 0.5]]
    ties = [[0.0, 0.2, 0.3], [0.2, 0.0, 0.3], [0.3, 0.3, 0.0]]
    for learner in (CoLSTIM(), MaxInP()):
        trace = duel.simulate(learner, PreferenceMatrix(P, ties), horizon=300, runs=2, compiled=False)
        assert np.isfinite(trace["average"]).all()


@pytest.mark.rate("CoLSTIM")
@pytest.mark.parametrize("theorem", colstim_file.CARD.theorems, ids=lambda t: t.metric)
@pytest.mark.parametrize("estimator", glm.ESTIMATORS)
def test_colstim_keeps_its_rate(theorem, estimator):
    rates.assert_rate(CoLSTIM(estimator=estimator), theorem)


@pytest.mark.rate("MaxInP")
def test_maxinp_keeps_its_rate():
    rates.assert_rate(MaxInP(), maxinp_file.CARD.theorems[0])


@pytest.mark.mutant("CoLSTIM")
@pytest.mark.parametrize("fault", [DEAF, SWAPPED, GREEDY, STALE], ids=["deaf", "swapped", "greedy", "stale estimate"])
def test_faulty_colstim_loses_its_rate(fault):
    with pytest.raises(AssertionError, match="exceeds the claimed"):
        rates.assert_rate(FaultyCoLSTIM(fault), colstim_file.CARD.theorems[0], runs=32)


@pytest.mark.mutant("MaxInP")
@pytest.mark.parametrize("fault", [DEAF, SWAPPED, NO_ELIMINATION], ids=["deaf", "swapped", "no elimination"])
def test_faulty_maxinp_loses_its_rate(fault):
    with pytest.raises(AssertionError, match="exceeds the claimed"):
        rates.assert_rate(FaultyMaxInP(fault), maxinp_file.CARD.theorems[0], runs=32)


@pytest.mark.mutant("CoLSTIM")
def test_without_self_duels_static_arms_cost_linear_regret():
    static = SphereContexts(3, 5, fresh=False)
    settings = {"horizon": 16_000, "runs": 64, "checkpoints": [1000, 2000, 4000, 8000, 16_000]}
    right = duel.simulate(CoLSTIM(), static, **settings)
    wrong = duel.simulate(FaultyCoLSTIM(NO_SELF_DUEL), static, **settings)
    rates.assert_smaller(right.final("average"), wrong.final("average"))
    slope = rates.fit_exponent(wrong.checkpoints, wrong["average"])
    assert slope.value - 6 * slope.error > 0.7  # 6 standard errors: false alarm below 1e-6
