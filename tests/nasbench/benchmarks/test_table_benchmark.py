"""Every answer of the toy table against numbers worked out by hand; see ``tests/conftest.py``."""

import copy
import json
import math
import pickle
import re
import subprocess
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench
import nasbench.benchmarks.lookup
import nasbench.benchmarks.table_benchmark
from nasbench.benchmark import Evaluation, Trainings
from nasbench.benchmarks.loading import load
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NasbenchError,
    NotRecordedError,
    UnknownNameError,
)
from nasbench.space import Decision, SearchSpace
from nasbench.spaces import SPACES

NAN, INF = float("nan"), float("inf")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


def cell(options: str) -> str:
    """Text of a cell from one digit for each edge."""
    a, b, c, d, e, f = (OPERATIONS[int(option)] for option in options)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


TEXT = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
TEXT += "+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"


@pytest.fixture
def sparse(toy_files, monkeypatch) -> TableBenchmark:
    """The toy, by binary search as in spaces too large to list."""
    monkeypatch.setattr(nasbench.benchmarks.lookup, "_DENSE", 0)
    return load(toy_files["plain"])


# query


def test_query_gives_the_mean_over_the_seeds_at_the_end(toy, archs):
    # 30 + (0 + 2 + 4) / 3 + 4, one less, 4 - 4 / 2, 4 (10 + 1) 4, 4; 100 * 4, 3 / 2, -3, 7
    assert toy.query(archs[3]) == {
        "valid_accuracy": 36,
        "test_accuracy": 35,
        "train_loss": 2,
        "seconds": 176,
        "validation_seconds": 4,
        "parameters": 400,
        "latency_toy_ms": 1.5,
        "score": -3,
        "score_seconds": 7,
    }


@pytest.mark.parametrize(
    ("i", "question", "expected"),
    [
        (0, {}, 5),
        (0, {"seed": 0}, 4),
        (0, {"seed": 1}, 6),
        (0, {"epoch": 1}, 2),
        (0, {"epoch": 1, "seed": 1}, 3),
        (0, {"epoch": 4, "schedule": 4}, 5),
        (3, {"epoch": 2, "seed": 2}, 36),
        (4, {"epoch": 2, "seed": 1}, 44),
        (4, {"epoch": 2}, 44),
        (4, {"seed": 2}, 48),
        (5, {"seed": 2}, 58),
        (5, {}, 56),
    ],
)
def test_query_picks_epoch_schedule_and_seed(toy, archs, i, question, expected):
    assert toy.query(archs[i], **question)["valid_accuracy"] == expected
    assert toy.query(archs[i], **question)["test_accuracy"] == expected - 1
    assert toy.query(toy.space.to_text(archs[i]), **question) == toy.query(archs[i], **question)


def test_query_of_a_diverged_training_holds_what_it_recorded(toy, archs):
    answer = toy.query(archs[4], seed=1)
    assert dict(answer) == {
        "seconds": 5 * 11 * 3,
        "validation_seconds": 5,
        "parameters": 500,
        "latency_toy_ms": 2,
        "score": -4,
        "score_seconds": 7,
    }
    with pytest.raises(NotRecordedError, match=r"seed 1 diverged. Others have it: ask with seed=0"):
        answer["valid_accuracy"]
    assert "valid_accuracy" not in toy.query(archs[4])  # a mean that contains it
    assert toy.query(archs[4])["seconds"] == pytest.approx((200 + 165 + 240) / 3)


def test_numbers_of_an_architecture_that_are_not_recorded_are_not_there(toy, archs):
    with pytest.raises(NotRecordedError, match="'latency_toy_ms' for this architecture"):
        toy.query(archs[2])["latency_toy_ms"]


def test_a_mean_without_a_number_blames_the_seed_that_diverged(toy, archs):
    of = re.escape(toy.space.to_text(archs[4]))
    message = (
        rf"'toy' does not record 'valid_accuracy' of {of}: the training with seed 1 diverged. "
        r"A mean needs all of them: ask with seed=0 or seed=2$"
    )
    with pytest.raises(NotRecordedError, match=message):
        toy.query(archs[4])["valid_accuracy"]
    assert toy.query(archs[4], seed=0)["valid_accuracy"] == 44


def test_texts_are_read_by_name(toy, archs):
    answer = toy.query(archs[3])
    assert answer["published_string"] == "toy 3"
    assert answer.texts == {"published_string": "toy 3"}
    assert "published_string" not in answer  # numbers only, so that queries stay fast
    with pytest.raises(NotRecordedError, match=r"query.arch.*'published_string'"):
        toy.query_many(np.array([archs[3]]), "published_string")


def test_a_text_that_is_not_recorded_is_named(content, tmp_path, archs):
    toy = content()
    toy.archs[3]["published_string"] = None
    benchmark = toy.load(tmp_path)
    assert benchmark.query(archs[3]).texts == {}
    with pytest.raises(NotRecordedError, match="'published_string' for this architecture"):
        benchmark.query(archs[3])["published_string"]


def test_every_column_of_architectures_is_answered_by_its_name(toy, archs):
    answer = toy.query(archs[0])
    assert all(answer[name] is not None for name in toy.table.arch_columns)


def test_an_answer_can_be_pickled(toy, archs):
    answer = toy.query(archs[0])
    assert pickle.loads(pickle.dumps(answer)) == copy.deepcopy(answer) == answer


