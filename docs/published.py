"""What papers report, and how this lab measures it again. Quotations are of abstracts unless another place is named.

"Authors' code" are numbers of the code that the authors published, run once in the setting that is given; single runs
are called so. A number that could be read in no text stands nowhere here.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from reproductions import Line, Reproduction, against, among, exact, exponent, mean, ratio

from duel.sweep import Sweep
from experiments import (
    annotator_misspecification,
    best_of_both_worlds,
    chi2_vs_dpo,
    contextual_regret,
    copeland_regret,
    coverage,
    demonstrations,
    egpo_tabular,
    fast_rates,
    flipped_labels,
    hypo_coverage,
    last_iterate,
    maxmin,
    nash_md_bias,
    pocowista,
    regret_vs_partial_return,
    samplers,
    survey_regret,
    xpo_hidden_arm,
    zhu_kwise,
    zhu_pessimism,
)

Run = Callable[[Sweep], Any]
Lines = Iterator[Line]


def part(sweep: Sweep, name: str, algorithms: Any = None, environments: Any = None, **size: Any) -> Sweep:
    """Some algorithms and environments of an experiment, under a name of its own."""
    keep = {k: v for k, v in sweep.algorithms.items() if algorithms is None or k in algorithms}
    there = {k: v for k, v in sweep.environments.items() if environments is None or k in environments}
    return sweep.replace(name=f"published-{name}", algorithms=keep, environments=there, **size)


# ------------------------------------------------------------------------------------------------- finite-armed duels

LEVELS = {  # cumulative average regret after 10 000 duels, single runs of the authors' codes
    "RUCB": (381, 373),
    "RCS": (391,),
    "RMED1": (129,),
    "RMED2": (171,),
    "RMED2FH": (203,),
    "ECWRMED": (286,),
    "DoubleThompsonSampling": (93, 120),
    "DoubleThompsonSamplingPlus": (129, 79),
    "CCB": (1608,),
    "SparringUCB": (657,),
    "MultiSBM": (1259,),
    "InterleavedFilter": (1199,),
    "BeatTheMean": (1842,),
    "UniformPairs": (2140,),
}


def levels(run: Run) -> Lines:
    sweep = part(survey_regret.SWEEP, "levels", LEVELS, ["btl10"], horizon=10_000, runs=208, checkpoints=(10_000,))
    results = run(sweep)
    for name, numbers in LEVELS.items():
        yield among(name, results.final(name, "btl10", "average"), numbers)


def survey(run: Run, name: str, algorithms: Any, environments: Any, horizon: int = 30_000, runs: int = 32) -> Any:
    marks = (horizon // 10, horizon)
    return run(part(survey_regret.SWEEP, name, algorithms, environments, horizon=horizon, runs=runs, checkpoints=marks))


def rmed(run: Run) -> Lines:
    rivals = ("RUCB", "BeatTheMean", "InterleavedFilter", "SparringUCB", "MultiSBM")
    results = survey(run, "rmed", ("RMED1", *rivals), ("arxiv6", "arithmetic8", "mslr5"))
    for place in results.environments:
        own = results.final("RMED1", place, "average")
        for rival in rivals:
            other = results.final(rival, place, "average")
            yield ratio(f"RMED1 / {rival}, {survey_regret.TITLES[place]}", own, other, "< 1", below=1)


def rmed_cyclic(run: Run) -> Lines:
    results = survey(run, "rmed-cyclic", ("RMED1", "RMED2", "RMED2FH", "RUCB"), ("cyclic4",))
    at = [results.array(a, "cyclic4", "average") for a in ("RMED1", "RMED2", "RMED2FH", "RUCB")]
    yield ratio("RMED2 / RMED1", at[1][:, -1], at[0][:, -1], "< 1", below=1)
    yield ratio("RMED2FH / RMED1", at[2][:, -1], at[0][:, -1], "< 1", below=1)
    yield ratio("RMED1 / RUCB", at[0][:, -1], at[3][:, -1], "< 1", below=1)
    decade = np.log(10)
    yield mean("growth per ln T of RMED1", (at[0][:, 1] - at[0][:, 0]) / decade, "its constant: 7.45")
    yield mean("growth per ln T of RMED2FH", (at[2][:, 1] - at[2][:, 0]) / decade, "the lower bound: 0.82")


def thompson(run: Run) -> Lines:
    names = ("RUCB", "RMED1", "CCB", "DoubleThompsonSampling", "DoubleThompsonSamplingPlus")
    results = survey(run, "thompson", names, ("arxiv6", "mslr5", "btl10"))
    for place in results.environments:
        value = {n: results.final(n, place, "average") for n in names}
        for own, short in (("DoubleThompsonSampling", "D-TS"), ("DoubleThompsonSamplingPlus", "D-TS+")):
            for rival in ("RUCB", "CCB", "RMED1"):
                words = f"{short} / {rival}, {survey_regret.TITLES[place]}"
                yield ratio(words, value[own], value[rival], "< 1", below=1)


def merge(run: Run) -> Lines:
    from envs.finite import BradleyTerry

    names = ("MergeRUCB", "MergeDTS", "RUCB")
    many = {"64 arms": BradleyTerry(tuple(4 - 4 * i / 63 for i in range(64)))}
    few = part(survey_regret.SWEEP, "merge-few", names, ["mslr5"], horizon=50_000, runs=24, checkpoints=(50_000,))
    for sweep in (few.replace(name="published-merge", environments=many), few):
        results = run(sweep)
        (place,) = results.environments
        own, thompson, other = (results.final(a, place, "average") for a in names[:3])
        claim = {"reported": "< 1 for many arms", "below": 1} if place in many else {}
        title = survey_regret.TITLES.get(place, place)
        yield ratio(f"MergeRUCB / RUCB, {title}", own, other, **claim)
        yield ratio(f"MergeDTS / MergeRUCB, {title}", thompson, own, **claim)


def weak(run: Run) -> Lines:
    from algorithms.finite import WinnerStaysWeak

    names = ("RUCB", "RMED1", "DoubleThompsonSampling")
    sweep = part(survey_regret.SWEEP, "weak", names, ("btl10", "arithmetic8"), horizon=30_000, runs=32)
    learners = {"WS-W": WinnerStaysWeak(), **sweep.algorithms}
    results = run(sweep.replace(algorithms=learners, checkpoints=(15_000, 30_000)))
    for place in results.environments:
        title = survey_regret.TITLES[place]
        own = results.array("WS-W", place, "weak")
        growth = (own[:, 1] - own[:, 0]) / own[:, 1].mean()
        yield mean(f"WS-W: share of its weak regret after T / 2, {title}", growth, "constant in T", below=0.02)
        for rival in names:
            other = results.final(rival, place, "weak")
            yield ratio(f"WS-W / {rival}, weak regret, {title}", own[:, 1], other, "< 1", below=1)


def copeland(run: Run) -> Lines:
    names = ("CCB", "SCB", "ECWRMED", "CWRMED", "DoubleThompsonSampling", "RUCB", "UniformPairs")
    places = ("one loss", "circle")
    size = {"runs": 16, "horizon": 50_000, "checkpoints": (50_000,)}
    results = run(part(copeland_regret.SWEEP, "copeland", names, places, **size))
    for place in places:
        value = {n: results.final(n, place, "copeland") for n in names}
        yield ratio(f"ECW-RMED / CCB, {place}", value["ECWRMED"], value["CCB"], "< 1", below=1)
        yield ratio(f"ECW-RMED / SCB, {place}", value["ECWRMED"], value["SCB"], "< 1", below=1)
        yield ratio(f"ECW-RMED / D-TS, {place}", value["ECWRMED"], value["DoubleThompsonSampling"])
        yield ratio(f"CCB / RUCB, {place}", value["CCB"], value["RUCB"], "< 1", below=1)
        yield ratio(f"SCB / random pairs, {place}", value["SCB"], value["UniformPairs"], "< 1", below=1)


def both_worlds(run: Run) -> Lines:
    names = ("VDB", "SparringEXP3", "REX3", "RUCB", "RMED1")
    horizon = best_of_both_worlds.HORIZON
    results = run(part(best_of_both_worlds.SWEEP, "worlds", names, runs=16, checkpoints=(horizon // 4, horizon)))
    fixed = {n: results.array(n, "fixed", "average") for n in names}
    for rival in ("SparringEXP3", "REX3", "RUCB"):
        yield ratio(f"VDB / {rival}, fixed", fixed["VDB"][:, 1], fixed[rival][:, 1], "< 1", below=1)
    yield ratio("VDB / RMED1, fixed", fixed["VDB"][:, 1], fixed["RMED1"][:, 1])
    yield exponent("growth of VDB in T, fixed", (horizon // 4, horizon), fixed["VDB"], "ln T", below=0.3)
    switch = {n: results.final(n, "switch", "average") for n in names}
    yield mean("VDB, switch: regret / sqrt(T)", switch["VDB"] / np.sqrt(horizon), "O(sqrt(K T))", below=np.sqrt(10))
    for rival in ("SparringEXP3", "REX3"):
        yield ratio(f"VDB / {rival}, switch", switch["VDB"], switch[rival])


# ------------------------------------------------------------------------------------------------------ identification

AUTHORS = {  # repetitions, duels at delta = 0.01, 0.05, 0.1
    "POCOWISTA": (20, (2551, 2296, 1981)),
    "SAVAGE": (2, (5177, 4384, 3610)),
    "PBRCopeland": (2, (8837, 7510, 7745)),
}


def duels(run: Run) -> Lines:
    chosen = [a for a in pocowista.SWEEP.algorithms if a.partition("(")[0] in AUTHORS]
    results = run(part(pocowista.SWEEP, "pocowista", chosen, ["easy 10"]))
    for name, (count, numbers) in AUTHORS.items():
        for delta, published in zip(pocowista.DELTAS, numbers):
            values = results.final(f"{name}(delta={delta})", "easy 10", "duels")
            yield against(f"{name}, delta = {delta}: duels", values, published, count)
    for rival in ("SAVAGE", "PBRCopeland"):
        for delta in pocowista.DELTAS:
            own, other = (results.final(f"{a}(delta={delta})", "easy 10", "duels") for a in ("POCOWISTA", rival))
            yield ratio(f"POCOWISTA / {rival}, delta = {delta}", own, other, "< 1", below=1)
    right = results.final("POCOWISTA(delta=0.1)", "easy 10", "correct")
    yield mean("POCOWISTA, delta = 0.1: right answers", right, ">= 0.9; authors' code 1.00", above=0.9)


# ---------------------------------------------------------------------------------------------------------- contextual


def colstim(run: Run) -> Lines:
    results = run(part(contextual_regret.SWEEP, "colstim", runs=64, horizon=10_000, checkpoints=(1_250, 10_000)))
    for place in results.environments:
        value = {a: results.array(a, place, "average") for a in results.algorithms}
        title = contextual_regret.TITLES[place]
        yield ratio(f"CoLSTIM / MaxInP, {title}", value["CoLSTIM"][:, 1], value["MaxInP"][:, 1], "< 1", below=1)
        yield exponent(f"growth of CoLSTIM in T, {title}", (1_250, 10_000), value["CoLSTIM"], "<= 1/2", below=0.6)


# --------------------------------------------------------------------------------------------------------------- games

EGPO_FINAL = {  # median gap over ten games, authors' code: Online IPO 1, Online IPO 2, Nash-MD, Nash-MD-PG, EGPO
    "exact, beta 0.1": (0.0, 9e-8, 1.4e-5, 1.5e-2, 0.0),
    "exact, beta 0.01": (1.5e-5, 0.12, 3.5e-5, 0.25, 0.0),
    "exact, beta 0.001": (3.7e-2, 0.58, 3.5e-2, 0.31, 1.8e-7),
}
ROUNDING = 1e-20  # a gap below is none
EGPO_NAMES = ("Online IPO 1", "Online IPO 2", "Nash-MD, published", "Nash-MD-PG, published", "EGPO")


def egpo(run: Run) -> Lines:
    for place, medians in EGPO_FINAL.items():
        beta, eta, iterations = egpo_tabular.SETTINGS[place]
        labels = {m: egpo_tabular._label(m, beta, eta) for m in EGPO_NAMES}
        results = run(
            part(
                egpo_tabular.SWEEP, f"egpo-{beta}", labels.values(), [place], horizon=iterations,
                checkpoints=(iterations,),
            )
        )  # fmt: skip
        gaps = {m: results.final(labels[m], place, "gap") for m in EGPO_NAMES}
        for method, median in zip(EGPO_NAMES, medians):
            x = gaps[method]
            inside = x.min() <= max(median, 1e-7) * 3 and median <= 3 * max(x.max(), 1e-7)
            words = "0 (single precision)" if median == 0 else number(median)
            low, high = float(x.min()), float(x.max())
            what, of = f"{method}, {place}", "median, all ten games"
            yield Line(what, words, float(np.median(x)), low, high, bool(inside), of)
        least = {m: max(float(np.median(v)), ROUNDING) for m, v in gaps.items()}
        best = min(v for m, v in least.items() if m != "EGPO")
        yield exact(f"EGPO / best other, medians, {place}", least["EGPO"] / best, "<= 1", below=1)


def number(x: float) -> str:
    return f"{x:.1e}" if x < 0.01 else f"{x:.2g}"


def nash_md(run: Run) -> Lines:
    results = run(part(nash_md_bias.SWEEP, "nash-md", runs=16, checkpoints=(100, 1_000, 10_000)))
    scheduled = results.array("Nash-MD, theorem's schedule", "random", "kl")
    for column, T in enumerate((100, 1_000, 10_000)):
        bound = 8 / (nash_md_bias.BETA**2 * (T + 1))
        yield mean(f"schedule: KL at T = {T:,}", scheduled[:, column], f"<= {bound:.3g}", below=bound)
    floors = np.stack([results.final(f"Nash-MD, eta {eta}", "random", "kl") for eta in nash_md_bias.STEPS], axis=1)
    for k, eta in enumerate(nash_md_bias.STEPS):
        bound = 2 * eta / nash_md_bias.BETA
        yield mean(f"constant step {eta}: KL at T = 10,000", floors[:, k], f"<= {bound:.3g}", below=bound)
    yield exponent("growth of that floor in the step", nash_md_bias.STEPS, floors, ">= 1", above=1.0)


def forgetful(run: Run) -> Lines:
    from envs.games import SlowOptimism

    names = ("OMWU, eta 0.1", "OGDA, eta 0.1")
    marks = tuple(int(t) for t in np.unique(np.geomspace(10, 300_000, 150).round()))
    sweep = part(last_iterate.SWEEP, "forgetful", names, runs=1, horizon=marks[-1], checkpoints=marks)
    results = run(sweep.replace(environments={f"delta = {delta}": SlowOptimism(delta) for delta in (0.05, 0.01)}))
    last = []
    for delta in (0.05, 0.01):
        optimistic, gradient = (results.array(n, f"delta = {delta}", "original_gap")[0] for n in names)
        high = np.array(marks)[optimistic > 0.15]
        last.append(high[-1])
        words, edge = f"constant after 1 / (eta delta) = {10 / delta:,.0f} steps", 10 / delta
        yield exact(f"OMWU, delta = {delta}: last t with a gap above 0.15", high[-1], words, above=edge)
        first = np.array(marks)[optimistic < 0.05][0]
        yield exact(f"OMWU, delta = {delta}: first t with a gap below 0.05, long before", first)
        settled = np.array(marks)[gradient > 0.01][-1]
        yield exact(
            f"OGDA, delta = {delta}: last t with a gap above 0.01", settled, "converges quickly", below=high[-1] / 10
        )
    yield exact(
        "OMWU: ratio of those times, delta 0.01 to 0.05", last[1] / last[0], "at least of order 1 / delta: 5", above=4
    )


def rock_paper_scissors(run: Run) -> Lines:
    names = (
        "MWU, eta 0.1", "MPO (magnet refresh of MMD)", "COMAL (magnet refresh of EGPO)", "OMWU, eta 0.1",
    )  # fmt: skip
    place = "rock, paper, scissors"
    results = run(part(last_iterate.SWEEP, "rps", names, [place], runs=4, horizon=20_000, checkpoints=(100, 20_000)))
    gaps = {n: results.final(n, place, "original_gap") for n in names}
    yield mean("self-play (MWU): gap of the last iterate", gaps[names[0]], "diverges", above=0.1)
    for name, short in zip(names[1:], ("MPO", "COMAL")):
        yield mean(f"{short}: gap of the last iterate", gaps[name], "converges to the equilibrium", below=1e-6)
    yield mean("OMWU, eta = 0.1: gap of the last iterate", gaps[names[3]])


# ----------------------------------------------------------------------------------------------------------- alignment


def pessimism(run: Run) -> Lines:
    sweep = zhu_pessimism.SWEEP
    results = run(part(sweep, "pessimism"))
    plain, error = (results.array("MLE", "failure", m) for m in ("suboptimality", "error"))
    wise = results.array("v = phi(a4)", "failure", "suboptimality")
    yield exponent("error of the estimate: exponent in n", sweep.checkpoints, error, "converges: -1/2", below=-0.4)
    for k in (0, 2, 5):
        n = sweep.checkpoints[k]
        yield mean(f"plain MLE: reward lost at n = {n}", plain[:, k], "at least 0.1 for every n", above=0.1)
    yield mean("pessimistic, v = phi(a4): reward lost at n = 500", wise[:, 5], "vanishes", below=0.02)
    own = results.final("v = 0, paper's radius", "failure", "suboptimality")
    yield mean("pessimistic, v = 0, the paper's radius, n = 500", own)
    yield mean("pessimistic, v = logged mean, n = 500", results.final("v = logged mean", "failure", "suboptimality"))


def kwise(run: Run) -> Lines:
    results = run(part(zhu_kwise.SWEEP, "kwise", runs=400))
    ratios = {}
    for place in ("K = 4", "K = 9"):
        whole, pairs = (results.array(a, place, "error") for a in ("MLE_K", "MLE_2"))
        for k in (2, 5):
            n = zhu_kwise.SWEEP.checkpoints[k]
            paired = pairs[:, k] / whole[:, k]
            ratios[place, n] = np.log(paired)
            yield mean(f"{place}, n = {n}: mean ln(MLE_2 error / MLE_K error)", ratios[place, n], "> 0", above=0)
        marks = zhu_kwise.SWEEP.checkpoints[1:]
        yield exponent(f"{place}: exponent of the error of MLE_K", marks, whole[:, 1:], "-1/2", below=-0.4)
    yield mean("K = 9 less K = 4, n = 500", ratios["K = 9", 500] - ratios["K = 4", 500], "> 0", above=0)


def chi_squared(run: Run) -> Lines:
    sizes = (100, 1_000, 10_000)
    table = np.array([chi2_vs_dpo.minimax_regret(n) for n in sizes])
    slopes = np.diff(np.log(table[[0, -1]]), axis=0)[0] / np.log(100)
    for n, (dpo, chi) in zip(sizes, table):
        yield exact(f"DPO at its best beta, n = {n:,}: regret times ln n", dpo * np.log(n), "of order 1", above=0.2)
        yield exact(f"chi^2-PO / DPO, n = {n:,}", chi / dpo, "< 1", below=1)
    yield exact("exponent of DPO's regret in n", slopes[0], "ln n only: near 0", above=-0.25)
    yield exact("exponent of chi^2-PO's regret in n", slopes[1], "-1/2", below=-0.4)


def hidden_arm(run: Run) -> Lines:
    results = run(part(xpo_hidden_arm.SWEEP, "xpo", runs=32))
    for place in results.environments:
        plain, bold = (results.final(a, place, "unseen") for a in ("alpha = 0", "alpha = 1e-3"))
        title = xpo_hidden_arm.TITLES[place]
        yield mean(f"alpha = 0: rounds of 40 without the best response, {title}", plain, "exponentially many", above=20)
        yield mean(f"alpha = 1e-3, {title}", bold, "few", below=10)


def sampling(run: Run) -> Lines:
    for sampler, order in (("uniform", 1), ("mix_policy", 2), ("mix_reward", 2)):
        errors = samplers.exact_errors(sampler)
        last = errors[errors > 1e-13]
        power = np.log(last[3] / last[2]) / np.log(last[2] / last[1])
        words = "linear: order 1" if order == 1 else "quadratic: order 2"
        yield exact(f"{sampler}: order of convergence", power, words, below=order + 0.3, above=order - 0.3)
        yield exact(f"{sampler}: largest error after 4 steps", errors[4])


def rates(run: Run) -> Lines:
    results = run(part(fast_rates.SWEEP, "rates", runs=64))
    frame = results.to_frame()
    for mode, claim in (("regularised", -1.0), ("greedy", -0.5)):
        n, _, envelope = fast_rates.envelope(frame, mode)
        slope = np.polyfit(np.log(n), np.log(envelope), 1)[0]
        near = {"below": claim + 0.12, "above": claim - 0.12}
        yield exact(f"{mode}: exponent of the worst gap in n", slope, f"{claim:g}", **near)


def flips(run: Run) -> Lines:
    results = run(part(flipped_labels.SWEEP, "flips", runs=64))
    marks = flipped_labels.SWEEP.checkpoints
    for name, claim in (("DPO", {}), ("cDPO, e = 0.2", {}), ("rDPO, e = 0.2", {"below": -0.8})):
        values = results.array(name, "flip 0.2", "regularised_gap")
        yield exponent(f"{name}: exponent of the gap in n", marks[2:], values[:, 2:], "-1" if claim else "", **claim)
    robust, plain, smooth = (
        results.final(a, "flip 0.2", "regularised_gap") for a in ("rDPO, e = 0.2", "DPO", "cDPO, e = 0.2")
    )
    yield ratio("rDPO / DPO at n = 20,000", robust, plain, "< 1", below=1)
    yield ratio("rDPO / cDPO at n = 20,000", robust, smooth, "< 1", below=1)
    clean = results.final("DPO", "flip 0.0", "regularised_gap")
    yield ratio("price of the flips: rDPO's gap / DPO's on clean labels", robust, clean, "(1 - 2 e)^-2 = 2.8")


def groups(run: Run) -> Lines:
    results = run(part(maxmin.SWEEP, "maxmin", runs=32))
    one, two = ("one reward", "two rewards, max-min")
    losses = {}
    for place in maxmin.SWEEP.environments:
        losses[place] = results.final(one, place, "maxmin_gap")
        words = "< 1" if place == "minority 0.2" else ""
        claim = {"below": 1} if words else {}
        fair = results.final(two, place, "maxmin_gap")
        what = f"loss of the worst-off group, max-min / one reward, {maxmin.TITLES[place]}"
        yield ratio(what, fair, losses[place], words, **claim)
    yield mean(
        "one reward: further loss of a minority of one in five", losses["minority 0.2"] - losses["minority 0.5"],
        "grows as the minority shrinks", above=0,
    )  # fmt: skip


def unseen(run: Run) -> Lines:
    results = run(part(hypo_coverage.SWEEP, "hypo", runs=32))
    worst, hybrid = (results.final(a, "partial", "kl") for a in ("DPO, unseen best", "HyPO, lambda = 0.1"))
    yield mean("KL of DPO's least favourable minimiser, n = 5,000", worst, "not controlled by the data", above=0.8)
    yield mean("KL of HyPO", hybrid, "controlled", below=0.8)
    gap = {a: results.final(a, "partial", "regularised_gap") for a in ("DPO, unseen best", "HyPO, lambda = 0.1")}
    yield ratio("regularised gap, HyPO / DPO", gap["HyPO, lambda = 0.1"], gap["DPO, unseen best"], "< 1", below=1)
    full = {a: results.final(a, "full", "regularised_gap") for a in ("DPO, unseen best", "HyPO, lambda = 0.1")}
    yield mean("DPO's gap where everything is covered", full["DPO, unseen best"], "vanishes", below=0.01)


def judges(run: Run) -> Lines:
    results = run(part(regret_vs_partial_return.SWEEP, "judges", runs=32))
    name = "MLE, read as advantage"
    at = {place: results.final(name, place, "suboptimality") for place in results.environments}
    yield mean("judged by regret: reward lost, n = 10,000", at["regret"], "optimal", below=0.01)
    yield mean("judged by partial return", at["partial return"], "worse", above=0.01)
    yield mean("judged by partial return, shaped by V*", at["shaped"], "optimal", below=0.01)


def density(run: Run) -> Lines:
    _, found = annotator_misspecification.densities()
    truth = found["annotators' mixture"]
    one, two = (0.5 * np.abs(found[k] - truth).sum() for k in ("one Luce annotator fitted", "two fitted"))
    yield exact("one reward fitted to two annotators: total variation", one, "fails: neither mode", above=0.25)
    yield exact("two rewards, one for each: total variation", two, "recovers the mixture", below=1e-6)


# ---------------------------------------------------------------------------------------------------------------- MDPs

WINDOWS = ((0, 10), (10, 50), (50, 100), (100, 150), (150, 200))
DPS_REWARD = {  # mean reward of an episode, authors' code, 25 runs
    "nearly certain judge (c = 1000)": (1000.0, (0.96, 6.11, 8.92, 9.23, 9.33)),
    "logistic judge (c = 1)": (1.0, (0.96, 6.14, 8.72, 9.09, 9.26)),
}


def river(run: Run) -> Lines:
    from algorithms.mdps import PSRL, DuelingPosteriorSampling
    from duel.mdps import Preference, optimal_value
    from envs.mdps import RiverSwim

    environments = {name: RiverSwim(preference=Preference(steepness=c)) for name, (c, _) in DPS_REWARD.items()}
    sweep = Sweep(
        name="published-river", algorithms={"DPS": DuelingPosteriorSampling(), "PSRL": PSRL()},
        environments=environments, horizon=200, runs=96, checkpoints=tuple(end for _, end in WINDOWS),
    )  # fmt: skip
    results = run(sweep)
    top = optimal_value(RiverSwim())
    for place, (_, numbers) in DPS_REWARD.items():
        loss = np.diff(results.array("DPS", place, "pair_regret_sum"), axis=1, prepend=0.0)
        for k, ((start, end), published) in enumerate(zip(WINDOWS, numbers)):
            reward = top - loss[:, k] / (2 * (end - start))
            yield against(f"DPS, iterations {start + 1} to {end}, {place}", reward, published, 25)
    own, sees = (results.array(a, "logistic judge (c = 1)", "pair_regret_sum") for a in ("DPS", "PSRL"))
    yield ratio("regret of DPS / that of PSRL, which sees rewards", own[:, -1], sees[:, -1], "at least 1", above=1)


def trajectories(run: Run) -> Lines:
    results = run(part(coverage.SWEEP, "coverage", runs=64))
    for place, claim, words in (
        ("steps", {"above": 0.1}, "cannot be learned from any number of labels"),
        ("trajectories", {"below": 0.02}, "vanishes"),
    ):
        values = results.array("FREEHAND", place, "suboptimality")
        for k in (3, 8):
            n = coverage.SWEEP.checkpoints[k]
            said = claim if k == 8 else {}
            yield mean(f"{coverage.TITLES[place]}: value lost, n = {n:,}", values[:, k], words if said else "", **said)


def experts(run: Run) -> Lines:
    results = run(part(demonstrations.SWEEP, "experts", runs=64))
    marks = demonstrations.SWEEP.checkpoints
    clone = results.array("clone alone", "5 states", "suboptimality")
    guided = results.array("KL weight 0.1", "5 states", "suboptimality")
    yield exponent("clone alone: exponent of the loss in N", marks[2:], clone[:, 2:], "near -1", below=-0.75)
    yield ratio("labels beside demonstrations / clone alone, N = 2,048", guided[:, -1], clone[:, -1], "< 1", below=1)


REPRODUCTIONS = {
    "levels": Reproduction(
        "Regret of fourteen learners beside the authors' own codes", "bengs2021survey",
        "The survey compares these learners. Numbers: cumulative average regret after 10,000 duels on ten "
        "Bradley-Terry arms, utilities 2 (1 - i / 9), single runs of published C++ and JAX codes (the RMED authors', "
        "the D-TS authors', and a JAX collection).",
        levels,
        "Where two numbers stand, two codes. Beat-the-Mean has a third of the theorem's radius in that code, ours the "
        "theorem's. Why the D-TS authors' CCB pays so much was not traced; other learners of that code are worse than "
        "random play when compiled today, and are left out.",
        "survey_regret",
    ),
    "rmed": Reproduction(
        "RMED against the learners before it", "komiyama2015regret",
        "\"Experimental comparisons of dueling bandit algorithms show that the proposed algorithm significantly "
        "outperforms existing ones\", on, among others, the six arXiv rankers, an arithmetic order of eight and five "
        "rankers of MSLR.",
        rmed, experiment="survey_regret",
    ),
    "rmed_cyclic": Reproduction(
        "RMED2 where the winner is not the best opponent", "komiyama2015regret",
        "On the cyclic matrix of four arms the lower bound is far below what comparison with the winner costs; RMED2 "
        "and RMED2FH match the lower bound (Theorem 4), RMED1 does not.",
        rmed_cyclic, "T = 30,000, 32 runs; constants from `duel.lower_bounds`.", "survey_regret",
    ),
    "thompson": Reproduction(
        "Double Thompson sampling against RUCB, CCB and RMED1", "wu2016double",
        '"Experiments based on both synthetic and real-world data demonstrate that D-TS and D-TS+ significantly '
        'improve the overall performance, in terms of regret and robustness."',
        thompson, "T = 30,000, 32 runs. MSLR here is the five-ranker matrix.", "survey_regret",
    ),
    "merge": Reproduction(
        "Merging pays with many arms", "zoghi2015mergerucb",
        "MergeRUCB is made for large numbers of rankers, where it has less regret than RUCB; MergeDTS "
        "{cite}`li2020mergedts` has less than MergeRUCB.",
        merge, "T = 50,000, 24 runs. With five arms nothing is claimed.", "survey_regret",
    ),
    "weak": Reproduction(
        "Weak regret that does not grow", "chen2017weak",
        '"WS-W is the first dueling bandit algorithm with weak regret that is constant in time"; WS "has significantly '
        'smaller regret than existing algorithms in both the weak- and strong-regret settings".',
        weak, "T = 30,000, 32 runs; RMED1 and D-TS were not among the paper's rivals.", "survey_regret",
    ),
    "copeland": Reproduction(
        "Copeland regret without a Condorcet winner", "komiyama2016copeland",
        '"Experimental comparisons of dueling bandit algorithms show that ECW-RMED significantly outperforms existing '
        'ones" (among them CCB and SCB {cite}`zoghi2015copeland`, which in turn improve on learners that need a '
        "Condorcet winner).",
        copeland, "T = 50,000, 16 runs.", "copeland_regret",
    ),
    "both_worlds": Reproduction(
        "One learner for fixed and for adversarial preferences", "saha2022versatile",
        "Regret of order sum ln T / gap on fixed preferences and sqrt(K T) against an adversary at once; empirically "
        "better than existing learners.",
        both_worlds,
        "T = 50,000, 16 runs. Negative regret against the switch: what is best before it gains.",
        "best_of_both_worlds",
    ),
    "pocowista": Reproduction(
        "Duels until the Copeland winner is known", "haddenhorst2024identifying",
        'POCOWISTA "shows excellent empirical performance, even for the conventional dueling bandits problem". '
        "Numbers: authors' code, random tournaments of ten arms with P in [0.6, 1].",
        duels,
        "Full size: 100 tournaments. The authors' code met other tournaments, twenty for POCOWISTA and only two for "
        "the slow rivals; that agreement of two runs says little is in the width of the criterion.",
        "pocowista",
    ),
    "colstim": Reproduction(
        "CoLSTIM against MaxInP", "bengs2022colstim",
        "Regret of order sqrt(d T); experiments demonstrate its superiority over methods for special cases of the "
        "model, MaxInP {cite}`saha2021optimal` among them.",
        colstim, "Logistic link, T = 10,000, 64 runs.", "contextual_regret",
    ),
    "egpo": Reproduction(
        "EGPO's tabular simulation", "zhou2025egpo",
        "EGPO reaches the regularised equilibrium linearly with its last iterate where the baselines stop short of it. "
        "Numbers: median final gap over ten random games, authors' code (single precision), same step sizes and "
        "iterations, baselines as published.",
        egpo,
        "Other games, double precision. A line agrees if the published median, read as at least 1e-7, lies within "
        "a factor of three of the range of our ten games. Mended baselines are in the experiment; "
        "[what is wrong](../published-code.md) names the faults.",
        "egpo_tabular",
    ),
    "nash_md": Reproduction(
        "Nash-MD with its schedule and with a constant step", "munos2023nash",
        "Theorem 1: with step 2 / (beta (t + 2)) the KL divergence to the equilibrium is at most 8 / (beta^2 (T + 1)); "
        "with a constant step the proof leaves 2 eta / beta.",
        nash_md, "16 random games of ten actions, beta = 0.1. The floor of a constant step is real, and falls faster "
        "with the step than the proof says.", "nash_md_bias",
    ),
    "forgetful": Reproduction(
        "Optimistic weights that do not forget", "cai2024fast",
        '"For any arbitrarily small delta > 0, there exists a 2 x 2 matrix game such that the algorithm admits a '
        'constant duality gap even after 1/delta rounds"; Figure 1: OGDA converges quickly on the same game.',
        forgetful, "eta = 0.1; deterministic, so there is no interval. The paper needed 1000 digits; logits in double "
        "precision do as well.", "last_iterate",
    ),
    "rock_paper_scissors": Reproduction(
        "Last iterates on rock, paper, scissors", "liu2025comal",
        '"Previous self-play algorithms for finding the Nash policy either diverge or only converge to a Nash policy '
        'in a modified game, even in a simple synthetic setting"; COMAL and MPO {cite}`wang2025mpo` reach the original '
        "equilibrium.",
        rock_paper_scissors, "Preferences 0.9, 0.9, 0.8 around the circle; 20,000 steps, four starts.", "last_iterate",
    ),
    "pessimism": Reproduction(
        "The estimate converges, the policy does not", "zhu2023principled",
        "Figure 1: on an instance with one decisive comparison, n from 10 to 500, 100 runs, the error of maximum "
        "likelihood falls while its policy keeps losing reward (at least 0.1 in expectation for every n > 1, Theorem "
        "3.9 as remembered); the pessimistic policy's loss vanishes.",
        pessimism, "The reference vector decides: two further lines show what else one may get.", "zhu_pessimism",
    ),
    "kwise": Reproduction(
        "Rankings whole or in pairs", "zhu2023principled",
        'Figure 2 and abstract: both estimators converge, "the true MLE is asymptotically more efficient", and more so '
        "for K = 9 than for K = 4.",
        kwise,
        "400 runs. Visible only in pairs on the same rankings: the advantage is a few per cent. That it is larger for "
        "K = 9 is what comes out, but not beyond the noise of 400 runs.",
        "zhu_kwise",
    ),
    "chi_squared": Reproduction(
        "KL regularisation is too weak", "huang2025correcting",
        "Proposition A.1 and its bandit: DPO's regret is of order 1 / ln n whatever beta is, that of chi^2-PO of order "
        "1 / sqrt(n).",
        chi_squared, "Each at its best beta for the worst gap, 200 data sets for each n; the third response has "
        "probability 1/n.", "chi2_vs_dpo",
    ),
    "hidden_arm": Reproduction(
        "Exploration bonus of XPO", "xie2025exploratory",
        "Passive online DPO may need exponentially many samples where the reference hides the best response; one term "
        "in its loss explores.",
        hidden_arm, "Reference probability 1e-4. The bonus also finds it among ten responses, later.", "xpo_hidden_arm",
    ),
    "samplers": Reproduction(
        "Samplers of online DPO", "shi2025crucial",
        '"Uniform sampling achieves linear convergence, while our proposed online sampler achieves quadratic '
        'convergence", with exact gradients.',
        sampling, "Twenty responses, beta = 1; order: ln of successive ratios of the error.", "samplers",
    ),
    "fast_rates": Reproduction(
        "Regularised objectives are learnt faster", "zhao2024sharp",
        "Sample complexity 1 / epsilon for the KL-regularised objective where 1 / epsilon^2 is usual.",
        rates, "64 runs, n to 32,000.", "fast_rates",
    ),
    "flips": Reproduction(
        "Labels turned round", "chowdhury2024provably",
        "Robust DPO, told the rate e of flips, is consistent, and its error grows by 1 / (1 - 2 e); DPO is biased.",
        flips, "e = 0.2, n to 20,000, 64 runs. Gaps are squared errors.", "flipped_labels",
    ),
    "maxmin": Reproduction(
        "One reward for people who disagree", "chakraborty2024maxmin",
        "No single reward can serve groups that disagree, the less the smaller the minority; max-min over a mixture of "
        "rewards improves the worst-off group.",
        groups, "n = 8,000, 32 runs.", "maxmin",
    ),
    "coverage_dpo": Reproduction(
        "DPO needs data on every response, an on-policy KL does not", "song2024importance",
        "Global coverage is necessary for offline contrastive methods; hybrid preference optimisation with a KL term "
        "from on-policy samples needs only partial coverage.",
        unseen, "The third response is never shown.", "hypo_coverage",
    ),
    "judges": Reproduction(
        "Regret or partial return", "knox2024models",
        "Where people judge by regret, learning with the regret model recovers optimal behaviour; with the "
        "partial-return model read in the same way it need not.",
        judges, "The estimate is read as the optimal advantage and acted on greedily.", "regret_vs_partial_return",
    ),
    "density": Reproduction(
        "Preference learning as density estimation", "dumoulin2023density",
        "A reward fitted to one annotator's labels recovers that annotator's density; fitted to two annotators as if "
        "they were one it has neither mode, and fitted as two it recovers the mixture.",
        density, "Population values on 201 bins, no sampling.", "annotator_misspecification",
    ),
    "river": Reproduction(
        "Dueling posterior sampling on RiverSwim", "novoseller2020dueling",
        "Numbers: mean reward of an episode, linear credit assignment, six states, H = 50, authors' code (commit "
        "0b34db6), 25 runs; the optimum is 9.643.",
        river, "Ours are exact values of the policies that were played, 96 runs; theirs are sampled returns.",
        "dps_riverswim",
    ),
    "trajectories": Reproduction(
        "Coverage of steps is not coverage of trajectories", "zhan2024provable",
        "Offline learning from preferences of trajectories needs trajectory-wise concentrability: covering every step "
        "is provably not enough.",
        trajectories, "Two steps, two actions; 64 runs.", "coverage",
    ),
    "experts": Reproduction(
        "Demonstrations before labels", "tiapkin2024demonstration",
        "The clone of an expert comes nearer as 1 / N in the number of demonstrations, and learning from labels with "
        "KL regularisation to it improves on it.",
        experts, "Random MDPs of five states, 64 runs.", "demonstrations",
    ),
}  # fmt: skip
