"""What knockouts share: a bracket played in place, and a line of challengers in random order.

Bracket: `order` [K] holds the arms still in, `size` of them, `place` counts the matches of the round; match p is
between order[2 p] and order[2 p + 1], its winner moves to order[p], an odd arm out has a bye.
"""

from typing import Any

import numpy as np

from duel.draws import uniform_index
from duel.errors import InvalidInput, positive_integer


def shuffle(order: np.ndarray, size: int, rng: np.random.Generator) -> None:
    """Put order[0 .. size - 1] in uniformly random order (Fisher and Yates), one draw a place."""
    for k in range(size - 1, 0, -1):
        other = uniform_index(rng, k + 1)
        order[k], order[other] = order[other], order[k]


def next_match(state: Any, winner: int) -> tuple[int, int]:
    """Enter the winner of the present match of the bracket; return size and place of the next."""
    state.order[state.place] = winner
    place, size = state.place + 1, state.size
    if place == size // 2:
        if size % 2 == 1:
            state.order[place] = state.order[size - 1]
        return (size + 1) // 2, 0
    return size, place


def rounds_of(K: int) -> int:
    """Rounds of a bracket of K arms, the least L with 2^L >= K."""
    return (K - 1).bit_length()


def matches_by_round(K: int) -> list[int]:
    """Matches in each round of a bracket of K arms; they add up to K - 1."""
    matches = []
    while K > 1:
        matches.append(K // 2)
        K = (K + 1) // 2
    return matches


def draw_next(order: np.ndarray, place: int, rng: np.random.Generator) -> int:
    """A uniformly random arm of those not drawn yet, order[place ..]; it is moved to order[place]."""
    other = place + uniform_index(rng, len(order) - place)
    order[place], order[other] = order[other], order[place]
    return order[place]


def check_budget(budget: Any, horizon: int, least: int) -> None:
    """Refuse a budget of fewer duels than a tournament has matches."""
    positive_integer("budget", budget, least=0)
    if spent(budget, horizon) < least:
        name = "budget" if 0 < budget <= horizon else "horizon"
        raise InvalidInput(f"{name} must be at least {least}, one duel a match; got {spent(budget, horizon)}.")


def spent(budget: int, horizon: int) -> int:
    """Duels that a fixed-budget learner spends: the horizon unless told fewer."""
    return min(budget, horizon) if budget > 0 else horizon
