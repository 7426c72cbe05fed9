import base64
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nasbench.benchmarks.catalogue
from nasbench.benchmarks.catalogue import open_table
from nasbench.column import Column
from nasbench.errors import (
    ContentHashError,
    NasbenchError,
    SchemaError,
    UnreadableTableError,
)
from nasbench.tables import writer
from nasbench.tables.described_space import encode_decisions
from nasbench.tables.draft import Draft
from nasbench.tables.hashes import numbers_hash
from nasbench.tables.schema import Metadata, archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

NAN, INF = float("nan"), float("inf")
DECISION = {"name": "edge 0->1", "labels": ["none", "skip"], "kind": "categorical"}
SHIPPED = (
    "darts-fashion",
    *(f"fcnet-{name}" for name in ("naval", "parkinsons", "protein", "slice")),
    "lite201-digits",
    "lite201-fashion",
    *(f"nb201-{name}" for name in ("cifar10", "cifar100", "imagenet16")),
    *(f"nbgraph-{name}" for name in ("arxiv", "citeseer", "computers", "cora", "cs")),
    *(f"nbgraph-{name}" for name in ("photo", "physics", "proteins", "pubmed")),
    *(f"seqmix-{name}" for name in ("copy", "recall", "state")),
)


def read_everything(table):
    """All that a benchmark could read, as comparable lists."""
    archs, curves = table.arch_columns, [name for name in table.columns if table.is_curve(name)]
    found = [table.archs, table.schedule, table.seed, table.diverged, table.written_archs]
    found += [table.curves(name, s) for name in curves for s in table.schedules]
    found += [table.numbers(n, s) for n in table.columns if n not in curves for s in [4]]
    found += [table.arch_numbers(name) for name in archs if not table.is_text(name)]
    texts = [table.arch_texts(name) for name in archs if table.is_text(name)]
    return [np.asarray(array).tolist().__repr__() for array in found] + [repr(texts)]


# Round trip


def test_a_table_is_read_as_it_was_written(path, content, archs):
    toy, table = content(), Table(path)
    assert replace(table.metadata, content_hash="", decisions=[]) == toy.metadata
    assert table.archs.tolist() == [list(row["arch"]) for row in toy.runs]
    assert table.seed.tolist() == [row["seed"] for row in toy.runs]
    assert table.schedule.tolist() == [4] * 14
    assert table.diverged.tolist() == [row["status"] == "diverged" for row in toy.runs]
    for name in ("train_loss", "valid_accuracy", "test_accuracy", "seconds"):
        np.testing.assert_array_equal(table.curves(name, 4), [row[name] for row in toy.runs])
        assert table.curves(name, 4).dtype == np.float32
    assert table.numbers("validation_seconds", 4).tolist() == [
        row["validation_seconds"] for row in toy.runs
    ]
    assert table.written_archs.tolist() == [list(arch) for arch in archs]
    assert table.arch_numbers("parameters").tolist() == [100, 200, 300, 400, 500, 600]
    np.testing.assert_array_equal(table.arch_numbers("latency_toy_ms"), [0, 0.5, NAN, 1.5, 2, 2.5])
    assert table.arch_texts("published_string") == [f"toy {i}" for i in range(6)]
    table.check()


def test_curves_of_several_schedules_are_kept_apart(toy_files, content):
    table = Table(toy_files["schedules"])
    for schedule in (2, 4):
        rows = [row for row in content("schedules").runs if row["schedule"] == schedule]
        rows.sort(key=lambda row: (row["arch"], row["seed"]))
        for name in ("valid_accuracy", "seconds"):
            curves = table.curves(name, schedule)
            np.testing.assert_array_equal(curves, [row[name] for row in rows])
    table.check()


def test_columns_keep_their_meaning(path, content, tmp_path):
    column = Column("score", unit="nat", goal="max", description="made up")
    toy = replace(content(), columns=(column,))
    table = Table(toy.write(tmp_path / "described.parquet"))
    assert table.arch_columns["score"] == column
    assert table.columns["valid_accuracy"] == Column("valid_accuracy", "%", "max", "valid")
    assert table.columns["seconds"] == Column("seconds", "s", "min")
    assert table.columns["validation_seconds"] == Column("validation_seconds", "s", "min")
    assert table.arch_columns["latency_toy_ms"] == Column("latency_toy_ms", "ms", "min")
    assert table.arch_columns["parameters"] == Column("parameters", "1", "min")