def test_an_answer_is_a_dict_that_json_and_copies_take(toy, archs):
    answer = toy.query(archs[0])
    assert json.loads(json.dumps(answer)) == answer
    assert answer.get("nothing") is None
    assert "nothing" not in answer
    assert all(type(value) is float for value in answer.values())


def test_an_unknown_metric_says_what_there_is_and_where_else(toy, archs):
    with pytest.raises(NotRecordedError) as caught:
        toy.query(archs[0])["valid_acuracy"]
    message = str(caught.value)
    assert "'toy' does not record 'valid_acuracy'; did you mean 'valid_accuracy'?" in message
    assert "'parameters'" in message
    assert "Elsewhere: ask the author of the toy" in message


def test_test_accuracies_of_nas_bench_201_are_elsewhere():
    answer = nasbench.query("nb201-cifar10", TEXT)
    with pytest.raises(NotRecordedError) as caught:
        answer["test_accuracy"]
    message = str(caught.value)
    assert "'nb201-cifar10' does not record 'test_accuracy'" in message
    assert "NATS-tss-v1_0-3ffb9" in message
    assert "https://github.com/D-X-Y/NATS-Bench" in message


def test_curves_of_nas_bench_201_are_elsewhere():
    benchmark = load("nb201-cifar10")
    for call in (
        lambda: benchmark.curve(TEXT, "valid_accuracy"),
        lambda: benchmark.query(TEXT, epoch=12),
        lambda: benchmark.query(TEXT, schedule=12),
    ):
        with pytest.raises(NotRecordedError, match=r"NATS-tss-v1_0-3ffb9"):
            call()


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"epoch": 5}, r"does not record epoch 5; did you mean 4\? Recorded: 1, 2, 3, 4. Elsewh"),
        ({"epoch": 0}, "does not record epoch 0; did you mean 1"),
        ({"epoch": -1}, "does not record epoch -1; did you mean 1"),
        ({"epoch": 10**40}, "did you mean 4"),
        ({"schedule": 12}, "no schedule of 12 epochs. Possible: '4'. Elsewhere: ask"),
        ({"seed": 7}, "no training with seed 7 .*Possible: '0', '1', '2'. Elsewhere"),
        ({"seed": -1}, "no training with seed -1"),
        ({"seed": 10**40}, "no training with seed 1000"),
        ({"seed": 2}, r"no training with seed 2 of \|none~0.* Possible: '0', '1'"),
    ],
)
def test_what_is_not_recorded_is_named_with_what_is_possible(toy, archs, question, message):
    for ask in (
        lambda: toy.query(archs[0], **question),
        lambda: toy.query_many(np.array([archs[0]]), "valid_accuracy", **question),
    ):
        with pytest.raises(NotRecordedError, match=message):
            ask()


@pytest.mark.parametrize("name", ["epoch", "schedule", "seed"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1", "= '1' must be an integer; did you mean 1"),
        (True, "= True must be an integer; did you mean 1"),
        (1.0, r"= 1.0 must be an integer; did you mean 1"),
        (np.bool_(True), "= .*True.* must be an integer"),
        (np.float32(1), "= .*1.0.* must be an integer"),
        ("first", "= 'first' must be an integer$"),
        ([1], r"= \[1\] must be an integer$"),
    ],
)
def test_what_only_equals_an_integer_is_no_seed_and_no_epoch(toy, archs, name, value, message):
    for number in (1, 4):  # answers that are remembered are not found by what equals the question
        toy.query(archs[0], epoch=number, schedule=4, seed=1)
        toy.evaluate(archs[0], epoch=number, seed=1)
    asked = {name: value}
    calls = [
        lambda: toy.query(archs[0], **asked),
        lambda: toy.query_many(np.array([archs[0]]), "valid_accuracy", **asked),
    ]
    if name != "epoch":
        calls.append(lambda: toy.curve(archs[0], "valid_accuracy", **asked))
    if name != "schedule":
        calls.append(lambda: toy.evaluate(archs[0], **asked))
    if name == "epoch":
        calls.append(lambda: toy.trainings(archs[0], value))
    for ask in calls:
        with pytest.raises(InvalidArgumentError, match=f"{name} {message}"):
            ask()


def test_integers_of_numpy_are_seeds_and_epochs(toy, archs):
    asked = {"epoch": np.int32(2), "seed": np.uint8(1)}
    assert toy.query(archs[0], **asked) == toy.query(archs[0], epoch=2, seed=1)
    assert toy.evaluate(archs[0], **asked) == toy.evaluate(archs[0], epoch=2, seed=1)


def test_an_architecture_without_training_is_not_recorded(toy):
    with pytest.raises(NotRecordedError, match=r"no training of \|none~0.*; it holds 6 arch"):
        toy.query((0, 0, 0, 0, 0, 1))


# Schedules


@pytest.fixture
def schedules(toy_files):
    return load(toy_files["schedules"])


def test_an_epoch_means_the_end_of_its_schedule(schedules, archs):
    assert schedules.schedules == schedules.fidelities == (2, 4)
    assert schedules.query(archs[0])["valid_accuracy"] == 5
    assert schedules.query(archs[0], epoch=4)["valid_accuracy"] == 5
    assert schedules.query(archs[0], epoch=2)["valid_accuracy"] == 3.5
    assert schedules.query(archs[0], schedule=2)["valid_accuracy"] == 3.5
    assert schedules.query(archs[0], schedule=2, epoch=1)["valid_accuracy"] == 2.5
    assert schedules.query(archs[0], schedule=4, epoch=2)["valid_accuracy"] == 3
    assert schedules.evaluate(archs[0], epoch=2) == ((96.5,), 22, 1)
    assert schedules.evaluate(archs[0]) == ((95,), 43, 1)
    many = schedules.query_many(np.array([archs[0], archs[3]]), "valid_accuracy", epoch=2)
    assert many.tolist() == [3.5, 36.5]


