"""What is verified when: a table with other numbers, whose metadata are those of the true one."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nasbench.benchmarks.catalogue import SHIPPED

ID = "nb201-cifar10"


@pytest.fixture
def forged(nasbench, tmp_path):
    """The user's folder of tables holds one with other numbers than the shipped one of its id."""
    path = tmp_path / "home" / f"{ID}.parquet"
    path.parent.mkdir()
    shutil.copy(SHIPPED / path.name, path)
    shutil.copy(SHIPPED / f"{ID}.archs.parquet", path.parent)
    table = pq.ParquetFile(path).read()
    n = table.schema.get_field_index("valid_accuracy")
    lists = table.column(n).combine_chunks()
    better = pa.ListArray.from_arrays(
        lists.offsets, pa.array(np.full(len(lists.values), 99, np.float32))
    )
    changed = table.set_column(n, table.schema.field(n), better.cast(lists.type))
    pq.write_table(changed, path)


@pytest.mark.usefixtures("forged")
@pytest.mark.parametrize(
    "command",
    [
        ("run", "random_search", ID, "--trials", "10", "--out", "runs"),
        ("fit", ID, "--regressor", "knn", "--out", "fitted"),
    ],
    ids=lambda command: command[0],
)
def test_who_relies_on_all_numbers_computes_their_hash(refused, command):
    assert "the content hashes to" in refused(*command)


@pytest.mark.usefixtures("forged")
def test_a_query_trusts(nasbench):
    code, out, _ = nasbench("query", ID, "3,3,3,1,3,2", "--json")
    assert code == 0
    assert json.loads(out)["valid_accuracy"] == 99
