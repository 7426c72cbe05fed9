import pytest

from leaderboard.admission import group
from leaderboard.boards import Question
from leaderboard.scores import rank
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records, find_records

pytestmark = pytest.mark.usefixtures("believed")


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
        {"known": ["parameters"]},
        {"algorithm": "mine", "outside": True},
    ],
)
def test_records_that_differ_in_the_question_never_share_a_board(
    home, small_table, run, cells, changes
):
    records = [found(home, small_table, run, cells)]
    records.append(found(home, small_table, run, cells, **changes))
    groups, not_shown = group(records)
    assert sorted(map(len, groups.values())) == [1, 1]
    assert not not_shown


def test_records_that_differ_in_the_method_share_a_board(home, small_table, run, cells):
    records = [
        found(home, small_table, run, cells),
        found(home, small_table, run, cells, algorithm="local_search"),
        found(home, small_table, run, cells, preset="fast"),
        found(home, small_table, run, cells, fidelities=[1, 2]),
    ]
    (members,) = group(records)[0].values()
    assert members == records


def test_a_loop_with_the_name_of_a_registered_algorithm_is_not_shown(home, small_table, run, cells):
    record = found(home, small_table, run, cells, algorithm="local_search", outside=True)
    groups, (left,) = group([record])
    assert not groups
    assert left.folder == record.folder
    assert "'local_search' is the name of a registered algorithm" in left.reason
    assert left.remedy == "Record it again with another name."


@pytest.mark.parametrize("name", ["two words", "mine:Class", "<b>", "../up"])
def test_a_loop_with_a_name_that_no_loop_can_have_is_damaged(home, small_table, name):
    document = home.manifest(small_table, algorithm="mine", outside=True).encode()
    with pytest.raises(RecordError, match="must be made of letters"):
        Manifest.decode(document | {"algorithm": name}, "a forged manifest")


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"objectives": ["test_accuracy"]}, ", test_accuracy, selected on test"),
        ({"objectives": ["seconds"]}, ", seconds"),
        ({"known": ["parameters"]}, ", warm-started with known numbers"),
        ({"algorithm": "mine", "outside": True}, ", recorded from outside"),
        ({"workers": 4}, ", 4 workers"),
        ({"replicate": "mean"}, ", mean of trainings"),
        ({"replicate": 1}, ", training seed 1"),
        (
            {"objectives": ["test_accuracy"], "workers": 2, "replicate": "mean"},
            ", test_accuracy, selected on test, 2 workers, mean of trainings",
        ),
    ],
)
def test_title_says_what_distinguishes_the_board(home, small_table, run, cells, changes, said):
    (board,) = rank([found(home, small_table, run, cells, **changes)])
    assert board.title == f"toy@1, 4 trials{said}"


def test_table_without_validation_says_that_test_selects(home, run, cells):
    rows = [{"arch": c, "seed": 0, "test_accuracy": 50 + c[0]} for c in cells]
    metadata = home.table(rows, default_objective=None)
    (board,) = rank([found(home, metadata, run, cells, objectives=["test_accuracy"])])
    assert board.title == "toy@1, 4 trials, test_accuracy, selected on test"


def test_boards_of_one_benchmark_share_their_scale(home, whole):
    for trials in (5, 6):
        home.search("random_search", whole, 2, budget=Budget(trials=trials))
    home.search("random_search", whole, 2, budget=Budget(trials=5), replicate="mean")
    drawn, mean, longer = rank(find_records(home.runs))
    assert drawn.landscape is longer.landscape
    assert drawn.landscape is not mean.landscape
