"""Small preference matrices from the literature, each with its source: the instances that papers compare on.

``P[i, j] = Pr(i beats j)``. In all of them arm 0 is the Condorcet winner, except in rock-paper-scissors, where there
is none. Each function returns a fresh float64 array.
"""

from typing import Any

import numpy as np

from duel.errors import InvalidInput, positive_integer


def arxiv6() -> np.ndarray:
    """Six retrieval functions of the arXiv full-text search, by interleaving experiments: [6, 6].

    Arms 3 and 5 tie at exactly 1/2, so no total order exists and SST and STI fail. Source: [yue2011beat]_, to two
    decimals, as distributed with the code of [komiyama2015regret]_.
    """
    return np.array(
        [
            [0.50, 0.55, 0.55, 0.54, 0.61, 0.61],
            [0.45, 0.50, 0.55, 0.55, 0.58, 0.60],
            [0.45, 0.45, 0.50, 0.54, 0.51, 0.56],
            [0.46, 0.45, 0.46, 0.50, 0.54, 0.50],
            [0.39, 0.42, 0.49, 0.46, 0.50, 0.51],
            [0.39, 0.40, 0.44, 0.50, 0.49, 0.50],
        ]
    )


def cyclic4() -> np.ndarray:
    """A weak Condorcet winner (0.6) over three arms in a strong circle (0.9): [4, 4].

    Comparing a loser with the arm that beats it 0.9 is nine times cheaper than with the winner. Source:
    [komiyama2015regret]_, section 4 ("Cyclic").
    """
    return np.array(
        [
            [0.5, 0.6, 0.6, 0.6],
            [0.4, 0.5, 0.9, 0.1],
            [0.4, 0.1, 0.5, 0.9],
            [0.4, 0.9, 0.1, 0.5],
        ]
    )


def arithmetic8() -> np.ndarray:
    """``P[i, j] = 1/2 + 0.05 (j - i)``: a total order with SST, and STI at equality, [8, 8].

    Source: [komiyama2015regret]_, section 4 ("Arithmetic").
    """
    rank = np.arange(8)
    return 0.5 + (rank[None, :] - rank[:, None]) / 20


def mslr5() -> np.ndarray:
    """Five rankers of the MSLR-WEB30K informational click model, to four decimals: [5, 5].

    A total order with SST; STI fails by 0.0007. Source: the Condorcet instance of [wu2016double]_.
    """
    upper = np.array(
        [
            [0.5, 0.5352, 0.6126, 0.7570, 0.7655],
            [0.0, 0.5, 0.5799, 0.7275, 0.7382],
            [0.0, 0.0, 0.5, 0.6590, 0.6688],
            [0.0, 0.0, 0.0, 0.5, 0.5100],
            [0.0, 0.0, 0.0, 0.0, 0.5],
        ]
    )
    return upper + np.tril(1.0 - upper.T, -1)


def bradley_terry(utilities: Any) -> np.ndarray:
    """``P[i, j] = 1 / (1 + exp(u_j - u_i))``, the Bradley-Terry matrix of utilities in logits.

    Parameters
    ----------
    utilities : array_like [K]
        Finite, K >= 2. ``numpy.linspace(2, 0, K)`` is the instance of the benchmark tables.

    Returns
    -------
    ndarray [K, K]

    Raises
    ------
    InvalidInput
        Not a vector of at least two finite numbers.
    """
    try:
        u = np.asarray(utilities, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"utilities must be a vector of numbers; {error}.") from None
    if u.ndim != 1 or len(u) < 2:
        raise InvalidInput(f"utilities must be a vector of at least 2 numbers; got shape {u.shape}.")
    if not np.isfinite(u).all():
        i = int(np.flatnonzero(~np.isfinite(u))[0])
        raise InvalidInput(f"utilities[{i}] = {u[i]}, must be finite.")
    return 0.5 + np.tanh((u[:, None] - u[None, :]) / 2) / 2  # odd in the difference, so P + P.T = 1 to the last bit


def rock_paper_scissors(arms: int = 3, margin: float = 0.5) -> np.ndarray:
    """An odd number of arms in a circle: each beats the (K-1)/2 arms after it with probability 1/2 + margin.

    The von Neumann winner is the uniform mixture, and the only one.

    Parameters
    ----------
    arms : int
        Odd, at least 3.
    margin : float
        In (0, 1/2].

    Returns
    -------
    ndarray [K, K]

    Raises
    ------
    InvalidInput
        An even number of arms, or a margin outside (0, 1/2].
    """
    K = positive_integer("arms", arms, least=3)
    if K % 2 == 0:
        raise InvalidInput(f"arms must be odd, so that each beats as many as it loses to; got {K}. Try {K + 1}.")
    if not 0 < margin <= 0.5:
        raise InvalidInput(f"margin must lie in (0, 0.5]; got {margin!r}.")
    ahead = (np.arange(K)[None, :] - np.arange(K)[:, None]) % K
    return 0.5 + margin * np.where(ahead == 0, 0.0, np.where(ahead <= K // 2, 1.0, -1.0))
