"""Every contextual learner without a NumPy loop of its own, transcribed from its pseudo-code: the same duels, d = 3.

The hand-worked rounds of the other files have one dimension; here matrices matter. A transcription keeps the whole
history, solves the estimating equation by Newton's method from zero and inverts its matrices anew in every round. It
shares with the learners the random draws alone.
"""

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from algorithms.contextual import (
    GINOP,
    RCDB,
    RCDPUCB,
    CoLSTIMSGD,
    FGTSLangevin,
    FGTSLaplace,
    LinearDoubleTS,
    LinearSelfSparring,
    MaxFirstRndNext,
    MaxFirstUCBNext,
    MaxPairUCB,
    StaD,
)
from duel import bandits
from duel.draws import random_argmax, uniform_index, uniform_pair
from duel.links import LOGISTIC, noise
from envs.contextual import CorruptedDelays, SphereContexts

D, K, ROUNDS = 3, 5, 150
LOG = math.log(ROUNDS)
TIGHT: dict[str, Any] = {"tolerance": 1e-11}


def root_of(Z: np.ndarray, won: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """theta with ridge theta + sum of w (F(z^T theta) - o) z = 0."""
    theta = np.zeros(D)
    for _ in range(100):
        F = expit(Z @ theta)
        H = ridge * np.eye(D) + (Z * (weight * F * (1 - F))[:, None]).T @ Z
        step = np.linalg.solve(H, ridge * theta + Z.T @ (weight * (F - won)))
        theta = theta - step / max(1.0, np.abs(Z @ step).max(initial=0.0))
        if np.abs(step).max() < 1e-13:
            break
    return theta


def lengths(V: np.ndarray, X: np.ndarray) -> np.ndarray:
    """||x_i - x_j||_{V^-1} [K, K]."""
    gaps = X[:, None] - X[None]
    return np.sqrt(np.einsum("ijk,kl,ijl->ij", gaps, np.linalg.inv(V), gaps))


def pair_of(value: np.ndarray) -> tuple[int, int]:
    """argmax of a symmetric matrix, the larger index first."""
    i, j = np.unravel_index(value.argmax(), value.shape)
    return max(int(i), int(j)), min(int(i), int(j))


class History:
    """z, o, w of every duel of two arms, and all rounds."""

    def __init__(self) -> None:
        self.Z, self.won, self.weight = np.zeros((0, D)), np.zeros(0), np.zeros(0)
        self.rounds: list[tuple[np.ndarray, int, int]] = []

    def theta(self, ridge: float) -> np.ndarray:
        return root_of(self.Z, self.won, self.weight, ridge)

    def gram(self, ridge: float, factor: float = 1.0) -> np.ndarray:
        return ridge * np.eye(D) + factor * (self.Z * self.weight[:, None]).T @ self.Z

    def curvature(self, theta: np.ndarray, ridge: float) -> np.ndarray:
        F = expit(self.Z @ theta)
        return ridge * np.eye(D) + (self.Z * (self.weight * F * (1 - F))[:, None]).T @ self.Z

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        self.rounds.append((X, i, j))
        if i != j:
            self.keep(X[i] - X[j], won)

    def keep(self, z: np.ndarray, won: float, weight: float = 1.0) -> None:
        self.Z = np.vstack([self.Z, z])
        self.won, self.weight = np.append(self.won, won), np.append(self.weight, weight)


class Pair(History):
    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        u = X @ self.theta(1e-3)
        return pair_of(u[:, None] + u + 2 * math.sqrt(D * LOG) * lengths(self.gram(1e-3), X))


class FirstThenUCB(History):
    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        u = X @ self.theta(1e-3)
        first = random_argmax(u, rng)
        return first, int((u + 2 * math.sqrt(D * LOG) * lengths(self.gram(1e-3), X)[first]).argmax())


class FirstThenAny(History):
    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        u = X @ self.theta(1e-3)
        first = random_argmax(u, rng)
        plausible = (u[:, None] - u + 4 * lengths(self.gram(1e-3), X) >= 0).all(axis=1)
        return first, int(np.flatnonzero(plausible)[uniform_index(rng, plausible.sum())])


class Robust(History):
    """RCDB: C = 20, kappa = 0.2: a = sqrt(d / kappa) / C."""

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        u = X @ self.theta(0.2)
        beta = math.sqrt(D) + math.sqrt(D / 0.2)
        return pair_of(u[:, None] + u + beta * lengths(self.gram(1.0), X))

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        if i != j:
            z = X[i] - X[j]
            self.keep(z, won, min(1.0, math.sqrt(D / 0.2) / 20 / math.sqrt(z @ np.linalg.solve(self.gram(1.0), z))))


class Late(History):
    """RCDP-UCB: C + D = 5; weight and V when a duel is served, the likelihood when it is heard."""

    def __init__(self) -> None:
        super().__init__()
        self.V, self.served = np.eye(D), {}

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        u = X @ self.theta(1.0)
        first = random_argmax(u, rng)
        second = random_argmax(u - u[first] + 0.3 * lengths(self.V, X)[first], rng)
        if first != second:
            z = X[first] - X[second]
            self.served[t] = min(1.0, math.sqrt(D) / 5 / math.sqrt(z @ np.linalg.solve(self.V, z)))
            self.V = self.V + 0.25 * self.served[t] * np.outer(z, z)
        return first, second

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        if i != j:
            self.keep(X[i] - X[j], won, self.served[t])


class Curved(History):
    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        theta = self.theta(1.0)
        u = X @ theta
        return pair_of(u[:, None] + u + math.sqrt(D * LOG) / 2 * lengths(self.curvature(theta, 1.0), X))


class Sampled(History):
    """Double Thompson sampling (eta = 1, mu = 0), and FGTS by Laplace's method: eta, mu, prior."""

    def __init__(self, eta: float = 1.0, mu: float = 0.0, prior: float = 1.0) -> None:
        super().__init__()
        self.eta, self.mu, self.prior = eta, mu, prior
        self.best: list[int] = []  # of each round, at the estimate of its beginning

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        theta = self.theta(self.prior / self.eta)
        self.best.append(int((X @ theta).argmax()))
        H = self.curvature(theta, self.prior / self.eta)
        spread = np.linalg.inv(np.linalg.cholesky(H)).T / math.sqrt(self.eta)
        arms = []
        for other in (1, 0):  # the place of the arm that the other draw chose
            gap = sum((Y[b] - Y[pair[other]] for b, (Y, *pair) in zip(self.best, self.rounds)), np.zeros(D))
            mean = theta + self.mu / self.eta * np.linalg.solve(H, gap)
            xi = np.array([rng.standard_normal() for _ in range(D)])
            arms.append(int((X @ (mean + spread @ xi)).argmax()))
        return arms[0], arms[1]


def lowered(S: np.ndarray, z: np.ndarray) -> np.ndarray:
    """S with S^T S = M^-1 becomes a root of (M + z z^T)^-1, Potter's form."""
    w = S @ z
    return S - (1 - 1 / math.sqrt(1 + w @ w)) / (w @ w) * np.outer(w, w @ S)


class Langevin(History):
    """All losses and maxima in every gradient (the batch is larger than the history)."""

    def __init__(self, mu: float, h: float = 0.25, steps: int = 2) -> None:
        super().__init__()
        self.mu, self.h, self.steps = mu, h, steps
        self.chains, self.S = np.zeros((2, D)), np.eye(D) / 4.0  # M = prior / (eta F'(0)) I = 16 I

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        arms = []
        for j, other in ((0, 1), (1, 0)):
            for _ in range(self.steps):
                theta = self.chains[j]
                g = theta + 0.25 * self.Z.T @ (expit(self.Z @ theta) - self.won)  # -ln prior, eta losses
                for Y, *pair in self.rounds:
                    g -= self.mu * (Y[(Y @ theta).argmax()] - Y[pair[other]])
                xi = np.array([rng.standard_normal() for _ in range(D)])
                P = 16 * self.S.T @ self.S  # M^-1 / (eta F'(0))
                self.chains[j] = theta - self.h * P @ g + math.sqrt(2 * self.h) * 4 * self.S.T @ xi
            arms.append(int((X @ self.chains[j]).argmax()))
        return arms[0], arms[1]

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        super().hear(X, t, i, j, won)
        if i != j:
            self.S = lowered(self.S, X[i] - X[j])


class OwnWins(History):
    """Linear self-sparring: a Thompson sampler of an arm's own wins."""

    def __init__(self) -> None:
        super().__init__()
        self.B, self.f, self.S = np.eye(D), np.zeros(D), np.eye(D)

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        arms = []
        for _ in range(2):
            xi = np.array([rng.standard_normal() for _ in range(D)])
            arms.append(int((X @ (np.linalg.solve(self.B, self.f) + 0.5 * self.S.T @ xi)).argmax()))
        return arms[0], arms[1]

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        if i != j:
            for arm, result in ((i, won), (j, 1 - won)):
                self.B += np.outer(X[arm], X[arm])
                self.S = lowered(self.S, X[arm])
                self.f = self.f + (result - 0.5) * X[arm]


class Descent(History):
    """CoLSTIM with averaged gradient steps; tau = 15, p_t = sqrt(d ln(d T) / (t - tau))."""

    def __init__(self) -> None:
        super().__init__()
        self.iterates = [np.zeros(D)]

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        if t <= 15:
            return uniform_pair(rng, K)
        theta, c = np.mean(self.iterates[1:], axis=0), math.sqrt(D * LOG)
        u, V = X @ theta, self.gram(1e-3)
        independent = rng.random() < math.sqrt(D * math.log(D * ROUNDS) / (t - 15))
        e = np.array([noise(LOGISTIC, rng) for _ in range(K if independent else 1)])
        length = np.sqrt(np.einsum("ik,kl,il->i", X, np.linalg.inv(V), X))
        first = int((u + np.clip(e, -c, c) * length).argmax())
        return first, int((u + c * lengths(V, X)[first]).argmax())

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        super().hear(X, t, i, j, won)
        if i != j:
            theta, z = self.iterates[-1], X[i] - X[j]
            self.iterates.append(theta + 2 * len(self.won) ** -0.6 * (won - expit(z @ theta)) * z)


def among(G: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values of the living arms G, -inf elsewhere [K]."""
    full = np.full(K, -np.inf)
    full[G] = values
    return full


class Staged:
    """Sta'D: t0 = 15, eta = 0.3, four stages (2^-4 <= 1 / sqrt(150))."""

    def __init__(self) -> None:
        self.stages = [History() for _ in range(4)]
        self.keeper: list[int] = []
        self.depth: set[int] = set()

    def select(self, X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        if t <= 15:
            self.keeper = [0, 1, 2, 3]
            return uniform_pair(rng, K)
        G = np.arange(K)
        for s, stage in enumerate(self.stages):
            u, p = X[G] @ stage.theta(0.01), 0.3 * lengths(stage.gram(0.01), X[G])
            if p.max() <= 1 / math.sqrt(ROUNDS):
                self.keeper = []
                self.depth.add(s)
                first = random_argmax(among(G, u), rng)
                return first, random_argmax(among(G, u + p[G.tolist().index(first)]), rng)
            if p.max() > 0.5 ** (s + 1):
                self.keeper = [s]
                rows, columns = np.nonzero(np.tril(p) > 0.5 ** (s + 1))
                k = uniform_index(rng, len(rows))
                return int(G[rows[k]]), int(G[columns[k]])
            G = G[u + 0.5 ** (s + 1) >= u.max()]
        raise AssertionError("the last stage is as fine as 1 / sqrt(T)")

    def hear(self, X: np.ndarray, t: int, i: int, j: int, won: float) -> None:
        for s in self.keeper:
            self.stages[s].hear(X, t, i, j, won)


MU = 0.05
CASES: dict[str, tuple[Any, Any]] = {
    "MaxPairUCB": (MaxPairUCB(**TIGHT), Pair),
    "MaxFirstUCBNext": (MaxFirstUCBNext(**TIGHT), FirstThenUCB),
    "MaxFirstRndNext": (MaxFirstRndNext(confidence_width=4.0, **TIGHT), FirstThenAny),
    "RCDB": (RCDB(corruption=20, slope=0.2, **TIGHT), Robust),
    "RCDPUCB": (RCDPUCB(corruption=3, delay=2.0, confidence_width=0.3, **TIGHT), Late),
    "GINOP": (GINOP(**TIGHT), Curved),
    "LinearDoubleTS": (LinearDoubleTS(**TIGHT), Sampled),
    "FGTSLaplace": (FGTSLaplace(feel_good=MU, prior=0.5, **TIGHT), lambda: Sampled(0.25, MU, 0.5)),
    "FGTSLangevin": (FGTSLangevin(feel_good=MU, steps=2, batch=ROUNDS, **TIGHT), lambda: Langevin(MU)),
    "LinearSelfSparring": (LinearSelfSparring(), OwnWins),
    "CoLSTIMSGD": (CoLSTIMSGD(), Descent),
    "StaD": (StaD(confidence_width=0.3, ridge=0.01, **TIGHT), Staged),
}


def play(select: Any, update: Any, environment: Any) -> list[tuple[int, int]]:
    """Pairs shown in one run."""
    nature, coins = (bandits.stream(2, role, 0) for role in (bandits.ENVIRONMENT, bandits.LEARNER))
    world, pairs = environment.init(nature), []
    for t in range(1, ROUNDS + 1):
        X = environment.observe(world, t, nature).copy()
        i, j = select(X, t, coins)
        outcome = environment.duel(world, i, j, nature)
        if hasattr(environment, "post"):
            for k in range(environment.post(world, t, i, j, outcome, nature)):
                Y, *told = environment.delivered(world, k)
                update(Y.copy(), *map(int, told))
        else:
            update(X, t, i, j, outcome)
        pairs.append((int(i), int(j)))
    return pairs


SPHERE = SphereContexts(D, K)


def duels_of(learner: Any, environment: Any = SPHERE) -> list[tuple[int, int]]:
    states = [learner.init(environment.problem(ROUNDS))]

    def select(X: np.ndarray, t: int, rng: Any) -> tuple[int, int]:
        states[0], i, j = learner.select(states[0], X, t, rng)
        return i, j

    def update(X: np.ndarray, t: int, i: int, j: int, outcome: int) -> None:
        states[0] = learner.update(states[0], X, t, i, j, outcome)

    return play(select, update, environment)


def transcribed(reference: Any, environment: Any = SPHERE) -> list[tuple[int, int]]:
    return play(reference.select, lambda X, t, i, j, o: reference.hear(X, t, i, j, 0.5 * (1 + o)), environment)


OFF: dict[str, dict[str, Any]] = {  # a constant that is off by a tenth
    "MaxPairUCB": {"confidence_width": 1.1 * 2 * math.sqrt(D * LOG)},
    "MaxFirstUCBNext": {"confidence_width": 1.1 * 2 * math.sqrt(D * LOG)},
    "MaxFirstRndNext": {"confidence_width": 4.4},
    "RCDB": {"corruption": 18},
    "RCDPUCB": {"delay": 1.5},
    "GINOP": {"confidence_width": 1.1 * math.sqrt(D * LOG) / 2},
    "LinearDoubleTS": {"spread": 1.1},
    "FGTSLaplace": {"feel_good": 1.1 * MU},
    "FGTSLangevin": {"step_size": 0.275},
    "LinearSelfSparring": {"spread": 0.55},
    "CoLSTIMSGD": {"decay": 0.66},
    "StaD": {"confidence_width": 0.33},
}


@pytest.mark.parametrize("name", CASES)
def test_the_transcription_plays_the_same_duels(name: str) -> None:
    """And others than the learner with one constant off by a tenth, so that agreement means something."""
    learner, reference = CASES[name]
    expected = transcribed(reference())
    assert duels_of(learner) == expected
    assert duels_of(learner._replace(**OFF[name])) != expected


@pytest.mark.parametrize("name", ["MaxPairUCB", "RCDPUCB"])
def test_the_same_duels_with_flipped_and_late_outcomes(name: str) -> None:
    learner, reference = CASES[name]
    late = CorruptedDelays(D, K, budget=5, delay=10.0, longest=40)
    assert duels_of(learner, late) == transcribed(reference(), late)


def test_stages_of_stad_are_passed() -> None:
    """Rounds end in several stages and keep nothing there; others are kept by a stage that is not the first."""
    reference = Staged()
    transcribed(reference)
    assert len(reference.depth) > 1
    assert max(len(stage.won) for stage in reference.stages[1:]) > 15