def test_what_a_table_hands_out_cannot_be_changed(path):
    table = Table(path)
    for array in (table.archs, table.seed, table.schedule, table.diverged):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("kind", ["plain", "schedules", "classes", "no_validation"])
def test_toy_tables_are_valid(toy_files, kind):
    Table(toy_files[kind]).check()


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables_are_valid(name):
    table = open_table(name)
    table.check()
    assert table.path == nasbench.benchmarks.catalogue.SHIPPED / f"{name}.parquet"
    assert table.metadata.id == name
    assert table.metadata.decisions == encode_decisions(table.space.decisions)
    for fact in ("title", "description", "source", "licence", "citation", "seeds", "recipe"):
        assert getattr(table.metadata, fact), fact


def test_nothing_else_is_shipped():
    files = nasbench.benchmarks.catalogue.SHIPPED.glob("*.parquet")
    assert sorted(file.name for file in files if ".archs." not in file.name) == [
        f"{name}.parquet" for name in SHIPPED
    ]


# The content hash


def test_the_hash_does_not_depend_on_the_order_of_rows_and_columns(content, tmp_path):
    toy = content()
    runs, archs = toy.tables()
    first = write_table(tmp_path / "a" / "toy.parquet", Draft(toy.metadata, runs, archs))
    order = np.random.default_rng(0).permutation(len(runs))
    shuffled = runs.take(order).select(runs.schema.names[::-1])
    other = write_table(
        tmp_path / "b" / "toy.parquet",
        Draft(toy.metadata, shuffled, archs.take([5, 3, 1, 0, 2, 4])),
    )
    assert other.content_hash == first.content_hash
    assert (tmp_path / "a" / "toy.archs.parquet").read_bytes() == (
        tmp_path / "b" / "toy.archs.parquet"
    ).read_bytes()


def test_the_hash_does_not_depend_on_chunks(content, tmp_path):
    toy = content()
    runs, archs = toy.tables()
    first = write_table(tmp_path / "a" / "toy.parquet", Draft(toy.metadata, runs, archs))
    chunked = pa.concat_tables([runs.slice(0, 3), runs.slice(3, 0), runs.slice(3)])
    other = write_table(tmp_path / "b" / "toy.parquet", Draft(toy.metadata, chunked, archs))
    assert other.content_hash == first.content_hash


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none"},
        {"compression": "snappy", "use_dictionary": True},
        {"compression": "zstd", "row_group_size": 3},
        {"version": "1.0", "data_page_size": 16},
    ],
)
def test_a_table_stays_valid_in_another_encoding(path, options, rewrite):
    before = read_everything(Table(path))
    for file in (path, archs_file(path)):
        rewrite(file, lambda table: table, **options)
    table = Table(path)
    table.check()
    assert read_everything(table) == before


def test_the_hash_covers_every_number_and_name(content):
    toy = content()
    runs, archs = nasbench_tables(toy)
    hashes = {numbers_hash(runs, archs), numbers_hash(runs, None)}
    names = [name for name in runs.schema.names if name != "rank"]  # which repeats arch
    for name in names:
        number = runs.schema.names.index(name)
        hashes.add(numbers_hash(runs.remove_column(number), archs))
        hashes.add(numbers_hash(runs.rename_columns({name: "other"}), archs))
    hashes.add(numbers_hash(runs.slice(1), archs))
    hashes.add(numbers_hash(runs, archs.slice(1)))
    assert len(hashes) == 4 + 2 * len(names)
    assert numbers_hash(runs.drop_columns("rank"), archs.drop_columns("rank")) in hashes


def nasbench_tables(toy):
    runs, archs = toy.tables()
    draft = Draft(toy.metadata, runs, archs)
    return writer._normalise(runs, draft)[0], writer._normalise(archs, draft)[0]


def test_the_hash_of_the_toy_is_golden(path):
    """It must be the same on every platform and for every version of pyarrow."""
    assert Table(path).metadata.content_hash == (
        "d2021ea55bf5a4b3e877aa916a103341bec22d649276fc27b0fe6cc2523fceb2"
    )


# Damage


