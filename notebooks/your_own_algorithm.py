# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own algorithm in ten minutes
#
# From pseudo-code to a card, a test of its rate, and a mutant that the test rejects. The cells are what a file of
# `algorithms/finite/` and its test hold, in that order: copying them makes those files.
#
# The algorithm: keep a champion, and challenge it with the arm that could most plausibly beat it.

# %%
import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import duel
from duel import plotting
from duel.bandits import Problem
from duel.card import Card, Instance, Theorem
from duel.errors import InvalidInput
from duel.rates import assert_rate, check_theorem

# %matplotlib inline

# %% [markdown]
# ## 1. The state
#
# What the algorithm remembers, as a NamedTuple. Every array field says its shape and meaning.


# %%
class State(NamedTuple):
    wins: np.ndarray  # [K, K] times i beat j; a tie is half a win for each
    champion: int


# %% [markdown]
# ## 2. The algorithm
#
# A NamedTuple whose fields are the hyper-parameters. `init` is ordinary Python. `select` and `update` are compiled by
# the engine: write loops and `math`, take random numbers from `rng`, and no NumPy products. Lines carry the number of
# the pseudo-code line they carry out.


# %%
class PlausibleChallenger(NamedTuple):
    """Champion against the arm whose upper confidence bound of beating it is largest.

    ::

        1  champion = arm 0
        2  challenger = argmax_{j != champion} of mean(j beats champion) + sqrt(alpha ln t / duels of the two)
        3  if that bound is below 1/2: duel (champion, champion), else (champion, challenger)
        4  count the wins
        5  if the challenger has now beaten the champion more often than not, it is the champion

    Parameters
    ----------
    alpha : float > 0
        Exploration rate.
    """

    alpha: float = 1.0

    def check(self, problem: Problem) -> None:
        if not self.alpha > 0:
            raise InvalidInput(f"alpha must be > 0; got {self.alpha!r}.")

    def init(self, problem: Problem) -> State:
        return State(wins=np.zeros((problem.arms, problem.arms)), champion=0)  # l.1

    def select(self, state: State, contexts: np.ndarray, t: int, rng: np.random.Generator) -> tuple[State, int, int]:
        champion = state.champion
        challenger, bound = champion, 0.5
        for j in range(len(state.wins)):
            if j != champion:
                duels = state.wins[j, champion] + state.wins[champion, j]
                upper = 1e9  # never met
                if duels > 0:
                    upper = state.wins[j, champion] / duels + math.sqrt(self.alpha * math.log(t) / duels)  # l.2
                if upper >= bound:
                    challenger, bound = j, upper
        return state, champion, challenger  # l.3

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        champion = state.champion
        if first != second:
            state.wins[first, second] += 0.5 * (1 + outcome)  # l.4; outcome is +1, 0 (a tie) or -1
            state.wins[second, first] += 0.5 * (1 - outcome)
            if state.wins[second, first] > state.wins[first, second]:  # l.5
                champion = second
        return State(wins=state.wins, champion=champion)


# %% [markdown]
# ## 3. Two rounds by hand
#
# Before any statistics: what does it do in rounds that one can work out on paper? Two arms, arm 1 wins the first duel.
# Round 1: the champion is arm 0, the challenger the arm it never met. Round 2: arm 1 is the champion; arm 0 has mean 0
# and width sqrt(ln 2) = 0.83 > 1/2, so it challenges.

# %%
learner, problem, rng = PlausibleChallenger(), Problem(arms=2, dimension=2, horizon=10), np.random.default_rng(0)
state, first, second = learner.select(learner.init(problem), np.eye(2), 1, rng)
assert (first, second) == (0, 1)
state = learner.update(state, np.eye(2), 1, first, second, -1)
state, first, second = learner.select(state, np.eye(2), 2, rng)
assert (first, second) == (1, 0)
print("as on paper")

# %% [markdown]
# ## 4. Play
#
# `compiled=False` runs the same functions in the interpreter, for a debugger or a print. The bits are equal.

# %%
from envs.finite import BradleyTerry

environment = BradleyTerry([2.0, 1.0, 0.5, 0.0], shuffle=True)
slow = duel.simulate(PlausibleChallenger(), environment, horizon=300, runs=4, seed=0, compiled=False)
fast = duel.simulate(PlausibleChallenger(), environment, horizon=300, runs=4, seed=0)
assert np.array_equal(slow["average"], fast["average"])
print("mean regret after 300 duels:", fast.mean("average")[-1].round(3))

# %% [markdown]
# Wrong input is refused in one line, before anything is compiled:

# %%
with pytest.raises(InvalidInput) as refusal:
    duel.simulate(PlausibleChallenger(alpha=-1.0), environment, horizon=300, runs=4)
