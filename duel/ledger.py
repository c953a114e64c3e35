"""The theorem ledger: every claim of every card, measured. One row a claim, each behind its stored runs.

A *theorem* (`duel.card.Theorem`) is checked by `duel.rates`: the exponent of the metric over doubling horizons beside
the exponent of the bound on the same grid, and its level where the constant is explicit. A *comparison*
(`duel.card.Comparison`) is checked by differences over runs that share instance and noise.

Runs live in a store of `duel.sweep`: a killed ledger resumes, an unchanged one computes nothing, an edited algorithm
computes its own rows again. Sizes depend on the mode alone, never on the machine, so verdicts are reproducible.
"""

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from duel import catalog, rates
from duel.card import Card, Comparison, Theorem
from duel.errors import InvalidInput, did_you_mean, positive_integer, unknown

if TYPE_CHECKING:
    import pandas as pd

MODES = ("quick", "standard", "full")
FLOOR = 1e-27  # of a mean metric; below, a gap computed in double precision is rounding
CONFIDENCE = 0.95
CURVES = ("horizons", "means", "lows", "highs", "bounds")  # of a Row
NUMBERS = ("claimed", "measured", "low", "high", "level")


class Claim(NamedTuple):
    """A row to be: whose claim it is, and the claim."""

    name: str  # "RUCB" or "RUCB.2", the second claim of its card
    card: Card
    algorithm: type
    claim: Theorem | Comparison

    @property
    def family(self) -> str:
        """Sub-package of the algorithm: finite, contextual, games ..."""
        return self.algorithm.__module__.split(".")[1]


@dataclass(frozen=True)
class Row:
    """What was measured of a claim.

    Attributes
    ----------
    name, family, kind, statement, citation, source, metric : str
        `kind` is "theorem" or "comparison".
    verdict, reason, remark : str
        One of the verdicts of `duel.rates`, the numbers that decided, and the card's own words.
    claimed, measured, low, high : float or None
        Exponent of the bound and of the metric with its interval; for a comparison, the claimed factor and the measured
        ratio of means.
    level : float or None
        Growth of the metric per growth of an explicit bound; share of errors per allowed share.
    horizons, means, lows, highs, bounds : tuple of float
        The measured curve with its interval, and the bound (a comparison: means of the algorithm and of its rival).
    runs, seed : int
    """

    name: str
    family: str
    kind: str
    statement: str
    citation: str
    source: str
    metric: str
    verdict: str
    reason: str
    remark: str
    claimed: float | None
    measured: float | None
    low: float | None
    high: float | None
    level: float | None
    horizons: tuple[int, ...]
    means: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    bounds: tuple[float, ...]
    runs: int
    seed: int


def claims(only: Iterable[str] = ()) -> list[Claim]:
    """Every claim of every card, by family and name; `only` keeps those of these cards, families or rows.

    Raises
    ------
    InvalidInput
        A name in `only` that nothing answers to.
    """
    found = []
    for card, cls in catalog.cards().values():
        every = (*card.theorems, *card.comparisons)
        found += [Claim(card.name + (f".{k}" if k > 1 else ""), card, cls, c) for k, c in enumerate(every, 1)]
    found.sort(key=lambda c: c.family)
    wanted = [only] if isinstance(only, str) else list(only)
    keys = [{c.name, c.card.name, c.family} for c in found]
    for name in wanted:
        if not any(name in k for k in keys):
            known = sorted(set().union(*keys))
            raise InvalidInput(
                f"only: no claim of {name!r}.{did_you_mean(name, known)} `duel theorems --list` has all."
            )
    return [c for c, k in zip(found, keys) if not wanted or k & set(wanted)]


