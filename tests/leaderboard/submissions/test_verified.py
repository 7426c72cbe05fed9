"""Marks of boards: what was checked, found again by the rows of a record."""

import json

import pytest

from leaderboard.scores import rank
from leaderboard.submissions.verified import read_marks, write_mark
from leaderboard.submissions.verify import verify
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.records import find_records


def test_a_mark_is_found_by_the_content_hash_of_a_row(honest, tmp_path):
    write_mark(verify(honest), tmp_path / "marks.json")
    marks = read_marks(tmp_path)
    rows = [row for board in rank(find_records(honest)) for row in board.rows]
    assert len(marks) == len(rows) == 5
    for row in rows:
        mark = marks[row.content_hash]
        assert (mark.level, mark.entry, mark.seeds) == ("consistent", "Honest (v1)", "0:4")


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
    "change", [{"format": 2}, {"level": "perfect"}, {"records": [{}]}, {"entry": 1}, {"made_by": 1}]
)
def test_what_is_no_mark_is_refused(honest, tmp_path, change):
    path = tmp_path / "mark.json"
    write_mark(verify(honest), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RecordError, match="mark"):
        read_marks(tmp_path)
