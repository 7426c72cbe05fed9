import json
import shutil

import pyarrow.parquet as pq
import pytest

from leaderboard.compact.record import compact
from leaderboard.courses import Course
from leaderboard.submissions.compact import REMARK, difference
from leaderboard.submissions.verify import verify
from nasbench.benchmarks.loading import load
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.tables.hashes import numbers_hash


@pytest.fixture
def small(home, whole, tmp_path):
    for algorithm in ("random_search", "local_search"):
        record = home.search(algorithm, whole, 4, budget=Budget(trials=12))
        made = compact(record, load(whole), tmp_path / "compact")
    return made.folder.parent


def forged(path, change):
    """Change the rows of a compact record, and state the hash of what is written."""
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"record"])
    changed = type(table).from_pandas(change(table.to_pandas()), preserve_index=False)
    about["numbers"] = numbers_hash(changed)
    described = changed.replace_schema_metadata({b"record": json.dumps(about).encode()})
    pq.write_table(described, path)


def test_what_is_kept_follows_and_what_is_not_is_said(small):
    report = verify(small)
    assert report.level == "incumbents consistent"
    assert report.remarks == [REMARK]
    assert all(verdict == "passed" for _, verdict in report.rows())
    assert {check["name"] for check in report.encode()["checks"]} >= {"losses", "budget", "rerun"}


def test_seeds_come_out_again(small):
    (path,) = small.glob("random_search-*")
    report = verify(path, again=4, choice=1)
    assert (report.level, report.choice) == ("incumbents recomputed", 1)
    assert report.rows()[-1][1] == "passed"


@pytest.mark.parametrize(
    ("column", "change", "fault"),
    [
        ("evaluation", lambda f: f.evaluation + (f.arch < 0), "paid 13 trials, of 12"),
        ("arch", lambda f: f.arch.where(f.arch < 0, 15_624), "lower loss than the incumbents"),
    ],
)
def test_what_no_search_finds_is_a_fault(small, column, change, fault):
    (path,) = small.glob("local_search-*")
    forged(path, lambda frame: frame.assign(**{column: change(frame)}))
    report = verify(small)
    assert report.level == ""
    (text,) = [text for _, text in report.listed() if fault in text]
    assert text.count(path.name) == 1


def test_what_another_search_would_find_is_a_fault_when_seeds_are_run_again(small):
    (path,) = small.glob("random_search-*")
    forged(path, lambda frame: frame.assign(second=frame.second * 2))
    assert verify(path).level == "incumbents consistent"
    report = verify(path, again=2, choice=1)
    assert report.level == ""
    assert "has other times when it is run again" in report.listed()[0][1]


def test_damage_is_told(small):
    (path,) = small.glob("random_search-*")
    path.write_bytes(path.read_bytes()[:-9])
    (fault,) = verify(small).listed()
    assert fault[0] == "records"
    assert str(small) not in fault[1]


def test_seeds_must_be_as_many_as_wanted(small):
    assert "has seeds 0:4, not 0:5" in verify(small, seeds=5).listed()[0][1]


def test_hidden_instances_need_full_records(small):
    with pytest.raises(InvalidArgumentError, match="hidden instances need full records"):
        verify(small, relabelled=5)


def test_a_table_that_is_not_installed_is_told(small, home):
    (home.tables / "toy-whole.parquet").unlink()
    shutil.rmtree(home.runs)
    assert {check for check, _ in verify(small).listed()} == {"benchmarks"}


def test_courses_differ_in_words(home, whole):
    one, other = home.search("random_search", whole, 2, budget=Budget(trials=12)).runs()
    assert difference(Course.of(one), Course.of(one)) == ""
    assert difference(Course.of(one), Course.of(other))
