"""``make reproductions``: published figures and tables measured again, as small JSON files in ``docs/reproductions``.

What each paper reports and how it is measured stands in `published`. Results are kept in the store ``results/figures``,
so that a killed run resumes, and an unchanged rerun only reads. The page of the documentation is made of the files.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from duel.store import write

HERE = Path(__file__).parent
FOLDER = HERE / "reproductions"
RESAMPLES, TAILS = 2000, (0.025, 0.975)


@dataclass(frozen=True)
class Line:
    """One quantity: what was published of it, what is measured, and whether the two agree.

    Attributes
    ----------
    what, reported : str
    value, low, high : float
        The measurement and its interval: 95 % bootstrap over runs, unless `of` says what else it is.
    agrees : bool or None
        None where the source gives nothing to agree with.
    of : str
    """

    what: str
    reported: str
    value: float
    low: float
    high: float
    agrees: bool | None = None
    of: str = ""


@dataclass(frozen=True)
class Reproduction:
    """A published figure, table or headline.

    Attributes
    ----------
    title, citation : str
        `citation` is a key of references.bib.
    reports : str
        What the source says, and which part of it.
    measure : callable (run) -> iterable of Line
        `run(sweep)` returns the `duel.store.Results` of a sweep.
    remark : str
        What a reader should know beside the numbers.
    experiment : str
        The experiment that draws the figure, if there is one.
    """

    title: str
    citation: str
    reports: str
    measure: Callable[[Callable[[Any], Any]], Iterable[Line]]
    remark: str = ""
    experiment: str = ""


def verdict(lines: Sequence[Line]) -> str:
    """In words, from the lines that can agree."""
    judged = [line.agrees for line in lines if line.agrees is not None]
    if all(judged):
        return "reproduced"
    return f"in part: {sum(judged)} of {len(judged)} lines" if any(judged) else "not reproduced"


# --------------------------------------------------------------------------------------------------------- measurements


def mean(what: str, values: Any, reported: str = "", *, below: float = np.inf, above: float = -np.inf) -> Line:
    """The mean of runs [R]; agrees if its interval lies below and above the given numbers."""
    x = np.asarray(values, dtype=np.float64)
    low, high = np.quantile(_weights(len(x)) @ x, TAILS)
    return _sided(what, reported, float(x.mean()), low, high, below, above)


def ratio(
    what: str, own: Any, other: Any, reported: str = "", *, below: float = np.inf, above: float = -np.inf
) -> Line:
    """The ratio of two means over the same runs, resampled together."""
    a, b = (np.asarray(x, dtype=np.float64) for x in (own, other))
    W = _weights(len(a))
    low, high = np.quantile((W @ a) / (W @ b), TAILS)
    return _sided(what, reported, float(a.mean() / b.mean()), low, high, below, above)


def exponent(
    what: str, at: Any, values: Any, reported: str = "", *, below: float = np.inf, above: float = -np.inf
) -> Line:
    """Slope of ln(mean) against ln(at); values [R, C]."""
    from duel.rates import fit_exponent

    fit = fit_exponent(at, values)
    return _sided(what, reported, fit.value, fit.low, fit.high, below, above)


def exact(what: str, value: float, reported: str = "", *, below: float = np.inf, above: float = -np.inf) -> Line:
    """A number without noise."""
    return _sided(what, reported, float(value), value, value, below, above)


def among(what: str, values: Any, published: Sequence[float]) -> Line:
    """Published single runs beside the central 99 % of ours."""
    x = np.asarray(values, dtype=np.float64)
    low, high = (float(q) for q in np.quantile(x, (0.005, 0.995)))
    inside = all(low <= p <= high for p in published)
    return Line(what, ", ".join(f"{p:,.0f}" for p in published), float(x.mean()), low, high, inside, "99 % of runs")


def against(what: str, values: Any, published: float, count: int) -> Line:
    """A published mean of `count` runs: agrees within 3.3 standard errors, our spread for both."""
    x = np.asarray(values, dtype=np.float64)
    error = x.std(ddof=1) * np.sqrt(1 / len(x) + 1 / count)
    low, high = np.quantile(_weights(len(x)) @ x, TAILS)
    near = bool(abs(x.mean() - published) <= 3.3 * error)
    return Line(what, f"{published:,.4g} ({count} runs)", float(x.mean()), float(low), float(high), near)


def _sided(what: str, reported: str, value: float, low: Any, high: Any, below: float, above: float) -> Line:
    judged = np.isfinite(below) or np.isfinite(above)
    agrees = bool(high <= below and low >= above) if judged else None
    return Line(what, reported, value, float(low), float(high), agrees)


def _weights(runs: int) -> np.ndarray:
    draw = np.random.default_rng(0).multinomial(runs, np.full(runs, 1 / runs), size=RESAMPLES)
    return draw / runs


# ------------------------------------------------------------------------------------------------------------- the page


def stored(name: str) -> list[Line] | None:
    """The committed lines of a reproduction."""
    file = FOLDER / f"{name}.json"
    if not file.exists():
        return None
    return [Line(**line) for line in json.loads(file.read_text(encoding="utf-8"))["lines"]]


def number(x: float) -> str:
    """Four digits, in the way that a table wants them."""
    if x and not 1e-3 <= abs(x) < 1e7:
        return f"{x:.2e}"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"


def measured(line: Line) -> str:
    """A measurement with its interval."""
    if line.low == line.high:
        return number(line.value)
    return f"{number(line.value)} [{number(line.low)}, {number(line.high)}]{', ' + line.of if line.of else ''}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure all, or those named."""
    import published

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (all)")
    parser.add_argument("--store", default="results/figures", help="folder of the results (results/figures)")
    parser.add_argument("--workers", type=int, help="threads (every core)")
    options = parser.parse_args(argv)
    for name in options.names or published.REPRODUCTIONS:
        if name not in published.REPRODUCTIONS:
            parser.error(f"unknown reproduction {name!r}; there are {', '.join(published.REPRODUCTIONS)}")
        lines = list(
            published.REPRODUCTIONS[name].measure(
                lambda sweep: sweep.run(options.store, workers=options.workers, progress=False)
            )
        )
        FOLDER.mkdir(exist_ok=True)
        text = json.dumps({"lines": [_rounded(asdict(line)) for line in lines]}, indent=1)
        write(FOLDER / f"{name}.json", f"{text}\n".encode())
        print(f"{name}: {verdict(lines)}", flush=True)
    return 0


def _rounded(line: dict[str, Any]) -> dict[str, Any]:
    return {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in line.items()}


if __name__ == "__main__":
    sys.exit(main())
