"""Fields of algorithms and environments against the declarations of their class, before anything reads them.

The range of a field is for the class's own `check` to refuse. Those checks compare numbers, so that a text where a
number belongs, or a number where a switch belongs, is refused here, for every class alike.
"""

import types
import typing
from typing import Any

import numpy as np

from duel.errors import InvalidInput

NUMBER, SWITCH, TEXT = "a number", "True or False", "text"
ALLOWED: dict[Any, str] = {int: NUMBER, float: NUMBER, bool: SWITCH, str: TEXT, type(None): "None"}
NAMES = {"int": int, "float": float, "bool": bool, "str": str, "None": type(None)}


def conform(obj: Any) -> Any:
    """`obj` with whole floats in its fields declared int as ints (3.0 becomes 3); anything but a NamedTuple as it is.

    Parameters
    ----------
    obj : algorithm or environment
        Fields declared int, float, bool, str, or one of these or None, are checked. Any, arrays and other types are
        left to the class.

    Raises
    ------
    InvalidInput
        A field is of another kind than its class declares.
    """
    if not hasattr(obj, "_fields") or isinstance(obj, type):
        return obj
    declared = getattr(type(obj), "__annotations__", {})
    whole = {}
    for name, value in obj._asdict().items():
        kinds = _kinds(declared.get(name))
        if not kinds:
            continue
        if not any(_fits(value, kind) for kind in kinds):
            allowed = " or ".join(dict.fromkeys(ALLOWED[kind] for kind in kinds))
            given = f"{type(obj).__name__}({name}={value!r})"
            raise InvalidInput(f"{name} must be {allowed}; got {given}.{_meant(value, kinds)}")
        if int in kinds and float not in kinds and isinstance(value, float | np.floating) and float(value).is_integer():
            whole[name] = int(value)
    return obj._replace(**whole) if whole else obj


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The simple types that a field may have, empty if it may have others."""
    if isinstance(annotation, typing.ForwardRef):  # from __future__ import annotations
        kinds = tuple(NAMES.get(part.strip()) for part in annotation.__forward_arg__.split("|"))
    elif isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        kinds = typing.get_args(annotation)
    else:
        kinds = (annotation,)
    return kinds if all(kind in ALLOWED for kind in kinds) else ()


def _fits(value: Any, kind: Any) -> bool:
    if kind is bool:
        return isinstance(value, bool | np.bool_)
    if kind in (int, float):
        if isinstance(value, int | float):
            return not isinstance(value, bool)
        return getattr(getattr(value, "dtype", None), "kind", None) in ("i", "u", "f")
    return isinstance(value, kind)


def _meant(value: Any, kinds: tuple[Any, ...]) -> str:
    """The likely right value, if it shows: '2.5' for 2.5, 1 for True."""
    if isinstance(value, str) and (int in kinds or float in kinds):
        try:
            return f" Did you mean {float(value):g}, without quotes?"
        except ValueError:
            return ""
    if bool in kinds and isinstance(value, int | float | np.number) and value in (0, 1):
        return f" Did you mean {bool(value)}?"
    return ""
