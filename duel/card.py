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
    """One claim: `metric` is at most `bound` (up to a constant, unless it is `explicit`) on `instance`.

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
    fields : mapping
        Hyper-parameters that the theorem prescribes, where they are not the defaults.
    remark : str
        What a reader of the ledger should know: why a rate is not there yet at horizons that can be afforded, or what
        in the claim is contradicted.

    The metric "error" of an identification algorithm stands for 1 - "correct": `bound` is then a probability.
    """

    statement: str
    metric: str
    bound: Callable[[float, Any], float]
    instance: Instance
    horizons: tuple[int, ...] = (1_000, 2_000, 4_000, 8_000, 16_000)
    runs: int = 64
    explicit: bool = False
    anytime: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True)
class Comparison:
    """A paper's headline comparison: final `metric` at most `factor` times that of `rival`, on `instance`.

    Attributes
    ----------
    statement : str
        The claim in words, and where the paper makes it.
    rival : str
        An algorithm of the catalogue.
    metric : str
    instance : Instance
    horizon : int
    runs : int
        Pairs: both algorithms meet the same instances and noise.
    factor : float
        1 for "A beats B"; 1/2 for "by half".
    fields, rival_fields : mapping
        Hyper-parameters, where they are not the defaults.
    remark : str
        As in `Theorem`.
    """

    statement: str
    rival: str
    metric: str
    instance: Instance
    horizon: int
    runs: int = 64
    factor: float = 1.0
    fields: Mapping[str, Any] = field(default_factory=dict)
    rival_fields: Mapping[str, Any] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True)
class Card:
    """A catalogue entry for an algorithm.

    `citation` is a key of references.bib; `source` the algorithm number and version of the text that was followed;
    `assumptions` the conditions of the guarantee; `parameters` says in words which hyper-parameters the paper takes
    where; `comparisons` are what the paper says of its rivals.
    """

    name: str
    setting: str
    citation: str
    source: str
    assumptions: tuple[str, ...] = ()
    theorems: tuple[Theorem, ...] = ()
    deviations: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
