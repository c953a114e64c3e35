"""Nonlinear utilities: the protocol, the environments and the learners, by hand and against independent truth."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, optimize, stats

import duel
from algorithms.finite import RUCB
from algorithms.nonlinear import (
    APOHF,
    EnsembleThompson,
    NeuralDuelingTS,
    NeuralDuelingUCB,
    PreferentialBO,
    SkewPreferentialBO,
    _network,
    _neural,
    preferential_bo,
)
from algorithms.nonlinear import _gaussian_process as gp
from duel.errors import InvalidInput
from duel.nonlinear import Problem
from envs.nonlinear import AckleyUtility, BraninUtility, CosineUtility, QuadraticUtility, grid_utilities

KEY = jax.random.PRNGKey(0)
SQUARE = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


# -------------------------------------------------------------------------------------------------------- environments


@pytest.mark.by_hand("CosineUtility", "QuadraticUtility")
def test_contextual_utilities_by_hand():
    environment = CosineUtility(dimension=2, arms=3, scale=2.0)
    world = environment.init(KEY)._replace(theta=jnp.array([math.pi / 3, 0.0]))
    np.testing.assert_allclose(environment.utilities(world, SQUARE), [-2.0, 2.0, -2.0], atol=1e-12)  # 2 cos(+-pi, 0)
    world = world._replace(theta=jnp.array([0.6, 0.8]))
    quadratic = QuadraticUtility(dimension=2, arms=3)
    np.testing.assert_allclose(quadratic.utilities(world, SQUARE), [3.6, 6.4, 3.6])
    fresh = [environment.observe(world, t, jax.random.fold_in(KEY, t)) for t in (1, 2)]
    np.testing.assert_allclose(np.linalg.norm(fresh[0], axis=1), 1.0)
    assert not np.allclose(fresh[0], fresh[1])
    fixed = quadratic._replace(fresh=False)
    np.testing.assert_array_equal(fixed.observe(world, 2, KEY), world.contexts)


@pytest.mark.by_hand("AckleyUtility", "BraninUtility")
def test_test_functions_at_known_points():
    """Optima as published with the functions; Ackley at (1, 1) is 20 (1 - e^-0.2)."""
    assert float(grid_utilities.ackley(jnp.zeros(2))) == pytest.approx(0.0, abs=1e-12)
    assert float(grid_utilities.ackley(jnp.ones(2))) == pytest.approx(20 * (1 - math.exp(-0.2)), abs=1e-12)
    for point in ((-math.pi, 12.275), (math.pi, 2.275), (9.42478, 2.475)):
        assert float(grid_utilities.branin(jnp.array(point))) == pytest.approx(0.397887, abs=1e-6)
    ackley = AckleyUtility(points=3, scale=2.0)  # z = -5, 0, 5
    far = 20 - 20 * math.exp(-1.0)  # cos(2 pi 5) = 1
    np.testing.assert_allclose(ackley.init(KEY).values, [-far / 2, 0.0, -far / 2], atol=1e-12)
    branin = BraninUtility(points=2, scale=1.0).init(KEY)
    corners = [(-5.0, 0.0), (-5.0, 15.0), (10.0, 0.0), (10.0, 15.0)]
    np.testing.assert_allclose(branin.values, [-grid_utilities.branin(jnp.array(z)) for z in corners], rtol=1e-12)
    assert float(branin.values[0]) == pytest.approx(-308.129096, abs=1e-6)


@pytest.mark.parametrize(
    ("environment", "argument"),
    [
        (CosineUtility(dimension=1), "dimension"),
        (CosineUtility(arms=1), "arms"),
        (CosineUtility(scale=0.0), "scale"),
        (CosineUtility(link="logit"), "link"),
        (QuadraticUtility(scale=math.nan), "scale"),
        (QuadraticUtility(fresh=2), "fresh"),
        (AckleyUtility(points=1), "points"),
        (AckleyUtility(points=40, dimension=2), "points"),
        (AckleyUtility(dimension=0), "dimension"),
        (BraninUtility(scale=-1.0), "scale"),
        (BraninUtility(points=100), "points"),
    ],
)
def test_bad_environments_are_refused(environment: Any, argument: str):
    with pytest.raises(InvalidInput, match=argument):
        duel.simulate(EnsembleThompson(), environment, horizon=5)


# --------------------------------------------------------------------------------------------------------- the protocol


class Scripted(NamedTuple):
    """Plays arms (t mod 3, 0), and remembers how often the first arm won."""

    def init(self, problem: Problem, key: jax.Array) -> jax.Array:
        return jnp.zeros(())

    def select(self, state: Any, contexts: Any, t: Any, key: jax.Array) -> Any:
        return state, t % 3, 0

    def update(
        self, state: Any, contexts: Any, t: Any, first: Any, second: Any, outcome: Any, key: jax.Array
    ) -> jax.Array:
        return state + outcome


class Sick(Scripted):
    def update(
        self, state: Any, contexts: Any, t: Any, first: Any, second: Any, outcome: Any, key: jax.Array
    ) -> jax.Array:
        return state + jnp.nan


def test_regrets_by_hand_and_runs_do_not_depend_on_company():
    environment = AckleyUtility(points=3, scale=2.0)  # utilities -far, 0, -far
    trace = duel.simulate(Scripted(), environment, horizon=3, runs=20, checkpoints=[1, 2, 3])
    far = 10 - 10 * math.exp(-1.0)
    # pairs (1, 0), (2, 0), (0, 0): average far/2, far, far; weak 0, far, far
    np.testing.assert_allclose(trace["average"], np.tile([far / 2, 1.5 * far, 2.5 * far], (20, 1)))
    np.testing.assert_allclose(trace["weak"], np.tile([0.0, far, 2 * far], (20, 1)))
    cosine = CosineUtility(dimension=2, arms=3)
    together = duel.simulate(Scripted(), cosine, horizon=4, runs=20)
    alone = duel.simulate(Scripted(), cosine, horizon=4, runs=[18])
    slow = duel.simulate(Scripted(), cosine, horizon=4, runs=[18], compiled=False)
    for metric in together.metrics:
        np.testing.assert_array_equal(alone[metric][0], together[metric][18])
        np.testing.assert_allclose(slow[metric], alone[metric], rtol=1e-12)


class StaysWithWinner(NamedTuple):
    """Duels arms 1 and 0, then the winner with itself, so that its regret tells who won."""

    def init(self, problem: Problem, key: jax.Array) -> jax.Array:
        return jnp.zeros((), dtype=int)

    def select(self, state: Any, contexts: Any, t: Any, key: jax.Array) -> Any:
        return state, jnp.where(t == 1, 1, state), jnp.where(t == 1, 0, state)

    def update(
        self, state: Any, contexts: Any, t: Any, first: Any, second: Any, outcome: Any, key: jax.Array
    ) -> jax.Array:
        return jnp.where(t == 1, jnp.where(outcome > 0, first, second), state)


@pytest.mark.parametrize("link", ["logistic", "probit"])
def test_outcomes_follow_the_link(link: str):
    environment = AckleyUtility(points=3, scale=12.0, link=link)
    far = (20 - 20 * math.exp(-1.0)) / 12
    trace = duel.simulate(StaysWithWinner(), environment, horizon=2, runs=800, checkpoints=[1, 2])
    wins = int((trace["weak"][:, 1] < 1e-9).sum())
    F = stats.norm.cdf(far) if link == "probit" else 1 / (1 + math.exp(-far))
    assert stats.binomtest(wins, 800, F).pvalue > 1e-6


def test_learners_of_the_other_engine_are_refused():
    with pytest.raises(InvalidInput, match="RUCB is no learner in JAX"):
        duel.simulate(RUCB(), AckleyUtility(), horizon=5)
    with pytest.raises(InvalidInput, match="got the class"):
        duel.simulate(APOHF, AckleyUtility(), horizon=5)


def test_a_sick_state_is_never_silent():
    with pytest.raises(FloatingPointError, match="Sick"):
        duel.simulate(Sick(), AckleyUtility(points=3), horizon=2)


# ------------------------------------------------------------------------------------------------------------- networks


def test_network_and_gradient_by_hand():
    """m = 2, d = 1: h(x) = sqrt 2 (w . relu(W_2 relu(W_1 (x, 1) / sqrt 2)))."""
    network = _network.NetworkState(
        inner=jnp.array([[1.0, -1.0], [0.0, 2.0]]),
        middle=jnp.array([[1.0, 0.0], [0.5, -1.0]]),
        outer=jnp.array([2.0, 7.0]),
    )
    # x = 1: inner (1, 1) / sqrt 2; middle (1.5, -1) / sqrt 2; relu (1.5, 0) / sqrt 2; h = 2 * 1.5
    assert float(_network.output(network, jnp.array([1.0]))) == pytest.approx(3.0)
    g = _network.features(network, jnp.array([[1.0]]))[0]
    # over sqrt m: by outer (1.5, 0) / sqrt 2; by middle 2 (1, 1) / sqrt 2 in column 0; by inner 2 (1, .5) x / sqrt 2
    root = math.sqrt(0.5)
    np.testing.assert_allclose(g[:4], [2 * root, root, 2 * root, root])
    np.testing.assert_allclose(g[4:8], [2 * root, 0.0, 2 * root, 0.0])
    np.testing.assert_allclose(g[8:], [1.5 * root, 0.0])


def test_widths_do_not_depend_on_the_number_of_weights():
    """Outputs of random networks have variance about |(x, 1)|^2 / 2 = 1 on the sphere."""
    draws = jax.vmap(lambda k: _network.output(_network.initial(k, 2, 40), SQUARE[0]))(jax.random.split(KEY, 4000))
    assert float(draws.var()) == pytest.approx(1.0, abs=0.2)


def test_adam_by_hand():
    """The first step has length lr in every coordinate whatever the gradient; two steps by the published recursion."""

    def loss(w: Any) -> jax.Array:
        return 0.5 * (3.0 * w[0] ** 2).sum() + 0.5 * (w[1] ** 2).sum()

    one: Any = _network.adam(loss, (jnp.array([2.0]), jnp.array([-5.0])), 1, 0.1)  # type: ignore[arg-type]
    np.testing.assert_allclose([one[0][0], one[1][0]], [1.9, -4.9], atol=1e-8)
    two: Any = _network.adam(loss, (jnp.array([2.0]), jnp.array([-5.0])), 2, 0.1)  # type: ignore[arg-type]
    m = (0.9 * 0.6 + 0.1 * 5.7) / (1 - 0.81)
    v = (0.999 * 0.036 + 0.001 * 5.7**2) / (1 - 0.999**2)
    assert float(two[0][0]) == pytest.approx(1.9 - 0.1 * m / math.sqrt(v), abs=1e-7)


def problem_of(contexts: Any, horizon: int = 6, link: str = "logistic", fresh: bool = False) -> Problem:
    return Problem(jnp.asarray(contexts), horizon, link, fresh)


@pytest.mark.by_hand("NeuralDuelingUCB", "NeuralDuelingTS")
def test_widths_are_those_of_the_full_matrix():
    """sigma^2 = c z^T V^-1 z with V formed and inverted, after three duels; and what is played from it."""
    learner = NeuralDuelingUCB(width=4, steps=2, ridge=0.5, kappa=0.25, confidence=1.5)
    state = learner.init(problem_of(SQUARE), KEY)
    V, c = 2.0 * np.eye(sum(x.size for x in state.start)), 2.0
    for t, (first, second, outcome) in enumerate([(0, 1, 1.0), (1, 2, -1.0), (0, 2, 1.0)], start=1):
        state = learner.update(state, SQUARE, t, first, second, outcome, KEY)
        phi = np.asarray(_network.features(state.start, SQUARE))
        z = phi[first] - phi[second]
        V += np.outer(z, z)
    difference = phi - phi[1]
    expected = np.sqrt(c * np.einsum("kp,pq,kq->k", difference, np.linalg.inv(V), difference))
    np.testing.assert_allclose(_neural.widths(state, SQUARE, 1), expected, atol=1e-10)
    h = np.asarray(_neural.estimate(state, SQUARE))
    _, first, second = learner.select(state, SQUARE, 4, KEY)
    assert int(first) == h.argmax()
    spread = np.sqrt(c * np.einsum("kp,pq,kq->k", phi - phi[first], np.linalg.inv(V), phi - phi[first]))
    assert int(second) == (h + 1.5 * spread).argmax()
    thompson = NeuralDuelingTS(*learner)
    played = jax.vmap(lambda k: thompson.select(state, SQUARE, 4, k)[2])(jax.random.split(KEY, 4000))
    xi = np.random.default_rng(0).standard_normal((4000, 3))
    drawn = (h - h[first] + 1.5 * spread * xi).argmax(axis=1)
    share = [np.bincount(np.asarray(x), minlength=3) for x in (played, drawn)]
    assert stats.chi2_contingency(np.array(share)[:, np.sum(share, axis=0) > 0]).pvalue > 1e-6


def test_training_reaches_the_regularised_optimum():
    """Many steps: the gradient of the objective of line 6 is small, and the loss far below the start's."""
    learner = NeuralDuelingUCB(width=4, steps=4000, learning_rate=0.002)
    state = learner.init(problem_of(SQUARE), KEY)
    state = learner.update(state, SQUARE, 1, 0, 1, 1.0, KEY)

    def loss(network: Any) -> jax.Array:
        gap = _neural.estimate(state._replace(network=network), SQUARE)
        return -jax.nn.log_sigmoid(gap[0] - gap[1]) / 4 + 0.5 * _network.distance(network, state.start)

    gradient = jax.grad(loss)(state.network)
    assert max(float(jnp.abs(x).max()) for x in gradient) < 2e-3
    assert float(loss(state.network)) < float(loss(state.start)) - 0.02
    assert float(_neural.estimate(state, SQUARE)[0]) > float(_neural.estimate(state, SQUARE)[1])


