"""Files that rot, disks that fill, folders that cannot be written, clocks that jump."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from disturbed import HERE, environment, files
from sweep_script import SWEEP

from duel.store import Damaged, Store, StoreError, read_cell, verify

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished")
    SWEEP.run(out, progress=False)
    return out


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "s")
    return tmp_path / "s"


def damages(rng: random.Random, data: bytes, others: list[bytes]):
    """Ways in which a file may be wrong."""
    n = len(data)
    cut = rng.randrange(n)
    at, length = rng.randrange(n), rng.randrange(1, 200)
    yield "empty", b""
    yield "truncated", data[:cut]
    yield "extended", data + rng.randbytes(length)
    yield "garbled", data[:at] + rng.randbytes(len(data[at : at + length])) + data[at + length :]
    yield "zeroed", data[:at] + bytes(len(data[at : at + 4096])) + data[at + 4096 :]
    yield "noise", rng.randbytes(n)
    yield "of another cell", rng.choice(others)
    yield "text", b"<html>quota exceeded</html>"


def test_five_thousand_flipped_bits(finished):
    """None is read as something else without an error; the seal finds every one, harmful or not."""
    rng = random.Random(5)
    names = list(files(finished))
    contents = {f: f.read_bytes() for f in names}
    truths = {f: read_cell(f) for f in names}
    place = finished / "flipped"
    place.mkdir()
    detected, harmless, harmful = 0, 0, 0
    for _ in range(5_000):
        file = rng.choice(names)
        data = bytearray(contents[file])
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        victim = place / file.name
        victim.write_bytes(data)
        try:
            cell = read_cell(victim)
        except Damaged:
            detected += 1
            continue
        same = all(np.array_equal(cell.metrics[k], v) for k, v in truths[file].metrics.items())
        harmless, harmful = harmless + same, harmful + (not same)
    shutil.rmtree(place)
    print(f"5,000 flips: {detected} found, {harmless} harmless and unnoticed, {harmful} harmful and unnoticed")
    assert harmful == 0
    assert detected == 5_000


def test_every_kind_of_damage_is_mended(copy, truth, capfd):
    """Eight kinds at once: set aside, named, computed again, everything else untouched."""
    rng = random.Random(6)
    before = files(copy)
    names = list(before)
    contents = [f.read_bytes() for f in names]
    victims = names[:8]
    for file, (_, data) in zip(victims, damages(rng, contents[0], contents[20:])):
        file.write_bytes(data)
    assert len(verify(copy).damaged) == 8
    SWEEP.run(copy, progress=True)
    said = capfd.readouterr().err
    assert all(f.name in said for f in victims)
    after = files(copy)
    assert all(after[f] == before[f] for f in names[8:])
    assert len(verify(copy).quarantined) == 8
    truth.check_finished(copy)


@pytest.mark.parametrize("trial", range(200))
def test_damage_is_found_whatever_it_is(finished, tmp_path, trial):
    rng = random.Random(trial)
    names = list(files(finished))
    file = rng.choice(names)
    original = file.read_bytes()
    others = [f.read_bytes() for f in names if f != file][:3]
    for kind, data in damages(rng, original, others):
        if data == original:
            continue
        victim = tmp_path / file.name
        victim.write_bytes(data)
        with pytest.raises(Damaged):
            read_cell(victim)
        assert kind


def shell(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a mount namespace of its own."""
    command = ["unshare", "-rm", "sh", "-ec", script, "sh", *arguments]
    return subprocess.run(
        command, env=environment(), cwd=HERE, capture_output=True, text=True, timeout=600, check=False
    )


def can_mount(folder: Path) -> bool:
    try:
        return shell('mount -t tmpfs -o size=64k tmpfs "$1"', str(folder)).returncode == 0
    except FileNotFoundError:
        return False


RUN = f'"{sys.executable}" "{HERE / "sweep_script.py"}"'


def test_the_disk_is_full(tmp_path, truth):
    """A tmpfs that holds part of the results: one clear line, nothing half-written; with room, the rerun completes."""
    place, kept, middle = tmp_path / "small", tmp_path / "kept", tmp_path / "middle"
    place.mkdir()
    if not can_mount(place):
        pytest.skip("no right to mount a small file system here")
    done = shell(
        f"""
        mount -t tmpfs -o size=300k tmpfs "$1"
        {RUN} "$1" executor=threads workers=2 && exit 99
        test $? -eq 1
        cp -r "$1" "$3"
        mount -o remount,size=50m "$1"
        {RUN} "$1" executor=processes workers=2
        cp -a "$1" "$2"
        """,
        str(place), str(kept), str(middle),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the disk is full; free space and run the same command again" in done.stderr
    assert "are safe in" in done.stderr
    assert "Traceback" not in done.stderr
    verdict = verify(middle)
    assert 0 < verdict.cells < len(SWEEP.tasks())
    assert verdict.damaged == ()
    assert verdict.temporaries == ()
    truth.check_finished(kept)


def test_a_limit_on_file_sizes(tmp_path, truth):
    """RLIMIT_FSIZE, what a quota looks like to a process."""
    command = f"ulimit -f 8; exec {RUN} {tmp_path} executor=threads workers=1"
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), cwd=HERE, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ulimit -f" in done.stderr
    assert verify(tmp_path).damaged == ()
    assert verify(tmp_path).temporaries == ()
    truth.check_resumes(tmp_path)


def test_a_read_only_store(tmp_path, finished, copy):
    """Complete, it is read; incomplete, the sweep says so before any cell starts."""
    if not can_mount(tmp_path):
        pytest.skip("no right to mount here")
    script = f'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && {RUN} "$1" executor=threads'
    done = shell(script, str(copy))
    assert done.returncode == 0, done.stderr
    assert "are there already" in done.stderr
    next(iter(files(copy))).unlink()
    before = files(copy)
    done = shell(script, str(copy))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "read-only; give another folder" in done.stderr
    assert files(copy) == before


def test_the_clock_jumps(tmp_path, truth, monkeypatch):
    """Backwards and forwards by years while the sweep runs, and file times from the past and the future."""
    rng = random.Random(7)
    monkeypatch.setattr("time.time", lambda: rng.uniform(0, 4e9))
    SWEEP.replace(runs=80).run(tmp_path, progress=False)
    for file in files(tmp_path):
        stamp = rng.uniform(0, 4e9)
        os.utime(file, (stamp, stamp))
    truth.check_resumes(tmp_path)


def test_a_store_whose_disk_refuses_once(tmp_path, truth, monkeypatch):
    """An input/output error in the middle ends the sweep with the store sound."""
    calls = iter(range(10**9))
    honest = os.fsync

    def fsync(descriptor):
        if next(calls) in {24, 25}:  # one of a file, one of a folder
            raise OSError(5, "Input/output error")
        honest(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreError, match="Input/output error"):
        SWEEP.run(tmp_path, workers=1, progress=False)
    assert 0 < len(Store(tmp_path).held()) < len(SWEEP.tasks())
    monkeypatch.undo()
    truth.check_resumes(tmp_path)
