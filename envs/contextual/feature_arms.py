"""Arms with given features and utilities of their own, such as those of a user's CSV."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from duel import preferences, tables
from duel.bandits import Problem
from duel.draws import uniform_index
from duel.errors import InvalidInput, positive_integer
from duel.features import read_features, standardise
from duel.links import cdf, code

from . import _world

__all__ = ["FeatureArms", "from_features"]


class FeatureWorld(NamedTuple):
    """A world whose utilities need not be linear in the features; those shown in the present round come first."""

    contexts: np.ndarray  # [n, d] features of the arms shown
    utilities: np.ndarray  # [n] what they are worth
    best: np.ndarray  # [1] the largest of these
    order: np.ndarray  # int64 [K] a permutation of the arms, those shown first
    pool: np.ndarray  # [K, d] features of all arms
    worth: np.ndarray  # [K] utilities of all arms
    win: np.ndarray  # [K, K] Pr(i beats j)


class FeatureArms(NamedTuple):
    """Given arms with features, which the learner sees, and utilities, which it does not and which may be any numbers.

    ``Pr(i beats j) = P[i, j]``, or ``F(u_i - u_j)`` where no P is given. A linear learner believes in
    ``F(theta^T (x_i - x_j))``. It is right if utilities are linear in the features, as they always are with d >= K - 1
    features in general position, and else pays for the best arm that it cannot express. `FixedArms` draws a theta.

    Parameters
    ----------
    features : array_like [K, d]
        Used as given; `from_features` brings columns to one scale.
    utilities : array_like [K]
        In the unit of the link. Regret is about these.
    P : array_like [K, K] or None
        Win probabilities, P + P^T = 1.
    link : str
        Name of `duel.links`; what the learner is told.
    shown : int
        Arms that a round shows, drawn uniformly without replacement; 0 shows all.
    """

    features: Any
    utilities: Any
    P: Any = None
    link: str = "logistic"
    shown: int = 0

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        X, u = np.asarray(self.features, dtype=np.float64), np.asarray(self.utilities, dtype=np.float64)
        if X.ndim != 2 or len(X) < 2 or X.shape[1] < 1 or not np.isfinite(X).all():
            raise InvalidInput(
                f"features must be a finite array [K, d] with K >= 2, d >= 1; got shape {X.shape}, "
                f"{int((~np.isfinite(X)).sum())} entries not finite."
            )
        if u.shape != (len(X),) or not np.isfinite(u).all():
            raise InvalidInput(f"utilities must be {len(X)} finite numbers, one an arm; got shape {u.shape}.")
        if self.P is not None and preferences.check(self.P).shape != (len(X), len(X)):
            raise InvalidInput(f"P must be {len(X)} x {len(X)}, an arm a row; got shape {np.shape(self.P)}.")
        if self.shown != 0 and not 2 <= positive_integer("shown", self.shown) <= len(X):
            raise InvalidInput(f"shown must be 0 (all) or in 2..{len(X)}; got {self.shown!r}.")
        code(self.link)

    def problem(self, horizon: int) -> Problem:
        K, d = np.shape(self.features)
        return Problem(arms=self.shown or K, dimension=d, horizon=horizon, link=self.link)

    def init(self, rng: np.random.Generator) -> FeatureWorld:
        X, u = np.array(self.features, dtype=np.float64), np.array(self.utilities, dtype=np.float64)
        link, n = code(self.link), self.shown or len(X)
        win = [[cdf(link, float(a - b)) for b in u] for a in u] if self.P is None else self.P
        return FeatureWorld(
            contexts=X[:n].copy(),
            utilities=u[:n].copy(),
            best=np.array([u[:n].max()]),
            order=np.arange(len(X)),
            pool=X,
            worth=u,
            win=np.array(win, dtype=np.float64),
        )

    def observe(self, world: FeatureWorld, t: int, rng: np.random.Generator) -> np.ndarray:
        """Contexts [n, d]; `shown` uniform draws, none if all arms are shown."""
        if self.shown == 0:
            return world.contexts
        for i in range(len(world.contexts)):
            j = i + uniform_index(rng, len(world.order) - i)
            arm = world.order[j]
            world.order[j] = world.order[i]
            world.order[i] = arm
            world.utilities[i] = world.worth[arm]
            for k in range(world.pool.shape[1]):
                world.contexts[i, k] = world.pool[arm, k]
        world.best[0] = world.utilities.max()
        return world.contexts

    def duel(self, world: FeatureWorld, first: int, second: int, rng: np.random.Generator) -> int:
        return 1 if rng.random() < world.win[world.order[first], world.order[second]] else -1

    regrets = _world.regrets


def from_features(
    path: str | os.PathLike[str],
    *,
    counts: str | os.PathLike[str] | None = None,
    utility: str = "utility",
    drop: Sequence[str] = (),
    scale: bool = True,
    link: str = "logistic",
    shown: int = 0,
) -> FeatureArms:
    """A contextual problem from a CSV of arms' features, with their utilities or with counted duels between them.

    Parameters
    ----------
    path : path of a CSV
        One line an arm: its name, then features, then perhaps a column `utility`; see `duel.features.read_features`.
    counts : path of a CSV or None
        Counted duels of the same arms, by name; see `duel.tables.read_counts`. Arms of the file that no duel names are
        left out. Pairs that met are then won as often as counted (a tie is half a win), the others as the
        Bradley-Terry strengths of the table say; these strengths (with Firth's penalty, which keeps them
        finite) are the utilities. Without it the file must have utilities.
    utility, drop
        As in `duel.features.read_features`.
    scale : bool
        Bring columns to one scale and lengths to at most 1, `duel.features.standardise`; False takes them as they are.
    link : str
        Name of `duel.links`; "logistic" with counts.
    shown : int
        As in `FeatureArms`.

    Raises
    ------
    InvalidInput
        A file is malformed (with line and column), utilities and counts are both given or both missing, arms of the
        counts have no features, or the counts fall apart into groups that never met.
    """
    table = read_features(path, utility=utility, drop=drop)
    X = standardise(table.values) if scale else table.values
    if counts is None:
        if table.utilities is None:
            raise InvalidInput(
                f"{os.fspath(path)}: no column {utility!r}; name the one that holds the utilities (utility=...) "
                "or pass counted duels (counts=...)."
            )
        return FeatureArms(X, table.utilities, None, link, shown)
    if table.utilities is not None:
        raise InvalidInput(f"counts: {os.fspath(path)} has a column {utility!r} already; drop it or leave counts out.")
    if link != "logistic":
        raise InvalidInput(f"link must be 'logistic' with counts, whose strengths are Bradley-Terry; got {link!r}.")
    duels = tables.read_counts(counts)
    missing = [name for name in duels.names if name not in table.names]
    if missing:
        raise InvalidInput(f"counts: {os.fspath(counts)} names {missing[0]!r}, which {os.fspath(path)} does not have.")
    order = [table.names.index(name) for name in duels.names]
    utilities, P = counted(duels)
    return FeatureArms(X[order], utilities, P, link, shown)


def counted(duels: tables.Counts) -> tuple[np.ndarray, np.ndarray]:
    """Bradley-Terry strengths [K], and win probabilities [K, K]: those counted, or, of pairs that never met, theirs."""
    from duel.likelihood import bradley_terry  # imports JAX

    groups = tables.connectivity(duels).comparison_components
    if len(groups) > 1:
        raise InvalidInput(f"counts: the arms fall into {len(groups)} groups that never met; nothing compares them.")
    strengths = bradley_terry(duels.wins + 0.5 * duels.ties, firth=True).require().estimate
    found = tables.preference_matrix(duels, "half")
    model = np.array([[cdf(code("logistic"), float(a - b)) for b in strengths] for a in strengths])
    return strengths, np.where(found.observed, found.P, model)