@pytest.mark.by_hand("APOHF")
def test_apohf_by_hand():
    learner = APOHF(width=3, steps=20, exploration=2.0, ridge=0.3)
    state = learner.init(problem_of(SQUARE), KEY)
    state = learner.update(state, SQUARE, 1, 0, 2, -1.0, KEY)
    again = learner.update(state, SQUARE, 2, 1, 2, 1.0, KEY)
    h = np.asarray(_network.output(again.network, SQUARE))
    phi = np.asarray(_network.features(again.network, SQUARE))
    U = 0.3 + (phi[0] - phi[2]) ** 2 + (phi[1] - phi[2]) ** 2
    first = h.argmax()
    score = h + np.sqrt(2.0 * ((phi - phi[first]) ** 2 / U).sum(axis=1))
    score[first] = -np.inf
    assert [int(x) for x in learner.select(again, SQUARE, 3, KEY)[1:]] == [first, score.argmax()]
    # training begins anew: the same duels in one go give the same weights
    for a, b in zip(again.start, state.start):
        np.testing.assert_array_equal(a, b)
    assert float(h[2] - h[0]) > float(np.diff(np.asarray(_network.output(again.start, SQUARE))[[0, 2]])[0])


@pytest.mark.by_hand("EnsembleThompson")
def test_ensemble_by_hand():
    """Members that agree force a uniform second arm; members that differ name both arms."""
    learner = EnsembleThompson(members=2, width=3, steps=1)
    state = learner.init(problem_of(SQUARE), KEY)
    keys = jax.random.split(KEY, 600)
    best = np.asarray(jnp.argmax(jax.vmap(_network.output, (0, None))(state.networks, SQUARE), axis=1))
    twins = state._replace(networks=jax.tree.map(lambda x: x[jnp.array([0, 0])], state.networks))
    first, second = jax.vmap(lambda k: learner.select(twins, SQUARE, 1, k)[1:])(keys)
    assert set(np.asarray(first).tolist()) == {int(best[0])}
    others = sorted({0, 1, 2} - {int(best[0])})
    counts = [int((second == a).sum()) for a in others]
    assert sum(counts) == 600
    assert stats.binomtest(counts[0], 600, 0.5).pvalue > 1e-6
    for seed in range(20):  # a start whose two members differ
        state = learner.init(problem_of(SQUARE), jax.random.PRNGKey(seed))
        best = np.asarray(jnp.argmax(jax.vmap(_network.output, (0, None))(state.networks, SQUARE), axis=1))
        if best[0] != best[1]:
            break
    first, second = jax.vmap(lambda k: learner.select(state, SQUARE, 1, k)[1:])(keys)
    assert {(int(a), int(b)) for a, b in zip(first, second)} == {(best[0], best[1]), (best[1], best[0])}
    assert stats.binomtest(int((first == best[0]).sum()), 600, 0.5).pvalue > 1e-6
    repeat = learner._replace(repeat=True)
    first, second = jax.vmap(lambda k: repeat.select(state, SQUARE, 1, k)[1:])(keys)
    assert stats.binomtest(int((first == second).sum()), 600, 0.5).pvalue > 1e-6


