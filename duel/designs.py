"""Sets of hyper-parameters: grids, random and low-discrepancy designs, on linear and logarithmic scales.

Each returns a list of instances of one class, ready for ``Sweep(algorithms=[...])``; environments may be varied in the
same way. Values are checked against the class before an instance is made.
"""

import itertools
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput, did_you_mean, positive_integer, unknown

METHODS = ("sobol", "halton", "latin", "random")
MOST = 1_000_000


class Range(NamedTuple):
    """Where a hyper-parameter of a design is drawn from; made by `linear`, `log` and `integers`."""

    low: float
    high: float
    scale: str  # "linear", "log" or "integers"


def linear(low: float, high: float) -> Range:
    """Uniform on [low, high)."""
    return _range(low, high, "linear")


def log(low: float, high: float) -> Range:
    """Log-uniform on [low, high), low > 0."""
    return _range(low, high, "log")


def integers(low: int, high: int) -> Range:
    """Uniform on the integers low..high, both included; InvalidInput for a bound that is no integer."""
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise InvalidInput(f"integers: {name} must be an integer; got {value!r}.")
    return _range(low, high, "integers")


def log_space(low: float, high: float, count: int) -> list[float]:
    """`count` values from low to high, equally spaced in the logarithm, both ends exactly as given."""
    span = _range(low, high, "log")
    n = positive_integer("count", count, least=2)
    inner = [math.exp(math.log(span.low) + k / (n - 1) * math.log(span.high / span.low)) for k in range(1, n - 1)]
    return [span.low, *inner, span.high]


def grid(cls: type, **values: Any) -> list[Any]:
    """Every combination of the values: ``grid(CoLSTIM, confidence_width=[0.5, 1.0], link="logistic")``.

    Parameters
    ----------
    cls : NamedTuple class
    **values
        For each field a list of values, or one value for all (a string, a number, an array, None). The last field
        varies fastest.

    Raises
    ------
    InvalidInput
        For an unknown field, an empty list, a repeated value, a required field left out, or over a million members.
    """
    _check_fields(cls, values)
    axes = [_axis(name, value) for name, value in values.items()]
    size = math.prod(len(axis) for axis in axes)
    if size > MOST:
        raise InvalidInput(f"grid: {size:,} combinations of {cls.__name__}, at most {MOST:,}; use design(n=...).")
    return [cls(**dict(zip(values, combination))) for combination in itertools.product(*axes)]


def design(cls: type, n: int, *, seed: int = 0, method: str = "sobol", **ranges: Any) -> list[Any]:
    """`n` members drawn from ranges: ``design(CoLSTIM, 32, confidence_width=log(0.01, 10))``.

    Parameters
    ----------
    cls : NamedTuple class
    n : int >= 1
    seed : int >= 0
    method : {"sobol", "halton", "latin", "random"}
        Scrambled Sobol' points (balanced when n is a power of two), scrambled Halton points, a Latin hypercube, or
        independent draws. All but "latin" are extensible: the first n of 2n members are the n members.
    **ranges
        For each field a `linear`, `log` or `integers` range, a list to choose from, or one fixed value.

    Raises
    ------
    InvalidInput
    """
    n = positive_integer("n", n)
    if n > MOST:
        raise InvalidInput(f"n must be at most {MOST:,}; got {n:,}.")
    seed = positive_integer("seed", seed, least=0)
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    _check_fields(cls, ranges)
    varied = [name for name, value in ranges.items() if isinstance(value, Range) or _is_list(value)]
    if not varied:
        field = next(iter(_fields(cls)), "x")
        raise InvalidInput(f"design: give at least one range, for example {field}=log(0.01, 10).")
    points = _points(method, n, len(varied), seed)
    members = []
    for row in points:
        chosen = dict(ranges)
        for name, u in zip(varied, row):
            chosen[name] = _place(name, ranges[name], float(u))
        members.append(cls(**chosen))
    return members