def test_points_of_a_curve_are_not_schedules(schedules, archs):
    with pytest.raises(NotRecordedError, match=r"no schedule that ends at epoch 3.*schedule="):
        schedules.query(archs[0], epoch=3)
    with pytest.raises(NotRecordedError, match=r"no schedule that ends at epoch 3.*schedule="):
        schedules.evaluate(archs[0], epoch=3)


def test_a_schedule_that_an_architecture_has_not_is_named(schedules, archs):
    many = np.array(archs[:2])
    for ask in (
        lambda: schedules.query(archs[1], epoch=2),
        lambda: schedules.evaluate(archs[1], epoch=2),
        lambda: schedules.trainings(archs[1], 2),
        lambda: schedules.curve(archs[1], "valid_accuracy", schedule=2),
        lambda: schedules.query_many(many, "valid_accuracy", epoch=2),
    ):
        with pytest.raises(
            NotRecordedError, match=r"no training of .* for 2 epochs. Possible: '4'"
        ):
            ask()


def test_seeds_belong_to_a_schedule(schedules, archs):
    assert schedules.trainings(archs[3]) == (schedules.space.rank(archs[3]), (0, 1, 2))
    assert schedules.trainings(archs[3], 4).seeds == (0, 1, 2)
    assert schedules.trainings(archs[3], 2).seeds == (2,)
    assert schedules.query(archs[3], epoch=2, seed=2)["valid_accuracy"] == 36.5
    with pytest.raises(NotRecordedError, match=r"no training with seed 0 .* for 2 .*'2'"):
        schedules.query(archs[3], epoch=2, seed=0)
    with pytest.raises(NotRecordedError, match="no schedule of 3 epochs"):
        schedules.trainings(archs[3], 3)
    assert schedules.complete_seeds == ()


def test_curves_have_the_length_of_their_schedule(schedules, archs):
    curve = schedules.curve(archs[0], "valid_accuracy", schedule=2)
    assert curve.tolist() == [2.5, 3.5]
    assert schedules.curve(archs[0], "valid_accuracy").tolist() == [2, 3, 4, 5]


# curve


def test_curve_gives_every_epoch(toy, archs):
    assert toy.curve(archs[0], "valid_accuracy", seed=1).tolist() == [3, 4, 5, 6]
    assert toy.curve(archs[0], "valid_accuracy").tolist() == [2, 3, 4, 5]
    assert toy.curve(toy.space.to_text(archs[0]), "seconds", seed=0).tolist() == [10, 20, 30, 40]
    assert toy.curve(list(archs[0]), "seconds", seed=0).tolist() == [10, 20, 30, 40]
    assert toy.curve(archs[0], "train_loss").dtype == np.float32


def test_curve_of_a_failure_ends_in_nan(toy, archs):
    for seed in (1, None):
        curve = toy.curve(archs[4], "valid_accuracy", seed=seed)
        np.testing.assert_array_equal(curve, [43, 44, NAN, NAN])


def test_curve_of_sparse_epochs_has_nan_between(content, tmp_path, archs):
    toy = content()
    for row in toy.runs:
        for name in ("train_loss", "valid_accuracy", "test_accuracy", "seconds"):
            row[name] = [row[name][1], row[name][3]]
    sparse = replace(toy, metadata=replace(toy.metadata, epochs={5: [2, 4]}))
    for row in sparse.runs:
        row["schedule"] = 5
    benchmark = sparse.load(tmp_path)
    assert benchmark.fidelities == (2, 4)
    np.testing.assert_array_equal(
        benchmark.curve(archs[0], "valid_accuracy"), [NAN, 3, NAN, 5, NAN]
    )
    assert benchmark.query(archs[0])["valid_accuracy"] == 5
    assert benchmark.query(archs[0], epoch=2)["valid_accuracy"] == 3
    with pytest.raises(NotRecordedError, match=r"does not record epoch 3; .* Recorded: 2, 4"):
        benchmark.query(archs[0], epoch=3)


@pytest.mark.parametrize(
    ("metric", "question", "message"),
    [
        ("validation_seconds", {}, "no curve of 'validation_seconds', only its value at epoch 4"),
        ("parameters", {}, "no curve of 'parameters', which no training produced"),
        ("accuracy", {}, "does not record 'accuracy'; did you mean 'test_accuracy'"),
        ("valid_accuracy", {"seed": 9}, "no training with seed 9 of"),
        ("valid_accuracy", {"schedule": 9}, "no schedule of 9 epochs. Possible: '4'"),
    ],
)
def test_curve_names_what_is_not_recorded(toy, archs, metric, question, message):
    with pytest.raises(NotRecordedError, match=message):
        toy.curve(archs[0], metric, **question)


# evaluate


