"""Speed of preference learners in MDPs: episodes a second, a dueling posterior sampling run, and growth with the past.

Rates are per second of processor time of one core, the best of the repeats, since a busy machine only ever takes
away; each call simulates a batch of runs through `duel.simulate`. The NumPy rivals are LSVI-UCB as one writes it: with
sums by next state, or, as in published code, with a pass over all past transitions in every backup.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from duel import catalog
from duel.bench import chosen, device, verdict
from duel.mdps import world
from duel.protocols import simulate

LINEAR = ("RandomMDP", {"states": 5, "actions": 4, "horizon": 10, "reward": "uniform", "instance": 0})  # d = 20
SWIM = ("RiverSwim", {})  # the authors': six states, H = 50, reward on the transition
BATCH = 16  # runs of a call
EPISODES = 10_000.0  # goal, a second
RUN = 0.025  # goal, seconds of a run of 200 iterations
GROWTH = 1.1  # of the cost of an episode, over eightfold horizons, that counts as none


@dataclass(frozen=True)
class Row:
    """What was measured."""

    name: str
    value: float  # ours, in `unit`
    unit: str
    goal: float
    met: bool
    note: str = ""


CASES = {  # name -> algorithm, its fields, environment, rounds; what is judged
    "LSVI-UCB d=20 H=10": ("LSVIUCB", {}, LINEAR, 2_000, "rate"),
    "PR-LSVI d=20 H=10": ("PRLSVI", {}, LINEAR, 2_000, "rate"),
    "PR-LSVI cost with T": ("PRLSVI", {}, LINEAR, 500, "growth"),
    "DPS linear, RiverSwim": ("DuelingPosteriorSampling", {"credit": "linear"}, SWIM, 200, "run"),
    "DPS logistic, RiverSwim": ("DuelingPosteriorSampling", {"credit": "logistic"}, SWIM, 200, "run"),
    "DPS GP, RiverSwim": ("DuelingPosteriorSampling", {"credit": "gp"}, SWIM, 200, "run"),
}


def rows(names: Sequence[str] = (), *, quick: bool = False) -> Iterator[Row]:
    """Measure the cases that begin with one of `names` (all if empty), each when its row is asked for.

    `quick` takes a tenth of the rounds.

    Raises
    ------
    InvalidInput
        At once, for a name that no case begins with.
    """
    return (_measured(name, quick) for name in chosen(CASES, names))


def heading() -> str:
    """How to read the rows in a terminal."""
    return f"Device: {device()}. Processor time of one core, the best of the repeats."


def line(row: Row, *, quick: bool = False) -> str:
    """A row for a terminal."""
    goal = f"goal {row.goal:,.4g}{verdict(row.met, quick)}"
    return f"{row.name:<26}{row.value:>12,.4g} {row.unit:<11} {goal}; {row.note}"


def _measured(name: str, quick: bool) -> Row:
    kind, fields, (place, size), rounds, judged = CASES[name]
    learner, environment = catalog.algorithm(kind)(**fields), catalog.environment(place)(**size)
    rounds, repeats = max(rounds // (10 if quick else 1), 10), 2 if quick else 5

    def seconds(T: int) -> float:
        """Of one run of T rounds, in a batch."""

        def call() -> float:
            began = time.process_time()
            simulate(learner, environment, horizon=T, runs=BATCH, checkpoints=[T])
            return time.process_time() - began

        call()  # compiles
        return min(call() for _ in range(repeats)) / BATCH

    each = seconds(rounds)
    if judged == "growth":
        ratio = seconds(8 * rounds) / (8 * each)
        return Row(name, ratio, "x", GROWTH, ratio <= GROWTH, f"a round at T = {8 * rounds:,} over one at {rounds:,}")
    if judged == "run":
        return Row(name, 1e3 * each, "ms/run", 1e3 * RUN, each <= RUN, f"{rounds} iterations, {BATCH} runs together")
    rate = 2 * rounds / each  # two episodes a round
    note = ""
    if kind == "LSVIUCB":
        few = 20 if quick else 100
        flat = numpy_rate(environment, 5 * few, past=False)
        early, late = (numpy_rate(environment, n, past=True) for n in (few // 2, 2 * few))
        note = (
            f"NumPy with sums {flat:,.0f} ({rate / flat:.0f}x), with passes over the past {early:,.1f} at {few // 2} "
            f"episodes and {late:,.1f} at {2 * few} ({rate / late:,.0f}x)"
        )
        theirs = [rlberry_rate(environment, n) for n in (few // 2, 2 * few)]
        if None not in theirs:
            note += f"; rlberry-scool {theirs[0]:,.1f} and {theirs[1]:,.1f} ({rate / (theirs[1] or 1):,.0f}x)"
    return Row(name, rate, "episodes/s", EPISODES, rate >= EPISODES, note)


def numpy_rate(environment: Any, episodes: int, *, past: bool) -> float:
    """Episodes a second of processor time of LSVI-UCB in NumPy, over its first `episodes`."""
    began = time.process_time()
    lsvi_ucb(environment, episodes, np.random.default_rng(0), past=past)
    return episodes / (time.process_time() - began)


def rlberry_rate(environment: Any, episodes: int) -> float | None:
    """Episodes a second of processor time of LSVI-UCB of rlberry-scool on the same MDP; None if it is not installed."""
    try:
        agents = import_module("rlberry_scool.agents.linear")
        features = import_module("rlberry_scool.agents.features")
        envs = import_module("rlberry.envs.finite_mdp")
    except ImportError:
        return None
    place = world(environment, 0, 0)
    problem, mean, d = place.problem, place.mean_reward, place.problem.features.shape[2]
    body = {"__init__": lambda self: setattr(self, "shape", (d,)), "map": lambda _, s, a: problem.features[s, a]}
    feature_map = type("Features", (features.FeatureMap,), body)
    agent = agents.LSVIUCBAgent(
        envs.FiniteMDP(mean[0], problem.transitions[0]),
        horizon=problem.setting.horizon,
        feature_map_fn=lambda _: feature_map(),
        reg_factor=1.0,
    )
    began = time.process_time()
    agent.fit(budget=episodes)
    return episodes / (time.process_time() - began)


def lsvi_ucb(
    environment: Any, episodes: int, rng: np.random.Generator, *, past: bool = False, bonus: float = 0.1
) -> float:
    """Sum of V* - V of the policies that LSVI-UCB plays, rewards regressed too; statistics pooled over stages.

    `past`: targets are gathered by a pass over all past transitions, in Python, as in published code; the same numbers.
    """
    place = world(environment, 0, 0)
    problem, mean = place.problem, place.mean_reward
    H, (S, _, d) = problem.setting.horizon, problem.features.shape
    P, phi, reach = problem.transitions[0], problem.features, H * problem.reward_bound
    precision, sums, target = np.eye(d), np.zeros((d, S)), np.zeros(d)
    seen: list[tuple[int, int, int]] = []
    best, regret = np.zeros(S), 0.0
    for h in reversed(range(H)):
        best = (mean[h] + P @ best).max(axis=1)
    policy = np.zeros((H, S), dtype=int)
    for _ in range(episodes):
        value = np.zeros(S)
        for h in reversed(range(H)):
            value = (mean[h] + P @ value)[np.arange(S), policy[h]]
        regret += problem.initial @ (best - value)
        s = rng.choice(S, p=problem.initial)
        for h in range(H):
            a = policy[h, s]
            after = rng.choice(S, p=P[s, a])
            x = phi[s, a]
            u = precision @ x
            precision -= np.outer(u, u) / (1 + x @ u)
            sums[:, after] += x
            target += x * place.reward[min(h, len(place.reward) - 1), s, a, after]
            seen.append((s, a, after))
            s = after
        width = bonus * reach * np.sqrt(np.einsum("sad,de,sae->sa", phi, precision, phi))
        optimistic, V = phi @ (precision @ target) + 2 * width, np.zeros(S)
        for h in reversed(range(H)):
            aim = sum((phi[i, a] * V[j] for i, a, j in seen), np.zeros(d)) if past else sums @ V
            Q = np.minimum(optimistic + phi @ (precision @ aim), reach)
            policy[h], V = Q.argmax(axis=1), Q.max(axis=1)
    return float(regret)
