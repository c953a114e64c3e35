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
# # Which LLM wins?
#
# 30 language models, 435 pairs, human votes from Chatbot Arena (August 2024). The observed win rates become a simulator
# of duels. They are not the truth about people or models: pairs were not sampled at random, and some were met only 200
# times. Questions: who wins, in which sense; is there an order at all; and how much regret does it cost to find out?

# %%
import os
from pathlib import Path

import numpy as np

from duel import diagnosis, plotting, preferences, tables
from duel.lower_bounds import condorcet_lower_bound
from duel.store import load
from experiments import arena

# %matplotlib inline

# %%
counts = tables.arena_counts()
P = tables.preference_matrix(counts, "half").P  # P[i, j] = Pr(i beats j), a tie is half a win
print(counts, "of which ties:", f"{counts.ties.sum() / counts.duels.sum():.1%}")

# %% [markdown]
# ## The winners
#
# `duel diagnose` prints the same for a CSV file of your own.

# %%
print(diagnosis.diagnose(counts))

# %% [markdown]
# One model beats every other, so that every definition of a winner agrees on it: the Condorcet winner is the Copeland
# winner, and the Nash mixture (von Neumann winner) is that model alone. Below the top the order breaks: rings mark a
# model that beats one placed above it.

# %%
axes = plotting.plot_matrix(P, counts.names, title="Human votes, 30 models")
axes.figure

# %% [markdown]
# ## Cycles
#
# A strict majority can still be circular: i beats j, j beats k, k beats i. Most of these circles could be noise, since
# the leads in them are small.

# %%
order = preferences.transitivity(P)
print(order.cyclic_triples, "circles among", len(P) * (len(P) - 1) * (len(P) - 2) // 6, "triples")
if order.cycle is not None:
    i, j, k = order.cycle
    for a, b in ((i, j), (j, k), (k, i)):
        lead, error = P[a, b] - 0.5, 0.5 / np.sqrt(counts.duels[a, b])
        print(f"{counts.names[a]} beats {counts.names[b]}: 1/2 + {lead:.3f} (standard error at most {error:.3f})")

# %% [markdown]
# Without its winner the arena has another face: take the Condorcet winner away, and again, and look at the support of
# the Nash mixture.

# %%
left = list(range(len(P)))
for _ in range(4):
    part = P[np.ix_(left, left)]
    mixture = preferences.von_neumann_winner(part)
    print(len(left), "models:", {counts.names[left[a]]: round(float(mixture.mixture[a]), 3) for a in mixture.support})
    winner = preferences.condorcet_winner(part)
    if winner is None:
        break
    left.pop(winner)

# %% [markdown]
# ## What it costs to find the winner
#
# The demo's results if they are there (`make demo`), else a small sweep. Two environments: a tie decided by a fair
# coin, and a tie as an outcome of its own.

# %%
store = Path(os.environ.get("DUEL_RESULTS", "../results/demo"))
try:
    frame = load(store, "arena").to_frame()
except ValueError:  # no results there
    horizon = int(os.environ.get("DUEL_NOTEBOOK_HORIZON", "20000"))
    small = arena.SWEEP.replace(name="arena-notebook", horizon=horizon, runs=4)
    frame = small.run("../results/notebook", progress=False).to_frame()

# %%
plotting.regret_figure(
    frame[frame["environment"] == "ties half"],
    lower_bounds={"ties half": condorcet_lower_bound(P)},
    titles=arena.TITLES,
    unit="win probability",
)

# %% [markdown]
# Log-log axes: a learner that has found the winner leaves the straight line of uniform play. The dotted line is the
# asymptotic lower bound; it binds as t grows, so a curve may run below it for a long time. Its constant is large here
# because the best models are close: the smallest lead of the winner is about 0.01.

# %%
last = frame[(frame["metric"] == "average") & (frame["t"] == frame["t"].max())]
table = last.pivot_table(
    index="algorithm", columns="environment", values="value", aggfunc=["mean", "sem"], observed=True
)
table.round(1)

# %% [markdown]
# POCOWISTA answers "who is the Copeland winner?" with confidence 95 %. With two outcomes it stops after some hundred
# thousand duels. With ties as an outcome it cannot: its question is then which outcome of a pair is the most probable,
# and for two pairs, one of them with the winner, wins and ties were counted equally often.

# %%
answers = frame[(frame["algorithm"] == "POCOWISTA") & frame["metric"].isin(["duels", "correct"])]
answers[answers["t"] == answers["t"].max()].groupby(["environment", "metric"], observed=True)["value"].describe()