@pytest.mark.parametrize(
    ("i", "question", "expected"),
    [
        (0, {}, (95, 42 + 1, 1)),
        (0, {"seed": 0}, (96, 40 + 1, 1)),
        (0, {"epoch": 1, "seed": 1}, (97, 11 + 1, 1)),
        (3, {}, (64, 176 + 4, 4)),
        (4, {"seed": 0}, (56, 200 + 5, 5)),
        (4, {"seed": 1}, (INF, 165 + 5, 5)),
        (4, {"seed": 1, "epoch": 3}, (INF, 165 + 5, 5)),
        (4, {"seed": 1, "epoch": 2}, (56, 110 + 5, 5)),
        (4, {"epoch": 2}, (56, 110 + 5, 5)),
        (4, {"epoch": 3}, (INF, (150 + 165 + 180) / 3 + 5, 5)),
    ],
)
def test_evaluate_gives_losses_and_cost(toy, sparse, archs, i, question, expected):
    loss, seconds, validation = expected
    for benchmark in (toy, sparse):
        found = benchmark.evaluate(archs[i], **question)
        assert found == Evaluation((loss,), seconds, validation)
        assert all(type(x) is float for x in (*found.losses, found.seconds))


@pytest.mark.parametrize(
    ("objectives", "losses"),
    [
        (["valid_accuracy"], (64,)),
        (["test_accuracy"], (65,)),
        (["train_loss"], (2,)),
        (["seconds"], (176,)),
        (["parameters"], (400,)),
        (["latency_toy_ms", "valid_accuracy", "parameters"], (1.5, 64, 400)),
    ],
)
def test_objectives_become_losses(toy_files, archs, objectives, losses):
    benchmark = load(toy_files["plain"], objectives=objectives)
    assert benchmark.objectives == tuple(objectives)
    assert benchmark.evaluate(archs[3]).losses == losses


def test_a_maximised_number_that_is_no_percentage_is_negated(content, tmp_path, archs):
    toy = content()
    goals = (
        nasbench.column.Column("score", goal="max"),
        nasbench.column.Column("train_loss", goal="max"),
    )
    toy = replace(toy, columns=goals)
    benchmark = toy.load(tmp_path, objectives=["score", "train_loss"])
    assert benchmark.evaluate(archs[3]).losses == (3, -2)
    # what diverged is inf, whatever the goal
    assert benchmark.evaluate(archs[4], seed=1).losses == (4, INF)


def test_evaluate_needs_every_objective(toy_files, archs):
    benchmark = load(toy_files["plain"], objectives=["latency_toy_ms"])
    with pytest.raises(NotRecordedError, match="'latency_toy_ms' for this architecture"):
        benchmark.evaluate(archs[2])


def test_an_objective_that_is_not_recorded_at_an_epoch_is_no_failure(content, tmp_path, archs):
    toy = content()
    for row in toy.runs:
        row["valid_accuracy"][1] = NAN
    benchmark = toy.load(tmp_path)
    for i, seed in ((0, 0), (0, None), (4, 0)):  # another seed of cell 4 diverged later
        with pytest.raises(NotRecordedError, match=r"'valid_accuracy' of .* at epoch 2$"):
            benchmark.evaluate(archs[i], epoch=2, seed=seed)
    assert benchmark.evaluate(archs[4], epoch=3, seed=1).losses == (INF,)


def test_evaluate_without_costs_is_free(content, tmp_path, archs):
    toy = content()
    for row in toy.runs:
        del row["seconds"], row["validation_seconds"]
    assert toy.load(tmp_path).evaluate(archs[0]) == ((95,), 0, 0)


def test_a_table_without_validation_has_no_default_objective(toy_files, archs):
    asked = load(toy_files["no_validation"])
    assert asked.objectives == ()
    assert asked.query(archs[3])["test_accuracy"] == 35
    assert pickle.loads(pickle.dumps(asked)).query(archs[3]) == asked.query(archs[3])
    with pytest.raises(NotRecordedError, match=r"no validation column.*'test_accuracy'"):
        asked.evaluate(archs[3])
    with pytest.raises(NotRecordedError, match=r"no validation column.*'test_accuracy'"):
        nasbench.search(
            "random_search",
            str(toy_files["no_validation"]),
            seeds=[0],
            budget=nasbench.Budget(trials=1),
        )
    benchmark = load(toy_files["no_validation"], objectives=["test_accuracy"])
    assert benchmark.evaluate(archs[3]).losses == (65,)


@pytest.mark.parametrize(
    ("objectives", "error", "message"),
    [
        (
            ["valid_acc"],
            UnknownNameError,
            "no objective 'valid_acc'; did you mean 'valid_accuracy'",
        ),
        (["score"], UnknownNameError, "no objective 'score'"),
        (["published_string"], UnknownNameError, "no objective 'published_string'"),
        ("valid_accuracy", InvalidArgumentError, "must be a list of at least one column"),
        ([], InvalidArgumentError, "must be a list of at least one column"),
    ],
)
def test_impossible_objectives_are_named(toy_files, objectives, error, message):
    with pytest.raises(error, match=message):
        load(toy_files["plain"], objectives=objectives)


# Trainings and known numbers


def test_trainings_are_the_recorded_seeds(toy, archs):
    assert [toy.trainings(arch).seeds for arch in archs] == [
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 1, 2),
        (0, 1, 2),
        (0, 2),
    ]
    assert toy.trainings(archs[1]) == Trainings(3 * 5 * 5, (0, 1))
    assert toy.trainings(archs[5], 2) == toy.trainings(archs[5])
    assert toy.seeds == (0, 1, 2)
    assert toy.complete_seeds == (0,)


