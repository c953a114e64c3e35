"""Identity of a cell: one hash of classes, typed fields, horizon, seed, block, checkpoints, format and code.

Equal content gives equal text on every machine and in every process: no `hash`, no pickle, no `repr` of objects.
"""

import dataclasses
import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np

from duel.errors import InvalidInput
from duel.protocols import PROTOCOLS
from duel.source import code_digest
from duel.store import FORMAT, unit_id

__all__ = ["canonical", "fields_of", "pair_digest", "unit", "unit_id"]


def fields_of(obj: Any) -> dict[str, Any]:
    """Fields of an instance in the types that the engines give them: ints where floats are declared become floats."""
    annotations = getattr(type(obj), "__annotations__", {})
    found = {}
    for name, value in obj._asdict().items():
        if isinstance(value, np.generic):
            value = value.item()
        if annotations.get(name) is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        found[name] = value
    return found


def canonical(value: Any, where: str) -> Any:
    """`value` as typed JSON: equal values give equal text, on every machine and in every process.

    Raises
    ------
    InvalidInput
        For what has no content to hash (lambdas, open files, NaN...), naming `where`.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.generic):
        return canonical(value.item(), where)
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, float):
        if math.isnan(value):
            raise InvalidInput(f"{where} is NaN, which equals nothing and cannot be looked up; give a number or None.")
        return {"float": value.hex()}
    if isinstance(value, complex | bytes | bytearray):
        return {type(value).__name__: repr(value)}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _canonical_instance(value, where)
    if isinstance(value, list | tuple):
        return {"list": [canonical(v, f"{where}[{i}]") for i, v in enumerate(value)]}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidInput(f"{where} has the key {key!r}; only mappings with text keys can be hashed.")
        return {"mapping": {k: canonical(value[k], f"{where}[{k!r}]") for k in sorted(value)}}
    if isinstance(value, range):
        return canonical(list(value), where)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _canonical_instance(value, where)
    if isinstance(value, np.ndarray) or (hasattr(value, "__array__") and hasattr(value, "dtype")):
        return _canonical_array(np.asarray(value), where)
    if isinstance(value, FunctionType):
        return _canonical_function(value, where)
    raise InvalidInput(
        f"{where} is a {type(value).__name__}, which has no content to hash; give numbers, text, lists, arrays or "
        f"NamedTuples of these."
    )


def _canonical_instance(value: Any, where: str) -> Any:
    names = value._fields if hasattr(value, "_fields") else tuple(f.name for f in dataclasses.fields(value))
    fields = fields_of(value) if hasattr(value, "_asdict") else {n: getattr(value, n) for n in names}
    content = {n: canonical(fields[n], f"{where}.{n}") for n in names}
    return {"class": _name(type(value)), "code": code_digest(type(value)), "fields": content}


def _canonical_array(array: np.ndarray, where: str) -> Any:
    if array.dtype.kind not in "biufcSU":
        raise InvalidInput(f"{where} is an array of {array.dtype}, which cannot be hashed; use numbers or text.")
    if array.dtype.kind in "fc" and np.isnan(array).any():
        raise InvalidInput(f"{where} contains NaN; replace missing entries before the sweep.")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.blake2b(little.tobytes(), digest_size=16).hexdigest()
    return {"array": digest, "dtype": little.dtype.str, "shape": list(array.shape)}


def _canonical_function(function: FunctionType, where: str) -> Any:
    home = sys.modules.get(function.__module__)
    if "<" in function.__qualname__ or getattr(home, function.__qualname__, None) is not function:
        kind = "a lambda" if function.__name__ == "<lambda>" else f"the local function {function.__name__!r}"
        raise InvalidInput(
            f"{where} is {kind}, which has no name that a worker could import; define it at the top of a .py file, or "
            f"pass a name and numbers instead."
        )
    return {"function": _name(function), "code": code_digest(function)}


def _name(obj: Any) -> str:
    module = "__main__" if obj.__module__ == "__mp_main__" else obj.__module__
    return f"{module}.{obj.__qualname__}"


def pair_digest(algorithm: type, environment: type) -> str:
    """Digest of all project code that a cell of these classes runs, the protocol's engine included."""
    engine = import_module(PROTOCOLS[environment.protocol])  # type: ignore[attr-defined]
    return code_digest(algorithm, environment, engine.run)


def unit(
    algorithm: Any, environment: Any, *, horizon: int, seed: int, checkpoints: Sequence[int], block: int, start: int,
    code: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """What a cell computes, as JSON; its digest is the cell's name."""
    marks = np.asarray(checkpoints, dtype=np.int64)
    return {
        "format": FORMAT,
        "dtype": "float64",
        "algorithm": _plain(algorithm, "algorithm"),
        "environment": _plain(environment, "environment"),
        "code": code or pair_digest(type(algorithm), type(environment)),
        "horizon": horizon,
        "seed": seed,
        "checkpoints": canonical(marks, "checkpoints"),
        "block": block,
        "start": start,
    }


def _plain(obj: Any, argument: str) -> Any:
    fields = {k: canonical(v, f"{argument}: {type(obj).__name__}.{k}") for k, v in fields_of(obj).items()}
    return {"class": _name(type(obj)), "fields": fields}
