"""Pictures: the numbers in them against other computations, what they refuse, and that files are whole."""

import io
import itertools
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from duel import plotting
from duel.errors import InvalidInput


def tidy(
    values: dict[str, np.ndarray], t: tuple[int, ...] = (1, 10, 100, 1000), metric: str = "average", place: str = "here"
) -> pd.DataFrame:
    parts = []
    for name, array in values.items():
        R, C = array.shape
        parts.append(
            pd.DataFrame(
                {
                    "algorithm": name,
                    "environment": place,
                    "run": np.repeat(np.arange(R), C),
                    "t": np.tile(t[:C], R),
                    "metric": metric,
                    "value": array.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    growth = np.array([1.0, 5.0, 20.0, 60.0])
    return tidy({"A": growth * rng.lognormal(0, 0.3, (32, 1)), "B": 2 * growth * rng.lognormal(0, 0.3, (32, 1))})


# ----------------------------------------------------------------------------------------------------------- curves


def test_curves_are_the_means_and_the_bound_is_c_ln_t(frame: pd.DataFrame) -> None:
    ax = plotting.plot_regret(frame, lower_bound=3.0)
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    for name in "AB":
        part = frame[frame.algorithm == name].groupby("t")["value"].mean()
        np.testing.assert_array_equal(lines[name].get_xdata(), [10, 100, 1000])
        np.testing.assert_allclose(np.asarray(lines[name].get_ydata(), float), part.loc[10:].to_numpy(), rtol=1e-12)
    bound = lines["asymptotic bound, c ln t"]
    np.testing.assert_allclose(
        np.asarray(bound.get_ydata(), float), 3.0 * np.log(np.asarray(bound.get_xdata(), float)), rtol=1e-12
    )
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert ax.get_xlabel() == "round t (duels)"
    assert ax.get_ylabel() == "cumulative average regret"
    texts = {t.get_text() for t in ax.texts}
    assert {"A", "B", "3 ln t"} <= texts


def test_the_number_of_runs_and_the_kind_of_band_are_said(frame: pd.DataFrame) -> None:
    figure: Any = plotting.plot_regret(frame).figure
    said = " ".join(figure.get_supxlabel().split())
    assert "n = 32 runs" in said
    assert "95% bootstrap interval of the mean" in said
    single: Any = plotting.plot_regret(frame[frame.run == 0]).figure
    assert "no band" in single.get_supxlabel()


def test_curves_tell_apart_without_colour() -> None:
    """Twelve curves: no two share dashes and marker, and none of the first seven a colour."""
    look = plotting.styles([f"a{k}" for k in range(12)])
    assert len({(str(s["linestyle"]), s["marker"]) for s in look.values()}) == 12
    assert len({s["color"] for s in list(look.values())[:7]}) == 7


def test_no_pyplot_and_no_settings_left_behind(frame: pd.DataFrame, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plotting.save(plotting.regret_figure(frame), tmp_path / "a")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("scale", plotting.SCALES)
@pytest.mark.parametrize("labels", plotting.LABELS)
def test_every_scale_and_labelling_draws(frame: pd.DataFrame, scale: str, labels: str) -> None:
    ax = plotting.plot_regret(frame, scale=scale, labels=labels, lower_bound=1.0, title="x", unit="u", top=100.0)
    figure: Any = ax.figure
    figure.savefig(io.BytesIO(), format="png")
    assert ax.get_ylim()[1] == 100.0


def test_zero_regret_on_log_axes_draws_nothing_and_does_not_fail() -> None:
    ax = plotting.plot_regret(tidy({"A": np.zeros((4, 4)), "B": np.ones((4, 4))}))
    assert [line.get_label() for line in ax.get_lines()] == ["B"]


def test_ecdf_is_the_share_of_runs(frame: pd.DataFrame) -> None:
    ax = plotting.plot_ecdf(frame)
    line = next(line for line in ax.get_lines() if line.get_label() == "A")
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    finals = frame[(frame.algorithm == "A") & (frame.t == 1000)]["value"].to_numpy()
    oracle = stats.ecdf(finals).cdf
    for value in finals:
        assert y[x == value].max() == pytest.approx(float(oracle.evaluate(value)))
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()


def test_small_multiples_share_styles_and_have_one_legend(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(5)
    other = tidy(
        {"B": rng.gamma(2.0, size=(8, 4)).cumsum(1), "C": rng.gamma(9.0, size=(8, 4)).cumsum(1)}, place="there"
    )
    figure = plotting.regret_figure(
        pd.concat([frame, other]), lower_bounds={"there": 2.0}, titles={"there": "There!"}, order=["C", "B", "A"]
    )
    assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["here", "There!"]
    assert len(figure.legends) == 1
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["C", "B", "A", "asymptotic bound, c ln t"]
    colors = {
        (str(line.get_label()), line.get_color())
        for ax in figure.axes
        for line in ax.get_lines()
        if line.get_label() in ("A", "B", "C")
    }
    assert len(colors) == 3
    assert "n = 8 to 32 runs" in " ".join(figure.get_supxlabel().split())


def test_nothing_overlaps_in_small_multiples(frame: pd.DataFrame) -> None:
    """Axis labels of neighbours do not touch, and the legend stays inside the figure."""
    parts = [frame.assign(environment=f"place {k}") for k in range(3)]
    figure = plotting.regret_figure(pd.concat(parts), unit="win probability", lower_bounds={"place 0": 1.0})
    figure.draw_without_rendering()
    boxes = [ax.xaxis.label.get_window_extent() for ax in figure.axes if "after T" in ax.get_xlabel()]
    assert len(boxes) == 3
    for a, b in itertools.pairwise(boxes):
        assert not a.overlaps(b)
    legend = figure.legends[0].get_window_extent()
    assert 0 <= legend.x0 < legend.x1 <= figure.bbox.x1


# --------------------------------------------------------------------------------------------------------- refusals


def test_refusals_of_frames(frame: pd.DataFrame) -> None:
    two = pd.concat([frame, frame.assign(environment="there")])
    for data, options, words in (
        (frame, {"metric": "averag"}, "metric: unknown name 'averag'. Did you mean 'average'?"),
        (frame, {"by": "colour"}, "frame has no column 'colour'"),
        (two, {}, "choose one 'environment' (of 2)"),
        (pd.concat([frame, frame]), {}, "rows repeat"),
        (frame.iloc[1:], {}, "missing or infinite values"),
        (frame.assign(value=np.nan), {}, "missing or infinite values"),
        (frame.assign(value=np.inf), {}, "missing or infinite values"),
        (frame, {"scale": "log-log"}, "scale: unknown name 'log-log'. Did you mean 'loglog'?"),
        (frame, {"labels": "legends"}, "labels: unknown name 'legends'. Did you mean 'legend'?"),
    ):
        with pytest.raises(InvalidInput) as caught:
            plotting.plot_regret(data, **options)  # type: ignore[arg-type]
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidInput, match="frame has no column 'panel'"):
        plotting.regret_figure(frame, panels="panel")
    with pytest.raises(InvalidInput, match="empty"):
        plotting.regret_figure(frame.iloc[:0])
    with pytest.raises(InvalidInput, match="scale"):
        plotting.plot_ecdf(frame, scale="loglog")


# ------------------------------------------------------------------------------------------------------------ files


def test_png_and_pdf_with_real_fonts(frame: pd.DataFrame, tmp_path: Path) -> None:
    written = plotting.save(plotting.regret_figure(frame), tmp_path / "new" / "picture")
    assert [p.name for p in written] == ["picture.png", "picture.pdf"]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["picture.pdf", "picture.png"]
    assert written[0].read_bytes().startswith(b"\x89PNG")
    pdf = written[1].read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"/Type3" not in pdf  # fonttype 42: text stays text


def test_the_same_figure_gives_the_same_files(frame: pd.DataFrame, tmp_path: Path) -> None:
    a = plotting.save(plotting.regret_figure(frame), tmp_path / "a")
    b = plotting.save(plotting.regret_figure(frame), tmp_path / "b")
    assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]


def test_a_folder_that_cannot_be_written_is_one_line(frame: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InvalidInput, match=r"^out: cannot write to .*file.* choose another folder\.$"):
        plotting.save(plotting.plot_ecdf(frame).figure, tmp_path / "file" / "picture")  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_failure_while_drawing_leaves_the_old_files(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = plotting.regret_figure(frame)
    plotting.save(figure, tmp_path / "a")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    real = type(figure).savefig

    def fails_at_pdf(self: Any, *args: Any, **options: Any) -> None:
        if options["format"] == "pdf":
            raise OSError(28, "No space left on device")
        real(self, *args, **options)

    monkeypatch.setattr(type(figure), "savefig", fails_at_pdf)
    with pytest.raises(InvalidInput, match="No space left"):
        plotting.save(figure, tmp_path / "a")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


# --------------------------------------------------------------------------------------------------- labels, matrix


@pytest.mark.parametrize("seed", range(20))
def test_labels_are_spread_apart_and_stay_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = np.sort(rng.uniform(0, 1, rng.integers(1, 9))).tolist()
    placed = plotting.spread(wanted, 0.1, low=0.0, high=1.0)
    assert len(placed) == len(wanted)
    assert (np.diff(placed) >= 0.1 - 1e-9).all()
    assert placed[0] >= -1e-9
    assert placed[-1] <= 1 + 1e-9
    if len(wanted) == 1 or min(np.diff(wanted)) >= 0.1:
        np.testing.assert_allclose(placed, wanted)


def test_two_labels_at_one_height_go_one_up_one_down() -> None:
    assert plotting.spread([0.5, 0.5], 0.1, low=0, high=1) == pytest.approx([0.45, 0.55])
    assert plotting.spread([], 0.1, low=0, high=1) == []


def test_matrix_rings_what_disagrees_with_the_order() -> None:
    """A circle of three under a winner: the Copeland order breaks once among the three, and the picture shows it."""
    P = np.full((4, 4), 0.5)
    for i, j, p in ((0, 1, 0.6), (0, 2, 0.6), (0, 3, 0.6), (1, 2, 0.9), (2, 3, 0.9), (3, 1, 0.9)):
        P[i, j], P[j, i] = p, 1 - p
    ax = plotting.plot_matrix(P, ["w", "a", "b", "c"])
    rings = next(line for line in ax.get_lines() if line.get_marker() == "o")
    assert len(np.asarray(rings.get_xdata())) == 1
    assert ax.get_yticklabels()[0].get_text().startswith("w")
    with pytest.raises(InvalidInput, match="names must name the 4 arms"):
        plotting.plot_matrix(P, ["w"])
