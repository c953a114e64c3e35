"""Preference games and two-player zero-sum games as JAX pytrees, and what a policy loses on them.

`PreferenceGame` is symmetric, KL-regularised towards a reference, alone, in a batch, or one per prompt; `ZeroSumGame`
has two players. Both answer ``payoffs(policy)``, all that a solver of `duel.games` asks of a game. Gaps and divergences
are evaluated without cancellation: values of 1e-30 keep their digits.

Numbers are float64: importing this module switches JAX to 64 bits (``jax_enable_x64``), because duality gaps below
1e-7 do not exist in 32.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from duel.errors import InvalidInput

jax.config.update("jax_enable_x64", True)


@jax.tree_util.register_pytree_node_class
class PreferenceGame:
    """A symmetric preference game, KL-regularised towards a reference policy; or a batch, or one game per prompt.

    ``V(pi, pi') = pi.T P pi' - beta KL(pi || mu) + beta KL(pi' || mu)``.

    Parameters
    ----------
    P : array [..., n, n]
        ``P[i, j] = Pr(i beats j)``, with ``P + P.T = 1`` (tolerance 1e-8; a tie is half a win for each).
    reference : array [..., n], optional
        Policy mu > 0; uniform if None. Rows must sum to 1.
    kl_weight : float or array [...]
        beta >= 0; 0 is the original game.
    weights : array [X], optional
        Makes the game *contextual*: axis -3 of P lists X prompts, played with these probabilities. Policies are then
        [..., X, n] and every metric is the weighted mean over prompts.

    Attributes
    ----------
    A : array [..., n, n]
        Margins ``(P - P.T) / 2``, exactly skew.
    log_reference : array [..., n]
    kl_weight : array [...]
    weights : array [X] or None

    Raises
    ------
    InvalidInput
        For non-finite or non-reciprocal P, wrong shapes, a reference with zeros, kl_weight < 0.
    """

    def __init__(self, P: Any, reference: Any = None, kl_weight: Any = 0.0, weights: Any = None) -> None:
        P = np.asarray(P, dtype=float)
        if P.ndim < 2 or P.shape[-1] != P.shape[-2] or P.shape[-1] < 2:
            raise InvalidInput(f"P must have shape [..., n, n] with n >= 2; got {P.shape}.")
        if not np.isfinite(P).all() or P.min() < 0 or P.max() > 1:
            raise InvalidInput("P must hold probabilities in [0, 1]; got " + _offender(P, (P >= 0) & (P <= 1)) + ".")
        skewness = np.abs(P + np.swapaxes(P, -1, -2) - 1)
        if skewness.max() > 1e-8:
            at = tuple(int(i) for i in np.unravel_index(skewness.argmax(), P.shape))
            raise InvalidInput(
                f"P must satisfy P[i, j] + P[j, i] = 1; at {at} they sum to {1 + skewness.max():.6g} or its mirror. "
                "Use (P + 1 - P.T) / 2 if that is what you mean."
            )
        self._fill(P - 0.5, reference, kl_weight, weights)

    @classmethod
    def from_margins(
        cls, margins: Any, reference: Any = None, kl_weight: Any = 0.0, weights: Any = None
    ) -> "PreferenceGame":
        """The game of a skew payoff of any scale, for example the log-odds of a preference-score model (GPO).

        Parameters
        ----------
        margins : array_like [..., n, n]
            Finite, ``A = -A.T``.
        reference, kl_weight, weights
            As for the class.

        Raises
        ------
        InvalidInput
            Margins of another shape, not finite or not skew; see the class for the others.
        """
        A = np.asarray(margins, dtype=float)
        if A.ndim < 2 or A.shape[-1] != A.shape[-2] or A.shape[-1] < 2:
            raise InvalidInput(f"margins must have shape [..., n, n] with n >= 2; got {A.shape}.")
        if not np.isfinite(A).all():
            raise InvalidInput("margins must be finite; got " + _offender(A, np.isfinite(A)) + ".")
        if np.abs(A + np.swapaxes(A, -1, -2)).max() > 1e-8 * max(1.0, np.abs(A).max()):
            raise InvalidInput(
                "margins must be skew, A = -A.T; use (A - A.T) / 2, or ZeroSumGame for two-player games."
            )
        game = object.__new__(cls)
        game._fill(A, reference, kl_weight, weights)
        return game

    def _fill(self, A: np.ndarray, reference: Any, kl_weight: Any, weights: Any) -> None:
        A = (A - np.swapaxes(A, -1, -2)) / 2
        if weights is not None:
            weights = np.asarray(weights, dtype=float)
            if A.ndim < 3 or weights.shape != A.shape[-3:-2]:
                raise InvalidInput(
                    f"weights must have shape [X], one a prompt of P [..., X, n, n]; got {weights.shape}, P {A.shape}."
                )
            if not np.isfinite(weights).all() or weights.min() < 0 or abs(weights.sum() - 1) > 1e-8:
                raise InvalidInput("weights must be probabilities that sum to 1.")
            weights = jnp.asarray(weights)
        batch = A.shape[:-2] if weights is None else A.shape[:-3]
        self.A = jnp.asarray(A)
        self.log_reference = jnp.asarray(_log_reference(reference, A.shape[:-1]))
        self.kl_weight = jnp.asarray(_kl_weight(kl_weight, batch))
        self.weights = weights

    @property
    def P(self) -> jax.Array:
        """Preference matrix [..., n, n]."""
        return self.A + 0.5

    @property
    def reference(self) -> jax.Array:
        """Reference policy [..., n]."""
        return jnp.exp(self.log_reference)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes that number games."""
        return tuple(self.A.shape[: -2 if self.weights is None else -3])

    @property
    def policy_shape(self) -> tuple[int, ...]:
        """Shape of one game's policy: (n,), or (prompts, n)."""
        return tuple(self.A.shape[-2:-1] if self.weights is None else self.A.shape[-3:-1])

    def payoffs(self, policy: jax.Array) -> jax.Array:
        """``Pr(y beats policy) - 1/2`` of every action y: [..., n]."""
        return jnp.einsum("...ij,...j->...i", self.A, policy)

    def best_response_gain(self, log_policy: jax.Array, kl_weight: jax.Array | None) -> jax.Array:
        """Duality gap: both players gain the same; prompts are averaged. `kl_weight` None: of the original game."""
        gain = 2 * _gain(self.payoffs(jnp.exp(log_policy)), log_policy, self.log_reference, self._per_row(kl_weight))
        return self._average(gain)

    def kl(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """``KL(p || q)`` of two policies, averaged over prompts."""
        return self._average(kl_divergence(log_p, log_q))

    def tv(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """Total variation of two policies, averaged over prompts."""
        return self._average(total_variation(jnp.exp(log_p), jnp.exp(log_q)))

    def _average(self, per_row: jax.Array) -> jax.Array:
        return per_row if self.weights is None else per_row @ self.weights

    def _per_row(self, kl_weight: jax.Array | None) -> jax.Array | None:
        return kl_weight if kl_weight is None or self.weights is None else kl_weight[..., None]

    def estimate(self, policy: jax.Array, proposal: jax.Array | None, count: int, key: jax.Array) -> jax.Array:
        """Unbiased estimate of ``proposal * payoffs`` (or of the payoffs: None) from `count` comparisons a prompt."""
        sample = partial(_compare, count=count)
        if self.weights is None:
            return sample(self.A, policy, proposal, key)
        keys = jax.random.split(key, self.A.shape[-3])
        return jax.vmap(sample, in_axes=(0, 0, None if proposal is None else 0, 0))(self.A, policy, proposal, keys)

    def blocks(self) -> tuple[Any, Any, Any, int, tuple[int, ...]]:
        """What `duel.equilibrium` reads: margins, log reference, kl_weight a row, players, shape of a policy."""
        rows = np.asarray(self._per_row(self.kl_weight))
        weight = np.broadcast_to(rows, self.A.shape[:-2]).reshape(-1)
        return np.asarray(self.A), np.asarray(self.log_reference), weight, 1, self.log_reference.shape

    def __getitem__(self, index: Any) -> "PreferenceGame":
        """Games of a batch."""
        return _index(self, index)

    def tree_flatten_with_keys(self) -> tuple[Any, None]:
        names = ("A", "log_reference", "kl_weight", "weights")
        return tuple((jax.tree_util.GetAttrKey(k), getattr(self, k)) for k in names), None

    def tree_flatten(self) -> tuple[Any, None]:
        return (self.A, self.log_reference, self.kl_weight, self.weights), None

    @classmethod
    def tree_unflatten(cls, _: None, leaves: Any) -> "PreferenceGame":
        game = object.__new__(cls)
        game.A, game.log_reference, game.kl_weight, game.weights = leaves
        return game

    def replace(self, **leaves: Any) -> "PreferenceGame":
        """The game with some of its leaves (`A`, `log_reference`, `kl_weight`, `weights`) exchanged, unchecked."""
        return _replace(self, leaves)

    def __repr__(self) -> str:
        return f"PreferenceGame(n={self.A.shape[-1]}, batch={self.batch_shape}, kl_weight={self.kl_weight})"


@jax.tree_util.register_pytree_node_class
class ZeroSumGame:
    """A two-player zero-sum game ``min_x max_y x.T M y``, n actions each; policies are [..., 2, n], x above y.

    Solvers of preference games run on it unchanged: every row of the policy is a player. The regularised game adds
    ``beta KL(x || mu_x) - beta KL(y || mu_y)``.

    Parameters
    ----------
    payoff : array [..., n, n]
        What the row player pays the column player.
    reference : array [..., 2, n], optional
        Policies > 0; uniform if None.
    kl_weight : float or array [...]
        beta >= 0.
    """

    def __init__(self, payoff: Any, reference: Any = None, kl_weight: Any = 0.0) -> None:
        M = np.asarray(payoff, dtype=float)
        if M.ndim < 2 or M.shape[-1] != M.shape[-2] or M.shape[-1] < 2:
            raise InvalidInput(f"payoff must have shape [..., n, n] with n >= 2; got {M.shape}.")
        if not np.isfinite(M).all():
            raise InvalidInput("payoff must be finite; got " + _offender(M, np.isfinite(M)) + ".")
        self.payoff = jnp.asarray(M)
        self.log_reference = jnp.asarray(_log_reference(reference, (*M.shape[:-2], 2, M.shape[-1])))
        self.kl_weight = jnp.asarray(_kl_weight(kl_weight, M.shape[:-2]))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Leading axes that number games."""
        return tuple(self.payoff.shape[:-2])

    @property
    def policy_shape(self) -> tuple[int, ...]:
        """(2, n)."""
        return (2, self.payoff.shape[-1])

    def payoffs(self, policy: jax.Array) -> jax.Array:
        """What every action of every player earns against the other: [..., 2, n]."""
        x, y = policy[..., 0, :], policy[..., 1, :]
        row = -jnp.einsum("...ij,...j->...i", self.payoff, y)
        return jnp.stack([row, jnp.einsum("...ij,...i->...j", self.payoff, x)], axis=-2)

    def best_response_gain(self, log_policy: jax.Array, kl_weight: jax.Array | None) -> jax.Array:
        """Duality gap, the sum of the players' gains. `kl_weight` None: of the original game."""
        policy = jnp.exp(log_policy)
        weight = None if kl_weight is None else kl_weight[..., None]
        return _gain(self.payoffs(policy), log_policy, self.log_reference, weight, policy).sum(axis=-1)

    def kl(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """``KL(p || q)``, summed over the players."""
        return kl_divergence(log_p, log_q).sum(axis=-1)

    def tv(self, log_p: jax.Array, log_q: jax.Array) -> jax.Array:
        """Total variation, summed over the players."""
        return total_variation(jnp.exp(log_p), jnp.exp(log_q)).sum(axis=-1)

    def estimate(self, policy: jax.Array, proposal: jax.Array | None, count: int, key: jax.Array) -> jax.Array:
        """Payoffs are not preferences: refused."""
        raise InvalidInput("sampled comparisons need a PreferenceGame; a ZeroSumGame takes Exact() or Gaussian(scale).")

    def blocks(self) -> tuple[Any, Any, Any, int, tuple[int, ...]]:
        """What `duel.equilibrium` reads: one skew matrix over both players' actions."""
        M = np.asarray(self.payoff)
        zero = np.zeros_like(M)
        skew = np.concatenate(
            [np.concatenate([zero, -M], axis=-1), np.concatenate([np.swapaxes(M, -1, -2), zero], axis=-1)], axis=-2
        )
        flat = np.asarray(self.log_reference).reshape(*M.shape[:-2], -1)
        return skew, flat, np.asarray(self.kl_weight).reshape(-1), 2, self.log_reference.shape

    def __getitem__(self, index: Any) -> "ZeroSumGame":
        """Games of a batch."""
        return _index(self, index)

    def tree_flatten(self) -> tuple[Any, None]:
        return (self.payoff, self.log_reference, self.kl_weight), None

    @classmethod
    def tree_unflatten(cls, _: None, leaves: Any) -> "ZeroSumGame":
        game = object.__new__(cls)
        game.payoff, game.log_reference, game.kl_weight = leaves
        return game

    def replace(self, **leaves: Any) -> "ZeroSumGame":
        """The game with some of its leaves (`payoff`, `log_reference`, `kl_weight`) exchanged, unchecked."""
        return _replace(self, leaves)


def _offender(values: np.ndarray, fine: np.ndarray) -> str:
    at = tuple(int(i) for i in np.argwhere(~fine)[0])
    return f"{values[at]!r} at {at}"


def _index(game: Any, index: Any) -> Any:
    if not game.batch_shape:
        raise IndexError("a single game cannot be indexed; only batches of games can.")
    leaves = {k: v[index] for k, v in vars(game).items() if k != "weights"}
    return _replace(game, leaves)


def _replace(game: Any, leaves: dict[str, Any]) -> Any:
    unknown_leaves = set(leaves) - set(vars(game))
    if unknown_leaves:
        raise TypeError(
            f"{type(game).__name__} has no leaf {sorted(unknown_leaves)[0]!r}; it has {sorted(vars(game))}."
        )
    other = object.__new__(type(game))
    other.__dict__.update({**vars(game), **leaves})
    return other


def _log_reference(reference: Any, shape: tuple[int, ...]) -> np.ndarray:
    if reference is None:
        return np.full(shape, -np.log(shape[-1]))
    mu = np.asarray(reference, dtype=float)
    if mu.ndim == 0 or mu.shape[-1] != shape[-1] or mu.ndim > len(shape):
        raise InvalidInput(f"reference must have shape {shape} (or broadcast to it); got {mu.shape}.")
    if not np.isfinite(mu).all() or mu.min() <= 0:
        raise InvalidInput(
            "reference must be > 0 for every action (KL is infinite otherwise); got "
            + _offender(mu, np.isfinite(mu) & (mu > 0))
            + "."
        )
    if np.abs(mu.sum(axis=-1) - 1).max() > 1e-8:
        raise InvalidInput(f"reference must sum to 1; got a row that sums to {mu.sum(axis=-1).ravel()[0]:.6g}.")
    try:
        return np.array(np.broadcast_to(np.log(mu), shape))
    except ValueError:
        raise InvalidInput(f"reference must have shape {shape} (or broadcast to it); got {mu.shape}.") from None


def _kl_weight(kl_weight: Any, batch: tuple[int, ...]) -> np.ndarray:
    beta = np.asarray(kl_weight, dtype=float)
    if not np.isfinite(beta).all() or (beta < 0).any():
        raise InvalidInput(f"kl_weight must be finite and >= 0 (0 is the original game); got {kl_weight!r}.")
    try:
        return np.array(np.broadcast_to(beta, batch))
    except ValueError:
        raise InvalidInput(f"kl_weight must be a number or have the batch's shape {batch}; got {beta.shape}.") from None


def _gain(
    payoffs: jax.Array,
    log_policy: jax.Array,
    log_reference: jax.Array,
    kl_weight: jax.Array | None,
    policy: jax.Array | None = None,
) -> jax.Array:
    """What the best response to the opponent gains over the policy, each row: ``beta KL(pi || BR)`` or ``max - mean``.

    For a skew game the mean payoff of the policy against itself is zero (`policy` None) and is not subtracted.
    """
    if kl_weight is None:
        best = payoffs.max(axis=-1)
        return best if policy is None else best - (policy * payoffs).sum(axis=-1)
    beta = kl_weight[..., None]
    response = jax.nn.log_softmax(log_reference + payoffs / beta, axis=-1)
    return kl_weight * kl_divergence(log_policy, response)


def _compare(A: jax.Array, policy: jax.Array, proposal: jax.Array | None, key: jax.Array, count: int) -> jax.Array:
    """Outcomes of `count` duels, each against its own draw of the opponent, added up by action.

    Who the opponent was is not used, so that an outcome is drawn with its probability given y alone, ``Pr(y beats
    policy)``: the same law. Dense sums over [count, n] take a tenth of the time of searches and
    scatters on a CPU.
    """
    n = policy.shape[-1]
    u = jax.random.uniform(key, (2, count), A.dtype)
    edges = jnp.cumsum(jnp.full(n, 1 / n) if proposal is None else proposal)
    edges = edges.at[-1].set(jnp.inf)
    below = jnp.concatenate([jnp.full(1, -jnp.inf, edges.dtype), edges[:-1]])
    drawn = ((u[0][:, None] >= below) & (u[0][:, None] < edges)).astype(A.dtype)  # [count, n] one-hot rows: y
    won = (u[1] < drawn @ (A @ policy + 0.5)) - 0.5
    return (won @ drawn) * ((n if proposal is None else 1) / count)


# ----------------------------------------------------------------------------------------------------------------------
# metrics


def kl_divergence(log_p: jax.Array, log_q: jax.Array) -> jax.Array:
    """``KL(p || q)`` from log-probabilities [..., n], without cancellation: [...].

    ``sum p (expm1(d) - d)`` with ``d = log q - log p``: every term is >= 0, so divergences of 1e-30 keep their digits.
    """
    p, q, d = jnp.exp(log_p), jnp.exp(log_q), log_q - log_p
    near = jnp.abs(d) < 1
    small = jnp.where(near, d, 0.0)
    far = jnp.where(p > 0, p, 1.0) * jnp.where((p > 0) & ~near, d, 0.0)
    terms = jnp.where(near, p * _expm1_minus(small), q - p - far)
    return terms.sum(axis=-1)


def _expm1_minus(d: jax.Array) -> jax.Array:
    """``exp(d) - 1 - d``, by its series where expm1 would cancel."""
    tiny = jnp.abs(d) < 1e-2
    x = jnp.where(tiny, d, 0.0)
    series = x * x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x / 5040)))))
    return jnp.where(tiny, series, jnp.expm1(d) - d)


