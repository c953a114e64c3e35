"""The `duel` command. Every verb is a few lines over the Python API; nothing heavy is imported before it is needed.

Exit status: 0 done, 2 refused input (one line on standard error, nothing written), 1 a computation or the store failed,
130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from duel import catalog
from duel.errors import InvalidInput, did_you_mean, unknown

if TYPE_CHECKING:
    import pandas as pd

KINDS = {
    "algorithms": catalog.algorithms,
    "environments": catalog.environments,
    "experiments": catalog.experiments,
}


class _Parser(argparse.ArgumentParser):
    """argparse with one-line errors and "did you mean"."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInput(f"{message}. See {self.prog} --help.")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        for word in rest:
            options = [o for action in self._actions for o in action.option_strings]
            name = word.partition("=")[0]
            raise InvalidInput(f"unrecognized argument {name!r}.{did_you_mean(name, options)} See {self.prog} --help.")
        return found, rest

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = action.metavar if isinstance(action.metavar, str) else action.dest
            raise unknown(what.lower(), value, tuple(map(str, action.choices)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    from duel.console import _guarded

    def work() -> int:
        options = _parser().parse_args(argv)
        return int(options.action(options) or 0)

    try:
        return _guarded(work)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # duel list | head
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="duel", description="A simulation lab for dueling bandits and theoretical RLHF.", allow_abbrev=False
    )  # fmt: skip
    parser.add_argument("--version", action="store_true", help="version of the lab")
    parser.set_defaults(action=lambda options: _version(parser, options))
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def verb(name: str, action: Callable[[Any], int | None], words: str) -> argparse.ArgumentParser:
        command = verbs.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".", allow_abbrev=False)
        command.set_defaults(action=action)
        return command

    command = verb("list", _list, "algorithms, environments and experiments that exist")
    command.add_argument("kind", nargs="?", choices=tuple(KINDS), metavar="KIND", help=", ".join(KINDS))
    command.add_argument("--markdown", metavar="FILE", help="rewrite the table between the catalogue marks of FILE")

    command = verb("run", _experiment, "run an experiment: say the cost, compute what is missing, draw")
    command.add_argument("name", metavar="EXPERIMENT")
    _sweep_options(command)

    command = verb("plot", _experiment, "draw an experiment from what is there")
    command.add_argument("name", metavar="EXPERIMENT")
    command.add_argument("--out", metavar="DIR", help="folder of the results (results/EXPERIMENT)")

    command = verb("demo", _demo, "which LLM wins? two experiments on small settings, a table and pictures")
    command.add_argument("--out", metavar="DIR", default="results/demo", help="folder of the results (results/demo)")
    command.add_argument("--smoke", action="store_true", help="a still smaller version, in seconds")
    command.add_argument("--workers", help="threads (every core)")

    command = verb("diagnose", _diagnose, "winners, Nash mixture and transitivity of a CSV file of duels")
    command.add_argument("file", metavar="FILE", help="item_i, item_j, wins_i, wins_j[, ties]; or a square matrix")
    command.add_argument("--ties", default="half", metavar="RULE", help="half: half a win for each; drop (half)")
    command.add_argument("--smoothing", default="0", metavar="COUNT", help="pseudo-count for every outcome (0)")

    command = verb("theorems", _theorems, "measure the claims of the cards: rates of theorems, headline comparisons")
    command.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="a card, row or family; repeatable"
    )
    command.add_argument("--quick", action="store_true", help="fewer runs and shorter horizons: minutes")
    command.add_argument("--full", action="store_true", help="more of both: hours; resumes where it was stopped")
    command.add_argument("--list", action="store_true", help="print one claim a line and measure nothing")
    command.add_argument("--seed", default="0", help="seed of all runs (0)")
    command.add_argument("--out", metavar="DIR", default="results/ledger", help="store of the runs (results/ledger)")
    command.add_argument("--page", metavar="FILE", help="where to write the page (ledger.md in DIR)")
    command.add_argument("--workers", help="processes (every core)")

    command = verb("fit", _fit, "strengths from a CSV file of comparisons: model, objective, stopping rule, intervals")
    command.add_argument("file", metavar="FILE", help="item_i, item_j, wins_i, wins_j[, ties]; or a square matrix")
    command.add_argument("--model", help="bradley_terry, davidson or rao_kupper (davidson if there are ties)")
    command.add_argument("--ties", default="half", metavar="RULE", help="half: half a win for each; drop (half)")
    command.add_argument("--link", default="logistic", help="comparison function (logistic)")
    command.add_argument("--ridge", default="0", metavar="WEIGHT", help="penalty WEIGHT/2 |theta|^2 (0)")
    command.add_argument("--box", metavar="BOUND", help="bound on every strength (none)")
    command.add_argument("--firth", action="store_true", help="bias-reduced fit, finite if the items are connected")
    command.add_argument("--level", default="0.95", help="of the intervals (0.95)")

    command = verb("bench", _bench, "rounds per second of the engine beside plain NumPy loops")
    command.add_argument("names", nargs="*", metavar="NAME", help="cases that begin with NAME (all)")
    command.add_argument("--quick", action="store_true", help="a fifth of the time, noisier")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--costs", action="store_true", help="instead: how costs grow, memory, starts of a process")
    command.add_argument("--fits", action="store_true", help="time the likelihood fits beside other libraries instead")
    command.add_argument("--games", action="store_true", help="time exact EGPO on preference games instead")
    command.add_argument("--mdps", action="store_true", help="time preference learners in MDPs instead")

    command = verb("report", _report, "one HTML file of the results of a store: curves, tables, provenance")
    command.add_argument("store", metavar="STORE", help="folder of the results")
    command.add_argument("--out", metavar="FILE", help="file to write (STORE/report.html)")
    command.add_argument("--sweep", metavar="NAME", help="only this sweep")
    command.add_argument("--metric", action="append", metavar="NAME", help="only this metric; may be repeated")

    command = verb("verify", _verify, "read and check every file of a store")
    command.add_argument("store", metavar="STORE", help="folder of the results")

    command = verb("gc", _gc, "files of a store that no experiment refers to")
    command.add_argument("store", metavar="STORE", help="folder of the results")
    command.add_argument("--delete", action="store_true", help="remove them")

    command = verb("export", _export, "one tidy table of the results of a store")
    command.add_argument("store", metavar="STORE", help="folder of the results")
    command.add_argument("file", metavar="FILE", help="ending in .parquet or .csv")
    command.add_argument("--sweep", metavar="NAME", help="only this sweep")
    command.add_argument("--metric", action="append", metavar="NAME", help="only this metric; may be repeated")
    return parser


