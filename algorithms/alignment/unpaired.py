"""Preference optimisation as probabilistic inference: accepted and rejected responses, paired or not."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from algorithms.alignment._family import bounded_kl
from duel.alignment import Data, Problem, minimise
from duel.card import Card
from duel.errors import InvalidInput, unknown

FLOOR = 1e-9


class PMPO(NamedTuple):
    """Preference-based maximum a posteriori optimisation [abdolmaleki2024preference]: EM with a negative part.

    ::

        1  maximise alpha E_accepted ln pi - (1 - alpha) E_rejected ln pi - beta KL(reference || pi)

    Accepted and rejected responses need not come in pairs: here they are the first and the last of every ranking.
    Tabular: ``pi ~ w = alpha accepted + beta reference - (1 - alpha) rejected`` if all w > 0; if some are not, line 1
    has no maximum (mass on a much-rejected response goes to 0 and the objective to infinity): beta must be raised.
    Closed form: negative w are put at 1e-9. Deviations: that floor. No rate is claimed.

    Parameters
    ----------
    balance : float in [0, 1]
        alpha.
    pull : float > 0
        beta of line 1 (not the environment's KL weight, whose direction is the other).
    backend : {"closed", "gradient"}
    """

    balance: float = 0.5
    pull: float = 1.0
    backend: str = "closed"

    def check(self, problem: Problem) -> None:
        if not 0 <= self.balance <= 1:
            raise InvalidInput(f"balance must lie in [0, 1]; got {self.balance!r}.")
        if not 0 < self.pull < float("inf"):
            raise InvalidInput(f"pull must be a finite number > 0; got {self.pull!r}.")
        if self.backend not in ("closed", "gradient"):
            raise unknown("backend", self.backend, ("closed", "gradient"))

    def fit(self, data: Data, key: Any) -> jax.Array:
        X, A = data.problem.reference.shape
        accepted = shares(data, 0, (X, A))
        rejected = shares(data, -1, (X, A))
        mass = self.balance * accepted + self.pull * data.problem.reference - (1 - self.balance) * rejected
        if self.backend == "closed":
            mass = jnp.maximum(mass, FLOOR)
            return mass / mass.sum(axis=-1, keepdims=True)

        def one(w: jax.Array, mu: jax.Array) -> jax.Array:
            return jax.nn.softmax(minimise(lambda logits: -jnp.sum(w * jax.nn.log_softmax(logits)), jnp.log(mu)))

        return jax.vmap(one)(mass, data.problem.reference)


def shares(data: Data, place: int, shape: tuple[int, int]) -> jax.Array:
    """How often each action came at a place of the rankings, by context; the reference where a context has no row."""
    sample = data.sample
    counts = jnp.zeros(shape).at[sample.contexts, sample.rankings[:, place]].add(data.weight)
    total = counts.sum(axis=-1, keepdims=True)
    return jnp.where(total > 0, counts / jnp.maximum(total, 1.0), data.problem.reference)


def bound(n: float, world: Any) -> float:
    """KL(pi || reference) <= ln(1 / least reference probability)."""
    p = world.problem
    return float(p.weights @ -jnp.log(p.reference).min(axis=-1))


CARD = Card(
    name="PMPO",
    setting="accepted and rejected responses, unpaired",
    citation="abdolmaleki2024preference",
    source="arXiv 2410.04166, equation 9 (remembered)",
    theorems=(bounded_kl("KL to the reference is at most ln(1 / min reference), as for every policy.", bound),),
    deviations=("a floor for weights that are not positive",),
)
