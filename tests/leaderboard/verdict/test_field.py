import numpy as np
import pytest

from leaderboard.scores import rank
from leaderboard.verdict.field import SHARES, field
from leaderboard.verdict.judge import judge
from leaderboard.verdict.tasks import comparable, fullest
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget

pytestmark = pytest.mark.usefixtures("believed")
ORDERS = {"local_search": (0, 1, 3, 2), "random_search": (0, 1, 2, 3), "asha": (1, 0, 0, 1)}
"""Cells that the trials of a method train; the third is the best on test, the last in validation.
"""


def trials(order, cells):
    return [(cells[c], 40.0 - 10 * c, 10.0 * i, 10.0 * (i + 1)) for i, c in enumerate(order)]


@pytest.fixture
def boards(home, run, cells):
    """Five tables of four cells; each method has three seeds on each, but asha two on the last."""
    values = ((60, 50), (70, 72), (80, 88), (90, 80))
    records = []
    for task in range(5):
        rows = [
            {"arch": cell, "seed": 0, "valid_accuracy": v, "test_accuracy": t - task, "seconds": 10}
            for cell, (v, t) in zip(cells, values, strict=True)
        ]
        metadata = home.table(rows, id=f"toy{task}")
        for algorithm, order in ORDERS.items():
            manifest = home.manifest(metadata, algorithm=algorithm, hyperparameters={})
            seeds = range(2 if (algorithm, task) == ("asha", 4) else 3)
            records.append(home.record(manifest, [run(trials(order, cells), s) for s in seeds]))
    ranking = rank(records)
    assert not ranking.not_shown
    return list(ranking)


def test_values_are_normalised_regrets_by_method_task_and_seed(boards):
    found = field(boards)
    assert found.tasks == tuple(f"toy{task}@1, 4 trials" for task in range(5))
    assert {m.label for m in found.methods} == set(ORDERS)
    assert (found.seeds, found.name) == ((0, 1), "4 trials")
    assert not found.left_out
    place = [m.label for m in found.methods].index("local_search")
    for task in range(5):
        a = (88 - 50) / 15.5
        np.testing.assert_allclose(found.values[0, place, task], 1.0)  # before the first trial ends
        np.testing.assert_allclose(found.values[1, place, task], a)
        np.testing.assert_allclose(found.values[2, place, task], 8 / 15.5)
    assert SHARES[1:] == (0.3, 1.0)


def test_final_values_are_the_column_of_the_boards(boards):
    found = field(boards)
    for task, board in enumerate(boards):
        for row in board.rows:
            place = [m.label for m in found.methods].index(row.label)
            assert found.final[place, task].mean() == row.scores["normalised_regret"].mean


def test_methods_without_the_seeds_asked_for_are_left_out_by_name(boards):
    found = field(boards, seeds=range(3), name="three seeds")
    assert {m.label for m in found.methods} == {"local_search", "random_search"}
    assert [(left.label, left.reason) for left in found.left_out] == [
        ("asha", "lacks seeds on toy4@1, 4 trials")
    ]
    assert judge(found).sentence.startswith("Over 5 tasks with 3 seeds each (three seeds), ")


def test_methods_that_lack_a_task_are_left_out_by_name(boards, home, run, cells):
    record = boards[0].rows[0].records
    manifest = home.manifest(
        boards[0].landscape.benchmark.table.metadata, algorithm="bohb", hyperparameters={}
    )
    extra = home.record(manifest, [run(trials((0,), cells), s) for s in range(3)])
    (first,) = rank([extra, *(row.records for row in boards[0].rows)])
    found = field([first, *boards[1:]])
    assert ("bohb", "on 1 of 5 tasks") in [(left.label, left.reason) for left in found.left_out]
    assert record.manifest.algorithm in {m.label for m in found.methods}


