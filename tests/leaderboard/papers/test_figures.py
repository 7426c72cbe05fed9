import csv
import io
import itertools
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from leaderboard import curves, statistics, targets
from leaderboard.fronts import FrontLandscape
from leaderboard.landscape import Landscape
from leaderboard.papers.diagram import draw_diagrams
from leaderboard.papers.drawing import _number, _reach, draw_panels
from leaderboard.papers.figures import ENDINGS, draw, plot, render
from leaderboard.papers.fronts import chosen_losses, median_surface
from leaderboard.papers.outputs import check_place
from leaderboard.papers.panels import MOST, Panel, Series
from leaderboard.papers.selection import Selection, select
from leaderboard.papers.styles import FAMILIES, LINES, looks
from leaderboard.verdict.field import field
from leaderboard.verdict.judge import judge
from nasbench.errors import InvalidArgumentError, UnknownNameError

pytest.importorskip("matplotlib")


def read(drawing):
    """The CSV of a drawing as lists of (x, y, low, high) by panel and series."""
    found = {}
    for row in csv.DictReader(io.StringIO(render(drawing, ".csv", 3.25).decode())):
        numbers = [float(row[name] or "nan") for name in ("x", "y", "low", "high")]
        found.setdefault((row["panel"], row["series"]), []).append(numbers)
    return {key: np.array(rows) for key, rows in found.items()}


def test_regrets_are_those_of_the_board(shared):
    (board,) = shared.chosen.boards
    drawn = curves.drawn(board)["evaluations"]
    found = read(draw(shared.chosen))
    assert {series for _, series in found} == set(drawn)
    for (_, label), rows in found.items():
        np.testing.assert_array_equal(rows[:, 0], drawn[label].at)
        np.testing.assert_array_equal(rows[:, 1], drawn[label].mean)
    for row in board.rows:
        (rows,) = [rows for (_, label), rows in found.items() if label == row.label]
        assert rows[-1, 1] == pytest.approx(row.regret.mean, rel=1e-12)
        assert rows[-1, 2:] == pytest.approx([row.regret.low, row.regret.high])


@pytest.mark.parametrize("summary", ["iqm", "median"])
def test_other_summaries_end_at_those_of_the_rows(shared, summary):
    (board,) = shared.chosen.boards
    found = read(draw(shared.chosen, summary=summary))
    for row in board.rows:
        (rows,) = [rows for (_, label), rows in found.items() if label == row.label]
        expected = getattr(row.summary, summary)
        assert rows[-1, 1:] == pytest.approx([expected.mean, expected.low, expected.high])


@pytest.mark.parametrize(("summary", "known"), [("mean", "in expectation"), ("iqm", "exact")])
def test_an_estimate_is_not_called_exact(shared, summary, known, monkeypatch):
    assert f"dashed: random search, {known}." in draw(shared.chosen, summary=summary).caption
    monkeypatch.setattr(Landscape, "is_exact", False)
    assert "dashed: random search, estimated." in draw(shared.chosen, summary=summary).caption


