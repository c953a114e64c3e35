"""Generators of games: they are what they say, and repeat."""

from fractions import Fraction
from itertools import permutations, product
from typing import Any

import jax
import numpy as np
import pytest

from algorithms.games import OptimisticOMD
from duel import equilibrium, games
from duel.errors import InvalidInput
from duel.games import solve
from duel.tables import arena_counts
from envs import games as environments
from envs.games import (
    Blotto,
    BradleyTerryGame,
    ClonedActions,
    CyclicGame,
    KuhnPoker,
    LanguageModels,
    LowRank,
    MatrixGame,
    MixedAnnotators,
    RandomPreferences,
    SkillAndChance,
    SlowOptimism,
    Tournament,
)


def instance(environment: Any, seed: int = 0) -> Any:
    environment.check()
    return environment.init(games.stream(seed, games.ENVIRONMENT, 0))


def _defaults() -> list[Any]:
    found = [getattr(environments, name)() for name in dir(environments)]
    return [e for e in found if not hasattr(e, "dataset")]


@pytest.mark.parametrize("environment", _defaults(), ids=lambda e: type(e).__name__)
def test_every_generator_repeats_and_gives_a_proper_game(environment: Any) -> None:
    a, b, other = instance(environment), instance(environment), instance(environment, 1)
    assert a.policy_shape == b.policy_shape == other.policy_shape
    A, B = (np.asarray(jax.tree.leaves(g)[0]) for g in (a, b))
    assert np.array_equal(A, B)
    if hasattr(a, "A"):  # a preference game
        assert np.array_equal(A, -np.swapaxes(A, -1, -2))
    assert np.abs(np.exp(np.asarray(a.log_reference)).sum(axis=-1) - 1).max() < 1e-12


@pytest.mark.parametrize(
    "environment",
    [e for e in _defaults() if {"reference_scale", "kl_weight"} <= set(e._fields)],
    ids=lambda e: type(e).__name__,
)
def test_reference_scale_and_kl_weight_reach_the_game(environment: Any) -> None:
    game = instance(environment._replace(reference_scale=1.0, kl_weight=0.03))
    assert float(np.asarray(game.log_reference).std()) > 0.2
    assert np.all(np.asarray(game.kl_weight) == 0.03)
    for field in ("kl_weight", "reference_scale"):
        with pytest.raises(InvalidInput, match=field):
            environment._replace(**{field: -1.0}).check()


@pytest.mark.parametrize(
    "environment", [e for e in _defaults() if "prompts" in e._fields], ids=lambda e: type(e).__name__
)
def test_prompts_make_a_game_contextual(environment: Any) -> None:
    game = instance(environment._replace(prompts=3, reference_scale=1.0))
    n = instance(environment).policy_shape[0]
    assert game.policy_shape == (3, n)
    assert np.ptp(np.asarray(game.A), axis=0).max() > 0.05 or getattr(environment, "rewards", None) is not None


@pytest.mark.by_hand("RandomPreferences")
def test_uniform_preferences_are_uniform() -> None:
    A = np.asarray(instance(RandomPreferences(actions=200)).A)[np.tril_indices(200, -1)]
    quantiles = np.quantile(A, [0.1, 0.5, 0.9])
    assert np.abs(quantiles - [-0.4, 0.0, 0.4]).max() < 0.02  # six sigma of 19900 draws is 0.013


@pytest.mark.by_hand("Tournament")
def test_tournaments_are_decided_with_one_margin() -> None:
    A = np.asarray(instance(Tournament(actions=9, margin=0.3)).A)
    assert set(np.unique(A)) == {-0.3, 0.0, 0.3}


@pytest.mark.by_hand("CyclicGame")
def test_cycle_beats_the_next_half() -> None:
    A = np.asarray(instance(CyclicGame(actions=5, margin=0.2)).A)
    assert A[0].tolist() == [0.0, 0.2, 0.2, -0.2, -0.2]
    with pytest.raises(InvalidInput, match="odd"):
        CyclicGame(actions=4).check()


@pytest.mark.by_hand("BradleyTerryGame")
def test_bradley_terry_log_odds_add_up() -> None:
    P = np.asarray(instance(BradleyTerryGame(rewards=(0.0, 0.5, 2.0))).P)
    odds = np.log(P / (1 - P))
    assert odds[2, 0] == pytest.approx(2.0, abs=1e-12)
    assert odds[1, 0] + odds[2, 1] == pytest.approx(odds[2, 0], abs=1e-12)


@pytest.mark.by_hand("MixedAnnotators")
def test_annotators_with_cyclic_tastes_disagree_in_a_circle() -> None:
    beats = [np.asarray(instance(MixedAnnotators(actions=12), seed).P) > 0.5 for seed in range(5)]
    assert any(np.trace(np.linalg.matrix_power(W.astype(int), 3)) > 0 for W in beats)
    one = np.asarray(instance(MixedAnnotators(annotators=1, actions=12)).P) > 0.5
    assert np.trace(np.linalg.matrix_power(one.astype(int), 3)) == 0


