"""The `duel` command. Every verb is a few lines over the Python API; nothing heavy is imported before it is needed.

Exit status: 0 done, 2 refused input (one line on standard error, nothing written), 1 a computation or the store failed,
130 Ctrl-C, 143 SIGTERM.
"""

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duel import catalog
from duel.console import Parser, add_options, guarded, perform, whole_number
from duel.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""

    def work() -> int:
        options = _parser().parse_args(argv)
        return int(options.verb(options) or 0)

    return guarded(work)


def _parser() -> Parser:
    parser = Parser(
        prog="duel", description="A simulation lab for dueling bandits and theoretical RLHF.", allow_abbrev=False,
        epilog="`duel COMMAND --help` has the options of a command; what stands in brackets there is the default.",
    )  # fmt: skip
    parser.add_argument("--version", action="store_true", help="version of the lab")
    parser.set_defaults(verb=lambda options: _version(parser, options))
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)

    def verb(name: str, action: Callable[[Any], int | None], words: str) -> Parser:
        command = verbs.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".", allow_abbrev=False)
        command.set_defaults(verb=action)
        return command

    command = verb("list", _list, "algorithms, environments and experiments that exist")
    command.add_argument("kind", nargs="?", choices=catalog.KINDS, metavar="KIND", help=", ".join(catalog.KINDS))
    command.add_argument("--markdown", metavar="FILE", help="instead: rewrite the table between the marks of FILE")

    for name, words in (
        ("run", "run an experiment: say the cost, compute what is missing, draw"),
        ("plot", "draw an experiment from what is there"),
    ):
        command = verb(name, _experiment, words)
        command.add_argument("name", metavar="EXPERIMENT", help="one of those that `duel list experiments` prints")
        add_options(command, name)

    command = verb("demo", _demo, "which LLM wins? two experiments on small settings, a table and pictures")
    command.add_argument("--out", metavar="DIR", default="results/demo", help="folder of the results (results/demo)")
    command.add_argument("--smoke", action="store_true", help="a still smaller version, in seconds")
    command.add_argument("--workers", metavar="N", help="threads (every core)")

    command = verb("diagnose", _diagnose, "winners, Nash mixture and transitivity of a CSV file of duels")
    command.add_argument("file", metavar="FILE", help="item_i, item_j, wins_i, wins_j[, ties]; or a square matrix")
    command.add_argument("--ties", default="half", metavar="RULE", help="half: half a win for each; or drop (half)")
    command.add_argument("--smoothing", default="0", metavar="COUNT", help="pseudo-count for every outcome (0)")

    command = verb("theorems", _theorems, "measure the claims of the cards: rates of theorems, headline comparisons")
    command.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="a card, row or family; may be repeated (all)"
    )
    size = command.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="fewer runs and shorter horizons than the cards': minutes")
    size.add_argument("--full", action="store_true", help="more of both: hours; resumes where it was stopped")
    command.add_argument("--list", action="store_true", help="print one claim a line and measure nothing")
    command.add_argument("--seed", metavar="SEED", default="0", help="seed of all runs (0)")
    command.add_argument("--out", metavar="DIR", default="results/ledger", help="store of the runs (results/ledger)")
    command.add_argument("--page", metavar="FILE", help="page to write or renew, ending in .md (ledger.md in DIR)")
    command.add_argument("--workers", metavar="N", help="processes (every core)")

    command = verb("fit", _fit, "strengths from a CSV file of comparisons: model, objective, stopping rule, intervals")
    command.add_argument("file", metavar="FILE", help="item_i, item_j, wins_i, wins_j[, ties]; or a square matrix")
    command.add_argument("--model", help="bradley_terry, davidson or rao_kupper (davidson if there are ties)")
    command.add_argument("--ties", default="half", metavar="RULE", help="half: half a win for each; or drop (half)")
    command.add_argument("--link", default="logistic", help="comparison function (logistic)")
    command.add_argument("--ridge", default="0", metavar="WEIGHT", help="penalty WEIGHT/2 |theta|^2 (0)")
    command.add_argument("--box", metavar="BOUND", help="bound on every strength (none)")
    command.add_argument("--firth", action="store_true", help="bias-reduced fit, finite if the items are connected")
    command.add_argument("--level", default="0.95", help="coverage of the intervals, between 0 and 1 (0.95)")

    command = verb("bench", _bench, "rounds per second of the engine beside plain NumPy loops")
    command.add_argument("names", nargs="*", metavar="NAME", help="cases that begin with NAME (all)")
    command.add_argument("--quick", action="store_true", help="a part of the time, noisier; goals are not judged")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--out", metavar="FILE", help="also write the JSON to FILE")
    instead = command.add_mutually_exclusive_group()
    for kind, words in (
        ("costs", "how costs grow with the size, memory, starts of a process"),
        ("fits", "likelihood fits beside other libraries"),
        ("games", "exact EGPO on preference games"),
        ("mdps", "preference learners in MDPs"),
    ):
        instead.add_argument(f"--{kind}", action="store_const", dest="kind", const=kind, help=f"instead: {words}")

    command = verb("report", _report, "one HTML file of the results of a store: curves, tables, provenance")
    _store_options(command)
    command.add_argument("--out", metavar="FILE", help="file to write (STORE/report.html)")

    command = verb("verify", _verify, "read and check every file of a store")
    command.add_argument("store", metavar="STORE", help="folder of the results")

    command = verb("gc", _gc, "files of a store that no experiment refers to")
    command.add_argument("store", metavar="STORE", help="folder of the results")
    command.add_argument("--delete", action="store_true", help="remove them")

    command = verb("export", _export, "one tidy table of the results of a store")
    _store_options(command)
    command.add_argument("file", metavar="FILE", help="ending in .parquet or .csv")
    return parser


