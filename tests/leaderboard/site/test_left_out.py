"""What an error inside the pages of one board, or of a verdict, leaves of a site."""

import html
import json
from pkgutil import resolve_name

import pytest

from leaderboard import columns
from leaderboard.boards import Score
from leaderboard.site.build import build
from nasbench.errors import RecordError

pytestmark = pytest.mark.usefixtures("believed")


@pytest.fixture
def three(home, run, cells):
    """Two records on each of three boards."""
    for number in range(3):
        rows = [
            {"arch": c, "seed": 0, "valid_accuracy": 50 + 10 * c[0] + number, "seconds": 10}
            for c in cells
        ]
        metadata = home.table(rows, id=f"toy{number}")
        for name in ("a", "b"):
            runs = [run([(cells[number], 40.0, 0.0, 10.0)], seed) for seed in range(2)]
            home.record(home.manifest(metadata, algorithm=f"{name}:Search"), runs)
    return home


def fail_on(monkeypatch, place, benchmark):
    """Let a function fail that is given a board of a benchmark, or what shows one."""
    real = resolve_name(place)

    def failing(given, *more, **options):
        board = getattr(given, "board", given)
        if board.question.benchmark == benchmark:
            raise ZeroDivisionError("nothing to divide by\nin this board")
        return real(given, *more, **options)

    monkeypatch.setattr(place.replace(":", "."), failing)


def site_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.mark.parametrize(
    "place",
    [
        "leaderboard.curves:drawn",
        "leaderboard.site.shown:judge_seeds",
        "leaderboard.site.notes:warnings",
        "leaderboard.site.board:fronts",
        "leaderboard.site.algorithms:columns",
        "leaderboard.site.tables:view",
        "leaderboard.site.pages:points",
    ],
)
def test_a_board_with_a_page_that_fails_is_left_out_and_all_others_are_written(
    three, tmp_path, monkeypatch, place
):
    fail_on(monkeypatch, place, "toy1")
    told = []
    with pytest.raises(RecordError, match=r"index\.html is written, but not whole: no page of"):
        build(three.runs, tmp_path / "site", tell=told.append)
    board, error = "toy1@1, 4 trials", "ZeroDivisionError: nothing to divide by"
    reason = f"no page of its board {board!r} can be made: {error}"
    feed = json.loads((tmp_path / "site/leaderboard.json").read_text())
    assert [board["title"] for board in feed["boards"]] == ["toy0@1, 4 trials", "toy2@1, 4 trials"]
    assert [left["reason"] for left in feed["not_shown"]] == [reason] * 2
    assert [left["record"].split("-")[0] for left in feed["not_shown"]] == [
        "toy1/a.Search",
        "toy1/b.Search",
    ]
    assert told == [
        f"Not shown: {one['record']}: {reason}. Report this error." for one in feed["not_shown"]
    ]
    page = (tmp_path / "site/index.html").read_text()
    assert html.unescape(page).count(f"{reason}. <b>Report this error.</b>") == 2


def test_all_other_files_are_as_without_the_board_that_is_left_out(three, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        fail_on(patch, "leaderboard.site.notes:method", "toy1")
        with pytest.raises(RecordError, match="not whole"):
            build(three.runs, tmp_path / "site", release="1")
    without = three.runs.parent / "without"
    three.runs.rename(without)
    for folder in (without / "toy1").iterdir():
        folder.rename(tmp_path / folder.name)
    build(without, tmp_path / "sound", release="1")
    made, sound = site_of(tmp_path / "site"), site_of(tmp_path / "sound")
    assert made.keys() == sound.keys()
    assert {name for name in made if made[name] != sound[name]} == {
        f"{folder}{name}"
        for folder in ("", "releases/1/")
        for name in ("index.html", "leaderboard.json")
    }


def test_a_record_that_the_pages_cannot_draw_is_left_out_with_its_board(
    three, small_in, run, cells, tmp_path
):
    zero = small_in(three, id="zero")
    three.record(three.manifest(zero), [run([(cells[0], 40.0, 0.0, 0.0)])])
    with pytest.raises(RecordError, match=r"'zero@1, 4 trials' can be made: ValueError: math dom"):
        build(three.runs, tmp_path / "site")
    feed = json.loads((tmp_path / "site/leaderboard.json").read_text())
    assert len(feed["boards"]) == 3
    assert [left["record"].split("/")[0] for left in feed["not_shown"]] == ["zero"]


def test_a_score_that_fails_on_one_benchmark_leaves_the_others(three, tmp_path, monkeypatch):
    def of(search):
        if search.landscape.benchmark.name == "toy1":
            raise ZeroDivisionError("nothing to divide by")
        return 1.0

    monkeypatch.setattr(columns, "final_value", Score(title="Broken", kind="ratio", goal="", of=of))
    told = []
    with pytest.raises(RecordError, match="not whole: its trials do not fit toy1@1: ZeroDivision"):
        build(three.runs, tmp_path / "site", tell=told.append)
    assert len(told) == 2
    assert (tmp_path / "site/boards/toy0-1-4-trials.html").is_file()
    assert not (tmp_path / "site/boards/toy1-1-4-trials.html").exists()


def test_nothing_is_written_if_no_board_can_be_drawn(three, tmp_path, monkeypatch):
    for number in range(3):
        fail_on(monkeypatch, "leaderboard.site.notes:method", f"toy{number}")
    told = []
    with pytest.raises(RecordError, match="no record can be shown: nothing was written"):
        build(three.runs, tmp_path / "site", tell=told.append)
    assert len(told) == 6
    assert not list((tmp_path / "site").iterdir())


def test_an_error_that_no_board_explains_is_not_hidden(three, tmp_path, monkeypatch):
    def failing(boards):
        assert len(boards) == 1, "several boards"
        return [], "", []

    monkeypatch.setattr("leaderboard.site.build.verdicts", failing)
    with pytest.raises(AssertionError, match="several boards"):
        build(three.runs, tmp_path / "site")


def test_a_verdict_that_fails_is_missing_from_the_overview_alone(three, tmp_path, monkeypatch):
    def failing(field):
        raise ZeroDivisionError(f"nothing to divide in {field.name}\nat all")

    monkeypatch.setattr("leaderboard.site.overview.judge", failing)
    fault = "No verdict on 4 trials: ZeroDivisionError: nothing to divide in 4 trials"
    with pytest.raises(RecordError, match=f"index.html is written, but not whole: {fault}"):
        build(three.runs, tmp_path / "site")
    feed = json.loads((tmp_path / "site/leaderboard.json").read_text())
    assert (len(feed["boards"]), feed["verdicts"], feed["not_shown"]) == (3, [], [])
    assert f'<p class="verdict">{fault}</p>' in (tmp_path / "site/index.html").read_text()
