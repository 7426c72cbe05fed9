"""Searches under constraints: boards of their own, whose scale is what the searches could see."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import nasbench
from leaderboard.admission import find_readable
from leaderboard.compact.record import compact
from leaderboard.outcome import outcome
from leaderboard.papers.protocol import protocol
from leaderboard.scores import rank
from leaderboard.site import notes
from leaderboard.site.feed import feed
from leaderboard.site.pages import Site, files
from leaderboard.site.shown import shown
from leaderboard.submissions.submit import submit
from leaderboard.submissions.verify import verify
from leaderboard.verdict.tasks import comparable
from nasbench.tables.hashes import numbers_hash

TABLE, BOUND = "lite201-digits", "parameters<=5586"
BUDGET = nasbench.Budget(trials=20)
TITLE = f"{TABLE}@2, 20 trials"


def searched(out, algorithm="random_search", table=TABLE, **options):
    asked = {"seeds": range(3), "budget": BUDGET, "out": out} | options
    return nasbench.search(algorithm, table, **asked)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Searches without constraints, with one, and with another one."""
    out = tmp_path_factory.mktemp("constrained") / "runs"
    searched(out)
    for bounds in ([BOUND], ["parameters<=5587"], [BOUND, "macs>=20000"]):
        searched(out, constraints=bounds)
    searched(out, "local_search", constraints=[BOUND])
    searched(out, table="lite201-fashion", constraints=[BOUND])
    return out


@pytest.fixture(scope="module")
def boards(runs):
    ranking = rank(nasbench.find_records(runs))
    assert not ranking.not_shown
    return {board.title: board for board in ranking}


def feasible(constraints=(BOUND,)):
    return nasbench.load(TABLE, constraints=constraints)


def test_records_with_other_constraints_share_no_board(boards):
    assert {title: len(board.rows) for title, board in boards.items()} == {
        TITLE: 1,
        f"{TITLE}, {BOUND}": 2,
        f"{TITLE}, parameters<=5587": 1,
        f"{TITLE}, macs>=20000 and {BOUND}": 1,
        f"lite201-fashion@1, 20 trials, {BOUND}": 1,
    }
    assert next(iter(boards)) == TITLE


def test_boards_with_the_same_constraints_are_tasks_of_one_verdict(boards):
    together = {name: [b.title for b in some] for name, some in comparable([*boards.values()])}
    assert together[f"20 trials, {BOUND}"] == [
        f"{TITLE}, {BOUND}",
        f"lite201-fashion@1, 20 trials, {BOUND}",
    ]
    assert together["20 trials"] == [TITLE]


def test_the_scale_is_what_the_searches_could_see(boards):
    benchmark, whole = feasible(), nasbench.load(TABLE)
    archs = np.array(list(benchmark.space.archs()))
    test = whole.query_many(archs, "test_accuracy")
    landscape = boards[f"{TITLE}, {BOUND}"].landscape
    assert np.array_equal(landscape.archs, archs)
    assert landscape.reported.optimum == test.max()
    assert landscape.reported.mean == pytest.approx(test.mean())
    assert landscape.reported.optimum < boards[TITLE].landscape.reported.optimum


def test_random_search_is_exact_among_what_it_could_draw(boards):
    """One training: the mean regret; two: by every pair of trainings, the first of equals."""
    benchmark = feasible()
    landscape = boards[f"{TITLE}, {BOUND}"].landscape
    archs = np.array(list(benchmark.space.archs()))
    test = benchmark.query_many(archs, "test_accuracy")
    seen = np.stack([benchmark.query_many(archs, "valid_accuracy", seed=s) for s in range(3)])
    expected = test.max() - test.mean()
    assert landscape.random_search([1])[0] == pytest.approx(expected)
    values, at = np.unique(seen, return_inverse=True)
    worth = np.bincount(at.ravel(), weights=np.tile(test, 3))
    share = np.bincount(at.ravel()) / seen.size
    below = np.concatenate([[0.0], np.cumsum(share)])
    best = below[1:] ** 2 - below[:-1] ** 2
    two = test.max() - float((best * worth / np.bincount(at.ravel())).sum())
    assert len(values) < seen.size
    assert landscape.random_search([2])[0] == pytest.approx(two)