def test_known_numbers_come_with_their_cost(toy_files, archs):
    benchmark = load(toy_files["plain"], known=["score", "parameters"])
    assert benchmark.known == ("score", "parameters")
    assert benchmark.known_numbers(archs[3]) == ((-3, 400), 7)
    assert load(toy_files["plain"], known=["parameters"]).known_numbers(archs[3]) == ((400,), 0)


def test_known_numbers_that_are_not_recorded_are_an_error(toy_files, archs):
    benchmark = load(toy_files["plain"], known=["latency_toy_ms"])
    with pytest.raises(NotRecordedError, match="'latency_toy_ms'"):
        benchmark.known_numbers(archs[2])
    with pytest.raises(NotRecordedError, match=r"holds no numbers of \|none~0"):
        benchmark.known_numbers((0, 0, 0, 0, 0, 1))
    for garbage in ([0] * 6, "text", (0, 0), None):
        with pytest.raises(IllegalArchError):
            benchmark.known_numbers(garbage)


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        (["valid_accuracy"], InvalidArgumentError, "comes out of a training.*'parameters'"),
        (["seconds"], InvalidArgumentError, "comes out of a training"),
        (["params"], UnknownNameError, "no column 'params' to be known; did you mean 'parameters'"),
        (["published_string"], UnknownNameError, "no column 'published_string' to be known"),
        ("parameters", InvalidArgumentError, "known = 'parameters' must be a list of columns"),
    ],
)
def test_what_cannot_be_known_is_refused(toy_files, known, error, message):
    with pytest.raises(error, match=message):
        load(toy_files["plain"], known=known)


# query_many


RUN_METRICS = ("valid_accuracy", "test_accuracy", "train_loss", "seconds", "validation_seconds")
ARCH_METRICS = ("parameters", "score", "latency_toy_ms")


@pytest.mark.parametrize("dense", [True, False])
@settings(max_examples=40)
@given(data=st.data())
def test_query_many_is_a_loop_of_query(toy_files, archs, dense, data):
    cells = data.draw(
        st.lists(st.sampled_from([*2 * archs, (0, 0, 0, 0, 0, 1)]), min_size=1, max_size=6)
    )
    metric = data.draw(st.sampled_from(RUN_METRICS))
    optional = {"epoch": (1, 2, 3, 4, 5), "seed": (0, 0, 1, 2, 3), "schedule": (4, 5)}
    question = data.draw(
        st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in optional.items()})
    )
    with pytest.MonkeyPatch.context() as patch:
        if not dense:
            patch.setattr(nasbench.benchmarks.lookup, "_DENSE", 0)
        benchmark = load(toy_files["plain"])
        rows = np.array(cells, dtype=np.int64)
        try:
            expected = [benchmark.query(arch, **question).get(metric, NAN) for arch in cells]
        except NotRecordedError:
            with pytest.raises(NotRecordedError):
                benchmark.query_many(rows, metric, **question)
        else:
            found = benchmark.query_many(rows, metric, **question)
            assert found.dtype == np.float64
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("metric", ARCH_METRICS)
def test_query_many_of_numbers_of_architectures_is_a_loop_of_query(toy, archs, metric):
    rows = np.array([archs[i] for i in (3, 1, 2, 0, 5, 4, 3)])
    expected = [toy.query(tuple(arch)).get(metric, NAN) for arch in rows.tolist()]
    np.testing.assert_array_equal(toy.query_many(rows, metric), expected)
    with pytest.raises(NotRecordedError, match="does not record epoch 5"):
        toy.query_many(rows, metric, epoch=5)


def test_query_many_of_nothing_is_nothing(toy):
    for metric in (*RUN_METRICS, *ARCH_METRICS):
        assert toy.query_many(np.empty((0, 6), dtype=int), metric).shape == (0,)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.int64])
def test_query_many_takes_any_integers(toy, archs, dtype):
    values = toy.query_many(np.array(archs, dtype=dtype), "train_loss", epoch=2)
    assert values.tolist() == [3, 3, 3, 3, 3, 3]


def test_query_many_has_nan_where_a_training_diverged(toy, archs):
    np.testing.assert_array_equal(
        toy.query_many(np.array(archs), "valid_accuracy"), [5, 15, 25, 36, NAN, 56]
    )


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, 5), dtype=int),
        np.zeros(6, dtype=int),
        np.zeros((2, 6)),
        np.zeros((2, 6), dtype=bool),
        np.full((2, 6), 5),
        np.full((2, 6), -1),
        np.full((2, 6), 2**63, dtype=np.uint64),
        [["a"] * 6],
        [],
    ],
)
@pytest.mark.parametrize("metric", ["valid_accuracy", "parameters"])
def test_query_many_refuses_what_are_no_architectures(toy, sparse, rows, metric):
    for benchmark in (toy, sparse):
        with pytest.raises(IllegalArchError):
            benchmark.query_many(rows, metric)


def test_query_many_names_what_is_not_recorded(toy, sparse, archs):
    rows = np.array([archs[0], (0, 0, 0, 0, 0, 1)])
    for benchmark in (toy, sparse):
        with pytest.raises(NotRecordedError, match=r"no training of \|none~0.*skip_connect~2\|"):
            benchmark.query_many(rows, "valid_accuracy")
        with pytest.raises(NotRecordedError, match=r"no numbers of \|none~0.*skip_connect~2\|"):
            benchmark.query_many(rows, "parameters")
        with pytest.raises(NotRecordedError, match="holds texts in 'published_string'"):
            benchmark.query_many(rows[:1], "published_string")


# Classes


