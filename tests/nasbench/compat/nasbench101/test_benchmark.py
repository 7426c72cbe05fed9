import copy
import hashlib
import json
import multiprocessing
import os
import pickle
import random
import shutil
import subprocess
import sys
import threading
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from struct import pack
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from nasbench import api
from nasbench.benchmarks.loading import load
from nasbench.compat import imports
from nasbench.compat.nasbench101 import opening, records
from nasbench.compat.nasbench101.statistics import UNMADE
from nasbench.errors import (
    ArchiveError,
    InvalidArgumentError,
    NasbenchError,
    NotRecordedError,
    SchemaError,
    UnknownNameError,
)
from nasbench.spaces.nb101 import NB101, OPERATIONS, from_matrix
from nasbench.spaces.nb101_hash import module_hash
from nasbench.tables import columns, table
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

SPACE = NB101()
CONV3, CONV1, POOL = OPERATIONS
EPOCHS = {4: [2, 4], 12: [6, 12], 36: [18, 36], 108: [54, 108]}
NAMES = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")

# The cell in the notebook of the authors, and its record there
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
INCEPTION_OPS = ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"]
INCEPTION_HASH = "28cfc7874f6d200472e1a9dcd8650aa0"
RECORD = (1155.85302734375, 1.0, 0.9376001358032227, 0.9311898946762085)
LINE = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
CELLS = [
    (INCEPTION, INCEPTION_OPS),
    ([[0, 1], [0, 0]], ["input", "output"]),
    *((LINE, ["input", operation, "output"]) for operation in OPERATIONS),
    # As published, not as our representative: the 1x1 and the pooling may change places.
    (
        [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]],
        ["input", POOL, CONV1, "output"],
    ),
]
UNTRAINED = (LINE, ["input", "output", "output"])


def share(rng):
    """An accuracy as the archive has it: a share of 9,984 images in single precision."""
    return float(np.float32(rng.integers(9_985) / 9_984))


def archive():
    """What the original holds of the cells: fixed and computed statistics by hash."""
    rng = np.random.default_rng(0)
    fixed, computed = {}, {}
    for number, (matrix, ops) in enumerate(CELLS):
        name = module_hash(matrix, ops)
        fixed[name] = {
            "module_adjacency": np.array(matrix, dtype=np.int8),
            "module_operations": list(ops),
            "trainable_parameters": 2_694_282 + 1_000 * number,
        }
        computed[name] = {epochs: [repeat(rng, epochs) for _ in range(3)] for epochs in EPOCHS}
    computed[INCEPTION_HASH][108][1] |= dict(
        zip([f"final_{name}" for name in NAMES], RECORD, strict=True)
    )
    return fixed, computed


def repeat(rng, epochs):
    seconds = 10.0 * epochs + float(np.float32(rng.random()))
    halves = [(seconds / 2, *(share(rng) for _ in range(3)))]
    halves.append((seconds, *(share(rng) for _ in range(3))))
    return {
        f"{moment}_{name}": value
        for moment, values in zip(("halfway", "final"), halves, strict=True)
        for name, value in zip(NAMES, values, strict=True)
    }


FIXED, COMPUTED = archive()
METADATA = Metadata(
    id="nb101-cifar10",
    space="nb101",
    key="class",
    dataset="CIFAR-10",
    epochs=EPOCHS,
    complete=False,
    default_objective="valid_accuracy",
)


def contents(epochs=tuple(EPOCHS)):
    """Runs and architectures of a table of the archive."""
    runs, archs = [], []
    for name, fixed in FIXED.items():
        matrix, ops = fixed["module_adjacency"].tolist(), fixed["module_operations"]
        arch = list(SPACE.canonical(from_matrix(matrix, ops)))
        archs.append(
            {
                "arch": arch,
                "parameters": fixed["trainable_parameters"],
                "module_hash": name,
                "module_adjacency": "".join(str(bit) for row in matrix for bit in row),
                "module_operations": ",".join(ops),
                "index": len(archs),
            }
        )
        for length in epochs:
            for seed, data in enumerate(COMPUTED[name][length]):
                ends = [[data[f"{m}_{n}"] for m in ("halfway", "final")] for n in NAMES]
                percent = [[100 * value for value in pair] for pair in ends[1:]]
                keys = ("seconds", "train_accuracy", "valid_accuracy", "test_accuracy")
                runs.append(
                    {"arch": arch, "schedule": length, "seed": seed, "status": "finished"}
                    | dict(zip(keys, [ends[0], *percent], strict=True))
                )
    return runs, archs


def write(folder, runs=None, archs=None, **changes):
    given = contents()
    metadata = replace(METADATA, **changes)
    path = Path(folder) / f"{metadata.id}.parquet"
    tables = (pa.Table.from_pylist(runs or given[0]), pa.Table.from_pylist(archs or given[1]))
    write_table(path, Draft(metadata, *tables))
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("nb101"))


@pytest.fixture
def nasbench(path):
    return api.NASBench(path)