def test_every_flipped_byte_is_an_error_or_changes_nothing(path):
    table = Table(path)
    before, metadata = read_everything(table), table.metadata
    refused = []
    for file in (path, archs_file(path)):
        original = file.read_bytes()
        for number, offset in enumerate(range(1, len(original), 61)):
            damaged = bytearray(original)
            damaged[offset] ^= 255 if number % 2 else 1 << number // 2 % 8
            file.write_bytes(damaged)
            try:
                table = Table(path)
                found = read_everything(table), table.metadata
                table.check()
                assert found == (before, metadata), (file.name, offset)
                refused.append(False)
            except NasbenchError:
                refused.append(True)
        file.write_bytes(original)
    assert np.mean(refused) > 0.6


def test_a_flipped_byte_of_the_numbers_is_an_unreadable_table(path):
    for file in (path, archs_file(path)):
        original = file.read_bytes()
        group = pq.ParquetFile(file).metadata.row_group(0)
        for number in range(group.num_columns):
            column = group.column(number)
            last = column.data_page_offset + column.total_compressed_size - 1
            if column.has_dictionary_page:
                last = column.dictionary_page_offset + column.total_compressed_size - 1
            damaged = bytearray(original)
            damaged[last] ^= 4
            file.write_bytes(damaged)
            with pytest.raises(UnreadableTableError, match="damaged"):
                Table(path).check()
        file.write_bytes(original)


def test_a_flipped_byte_of_the_metadata_is_an_unreadable_table(path):
    for file in (path, archs_file(path)):
        original = file.read_bytes()
        encoded = pq.ParquetFile(file).metadata.metadata[b"ARROW:schema"]
        changed = base64.b64decode(encoded).replace(b'"id": "toy"', b'"id": "Toy"')
        file.write_bytes(original.replace(encoded, base64.b64encode(changed)))
        with pytest.raises(UnreadableTableError, match="does not fit its digest"):
            Table(path)
        file.write_bytes(original)


@pytest.mark.parametrize("share", [0, 1, 4, 0.1, 0.5, 0.9, -8, -1])
def test_a_truncated_file_is_unreadable(path, share):
    for file in (path, archs_file(path)):
        original = file.read_bytes()
        n = int(share * len(original)) if isinstance(share, float) else share
        file.write_bytes(original[:n])
        with pytest.raises(UnreadableTableError, match=f"{file} is not a readable Parquet file"):
            Table(path).check()
        file.write_bytes(original)


@pytest.mark.parametrize("text", [b"", b"PAR1", b"arch,seed\n", b"PAR1" + bytes(64) + b"PAR1"])
def test_what_is_no_parquet_file_is_unreadable(tmp_path, text):
    path = tmp_path / "x.parquet"
    path.write_bytes(text)
    with pytest.raises(UnreadableTableError, match="is not a readable Parquet file"):
        Table(path)


def test_a_foreign_parquet_file_is_not_of_this_suite(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"arch": [1, 2]}), path)
    with pytest.raises(SchemaError, match="was not written by this suite"):
        Table(path)


def test_the_file_of_archs_alone_is_no_table(path):
    with pytest.raises(SchemaError, match=r"give the table it belongs to, toy\.parquet"):
        Table(archs_file(path))


@pytest.mark.parametrize("name", ["arch", "schedule", "seed", "status"])
def test_a_missing_key_is_named(path, name, rewrite, seal):
    rewrite(path, lambda table: table.drop_columns([name]))
    with pytest.raises(SchemaError, match=f"no column '{name}', only"):
        seal(path)


def test_the_missing_default_objective_is_named(path, rewrite, seal):
    rewrite(path, lambda table: table.drop_columns(["valid_accuracy"]))
    with pytest.raises(SchemaError, match="no column 'valid_accuracy', its default objective"):
        seal(path)


def test_another_missing_column_is_seen_by_the_digest_and_by_the_hash(path, rewrite, seal):
    rewrite(path, lambda table: table.drop_columns(["test_accuracy"]))
    with pytest.raises(UnreadableTableError, match="digest"):
        Table(path)
    with pytest.raises(ContentHashError, match="the content hashes to"):
        seal(path)


def change_column(name, change):
    """A function that replaces the values of a column, as Python objects."""

    def changed(table):
        number = table.schema.names.index(name)
        values = change(table.column(name).to_pylist())
        return table.set_column(number, name, pa.array(values, table.schema.field(name).type))

    return changed


