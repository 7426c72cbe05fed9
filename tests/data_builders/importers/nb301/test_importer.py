"""The importer of NAS-Bench-301 results on synthetic archives in the official layout."""

import io
import json
import math
import os
import pickle
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from data_builders.importers.nb301 import importer as module
from data_builders.importers.nb301.importer import LIMIT, NB301Importer
from data_builders.importers.nb301.result import architecture
from nasbench import Budget
from nasbench.errors import (
    ArchiveError,
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
)
from nasbench.spaces.darts import Darts
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer
from surrogates.fit import fit

SPACE = Darts()
PREFIX = "NetworkSelectorDatasetInfo:darts:"
OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
Cell = list[tuple[str, int]]
Files = dict[str, bytes]
NAN = math.nan

# --- the official layout, written by hand --------------------------------------------------------

RECIPE: dict[str, Any] = {
    "CreateImageDataLoader:batch_size": 96,
    "ImageAugmentation:augment": "True",
    "ImageAugmentation:cutout": "True",
    "ImageAugmentation:cutout_holes": 1,
    "ImageAugmentation:cutout_length": 16,
    "LossModuleSelectorIndices:loss_module": "cross_entropy",
    "NetworkSelectorDatasetInfo:network": "darts",
    PREFIX + "auxiliary": "True",
    PREFIX + "drop_path_prob": 0.2,
    PREFIX + "init_channels": 32,
    PREFIX + "layers": 8,
    "OptimizerSelector:optimizer": "sgd",
    "OptimizerSelector:sgd:learning_rate": 0.025,
    "OptimizerSelector:sgd:momentum": 0.9,
    "OptimizerSelector:sgd:weight_decay": 0.0003,
    "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": 100,
    "SimpleLearningrateSchedulerSelector:cosine_annealing:eta_min": 1e-08,
    "SimpleLearningrateSchedulerSelector:lr_scheduler": "cosine_annealing",
    "SimpleTrainNode:batch_loss_computation_technique": "mixup",
    "SimpleTrainNode:mixup:alpha": 0.2,
}


def configuration(normal: Cell, reduce: Cell) -> dict[str, Any]:
    """The keys of two cells, each 8 pairs of operation and input, two a node."""
    config = dict(RECIPE)
    for name, cell in (("normal", normal), ("reduce", reduce)):
        edge = 0
        for node in range(2, 6):
            pairs = {source: op for op, source in cell[2 * node - 4 : 2 * node - 2]}
            for source in range(node):
                if source in pairs:
                    config[f"{PREFIX}edge_{name}_{edge}"] = pairs[source]
                edge += 1
            if node > 2:
                inputs = "_".join(str(source) for source in sorted(pairs))
                config[f"{PREFIX}inputs_node_{name}_{node}"] = inputs
    return config


def genotype(normal: Cell, reduce: Cell) -> str:
    """The notation of DARTS."""
    return (
        f"Genotype(normal={normal}, normal_concat=[2, 3, 4, 5], "
        f"reduce={reduce}, reduce_concat=[2, 3, 4, 5])"
    )


def random_cell(rng: random.Random) -> Cell:
    cell = []
    for node in range(2, 6):
        cell += [(rng.choice(OPERATIONS), i) for i in sorted(rng.sample(range(node), 2))]
    return cell


def result(cells: tuple[Cell, Cell], valid: Any, **changes: Any) -> dict[str, Any]:
    """One training; ``changes`` replace what it says."""
    return {
        "final_metric_score": valid,
        "optimized_hyperparamater_config": configuration(*cells),
        "budget": 100,
        "info": [
            {
                "train_loss": 0.75,
                "val_accuracy": valid,
                "epochs": 97,
                "model_parameters": 1_200_346,
                "learning_rate": 5.5e-05,
                "train_datapoints": 40000,
                "val_datapoints": 10000,
            }
        ],
        "test_accuracy": 93.17,
        "runtime": 5421,
    } | changes