@pytest.fixture(autouse=True)
def _global_generator():
    """The original seeds it; other tests keep theirs."""
    state = random.getstate()
    yield
    random.setstate(state)


def inception():
    return api.ModelSpec(INCEPTION, INCEPTION_OPS)


def same(found, expected):
    """Equal in every type and digit."""
    if isinstance(expected, dict):
        return (
            type(found) is dict
            and list(found) == list(expected)
            and all(same(found[key], value) for key, value in expected.items())
        )
    if isinstance(expected, list | tuple):
        return (
            type(found) is type(expected)
            and len(found) == len(expected)
            and all(map(same, found, expected))
        )
    if isinstance(expected, np.ndarray):
        return (
            type(found) is np.ndarray
            and found.dtype == expected.dtype
            and found.tolist() == expected.tolist()
        )
    return type(found) is type(expected) and found == expected


class Original:
    """The behaviour of the original on the same archive, as the reference describes it."""

    def __init__(self, seed=None):
        random.seed(seed)
        self.seconds, self.epochs = 0.0, 0

    def query(self, name, epochs=108, stop_halfway=False):
        drawn = COMPUTED[name][epochs][random.randint(0, 2)]
        moment = "halfway" if stop_halfway else "final"
        data = copy.deepcopy(FIXED[name]) | {n: drawn[f"{moment}_{n}"] for n in NAMES}
        self.seconds += data["training_time"]
        self.epochs += epochs // 2 if stop_halfway else epochs
        return data


# Queries


def test_the_published_record_to_the_last_digit(nasbench):
    fixed, computed = nasbench.get_metrics_from_spec(inception())
    assert fixed["trainable_parameters"] == 2_694_282
    final = {name: computed[108][1][f"final_{name}"] for name in NAMES}
    assert tuple(final.values()) == RECORD
    assert [f"{value:.7f}".rstrip("0") for value in RECORD[2:]] == ["0.9376001", "0.9311899"]


@pytest.mark.parametrize("seed", [0, 1, 2024, "text", None])
def test_random_repeats_and_counters_are_those_of_the_original(path, seed):
    chosen = np.random.default_rng(7)
    questions = [
        (int(chosen.integers(len(CELLS))), int(chosen.choice([4, 12, 36, 108])), bool(k % 3))
        for k in range(60)
    ]

    def ask(query, name):
        if seed is None:
            random.seed(5)
        return [query(name(cell), epochs, half) for cell, epochs, half in questions]

    original = Original(seed)
    expected = ask(original.query, lambda cell: list(FIXED)[cell])
    after = random.random()
    ours = api.NASBench(str(path), seed)
    found = ask(ours.query, lambda cell: api.ModelSpec(*CELLS[cell]))
    assert all(map(same, found, expected))
    assert random.random() == after
    assert ours.get_budget_counters() == (original.seconds, original.epochs)
    assert len({repr(answer) for answer in found}) > 20


def test_defaults_are_108_epochs_to_the_end(nasbench):
    found = nasbench.query(inception())
    assert found["training_time"] in {
        data["final_training_time"] for data in COMPUTED[INCEPTION_HASH][108]
    }
    assert list(found) == ["module_adjacency", "module_operations", "trainable_parameters", *NAMES]


def test_all_repeats_are_drawn(nasbench):
    found = {nasbench.query(inception())["test_accuracy"] for _ in range(50)}
    assert found == {data["final_test_accuracy"] for data in COMPUTED[INCEPTION_HASH][108]}


def test_counters_add_up_and_are_reset(nasbench):
    assert nasbench.get_budget_counters() == (0.0, 0)
    whole = nasbench.query(inception(), epochs=36)["training_time"]
    half = nasbench.query(inception(), 108, stop_halfway=True)["training_time"]
    assert nasbench.get_budget_counters() == (whole + half, 36 + 54)
    assert (nasbench.training_time_spent, nasbench.total_epochs_spent) == (whole + half, 90)
    nasbench.get_metrics_from_spec(inception())
    assert nasbench.get_budget_counters() == (whole + half, 36 + 54)
    nasbench.reset_budget_counters()
    assert nasbench.get_budget_counters() == (0.0, 0)
    assert [*map(type, nasbench.get_budget_counters())] == [float, int]


def test_everything_recorded_of_every_module(nasbench):
    assert list(nasbench.hash_iterator()) == list(FIXED)
    for name in nasbench.hash_iterator():
        fixed, computed = nasbench.get_metrics_from_hash(name)
        assert same(fixed, FIXED[name])
        assert same(computed, COMPUTED[name])
        spec = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
        assert same(nasbench.get_metrics_from_spec(spec), (fixed, computed))
        assert same(nasbench.fixed_statistics[name], fixed)
        assert same(nasbench.computed_statistics[name], computed)
    assert list(nasbench.fixed_statistics) == list(nasbench.hash_iterator())
    assert len(nasbench.computed_statistics) == len(FIXED)


