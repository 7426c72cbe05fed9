import pytest

from leaderboard.boards import Question, group, labels, plain
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records


def found(home, metadata, run, cells, **changes):
    trials = [(cells[0], 40.0, 0.0, 10.0)]
    return home.record(home.manifest(metadata, **changes), [run(trials)])


@pytest.mark.parametrize(
    "changes",
    [
        {"content_hash": "0" * 64},
        {"objectives": ["test_accuracy"]},
        {"budget": {"trials": 5}},
        {"budget": {"seconds": 100.0}},
        {"budget": {"epochs": 9}},
        {"workers": 2},
        {"replicate": "mean"},
        {"replicate": 0},
    ],
)
def test_records_that_differ_in_the_question_never_share_a_board(
    home, small_table, run, cells, changes
):
    records = [found(home, small_table, run, cells)]
    records.append(found(home, small_table, run, cells, **changes))
    groups, left_out = group(records)
    assert sorted(map(len, groups.values())) == [1, 1]
    assert not left_out


def test_records_that_differ_in_the_method_share_a_board(home, small_table, run, cells):
    records = [
        found(home, small_table, run, cells),
        found(home, small_table, run, cells, algorithm="local_search"),
        found(home, small_table, run, cells, preset="fast"),
        found(home, small_table, run, cells, fidelities=[1, 2]),
        found(home, small_table, run, cells, known=["parameters"]),
    ]
    (members,) = group(records)[0].values()
    assert members == records


def test_boards_are_in_the_order_of_benchmark_and_budget(home, small_table, run, cells):
    records = [
        found(home, small_table, run, cells, budget={"trials": n}, workers=w)
        for n, w in ((1000, 1), (20, 2), (20, 1), (300, 1))
    ]
    order = [(question.trials, question.workers) for question in group(records)[0]]
    assert order == [(20, 1), (20, 2), (300, 1), (1000, 1)]


def test_what_no_board_can_show_is_left_out_with_a_reason(home, small_table, run, cells):
    two = found(home, small_table, run, cells, objectives=["valid_accuracy", "seconds"])
    empty = Records.create(home.runs, home.manifest(small_table))
    groups, left_out = group([two, empty])
    assert not groups
    assert [record for record, _ in left_out] == [two, empty]
    assert "2 objectives" in left_out[0][1]
    assert "no finished run" in left_out[1][1]


def test_same_search_twice_is_refused(home, small_table, run, cells):
    manifest = home.manifest(small_table)
    twins = [home.record(manifest, [run([(cells[0], 1.0, 0, 1)])], folder=f) for f in "ab"]
    with pytest.raises(RecordError, match="same search"):
        group(twins)


@pytest.mark.parametrize("key", ["benchmark", "budget", "workers", "replicate"])
def test_incomplete_manifest_is_refused(home, small_table, key):
    manifest = home.manifest(small_table).encode()
    del manifest[key]
    with pytest.raises(RecordError, match=f"incomplete manifest.*{key}"):
        Records(home.damage(manifest))


def test_budget_in_words(home, small_table, run, cells):
    budget = {"trials": 1, "seconds": 20_000.0, "epochs": 1_200}
    question = Question.of(found(home, small_table, run, cells, budget=budget).manifest)
    assert question.budget == "1 trial or 1,200 epochs or 20,000 simulated seconds"
    assert question.title == f"toy@1, {question.budget}"


def manifest(algorithm="evolution", preset=None, fidelities=(2,), known=(), **hyperparameters):
    return Manifest(
        algorithm=algorithm,
        preset=preset,
        hyperparameters=hyperparameters,
        benchmark="toy",
        version=1,
        content_hash="",
        objectives=("valid_accuracy",),
        known=known,
        budget=Budget(trials=1),
        workers=1,
        replicate="draw",
        fidelities=fidelities,
    )


def test_label_of_the_only_record_is_its_algorithm():
    records = [manifest(population=50), manifest("random", replacement=True)]
    assert labels(records) == ["evolution", "random"]


def test_labels_say_what_differs():
    records = [
        manifest(population=50, sample=10),
        manifest(population=50, sample=20),
        manifest(preset="nats", population=10, sample=3),
        manifest("random", replacement=True),
        manifest("random", replacement=False),
        manifest("asha", fidelities=(1, 2), known=("macs",)),
        manifest("asha", fidelities=(2,)),
    ]
    assert labels(records) == [
        "evolution (sample 10)",
        "evolution (sample 20)",
        "evolution (nats)",
        "random (replacement yes)",
        "random (replacement no)",
        "asha (fidelities 1 2, known macs)",
        "asha (fidelities 2)",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, "no"), (None, "none"), (0.5, "0.5"), ("one", "one"), ([1, 2], "1 2")],
)
def test_settings_read_as_text(value, text):
    assert plain(value) == text
