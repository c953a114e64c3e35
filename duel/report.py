"""A sweep's results as one HTML file: curves, tables, paired comparisons, provenance. Nothing is loaded from elsewhere.

``duel report STORE`` writes it. Pictures are SVG inside the file, so that it opens from a disk, a mail or a phone, in
light and dark; the same store gives the same bytes.
"""

import base64
import html
import io
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from duel import catalog, compare, plotting
from duel.errors import InvalidInput, unknown
from duel.store import Cell, Results, Store, load, write

if TYPE_CHECKING:
    import pandas as pd

LARGER = frozenset({"correct", "win_rate", "reward"})
"""Metrics of which more is better."""

FIRST = ("average", "regret", "gap", "kl", "suboptimality", "regularised_gap", "duels", "correct", "error")
"""Metrics in the order of interest; others follow in their own order."""

AXES = {"games": "iteration t", "alignment": "t (rounds, or sample size)", "mdps": "episode t"}
MOST_PAIRED = 400  # rows of a table of comparisons


class Section(NamedTuple):
    """One sweep of a store."""

    name: str
    definition: Mapping[str, Any]
    results: Results
    cells: tuple[Cell, ...]  # one a pair, for provenance
    missing: int
    total: int


def report(
    store: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    sweep: str | None = None,
    metrics: Sequence[str] | None = None,
) -> Path:
    """Write the report of a store and return its path.

    Parameters
    ----------
    store : path-like
        Folder of results: what a sweep was run with as ``out``.
    out : path-like or None
        File to write, ending in ``.html``; ``report.html`` in the store by default.
    sweep : str or None
        Only this sweep (every one of the store, a section each).
    metrics : sequence of str or None
        Only these metrics (all; the first is shown open).

    Raises
    ------
    InvalidInput
        No store, nothing in it, unknown sweep or metric, or a file name that cannot be written.
    Damaged
        A result file fails its check.
    StoreError
        The file cannot be written.
    """
    target = Path(out) if out is not None else Path(store) / "report.html"
    if target.suffix.lower() not in {".html", ".htm"}:
        raise InvalidInput(f"out must be a file ending in .html, such as report.html; got {str(target)!r}.")
    if target.is_dir() or (out is not None and not target.parent.is_dir()):
        what = "is a folder" if target.is_dir() else f"is in {str(target.parent)!r}, which does not exist"
        raise InvalidInput(f"out: {str(target)!r} {what}; give a file in an existing folder.")
    parts = sections(store, sweep)
    known = dict.fromkeys(m for s in parts for c in s.cells for m in c.metrics)
    for name in metrics or ():
        if name not in known:
            raise unknown("metric", name, tuple(known))
    text = page(f"{Path(store).name or Path(store).resolve().name}", parts, metrics)
    write(target, text.encode())
    return target


def sections(store: str | os.PathLike[str], sweep: str | None = None) -> list[Section]:
    """The sweeps of a store, in order of name.

    Raises
    ------
    InvalidInput
        No store, no sweep in it, or not this one.
    """
    load(store, sweep)  # refuses what is no store, and an unknown sweep
    home = Store(store)
    records = home.recorded()
    if not records:
        raise InvalidInput(f"store: no sweep has been run in {str(store)!r}; run one with out={str(store)!r} first.")
    held = home.held()
    found = []
    for name in records if sweep is None else [sweep]:
        results = load(store, name)
        first = [next((c for c in e.cells if held.get(c[0], 0) >= c[1]), None) for e in results.entries]
        cells = [home.read(*place) for place in first if place is not None]
        total = sum(len(e.cells) for e in results.entries)
        definition = records[name].get("definition", {})
        found.append(Section(name, definition, results, tuple(cells), len(results.missing()), total))
    return found


# ---------------------------------------------------------------------------------------------------------- the page


def page(title: str, parts: Sequence[Section], metrics: Sequence[str] | None = None) -> str:
    """The whole document."""
    body = [f"<h1>{_text(title)}</h1>"]
    if len(parts) > 1:
        links = "".join(f'<li><a href="#{_anchor(s.name)}">{_text(s.name)}</a></li>' for s in parts)
        body.append(f"<nav><ul>{links}</ul></nav>")
    body += [section(s, metrics) for s in parts]
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{_text(title)}: duel report</title><link rel="icon" href="data:,"><style>{STYLE}</style></head><body>'
    )
    foot = f"<footer>Written by <code>duel report</code> (duel-lab).</footer><script>{SCRIPT}</script></body></html>\n"
    return head + "<main>" + "\n".join(body) + "</main>" + foot


