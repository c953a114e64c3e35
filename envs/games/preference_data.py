"""Games from a preference matrix: your own, or the votes of an arena of language models."""

from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput
from duel.games import PreferenceGame
from duel.tables import Counts, arena_counts, make_counts, preference_matrix
from envs.games._build import check_common, reference


class MatrixGame(NamedTuple):
    """The game of one preference matrix.

    Parameters
    ----------
    P : array [n, n]
        ``P[i, j] = Pr(i beats j)``, ``P + P.T = 1``; a tie is half a win for each. Anything that `duel.preferences`
        takes.
    reference : array [n], optional
        Fixed reference; None: uniform, or random logits if `reference_scale` > 0.
    kl_weight, reference_scale : see RandomPreferences
    """

    P: np.ndarray | tuple[tuple[float, ...], ...] = ((0.5, 0.9, 0.1), (0.1, 0.5, 0.9), (0.9, 0.1, 0.5))
    reference: np.ndarray | None = None
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        self.init(np.random.default_rng(0))

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        P = np.asarray(self.P, dtype=float)
        mu = reference(P.shape[-1:], self.reference_scale, rng) if self.reference is None else self.reference
        return PreferenceGame(P, mu, self.kl_weight)


class LanguageModels(NamedTuple):
    """Human votes between 30 language models [chiang2024chatbot] as a preference game: a mixture over models.

    Win rates are `duel.tables.arena_counts` with a tie as half a win for each; every pair met at least 200 times. A
    simulator defined by these counts, not the truth about people.

    Parameters
    ----------
    smoothing : float >= 0
        Pseudo-wins for either side of every pair.
    resample : bool
        Draw every pair's votes anew from their shares (a parametric bootstrap): one game a run, whose spread is the
        votes' sampling error.
    kl_weight, reference_scale : see RandomPreferences
    """

    smoothing: float = 0.0
    resample: bool = False
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        if not 0 <= self.smoothing < np.inf:
            raise InvalidInput(f"smoothing must be a finite number >= 0; got {self.smoothing!r}.")

    def names(self) -> tuple[str, ...]:
        """The models, in order of the actions."""
        return arena_counts().names

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        counts = arena_counts()
        if self.resample:
            counts = _resampled(counts, rng)
        P = preference_matrix(counts, "half", smoothing=self.smoothing).P
        return PreferenceGame(P, reference(P.shape[:1], self.reference_scale, rng), self.kl_weight)


def _resampled(counts: Counts, rng: np.random.Generator) -> Counts:
    """As many votes for every pair, drawn from its shares of wins, losses and ties."""
    i, j = np.triu_indices(len(counts.names), 1)
    votes = np.stack([counts.wins[i, j], counts.wins[j, i], counts.ties[i, j]], axis=-1)
    total = votes.sum(axis=-1)
    drawn = rng.multinomial(total.astype(np.int64), votes / total[:, None])
    wins, ties = np.zeros_like(counts.wins), np.zeros_like(counts.ties)
    wins[i, j], wins[j, i] = drawn[:, 0], drawn[:, 1]
    ties[i, j] = ties[j, i] = drawn[:, 2]
    return make_counts(wins, ties, counts.names)
