import json
from dataclasses import fields, replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from leaderboard.admission import find_readable
from leaderboard.compact.record import CompactRecord, compact, file_name
from leaderboard.courses import Course
from leaderboard.scores import rank
from nasbench.benchmarks.loading import load
from nasbench.runs.budget import Budget
from nasbench.runs.records import Records
from nasbench.runs.search import search

SEARCHES = {
    "one objective": (
        "toy-whole",
        ("random_search", "local_search", "regularized_evolution"),
        {"budget": Budget(trials=30)},
    ),
    "several workers": (
        "toy-whole",
        ("random_search", "local_search"),
        {"budget": Budget(trials=30), "workers": 3},
    ),
    "seconds": ("toy-whole", ("random_search", "hill_climb"), {"budget": Budget(seconds=500.0)}),
    "mean": (
        "toy-whole",
        ("random_search", "cgp_es"),
        {"budget": Budget(trials=30), "replicate": "mean"},
    ),
    "several fidelities": (
        "lite201-digits",
        ("random_search", "asha", "hyperband"),
        {"budget": Budget(epochs=150), "workers": 2},
    ),
    "trials of several lengths": (
        "lite201-digits",
        ("asha", "hyperband"),
        {"budget": Budget(trials=20)},
    ),
    "several objectives": (
        "nb201-cifar10",
        ("random_search", "nsga2"),
        {"budget": Budget(trials=50), "objectives": ("valid_accuracy", "parameters")},
    ),
}


@pytest.fixture
def recorded(home, whole):
    def made(name, n_seeds=5):
        benchmark, algorithms, options = SEARCHES[name]
        if name == "several objectives":
            pytest.importorskip("moocore", reason="hypervolumes need moocore")
        for algorithm in algorithms:
            search(algorithm, benchmark, seeds=range(n_seeds), out=home.runs, **options)
        records = [Records(path.parent) for path in sorted(home.runs.rglob("manifest.json"))]
        return records, load(benchmark, objectives=options.get("objectives"))

    return made


def plain(board):
    """Every number of a board."""
    rows = [
        {
            field.name: getattr(row, field.name)
            for field in fields(row)
            if field.name not in ("records", "searches")
        }
        for row in board.rows
    ]
    others = [
        getattr(board, field.name)
        for field in fields(board)
        if field.name not in ("rows", "landscape", "columns")
    ]
    searches = [
        (search.regrets.tolist(), search.times.tolist(), search.epochs.tolist(), search.chosen)
        for row in board.rows
        for search in row.searches
    ]
    return others, list(board.columns), rows, searches


@pytest.mark.parametrize("name", SEARCHES)
def test_compact_records_give_the_identical_board(name, recorded, tmp_path):
    records, benchmark = recorded(name)
    small = [compact(record, benchmark, tmp_path / "compact") for record in records]
    (full,), (same,) = rank(records), rank(small)
    assert plain(same) == plain(full)
    assert len(full.rows) == len(records)


def test_pages_of_compact_records_are_the_same(recorded, home, tmp_path):
    pytest.importorskip("jinja2", reason="pages need jinja2")
    from leaderboard.site.build import build

    records, benchmark = recorded("one objective")
    for record in records:
        compact(record, benchmark, tmp_path / "compact")

    def numbers(folder, out):
        build(folder, tmp_path / out)
        document = json.loads((tmp_path / out / "leaderboard.json").read_text())
        for row in document["boards"][0]["rows"]:
            del row["record"]
        return document

    assert numbers(tmp_path / "compact", "b") == numbers(home.runs, "a")


def assert_same(courses, others):
    for course, other in zip(courses, others, strict=True):
        for field in fields(Course):
            same = np.array_equal(getattr(course, field.name), getattr(other, field.name))
            assert same, field.name


@pytest.mark.parametrize("name", ["several fidelities", "several workers"])
def test_courses_survive_the_file(name, recorded, tmp_path):
    records, benchmark = recorded(name)
    for record in records:
        read = compact(record, benchmark, tmp_path).read(benchmark).courses()
        assert_same(read, map(Course.of, record.runs()))


def test_columns_that_follow_from_others_are_left_out(recorded, tmp_path):
    records, benchmark = recorded("one objective")
    path = compact(records[0], benchmark, tmp_path).folder
    names = ["arch", "evaluation", "second", "training_seed"]
    assert pq.read_schema(path).names == names