@pytest.mark.parametrize("summary", ["iqm", "median"])
def test_random_search_is_that_of_all_sequences_of_draws(summary):
    observed = np.array([3.0, 1.0, 1.0, 2.0])
    reported = np.array([0.0, 4.0, 2.0, 1.0])
    weights = np.array([0.3, 0.2, 0.1, 0.4])
    found = statistics.random_search_middle(observed, reported, weights, [1, 2, 3], summary)
    for k, value in zip((1, 2, 3), found, strict=True):
        chance = {}
        for draws in itertools.product(range(4), repeat=k):
            best = min(draws, key=lambda i: observed[i])
            p = math.prod(weights[i] for i in draws)
            chance[reported[best]] = chance.get(reported[best], 0) + p
        ordered = sorted(chance)
        many = np.repeat(ordered, [round(1e6 * chance[v]) for v in ordered])
        middle = many[len(many) // 4 : -(len(many) // 4)].mean()
        expected = np.median(many) if summary == "median" else middle
        assert value == pytest.approx(expected, abs=1e-5)


def test_seconds_are_drawn_in_a_unit_that_the_axis_names(shared):
    drawing = draw(shared.chosen, axis="seconds")
    (panel,) = drawing.panels
    unit = {"seconds": 1, "minutes": 60, "hours": 3600}[panel.x_title[16:-1]]
    (board,) = shared.chosen.boards
    drawn = curves.drawn(board)["seconds"]
    for series in panel.series:
        np.testing.assert_allclose(unit * series.x, drawn[series.label].at)
        assert not series.is_reference


def test_shares_of_targets_are_those_of_the_board(shared):
    (board,) = shared.chosen.boards
    drawn = targets.ecdf(board, "epochs")
    found = read(draw(shared.chosen, kind="ecdf", axis="epochs"))
    assert len(found) == len(drawn)
    for row in board.rows:
        (rows,) = [rows for (_, label), rows in found.items() if label == row.label]
        np.testing.assert_array_equal(rows[:, 1], drawn[row.label].mean)
        assert rows[-1, 1] == pytest.approx(row.scores["targets_reached"].mean)


def test_ranks_end_at_those_of_the_verdict(shared):
    verdict = judge(field(shared.over.boards))
    found = read(draw(shared.over, kind="rank"))
    for standing in verdict.standings:
        ((rows),) = [rows for (_, label), rows in found.items() if label == standing.label]
        rank = standing.rank
        assert rows[-1].tolist() == pytest.approx([100, rank.mean, rank.low, rank.high])
        assert ((rows[:, 1] >= 1) & (rows[:, 1] <= len(verdict.standings))).all()
    by_share = sum(rows[:, 1] for rows in found.values())
    assert by_share == pytest.approx(np.full(len(by_share), 6.0))  # 1 + 2 + 3


def test_the_caption_of_ranks_counts_the_seeds_that_are_compared(shared):
    """A method with more seeds, and one that is on two benchmarks only."""
    boards = [
        replace(board, rows=tuple(less(row, 2 * (place > 1)) for row in rows))
        for place, board in enumerate(shared.over.boards)
        for rows in [[row for row in board.rows if place < 2 or "simulated" not in row.algorithm]]
    ]
    drawing = draw(Selection(tuple(boards), ()), kind="rank")
    assert "2 methods with 2 common seeds on toy-0@1, toy-1@1" in drawing.caption
    assert "left out: simulated_annealing (on 2 of 6 tasks)." in drawing.caption
    assert "seeds per method" not in drawing.caption


def less(row, n):
    """A row without its last seeds."""
    return replace(row, seeds=row.seeds[: 4 - n], searches=row.searches[: 4 - n])


def test_critical_differences_are_those_of_the_verdict(shared):
    verdict = judge(field(shared.over.boards))
    drawing = draw(shared.over, kind="cd")
    (diagram,) = drawing.panels
    assert list(diagram.ranks.items()) == [(one.label, one.rank) for one in verdict.standings]
    assert diagram.groups == verdict.groups
    assert verdict.sentence in drawing.caption
    text = render(drawing, ".svg", 6.75).decode()
    assert len(re.findall(r'id="group \d+"', text)) == len(verdict.groups)


def test_the_chosen_of_a_front_have_the_regret_of_their_run(shared):
    (board,) = shared.fronts.boards
    landscape = board.landscape
    assert isinstance(landscape, FrontLandscape)
    fronts = landscape.reported
    low, spread = fronts._low, fronts._range
    for row in board.rows:
        for search, losses in zip(row.searches, chosen_losses(row, fronts.columns), strict=True):
            own = losses + np.array([100.0, 0.0])  # 100 minus the accuracy
            volume = fronts.hypervolume((own - low) / spread)
            assert 1 - volume / fronts.best == pytest.approx(search.regret)


def test_a_median_surface_is_what_half_of_the_sets_attain():
    rng = np.random.default_rng(0)
    sets = [rng.random((rng.integers(0, 5), 2)) for _ in range(9)]
    surface = median_surface(sets)
    for point in rng.random((300, 2)):
        attaining = sum(bool((one <= point).all(axis=1).any()) for one in sets)
        assert (attaining >= 5) == bool((surface <= point).all(axis=1).any())
    assert not len(median_surface([*sets[:1], *[np.empty((0, 2))] * 3]))


def drawn_path(text, gid):
    """Places of the line with an id in an SVG."""
    tree = ET.fromstring(text)
    (group,) = [g for g in tree.iter("{http://www.w3.org/2000/svg}g") if g.get("id") == gid]
    path = group.find("{http://www.w3.org/2000/svg}path").get("d")
    return np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path), dtype=float)


