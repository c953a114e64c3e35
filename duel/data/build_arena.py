"""Rebuild ``arena30.csv`` from the package it was taken from, and check that nothing changed.

::

    pip download leaderbot==0.4.3 --no-deps
    python -m duel.data.build_arena leaderbot-0.4.3-py3-none-any.whl          # compares, writes nothing
    python -m duel.data.build_arena leaderbot-0.4.3-py3-none-any.whl --write FILE

takes the wheel, or the JSON file inside it. Exit status 1 if the digests or the table differ.

The reduction: of the 129 models keep those of a set in which every pair met at least 200 times, found greedily: while
some pair of the remaining models met less often, drop the model with the fewest partners that it met 200 times (the
first in the order of the file, if several). Ties and "both bad" votes are added up as ties. Thirty models remain.
"""

import argparse
import csv
import hashlib
import io
import json
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import numpy as np

from duel.errors import InvalidInput

WHEEL_SHA256 = "6a35ee045966af27f184ef814559f26c24e3592f483160a5608dcbea7ce206b6"
JSON_SHA256 = "25dfb900a5f61ad87c3b4bc29d1cf9d8b1bd80fb3fe0463c68943246f21d532d"
MEMBER = "leaderbot/data/chatbotarena_20240814.json"
LEAST_VOTES = 200


def read_source(path: Path) -> dict:
    """The upstream JSON out of the wheel or a loose file, both checked against their digests.

    Returns
    -------
    dict
        ``models``: names; ``X``: pairs of model numbers; ``Y``: (win, loss, tie, both bad) of each pair.

    Raises
    ------
    InvalidInput
        No such file, or not the bytes that the table was made from.
    """
    if not path.is_file():
        raise InvalidInput(f"{path}: no such file; get it with: pip download leaderbot==0.4.3 --no-deps")
    raw = path.read_bytes()
    if path.suffix == ".whl":
        _check_digest(path.name, raw, WHEEL_SHA256)
        with zipfile.ZipFile(io.BytesIO(raw)) as wheel:
            raw = wheel.read(MEMBER)
    _check_digest(MEMBER, raw, JSON_SHA256)
    return json.loads(raw)


def _check_digest(name: str, raw: bytes, expected: str) -> None:
    digest = hashlib.sha256(raw).hexdigest()
    if digest != expected:
        raise InvalidInput(f"{name}: sha256 {digest}, expected {expected} (leaderbot 0.4.3).")


def dense_models(votes: np.ndarray, least: int = LEAST_VOTES) -> list[int]:
    """Models of a set in which every pair met `least` times; `votes` [n, n] counts votes of each pair."""
    met = votes >= least
    np.fill_diagonal(met, False)
    kept = list(range(len(votes)))
    while True:
        partners = met[np.ix_(kept, kept)].sum(axis=1)
        if partners.min() == len(kept) - 1:
            return kept
        kept.pop(int(partners.argmin()))


def arena_table(source: dict) -> str:
    """The CSV text of the dense table: item_i,item_j,wins_i,wins_j,ties, pairs in the order of the source."""
    names = source["models"]
    votes = np.zeros((len(names), len(names)), dtype=np.int64)
    for (i, j), outcomes in zip(source["X"], source["Y"], strict=True):
        votes[i, j] += sum(outcomes)
        votes[j, i] += sum(outcomes)
    kept = set(dense_models(votes))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["item_i", "item_j", "wins_i", "wins_j", "ties"])
    for (i, j), (win, loss, tie, both_bad) in zip(source["X"], source["Y"], strict=True):
        if i in kept and j in kept:
            writer.writerow([names[i], names[j], win, loss, tie + both_bad])
    return out.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Compare the shipped table with a fresh one, or write the fresh one; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m duel.data.build_arena", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("source", type=Path, help="leaderbot-0.4.3-py3-none-any.whl, or the JSON file inside it")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there")
    options = parser.parse_args(arguments)
    try:
        table = arena_table(read_source(options.source))
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 1
    if options.write is not None:
        options.write.write_text(table, encoding="utf-8", newline="\n")
        print(f"wrote {options.write}: {table.count(chr(10)) - 1} pairs")
        return 0
    shipped = files("duel").joinpath("data", "arena30.csv").read_bytes()
    same = shipped == table.encode()
    print("arena30.csv is byte-identical" if same else "arena30.csv DIFFERS from the source")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