# --------------------------------------------------------------------------------------------------- Gaussian processes


def test_conditioning_is_that_of_linear_algebra():
    rng = np.random.default_rng(0)
    A, M = rng.standard_normal((4, 4)), rng.standard_normal((4, 4))
    K, precision, drift = A @ A.T + np.eye(4), M @ M.T, rng.standard_normal(4)
    found = gp.condition(jnp.linalg.cholesky(jnp.asarray(K)), jnp.asarray(precision), jnp.asarray(drift))
    covariance = np.linalg.inv(np.linalg.inv(K) + precision)
    np.testing.assert_allclose(found.root @ found.root.T, covariance, atol=1e-10)
    np.testing.assert_allclose(found.mean, covariance @ drift, atol=1e-10)
    np.testing.assert_allclose(gp.laplacian(jnp.array([[0.0, 2.0], [1.0, 0.0]])), [[3.0, -3.0], [-3.0, 3.0]])


@pytest.mark.parametrize("link", ["logistic", "probit"])
def test_laplace_finds_the_mode(link: str):
    """Mode and curvature as SciPy's trust-region minimiser and finite differences have them, many duels or few."""
    rng = np.random.default_rng(1)
    contexts = jnp.asarray(rng.uniform(-1, 1, (5, 2)))
    K = np.asarray(gp.covariance(contexts, 0.7, 3.0))
    precision = np.linalg.inv(K)
    for scale in (1, 200):
        wins = rng.integers(0, 3, (5, 5)) * scale
        np.fill_diagonal(wins, 0)

        def negative(f: np.ndarray, wins: np.ndarray = wins) -> float:
            gap = f[:, None] - f[None]
            log_F = stats.norm.logcdf(gap) if link == "probit" else -np.logaddexp(0, -gap)
            return float(-(wins * log_F).sum() + 0.5 * f @ precision @ f)

        best = optimize.minimize(negative, np.zeros(5), method="BFGS", options={"gtol": 1e-6})
        found = gp.laplace(jnp.linalg.cholesky(jnp.asarray(K)), jnp.asarray(wins, dtype=float), jnp.zeros(5), link)
        np.testing.assert_allclose(found.mean, best.x, atol=2e-4)
        f, curvature = np.asarray(found.mean), np.zeros((5, 5))
        step = 2e-3 * np.eye(5)
        for i in range(5):
            for j in range(5):
                a, b = step[i], step[j]
                four = negative(f + a + b) - negative(f + a - b) - negative(f - a + b) + negative(f - a - b)
                curvature[i, j] = four / (4 * 2e-3**2)
        covariance = np.asarray(found.root @ found.root.T)
        np.testing.assert_allclose(covariance @ curvature, np.eye(5), atol=0.02)