def test_answers_are_the_callers_own(nasbench):
    fixed, computed = nasbench.get_metrics_from_spec(inception())
    fixed["module_adjacency"][:] = 9
    fixed["module_operations"].clear()
    computed.clear()
    data = nasbench.query(inception())
    data["module_adjacency"][0] = 5
    assert same(nasbench.get_metrics_from_hash(INCEPTION_HASH)[0], FIXED[INCEPTION_HASH])
    assert same(nasbench.get_metrics_from_hash(INCEPTION_HASH)[1], COMPUTED[INCEPTION_HASH])


def test_isomorphic_and_unpruned_cells_answer_as_published(nasbench):
    matrix = [[0, 1, 1, 1, 0], [0, 0, 0, 0, 1], [0] * 5, [0, 0, 0, 0, 1], [0] * 5]
    spec = api.ModelSpec(np.array(matrix), ["input", CONV1, CONV3, POOL, "output"])
    found = nasbench.query(spec)
    assert found["module_operations"] == ["input", POOL, CONV1, "output"]
    assert found["module_adjacency"].tolist() == CELLS[-1][0]
    assert spec.hash_spec(OPERATIONS) == module_hash(*CELLS[-1])


def test_a_spec_that_was_changed_is_another_one(nasbench):
    spec = api.ModelSpec(LINE, ["input", CONV3, "output"])
    before = nasbench.query(spec)["module_operations"]
    spec.ops[1] = POOL
    after = nasbench.query(spec)["module_operations"]
    assert (before[1], after[1]) == (CONV3, POOL)


def test_a_table_of_108_epochs(tmp_path):
    runs, archs = contents((108,))
    path = write(tmp_path, runs, archs, id="nb101-cifar10-108", epochs={108: [54, 108]})
    nasbench = api.NASBench(path, seed=3)
    assert nasbench.valid_epochs == {108}
    _, computed = nasbench.get_metrics_from_hash(INCEPTION_HASH)
    assert same(computed, {108: COMPUTED[INCEPTION_HASH][108]})
    original = Original(3)
    random.seed(3)
    ours = [nasbench.query(inception())["test_accuracy"] for _ in range(20)]
    random.seed(3)
    assert ours == [original.query(INCEPTION_HASH)["test_accuracy"] for _ in range(20)]
    with pytest.raises(api.OutOfDomainError, match="epochs = 36"):
        nasbench.query(inception(), epochs=36)


def test_tables_are_found_by_id(path, monkeypatch):
    monkeypatch.setenv("NASBENCH_HOME", str(path.parent))
    assert api.NASBench("nb101-cifar10").valid_epochs == {4, 12, 36, 108}
    assert api.NASBench("nb101-cifar10@1").is_valid(inception())
    with pytest.raises(UnknownNameError, match="did you mean 'nb101-cifar10'"):
        api.NASBench("nb101-cifar1")
    with pytest.raises(UnknownNameError, match="there is no table file"):
        api.NASBench("nothing/here.parquet")


def test_the_same_numbers_as_the_benchmark(path, nasbench):
    benchmark = load(path)
    arch = from_matrix(INCEPTION, INCEPTION_OPS)
    for epochs, repeats in nasbench.get_metrics_from_spec(inception())[1].items():
        for seed, data in enumerate(repeats):
            answer = benchmark.query(arch, epoch=epochs, seed=seed)
            assert answer["valid_accuracy"] / 100 == data["final_validation_accuracy"]
            assert answer["seconds"] == data["final_training_time"]


# What scripts use besides


def test_modules_of_a_table_that_does_not_say_the_order_of_the_file(tmp_path):
    runs, archs = contents()
    for row in archs:
        del row["index"]
    nasbench = api.NASBench(write(tmp_path, runs, archs))
    names = list(nasbench.hash_iterator())
    assert names != list(FIXED)
    assert set(names) == set(FIXED)
    assert same(nasbench.fixed_statistics[INCEPTION_HASH], FIXED[INCEPTION_HASH])


def test_statistics_are_dicts_that_keep_changes(nasbench):
    fixed, computed = nasbench.fixed_statistics, nasbench.computed_statistics
    fixed[INCEPTION_HASH]["module_operations"].insert(6, "null")
    fixed[INCEPTION_HASH]["module_adjacency"][0, 0] = 7
    for data in computed[INCEPTION_HASH][108]:
        data["final_test_accuracy"] = 0.25
    del computed[INCEPTION_HASH][4]
    assert fixed[INCEPTION_HASH]["module_operations"][6] == "null"
    for found in (
        nasbench.query(inception()),
        nasbench.get_metrics_from_hash(INCEPTION_HASH)[0],
        nasbench.get_metrics_from_spec(inception())[0],
    ):
        assert found["module_operations"][6] == "null"
        assert found["module_adjacency"][0, 0] == 7
        found["module_operations"].clear()
    assert nasbench.query(inception())["test_accuracy"] == 0.25
    assert list(nasbench.get_metrics_from_spec(inception())[1]) == [12, 36, 108]
    with pytest.raises(api.UnknownModuleError, match="no training of 4 epochs"):
        nasbench.query(inception(), epochs=4)


