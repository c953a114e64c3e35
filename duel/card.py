"""Card: what a paper claims about an algorithm, as data that tests and the theorem ledger read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Instance:
    """An environment by name and fields, resolved by the catalogue: cards never import `envs`.

    ``Instance("BradleyTerry", utilities=(2.0, 1.0, 0.0))``
    """

    environment: str
    fields: Mapping[str, Any]

    def __init__(self, environment: str, **fields: Any) -> None:
        object.__setattr__(self, "environment", environment)
        object.__setattr__(self, "fields", fields)


@dataclass(frozen=True)
class Theorem:
    """One claim: `metric` is at most `bound` (up to the constant, if `constant` is False) on `instance`.

    Attributes
    ----------
    statement : str
        The claim in words, with the theorem's number.
    metric : str
        Metric of the trace that the bound speaks of.
    bound : callable (horizon, world) -> float
        The claimed rate. `world` is what the environment's `init` returned (so `world.P` for finite-armed problems).
    instance : Instance
        Where to check it; satisfies the theorem's assumptions.
    horizons : tuple of int
        Doublings on which the exponent is measured.
    runs : int
    explicit : bool
        Whether the constant of `bound` is the theorem's own (then the level is checked too).
    anytime : bool
        Whether the algorithm never reads the horizon: one long run then serves all horizons.

    The metric "error" stands for 1 - "correct" of an identification algorithm: `bound` is then a probability.
    """

    statement: str
    metric: str
    bound: Callable[[float, Any], float]
    instance: Instance
    horizons: tuple[int, ...] = (1_000, 2_000, 4_000, 8_000, 16_000)
    runs: int = 64
    explicit: bool = False
    anytime: bool = False


@dataclass(frozen=True)
class Card:
    """A catalogue entry for an algorithm.

    `citation` is a key of references.bib; `source` the algorithm number and version of the text that was followed;
    `assumptions` the conditions of the guarantee; `target` what an identification algorithm returns.
    """

    name: str
    setting: str
    citation: str
    source: str
    assumptions: tuple[str, ...] = ()
    theorems: tuple[Theorem, ...] = ()
    deviations: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
