"""Games with rules: Colonel Blotto and Kuhn poker, as preference games over pure strategies."""

from itertools import product
from typing import NamedTuple

import numpy as np

from duel.errors import InvalidInput, positive_integer
from duel.games import PreferenceGame
from envs.games._build import check_common, reference


class Blotto(NamedTuple):
    """Colonel Blotto: spread `coins` over `fields`; who holds more fields wins, a tie is half a win for each.

    C(coins + fields - 1, fields - 1) actions: (5, 3) 21, (5, 4) 56, (5, 5) 126, (10, 3) 66, (10, 4) 286. Strongly
    degenerate: many equilibria.

    Parameters
    ----------
    coins, fields : int
    kl_weight, reference_scale : see RandomPreferences
    """

    coins: int = 5
    fields: int = 3
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)
        positive_integer("coins", self.coins)
        positive_integer("fields", self.fields, least=2)
        if len(self.allocations()) > 5000:
            raise InvalidInput(
                f"coins={self.coins}, fields={self.fields} gives {len(self.allocations())} actions; at most 5000."
            )

    def allocations(self) -> np.ndarray:
        """The actions: int [n, fields], each row sums to `coins`."""
        rows = [a for a in product(range(self.coins + 1), repeat=self.fields - 1) if sum(a) <= self.coins]
        return np.array([(*a, self.coins - sum(a)) for a in rows])

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        a = self.allocations()
        fields_won = np.sign(a[:, None, :] - a[None, :, :]).sum(axis=-1)
        mu = reference((len(a),), self.reference_scale, rng)
        return PreferenceGame.from_margins(np.sign(fields_won) / 2, mu, self.kl_weight)


class KuhnPoker(NamedTuple):
    """Kuhn poker [kuhn1950simplified], seats drawn at random: 64 actions = 8 undominated plans for each seat.

    Cards J < Q < K, ante 1, bet 1. First seat: J bets or checks and folds; Q checks and folds or calls; K bets or
    checks and calls. Second seat: J bets or checks after a check, folds to a bet; Q bets or checks after a check,
    calls or folds to a bet; K always bets and calls. The margin is the mean gain in chips over both seats, divided by
    4 (so that one deal's largest gain, 2, is the largest margin, 1/2). The value of the first seat is -1/18 of a chip.

    Parameters
    ----------
    kl_weight, reference_scale : see RandomPreferences
    """

    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self)

    def seats(self) -> np.ndarray:
        """Mean chips won by the first seat: [8, 8], plans for J, Q, K against plans for J, Q unbet, Q facing a bet."""
        return np.array(
            [[_first_seat(f, s) for s in product((0, 1), repeat=3)] for f in product((0, 1), repeat=3)], dtype=float
        )

    def init(self, rng: np.random.Generator) -> PreferenceGame:
        E = self.seats()
        gain = (E[:, None, None, :] - E.T[None, :, :, None]) / 2  # action (i, j) against (k, l): E[i, l] - E[k, j]
        mu = reference((64,), self.reference_scale, rng)
        return PreferenceGame.from_margins(gain.reshape(64, 64) / 4, mu, self.kl_weight)


def _first_seat(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    """Mean gain of the first seat over the six deals."""
    total = 0.0
    for a, b in ((a, b) for a in range(3) for b in range(3) if a != b):
        showdown = 1 if a > b else -1
        bets = (first[0] == 1, False, first[2] == 1)[a]
        if bets:
            calls = (False, second[2] == 1, True)[b]
            total += 2 * showdown if calls else 1
            continue
        answers_bet = (second[0] == 1, second[1] == 1, True)[b]
        if not answers_bet:
            total += showdown
            continue
        calls = (False, first[1] == 1, True)[a]
        total += 2 * showdown if calls else -1
    return total / 6