def curve(end: float) -> list[float]:
    """98 accuracies in single precision, as TensorBoard keeps them."""
    return [float(np.float32(end * (1 - 0.9**epoch))) for epoch in range(1, 99)]


def logs(values: list[float]) -> dict[str, Any]:
    losses = [2 - v / 100 for v in values]
    return {"Train/train_loss": losses, "Train/val_accuracy": values}


RNG = random.Random(301)
A, B, C, D = ((random_cell(RNG), random_cell(RNG)) for _ in range(4))
RESULTS = {
    "rs/results_10.json": result(A, 94.05, test_accuracy=93.61, runtime=5000),
    "rs/results_9_ti.json": result(B, 91.23, test_accuracy=90.4, runtime=4000.5),
    "de/results_3.json": result(A, 93.97, test_accuracy=93.55, runtime=7000),
    "rs/results_2.json": result(A, 94.12, test_accuracy=93.7, runtime=6000),
    "pc_darts/results_0.json": result(C, 89.9, test_accuracy=88.03, runtime=2000),
}


def texts(results: dict[str, Any]) -> Files:
    return {name: json.dumps(content).encode() for name, content in results.items()}


def as_folder(files: Files, path: Path) -> Path:
    path.mkdir(exist_ok=True)
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def as_zip(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"nb_301/{name}", data)
    return path


