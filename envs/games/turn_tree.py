"""TurnTree: multi-turn conversations on a small tree, preferred by how they end."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duel.errors import InvalidInput, positive_integer
from duel.games import kl_divergence, total_variation
from envs.games._build import check_common, reference


class TurnTree(NamedTuple):
    """Multi-turn preference game [shani2024mtpo]: `turns` times the learner says one of `actions` things and nature
    answers with one of `replies`, each equally likely; two finished conversations are compared by a random preference
    matrix.

    A policy has one row per state, [S, actions], states level by level. Regularisation is the KL of trajectories,
    sum over turns of KL(pi || mu) in the states visited. Payoffs are the Q-values of the MTPO update, so that any
    solver in logits runs on it; RegularizedOMD is then MTPO. Metrics `kl` and `tv` are of trajectories and of final
    outcomes; averages of policies are not reported (averages of occupancies would be other policies).

    Parameters
    ----------
    turns : int >= 1
    actions : int >= 2
    replies : int >= 1
        1: deterministic, equal to a one-shot game over whole conversations.
    kl_weight : float > 0
    reference_scale : float >= 0
        Standard deviation of the reference's logits.
    """

    turns: int = 3
    actions: int = 2
    replies: int = 1
    kl_weight: float = 0.1
    reference_scale: float = 0.0
    protocol = "game"

    def check(self) -> None:
        check_common(self, kl_weight=self.kl_weight)
        positive_integer("turns", self.turns)
        positive_integer("replies", self.replies)
        if (self.actions * self.replies) ** self.turns > 1024:
            raise InvalidInput(
                f"turns={self.turns} gives {(self.actions * self.replies) ** self.turns} conversations; at most 1024."
            )

    def init(self, rng: np.random.Generator) -> "TurnTreeGame":
        leaves = (self.actions * self.replies) ** self.turns
        states = sum((self.actions * self.replies) ** h for h in range(self.turns))
        lower = np.tril(rng.random((leaves, leaves)) - 0.5, -1)
        mu = reference((states, self.actions), self.reference_scale, rng)
        log_mu = np.full((states, self.actions), -np.log(self.actions)) if mu is None else np.log(mu)
        return TurnTreeGame(
            jnp.asarray(lower - lower.T), jnp.asarray(log_mu), jnp.asarray(float(self.kl_weight)), self[:3]
        )


@jax.tree_util.register_pytree_node_class
class TurnTreeGame:
    """One instance of `TurnTree`, or a batch; `margins` [..., L, L] are over final outcomes."""

    sequential = True

    def __init__(
        self, margins: jax.Array, log_reference: jax.Array, kl_weight: jax.Array, size: tuple[int, ...]
    ) -> None:
        self.margins, self.log_reference, self.kl_weight, self.size = margins, log_reference, kl_weight, size

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes that number games."""
        return tuple(self.margins.shape[:-2])

    @property
    def policy_shape(self) -> tuple[int, ...]:
        """(states, actions)."""
        return tuple(self.log_reference.shape[-2:])

    def _levels(self, rows: jax.Array) -> list[jax.Array]:
        turns, actions, replies = self.size
        counts = [(actions * replies) ** h for h in range(turns)]
        return jnp.split(rows, np.cumsum(counts)[:-1])

    def reach(self, policy: jax.Array) -> tuple[list[jax.Array], jax.Array]:
        """Probability of every state, level by level, and of every final outcome [L]."""
        replies = self.size[2]
        reach, now = [], jnp.ones(1)
        for level in self._levels(policy):
            reach.append(now)
            now = jnp.repeat((now[:, None] * level).reshape(-1), replies) / replies
        return reach, now

    def payoffs(self, policy: jax.Array) -> jax.Array:
        """``Q(s, a)``: win rate less 1/2 after a, less the cost of later turns, `policy` continuing: [S, actions]."""
        outcome = self.margins @ self.reach(policy)[1]
        return self._backward(outcome, policy, None, None)

    def _backward(
        self, outcome: jax.Array, policy: jax.Array | None, log_reference: jax.Array | None, kl_weight: Any
    ) -> jax.Array:
        """Q-values of `policy` (None: of the best response, soft if `kl_weight` is given), [S, actions]."""
        _, actions, replies = self.size
        value, found = outcome, []
        references = self._levels(self.log_reference)
        policies = self._levels(policy) if policy is not None else [None] * len(references)
        for level, mu in zip(reversed(policies), reversed(references), strict=True):
            Q = value.reshape(-1, actions, replies).mean(axis=-1)
            found.append(Q)
            if level is not None:
                value = (level * Q).sum(axis=-1) - self.kl_weight * kl_divergence(jnp.log(level), mu)
            elif kl_weight is None:
                value = Q.max(axis=-1)
            else:
                value = kl_weight * jax.scipy.special.logsumexp(mu + Q / kl_weight, axis=-1)
        return jnp.concatenate(found[::-1])

    def best_response_gain(self, log_policy: jax.Array, kl_weight: jax.Array | None) -> jax.Array:
        """Duality gap: ``2 beta KL(pi || BR(pi))`` of trajectories, or ``2 max`` over plans (`kl_weight` None)."""
        outcome = self.margins @ self.reach(jnp.exp(log_policy))[1]
        Q = self._backward(outcome, None, None, kl_weight)
        if kl_weight is None:
            return 2 * Q[0].max()
        response = jax.nn.log_softmax(self.log_reference + Q / kl_weight, axis=-1)
        return 2 * kl_weight * self.kl(log_policy, response)

    def kl(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """KL of trajectories: states weighted by how often p reaches them."""
        reach = jnp.concatenate(self.reach(jnp.exp(log_p))[0])
        return (reach * kl_divergence(log_p, log_q)).sum()

    def tv(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """Total variation of final outcomes."""
        return total_variation(self.reach(jnp.exp(log_p))[1], self.reach(jnp.exp(log_q))[1])

    def estimate(self, policy: jax.Array, proposal: jax.Array | None, count: int, key: jax.Array) -> jax.Array:
        """Sampled comparisons of multi-turn games are not offered."""
        raise InvalidInput(
            "sampled comparisons need a one-shot PreferenceGame; a TurnTree takes exact values or noise."
        )

    def log_equilibrium(self) -> np.ndarray:
        """The regularised equilibrium of every game of a batch: [R, S, actions], by Newton's method (`_newton`)."""
        games = [self[r] for r in range(self.batch_shape[0])]
        return np.stack([_newton(game) for game in games])

    def __getitem__(self, index: Any) -> "TurnTreeGame":
        return jax.tree.map(lambda x: x[index], self)

    def tree_flatten(self) -> tuple[Any, tuple[int, ...]]:
        return (self.margins, self.log_reference, self.kl_weight), self.size

    @classmethod
    def tree_unflatten(cls, size: tuple[int, ...], leaves: Any) -> "TurnTreeGame":
        margins, log_reference, kl_weight = leaves
        return cls(margins, log_reference, kl_weight, size)

    def replace(self, **leaves: Any) -> "TurnTreeGame":
        """The game with some of its leaves exchanged, unchecked."""
        named = {"margins": self.margins, "log_reference": self.log_reference, "kl_weight": self.kl_weight}
        return TurnTreeGame(**{**named, **leaves}, size=self.size)


def _equation(theta: jax.Array, game: TurnTreeGame) -> jax.Array:
    logits = theta.reshape(game.policy_shape)
    return (logits - game.log_reference - game.payoffs(jax.nn.softmax(logits, axis=-1)) / game.kl_weight).reshape(-1)


_residual: Any = jax.jit(_equation)
_jacobian: Any = jax.jit(jax.jacfwd(_equation))


def _newton(game: TurnTreeGame) -> np.ndarray:
    """Damped Newton on ``theta - log mu - Q(softmax theta) / beta``, beta from 1 down: log-policy [S, actions]."""
    beta = float(game.kl_weight)
    theta = np.asarray(game.log_reference).reshape(-1)
    steps = max(2, int(np.ceil(12 * max(0.0, -np.log10(beta)))) + 1)
    for weight in np.geomspace(max(1.0, beta), beta, steps):
        stage = game.replace(kl_weight=jnp.asarray(weight))
        F = np.asarray(_residual(theta, stage))
        for _ in range(50):
            step = -np.linalg.solve(np.asarray(_jacobian(theta, stage)), F)
            length = 1.0
            while length > 1e-6:
                trial = np.asarray(_residual(theta + length * step, stage))
                if np.linalg.norm(trial) < (1 - 1e-4 * length) * np.linalg.norm(F):
                    break
                length /= 2
            else:
                break  # at the floor of the arithmetic
            theta, F = theta + length * step, trial
    if np.abs(F).max() > 1e-8 * max(1.0, np.abs(theta).max()):
        raise ArithmeticError(f"Newton's method on the tree stopped at a residual of {np.abs(F).max():.1e}.")
    logits = theta.reshape(game.policy_shape)
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