def section(part: Section, metrics: Sequence[str] | None) -> str:
    """One sweep: what was asked, what came out, how to repeat it."""
    name = _text(part.name).replace("_", "_<wbr>")
    body = [f'<section id="{_anchor(part.name)}"><h2>{name}</h2>']
    first = _sentence(part.name)
    if first:
        body.append(f"<p>{_text(first)}</p>")
    asked = part.definition
    words = (
        f"{len(part.results.algorithms)} algorithms, {len(part.results.environments)} environments, horizon "
        f"{asked.get('horizon', 0):,}, {asked.get('runs', 0):,} runs of seed {asked.get('seed', 0)}"
    )
    body.append(f"<p>{words}.</p>")
    if part.missing:
        body.append(
            f'<p class="note">Not finished: {part.missing} of {part.total} cells are missing. Run the sweep again; '
            "it computes only these.</p>"
        )
    if not part.cells:
        body.append("<p>No result yet.</p></section>")
        return "\n".join(body)
    frame = part.results.to_frame()
    names = [m for m in dict.fromkeys(map(str, frame["metric"])) if metrics is None or m in metrics]
    names.sort(key=lambda m: FIRST.index(m) if m in FIRST else len(FIRST))
    look = plotting.styles(list(part.results.algorithms))
    body.append(_legend(look))
    for k, metric in enumerate(names):
        inner = _metric(frame, metric, look, _axis(part))
        if k == 0:
            body.append(f"<h3>{_text(_title(metric))}</h3>{inner}")
        else:
            body.append(f"<details><summary><h3>{_text(_title(metric))}</h3></summary>{inner}</details>")
    body.append(_parameters(part))
    body.append(_provenance(part))
    body.append("</section>")
    return "\n".join(body)


def _metric(frame: "pd.DataFrame", metric: str, look: Mapping[str, Any], axis: str) -> str:
    """Curves of a metric, a panel an environment; the table of final values; comparisons with the best."""
    rows: Any = frame[frame["metric"] == metric]
    rows = rows.astype({"algorithm": str, "environment": str})
    pictures, undefined, whole = [], [], []
    for environment, part in rows.groupby("environment", sort=False):
        good = part[np.isfinite(part["value"])]
        complete = [a for a, g in part.groupby("algorithm", sort=False) if np.isfinite(g["value"]).all()]
        if len(good) < len(part):
            lost = [a for a in dict.fromkeys(part["algorithm"]) if a not in complete]
            undefined.append(f"{', '.join(lost)} on {environment}")
        kept = part[part["algorithm"].isin(complete)]
        if len(kept):
            whole.append(kept)
            pictures.append(_picture(kept, metric, str(environment), look, axis))
    text = f'<div class="panels">{"".join(pictures)}</div>' if pictures else ""
    if undefined:
        text += f'<p class="note">Undefined (not a number), left out: {_text("; ".join(undefined))}.</p>'
    if whole:
        import pandas as pd

        both = pd.concat(whole)
        text += _finals(both, metric)
        text += _comparisons(both, metric)
    return text