def test_members_of_a_class_share_its_trainings_but_not_their_numbers(toy_files):
    benchmark = load(toy_files["classes"])
    for number, (owner, member) in enumerate(
        [
            ((0, 0, 0, 0, 0, 0), (3, 0, 0, 0, 0, 0)),
            ((0, 0, 0, 1, 0, 0), (3, 0, 0, 1, 0, 0)),
            ((0, 0, 0, 3, 0, 0), (3, 0, 0, 3, 0, 0)),
        ]
    ):
        assert benchmark.trainings(member) == benchmark.trainings(owner)
        assert benchmark.trainings(member).key == benchmark.space.rank(owner)
        assert benchmark.evaluate(member) == benchmark.evaluate(owner)
        assert benchmark.curve(member, "seconds").tolist() == [
            (number + 1) * 10.5 * epoch for epoch in (1, 2, 3, 4)
        ]
        assert benchmark.query(owner)["valid_accuracy"] == 10 * number + 5
        assert benchmark.query(member)["valid_accuracy"] == 10 * number + 5
        assert benchmark.query(owner)["parameters"] == 10 * number
        assert benchmark.query(member)["parameters"] == 10 * (number + 3)


def test_a_member_without_numbers_of_its_own_has_its_class_only(toy_files):
    benchmark = load(toy_files["classes"])
    answer = benchmark.query((0, 3, 0, 0, 0, 0))
    assert answer["valid_accuracy"] == 5
    assert "parameters" not in answer


def test_all_disconnected_cells_have_one_training(toy_files):
    benchmark = load(toy_files["classes"])
    space = benchmark.space
    members = [arch for arch in space.archs() if space.canonical(arch) == (0,) * 6]
    assert len(members) == 341
    assert set(benchmark.query_many(np.array(members), "valid_accuracy").tolist()) == {5}


class Ruled(SearchSpace):
    """Two decisions; the second is 0 if the first is, and 3 means the same as 2."""

    name = "ruled"
    decisions = (Decision("depth", ("0", "1", "2")), Decision("width", ("0", "1", "2", "3")))

    def to_text(self, arch):
        return f"{arch[0]}-{arch[1]}"

    def from_text(self, text):
        return self.check([int(part) for part in text.split("-")])

    def is_legal(self, arch):
        return arch[0] > 0 or arch[1] == 0

    def canonical(self, arch):
        if not self.is_legal(arch):
            raise AssertionError(f"{arch} is illegal: who asks for its class?")
        return (arch[0], min(arch[1], 2))


@pytest.fixture
def ruled(content, tmp_path, monkeypatch):
    module = types.ModuleType("toy_spaces")
    module.Ruled = Ruled
    monkeypatch.setitem(sys.modules, "toy_spaces", module)
    monkeypatch.setitem(SPACES._entries, "ruled", "toy_spaces:Ruled")
    toy = content("classes")
    for row, arch in zip(toy.runs, [(0, 0), (0, 0), (1, 2), (1, 2), (2, 0), (2, 0)], strict=True):
        row["arch"] = arch
    toy = replace(toy, metadata=replace(toy.metadata, space="ruled"), archs=None)
    return toy.load(tmp_path)


@pytest.mark.parametrize("dense", [True, False])
def test_a_class_has_legal_members_only(ruled, dense, monkeypatch):
    if not dense:
        monkeypatch.setattr(nasbench.benchmarks.lookup, "_DENSE", 0)
    values = ruled.query_many(np.array([(1, 3), (1, 2), (2, 0)]), "valid_accuracy")
    assert values.tolist() == [15, 15, 25]
    for illegal in ((0, 1), (0, 3)):
        with pytest.raises(IllegalArchError, match="breaks a rule of 'ruled'"):
            ruled.query(illegal)
        with pytest.raises(IllegalArchError, match="breaks a rule of 'ruled'"):
            ruled.query_many(np.array([(1, 3), illegal]), "valid_accuracy")
    with pytest.raises(NotRecordedError, match="no training of 2-2"):
        ruled.query_many(np.array([(2, 2)]), "valid_accuracy")


# Purity

GARBAGE = [
    None,
    "",
    "text",
    "00000x",
    "0,0,0,0,0,0",
    b"000000",
    7.5,
    0.5,
    True,
    (),
    (0,) * 5,
    (0,) * 7,
    (5,) * 6,
    (-1,) * 6,
    (10**30,) * 6,
    (0.5,) * 6,
    ("0",) * 6,
    (None,) * 6,
    (NAN,) * 6,
    ([],) * 6,
    (np.array([0, 1]),) * 6,
    {0: 1},
    {0: 1, 1: 2},
    [[0] * 6],
    np.zeros((1, 6), dtype=int),
    15_625,
    -1,
    True,
    types.SimpleNamespace(),
]


@pytest.mark.parametrize("arch", GARBAGE, ids=repr)
def test_garbage_is_no_architecture_and_leaves_no_trace(toy, archs, arch):
    for ask in (toy.query, toy.evaluate, toy.trainings):
        with pytest.raises(IllegalArchError) as caught:
            ask(arch)
        assert "'nb201'" in str(caught.value)
    assert toy.query(archs[3])["valid_accuracy"] == 36
    assert toy.evaluate(archs[3]).losses == (64,)
    assert toy.trainings(archs[3]).seeds == (0, 1, 2)


