"""NashMD: mirror descent against a geometric mixture with the reference."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput
from duel.games import anchored, need_regularization, positive


class State(NamedTuple):
    logits: jax.Array  # [..., n]
    t: jax.Array  # steps taken


class NashMD(NamedTuple):
    """Nash-MD [munos2023nash]: the opponent is the current policy pulled towards the reference.

    ::

        1  theta = log mu; for t = 0, 1, ...:
        2      m = (1 - eta_t beta) theta + eta_t beta log mu           # logits of the mixture pi_t^mu
        3      theta = m + eta_t A softmax(m)

    Guarantee: KL(pi* || pi_T) <= 8 / (beta^2 (T + 1)), last iterate, with eta_t = 2 / (beta (t + 2)) (Theorem 1). A
    constant step converges to theta = log mu + A softmax(m) / beta, which is *not* the equilibrium: KL is of order
    eta^2.
    Source: arXiv:2312.00886, section 6 (the paper's tau is beta). Deviations: none.
    Cost: one payoff product a step.

    Parameters
    ----------
    step_size : float or None
        Constant eta, eta beta <= 1; None: the theorem's schedule.
    share : float
        In [0, 1]; the opponent takes `share` times eta beta of the reference. 1 is Nash-MD, 0 is RegularizedOMD; the
        public simulation of zhou2025egpo uses 1/2.
    """

    step_size: float | None = None
    share: float = 1.0

    def check(self, game: Any) -> None:
        positive(step_size=self.step_size)
        need_regularization("NashMD", game)
        if not 0 <= self.share <= 1:
            raise InvalidInput(f"share must be in [0, 1]; got {self.share!r}.")

    def init(self, game: Any) -> State:
        return State(logits=game.log_reference, t=jnp.zeros(()))

    def step(self, state: State, game: Any, oracle: Any, key: jax.Array) -> State:
        eta = 2 / (game.kl_weight * (state.t + 2)) if self.step_size is None else self.step_size
        opponent = anchored(state.logits, game, self.share * eta)  # l.2
        g = oracle.margins(game, jax.nn.softmax(opponent, axis=-1), key)
        return State(logits=anchored(state.logits, game, eta) + eta * g, t=state.t + 1)  # l.3

    def policy(self, state: State) -> jax.Array:
        return jax.nn.softmax(state.logits, axis=-1)


def bound(T: float, world: Any) -> float:
    """``8 / (beta^2 (T + 1))`` (Theorem 1)."""
    return 8 / (float(world.kl_weight) ** 2 * (T + 1))


CARD = Card(
    name="NashMD",
    setting="KL-regularised preference game",
    citation="munos2023nash",
    source="arXiv:2312.00886, section 6, Theorem 1",
    theorems=(
        Theorem(
            statement="Last iterate: KL(pi* || pi_T) <= 8 / (beta^2 (T + 1)), eta_t = 2 / (beta (t + 2)) (Theorem 1).",
            metric="kl",
            bound=bound,
            instance=Instance("RandomPreferences", actions=10, kl_weight=0.1, reference_scale=1.0),
            horizons=(250, 500, 1000, 2000, 4000),
            anytime=True,
            runs=16,
            explicit=True,
        ),
    ),
)
