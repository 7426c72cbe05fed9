"""Where tables are found by their names."""

import os
from dataclasses import replace

import pytest

import nasbench.benchmarks.catalogue
from nasbench.benchmarks.catalogue import catalogue, folders, open_table
from nasbench.benchmarks.loading import load
from nasbench.cli.kinds import read_benchmarks
from nasbench.cli.options import benchmark_ids
from nasbench.errors import (
    InvalidArgumentError,
    NasbenchError,
    TableError,
    UnknownNameError,
)


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


def test_the_folder_of_the_user_is_written_as_in_a_shell(content, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NASBENCH_HOME", "~/tables")
    monkeypatch.chdir(tmp_path)
    path = content().write(tmp_path / "tables" / "toy.parquet")
    assert folders()[0] == tmp_path / "tables"
    assert open_table("toy").path == path
    assert open_table("~/tables/toy.parquet").path == path
    assert [p.name for p in tmp_path.iterdir()] == ["tables"]
    monkeypatch.setenv("NASBENCH_HOME", "~no_such_user_at_all/tables")
    with pytest.raises(InvalidArgumentError, match="~no_such_user_at_all/tables: "):
        folders()


def test_what_macos_leaves_is_no_table(content, home):
    content().write(home / "toy.parquet")
    (home / "._toy.parquet").write_bytes(b"\0\5\x16\7")
    (home / ".DS_Store").write_bytes(b"\0")
    found = [id_ for id_, paths in catalogue().items() if paths[0].parent == home]
    assert found == ["toy"]


def test_a_path_is_opened_as_it_is(content, tmp_path, monkeypatch):
    path = content().write(tmp_path / "toy.parquet")
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


@pytest.fixture
def odd(home):
    """What has the name of a table or surrogate and is none; by name, what is said of it."""
    os.mkfifo(home / "pipe.parquet")
    (home / "folder.parquet").mkdir()
    (home / "link.parquet").symlink_to(home / "nowhere")
    for name, text in (("deep", "[" * 100_000), ("twice", '{"id": "a", "id": "b"}')):
        (home / name).mkdir()
        (home / name / "surrogate.json").write_text(text)
    return {
        "pipe": "is no file",
        "folder": "is no file",
        "link": "is a link to nothing",
        "deep": "nested more than 64 deep",
        "twice": "the key 'id' is there twice",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_what_is_no_benchmark_is_named_and_hides_no_other(odd, content, home):
    content().write(home / "toy.parquet")
    for name, message in odd.items():
        with pytest.raises(NasbenchError, match=rf"{name}.*{message}"):
            load(name)
    assert load("toy").name == "toy"
    found = read_benchmarks()
    for name, message in odd.items():
        key = name if (home / name).exists() else f"{name}.parquet"
        assert message in found[key]["error"]
    assert "error" not in found["toy@1"]
    assert {"toy", "nb201-cifar10", *odd} <= set(benchmark_ids())


def test_a_folder_that_cannot_be_read_is_named(home, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(InvalidArgumentError, match=f"cannot read {home}: Permission denied"):
        catalogue()
    assert benchmark_ids() == []
