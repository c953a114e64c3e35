"""Processes killed at random moments: the sweep, its workers, Dask's workers and scheduler; signals; two sweeps."""

import contextlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from disturbed import environment, files, gone, start, until
from sweep_script import SWEEP

from duel.store import Store

pytestmark = pytest.mark.fault
CELLS = len(SWEEP.tasks())


def held(out: Path) -> int:
    return len(Store(out).held())


@pytest.mark.parametrize("moment", range(20))
def test_the_sweep_is_killed(tmp_path, truth, moment):
    """SIGKILL at 20 random moments, threads and processes by turns; a quarter of them while it starts."""
    rng = random.Random(moment)
    executor = ("threads", "processes")[moment % 2]
    script = start(tmp_path, executor=executor, workers=2)
    if moment % 4:
        until(lambda: held(tmp_path) or script.poll() is not None)
        time.sleep(rng.uniform(0, 1.0))
    else:
        time.sleep(rng.uniform(0, 4.0))
    children = [] if script.poll() is not None else psutil.Process(script.pid).children(recursive=True)
    script.kill()
    until(lambda: gone(children), 60)  # no orphans
    script.communicate(timeout=60)
    truth.check_resumes(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_sweep_is_asked_to_stop(tmp_path, truth, number, executor):
    script = start(tmp_path, executor=executor, workers=2)
    until(lambda: held(tmp_path))
    children = psutil.Process(script.pid).children(recursive=True)
    script.send_signal(number)
    output, _ = script.communicate(timeout=120)
    assert script.returncode == 128 + number
    assert f"of {CELLS} cells were finished and are safe in" in output
    assert "Run the same command again to resume (sweep_script.py" in output
    assert "Traceback" not in output
    until(lambda: gone(children), 60)
    truth.check_resumes(tmp_path)


@pytest.mark.parametrize("kills", [1, 3])
def test_workers_are_killed(tmp_path, truth, kills):
    """Killed workers are replaced, their cells tried again; the sweep ends well."""
    script = start(tmp_path, executor="processes", workers=2)
    parent = psutil.Process(script.pid)
    for k in range(kills):
        until(lambda k=k: held(tmp_path) >= 3 * k + 1 or script.poll() is not None)
        workers = [p for p in parent.children() if "spawn_main" in " ".join(p.cmdline())]
        if workers:
            random.choice(workers).kill()
    output, _ = script.communicate(timeout=600)
    assert script.returncode == 0, output
    truth.check_finished(tmp_path)


def test_two_sweeps_at_once(tmp_path, truth):
    """Two drivers, threads and processes, on one store; then a third that is killed among two."""
    scripts = [start(tmp_path / "a", executor=e, workers=1) for e in ("threads", "processes")]
    for script in scripts:
        output, _ = script.communicate(timeout=600)
        assert script.returncode == 0, output
    truth.check_finished(tmp_path / "a")
    scripts = [start(tmp_path / "b", executor="threads", workers=1) for _ in range(3)]
    until(lambda: held(tmp_path / "b") >= 5)
    scripts[0].kill()
    for script in scripts:
        script.communicate(timeout=600)
    assert [s.returncode for s in scripts] == [-signal.SIGKILL, 0, 0]
    truth.check_finished(tmp_path / "b")


class Cluster:
    """A Dask scheduler and two workers on loopback, each its own process."""

    def __init__(self, folder: Path, *, nanny: bool) -> None:
        self.file = folder / f"scheduler-{time.monotonic_ns()}.json"
        self.nanny = nanny
        self.scheduler = self._begin("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        until(self.file.exists)
        self.workers = [self.add_worker() for _ in range(2)]

    def _begin(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            f"distributed.cli.{module}",
            "--scheduler-file",
            str(self.file),
            "--no-dashboard",
        ]
        return subprocess.Popen(
            [*command, *words], env=environment(), cwd=self.file.parent, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def add_worker(self) -> subprocess.Popen[bytes]:
        mode = "--nanny" if self.nanny else "--no-nanny"
        place = ("--host", "127.0.0.1", "--local-directory", str(self.file.parent))
        return self._begin("dask_worker", mode, "--nthreads", "1", "--nworkers", "1", *place)

    @property
    def address(self) -> str:
        import json

        return json.loads(self.file.read_text())["address"]

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.returncode is None:  # never a number that another process may have by now
                children = _children(process.pid)
                process.kill()
                for child in children:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()
                process.wait()


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.fixture(params=["no-nanny", "nanny"])
def cluster(tmp_path, request):
    pytest.importorskip("distributed")
    made = Cluster(tmp_path, nanny=request.param == "nanny")
    yield made
    made.end()


def test_a_dask_worker_is_killed(tmp_path, truth, cluster):
    out = tmp_path / "s"
    script = start(out, executor="dask", scheduler=cluster.address)
    until(lambda: held(out) >= 3)
    victim = cluster.workers[0]
    for p in _children(victim.pid) if cluster.nanny else [psutil.Process(victim.pid)]:
        p.kill()
    output, _ = script.communicate(timeout=600)
    assert script.returncode == 0, output
    truth.check_finished(out)


def test_the_dask_scheduler_is_killed(tmp_path, truth, cluster):
    """The driver ends by itself with a message; with a new cluster the rerun computes only what is missing."""
    out = tmp_path / "s"
    script = start(out, executor="dask", scheduler=cluster.address)
    until(lambda: held(out) >= 3)
    cluster.scheduler.kill()
    began = time.monotonic()
    output, _ = script.communicate(timeout=300)
    print(f"the driver noticed after {time.monotonic() - began:.1f} s")
    assert script.returncode == 1, output
    assert "scheduler" in output
    assert f"of {CELLS} cells were finished and are safe in" in output
    cluster.end()
    before = truth.check_sound(out)
    again = Cluster(tmp_path, nanny=cluster.nanny)
    try:
        script = start(out, scheduler=again.address)
        output, _ = script.communicate(timeout=600)
        assert script.returncode == 0, output
    finally:
        again.end()
    after = files(out)
    assert all(after[f] == stamp for f, stamp in before.items())
    truth.check_finished(out)


def test_the_driver_of_a_dask_cluster_is_killed(tmp_path, truth, cluster):
    out = tmp_path / "s"
    script = start(out, executor="dask", scheduler=cluster.address)
    until(lambda: held(out) >= 3)
    script.kill()
    script.communicate(timeout=60)
    time.sleep(1)  # cells in flight end and commit
    truth.check_sound(out)
    script = start(out, executor="dask", scheduler=cluster.address)
    output, _ = script.communicate(timeout=600)
    assert script.returncode == 0, output
    truth.check_finished(out)


def test_a_cluster_of_its_own(tmp_path, truth):
    """executor="dask" without an address starts a local cluster of processes, which ends with its killed driver."""
    pytest.importorskip("distributed")
    script = start(tmp_path, executor="dask", workers=2)
    until(lambda: held(tmp_path) >= 3)
    children = psutil.Process(script.pid).children(recursive=True)
    script.kill()
    until(lambda: gone(children), 120)
    script.communicate(timeout=60)
    script = start(tmp_path, executor="dask", workers=2)
    output, _ = script.communicate(timeout=600)
    assert script.returncode == 0, output
    truth.check_finished(tmp_path)
