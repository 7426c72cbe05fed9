import base64
import json
import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nasbench.benchmarks.catalogue
from nasbench.benchmarks.catalogue import catalogue, open_table
from nasbench.benchmarks.facts import table_facts
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.column import Column
from nasbench.errors import (
    ContentHashError,
    IllegalArchError,
    InvalidArgumentError,
    NasbenchError,
    NotRecordedError,
    SchemaError,
    TableError,
    UnknownNameError,
    UnreadableTableError,
    ValueRangeError,
)
from nasbench.tables import writer
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata, archs_file
from nasbench.tables.table import Table
from nasbench.tables.validation import content_hash
from nasbench.tables.writer import write_table

NAN, INF = float("nan"), float("inf")
SHIPPED = (
    "darts-fashion",
    *(f"fcnet-{name}" for name in ("naval", "parkinsons", "protein", "slice")),
    "lite201-digits",
    "lite201-fashion",
    *(f"nb201-{name}" for name in ("cifar10", "cifar100", "imagenet16")),
    *(f"nbgraph-{name}" for name in ("arxiv", "citeseer", "computers", "cora", "cs")),
    *(f"nbgraph-{name}" for name in ("photo", "physics", "proteins", "pubmed")),
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


def rewrite(path, change, **options):
    """Let ``change`` make another table of the rows of a file; its metadata stay as they are."""
    table = pq.read_table(path)
    changed = change(table).replace_schema_metadata(table.schema.metadata)
    fields = [
        f.with_metadata(table.schema.field(f.name).metadata) if f.name in table.schema.names else f
        for f in changed.schema
    ]
    schema = pa.schema(fields, metadata=table.schema.metadata)
    pq.write_table(changed.cast(schema), path, **options)


def redescribe(path, change):
    """Let ``change`` edit the document in a file's metadata, and seal it again."""
    table = pq.read_table(path)
    document = json.loads(table.schema.metadata[b"nasbench"])
    change(document)
    writer._save(path, table.replace_schema_metadata(None), document)


@pytest.fixture
def path(content, tmp_path):
    return content().write(tmp_path / "toy.parquet")


# Round trip


def test_a_table_is_read_as_it_was_written(path, content, archs):
    toy, table = content(), Table(path)
    assert replace(table.metadata, content_hash="") == toy.metadata
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
    expected = write_table(tmp_path / "a.parquet", Draft(toy.metadata, runs, archs)).content_hash
    order = np.random.default_rng(0).permutation(len(runs))
    shuffled = runs.take(order).select(runs.schema.names[::-1])
    other = write_table(
        tmp_path / "b.parquet", Draft(toy.metadata, shuffled, archs.take([5, 3, 1, 0, 2, 4]))
    )
    assert other.content_hash == expected
    assert (tmp_path / "a.archs.parquet").read_bytes() == (
        tmp_path / "b.archs.parquet"
    ).read_bytes()


def test_the_hash_does_not_depend_on_chunks(content, tmp_path):
    toy = content()
    runs, archs = toy.tables()
    expected = write_table(tmp_path / "a.parquet", Draft(toy.metadata, runs, archs)).content_hash
    chunked = pa.concat_tables([runs.slice(0, 3), runs.slice(3, 0), runs.slice(3)])
    other = write_table(tmp_path / "b.parquet", Draft(toy.metadata, chunked, archs))
    assert other.content_hash == expected


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none"},
        {"compression": "snappy", "use_dictionary": True},
        {"compression": "zstd", "row_group_size": 3},
        {"version": "1.0", "data_page_size": 16},
    ],
)
def test_a_table_stays_valid_in_another_encoding(path, options):
    before = read_everything(Table(path))
    for file in (path, archs_file(path)):
        rewrite(file, lambda table: table, **options)
    table = Table(path)
    table.check()
    assert read_everything(table) == before


def test_the_hash_covers_every_number_and_name(content):
    toy = content()
    runs, archs = nasbench_tables(toy)
    hashes = {content_hash(runs, archs), content_hash(runs, None)}
    names = [name for name in runs.schema.names if name != "rank"]  # which repeats arch
    for name in names:
        number = runs.schema.names.index(name)
        hashes.add(content_hash(runs.remove_column(number), archs))
        hashes.add(content_hash(runs.rename_columns({name: "other"}), archs))
    hashes.add(content_hash(runs.slice(1), archs))
    hashes.add(content_hash(runs, archs.slice(1)))
    assert len(hashes) == 4 + 2 * len(names)
    assert content_hash(runs.drop_columns("rank"), archs.drop_columns("rank")) in hashes


