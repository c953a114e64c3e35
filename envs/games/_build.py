"""What the generators of games share: common fields, references, contexts."""

import math
from typing import Any

import numpy as np

from duel.errors import InvalidInput, positive_integer
from duel.games import PreferenceGame


def check_common(environment: Any, **positives: float) -> None:
    """Refuse bad values of the fields that all generators have, and of those that must be > 0."""
    fields = environment._asdict()
    if "actions" in fields:
        positive_integer("actions", fields["actions"], least=2)
    if "prompts" in fields:
        positive_integer("prompts", fields["prompts"], least=0)
    for name in ("kl_weight", "reference_scale"):
        if name in fields and not 0 <= fields[name] < math.inf:
            raise InvalidInput(f"{name} must be a finite number >= 0; got {fields[name]!r}.")
    for name, number in positives.items():
        if not 0 < number < math.inf:
            raise InvalidInput(f"{name} must be a finite number > 0; got {number!r}.")


def reference(shape: tuple[int, ...], scale: float, rng: np.random.Generator) -> np.ndarray | None:
    """A policy whose logits are normal of standard deviation `scale`; None, the uniform one, for 0."""
    if scale == 0:
        return None
    logits = scale * rng.standard_normal(shape)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def finish(environment: Any, margins: np.ndarray, rng: np.random.Generator) -> PreferenceGame:
    """The game of margins [X, n, n]: one game if the environment has no prompts, else contextual."""
    prompts = getattr(environment, "prompts", 0)
    mu = reference(margins.shape[:-1], environment.reference_scale, rng)
    if prompts == 0:
        mu = None if mu is None else mu[0]
        return PreferenceGame.from_margins(margins[0], mu, environment.kl_weight)
    weights = np.full(prompts, 1 / prompts)
    return PreferenceGame.from_margins(margins, mu, environment.kl_weight, weights)
