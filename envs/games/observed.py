"""How preferences are observed: exact win rates are the default; these wrap a game in a noisy or sampled oracle."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer
from duel.games import Comparisons, Gaussian
from envs.games.random_preferences import RandomPreferences


class SampledComparisons(NamedTuple):
    """A game whose win rates are estimated from `comparisons` sampled duels a call; traces count `queries`.

    Parameters
    ----------
    game : environment of games
    comparisons : int >= 1
        Duels per oracle call (and per prompt of a contextual game).
    """

    game: Any = RandomPreferences()
    comparisons: int = 100
    protocol = "game"

    def check(self) -> None:
        _check_game(self.game)
        positive_integer("comparisons", self.comparisons)

    def init(self, rng: np.random.Generator) -> Any:
        return self.game.init(rng)

    def oracle(self) -> Comparisons:
        return Comparisons(self.comparisons)


class NoisyWinRates(NamedTuple):
    """A game whose win rates carry independent normal noise.

    Parameters
    ----------
    game : environment of games
    scale : float > 0
        Standard deviation of every win rate.
    """

    game: Any = RandomPreferences()
    scale: float = 0.1
    protocol = "game"

    def check(self) -> None:
        _check_game(self.game)
        if not 0 < self.scale < math.inf:
            raise InvalidInput(f"scale must be a finite number > 0; got {self.scale!r}.")

    def init(self, rng: np.random.Generator) -> Any:
        return self.game.init(rng)

    def oracle(self) -> Gaussian:
        return Gaussian(float(self.scale))


def _check_game(game: Any) -> None:
    if getattr(game, "protocol", None) != "game" or isinstance(game, type):
        raise InvalidInput(f"game must be an environment of games, for example RandomPreferences(); got {game!r}.")
    if hasattr(game, "check"):
        game.check()
