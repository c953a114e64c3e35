"""The store: what is written is read back to the bit, or refused by name. Damage is planted bit by bit."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from duel import store as stores
from duel.errors import InvalidInput
from duel.store import Cell, Damaged, Store, StoreError, garbage, load, read_cell, unit_id, verify

GOLDEN = Path(__file__).parent / "data" / "store_format_1"


def cell(count=3, start=0, tag="x"):
    rng = np.random.default_rng(count)
    metrics = {"average": rng.normal(size=(count, 4)), "weak": np.tile([0.0, -0.0, np.inf, 1e-310], (count, 1))}
    unit = {"algorithm": tag, "start": start, "text": 'naïve "quotes" \x01duel-seal\x01'}
    return Cell(unit, np.arange(start, start + count), np.array([1, 2, 5, 9]), metrics, {"seconds": 0.5, "runs": count})


def written(tmp_path, count=3, **kwargs):
    store = Store(tmp_path / "s")
    store.prepare()
    result = cell(count, **kwargs)
    store.write(unit_id(result.unit), result)
    return store, result, store.file(unit_id(result.unit), count)


def assert_same(a, b):
    assert a.unit == b.unit
    np.testing.assert_array_equal(a.runs, b.runs)
    np.testing.assert_array_equal(a.checkpoints, b.checkpoints)
    assert list(a.metrics) == list(b.metrics)
    for name in a.metrics:
        assert a.metrics[name].tobytes() == b.metrics[name].tobytes()  # to the bit: -0.0, inf, subnormal


def test_a_cell_comes_back_to_the_bit(tmp_path):
    store, result, file = written(tmp_path)
    assert_same(store.read(unit_id(result.unit), 3), result)
    assert read_cell(file).provenance == {"seconds": 0.5, "runs": 3}


def test_fewer_runs_can_be_taken(tmp_path):
    store, result, _ = written(tmp_path)
    two = store.read(unit_id(result.unit), 2)
    assert list(two.runs) == [0, 1]
    assert two.metrics["average"].tobytes() == result.metrics["average"][:2].tobytes()


def test_a_longer_file_replaces_a_shorter_one(tmp_path):
    store, result, short = written(tmp_path)
    longer = cell(5)
    store.write(unit_id(result.unit), longer)
    assert not short.exists()
    assert store.held() == {unit_id(result.unit): 5}


def test_files_are_plain_parquet(tmp_path):
    _, _, file = written(tmp_path)
    table = pq.read_table(file)
    assert table.column_names == ["run", "t", "average", "weak"]
    assert table.column("t").to_pylist() == [1, 2, 5, 9] * 3


def test_every_single_bit_flip_is_found(tmp_path):
    """All bits of one file, exhaustively: none is missed, so no harmful one is."""
    _, _, file = written(tmp_path)
    data = bytearray(file.read_bytes())
    missed = []
    for position in range(8 * len(data)):
        data[position // 8] ^= 1 << position % 8
        if stores.sealed(bytes(data), file.name):
            missed.append(position)
        data[position // 8] ^= 1 << position % 8
    assert stores.sealed(bytes(data), file.name)
    assert missed == []
    assert len(data) * 8 > 7_000


def test_every_truncation_is_found(tmp_path):
    _, _, file = written(tmp_path)
    data = file.read_bytes()
    assert not any(stores.sealed(data[:n], file.name) for n in range(len(data)))
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(Damaged, match="truncated, altered or misnamed"):
        read_cell(file)
    file.write_bytes(b"")
    with pytest.raises(Damaged, match="empty"):
        read_cell(file)
    file.write_bytes(data + b"x")
    with pytest.raises(Damaged, match="truncated, altered or misnamed"):
        read_cell(file)


def test_a_file_under_another_cells_name_is_found(tmp_path):
    store, _, file = written(tmp_path)
    wrong = store.file("0" * 32, 3)
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_bytes(file.read_bytes())
    with pytest.raises(Damaged, match="misnamed"):
        read_cell(wrong)
    lying = file.with_name(file.name.replace(".3.", ".4."))
    lying.write_bytes(file.read_bytes())
    with pytest.raises(Damaged, match="misnamed"):
        read_cell(lying)


@pytest.mark.parametrize("fault", ["renamed", "retyped", "value", "row"])
def test_the_digest_sees_what_another_program_rewrote_and_sealed(tmp_path, fault):
    """The seal guards bytes; the digest guards unit, names, types and values, whoever wrote the bytes."""
    _, _, file = written(tmp_path)
    table = pq.read_table(file)
    if fault == "renamed":
        other = table.rename_columns(["run", "t", "weak", "average"])
    elif fault == "retyped":
        other = table.set_column(2, "average", table.column("average").cast(pa.float32()))
    elif fault == "value":
        changed = table.column("average").to_numpy().copy()
        changed[3] = np.nextafter(changed[3], np.inf)
        other = table.set_column(2, "average", pa.array(changed))
    else:
        other = table.slice(0, 8)
    sink = pa.BufferOutputStream()
    meta = {k.decode(): v.decode() for k, v in table.schema.metadata.items() if k.startswith(b"duel")}
    meta["duel.seal"] = stores.SEAL.decode() + "0" * 64
    with pq.ParquetWriter(sink, other.schema, store_schema=False) as writer:
        writer.write_table(other)
        writer.add_key_value_metadata(meta)
    data = sink.getvalue().to_pybytes()
    at = data.rfind(stores.SEAL) + len(stores.SEAL)
    file.write_bytes(data[:at] + stores.seal_of(data, at, file.name) + data[at + 64 :])
    assert stores.sealed(file.read_bytes(), file.name)
    with pytest.raises(Damaged, match=r"digest|not what its name says"):
        read_cell(file)


def test_a_foreign_parquet_file_is_refused(tmp_path):
    store, _, file = written(tmp_path)
    pq.write_table(pa.table({"a": [1]}), file)
    with pytest.raises(Damaged):
        read_cell(file)
    assert len(verify(store.path).damaged) == 1


def test_quarantine_keeps_the_file_and_the_reason(tmp_path):
    store, _, file = written(tmp_path)
    place = store.quarantine(file, "because")
    assert place.exists()
    assert not file.exists()
    assert place.with_name(place.name + ".why").read_text() == "because\n"
    store.quarantine(file, "again")  # another driver was faster


def test_temporary_files_of_the_dead_are_removed_and_others_kept(tmp_path):
    store, _, file = written(tmp_path)
    host = stores._host()
    dead = file.with_name(f".tmp-{host}-{2**22 + 1}-00")  # above the largest process number of Linux
    mine = file.with_name(f".tmp-{host}-{os.getpid()}-00")
    far = file.with_name(f".tmp-elsewhere-{2**22 + 1}-00")
    for f in (dead, mine, far):
        f.write_bytes(b"half a file")
    assert store.prepare() == [dead.name]
    assert not dead.exists()
    assert mine.exists()
    assert far.exists()
    assert verify(store.path).files == 1  # readers do not see them
    assert len(verify(store.path).temporaries) == 2


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    store, result, file = written(tmp_path)
    file.unlink()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="disk is full; free space"):
        store.write(unit_id(result.unit), result)
    assert list(file.parent.iterdir()) == []


def test_errors_of_the_store_say_what_to_do(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="is a file; give a folder"):
        Store(tmp_path / "file").prepare()
    for code, words in ((30, "read-only"), (13, "no permission"), (27, "ulimit"), (122, "quota")):
        assert words in str(stores.explained(OSError(code, "x"), tmp_path))
    for bad in (None, 3, "", b"x"):
        with pytest.raises(InvalidInput, match="out must be the path"):
            Store(bad)


def recorded(tmp_path, parameters=({"alpha": 0.5}, {"alpha": 0.75})):
    """A store with two pairs of 3 + 2 runs."""
    store = Store(tmp_path / "s")
    store.prepare()
    entries = []
    for k, fields in enumerate(parameters):
        cells = []
        for start, count in ((0, 3), (16, 2)):
            result = cell(count, start, tag=f"{k}")
            store.write(unit_id(result.unit), result)
            cells.append([unit_id(result.unit), count])
        entries.append({"algorithm": f"A{k}", "environment": "E", "parameters": fields, "cells": cells})
    store.record("one", {"definition": {}, "entries": entries})
    return store


def test_the_tidy_table(tmp_path):
    frame = load(recorded(tmp_path).path).to_frame()
    assert list(frame.columns) == ["algorithm", "environment", "alpha", "run", "t", "metric", "value"]
    assert len(frame) == 2 * 5 * 4 * 2
    part = frame[(frame["algorithm"] == "A1") & (frame["metric"] == "average") & (frame["run"] == 16)]
    assert part["value"].to_numpy().tobytes() == cell(2).metrics["average"][0].tobytes()
    assert list(part["t"]) == [1, 2, 5, 9]
    assert set(part["alpha"]) == {0.75}


def test_arrays_by_label(tmp_path):
    results = load(recorded(tmp_path).path)
    assert results.algorithms == ("A0", "A1")
    assert results.environments == ("E",)
    assert results.array("A0", "E", "average").shape == (5, 4)
    np.testing.assert_array_equal(results.final("A0", "E", "weak"), 1e-310)
    with pytest.raises(InvalidInput, match="Did you mean 'A0'"):
        results.array("a0", "E", "average")
    with pytest.raises(InvalidInput, match="environment: unknown name"):
        results.array("A0", "F", "average")
    with pytest.raises(InvalidInput, match="Did you mean 'average'"):
        results.array("A0", "E", "avrage")


def test_a_choice_of_metrics(tmp_path):
    results = load(recorded(tmp_path).path)
    assert set(results.to_frame("weak")["metric"]) == {"weak"}
    assert set(results.to_frame(["weak", "average"])["metric"]) == {"weak", "average"}
    with pytest.raises(InvalidInput, match="Did you mean 'weak'"):
        results.to_frame(["week"])


def test_columns_of_mixed_parameters(tmp_path):
    fields = ({"a": 1, "b": None, "c": "x", "d": True}, {"a": 0.5, "c": 2.0, "e": None})
    frame = load(recorded(tmp_path, fields).path).to_frame()
    first, second = frame[frame["algorithm"] == "A0"], frame[frame["algorithm"] == "A1"]
    assert frame["a"].dtype == np.float64
    assert (set(first["a"]), set(second["a"])) == ({1.0}, {0.5})
    assert frame["b"].isna().all()
    assert (set(first["c"]), set(second["c"])) == ({"x"}, {"2.0"})
    assert set(first["d"]) == {True}
    assert second["d"].isna().all()
    assert frame["e"].isna().all()


def test_exports_read_back_to_the_bit(tmp_path):
    results = load(recorded(tmp_path).path)
    frame = results.to_frame()
    again = pd.read_parquet(results.to_parquet(tmp_path / "all.parquet"))
    assert again["value"].to_numpy().tobytes() == frame["value"].to_numpy().tobytes()
    assert list(again["algorithm"]) == list(frame["algorithm"])
    csv = pyarrow.csv.read_csv(results.to_csv(tmp_path / "all.csv")).to_pandas()
    assert csv["value"].to_numpy().tobytes() == frame["value"].to_numpy().tobytes()
    assert list(csv.columns) == list(frame.columns)
    with pytest.raises(InvalidInput, match="does not exist"):
        results.to_csv(tmp_path / "no" / "all.csv")


def test_missing_cells_are_left_out_and_named(tmp_path):
    store = recorded(tmp_path)
    results = load(store.path)
    gone = results.entries[0].cells[1][0]
    store.file(gone, 2).unlink()
    assert [(e.algorithm, c, n) for e, c, n in results.missing()] == [("A0", gone, 2)]
    assert results.array("A0", "E", "average").shape == (3, 4)


def test_damage_shows_on_reading_with_the_remedy(tmp_path):
    store = recorded(tmp_path)
    results = load(store.path)
    file = store.file(results.entries[0].cells[0][0], 3)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Damaged, match="Run the sweep again"):
        results.to_frame()


def test_two_sweeps_of_one_store(tmp_path):
    store = recorded(tmp_path)
    one = json.loads((store.path / "sweeps" / "one.json").read_text())
    one.pop("digest")
    store.record("two", one)
    frame = load(store.path).to_frame()
    assert set(frame["sweep"]) == {"one", "two"}
    assert "sweep" not in load(store.path, "two").to_frame().columns
    with pytest.raises(InvalidInput, match="is in several sweeps; load one of one, two"):
        load(store.path).array("A0", "E", "average")
    with pytest.raises(InvalidInput, match=r"sweep: unknown name 'tow'\. Did you mean 'two'"):
        load(store.path, "tow")


def test_a_damaged_record_is_named(tmp_path):
    store = recorded(tmp_path)
    record = store.path / "sweeps" / "one.json"
    record.write_text(record.read_text().replace("0.75", "0.57"))
    with pytest.raises(Damaged, match=r"one\.json.*run the sweep to renew it"):
        load(store.path)
    assert len(verify(store.path).damaged) == 1
    record.write_text("[1, 2")
    with pytest.raises(Damaged, match="renew"):
        load(store.path)


def test_where_there_is_no_store(tmp_path):
    for call in (load, verify, garbage):
        with pytest.raises(InvalidInput, match="no results in"):
            call(tmp_path)


def test_verify_counts(tmp_path):
    store = recorded(tmp_path)
    verdict = verify(store.path)
    assert (verdict.files, verdict.cells, verdict.runs, verdict.damaged) == (4, 4, 10, ())
    assert verdict.bytes == sum(f.stat().st_size for f, _, _ in store.files())
    (store.path / "cells" / "ab").mkdir(exist_ok=True)
    (store.path / "cells" / "ab" / "notes.txt").write_text("")
    assert "notes.txt: not a name" in verify(store.path).damaged[0]


def test_garbage_is_listed_and_removed_on_request(tmp_path):
    store = recorded(tmp_path)
    assert garbage(store.path) == []
    unwanted = cell(2, tag="unwanted")
    store.write(unit_id(unwanted.unit), unwanted)
    dead = store.file(unit_id(unwanted.unit), 2).with_name(f".tmp-{stores._host()}-{2**22 + 1}-00")
    dead.write_bytes(b"")
    aside = store.quarantine(store.file(load(store.path).entries[0].cells[0][0], 3), "x")
    listed = garbage(store.path)
    assert set(listed) == {store.file(unit_id(unwanted.unit), 2), dead, aside, aside.with_name(aside.name + ".why")}
    assert all(f.exists() for f in listed)
    assert garbage(store.path, delete=True) == listed
    assert not any(f.exists() for f in listed)
    assert garbage(store.path) == []


def test_a_store_of_format_1_stays_readable():
    """Written once by this format's first version; the numbers are a formula."""
    frame = load(GOLDEN).to_frame()
    expected = frame["run"] * 1000 + frame["t"] + (frame["metric"] == "weak") / 8 + 0.1
    assert len(frame) == 2 * 3 * 4
    np.testing.assert_array_equal(frame["value"], expected)
    assert set(frame["alpha"]) == {0.51}
    assert verify(GOLDEN).damaged == ()
