"""Wrong versions of the identification learners. Tests must reject them.

Most stop too early: the failure that a confidence parameter is there to prevent, and that a benchmark of duels alone
would praise.
"""

from collections import namedtuple
from typing import Any

from algorithms.identification import (
    DKWT,
    PLPAC,
    POCOWISTA,
    SAVAGE,
    SELECT,
    TRAPOCOWISTA,
    ActiveRanking,
    BordaElimination,
    BordaRanking,
    DoubleElimination,
    Knockout,
    MallowsMPI,
    OptMax,
    PBRCopeland,
    SequentialElimination,
    SingleElimination,
)


def unchecked(learner: Any, **state: Any) -> Any:
    """`learner` without its `check`, beginning with these fields of its state changed."""
    cls = type(learner)
    key = (cls, tuple(sorted(state.items())))
    if key not in _classes:
        inner = cls.init

        def init(self: Any, problem: Any) -> Any:
            return inner(self, problem)._replace(**state)

        names = ("select", "update", "done", "recommend", "target")
        members = {n: getattr(cls, n) for n in names if n not in cls._fields}
        members |= {"init": init, "__module__": __name__, "__annotations__": dict(cls.__annotations__)}
        _classes[key] = type(f"Hasty{cls.__name__}", (namedtuple(cls.__name__, cls._fields),), members)
    return _classes[key](*learner)


_classes: dict[Any, type] = {}

NEVER = -1e9  # a log term that makes every interval empty

HASTY: dict[str, Any] = {
    "POCOWISTA": unchecked(POCOWISTA(), threshold=1.0),
    "TRAPOCOWISTA": unchecked(TRAPOCOWISTA(), threshold=1.0),
    "SAVAGE": unchecked(SAVAGE(), log_term=NEVER),  # as in published code, whose union bound is inverted
    "PBRCopeland": unchecked(PBRCopeland(), log_term=NEVER),
    "SELECT": unchecked(SELECT(), needed=0.0),
    "Knockout": unchecked(Knockout(delta=1e9)),
    "DKWT": unchecked(DKWT(delta=1e9)),
    "MallowsMPI": unchecked(MallowsMPI(), log_term=NEVER),
    "SequentialElimination": unchecked(SequentialElimination(delta=1e9)),
    "OptMax": unchecked(OptMax(delta=1e9), few=0),
    "PLPAC": unchecked(PLPAC(), log_term=0.0),
    "BordaRanking": unchecked(BordaRanking(), left=4),
    "BordaElimination": unchecked(BordaElimination(), log_term=0.0),
    "ActiveRanking": unchecked(ActiveRanking(), level=0.0),
    "SingleElimination": unchecked(SingleElimination(), length=1.0),
    "DoubleElimination": unchecked(DoubleElimination(), length=1.0),
}