def test_statistics_do_what_a_dict_does(nasbench):
    fixed, computed = nasbench.fixed_statistics, nasbench.computed_statistics
    assert isinstance(fixed, dict)
    assert computed == COMPUTED
    assert json.loads(json.dumps(computed)) == json.loads(json.dumps(COMPUTED))
    for copied in (
        dict(computed),
        {**computed},
        computed.copy(),
        copy.copy(computed),
        copy.deepcopy(computed),
        pickle.loads(pickle.dumps(computed)),
        computed | {},
        {} | computed,
    ):
        assert same(dict(copied), COMPUTED)
    assert same(list(fixed.values()), list(FIXED.values()))
    assert [name for name, _ in fixed.items()] == list(fixed) == list(FIXED)
    assert same(fixed.get(INCEPTION_HASH), FIXED[INCEPTION_HASH])
    assert fixed.get("none", 5) == 5
    assert fixed.setdefault("own", {"mine": 1}) == fixed["own"] == {"mine": 1}
    assert same(fixed.setdefault(INCEPTION_HASH), FIXED[INCEPTION_HASH])
    assert fixed.pop("own") == {"mine": 1}
    assert fixed.pop("own", None) is None
    assert same(fixed.popitem(), list(FIXED.items())[-1])
    assert same(fixed.pop(INCEPTION_HASH), FIXED[INCEPTION_HASH])
    assert list(nasbench.hash_iterator()) == list(FIXED)[1:-1]
    for ask in (nasbench.query, nasbench.get_metrics_from_spec):
        with pytest.raises(KeyError, match=f"no module has the hash '{INCEPTION_HASH}'"):
            ask(inception())
    with pytest.raises(KeyError):
        fixed.pop("own")
    fixed.clear()
    with pytest.raises(KeyError):
        fixed.popitem()


def test_statistics_hold_only_what_was_asked_for(nasbench):
    for name in nasbench.hash_iterator():
        nasbench.get_metrics_from_hash(name)
    nasbench.computed_statistics[INCEPTION_HASH]
    made = [value for value in dict.values(nasbench.computed_statistics) if value is not UNMADE]
    assert same(made, [COMPUTED[INCEPTION_HASH]])


def test_statistics_may_be_replaced(nasbench):
    nasbench.fixed_statistics = {INCEPTION_HASH: {"module_operations": ["mine"]}}
    assert nasbench.query(inception())["module_operations"] == ["mine"]
    assert list(nasbench.hash_iterator()) == [INCEPTION_HASH]


def test_configuration_and_history(nasbench):
    assert nasbench.history == {}
    assert nasbench.config["available_ops"] == [CONV3, CONV1, POOL]
    assert (nasbench.config["module_vertices"], nasbench.config["max_edges"]) == (7, 9)
    assert nasbench.config["num_repeats"] == 3
    nasbench.config["num_repeats"] = 1
    found = {nasbench.query(inception())["test_accuracy"] for _ in range(20)}
    assert found == {COMPUTED[INCEPTION_HASH][108][0]["final_test_accuracy"]}
    assert api.NASBench(nasbench._records.table.path).config["num_repeats"] == 3


def test_checks_and_hashes_of_specs(nasbench):
    assert nasbench._hash_spec(inception()) == INCEPTION_HASH
    assert nasbench._check_spec(inception()) is None
    with pytest.raises(api.OutOfDomainError):
        nasbench._check_spec(api.ModelSpec(LINE, ["input", "conv5x5", "output"]))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
def test_a_copy_answers_and_counts_for_itself(nasbench, copied):
    nasbench.query(inception(), epochs=36)
    nasbench.history["mine"] = 1
    nasbench.config["num_repeats"] = 2
    nasbench.fixed_statistics[INCEPTION_HASH]["module_operations"].append("null")
    del nasbench.computed_statistics[list(FIXED)[1]]
    nasbench.computed_statistics["own"] = {}
    twin = copied(nasbench)
    assert twin.get_budget_counters() == nasbench.get_budget_counters()
    assert (twin.history, twin.config) == (nasbench.history, nasbench.config)
    assert twin.valid_epochs == nasbench.valid_epochs
    assert same(dict(twin.fixed_statistics), dict(nasbench.fixed_statistics))
    assert same(dict(twin.computed_statistics), dict(nasbench.computed_statistics))
    twin.reset_budget_counters()
    twin.fixed_statistics[INCEPTION_HASH]["module_operations"].clear()
    assert nasbench.get_budget_counters()[1] == 36
    assert nasbench.query(inception())["module_operations"][-1] == "null"


def test_a_pickle_holds_no_numbers_of_the_table(nasbench):
    list(nasbench.hash_iterator())
    nasbench.query(inception(), epochs=4)
    size = len(pickle.dumps(nasbench))
    for cell in CELLS:
        nasbench.query(api.ModelSpec(*cell), epochs=4)
    assert len(pickle.dumps(nasbench)) == size < 5000


