"""Errors at the public border: one line that names the argument, what came, what is allowed and the nearest remedy."""

import operator
from difflib import get_close_matches
from typing import Any


class InvalidInput(ValueError):
    """A value that the lab refuses. The message names argument, value, allowed range and remedy."""


def did_you_mean(name: str, known: list[str] | tuple[str, ...]) -> str:
    """``" Did you mean 'RUCB'?"`` for a near miss, else the empty string."""
    folded = {k.lower(): k for k in known}
    near = get_close_matches(str(name).lower(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""


def unknown(argument: str, name: object, known: list[str] | tuple[str, ...]) -> InvalidInput:
    """The error for a name that is not in a known list."""
    listing = ", ".join(sorted(known))
    return InvalidInput(f"{argument}: unknown name {name!r}.{did_you_mean(str(name), known)} Known: {listing}.")


def positive_integer(argument: str, value: Any, *, least: int = 1) -> int:
    """`value` as an int >= `least`, or InvalidInput that names `argument`. Accepts integral floats such as 1e6."""
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    whole: Any = int(value) if isinstance(value, float) and value.is_integer() else value
    try:
        number = operator.index(whole)
    except TypeError:  # half a unit, NaN, text
        number = least - 1
    if isinstance(value, bool) or number < least:
        kind = "" if plain else f" ({type(value).__name__})"
        raise InvalidInput(f"{argument} must be an integer >= {least}; got {value!r}{kind}.")
    return number
