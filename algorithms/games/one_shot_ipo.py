"""IPO: one regularised best response to a fixed opponent."""

from typing import Any, NamedTuple

import jax

from duel.card import Card
from duel.games import need_regularization


class State(NamedTuple):
    logits: jax.Array  # [..., n]


class OneShotIPO(NamedTuple):
    """Identity preference optimisation [azar2023ipo]: the best regularised policy against the data's opponent.

    ::

        1  theta = log mu + A nu / beta,   nu = mu the policy that produced the data

    Offline, a single step: further steps change nothing. It is no equilibrium; it answers one fixed opponent.
    Source: arXiv:2310.12036, closed form of the population minimiser. Deviations: none.
    Cost: one payoff product.
    """

    def check(self, game: Any) -> None:
        need_regularization("OneShotIPO", game)

    def init(self, game: Any) -> State:
        return State(logits=game.log_reference)

    def step(self, state: State, game: Any, oracle: Any, key: jax.Array) -> State:
        g = oracle.margins(game, jax.nn.softmax(game.log_reference, axis=-1), key)
        return State(logits=game.log_reference + g / game.kl_weight)  # l.1

    def policy(self, state: State) -> jax.Array:
        return jax.nn.softmax(state.logits, axis=-1)


CARD = Card(
    name="OneShotIPO",
    setting="KL-regularised preference learning against a fixed opponent",
    citation="azar2023ipo",
    source="arXiv:2310.12036, population minimiser of the IPO loss",
)