def test_a_surrogate_keeps_losses(home, tmp_path):
    pytest.importorskip("sklearn", reason="the surrogate needs scikit-learn")
    name = "darts-fashion-surrogate"
    search("random_search", name, seeds=range(2), out=home.runs, budget=Budget(trials=6))
    (path,) = home.runs.rglob("manifest.json")
    record = Records(path.parent)
    benchmark = load(name)
    made = compact(record, benchmark, tmp_path)
    assert "losses" in pq.read_schema(made.folder).names
    assert_same(made.read(benchmark).courses(), map(Course.of, record.runs()))


def test_some_seeds_can_be_kept(recorded, tmp_path):
    records, benchmark = recorded("one objective")
    made = compact(records[0], benchmark, tmp_path, range(2))
    assert made.seeds() == [0, 1]
    assert [course.seed for course in made.read(benchmark).courses()] == [0, 1]


def test_a_record_that_is_there_in_both_forms_is_shown_once(recorded, home, tmp_path):
    records, benchmark = recorded("one objective")
    made = compact(records[0], benchmark, tmp_path)
    ranking = rank([*records, made])
    assert len(ranking.boards[0].rows) == len(records)
    (left,) = ranking.not_shown
    assert "the same search is recorded in" in left.reason


class TestDamage:
    @pytest.fixture
    def made(self, recorded, tmp_path):
        records, benchmark = recorded("one objective")
        return compact(records[0], benchmark, tmp_path / "compact")

    def rewrite(self, path, change, said=lambda said: said):
        """Change the rows, and state the hash of what is written."""
        from nasbench.tables.hashes import numbers_hash

        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[b"record"])
        frame = change(table.to_pandas())
        changed = type(table).from_pandas(frame, preserve_index=False)
        about["numbers"] = numbers_hash(changed)
        pq.write_table(
            changed.replace_schema_metadata({b"record": json.dumps(said(about)).encode()}), path
        )

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda f: f.iloc[::-1], "the rows are not the runs of the listed seeds"),
            (lambda f: f.iloc[:-1], "the rows are not the runs of the listed seeds"),
            (lambda f: f.assign(evaluation=f.evaluation.iloc[::-1].to_numpy()), "order"),
            (lambda f: f.assign(second=f.second.iloc[::-1].to_numpy()), "order"),
            (lambda f: f.assign(arch=f.arch.where(f.arch < 0, 7)), "never draws"),
            (lambda f: f.assign(arch=f.arch.where(f.arch < 0, 10**6)), "rank 1000000"),
            (lambda f: f.drop(columns="evaluation"), "evaluation"),
        ],
    )
    def test_rows_of_no_run_are_not_shown(self, made, change, reason):
        self.rewrite(made.folder, change)
        records, damaged = find_readable(made.folder.parent)
        (left,) = rank(records).not_shown
        assert not damaged
        assert reason in left.reason

    def test_changed_rows_do_not_match_their_hash(self, made):
        table = pq.read_table(made.folder)
        pq.write_table(table.slice(1).replace_schema_metadata(table.schema.metadata), made.folder)
        (left,) = rank([CompactRecord(made.folder)]).not_shown
        assert "its rows do not match their hash" in left.reason

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            (lambda said: said | {"format": 2}, "no compact record that this version"),
            (lambda said: said | {"seeds": "0:0"}, "does not list its seeds"),
            (lambda said: said | {"seeds": "4,3"}, "does not list its seeds"),
            (lambda said: said | {"versions": [1]}, "does not list the versions"),
            (lambda said: said | {"more": 1}, "no compact record that this version"),
            (lambda said: said | {"manifest": {}}, "is not a manifest"),
        ],
    )
    def test_a_damaged_description_is_told(self, made, said, reason):
        self.rewrite(made.folder, lambda frame: frame, said)
        _, (left,) = find_readable(made.folder.parent)
        assert reason in left.reason

    def test_other_files_are_told(self, made):
        other = made.folder.with_name("local_search-0123456789.compact.parquet")
        other.write_bytes(made.folder.read_bytes())
        made.folder.write_bytes(b"PAR1")
        _, damaged = find_readable(made.folder.parent)
        assert ["hash in the file's name" in left.reason for left in damaged] == [True, False]


def test_the_name_says_which_search_it_is(recorded, tmp_path):
    records, benchmark = recorded("one objective")
    made = compact(records[0], benchmark, tmp_path)
    assert made.folder == tmp_path / "toy-whole" / f"{records[0].folder.name}.compact.parquet"
    other = replace(made.manifest, workers=2)
    assert file_name(other) != made.folder.name
    assert repr(made) == "<CompactRecord local_search on toy-whole: 5 seeds>"
