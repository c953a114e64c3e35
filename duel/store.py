"""Results on disk: one sealed Parquet file per cell, named by the content hash of what was computed.

::

    store/
      cells/3f/3f9c…e1.16.parquet   first 16 runs of one block of one (algorithm, environment) pair
      sweeps/finite_regret.json     what an experiment asked for last: labels and cells, never what is done
      quarantine/                   files that failed their check, kept for inspection
      logs/                         one JSON-lines file per run of a sweep

The existence of a cell's file is its commit: it is written to a temporary name, flushed to the disk and renamed, so a
killed sweep loses cells in flight and nothing else. There is no index that could disagree with the files.

Two digests guard a file. The *seal* covers its name and every byte, and is checked before anything is parsed, so that
a flipped bit, a truncation or foreign content is found, named, set aside and computed again. The *digest* covers the
unit, the names, the types and the values of the columns, whatever program wrote the bytes.
"""

import contextlib
import errno
import hashlib
import io
import json
import os
import re
import secrets
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from duel.errors import InvalidInput, unknown

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FORMAT = 1
SEAL = b"\x01duel-seal\x01"
CELL_NAME = re.compile(r"([0-9a-f]{32})\.(\d+)\.parquet")
TEMPORARY = re.compile(r"\.tmp-(?P<host>[^/]+)-(?P<pid>\d+)-[0-9a-f]+")
KEYS = ("algorithm", "environment", "run", "t", "metric", "value")


class Damaged(Exception):
    """A file of the store that does not pass its check; the message says which file and what is wrong."""


class StoreError(OSError):
    """The store cannot be written: read-only, full, or not a folder. What was finished is safe."""


class Cell(NamedTuple):
    """A block of runs as read from disk."""

    unit: dict[str, Any]  # what was computed, see duel.identity.unit
    runs: np.ndarray  # int64 [R] run numbers, increasing
    checkpoints: np.ndarray  # int64 [C]
    metrics: dict[str, np.ndarray]  # name -> float64 [R, C]
    provenance: dict[str, Any]  # versions, machine, seconds


