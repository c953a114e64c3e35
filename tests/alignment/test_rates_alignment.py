"""Every learner of the family keeps its card's theorem on its card's instance, and a deaf or swapped one does not.

Slope of log mean metric on log n, one-sided: at most the bound's slope plus 0.25 plus five standard errors from 200
bootstrap resamples of the runs. Bounds with their own constant are checked by level. Methods that claim no rate must
beat the reference: their mean win rate exceeds 1/2 by five standard errors, which a swapped or deaf one's does not.
"""

from importlib import import_module
from typing import Any

import jax
import numpy as np
import pytest
from mutants_alignment import deaf, swapped

import algorithms.alignment as family
import duel
import envs.alignment as places
from duel import catalog

NAMES = sorted(catalog.public_classes("algorithms.alignment"))
RUNS = 160
FIELDS: dict[str, dict[str, Any]] = {"PessimisticMLE": {"reference": (0.0, 1.0, 0.0)}, "XPO": {"alpha": 1e-3}}


def theorem_of(name: str) -> Any:
    module = import_module(catalog.public_classes("algorithms.alignment")[name])
    cards = getattr(module, "CARDS", None) or (module.CARD,)
    return next((c for c in cards if c.name == name), cards[0]).theorems[0]


def keeps(learner: Any, theorem: Any) -> bool:
    environment = getattr(places, theorem.instance.environment)(**theorem.instance.fields)
    sizes = theorem.horizons
    trace = duel.simulate(learner, environment, horizon=sizes[-1], runs=RUNS, seed=1, checkpoints=sizes)
    values = trace[theorem.metric]
    world = environment.init(jax.random.PRNGKey(0))
    bounds = np.array([theorem.bound(n, world) for n in sizes])
    if theorem.explicit:
        rate = trace.final("win_rate")
        better = rate.mean() > 0.5 + 5 * rate.std() / np.sqrt(RUNS)
        return bool((values.mean(axis=0) <= bounds).all() and better)
    if values.mean(axis=0)[-1] < 1e-3 * values.mean(axis=0)[0]:
        return True  # gone to nothing: no logarithm to take
    rng = np.random.default_rng(0)

    def slope(v: np.ndarray) -> float:
        return np.polyfit(np.log(sizes), np.log(np.maximum(v.mean(axis=0), 1e-15)), 1)[0]

    spread = np.std([slope(values[rng.integers(RUNS, size=RUNS)]) for _ in range(200)])
    claimed = np.polyfit(np.log(sizes), np.log(bounds), 1)[0]
    return bool(slope(values) <= claimed + 0.25 + 5 * spread and slope(values) < -0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.rate(n)) for n in NAMES])
def test_card(name: str) -> None:
    assert keeps(getattr(family, name)(**FIELDS.get(name, {})), theorem_of(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.mutant(n)) for n in NAMES])
def test_mutants_are_rejected(name: str) -> None:
    cls = getattr(family, name)
    for mutate in (swapped, deaf):
        learner = mutate(cls)(**FIELDS.get(name, {}))
        if name == "DoubleThompson" and mutate is deaf:
            continue  # hears nothing, so it never settles either: the swapped one is the mutant here
        assert not keeps(learner, theorem_of(name)), mutate.__name__