def test_a_board_of_few_methods_is_left_out_where_not_every_task_counts(boards, home, run, cells):
    one = next(row for row in boards[0].rows if row.algorithm == "asha")
    metadata = home.table(
        [{"arch": cell, "seed": 0, "valid_accuracy": 50.0 + cell[0]} for cell in cells], id="toy9"
    )
    other = home.manifest(metadata, algorithm="bohb", hyperparameters={})
    own = home.manifest(metadata, algorithm=one.algorithm, hyperparameters={})
    few = rank(
        [home.record(m, [run(trials((0,), cells), s) for s in range(3)]) for m in (own, other)]
    )
    with pytest.raises(InvalidArgumentError, match="at least 2 methods on all of 6 tasks, not 1"):
        field([*boards, *few])
    found = field([*boards, *few], every_task=False)
    assert found.tasks == field(boards).tasks
    left = [(left.label, left.reason) for left in found.left_out]
    assert left == [("toy9@1, 4 trials", "has 1 of the 3 methods")]
    assert field(boards, every_task=False).tasks == field(boards).tasks


@pytest.mark.parametrize(
    ("methods", "kept"),
    [
        (["abc", "abc"], [0, 1]),
        (["abcdef", "abcdef", "ab"], [0, 1, 2]),  # 3 x 2 of 2 x 6: more tasks first, up to five
        (["abc"] * 5 + ["a"], [0, 1, 2, 3, 4]),
        (["abc"] * 5 + ["ab"] * 5, [*range(10)]),  # 10 x 2 of 5 x 3
        (["abc"] * 6 + ["ab"] * 2, [*range(6)]),  # 6 x 3 of 8 x 2
        (["a", "bc", "bc", "b"], [1, 2]),
        (["a", "b"], [0, 1]),
        (["ab"], [0]),
    ],
)
def test_the_fullest_tasks_are_those_of_the_rule(methods, kept):
    assert fullest([set(own) for own in methods]) == kept


def test_a_named_field_is_a_recomputation(boards):
    found = field(boards, methods=["asha", "random_search"])
    assert {m.label for m in found.methods} == {"asha", "random_search"}
    assert {one.rank.mean for one in judge(found).standings} == {1.0, 2.0}


def test_failed_runs_are_counted_and_worth_a_random_architecture(boards, home, run, cells):
    metadata = boards[0].landscape.benchmark.table.metadata
    lost = [(cells[0], float("inf"), 0.0, 10.0)]
    records = [
        home.record(
            home.manifest(metadata, algorithm=name, hyperparameters={}, budget={"trials": 3}),
            [run(made, s) for s in range(2)],
        )
        for name, made in (("asha", lost), ("bohb", trials((2,), cells)))
    ]
    found = field(rank(records).boards)
    failed = {m.label: m.failed for m in found.methods}
    assert failed == {"asha": 2, "bohb": 0}
    assert found.final[[m.label for m in found.methods].index("asha")].tolist() == [[1.0, 1.0]]


def test_what_cannot_be_judged_is_refused_in_one_line(boards, home, run, cells):
    with pytest.raises(InvalidArgumentError, match="at least one board"):
        field([])
    with pytest.raises(InvalidArgumentError, match=r"no method 'ashy' .*asha"):
        field(boards, methods=["ashy"])
    with pytest.raises(InvalidArgumentError, match="at least 2 methods on all of 5 tasks, not 1"):
        field(boards, methods=["asha"])
    with pytest.raises(InvalidArgumentError, match="share 1 seeds on all tasks"):
        field(boards, seeds=[0])
    metadata = boards[0].landscape.benchmark.table.metadata
    manifest = home.manifest(metadata, budget={"trials": 5})
    (longer,) = rank([home.record(manifest, [run(trials((0,), cells))])])
    with pytest.raises(InvalidArgumentError, match="do not ask the same"):
        field([*boards, longer])
    assert [(name, len(group)) for name, group in comparable([*boards, longer])] == [
        ("4 trials", 5),
        ("5 trials", 1),
    ]


BOTH = ["valid_accuracy", "seconds"]


