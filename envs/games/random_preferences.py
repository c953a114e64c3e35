"""Preference games at random: uniform, skew normal, tournaments, near-transitive, low rank, annotators."""

import math
from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer
from duel.games import PreferenceGame
from envs.games._build import check_common, finish


class RandomPreferences(NamedTuple):
    """``P[i, j] ~ U(0, 1)`` independently for i > j: the games of zhou2025egpo's simulations.

    Equilibria of the original game are unique with odd, usually small support.

    Parameters
    ----------
    actions : int >= 2
    kl_weight : float >= 0
    reference_scale : float >= 0
        Standard deviation of the reference's logits (0: uniform reference; the paper: 1).
    prompts : int >= 0
        0: one game. X >= 1: a contextual game of X equally likely prompts.
    """

    actions: int = 10
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self)

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        shape = (max(self.prompts, 1), self.actions, self.actions)
        lower = np.tril(rng.random(shape) - 0.5, -1)
        return finish(self, lower - np.swapaxes(lower, -1, -2), rng)


class SkewNormal(NamedTuple):
    """Margins clipped from a skew matrix of normals of standard deviation `scale`: ``P = 1/2 + clip(scale z, -1/2,
    1/2)``.

    Parameters
    ----------
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    scale : float > 0
    """

    actions: int = 10
    scale: float = 0.2
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self, scale=self.scale)

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        z = rng.standard_normal((max(self.prompts, 1), self.actions, self.actions))
        lower = np.tril(np.clip(self.scale * z, -0.5, 0.5), -1)
        return finish(self, lower - np.swapaxes(lower, -1, -2), rng)


class Tournament(NamedTuple):
    """A random tournament: every pair is decided with the same margin. Its original equilibrium is unique and odd.

    Parameters
    ----------
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    margin : float in (0, 1/2]
    """

    actions: int = 10
    margin: float = 0.5
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        if not 0 < self.margin <= 0.5:
            raise InvalidInput(f"margin must be in (0, 1/2]; got {self.margin!r}.")

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        signs = rng.integers(0, 2, (max(self.prompts, 1), self.actions, self.actions)) * 2 - 1
        lower = np.tril(self.margin * signs, -1)
        return finish(self, lower - np.swapaxes(lower, -1, -2), rng)


class EloPlusNoise(NamedTuple):
    """Near-transitive: ``P = sigma(S_i - S_j + E_ij)``, skills S normal, E skew normal noise on the log-odds.

    Parameters
    ----------
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    skill : float >= 0
        Standard deviation of S.
    noise : float >= 0
        Standard deviation of E.
    """

    actions: int = 10
    skill: float = 1.0
    noise: float = 0.5
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        _not_negative(skill=self.skill, noise=self.noise)

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        X, n = max(self.prompts, 1), self.actions
        skill = self.skill * rng.standard_normal((X, n))
        lower = np.tril(self.noise * rng.standard_normal((X, n, n)), -1)
        odds = skill[:, :, None] - skill[:, None, :] + lower - np.swapaxes(lower, -1, -2)
        return finish(self, np.tanh(odds / 2) / 2, rng)


class SkillAndChance(NamedTuple):
    """Random game of skill [czarnecki2020spinning]: ``S_i - S_j + (W_ij - W_ji) / 2`` squashed to win rates.

    The shape of a spinning top: cycles among the mediocre, transitivity at the top.

    Parameters
    ----------
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    skill : float >= 0
        Standard deviation of S; W has standard deviation 1.
    """

    actions: int = 30
    skill: float = 1.0
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        _not_negative(skill=self.skill)

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        X, n = max(self.prompts, 1), self.actions
        W = rng.standard_normal((X, n, n))
        S = self.skill * rng.standard_normal((X, n))
        payoff = (W - np.swapaxes(W, -1, -2)) / 2 + S[:, :, None] - S[:, None, :]
        return finish(self, np.tanh(payoff / 2) / 2, rng)


class BradleyTerryGame(NamedTuple):
    """A transitive game: ``P = sigma(r_i - r_j)``. The original equilibrium is the best action alone.

    Parameters
    ----------
    rewards : tuple of float, optional
        Fixed rewards; None draws `actions` normal ones of standard deviation `scale`.
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    scale : float > 0
    """

    rewards: tuple[float, ...] | None = None
    actions: int = 10
    scale: float = 1.0
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self, scale=self.scale)
        if self.rewards is not None and (len(self.rewards) < 2 or not np.isfinite(self.rewards).all()):
            raise InvalidInput(f"rewards must be two or more finite numbers; got {self.rewards!r}.")

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        X = max(self.prompts, 1)
        if self.rewards is None:
            r = self.scale * rng.standard_normal((X, self.actions))
        else:
            r = np.tile(np.asarray(self.rewards, dtype=float), (X, 1))
        return finish(self, np.tanh((r[:, :, None] - r[:, None, :]) / 2) / 2, rng)


class MixedAnnotators(NamedTuple):
    """A population of annotators, each Bradley-Terry: ``P = sum_k w_k sigma(R_ki - R_kj)``. Intransitive in general.

    Three annotators with cyclic tastes give a Condorcet cycle.

    Parameters
    ----------
    annotators : int >= 1
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    scale : float > 0
        Standard deviation of the rewards R.
    """

    annotators: int = 3
    actions: int = 10
    scale: float = 3.0
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self, scale=self.scale)
        positive_integer("annotators", self.annotators)

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        X, n, m = max(self.prompts, 1), self.actions, self.annotators
        w = rng.dirichlet(np.ones(m), X)
        R = self.scale * rng.standard_normal((X, m, n))
        each = np.tanh((R[..., :, None] - R[..., None, :]) / 2) / 2
        return finish(self, np.einsum("xk,xkij->xij", w, each), rng)


class LowRank(NamedTuple):
    """General preference model [zhang2024gpm]: ``P = sigma(v_i^T D R D v_j)``, k rotation planes with gates D, unit v.

    With ``payoff="log_odds"`` the payoffs are the scores themselves, the game of GPO, whose equilibrium differs.

    Parameters
    ----------
    planes : int >= 1
        k; embeddings have dimension 2 k. One plane is a disc game.
    gate : float > 0
        Scale of the scores.
    payoff : "probability" or "log_odds"
    actions, kl_weight, reference_scale, prompts : see RandomPreferences
    """

    planes: int = 2
    gate: float = 2.0
    payoff: str = "probability"
    actions: int = 10
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    prompts: int = 0
    protocol = "game"

    def check(self) -> None:
        check_common(self, gate=self.gate)
        positive_integer("planes", self.planes)
        if self.payoff not in ("probability", "log_odds"):
            raise InvalidInput(f"payoff must be 'probability' or 'log_odds'; got {self.payoff!r}.")

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        X = max(self.prompts, 1)
        v = rng.standard_normal((X, self.actions, self.planes, 2))
        v /= np.sqrt((v**2).sum(axis=(-1, -2), keepdims=True))
        gates = self.gate * rng.random((X, 1, self.planes)) ** 0.5
        first, second = v[..., 0] * gates, v[..., 1] * gates
        scores = np.einsum("xik,xjk->xij", second, first) - np.einsum("xik,xjk->xij", first, second)
        return finish(self, np.tanh(scores / 2) / 2 if self.payoff == "probability" else scores, rng)


def _not_negative(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number < math.inf:
            raise InvalidInput(f"{name} must be a finite number >= 0; got {number!r}.")