def total_variation(p: jax.Array, q: jax.Array) -> jax.Array:
    """``max |p(S) - q(S)|`` over events S, half the l1 distance: [...]."""
    return jnp.abs(p - q).sum(axis=-1) / 2


def duality_gap(game: Any, policy: Any) -> jax.Array:
    """Duality gap of a policy played by both sides: of the regularised game if ``kl_weight > 0``, else the original.

    Regularised: ``max_p V(p, pi) - min_q V(pi, q) = 2 beta KL(pi || BR(pi))``, best response
    ``BR(pi) ~ mu exp(A pi / beta)``; evaluated without cancellation, accurate far below 1e-17. Original:
    ``2 max_i (A pi)_i`` (NashConv).

    Parameters
    ----------
    game : PreferenceGame or ZeroSumGame
    policy : array [..., n]
        Probabilities, one row per game (or prompt, or player); rows must sum to 1.

    Returns
    -------
    array [...]
    """
    return gap_of_logits(game, _checked(game, policy))


def original_gap(game: Any, policy: Any) -> jax.Array:
    """Duality gap of a policy in the game without regularisation, whatever `kl_weight` is: [...]."""
    return game.best_response_gain(_checked(game, policy), None)


def exploitability(game: Any, policy: Any) -> jax.Array:
    """Half of `original_gap`: the best response wins with probability ``1/2 + exploitability``."""
    return original_gap(game, policy) / 2