@pytest.fixture
def searched(home, cells):
    """``searched(*tasks, **options)`` are boards of two methods on tables ``toy0``, ``toy1`` …"""

    def made(*tasks, methods=("random_search", "local_search"), same=False, **options):
        records = []
        for task in tasks:
            better = 0 if same else task
            rows = [
                {
                    "arch": cell,
                    "seed": 0,
                    "valid_accuracy": 50.0 + 10 * cell[0] + better,
                    "seconds": 10 + cell[0],
                }
                for cell in cells
            ]
            home.table(rows, id=f"toy{task}", complete=False)
            for method in methods:
                records.append(home.search(method, f"toy{task}", 3, **options))
        return list(rank(records))

    return made


def sets(boards):
    """The sets of comparable boards: name, and titles without the budget."""
    return [
        (name, [board.title.partition("@")[0] for board in together])
        for name, together in comparable(boards)
    ]


def test_objectives_are_asked_for_or_not(searched):
    default, named = searched(0), searched(0, objectives=["seconds"], methods=["random_search"])
    both = searched(0, objectives=BOTH, methods=["random_search", "nsga2"])
    other = searched(1)
    assert sets([*default, *named, *both, *other]) == [
        ("20 trials", ["toy0", "toy1"]),
        ("20 trials, seconds", ["toy0"]),
        ("20 trials, seconds and valid_accuracy", ["toy0"]),
    ]
    with pytest.raises(InvalidArgumentError, match="do not ask the same"):
        field([*default, *named])


def test_the_order_of_objectives_makes_no_second_task(searched):
    methods = ["random_search", "nsga2"]
    one = searched(0, 1, objectives=BOTH, methods=methods)
    two = searched(0, objectives=BOTH[::-1], methods=methods)
    assert [len(group) for _, group in comparable([*one, *two])] == [2, 1]
    with pytest.raises(InvalidArgumentError, match="are of one benchmark, which is one task"):
        field([*one, *two])
    assert len(field(one).tasks) == 2


def test_a_benchmark_stands_once_in_a_set_with_most_rows_then_the_largest_budget(searched):
    short, long = (searched(0, budget=Budget(seconds=n)) for n in (100.0, 200.0))
    many = searched(1, budget=Budget(seconds=150.0))
    few = searched(1, budget=Budget(seconds=300.0), methods=["random_search"])
    first, second = comparable([*short, *long, *many, *few])
    assert [board.question.seconds for board in first[1]] == [200, 150]
    assert [board.question.seconds for board in second[1]] == [100, 300]


def test_a_copy_of_a_table_is_no_second_task(searched):
    boards = searched(0, 1, same=True)
    assert boards[0].question.content_hash == boards[1].question.content_hash
    assert [len(group) for _, group in comparable(boards)] == [1, 1]
    with pytest.raises(InvalidArgumentError, match="are of one benchmark"):
        field(boards)


def test_remarks_of_rows_are_carried_into_the_verdict(home, run, cells):
    records = []
    for task in range(2):
        rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + 10 * c[0] + task} for c in cells]
        metadata = home.table(rows, id=f"toy{task}")
        for name, said, order in (
            ("asha", {"random_trials": None}, (0, 1)),
            ("mine", {}, (1, 2)),
            ("theirs", {}, (1, 2) if task else (2, 1)),
            ("local_search", {}, (0, 3)),
        ):
            manifest = home.manifest(metadata, algorithm=name, **said)
            runs = [run(trials(order, cells), s) for s in range(2)]
            records.append(home.record(manifest, runs))
    remarks = {method.label: method.remark for method in field(rank(records).boards).methods}
    assert remarks == {
        "asha": "random search here: every trial is drawn at random (on 2 of 2 tasks)",
        "mine": "the same trials as theirs (on 1 of 2 tasks)",
        "theirs": "the same trials as mine (on 1 of 2 tasks)",
        "local_search": "",
    }