def _sweep_options(command: argparse.ArgumentParser) -> None:
    from duel.console import _add_options

    _add_options(command)


def _version(parser: argparse.ArgumentParser, options: Any) -> None:
    if options.version:
        from duel import __version__

        print(f"duel-lab {__version__}")
    else:
        parser.print_help()


# ------------------------------------------------------------------------------------------------------------ verbs


def _list(options: Any) -> None:
    if options.markdown is not None:
        rewrite_catalogue(Path(options.markdown))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    wanted = list(KINDS) if options.kind is None else [options.kind]
    for kind in wanted:
        if options.kind is None:
            print(f"{kind.upper()}")
        for name, family, words in rows_of(kind):
            print(f"{name:<30}{family:<16}{words}"[:width])
        if kind != wanted[-1]:
            print()


def rows_of(kind: str) -> list[tuple[str, str, str]]:
    """Name, family and first words of every member of a kind, read without importing it."""
    if kind not in KINDS:
        raise unknown("kind", kind, tuple(KINDS))
    rows = []
    for name, module in sorted(KINDS[kind]().items(), key=lambda item: (item[1].rpartition(".")[0], item[0].lower())):
        family = module.split(".")[1] if kind != "experiments" else ""
        rows.append((name, family, summary(module, None if kind == "experiments" else name)))
    return rows


MARKS = ("<!-- catalogue: duel list --markdown README.md -->", "<!-- end of catalogue -->")


