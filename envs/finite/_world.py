"""What every finite-armed environment shares: a world made of a preference matrix, its winners and its gaps."""

from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput, positive_integer

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
    """The world of a checked matrix `P` [K, K] (ties counted as half a win) with tie probabilities `ties` [K, K].

    The formulas are those of `duel.preferences` without its checks, which would take longer than a run of 10^4 duels.
    """
    K = len(P)
    half_ties = np.zeros((K, K)) if ties is None else ties / 2
    D = (P - P.T) / 2
    beaten = (D > 0).sum(axis=1)
    winner = int(beaten.argmax())
    has_winner = beaten[winner] == K - 1
    if ties is None:
        scores = (np.sign(D).sum(axis=1) + K - 1) / 2
    else:
        scores = mode_copeland_scores(P - half_ties, ties)
    borda = D.sum(axis=1) / (K - 1)
    return MatrixWorld(
        P=P,
        win=P - half_ties,
        not_loss=P + half_ties,
        gap=D[winner].copy() if has_winner else np.full(K, np.nan),
        copeland_gap=(scores.max() - scores) / (K - 1),
        borda_gap=borda.max() - borda,
        condorcet=winner if has_winner else -1,
        copeland=scores == scores.max(),
        borda=borda >= borda.max() - 1e-12,
        contexts=np.eye(K),
    )


def mode_copeland_scores(win: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """Copeland scores [K] of ternary duels: 1 where winning is the mode, 1/2 where indifference is or two modes draw.

    The setting of haddenhorst2024identifying, where the state of a pair is the most probable of its three outcomes.
    """
    loss = win.T
    score = np.where((win > loss) & (win > ties), 1.0, np.where((loss > win) & (loss > ties), 0.0, 0.5))
    np.fill_diagonal(score, 0.0)
    return score.sum(axis=1)


def problem_of(arms: int, horizon: int, link: str = "linear") -> Problem:
    """What a learner is told of a problem with identity contexts."""
    return Problem(arms=arms, dimension=arms, horizon=horizon, link=link)


def relabelled(P: np.ndarray, shuffle: bool, rng: np.random.Generator) -> np.ndarray:
    """P with its arms in random order if `shuffle`; one permutation is drawn in any case."""
    order = rng.permutation(len(P))
    return P[np.ix_(order, order)] if shuffle else P


def check_arms(arms: Any, least: int = 2) -> None:
    positive_integer("arms", arms, least=least)


def check_fraction(argument: str, value: Any, low: float, high: float, why: str = "") -> None:
    """Refuse a number outside [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not low <= value <= high:
        raise InvalidInput(f"{argument} must be a number in [{low:g}, {high:g}]{why}; got {value!r}.")


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


def correct(self: Any, world: MatrixWorld, arm: int, target: str, tolerance: float = 0.0) -> bool:
    """Whether `arm` is a winner in the sense of `target`: 'condorcet', 'copeland' or 'borda'.

    Up to `tolerance` for a learner that promises no more (its `epsilon`): no arm beats it with probability above
    1/2 + tolerance; its normalised Copeland score, its Borda score is at most so much below the best.
    """
    if target == "condorcet":
        return arm == world.condorcet or (tolerance > 0 and bool((world.P[arm] >= 0.5 - tolerance - 1e-12).all()))
    gap = {"copeland": world.copeland_gap, "borda": world.borda_gap}[target][arm]
    return bool(gap <= tolerance + 1e-12)
