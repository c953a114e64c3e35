"""Small preference games with known equilibria, and hard instances of the literature."""

from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer
from duel.games import PreferenceGame, ZeroSumGame
from envs.games._build import check_common, reference


class CyclicGame(NamedTuple):
    """n odd actions on a circle: each beats the next (n - 1) / 2 by `margin`. The equilibrium is uniform.

    A circulant matrix: its eigenvalues, and so every local frequency |eig(A)| / n, are known in closed form.

    Parameters
    ----------
    actions : odd int >= 3
    margin : float in (0, 1/2]
    kl_weight, reference_scale : see RandomPreferences
    """

    actions: int = 3
    margin: float = 0.5
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        if self.actions < 3 or self.actions % 2 == 0:
            raise InvalidInput(f"actions must be odd and >= 3; got {self.actions!r}.")
        if not 0 < self.margin <= 0.5:
            raise InvalidInput(f"margin must be in (0, 1/2]; got {self.margin!r}.")

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        n = self.actions
        ahead = (np.arange(n)[None, :] - np.arange(n)[:, None]) % n
        A = np.where(ahead == 0, 0.0, np.where(ahead <= (n - 1) // 2, self.margin, -self.margin))
        return PreferenceGame.from_margins(A, reference((n,), self.reference_scale, rng), self.kl_weight)


class RockPaperScissors(NamedTuple):
    """Weighted cycle on a, b, c: a beats b by `ab`, b beats c by `bc`, c beats a by `ca` (margins over 1/2).

    Equilibrium proportional to (bc, ca, ab). The default is the synthetic game of liu2025comal, whose preferences are
    0.9, 0.9, 0.8 and equilibrium (4, 3, 4) / 11.

    Parameters
    ----------
    ab, bc, ca : float in (0, 1/2]
    kl_weight, reference_scale : see RandomPreferences
    """

    ab: float = 0.4
    bc: float = 0.4
    ca: float = 0.3
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        for name in ("ab", "bc", "ca"):
            if not 0 < getattr(self, name) <= 0.5:
                raise InvalidInput(f"{name} must be in (0, 1/2]; got {getattr(self, name)!r}.")

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        A = np.array([[0, self.ab, -self.ca], [-self.ab, 0, self.bc], [self.ca, -self.bc, 0]])
        return PreferenceGame.from_margins(A, reference((3,), self.reference_scale, rng), self.kl_weight)


class ClonedActions(NamedTuple):
    """A random game whose actions are repeated: degenerate on purpose, with a polytope of equilibria.

    Parameters
    ----------
    actions : int >= 2
        Distinct actions; margins ~ U(-1/2, 1/2).
    copies : int >= 2
        How many copies of the first action there are.
    kl_weight, reference_scale : see RandomPreferences
    """

    actions: int = 5
    copies: int = 2
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        positive_integer("copies", self.copies, least=2)

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        n = self.actions
        lower = np.tril(rng.random((n, n)) - 0.5, -1)
        source = np.concatenate([np.zeros(self.copies, dtype=int), np.arange(1, n)])
        A = (lower - lower.T)[np.ix_(source, source)]
        return PreferenceGame.from_margins(A, reference((len(source),), self.reference_scale, rng), self.kl_weight)


class SlowOptimism(NamedTuple):
    """The game on which the last iterate of optimistic multiplicative weights is arbitrarily slow [cai2024fast].

    Two players, payoff ``[[1/2 + delta, 1/2], [0, 1]]``, equilibrium x = (1, delta) / (1 + delta),
    y = (1/2, 1/2 + delta) / (1 + delta). From uniform play the gap falls below 0.1 within about 55 steps (eta = 0.1),
    then climbs near 1/2 and stays for a time of order 1 / delta. Optimistic gradient descent is not fooled.

    Parameters
    ----------
    delta : float in (0, 1/2)
    symmetric : bool
        The preference game on the four pairs of actions instead, margins ``(M[k, j] - M[i, l]) / 2``, which plays both
        roles at once; its equilibria are a set (only marginals matter).
    kl_weight : float >= 0
    """

    delta: float = 0.05
    symmetric: bool = False
    kl_weight: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        if not 0 < self.delta < 0.5:
            raise InvalidInput(f"delta must be in (0, 1/2); got {self.delta!r}.")

    def init(self, rng: np.random.Generator) -> PreferenceGame | ZeroSumGame:
        M = np.array([[0.5 + self.delta, 0.5], [0.0, 1.0]])
        return _symmetrized(M, self.kl_weight) if self.symmetric else ZeroSumGame(M, None, self.kl_weight)


class RegretMatchingTrap(NamedTuple):
    """The 3 x 3 two-player game on which RM+ and its predictive form have no last-iterate convergence [cai2023last].

    Payoff ``[[3, 0, -3], [0, 3, -4], [0, 0, 1]] / 8`` to the column player, equilibrium x = (1, 1, 10) / 12,
    y = (4, 5, 3) / 12. The divisor, which RM+ does not notice, brings payoffs to the scale of win rates.

    Parameters
    ----------
    kl_weight : float >= 0
    """

    kl_weight: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)

    def init(self, rng: np.random.Generator) -> ZeroSumGame:
        return ZeroSumGame(np.array([[3, 0, -3], [0, 3, -4], [0, 0, 1]]) / 8, None, self.kl_weight)


def _symmetrized(M: np.ndarray, kl_weight: float) -> PreferenceGame:
    """Play both roles: action (i, j) is row i and column j; margin over (k, l) is ``(M[k, j] - M[i, l]) / 2``."""
    n, m = M.shape
    A = (M.T[None, :, :, None] - M[:, None, None, :]) / 2  # [i, j, k, l]
    return PreferenceGame.from_margins(A.reshape(n * m, n * m), None, kl_weight)
