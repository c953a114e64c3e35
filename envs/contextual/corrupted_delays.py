"""Contextual duels whose outcomes are flipped by an adversary, or else come late."""

import math
from typing import Any, NamedTuple

import numpy as np

from duel.bandits import Problem
from duel.errors import InvalidInput, positive_integer
from duel.links import cdf, code

from . import _late, _world
from ._late import geometric, keep
from ._world import draw_sphere


class CorruptedDelaysWorld(NamedTuple):
    """A world, what the adversary may still do, and the outcomes under way: that of round s in place s mod (D + 1)."""

    contexts: np.ndarray  # [K, d] features x_i
    theta: np.ndarray  # [d]
    utilities: np.ndarray  # [K] u_i = x_i^T theta
    best: np.ndarray  # [1] max_i u_i
    link: int  # code of duel.links
    left: np.ndarray  # int64 [3] flips left; delay left; 1 if the present outcome was flipped
    seen: np.ndarray  # [D + 1, K, d] contexts of the duels under way
    duels: np.ndarray  # int64 [D + 1, 4] round s, first, second, outcome
    due: np.ndarray  # int64 [D + 1] round at the end of which the outcome is told, 0 if none
    ready: np.ndarray  # int64 [D + 1] places of those told in the present round, the oldest first
    trouble: float  # C + max(sqrt(Lambda), mean delay), as in the theorem of RCDP-UCB


class CorruptedDelays(NamedTuple):
    """`SphereContexts` with flipped and late outcomes, as in the experiments of RCDP-UCB [oh2026rcdp].

    The adversary turns around whatever favours the better arm, at once, until it has done so `budget` times
    (`CorruptedContexts`). Other outcomes are late. Either by chance, a geometric number of rounds with mean `delay`
    (`DelayedContexts`; Gaussian in that paper), or by design, if `withheld` > 0: the first outcomes of duels that show
    an arm of positive utility wait sqrt(withheld) rounds each, until their waits sum to `withheld`.

    Regret is that of the true utilities. Outcomes under way at the horizon are never told.

    Parameters
    ----------
    dimension, arms : int
        d >= 1 and K >= 2.
    budget : int
        C >= 0.
    delay : float >= 0
        Mean number of rounds, before truncation; not used if `withheld` > 0.
    withheld : int >= 0
        Lambda, total delay of the adversary; 0 leaves delays to chance.
    longest : int
        D >= 0, in rounds; a longer wait is cut (and `withheld` is charged for the whole of it).
    link : str
        Name of `duel.links`.
    norm : float > 0
        Length of theta, drawn uniformly on the sphere in every run.
    theta : array_like [d] or None
        A given theta; `norm` is then not used.
    """

    dimension: int = 5
    arms: int = 10
    budget: int = 25
    delay: float = 100.0
    withheld: int = 0
    longest: int = 1000
    link: str = "logistic"
    norm: float = 1.0
    theta: Any = None

    protocol = "duels"
    metrics = _world.METRICS

    def check(self) -> None:
        _world.check_sizes(self.dimension, self.arms)
        _world.check_theta(self.theta, self.norm, self.dimension)
        for name in ("budget", "withheld", "longest"):
            positive_integer(name, getattr(self, name), least=0)
        if not 0 <= self.delay < math.inf:
            raise InvalidInput(f"delay must be a finite number >= 0, a mean number of rounds; got {self.delay!r}.")
        code(self.link)

    def problem(self, horizon: int) -> Problem:
        return _world.problem(self, horizon)

    def init(self, rng: np.random.Generator) -> CorruptedDelaysWorld:
        places = self.longest + 1
        return CorruptedDelaysWorld(
            *_world.empty(self, self.arms, self.dimension, rng),
            left=np.array([self.budget, self.withheld, 0], dtype=np.int64),
            seen=np.zeros((places, self.arms, self.dimension)),
            duels=np.zeros((places, 4), dtype=np.int64),
            due=np.zeros(places, dtype=np.int64),
            ready=np.zeros(places, dtype=np.int64),
            trouble=self.budget + (math.sqrt(self.withheld) if self.withheld > 0 else float(self.delay)),
        )

    def observe(self, world: CorruptedDelaysWorld, t: int, rng: np.random.Generator) -> np.ndarray:
        draw_sphere(world, 1.0, rng)
        return world.contexts

    def duel(self, world: CorruptedDelaysWorld, first: int, second: int, rng: np.random.Generator) -> int:
        lead = world.utilities[first] - world.utilities[second]
        outcome = 1 if rng.random() < cdf(world.link, lead) else -1
        world.left[2] = 0
        if world.left[0] > 0 and outcome * lead > 0.0:
            world.left[0] -= 1
            world.left[2] = 1
            return -outcome
        return outcome

    def post(
        self, world: CorruptedDelaysWorld, t: int, first: int, second: int, outcome: int, rng: np.random.Generator
    ) -> int:
        """Keep the outcome of round t; returns how many are told at its end. One draw."""
        u = rng.random()
        if world.left[2] == 1:  # flipped: told at once
            wait = 0.0
        elif self.withheld == 0:
            wait = geometric(self.delay, u)
        elif world.left[1] > 0 and max(world.utilities[first], world.utilities[second]) > 0.0:
            wait = min(math.floor(math.sqrt(self.withheld)), world.left[1] + 0.0)
            world.left[1] -= int(wait)
        else:
            wait = 0.0
        return keep(world, t, first, second, outcome, wait)

    delivered = _late.delivered
    regrets = _world.regrets