@dataclass(frozen=True)
class Store:
    """A folder of results. Creating the object touches nothing; `prepare` makes the folders.

    Parameters
    ----------
    path : path-like
    """

    path: Path

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike) or not str(path):
            raise InvalidInput(f"out must be the path of a folder, for example 'results/first'; got {path!r}.")
        object.__setattr__(self, "path", Path(path))

    def prepare(self) -> list[str]:
        """Make the folders, remove temporary files of dead processes of this machine, and return the names of those.

        Raises
        ------
        StoreError
            If the folder cannot be made or written.
        """
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(errno.ENOTDIR, f"out={str(self.path)!r} is a file; give a folder for the results")
        try:
            for name in ("cells", "sweeps", "logs"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            commit(self.path / "cells" / ".probe", b"")
            (self.path / "cells" / ".probe").unlink(missing_ok=True)
        except OSError as e:
            raise explained(e, self.path) from None
        return self.sweep_temporaries()

    def sweep_temporaries(self) -> list[str]:
        """Remove unfinished files of dead processes of this machine; returns their names. No clock is trusted."""
        removed = []
        for file in self.temporaries():
            match = TEMPORARY.fullmatch(file.name)
            if match and match["host"] == _host() and not _alive(int(match["pid"])):
                with contextlib.suppress(OSError):
                    file.unlink()
                    removed.append(file.name)
        return removed

    def temporaries(self) -> list[Path]:
        """Unfinished files, of live and dead writers."""
        folders = [self.path / "cells", self.path / "sweeps", *self._folders()]
        return sorted(f for folder in folders if folder.is_dir() for f in folder.glob(".tmp-*"))

    def _folders(self) -> list[Path]:
        cells = self.path / "cells"
        return sorted(p for p in cells.iterdir() if p.is_dir()) if cells.is_dir() else []

    def held(self) -> dict[str, int]:
        """Cell id -> largest number of its runs that a file holds. Names only: nothing is opened."""
        found: dict[str, int] = {}
        for _, cell, count in self.files():
            found[cell] = max(count, found.get(cell, 0))
        return found

    def files(self) -> Iterator[tuple[Path, str, int]]:
        """(file, cell id, runs) of every result file, in order of name."""
        for folder in self._folders():
            with os.scandir(folder) as entries:
                names = sorted(e.name for e in entries)
            for name in names:
                match = CELL_NAME.fullmatch(name)
                if match:
                    yield folder / name, match[1], int(match[2])

    def file(self, cell: str, count: int) -> Path:
        """Where the first `count` runs of a cell are kept."""
        return self.path / "cells" / cell[:2] / file_name(cell, count)

    def find(self, cell: str, count: int) -> Path | None:
        """A file that holds at least the first `count` runs of a cell, the smallest such, or None."""
        folder = self.path / "cells" / cell[:2]
        counts = []
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                match = CELL_NAME.fullmatch(entry.name)
                if match and match[1] == cell:
                    counts.append(int(match[2]))
        enough = [c for c in counts if c >= count]
        return self.file(cell, min(enough)) if enough else None

    def prefix(self, cell: str) -> Path | None:
        """The file with the most runs of a cell, or None."""
        folder = self.path / "cells" / cell[:2]
        counts = [int(p.name.split(".")[1]) for p in folder.glob(f"{cell}.*.parquet")]
        return self.file(cell, max(counts)) if counts else None

    def write(self, cell: str, result: Cell) -> int:
        """Commit a cell's result and return its size in bytes. Smaller files of the cell are removed afterwards."""
        data = encode(result)
        target = self.file(cell, len(result.runs))
        for attempt in range(3):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                commit(target, data)
                break
            except FileNotFoundError as e:  # a driver of another container, in which our pid is dead, cleaned up
                if attempt == 2:
                    raise explained(e, self.path) from None
            except OSError as e:
                raise explained(e, self.path) from None
        for smaller in target.parent.glob(f"{cell}.*.parquet"):
            if int(smaller.name.split(".")[1]) < len(result.runs):
                smaller.unlink(missing_ok=True)
        return len(data)

    def read(self, cell: str, count: int) -> Cell:
        """The first `count` runs of a cell, checked.

        Raises
        ------
        Damaged
            If the file is absent or fails its check.
        """
        while True:
            file = self.find(cell, count)
            if file is None:
                raise Damaged(f"no file holds {count} runs of cell {cell} in {self.path}")
            try:
                found = read_cell(file)
            except FileNotFoundError:  # replaced by a longer one since it was listed
                continue
            return found._replace(runs=found.runs[:count], metrics={k: v[:count] for k, v in found.metrics.items()})

    def quarantine(self, file: Path, reason: str) -> Path:
        """Move a damaged file aside, keeping its name and the reason; return where it went."""
        folder = self.path / "quarantine"
        try:
            folder.mkdir(exist_ok=True)
            place = folder / f"{file.name}.{secrets.token_hex(3)}"
            os.replace(file, place)
            with contextlib.suppress(OSError):  # a full disk must not keep a damaged file in its place
                place.with_name(place.name + ".why").write_text(reason + "\n", encoding="utf-8")
        except FileNotFoundError:
            return folder / file.name
        except OSError as e:
            raise explained(e, self.path) from None
        return place

    def record(self, name: str, content: Mapping[str, Any]) -> None:
        """Keep what the sweep `name` asks for (labels, cells), replacing what it asked for before."""
        text = json.dumps({"digest": _text_digest(content), **content}, indent=1).encode()
        try:
            (self.path / "sweeps").mkdir(parents=True, exist_ok=True)
            commit(self.path / "sweeps" / f"{name}.json", text)
        except OSError as e:
            raise explained(e, self.path) from None

    def recorded(self) -> dict[str, dict[str, Any]]:
        """What sweeps asked for, by name. A damaged record raises Damaged."""
        found = {}
        for file in sorted((self.path / "sweeps").glob("*.json")):
            try:
                content = json.loads(file.read_bytes())
                good = content.pop("digest") == _text_digest(content)
            except (ValueError, KeyError, AttributeError, TypeError):
                good = False
            if not good:
                raise Damaged(f"{file}: the record of what a sweep asked for is damaged; run the sweep to renew it")
            found[file.stem] = content
        return found


def encode(result: Cell) -> bytes:
    """The bytes of a result file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = _table(result)
    unit = json.dumps(result.unit, sort_keys=True)
    footer = {
        "duel": json.dumps({"format": FORMAT, "provenance": result.provenance}, sort_keys=True, default=str),
        "duel.unit": unit,
        "duel.digest": table_digest(unit, table),
        "duel.seal": SEAL.decode() + "0" * 64,
    }
    sink = pa.BufferOutputStream()
    options: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True, "write_statistics": False}
    options["use_dictionary"] = ["run", "t"]  # of metrics, dictionaries are a fifth longer than plain values
    with pq.ParquetWriter(sink, table.schema, store_schema=False, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(footer)
    data = sink.getvalue().to_pybytes()
    at = data.rfind(SEAL) + len(SEAL)
    name = file_name(unit_id(result.unit), len(result.runs))
    return data[:at] + seal_of(data, at, name) + data[at + 64 :]


def _table(result: Cell) -> "pa.Table":
    import pyarrow as pa

    R, C = len(result.runs), len(result.checkpoints)
    columns = {"run": np.repeat(result.runs, C), "t": np.tile(result.checkpoints, R)}
    columns.update({name: np.ascontiguousarray(values).reshape(R * C) for name, values in result.metrics.items()})
    return pa.table(columns)


def seal_of(data: bytes, at: int, name: str) -> bytes:
    """Hex digest of a file's name and of all its bytes but the 64 at position `at`, where it is kept."""
    h = hashlib.blake2b(name.encode(), digest_size=32)
    h.update(data[:at])
    h.update(data[at + 64 :])
    return h.hexdigest().encode()


def sealed(data: bytes, name: str) -> bool:
    """Whether these are, byte for byte, what was written to the result file of this name."""
    at = data.rfind(SEAL) + len(SEAL)
    return at >= len(SEAL) and data[at : at + 64] == seal_of(data, at, name)


def file_name(cell: str, count: int) -> str:
    """Name of the file with the first `count` runs of a cell."""
    return f"{cell}.{count}.parquet"


def what_is_wrong(data: bytes, file: Path) -> str | None:
    """In a line, why the bytes of a result file cannot be trusted, or None."""
    if sealed(data, file.name):
        return None
    return f"{file}: {'empty' if not data else f'truncated, altered or misnamed ({len(data)} bytes)'}"


def table_digest(unit: str, table: "pa.Table") -> str:
    """Digest over unit, column names, types and values."""
    h = hashlib.blake2b(unit.encode(), digest_size=16)
    for name in table.column_names:
        values = np.ascontiguousarray(table.column(name).to_numpy())
        h.update(f"\n{name}:{values.dtype.str}:{len(values)}\n".encode())
        h.update(values.tobytes())
    return h.hexdigest()


def read_cell(file: Path) -> Cell:
    """Read and check one result file.

    Raises
    ------
    Damaged
        Truncated, garbled, of another format, or not what its name says.
    """
    data = file.read_bytes()
    if (wrong := what_is_wrong(data, file)) is not None:
        raise Damaged(wrong)
    return decode(data, file)


def decode(data: bytes, file: Path) -> Cell:
    """A result file's bytes as a Cell; the digest over unit, names, types and values is checked."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(data), page_checksum_verification=True, use_threads=False)
        meta = table.schema.metadata
        head, text, digest = json.loads(meta[b"duel"]), meta[b"duel.unit"].decode(), meta[b"duel.digest"].decode()
    except Exception as e:
        raise Damaged(f"{file}: not a result file of this lab ({type(e).__name__})") from None
    if head.get("format") != FORMAT:
        raise Damaged(f"{file}: format {head.get('format')!r}; this version reads format {FORMAT}")
    if table_digest(text, table) != digest:
        raise Damaged(f"{file}: its values do not match its digest")
    unit = json.loads(text)
    runs = table.column("run").to_numpy()
    R = len(np.unique(runs))
    named = CELL_NAME.fullmatch(file.name)
    if named is None or named[1] != unit_id(unit) or int(named[2]) != R:
        raise Damaged(f"{file}: holds {R} runs of cell {unit_id(unit)}, not what its name says")
    metrics = {n: table.column(n).to_numpy().reshape(R, -1) for n in table.column_names[2:]}
    C = len(runs) // R
    return Cell(unit, runs[::C].copy(), table.column("t").to_numpy()[:C].copy(), metrics, head["provenance"])


def unit_id(unit: Mapping[str, Any]) -> str:
    """Content hash of a unit: 32 hex digits."""
    return _text_digest(unit)


def _text_digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def commit(target: Path, data: bytes) -> None:
    """Write `data` to `target` so that a reader, or a power cut, finds all of it or nothing."""
    temporary = target.with_name(f".tmp-{_host()}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # some file systems refuse to sync folders
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write(file: Path, data: bytes) -> None:
    """Write a file for people (a page, a table, a picture), whole or not at all.

    Raises
    ------
    StoreError
        It cannot be written; what was there before is there still.
    """
    try:
        commit(file, data)
    except OSError as error:
        raise explained(error, file) from None


def explained(error: OSError, path: Path) -> StoreError:
    """The same error with what it means for the sweep."""
    if isinstance(error, StoreError):
        return error
    what = {
        errno.ENOSPC: "the disk is full; free space and run the same command again",
        errno.EDQUOT: "the quota is used up; free space and run the same command again",
        errno.EFBIG: "a file-size limit was reached (ulimit -f); raise it and run the same command again",
        errno.EROFS: "the file system is read-only; give another folder with out=",
        errno.EACCES: "no permission to write; give another folder with out=",
        errno.EPERM: "no permission to write; give another folder with out=",
    }.get(error.errno or 0, f"{error.strerror or error}")
    return StoreError(error.errno, f"store {str(path)!r}: {what}. Finished cells are safe")


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname()) or "host"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # not Linux, or just gone
        return True
    return state not in {"Z", "X"}  # a zombie writes nothing any more


class Entry(NamedTuple):
    """One (algorithm, environment) pair of a sweep, with the cells that hold its runs."""

    sweep: str
    algorithm: str  # label
    environment: str  # label
    parameters: dict[str, Any]  # hyper-parameters of the algorithm
    cells: tuple[tuple[str, int], ...]  # (cell id, runs taken from it), in order of run


class Block(NamedTuple):
    """All runs of one entry."""

    runs: np.ndarray  # int64 [R]
    checkpoints: np.ndarray  # int64 [C]
    metrics: dict[str, np.ndarray]  # name -> float64 [R, C]


@dataclass(frozen=True)
class Results:
    """Results of the sweeps of a store, read on demand and checked on every read.

    Attributes
    ----------
    store : Store
    entries : tuple of Entry
    """

    store: Store
    entries: tuple[Entry, ...]

    @property
    def algorithms(self) -> tuple[str, ...]:
        """Labels of the algorithms, in the order of the sweep."""
        return tuple(dict.fromkeys(e.algorithm for e in self.entries))

    @property
    def environments(self) -> tuple[str, ...]:
        """Labels of the environments, in the order of the sweep."""
        return tuple(dict.fromkeys(e.environment for e in self.entries))

    def missing(self) -> list[tuple[Entry, str, int]]:
        """Cells that no file holds, judged by name; damage shows on reading."""
        held = self.store.held()
        return [(e, cell, n) for e in self.entries for cell, n in e.cells if held.get(cell, 0) < n]

    def block(self, algorithm: str, environment: str) -> Block:
        """All runs that are there of an algorithm in an environment, by label.

        Raises
        ------
        InvalidInput
            For an unknown label.
        Damaged
            If a file fails its check.
        """
        if algorithm not in self.algorithms:
            raise unknown("algorithm", algorithm, self.algorithms)
        if environment not in self.environments:
            raise unknown("environment", environment, self.environments)
        entries = [e for e in self.entries if (e.algorithm, e.environment) == (algorithm, environment)]
        if len(entries) > 1:
            names = ", ".join(sorted({e.sweep for e in entries}))
            raise InvalidInput(f"sweep: {algorithm!r} on {environment!r} is in several sweeps; load one of {names}.")
        return self._read(entries[0])

    def array(self, algorithm: str, environment: str, metric: str) -> np.ndarray:
        """A metric [run, checkpoint] of an algorithm in an environment, by label."""
        metrics = self.block(algorithm, environment).metrics
        if metric not in metrics:
            raise unknown("metric", metric, tuple(metrics))
        return metrics[metric]

    def final(self, algorithm: str, environment: str, metric: str) -> np.ndarray:
        """A metric at the last checkpoint, one value a run: [R]."""
        return self.array(algorithm, environment, metric)[:, -1]

    def to_frame(self, metrics: Sequence[str] | None = None) -> "pd.DataFrame":
        """Tidy table: algorithm, environment, one column per hyper-parameter, run, t, metric, value.

        Labels are categorical. With results of several sweeps a first column `sweep` says whose. Cells that are not
        there yet are left out.

        Parameters
        ----------
        metrics : sequence of str or None
            Only these metrics (all).
        """
        return self._table(metrics).to_pandas()

    def to_parquet(self, path: str | os.PathLike[str], metrics: Sequence[str] | None = None) -> Path:
        """Write the tidy table as one Parquet file (zstd); returns its path."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = pa.BufferOutputStream()
        pq.write_table(self._table(metrics), sink, compression="zstd", write_page_checksum=True)
        return self._export(path, sink.getvalue().to_pybytes())

    def to_csv(self, path: str | os.PathLike[str], metrics: Sequence[str] | None = None) -> Path:
        """Write the tidy table as CSV (numbers in the shortest form that reads back to the same bits)."""
        import pyarrow as pa
        import pyarrow.csv as csv

        sink = pa.BufferOutputStream()
        csv.write_csv(self._table(metrics), sink)
        return self._export(path, sink.getvalue().to_pybytes())

    def _export(self, path: str | os.PathLike[str], data: bytes) -> Path:
        target = Path(path)
        if not target.parent.is_dir():
            raise InvalidInput(f"path: the folder {str(target.parent)!r} does not exist; make it first.")
        write(target, data)
        return target

    def _read(self, entry: Entry, held: Mapping[str, int] | None = None) -> Block:
        held = self.store.held() if held is None else held
        try:
            parts = [self.store.read(cell, n) for cell, n in entry.cells if held.get(cell, 0) >= n]
        except Damaged as e:
            raise Damaged(f"{e}. Run the sweep again: it sets the file aside and computes it again.") from None
        if not parts:
            return Block(np.empty(0, np.int64), np.empty(0, np.int64), {})
        metrics = {name: np.concatenate([p.metrics[name] for p in parts]) for name in parts[0].metrics}
        return Block(np.concatenate([p.runs for p in parts]), parts[0].checkpoints, metrics)

    def _table(self, metrics: Sequence[str] | None) -> "pa.Table":
        import pyarrow as pa

        names = [metrics] if isinstance(metrics, str) else metrics
        held = self.store.held()
        fields = dict.fromkeys(name for e in self.entries for name in e.parameters)
        several = len({e.sweep for e in self.entries}) > 1
        tables, seen = [], set()
        for entry in self.entries:
            block = self._read(entry, held)
            seen.update(block.metrics)
            chosen = [n for n in block.metrics if names is None or n in names]
            R, C, M = len(block.runs), len(block.checkpoints), len(chosen)
            n = R * C * M
            columns = {"sweep": _constant(entry.sweep, n)} if several else {}
            columns |= {"algorithm": _constant(entry.algorithm, n), "environment": _constant(entry.environment, n)}
            columns |= {name: _constant(entry.parameters.get(name), n) for name in fields}
            columns["run"] = pa.array(np.tile(np.repeat(block.runs, C), M))
            columns["t"] = pa.array(np.tile(block.checkpoints, R * M))
            columns["metric"] = _repeated(chosen, R * C)
            values = [block.metrics[name].ravel() for name in chosen]
            columns["value"] = pa.array(np.concatenate(values) if values else np.empty(0))
            tables.append(columns)
        if seen:
            for name in names or ():
                if name not in seen:
                    raise unknown("metrics", name, tuple(seen))
        return _stacked(tables)


def _constant(value: Any, n: int) -> "pa.Array":
    """A column of one value: text as categories, numbers plain, None as null."""
    import pyarrow as pa

    if value is None:
        return pa.nulls(n)
    if isinstance(value, bool | int | float):
        return pa.array(np.full(n, value))
    return _repeated([str(value)], n)


def _repeated(words: Sequence[str], each: int) -> "pa.Array":
    import pyarrow as pa

    codes = pa.array(np.repeat(np.arange(len(words), dtype=np.int32), each))
    return pa.DictionaryArray.from_arrays(codes, pa.array(list(words), type=pa.string()))


def _stacked(tables: Sequence[Mapping[str, "pa.Array"]]) -> "pa.Table":
    """One table of all. A column of mixed kinds becomes: int and float, float; anything with text, text."""
    import pyarrow as pa

    text = pa.dictionary(pa.int32(), pa.string())
    schema = {}
    for name in tables[0] if tables else ():
        kinds = {t[name].type for t in tables} - {pa.null()}
        if len(kinds) <= 1:
            schema[name] = next(iter(kinds), pa.null())
        elif kinds <= {pa.int64(), pa.float64()}:
            schema[name] = pa.float64()
        else:
            schema[name] = text
    whole = [
        pa.table({n: _as(t[n], kind) for n, kind in schema.items()}, schema=pa.schema(list(schema.items())))
        for t in tables
    ]
    if not whole:
        return pa.table({name: [] for name in KEYS})
    return pa.concat_tables(whole).unify_dictionaries()


def _as(column: "pa.Array", kind: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        if column.type == pa.null():
            return pa.DictionaryArray.from_arrays(pa.nulls(len(column), pa.int32()), pa.array([], pa.string()))
        return _repeated([str(column[0].as_py())], len(column)) if len(column) else _repeated([], 0)
    return column.cast(kind)


def load(path: str | os.PathLike[str], sweep: str | None = None) -> Results:
    """Results of a store: what its sweeps asked for last, as far as it has been computed.

    Parameters
    ----------
    path : path-like
        The folder that was given as `out`.
    sweep : str or None
        Only this sweep (every one in the store).

    Raises
    ------
    InvalidInput
        If there is no store at `path`, or no such sweep in it.
    Damaged
        If the record of a sweep is damaged; running the sweep again renews it and computes nothing.
    """
    store = Store(path)
    if not (store.path / "sweeps").is_dir():
        raise InvalidInput(f"path: no results in {str(path)!r}; give the folder that a sweep was run with as out=.")
    records = store.recorded()
    if sweep is not None and sweep not in records:
        raise unknown("sweep", sweep, tuple(records))
    names = list(records) if sweep is None else [sweep]
    return Results(store, tuple(_entry(name, e) for name in names for e in records[name]["entries"]))


def _entry(sweep: str, content: Mapping[str, Any]) -> Entry:
    cells = tuple((str(cell), int(n)) for cell, n in content["cells"])
    return Entry(sweep, content["algorithm"], content["environment"], dict(content["parameters"]), cells)


class Verdict(NamedTuple):
    """What `verify` found."""

    files: int  # result files read
    cells: int  # cells that they hold
    runs: int
    bytes: int
    damaged: tuple[str, ...]  # one line a file: which, and what is wrong
    superseded: tuple[str, ...]  # files whose runs a longer file of the same cell holds too
    temporaries: tuple[str, ...]  # unfinished files
    quarantined: tuple[str, ...]  # files set aside earlier


def verify(path: str | os.PathLike[str]) -> Verdict:
    """Read every file of a store and check it: seal, digest, name. Changes nothing.

    Raises
    ------
    InvalidInput
        If there is no store at `path`.
    """
    store = Store(path)
    if not (store.path / "cells").is_dir():
        raise InvalidInput(f"path: no results in {str(path)!r}; give the folder that a sweep was run with as out=.")
    held = store.held()
    damaged, superseded, files, runs, size = [], [], 0, 0, 0
    for file, cell, count in store.files():
        files += 1
        try:
            size += file.stat().st_size
            read_cell(file)
        except Damaged as e:
            damaged.append(str(e))
        except OSError as e:
            damaged.append(f"{file}: cannot be read ({e.strerror})")
        if count < held[cell]:
            superseded.append(str(file))
        else:
            runs += count
    try:
        store.recorded()
    except Damaged as e:
        damaged.append(str(e))
    strange = [str(f) for folder in store._folders() for f in folder.iterdir() if not _known(f.name)]
    damaged += [f"{f}: not a name of a result file" for f in strange]
    aside = sorted(str(f) for f in (store.path / "quarantine").glob("*") if f.suffix != ".why")
    return Verdict(
        files, len(held), runs, size, tuple(damaged), tuple(superseded),
        tuple(map(str, store.temporaries())), tuple(aside),
    )  # fmt: skip


def _known(name: str) -> bool:
    return bool(CELL_NAME.fullmatch(name)) or name.startswith(".tmp-")


def garbage(path: str | os.PathLike[str], sweeps: Iterable[Any] = (), *, delete: bool = False) -> list[Path]:
    """Files of a store that nothing refers to: listed, and deleted only on request.

    A result file is referred to by what a recorded sweep asked for last, or by one of `sweeps` as it stands in the code
    now. Also listed: files superseded by longer ones, temporary files of dead processes of this machine, quarantine.

    Parameters
    ----------
    path : path-like
    sweeps : iterable of `duel.sweep.Sweep`
        Experiments whose results must stay, beside those recorded in the store.
    delete : bool
        Remove what is listed.

    Raises
    ------
    InvalidInput
        If there is no store at `path`.
    Damaged
        If the record of a sweep is damaged: what it refers to is then not known.
    """
    store = Store(path)
    if not (store.path / "cells").is_dir():
        raise InvalidInput(f"path: no results in {str(path)!r}; give the folder that a sweep was run with as out=.")
    wanted = {cell for record in store.recorded().values() for e in record["entries"] for cell, _ in e["cells"]}
    for sweep in sweeps:
        wanted |= {task.cell for task in sweep.tasks()}
    held = store.held()
    listed = [f for f, cell, count in store.files() if cell not in wanted or count < held[cell]]
    for file in store.temporaries():
        match = TEMPORARY.fullmatch(file.name)
        if match and match["host"] == _host() and not _alive(int(match["pid"])):
            listed.append(file)
    listed += sorted((store.path / "quarantine").glob("*"))
    if delete:
        for file in listed:
            file.unlink(missing_ok=True)
    return listed