@pytest.mark.parametrize("arch", [(3.0,) * 6, tuple(np.full(6, 3)), (np.float32(3),) * 6])
def test_numbers_that_are_integers_are_taken(toy, arch):
    assert toy.query(arch, seed=0) == toy.query((3,) * 6, seed=0)
    assert toy.evaluate(arch, seed=0) == toy.evaluate((3,) * 6, seed=0)
    assert toy.evaluate((True,) * 6) == toy.evaluate((1,) * 6)


CALLS = [
    *(("query", (i,), q) for i in (0, 3, 4, 5) for q in ({}, {"epoch": 2}, {"seed": 0})),
    *(("evaluate", (i,), q) for i in (0, 4) for q in ({}, {"seed": 1}, {"epoch": 1, "seed": 0})),
    *(("curve", (i, "valid_accuracy"), q) for i in (0, 4) for q in ({}, {"seed": 0})),
    *(("trainings", (i,), {}) for i in (1, 5)),
    ("query", (5,), {"seed": 1}),
    ("query", (0,), {"epoch": 9}),
]


def answer(benchmark, archs, call):
    name, (i, *more), question = call
    try:
        return repr(getattr(benchmark, name)(archs[i], *more, **question))
    except NasbenchError as error:
        return repr(error)


@pytest.fixture(scope="module")
def fresh_answers(toy_files, archs):
    """The answer to every question, each by a benchmark that was asked nothing before."""
    return [answer(load(toy_files["plain"]), archs, call) for call in CALLS]


@settings(max_examples=30)
@given(order=st.lists(st.sampled_from(range(len(CALLS))), min_size=5, max_size=25))
def test_no_question_changes_the_answer_to_another(toy_files, archs, fresh_answers, order):
    benchmark = load(toy_files["plain"])
    for number in order:
        assert answer(benchmark, archs, CALLS[number]) == fresh_answers[number]