def _points(method: str, n: int, dimension: int, seed: int) -> np.ndarray:
    """Points [n, dimension] of the unit cube."""
    from scipy.stats import qmc

    rng = np.random.default_rng(seed)
    if method == "random":
        return np.stack([np.random.default_rng((seed, k)).random(n) for k in range(dimension)], axis=1)
    if method == "latin":
        return qmc.LatinHypercube(dimension, rng=rng).random(n)
    if method == "halton":
        return qmc.Halton(dimension, rng=rng).random(n)
    m = max(0, math.ceil(math.log2(n)))  # whole powers of two keep Sobol' points balanced; the first n of them
    return qmc.Sobol(dimension, rng=rng).random_base2(m)[:n]


def _place(name: str, where: Any, u: float) -> Any:
    """The value at position u in [0, 1) of a range or list."""
    if not isinstance(where, Range):
        choices = _axis(name, where)
        return choices[min(int(u * len(choices)), len(choices) - 1)]
    low, high, scale = where
    if scale == "integers":
        return int(low) + min(int(u * (high - low + 1)), int(high - low))
    if scale == "log":
        return min(high, math.exp(math.log(low) + u * math.log(high / low)))
    return low + u * (high - low)


def _range(low: float, high: float, scale: str) -> Range:
    for name, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise InvalidInput(f"{scale}: {name} must be a number; got {value!r}.")
        if not math.isfinite(value):
            raise InvalidInput(f"{scale}: {name} must be finite; got {value!r}.")
    if not low < high:
        raise InvalidInput(f"{scale}: low must be below high; got low={low!r}, high={high!r}. Did you swap them?")
    if scale == "log" and low <= 0:
        raise InvalidInput(f"log: low must be > 0 on a logarithmic scale; got {low!r}. Use linear(...) to include 0.")
    if scale == "integers":
        return Range(int(low), int(high), scale)
    return Range(float(low), float(high), scale)


def _fields(cls: type) -> tuple[str, ...]:
    return tuple(getattr(cls, "_fields", ()))


def _check_fields(cls: Any, values: dict[str, Any]) -> None:
    if not isinstance(cls, type):
        raise InvalidInput(f"the first argument must be a class such as RUCB, without brackets; got {cls!r}.")
    if not hasattr(cls, "_fields"):
        raise InvalidInput(f"the class must be a NamedTuple of hyper-parameters; {cls.__name__} is not.")
    known = _fields(cls)
    for name in values:
        if name not in known:
            has = f"Fields: {', '.join(known)}." if known else f"{cls.__name__} has no fields."
            raise InvalidInput(f"{cls.__name__} has no field {name!r}.{did_you_mean(name, known)} {has}")
    for name in known:
        if name not in values and name not in getattr(cls, "_field_defaults", {}):
            raise InvalidInput(f"{cls.__name__} needs a value for {name!r}; give {name}=[...] or {name}=value.")


def _is_list(value: Any) -> bool:
    return isinstance(value, list | range) or (isinstance(value, tuple) and not hasattr(value, "_fields"))


def _axis(name: str, value: Any) -> list[Any]:
    if isinstance(value, Range):
        raise InvalidInput(f"{name}: a range is for design(cls, n, ...); a grid takes a list such as log_space(...).")
    if isinstance(value, set | frozenset | dict) or (isinstance(value, Iterable) and hasattr(value, "__next__")):
        raise InvalidInput(f"{name}: give a list, whose order is kept; got a {type(value).__name__}.")
    if not _is_list(value):
        return [value]
    values = list(value)
    if not values:
        raise InvalidInput(f"{name}: the list of values is empty; give at least one value.")
    seen: list[str] = []
    for v in values:
        text = f"{type(v).__name__}:{v!r}" if not isinstance(v, np.ndarray) else v.tobytes().hex()
        if text in seen:
            raise InvalidInput(f"{name}: the value {v!r} is given twice; leave one out.")
        seen.append(text)
    return values
