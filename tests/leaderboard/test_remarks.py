"""Rows that say nothing of their algorithm are marked, with the reason."""

import pytest

from leaderboard.boards import REMARK
from leaderboard.scores import rank

pytestmark = pytest.mark.usefixtures("believed")


@pytest.fixture
def rows(home, small_table, run, cells):
    """``rows(name=(random_trials, cells))`` are the rows of such searches, by name."""

    def made(**searches):
        records = []
        for name, (random_trials, chosen) in searches.items():
            said = {} if random_trials == 0 else {"random_trials": random_trials}
            manifest = home.manifest(small_table, algorithm=name, **said)
            trials = [(cells[i], 40.0 - i, 10.0 * k, 10.0 * k + 10) for k, i in enumerate(chosen)]
            records.append(home.record(manifest, [run(trials)]))
        (board,) = rank(records)
        return board, {row.label: row for row in board.rows}

    return made


def test_search_whose_trials_are_all_random_is_marked(rows):
    board, by_name = rows(
        evolution=(3, (0, 1, 2)),
        asha=(None, (0, 1)),
        longer=(2, (0, 1, 3)),
        unknown=(0, (1, 2)),
        random_search=(None, (3,)),
    )
    assert {name: row.remark for name, row in by_name.items()} == {
        "evolution": "random search here: the first 3 trials of a run are drawn at random",
        "asha": "random search here: every trial is drawn at random",
        "longer": "",
        "unknown": "",
        "random_search": "",
    }
    assert by_name["asha"].mark == REMARK
    assert f"{REMARK} asha: {by_name['asha'].remark}." in board.footnotes


def test_longest_run_decides(home, small_table, run, cells):
    trials = [(cells[0], 40.0, 0.0, 10.0), (cells[1], 30.0, 10.0, 20.0)]
    manifest = home.manifest(small_table, algorithm="evolution", random_trials=1)
    (board,) = rank([home.record(manifest, [run(trials[:1], 0), run(trials, 1)])])
    assert board.rows[0].remark == ""


def test_rows_of_the_same_trials_say_so_all_alike(rows):
    _, by_name = rows(asha=(0, (0, 1)), random_search=(0, (0, 1)), bohb=(0, (0, 1)), a=(0, (2,)))
    assert {name: row.remark for name, row in by_name.items()} == {
        "random_search": "the same trials as asha and bohb",
        "asha": "the same trials as bohb and random_search",
        "bohb": "the same trials as asha and random_search",
        "a": "",
    }


def test_the_original_of_a_copy_with_a_later_name_says_so_too(rows):
    _, by_name = rows(zenith=(0, (0, 1)), mine=(0, (0, 1)))
    assert by_name["zenith"].remark == "the same trials as mine"
    assert by_name["mine"].remark == "the same trials as zenith"


def test_random_search_is_no_copy_of_what_is_random_search_here(rows):
    _, by_name = rows(asha=(None, (0, 1)), random_search=(0, (0, 1)))
    assert by_name["random_search"].remark == ""
    assert by_name["asha"].remark.startswith("random search here")


def test_board_without_remarks_has_no_footnote(rows):
    board, _ = rows(random_search=(0, (0, 1)), asha=(0, (1, 0)))
    assert board.footnotes == []
