"""Sweeps: the numbers are `simulate`'s whatever the cut, identity is exact, a rerun computes only what is missing."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from toy_protocol import Learner, Other, World

import duel.driver as driver
from algorithms.finite import RUCB, UniformPairs
from algorithms.identification import POCOWISTA
from duel import console, protocols, simulate
from duel.driver import CellsFailed, Interrupted, Progress, duration
from duel.errors import InvalidInput
from duel.executors import compare_workplaces, open_pool, workplace
from duel.identity import canonical
from duel.source import code_digest
from duel.store import Store, StoreError, garbage, load, verify
from duel.sweep import Sweep, grid
from envs.finite import BradleyTerry

ROOT = Path(protocols.__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setitem(protocols.PROTOCOLS, "toy", "toy_protocol")


def small(**changes) -> Sweep:
    fields: dict[str, Any] = {
        "name": "toy",
        "algorithms": [*grid(Learner, gain=[1.0, 2.0]), Other()],
        "environments": {"one": World(), "two": World((3.0, 4.0))},
        "horizon": 50,
        "runs": 20,
    }
    return Sweep(**{**fields, **changes})


def computed(store: Path) -> int:
    """Runs computed in all, by the logs."""
    lines = [json.loads(x) for f in (store / "logs").glob("*.jsonl") for x in f.read_text().splitlines()]
    return sum(x["computed"] for x in lines if x["event"] == "cell")


# What it computes


def test_the_frame_is_that_of_simulate(tmp_path):
    """RUCB and UniformPairs, compiled: every pair's rows are those of `simulate`, in the same order."""
    sweep = Sweep(
        "s", [UniformPairs(), *grid(RUCB, alpha=[0.51, 0.6])], [BradleyTerry([2.0, 1.0, 0.0])], 300, 20, seed=4
    )
    frame = sweep.run(tmp_path / "s", progress=False).to_frame()
    assert list(frame["algorithm"].unique()) == ["UniformPairs", "RUCB(alpha=0.51)", "RUCB(alpha=0.6)"]
    assert list(frame["environment"].unique()) == ["BradleyTerry"]
    for label, algorithm in sweep.algorithms.items():
        alone = simulate(algorithm, sweep.environments["BradleyTerry"], horizon=300, runs=20, seed=4).to_frame()
        rows = frame[frame["algorithm"] == label]
        for column in ("run", "t", "value"):
            assert rows[column].to_numpy().tobytes() == alone[column].to_numpy().tobytes()
        assert list(rows["metric"]) == list(alone["metric"])
        assert set(rows["alpha"].dropna()) == ({algorithm.alpha} if label != "UniformPairs" else set())


@pytest.mark.parametrize("block", [1, 3, 16, 50])
@pytest.mark.parametrize("workers", [1, 4])
def test_blocks_workers_and_order_do_not_change_a_bit(tmp_path, block, workers):
    whole = small().run(tmp_path / "a", workers=2, progress=False).to_frame()
    other = small(block=block).run(tmp_path / "b", workers=workers, progress=False).to_frame()
    pd.testing.assert_frame_equal(whole, other, check_exact=True)
    assert whole["value"].to_numpy().tobytes() == other["value"].to_numpy().tobytes()


def test_more_runs_pay_only_for_the_new_ones(tmp_path):
    out = tmp_path / "s"
    small(runs=10).run(out, progress=False)
    assert computed(out) == 6 * 10
    small(runs=50).run(out, progress=False)
    assert computed(out) == 6 * 50
    small(runs=30).run(out, progress=False)
    assert computed(out) == 6 * 50
    grown = load(out).to_frame()
    fresh = small(runs=30).run(tmp_path / "t", progress=False).to_frame()
    pd.testing.assert_frame_equal(grown, fresh, check_exact=True)
    assert verify(out).superseded == ()


def test_a_rerun_computes_nothing_and_says_so(tmp_path, capsys, monkeypatch):
    small().run(tmp_path / "s", progress=False)
    before = {f: f.stat().st_mtime_ns for f, _, _ in Store(tmp_path / "s").files()}
    monkeypatch.setattr(driver, "compute", None)
    small().run(tmp_path / "s", progress=True)
    assert "all 12 cells are there already" in capsys.readouterr().err
    assert before == {f: f.stat().st_mtime_ns for f, _, _ in Store(tmp_path / "s").files()}


def test_one_lost_file_costs_one_cell(tmp_path):
    small().run(tmp_path / "s", progress=False)
    store = Store(tmp_path / "s")
    wanted = small().run(tmp_path / "s", progress=False).to_frame()
    next(iter(store.files()))[0].unlink()
    assert len(small().status(tmp_path / "s").missing) == 1
    pd.testing.assert_frame_equal(small().run(tmp_path / "s", progress=False).to_frame(), wanted)