def test_what_is_handed_out_is_read_only_or_a_copy(toy, archs):
    first = toy.query(archs[0])
    first["valid_accuracy"] = 0.0
    first.clear()
    assert toy.query(archs[0])["valid_accuracy"] == 5
    many = np.array(archs)
    for array in (
        toy.curve(archs[0], "valid_accuracy"),
        toy.query_many(many, "valid_accuracy"),
        toy.query_many(many, "parameters"),
        toy.query_many(many, "valid_accuracy", seed=0),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


def test_small_caches_forget_and_still_answer(toy, archs, monkeypatch):
    monkeypatch.setattr(nasbench.benchmarks.numbers, "_VIEW_BYTES", 0)
    monkeypatch.setattr(toy._position, "_limit", 2)
    for _ in range(3):
        for i, arch in enumerate(archs):
            for epoch in (1, 2):
                assert toy.query(arch, epoch=epoch, seed=0)["valid_accuracy"] == 10 * i + epoch
    assert len(toy._position) <= 2


# Descriptions


def test_attributes_describe_the_table(toy):
    assert (toy.name, toy.version, toy.space.name) == ("toy", 1, "nb201")
    assert (toy.schedules, toy.fidelities, toy.objectives) == (
        (4,),
        (1, 2, 3, 4),
        ("valid_accuracy",),
    )
    assert toy.known == ()
    assert toy.content_hash == toy.table.metadata.content_hash
    assert toy.column("valid_accuracy").unit == "%"
    assert toy.column("parameters").goal == "min"
    with pytest.raises(NotRecordedError, match="'nothing'"):
        toy.column("nothing")


# What is shipped

# Best cells of the three tables, the all-skip cell, the ResNet cell, index 284: see sections 2.1
# to 2.3 of the project's list of published numbers.
PUBLISHED = [
    ("nb201-cifar10", TEXT, 91.606667),
    ("nb201-cifar10", cell("111111"), 39.769),
    ("nb201-cifar100", cell("111111"), 15.033),
    ("nb201-imagenet16", cell("111111"), 16.433),
    ("nb201-cifar10", cell("303101"), 90.86),
    ("nb201-cifar100", cell("303101"), 70.50),
    ("nb201-imagenet16", cell("303101"), 44.10),
    ("nb201-cifar10", cell("111020"), (86.052 + 86.020 + 86.068) / 3),
    ("nb201-cifar100", cell("333133"), 73.493333),
    ("nb201-imagenet16", cell("322133"), 46.733333),
]


@pytest.mark.parametrize(("name", "text", "accuracy"), PUBLISHED)
def test_shipped_tables_hold_the_published_numbers(name, text, accuracy):
    assert nasbench.query(name, text)["valid_accuracy"] == pytest.approx(accuracy, abs=6e-3)


def test_the_architecture_of_the_issue():
    text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|"
    text += "+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    answer = nasbench.query("nb201-cifar10", text)
    seeds = load("nb201-cifar10").trainings(load("nb201-cifar10").space.from_text(text)).seeds
    single = [nasbench.query("nb201-cifar10", text, seed=k)["valid_accuracy"] for k in seeds]
    assert answer["valid_accuracy"] == pytest.approx(sum(single) / len(single), abs=1e-9)
    assert answer["valid_accuracy"] == pytest.approx(91.0, abs=0.9)
    assert answer["parameters"] == 73_306 + 3 * 243_040
    assert answer["macs"] == pytest.approx(1e6 * (7.78305 + 3 * 35.38944), abs=10)


@pytest.mark.parametrize(
    ("name", "best", "chance"),
    [
        ("nb201-cifar10", 91.61, 9.712),
        ("nb201-cifar100", 73.49, 1.0),
        ("nb201-imagenet16", 46.73, 0.8333),
    ],
)
def test_shipped_tables_are_complete(name, best, chance):
    benchmark = load(name)
    space = benchmark.space
    archs = np.array(list(space.archs()))
    values = benchmark.query_many(archs, "valid_accuracy")
    assert values.shape == (15_625,)
    assert round(values.max(), 2) == best
    dead = [i for i, arch in enumerate(archs.tolist()) if space.canonical(tuple(arch)) == (0,) * 6]
    assert len(dead) == 341
    np.testing.assert_allclose(values[dead], chance, atol=1e-4)
    assert benchmark.seeds == (0, 1, 2)
    assert len(benchmark.table.seed) == 39_419


# Light import

HEAVY = (
    *("pandas", "torch", "sklearn", "scipy", "xgboost", "h5py", "matplotlib", "jinja2"),
    "joblib",
)
LIGHT = [
    f"import nasbench; nasbench.load('nb201-cifar10').query('{TEXT}')",
    f"import nasbench; nasbench.query('nb201-cifar10', '{TEXT}')",
    "import numpy, nasbench; b = nasbench.load('nb201-cifar10'); b.query_many(numpy.zeros((2, 6), "
    "dtype=int), 'valid_accuracy'); b.evaluate((0,) * 6); b.trainings((0,) * 6)",
    f"import sys; sys.argv = ['nasbench', 'query', 'nb201-cifar10', '{TEXT}']\n"
    "from nasbench.cli import main\ntry: main()\nexcept SystemExit as end: assert not end.code",
]


@pytest.mark.parametrize("code", LIGHT)
def test_a_query_loads_no_heavy_package(code):
    check = f"{code}\nimport sys; print(sorted(set({HEAVY}) & sys.modules.keys()), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_queries_import_neither_compute_functions_nor_masked_arrays(toy_files):
    """Each costs a cold query a tenth of its time."""
    code = (
        f"import sys, nasbench; b = nasbench.load({str(toy_files['schedules'])!r}); "
        "b.query((0,) * 6); b.evaluate((0,) * 6, epoch=2); b.curve((0,) * 6, 'seconds'); "
        "print(sorted({'pyarrow.compute', 'numpy.ma', 'importlib.metadata'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_facade_is_not_replaced_by_its_modules():
    code = (
        "import nasbench, nasbench.runs.search, nasbench.runs.replay\n"
        "from nasbench.runs.setup import Setup\n"
        "assert callable(nasbench.search) and callable(nasbench.replay)\n"
        "assert all(getattr(nasbench, name) is not None for name in nasbench.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def rare(content, tmp_path):
    """The toy with test accuracies at epochs 2 and 4 only, in double precision."""
    toy = content()
    for row in toy.runs:
        row["test_accuracy"] = row["test_accuracy"][1::2]
    column = Column("test_accuracy", "%", "max", "test", epochs={4: [2, 4]})
    return replace(toy, columns=(column,)).load(tmp_path)


def test_a_metric_recorded_at_fewer_epochs_is_there_and_only_there(rare, toy, archs):
    for epoch in (2, 4):
        assert rare.query(archs[3], epoch=epoch) == toy.query(archs[3], epoch=epoch)
    for epoch in (1, 3):
        answer = rare.query(archs[3], epoch=epoch)
        expected = toy.query(archs[3], epoch=epoch)
        assert answer == {k: v for k, v in expected.items() if k != "test_accuracy"}
        with pytest.raises(NotRecordedError, match=rf"' of .* at epoch {epoch}, only at 2, 4$"):
            answer["test_accuracy"]
        assert np.isnan(rare.query_many(np.array(archs), "test_accuracy", epoch=epoch)).all()
    np.testing.assert_array_equal(
        rare.curve(archs[0], "test_accuracy", seed=0),
        [np.nan, toy.query(archs[0], epoch=2, seed=0)["test_accuracy"], np.nan, 3],
    )


def test_fidelities_are_where_every_objective_is_recorded(rare):
    assert rare.fidelities == (1, 2, 3, 4)
    assert load(rare.table.path, objectives=("test_accuracy",)).fidelities == (2, 4)
    both = load(rare.table.path, objectives=("valid_accuracy", "test_accuracy"))
    assert both.fidelities == (2, 4)


def test_numbers_of_classes_answer_for_every_member(content, tmp_path):
    toy = content("classes")
    toy = replace(toy, archs=[row for row in toy.archs if row["arch"][0] == 0])
    benchmark = toy.load(tmp_path)
    representative, member = (0, 0, 0, 3, 0, 0), (3, 0, 0, 0, 1, 0)
    assert benchmark.query(member) == benchmark.query(representative)
    assert benchmark.query(member)["parameters"] == 20
    many = benchmark.query_many(np.array([member, representative]), "parameters")
    assert many.tolist() == [20, 20]


def test_known_numbers_that_are_not_defined_are_nan_and_have_a_cost():
    benchmark = nasbench.load("lite201-digits", known=["nwot", "zen"])
    disconnected, pooling = (0,) * 6, (0, 0, 0, 4, 0, 0)
    (nwot, zen), seconds = benchmark.known_numbers(disconnected)
    assert math.isnan(nwot)
    assert math.isnan(zen)
    assert seconds == 0
    (nwot, zen), seconds = benchmark.known_numbers(pooling)
    assert math.isnan(nwot)
    assert zen == benchmark.query_many(np.array([pooling]), "zen")[0]
    assert seconds > 0