def gap_of_logits(game: Any, log_policy: jax.Array) -> jax.Array:
    """`duality_gap` of a policy given by its log-probabilities, unchecked, traceable."""
    beta = game.kl_weight
    regularized = game.best_response_gain(log_policy, jnp.where(beta > 0, beta, 1.0))
    return jnp.where(beta > 0, regularized, game.best_response_gain(log_policy, None))


def value(game: PreferenceGame, policy: Any, opponent: Any) -> jax.Array:
    """``V(pi, pi')`` of the regularised game, 1/2 for equals: [...]."""
    p, q = _checked(game, policy), _checked(game, opponent)
    edge = game._average((jnp.exp(p) * game.payoffs(jnp.exp(q))).sum(axis=-1))
    return 0.5 + edge - game.kl_weight * (game.kl(p, game.log_reference) - game.kl(q, game.log_reference))


def suboptimality(game: PreferenceGame, policy: Any, optimum: Any) -> jax.Array:
    """``1/2 - V(pi, pi*)``, what a policy loses to the regularised equilibrium: ``beta KL(pi || pi*)``, [...]."""
    return game.kl_weight * game.kl(_checked(game, policy), _checked(game, optimum))


def _checked(game: Any, policy: Any) -> jax.Array:
    """Log-probabilities of a policy at the public border."""
    if isinstance(policy, Tracer):
        return jnp.log(policy)
    pi = np.asarray(policy, dtype=float)
    rows = game.policy_shape
    if pi.ndim < len(rows) or pi.shape[-len(rows) :] != rows:
        raise InvalidInput(f"policy must have shape {(*game.batch_shape, *rows)}; got {pi.shape}.")
    if not np.isfinite(pi).all() or pi.min() < 0:
        raise InvalidInput(
            "policy must hold probabilities >= 0; got " + _offender(pi, np.isfinite(pi) & (pi >= 0)) + "."
        )
    if np.abs(pi.sum(axis=-1) - 1).max() > 1e-6:
        raise InvalidInput(f"policy must sum to 1; got a row that sums to {pi.sum(axis=-1).ravel()[0]:.6g}.")
    with np.errstate(divide="ignore"):
        return jnp.asarray(np.log(pi))
