"""Preferences that an adversary switches: who keeps the promise of an adversarial bound, and who cannot."""

import math

import numpy as np
import pytest

from algorithms.finite import REX3, MergeRUCB, SparringEXP3, VersatileDuelingBandit
from duel.errors import InvalidInput
from duel.protocols import simulate
from duel.rates import _quantile
from envs.finite import PreferenceSequence

T, SWITCHES = 20_000, (1, 5_001)


@pytest.mark.by_hand("PreferenceSequence")
def test_sequence_by_hand() -> None:
    environment = PreferenceSequence(starts=(1, 3))
    rng = np.random.default_rng(0)
    world = environment.init(rng)
    seen = []
    for t in range(1, 5):
        environment.observe(world, t, rng)
        seen.append(environment.regrets(world, 0, 1))
    # rounds 1 and 2: arm 1 beats arm 0 by 0.2, regret to arm 0: (0 - 0.2) / 2; then (0 + 0.2) / 2
    assert np.allclose(seen, [(-0.1, -0.2, 0.0)] * 2 + [(0.1, 0.0, 0.2)] * 2)
    wins = [environment.duel(world, 0, 1, rng) == 1 for _ in range(20_000)]
    assert abs(np.mean(wins) - 0.7) < 5.4 * math.sqrt(0.21 / 20_000)  # false alarm below 1e-7


@pytest.mark.parametrize(
    "learner",
    [VersatileDuelingBandit(), VersatileDuelingBandit(reduced_variance=False), SparringEXP3(), REX3()],
    ids=["VDB", "VDB-IW", "SparringEXP3", "REX3"],
)
def test_adversarial_learners_come_back_after_the_switch(learner: object) -> None:
    """Their regret to the arm that is best in hindsight stays below 4 sqrt(K T) (false alarm below 1e-6)."""
    regret = simulate(learner, PreferenceSequence(starts=SWITCHES), horizon=T, runs=24, checkpoints=[T]).final(
        "average"
    )
    error = regret.std(ddof=1) / math.sqrt(24)
    assert regret.mean() - _quantile(24) * error < 4 * math.sqrt(3 * T)


def test_a_learner_that_drops_arms_does_not() -> None:
    """MergeRUCB has dropped arm 0 before the switch: regret 0.2 a round from then on."""
    regret = simulate(MergeRUCB(), PreferenceSequence(starts=SWITCHES), horizon=T, runs=24, checkpoints=[T])
    regret = regret.final("average")
    error = regret.std(ddof=1) / math.sqrt(24)
    assert regret.mean() - _quantile(24) * error > 4 * math.sqrt(3 * T) * 1.5


@pytest.mark.parametrize(
    ("fields", "argument"),
    [
        ({"matrices": [[0.5, 0.4], [0.6, 0.5]]}, "matrices"),
        ({"matrices": [[[0.5, 0.4], [0.7, 0.5]]], "starts": (1,)}, r"matrices\[0\]"),
        ({"starts": (1, 1)}, "starts"),
        ({"starts": (2, 5)}, "starts"),
        ({"starts": (1,)}, "starts"),
        ({"benchmark": 3}, "benchmark"),
    ],
)
def test_bad_sequences_are_refused_by_name(fields: dict, argument: str) -> None:
    with pytest.raises(InvalidInput, match=argument):
        PreferenceSequence(**fields).check()
