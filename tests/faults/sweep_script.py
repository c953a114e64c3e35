"""The sweep that the fault suite disturbs: 40 cells of about a tenth of a second, run from the shell."""

import sys

from algorithms.finite import RUCB, UniformPairs
from duel.console import guarded, run_experiment
from duel.sweep import Sweep
from envs.finite import BradleyTerry

SWEEP = Sweep(
    name="disturbed",
    algorithms=[UniformPairs(), RUCB()],
    environments={"five": BradleyTerry([2.0, 1.5, 1.0, 0.5, 0.0])},
    horizon=200_000,
    runs=160,
    block=8,
)


def main() -> int:
    out, *words = sys.argv[1:]
    options = dict(word.split("=", 1) for word in words)
    return guarded(lambda: run_experiment(SWEEP, lambda *_: None, out=out, **options))


if __name__ == "__main__":
    sys.exit(main())
