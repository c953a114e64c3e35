"""What every finite-armed environment shares: a world made of a preference matrix, its winners and its gaps."""

from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.preferences import borda_scores, borda_winners, condorcet_winner, copeland_scores, copeland_winners

METRICS = ("average", "weak", "strong", "copeland", "borda")
MAY_BE_UNDEFINED = ("average", "weak", "strong")  # without a Condorcet winner


class MatrixWorld(NamedTuple):
    """A preference matrix with its ground truth."""

    P: np.ndarray  # [K, K] P[i, j] = Pr(i beats j) + Pr(tie) / 2
    win: np.ndarray  # [K, K] Pr(i beats j) outright
    not_loss: np.ndarray  # [K, K] Pr(i beats j or ties with it); equal to `win` without ties
    gap: np.ndarray  # [K] P[winner, i] - 1/2 against the Condorcet winner, NaN without one
    copeland_gap: np.ndarray  # [K] best normalised Copeland score less that of i
    borda_gap: np.ndarray  # [K] best Borda score less that of i
    condorcet: int  # Condorcet winner, -1 if none
    copeland: np.ndarray  # bool [K] Copeland winners; where indifference can be the mode, modes decide, as in POCOWISTA
    borda: np.ndarray  # bool [K] Borda winners
    contexts: np.ndarray  # [K, K] identity, so that linear learners run here too


def matrix_world(P: np.ndarray, ties: np.ndarray | None = None) -> MatrixWorld:
    """The world of a checked matrix `P` [K, K] (ties counted as half a win) with tie probabilities `ties` [K, K]."""
    P = np.ascontiguousarray(P, dtype=np.float64)
    K = len(P)
    half_ties = np.zeros_like(P) if ties is None else np.asarray(ties, dtype=np.float64) / 2
    winner = condorcet_winner(P)
    if ties is None:
        scores = np.asarray(copeland_scores(P), dtype=np.float64)
        best = np.isin(np.arange(K), copeland_winners(P))
    else:
        scores = mode_copeland_scores(P - half_ties, 2 * half_ties)
        best = scores == scores.max()
    borda = np.asarray(borda_scores(P), dtype=np.float64)
    return MatrixWorld(
        P=P,
        win=P - half_ties,
        not_loss=P + half_ties,
        gap=np.full(K, np.nan) if winner is None else P[winner] - 0.5,
        copeland_gap=(scores.max() - scores) / (K - 1),
        borda_gap=borda.max() - borda,
        condorcet=-1 if winner is None else int(winner),
        copeland=best,
        borda=np.isin(np.arange(K), borda_winners(P)),
        contexts=np.eye(K),
    )


def mode_copeland_scores(win: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Copeland scores [K] of ternary duels: 1 where winning is the mode, 1/2 where indifference is. Draws of modes: 1/2.

    Follows the AISTATS 2024 setting of POCOWISTA, where the state of a pair is the most probable of its three outcomes.
    """
    loss = win.T
    score = np.where((win > loss) & (win > ties), 1.0, np.where((loss > win) & (loss > ties), 0.0, 0.5))
    np.fill_diagonal(score, 0.0)
    return score.sum(axis=1)


def matrix_problem(P: np.ndarray, horizon: int) -> Problem:
    """What a learner is told of a K x K problem."""
    return Problem(arms=len(P), dimension=len(P), horizon=horizon, link="linear")


def observe(self: Any, world: MatrixWorld, t: int, rng: np.random.Generator) -> np.ndarray:
    """Contexts [K, K]: the identity, every round."""
    return world.contexts


def duel(self: Any, world: MatrixWorld, first: int, second: int, rng: np.random.Generator) -> int:
    """One uniform draw, whatever the pair: +1 below Pr(win), 0 up to Pr(win) + Pr(tie), -1 above."""
    u = rng.random()
    if u < world.win[first, second]:
        return 1
    if u < world.not_loss[first, second]:
        return 0
    return -1


def regrets(self: Any, world: MatrixWorld, first: int, second: int) -> tuple[float, float, float, float, float]:
    """Average, weak, strong regret against the Condorcet winner; Copeland and Borda regret (duel.regret's formulas)."""
    a, b = world.gap[first], world.gap[second]
    return (
        0.5 * (a + b),
        min(a, b),
        max(a, b),
        0.5 * (world.copeland_gap[first] + world.copeland_gap[second]),
        0.5 * (world.borda_gap[first] + world.borda_gap[second]),
    )


def correct(self: Any, world: MatrixWorld, arm: int, target: str) -> bool:
    """Whether `arm` is a winner in the sense of `target`: 'condorcet', 'copeland' or 'borda'."""
    if target == "condorcet":
        return arm == world.condorcet
    return bool({"copeland": world.copeland, "borda": world.borda}[target][arm])
