"""A submission is made whole and verified, or not at all."""

import shutil

import pytest

import nasbench
from leaderboard.submissions.submit import submit
from leaderboard.submissions.verify import verify
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.records import find_records

WHO = {"name": "Mine", "authors": ["Ann Lee"]}


@pytest.fixture
def runs(tmp_path):
    out = tmp_path / "runs"
    for table in ("nb201-cifar10", "nb201-cifar100"):
        nasbench.search("random_search", table, seeds=range(3), budget=Budget(trials=4), out=out)
    return out


def refused(runs, tmp_path, error=RecordError, **options):
    """Message of a refusal, after which there is no folder."""
    before = set(tmp_path.rglob("*"))
    with pytest.raises(error) as caught:
        submit(runs, tmp_path / "out", **WHO | options)
    assert set(tmp_path.rglob("*")) == before
    return str(caught.value)


def test_a_submission_is_verified_and_holds_copies(runs, tmp_path):
    report = submit(runs, tmp_path / "out", **WHO)
    assert report.is_sound
    ours = {p.relative_to(runs): p.read_bytes() for p in runs.rglob("*") if p.is_file()}
    place = tmp_path / "out/runs"
    sent = {p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()}
    assert sent == ours
    assert verify(tmp_path / "out").level == "consistent"


def test_the_same_records_make_the_same_bytes(runs, tmp_path):
    for name in ("one", "two"):
        submit(runs, tmp_path / name, **WHO)
    assert (tmp_path / "one/entry.json").read_bytes() == (tmp_path / "two/entry.json").read_bytes()


def test_records_can_be_chosen(runs, tmp_path):
    report = submit(runs, tmp_path / "out", **WHO, benchmarks=["nb201-cifar100"])
    assert [finding.benchmark for finding in report.findings] == ["nb201-cifar100@1"]


def test_what_is_not_recorded_cannot_be_chosen(runs, tmp_path):
    text = refused(runs, tmp_path, algorithms=["asha"])
    assert "no records of the algorithm 'asha': 'random_search'" in text


def test_incomplete_records_are_refused_with_what_completes_them(runs, tmp_path):
    budget = Budget(trials=4)
    nasbench.search("random_search", "nb201-cifar10", seeds=[5], budget=budget, out=runs)
    text = refused(runs, tmp_path)
    assert "lacks seeds 3:5 of 0:6; make them with: nasbench run random_search" in text
    assert "--seeds 3:5" in text


def test_different_numbers_of_seeds_are_refused(runs, tmp_path):
    budget = Budget(trials=4)
    nasbench.search("random_search", "nb201-cifar10", seeds=[3], budget=budget, out=runs)
    assert "has 3 seeds, but another record has 4 (seeds)" in refused(runs, tmp_path)


def test_damaged_records_are_refused(runs, tmp_path):
    part = next(runs.rglob("part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-30])
    assert "damaged" in refused(runs, tmp_path)


def test_the_same_search_twice_is_refused(runs, tmp_path):
    shutil.copytree(runs / "nb201-cifar10", runs / "again/nb201-cifar10")
    assert "are records of the same search" in refused(runs, tmp_path)


def test_no_records(tmp_path):
    assert "there are no run records" in refused(tmp_path / "nothing", tmp_path)


def test_what_is_said_is_checked_before_anything_is_read(tmp_path):
    assert "name is '<b>'" in refused(tmp_path / "nothing", tmp_path, name="<b>")
    text = refused(tmp_path / "nothing", tmp_path, code="https://a.org")
    assert "code needs an address and a commit" in text


def test_nothing_is_overwritten(runs, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("1")
    assert "is there already" in refused(runs, tmp_path, InvalidArgumentError)


def test_a_search_on_test_is_declared(tmp_path):
    out = tmp_path / "test-runs"
    objectives = ("test_accuracy",)
    nasbench.search(
        "random_search", "lite201-digits", budget=Budget(trials=3), out=out, objectives=objectives
    )
    assert "the search chose by test_accuracy" in refused(out, tmp_path)
    assert submit(out, tmp_path / "out", **WHO, selected_on="test").is_sound


def test_an_algorithm_of_a_script_is_refused(tmp_path):
    from nasbench.algorithm import Algorithm, Proposal

    class Local(Algorithm):
        def ask(self):
            return Proposal(self.space.sample(self.rng))

        def tell(self, observation):
            pass

    out = tmp_path / "runs"
    nasbench.search(Local, "nb201-cifar10", budget=Budget(trials=3), out=out)
    assert len(find_records(out)) == 1
    assert "a class at the top of a module" in refused(out, tmp_path)