def test_damaged_files_are_set_aside_named_and_computed_again(tmp_path, capsys):
    wanted = small().run(tmp_path / "s", progress=False).to_frame()
    files = [f for f, _, _ in Store(tmp_path / "s").files()]
    files[0].write_bytes(b"")
    files[1].write_bytes(files[1].read_bytes()[:-7])
    data = bytearray(files[2].read_bytes())
    data[len(data) // 2] ^= 4
    files[2].write_bytes(data)
    plan = small().status(tmp_path / "s")
    assert len(plan.damaged) == len(plan.missing) == 3
    assert "damaged, will be set aside" in str(plan)
    pd.testing.assert_frame_equal(small().run(tmp_path / "s", progress=True).to_frame(), wanted)
    err = capsys.readouterr().err
    assert err.count("set aside, to be computed again") == 3
    assert files[0].name in err
    verdict = verify(tmp_path / "s")
    assert (verdict.damaged, len(verdict.quarantined)) == ((), 3)


# Identity


def ids(sweep: Sweep) -> list[str]:
    return [t.cell for t in sweep.tasks()]


def test_cells_have_distinct_names():
    assert len(set(ids(small(runs=100)))) == 6 * 7


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"seed": 1}, 0),
        ({"horizon": 51}, 0),
        ({"checkpoints": 7}, 0),
        ({"block": 8}, 0),
        ({"name": "other"}, 12),
        ({"runs": 32}, 12),
        ({"algorithms": [*grid(Learner, gain=[1.0, 2.5]), Other()]}, 8),
        ({"algorithms": [Other(), *grid(Learner, gain=[2.0, 1.0])]}, 12),
        ({"algorithms": [Learner(1), Learner(2, label="a"), Other(np.float64(0.5))]}, 12),
        ({"algorithms": [Learner(1.0, label="b"), Learner(2.0), Other()]}, 8),
        ({"environments": {"uno": World([1, 2.0]), "due": World((3.0, 4.0))}}, 6),
        ({"environments": [World((1.0, 2.0)), World((3.0, math.nextafter(4.0, 5)))]}, 6),
        ({"environments": [World(np.array([1.0, 2.0])), World(np.array([3.0, 4.0]))]}, 0),
    ],
    ids=str,
)
def test_what_names_a_cell_and_what_does_not(change, kept):
    assert len(set(ids(small())) & set(ids(small(**change)))) == kept


def test_values_are_typed():
    seen = [
        1,
        1.0,
        True,
        "1",
        None,
        "None",
        [1],
        [[1]],
        (1.0,),
        {"1": 1},
        b"1",
        1j,
        -0.0,
        0.0,
        np.array([1]),
        np.array([1.0]),
    ]
    texts = [json.dumps(canonical(v, "x"), sort_keys=True) for v in seen]
    assert len(set(texts)) == len(texts)
    assert canonical(np.float64(0.5), "x") == canonical(0.5, "x")
    big = np.array([1.0, 2.0], dtype=">f8")
    assert canonical(big, "x") == canonical(big.astype("<f8"), "x")
    assert canonical(np.asfortranarray(np.eye(3)), "x") == canonical(np.eye(3), "x")
    assert canonical(np.zeros((2, 3)), "x") != canonical(np.zeros((3, 2)), "x")
    assert canonical(duration, "x")["function"] == "duel.driver.duration"


# Edits made together, and the cells that they rename: pairs of {RUCB, UniformPairs} x {BradleyTerry, GaussianContexts}.
EDITS = [
    (
        [
            ("algorithms/finite/rucb.py", '"""RUCB: relative', '"""RUCB, relative'),
            ("algorithms/finite/rucb.py", "import math\n", "import math  # a comment\n\n\n"),
            ("algorithms/finite/rucb.py", 'citation="zoghi2014rucb"', 'citation="somebody"'),
            ("algorithms/finite/rucb.py", "    return math.log(T)\n", "    return 2 * math.log(T)\n"),
            ("duel/errors.py", None, "\nEXTRA = 1\n"),
            ("duel/store.py", None, "\nEXTRA = 1\n"),
        ],
        set(),
    ),
    ([("algorithms/finite/rucb.py", "rng.random() < 0.5", "rng.random() < 0.25")], {"RB", "RG"}),
    ([("algorithms/finite/uniform_pairs.py", "arms=problem.arms", "arms=problem.arms + 0")], {"UB", "UG"}),
    ([("envs/finite/_world.py", "u = rng.random()", "u = 1 - rng.random()")], {"RB", "UB"}),
    ([("duel/links.py", None, "\nEXTRA = 1\n")], {"RG", "UG"}),
    ([("duel/bandits.py", "0, 0, False, 16_384", "0, 0, False, 8_192")], {"RB", "RG", "UB", "UG"}),
]

