"""Random choices for compiled code, each with a fixed number of uniform draws."""

import numpy as np


def uniform_index(rng: np.random.Generator, n: int) -> int:
    """An index uniform on 0..n-1 (bias below n / 2**53), one uniform draw."""
    return int(rng.random() * n)


def uniform_pair(rng: np.random.Generator, n: int) -> tuple[int, int]:
    """An ordered pair of distinct indices, uniform, two uniform draws."""
    first = uniform_index(rng, n)
    second = uniform_index(rng, n - 1)
    return first, second + 1 if second >= first else second


def random_argmax(values: np.ndarray, rng: np.random.Generator) -> int:
    """argmax of values [n], ties at random; draws only when there are ties."""
    best, chosen, ties = values[0], 0, 1
    for i in range(1, len(values)):
        if values[i] > best:
            best, chosen, ties = values[i], i, 1
        elif values[i] == best:
            ties += 1
            if uniform_index(rng, ties) == 0:
                chosen = i
    return chosen
