import json
import shutil
from dataclasses import replace
from hashlib import sha256
from itertools import islice

import pyarrow.parquet as pq
import pytest

from nasbench.benchmarks.catalogue import SHIPPED, open_table
from nasbench.tables.cards.croissant import croissant

TABLES = sorted(p.name for p in SHIPPED.glob("*.parquet") if not p.name.endswith("archs.parquet"))
NEEDED = "needs mlcroissant, which the extra dev installs"


def copied(table, folder):
    """A folder with the files of a table and their description, which it returns."""
    for path, _ in table.files:
        shutil.copy(path, folder)
    place = folder / "croissant.json"
    place.write_text(json.dumps(croissant(table)), encoding="utf-8")
    return place


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", TABLES)
def test_mlcroissant_accepts_the_metadata_of_every_shipped_table(name):
    package = pytest.importorskip("mlcroissant", reason=NEEDED)
    issues = package.Dataset(jsonld=croissant(open_table(SHIPPED / name))).metadata.ctx.issues
    assert issues.errors == set()
    # the day is not in a table, whose bytes do not depend on when it was made
    assert [w for w in issues.warnings if "datePublished" not in w] == []


@pytest.mark.parametrize("name", TABLES)
def test_metadata_name_every_column_and_the_bytes(name):
    table = open_table(SHIPPED / name)
    document = croissant(table)
    for file, records in zip(document["distribution"], document["recordSet"], strict=True):
        path = SHIPPED / file["contentUrl"]
        assert file["sha256"] == sha256(path.read_bytes()).hexdigest()
        columns = [n for n in pq.read_schema(path).names if not n.endswith("@final")]
        assert [field["name"] for field in records["field"]] == columns
        assert [field["source"]["extract"]["column"] for field in records["field"]] == columns
        assert {field["source"]["fileObject"]["@id"] for field in records["field"]} == {file["@id"]}
    assert document["license"] == table.metadata.licence
    assert document["version"] == f"{table.metadata.version}.0.0"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlcroissant_reads_the_records_of_a_table(toy_files, tmp_path):
    package = pytest.importorskip("mlcroissant", reason=NEEDED)
    data = package.Dataset(jsonld=copied(open_table(toy_files["plain"]), tmp_path))
    first = next(iter(data.records("trainings")))
    assert first["trainings/arch"] == [0, 0, 0, 0, 0, 0]
    assert first["trainings/valid_accuracy"] == [1, 2, 3, 4]
    archs = list(islice(data.records("architectures"), 6))
    assert [row["architectures/parameters"] for row in archs] == [100, 200, 300, 400, 500, 600]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_table_that_says_little_is_described_too(content, tmp_path):
    package = pytest.importorskip("mlcroissant", reason=NEEDED)
    toy = content("no_validation")
    table = open_table(replace(toy, archs=None).write(tmp_path / "toy-test.parquet"))
    document = croissant(table)
    assert [records["name"] for records in document["recordSet"]] == ["trainings"]
    assert package.Dataset(jsonld=document).metadata.ctx.issues.errors == set()