def nasbench_tables(toy):
    runs, archs = toy.tables()
    draft = Draft(toy.metadata, runs, archs)
    return writer._normalise(runs, draft)[0], writer._normalise(archs, draft)[0]


def test_the_hash_of_the_toy_is_golden(path):
    """It must be the same on every platform and for every version of pyarrow."""
    assert Table(path).metadata.content_hash == (
        "d476fdcb803c9d1858b78f9698f153a1e52676204c22acfedc81fc94437f68c9"
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
def test_a_missing_key_is_named(path, name):
    rewrite(path, lambda table: table.drop_columns([name]))
    with pytest.raises(SchemaError, match=f"no column '{name}', only"):
        seal(path)


def seal(path):
    """Make the digest fit again, as somebody who knows how would; then open and check."""
    redescribe(path, lambda document: None)
    Table(path).check()


def test_the_missing_default_objective_is_named(path):
    rewrite(path, lambda table: table.drop_columns(["valid_accuracy"]))
    with pytest.raises(SchemaError, match="no column 'valid_accuracy', its default objective"):
        seal(path)


def test_another_missing_column_is_seen_by_the_digest_and_by_the_hash(path):
    rewrite(path, lambda table: table.drop_columns(["test_accuracy"]))
    with pytest.raises(UnreadableTableError, match="digest"):
        Table(path)
    with pytest.raises(ContentHashError, match="the numbers hash to"):
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


def test_numbers_changed_with_the_hash_kept_are_a_wrong_hash(path):
    rewrite(path, change_column("valid_accuracy", first(99.0)))
    with pytest.raises(ContentHashError, match="the numbers hash to"):
        Table(path).check()


def test_numbers_of_archs_changed_with_the_hash_kept_are_a_wrong_hash(path):
    rewrite(archs_file(path), change_column("parameters", first(7)))
    with pytest.raises(ContentHashError, match="the numbers hash to"):
        Table(path).check()


def test_a_missing_file_of_archs_is_a_wrong_hash(path):
    archs_file(path).unlink()
    with pytest.raises(ContentHashError, match=r"there is no toy.archs.parquet beside it"):
        Table(path).check()


def test_the_archs_of_another_table_are_refused(path, content, tmp_path):
    toy = content()
    toy.archs[0]["parameters"] = 7
    other = toy.write(tmp_path / "other.parquet")
    archs_file(other).replace(archs_file(path))
    with pytest.raises(ContentHashError, match="does not belong to"):
        Table(path)


def test_an_older_schema_asks_for_the_table_to_be_made_again(path):
    redescribe(path, lambda document: document.update(schema=1))
    with pytest.raises(SchemaError, match=r"has schema 1 of an older nasbench.*import the tabl"):
        Table(path)


def test_a_newer_schema_asks_for_an_upgrade(path):
    redescribe(path, lambda document: document.update(schema=3, more="things"))
    with pytest.raises(SchemaError, match="has schema 3, but this version of nasbench reads 2"):
        Table(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": "nb2001"}, "no search space is called 'nb2001'; did you mean 'nb201'"),
        ({"space": "os:abort"}, "a table needs a registered space"),
        ({"space": 7}, "space = 7 must be of type str"),
        ({"version": 0}, "version = 0 must be at least 1"),
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
def test_impossible_metadata_are_named(path, change, message):
    redescribe(path, lambda document: document.update(change))
    with pytest.raises(SchemaError, match=message):
        Table(path)


def test_missing_metadata_are_named(path):
    redescribe(path, lambda document: document.pop("dataset"))
    with pytest.raises(SchemaError, match="dataset"):
        Table(path)


# What is refused when it is written, and found by check in what somebody else wrote


def outside(toy):
    toy.runs[0]["arch"] = [0, 0, 0, 0, 0, 5]


def outside_archs(toy):
    toy.archs[0]["arch"] = [0, 0, 0, 0, 0, 9]


def too_good(toy):
    toy.runs[3]["valid_accuracy"][2] = 101.0


def negative(toy):
    toy.runs[3]["seconds"][0] = -0.5


def infinite(toy):
    toy.runs[3]["train_loss"][0] = INF


def negative_parameters(toy):
    toy.archs[3]["parameters"] = -1


def infinite_latency(toy):
    toy.archs[3]["latency_toy_ms"] = INF


def no_result(toy):
    toy.runs[3]["valid_accuracy"][3] = NAN


def result_of_a_failure(toy):
    (failed,) = (row for row in toy.runs if row["status"] == "diverged")
    failed["valid_accuracy"][3] = 5.0


def no_cost(toy):
    toy.runs[3]["seconds"][1] = NAN


def no_cost_of_validation(toy):
    toy.runs[3]["validation_seconds"] = NAN


def no_single_number(toy):
    for row in toy.runs:
        row["energy"] = NAN


def falling_seconds(toy):
    toy.runs[3]["seconds"][1] = 0.5


def negative_seed(toy):
    toy.runs[0]["seed"] = -1


def doubled(toy):
    toy.runs.append(dict(toy.runs[0]))


def doubled_archs(toy):
    toy.archs.append(dict(toy.archs[0]))


def short_curve(toy):
    toy.runs[5]["train_loss"].pop()


def long_curve(toy):
    toy.runs[5]["train_loss"].append(0.0)


def balanced_curves(toy):
    toy.runs[5]["train_loss"].append(toy.runs[6]["train_loss"].pop())


def null_in_curve(toy):
    toy.runs[5]["train_loss"][1] = None


def null_curve(toy):
    toy.runs[5]["train_loss"] = None


def null_seed(toy):
    toy.runs[5]["seed"] = None


def null_status(toy):
    toy.runs[5]["status"] = None


def unknown_status(toy):
    toy.runs[5]["status"] = "finnished"


def unknown_schedule(toy):
    toy.runs[5]["schedule"] = 3


def text_column(toy):
    for row in toy.runs:
        row["machine"] = "mine"


def nested_column(toy):
    for row in toy.runs:
        row["more"] = {"a": 1}


def half_seed(toy):
    toy.runs[5]["seed"] = 0.5


def text_seed(toy):
    for row in toy.runs:
        row["seed"] = f"seed {row['seed']}"


def short_arch(toy):
    toy.runs[5]["arch"] = [0, 0, 0, 0, 0]


def balanced_archs(toy):
    toy.runs[5]["arch"] = [0, 0, 0, 0, 0]
    toy.runs[6]["arch"] = [0, 0, 0, 0, 0, 0, 0]


def text_arch(toy):
    for row in toy.runs:
        row["arch"] = "|skip_connect~0|"


def real_arch(toy):
    toy.runs[5]["arch"] = [0.5] * 6


def no_rows(toy):
    del toy.runs[1:]
    toy.runs[0]["schedule"] = 3


WRONG = {
    outside: (
        IllegalArchError,
        r"row . holds \(0, 0, 0, 0, 0, 5\), which is not an architecture of 'nb201'",
    ),
    outside_archs: (IllegalArchError, r"\(0, 0, 0, 0, 0, 9\), which is not an architecture"),
    too_good: (ValueRangeError, "'valid_accuracy' holds 101.0, possible is 0 to 100 %"),
    negative: (ValueRangeError, "'seconds' holds -0.5, possible is 0 to inf s"),
    infinite: (ValueRangeError, "'train_loss' holds inf"),
    negative_parameters: (ValueRangeError, "'parameters' holds -1"),
    infinite_latency: (ValueRangeError, "'latency_toy_ms' holds inf"),
    no_result: (ValueRangeError, "'valid_accuracy' at the last epoch must be NaN where a run div"),
    result_of_a_failure: (ValueRangeError, "'valid_accuracy' at the last epoch must be NaN where"),
    no_cost: (ValueRangeError, "'seconds' holds NaN, but is a cost"),
    no_cost_of_validation: (ValueRangeError, "'validation_seconds' holds NaN, but is a cost"),
    no_single_number: (ValueRangeError, "'energy' holds NaN in a run that did not diverge"),
    falling_seconds: (ValueRangeError, "'seconds' decrease between epochs"),
    negative_seed: (ValueRangeError, "seed -1 is negative"),
    doubled: (SchemaError, "not sorted by .* or are repeated"),
    doubled_archs: (SchemaError, "architectures are not sorted by rank, or are repeated"),
    short_curve: (SchemaError, "'train_loss' does not have one value per recorded epoch"),
    long_curve: (SchemaError, "'train_loss' does not have one value per recorded epoch"),
    balanced_curves: (SchemaError, "'train_loss' does not have one value per recorded epoch"),
    null_in_curve: (SchemaError, "'train_loss' has a null; missing numbers must be NaN"),
    null_curve: (SchemaError, "'train_loss' has a null; missing numbers must be NaN"),
    null_seed: (SchemaError, "'seed' has a null"),
    null_status: (SchemaError, "'status' has a null"),
    unknown_status: (SchemaError, "unknown status 'finnished'; did you mean 'finished'"),
    unknown_schedule: (SchemaError, "schedule 3 is not both in the rows and in the metadata"),
    text_column: (SchemaError, "'machine' holds string, not numbers"),
    nested_column: (SchemaError, "'more' is struct"),
    half_seed: (SchemaError, "'seed' is float, not int32"),
    text_seed: (SchemaError, "'seed' is string, not int32"),
    short_arch: (SchemaError, "'arch' must hold lists of 6 integers"),
    balanced_archs: (SchemaError, "'arch' must hold lists of 6 integers"),
    text_arch: (SchemaError, "'arch' must hold lists of 6 integers, but is string"),
    real_arch: (SchemaError, "'arch' must hold lists of 6 integers"),
    no_rows: (SchemaError, "schedule 3 is not both"),
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_an_invalid_table_is_not_written(content, tmp_path, change):
    error, message = WRONG[change]
    toy = content()
    change(toy)
    with pytest.raises(error, match=message):
        toy.write(tmp_path / "toy.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_rows_is_not_written(content, tmp_path):
    toy = content()
    runs, archs = toy.tables()
    with pytest.raises(SchemaError, match="toy has no rows"):
        write_table(tmp_path / "toy.parquet", Draft(toy.metadata, runs.slice(0, 0), archs))


FOREIGN = [
    outside,
    outside_archs,
    too_good,
    negative,
    infinite,
    negative_parameters,
    no_result,
    result_of_a_failure,
    no_cost,
    falling_seconds,
    negative_seed,
    doubled,
    doubled_archs,
    short_curve,
    balanced_curves,
    unknown_status,
    unknown_schedule,
    text_column,
]


@pytest.mark.parametrize("change", FOREIGN, ids=lambda change: change.__name__)
def test_check_finds_what_somebody_else_wrote(content, tmp_path, monkeypatch, change):
    error, message = WRONG[change]
    toy, path = content(), tmp_path / "toy.parquet"
    change(toy)
    with monkeypatch.context() as patch:
        for check in ("check_rows", "check_content", "legal_archs"):
            patch.setattr(writer, check, lambda *_: None)
        toy.write(path)
    with pytest.raises(error, match=message):
        Table(path).check()


@pytest.mark.parametrize("file", [lambda path: path, archs_file])
def test_check_finds_a_wrong_rank(path, file):
    def change(table):
        ranks = table.column("rank").to_pylist()
        ranks[-1] += 1
        number = table.schema.names.index("rank")
        return table.set_column(number, "rank", pa.array(ranks, pa.int64()))

    rewrite(file(path), change)
    with pytest.raises(SchemaError, match="'rank' is not the rank of 'arch'"):
        Table(path).check()


@pytest.fixture
def long_path(content, tmp_path, monkeypatch):
    """A table of two schedules whose curves count as long."""
    monkeypatch.setattr(writer, "_LONG", 1)
    return content("schedules").write(tmp_path / "toy.parquet")


def test_last_values_of_long_curves_are_stored_and_read_without_the_curves(
    long_path, toy_files, monkeypatch
):
    short, table = Table(toy_files["schedules"]), Table(long_path)
    assert table.columns == short.columns
    assert table.metadata.content_hash == short.metadata.content_hash
    assert list(table.frame().columns) == list(short.frame().columns)
    for name in ("valid_accuracy", "seconds"):
        assert table.has_final(name)
        assert not short.has_final(name)
        for schedule in table.schedules:
            last = table.curves(name, schedule)[:, -1]
            np.testing.assert_array_equal(table.final(name, schedule), last)
            np.testing.assert_array_equal(short.final(name, schedule), last)
            assert table.final(name, schedule).dtype == last.dtype
    table.check()
    arch = tuple(table.archs[0].tolist())
    expected = [TableBenchmark(short).query(arch, schedule=s) for s in table.schedules]
    monkeypatch.delattr(Table, "curves")
    assert [TableBenchmark(table).query(arch, schedule=s) for s in table.schedules] == expected


def test_check_finds_wrong_last_values(long_path):
    def change(table):
        name = "valid_accuracy@final"
        values = table.column(name).to_pylist()
        values[3] += 0.5
        return table.set_column(table.schema.names.index(name), name, pa.array(values, "float32"))

    rewrite(long_path, change)
    with pytest.raises(SchemaError, match="does not hold the last values of 'valid_accuracy'"):
        Table(long_path).check()


def test_check_finds_last_values_of_nothing(long_path):
    rewrite(long_path, lambda table: table.append_column("a@final", table.column("rank")))
    redescribe(long_path, lambda document: None)
    with pytest.raises(SchemaError, match="'a@final' repeats no column"):
        Table(long_path).check()


def test_numbers_given_in_double_precision_stay_so(content, tmp_path):
    toy, path = content(), tmp_path / "toy.parquet"
    third = [row["valid_accuracy"][0] + 1 / 3 for row in toy.runs]
    runs, archs = toy.tables()
    lists = pa.array([[x, x, x, x] for x in third], pa.list_(pa.float64()))
    runs = runs.append_column("train_accuracy", lists)
    runs = runs.append_column("test_seconds", pa.array(third))
    archs = archs.append_column("energy", pa.array([0.1] * len(archs)))
    write_table(path, Draft(toy.metadata, runs, archs))
    table = Table(path)
    table.check()
    assert table.curves("train_accuracy", 4)[:, 0].tolist() == third
    assert table.numbers("test_seconds", 4).tolist() == third
    assert table.arch_numbers("energy").tolist() == [0.1] * len(archs)
    assert table.curves("valid_accuracy", 4).dtype == np.float32


def sparse(content, epochs, values):
    toy = content()
    for row in toy.runs:
        row["test_accuracy"] = values
    column = Column("test_accuracy", "%", "max", "test", epochs=epochs)
    return replace(toy, columns=(column,))


def test_a_curve_may_be_recorded_at_fewer_epochs(content, tmp_path):
    toy = sparse(content, {4: [2, 4]}, [70.0, 80.0])
    table = Table(toy.write(tmp_path / "toy.parquet"))
    table.check()
    assert table.epochs("test_accuracy", 4) == [2, 4]
    assert table.epochs("train_loss", 4) == [1, 2, 3, 4]
    assert table.curves("test_accuracy", 4).tolist() == [[70, 80]] * 14


@pytest.mark.parametrize(
    ("epochs", "values", "message"),
    [
        ({4: [2, 4]}, [70.0], "'test_accuracy' does not have one value per recorded epoch"),
        ({4: [2, 5]}, [70.0, 80.0], r"epochs \[2, 5\] of 'test_accuracy' in schedule 4 are not"),
        ({4: [4, 2]}, [70.0, 80.0], r"epochs \[4, 2\] of 'test_accuracy'"),
        ({4: []}, [], r"epochs \[\] of 'test_accuracy'"),
        ({5: [4]}, [70.0] * 4, "in schedule 5 are not among"),
    ],
)
def test_the_epochs_of_a_column_are_some_of_the_table(content, tmp_path, epochs, values, message):
    with pytest.raises(SchemaError, match=message):
        sparse(content, epochs, values).write(tmp_path / "toy.parquet")
    assert not list(tmp_path.iterdir())


def without_trainings(content):
    toy = content()
    runs, archs = toy.tables()
    metadata = replace(toy.metadata, epochs={}, default_objective=None)
    return metadata, runs.slice(0, 0).select(["arch", "schedule", "seed", "status"]), archs


def test_a_table_may_hold_numbers_of_architectures_only(content, tmp_path):
    metadata, runs, archs = without_trainings(content)
    path = tmp_path / "toy.parquet"
    write_table(path, Draft(metadata, runs, archs))
    table = Table(path)
    table.check()
    assert table.schedules == ()
    assert len(table.archs) == len(table.ranks) == 0
    assert table.arch_numbers("parameters").tolist() == [100 * i for i in range(1, 7)]
    with pytest.raises(NotRecordedError, match=r"holds no trainings, only.*'parameters'.*merge"):
        TableBenchmark(table)
    assert table_facts(table)["space"] == "nb201"


def test_a_table_without_any_row_is_refused(content, tmp_path):
    metadata, runs, archs = without_trainings(content)
    for nothing in (None, archs.slice(0, 0)):
        with pytest.raises(SchemaError, match="has no rows"):
            write_table(tmp_path / "toy.parquet", Draft(metadata, runs, nothing))


def test_check_finds_unsorted_rows(path):
    rewrite(path, lambda table: table.take([1, 0, *range(2, len(table))]))
    with pytest.raises(SchemaError, match="not sorted"):
        Table(path).check()


def test_check_finds_unsorted_archs(path):
    rewrite(archs_file(path), lambda table: table.take([1, 0, *range(2, len(table))]))
    with pytest.raises(SchemaError, match="not sorted"):
        Table(path).check()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("schedule", pa.int64()),
        ("seed", pa.float64()),
        ("status", pa.large_string()),
        ("valid_accuracy", pa.list_(pa.float32(), 4)),
    ],
)
def test_check_finds_other_types(path, name, kind):
    table = pq.read_table(path)
    number = table.schema.names.index(name)
    field = pa.field(name, kind, metadata=table.schema.field(name).metadata)
    pq.write_table(table.set_column(number, field, table.column(name).cast(kind)), path)
    with pytest.raises(SchemaError, match=f"'{name}'"):
        Table(path).check()


def test_keyed_by_class_only_representatives_have_runs(content, tmp_path):
    toy = content("classes")
    toy.runs[0]["arch"] = [0, 0, 0, 0, 0, 3]
    with pytest.raises(IllegalArchError, match="is not a representative"):
        toy.write(tmp_path / "toy.parquet")


@pytest.mark.parametrize("name", ["test_accuracy", "train_loss", "seconds", "valid_guess"])
def test_the_default_objective_is_a_validation_column_with_a_goal(content, tmp_path, name):
    toy = content()
    for row in toy.runs:
        row["valid_guess"] = 1.0
    toy = replace(toy, metadata=replace(toy.metadata, default_objective=name))
    with pytest.raises(SchemaError, match=f"'{name}' is not a validation column with a goal"):
        toy.write(tmp_path / "toy.parquet")


def test_missing_values_of_other_curves_are_allowed(content, tmp_path):
    toy = content()
    toy.runs[3]["train_loss"] = [NAN, NAN, NAN, NAN]
    toy.runs[3]["valid_accuracy"][:3] = [NAN, NAN, NAN]
    Table(toy.write(tmp_path / "toy.parquet")).check()


def test_a_single_number_of_a_diverged_training_may_be_missing(content, tmp_path):
    toy = content()
    for row in toy.runs:
        row["valid_accuracy"] = row["valid_accuracy"][-1]
    Table(toy.write(tmp_path / "toy.parquet")).check()


# Writing


def test_a_failed_write_leaves_the_old_table(path, content, monkeypatch):
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    toy = content()
    toy.runs[0]["valid_accuracy"][0] = 33.0
    write = pq.write_table
    for failing in (1, 2):
        calls = []

        def broken(table, where, *args, calls=calls, failing=failing, **options):
            calls.append(where)
            write(table, where, *args, **options)
            if len(calls) == failing:
                raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(pq, "write_table", broken)
            with pytest.raises(InvalidArgumentError, match="No space left on device"):
                toy.write(path)
        assert len(calls) == failing
        assert {file: file.read_bytes() for file in path.parent.iterdir()} == before
    Table(path).check()


def test_a_failed_write_leaves_nothing(content, tmp_path, monkeypatch):
    def broken(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(KeyboardInterrupt):
        content().write(tmp_path / "new" / "toy.parquet")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_table_without_archs_replaces_one_with_them(path, content):
    replace(content(), archs=None).write(path)
    assert not archs_file(path).exists()
    Table(path).check()


def test_a_file_in_the_place_of_a_folder_cannot_be_written_to(content, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidArgumentError, match=f"cannot write to {tmp_path}/file"):
        content().write(tmp_path / "file" / "toy.parquet")
    (tmp_path / "toy.parquet").mkdir()
    with pytest.raises(InvalidArgumentError, match=f"cannot write {tmp_path}/toy.parquet"):
        content().write(tmp_path / "toy.parquet")
    names = sorted(file.name for file in tmp_path.iterdir() if file.is_file())
    assert names == ["file"]


def test_a_folder_without_permission_cannot_be_written_to(content, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(InvalidArgumentError, match=f"cannot write to {tmp_path}: permission"):
        content().write(tmp_path / "toy.parquet")


# Looking tables up


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path))
    return tmp_path


def versioned(content, version, id_="toy"):
    toy = content()
    return replace(toy, metadata=replace(toy.metadata, id=id_, version=version))


def test_an_id_means_the_newest_version(content, home):
    versioned(content, 2).write(home / "toy.parquet")
    versioned(content, 10).write(home / "toy@10.parquet")
    versioned(content, 9).write(home / "toy@9.parquet")
    assert open_table("toy").metadata.version == 10
    assert open_table("toy@2").metadata.version == 2
    assert open_table("toy@9").metadata.version == 9
    assert catalogue()["toy"] == [home / f"toy{x}.parquet" for x in ("", "@10", "@9")]


def test_a_table_of_the_user_comes_before_a_shipped_one_of_the_same_version(content, home):
    versioned(content, 1, "nb201-cifar10").write(home / "nb201-cifar10.parquet")
    assert open_table("nb201-cifar10").path == home / "nb201-cifar10.parquet"
    assert open_table("nb201-cifar100").path.parent.name == "data"


def test_a_newer_shipped_table_comes_before_an_older_one_of_the_user(content, home, monkeypatch):
    shipped = home / "shipped"
    monkeypatch.setattr(nasbench.benchmarks.catalogue, "SHIPPED", shipped)
    versioned(content, 1).write(home / "toy.parquet")
    versioned(content, 2).write(shipped / "toy.parquet")
    assert open_table("toy").path == shipped / "toy.parquet"
    assert open_table("toy@1").path == home / "toy.parquet"


def test_a_path_is_opened_as_it_is(path, monkeypatch):
    assert open_table(path).path == path
    assert open_table(str(path)).metadata.id == "toy"
    monkeypatch.chdir(path.parent)
    table = open_table("toy.parquet")
    monkeypatch.chdir("/")
    assert table.path == path
    assert table.diverged.sum() == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nb201-cifar-10", "no benchmark is called 'nb201-cifar-10'; did you mean 'nb201-cifar10'"),
        ("nb201-cifar10@3", "'nb201-cifar10' has no version '3'.* Possible: '1'"),
        ("nb201-cifar10@", "'nb201-cifar10' has no version ''"),
        ("nb201-cifar10@²", "'nb201-cifar10' has no version '²'"),
        ("nb201-cifar10@one", "'nb201-cifar10' has no version 'one'"),
        ("", "no benchmark is called ''"),
        ("nowhere.parquet", "there is no table file 'nowhere.parquet'"),
        ("./nowhere/toy", "there is no table file './nowhere/toy'"),
        (".", "no benchmark is called '.'"),
        ("/", "there is no table file '/'"),
    ],
)
def test_unknown_tables_are_named_with_the_nearest_guess(home, name, message):
    with pytest.raises(UnknownNameError, match=message):
        open_table(name)


def test_a_damaged_table_of_the_user_is_named(home):
    (home / "toy.parquet").write_bytes(b"PAR1")
    with pytest.raises(TableError, match=f"{home}/toy.parquet"):
        open_table("toy")


def test_metadata_survive_json():
    metadata = Metadata(
        id="a", space="nb201", key="arch", dataset="d", epochs={12: [12], 200: [1, 200]}
    )
    document = json.loads(json.dumps(metadata.encode()))
    assert Metadata.decode(document, "here") == metadata