def as_tar(files: Files, path: Path, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(f"nb_301/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def convert(paths: list[Path], folder: Path) -> Path:
    """The table of archives, written as the command line does; ``folder`` must be empty."""
    out = folder / "out"
    out.mkdir()
    path = out
    for table in NB301Importer().tables(paths, work=folder / "work"):
        path = out / f"{table.metadata.id}.parquet"
        write_table(path, table)
    return path


# --- configurations ------------------------------------------------------------------------------


def test_an_architecture_is_read_by_hand() -> None:
    """Node 4 takes inputs 1 and 3, which are edges 5 + 1 and 5 + 3."""
    keys = {
        "edge_normal_0": "skip_connect",
        "edge_normal_1": "sep_conv_3x3",
        "inputs_node_normal_3": "1_2",
        "edge_normal_3": "dil_conv_5x5",
        "edge_normal_4": "avg_pool_3x3",
        "inputs_node_normal_4": "1_3",
        "edge_normal_6": "max_pool_3x3",
        "edge_normal_8": "sep_conv_5x5",
        "inputs_node_normal_5": "0_4",
        "edge_normal_9": "dil_conv_3x3",
        "edge_normal_13": "skip_connect",
        "edge_reduce_0": "max_pool_3x3",
        "edge_reduce_1": "max_pool_3x3",
        "inputs_node_reduce_3": "0_1",
        "edge_reduce_2": "skip_connect",
        "edge_reduce_3": "skip_connect",
        "inputs_node_reduce_4": "2_3",
        "edge_reduce_7": "sep_conv_3x3",
        "edge_reduce_8": "dil_conv_3x3",
        "inputs_node_reduce_5": "3_4",
        "edge_reduce_12": "avg_pool_3x3",
        "edge_reduce_13": "dil_conv_5x5",
    }
    arch = architecture({PREFIX + key: value for key, value in keys.items()} | RECIPE, "x.json")
    assert SPACE.to_text(arch) == (
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('dil_conv_5x5', 1), "
        "('avg_pool_3x3', 2), ('max_pool_3x3', 1), ('sep_conv_5x5', 3), ('dil_conv_3x3', 0), "
        "('skip_connect', 4)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
        "('max_pool_3x3', 1), ('skip_connect', 0), ('skip_connect', 1), ('sep_conv_3x3', 2), "
        "('dil_conv_3x3', 3), ('avg_pool_3x3', 3), ('dil_conv_5x5', 4)], "
        "reduce_concat=[2, 3, 4, 5])"
    )
    assert arch == (2, 3, 2, 6, 1, 4, 0, 4, 3, 5, 2, 0, 0, 0, 2, 2, 5, 3, 5, 9, 1, 6)


def test_random_genotypes_come_back() -> None:
    rng = random.Random(1)
    for _ in range(200):
        cells = (random_cell(rng), random_cell(rng))
        arch = architecture(configuration(*cells), "x.json")
        assert arch in SPACE
        assert SPACE.to_text(arch) == genotype(*cells)


# --- an archive without curves -------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    return convert([as_folder(texts(RESULTS), folder / "nb_301")], folder)


def test_every_number_of_a_training_comes_back(path: Path) -> None:
    benchmark = nasbench.load(path)
    answer = benchmark.query(genotype(*B))
    assert answer == {
        "valid_accuracy": 91.23,
        "test_accuracy": 90.4,
        "seconds": 4000.5,
        "parameters": 1_200_346,
    }
    assert benchmark.query(genotype(*C), seed=0, epoch=98)["test_accuracy"] == 88.03


def test_trainings_of_one_architecture_are_seeds_in_the_order_of_optimizer_and_number(
    path: Path,
) -> None:
    benchmark = nasbench.load(path)
    valid = [benchmark.query(genotype(*A), seed=s)["valid_accuracy"] for s in range(3)]
    assert valid == [93.97, 94.12, 94.05]
    assert benchmark.query(genotype(*A))["seconds"] == 6000
    table = Table(path)
    position = [tuple(a) for a in table.written_archs.tolist()].index(SPACE.from_text(genotype(*A)))
    assert table.arch_texts("optimizer")[position] == "de, rs"
    assert table.arch_texts("files")[position] == (
        "de/results_3.json, rs/results_2.json, rs/results_10.json"
    )
    assert "rs/results_9_ti.json" in table.arch_texts("files")


def test_the_table_is_valid_and_a_search_sees_what_is_recorded(path: Path) -> None:
    table = Table(path)
    table.check()
    assert not table.metadata.complete
    assert table.metadata.epochs == {98: [98]}
    assert table.metadata.default_objective == "valid_accuracy"
    runs = nasbench.search("random_search", path, seeds=range(20), budget=Budget(trials=30))
    recorded = {SPACE.from_text(genotype(*cells)) for cells in (A, B, C)}
    assert {trial.proposal.arch for run in runs for trial in run.trials} == recorded
    (run,) = nasbench.search("random_search", path, budget=Budget(seconds=20_000))
    assert 2 <= len(run.trials) <= 10


def test_an_architecture_without_training_is_not_answered(path: Path) -> None:
    with pytest.raises(NotRecordedError, match="holds no training"):
        nasbench.load(path).query(genotype(*D))


def test_the_table_says_what_it_is(path: Path) -> None:
    table = Table(path)
    assert table.metadata.id in NB301Importer.ids
    assert "5 result files" in table.metadata.source
    assert table.metadata.recipe["SimpleTrainNode:mixup:alpha"] == 0.2
    assert table.columns["valid_accuracy"].split == "valid"
    assert "highest" in table.columns["valid_accuracy"].description
    assert table.columns["test_accuracy"].split == "test"


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz", "several", "optimizers"])
def test_the_table_does_not_depend_on_the_container(path: Path, tmp_path: Path, kind: str) -> None:
    files = texts(RESULTS)
    some = {name: data for name, data in files.items() if name.startswith("rs/")}
    others = {name: data for name, data in files.items() if name not in some}
    if kind == "zip":
        given = [as_zip(files | {"__MACOSX/rs/._results_2.json": b"x"}, tmp_path / "a.zip")]
    elif kind == "several":
        given = [as_zip(some, tmp_path / "a.zip"), as_folder(others, tmp_path / "b")]
    elif kind == "optimizers":
        folder = as_folder(files, tmp_path / "all")
        given = [folder / name for name in ("rs", "pc_darts", "de")]
    else:
        mode = "w" + kind.removeprefix("tar").replace(".", ":")
        given = [as_tar(files | {"README.md": b"text"}, tmp_path / "a", mode)]
    table = Table(convert(given, tmp_path))
    assert table.metadata == Table(path).metadata


def test_results_without_a_test_accuracy_make_a_table_without(tmp_path: Path) -> None:
    results = {name: dict(content) for name, content in RESULTS.items()}
    for content in results.values():
        del content["test_accuracy"]
    table = Table(convert([as_folder(texts(results), tmp_path / "in")], tmp_path))
    assert "test_accuracy" not in table.columns


def test_a_failed_training_is_diverged(tmp_path: Path) -> None:
    results = RESULTS | {
        "rs/results_11.json": result(D, NAN, test_accuracy=NAN, runtime=100),
        "rs/results_12.json": result(D, 93.0, runtime=5000),
        "rs/results_13.json": result(D, 0.0, info="Traceback …", test_accuracy=None, runtime=50),
        "rs/results_14.json": result(D, None, runtime=70),
    }
    path = convert([as_folder(texts(results), tmp_path / "in")], tmp_path)
    table = Table(path)
    table.check()
    assert table.diverged.sum() == 3
    benchmark = nasbench.load(path)
    arch = SPACE.from_text(genotype(*D))
    assert benchmark.evaluate(arch, seed=0) == ((math.inf,), 100, 0)
    assert benchmark.evaluate(arch, seed=1) == ((7.0,), 5000, 0)
    assert benchmark.evaluate(arch, seed=2) == ((math.inf,), 50, 0)
    assert "test_accuracy" not in dict(benchmark.query(arch, seed=3))


# --- the complete logs ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The complete logs: a curve of all epochs, one with gaps, and none."""
    folder = tmp_path_factory.mktemp("logs")
    results = {
        "rs/results_1.json": result(A, 94.05, learning_curves=logs(curve(94.0)), runtime=9800),
        "rs/results_2.json": result(B, 93.2, learning_curves=logs(curve(93.0)[::2])),
        "rs/results_3.json": result(C, 92.1),
        "rs/results_4.json": result(D, NAN, learning_curves=logs([50.0] * 60 + [NAN] * 38)),
    }
    return convert([as_zip(texts(results), folder / "logs.zip")], folder)


def test_a_curve_comes_back_beside_the_published_accuracy(full: Path) -> None:
    benchmark = nasbench.load(full)
    expected = curve(94.0)
    assert benchmark.curve(genotype(*A), "valid_accuracy_curve").tolist() == expected
    assert benchmark.query(genotype(*A), epoch=7)["valid_accuracy_curve"] == expected[6]
    assert "valid_accuracy" not in dict(benchmark.query(genotype(*A), epoch=7))
    answer = benchmark.query(genotype(*A))
    assert answer["valid_accuracy"] == 94.05
    assert answer["valid_accuracy_curve"] == expected[97]
    assert benchmark.fidelities == (98,)


def test_seconds_of_an_epoch_are_its_share(full: Path) -> None:
    benchmark = nasbench.load(full)
    assert benchmark.query(genotype(*A), epoch=7)["seconds"] == 700
    assert benchmark.query(genotype(*A))["seconds"] == 9800
    assert "only the total is in the archive" in Table(full).columns["seconds"].description


def test_a_curve_with_gaps_is_not_guessed(full: Path) -> None:
    benchmark = nasbench.load(full)
    for cells in (B, C):
        assert np.isnan(benchmark.curve(genotype(*cells), "valid_accuracy_curve")).all()
    assert benchmark.query(genotype(*B))["valid_accuracy"] == 93.2
    assert "2 of 4 trainings" in Table(full).columns["valid_accuracy_curve"].description


def test_a_curve_ends_where_the_training_failed(full: Path) -> None:
    values = nasbench.load(full).curve(genotype(*D), "valid_accuracy_curve")
    assert np.isnan(values).tolist() == [False] * 60 + [True] * 38


def test_the_table_with_curves_is_valid_and_can_be_searched(full: Path, tmp_path: Path) -> None:
    table = Table(full)
    table.check()
    assert table.metadata.epochs == {98: list(range(1, 99))}
    nasbench.search("random_search", full, seeds=range(20), budget=Budget(trials=10))
    whole = {
        f"rs/results_{n}.json": result(cells, 94.0, learning_curves=logs(curve(90.0 + n)))
        for n, cells in enumerate((A, B, C, D))
    }
    path = convert([as_folder(texts(whole), tmp_path / "in")], tmp_path)
    objectives = ["valid_accuracy_curve"]
    assert nasbench.load(path, objectives=objectives).fidelities == tuple(range(1, 99))
    (run,) = nasbench.search(
        "random_search",
        path,
        objectives=objectives,
        fidelities=[10],
        budget=Budget(epochs=200),
    )
    assert len(run.trials) == 20
    assert run.trials[0].end - run.trials[0].start == pytest.approx(5421 * 10 / 98)


def test_the_contract_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 2)
    folder = as_folder(texts(RESULTS), tmp_path / "nb_301")
    check_importer(NB301Importer(), [folder], work=tmp_path / "work")


# --- a stopped import ----------------------------------------------------------------------------


def test_a_stopped_import_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    monkeypatch.setattr(module, "BLOCK", 2)
    folder, work = as_folder(texts(RESULTS), tmp_path / "nb_301"), tmp_path / "work"
    read: list[str] = []
    parse = module.parse
    monkeypatch.setattr(
        module, "parse", lambda data, where: read.append(where) or parse(data, where)
    )
    seen: list[tuple[int, ...]] = []

    def stop(*step: int) -> None:
        seen.append(step)
        if step[0] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(NB301Importer().tables([folder], work=work, progress=stop))
    assert seen == [(2, 5), (4, 5)]
    assert len(read) == 4
    read.clear()
    (table,) = NB301Importer().tables([folder], work=work)
    assert len(read) == 1
    assert not any(work.iterdir())
    assert table.metadata.source == Table(path).metadata.source


def test_a_changed_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 2)
    bad = RESULTS | {"rs/results_10.json": result(A, 194.05)}
    folder = as_folder(texts(bad), tmp_path / "nb_301")
    with pytest.raises(ArchiveError, match=r"rs/results_10\.json"):
        convert([folder], tmp_path)
    fixed = RESULTS | {"de/results_3.json": result(A, 90.0)}
    as_folder(texts(fixed), folder)
    (table,) = NB301Importer().tables([folder], work=tmp_path / "work")
    assert 90.0 in [value for (value,) in table.runs["valid_accuracy"].to_pylist()]


