"""APOHF: prompt optimisation with human feedback, neural dueling with diagonal widths."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.card import Card, Instance, Theorem
from duel.nonlinear import Problem

from . import _network
from ._network import DuelsState, NetworkState


class State(NamedTuple):
    network: NetworkState  # theta_t
    start: NetworkState  # theta_0, from which every training begins
    duels: DuelsState


class APOHF(NamedTuple):
    """Prompt optimisation with human feedback [lin2024prompt]: greedy first arm, optimistic second, diagonal widths.

    ::

        1  theta_0 random
        2  for t = 1, 2, ...:
        3      x_1 = argmax h(x; theta)
        4      U = lambda + sum_s (g(x_s1) - g(x_s2))^2 entry by entry, g the gradient at theta
        5      x_2 = argmax over x != x_1 of h(x; theta) + sqrt(nu sum_k (g_k(x) - g_k(x_1))^2 / U_k)
        6      duel; train theta anew from theta_0: mean cross entropy + lambda / (t + 50) |theta - theta_0|^2

    Assumptions: Bradley-Terry answers; otherwise none, it is a heuristic.
    Guarantee: none. x_2 != x_1 is forced, so that average regret is linear; weak regret is what it keeps small.
    Source: arXiv 2405.17346 (remembered) and its public code (read). Deviations: the network is `_network`'s (there 256
    and 128, or 32 and 32 ReLU with biases and N(0, 1) weights), Adam takes `steps` steps of 0.01 (there 1000 of 0.001),
    the decay pulls towards theta_0 and not towards 0, with twice the weight; there five random duels come first. Ties
    go to the first arm.
    Cost: gradients of 2 T + K arms and `steps` passes over the duels a round.

    Parameters
    ----------
    width, steps : int
    exploration : float > 0
        nu; 1 in the code.
    ridge : float > 0
        lambda; 0.1 in the code.
    learning_rate : float > 0
    link : str
        F, that of the environment.
    """

    width: int = 32
    steps: int = 50
    exploration: float = 1.0
    ridge: float = 0.1
    learning_rate: float = 0.01
    link: str = "logistic"

    def check(self, problem: Problem) -> None:
        numbers = self._asdict()
        _network.check(self.width, self.steps, **{n: numbers[n] for n in ("exploration", "ridge", "learning_rate")})
        _network.check_link(self.link, problem)

    def init(self, problem: Problem, key: jax.Array) -> State:
        start = _network.initial(key, problem.contexts.shape[1], self.width)  # l.1
        return State(start, start, _network.no_duels(problem))

    def select(self, state: State, contexts: jax.Array, t: Any, key: jax.Array) -> tuple[State, jax.Array, jax.Array]:
        h = _network.output(state.network, contexts)
        first = jnp.argmax(h)  # l.3
        gap = _network.features(state.network, state.duels.first) - _network.features(
            state.network, state.duels.second
        )  # of rounds to come: 0
        U = self.ridge + jnp.sum(gap * gap, axis=0)  # l.4
        phi = _network.features(state.network, contexts)
        width = jnp.sqrt(self.exploration * jnp.sum((phi - phi[first]) ** 2 / U, axis=1))
        return state, first, jnp.argmax((h + width).at[first].set(-jnp.inf))  # l.5

    def update(
        self, state: State, contexts: jax.Array, t: Any, first: Any, second: Any, outcome: Any, key: jax.Array
    ) -> State:
        duels = _network.add(state.duels, t, contexts[first], contexts[second], outcome)

        def loss(network: NetworkState) -> jax.Array:
            fit = _network.log_likelihood(network, None, duels, self.link)
            return -fit / t + self.ridge / (t + 50.0) * _network.distance(network, state.start)

        return State(_network.adam(loss, state.start, self.steps, self.learning_rate), state.start, duels)  # l.6


def bound(T: float, world: Any) -> float:
    """sqrt(T): what one hopes for; nothing is proved."""
    return math.sqrt(T)


CARD = Card(
    name="APOHF",
    setting="dueling bandits, nonlinear utilities, weak regret",
    citation="lin2024prompt",
    source="arXiv 2405.17346 and its public code",
    assumptions=("Bradley-Terry answers",),
    theorems=(
        Theorem(
            statement="Not proved: weak regret at most about sqrt(T).",
            metric="weak",
            bound=bound,
            instance=Instance("QuadraticUtility", dimension=3, arms=5),
            horizons=(50, 100, 200),
            runs=160,
            anytime=True,
        ),
    ),
    deviations=("network, optimiser and decay of this package; no random duels first",),
)