def _store_options(command: Parser) -> None:
    command.add_argument("store", metavar="STORE", help="folder of the results")
    command.add_argument("--sweep", metavar="NAME", help="only this sweep (all)")
    command.add_argument("--metric", action="append", metavar="NAME", help="only this metric; may be repeated (all)")


def _version(parser: Parser, options: Any) -> None:
    if options.version:
        from duel import __version__

        print(f"duel-lab {__version__}")
    else:
        parser.print_help()


# ------------------------------------------------------------------------------------------------------------ verbs


def _list(options: Any) -> None:
    if options.markdown is not None:
        if options.kind is not None:
            raise InvalidInput(f"--markdown writes every kind; leave {options.kind!r} out.")
        rewrite_catalogue(Path(options.markdown))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    wanted = catalog.KINDS if options.kind is None else (options.kind,)
    for kind in wanted:
        if options.kind is None:
            print(f"{kind.upper()}")
        for name, family, words in catalog.listing(kind):
            print(f"{name:<30}{family:<16}{words}"[:width])
        if kind != wanted[-1]:
            print()


MARKS = ("<!-- catalogue: duel list --markdown README.md -->", "<!-- end of catalogue -->")


def catalogue_markdown() -> str:
    """The catalogue as a Markdown table, a row a family: what the README shows."""
    lines = ["| family | algorithms | environments |", "|---|---|---|"]
    rows = {kind: catalog.listing(kind) for kind in ("algorithms", "environments")}
    for family in dict.fromkeys(f for kind in rows for _, f, _ in rows[kind]):
        cells = [", ".join(f"`{n}`" for n, f, _ in rows[kind] if f == family) for kind in rows]
        lines.append(f"| **{family}** | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def rewrite_catalogue(file: Path) -> None:
    """Put `catalogue_markdown` between the `MARKS` of a file.

    Raises
    ------
    InvalidInput
        A file that cannot be read, or without the marks.
    StoreError
        It cannot be written; it is then as it was.
    """
    from duel.store import write

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"--markdown: cannot read {str(file)!r} ({error.strerror}).") from None
    start, end = text.find(MARKS[0]), text.find(MARKS[1])
    if not 0 <= start < end:
        raise InvalidInput(
            f"--markdown: {str(file)!r} must hold the lines {MARKS[0]!r} and {MARKS[1]!r}, in this order."
        )
    text = text[: start + len(MARKS[0])] + f"\n{catalogue_markdown()}\n" + text[end:]
    write(file, text.encode())