# --- hostile input -------------------------------------------------------------------------------


def refused(
    given: list[Path], folder: Path, reason: str, kind: type[Exception] = ArchiveError
) -> None:
    """The input is refused for this reason and leaves nothing."""
    with pytest.raises(kind, match=reason) as caught:
        convert(given, folder)
    assert len(str(caught.value)) < 1000
    assert list((folder / "out").iterdir()) == []


def config(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    """Change keys of the configuration; None removes one."""

    def change(content: dict[str, Any]) -> None:
        keys = content["optimized_hyperparamater_config"]
        for key, value in changes.items():
            name = key if ":" in key else PREFIX + key
            keys[name] = value
            if value is None:
                del keys[name]

    return change


def set_info(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda content: content["info"][0].__setitem__(name, value)


def set_key(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda content: content.__setitem__(name, value)


FIXED = (
    [("sep_conv_3x3", 0), ("skip_connect", 1), ("sep_conv_3x3", 0), ("dil_conv_3x3", 1)] * 2,
    [("max_pool_3x3", 0), ("skip_connect", 1), ("sep_conv_5x5", 0), ("dil_conv_5x5", 1)] * 2,
)
T_MAX = "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (config(edge_normal_0="sep_conv_3x4"), "edge_normal_0 is 'sep_conv_3x4'; did you mean 'se"),
        (config(edge_normal_0="none"), "edge_normal_0 is 'none'.* Possible: 'max_pool_3x3', 'avg"),
        (config(edge_reduce_2=["skip_connect"]), r"edge_reduce_2 is \['skip_connect'\]"),
        (config(edge_normal_1=None), "has no .*:edge_normal_1; did you mean 'edge_normal_"),
        (
            config(inputs_node_reduce_4=None),
            "no .*:inputs_node_reduce_4; did you mean 'inputs_node",
        ),
        (config(inputs_node_normal_5="1_0"), "inputs_node_normal_5 is '1_0'; did you mean '"),
        (config(inputs_node_normal_3="0_3"), "is '0_3'.* Possible: '0_1', '0_2', '1_2'"),
        (config(inputs_node_normal_3="0_2"), "has no .*:edge_normal_4; did you mean 'edge_normal_"),
        (
            config(edge_normal_4="skip_connect"),
            "edge_normal_4 is not an input of its node; did",
        ),
        (config(edge_normal_14="skip_connect"), "edge_normal_14 is not an input of its node"),
        (config(layers=20), ":layers is 20, not 8: one table cannot hold both"),
        (config(**{T_MAX: 50}), "T_max is 50, not 100"),
        (config(**{T_MAX: 10**400}), "T_max is 1000.*, not 100"),
        (config(auxiliary="False"), "auxiliary is 'False', not True"),
        (
            set_key("optimized_hyperparamater_config", [1]),
            r"the configuration is \[1\], not an object",
        ),
        (lambda c: c.pop("info"), "has no 'info'. Possible: 'final_metric_score', 'optimized_hyp"),
        (lambda c: c.pop("runtime"), "has no 'runtime'"),
        (set_key("info", {"val_accuracy": 94.0}), "not a list with val_accuracy"),
        (set_key("info", [94.0]), r"info is \[94\.0\], not a list with val_accuracy"),
        (lambda c: c["info"][0].pop("val_accuracy"), "not a list with val_accuracy"),
        (set_info("val_accuracy", 101), "val_accuracy is 101, not a number in 0..100"),
        (set_info("val_accuracy", math.inf), "val_accuracy is inf, not a number in 0..100"),
        (set_info("val_accuracy", "94"), "val_accuracy is '94', not a number"),
        (set_info("val_accuracy", True), "val_accuracy is True, not a number"),
        (set_info("model_parameters", 1.5), "model_parameters is 1.5, not a positive number"),
        (set_info("model_parameters", NAN), "model_parameters is nan, not a positive number"),
        (set_key("test_accuracy", -1), "test_accuracy is -1, not a number in 0..100"),
        (set_key("runtime", NAN), "runtime is nan, not a number of seconds"),
        (set_key("runtime", 0), "runtime is 0, not a number of seconds"),
        (set_key("runtime", None), "runtime is None, not a number of seconds"),
        (
            set_key("learning_curves", []),
            r"learning_curves is \[\], not an object with a list Train/val_accuracy",
        ),
        (
            set_key("learning_curves", {"Train/loss": [1]}),
            "a list Train/val_accuracy of at most 98",
        ),
        (set_key("learning_curves", logs([9.0] * 99)), "val_accuracy of at most 98 accuracies"),
        (
            set_key("learning_curves", {"Train/val_accuracy": [-1.0]}),
            "val_accuracy is -1.0, not a nu",
        ),
    ],
)
def test_a_deviation_is_named_with_its_file(
    tmp_path: Path, change: Callable[[dict[str, Any]], Any], reason: str
) -> None:
    content = result(FIXED, 94.0)
    change(content)
    files = texts(RESULTS | {"tpe/results_7.json": content})
    folder = as_folder(files, tmp_path / "in")
    refused([folder], tmp_path, rf"tpe/results_7\.json.*{reason}")


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, ("false",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (texts(RESULTS)["rs/results_2.json"][:-20], "not a JSON file, or is damaged"),
        (b"", "not a JSON file, or is damaged"),
        (b"\xff\xfe\x00", "not a JSON file, or is damaged"),
        (b"[" * 100_000, "not a JSON file, or is damaged"),
        (pickle.dumps(Bomb()), "not a JSON file, or is damaged"),
        (b"[]", r"holds \[\], not an object"),
        (b" " * (LIMIT + 1), f"larger than {LIMIT:,} bytes"),
        (json.dumps({"x" * 1000: 1, "info" * 500: 2}).encode(), "has no 'optimized_hyper"),
    ],
)
@pytest.mark.parametrize("container", [as_folder, as_zip, as_tar])
def test_a_damaged_file_is_named(
    tmp_path: Path, container: Callable[[Files, Path], Path], data: bytes, reason: str
) -> None:
    given = container(texts(RESULTS) | {"tpe/results_7.json": data}, tmp_path / "in")
    refused([given], tmp_path, rf"tpe/results_7\.json.*{reason}")


