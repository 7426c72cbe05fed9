"""Tables of zero-cost scores, and how they rank."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn

import nasbench
from data_builders.builds import score_table as scores
from data_builders.builds.score_table import (
    score,
    score_block,
    score_classes,
    score_table,
    write_scores,
)
from data_builders.builds.shards import sample_classes
from data_builders.images.datasets import load_split
from data_builders.networks.darts import DartsNetwork
from data_builders.plan import Plan
from data_builders.recipe import ImageRecipe
from data_builders.studies.score_ranks import rank_table
from data_builders.training.courses import course_of
from data_builders.training.image_course import ImageCourse
from data_builders.training.reference import build_network, tensors
from data_builders.zero_cost import SCORES, Score
from nasbench.errors import NasbenchError
from nasbench.runs.replay import KnownNumbers
from nasbench.space import Arch
from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.merge import merge
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

DISCONNECTED: Arch = (0,) * 6
MIXED: Arch = (2, 1, 4, 3, 0, 2)
TINY = ImageRecipe(
    network="lite201", channels=2, cells=1, dataset="digits", train=64, valid=64, test=64,
    epochs=1, batch=8,
)  # fmt: skip
PLAN = Plan(id="toy", recipe=TINY, seeds=(0,), architectures=5)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def course() -> ImageCourse:
    return ImageCourse.of(TINY)


@pytest.fixture(scope="module")
def numbers(course: ImageCourse) -> dict[Arch, NDArray[np.float64]]:
    return score_classes(PLAN, course, range(1), 1) | {
        DISCONNECTED: np.tile([np.nan, 0.0], (len(SCORES), 1))
    }


@pytest.fixture
def table(numbers: dict[Arch, NDArray[np.float64]], course: ImageCourse, tmp_path: Path) -> Table:
    path = tmp_path / "toy-scores.parquet"
    write_table(path, score_table(PLAN, course, range(1), numbers, "toy-scores"))
    return Table(path)


def test_the_batch_is_the_first_of_the_training_images(course: ImageCourse) -> None:
    (x, y), parts = course.first_batch(), tensors(course.split, torch.float64)
    assert torch.equal(x, parts["train"].x[:8])
    assert y.tolist() == course.split.train.y[:8].tolist()


def test_every_member_of_a_class_has_its_scores(
    numbers: dict[Arch, NDArray[np.float64]], table: Table
) -> None:
    space = NB201()
    members = [arch for arch in space.archs() if space.canonical(arch) in numbers]
    assert len(members) > len(numbers) == 6
    assert [tuple(arch) for arch in table.written_archs.tolist()] == sorted(members)
    for j, name in enumerate(SCORES):
        for kind, column in enumerate((name, f"{name}_seconds")):
            expected = [numbers[space.canonical(arch)][j, kind] for arch in sorted(members)]
            np.testing.assert_allclose(table.arch_numbers(column), expected, rtol=1e-6)
    values, seconds = table.arch_numbers("synflow"), table.arch_numbers("synflow_seconds")
    disconnected = [space.canonical(arch) == DISCONNECTED for arch in sorted(members)]
    assert np.isnan(values).tolist() == disconnected
    assert (seconds == 0).tolist() == disconnected


def test_sizes_are_those_of_the_networks(
    numbers: dict[Arch, NDArray[np.float64]], table: Table, course: ImageCourse
) -> None:
    rows = {tuple(arch): i for i, arch in enumerate(table.written_archs.tolist())}
    for arch in numbers.keys() - {DISCONNECTED}:
        network = build_network(arch, TINY, course.split)
        macs = 0

        def count(module: Any, _: Any, output: Tensor) -> None:
            nonlocal macs
            macs += output[0].numel() * module.weight[0].numel()
            macs += 0 if module.bias is None else len(module.bias)

        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(count)
        network(torch.zeros(2, 1, 8, 8))
        parameters = sum(p.numel() for p in network.parameters())
        assert table.arch_numbers("parameters")[rows[arch]] == parameters
        assert table.arch_numbers("macs")[rows[arch]] == macs


def test_a_search_may_know_them_after_a_merge(
    numbers: dict[Arch, NDArray[np.float64]], table: Table, tmp_path: Path
) -> None:
    cells = list(numbers)
    runs = pa.table(
        {
            "arch": pa.array([list(c) for c in cells], pa.list_(pa.uint8())),
            "schedule": pa.array([1] * len(cells), pa.int32()),
            "seed": pa.array([0] * len(cells), pa.int32()),
            "status": ["finished"] * len(cells),
            "valid_accuracy": [[50.0 + i] for i in range(len(cells))],
        }
    )
    meta = Metadata(
        id="toy", space="nb201", key="class", dataset="digits", epochs={1: [1]}, complete=False,
        default_objective="valid_accuracy",
    )  # fmt: skip
    write_table(tmp_path / "toy.parquet", Draft(meta, runs))
    joined = merge([Table(tmp_path / "toy.parquet"), table], "joined")
    assert joined.metadata.key == "class"
    write_table(tmp_path / "joined.parquet", joined)
    benchmark = nasbench.load(tmp_path / "joined.parquet", known=("nwot", "snip"))
    known = KnownNumbers(benchmark)
    j, k = (list(SCORES).index(name) for name in ("nwot", "snip"))
    assert cells[0] != DISCONNECTED
    found = numbers[cells[0]]
    assert known(cells[0]) == (found[j, 0], found[k, 0])
    assert known.take_due() == pytest.approx(found[j, 1] + found[k, 1])


def test_columns_say_what_they_are(table: Table) -> None:
    assert table.metadata.epochs == {}
    assert table.metadata.recipe["digest"] == TINY.digest(load_split(TINY).digest)
    for name in SCORES:
        assert "null where no edge connects" in table.arch_columns[name].description
        assert table.arch_columns[f"{name}_seconds"].unit == "s"


def test_several_initialisations_are_averaged(
    course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(scores, "thread_time", lambda: float(next(clock)))
    batch = course.first_batch()
    found = score_block([MIXED], [0, 1], course, batch)
    for j, name in enumerate(SCORES):
        parts = [score(name, MIXED, seed, course, batch) for seed in (0, 1)]
        assert parts[0] != parts[1]
        assert found[0, j].tolist() == [pytest.approx(sum(parts) / 2), 1.0]


def test_infinite_scores_are_undefined(
    course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Score(lambda network, x, y: math.inf, "")
    monkeypatch.setitem(SCORES, "synflow", endless)
    assert np.isnan(score("synflow", MIXED, 0, course, course.first_batch()))


def test_processes_change_nothing_but_seconds(
    numbers: dict[Arch, NDArray[np.float64]], course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "BLOCK", 2)
    done: list[tuple[int, int]] = []
    again = score_classes(PLAN, course, range(1), 2, lambda *counts: done.append(counts))
    assert done == [(2, 5), (4, 5), (5, 5)]
    for arch, found in again.items():
        assert found[:, 0].tolist() == numbers[arch][:, 0].tolist()
        assert (found[:, 1] > 0).all()


# --- from a plan to a table ----------------------------------------------------------------------

TOML = """
id = "toy"
architectures = 4
[recipe]
network = "lite201"
channels = 2
cells = 1
dataset = "digits"
train = 64
valid = 64
test = 64
epochs = 1
batch = 8
"""


def test_a_plan_becomes_a_table_whose_scores_are_ranked(tmp_path: Path) -> None:
    (tmp_path / "toy.toml").write_text(TOML)
    out, told = tmp_path / "made" / "toy-scores.parquet", list[tuple[int, int]]()
    metadata = write_scores(
        str(tmp_path / "toy.toml"), out, progress=lambda *counts: told.append(counts)
    )
    assert (metadata.id, metadata.recipe["initial_values"]) == ("toy-scores", [0])
    assert told[-1] == (4, 4)
    table = Table(out)
    table.check()
    benchmarks = [nasbench.load(name) for name in ("lite201-digits", "nb201-cifar10")]
    lines = rank_table(table, benchmarks).splitlines()
    assert lines[0] == "| score | classes | lite201-digits | nb201-cifar10 | median ms |"
    cells = {line.split("|")[1].strip(" `"): line.split("|")[2:-1] for line in lines[2:]}
    assert list(cells) == [*SCORES, "parameters", "macs"]
    space = NB201()
    own = [
        i
        for i, a in enumerate(table.written_archs.tolist())
        if space.canonical(tuple(a)) == tuple(a)
    ]
    values = table.arch_numbers("snip")[own]
    for column, id_ in ((1, "lite201-digits"), (2, "nb201-cifar10")):
        benchmark = nasbench.load(id_)
        accuracies = [
            benchmark.query(tuple(table.written_archs[i].tolist()))["valid_accuracy"] for i in own
        ]
        expected = spearmanr(values, accuracies).statistic
        assert float(cells["snip"][column]) == pytest.approx(expected, abs=6e-4)


def test_of_a_space_that_cannot_be_listed_the_classes_are_scored() -> None:
    plan = Plan(id="toy", recipe=replace(TINY, network="darts"), seeds=(0,), architectures=2)
    found = {arch: np.zeros((len(SCORES), 2)) for arch in sample_classes(DartsNetwork, 2)}
    archs = score_table(plan, course_of(plan.recipe), range(1), found, "toy-scores").archs
    assert list(map(tuple, archs.column("arch").to_pylist())) == sorted(found)
    assert min(archs.column("parameters").to_pylist()) > 0


@pytest.mark.parametrize(
    ("plan", "path", "options", "message"),
    [
        ("lite201-digit", "a.parquet", {}, "did you mean 'lite201-digits'"),
        ("lite201-digits", "a.csv", {}, "must end with .parquet"),
        ("lite201-digits", "a b.parquet", {}, "the id 'a b' must be made of letters"),
        ("lite201-digits", "a.parquet", {"seeds": 0}, "seeds = 0 must be at least 1"),
        ("lite201-digits", "a.parquet", {"processes": -1}, "processes = -1 must be at least 1"),
    ],
)
def test_what_is_not_possible_is_said_before_anything_is_scored(
    plan: str, path: str, options: dict[str, int], message: str, tmp_path: Path
) -> None:
    with pytest.raises(NasbenchError, match=message):
        write_scores(plan, tmp_path / "folder" / path, **options)
    assert not list(tmp_path.iterdir())


def test_scores_are_not_computed_where_they_would_replace_others(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"mine")
    with pytest.raises(NasbenchError, match=r"a.parquet is no table .* never replaced"):
        write_scores("lite201-digits", path)
    assert path.read_bytes() == b"mine"


def test_ranks_of_another_space(table: Table) -> None:
    with pytest.raises(NasbenchError, match="fcnet-naval has space 'fcnet', not 'nb201'"):
        rank_table(table, [nasbench.load("fcnet-naval")])