def posterior_mode(amplitude: float, wins: Any, start: Any) -> np.ndarray:
    """Of arms whose utilities are independent a priori."""
    root = amplitude * jnp.eye(len(start))
    return np.asarray(jax.jit(gp.laplace, static_argnums=3)(root, jnp.array(wins), jnp.array(start), "logistic").mean)


def test_newton_does_not_cycle_under_a_wide_prior():
    """One win each: the mode is 0 by symmetry. Full steps from the mode after the first win jump to and fro for ever.

    A hundred wins of one arm under amplitude 60: its lead d solves d / (2 60^2) = 100 sigmoid(-d).
    """
    first = optimize.brentq(lambda d: d / 32 - 1 / (1 + math.exp(d)), 0.0, 9.0)
    np.testing.assert_allclose(posterior_mode(4.0, [[0.0, 1.0], [0.0, 0.0]], [0.0, 0.0]), [first / 2, -first / 2])
    start = [first / 2, -first / 2]
    np.testing.assert_allclose(posterior_mode(4.0, [[0.0, 1.0], [1.0, 0.0]], start), [0.0, 0.0], atol=1e-9)
    lead = optimize.brentq(lambda d: d / 7200 - 100 / (1 + math.exp(d)), 0.0, 99.0)
    found = posterior_mode(60.0, [[0.0, 100.0], [0.0, 0.0]], [-40.0, 40.0])
    np.testing.assert_allclose(found, [lead / 2, -lead / 2], rtol=1e-9)