def test_the_same_training_under_two_names_is_refused(tmp_path: Path) -> None:
    files = texts(RESULTS)
    files["tpe/results_1.json"] = files["rs/results_9_ti.json"]
    given = as_folder(files, tmp_path / "in")
    reason = r"rs/results_9_ti\.json and tpe/results_1\.json are the same file"
    refused([given], tmp_path, reason)


def test_a_result_given_twice_is_refused(tmp_path: Path) -> None:
    given = [as_folder(texts(RESULTS), tmp_path / "in"), as_zip(texts(RESULTS), tmp_path / "a.zip")]
    refused(given, tmp_path, r"in/rs/results_10\.json and .*a\.zip.*results_10\.json are the same")


def test_an_architecture_with_two_sizes_is_refused(tmp_path: Path) -> None:
    content = result(A, 94.0)
    content["info"][0]["model_parameters"] += 1
    given = as_folder(texts(RESULTS | {"tpe/results_1.json": content}), tmp_path / "in")
    reason = (
        r"de/results_3\.json and tpe/results_1\.json are the same architecture.*1200346 and 120"
    )
    refused([given], tmp_path, reason)


def test_results_with_and_without_test_accuracy_are_refused(tmp_path: Path) -> None:
    content = result(A, 94.0)
    del content["test_accuracy"]
    given = as_folder(texts(RESULTS | {"tpe/results_1.json": content}), tmp_path / "in")
    refused([given], tmp_path, r"tpe/results_1\.json has no test_accuracy, like 1 of 6 results")


