"""Pictures of results: curves with honest bands, small multiples, distributions of final values.

All functions take the tidy frame of `Trace.to_frame` or of a sweep (columns ``run, t, metric, value`` and whatever
names the curves) and return matplotlib objects. No global state is touched: figures are made without pyplot, with their
own settings, and are readable in grey print (colour-blind-safe colours, line styles and markers).
"""

import os
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from duel.compare import bootstrap_mean
from duel.errors import InvalidInput, unknown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette without its yellow, which does not print."""

DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (7, 1.5, 1.2, 1.5)), (0, (3, 1.2, 1, 1.2, 1, 1.2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SCALES = {"loglog": ("log", "log"), "semilogx": ("log", "linear"), "linear": ("linear", "linear")}
LABELS = ("direct", "legend", "none")

QUANTITIES = {
    "average": "cumulative average regret",
    "weak": "cumulative weak regret",
    "strong": "cumulative strong regret",
    "copeland": "cumulative Copeland regret",
    "borda": "cumulative Borda regret",
    "duels": "duels used",
    "correct": "share of runs with the right answer",
    "gap": "duality gap",
    "suboptimality": "suboptimality",
}
"""Axis labels by metric; other metrics are called by their own name."""

STYLE = {
    "font.size": 8.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 8.0,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "figure.dpi": 110,
    "savefig.dpi": 220,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
}


def styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, dashes and marker for each name, by position: give the same list to two plots and they agree."""
    return {
        name: {
            "color": COLORS[k % len(COLORS)],
            "linestyle": DASHES[(k + k // len(COLORS)) % len(DASHES)],
            "marker": MARKERS[(k + k // len(COLORS)) % len(MARKERS)],
        }
        for k, name in enumerate(dict.fromkeys(str(n) for n in names))
    }


def curves(
    frame: "pd.DataFrame", *, metric: str = "average", by: str = "algorithm"
) -> dict[str, tuple[np.ndarray, Any]]:
    """Name -> (checkpoints int [C], values float [R, C]) of one metric, in order of appearance.

    Raises
    ------
    InvalidInput
        Missing columns, unknown metric, missing or infinite values, or more than one for a (name, run, t): then the
        frame holds several environments or hyper-parameters, and the message says which column to choose from.
    """
    missing = [c for c in (by, "run", "t", "metric", "value") if c not in frame.columns]
    if missing:
        raise InvalidInput(f"frame has no column {missing[0]!r}; it has {', '.join(map(str, frame.columns))}.")
    known = tuple(dict.fromkeys(frame["metric"]))
    if metric not in known:
        raise unknown("metric", metric, known)
    chosen: Any = frame[frame["metric"] == metric]
    found = {}
    for name, group in chosen.groupby(by, sort=False, observed=True):
        if group.duplicated(["run", "t"]).any():
            several = [
                c for c in group.columns if c not in ("run", "t", "value") and group[c].nunique(dropna=False) > 1
            ]
            raise InvalidInput(
                f"frame holds more than one value of {metric!r} for {by} {name!r}, run and t; "
                + (
                    f"choose one {several[0]!r} (of {group[several[0]].nunique(dropna=False)})."
                    if several
                    else "rows repeat."
                )
            )
        table = group.pivot(index="run", columns="t", values="value").sort_index(axis=1)
        values = table.to_numpy(dtype=np.float64)
        if not np.isfinite(values).all():
            raise InvalidInput(
                f"{metric!r} of {by} {name!r} has missing or infinite values: it is undefined there (no Condorcet "
                "winner?) or the runs have different checkpoints."
            )
        found[str(name)] = (table.columns.to_numpy(), values)
    return found


# ------------------------------------------------------------------------------------------------------- one panel


def plot_regret(
    frame: "pd.DataFrame",
    *,
    metric: str = "average",
    by: str = "algorithm",
    ax: "Axes | None" = None,
    scale: str = "loglog",
    labels: str = "direct",
    lower_bound: float | None = None,
    unit: str | None = None,
    title: str | None = None,
    style: Mapping[str, Mapping[str, Any]] | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    start: int = 10,
    top: float | None = None,
) -> "Axes":
    """Mean of a metric against rounds, one curve per value of `by`, with bootstrap bands over the runs.

    Parameters
    ----------
    frame : DataFrame
        Tidy results of one environment.
    metric : str
        Value of the column ``metric``.
    by : str
        Column that names the curves.
    ax : Axes or None
        Where to draw; None makes a figure of one panel (``ax.figure``).
    scale : {"loglog", "semilogx", "linear"}
        ``"loglog"``: powers of t are straight lines. ``"semilogx"``: ln t is one.
    labels : {"direct", "legend", "none"}
        ``"direct"`` writes the names at the right end of the curves.
    lower_bound : float or None
        Coefficient c of the line c ln t, see `duel.lower_bounds.condorcet_lower_bound`.
    unit : str or None
        Unit of the metric, for the axis: "win probability", "utility".
    title : str or None
    style : mapping or None
        From `styles`, so that several panels agree; by default made here.
    level, resamples
        Of the bands, see `duel.compare.bootstrap_mean`.
    start : int
        First round shown where the axis of t is logarithmic.
    top : float or None
        Highest value shown; curves may leave through the top (semilogx beside a learner of linear regret).

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        See `curves`; unknown `scale` or `labels`.
    """
    if scale not in SCALES:
        raise unknown("scale", scale, tuple(SCALES))
    if labels not in LABELS:
        raise unknown("labels", labels, LABELS)
    data = curves(frame, metric=metric, by=by)
    look = styles(list(data)) if style is None else style
    with _settings():
        if ax is None:
            ax = _figure(4.8, 3.2).subplots()
        ends: list[tuple[str, str, float]] = []
        logarithmic = SCALES[scale]
        for k, (name, (t, values)) in enumerate(data.items()):
            band = bootstrap_mean(values, level=level, resamples=resamples)
            shown = (t >= min(start, t[-1])) if logarithmic[0] == "log" else np.ones(len(t), bool)
            if logarithmic[1] == "log":
                shown &= band.center > 0
            if not shown.any():  # nothing to show on a log axis: regret is 0 throughout
                continue
            x, mean = t[shown], band.center[shown]
            kind = look.get(name, {"color": "#000000"})
            marks = _marks(x, logarithmic[0] == "log", (k + 0.5) / len(data))
            ax.plot(x, mean, label=name, markevery=marks, markeredgewidth=0, zorder=3, **kind)
            if len(values) > 1:
                low, high = band.low[shown], band.high[shown]
                if logarithmic[1] == "log":
                    low = np.maximum(low, np.min(mean) * 1e-3)
                ax.fill_between(x, low, high, color=kind["color"], alpha=0.22, linewidth=0, zorder=2)
            ends.append((name, kind["color"], float(mean[-1])))
        horizon = max(int(t[-1]) for t, _ in data.values())
        if lower_bound is not None:
            t = np.geomspace(max(2, start), horizon, 200) if logarithmic[0] == "log" else np.linspace(1, horizon, 400)
            line = lower_bound * np.log(t)
            ax.plot(t, line, color="#555555", linewidth=1.1, linestyle=(0, (1, 1)), label=_bound_label(), zorder=1)
            ends.append((f"{lower_bound:.3g} ln t", "#555555", float(line[-1])))
        ax.set_xscale(logarithmic[0])
        ax.set_yscale(logarithmic[1])
        if logarithmic[0] == "log":
            ax.set_xlim(min(start, horizon), horizon if horizon > start else None)
        else:
            ax.set_xlim(0, horizon)
        ax.set_ylim(bottom=0 if logarithmic[1] == "linear" else None, top=top)
        ax.set_xlabel("round t (duels)")
        ax.set_ylabel(_quantity(metric, unit))
        if title is not None:
            ax.set_title(title)
        if _is_alone(ax):
            counts = sorted({len(values) for _, values in data.values()})
            footnote(ax.figure, _caption(counts, level, resamples))
        if labels == "legend":
            ax.legend()
        elif labels == "direct":
            _label_ends(ax, ends)
    return ax


def plot_ecdf(
    frame: "pd.DataFrame",
    *,
    metric: str = "average",
    by: str = "algorithm",
    ax: "Axes | None" = None,
    unit: str | None = None,
    style: Mapping[str, Mapping[str, Any]] | None = None,
    labels: str = "legend",
    scale: str | None = None,
    title: str | None = None,
) -> "Axes":
    """Distribution over the runs of the metric's final value: the share of runs at or below each value.

    The mean hides the rare runs that a theorem about probability speaks of; this shows every one of them.

    Parameters
    ----------
    frame, metric, by, ax, unit, style, title
        As in `plot_regret`.
    labels : {"legend", "none"}
    scale : {"log", "linear"} or None
        Of the values; None takes logarithms if they span a factor of ten or more.

    Returns
    -------
    Axes
    """
    if labels not in LABELS:
        raise unknown("labels", labels, LABELS)
    if scale not in (None, "log", "linear"):
        raise unknown("scale", scale, ("log", "linear"))
    data = curves(frame, metric=metric, by=by)
    look = styles(list(data)) if style is None else style
    finals = {name: np.sort(values[:, -1]) for name, (_, values) in data.items()}
    lowest, highest = min(v[0] for v in finals.values()), max(v[-1] for v in finals.values())
    if scale is None:
        scale = "log" if lowest > 0 and highest / lowest >= 10 else "linear"
    with _settings():
        if ax is None:
            ax = _figure(4.8, 3.0).subplots()
        for k, (name, values) in enumerate(finals.items()):
            kind = look.get(name, {"color": "#000000"})
            share = np.arange(1, len(values) + 1) / len(values)
            x, y = np.repeat(values, 2), np.concatenate([[0.0], np.repeat(share, 2)[:-1]])
            every = max(1, len(x) // 4)
            first = int(every * (k + 0.5) / len(finals))
            ax.plot(x, y, label=name, markevery=(first, every), markeredgewidth=0, **kind)
        ax.set_xscale(scale)
        if scale == "log":
            _sparse_ticks(ax, highest / max(lowest, 1e-300))
        ax.set_ylim(0, 1.02)
        horizon = max(int(t[-1]) for t, _ in data.values())
        ax.set_xlabel(f"{_quantity(metric, unit)}\nafter T = {_thousands(horizon)}")
        ax.set_ylabel("share of runs")
        if title is not None:
            ax.set_title(title)
        if labels == "legend":
            ax.legend()
    return ax


def plot_matrix(
    P: Any, names: Sequence[str] | None = None, *, ax: "Axes | None" = None, title: str | None = None
) -> "Axes":
    """A preference matrix as a picture: purple where the row wins, orange where it loses, white at 1/2.

    Arms come in order of their Copeland score, ties by Borda score, so that a total order with a transitive majority
    shows one colour above the diagonal; what disagrees is ringed: a win of a lower over a higher arm.

    Parameters
    ----------
    P : array_like [K, K]
        ``P[i, j] = Pr(i beats j)``, ties as half a win.
    names : sequence of str or None
    ax, title
        As in `plot_regret`.

    Returns
    -------
    Axes

    Raises
    ------
    InvalidInput
        Bad matrix or a wrong number of names.
    """
    from duel import preferences

    P = preferences.check(P)
    labels = [str(n) for n in (range(len(P)) if names is None else names)]
    if len(labels) != len(P):
        raise InvalidInput(f"names must name the {len(P)} arms; got {len(labels)} names.")
    scores = np.asarray(preferences.copeland_scores(P)), np.asarray(preferences.borda_scores(P))
    order = np.lexsort((-scores[1], -scores[0]))
    Q = P[np.ix_(order, order)]
    reach = float(max(np.abs(Q - 0.5).max(), 1e-3))
    with _settings():
        if ax is None:
            side = 1.6 + 0.17 * len(P)
            ax = _figure(side + 1.0, side - 0.9).subplots()
        image = ax.imshow(Q, cmap="PuOr", vmin=0.5 - reach, vmax=0.5 + reach, interpolation="nearest")
        upsets = np.argwhere(np.triu(Q < 0.5))
        if len(upsets):
            ax.plot(
                upsets[:, 1], upsets[:, 0], "o", markerfacecolor="none", markeredgecolor="black", markersize=4,
                markeredgewidth=0.7, linestyle="none",
            )  # fmt: skip
        ax.grid(visible=False)
        ax.set_xticks(np.arange(len(P)), np.arange(1, len(P) + 1), fontsize=6)
        ax.set_yticks(np.arange(len(P)), [f"{labels[k]}  {n + 1}" for n, k in enumerate(order)], fontsize=6)
        ax.figure.colorbar(image, ax=ax, label="Pr(row beats column)", shrink=0.7)
        if title is not None:
            ax.set_title(title)
    return ax


# ------------------------------------------------------------------------------------------------- small multiples


def regret_figure(
    frame: "pd.DataFrame",
    *,
    metric: str = "average",
    by: str = "algorithm",
    panels: str = "environment",
    scale: str = "loglog",
    lower_bounds: Mapping[str, float] | None = None,
    titles: Mapping[str, str] | None = None,
    order: Sequence[str] | None = None,
    unit: str | None = None,
    ecdf: bool = True,
    level: float = 0.95,
    resamples: int = 2000,
    start: int = 10,
) -> "Figure":
    """Curves of every environment side by side, the distributions of their final values below, one legend.

    Parameters
    ----------
    frame : DataFrame
        Tidy results.
    metric, by, scale, unit, level, resamples, start
        As in `plot_regret`.
    panels : str
        Column with one panel for each value.
    lower_bounds : mapping or None
        Panel -> coefficient of ln t.
    titles : mapping or None
        Panel -> title; by default the panel's name.
    order : sequence of str or None
        Names of the curves in the order of the legend.
    ecdf : bool
        Whether to add the row of distributions.

    Returns
    -------
    Figure

    Raises
    ------
    InvalidInput
        See `curves`.
    """
    if panels not in frame.columns:
        raise InvalidInput(f"frame has no column {panels!r}; it has {', '.join(map(str, frame.columns))}.")
    names = [str(n) for n in dict.fromkeys(frame[by])] if order is None else [str(n) for n in order]
    look = styles(names)
    places = list(dict.fromkeys(frame[panels]))
    if not places:
        raise InvalidInput("frame is empty: nothing to draw.")
    rows = 2 if ecdf else 1
    width = min(3.1 * len(places) + 0.4, 12.0) if len(places) > 1 else 5.4
    entries = [*names, _bound_label()] if lower_bounds else names
    columns = max(1, min(len(entries), int(width / (0.062 * max(map(len, entries)) + 0.7))))  # inches of an entry
    with _settings():
        figure = _figure(width, 2.6 * rows + 0.3 + 0.17 * -(-len(entries) // columns))
        grid = figure.subplots(rows, len(places), squeeze=False)
        counts: set[int] = set()
        for k, place in enumerate(places):
            part: Any = frame[frame[panels] == place]
            bound = (lower_bounds or {}).get(place)
            plot_regret(
                part, metric=metric, by=by, ax=grid[0, k], scale=scale, labels="none", lower_bound=bound,
                unit=unit, title=(titles or {}).get(place, str(place)), style=look, level=level,
                resamples=resamples, start=start,
            )  # fmt: skip
            if bound is not None:
                _say_bound(grid[0, k], bound)
            counts |= {len(values) for _, values in curves(part, metric=metric, by=by).values()}
            if ecdf:
                plot_ecdf(part, metric=metric, by=by, ax=grid[1, k], unit=unit, style=look, labels="none")
            for row in grid[:, k] if k else ():
                row.set_ylabel("")
        handles: dict[str, Any] = {}
        for ax in grid[0]:
            for handle, label in zip(*ax.get_legend_handles_labels()):
                handles.setdefault(label, handle)
        tail = [_bound_label()] if _bound_label() in handles else []
        listed = [n for n in names if n in handles] + tail
        figure.legend([handles[n] for n in listed], listed, loc="outside upper center", ncols=columns)
        footnote(figure, _caption(sorted(counts), level, resamples))
    return figure


# ------------------------------------------------------------------------------------------------------------ files


def footnote(figure: Any, text: str) -> None:
    """Write small grey text below a figure: what lines, bands and bars are, over how many runs."""
    width = int(figure.get_figwidth() * 20)  # letters of 6.5 points that fit
    figure.supxlabel(textwrap.fill(text, width), fontsize=6.5, color="#555555", x=0.01, ha="left")


def save(figure: "Figure", path: str | os.PathLike[str]) -> list[Path]:
    """Write a figure as ``path.png`` and ``path.pdf`` (fonts embedded as TrueType); both or neither, never half a file.

    Parameters
    ----------
    figure : Figure
    path : path-like
        Without a suffix; its folder is made if need be.

    Returns
    -------
    list of Path

    Raises
    ------
    InvalidInput
        The folder cannot be made or written to.
    """
    target = Path(path)
    written: list[tuple[str, Path]] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _settings():
            for kind, metadata in (("png", {"Software": None}), ("pdf", {"CreationDate": None, "Producer": None})):
                handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=f".{kind}")
                os.close(handle)
                written.append((temporary, target.with_name(f"{target.name}.{kind}")))
                figure.savefig(temporary, format=kind, metadata=metadata)
                os.chmod(temporary, 0o644)
        for temporary, final in written:
            os.replace(temporary, final)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInput(f"out: cannot write to {target.parent} ({reason}); choose another folder.") from None
    finally:
        for temporary, _ in written:
            Path(temporary).unlink(missing_ok=True)
    return [final for _, final in written]


# ---------------------------------------------------------------------------------------------------------- details


def _settings() -> AbstractContextManager[None]:
    import matplotlib

    return matplotlib.rc_context(STYLE)  # type: ignore[arg-type]


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _quantity(metric: str, unit: str | None) -> str:
    return QUANTITIES.get(metric, metric) + (f" ({unit})" if unit else "")


def _sparse_ticks(ax: "Axes", ratio: float) -> None:
    """Labels of a logarithmic x axis that do not touch: decades, or 1, 2, 5 where there is hardly one decade."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.xaxis.set_minor_formatter(NullFormatter())
    if ratio < 30:
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _bound_label() -> str:
    return "asymptotic bound, c ln t"


def _say_bound(ax: "Axes", coefficient: float) -> None:
    ax.text(
        0.98, 0.03, f"c = {coefficient:.3g}", transform=ax.transAxes, ha="right", va="bottom", color="#555555", zorder=4
    )  # fmt: skip


def _marks(x: np.ndarray, logarithmic: bool, shift: float) -> list[int]:
    """Five markers, evenly spaced on the axis; `shift` in [0, 1) keeps those of curves that coincide apart."""
    place = np.log(np.maximum(x, 1)) if logarithmic else x.astype(float)
    wanted = place[0] + (place[-1] - place[0]) * (np.arange(5) + shift) / 5
    return sorted({int(np.abs(place - w).argmin()) for w in wanted})


def _caption(counts: Sequence[int], level: float, resamples: int) -> str:
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    if counts[-1] == 1:
        return "A single run: no band."
    return (
        f"Lines: mean over n = {n} runs. Bands: pointwise {level:.0%} bootstrap interval of the mean over runs "
        f"({_thousands(resamples)} resamples)."
    )


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}" if number >= 10_000 else "")


def _is_alone(ax: "Axes") -> bool:
    return len(ax.figure.axes) == 1 and getattr(ax.figure, "_supxlabel", None) is None


def _label_ends(ax: "Axes", ends: Sequence[tuple[str, str, float]]) -> None:
    """Names to the right of the axes at the heights where their curves end, pushed apart where they would touch."""
    if not ends:
        return
    figure: Any = ax.figure
    figure.draw_without_rendering()  # fixes the limits and the size of the axes

    def to_fraction(y: float) -> float:
        return float(ax.transAxes.inverted().transform(ax.transData.transform((ax.get_xlim()[1], y)))[1])

    height = ax.get_window_extent().height / figure.dpi * 72
    gap = 9.0 / height  # of a line of 8 points
    order = sorted(ends, key=lambda e: e[2])
    true = [min(max(to_fraction(e[2]), 0.0), 1.0) for e in order]
    place = spread(true, gap, low=0.0, high=1.0)
    for (name, color, _), y, where in zip(order, true, place):
        ax.annotate(
            name, xy=(1.0, y), xytext=(1.05, where), xycoords="axes fraction", textcoords="axes fraction", va="center",
            color=color, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.5, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)},
        )  # fmt: skip


def spread(wanted: Sequence[float], gap: float, *, low: float, high: float) -> list[float]:
    """Places at least `gap` apart, as near as possible to the increasing `wanted`, inside [low, high] if they fit.

    Neighbours that would touch form blocks, each centred on the mean of its members' wishes (pool adjacent violators).
    """
    blocks: list[list[float]] = []  # [sum of (wish - rank in block * gap), members]
    for y in wanted:
        blocks.append([y, 1.0])
        while len(blocks) > 1:
            (a, n), (b, m) = blocks[-2], blocks[-1]
            if a / n + n * gap <= b / m:
                break
            blocks[-2:] = [[a + b - m * n * gap, n + m]]
    placed = [start / n + k * gap for start, n in blocks for k in range(int(n))]
    if not placed:
        return []
    if placed[0] < low:  # push up from below, then down from above
        for k, y in enumerate(placed):
            placed[k] = max(y, low + k * gap)
    if placed[-1] > high and len(placed) * gap <= high - low + gap:
        for k in range(len(placed)):
            placed[-1 - k] = min(placed[-1 - k], high - k * gap)
    return placed