def _picture(rows: "pd.DataFrame", metric: str, environment: str, look: Mapping[str, Any], axis: str) -> str:
    """One panel as an SVG image."""
    import matplotlib
    from matplotlib.figure import Figure

    means: Any = rows.groupby(["algorithm", "t"], sort=False)["value"].mean()
    above = means[means > 0]
    spread = float(above.max() / above.min()) if len(above) else 1.0
    positive = spread >= 10 and bool((rows["value"] >= 0).all()) and metric not in LARGER
    times = rows["t"].to_numpy()
    start = int(times.min()) if times.max() < 1000 * max(times.min(), 1) else 10
    settings = {"svg.fonttype": "none", "svg.hashsalt": "duel", "font.family": ["sans-serif"]}
    with matplotlib.rc_context(plotting.STYLE | settings):  # type: ignore[arg-type]
        figure = Figure(figsize=(4.2, 3.0), layout="constrained")
        ax = figure.subplots()
        plotting.plot_regret(
            rows, metric=metric, ax=ax, scale="loglog" if positive else "semilogx", labels="none",
            title=environment, style=look, start=start,
        )  # fmt: skip
        if not positive:
            ax.autoscale(axis="y")
        ax.set_xlabel(axis)
        figure.supxlabel("")
        sink = io.StringIO()
        figure.savefig(sink, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = re.sub(r"(\d\.\d\d)\d+", r"\1", sink.getvalue()[sink.getvalue().index("<svg") :])
    data = base64.b64encode(svg.encode()).decode()
    words = f"{_title(metric)} on {environment}: mean of each algorithm against t, with 95 % bands"
    return f'<img alt="{_text(words)}" width="403" height="288" src="data:image/svg+xml;base64,{data}">'


def _finals(rows: "pd.DataFrame", metric: str) -> str:
    table = compare.summary(rows, metric)
    lines = []
    for row in table.to_dict("records"):
        interval = f"{_number(row['low'])} to {_number(row['high'])}" if row["runs"] > 1 else ""
        lines.append(
            [
                row["environment"], row["algorithm"], row["runs"], _number(row["mean"]), interval, _number(row["sd"]),
                _number(row["median"]), f"{_number(row['q10'])} to {_number(row['q90'])}",
            ]
        )  # fmt: skip
    head = (
        "environment",
        "algorithm",
        "runs",
        "mean",
        "95 % interval of the mean",
        "sd",
        "median",
        "10 to 90 % of runs",
    )
    return _table("At the last checkpoint", head, lines, left=2)


def _comparisons(rows: "pd.DataFrame", metric: str) -> str:
    """Each algorithm against the best of its environment, run by run."""
    lines = []
    for environment, part in rows.groupby("environment", sort=False):
        last = part[part["t"] == part["t"].max()]
        wide: Any = last.pivot(index="run", columns="algorithm", values="value")
        common = [a for a in dict.fromkeys(last["algorithm"]) if not wide[a].isna().any()]
        if len(common) < 2 or len(wide) < 2:
            continue
        means: Any = wide[common].mean()
        best = str(means.idxmax() if metric in LARGER else means.idxmin())
        chosen: Any = part[part["algorithm"].isin(common)]
        table = compare.paired(chosen, metric, baseline=best, smaller=metric not in LARGER)
        for row in table.to_dict("records"):
            lines.append(
                [
                    environment, row["algorithm"], best, _number(row["difference"]),
                    f"{_number(row['low'])} to {_number(row['high'])}", _probability(row["p_holm"]),
                    f"{row['better']:.0%}",
                ]
            )  # fmt: skip
    if not lines:
        return ""
    head = (
        "environment",
        "algorithm",
        "less the best, which is",
        "difference",
        "95 % interval",
        "p (Holm)",
        "runs won",
    )
    more = f" (first {MOST_PAIRED} rows)" if len(lines) > MOST_PAIRED else ""
    return _table(
        "Paired with the best: the same instance, contexts and noise" + more, head, lines[:MOST_PAIRED], left=3
    )


def _parameters(part: Section) -> str:
    lines = []
    for entry in {e.algorithm: e for e in part.results.entries}.values():
        said = ", ".join(f"{k}={v}" for k, v in entry.parameters.items()) or "none"
        lines.append([entry.algorithm, said])
    table = _table("", ("algorithm", "hyper-parameters"), lines, left=2)
    return f"<details><summary><h3>Hyper-parameters</h3></summary>{table}</details>"


def _provenance(part: Section) -> str:
    """Versions, machine, git state, time, and the command that repeats it."""
    notes = [c.provenance for c in part.cells]
    versions = sorted({", ".join(f"{k} {v}" for k, v in sorted(n.get("versions", {}).items())) for n in notes})
    machines = sorted({str(n.get("machine", "unknown")) for n in notes})
    codes = sorted({str(c.unit.get("code", "")) for c in part.cells})
    lines = [["versions", "; ".join(versions)], ["machine", "; ".join(machines)]]
    start = _started(part)
    git = start.get("git") or {}
    if git:
        lines.append(["git", ", ".join(f"{k} {v}" for k, v in git.items()) if isinstance(git, dict) else str(git)])
    asked = part.definition
    lines.append(["seed", f"{asked.get('seed')}; run r draws from SeedSequence(seed, spawn_key=(role, r))"])
    marks = asked.get("checkpoints") or []
    lines.append(["checkpoints", f"{len(marks)}, from {marks[0]:,} to {marks[-1]:,}" if marks else "none"])
    lines.append(["code", f"{len(codes)} digests of the syntax trees that ran, of which the first is {codes[0]}"])
    lines.append(["cells", f"{part.total - part.missing} of {part.total}, in {part.results.store.path.name}"])
    if part.name in catalog.experiments():
        sizes = f"--runs {asked.get('runs')} --horizon {asked.get('horizon')} --seed {asked.get('seed')}"
        lines.append(["repeat", f"duel run {part.name} {sizes}"])
    table = _table("", ("what", "value"), lines, left=2)
    return f"<details open><summary><h3>Provenance</h3></summary>{table}</details>"


def _started(part: Section) -> dict[str, Any]:
    """The last "start" line of the sweep's logs, or nothing."""
    last: dict[str, Any] = {}
    for file in sorted((part.results.store.path / "logs").glob("*.jsonl")):
        try:
            for line in file.read_text(encoding="utf-8").splitlines():
                event = json.loads(line)
                if event.get("event") == "start" and event.get("sweep") == part.name:
                    last = event
        except (OSError, ValueError):  # a log is a convenience: a torn line loses nothing
            continue
    return last


# ------------------------------------------------------------------------------------------------------------ pieces


def _legend(look: Mapping[str, Any]) -> str:
    items = []
    for name, style in look.items():
        dashes = style["linestyle"]
        pattern = "" if dashes == "-" else f' stroke-dasharray="{" ".join(str(2 * d) for d in dashes[1])}"'
        line = (
            f'<svg width="30" height="10" aria-hidden="true"><line x1="1" x2="29" y1="5" y2="5" stroke-width="2.5" '
            f'stroke="{style["color"]}"{pattern}/></svg>'
        )
        items.append(f"<li>{line}{_text(name)}</li>")
    return f'<ul class="legend">{"".join(items)}</ul>'


def _table(caption: str, head: Iterable[str], lines: Sequence[Sequence[Any]], *, left: int) -> str:
    """A table that scrolls inside itself; the first `left` columns are words, the others numbers."""
    cells = "".join(f"<th{'' if k < left else ' class=n'}>{_text(h)}</th>" for k, h in enumerate(head))
    rows = "".join(
        "<tr>" + "".join(f"<td{'' if k < left else ' class=n'}>{_text(v)}</td>" for k, v in enumerate(line)) + "</tr>"
        for line in lines
    )
    title = f"<caption>{_text(caption)}</caption>" if caption else ""
    inner = f"<table>{title}<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" tabindex="0">{inner}</div>'


def _text(value: Any) -> str:
    return html.escape(str(value))


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-3:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def _probability(p: float) -> str:
    if not math.isfinite(p):
        return ""
    return "< 1e-16" if p < 1e-16 else f"{p:.2g}"


def _title(metric: str) -> str:
    return plotting.QUANTITIES.get(metric, metric)


def _axis(part: Section) -> str:
    homes = {str(c.unit["environment"]["class"]).split(".")[1] for c in part.cells}
    return AXES.get(homes.pop(), "round t (duels)") if len(homes) == 1 else "t"


def _anchor(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _sentence(name: str) -> str:
    from duel import catalog

    known = catalog.experiments()
    base = name.removesuffix("-smoke")
    return catalog.summary(known[base]) + "." if base in known else ""


STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1f;--paper:#fff;--line:#d5d5dd;--quiet:#5c5c66;--shade:#f4f4f7}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6ea;--paper:#16161a;--line:#3a3a44;--quiet:#a0a0ac;--shade:#202027}
.panels img,.legend svg{filter:invert(1) hue-rotate(180deg)}}
*{box-sizing:border-box}
body{margin:0;color:var(--ink);background:var(--paper);font:16px/1.5 system-ui,sans-serif}
main,footer{max-width:1320px;margin:auto;padding:0 1rem}
h1,h2,h3{line-height:1.2;overflow-wrap:anywhere}h2{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem}
summary h3{display:inline}summary{cursor:pointer;padding:.5rem 0}
.panels{display:flex;flex-wrap:wrap;gap:.5rem}.panels img{width:403px;max-width:100%;height:auto}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;list-style:none;padding:.5rem 0;margin:0;font-size:.9rem;
position:sticky;top:0;background:var(--paper);max-height:30vh;overflow-y:auto}
.legend svg{margin-right:.4rem;vertical-align:middle}
.wide{overflow-x:auto;margin:1rem 0}table{border-collapse:collapse;font-size:.875rem}
caption{text-align:left;font-weight:600;padding:.3rem 0}
th,td{text-align:left;padding:.25rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
th{background:var(--shade);cursor:pointer;white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.note{background:var(--shade);padding:.5rem .8rem;border-left:3px solid var(--quiet)}
footer{color:var(--quiet);font-size:.85rem;padding:2rem 1rem}
"""

SCRIPT = """
for (const th of document.querySelectorAll('th')) th.addEventListener('click', () => {
  const table = th.closest('table'), body = table.tBodies[0], k = th.cellIndex, up = th.dataset.up !== '1';
  table.querySelectorAll('th').forEach(h => delete h.dataset.up);
  if (up) th.dataset.up = '1';
  const value = row => { const t = row.cells[k].textContent, x = parseFloat(t.replace(/[,<% ]/g, ''));
    return isNaN(x) ? t : x; };
  [...body.rows].sort((a, b) => { const x = value(a), y = value(b);
    return (x > y ? 1 : x < y ? -1 : 0) * (up ? 1 : -1); }).forEach(row => body.append(row));
});
"""