def catalogue_markdown() -> str:
    """The catalogue as a Markdown table, a row a family: what the README shows."""
    lines = ["| family | algorithms | environments |", "|---|---|---|"]
    rows = {kind: rows_of(kind) for kind in ("algorithms", "environments")}
    for family in dict.fromkeys(f for kind in rows for _, f, _ in rows[kind]):
        cells = [", ".join(f"`{n}`" for n, f, _ in rows[kind] if f == family) for kind in rows]
        lines.append(f"| **{family}** | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def rewrite_catalogue(file: Path) -> None:
    """Put `catalogue_markdown` between the `MARKS` of a file."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"--markdown: cannot read {str(file)!r} ({error.strerror}).") from None
    start, end = text.find(MARKS[0]), text.find(MARKS[1])
    if not 0 <= start < end:
        raise InvalidInput(
            f"--markdown: {str(file)!r} must hold the lines {MARKS[0]!r} and {MARKS[1]!r}, in this order."
        )
    file.write_text(text[: start + len(MARKS[0])] + f"\n{catalogue_markdown()}\n" + text[end:], encoding="utf-8")


def summary(module: str, name: str | None) -> str:
    """First sentence of the docstring of a module or of one of its classes and functions; no import."""
    import ast

    package, _, stem = module.rpartition(".")
    tree = ast.parse((catalog.folder(package) / f"{stem}.py").read_text(encoding="utf-8"))
    node: Any = tree
    if name is not None:
        node = next((n for n in tree.body if getattr(n, "name", None) == name), tree)
    text = " ".join((ast.get_docstring(node) or ast.get_docstring(tree) or "").partition("\n\n")[0].split())
    plain = re.sub(r"\s*\[[a-z]+\d{4}\w*\]_?", "", text)
    masked = re.sub(r"``.*?``|`[^`]*`", lambda code: "x" * len(code[0]), plain)  # a stop inside code ends no sentence
    return plain[: len(masked.partition(". ")[0])].rstrip(".")


def _experiment(options: Any) -> int:
    from duel.console import _perform

    defaults = {
        "runs": None, "horizon": None, "seed": None, "smoke": False, "workers": None, "executor": "threads",
        "scheduler": None, "dry_run": False, "status": False, "no_plot": False, "quiet": False,
    }  # fmt: skip
    for name, value in defaults.items():
        if not hasattr(options, name):
            setattr(options, name, value)
    module = catalog.experiment(options.name)
    require_writable(options.out or f"results/{options.name}")
    return _perform(options.command, options.name, announcing(module), options)


def announcing(module: Any) -> Any:
    """The experiment, with a plot that prints the files that it wrote."""

    def plot(frame: "pd.DataFrame", out: Path) -> list[Path]:
        written = module.plot(frame, out)
        for file in written:
            print(file)
        return written

    return SimpleNamespace(SWEEP=module.SWEEP, plot=plot)


def require_writable(out: str) -> None:
    """Refuse an output folder that cannot be made or written, before anything is computed. Writes nothing."""
    folder = Path(out)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InvalidInput(f"--out {out!r}: {str(folder)!r} is a file; choose another folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"--out {out!r}: no permission to write in {str(folder)!r}; choose another folder.")


def _demo(options: Any) -> int:
    from duel.console import _integer

    require_writable(options.out)
    workers = None if options.workers is None else _integer("--workers", options.workers)
    out = Path(options.out)
    pictures: list[Path] = []
    print("Compiling the learners on first use takes some of the time; machine code is kept for the next run.")
    for name, numbers in (
        ("finite_regret", {"runs": 32, "horizon": 100_000}),
        ("arena", {"runs": 16, "horizon": 400_000}),
    ):
        experiment = catalog.experiment(name)
        sweep = experiment.SWEEP.replace(**numbers)
        if options.smoke:
            sweep = sweep.smoke()
        print(f"\n{name}: {_first_sentence(experiment.__doc__)}", flush=True)
        frame = sweep.run(out, workers=workers).to_frame()
        print_finals(frame, title=f"{name}, after {sweep.horizon:,} duels, {sweep.runs} runs")
        pictures += experiment.plot(frame, out)
    print("\nPictures:")
    for picture in pictures:
        print(f"  {picture}")
    print(f"\nResults: {out} (read them with duel.load, or: duel export {out} results.csv)")
    return 0


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split())


def final_table(frame: "pd.DataFrame", metric: str = "average") -> "pd.DataFrame":
    """Final value of a metric for each environment and algorithm: mean, standard error over the runs, runs, T.

    Regret of a run is paired with that of the best algorithm on the same instance and noise (the same run number), and
    `behind` is the mean difference with its standard error `behind_se`.
    """
    import numpy as np
    import pandas as pd

    chosen: Any = frame[frame["metric"] == metric]  # pandas without stubs is opaque to the type checker
    last = chosen[chosen["t"] == chosen["t"].max()]
    rows = []
    for environment, part in last.groupby("environment", sort=False, observed=True):
        wide = part.pivot_table(index="run", columns="algorithm", values="value", observed=True, sort=False)
        best = wide.mean().idxmin()
        n = len(wide)
        for algorithm in wide.mean().sort_values().index:
            lag = wide[algorithm] - wide[best]
            rows.append(
                {
                    "environment": str(environment),
                    "algorithm": str(algorithm),
                    "mean": float(wide[algorithm].mean()),
                    "se": float(wide[algorithm].std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
                    "behind": float(lag.mean()),
                    "behind_se": float(lag.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan"),
                    "runs": n,
                }
            )
    return pd.DataFrame(rows)


def print_finals(frame: "pd.DataFrame", *, title: str, metric: str = "average") -> None:
    """Print `final_table` for people."""
    from duel.plotting import QUANTITIES

    print(f"\n{title}: {QUANTITIES.get(metric, metric)}, mean \N{PLUS-MINUS SIGN} standard error")
    print(f"{'environment':<15}{'algorithm':<24}{'regret':>18}{'behind, same runs':>20}")
    before = None
    for row in final_table(frame, metric).to_dict("records"):
        place = row["environment"] if row["environment"] != before else ""
        behind = "" if row["behind"] == 0 else plus_minus(row["behind"], row["behind_se"])
        print(f"{place:<15}{row['algorithm']:<24}{plus_minus(row['mean'], row['se']):>18}{behind:>20}")
        before = row["environment"]
    print_answers(frame)


def print_answers(frame: "pd.DataFrame") -> None:
    """Print, for identification algorithms, how many runs answered before the end, in how many duels, and rightly."""
    chosen: Any = frame[frame["metric"].isin(["duels", "correct"])]
    for (place, name), part in chosen.groupby(["environment", "algorithm"], sort=False, observed=True):
        T = part["t"].max()
        last = part[part["t"] == T].pivot(index="run", columns="metric", values="value")
        done = last[last["duels"] < T]
        words = f"{name} on {place}: {len(done)} of {len(last)} runs stopped before {T:,} duels"
        if len(done):
            words += (
                f" (median {done['duels'].median():,.0f}), {done['correct'].mean():.0%} of these with a Copeland winner"
            )
        print(words)


def plus_minus(mean: float, error: float) -> str:
    """``"123.4 +- 5.6"``: the standard error to two digits, the mean to the same place."""
    import math

    if not math.isfinite(error) or error <= 0:
        return f"{mean:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{mean:.{digits}f} \N{PLUS-MINUS SIGN} {error:.{digits}f}"


def _diagnose(options: Any) -> None:
    from duel.diagnosis import diagnose_file

    try:
        smoothing = float(options.smoothing)
    except ValueError:
        raise InvalidInput(f"--smoothing must be a number >= 0, such as 0.5; got {options.smoothing!r}.") from None
    print(diagnose_file(options.file, options.ties, smoothing=smoothing))


def _fit(options: Any) -> int:
    from duel.fit_report import fit_file

    ridge, level = (_real(f"--{name}", getattr(options, name)) for name in ("ridge", "level"))
    report = fit_file(
        options.file, model=options.model, ties=options.ties, link=options.link, ridge=ridge,
        box=None if options.box is None else _real("--box", options.box), firth=options.firth, level=level,
    )  # fmt: skip
    print(report.text, end="")
    return 0 if report.fit.exists else 1


def _real(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(f"{option} must be a number, such as 0.5; got {text!r}.") from None


def _bench(options: Any) -> None:
    from duel import bench

    if options.fits:
        _bench_fits(options)
        return
    if options.costs:
        _bench_costs(options)
        return
    if options.games:
        _bench_games(options)
        return
    if options.mdps:
        _bench_mdps(options)
        return
    if options.json:
        found = bench.as_json(bench.bench(options.names, quick=options.quick))
        print(json.dumps({"quick": options.quick, **found}, indent=1))
        return
    bench.chosen(options.names)
    heads = (
        "case",
        "engine rounds/s",
        "slowest..fastest",
        "goal",
        "NumPy rounds/s",
        "ratio",
        "2 threads",
        "first call",
    )
    print(
        "{:<28}{:>16}{:>18}{:>8}{:>16}{:>7}{:>11}{:>12}".format(*heads) + "\n" + "-" * 116, flush=True
    )  # fmt: skip

    def show(row: Any) -> None:
        spread = f"{metric_prefix(row.engine_low)}..{metric_prefix(row.engine_high)}"
        print(
            f"{row.name:<28}{metric_prefix(row.engine):>16}{spread:>18}{metric_prefix(row.goal):>8}"
            f"{metric_prefix(row.loop):>16}{row.ratio:>6.0f}x{row.scaling:>10.2f}x{row.first_call:>10.1f} s",
            flush=True,
        )

    bench.bench(options.names, quick=options.quick, report=show)
    about = bench.machine()
    print(
        "\nRounds per second of processor time on one thread (median of the repeats); '2 threads': wall-clock time of "
        f"one thread over that of two.\n{about['processor']}, {about['cores']} cores, Python {about['python']}, "
        f"NumPy {about['numpy']}, Numba {about['numba']}."
    )


def _bench_fits(options: Any) -> None:
    from dataclasses import asdict

    from duel import bench, bench_fits

    if options.json:
        rows = [asdict(row) for row in bench_fits.fits(options.names, quick=options.quick)]
        print(json.dumps({"quick": options.quick, "machine": bench.machine(), "rows": rows}, indent=1))
        return

    def show(row: Any) -> None:
        verdict = "" if options.quick else " (met)" if row.met else " (missed)"
        print(f"{row.name:<34}{1e3 * row.seconds:>12.2f} ms   goal {row.goal}{verdict}; {row.note}")
        for rival in row.rivals:
            ratio = rival.seconds / row.seconds
            far = f"differs by {rival.error:.0e}"
            print(f"    {rival.name:<30}{1e3 * rival.seconds:>12.2f} ms {ratio:>9.1f}x  {far}", flush=True)

    bench_fits.fits(options.names, quick=options.quick, report=show)
    print("\nProcessor time, least of the repeats; rivals on the same data, with their distance from our estimate.")


def _bench_costs(options: Any) -> None:
    from dataclasses import asdict

    from duel import bench, bench_costs

    if options.json:
        rows = [asdict(row) for row in bench_costs.costs(options.names, quick=options.quick)]
        starts = [] if options.names else [asdict(row) for row in bench_costs.starts()]
        print(
            json.dumps({"quick": options.quick, "machine": bench.machine(), "rows": rows, "starts": starts}, indent=1)
        )
        return

    def show(row: Any) -> None:
        sizes = f"{row.symbol} = {row.sizes[0]:,} to {row.sizes[-1]:,}"
        print(f"{row.name:<18}{sizes:<24}exponent {row.exponent!s:<24}{row.expected}", flush=True)

    print("Processor time of a round (of a run, for T) against the size:")
    bench_costs.costs(options.names, quick=options.quick, report=show)
    if options.names:
        return
    print("\nA process of its own: seconds to the first result, cold and with kept machine code; peak memory:")
    for row in bench_costs.starts():
        short, long = (f"{T:,}" for T in bench_costs.STARTS[row.name][1:])
        print(
            f"{row.name:<18}cold {row.cold:.1f} s, warm {row.warm:.1f} s (imports {row.imports:.1f} s); "
            f"{row.megabytes[0]:.0f} MB at T = {short}, {row.megabytes[1]:.0f} MB at T = {long}"
        )


def _bench_games(options: Any) -> None:
    from dataclasses import asdict

    from duel import bench, bench_games

    if options.json:
        rows = [{**asdict(row), "ratio": row.ratio} for row in bench_games.rows(options.names, quick=options.quick)]
        machine = bench.machine() | {"device": bench_games.device()}
        print(json.dumps({"quick": options.quick, "machine": machine, "rows": rows}, indent=1))
        return

    def show(row: Any) -> None:
        verdict = "" if options.quick else " (met)" if row.met else " (missed)"
        print(
            f"{row.name:<30}{metric_prefix(row.rate):>8} game-iterations/s (slowest {metric_prefix(row.slowest)}), "
            f"goal {row.goal}{verdict}; {row.ratio:.0f}x a NumPy loop; compiled in {row.compile:.2f} s",
            flush=True,
        )

    print(f"Device: {bench_games.device()}")
    bench_games.rows(options.names, quick=options.quick, report=show)


def _bench_mdps(options: Any) -> None:
    from dataclasses import asdict

    from duel import bench, bench_mdps

    if options.json:
        rows = [asdict(row) for row in bench_mdps.rows(options.names, quick=options.quick)]
        print(json.dumps({"quick": options.quick, "machine": bench.machine(), "rows": rows}, indent=1))
        return

    def show(row: Any) -> None:
        verdict = "" if options.quick else " (met)" if row.met else " (missed)"
        print(f"{row.name:<26}{row.value:>12,.4g} {row.unit:<11} goal {row.goal:,.4g}{verdict}; {row.note}", flush=True)

    bench_mdps.rows(options.names, quick=options.quick, report=show)
    print("\nProcessor time of one core, best of the repeats.")


def metric_prefix(value: float) -> str:
    """``"12.3M"``, ``"456k"``, ``"7.8"``: three digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _theorems(options: Any) -> int:
    from duel import ledger
    from duel.console import _integer

    if options.quick and options.full:
        raise InvalidInput("--quick and --full exclude each other; give one, or none for the cards' own sizes.")
    if options.list:
        for claim in ledger.claims(options.only):
            print(f"{claim.name:<26} {claim.claim.metric:<16} {claim.claim.statement}")
        return 0
    mode = "quick" if options.quick else "full" if options.full else "standard"
    rows = ledger.run(
        options.only, mode=mode, seed=_integer("--seed", options.seed), out=options.out,
        workers=None if options.workers is None else _integer("--workers", options.workers),
        progress=lambda row: print(ledger.line(row), flush=True),
    )  # fmt: skip
    file, table, *_ = ledger.page(rows, options.page or Path(options.out) / "ledger.md", mode=mode)
    print(f"{ledger.counted(rows)}. Page {file}, table {table}.")
    return 0


def _report(options: Any) -> None:
    from duel.report import report

    print(report(options.store, options.out, sweep=options.sweep, metrics=options.metric))


def _verify(options: Any) -> int:
    from duel.store import verify

    found = verify(options.store)
    print(f"{found.files} files, {found.cells} cells, {found.runs} runs, {found.bytes / 1e6:.1f} MB")
    for label, lines in (
        ("damaged", found.damaged),
        ("superseded by a longer file", found.superseded),
        ("unfinished", found.temporaries),
        ("set aside earlier", found.quarantined),
    ):
        for line in lines:
            print(f"{label}: {line}")
    if found.damaged:
        print("Run the same sweep again: damaged files are set aside and computed again.")
    return 1 if found.damaged else 0


def _gc(options: Any) -> None:
    from duel.store import garbage

    garbage(options.store)  # refuses what is no store before the experiments are read
    sweeps = [sweep for name in catalog.experiments() if (sweep := getattr(catalog.experiment(name), "SWEEP", None))]
    found = garbage(options.store, sweeps, delete=options.delete)
    for file in found:
        print(file)
    print(f"{len(found)} files {'removed' if options.delete else 'that no experiment refers to'}")


def _export(options: Any) -> None:
    from duel.store import load

    file = Path(options.file)
    if file.suffix not in {".parquet", ".csv"}:
        raise InvalidInput(f"file must end in .parquet or .csv; got {options.file!r}.")
    results = load(options.store, options.sweep)
    written = (results.to_parquet if file.suffix == ".parquet" else results.to_csv)(file, options.metric)
    print(written)


if __name__ == "__main__":
    sys.exit(main())