def sizes(claim: Theorem | Comparison, mode: str) -> tuple[tuple[int, ...], int]:
    """Horizons and runs of a claim: the card's own ("standard"), a part ("quick"), or more ("full")."""
    if mode not in MODES:
        raise unknown("mode", mode, MODES)
    horizons = claim.horizons if isinstance(claim, Theorem) else (claim.horizon,)
    runs, several = claim.runs, len(horizons) > 1
    if mode == "quick":
        return horizons[: max(3, len(horizons) - 2)], min(runs, max(16, runs // 2))
    if mode == "full":
        further = (2 * horizons[-1],) if several and runs > 1 else ()
        return (*horizons, *further), 4 * runs if runs > 1 else 1
    return horizons, runs


def stored(store: str | os.PathLike[str], workers: int | None = 1) -> Callable[..., Any]:
    """`duel.simulate` that keeps its runs in a store and never computes them twice.

    What was asked for is on record under a name of its own, so that `duel gc` keeps the runs of every claim.
    """
    from duel.identity import canonical, fields_of, unit_id
    from duel.sweep import Sweep

    def simulate(
        algorithm: Any, environment: Any, *, horizon: int, runs: int, seed: int, checkpoints: Any = None, **_: Any
    ) -> dict[str, np.ndarray]:
        pair = f"{type(algorithm).__name__}-on-{type(environment).__name__}"
        given = [{k: canonical(v, k) for k, v in fields_of(side).items()} for side in (algorithm, environment)]
        asked = {"given": given, "runs": runs, "seed": seed, "checkpoints": canonical(checkpoints, "checkpoints")}
        name = f"{pair}-{horizon}-{unit_id(asked)[:8]}"
        sweep = Sweep(name, {"it": algorithm}, {"there": environment}, horizon, runs, seed, checkpoints)
        block = sweep.run(store, workers=workers, progress=False).block("it", "there")
        return block.metrics

    return simulate


def measure(
    claim: Claim,
    *,
    mode: str = "standard",
    seed: int = 0,
    simulate: Callable[..., Any] | None = None,
    algorithm: Any = None,
    workers: int | None = None,
) -> Row:
    """Measure a claim and judge it.

    Parameters
    ----------
    claim : Claim
    mode : "quick", "standard" or "full"
        See `sizes`.
    seed : int
    simulate : callable, optional
        `stored(...)` in place of `duel.simulate`.
    algorithm : NamedTuple, optional
        In place of the card's own: a mutant, a variant.
    """
    import duel

    play = duel.simulate if simulate is None else simulate
    fields = claim.claim.fields
    algorithm = claim.algorithm(**fields) if algorithm is None else algorithm
    check: Any = _check_theorem if isinstance(claim.claim, Theorem) else _check_comparison
    return check(claim, claim.claim, algorithm, mode, seed, partial(play, workers=workers))


def _check_theorem(
    claim: Claim, theorem: Theorem, algorithm: Any, mode: str, seed: int, simulate: Callable[..., Any]
) -> Row:
    horizons, runs = sizes(theorem, mode)
    m = rates.measure(algorithm, theorem, horizons=horizons, runs=runs, seed=seed, simulate=simulate)
    try:
        found = rates.check_theorem(theorem, m, floor=FLOOR)
    except InvalidInput as e:  # a metric that vanishes has no exponent: nothing to hold against the claim, or for it
        below = bool((m.values.mean(axis=0) <= np.maximum(m.bounds, FLOOR)).all()) and theorem.explicit
        found = rates.Verdict(rates.HOLDS if below else rates.UNDECIDED, None, None, None, str(e))
    low, high = _interval(m.values)
    exponent = found.exponent
    return _row(
        claim, "theorem", found.verdict, found.reason, theorem, seed, len(m.values), m.horizons, m.values.mean(axis=0),
        low, high, m.bounds, claimed=found.claimed, measured=exponent and exponent.value, low=exponent and exponent.low,
        high=exponent and exponent.high, level=found.level and found.level.value,
    )  # fmt: skip


def _check_comparison(
    claim: Claim, comparison: Comparison, algorithm: Any, mode: str, seed: int, simulate: Callable[..., Any]
) -> Row:
    (T,), runs = sizes(comparison, mode)
    environment = catalog.build(comparison.instance)
    rival = catalog.algorithm(comparison.rival)(**comparison.rival_fields)
    own, other = (
        simulate(a, environment, horizon=T, runs=runs, seed=seed, checkpoints=[T])[comparison.metric][:, -1]
        for a in (algorithm, rival)
    )
    own, other = (1.0 - own, 1.0 - other) if comparison.metric == "correct" else (own, other)
    from duel.compare import bootstrap_mean

    difference = bootstrap_mean((own - comparison.factor * other)[:, None], level=CONFIDENCE)
    low, high = float(difference.low[0]), float(difference.high[0])
    verdict = rates.HOLDS if high <= 0 else rates.CONTRADICTED if low > 0 else rates.UNDECIDED
    means = np.array([own.mean(), other.mean()])
    ratio = means[0] / means[1] if means[1] else None
    words = f"{means[0]:.4g} against {comparison.rival}'s {means[1]:.4g} at t = {T:,}; "
    words += f"difference to {comparison.factor:g} times it in [{low:.4g}, {high:.4g}], {runs} pairs"
    lows, highs = _interval(np.stack([own, other], axis=1))
    return _row(
        claim, "comparison", verdict, words, comparison, seed, runs, [T, T], means, lows, highs, means,
        claimed=comparison.factor, measured=ratio, low=None, high=None, level=None,
    )  # fmt: skip


def _row(
    claim: Claim, kind: str, verdict: str, reason: str, said: Any, seed: int, runs: int, horizons: Any, means: Any,
    lows: Any, highs: Any, bounds: Any, *, claimed: float | None, measured: float | None, low: float | None,
    high: float | None, level: float | None,
) -> Row:  # fmt: skip
    curve = [tuple(float(x) for x in values) for values in (means, lows, highs, bounds)]
    return Row(
        claim.name, claim.family, kind, said.statement, claim.card.citation, claim.card.source, said.metric, verdict,
        reason, said.remark, horizons=tuple(int(t) for t in horizons), means=curve[0], lows=curve[1], highs=curve[2],
        bounds=curve[3], runs=runs, seed=seed, claimed=claimed, measured=measured, low=low, high=high, level=level,
    )  # fmt: skip


def _interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from duel.compare import bootstrap_mean

    if len(values) < 2:
        return values[0], values[0]
    band = bootstrap_mean(values, level=CONFIDENCE)
    return np.asarray(band.low), np.asarray(band.high)


def run(
    only: Iterable[str] = (),
    *,
    mode: str = "standard",
    seed: int = 0,
    out: str | os.PathLike[str] = "results/ledger",
    workers: int | None = None,
    progress: Callable[[Row], None] | None = None,
) -> list[Row]:
    """Measure the claims, several at once, each in a process of its own; rows in the order of `claims`.

    Parameters
    ----------
    only : names of cards, rows or families
        As in `claims`; all if empty.
    mode : "quick", "standard" or "full"
        See `sizes`.
    seed : int >= 0
    out : path-like
        Store of the runs, made if absent.
    workers : int >= 1 or None
        Processes (every core this process may use).
    progress : callable or None
        Called with each row as soon as it is measured.

    Raises
    ------
    InvalidInput
        Before anything runs.
    StoreError
        The store cannot be written; finished cells are safe.
    Interrupted
        Ctrl-C. Finished cells are safe, the message says how to resume.
    PoolLost
        A process died. Finished cells are safe.
    """
    from duel.driver import Interrupted, PoolLost
    from duel.executors import WorkerDied
    from duel.protocols import available_cores
    from duel.store import Store

    wanted = claims(only)
    sizes(wanted[0].claim, mode)
    seed = positive_integer("seed", seed, least=0)
    count = available_cores() if workers is None else positive_integer("workers", workers)
    Store(out).prepare()
    rows: dict[str, Row] = {}

    def safe() -> str:
        return f"{len(rows)} of {len(wanted)} claims were measured; finished runs are safe in {str(out)!r}"

    try:
        for row in _played([c.name for c in wanted], mode, seed, str(out), min(count, len(wanted))):
            rows[row.name] = row
            if progress is not None:
                progress(row)
    except KeyboardInterrupt as e:
        number = getattr(e, "signal_number", 2)
        raise Interrupted(f"stopped: {safe()}. Run the same command again to resume.", number) from None
    except WorkerDied as e:
        raise PoolLost(f"{e}; {safe()}. Run the same command again to resume, with fewer workers.") from None
    return [rows[c.name] for c in wanted]


def _played(names: Sequence[str], mode: str, seed: int, out: str, workers: int) -> Iterator[Row]:
    play = partial(_play, mode=mode, seed=seed, out=out)
    if workers <= 1:
        yield from map(play, names)
        return
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from duel.executors import ProcessPool

    pool, waiting, flying, finished = ProcessPool(workers), list(names), set[Future[Row]](), False
    try:
        while waiting or flying:
            while waiting and len(flying) < pool.slots:
                flying.add(pool.submit(play, waiting.pop(0)))
            done, flying = wait(flying, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
        finished = True
    finally:
        pool.close(now=not finished)


def _play(name: str, *, mode: str, seed: int, out: str) -> Row:
    (claim,) = (c for c in claims([name]) if c.name == name)
    return measure(claim, mode=mode, seed=seed, simulate=stored(out), workers=1)


def to_frame(rows: Sequence[Row]) -> "pd.DataFrame":
    """A tidy table, one row a claim; curves as text."""
    import pandas as pd

    table = pd.DataFrame([vars(row) for row in rows])
    for name in CURVES:
        table[name] = [" ".join(f"{x:.6g}" for x in values) for values in table[name]]
    return table


def read(file: str | os.PathLike[str]) -> list[Row]:
    """The rows of a table that `page` wrote whose claims stand in the cards as they did; remarks are the cards'.

    Raises
    ------
    InvalidInput
        A file that cannot be read, or is no such table.
    """
    import pandas as pd

    try:
        table = pd.read_csv(file, keep_default_na=False)
    except (OSError, ValueError) as error:  # pandas' own are ValueErrors
        raise InvalidInput(f"page: the table {str(file)!r} cannot be read ({error}); move it away.") from None
    missing = [name for name in Row.__annotations__ if name not in table.columns]
    if missing:
        raise InvalidInput(
            f"page: {str(file)!r} is no table of a ledger (no column {missing[0]!r}); "
            "move it away, or give another page."
        )
    known = {claim.name: claim for claim in claims()}
    rows = []
    for said in table.to_dict("records"):
        claim = known.get(str(said["name"]))
        if claim is None or (claim.claim.statement, claim.claim.metric) != (said["statement"], said["metric"]):
            continue
        values: dict[str, Any] = {k: None if said[k] == "" and k in NUMBERS else said[k] for k in Row.__annotations__}
        values |= {k: float(v) for k, v in values.items() if k in NUMBERS and v is not None}
        for name in CURVES:
            kind = int if name == "horizons" else float
            values[name] = tuple(kind(float(x)) for x in str(said[name]).split())
        values |= {"family": claim.family, "remark": claim.claim.remark}
        rows.append(Row(**values))
    return rows


def counted(rows: Sequence[Row]) -> str:
    """How many rows came to which verdict, in words."""
    counts = {v: sum(row.verdict == v for row in rows) for v in rates.VERDICTS}
    return f"{len(rows)} claims: " + ", ".join(f"{n} {v}" for v, n in counts.items() if n)


def line(row: Row) -> str:
    """A row for a terminal."""
    words = {rates.HOLDS: "holds", rates.NOT_YET: "not yet", rates.CONTRADICTED: "CONTRADICTED"}
    return f"{row.name:<26} {words.get(row.verdict, 'undecided'):<13} {row.reason}"


# ------------------------------------------------------------------------------------------------------------ the page


def page(rows: Sequence[Row], file: str | os.PathLike[str], *, mode: str = "standard") -> list[Path]:
    """Write the ledger as Markdown, a small plot a row beside it in `figures/ledger`, and its table as CSV.

    Claims that are not among `rows` keep the rows that the page had, if their statements are still the cards'. A file
    is written whole or not at all, the page last, so that it never points to what is not there.

    Parameters
    ----------
    rows : sequence of Row
    file : path-like
        Ending in ``.md``; the table has the same name, ending in ``.csv``.
    mode : str
        Said on the page if no row is kept: how `rows` were measured.

    Returns
    -------
    list of Path
        The page, the table and the plots.

    Raises
    ------
    InvalidInput
        See `earlier`.
    StoreError
        A file cannot be written.
    """
    from duel.store import write

    file, table = Path(file), Path(file).with_suffix(".csv")
    kept = earlier(file)
    mode = "standard" if {row.name for row in kept} - {row.name for row in rows} else mode
    found = {row.name: row for row in [*kept, *rows]}
    order = {claim.name: k for k, claim in enumerate(claims())}
    rows = sorted(found.values(), key=lambda row: order.get(row.name, len(order)))
    pictures = file.parent / "figures" / "ledger"
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = [pictures / _picture(row) for row in rows]
    for row, picture in zip(rows, drawn):
        write(picture, _drawn(row))
    write(table, to_frame(rows).to_csv(index=False).encode())
    write(file, markdown(rows, mode).encode())
    return [file, table, *drawn]


def earlier(file: str | os.PathLike[str]) -> list[Row]:
    """The rows that a page has now, none if it is not there: what `page` keeps.

    Raises
    ------
    InvalidInput
        A page that does not end in ``.md`` or is a folder, or a table beside it that is not a ledger's.
    """
    page = Path(file)
    if page.suffix != ".md" or page.is_dir():
        raise InvalidInput(f"page must be a file ending in .md, such as ledger.md; got {str(page)!r}.")
    table = page.with_suffix(".csv")
    return read(table) if table.exists() else []


def markdown(rows: Sequence[Row], mode: str = "standard") -> str:
    """The ledger as Markdown: how to read it, counts of verdicts, what is not as claimed, and a table a family."""
    command = "duel theorems" + ("" if mode == "standard" else f" --{mode}")
    lines = [
        "# Theorem ledger",
        "",
        f"{counted(rows)}; the cards make {len(claims())}. Made by `{command}`: `--only NAME` measures one row anew,",
        "`--quick` with fewer runs and shorter horizons, `--full` with more; each row says what it rests on. The runs",
        "are kept in `results/ledger`.",
        "",
        "A *theorem* row compares the exponent of the metric over doubling horizons with the exponent of the claimed",
        "bound **on the same grid** (so that logarithms and terms of lower order cancel), with a bootstrap interval",
        "over runs; where the theorem's constant is explicit, also how fast the metric grows per growth of the bound.",
        'A *comparison* row is a paper\'s headline "A beats B", judged by the interval of differences between runs',
        "that share instance and noise. Plots: the metric with its 95 % interval (line), and the bound, moved to the",
        "first point where its constant is not the theorem's own (dotted).",
        "",
        "*On other machines*: exponents, ratios and verdicts follow from seeds and carry over.",
        "",
    ]
    other = [row for row in rows if row.verdict != rates.HOLDS]
    if other:
        lines += ["## Rows that do not simply hold", ""]
        lines += [f"- **{row.name}**, {row.verdict}: {row.reason}.{_spaced(row.remark)}" for row in other] + [""]
    for family in dict.fromkeys(row.family for row in rows):
        lines += [f"## {family.capitalize()}", "", "| claim | measured | verdict | |", "|---|---|---|---|"]
        for row in (r for r in rows if r.family == family):
            source = "" if row.citation == "none" else f" {{cite}}`{row.citation}`"
            said = f"**{row.name}**{source}: {row.statement}"
            picture = f"![{row.name}](figures/ledger/{_picture(row)})"
            size = f"{row.runs} run{'s' * (row.runs > 1)}, T = {row.horizons[0]:,}"
            size += f" to {row.horizons[-1]:,}" if row.horizons[-1] > row.horizons[0] else ""
            lines.append(f"| {_cell(said)} | {_cell(row.reason)}; {size} | {row.verdict} | {picture} |")
        lines.append("")
    return "\n".join(lines)


def _picture(row: Row) -> str:
    """Name of its file, without what an address cannot hold."""
    return re.sub(r"[^\w.+-]", "-", row.name) + ".png"


def _spaced(text: str) -> str:
    return f" {text}" if text else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())


def _drawn(row: Row) -> bytes:
    """A thumbnail in PNG: the metric with its interval and the bound; of a comparison, both means."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, NullLocator

    figure = Figure(figsize=(1.7, 1.0), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    mean, low, high = (np.array(x) for x in (row.means, row.lows, row.highs))
    if row.kind == "comparison" or len(mean) == 1:
        names = ("this", "rival") if row.kind == "comparison" else ("measured",)
        y = np.arange(len(mean))[::-1]
        axes.errorbar(mean, y, xerr=np.abs(np.stack([mean - low, high - mean])), fmt="o", ms=3, color="#1f5fa8", lw=1)
        if row.kind != "comparison":
            axes.axvline(row.bounds[-1], color="black", lw=0.8, ls=":")
        axes.set_yticks(y, names)
        axes.set_ylim(-0.6, len(mean) - 0.4)
        axes.set_xlim(left=0)
        axes.locator_params(axis="x", nbins=3)
    else:
        T, bound = np.array(row.horizons), np.array(row.bounds)
        positive = mean > 0
        scale = 1.0 if row.level is not None else mean[0] / bound[0] if mean[0] > 0 else 1.0
        axes.fill_between(
            T[positive], np.maximum(low, 1e-30)[positive], high[positive], color="#1f5fa8", alpha=0.3, lw=0
        )
        axes.plot(T[positive], mean[positive], "o-", ms=2, lw=1, color="#1f5fa8")
        axes.plot(T, scale * bound, ":", lw=1, color="black")
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(NullFormatter())
    axes.tick_params(labelsize=6, length=2)
    sink = io.BytesIO()
    figure.savefig(sink, format="png", metadata={"Software": None})
    return sink.getvalue()
