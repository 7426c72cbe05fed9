"""Marks of boards: what was checked, found again by the rows of a record."""

import json
import shutil
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

import nasbench
from leaderboard.compact.record import CompactRecord
from leaderboard.scores import rank
from leaderboard.shipped.fill import compact_all
from leaderboard.submissions.verified import read_marks, seal, write_mark
from leaderboard.submissions.verify import verify
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.records import Records, find_records

TWELVE = Budget(trials=12)


def rows_of(records):
    return [row for board in rank(records) for row in board.rows]


def rows_in(sent):
    return rows_of(find_records(sent.folder))


def marks_of(rows, marks):
    return [marks.get(seal(row.records, row.content_hash)) for row in rows]


def test_a_record_and_its_compact_form_have_a_mark(honest, tmp_path):
    write_mark(verify(honest), tmp_path / "marks.json")
    marks = read_marks(tmp_path)
    compact = compact_all(honest, tmp_path / "compact")
    assert len(compact) == 5
    for rows in (rows_of(find_records(honest)), rows_of(compact)):
        for mark in marks_of(rows, marks):
            assert (mark.level, mark.entry, mark.seeds) == ("consistent", "Honest (v1)", "0:4")


def test_the_mark_of_another_record_cannot_be_claimed(honest, tmp_path):
    write_mark(verify(honest), tmp_path / "marks.json")
    marks = read_marks(tmp_path)
    (honest_one,) = (r for r in find_records(honest) if r.manifest.algorithm == "random_search")
    other = replace(honest_one.manifest, hyperparameters={"replacement": False})
    Records.create(tmp_path / "claimed", other).add(honest_one.runs())
    claimed = rows_of(find_records(tmp_path / "claimed"))
    assert len(claimed) == 1
    assert marks_of(claimed, marks) == [None]  # the same trials under another manifest

    home = tmp_path / "runs"
    nasbench.search("random_search", "nb201-cifar10", seeds=range(4, 8), out=home, budget=TWELVE)
    (theirs,) = compact_all(home, tmp_path / "compact")
    path = theirs.folder
    said = json.loads(pq.read_schema(path).metadata[b"record"])
    said["rows"] = marks_of(rows_of([honest_one]), marks)[0].rows  # which anybody can read
    table = pq.read_table(path).replace_schema_metadata({"record": json.dumps(said)})
    pq.write_table(table, path)
    assert marks_of(rows_of([CompactRecord(path)]), marks) == [None]


def test_no_mark_outlives_what_was_declared(sent, tmp_path):
    """A record that is taken out of its submission has no declarations to compare."""
    write_mark(verify(sent.folder), tmp_path / "a.json")
    levels = ["consistent"] * 5
    assert [mark.level for mark in marks_of(rows_in(sent), read_marks(tmp_path))] == levels
    sent.write({**sent.entry, "declared": {**sent.entry["declared"], "trained_on": ["digits"]}})
    assert marks_of(rows_in(sent), read_marks(tmp_path)) == [None] * 5

    write_mark(verify(sent.folder), tmp_path / "b.json")
    strong = json.loads((tmp_path / "a.json").read_text()) | {"level": "relabelled"}
    (tmp_path / "a.json").write_text(json.dumps(strong))
    marks = read_marks(tmp_path)
    assert [mark.level for mark in marks_of(rows_in(sent), marks)] == levels
    alone = find_records(shutil.copytree(sent.folder / "runs", tmp_path / "alone"))
    assert {mark.level for mark in marks_of(rows_of(alone), marks)} == {"relabelled"}


def test_the_same_submission_gives_the_same_mark(honest, tmp_path):
    for name in ("a", "b"):
        write_mark(verify(honest), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_strongest_mark_counts(honest, tmp_path):
    write_mark(verify(honest), tmp_path / "a.json")
    for name, level in (("0", "recomputed"), ("b", "consistent"), ("c", "relabelled")):
        document = json.loads((tmp_path / "a.json").read_text()) | {"level": level}
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    assert {mark.level for mark in read_marks(tmp_path).values()} == {"relabelled"}
    assert {mark.level for mark in read_marks(tmp_path / "0.json").values()} == {"recomputed"}


def test_a_submission_with_faults_gets_no_mark(sent, tmp_path):
    sent.part("asha").unlink()
    with pytest.raises(RecordError, match="has faults and gets no mark"):
        write_mark(verify(sent.folder), tmp_path / "mark.json")
    assert not (tmp_path / "mark.json").exists()


def test_only_marks_are_replaced(honest, tmp_path):
    report, path = verify(honest), tmp_path / "mark.json"
    for _ in range(2):
        write_mark(report, path)
    path.write_text("{}")
    with pytest.raises(InvalidArgumentError, match="is no mark of a submission, and is never"):
        write_mark(report, path)
    with pytest.raises(InvalidArgumentError, match="is a folder"):
        write_mark(report, tmp_path)


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"level": "perfect"}, {"records": [{}]}, {"entry": 1}, {"made_by": 1}]
)
def test_what_is_no_mark_is_refused(honest, tmp_path, change):
    path = tmp_path / "mark.json"
    write_mark(verify(honest), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RecordError, match="mark"):
        read_marks(tmp_path)