def test_exhaustive_search_sees_no_other_training(boards):
    benchmark = feasible()
    landscape = boards[f"{TITLE}, {BOUND}"].landscape
    owners, _, values = landscape.population.trainings("valid_accuracy")
    space = nasbench.load(TABLE).space
    classes = {space.rank(space.canonical(arch)) for arch in benchmark.space.archs()}
    assert set(owners.tolist()) == classes
    assert len(values) == 3 * len(classes)


def test_pages_say_the_constraint(boards, runs):
    drawn = shown([*boards.values()], {})
    document = feed(drawn, [], [], [runs])
    site = Site(drawn, [], "", [], document, (), ())
    pages = files(site)
    page = pages[f"boards/{drawn[list(boards).index(f'{TITLE}, {BOUND}')].slug}.html"]
    bound = BOUND.replace("<", "&lt;")
    size = f"{feasible().space.size:,}"
    assert f"{size} architectures with {bound}" in page
    assert f"20 trials, {bound}" in page
    assert f"saw only the {size} architectures with {BOUND}; the optimum" in " ".join(
        notes.warnings(boards[f"{TITLE}, {BOUND}"])
    )
    assert not any("saw only" in text for text in notes.warnings(boards[TITLE]))
    assert json.loads(json.dumps(document))["boards"][1]["question"]["constraints"]
    (of_table,) = (text for name, text in pages.items() if name.startswith("tables/lite201-digits"))
    assert "15,625 architectures</dd>" in of_table
    assert f"all architectures with {bound}" not in of_table
    (of_other,) = (text for name, text in pages.items() if name.startswith("tables/lite201-fa"))
    assert f"architectures with {bound}</dd>" in of_other
    assert f"all architectures with {bound}" in of_other


def test_papers_and_outcomes_say_the_constraint(tmp_path):
    found = outcome(searched(tmp_path, constraints=[BOUND]), TABLE)
    assert found.lines[-1].name == f"best with {BOUND}"
    text = " ".join(protocol(tmp_path).split())
    assert f"architectures with {BOUND}, the only ones that searches see." in text
    assert outcome(searched(None), TABLE).lines[-1].name == "best of the space"


def test_a_compact_record_makes_the_same_row(boards, runs, tmp_path):
    board = boards[f"{TITLE}, {BOUND}"]
    for row in board.rows:
        compact(row.records, feasible(), tmp_path)
    records, damaged = find_readable(tmp_path)
    (again,) = rank(records)
    assert not damaged
    assert again.title == board.title
    assert [row.regret for row in again.rows] == [row.regret for row in board.rows]
    assert verify(tmp_path, again=1).is_sound


def test_a_compact_record_beyond_the_constraint_is_refused(runs, tmp_path):
    (record,) = (
        r
        for r in nasbench.find_records(runs)
        if r.manifest.constraints == (BOUND,) and r.manifest.algorithm == "local_search"
    )
    made = compact(record, feasible(), tmp_path)
    whole = nasbench.load(TABLE)
    table, arch = pq.read_table(made.folder), (3, 3, 3, 1, 3, 2)
    ranks = table.column("arch").to_numpy().copy()
    ranks[np.flatnonzero(ranks >= 0)[-1]] = whole.space.rank(arch)
    changed = table.set_column(0, "arch", [ranks.astype(np.int32)])
    about = json.loads(table.schema.metadata[b"record"]) | {"numbers": numbers_hash(changed)}
    about = {b"record": json.dumps(about).encode()}
    pq.write_table(changed.replace_schema_metadata(about), made.folder)
    records, _ = find_readable(made.folder)
    (left,) = rank(records).not_shown
    assert f"which does not meet {BOUND}" in left.reason


def test_a_submission_is_verified_and_run_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    searched("runs", constraints=[BOUND], seeds=range(6))
    submit("runs", "sent", name="Small cells", authors=["Ann Lee"])
    report = verify("sent", again=2, relabelled=5)
    assert report.is_sound, report.listed()
