"""The one moment in which a table of two files changes, and when its content is verified."""

import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from nasbench.errors import ContentHashError, SchemaError, ValueRangeError
from nasbench.tables import files
from nasbench.tables.files import new_archs_file
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it is done."""


@pytest.fixture
def write(content, tmp_path):
    """``write(n)`` writes the table whose numbers tell n, of runs as of architectures."""

    def written(n):
        toy = content()
        for row in toy.runs:
            row["validation_seconds"] = float(n)
        for row in toy.archs:
            row["parameters"] = n
        return toy.write(tmp_path / "toy.parquet")

    return written


def told(table):
    """The number that all numbers of a table tell; an error if they tell several."""
    numbers = {*table.numbers("validation_seconds", 4).tolist()}
    numbers |= {*table.arch_numbers("parameters").tolist()}
    (number,) = numbers
    return number


def names(folder):
    return sorted(path.name for path in folder.iterdir())


WHOLE = ["toy.archs.parquet", "toy.parquet"]


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_kill_at_any_rename_leaves_the_old_table_or_the_new(
    write, tmp_path, monkeypatch, renames
):
    path = write(1)
    done, rename = [], Path.replace

    def killed(self, target):
        if len(done) == renames:
            raise KilledError
        done.append(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    monkeypatch.setattr("nasbench.tables.writer.settle", lambda path: None)
    if renames < 2:
        with pytest.raises(KilledError):
            write(2)
    else:
        write(2)
    monkeypatch.undo()
    assert told(Table(path)) == (1 if renames < 2 else 2)
    Table(path).check()
    write(3)
    assert told(Table(path)) == 3
    assert names(tmp_path) == WHOLE


def test_the_next_writer_finishes_what_a_killed_one_began(write, tmp_path, monkeypatch):
    path = write(1)
    monkeypatch.setattr("nasbench.tables.writer.settle", lambda path: None)
    write(2)
    monkeypatch.undo()
    assert len(names(tmp_path)) == 3
    write(2)
    assert names(tmp_path) == WHOLE
    assert told(Table(path)) == 2


def test_an_open_table_stays_what_it_was(write, content):
    path = write(1)
    before = Table(path)
    toy = content()
    toy.runs[0]["status"] = "untrained"
    toy.write(path)
    assert told(before) == 1
    assert before.diverged.sum() == 1
    before.check()


def test_a_table_replaced_while_it_is_opened_is_the_new_one(write, monkeypatch):
    path, opened = write(1), files.open_file
    calls = []

    def replaced(file, *options, **more):
        found = opened(file, *options, **more)
        calls.append(file)
        if len(calls) == 1:  # the old file of runs is open, its partner is not
            write(2)
        return found

    monkeypatch.setattr(files, "open_file", replaced)
    assert told(Table(path)) == 2


def test_without_numbers_of_architectures_the_partner_goes(write, content, tmp_path, monkeypatch):
    path = write(1)
    lone = replace(content(), archs=None)
    monkeypatch.setattr("nasbench.tables.writer.settle", lambda path: None)
    lone.write(path)
    assert names(tmp_path) == WHOLE
    assert Table(path).arch_columns == {}
    monkeypatch.undo()
    lone.write(path)
    assert names(tmp_path) == ["toy.parquet"]


def test_no_other_files_are_deleted(write, content, tmp_path):
    path = write(1)
    foreign = new_archs_file(path, "0" * 12)
    foreign.write_text("numbers of somebody else")
    other = content().write(tmp_path / "toy-two.parquet")
    write(2)
    assert foreign.read_text() == "numbers of somebody else"
    Table(other).check()


def test_a_file_has_the_name_of_its_table(write, tmp_path):
    path = write(1)
    for file in (path, archs_file(path)):
        file.rename(file.with_name(file.name.replace("toy", "mine")))
    with pytest.raises(SchemaError, match=r"mine.parquet holds the table toy@1: name it toy.parq"):
        Table(tmp_path / "mine.parquet")


def replace_for_a_while(path, toys, seconds, failures):
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            for toy in toys:
                toy.write(path)
    except Exception as error:
        failures.put(repr(error))
        raise


def load_for_a_while(path, seconds, failures):
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            told(Table(path))
    except Exception as error:
        failures.put(repr(error))
        raise


def test_readers_and_writers_of_one_table(write, content, tmp_path):
    path = write(0)
    toys = []
    for n in (1, 2):
        toy = content()
        for row in toy.runs:
            row["validation_seconds"] = float(n)
        for row in toy.archs:
            row["parameters"] = n
        toys.append(toy)
    spawn = multiprocessing.get_context("spawn")
    failures = spawn.Queue()
    workers = [
        spawn.Process(target=replace_for_a_while, args=(path, toys, 2.0, failures)),
        spawn.Process(target=replace_for_a_while, args=(path, toys[::-1], 2.0, failures)),
        spawn.Process(target=load_for_a_while, args=(path, 2.0, failures)),
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0], failures.get()
    assert names(tmp_path) == WHOLE


def test_content_is_verified_once(write, rewrite, monkeypatch):
    path = write(1)
    Table(path).verify()
    monkeypatch.setattr("nasbench.tables.table.content_hash", lambda *_: "not computed")
    Table(path).verify()
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    with pytest.raises(ContentHashError, match="the content hashes to"):
        Table(path).verify()


def with_goal(column, goal):
    def changed(table):
        n = table.schema.get_field_index(column)
        meaning = table.schema.field(n).metadata | {b"goal": goal}
        return table.set_column(n, table.schema.field(n).with_metadata(meaning), table.column(n))

    return changed


@pytest.mark.parametrize(
    "entry",
    [{"space": "fcnet"}, {"complete": False}, {"default_objective": None}, {"key": "class"}],
)
def test_the_hash_covers_what_answers_depend_on(write, redescribe, entry):
    path = write(1)
    changed = {"space": "nbmacro"} if "space" in entry else entry
    redescribe(path, lambda document: document.update(changed))
    with pytest.raises((ContentHashError, SchemaError)):
        Table(path).verify()


@pytest.mark.parametrize(
    ("column", "text"), [("valid_accuracy", b"min"), ("seconds", b"max")], ids=["goal", "cost"]
)
def test_the_hash_covers_the_meaning_of_columns(write, redescribe, column, text):
    path = write(1)
    table = with_goal(column, text)(pa.parquet.read_table(path))
    pa.parquet.write_table(table, path)
    redescribe(path, lambda document: None)
    with pytest.raises(ContentHashError):
        Table(path).verify()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda t: pa.concat_tables([t, t.slice(3, 1)]), SchemaError, "not sorted .*or are repea"),
        (lambda t: t.take([1, 0, *range(2, len(t))]), SchemaError, "not sorted"),
        (
            lambda t: t.set_column(
                t.schema.get_field_index("seed"), "seed", pa.array([-1] * len(t), pa.int32())
            ),
            SchemaError,
            "not sorted",
        ),
        (
            lambda t: t.slice(0, 1).set_column(
                t.schema.get_field_index("seed"), "seed", pa.array([-1], pa.int32())
            ),
            ValueRangeError,
            "seed -1 is negative",
        ),
    ],
    ids=["doubled", "unsorted", "equal seeds", "negative seed"],
)
def test_the_order_of_rows_is_checked_when_they_are_looked_up(
    write, rewrite, change, error, message
):
    path = write(1)
    rewrite(path, change)
    with pytest.raises(error, match=message):
        Table(path).ranks  # noqa: B018


def recast(name, kind):
    def changed(table):
        n = table.schema.get_field_index(name)
        return table.set_column(n, name, table.column(n).cast(kind))

    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (recast("test_accuracy", pa.list_(pa.float16())), r"'test_accuracy' has type .*halffloat"),
        (recast("seed", pa.int64()), "'seed' has type int64, not int32"),
        (recast("rank", pa.int32()), "'rank' has type int32, not int64"),
        (recast("arch", pa.large_list(pa.uint8())), "'arch' has type large_list"),
        (recast("arch", pa.list_(pa.int64(), 6)), r"'arch' .*not lists of 6 integers"),
        (lambda t: t.append_column("rank", t.column("rank")), "has column 'rank' twice"),
        (lambda t: t.append_column("x", t.column("seconds")).rename_columns(
            [*t.schema.names[:-1], "y", "y"]), "has column 'y' twice"),
        (lambda t: t.drop_columns("status"), "has no column 'status'"),
    ],
    ids=["float16", "int64", "int32", "large", "wide", "rank", "name", "status"],
)  # fmt: skip
def test_types_are_checked_when_a_table_is_opened(write, redescribe, change, message):
    path = write(1)
    table = pa.parquet.read_table(path)
    changed = change(table)
    pa.parquet.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
    redescribe(path, lambda document: None)
    with pytest.raises(SchemaError, match=message):
        Table(path)