@pytest.mark.parametrize(
    "name",
    [
        "../rs/results_1.json",
        "rs/../../results_1.json",
        "/rs/results_1.json",
        "C:\\rs\\results_1.json",
        "..\\rs\\results_1.json",
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_leads_out_of_the_archive_is_refused(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = tmp_path / "a"
    data = texts(RESULTS)["rs/results_2.json"]
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, data)
    else:
        with tarfile.open(path, "w") as tar:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    refused([path], tmp_path, "points outside the archive")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "out"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_in_an_archive_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("rs/results_1.json")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    refused([path], tmp_path, r"rs/results_1\.json is a link or a device")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_a_truncated_archive_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    path = tmp_path / "a"
    if kind == "zip":
        as_zip(texts(RESULTS), path)
    else:
        as_tar(texts(RESULTS), path, "w" + kind.removeprefix("tar").replace(".", ":"))
    data = path.read_bytes()
    if kind == "tar":
        data = data.rstrip(b"\0")
    path.write_bytes(data[: int(part * len(data))])
    refused([path], tmp_path, str(path))


def test_a_tar_that_ends_between_two_files_is_refused(tmp_path: Path) -> None:
    path = as_tar(texts(RESULTS), tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        end = archive.getmembers()[3].offset
    path.write_bytes(path.read_bytes()[:end])
    refused([path], tmp_path, r"a\.tar is truncated")


def test_a_wrong_checksum_in_a_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in texts(RESULTS).items():
            archive.writestr(name, data)
    path.write_bytes(path.read_bytes().replace(b"94.12", b"94.13"))
    refused([path], tmp_path, r"rs/results_2\.json cannot be read: Bad CRC")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = as_zip(texts(RESULTS), tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    refused([path], tmp_path, "is encrypted")


def test_a_result_outside_a_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("results_1.json", texts(RESULTS)["rs/results_2.json"])
    refused([path], tmp_path, r"results_1\.json must lie in a folder named after")


@pytest.mark.parametrize("kind", ["nothing", "missing", "empty folder", "json", "models"])
def test_other_files_say_what_is_wanted(tmp_path: Path, kind: str) -> None:
    given = [tmp_path / "given"]
    if kind == "nothing":
        given = []
    elif kind == "empty folder":
        given[0].mkdir()
    elif kind == "json":
        given[0].write_bytes(texts(RESULTS)["rs/results_2.json"])
    elif kind == "models":
        as_folder({"xgb_v1.0/0/surrogate_model.model": pickle.dumps(Bomb())}, given[0])
    reason = "give the training results of NAS-Bench-301.*pickles, are not read"
    refused(given, tmp_path, reason, InvalidArgumentError)


def test_only_recorded_architectures_belong_to_the_space_of_a_search(path: Path) -> None:
    with pytest.raises(IllegalArchError, match="not among the 3 recorded architectures"):
        nasbench.load(path).space.from_text(genotype(*D))


# --- surrogates of one's own ---------------------------------------------------------------------


@pytest.mark.parametrize("metrics", [None, ["valid_accuracy_curve"]])
def test_a_surrogate_is_fitted_to_the_results(tmp_path: Path, metrics: list[str] | None) -> None:
    """Accuracies that follow from the operations are predicted of cells that nobody trained.

    Every fourth curve is incomplete, which matters only to those who learn curves.
    """
    rng, noise = random.Random(1), np.random.default_rng(1)
    worth = dict(zip(OPERATIONS, (-1.0, -0.6, 0.2, 0.8, 0.6, 0.3, 0.1), strict=True))
    results = {}
    for i in range(240):
        cells = random_cell(rng), random_cell(rng)
        valid = 90 + 0.3 * sum(worth[operation] for cell in cells for operation, _ in cell)
        valid += 0.1 * noise.normal()
        name = f"{'rs' if i % 3 else 'de'}/results_{i}.json"
        logged = logs(curve(valid)[: 98 if i % 4 else 60])
        results[name] = result(cells, valid, learning_curves=logged, runtime=5000 + i)
    path = convert([as_folder(texts(results), tmp_path / "archive")], tmp_path)
    verdict = fit(path, tmp_path / "home", regressor="linear", metrics=metrics, searches=0)
    assert verdict.description.judged["kendall"] > 0.7
    learned = 192 if metrics is None else 144
    assert verdict.description.table["architectures"] == learned
    assert {"without rs", "without de"} <= set(verdict.figures)
    benchmark = nasbench.load(verdict.path)
    arch = benchmark.space.sample(rng)
    assert 80 < benchmark.evaluate(arch, seed=3).losses[0] + 80 < 100
    assert 4_000 < benchmark.query(arch)["seconds"] < 7_000
    assert benchmark.fidelities == ((98,) if metrics is None else tuple(range(1, 99)))