def test_an_svg_has_the_lines_where_the_numbers_are(shared):
    drawing = draw(shared.chosen)
    (panel,) = drawing.panels
    text = render(drawing, ".svg", 3.25).decode()
    xs, ys, wanted_x, wanted_y = [], [], [], []
    for series in panel.series:
        points = drawn_path(text, f"line {series.label}")
        corners = points[::2]  # between them the steps
        xs += [points[0, 0], points[-1, 0]]
        ys += [points[0, 1], points[-1, 1]]
        wanted_x += [series.x[0], series.x[-1]]
        wanted_y += [series.y[0], series.y[-1]]
        assert (np.diff(corners[:, 0]) >= 0).all()
    for places, wanted in ((xs, wanted_x), (ys, wanted_y)):
        logs = np.log(wanted)
        slope, start = np.polyfit(logs, places, 1)
        np.testing.assert_allclose(places, start + slope * logs, atol=0.01)


def test_the_same_records_give_the_same_bytes(shared, tmp_path):
    code = """
import sys
from leaderboard.papers.figures import draw, render
from leaderboard.papers.selection import Selection, select
drawing = draw(select(sys.argv[1]))
assert "matplotlib" not in sys.modules
for ending in (".pdf", ".svg", ".png", ".csv"):
    with open(sys.argv[2] + ending, "wb") as file:
        file.write(render(drawing, ending, 6.75))
"""
    user = tmp_path / "matplotlibrc"
    user.write_text("lines.linewidth: 9\nfont.size: 30\n")
    settings = {"PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(user)}
    command = [sys.executable, "-c", code, str(shared.one), str(tmp_path / "figure")]
    subprocess.run(command, env=os.environ | settings, check=True)
    drawing = draw(shared.chosen)
    for ending in (".pdf", ".svg", ".png", ".csv"):
        made = (tmp_path / f"figure{ending}").read_bytes()
        assert made == render(drawing, ending, 6.75)


@pytest.mark.parametrize("kind", ["regret", "rank", "cd"])
def test_no_text_is_a_formula(shared, kind, monkeypatch):
    """Labels come from records; matplotlib ends with an error where half of a formula is."""
    mathtext = pytest.importorskip("matplotlib.mathtext")
    monkeypatch.setattr(mathtext.MathTextParser, "parse", None)
    half = "{} (x $\\frac{{$)"
    monkeypatch.setattr(
        "leaderboard.verdict.field.labels", lambda found: [half.format(m.algorithm) for m in found]
    )
    boards = [
        replace(board, rows=tuple(replace(row, label=half.format(row.label)) for row in board.rows))
        for board in (shared.chosen if kind == "regret" else shared.over).boards
    ]
    drawing = draw(Selection(tuple(boards), ()), kind=kind)
    for ending in (".svg", ".pdf"):
        assert render(drawing, ending, 6.75)


def test_powers_of_ten_need_no_formula():
    assert [_number(value) for value in (0, 0.25, 1e5, 3e-5, -1e-6)] == [
        *("0", "0.25", "10⁵", "3·10⁻⁵", "-1·10⁻⁶")
    ]


def test_marks_of_methods_stand_in_figures_over_benchmarks(shared):
    """A method that is random search in some set-up says so beside its rank."""
    boards = [
        replace(
            board,
            rows=tuple(
                replace(row, remark="random search here" * ("coordinate" in row.algorithm))
                for row in board.rows
            ),
        )
        for board in shared.over.boards
    ]
    note = "\N{DOUBLE DAGGER} coordinate_search: random search here (on 6 of 6 tasks)."
    for kind in ("rank", "cd"):
        drawing = draw(Selection(tuple(boards), ()), kind=kind)
        assert note in drawing.caption
        assert "coordinate_search\N{DOUBLE DAGGER}" in {series for _, series in read(drawing)}


@pytest.mark.parametrize("kind", ["regret", "ecdf", "front"])
def test_marks_stand_in_figures_of_boards(shared, kind):
    """A mark on one of two boards stands behind the label on both, which share a legend."""
    (board,) = (shared.fronts if kind == "front" else shared.chosen).boards
    first, *others = board.rows
    marked = replace(first, remark="the same trials as mine", fits_family=True)
    question = replace(board.question, benchmark="other")
    boards = replace(board, rows=(marked, *others)), replace(board, question=question)
    drawing = draw(Selection(boards, ()), kind=kind)
    label = f"{first.label}\N{DAGGER}\N{DOUBLE DAGGER}"
    for panel in drawing.panels:
        methods = {series.label for series in panel.series if not series.is_reference}
        assert methods == {label, *(row.label for row in others)}
    note = f"toy-whole: \N{DOUBLE DAGGER} {first.label}: the same trials as mine."
    assert drawing.caption.count(note) == 1
    assert "toy-whole: \N{DAGGER} fits the same kind of model" in drawing.caption


def test_a_pdf_embeds_its_fonts_as_outlines(shared):
    content = render(draw(shared.chosen), ".pdf", 3.25)
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_no_two_methods_of_a_figure_look_the_same():
    kinds = [*(f"x{i}" for i in range(12)), "bananas", "tpe", "smac", "asha"]
    found = looks((f"{kind} {i}", kind) for kind in kinds for i in range(2 * len(LINES) // 2))
    assert len(set(found.values())) >= 2 * len(LINES)
    assert len(set(FAMILIES.values())) == len(FAMILIES)


@pytest.mark.parametrize("kin", [*FAMILIES, None])
def test_as_many_methods_of_one_family_look_different_as_a_figure_may_have(kin, monkeypatch):
    markers = pytest.importorskip("matplotlib.markers")
    monkeypatch.setattr("leaderboard.papers.styles.family", lambda _: kin)
    found = looks((f"{i}", "any") for i in range(MOST))
    assert len(set(found.values())) == MOST
    for look in found.values():
        assert markers.MarkerStyle(look.marker).is_filled() or look.fill == "full"


def line(label, algorithm, y):
    none = np.full(len(y), np.nan)
    x = np.arange(1.0, len(y) + 1)
    return Series(label=label, algorithm=algorithm, x=x, y=np.array(y), low=none, high=none)


@pytest.mark.parametrize(
    ("reference", "scale"), [((5.0, 0.2), "log"), ((5.0, 0.0), "symlog"), ((5.0, 3.0), "log")]
)
def test_a_reference_below_all_methods_stays_in_the_picture(reference, scale):
    figure = pytest.importorskip("matplotlib.figure").Figure(layout="constrained")
    lines = line("one", "tpe", [9.0, 1.0]), line("random search", "", reference)
    panel = Panel(title="", x_title="", y_title="", x_log=True, y_log=True, series=lines)
    draw_panels(figure, [panel], 3.25)
    (ax,) = figure.axes
    low, high = ax.get_ylim()
    assert low <= min(reference[1], 0.9) <= high
    assert low >= 0.9 * min(reference[1], 1.0)
    assert ax.get_yscale() == scale


def test_labels_that_leave_no_line_are_refused():
    figure = pytest.importorskip("matplotlib.figure").Figure(layout="constrained")
    ranks = {"x" * 56: SimpleNamespace(mean=1.5), "b": SimpleNamespace(mean=1.5)}
    algorithms = dict.fromkeys(ranks, "tpe")
    one = SimpleNamespace(title="few", ranks=ranks, groups=(), algorithms=algorithms)
    with pytest.raises(InvalidArgumentError, match="choose a wider one, or fewer methods"):
        draw_diagrams(figure, [one], 3.25)
    draw_diagrams(figure, [one], 6.75)


def test_a_front_of_which_most_runs_have_nothing_is_drawn():
    whole = SimpleNamespace(x=np.array([1.0, 2.0]), y=np.array([3.0, 2.0]))
    empty = SimpleNamespace(x=np.array([]), y=np.array([]))
    assert _reach(SimpleNamespace(series=[empty, whole])) == (1.0, 2.0)


def test_a_figure_of_others_is_not_replaced(shared, tmp_path):
    theirs = tmp_path / "figure.pdf"
    theirs.write_bytes(b"%PDF-1.7 of somebody")
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        plot(shared.one, theirs)
    assert theirs.read_bytes() == b"%PDF-1.7 of somebody"
    for ending in (".pdf", ".svg", ".png", ".csv"):
        ours = tmp_path / f"ours{ending}"
        ours.write_bytes(render(draw(shared.over, kind="cd"), ending, 3.25))
        check_place(ours, ENDINGS)
    plot(shared.one, ours)
    assert b"regret" in ours.read_bytes()


def test_a_front_is_drawn_of_the_boards_with_two_objectives(shared):
    both = select(shared.one.parent)
    assert len(both.boards) > 1
    assert [panel.title for panel in draw(both, kind="front").panels] == ["toy-whole@1"]


WRONG = {
    "kind": ({"kind": "regrets"}, "kind 'regrets' is unknown; did you mean 'regret'"),
    "axis": ({"axis": "epoch"}, "axis 'epoch' is unknown; did you mean 'epochs'"),
    "axis of ranks": (
        {"kind": "rank", "axis": "epochs"},
        "of use with kind 'regret' or 'ecdf' only",
    ),
    "summary": ({"summary": "average"}, "summary 'average' is unknown"),
    "summary of ecdf": ({"kind": "ecdf", "summary": "iqm"}, "of use with kind 'regret' only"),
    "width": ({"width": "three"}, "width 'three' is neither"),
    "inches": ({"width": "nan"}, "width 'nan' is neither"),
    "ending": ({"out": "figure.pfd"}, "did you mean '.pdf'"),
    "no ending": ({"out": "figure"}, "the ending '' names no format"),
    "method": ({"methods": ["locl_search"]}, "did you mean 'local_search'"),
    "benchmark": ({"benchmarks": ["toy-hole"]}, "did you mean 'toy-whole'"),
    "front": (
        {"kind": "front"},
        "a front needs searches with two objectives; there are: toy-whole@1, 25 trials",
    ),
    "cd": ({"kind": "cd"}, "need at least 5 benchmarks, not 1"),
}


@pytest.mark.parametrize(("given", "expected"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused_before_anything_is_written(shared, given, expected, tmp_path):
    out = tmp_path / "new" / given.get("out", "figure.pdf")
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=re.escape(expected)):
        plot(shared.one, **({"out": out} | given | {"out": out}))
    assert not out.parent.exists()


def test_many_methods_are_too_many(shared, monkeypatch):
    monkeypatch.setattr("leaderboard.papers.panels.MOST", 2)
    with pytest.raises(InvalidArgumentError, match=r"3 methods are too many .* --method"):
        draw(shared.chosen)