def _experiment(options: Any) -> int:
    module = catalog.experiment(options.name)
    if options.action in {"run", "plot"}:
        require_writable(options.out or f"results/{options.name}")
    return perform(options.name, module, options)


def require_writable(out: str | Path, argument: str = "--out") -> None:
    """Refuse an output folder that cannot be made or written, before anything is computed. Writes nothing."""
    folder, out = Path(out), str(out)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise InvalidInput(f"{argument} {out!r}: {str(folder)!r} is a file; choose another folder.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InvalidInput(f"{argument} {out!r}: no permission to write in {str(folder)!r}; choose another folder.")


def require_file(file: str, argument: str = "--out") -> None:
    """Refuse an output file that cannot be written, before anything is computed. Writes nothing."""
    if Path(file).is_dir():
        raise InvalidInput(
            f"{argument} {file!r} is a folder; give the name of a file, such as {file.rstrip('/')}/out.json."
        )
    require_writable(Path(file).parent, argument)


def _demo(options: Any) -> int:
    require_writable(options.out)
    workers = None if options.workers is None else whole_number("--workers", options.workers)
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
        print(f"\n{name}: {catalog.summary(f'experiments.{name}')}.", flush=True)
        frame = sweep.run(out, workers=workers).to_frame()
        print_finals(frame, title=f"{name}, after {sweep.horizon:,} duels, {sweep.runs} runs")
        pictures += experiment.plot(frame, out)
    print("\nPictures:")
    for picture in pictures:
        print(f"  {picture}")
    print(f"\nResults: {out} (read them with duel.load, or: duel export {out} results.csv)")
    return 0


def final_table(frame: "pd.DataFrame", metric: str = "average") -> "pd.DataFrame":
    """Final value of a metric for each environment and algorithm: mean, standard error over the runs, runs.

    Regret of a run is paired with that of the best algorithm on the same instance and noise (the same run number), and
    `behind` is the mean difference with its standard error `behind_se`.
    """
    import pandas as pd

    from duel.compare import by_run

    parts = []
    for environment, table in by_run(frame, metric).items():
        lag = table.sub(table[table.mean().idxmin()], axis=0)
        columns = {"mean": table.mean(), "se": table.sem(), "behind": lag.mean(), "behind_se": lag.sem()}
        part = pd.DataFrame(columns).sort_values("mean").rename_axis("algorithm").reset_index()
        parts.append(part.assign(environment=environment, runs=len(table)))
    return pd.concat(parts, ignore_index=True)


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

    print(diagnose_file(options.file, options.ties, smoothing=_real("--smoothing", options.smoothing)))


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
    from duel.store import write

    if options.out is not None:
        require_file(options.out)
    module: Any = import_module(f"duel.bench_{options.kind}") if options.kind else bench
    rows, measured = module.rows(options.names, quick=options.quick), []
    if not options.json:
        print(module.heading(), flush=True)
    for row in rows:
        measured.append(row)
        if not options.json:
            print(module.line(row, quick=options.quick), flush=True)
    text = json.dumps(bench.as_json(measured, quick=options.quick), indent=1)
    if options.json:
        print(text)
    if options.out is not None:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        write(Path(options.out), f"{text}\n".encode())


def _theorems(options: Any) -> int:
    from duel import ledger

    if options.list:
        for claim in ledger.claims(options.only):
            print(f"{claim.name:<26} {claim.claim.metric:<16} {claim.claim.statement}")
        return 0
    page = Path(options.page or Path(options.out) / "ledger.md")
    require_writable(options.out)
    require_writable(page.parent, "--page")
    ledger.earlier(page)  # refuses what `ledger.page` could not renew, before hours of runs
    mode = "quick" if options.quick else "full" if options.full else "standard"
    rows = ledger.run(
        options.only, mode=mode, seed=whole_number("--seed", options.seed), out=options.out,
        workers=None if options.workers is None else whole_number("--workers", options.workers),
        progress=lambda row: print(ledger.line(row), flush=True),
    )  # fmt: skip
    file, table, *_ = ledger.page(rows, page, mode=mode)
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
    sweeps = []
    for name in catalog.experiments():
        with contextlib.suppress(InvalidInput):  # data that are not shipped: what it asked for last is on record
            sweeps.append(catalog.experiment(name).SWEEP)
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
