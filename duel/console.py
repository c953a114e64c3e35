"""Running an experiment from a shell: the arguments, what is printed, the exit status.

An experiment is a module with ``SWEEP`` (a `duel.sweep.Sweep`) and ``plot(frame, out)``, which draws from the tidy
table into the folder `out`. ``python -m experiments run NAME`` and ``python -m experiments.NAME`` end here.

Exit status: 0 done, 2 refused input, 1 cells failed or the store or executor broke, 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from duel import catalog
from duel.errors import InvalidInput, did_you_mean, unknown


class _Parser(argparse.ArgumentParser):
    """argparse with one-line errors and "did you mean"."""

    def error(self, message: str) -> NoReturn:
        words = [w for w in sys.argv[1:] if w.startswith("--")]
        choices = [p for a in self._actions if isinstance(a.choices, dict) for p in a.choices.values()]
        known = tuple({o for p in (self, *choices) for action in p._actions for o in action.option_strings})
        hints = [did_you_mean(w.partition("=")[0], known) for w in words if w.partition("=")[0] not in known]
        self.exit(2, f"error: {message}.{''.join(hints)} See {self.prog} --help.\n")


def main(argv: Sequence[str] | None = None, *, prog: str = "experiments") -> int:
    """The command ``run NAME``, ``list``, ``status NAME``, ``plot NAME``; returns the exit status."""
    parser = _Parser(prog=prog, description="Run an experiment's sweep and draw its plot.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, parser_class=_Parser)
    commands.add_parser("list", help="names of the experiments")
    for name, words in (
        ("run", "compute what is missing, then plot"),
        ("status", "how much is done"),
        ("plot", "draw from what is there"),
    ):
        command = commands.add_parser(name, help=words, allow_abbrev=False)
        command.add_argument("name", metavar="NAME")
        _add_options(command)
    options = parser.parse_args(argv)
    if options.command == "list":
        print("\n".join(catalog.experiments()))
        return 0
    return _guarded(lambda: _perform(options.command, options.name, catalog.experiment(options.name), options))


def run_module(module: ModuleType | str, argv: Sequence[str] | None = None) -> int:
    """``python -m experiments.NAME``: call as ``sys.exit(run_module(__name__))`` under the `__main__` guard."""
    loaded = sys.modules[module] if isinstance(module, str) else module
    name = Path(str(loaded.__file__)).stem
    parser = _Parser(prog=f"python -m experiments.{name}", description=loaded.__doc__, allow_abbrev=False)
    _add_options(parser)
    options = parser.parse_args(argv)
    return _guarded(lambda: _perform("run", name, loaded, options))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="DIR", help="folder of the results (results/NAME)")
    parser.add_argument("--runs", help="runs of every pair")
    parser.add_argument("--horizon", help="rounds of every run")
    parser.add_argument("--seed", help="seed of all runs")
    parser.add_argument("--smoke", action="store_true", help="a small version, in seconds")
    parser.add_argument("--workers", help="threads or processes (every core)")
    parser.add_argument("--executor", default="threads", help="threads, processes or dask")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, tcp://host:8786")
    parser.add_argument("--dry-run", action="store_true", help="print what would be computed and its cost")
    parser.add_argument("--status", action="store_true", help="print how much is done")
    parser.add_argument("--no-plot", action="store_true", help="compute only")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def _guarded(action: Callable[[], int]) -> int:
    """Errors that are the user's to mend, as one line and a status instead of a traceback."""
    from duel.driver import CellsFailed, Interrupted, PoolLost
    from duel.store import Damaged, StoreError

    try:
        return action()
    except InvalidInput as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except Interrupted as e:
        print(str(e), file=sys.stderr)
        return 128 + e.signal_number
    except (CellsFailed, PoolLost, StoreError, Damaged) as e:
        print(f"error: {e.strerror if isinstance(e, StoreError) else e}", file=sys.stderr)
        return 1


def _perform(command: str, name: str, module: ModuleType, options: Any) -> int:
    sweep, plot = getattr(module, "SWEEP", None), getattr(module, "plot", None)
    if sweep is None or plot is None:
        raise InvalidInput(f"experiment {name}: the module must define SWEEP and plot(frame, out).")
    return run_experiment(
        sweep, plot, out=options.out or os.path.join("results", name), smoke=options.smoke, runs=options.runs,
        horizon=options.horizon, seed=options.seed, workers=options.workers, executor=options.executor,
        scheduler=options.scheduler, quiet=options.quiet, draw=not options.no_plot,
        action="dry-run" if options.dry_run else "status" if options.status else command,
    )  # fmt: skip


def run_experiment(
    sweep: Any,
    plot: Callable[..., Any],
    *,
    out: str,
    smoke: bool = False,
    runs: Any = None,
    horizon: Any = None,
    seed: Any = None,
    workers: Any = None,
    executor: Any = "threads",
    scheduler: str | None = None,
    quiet: bool = False,
    draw: bool = True,
    action: str = "run",
) -> int:
    """Carry out one command on one experiment. Numbers may come as text; returns the exit status.

    Raises
    ------
    InvalidInput, and what `Sweep.run` raises.
    """
    numbers = {"runs": runs, "horizon": horizon, "seed": seed}
    chosen = {k: _integer(f"--{k}", v) for k, v in numbers.items() if v is not None}
    threads = None if workers is None else _integer("--workers", workers)
    if smoke:
        sweep = sweep.smoke()
    if chosen:
        sweep = sweep.replace(**chosen)
    if action in {"dry-run", "status"}:
        print(sweep.plan(out, threads, pilot=60.0 if action == "dry-run" else 0.0))
        return 0
    if action not in {"run", "plot"}:
        raise unknown("action", action, ("run", "plot", "dry-run", "status"))
    if action == "run":
        plan = sweep.plan(out, threads, pilot=0.0 if smoke else 5.0)
        print(str(plan).splitlines()[0], flush=True)
        results = sweep.run(
            out, workers=threads, executor=executor, scheduler=scheduler, progress=False if quiet else None
        )
    else:
        from duel.store import load

        results = load(out, sweep.name)
    if draw:
        plot(results.to_frame(), Path(out))
    return 0


def _integer(argument: str, value: Any) -> int:
    try:
        number = float(value)
        if number != int(number):
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise InvalidInput(f"{argument} must be a whole number, such as 100 or 1e5; got {value!r}.") from None
    return int(value) if str(value).lstrip("+-").isdigit() else int(number)
