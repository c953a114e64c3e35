"""Learners that choose which context and which pair to ask about: APO, and double Thompson sampling."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.alignment import Batch, Data, Problem, Proposal, gibbs, greedy, maximum_likelihood, rewards
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput


class State(NamedTuple):
    problem: Problem
    wins: Any  # [X, A, A]
    shape: Any  # [d, d] V, or the information
    theta: Any  # [d]


class APO(NamedTuple):
    """Active preference optimisation [das2024active, Algorithm 1].

    ::

        1  V = lambda I
        2  for t = 1, 2, ...:
        3      (x, a, b) = argmax |phi(x, a) - phi(x, b)|_V^-1
        4      ask; V += (phi - phi')(phi - phi')^T
        5  theta = MLE; pi(x) = argmax theta . phi, or Gibbs where there is a KL term

    Guarantee: worst-context suboptimality O(kappa d / sqrt(T)); uniform contexts can suffer a constant one.
    Source: arXiv 2402.10500v3, Algorithm 1 (remembered). Deviations: none; `active=False`, the baseline, takes contexts
    as they come and pairs uniformly.

    Parameters
    ----------
    ridge : float > 0
        lambda; 1e-5 in the authors' code.
    active : bool
    """

    ridge: float = 1e-5
    active: bool = True

    def check(self, problem: Problem) -> None:
        if not 0 < self.ridge < float("inf"):
            raise InvalidInput(f"ridge must be a finite number > 0; got {self.ridge!r}.")

    def init(self, problem: Problem) -> State:
        X, A, d = problem.features.shape
        return State(problem, jnp.zeros((X, A, A)), self.ridge * jnp.eye(d), jnp.zeros(d))  # l.1

    def propose(self, state: State, key: Any) -> Proposal:  # l.3
        problem = state.problem
        X, A, _ = problem.features.shape
        if not self.active:
            off = 1 - jnp.eye(A)
            return Proposal(jnp.broadcast_to(off / off.sum(), (X, A, A)), problem.weights)
        gap = problem.features[:, :, None] - problem.features[:, None]
        width = jnp.einsum("xabd,de,xabe->xab", gap, jnp.linalg.inv(state.shape), gap)
        joint = greedy(width.reshape(X, A * A)).reshape(X, A, A)
        return Proposal(joint, greedy(width.max(axis=(1, 2))))

    def update(self, state: State, batch: Batch) -> State:  # l.4-5
        phi = state.problem.features
        gap = phi[batch.contexts, batch.first] - phi[batch.contexts, batch.second]
        wins = state.wins + batch.wins
        return State(state.problem, wins, state.shape + gap.T @ gap, fit(state.problem, wins))

    def policy(self, state: State) -> jax.Array:
        return answer(state.problem, state.theta)

    def theta(self, state: State) -> jax.Array:
        return state.theta


class DoubleThompson(NamedTuple):
    """Double Thompson sampling for linear preferences: two draws from the posterior choose the two responses.

    ::

        1  for t = 1, 2, ...:
        2      theta = MLE, H = lambda I + sum s'(theta . z) z z^T over the pairs so far
        3      theta_1, theta_2 ~ N(theta, v^2 H^-1);  show argmax theta_1 . phi(x, .) and argmax theta_2 . phi(x, .)
        4      label

    The Laplace approximation of the posterior, as in the ensembles used in practice [dwaracherla2024efficient].
    Deviations: one pair of draws serves a whole batch. No rate is proved for it; it is checked against 1/sqrt(t).

    Parameters
    ----------
    ridge : float > 0
        lambda.
    inflation : float > 0
        v.
    """

    ridge: float = 1.0
    inflation: float = 1.0

    def check(self, problem: Problem) -> None:
        for name, value in (("ridge", self.ridge), ("inflation", self.inflation)):
            if not 0 < value < float("inf"):
                raise InvalidInput(f"{name} must be a finite number > 0; got {value!r}.")

    def init(self, problem: Problem) -> State:
        X, A, d = problem.features.shape
        return State(problem, jnp.zeros((X, A, A)), self.ridge * jnp.eye(d), jnp.zeros(d))

    def propose(self, state: State, key: Any) -> tuple[jax.Array, jax.Array]:  # l.3
        d = state.theta.shape[0]
        root = jnp.linalg.cholesky(jnp.linalg.inv(state.shape))
        draws = state.theta + self.inflation * jax.random.normal(key, (2, d)) @ root.T
        return greedy(rewards(state.problem, draws[0])), greedy(rewards(state.problem, draws[1]))

    def update(self, state: State, batch: Batch) -> State:  # l.2
        problem = state.problem
        wins = state.wins + batch.wins
        theta = fit(problem, wins)
        gap = problem.features[:, :, None] - problem.features[:, None]
        slope = jax.nn.sigmoid(gap @ theta) * jax.nn.sigmoid(-(gap @ theta))
        information = jnp.einsum("xab,xabd,xabe->de", wins * slope, gap, gap)
        return State(problem, wins, self.ridge * jnp.eye(len(theta)) + information, theta)

    def policy(self, state: State) -> jax.Array:
        return answer(state.problem, state.theta)

    def theta(self, state: State) -> jax.Array:
        return state.theta


def fit(problem: Problem, wins: jax.Array) -> jax.Array:
    """MLE of theta from a table: [d]."""
    none: Any = None
    return maximum_likelihood(Data(problem, none, none, wins.sum(), wins))


def answer(problem: Problem, theta: jax.Array) -> jax.Array:
    """Greedy, or Gibbs where there is a KL term: [X, A]."""
    reward = rewards(problem, theta)
    beta = jnp.where(problem.kl_weight > 0, problem.kl_weight, 1.0)
    return jnp.where(problem.kl_weight > 0, gibbs(reward, problem.reference, beta), greedy(reward))


def bound(n: float, world: Any) -> float:
    """1/sqrt(t), without its constant."""
    return n**-0.5


LINEAR = Instance("GaussianFeatures", actions=5, dimension=3, contexts=8, size=2, batch=4)

CARDS = (
    Card(
        name="APO",
        setting="active preference queries, linear rewards",
        citation="das2024active",
        source="arXiv 2402.10500v3, Algorithm 1 (remembered)",
        assumptions=("linear rewards", "Bradley-Terry labels"),
        theorems=(
            Theorem(
                "Suboptimality O(d / sqrt(T)).",
                "suboptimality",
                bound,
                LINEAR,
                horizons=(8, 16, 32, 64, 128),
                anytime=True,
                runs=192,
            ),
        ),
    ),
    Card(
        name="DoubleThompson",
        setting="active preference queries, linear rewards",
        citation="dwaracherla2024efficient",
        source="arXiv 2402.00396, double Thompson sampling (remembered)",
        assumptions=("linear rewards", "Bradley-Terry labels"),
        theorems=(
            Theorem(
                "Suboptimality falls at least as 1/sqrt(T).",
                "suboptimality",
                bound,
                LINEAR,
                horizons=(8, 16, 32, 64, 128),
                anytime=True,
                runs=192,
                remark="No theorem. The slope is steady near -0.35 from t = 8 to 256: slower than 1/sqrt(t).",
            ),
        ),
    ),
)