print(refusal.value)

# %% [markdown]
# ## 5. Beside published rivals
#
# They meet the same instances and the same noise, run by run.

# %%
from algorithms.finite import RUCB, UniformPairs

traces = [
    duel.simulate(a, environment, horizon=20_000, runs=32) for a in (PlausibleChallenger(), RUCB(), UniformPairs())
]
frame = pd.concat([trace.to_frame() for trace in traces])
plotting.plot_regret(frame, title="Bradley-Terry, four arms", unit="win probability").figure

# %% [markdown]
# ## 6. The card
#
# What is claimed, as data: the bound is a function, and the claim names the instance on which it is to be checked. In a
# file of the lab (section 9) the card puts the algorithm into the catalogue, the tests and the ledger of theorems.


# %%
def bound(T: float, world: Any) -> float:
    """ln T, up to a constant."""
    return math.log(T)


CARD = Card(
    name="PlausibleChallenger",
    setting="Condorcet dueling bandits, average regret",
    citation="none",
    source="this notebook",
    assumptions=("a Condorcet winner exists",),
    theorems=(
        Theorem(
            statement="Expected average regret O(ln T).",
            metric="average",
            bound=bound,
            instance=Instance("BradleyTerry", utilities=(2.0, 1.0, 0.5, 0.0), shuffle=True),
            horizons=(500, 1_000, 2_000, 4_000, 8_000),
            runs=64,
            anytime=True,
        ),
    ),
)

# %% [markdown]
# ## 7. The rate test
#
# The exponent over doubling horizons must not exceed that of ln T on the same grid by more than 0.1. A false alarm has
# probability below 1e-6; runs too few to reject linear regret fail the test as well.

# %%
measured = assert_rate(PlausibleChallenger(), CARD.theorems[0])
verdict = check_theorem(CARD.theorems[0], measured)
print(verdict.verdict, "-", verdict.reason)

# %% [markdown]
# ## 8. Mutants
#
# A test that nothing fails is no test. Three wrong versions: too little exploration, a sign slip in `update`, and the
# first draft of this algorithm, whose champion was the arm with the most majorities so far. That draft reads well. Its
# fault: the winner beats a wrong champion over and over without ever being crowned, since as a challenger it meets
# nobody else and so has a single majority. In most runs it does not happen; the rate test sees the runs in which it
# does.


# %%
class Swapped(PlausibleChallenger):
    """Counts the win for the loser."""

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        champion = state.champion
        if first != second:
            state.wins[first, second] += 0.5 * (1 - outcome)
            state.wins[second, first] += 0.5 * (1 + outcome)
            if state.wins[second, first] > state.wins[first, second]:
                champion = second
        return State(wins=state.wins, champion=champion)


class FirstDraft(PlausibleChallenger):
    """The champion is the arm with the most majorities."""

    def update(self, state: State, contexts: np.ndarray, t: int, first: int, second: int, outcome: int) -> State:
        champion, most = 0, -1
        if first != second:
            state.wins[first, second] += 0.5 * (1 + outcome)
            state.wins[second, first] += 0.5 * (1 - outcome)
        for i in range(len(state.wins)):
            beaten = 0
            for j in range(len(state.wins)):
                beaten += state.wins[i, j] > state.wins[j, i]
            if beaten > most:
                champion, most = i, beaten
        return State(wins=state.wins, champion=champion)


for wrong in (PlausibleChallenger(alpha=0.01), Swapped(), FirstDraft()):
    with pytest.raises(AssertionError) as failure:
        assert_rate(wrong, CARD.theorems[0])
    print(f"{wrong}: {str(failure.value).split(' (standard')[0]}")

# %% [markdown]
# ## 9. Into the lab
#
# 1. The import cell, sections 1, 2 and 6 go into `algorithms/finite/plausible_challenger.py` (without `pytest`,
#    `pandas` and the plots). There is no list to edit: `duel list algorithms` finds it.
# 2. Sections 3, 7 and 8 go into a test file, as functions marked `@pytest.mark.by_hand("PlausibleChallenger")`,
#    `@pytest.mark.rate(...)` and `@pytest.mark.mutant(...)`. Without all three the suite fails and names it.
# 3. `duel theorems --only PlausibleChallenger` adds the row to the ledger.
#
# ## What a reviewer would ask
#
# * *Is O(ln T) proved?* Not here. The card says "this notebook", and the ledger shows what was measured, not why.
# * *alpha = 0.01 looked better at short horizons?* Often. It stops exploring after an unlucky start and pays linearly
#   from then on; only the rate shows it.
# * *One instance?* A card may hold several theorems, each with its own instance and horizons.