def test_a_pool_of_processes_answers(nasbench):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.map(nasbench.get_metrics_from_hash, list(FIXED)[:2])
    assert same(found, [(FIXED[name], COMPUTED[name]) for name in list(FIXED)[:2]])


# Threads


def test_a_fresh_object_is_asked_by_several_threads(path):
    nasbench = api.NASBench(path)
    names = list(FIXED)

    def ask(number):
        barrier.wait()
        nasbench.query(inception())
        fixed = nasbench.fixed_statistics[INCEPTION_HASH]
        fixed["module_operations"].append(number)
        return [nasbench.get_metrics_from_hash(name)[1] for name in names]

    barrier = threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(ask, range(8)):
            assert same(found, [COMPUTED[name] for name in names])
    added = nasbench.fixed_statistics[INCEPTION_HASH]["module_operations"][7:]
    assert sorted(added) == list(range(8))


class Slow(float):
    """A number whose addition lets other threads run."""

    def __add__(self, other):
        total = float(self) + other
        time.sleep(0.001)
        return Slow(total)


def test_counters_of_several_threads_lose_nothing(nasbench):
    nasbench.training_time_spent = Slow(0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: nasbench.query(inception(), epochs=4), range(40)))
    seconds, epochs = nasbench.get_budget_counters()
    assert seconds == pytest.approx(sum(answer["training_time"] for answer in answers))
    assert epochs == 160


# The domain

