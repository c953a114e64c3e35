"""The pseudo-code of the papers, letter by letter, slow and without any shortcut: what the fast versions must equal."""

import math
from typing import Any, NamedTuple

import numpy as np
from scipy import stats


class Wins(NamedTuple):
    wins: np.ndarray  # [K, K]
    champion: int = -1  # the element of B


def upper(wins: np.ndarray, alpha: float, t: int) -> np.ndarray:
    """u_ij of RUCB and D-TS, with x/0 := 1 and u_ii = 1/2."""
    n = wins + wins.T
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.where(n > 0, wins / n, 1.0) + np.where(n > 0, np.sqrt(alpha * math.log(t) / n), 1.0)
    np.fill_diagonal(u, 0.5)
    return u


def at_random(among: Any, rng: np.random.Generator) -> int:
    among = list(among)
    return int(among[rng.integers(len(among))])


def rucb(wins: np.ndarray, champion: int, alpha: float, t: int, rng: np.random.Generator) -> tuple[int, int, int]:
    """A round of RUCB, ICML 2014, Algorithm 1: (first, second, the element of B after it)."""
    K = len(wins)
    u = upper(wins, alpha, t)
    C = [c for c in range(K) if all(u[c, j] >= 0.5 for j in range(K))]
    B = [champion] if champion in C else []
    if not C:
        first = at_random(range(K), rng)
    elif len(C) == 1:
        B, first = C, C[0]
    elif B and rng.random() < 0.5:
        first = B[0]
    else:
        first = at_random([c for c in C if c not in B], rng)
    best = max(u[:, first])
    ties = [j for j in range(K) if u[j, first] == best]
    if len(ties) > 1:
        ties = [j for j in ties if j != first]
    return first, at_random(ties, rng), B[0] if B else -1


def double_thompson_sampling(wins: np.ndarray, alpha: float, t: int, rng: np.random.Generator) -> tuple[int, int]:
    """A round of D-TS, NeurIPS 2016, Algorithm 1, with all K (K - 1) / 2 + K - 1 posterior draws."""
    K = len(wins)
    u = upper(wins, alpha, t)
    lower = 1.0 - u.T
    zeta = [(sum(u[i, j] > 0.5 for j in range(K) if j != i)) for i in range(K)]
    C = [i for i in range(K) if zeta[i] == max(zeta)]
    theta = np.full((K, K), 0.5)
    for i in range(K):
        for j in range(i + 1, K):
            theta[i, j] = rng.beta(wins[i, j] + 1, wins[j, i] + 1)
            theta[j, i] = 1 - theta[i, j]
    score = {i: sum(theta[i, j] > 0.5 for j in range(K) if j != i) for i in C}
    first = at_random([i for i in C if score[i] == max(score.values())], rng)
    second_sample = [0.5 if i == first else rng.beta(wins[i, first] + 1, wins[first, i] + 1) for i in range(K)]
    allowed = [i for i in range(K) if lower[i, first] <= 0.5]
    return first, max(allowed, key=lambda i: second_sample[i])


class LiteralRMED1:
    """RMED1, COLT 2015, Algorithms 1 and 2, every quantity recomputed from the counts; ties to the lowest index."""

    def __init__(self, K: int, slack: float, initial: list[tuple[int, int]]) -> None:
        self.K, self.slack, self.t = K, slack, 0
        self.wins = np.zeros((K, K))
        self.initial = initial
        self.L_C, self.L_R, self.L_N, self.position = list(range(K)), set(range(K)), [], 0

    def means(self) -> np.ndarray:
        n = self.wins + self.wins.T
        return np.where(n > 0, self.wins / np.maximum(n, 1), 0.5)

    def divergences(self) -> list[float]:
        mu, n = self.means(), self.wins + self.wins.T

        def d(p: float) -> float:
            return sum(x * math.log(2 * x) for x in (p, 1 - p) if x > 0)

        return [sum(n[i, j] * d(mu[i, j]) for j in range(self.K) if j != i and mu[i, j] <= 0.5) for i in range(self.K)]

    def pair(self) -> tuple[int, int]:
        if self.t < len(self.initial):
            return self.initial[self.t]
        mu, I = self.means(), self.divergences()
        l = self.L_C[self.position]
        O = [j for j in range(self.K) if j != l and mu[l, j] <= 0.5]
        best = int(np.argmin(I))
        if best in O or not O:
            return l, best
        return l, min((j for j in range(self.K) if j != l), key=lambda j: mu[l, j])

    def hear(self, first: int, second: int, outcome: int) -> None:
        if first != second:
            self.wins[first, second] += (1 + outcome) / 2
            self.wins[second, first] += (1 - outcome) / 2
        self.t += 1
        if self.t <= len(self.initial):
            return
        I = self.divergences()
        self.L_R.discard(self.L_C[self.position])
        self.position += 1
        for j in range(self.K):
            if j not in self.L_R and j not in self.L_N and I[j] - min(I) <= math.log(self.t) + self.slack:
                self.L_N.append(j)
        if self.position == len(self.L_C):
            self.L_C, self.L_R, self.L_N, self.position = self.L_N, set(self.L_N), [], 0


class LiteralPOCOWISTA:
    """POCOWISTA, AISTATS 2024, Algorithm 1, with the density from SciPy."""

    def __init__(self, K: int, delta: float) -> None:
        self.K, self.delta = K, delta / (K * (K - 1) / 2)
        self.hat = [0.0] * K
        self.D = [{i} for i in range(K)]
        self.S = [0, 0, 0]

    def poco(self) -> list[float]:
        return [self.K - len(self.D[i]) + self.hat[i] for i in range(self.K)]

    def winner(self) -> int | None:
        poco = self.poco()
        for i in range(self.K):
            if self.hat[i] >= max(poco[j] for j in range(self.K) if j != i):
                return i
        return None

    def pair(self) -> tuple[int, int]:
        poco = self.poco()
        i = poco.index(max(poco))
        return i, max((j for j in range(self.K) if j not in self.D[i]), key=lambda j: self.hat[j])

    def hear(self, i: int, j: int, outcome: int) -> None:
        self.S[1 - outcome] += 1  # wins, ties, losses
        ordered = sorted(self.S, reverse=True)
        if stats.beta.pdf(0.5, ordered[0] + 1, ordered[1] + 1) <= self.delta / 2:
            mode = self.S.index(ordered[0])
            self.hat[i] += (1.0, 0.5, 0.0)[mode]
            self.hat[j] += (0.0, 0.5, 1.0)[mode]
            self.D[i].add(j)
            self.D[j].add(i)
            self.S = [0, 0, 0]
