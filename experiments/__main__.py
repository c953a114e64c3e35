"""``python -m experiments run NAME --out DIR``: run an experiment's sweep, then draw its plot."""

import sys

from duel.console import main

if __name__ == "__main__":
    sys.exit(main(prog="python -m experiments"))
