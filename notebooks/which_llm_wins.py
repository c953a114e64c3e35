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
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from duel import diagnosis, equilibrium, plotting, preferences, tables
from duel.bandits import ENVIRONMENT, stream
from duel.games import PreferenceGame
from duel.lower_bounds import condorcet_lower_bound
from envs.games import LanguageModels
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
# One model beats every other: it is the Condorcet winner, and therefore the only Copeland winner, the Smith set and the
# Nash mixture (von Neumann winner). It is the Borda winner, too, which a Condorcet winner need not be. Below the top
# the order breaks: rings mark a model that beats one placed above it.

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
# Which winners and circles would survive another sample of votes? Draw the votes of every pair anew, as many as there
# were, from the observed shares.

# %%
resampled = LanguageModels(resample=True)
games = [resampled.init(stream(0, ENVIRONMENT, run)) for run in range(100)]
redrawn = [np.asarray(game.P) for game in games]
winners = [preferences.condorcet_winner(Q) for Q in redrawn]
for winner in sorted(set(winners), key=winners.count, reverse=True):
    print(f"Condorcet winner {'none' if winner is None else counts.names[winner]}: {winners.count(winner)} of 100")
circles = [preferences.transitivity(Q).cyclic_triples for Q in redrawn]
same = sum(all(Q[a, b] > 0.5 for a, b in ((i, j), (j, k), (k, i))) for Q in redrawn)
print(f"circles: {min(circles)} to {max(circles)}, median {np.median(circles):.0f}; the one above: {same} of 100")

# %% [markdown]
# The winner is the likely one, not a sure one. Resampling adds noise to noise, so that there are more circles than in
# the data: a circle here and there is what equal strength looks like, not evidence that people's preferences go in
# circles.
#
# ## Nash mixtures
#
# Without its winner the arena has another face: take the Condorcet winner away, and again, and look at the support of
# the Nash mixture (von Neumann winner), which no model beats more than half of the time.

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
# How sure is the mixture of all 30? Bars: means over resampled votes, lines: the range. The regularised game (KL weight
# 0.01 towards the uniform policy) spreads over the models that are close to the best.

# %%
mixtures = {
    "Nash equilibrium": np.stack([equilibrium.nash(game) for game in games[:16]]),
    "regularised, beta = 0.01": np.stack(
        [equilibrium.regularized_equilibrium(PreferenceGame(Q, kl_weight=0.01)) for Q in redrawn[:16]]
    ),
}
top = np.argsort(-mixtures["regularised, beta = 0.01"].mean(axis=0))[:8]
figure = Figure(figsize=(6.4, 3.0), layout="constrained")
axes = figure.subplots()
for shift, (name, shares) in zip((-0.2, 0.2), mixtures.items()):
    place, mean = np.arange(len(top)) + shift, shares[:, top].mean(axis=0)
    axes.barh(place, mean, 0.38, label=name, color=plotting.COLORS[0 if shift > 0 else 1])
    axes.hlines(place, shares[:, top].min(axis=0), shares[:, top].max(axis=0), color="black", linewidth=0.8)
axes.set_yticks(range(len(top)), [counts.names[i] for i in top], fontsize=7)
axes.invert_yaxis()
axes.set_xlabel("probability in the mixture", fontsize=8)
axes.legend(fontsize=7, frameon=False)
figure

# %% [markdown]
# ## What it costs to find the winner
#
# Stored results: a million duels, 16 runs, written by `python -m notebooks.results.make arena`. Two environments: a tie
# decided by a fair coin, and a tie as an outcome of its own.

# %%
wide = pd.read_csv("results/arena.csv")
frame = wide.melt(["algorithm", "environment", "metric", "run"], var_name="t").dropna().astype({"t": int})
plotting.regret_figure(
    frame[frame["environment"] == "ties half"],
    lower_bounds={"ties half": condorcet_lower_bound(P)},
    titles=arena.TITLES,
    unit="win probability",
    start=100,
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
table.round(0)

# %% [markdown]
# POCOWISTA answers "who is the Copeland winner?" with confidence 95 %. With two outcomes it stops after some hundred
# thousand duels. With ties as an outcome it cannot: its question is then which outcome of a pair is the most probable,
# and for two pairs, one of them with the winner, wins and ties were counted equally often.

# %%
answers = frame[(frame["algorithm"] == "POCOWISTA") & frame["metric"].isin(["duels", "correct"])]
answers = answers[answers["t"] == answers["t"].max()]
answers.groupby(["environment", "metric"], observed=True)["value"].agg(["mean", "min", "max"])

# %% [markdown]
# ## What a reviewer would ask
#
# * *Is the best model gpt-4o?* In these votes, of these visitors, on their prompts, in August 2024. One of the winner's
#   29 leads is within two standard errors of nothing.
# * *Ties?* A third of all votes. As half a win each they leave the majorities as they are; as an outcome of their own
#   they change what "Copeland winner" means.
# * *Independent votes?* The simulator draws them independently. Real ones come in sessions.
# * *Is the simulator's truth fair to learners that assume a model?* The diagnosis above says which assumptions fail:
#   Bradley-Terry does, and every learner that needs it runs without its guarantee.
