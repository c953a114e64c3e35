"""Wrong versions of the survey's regret learners, several of them found in published code. Tests must reject them."""

import math
from typing import Any, NamedTuple

import numpy as np

from algorithms.finite import (
    REX3,
    Doubler,
    DuelingEXP3,
    MergeRUCB,
    MultiSBM,
    SparringUCB,
    VersatileDuelingBandit,
    WinnerStaysStrong,
    _cardinal,
    _merge,
    _winner_stays,
)
from algorithms.finite import doubler as doubling
from algorithms.finite import merge_rucb as merging
from algorithms.finite import multi_sbm as sbm
from algorithms.finite import winner_stays_strong as strong


class OneDuelWinnerStays(NamedTuple):
    """WS-S with growth 2 that explores by a single duel, as a published library does, not by a round of WS-W."""

    growth: float = 2.0

    init = WinnerStaysStrong.init
    select = WinnerStaysStrong.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        if state.exploit > 0:
            return strong.State(core=state.core, best=state.best, exploit=state.exploit - 1)
        core = _winner_stays.after(state.core, outcome)
        best = 0
        for k in range(len(core.balance)):
            if core.balance[k] > core.balance[best]:
                best = k
        return strong.State(core=core, best=best, exploit=max(1, t))


class DropsTheBetter(NamedTuple):
    """MergeRUCB that drops the better arm of a condemned pair."""

    alpha: float = 1.01
    delta: float = 0.01
    batch: int = 4

    init = MergeRUCB.init
    select = MergeRUCB.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        if first == second:
            return state
        s = state.core
        _merge.record(s, first, second, outcome)
        n = s.wins[first, second] + s.wins[second, first]
        share = s.wins[first, second] / n
        state.rival[second, first] = share
        state.rival[first, second] = 1.0 - share
        state.width[first, second] = state.width[second, first] = 1.0 / math.sqrt(n)
        loser = _merge.condemned(s, first, second, self.alpha * math.log(t + state.offset))
        if loser >= 0:
            s = _merge.merged_if_due(_merge.without(s, first + second - loser), self.batch)
        return merging.State(core=s, rival=state.rival, width=state.width, offset=state.offset)


class OwnRowMultiSBM(NamedTuple):
    """MultiSBM that pays its bandit for a win of the left arm."""

    alpha: float = 3.0

    init = MultiSBM.init
    select = MultiSBM.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        _cardinal.reward(state.bandits, first, second, 0.5 * (1 + outcome))
        return sbm.State(bandits=state.bandits, left=second)


class StaleDoubler(NamedTuple):
    """Doubler whose left arm is never renewed: uniform on the first epoch's plays for ever."""

    alpha: float = 3.0

    init = Doubler.init
    select = Doubler.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        _cardinal.reward(state.bandit, 0, second, 0.5 * (1 - outcome))
        for k in range(len(state.left)):
            state.left[k] = 1
        return doubling.moved(state, len(state.left), state.remaining, state.epoch)


class UnpaidSparring(NamedTuple):
    """Sparring in which the right bandit is never paid."""

    alpha: float = 3.0

    init = SparringUCB.init
    select = SparringUCB.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        _cardinal.reward(state, 0, first, 0.5 * (1 + outcome))
        _cardinal.reward(state, 1, second, 0.0)
        return state


class OneSignREX3(NamedTuple):
    """REX3 that moves both arms the same way: up if the first wins, down if it loses."""

    exploration: float = 0.0

    init = REX3.init
    select = REX3.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        s = state.player
        if first != second:
            step = 0.25 * outcome * state.exploration / s.chance.shape[1]
            s.log_weight[0, first] += step / s.chance[0, first]
            s.log_weight[0, second] += step / s.chance[0, second]
        return state


class GenerousDuelingEXP3(NamedTuple):
    """D-EXP3 that credits the second arm with the first arm's win."""

    delta: float = 0.0

    init = DuelingEXP3.init
    select = DuelingEXP3.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        s = state.player
        weight = s.chance.shape[1] * s.chance[0, first] * s.chance[0, second]
        s.log_weight[0, second] += state.step_size * 0.5 * (1 + outcome) / weight
        return state


class BaselineOfThePlayed(NamedTuple):
    """VDB with reduced variance whose baseline is added to the played arm only, as in published code: biased."""

    shared: bool = True
    reduced_variance: bool = True

    init = VersatileDuelingBandit.init
    select = VersatileDuelingBandit.select

    def update(self, state: Any, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> Any:
        for arm, loss in ((first, 0.5 * (1 - outcome)), (second, 0.5 * (1 + outcome))):
            b = 0.5 if state.chance[0, arm] >= 16.0 / t else 0.0
            state.loss[0, arm] += 0.5 * ((loss - b) / state.chance[0, arm] + b)
        return state
