import hashlib
import random

import numpy as np
import pyarrow as pa
import pytest

import nasbench
from data_builders.importers.nats.numbering import CELLS_SHA256
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import IllegalArchError
from nasbench.spaces import SPACES
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb101 import NB101, to_matrix
from nasbench.spaces.nb101_hash import module_hash
from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table


@pytest.mark.parametrize("name", SPACES)
def test_everything_that_stands_for_an_architecture_is_read(name):
    space, rng = SPACES.load(name)(), random.Random(4)
    for arch in (space.sample(rng) for _ in range(50)):
        things = [arch, [*arch], np.array(arch, np.uint8), tuple(map(np.int64, arch))]
        things += [space.to_configuration(arch), space.to_text(arch)]
        if space.official_order is not None:
            index = space.to_index(arch)
            things += [index, np.int64(index), f" {index}"]
        for thing in things:
            read = space.read(thing)
            assert read == arch
            assert {type(option) for option in read} == {int}


def test_the_index_of_nb201_is_that_of_the_published_files():
    space = NB201()
    texts = [space.to_text(space.from_index(i)) for i in range(15_625)]
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest() == CELLS_SHA256
    assert [space.to_index(space.from_index(i)) for i in (0, 1, 15_624)] == [0, 1, 15_624]


def test_the_index_of_the_size_space_counts_in_base_8():
    space = NATSSize()
    assert space.to_text(space.from_index(0)) == "8:8:8:8:8"
    assert space.to_text(space.from_index(0o12345)) == "16:24:32:40:48"
    assert space.to_index(space.from_text("64:64:64:64:64")) == 32_767


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (15_625, r"index 15625 is outside 0\.\.15624 of 'nb201'"),
        (-1, "index -1 is outside"),
        ("99999", "index 99999"),
        ("9" * 5000, "not a cell"),
        (True, "6 integers are needed"),
        (None, "6 integers are needed"),
        (3.0, "6 integers are needed"),
        ([0] * 7, "6 integers are needed"),
        (np.zeros((2, 6), int), "6 integers are needed"),
        ({"edge 0->1": "none"}, "needs an option for 'edge 0->2'"),
        ({"edge 0->9": "none"}, "no decision 'edge 0->9'; did you mean 'edge 0->"),
    ],
)
def test_what_stands_for_no_architecture_is_refused(thing, message):
    with pytest.raises(IllegalArchError, match=message):
        NB201().read(thing)


@pytest.mark.parametrize("ask", ["read", "from_index", "to_index"])
def test_a_space_without_an_official_order_says_so(ask):
    with pytest.raises(IllegalArchError, match=r"'fcnet' has no official order .* rank and unrank"):
        getattr(SPACES.load("fcnet")(), ask)(7)


def test_a_part_of_a_space_has_the_indices_of_the_whole(recorded):
    part = recorded("plain").space
    arch = next(part.archs())
    assert part.read(part.to_index(arch)) == NB201().from_index(part.to_index(arch)) == arch
    other = next(a for a in NB201().archs() if a not in part)
    with pytest.raises(IllegalArchError, match="not among the"):
        part.from_index(NB201().to_index(other))


def test_benchmarks_answer_for_all_of_them():
    benchmark = nasbench.load("lite201-digits")
    arch, space = (3, 3, 4, 1, 3, 1), benchmark.space
    for thing in ([*arch], np.array(arch), space.to_configuration(arch), space.to_index(arch)):
        assert benchmark.query(thing, epoch=4) == benchmark.query(arch, epoch=4)
        assert benchmark.evaluate(thing, seed=1) == benchmark.evaluate(arch, seed=1)
        curves = [benchmark.curve(a, "valid_accuracy") for a in (thing, arch)]
        assert np.array_equal(*curves)
        assert nasbench.query("lite201-digits", thing) == benchmark.query(arch)


def test_a_module_hash_is_a_name_where_a_table_records_it(tmp_path):
    space, rng = NB101(), random.Random(1)
    cells = sorted({space.canonical(space.sample(rng)) for _ in range(5)})
    names = [module_hash(*to_matrix(cell)) for cell in cells]
    archs = pa.array(cells, pa.list_(pa.uint8()))
    runs = {
        "arch": archs,
        "schedule": pa.array([4] * len(cells), pa.int32()),
        "seed": pa.array([0] * len(cells), pa.int32()),
        "status": ["finished"] * len(cells),
        "valid_accuracy": pa.array([[50.0 + i] for i in range(len(cells))], pa.list_(pa.float32())),
    }
    metadata = Metadata(
        id="named",
        space="nb101",
        key="class",
        dataset="toy",
        epochs={4: [4]},
        complete=False,
        default_objective="valid_accuracy",
    )
    path = tmp_path / "named.parquet"
    numbers = pa.table({"arch": archs, "module_hash": names})
    write_table(path, Draft(metadata=metadata, runs=pa.table(runs), archs=numbers))
    benchmark = TableBenchmark(Table(path))
    for i, (cell, name) in enumerate(zip(cells, names, strict=True)):
        assert benchmark.query(name)["valid_accuracy"] == 50 + i
        assert benchmark.query(name) == benchmark.query(cell)
    with pytest.raises(IllegalArchError, match="a module hash names a cell where a table records"):
        benchmark.query("0" * 32)
    with pytest.raises(IllegalArchError, match="a module hash names a cell where a table records"):
        space.read(names[0])
