"""The rounds and iterations that WS-W and WS-S share.

C_i = wins less losses of arm i. Playing the two arms of highest C, previous players first on ties, is the same as: in
round l, an incumbent meets the arms that have not played in this round, in random order; an iteration, the duels of one
pair, ends when one of the two has C = -l; it is out until the next round, and the other is the incumbent. At the end of
round l the winner has C = (K - 1) l and all others -l. (The unplayed arms sit at C = -(l - 1), at most the C of the two
players; on equality the previous players stay. So the arm that lost last in a round comes first in the next.)
"""

from typing import NamedTuple

import numpy as np

from duel.draws import uniform_index


class State(NamedTuple):
    balance: np.ndarray  # int [K] C, wins less losses
    waiting: np.ndarray  # int [K] arms that have not played in this round, in its first `left` places, then those out
    left: int  # how many wait; the pair is taken out of the array: K - 2 places are used
    incumbent: int  # -1 before the first duel
    challenger: int
    round: int  # l = 1, 2, ...


def initial(K: int) -> State:
    return State(
        balance=np.zeros(K, dtype=np.int64), waiting=np.arange(K), left=K, incumbent=-1, challenger=-1, round=1
    )


def ready(state: State, rng: np.random.Generator) -> State:
    """The state with both players chosen."""
    incumbent, challenger, left = state.incumbent, state.challenger, state.left
    if incumbent < 0:
        incumbent, left = drawn(state, left, rng)
    if challenger < 0:
        challenger, left = drawn(state, left, rng)
    return State(
        balance=state.balance,
        waiting=state.waiting,
        left=left,
        incumbent=incumbent,
        challenger=challenger,
        round=state.round,
    )


def drawn(state: State, left: int, rng: np.random.Generator) -> tuple[int, int]:
    """A waiting arm at random, and how many still wait; the arm's place is kept free behind them."""
    place = uniform_index(rng, left)
    arm = int(state.waiting[place])
    state.waiting[place] = state.waiting[left - 1]
    state.waiting[left - 1] = arm
    return arm, left - 1


def after(state: State, outcome: int) -> State:
    """The state after a duel of incumbent and challenger; a tie changes nothing."""
    incumbent, challenger, left, number = state.incumbent, state.challenger, state.left, state.round
    if outcome != 0:
        winner = incumbent if outcome > 0 else challenger
        loser = challenger if outcome > 0 else incumbent
        state.balance[winner] += 1
        state.balance[loser] -= 1
        if state.balance[loser] == -number:
            incumbent, challenger = winner, -1
            if left == 0:  # the round ends: all others wait for the next, but the loser, a previous player, plays on
                number += 1
                challenger = loser
                for arm in range(len(state.balance)):
                    if arm != winner and arm != loser:
                        state.waiting[left] = arm
                        left += 1
    return State(
        balance=state.balance,
        waiting=state.waiting,
        left=left,
        incumbent=incumbent,
        challenger=challenger,
        round=number,
    )
