"""Submissions of loops of their senders' own: checked like all others, but never run again."""

import random
from dataclasses import replace

import pytest

import nasbench
from leaderboard.submissions.submit import submit
from leaderboard.submissions.verify import verify
from nasbench.errors import RecordError
from nasbench.runs.records import Records

WHO = {"name": "Mine", "authors": ["Ann Lee"]}
ONLY = "recorded from outside; only its sender's own loop makes it again"


def climb(evaluate, most=30):
    rng, best, lowest = random.Random(evaluate.seed), None, float("inf")
    for _ in range(most):
        arch = evaluate.space.mutate(best, rng) if best else evaluate.space.sample(rng)
        if (loss := evaluate(arch)) <= lowest:
            best, lowest = arch, loss


def recorded(out, seeds, most=30, name="my-climb"):
    for seed in seeds:
        budget = nasbench.Budget(trials=12)
        with nasbench.record(
            "nb201-cifar10", name=name, budget=budget, seed=seed, out=out, settings={"step": "1 %"}
        ) as evaluate:
            climb(evaluate, most)


@pytest.fixture
def outside(tmp_path):
    """A folder of records, and the submission of them."""
    recorded(tmp_path / "runs", range(4))
    submit(tmp_path / "runs", tmp_path / "sent", **WHO)
    return tmp_path


def test_a_sound_one_passes_and_says_what_it_is(outside):
    report = verify(outside / "sent")
    assert report.is_sound
    assert report.level == "consistent"
    (remark,) = report.remarks
    assert remark.startswith("nb201-cifar10/my-climb-")
    assert remark.endswith(ONLY)
    (said,) = report.entry.records
    assert said.command == (
        "# my-climb was recorded from outside: only its author's own loop makes it again"
    )


@pytest.mark.parametrize("options", [{"again": 2}, {"again": 2, "relabelled": 5}])
def test_a_rerun_runs_nothing_and_says_so_in_one_line(outside, options):
    told = []
    report = verify(outside / "sent", tell=told.append, **options)
    assert not told
    assert report.level == "consistent"
    assert report.remarks[-1].startswith("nothing was run: nb201-cifar10/my-climb-")
    assert report.remarks[-1].endswith("comes from its sender's own loop")


@pytest.mark.parametrize(
    ("column", "by", "message"),
    [
        ("losses", -1.0, "trial 3 says loss"),
        ("training_seeds", 1, "trial 3 has training seed"),
        ("ends", -1.0, "trial 4 starts at .* but its only worker is free at"),
        ("archs", 1, "trial 3 (says loss|has training seed)"),
    ],
)
def test_what_does_not_follow_from_the_table_is_found(tmp_path, column, by, message):
    recorded(tmp_path / "runs", range(2))
    (record,) = nasbench.find_records(tmp_path / "runs")
    run = record.runs()[0]
    values = getattr(run, column).copy()
    values[3] = (values[3] + by) % 5 if column == "archs" else values[3] + by
    record.add([replace(run, **{column: values})])
    with pytest.raises(RecordError, match=f"seed 0, {message}"):
        submit(tmp_path / "runs", tmp_path / "sent", **WHO)


def test_the_name_of_a_registered_algorithm_is_a_fault(tmp_path):
    recorded(tmp_path / "runs", range(2))
    (record,) = nasbench.find_records(tmp_path / "runs")
    posing = Records.create(tmp_path / "forged", replace(record.manifest, algorithm="local_search"))
    posing.add(record.runs())
    with pytest.raises(RecordError, match="but with the name of a registered algorithm"):
        submit(tmp_path / "forged", tmp_path / "sent", **WHO)


def test_a_run_that_ended_early_is_told(tmp_path):
    recorded(tmp_path / "runs", range(2))
    recorded(tmp_path / "runs", [2], most=7)
    report = submit(tmp_path / "runs", tmp_path / "sent", **WHO)
    assert any(
        "seeds 2 end although another training fits" in remark
        and "only their sender knows" in remark
        for remark in report.remarks
    )


def test_seeds_that_coincide_are_refused_as_nobody_can_run_them(tmp_path):
    for seed in range(3):
        budget = nasbench.Budget(trials=12)
        with nasbench.record(
            "nbgraph-cora", name="mine", budget=budget, seed=seed, out=tmp_path / "runs"
        ) as evaluate:
            rng = random.Random(seed % 2)
            for _ in range(12):
                evaluate(evaluate.space.sample(rng))
    with pytest.raises(RecordError, match=r"seeds 0,2 have the same trials \(repeats\)"):
        submit(tmp_path / "runs", tmp_path / "sent", **WHO)


def test_missing_seeds_are_to_be_recorded_by_the_loop(tmp_path):
    recorded(tmp_path / "runs", [0, 3])
    lacks = "lacks seeds 1:3 of 0:4; record them with your own loop"
    with pytest.raises(RecordError, match=lacks):
        submit(tmp_path / "runs", tmp_path / "sent", **WHO)
