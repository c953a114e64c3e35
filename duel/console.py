"""Running an experiment from a shell: the arguments, what is printed, the exit status.

An experiment is a module with ``SWEEP`` (a `duel.sweep.Sweep`) and ``plot(frame, out)``, which draws from the tidy
table into the folder `out`. ``duel run NAME`` and ``python -m experiments run NAME`` end here.

Exit status: 0 done, 2 refused input, 1 cells failed or the store or executor broke, 130 Ctrl-C, 143 SIGTERM.
"""

import argparse
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from duel import catalog
from duel.errors import InvalidInput, did_you_mean, unknown


class Parser(argparse.ArgumentParser):
    """argparse that raises InvalidInput, in one line and with "did you mean"."""

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


def main(argv: Sequence[str] | None = None, *, prog: str = "experiments") -> int:
    """The command ``run NAME``, ``list``, ``status NAME``, ``plot NAME``; returns the exit status."""
    parser = Parser(prog=prog, description="Run an experiment's sweep and draw its plot.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    commands.add_parser("list", help="names of the experiments")
    for name, words in (
        ("run", "compute what is missing, then plot"),
        ("status", "how much is done"),
        ("plot", "draw from what is there"),
    ):
        command = commands.add_parser(name, help=words, allow_abbrev=False)
        command.add_argument("name", metavar="NAME", help="one of those that `list` prints")
        add_options(command, name)

    def work() -> int:
        options = parser.parse_args(argv)
        if options.command == "list":
            print("\n".join(catalog.experiments()))
            return 0
        return perform(options.name, catalog.experiment(options.name), options)

    return guarded(work)


def add_options(parser: argparse.ArgumentParser, action: str = "run") -> None:
    """Give a parser the options of `run_experiment` that concern "run", "status" or "plot"."""
    parser.set_defaults(action=action)
    parser.add_argument("--out", metavar="DIR", help="folder of the results (results/NAME)")
    parser.add_argument("--smoke", action="store_true", help="a small version, in seconds")
    if action == "plot":
        return
    parser.add_argument("--runs", metavar="R", help="runs of every pair (the experiment's own)")
    parser.add_argument("--horizon", metavar="T", help="rounds of every run (the experiment's own)")
    parser.add_argument("--seed", metavar="SEED", help="seed of all runs (the experiment's own)")
    parser.add_argument("--workers", metavar="N", help="threads or processes (every core)")
    if action == "status":
        return
    parser.add_argument("--executor", metavar="WHERE", default="threads", help="threads, processes or dask (threads)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, tcp://host:8786")
    instead = parser.add_mutually_exclusive_group()
    for word, said in (("dry-run", "print what would be computed and its cost"), ("status", "print how much is done")):
        instead.add_argument(f"--{word}", action="store_const", dest="action", const=word, help=f"only {said}")
    parser.add_argument("--no-plot", action="store_false", dest="draw", help="compute only")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def guarded(action: Callable[[], int]) -> int:
    """The exit status of `action`; errors that are the user's to mend are one line and no traceback."""
    try:
        return action()
    except InvalidInput as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as e:  # a sweep's own, `duel.driver.Interrupted`, says how to resume
        print(str(e) or "interrupted", file=sys.stderr)
        return 128 + getattr(e, "signal_number", 2)
    except BrokenPipeError:  # duel list | head
        sys.stderr.close()
        return 0
    except Exception as e:
        from duel.driver import CellsFailed, PoolLost
        from duel.store import Damaged, StoreError

        if not isinstance(e, CellsFailed | PoolLost | StoreError | Damaged):
            raise
        print(f"error: {e.strerror if isinstance(e, StoreError) else e}", file=sys.stderr)
        return 1


def perform(name: str, module: Any, options: argparse.Namespace) -> int:
    """`run_experiment` on a module with SWEEP and plot, as the options of `add_options` say."""
    sweep, plot = getattr(module, "SWEEP", None), getattr(module, "plot", None)
    if sweep is None or plot is None:
        raise InvalidInput(f"experiment {name}: the module must define SWEEP and plot(frame, out).")
    known = inspect.signature(run_experiment).parameters
    given = {k: v for k, v in vars(options).items() if k in known and k != "out"}
    return run_experiment(sweep, plot, out=options.out or os.path.join("results", name), **given)


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
    """Carry out one command on one experiment, print the files that it drew, and return the exit status, 0.

    Parameters
    ----------
    sweep : Sweep
    plot : callable (frame, folder) -> paths of the pictures, or None
    out : str
        Folder of the store and of the pictures.
    smoke : bool
        `Sweep.smoke` in place of the sweep.
    runs, horizon, seed, workers : int, text or None
        In place of the sweep's own; whole numbers, also as text such as "1e5".
    executor, scheduler
        As in `Sweep.run`.
    quiet : bool
        No progress.
    draw : bool
        Whether to draw after the run.
    action : {"run", "plot", "dry-run", "status"}

    Raises
    ------
    InvalidInput, and what `Sweep.run` raises.
    """
    numbers = {"runs": runs, "horizon": horizon, "seed": seed}
    chosen = {k: whole_number(f"--{k}", v) for k, v in numbers.items() if v is not None}
    threads = None if workers is None else whole_number("--workers", workers)
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
        for file in plot(results.to_frame(), Path(out)) or ():
            print(file)
    return 0


def whole_number(argument: str, value: Any) -> int:
    """An option's text as an int: "100", "1e5"; or InvalidInput that names `argument`."""
    try:
        number = float(value)
        if number != int(number):
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        raise InvalidInput(f"{argument} must be a whole number, such as 100 or 1e5; got {value!r}.") from None
    return int(value) if str(value).lstrip("+-").isdigit() else int(number)