NAMES = """
import json
from algorithms.finite import RUCB, UniformPairs
from algorithms.identification import POCOWISTA
from duel.sweep import Sweep
from envs.contextual import GaussianContexts
from envs.finite import BradleyTerry
tasks = Sweep("s", [RUCB(), UniformPairs()], [BradleyTerry([1.0, 0.0]), GaussianContexts()], 100, 20).tasks()
print(json.dumps([[t.pair[0] + t.pair.split(" on ")[1][0], t.cell] for t in tasks]))
"""


def test_an_edit_renames_exactly_the_cells_that_it_touches(tmp_path):
    """On a copy of the project, in fresh processes with other hash seeds: file, edit, cells with a new name."""
    for package in ("duel", "envs", "algorithms"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))

    def names(k: int) -> dict[str, set[str]]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": str(k)}
        done = subprocess.run(
            [sys.executable, "-c", NAMES], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        found: dict[str, set[str]] = {}
        for pair, cell in json.loads(done.stdout):
            found.setdefault(pair, set()).add(cell)
        return found

    before = names(0)
    for k, (edits, touched) in enumerate(EDITS):
        originals = {file: (tmp_path / file).read_text() for file, _, _ in edits}
        for file, old, new in edits:
            text = (tmp_path / file).read_text()
            assert old is None or text.count(old) == 1, (file, old)
            (tmp_path / file).write_text(text + new if old is None else text.replace(old, new))
        after = names(k + 1)
        assert {p for p in before if not before[p] & after[p]} == touched, edits
        assert {p for p in before if before[p] == after[p]} == before.keys() - touched
        for file, text in originals.items():
            (tmp_path / file).write_text(text)


def test_a_helper_of_the_users_own_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_helper.py").write_text("def bonus(t):\n    return 1.0 / t\n")
    (tmp_path / "my_learner.py").write_text(
        "from my_helper import bonus\n\n\nclass Mine:\n    def select(self, t):\n        return bonus(t)\n"
    )
    import my_learner  # type: ignore[import-not-found]

    first = code_digest(my_learner.Mine)
    assert code_digest(my_learner.Mine) == first
    (tmp_path / "my_helper.py").write_text("def bonus(t):\n    return 2.0 / t\n")
    assert code_digest(my_learner.Mine) != first
    # And what is in memory is now not what the file says: the digest is that of neither text alone.
    mixed = code_digest(my_learner.Mine)
    sys.modules.pop("my_helper")
    sys.modules.pop("my_learner")
    import my_learner as again  # type: ignore[import-not-found]

    assert code_digest(again.Mine) not in {first, mixed}
    sys.modules.pop("my_helper")
    sys.modules.pop("my_learner")


def test_a_table_in_an_imported_file_counts(tmp_path, monkeypatch):
    """No function leads to it: the text of what a module imports does."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_table.py").write_text("TABLE = [1.0, 2.0]\n")
    (tmp_path / "my_reader.py").write_text(
        "from my_table import TABLE\n\n\nclass Mine:\n    def select(self, t):\n        return TABLE[t]\n"
    )
    import my_reader  # type: ignore[import-not-found]

    first = code_digest(my_reader.Mine)
    (tmp_path / "my_table.py").write_text("TABLE = [1.0, 3.0]\n")
    assert code_digest(my_reader.Mine) != first
    (tmp_path / "my_table.py").write_text("TABLE = [1.0, 2.0]  # the same\n")
    assert code_digest(my_reader.Mine) == first
    sys.modules.pop("my_table")
    sys.modules.pop("my_reader")


def test_code_of_the_prompt_counts_by_its_bytecode():
    def define(source: str) -> Any:
        space: dict[str, Any] = {"__name__": "nowhere"}
        exec(source, space)
        return space["L"]

    base = "class L:\n    def select(self, x, k=1):\n        return {}(x, {}) + k\n"
    one = code_digest(define(base.format("min", 2)))
    assert code_digest(define(base.format("min", 2))) == one
    assert code_digest(define("\n# moved\n" + base.format("min", 2))) == one
    others = [base.format("max", 2), base.format("min", 3), base.replace("k=1", "k=2").format("min", 2)]
    assert len({one, *(code_digest(define(o)) for o in others)}) == 4


# Labels


def test_labels():
    sweep = small(
        algorithms=[*grid(Learner, gain=[1.0, 2.0], label=["x", "y"]), Other()], environments=[World(), World([1, 2])]
    )
    assert list(sweep.algorithms)[:2] == ["Learner(gain=1.0, label='x')", "Learner(gain=1.0, label='y')"]
    assert list(sweep.algorithms)[-1] == "Other"
    assert list(sweep.environments) == ["World(weights=(1.0, 2.0))", "World(weights=[1, 2])"]
    arrays = small(environments=[World(np.arange(2.0)), World(np.arange(3.0))])
    assert all(len(label) < 40 for label in arrays.environments)


def test_given_labels_are_kept(tmp_path):
    sweep = small(algorithms={"mine": Learner(), "other one": Other()})
    frame = sweep.run(tmp_path, progress=False).to_frame()
    assert list(frame["algorithm"].unique()) == ["mine", "other one"]
    assert list(frame["environment"].unique()) == ["one", "two"]


def test_some_algorithms_meet_only_some_environments(tmp_path):
    sweep = small(algorithms={"a": Learner(), "b": Other()}, only={"b": ["two"]})
    assert sweep.pairs == [("a", "one"), ("a", "two"), ("b", "two")]
    frame = sweep.run(tmp_path, progress=False).to_frame()
    assert set(zip(frame["algorithm"], frame["environment"])) == set(sweep.pairs)
    assert sweep.status(tmp_path).missing == ()
    assert sweep.smoke().pairs == sweep.pairs
    assert small(algorithms={"a": Learner(), "b": Other()}).replace(only={"b": ["two"]}).tasks() == sweep.tasks()
    assert len(sweep.replace(algorithms={"b": Other()}).pairs) == 2


def test_replace_and_smoke():
    sweep = small(runs=100, horizon=10_000, checkpoints=[10, 100, 10_000])
    assert sweep.replace(runs=5).runs == 5
    assert sweep.replace(horizon=50).checkpoints == (10, 50)
    assert sweep.smoke().name == "toy-smoke"
    assert (sweep.smoke().runs, sweep.smoke().horizon) == (2, 500)
    assert sweep.smoke().smoke() == sweep.smoke()
    assert small(checkpoints=5).replace(horizon=10).checkpoints == 5


# Plans


def test_a_plan_writes_nothing_and_estimates(tmp_path):
    sweep = small(algorithms=[Learner(sleep=0.02), Other()])
    plan = sweep.run(tmp_path / "s", dry_run=True)
    assert not (tmp_path / "s").exists()
    assert (len(plan.tasks), plan.done, len(plan.missing)) == (8, 0, 8)
    assert 0.5 * 40 * 0.02 < sum(plan.seconds.values()) < 10 * 40 * 0.02
    assert plan.wall is not None
    assert "8 cells, 0 done, 8 to compute: about" in str(plan)
    assert "Learner on one" in str(plan)
    sweep.run(tmp_path / "s", progress=False)
    done = sweep.replace(runs=40).status(tmp_path / "s")
    assert (done.done, len(done.missing)) == (4, 8)
    assert done.wall is not None  # from the cells that are there
    assert 0.5 * 40 * 0.02 < sum(done.seconds.values()) < 3 * 40 * 0.02
    assert small().status(tmp_path / "t").wall is None
    assert "unknown time" in str(small().status(tmp_path / "t"))


# Failure and interruption


def test_a_plan_knows_that_identification_ends_early(tmp_path):
    """POCOWISTA needs thousands of duels here: a horizon of 10^12 must not count."""
    sweep = Sweep("early", [POCOWISTA()], [BradleyTerry([2.0, 1.0, 0.0])], 10**12, 1)
    planned = sweep.plan(tmp_path).wall
    assert planned is not None
    assert planned < 60  # 10^12 rounds would take half a day


def test_one_program_serves_all_hyper_parameters(tmp_path):
    """Numbers of a JAX learner are traced: a grid of step sizes over one environment compiles once."""
    from algorithms.games import EGPO
    from duel import games
    from envs.games import RandomPreferences

    before = games._compiled.cache_info()
    learners = grid(EGPO, step_size=[0.1, 0.2, 0.3, 0.4])
    Sweep("grid", learners, [RandomPreferences(3)], 8, 2).run(tmp_path, workers=1, progress=False)
    after = games._compiled.cache_info()
    assert after.misses <= before.misses + 1
    assert after.hits >= before.hits + 3


def test_a_cell_that_raises_does_not_stop_the_others(tmp_path):
    sweep = small(algorithms=[Learner(fail=17), Other()])
    with pytest.raises(CellsFailed, match=r"2 cells failed.*run 17 fails on purpose; 6 of 8 cells.*run again"):
        sweep.run(tmp_path, progress=False)
    assert len(load(tmp_path).missing()) == 2
    assert isinstance(load(tmp_path).to_frame(), pd.DataFrame)


def test_hopeless_sweeps_end_early(tmp_path):
    with pytest.raises(CellsFailed, match="20 cells failed"):
        small(algorithms=[Learner(gain=g, fail=0) for g in range(1, 40)], runs=16).run(
            tmp_path, workers=1, progress=False
        )


def signal_after_first_cell(out: Path, number: int, over: threading.Event) -> None:
    while not over.is_set() and not Store(out).held():
        time.sleep(0.01)
    if not over.is_set():
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_leave_a_resumable_store(tmp_path, number):
    sweep = small(algorithms=[Learner(sleep=0.02)], runs=200)
    before = signal.getsignal(number)
    over = threading.Event()
    threading.Thread(target=signal_after_first_cell, args=(tmp_path, number, over)).start()
    try:
        with pytest.raises(Interrupted, match=r"stopped by .* safe in .* again to resume") as caught:
            sweep.run(tmp_path, workers=2, progress=False)
    finally:
        over.set()
    assert caught.value.signal_number == number
    assert signal.getsignal(number) is before
    held = Store(tmp_path).held()
    assert 0 < len(held) < len(sweep.tasks())
    assert verify(tmp_path).damaged == ()
    assert verify(tmp_path).temporaries == ()
    wanted = small(algorithms=[Learner(sleep=0.0)], runs=200).run(tmp_path / "w", progress=False).to_frame()
    resumed = sweep.run(tmp_path, workers=8, progress=False).to_frame()
    assert resumed["value"].to_numpy().tobytes() == wanted["value"].to_numpy().tobytes()


def test_two_sweeps_at_once_double_nothing(tmp_path):
    sweeps = [small(algorithms=[Learner(sleep=0.001), Other()], runs=runs) for runs in (100, 60)]
    errors: list[BaseException] = []

    def go(sweep):
        try:
            sweep.run(tmp_path / "s", workers=2, progress=False)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=go, args=(s,)) for s in sweeps]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    frame = sweeps[0].run(tmp_path / "s", progress=False).to_frame()
    assert not frame.duplicated(["algorithm", "environment", "run", "t", "metric"]).any()
    pd.testing.assert_frame_equal(frame, sweeps[0].run(tmp_path / "t", progress=False).to_frame())
    assert verify(tmp_path / "s").damaged == ()


def test_a_complete_store_may_be_read_only(tmp_path, monkeypatch):
    wanted = small().run(tmp_path / "s", progress=False).to_frame()

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("duel.store.commit", refuse)
    pd.testing.assert_frame_equal(small().run(tmp_path / "s", progress=False).to_frame(), wanted)
    with pytest.raises(StoreError, match="read-only; give another folder"):
        small(seed=1).run(tmp_path / "s", progress=False)


def test_the_clock_does_not_matter(tmp_path, monkeypatch):
    wanted = small().run(tmp_path / "w", progress=False).to_frame()
    jumps = iter([1e9, -1e5, 4e9, 0.0] * 1000)
    monkeypatch.setattr(driver.time, "time", lambda: next(jumps))
    sweep = small()
    sweep.run(tmp_path / "s", progress=False)
    for k, (file, _, _) in enumerate(Store(tmp_path / "s").files()):
        os.utime(file, (k * 1e8, (1 - k % 2) * 4e9))
    assert sweep.status(tmp_path / "s").missing == ()
    pd.testing.assert_frame_equal(sweep.run(tmp_path / "s", progress=False).to_frame(), wanted)


def test_gc_knows_what_the_code_asks_for_now(tmp_path):
    small().run(tmp_path, progress=False)
    small(seed=1).run(tmp_path, progress=False)  # the same name: replaces what "toy" asks for
    assert len(garbage(tmp_path)) == 12
    assert garbage(tmp_path, [small()]) == []


# What people see


def test_the_log_records_versions_machine_and_git(tmp_path):
    small().run(tmp_path, progress=False)
    (log,) = (tmp_path / "logs").glob("*.jsonl")
    lines = [json.loads(x) for x in log.read_text().splitlines()]
    start, end = lines[0], lines[-1]
    assert start["event"] == "start"
    assert start["versions"]["numpy"] == np.__version__
    assert start["machine"]
    assert start["executor"].endswith("threads") or start["executor"].endswith("thread")
    assert start["definition"]["runs"] == 20
    assert (end["event"], end["computed"]) == ("end", 12)
    assert driver.git_state(Path("/")) == {}
    if (ROOT / ".git").exists():
        assert len(start["git"]["commit"]) == 40


def test_plain_lines_where_there_is_no_terminal(tmp_path, capsys, monkeypatch):
    ticks = iter(range(0, 10**9, 61))
    monkeypatch.setattr(driver.time, "monotonic", lambda: next(ticks))
    small().run(tmp_path, progress=None)
    lines = capsys.readouterr().err.splitlines()
    assert any("of 12 cells" in x and "left" in x for x in lines)
    assert lines[-1].startswith("toy: 12 cells in")
    small(seed=5).run(tmp_path, progress=False)
    assert capsys.readouterr().err == ""


def test_a_bar_in_a_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    small().run(tmp_path, progress=None)
    assert "12/12" in capsys.readouterr().err


def test_time_left_knows_that_pairs_differ():
    tasks = [*small().tasks()]
    slow, quick = tasks[0], tasks[-1]
    bar = Progress([slow, slow, quick, quick], 2, "x", False)
    receipt = driver.Receipt("c", 16, 10.0, 1, "w", ())
    bar.cell(slow, receipt)
    bar.cell(quick, receipt._replace(seconds=1.0))
    assert bar.left() == pytest.approx((10 + 1) / 2)


def test_durations():
    times = [0.44, 42, 200, 7500, 3 * 86400 + 7200]
    assert [duration(s) for s in times] == ["0.4 s", "42 s", "3 min 20 s", "2 h 05 min", "3 days 2 h"]


# From the shell


def test_an_experiment_from_the_shell(tmp_path, capsys):
    plots: list[tuple[pd.DataFrame, Path]] = []
    plot = lambda frame, out: plots.append((frame, out))  # noqa: E731
    out = str(tmp_path / "s")
    assert console.run_experiment(small(), plot, out=out, smoke=True, quiet=True) == 0
    assert "toy-smoke: 6 cells, 0 done, 6 to compute" in capsys.readouterr().out
    assert set(plots[0][0]["run"]) == {0, 1}
    assert plots[0][1] == Path(out)
    assert console.run_experiment(small(), plot, out=out, runs="3", horizon="1e2", seed="7", quiet=True) == 0
    assert set(plots[1][0]["t"]) >= {1, 100}
    assert console.run_experiment(small(), plot, out=out, action="status") == 0
    assert "12 to compute" in capsys.readouterr().out
    assert console.run_experiment(small(), plot, out=out, runs=3, horizon=100, seed=7, action="plot") == 0
    pd.testing.assert_frame_equal(plots[1][0], plots[2][0])
    with pytest.raises(InvalidInput, match="--runs must be a whole number"):
        console.run_experiment(small(), plot, out=out, runs="many")
    with pytest.raises(InvalidInput, match="--horizon must be a whole number"):
        console.run_experiment(small(), plot, out=out, horizon="1.5")


def test_statuses_and_one_line_errors(capsys):
    def raising(error):
        def action():
            raise error

        return action

    cases = [
        (InvalidInput("x: bad."), 2),
        (Interrupted("stopped by Ctrl-C: ...", 2), 130),
        (Interrupted("stopped by signal 15: ...", 15), 143),
        (CellsFailed("2 cells failed"), 1),
        (StoreError(28, "the disk is full"), 1),
    ]
    for error, status in cases:
        assert console.guarded(raising(error)) == status
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert console.main(["run", "no_such_experiment"]) == 2
    assert "experiment: unknown name 'no_such_experiment'" in capsys.readouterr().err


# Bad input


class Unhashable(NamedTuple):
    thing: Any = None

    protocol = "toy"


class Clash(NamedTuple):
    run: int = 1


class NoProtocol(NamedTuple):
    x: int = 1


class BadProtocol(NamedTuple):
    x: int = 1

    protocol = "duel"


def nest(value):
    return lambda: small(environments=[Unhashable(value)])


CONSTRUCTION = [
    # name
    *(
        (lambda n=n: small(name=n), "name must be")
        for n in ("", "a/b", "a b", "../x", ".hidden", None, 3, "x" * 101, "naïve")
    ),
    # horizon, runs, seed, block
    *(
        (lambda v=v: small(horizon=v), "horizon must be")
        for v in (0, -1, 1.5, None, "ten", math.nan, math.inf, True, 10**16)
    ),
    *((lambda v=v: small(runs=v), "runs must be") for v in (0, -3, 2.5, None, "all", math.nan, False, [1, 2], 10**10)),
    *((lambda v=v: small(seed=v), "seed must be") for v in (-1, 0.5, None, "s", math.inf, True, 2**63, 10**400)),
    *((lambda v=v: small(block=v), "block must be") for v in (0, -16, 1.5, None, "x", True, 10**6)),
    # checkpoints
    *(
        (lambda v=v: small(checkpoints=v), "checkpoints must be")
        for v in (0, -1, 2.5, [], [0, 1], [2, 1], [1, 1], [1, 51], [1.5], ["a"], [math.nan], True)
    ),
    # algorithms and environments
    (lambda: small(algorithms=[]), "give at least one algorithm"),
    (lambda: small(environments={}), "give at least one environment"),
    (lambda: small(algorithms=None), "must be a list of instances"),
    (lambda: small(algorithms="RUCB"), "must be a list of instances"),
    (lambda: small(algorithms=Learner), "got the class Learner; pass a list"),
    (lambda: small(algorithms=Learner()), "put it in a list"),
    (lambda: small(algorithms=[Learner]), "pass an instance, Learner(...)"),
    (lambda: small(algorithms=[grid(Learner, gain=[1.0, 2.0])]), "unpack it: [*grid(...)"),
    (lambda: small(algorithms=["RUCB"]), "must be a NamedTuple instance"),
    (lambda: small(algorithms=[(1, 2)]), "must be a NamedTuple instance"),
    (lambda: small(algorithms=[None]), "must be a NamedTuple instance"),
    (lambda: small(algorithms=[Learner(), Learner()]), "leave one out"),
    (lambda: small(algorithms=[Learner(1), Learner(1.0)]), "leave one out"),
    (lambda: small(algorithms={"a": Learner(), "b": Learner()}), "leave one out"),
    (lambda: small(environments=[World([1, 2]), World((1, 2))]), "leave one out"),
    (lambda: small(algorithms={1: Learner()}), "labels must be printable text"),
    (lambda: small(algorithms={"": Learner()}), "labels must be printable text"),
    (lambda: small(algorithms={"a\nb": Learner()}), "labels must be printable text"),
    (lambda: small(algorithms={"x" * 300: Learner()}), "labels must be printable text"),
    (lambda: small(algorithms=[World()]), "is an environment; give it in environments="),
    (lambda: small(environments=[Learner()]), "Are algorithms and environments swapped?"),
    (lambda: small(environments=[NoProtocol()]), "does not say its protocol"),
    (lambda: small(environments=[BadProtocol()]), "Did you mean 'duels'"),
    (lambda: small(algorithms=[Clash()]), "'run', which is a column of the results"),
    (lambda: small(algorithms=iter([Learner()])), "must be a list of instances"),
    (lambda: small(algorithms={Learner()}), "must be a list of instances"),
    # which meets which
    (lambda: small(only=["Other"]), "only must be None or a mapping"),
    (lambda: small(only={"Othr": ["one"]}), "Did you mean 'Other'"),
    (lambda: small(only={"Other": "one"}), "must be a list of labels of environments"),
    (lambda: small(only={"Other": []}), "must be a list of labels of environments"),
    (lambda: small(only={"Other": ["onne"]}), "Did you mean 'one'"),
    # values without content
    (nest(lambda x: x), "is a lambda, which has no name that a worker could import"),
    (nest(math.nan), "is NaN, which equals nothing"),
    (nest(np.array([1.0, math.nan])), "contains NaN"),
    (nest(np.array([object()])), "array of object, which cannot be hashed"),
    (nest([1, math.nan]), "[1] is NaN"),
    (nest({1: 2}), "has the key 1; only mappings with text keys"),
    (nest({"a": {"b": object()}}), "['a']['b'] is a object"),
    (nest({1, 2}), "is a set, which has no content to hash"),
    (nest(object()), "has no content to hash"),
    (nest(open), "has no content to hash"),
    (nest(threading.Lock()), "has no content to hash"),
    (nest(np.random.default_rng()), "is a Generator, which has no content to hash"),
    (nest(iter([1])), "has no content to hash"),
    (nest(NoProtocol), "has no content to hash"),
    (nest(Learner(gain=math.nan)), ".thing.gain is NaN"),
    (nest(small.__get__(1)), "has no content to hash"),
    # sizes
    (lambda: small(horizon=10**8, checkpoints=range(1, 10**7)), "record fewer checkpoints"),
    (lambda: small(runs=10**9), "cells, at most"),
    (lambda: small().replace(run=3), "replace: unknown name 'run'. Did you mean 'runs'"),
    (lambda: small().replace(horizon=-1), "horizon must be"),
    (lambda: small(checkpoints=[1, 50]).replace(horizon=0), "horizon must be"),
    (lambda: small().replace(algorithms=[]), "give at least one algorithm"),
]

RUNNING = [
    (lambda out: small().run(None), "out must be the path of a folder"),
    (lambda out: small().run(""), "out must be the path of a folder"),
    (lambda out: small().run(7), "out must be the path of a folder"),
    *(
        (lambda out, v=v: small().run(out, workers=v), "workers must be")
        for v in (0, -2, 1.5, "two", math.nan, True, 10**5)
    ),
    (lambda out: small().run(out, executor="thread"), "Did you mean 'threads'"),
    (lambda out: small().run(out, executor="slurm"), "executor: unknown name 'slurm'"),
    (lambda out: small().run(out, executor=None), "executor must be one of threads, processes, dask"),
    (lambda out: small().run(out, executor=object()), "submit(function, *arguments) -> Future"),
    (lambda out: small().run(out, executor=threading.Thread), "pass an instance, Thread(...)"),
    (lambda out: small().run(out, executor="dask", scheduler="localhost"), "an address such as 'tcp://"),
    (lambda out: small().run(out, executor="dask", scheduler="http://localhost:1"), "an address such as 'tcp://"),
    (lambda out: small().run(out, executor="dask", scheduler="tcp://localhost"), "an address such as 'tcp://"),
    (lambda out: small().run(out, executor="dask", scheduler="tcp://:8786"), "an address such as 'tcp://"),
    (lambda out: small().run(out, executor="dask", scheduler="tcp://localhost:99999"), "port must be in 1..65535"),
    (lambda out: small().run(out, executor="dask", scheduler=8786), "an address such as 'tcp://"),
    (
        lambda out: small().run(out, executor="processes", scheduler="tcp://localhost:1"),
        "scheduler is for executor='dask'",
    ),
    (lambda out: small().run(out, progress="yes"), "progress must be True, False or None"),
    (lambda out: small().plan(out, workers=0), "workers must be"),
    (lambda out: small(environments=[World(())]).run(out), "Learner(gain=1.0) on World: weights must not be empty"),
    (
        lambda out: Sweep("s", [RUCB(alpha=-1.0)], [BradleyTerry([1.0, 0.0])], 10, 1).run(out),
        "RUCB on BradleyTerry: alpha must be > 0",
    ),
    (
        lambda out: Sweep("s", [RUCB()], [BradleyTerry([1.0])], 10, 1).run(out),
        "utilities must be a list of at least 2",
    ),
    (
        lambda out: Sweep("s", [Learner()], [BradleyTerry([1.0, 0.0])], 10, 1).run(out),
        "Learner has no method 'init'",
    ),
    (lambda out: small().run(out, executor=Silent()), "must return a Future"),
]


class Silent:
    def submit(self, *_):
        return None


@pytest.mark.parametrize(("call", "remedy"), CONSTRUCTION, ids=[f"{i}" for i in range(len(CONSTRUCTION))])
def test_bad_sweeps_are_refused_when_they_are_made(call, remedy):
    with pytest.raises(InvalidInput, match=r"\S") as caught:
        call()
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("call", "remedy"), RUNNING, ids=[f"{i}" for i in range(len(RUNNING))])
def test_bad_runs_are_refused_before_any_cell_starts(call, remedy, tmp_path):
    out = tmp_path / "s"
    with pytest.raises(InvalidInput, match=r"\S") as caught:
        call(out)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(out.glob("cells/*/*"))


def test_there_are_enough_bad_inputs():
    assert len(CONSTRUCTION) + len(RUNNING) >= 100


def test_workers_of_another_world_are_refused():
    here = workplace([(RUCB, BradleyTerry)])
    compare_workplaces(here, [here, here._replace(pid=2)])
    old = here._replace(versions={**here.versions, "numpy": "1.0"}, host="node7")
    with pytest.raises(InvalidInput, match=r"worker node7 .* has numpy 1\.0, this process .*same versions"):
        compare_workplaces(here, [here, old])
    bare = here._replace(versions={k: v for k, v in here.versions.items() if k != "numba"})
    with pytest.raises(InvalidInput, match="has numba absent"):
        compare_workplaces(here, [bare])
    other = here._replace(digests={"RUCB on BradleyTerry": "0" * 32})
    with pytest.raises(InvalidInput, match=r"runs other code for RUCB on BradleyTerry.*update its copy"):
        compare_workplaces(here, [other])


def test_a_worker_with_other_code_refuses_the_cell(tmp_path):
    """Even if it slipped past the first check: the name of a cell is computed again where the cell is."""
    task = small().tasks()[0]
    Store(tmp_path).prepare()
    with pytest.raises(InvalidInput, match="has other code for"):
        driver.compute(str(tmp_path), task._replace(cell="0" * 32))
    assert Store(tmp_path).held() == {}


def test_pools_are_described():
    for executor, words in (("threads", "3 threads"), ("processes", "3 processes")):
        pool = open_pool(executor, 3)
        assert pool.describe == words
        pool.close(now=True)
