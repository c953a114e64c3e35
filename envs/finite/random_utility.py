"""Random-utility models: arms with utilities, duels decided by a comparison function of their difference."""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, ndtr

from duel.bandits import Problem
from duel.errors import InvalidInput

from . import _world


class BradleyTerry(NamedTuple):
    """``Pr(i beats j) = 1 / (1 + exp(u_j - u_i))`` [bradley1952rank]. A total order; SST and STI hold.

    Parameters
    ----------
    utilities : array_like [K]
        Log-strengths u, in nats.
    shuffle : bool
        Relabel the arms at random in every run, so that no learner gains from the order of the arms.
    """

    utilities: Any
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        check_utilities(self.utilities, "utilities")

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.utilities), horizon, "logistic")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        return utility_world(self.utilities, "logistic", self.shuffle, rng)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class Thurstone(NamedTuple):
    """``Pr(i beats j) = Phi((u_i - u_j) / sqrt(2))``: Case V, unit noise per arm [thurstone1927law]. SST, STI hold.

    Parameters
    ----------
    utilities : array_like [K]
        In units of the noise's standard deviation.
    shuffle : bool
        Relabel the arms at random in every run.
    """

    utilities: Any
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        check_utilities(self.utilities, "utilities")

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.utilities), horizon, "thurstone")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        return utility_world(self.utilities, "thurstone", self.shuffle, rng)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class LinearUtilities(NamedTuple):
    """``Pr(i beats j) = clip(1/2 + (u_i - u_j) / 2, 0, 1)``. STI holds; SST holds; clipping loses large gaps.

    Parameters
    ----------
    utilities : array_like [K]
        Differences beyond 1 are certain wins.
    shuffle : bool
        Relabel the arms at random in every run.
    """

    utilities: Any
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        check_utilities(self.utilities, "utilities")

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.utilities), horizon, "linear")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        return utility_world(self.utilities, "linear", self.shuffle, rng)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


class PlackettLuce(NamedTuple):
    """Pairwise marginals of the Plackett-Luce model: ``Pr(i beats j) = w_i / (w_i + w_j)`` [plackett1975analysis].

    Parameters
    ----------
    weights : array_like [K]
        Positive worths; Bradley-Terry utilities are their logarithms.
    shuffle : bool
        Relabel the arms at random in every run.
    """

    weights: Any
    shuffle: bool = False

    protocol = "duels"
    metrics = _world.METRICS
    may_be_undefined = _world.MAY_BE_UNDEFINED

    def check(self) -> None:
        check_utilities(self.weights, "weights")
        if min(self.weights) <= 0:
            raise InvalidInput(f"weights must be positive; got {self.weights!r}. Log-strengths go to BradleyTerry.")

    def problem(self, horizon: int) -> Problem:
        return _world.problem_of(len(self.weights), horizon, "logistic")

    def init(self, rng: np.random.Generator) -> _world.MatrixWorld:
        return utility_world(np.log(np.asarray(self.weights, dtype=np.float64)), "logistic", self.shuffle, rng)

    observe = _world.observe
    duel = _world.duel
    regrets = _world.regrets
    correct = _world.correct


def check_utilities(utilities: Any, argument: str) -> None:
    try:
        u = np.asarray(utilities, dtype=np.float64)
    except (TypeError, ValueError):
        u = np.empty(0)
    if u.ndim != 1 or len(u) < 2 or not np.isfinite(u).all():
        raise InvalidInput(f"{argument} must be a list of at least 2 finite numbers; got {utilities!r}.")


def utility_world(utilities: Any, link: str, shuffle: bool, rng: np.random.Generator) -> _world.MatrixWorld:
    """The world of ``P[i, j] = F(u_i - u_j)``, reciprocal to the last bit."""
    u = np.asarray(utilities, dtype=np.float64)
    z = u[:, None] - u[None, :]
    if link == "logistic":
        P = expit(z)
    elif link == "thurstone":
        P = ndtr(z / np.sqrt(2.0))
    else:
        P = np.clip(0.5 + z / 2, 0.0, 1.0)
    lower = np.tril_indices(len(u), -1)
    P[lower] = 1.0 - P.T[lower]
    return _world.matrix_world(_world.relabelled(P, shuffle, rng))
