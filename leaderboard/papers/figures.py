"""Figures for papers, from records: drawn as PDF, SVG or PNG, or their numbers as CSV."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from leaderboard.boards import Board
from leaderboard.papers.diagram import draw_diagrams
from leaderboard.papers.drawing import draw_panels
from leaderboard.papers.fronts import front_panels, with_two
from leaderboard.papers.outputs import CSV_FIRST, MADE_BY, check_place, write
from leaderboard.papers.panels import Panel, ecdf_panels, regret_panels
from leaderboard.papers.selection import Selection, footnotes, in_common, select
from leaderboard.papers.styles import SETTINGS, inches
from leaderboard.papers.verdicts import Diagram, diagrams, rank_panels
from leaderboard.searches import Axis
from leaderboard.statistics import SummaryName
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.registry import require

KINDS = ("regret", "ecdf", "rank", "front", "cd")
AXES = ("evaluations", "epochs", "seconds")
SUMMARIES = ("mean", "iqm", "median")
ENDINGS = (".pdf", ".svg", ".png", ".csv")
Kind: TypeAlias = Literal["regret", "ecdf", "rank", "front", "cd"]

_METADATA: dict[str, dict[str, Any]] = {
    ".pdf": {"Creator": MADE_BY, "Producer": "matplotlib", "CreationDate": None},
    ".svg": {"Creator": MADE_BY, "Date": None},
    ".png": {"Software": MADE_BY},
}
_CD = "Bars join methods that Wilcoxon's test with Holm's correction does not separate."
_SUMMED_UP = {"mean": "mean", "iqm": "inter-quartile mean", "median": "median"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """The numbers of a figure, and what its caption must say.

    Attributes:
        panels: Panels, or critical-difference diagrams.
        caption: What is drawn, in sentences.
    """

    panels: tuple[Panel, ...] | tuple[Diagram, ...]
    caption: str


def plot(
    runs: str | Path,
    out: str | Path,
    *,
    kind: Kind = "regret",
    benchmarks: Sequence[str] = (),
    methods: Sequence[str] = (),
    axis: Axis | None = None,
    summary: SummaryName | None = None,
    width: str = "one",
    progress: Callable[[int], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Drawing:
    """Draw a figure of recorded searches.

    The same records give the same bytes in one environment.

    Args:
        runs: Folder of records.
        out: File to write; its ending, one of :data:`ENDINGS`, is the format.
        kind: ``"regret"`` or ``"ecdf"`` of targets along an axis, average ``"rank"`` along the
            budget, ``"front"`` of two objectives, or ``"cd"``: critical differences.
        benchmarks: Ids of the benchmarks wanted; default: all.
        methods: Labels or algorithms of the methods wanted; default: all.
        axis: For regret and ecdf; default: evaluations, if all boards have them.
        summary: For regret; default: the mean.
        width: ``"one"`` column, ``"two"`` columns, or inches.
        progress: Called with the number of newly scored records.
        tell: Called with a line for each record that is not shown.

    Returns:
        What was drawn.

    Raises:
        InvalidArgumentError: An argument has an impossible value, the boards do not fit the kind,
            or the file is not ours or cannot be written.
        RecordError: There are no records, or none can be shown.
        UnknownNameError: There are none of a benchmark or a method.
        MissingExtraError: matplotlib or moocore is not installed.
    """
    path = Path(out)
    ending = check_place(path, ENDINGS)
    size = inches(width)
    _check("kind", kind, KINDS)
    for name, value, possible, kinds in (
        ("axis", axis, AXES, ("regret", "ecdf")),
        ("summary", summary, SUMMARIES, ("regret",)),
    ):
        if value is not None:
            _check(name, value, possible)
            if kind not in kinds:
                raise InvalidArgumentError(
                    f"{name} {value!r} is of use with kind {' or '.join(map(repr, kinds))} only"
                )
    if ending != ".csv":
        require("matplotlib", "a figure")
    selection = select(runs, benchmarks=benchmarks, methods=methods, progress=progress)
    drawing = draw(selection, kind=kind, axis=axis, summary=summary or "mean")
    write(path, render(drawing, ending, size))
    for left in selection.not_shown:
        tell(f"Not shown: {left.folder}: {left.reason}. {left.remedy}")
    return drawing


def draw(
    selection: Selection,
    *,
    kind: Kind = "regret",
    axis: Axis | None = None,
    summary: SummaryName = "mean",
) -> Drawing:
    """The numbers of a figure; see :func:`plot` for the arguments and errors."""
    boards = selection.boards
    if kind == "cd":
        made = diagrams(boards)
        return Drawing(tuple(made), " ".join([*(one.sentence for one in made), _CD]))
    if kind == "rank":
        text = "Average rank over benchmarks after a share of the budget; bands: 95 % intervals."
        panels, notes = rank_panels(boards)
        return Drawing(tuple(panels), " ".join([text, *notes]))
    if kind == "front":
        text = (
            "What half of the runs attain at least (median attainment surface); dashed: the "
            "Pareto front of the space."
        )
        boards = tuple(with_two(boards))
        return Drawing(tuple(front_panels(boards)), _caption(text, boards))
    if kind == "ecdf":
        chosen, panels = ecdf_panels(boards, axis)
        text = f"Share of pairs of run and target reached, by {_spoken(chosen)}"
    else:
        chosen, panels = regret_panels(boards, axis, summary)
        text = f"Regret by {_spoken(chosen)}, {_SUMMED_UP[summary]} over seeds"
    text += "; bands: 95 % bootstrap intervals"
    if any(series.is_reference for panel in panels for series in panel.series):
        known = "simulated" if kind == "ecdf" else _expected(boards, summary)
        text += f"; dashed: random search, {known}"
    return Drawing(tuple(panels), _caption(f"{text}.", boards))


def _expected(boards: Sequence[Board], summary: SummaryName) -> str:
    """How the line of random search is known."""
    if not all(board.landscape.is_exact for board in boards):
        return "estimated"
    return "in expectation" if summary == "mean" else "exact"


def _spoken(axis: Axis) -> str:
    return "simulated time" if axis == "seconds" else axis


def _caption(text: str, boards: Sequence[Board]) -> str:
    seeds = sorted({len(row.seeds) for board in boards for row in board.rows})
    n = f"{seeds[0]:,}" if len(seeds) == 1 else f"{seeds[0]:,} to {seeds[-1]:,}"
    said = in_common(boards)
    told = f"{said[:1].upper()}{said[1:]}; " if said else ""
    counted = f"{text} {told}{n} seed{'s' * (n != '1')} per method."
    return " ".join([counted, *footnotes(boards)])


def _check(name: str, value: str, possible: tuple[str, ...]) -> None:
    if value not in possible:
        raise InvalidArgumentError(f"{name} {value!r} is unknown{one_of(value, possible)}")


def render(drawing: Drawing, ending: str, width: float) -> bytes:
    """A figure as a file.

    Args:
        drawing: Its numbers.
        ending: One of :data:`ENDINGS`.
        width: Width in inches; without meaning for CSV.
    """
    if ending == ".csv":
        return _csv(drawing).encode()
    matplotlib = require("matplotlib", "a figure")
    figures = require("matplotlib.figure", "a figure")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = figures.Figure(figsize=(width, width), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
        first, *_ = drawing.panels
        if isinstance(first, Diagram):
            draw_diagrams(figure, drawing.panels, width)  # type: ignore[arg-type]
        else:
            draw_panels(figure, drawing.panels, width)  # type: ignore[arg-type]
        stream = io.BytesIO()
        figure.savefig(stream, format=ending[1:], metadata=_METADATA[ending])
    return stream.getvalue()


def _csv(drawing: Drawing) -> str:
    """The numbers of a figure as a long table, in the units of its axes."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [*CSV_FIRST[0].strip(",").split(","), "x_title", "y_title", "x", "y", "low", "high"]
    )
    for panel in drawing.panels:
        if isinstance(panel, Diagram):
            for label, rank in panel.ranks.items():
                cells = ["", "average rank", "", rank.mean, rank.low, rank.high]
                writer.writerow([panel.title, label, *cells])
            continue
        for series in panel.series:
            columns = (series.x, series.y, series.low, series.high)
            for numbers in zip(*(column.tolist() for column in columns), strict=True):
                cells = [repr(n) if n == n else "" for n in numbers]
                writer.writerow([panel.title, series.label, panel.x_title, panel.y_title, *cells])
    return stream.getvalue()
