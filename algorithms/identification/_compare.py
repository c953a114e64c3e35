"""COMPARE of [falahatgar2017maxing]: is a gap at `upper` or at `lower`? Few duels if it is far from their middle."""

import math


def judge(wins: float, n: float, lower: float, upper: float, delta: float) -> int:
    """+1 if the gap p - 1/2 of the counted duels is upper rather than lower, -1 the other way, 0: duel on.

    Stops when mean - 1/2 is further than sqrt(ln(4 n^2 / delta) / (2 n)) from the middle of the two, or after
    `most_duels`. A gap at or above `upper` gets -1, one at or below `lower` gets +1, with probability at most delta:
    pi^2 / 24 delta from the times before the last, delta / 2 from the last (Hoeffding).
    """
    distance = wins / n - 0.5 - 0.5 * (lower + upper)
    if 2.0 * n * distance * distance > math.log(4.0 / delta) + 2.0 * math.log(n) or n >= most_duels(
        lower, upper, delta
    ):
        return 1 if distance > 0 else -1
    return 0


def most_duels(lower: float, upper: float, delta: float) -> float:
    """2 ln(2 / delta) / (upper - lower)^2."""
    return 2.0 * math.log(2.0 / delta) / ((upper - lower) * (upper - lower))
