import bz2
import importlib
import inspect
import os
import pickle
import re
from collections import OrderedDict
from itertools import product
from pathlib import Path

import nats_bench.api_utils
import numpy as np
import pytest

from nasbench.compat.nats_bench import api_utils, create, pickle_load
from nasbench.errors import ArchiveError, InvalidArgumentError

RECORDS = Path(os.environ["NASBENCH_SHARED"]) / "data" / "published" / "NATS-tss-v1_0-3ffb9-simple"
LEFT_OUT = {"pickle_save", "get_file_system", "reset_file_system"}


@pytest.mark.parametrize("name", ["api_utils", "api_topology", "api_size", "genotype_utils"])
def test_modules_have_what_those_of_the_original_define(name):
    theirs, mine = (
        importlib.import_module(f"{package}.{name}")
        for package in ("nats_bench", "nasbench.compat.nats_bench")
    )
    defined = {
        each: value
        for each, value in vars(theirs).items()
        if getattr(value, "__module__", "") == theirs.__name__ and each not in LEFT_OUT
    }
    assert defined
    for each, value in defined.items():
        assert hasattr(mine, each), each
        if inspect.isfunction(value) and each != "mean":
            expected, found = (inspect.signature(f) for f in (value, getattr(mine, each)))
            assert list(found.parameters) == list(expected.parameters), each


def test_names_of_archives():
    for name in ("api_topology", "api_size"):
        theirs, mine = (
            importlib.import_module(f"{package}.{name}").ALL_BASE_NAMES
            for package in ("nats_bench", "nasbench.compat.nats_bench")
        )
        assert mine == theirs
    assert api_utils.PICKLE_EXT == nats_bench.api_utils.PICKLE_EXT


def test_names_of_sets_are_those_of_the_original(capsys):
    datasets = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120", "other")
    for pair in product(datasets, ("train", "valid", "test", "x-valid", "ori-test")):
        expected = nats_bench.api_utils.remap_dataset_set_names(*pair)
        assert api_utils.remap_dataset_set_names(*pair) == expected
    assert not capsys.readouterr().out
    api_utils.remap_dataset_set_names("cifar10", "valid", verbose=True)
    assert "cifar10-valid, x-valid" in capsys.readouterr().out


def test_small_functions(tmp_path):
    assert re.fullmatch(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]", api_utils.time_string())
    assert api_utils.mean([1, 2]) == 1.5
    (tmp_path / "file").touch()
    found = [
        (api_utils.nats_is_dir(p), api_utils.nats_is_file(p)) for p in (tmp_path, tmp_path / "file")
    ]
    assert found == [(True, False), (False, True)]


@pytest.fixture
def saved(tmp_path):
    """``saved(content)`` is the path of a file of the archive without its last extension."""

    def save(content):
        with bz2.open(tmp_path / "000284.pickle.pbz2", "wb") as file:
            pickle.dump(content, file, protocol=4)
        return tmp_path / "000284.pickle"

    return save


def test_records_are_read(saved):
    content = {"12": OrderedDict({0: 1.5, "a": [1, "b", None, {2}]}), "n": np.float64(2.5)}
    path = saved(content)
    for given in (path, str(path), f"{path}.pbz2"):
        assert pickle_load(given) == nats_bench.pickle_load(given) == content


def test_published_records_are_read():
    if not RECORDS.exists():
        pytest.skip(f"there are no published records in {RECORDS}")
    for path in RECORDS.glob("*.pbz2"):
        assert pickle_load(path) == nats_bench.pickle_load(path)


def test_code_is_refused(saved):
    path = saved(os.getcwd)
    with pytest.raises(ArchiveError, match="getcwd"):
        pickle_load(path)


def test_files_that_are_none(saved, tmp_path):
    path = saved([1])
    with pytest.raises(
        InvalidArgumentError, match=r"there is neither a file .*none nor .*none\.pbz2"
    ):
        pickle_load(tmp_path / "none")
    whole = path.with_suffix(".pickle.pbz2")
    whole.write_bytes(whole.read_bytes()[:-9])
    for content in (whole.read_bytes()[:-9], b"<html>"):
        whole.write_bytes(content)
        with pytest.raises(ArchiveError, match="000284"):
            pickle_load(path)


def test_what_was_read_is_refused_as_a_source(saved):
    with pytest.raises(InvalidArgumentError, match="give the path"):
        create(pickle_load(saved({"meta_archs": []})), "tss")
