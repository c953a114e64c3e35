"""MaxMin-RLHF: learn a mixture of rewards, then serve the worst-off group best."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from duel.alignment import Data, Problem, maxmin_policy, tabular_rewards
from duel.card import Card, Comparison, Instance, Theorem
from duel.errors import InvalidInput, positive_integer

ROUNDS, STARTS = 10, 4


class MaxMinRLHF(NamedTuple):
    """MaxMin-RLHF [chakraborty2024maxmin, Algorithm 1 and 2]: hard EM over annotators, then max-min alignment.

    ::

        1  repeat: assign each annotator to the group whose rewards make their labels likeliest
        2          r_u = Bradley-Terry MLE of the labels of group u's annotators
        3  pi = argmax min over u of E r_u - beta KL,  by its convex dual: exact

    A single reward for everybody cannot do this: its gap grows with how distinct the minority is.
    Deviations: 4 random starts of EM, the likeliest kept (the paper has no rule).

    Parameters
    ----------
    groups : int >= 1
        U; 1 is plain RLHF.
    annotators : int
        How many there are in the data.
    """

    groups: int = 2
    annotators: int = 20

    def check(self, problem: Problem) -> None:
        positive_integer("groups", self.groups)
        positive_integer("annotators", self.annotators)
        if not float(problem.kl_weight) > 0:
            raise InvalidInput("kl_weight must be > 0 in the environment.")

    def fit(self, data: Data, key: Any) -> jax.Array:
        rewards, _ = fit_mixture(data, key, self.groups, self.annotators)
        return maxmin_policy(rewards, data.problem, data.problem.kl_weight)  # l.3


def fit_mixture(data: Data, key: Any, groups: int, annotators: int) -> tuple[jax.Array, jax.Array]:
    """Rewards [U, X, A] of groups of annotators and the groups' shares [U] by hard EM, best of a few random starts."""
    sample = data.sample
    X, A = data.problem.reference.shape
    place = (sample.annotators, sample.contexts, sample.rankings[:, 0], sample.rankings[:, 1])
    tables = jnp.zeros((annotators, X, A, A)).at[place].add(data.weight)

    def mixture(start: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        def step(belongs: jax.Array, _: Any) -> tuple[jax.Array, None]:
            like = likelihoods(tables, fit_groups(tables, belongs, data.problem.reward_bound))
            return jax.nn.one_hot(jnp.argmax(like, axis=1), groups, dtype=float), None  # l.1

        belongs = jax.lax.scan(step, start, None, length=ROUNDS)[0]
        rewards = fit_groups(tables, belongs, data.problem.reward_bound)  # l.2
        return rewards, belongs.mean(axis=0), likelihoods(tables, rewards).max(axis=1).sum()

    draws = jax.random.randint(key, (STARTS, annotators), 0, groups)
    rewards, shares, scores = jax.vmap(mixture)(jax.nn.one_hot(draws, groups, dtype=float))
    best = jnp.argmax(scores)
    return rewards[best], shares[best]


def fit_groups(tables: jax.Array, belongs: jax.Array, reward_bound: Any) -> jax.Array:
    """Rewards [U, X, A] of each group's pooled labels, from tables [N, X, A, A] and memberships [N, U]."""
    pooled = jnp.einsum("nu,nxab->uxab", belongs, tables)
    rewards = tabular_rewards(pooled.reshape(-1, *pooled.shape[2:]), reward_bound)
    return rewards.reshape(pooled.shape[:3])


def likelihoods(tables: jax.Array, rewards: jax.Array) -> jax.Array:
    """Log-likelihood of every annotator's labels under every group's rewards: [N, U]."""
    gap = rewards[:, :, :, None] - rewards[:, :, None]
    return jnp.einsum("nxab,uxab->nu", tables, jax.nn.log_sigmoid(gap))


def bound(n: float, world: Any) -> float:
    """1/sqrt(n), without its constant."""
    return n**-0.5


CARD = Card(
    name="MaxMinRLHF",
    setting="offline preferences of several groups",
    citation="chakraborty2024maxmin",
    source="arXiv 2402.08925, Algorithms 1 and 2 (remembered)",
    assumptions=("every annotator's labels follow one group's rewards",),
    theorems=(
        Theorem(
            "The worst-off group's value approaches the best possible at least as 1/sqrt(n).",
            "maxmin_gap",
            bound,
            Instance("AnnotatorGroups", utilities=((4.0, 2.0, -4.0), (-4.0, 2.0, 4.0)), reward_bound=10.0),
            horizons=(2_000, 4_000, 8_000, 16_000),
            anytime=True,
            runs=96,
            remark="From 1,000 to 2,000 comparisons nothing is gained: the groups are not told apart yet.",
        ),
    ),
    comparisons=(
        Comparison(
            "One reward for everybody serves the minority badly, the mixture of rewards does not (Theorem 1).",
            "DPO",
            "maxmin_gap",
            Instance("AnnotatorGroups"),
            horizon=4_000,
            runs=64,
            factor=0.2,
        ),
    ),
)