def test_a_mode_that_is_not_found_is_no_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gp, "NEWTON_STEPS", 2)
    root, wins = 60.0 * jnp.eye(2), jnp.array([[0.0, 100.0], [0.0, 0.0]])
    assert np.isnan(gp.laplace(root, wins, jnp.array([-40.0, 40.0]), "logistic").mean).all()


@pytest.mark.by_hand("PreferentialBO")
def test_laplace_bo_by_hand():
    """Two far-apart arms, amplitude 1: d = f_0 - f_1 ~ N(0, 2), one win: d* solves d / 2 = sigmoid(-d)."""
    learner = PreferentialBO(lengthscale=0.01, amplitude=1.0)
    contexts = jnp.array([[0.0], [1.0]])
    state = learner.init(problem_of(contexts), KEY)
    state = learner.update(state, contexts, 1, 1, 0, -1.0, KEY)  # arm 0 beat arm 1
    np.testing.assert_array_equal(state.wins, [[0.0, 1.0], [0.0, 0.0]])
    state, first, _ = learner._replace(acquisition="ei").select(state, contexts, 2, KEY)
    assert int(first) == 0
    d = optimize.brentq(lambda d: d / 2 - 1 / (1 + math.exp(d)), 0.0, 2.0)
    np.testing.assert_allclose(state.mode, [d / 2, -d / 2], atol=1e-5)
    # expected improvement of N(1, 1) over 0: 1 Phi(1) + phi(1)
    value = float(preferential_bo.expected_improvement(jnp.array(1.0), jnp.array(1.0)))
    assert value == pytest.approx(stats.norm.cdf(1) + stats.norm.pdf(1))
    # two draws: variance of d is 1 / (1/2 + s(1 - s)), so both name arm 0 with probability Phi(d / deviation)
    s = 1 / (1 + math.exp(-d))
    chance = stats.norm.cdf(d / math.sqrt(1 / (0.5 + s * (1 - s))))
    first, second = jax.vmap(lambda k: learner.select(state, contexts, 2, k)[1:])(jax.random.split(KEY, 2000))
    assert stats.binomtest(int((first == 0).sum()), 2000, chance).pvalue > 1e-6
    assert stats.binomtest(int((second == 0).sum()), 2000, chance).pvalue > 1e-6
    np.testing.assert_array_equal(learner.update(state, contexts, 3, 1, 1, 1.0, KEY).wins, state.wins)