EIGHT = [[int(y == x + 1) for y in range(8)] for x in range(8)]
DENSE = [[int(y > x) for y in range(7)] for x in range(7)]
DISCONNECTED = [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
OUTSIDE = [
    (EIGHT, ["input", *[CONV3] * 6, "output"], "2 to 7 vertices, not 8"),
    (DENSE, ["input", *[CONV3] * 5, "output"], "21 edges after pruning, at most 9"),
    (DISCONNECTED, ["input", CONV3, "output"], "no path leads from the input"),
    (LINE, ["input", "conv5x5", "output"], "unknown operation 'conv5x5'"),
    (LINE, [CONV3, CONV3, "output"], "they must be 'input' and 'output'"),
    (LINE, ["input", CONV3, CONV3], "they must be 'input' and 'output'"),
    (np.array(LINE) * 2, ["input", CONV3, "output"], "the matrix holds 2"),
]


@pytest.mark.parametrize(("matrix", "ops", "message"), OUTSIDE)
def test_cells_outside_the_space(nasbench, matrix, ops, message):
    spec = api.ModelSpec(matrix, ops)
    assert nasbench.is_valid(spec) is False
    state = random.getstate()
    for ask in (nasbench.query, nasbench.get_metrics_from_spec):
        with pytest.raises(api.OutOfDomainError, match=message):
            ask(spec)
    assert random.getstate() == state
    assert nasbench.get_budget_counters() == (0.0, 0)


def test_pruning_comes_before_the_limits(nasbench):
    matrix = np.zeros((9, 9), dtype=int)
    matrix[0, 1] = matrix[1, 8] = 1
    matrix[1, 2:8] = 1
    matrix[2, 3:8] = 1
    spec = api.ModelSpec(matrix, ["input", CONV1, *["nonsense"] * 6, "output"])
    assert nasbench.is_valid(spec) is True
    assert nasbench.query(spec)["module_operations"] == ["input", CONV1, "output"]


@pytest.mark.parametrize("epochs", [0, 1, 54, 107, "108", None])
def test_epochs_that_were_not_trained(nasbench, epochs):
    with pytest.raises(api.OutOfDomainError, match=r"epochs = .* Possible: '4', '12', '36', '108'"):
        nasbench.query(inception(), epochs=epochs)


def test_out_of_domain_is_an_error_of_the_suite():
    assert issubclass(api.OutOfDomainError, NasbenchError)
    assert not issubclass(api.OutOfDomainError, KeyError)


def test_cells_that_are_not_recorded(nasbench):
    spec = api.ModelSpec([[0, 1, 1], [0, 0, 1], [0, 0, 0]], ["input", POOL, "output"])
    assert nasbench.is_valid(spec) is True
    state = random.getstate()
    for ask in (nasbench.query, nasbench.get_metrics_from_spec):
        with pytest.raises(KeyError, match="holds no training of 011 001 000 input,maxpool3x3"):
            ask(spec)
    with pytest.raises(KeyError) as caught:
        nasbench.get_metrics_from_hash("0" * 32)
    assert str(caught.value) == f"no module has the hash '{'0' * 32}'"
    assert isinstance(caught.value, NotRecordedError)
    with pytest.raises(KeyError):
        nasbench.fixed_statistics["nothing"]
    assert random.getstate() == state


def test_trainings_that_are_not_recorded(tmp_path):
    runs, archs = contents()
    arch = list(SPACE.canonical(from_matrix(INCEPTION, INCEPTION_OPS)))
    runs = [run for run in runs if run["arch"] != arch or run["schedule"] != 36]
    nasbench = api.NASBench(write(tmp_path, runs, archs))
    with pytest.raises(KeyError, match=f"{INCEPTION_HASH} has no training of 36 epochs"):
        nasbench.query(inception(), epochs=36)
    assert list(nasbench.get_metrics_from_spec(inception())[1]) == [4, 12, 108]


def test_live_training_is_not_offered(nasbench, tmp_path):
    with pytest.raises(NotRecordedError, match="live training is not supported"):
        nasbench.evaluate(inception(), str(tmp_path))


# Specs


def test_a_spec_keeps_the_original_and_the_pruned_cell():
    matrix = np.array([[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]], dtype=np.uint8)
    ops = ["input", CONV3, POOL, "output"]
    spec = api.ModelSpec(matrix, ops)
    assert spec.valid_spec is True
    assert spec.data_format == "channels_last"
    assert spec.original_matrix.tolist() == matrix.tolist()
    assert spec.original_ops == ops
    assert spec.matrix.tolist() == LINE
    assert spec.matrix.dtype == np.uint8
    assert spec.ops == ["input", POOL, "output"]
    matrix[:] = 0
    ops.clear()
    assert spec.original_matrix.sum() == 3
    assert len(spec.original_ops) == 4
    assert api.ModelSpec(LINE, spec.ops, data_format="channels_first").data_format == (
        "channels_first"
    )


@pytest.mark.parametrize("matrix", [DISCONNECTED, np.zeros((0, 0)), [[0]], [[0, 0], [0, 0]]])
def test_a_spec_without_a_path(matrix):
    spec = api.ModelSpec(matrix, ["input", CONV3, "output"][: len(matrix)])
    assert spec.valid_spec is False
    assert spec.matrix is None
    assert spec.ops is None
    assert spec.original_matrix.tolist() == np.array(matrix).tolist()
    with pytest.raises(api.OutOfDomainError, match="no path"):
        spec.hash_spec(OPERATIONS)


@pytest.mark.parametrize(
    ("matrix", "ops", "message"),
    [
        ([[0, 1]], ["input", "output"], r"shape \(1, 2\) and must be square"),
        ([0, 1], ["input", "output"], r"shape \(2,\) and must be square"),
        (5, ["input"], r"shape \(\) and must be square"),
        (LINE, ["input", "output"], "2 ops do not fit a matrix of 3 vertices"),
        ([[0, 1], [1, 0]], ["input", "output"], r"upper triangular, but matrix\[1, 0\] is 1"),
        ([[0, 1], [0, 1]], ["input", "output"], r"matrix\[1, 1\] is 1"),
    ],
)
def test_malformed_specs_are_value_errors_as_in_the_original(matrix, ops, message):
    with pytest.raises(ValueError, match=message) as caught:
        api.ModelSpec(matrix, ops)
    assert isinstance(caught.value, InvalidArgumentError)


def test_hashes_of_specs():
    assert inception().hash_spec(list(OPERATIONS)) == INCEPTION_HASH
    expected = [
        "b49ac8c578b4561d79ac7087988f1c61",
        "d1269d9156ddc027c40473008192958a",
        "53cee42601ad14d661bb6878031d6acb",
    ]
    specs = [api.ModelSpec(LINE, ["input", operation, "output"]) for operation in OPERATIONS]
    assert [spec.hash_spec(OPERATIONS) for spec in specs] == expected
    ends = api.ModelSpec([[0, 1], [0, 0]], ["input", "output"])
    assert ends.hash_spec(OPERATIONS) == "043721b9c7fe8c5fad811d47d83132ec"
    with pytest.raises(ValueError, match="unknown operation"):
        specs[0].hash_spec([POOL])


# Tables and archives


def test_other_tables_are_refused(toy_files, tmp_path):
    with pytest.raises(SchemaError, match="is a table of 'nb201', not of 'nb101'"):
        api.NASBench(toy_files["plain"])
    runs, archs = contents()
    for row in archs:
        del row["module_hash"]
    for row in runs:
        del row["train_accuracy"]
    with pytest.raises(SchemaError, match="has no column module_hash, train_accuracy: nasbench"):
        api.NASBench(write(tmp_path, runs, archs))


def test_tables_of_other_epochs_are_refused(tmp_path):
    epochs = EPOCHS | {36: [17, 36]}
    with pytest.raises(SchemaError, match=r"of 36 epochs after \[17, 36\], not half-way"):
        api.NASBench(write(tmp_path, epochs=epochs))


def test_a_class_without_fixed_numbers_is_named(tmp_path):
    runs, archs = contents()
    nasbench = api.NASBench(write(tmp_path, runs, archs[1:]))
    with pytest.raises(SchemaError, match=r"has no row for 0101110 .*, which has trainings"):
        nasbench.query(inception())


def test_numbers_of_other_architectures_do_not_matter(tmp_path):
    runs, archs = contents()
    others = [
        dict(archs[2], arch=list(SPACE.unrank(rank))) for rank in (243 * 32 + 1, 243 * 33 + 5)
    ]
    nasbench = api.NASBench(write(tmp_path, runs, archs + others))
    assert len(nasbench.hash_iterator()) == len(FIXED)
    for name in FIXED:
        assert same(nasbench.get_metrics_from_hash(name), (FIXED[name], COMPUTED[name]))


def test_opening_reads_no_numbers(path, monkeypatch):
    def refuse(*arguments):
        raise AssertionError(f"read {arguments}")

    for module in (columns, table, records):
        monkeypatch.setattr(module, "read_column", refuse)
    api.NASBench(path)


def test_importing_and_querying_loads_no_heavy_package(path):
    code = (
        "import sys\nfrom nasbench import api\n"
        f"api.NASBench({str(path)!r}).query(api.ModelSpec({LINE}, ['input', {POOL!r}, 'output']))\n"
        "print(sorted({'pandas', 'torch', 'sklearn', 'scipy', 'h5py', 'joblib', 'typer', "
        "'data_builders', 'tensorflow'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Importer:
    """Reads the toy archive from any file, and counts."""

    ids = ("nb101-cifar10-108", "nb101-cifar10")
    calls = digests = 0

    @classmethod
    def digest(cls, file):
        cls.digests += 1
        return hashlib.sha256(file.read_bytes()).hexdigest()

    def tables(self, files, *, work):
        type(self).calls += 1
        (file,) = files
        runs, archs = map(pa.Table.from_pylist, contents())
        recipe = {"input": {"name": file.name, "sha256": self.digest(file)}}
        yield SimpleNamespace(
            metadata=replace(METADATA, recipe=recipe), runs=runs, archs=archs, columns=()
        )


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of tables, and an importer that needs no real archive."""
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Importer, "calls", 0)
    monkeypatch.setattr(Importer, "digests", 0)
    siblings = SimpleNamespace(load=lambda name: SimpleNamespace(load=lambda name: Importer))
    monkeypatch.setattr(opening, "SIBLINGS", siblings)
    monkeypatch.setattr(imports, "SIBLINGS", siblings)
    return tmp_path / "home"


@pytest.mark.parametrize("name", ["nasbench_full.tfrecord", "renamed"])
def test_an_archive_is_imported_once(home, tmp_path, capsys, name):
    archive = tmp_path / name
    archive.write_bytes(b"records")
    first = api.NASBench(str(archive), seed=1)
    printed = capsys.readouterr().out
    assert printed == f"Importing {archive} into {home}; this takes minutes, but only once.\n"
    second = api.NASBench(archive, seed=1)
    assert capsys.readouterr().out == ""
    assert Importer.calls == 1
    assert {file.name for file in home.iterdir()} == {
        "archives.json",
        "nb101-cifar10.parquet",
        "nb101-cifar10.archs.parquet",
    }
    for nasbench in (first, second):
        assert same(nasbench.get_metrics_from_hash(INCEPTION_HASH)[1], COMPUTED[INCEPTION_HASH])
    assert load("nb101-cifar10").name == "nb101-cifar10"


def test_the_same_bytes_are_the_same_archive_wherever_they_lie(home, tmp_path, capsys):
    archive = tmp_path / "nasbench_full.tfrecord"
    archive.write_bytes(b"records")
    api.NASBench(archive)
    moved = tmp_path / "elsewhere" / "copy"
    moved.parent.mkdir()
    shutil.copy(archive, moved)
    archive.unlink()
    capsys.readouterr()
    for _ in range(3):
        api.NASBench(moved)
    assert not capsys.readouterr().out
    assert (Importer.calls, Importer.digests) == (1, 2)  # one import, and one for the copy


def test_other_bytes_of_the_same_name_and_size_are_another_archive(home, tmp_path):
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")
    api.NASBench(archive)
    archive.write_bytes(b"RECORDS")
    os.utime(archive, ns=(0, archive.stat().st_mtime_ns + 1))
    with pytest.raises(InvalidArgumentError, match="was made from another"):
        api.NASBench(archive)


def test_a_table_may_name_its_archive_in_its_source_only(home, tmp_path):
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")
    digest = hashlib.sha256(b"records").hexdigest()
    write(home, source=f"a file (sha256 {digest}), somewhere", recipe={"input": {"name": "x"}})
    api.NASBench(archive)
    assert Importer.calls == 0


def test_what_is_remembered_of_archives_may_be_damaged(home, tmp_path):
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")
    api.NASBench(archive)
    for text in ("", "[]", "[" * 100_000, f'{{"{archive}": 1}}'):
        (home / "archives.json").write_text(text)
        api.NASBench(archive)
    assert Importer.calls == 1


@pytest.mark.parametrize("mine", ['{"tar": ["a.tar", "b.tar"]}', '["a.tar"]', "a.tar"])
def test_a_list_of_archives_of_another_program_stays_as_it_is(home, tmp_path, mine):
    home.mkdir(exist_ok=True)
    (home / "archives.json").write_text(mine)
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")
    api.NASBench(archive)
    assert (home / "archives.json").read_text() == mine


def test_a_home_that_cannot_be_written_answers(home, tmp_path, monkeypatch):
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")
    api.NASBench(archive)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    api.NASBench(archive)
    other = tmp_path / "other.tfrecord"
    other.write_bytes(b"others")
    with pytest.raises(InvalidArgumentError, match="cannot write"):
        api.NASBench(other)


def test_a_table_of_another_archive_is_not_replaced(home, tmp_path):
    path = write(home, recipe={"input": {"name": "full.tfrecord", "bytes": 7, "sha256": "0"}})
    before = path.read_bytes()
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")  # seven bytes
    with pytest.raises(InvalidArgumentError, match=r"nb101-cifar10\.parquet was made from another"):
        api.NASBench(archive)
    assert path.read_bytes() == before


def test_a_table_without_a_known_origin_is_not_taken_for_that_of_an_archive(home, tmp_path):
    write(home, recipe={"input": "by hand"})
    archive = tmp_path / "full.tfrecord"
    archive.write_bytes(b"records")
    with pytest.raises(InvalidArgumentError, match="would be replaced"):
        api.NASBench(archive)


def test_an_archive_that_is_not_there(home, tmp_path):
    with pytest.raises(InvalidArgumentError, match=r"there is no file .*nasbench_full\.tfrecord"):
        api.NASBench(tmp_path / "nasbench_full.tfrecord")
    assert Importer.calls == 0


# The official file


def evaluation(seconds, *accuracies):
    fields = zip(b"\x11\x19\x21\x29", (seconds, *accuracies), strict=True)
    return b"\x09" + pack("<d", 0) + b"".join(pack("<Bd", tag, value) for tag, value in fields)


def varint(number):
    digits = []
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    return bytes([*digits, number])


def official_records(crc):
    """The toy archive in the layout of the published file."""

    def masked(content):
        value = crc(content)
        return pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) % 2**32)

    for name, fixed in FIXED.items():
        for epochs, repeats in COMPUTED[name].items():
            for data in repeats:
                moments = [[data[f"{m}_{n}"] for n in NAMES] for m in ("halfway", "final")]
                messages = [evaluation(*values) for values in ([0.0, 0.1, 0.1, 0.1], *moments)]
                metrics = b"".join(b"\x0a" + varint(len(m)) + m for m in messages)
                metrics += b"\x10" + varint(fixed["trainable_parameters"])
                metrics += b"\x19" + pack("<d", 2 * data["final_training_time"])
                digits = "".join(map(str, fixed["module_adjacency"].ravel().tolist()))
                operations = ",".join(fixed["module_operations"])
                fields = [name, epochs, digits, operations, b64encode(metrics).decode()]
                payload = json.dumps(fields).encode()
                length = pack("<Q", len(payload))
                yield length + masked(length) + payload + masked(payload)


def test_the_official_file_answers_as_the_original(tmp_path, monkeypatch, capsys):
    crc = pytest.importorskip("google_crc32c").value
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    archive = tmp_path / "nasbench_full.tfrecord"
    archive.write_bytes(b"".join(official_records(crc)))
    for _ in range(2):
        nasbench = api.NASBench(str(archive), seed=4)
        for name in FIXED:
            assert same(nasbench.get_metrics_from_hash(name), (FIXED[name], COMPUTED[name]))
        assert list(nasbench.hash_iterator()) == list(FIXED)
    assert capsys.readouterr().out.count("Importing") == 1


def test_processes_that_import_at_once_get_one_table(tmp_path, at_once):
    crc = pytest.importorskip("google_crc32c").value
    content = b"".join(official_records(crc))
    archives = [tmp_path / f"{number}.tfrecord" for number in range(4)]
    for archive in archives:
        archive.write_bytes(content)
    code = (
        "from nasbench import api\n"
        f"found = api.NASBench(archive).get_metrics_from_hash({INCEPTION_HASH!r})[1]\n"
        "print(found[108][1]['final_test_accuracy'])"
    )
    printed = at_once(code, archives)
    assert [lines[-1] for lines in printed] == [str(RECORD[-1])] * 4
    assert sum(any("Importing" in line for line in lines) for lines in printed) == 1
    names = {"archives.json", "nb101-cifar10.archs.parquet", "nb101-cifar10.parquet", "work"}
    assert {path.name for path in (tmp_path / "home").iterdir()} == names


def test_a_damaged_file_leaves_no_table(tmp_path, monkeypatch):
    crc = pytest.importorskip("google_crc32c").value
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    archive = tmp_path / "nasbench_full.tfrecord"
    archive.write_bytes(b"".join(official_records(crc))[:-20])
    with pytest.raises(ArchiveError):
        api.NASBench(archive)
    assert not list((tmp_path / "home").glob("*.parquet"))
