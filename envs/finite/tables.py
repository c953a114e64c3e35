"""Environments made from tables of counts: the LLM arena that ships with the lab, or a user's own CSV."""

import os

from duel import tables
from envs.finite.preference_matrix import PreferenceMatrix

__all__ = ["arena", "from_counts"]


def from_counts(path: str | os.PathLike[str], *, ties: str = "half", smoothing: float = 0.0) -> PreferenceMatrix:
    """A duel simulator with the win rates of a table of counts.

    Parameters
    ----------
    path : path of a CSV
        Columns item_i, item_j, wins_i, wins_j[, ties], or a square matrix; see `duel.tables.read_counts`.
    ties : {"half", "drop", "ternary"}
        A tie is half a win for each, is dropped, or is an outcome of its own.
    smoothing : float
        Pseudo-count added to every outcome; pairs never observed are fair coins.

    Raises
    ------
    InvalidInput
        The file cannot be read or a line of it is malformed (with its number).
    """
    return _environment(tables.read_counts(path), ties, smoothing)


def arena(*, ties: str = "half") -> PreferenceMatrix:
    """30 language models, human votes on 435 pairs (Chatbot Arena, August 2024; see duel/data/PROVENANCE.md).

    It defines a simulator whose win rates are the observed ones; it is not the truth about people or models.
    Names: ``duel.tables.arena_counts().names``.
    """
    return _environment(tables.arena_counts(), ties, 0.0)


def _environment(counts: tables.Counts, ties: str, smoothing: float) -> PreferenceMatrix:
    matrix = tables.preference_matrix(counts, ties, smoothing=smoothing)
    return PreferenceMatrix(matrix.P, matrix.ties)