def chain(root: jax.Array, duels: Any, sweeps: int) -> np.ndarray:
    return np.asarray(gp.sweep(root, duels, 1.0, KEY, sweeps)[1])[sweeps // 10 :]


@pytest.mark.by_hand("SkewPreferentialBO")
def test_gibbs_on_one_duel_is_skew_normal():
    """One win: d = f_0 - f_1 has density 2 phi(d / r) Phi(d) / r, r^2 = 2: E d = sqrt(2 / pi) r^2 / sqrt(r^2 + 1)."""
    learner = SkewPreferentialBO(lengthscale=0.01, amplitude=1.0, link="probit", acquisition="believer", beta=2.0)
    contexts = jnp.array([[0.0], [1.0]])
    state = learner.init(problem_of(contexts, link="probit"), KEY)
    state = learner.update(state, contexts, 1, 1, 0, -1.0, KEY)
    assert int(state.favourite) == 0
    np.testing.assert_allclose(state.duels.latent[:2], [-1.0, 0.0])
    draws = chain(state.root, state.duels, 40_000)
    d = draws[:, 0] - draws[:, 1]
    r2 = 2.0
    mean = math.sqrt(2 / math.pi) * r2 / math.sqrt(r2 + 1)
    assert d.mean() == pytest.approx(mean, abs=0.06)  # about six standard errors of this chain
    assert d.var() == pytest.approx(r2 - mean**2, abs=0.1)
    _, first, second = learner.select(state, contexts, 2, KEY)
    assert [int(first), int(second)] == [0, 1]  # winner stays, the other arm is forced


def test_gibbs_agrees_with_quadrature():
    """Three arms, five duels with both outcomes: posterior means of d_1 = f_0 - f_1, d_2 = f_0 - f_2 by SciPy."""
    K = np.eye(3)
    duels = gp.no_duels(8)
    games = [(0, 1, 1.0), (0, 1, -1.0), (1, 2, 1.0), (0, 2, 1.0), (0, 2, 1.0)]
    for t, (i, j, o) in enumerate(games, start=1):
        duels = gp.add(duels, t, i, j, o, 1.0)
    draws = chain(jnp.linalg.cholesky(jnp.asarray(K)), duels, 40_000)
    prior = np.linalg.inv(np.array([[2.0, 1.0], [1.0, 2.0]]))  # of (d_1, d_2)

    def density(b: float, a: float) -> float:
        d = {(0, 1): a, (0, 2): b, (1, 2): b - a}
        x = np.array([a, b])
        return math.exp(-0.5 * x @ prior @ x) * math.prod(stats.norm.cdf(o * d[i, j]) for i, j, o in games)

    grid = np.linspace(-6, 6, 61)
    table = np.array([[density(b, a) for b in grid] for a in grid])
    mass = integrate.simpson(integrate.simpson(table, x=grid), x=grid)
    for which, values in ((0, grid[:, None]), (1, grid[None])):
        mean = integrate.simpson(integrate.simpson(table * values, x=grid), x=grid) / mass
        found = draws[:, 0] - draws[:, which + 1]
        assert found.mean() == pytest.approx(mean, abs=0.06)


def test_truncated_normals_far_in_the_tail():
    """Quantiles of N(m, 1) given positive, against SciPy; also where Phi(m) underflows."""
    u = jnp.array([0.1, 0.5, 0.9])
    for m in (5.0, 0.0, -3.0, -20.0, -36.0):
        exact = stats.truncnorm(-m, np.inf, loc=m).ppf(1 - np.asarray(u))
        np.testing.assert_allclose(gp.positive_part(jnp.full(3, m), u), exact, rtol=1e-6)
    deep = gp.positive_part(jnp.full(3, -50.0), u)
    np.testing.assert_allclose(deep, -np.log(u) / 50, rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("learner", "argument"),
    [
        (NeuralDuelingUCB(width=0), "width"),
        (NeuralDuelingUCB(kappa=0.0), "kappa"),
        (NeuralDuelingTS(confidence=-1.0), "confidence"),
        (NeuralDuelingTS(link="probit"), "link"),
        (APOHF(steps=0), "steps"),
        (APOHF(exploration=math.inf), "exploration"),
        (EnsembleThompson(members=1), "members"),
        (EnsembleThompson(learning_rate=math.nan), "learning_rate"),
        (PreferentialBO(acquisition="thomson"), "Did you mean 'thompson'"),
        (PreferentialBO(lengthscale=0.0), "lengthscale"),
        (SkewPreferentialBO(sweeps=1), "sweeps"),
        (SkewPreferentialBO(link="laplace"), "link must be one of"),
        (SkewPreferentialBO(beta=-2.0), "beta"),
    ],
)
def test_bad_settings_are_refused(learner: Any, argument: str):
    with pytest.raises(InvalidInput, match=argument):
        duel.simulate(learner, AckleyUtility(), horizon=5)


@pytest.mark.parametrize("link", ["uniform", "linear"])
def test_links_that_call_an_outcome_impossible_have_no_laplace_posterior(link: str):
    with pytest.raises(InvalidInput, match="link must be log-concave on the whole line"):
        duel.simulate(PreferentialBO(link=link), AckleyUtility(link=link), horizon=5)


@pytest.mark.parametrize("learner", [PreferentialBO(), SkewPreferentialBO()], ids=lambda v: type(v).__name__)
def test_fresh_contexts_are_no_fixed_arms(learner: Any):
    with pytest.raises(InvalidInput, match="fresh"):
        duel.simulate(learner, CosineUtility(), horizon=5)
