"""Executors: the same bits on threads, processes, Dask and foreign pools; dead workers, lost schedulers."""

import os
import socket
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pandas as pd
import pytest
from toy_protocol import Learner, Other, World

from algorithms.finite import UniformPairs
from duel import executors, protocols
from duel.driver import CellsFailed, PoolLost
from duel.errors import InvalidInput
from duel.executors import Stop, WorkerDied, open_pool
from duel.store import load, verify
from duel.sweep import Sweep
from envs.finite import BradleyTerry


def real(runs=40):
    """Small cells of a real protocol, for workers in other processes."""
    return Sweep("real", [UniformPairs()], {"three": BradleyTerry([2.0, 1.0, 0.0])}, 200, runs, block=4)


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(protocols.PROTOCOLS, "toy", "toy_protocol")
    return Sweep("toy", [Learner(), Other()], [World()], 50, 100)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return real().run(tmp_path_factory.mktemp("truth"), workers=1, progress=False).to_frame()


def assert_same_bits(frame, truth):
    pd.testing.assert_frame_equal(frame, truth, check_exact=True)
    assert frame["value"].to_numpy().tobytes() == truth["value"].to_numpy().tobytes()


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_threads(tmp_path, truth, workers):
    assert_same_bits(real().run(tmp_path, workers=workers, progress=False).to_frame(), truth)


def test_processes(tmp_path, truth):
    assert_same_bits(real().run(tmp_path, workers=2, executor="processes", progress=False).to_frame(), truth)


def test_anything_with_submit(tmp_path, truth):
    with ThreadPoolExecutor(3) as pool:
        assert_same_bits(real().run(tmp_path, executor=pool, progress=False).to_frame(), truth)


def test_dask(tmp_path, truth):
    """A scheduler and workers in this process; other processes are killed in the fault suite."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address="", silence_logs=50
    ) as cluster:
        assert_same_bits(real().run(tmp_path / "a", executor=cluster, progress=False).to_frame(), truth)
        with distributed.Client(cluster, set_as_default=False) as client:
            assert_same_bits(real().run(tmp_path / "b", executor=client, progress=False).to_frame(), truth)
            assert client.status == "running"  # a client that was given is left open


def test_nothing_answers(tmp_path):
    pytest.importorskip("distributed")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    pool = executors.DaskPool
    with pytest.raises(InvalidInput, match=r"nothing answers at tcp://127.*dask scheduler"):
        pool(f"tcp://127.0.0.1:{port}", 1, timeout=1)
    assert not tmp_path.joinpath("cells").exists()


class Dying:
    """A pool whose workers die on the first `deaths` cells."""

    def __init__(self, deaths):
        self.deaths, self.slots, self.interruptible, self.describe = deaths, 2, False, "dying"
        self.reason = None

    def submit(self, function, *arguments):
        future: Future = Future()
        if self.deaths > 0:
            self.deaths -= 1
            future.set_exception(WorkerDied("killed"))
        else:
            future.set_result(function(*arguments))
        return future

    def workplaces(self, classes):
        return []

    def trouble(self):
        return self.reason

    def close(self, now=False):
        self.closed = now


def run_on(monkeypatch, pool, sweep, out):
    monkeypatch.setattr("duel.sweep.open_pool", lambda *_: pool)
    return sweep.run(out, progress=False)


def test_a_cell_whose_worker_died_is_tried_again(tmp_path, monkeypatch, toy):
    wanted = toy.run(tmp_path / "w", progress=False).to_frame()
    pool = Dying(2)
    assert_same_bits(run_on(monkeypatch, pool, toy, tmp_path / "s").to_frame(), wanted)
    assert pool.closed is False


def test_a_cell_that_kills_every_worker_is_given_up(tmp_path, monkeypatch, toy):
    pool = Dying(10**9)
    with pytest.raises(CellsFailed, match=r"14 cells failed.*WorkerDied: killed"):
        run_on(monkeypatch, pool, toy, tmp_path)
    assert pool.closed is True


def test_a_lost_pool_ends_the_sweep_with_a_message(tmp_path, monkeypatch, toy):
    pool = Dying(0)
    results = []

    def submit(function, *arguments):
        future: Future = Future()
        if len(results) < 3:
            results.append(function(*arguments))
            future.set_result(results[-1])
        else:
            pool.reason = "the scheduler is gone"
        return future

    pool.submit = submit
    with pytest.raises(
        PoolLost, match=r"scheduler is gone; 3 of 14 cells .* safe .*run the same command again to resume"
    ):
        run_on(monkeypatch, pool, toy, tmp_path)
    assert verify(tmp_path).cells == 3
    assert len(load(tmp_path).missing()) == 11


def test_a_killed_worker_process_is_replaced():
    pool = open_pool("processes", 1)
    try:
        with pytest.raises(WorkerDied):
            pool.submit(os._exit, 3).result(60)
        first = pool.submit(os.getpid).result(60)
        assert first == pool.submit(os.getpid).result(60) != os.getpid()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result(60)
        assert pool.submit(os.getpid).result(60) == first  # an error is not a death
    finally:
        pool.close(now=True)


def test_classes_of_the_prompt_need_threads(monkeypatch):
    """What workers cannot import is refused with the remedy, before any cell."""
    Lost = type("Lost", (), {"__module__": "no_such_module"})
    Cell = type("Cell", (), {"__module__": "__main__"})
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    pool = open_pool("processes", 1)
    try:
        for cls in (Lost, Cell):
            with pytest.raises(InvalidInput, match=r"cannot import .*or use executor='threads'"):
                pool.workplaces([(cls, cls)])
    finally:
        pool.close(now=True)


def test_signals_are_left_alone_outside_the_main_thread():
    seen = []

    def enter():
        with Stop() as stop:
            seen.append(stop.signal)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [None]


def test_shadowed_standard_modules_are_found(tmp_path, monkeypatch):
    (tmp_path / "signal.py").write_text("")
    (tmp_path / "mine.py").write_text("")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    assert executors.shadowed_modules() == ["signal"]
