"""Pages made of stored measurements: the benchmark (``docs/benchmark/*.json``) and the reproductions."""

import json
from pathlib import Path
from typing import Any

import published
import reproductions

HERE = Path(__file__).parent
BENCHMARK = HERE / "benchmark"
AGREES = {None: "", True: "yes", False: "**no**"}


def table(heads: list[str], rows: list[list[str]], right: int = 0) -> str:
    """A Markdown table; the last `right` columns are numbers."""
    rule = ["---"] * (len(heads) - right) + ["---:"] * right
    lines = [heads, rule, *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def digits(value: float) -> str:
    """Three digits, with a prefix where there are many."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """A duration in the unit that suits it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{1e9 * value:.3g} ns"


def times(ratio: float) -> str:
    """How many times."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.2g}×"


def engine(content: dict[str, Any]) -> str:
    rows = []
    for row in content["rows"]:
        low, high = row["engine_low"] / row["loop"], row["engine_high"] / row["loop"]
        rows.append(
            [
                row["name"], f"**{times(row['ratio'])}** ({times(low)} to {times(high)})", digits(row["engine"]),
                digits(row["loop"]), f"{row['scaling']:.2f}×", f"{row['first_call']:.1f} s",
            ]
        )  # fmt: skip
    heads = ["case", "engine / NumPy loop (spread)", "engine, rounds/s", "loop, rounds/s", "two threads", "first call"]
    return table(heads, rows, 5)


def fits(content: dict[str, Any]) -> str:
    rows = []
    for row in content["rows"]:
        for k, rival in enumerate(row["rivals"]):
            rows.append(
                [
                    *((row["name"], seconds(row["seconds"])) if k == 0 else ("", "")), rival["name"],
                    f"**{times(rival['seconds'] / row['seconds'])}**", seconds(rival["seconds"]),
                    f"{rival['error']:.0e}",
                ]
            )  # fmt: skip
    heads = ["case", "ours", "rival", "rival / ours", "rival's time", "its distance from our estimate"]
    return table(heads, rows, 3)


def costs(content: dict[str, Any]) -> str:
    rows = []
    for row in (r for r in content["rows"] if "exponent" in r):
        fit, sizes = row["exponent"], row["sizes"]
        rows.append(
            [
                row["name"], f"{row['symbol']} = {sizes[0]:,} to {sizes[-1]:,}",
                f"**{fit['value']:.2f}** [{fit['low']:.2f}, {fit['high']:.2f}]", row["expected"],
            ]
        )  # fmt: skip
    page = table(["case", "size", "exponent of the time (95 %)", "expected"], rows)
    rows = [
        [
            s["name"], f"{s['cold']:.1f} s", f"{s['warm']:.1f} s", f"{s['imports']:.1f} s",
            *(f"{megabytes:.0f} MB" for megabytes in s["megabytes"]),
        ]
        for s in content["rows"] if "cold" in s
    ]  # fmt: skip
    if rows:
        heads = ["first result of a process", "cold", "warm", "of it, imports", "memory, short run", "long run"]
        page += (
            "\nCold compiles, warm reads machine code that was kept. A long run has 20 to 1000 times the rounds.\n\n"
        )
        page += table(heads, rows, 5)
    return page


def games(content: dict[str, Any]) -> str:
    rows = [
        [
            row["name"], f"**{times(row['ratio'])}**", digits(row["rate"]),
            digits(row["slowest"]), str(row["goal"] or ""), seconds(row["compile"]),
        ]
        for row in content["rows"]
    ]  # fmt: skip
    heads = ["case", "ours / NumPy loop", "game-iterations/s", "slowest repeat", "goal", "compile"]
    return table(heads, rows, 5)


def mdps(content: dict[str, Any]) -> str:
    rows = [
        [row["name"], f"{digits(row['value'])} {row['unit']}", f"{digits(row['goal'])} {row['unit']}", row["note"]]
        for row in content["rows"]
    ]
    return table(["case", "ours", "goal", "beside"], rows)


PARTS = {
    "engine": ("The engine beside NumPy loops", "duel bench", engine),
    "games": ("Solvers of preference games", "duel bench --games", games),
    "mdps": ("Preferences of trajectories", "duel bench --mdps", mdps),
    "fits": ("Likelihood fits beside other libraries", "duel bench --fits", fits),
    "costs": ("Growth of the cost", "duel bench --costs", costs),
}


def benchmark_page(folder: Path = BENCHMARK) -> str:
    """The stored measurements as tables: ratios first, with the machine and its load below."""
    page = [(BENCHMARK / "about.md").read_text(encoding="utf-8")]
    for name, (title, command, draw) in PARTS.items():
        file = folder / f"{name}.json"
        if file.exists():
            content = json.loads(file.read_text(encoding="utf-8"))
            about = ", ".join(f"{k} {v}" for k, v in content["machine"].items())
            command += " --quick" if content.get("quick") else ""
            page += [f"## {title}\n", f"`{command} --out docs/benchmark/{name}.json`\n", draw(content), f"*{about}*\n"]
    return "\n".join(page)


def reproductions_page() -> str:
    """Every published figure or table with what the source says, what is measured, and the verdict."""
    page = [(reproductions.FOLDER / "about.md").read_text(encoding="utf-8")]
    rows, sections = [], []
    for name, said in published.REPRODUCTIONS.items():
        lines = reproductions.stored(name)
        if lines is None:
            continue
        verdict, anchor = reproductions.verdict(lines), f"reproduced-{name.replace('_', '-')}"
        rows.append([f"[{said.title}](#{anchor})", f"{{cite:t}}`{said.citation}`", verdict])
        figure = f", figure of the experiment: `duel run {said.experiment}`" if said.experiment else ""
        body = [
            [
                line.what,
                line.reported,
                reproductions.measured(line),
                {None: "", True: "yes", False: "**no**"}[line.agrees],
            ]
            for line in lines
        ]
        sections += [
            f"({anchor})=\n", f"## {said.title}\n", f"*Reported* {{cite:p}}`{said.citation}`: {said.reports}\n",
            f"*Measured by* `make reproductions` (`python docs/reproductions.py {name}`){figure}.\n",
            table(["quantity", "reported", "measured", "agrees"], body),
            f"**{verdict.capitalize()}.** {said.remark}\n",
        ]  # fmt: skip
    missing = [said.title for name, said in published.REPRODUCTIONS.items() if reproductions.stored(name) is None]
    if missing:
        sections.append(f"## Not measured yet\n\n{'; '.join(missing)}.\n")
    page += [table(["published", "by", "verdict"], rows), *sections]
    return "\n".join(page)
