"""Fields of the wrong kind are refused by name, whatever the family; whole floats serve as integers."""

import math
from typing import Any, NamedTuple, Optional

import numpy as np
import pytest

import duel
from algorithms.alignment import DPO
from algorithms.contextual import RCDPUCB, VACDB, CoLSTIM, CoLSTIMSGD, MaxInP, MaxPairUCB, StaD
from algorithms.finite import RUCB
from algorithms.games import EGPO
from algorithms.nonlinear import EnsembleThompson, NeuralDuelingUCB
from duel.errors import InvalidInput
from duel.fields import conform
from duel.sweep import Sweep
from envs.contextual import DelayedContexts, SphereContexts
from envs.finite import BradleyTerry
from envs.nonlinear import AckleyUtility

SPHERE = SphereContexts(2, 3)
ACKLEY = AckleyUtility(points=4)


@pytest.mark.parametrize(
    ("algorithm", "environment", "message"),
    [
        (CoLSTIM(threshold="wide"), SPHERE, "threshold must be a number or None; got CoLSTIM(threshold='wide')."),
        (CoLSTIM(independence=True), SPHERE, "independence must be a number or None; got CoLSTIM(independence=True)."),
        (CoLSTIM(exploration="12"), SPHERE, "got CoLSTIM(exploration='12'). Did you mean 12, without quotes?"),
        (CoLSTIM(estimator=None), SPHERE, "estimator must be text; got CoLSTIM(estimator=None)."),
        (CoLSTIMSGD(decay="slow"), SPHERE, "decay must be a number; got CoLSTIMSGD(decay='slow')."),
        (CoLSTIMSGD(average=1), SPHERE, "average must be True or False; got CoLSTIMSGD(average=1). Did you mean True?"),
        (MaxInP(tolerance=(1.0, 2.0)), SPHERE, "tolerance must be a number; got MaxInP(tolerance=(1.0, 2.0))."),
        (MaxPairUCB(ridge=None), SPHERE, "ridge must be a number; got MaxPairUCB(ridge=None)."),
        (RCDPUCB(confidence_width=None), SPHERE, "must be a number; got RCDPUCB(confidence_width=None)."),
        (StaD(stages=True), SPHERE, "stages must be a number or None; got StaD(stages=True)."),
        (VACDB(delta="0.1"), SPHERE, "Did you mean 0.1, without quotes?"),
        (VACDB(radius=2), SPHERE, "radius must be text; got VACDB(radius=2)."),
        (RUCB(alpha=1 + 2j), BradleyTerry((1.0, 0.0)), "alpha must be a number; got RUCB(alpha=(1+2j))."),
        (CoLSTIM(), SPHERE._replace(fresh="no"), "got SphereContexts(fresh='no')."),
        (CoLSTIM(), SPHERE._replace(norm="long"), "norm must be a number; got SphereContexts(norm='long')."),
        (CoLSTIM(), SPHERE._replace(link=1), "link must be text; got SphereContexts(link=1)."),
        (CoLSTIM(), DelayedContexts(delay="late"), "delay must be a number; got DelayedContexts(delay='late')."),
        (NeuralDuelingUCB(kappa="small"), ACKLEY, "kappa must be a number; got NeuralDuelingUCB(kappa='small')."),
        (EnsembleThompson(repeat="yes"), ACKLEY, "repeat must be True or False; got EnsembleThompson(repeat='yes')."),
    ],
    ids=lambda v: "" if isinstance(v, str) else type(v).__name__,
)  # fmt: skip
def test_fields_of_another_kind_are_refused(algorithm: Any, environment: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        duel.simulate(algorithm, environment, horizon=5)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(InvalidInput) as error:
        Sweep("bad", {"a": algorithm}, {"e": environment}, horizon=5, runs=1).check()
    assert message in str(error.value)


def test_whole_floats_are_integers() -> None:
    learner = CoLSTIM(exploration=4.0)  # type: ignore[arg-type]
    environment = SphereContexts(2.0, np.float64(3), norm=1)  # type: ignore[arg-type]
    settings: dict[str, Any] = {"horizon": 8, "runs": 1, "compiled": False}
    found = duel.simulate(learner, environment, **settings)
    right = duel.simulate(CoLSTIM(exploration=4), SphereContexts(2, 3), **settings)
    np.testing.assert_array_equal(found["average"], right["average"])
    with pytest.raises(InvalidInput, match=r"dimension must be an integer >= 1; got 2.5"):
        duel.simulate(learner, environment._replace(dimension=2.5), **settings)


class Declared(NamedTuple):
    whole: "int"
    part: "float | None" = None
    other: Optional[float] = 1.0  # noqa: UP045  (the older spelling is what is tested)
    anything: Any = None
    array: np.ndarray | None = None


def test_what_is_declared_decides() -> None:
    kept = Declared(3, 1, None, "text", (1, 2))  # type: ignore[arg-type]
    assert conform(kept) is kept
    assert conform(kept._replace(whole=math.inf)).whole == math.inf  # for the class to refuse
    swept = kept._replace(part=np.array([0.1, 0.2]))
    assert conform(swept) is swept
    for name, value in (
        ("whole", None),
        ("whole", "3"),
        ("part", "x"),
        ("part", np.array(["a"])),
        ("other", False),
        ("other", np.bool_(True)),
    ):
        with pytest.raises(InvalidInput, match=f"{name} must be a number"):
            conform(kept._replace(**{name: value}))
    assert conform(RUCB) is RUCB
    assert conform((1, 2)) == (1, 2)


def test_other_protocols_are_checked_too() -> None:
    from envs.alignment import FailureInstance
    from envs.games import RandomPreferences

    for algorithm, environment in ((EGPO(step_size="big"), RandomPreferences(3)), (DPO(backend=3), FailureInstance())):
        with pytest.raises(InvalidInput, match=r"(step_size|backend) must be"):
            duel.simulate(algorithm, environment, horizon=3)
