"""Rates of the survey's regret learners on their own assumption classes, and the wrong versions that fail them.

False alarms are below 1e-6 each (duel.rates). Every learner must meet each theorem of its card, and the same check must
reject it when its outcomes are fair coins (deaf) or negated (swapped).
"""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from mutants import DEAF, NONE, SWAPPED, faulty
from mutants_survey import (
    BaselineOfThePlayed,
    DropsTheBetter,
    GenerousDuelingEXP3,
    OneDuelWinnerStays,
    OneSignREX3,
    OwnRowMultiSBM,
    StaleDoubler,
    UnpaidSparring,
)

import algorithms.finite as finite
from duel import catalog, rates
from duel.protocols import simulate
from envs.finite import BradleyTerry

LEARNERS = (
    "InterleavedFilter",
    "RUCBArxiv",
    "RCS",
    "MergeRUCB",
    "MergeDTS",
    "RMED2",
    "WinnerStaysWeak",
    "WinnerStaysStrong",
    "SparringUCB",
    "SparringEXP3",
    "MultiSBM",
    "Doubler",
    "REX3",
    "DuelingEXP3",
    "BordaETC",
    "SelfSparring",
    "VersatileDuelingBandit",
    "DoubleThompsonSamplingPlus",
    "CCB",
    "ECWRMED",
    "SCB",
)
VARIANTS = {
    "InterleavedFilter": {"pruning": False},
    "MergeDTS": {"alpha": 0.8**6, "offset": 4e6},
    "DuelingEXP3": {"delta": 0.05},
    "VersatileDuelingBandit": {"shared": True},
}


def theorems(name: str) -> Any:
    return import_module(getattr(finite, name).__module__).CARD.theorems


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.rate(n)) for n in LEARNERS])
def test_the_theorems_of_the_card_hold(name: str) -> None:
    for theorem in theorems(name):
        right = faulty(catalog.build(theorem.instance), NONE)  # the machine code that the wrong feedback below runs too
        rates.assert_rate(getattr(finite, name)(), theorem, environment=right, runs=32)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_other_version_keeps_the_rate(name: str) -> None:
    theorem = theorems(name)[0]
    right = faulty(catalog.build(theorem.instance), NONE)
    rates.assert_rate(getattr(finite, name)(**VARIANTS[name]), theorem, environment=right, runs=32)


def test_versatile_with_importance_weights_stays_below_its_explicit_bound() -> None:
    theorem = theorems("VersatileDuelingBandit")[1]
    right = faulty(catalog.build(theorem.instance), NONE)
    rates.assert_rate(finite.VersatileDuelingBandit(reduced_variance=False), theorem, environment=right, runs=32)


@pytest.mark.parametrize("fault", [DEAF, SWAPPED], ids=["deaf", "swapped"])
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.mutant(n)) for n in LEARNERS])
def test_wrong_feedback_is_rejected(name: str, fault: int) -> None:
    theorem = theorems(name)[0]
    environment = faulty(catalog.build(theorem.instance), fault)
    runs = 64 if name == "BordaETC" else 16  # it commits to one random arm a run: few runs scatter
    with pytest.raises(AssertionError, match="Exponent"):
        rates.assert_rate(getattr(finite, name)(), theorem, environment=environment, runs=runs)


@pytest.mark.parametrize(
    ("mutant", "name"),
    [
        (OneDuelWinnerStays(), "WinnerStaysStrong"),
        (DropsTheBetter(), "MergeRUCB"),
        (OwnRowMultiSBM(), "MultiSBM"),
        (StaleDoubler(), "Doubler"),
        (UnpaidSparring(), "SparringUCB"),
        (OneSignREX3(), "REX3"),
        (GenerousDuelingEXP3(), "DuelingEXP3"),
    ],
    ids=lambda x: x if isinstance(x, str) else type(x).__name__,
)
def test_wrong_versions_are_rejected(mutant: Any, name: str) -> None:
    theorem = theorems(name)[0]
    environment = faulty(catalog.build(theorem.instance), NONE)
    with pytest.raises(AssertionError, match="Exponent"):
        rates.assert_rate(mutant, theorem, environment=environment, runs=16)


def test_the_baseline_belongs_to_every_arm() -> None:
    """Published code adds the baseline b of the reduced-variance estimate to the played arm only: more regret."""
    environment = BradleyTerry(tuple(np.linspace(2.0, 0.0, 10)), shuffle=True)
    right, wrong = (
        simulate(learner, environment, horizon=4_000, runs=24, checkpoints=[4_000]).final("average")
        for learner in (finite.VersatileDuelingBandit(shared=True), BaselineOfThePlayed())
    )
    rates.assert_smaller(right, wrong)