@pytest.mark.by_hand("LowRank")
def test_low_rank_scores_have_their_rank_and_payoffs_their_scale() -> None:
    scores = np.asarray(instance(LowRank(planes=2, actions=12, payoff="log_odds")).A)
    assert np.linalg.matrix_rank(scores, tol=1e-10) == 4
    A = np.asarray(instance(LowRank(planes=2, actions=12)).A)
    assert np.abs(np.log((0.5 + A) / (0.5 - A)) - scores).max() < 1e-12


@pytest.mark.by_hand("SkillAndChance")
def test_a_game_of_skill_without_chance_would_be_transitive() -> None:
    P = np.asarray(instance(SkillAndChance(actions=10, skill=1e6)).P)
    assert sorted((P > 0.5).sum(axis=1)) == list(range(10))


@pytest.mark.by_hand("ClonedActions")
def test_clones_are_indistinguishable() -> None:
    A = np.asarray(instance(ClonedActions(actions=4, copies=3)).A)
    assert np.array_equal(A[0], A[1])
    assert np.array_equal(A[0], A[2])


@pytest.mark.parametrize(
    ("coins", "fields", "actions"), [(5, 3, 21), (5, 4, 56), (5, 5, 126), (10, 3, 66), (10, 4, 286)]
)
def test_blotto_has_the_known_number_of_actions(coins: int, fields: int, actions: int) -> None:
    assert len(Blotto(coins, fields).allocations()) == actions


@pytest.mark.by_hand("Blotto")
def test_blotto_by_hand() -> None:
    environment = Blotto(2, 2)  # (0, 2), (1, 1), (2, 0): always one field each, or ties
    assert np.abs(np.asarray(instance(environment).A)).max() == 0
    a = Blotto(5, 3).allocations().tolist()
    A = np.asarray(instance(Blotto(5, 3)).A)
    assert A[a.index([2, 2, 1]), a.index([5, 0, 0])] == 0.5  # two fields to one
    assert A[a.index([3, 2, 0]), a.index([2, 2, 1])] == 0.0


def _kuhn_with_all_plans() -> np.ndarray:
    """Mean gain of the first seat with all 4^3 plans each: for every card what to do unbet, and facing a bet."""
    plans = list(product(product((0, 1), repeat=2), repeat=3))
    E = np.zeros((64, 64))
    for i, first in enumerate(plans):
        for j, second in enumerate(plans):
            for a, b in permutations(range(3), 2):
                sign = 1 if a > b else -1
                if first[a][0]:
                    E[i, j] += 2 * sign if second[b][1] else 1
                elif second[b][0]:
                    E[i, j] += 2 * sign if first[a][1] else -1
                else:
                    E[i, j] += sign
    return E / 6


@pytest.mark.by_hand("KuhnPoker")
def test_kuhn_poker_has_its_known_value() -> None:
    E = KuhnPoker().seats()
    game = games.ZeroSumGame(-E)  # the first seat maximises
    x, y = equilibrium.nash(game)
    assert float(x @ E @ y) == pytest.approx(float(Fraction(-1, 18)), abs=1e-14)
    full = _kuhn_with_all_plans()
    x, y = equilibrium.nash(games.ZeroSumGame(-full))
    assert float(x @ full @ y) == pytest.approx(-1 / 18, abs=1e-14)
    symmetric = instance(KuhnPoker())
    assert np.abs(np.asarray(symmetric.A)).max() <= 0.5
    assert equilibrium.nash_certificate(symmetric).gap < 1e-14


@pytest.mark.by_hand("SlowOptimism")
def test_the_symmetrised_slow_game_stalls_as_its_two_player_form_does() -> None:
    game = instance(SlowOptimism(delta=0.01, symmetric=True))
    path = solve(OptimisticOMD(0.2), game, horizon=50_000, checkpoints=[1000, 10_000, 50_000]).log_policy
    gap = [float(games.gap_of_logits(game, p)) for p in path]
    assert gap[0] < 0.02
    assert gap[1] > 0.3
    assert gap[2] > 0.3


@pytest.mark.by_hand("MatrixGame", "LanguageModels")
def test_matrix_and_arena() -> None:
    game = instance(MatrixGame())
    assert equilibrium.nash(game) == pytest.approx(np.full(3, 1 / 3), abs=1e-14)
    with pytest.raises(InvalidInput, match="P must satisfy"):
        MatrixGame(((0.5, 0.6), (0.6, 0.5))).check()
    arena, counts = instance(LanguageModels()), arena_counts()
    P = (counts.wins + counts.ties / 2) / np.where(counts.duels > 0, counts.duels, 1)
    off = ~np.eye(30, dtype=bool)
    assert np.abs(np.asarray(arena.P)[off] - P[off]).max() < 1e-12
    assert LanguageModels().names() == counts.names
    assert equilibrium.nash_certificate(arena).gap < 1e-14
