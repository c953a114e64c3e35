"""``make figures``: the reference picture of every experiment, in ``docs/figures``, small enough to commit.

Every experiment runs at its *reference size*, which is a rule and no choice of a machine: at most 16 runs, and at most
100 000 rounds unless every learner stops by itself. ``REFERENCE`` lists the exceptions. Results are kept in the store
``results/figures``, so that a killed run resumes, and an unchanged rerun draws without computing.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from duel import catalog
from duel.errors import InvalidInput
from duel.store import load, write
from duel.sweep import Sweep

HERE = Path(__file__).parent
FIGURES = HERE / "figures"
INDEX = FIGURES / "figures.json"
LARGEST = 150_000  # bytes of a picture
RUNS, HORIZON = 16, 100_000
REFERENCE: dict[str, dict[str, int]] = {
    "arena": {"runs": 8, "horizon": 1_000_000},
    "last_iterate": {"runs": 4, "horizon": 20_000},
    "survey_regret": {"runs": 8, "horizon": 30_000},  # 138 pairs
    "pocowista": {"runs": 32, "horizon": 1_000_000},  # 180 pairs, some of which play to the horizon
    "identification_error": {"runs": 200},
    "budget": {"runs": 64},
    "vacdb_variance": {"runs": 128},  # the paper's number
    "ginop_baselines": {"runs": 20},  # the preprint's number
    "corruption": {"runs": 32},
    "weak_vs_average": {"runs": 32},
    "vacdb_horizon": {"runs": 32},
    "active_selection": {"runs": 96},
    "zhu_pessimism": {"runs": 100},
    "zhu_kwise": {"runs": 100},
    "prlsvi_tradeoff": {"runs": 48},
    "dps_riverswim": {"runs": 25},
    "linear_mdp_scaling": {"runs": 48},
    "nonlinear": {"runs": 8},
    "fast_rates": {"runs": 256},
}


def reference(sweep: Sweep) -> Sweep:
    """The sweep at its reference size."""
    stops = all(hasattr(algorithm, "done") for algorithm in sweep.algorithms.values())
    size = {"runs": min(sweep.runs, RUNS), "horizon": sweep.horizon if stops else min(sweep.horizon, HORIZON)}
    return sweep.replace(**(size | REFERENCE.get(sweep.name, {})))


def shrink(picture: Path, target: Path) -> None:
    """Write a picture as a PNG of few colours, of at most 1500 pixels' width and `LARGEST` bytes."""
    image = Image.open(picture).convert("RGB")
    for width, colors in ((1500, 128), (1300, 64), (1100, 48), (900, 32), (700, 24)):
        scale = min(1.0, width / image.width)
        small = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
        few = small.quantize(colors, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)  # keeps hues apart
        few.save(target, optimize=True)
        if target.stat().st_size <= LARGEST:
            return
    raise ValueError(f"{target.name} has {target.stat().st_size} bytes at {width} pixels; draw fewer points.")


def draw(
    name: str, *, store: str, workers: int | None, quiet: bool, target: Path = FIGURES, stored: bool = False
) -> dict[str, Any]:
    """Compute what is missing of an experiment (or take what is stored) and draw it; returns its line of the index."""
    module = catalog.experiment(name)
    sweep = reference(module.SWEEP)
    frame = (load(store, name) if stored else sweep.run(store, workers, progress=False if quiet else None)).to_frame()
    wanted = {"algorithm": set(sweep.algorithms), "environment": set(sweep.environments), "run": set(range(sweep.runs))}
    for column, values in wanted.items():
        if set(frame[column]) != values:
            raise InvalidInput(
                f"{name}: the stored results are of another sweep (column {column!r}); draw without --stored."
            )
    target.mkdir(parents=True, exist_ok=True)
    kept = []
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(module.plot(frame, Path(folder))):
            if file.suffix == ".png":
                shrink(file, target / file.name)
                kept.append(file.name)
            elif file.suffix == ".md":
                (target / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
                kept.append(file.name)
    return {
        "files": kept, "runs": sweep.runs, "horizon": sweep.horizon, "seed": sweep.seed,
        "full_runs": module.SWEEP.runs, "full_horizon": module.SWEEP.horizon,
    }  # fmt: skip


def index() -> dict[str, Any]:
    """What is drawn: experiment -> files, runs, horizon, seed."""
    return json.loads(INDEX.read_text(encoding="utf-8")) if INDEX.exists() else {}


def main(argv: Sequence[str] | None = None) -> int:
    """Draw all experiments, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="EXPERIMENT", help="only these (all)")
    parser.add_argument("--store", default="results/figures", help="folder of the results (results/figures)")
    parser.add_argument("--workers", type=int, help="threads (every core)")
    parser.add_argument("--stored", action="store_true", help="compute nothing: draw what the store has of the sweep")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args(argv)
    known = catalog.experiments()
    for name in options.names or known:
        try:
            line = draw(name, store=options.store, workers=options.workers, quiet=options.quiet, stored=options.stored)
        except InvalidInput as error:  # data that are not shipped; with --stored, results that are not there
            if options.names:
                parser.error(str(error))
            print(f"{name}: left out: {error}", flush=True)
            continue
        lines = {k: v for k, v in (index() | {name: line}).items() if k in known}
        write(INDEX, f"{json.dumps(dict(sorted(lines.items())), indent=1)}\n".encode())
        print(f"{name}: {', '.join(line['files'])}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