def first(value):
    """Put a value into the first row; into its last epoch, if that is a list."""

    def changed(values):
        if isinstance(values[0], list):
            return [[*values[0][:-1], value], *values[1:]]
        return [value, *values[1:]]

    return changed


def test_numbers_changed_with_the_hash_kept_are_a_wrong_hash(path, rewrite):
    rewrite(path, change_column("valid_accuracy", first(99.0)))
    with pytest.raises(ContentHashError, match="the content hashes to"):
        Table(path).check()


def test_numbers_of_archs_changed_with_the_hash_kept_are_a_wrong_hash(path, rewrite):
    rewrite(archs_file(path), change_column("parameters", first(7)))
    with pytest.raises(ContentHashError, match="the content hashes to"):
        Table(path).check()


def test_a_missing_file_of_archs_is_seen(path):
    archs_file(path).unlink()
    with pytest.raises(SchemaError, match=r"toy.parquet needs toy.archs.parquet, which is not"):
        Table(path)


def test_the_archs_of_another_table_are_refused(path, content, tmp_path):
    toy = content()
    toy.archs[0]["parameters"] = 7
    other = toy.write(tmp_path / "other.parquet")
    archs_file(other).replace(archs_file(path))
    with pytest.raises(ContentHashError, match="does not belong to"):
        Table(path)


def test_an_older_schema_asks_for_the_table_to_be_made_again(path, redescribe):
    redescribe(path, lambda document: document.update(schema=2))
    with pytest.raises(SchemaError, match=r"has schema 2 of an older nasbench.*import the tabl"):
        Table(path)


def test_a_newer_schema_asks_for_an_upgrade(path, redescribe):
    redescribe(path, lambda document: document.update(schema=4, more="things"))
    with pytest.raises(SchemaError, match="has schema 4, but this version of nasbench reads 3"):
        Table(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"space": "nb2001", "decisions": []},
            "no search space is called 'nb2001'; did you mean 'nb201'",
        ),
        ({"space": "os:abort"}, "a table needs a registered space"),
        ({"decisions": {}}, "decisions = {} must be of type list"),
        ({"decisions": [{"name": "edge 0->1"}]}, "a decision of the space is impossible"),
        ({"decisions": [DECISION]}, "the decisions of 'nb201' are not those"),
        ({"space": "x", "decisions": [1]}, "a decision of the space is impossible"),
        ({"space": 7}, "space = 7 must be of type str"),
        ({"version": 0}, "version = 0 is not in 1..999,999,999"),
        ({"version": 10**9}, "version = 1000000000 is not in 1..999,999,999"),
        ({"version": "1"}, "version = '1' must be of type int"),
        ({"key": "row"}, "key = 'row'"),
        ({"epochs": {}}, "has no schedule"),
        ({"epochs": {"4": []}}, "must ascend within 1..4"),
        ({"epochs": {"4": [1, 2, 3, 5]}}, "must ascend within 1..4"),
        ({"epochs": {"4": [0, 1, 2, 3]}}, "must ascend within 1..4"),
        ({"epochs": {"4": [1, 3, 2, 4]}}, "must ascend within 1..4"),
        ({"epochs": {"2": [1], "4": [1, 2, 3, 4]}}, "2 must record its last epoch"),
        ({"epochs": [4]}, "incomplete metadata"),
        ({"id": "../toy"}, "the id '../toy' must be made of"),
        ({"id": "toy@2"}, "the id 'toy@2' must be made of"),
        ({"schema": "1"}, "was not written by this suite"),
        ({"colour": "red"}, r"unknown metadata \['colour'\]"),
        ({"default_objective": 1}, "default_objective = 1 must be of type str"),
    ],
)
def test_impossible_metadata_are_named(path, change, message, redescribe):
    redescribe(path, lambda document: document.update(change))
    with pytest.raises(SchemaError, match=message):
        Table(path)


def test_missing_metadata_are_named(path, redescribe):
    redescribe(path, lambda document: document.pop("dataset"))
    with pytest.raises(SchemaError, match="dataset"):
        Table(path)


def test_metadata_survive_json():
    metadata = Metadata(
        id="a", space="nb201", key="arch", dataset="d", epochs={12: [12], 200: [1, 200]}
    )
    document = json.loads(json.dumps(metadata.encode()))
    assert Metadata.decode(document, "here") == metadata
