"""The importer of NAS-Bench-Macro on a synthetic and the published archive."""

import hashlib
import json
import os
import pickle
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import nasbench
from data_builders.importers.nbmacro import CLASSES, LIMIT, SHA256, NBMacroImporter, cost
from nasbench import Budget
from nasbench.errors import ArchiveError, InvalidArgumentError, NotRecordedError
from nasbench.spaces.nbmacro import NBMacro
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SHARED = Path(os.environ["NASBENCH_SHARED"])
PUBLISHED = SHARED / "data/published/nas-bench-macro_cifar10.json"
SPACE = NBMacro()
Rows = dict[str, dict[str, Any]]

# Right answers of 10,000; the second and third are one network, as are the last two.
RIGHT = {
    "22212220": (9328, 9333, 9277),
    "00010000": (7000, 7001, 7002),
    "00001000": (7000, 7001, 7002),
    "00000000": (4532, 4533, 4544),
    "21001002": (9001, 9002, 9100),
    "12110000": (8000, 8000, 8000),
    "12101000": (8000, 8000, 8000),
}


def write(tables: Any, out: Path) -> Path:
    """Every table, as the command line writes it."""
    path = out
    for table in tables:
        path = out / f"{table.metadata.id}.parquet"
        write_table(path, table)
    return path


def convert(path: Path, folder: Path) -> Path:
    """The table of an archive; ``folder`` must be empty."""
    (folder / "out").mkdir()
    return write(NBMacroImporter().tables([path], work=folder / "work"), folder / "out")


# --- the network, by PyTorch ---------------------------------------------------------------------


def block(choice: str, inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    if choice == "0":
        if stride == 1:
            return []
        return [nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)]
    expansion, kernel = {"1": (3, 3), "2": (6, 5)}[choice]
    hidden = expansion * inputs
    return [
        nn.Conv2d(inputs, hidden, 1, bias=False),
        nn.BatchNorm2d(hidden),
        nn.Conv2d(hidden, hidden, kernel, stride, kernel // 2, groups=hidden, bias=False),
        nn.BatchNorm2d(hidden),
        nn.Conv2d(hidden, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def measured(key: str) -> tuple[int, int]:
    """Parameters and multiply-adds; activations and shortcuts change neither."""
    with torch.device("meta"):
        layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)]
        for stage, width in zip((key[:2], key[2:5], key[5:]), (64, 128, 256), strict=True):
            for number, choice in enumerate(stage):
                first = number == 0
                layers += block(choice, width // 2 if first else width, width, 1 + first)
        layers += [nn.Conv2d(256, 1280, 1, bias=False), nn.BatchNorm2d(1280)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 10)]
        network, macs = nn.Sequential(*layers).eval(), 0
        values = torch.empty(1, 3, 32, 32)
        for layer in network:
            values = layer(values)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                macs += layer.weight[0].numel() * values.numel()
    return sum(p.numel() for p in network.parameters()), macs


@pytest.mark.parametrize("key", ["22212220", "00000000", "01201021", "10020112"])
def test_parameters_and_macs_are_those_of_the_network(key: str) -> None:
    assert cost(SPACE.from_text(key)) == measured(key)


@pytest.mark.parametrize(
    ("key", "published"),
    [("22212220", (1_985_514, 85_164_544)), ("00000000", (387_882, 7_713_280))],
)
def test_published_parameters_and_flops(key: str, published: tuple[int, int]) -> None:
    assert cost(SPACE.from_text(key)) == published


# --- a synthetic archive -------------------------------------------------------------------------


def rows() -> Rows:
    found = {}
    for key, right in RIGHT.items():
        accuracies = np.float32(right) / np.float32(100)
        parameters, macs = measured(key)
        found[key] = {
            "test_acc": accuracies.tolist(),
            "mean_acc": float(np.mean(accuracies.tolist())),
            "std": float(np.std(accuracies.tolist())),
            "params": parameters,
            "flops": macs,
        }
    return found


@pytest.fixture(scope="module")
def archive() -> Rows:
    return rows()


def place(content: Any, folder: Path) -> Path:
    path = folder / "macro.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def path(archive: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("macro")
    return convert(place(archive, folder), folder)


def test_every_training_comes_back(path: Path, archive: Rows) -> None:
    benchmark = nasbench.load(path, objectives=["test_accuracy"])
    for key, row in archive.items():
        for seed, accuracy in enumerate(row["test_acc"]):
            assert benchmark.query(key, seed=seed)["test_accuracy"] == accuracy
        answer = benchmark.query(key)
        assert answer["test_accuracy"] == pytest.approx(row["mean_acc"], abs=1e-12)
        assert (answer["parameters"], answer["macs"]) == (row["params"], row["flops"])
        assert set(answer) == {"test_accuracy", "parameters", "macs"}


def test_identical_networks_are_one_training(path: Path) -> None:
    table = Table(path)
    assert table.metadata.key == "class"
    assert len(table.archs) == 3 * 5
    assert len(table.written_archs) == len(RIGHT)
    assert table.seed.tolist() == [0, 1, 2] * 5
    unwritten = "21010002"  # the twin of 21001002, which the archive spells otherwise
    benchmark = nasbench.load(path, objectives=["test_accuracy"])
    assert benchmark.query(unwritten, seed=2)["test_accuracy"] == 91.0


def test_the_table_is_valid_and_can_be_searched(path: Path) -> None:
    table = Table(path)
    table.check()
    assert not table.metadata.complete
    runs = nasbench.search(
        "random_search",
        path,
        seeds=range(20),
        budget=Budget(trials=30),
        objectives=["test_accuracy"],
    )
    assert len(runs) == 20
    best = min(trial.losses[0] for run in runs for trial in run.trials)
    assert best == pytest.approx(100 - 93.33, abs=1e-4)


def test_there_is_no_validation_to_search_on(path: Path) -> None:
    with pytest.raises(NotRecordedError, match=r"no validation column.*'test_accuracy'"):
        nasbench.load(path).evaluate((2,) * 8)


def test_the_table_says_what_its_numbers_are(path: Path, tmp_path: Path) -> None:
    table = Table(path)
    assert table.metadata.id in NBMacroImporter.ids
    assert table.metadata.epochs == {50: [50]}
    assert "highest" in table.columns["test_accuracy"].description
    assert table.columns["test_accuracy"].split == "test"
    assert "multiply-adds" in table.arch_columns["macs"].description
    assert "another file than the published" in table.metadata.source
    assert hashlib.sha256(place(rows(), tmp_path).read_bytes()).hexdigest() in table.metadata.source


def test_progress_reaches_its_end(archive: Rows, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    importer = NBMacroImporter()
    files = [place(archive, tmp_path)]
    list(importer.tables(files, work=tmp_path, progress=lambda *step: seen.append(step)))
    assert seen[-1][0] == seen[-1][1]


def test_the_contract_is_kept(archive: Rows, tmp_path: Path) -> None:
    check_importer(NBMacroImporter(), [place(archive, tmp_path)], work=tmp_path / "work")


# --- hostile input -------------------------------------------------------------------------------


def refused(path: Path, folder: Path, reason: str) -> None:
    """The archive is refused for this reason and leaves nothing."""
    with pytest.raises(ArchiveError, match=rf"{path.name}.*{reason}") as caught:
        convert(path, folder)
    assert len(str(caught.value)) < 500
    assert list((folder / "out").iterdir()) == []
    assert not (folder / "work").exists()


def set_value(key: str, name: str, value: Any) -> Callable[[Rows], Any]:
    return lambda rows: rows[key].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.update({"22212230": rows["22212220"]}), "'22212230' is not a text of 8"),
        (lambda rows: rows.update({"2221222": rows["22212220"]}), "'2221222' is not a text of 8"),
        (lambda rows: rows.update({"22212220\n": rows["22212220"]}), "is not a text of 8"),
        (
            lambda rows: rows.update({"00000000": [45.0]}),
            r"00000000 is \[45\.0\], not an object of",
        ),
        (lambda rows: rows["00000000"].pop("flops"), "00000000 has no 'flops', only"),
        (set_value("00000000", "tst_acc", 1.0), "unknown 'tst_acc'; did you mean 'test_acc'"),
        (set_value("00000000", "test_acc", [45.0] * 2), "not 3 numbers"),
        (set_value("00000000", "test_acc", 45.0), "test_acc is 45.0, not 3 numbers"),
        (set_value("00000000", "test_acc", [45.0, float("nan"), 45.0]), "test_acc is nan, no"),
        (set_value("00000000", "test_acc", [45.0, None, 45.0]), "test_acc is None, not a number"),
        (set_value("00000000", "test_acc", [45.0, "45", 45.0]), "test_acc is '45', not a number"),
        (set_value("00000000", "test_acc", [45.0, 145.0, 45.0]), "test_acc is 145.0, not a number"),
        (set_value("00000000", "mean_acc", float("nan")), "mean_acc is nan, not a number"),
        (set_value("00000000", "std", -1.0), "std is -1.0, not a number"),
        (set_value("00000000", "mean_acc", 45.5), "mean_acc is 45.5, but its test_acc gives 45.36"),
        (set_value("00000000", "std", 0.5), "std is 0.5, but its test_acc gives 0.05"),
        (set_value("00000000", "params", 387_882.0), "params is 387882.0, not an integer"),
        (
            set_value("00000000", "params", 387_883),
            "387883 and 7713280, but its layers give 387882 and 7713280",
        ),
        (set_value("00000000", "flops", True), "flops is True, not an integer"),
        (
            set_value("00000000", "flops", 15_426_560),
            "15426560, but its layers give 387882 and 7713280",
        ),
    ],
)
def test_a_deviation_is_named(
    tmp_path: Path, archive: Rows, change: Callable[[Rows], Any], reason: str
) -> None:
    content = json.loads(json.dumps(archive))
    change(content)
    refused(place(content, tmp_path), tmp_path, reason)


def changed(row: dict[str, Any], accuracies: list[float]) -> dict[str, Any]:
    mean, deviation = float(np.mean(accuracies)), float(np.std(accuracies))
    return row | {"test_acc": accuracies, "mean_acc": mean, "std": deviation}


@pytest.mark.parametrize("accuracy", [45.123456, 45.005, 45.32])
def test_an_accuracy_that_the_training_code_cannot_give_is_refused(
    tmp_path: Path, archive: Rows, accuracy: float
) -> None:
    """Too fine for 10,000 images, or not in single precision."""
    accuracies = [accuracy, *archive["00000000"]["test_acc"][1:]]
    content = archive | {"00000000": changed(archive["00000000"], accuracies)}
    refused(place(content, tmp_path), tmp_path, f"00000000: {accuracy} is not a float32 percentage")


def test_identical_networks_with_different_numbers_are_refused(
    tmp_path: Path, archive: Rows
) -> None:
    accuracies = [float(np.float32(70.03)), *archive["00001000"]["test_acc"][1:]]
    content = archive | {"00001000": changed(archive["00001000"], accuracies)}
    refused(place(content, tmp_path), tmp_path, "00001000 and 00010000 are the same network")


def test_a_doubled_key_is_refused(tmp_path: Path, archive: Rows) -> None:
    text = json.dumps(archive)
    path = tmp_path / "macro.json"
    path.write_text(text[:-1] + ', "00000000": ' + json.dumps(archive["21001002"]) + "}")
    refused(path, tmp_path, "the key '00000000' is there twice")


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_truncated_file_is_refused(tmp_path: Path, archive: Rows, size: int) -> None:
    path = place(archive, tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    refused(path, tmp_path, "not a JSON file, or is damaged" if size else "is empty, not nas-bench")


class Bomb:
    def __reduce__(self) -> Any:
        return os.system, ("false",)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pickle.dumps(Bomb()), "is a pickle, not nas-bench-macro_cifar10.json"),
        (b"\xff\xfe\x00", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[]", r"holds \[\] instead of architectures"),
        (b"{}", r"holds \{\} instead of architectures"),
        (b"NaN", "holds nan instead of architectures"),
        (b" " * (LIMIT + 1), "larger than"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "macro.json"
    path.write_bytes(data)
    refused(path, tmp_path, reason)


@pytest.mark.parametrize("files", [[], ["missing.json"], ["."], ["missing.json"] * 2])
def test_wrong_files_say_what_is_wanted(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"give nas-bench-macro_cifar10\.json from"):
        list(NBMacroImporter().tables([tmp_path / file for file in files], work=tmp_path))


# --- the published archive -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def published() -> Rows:
    if not PUBLISHED.exists():
        pytest.skip(f"needs {PUBLISHED}; set NASBENCH_SHARED to the folder that holds it")
    content: Rows = json.loads(PUBLISHED.read_bytes())
    return content


@pytest.fixture(scope="module")
def real(published: Rows, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(PUBLISHED, tmp_path_factory.mktemp("real"))


def test_the_published_table_is_valid_and_whole(real: Path) -> None:
    table = Table(real)
    table.check()
    assert table.metadata.complete
    assert len(table.archs) == 3 * CLASSES
    assert len(table.written_archs) == 3**8
    assert SHA256 in table.metadata.source
    assert "another" not in table.metadata.source
    assert real.stat().st_size < 200_000


def test_every_published_number_comes_back_to_the_last_digit(real: Path, published: Rows) -> None:
    benchmark = nasbench.load(real, objectives=["test_accuracy"])
    archs = np.array([SPACE.from_text(key) for key in published])
    assert sorted(published) == ["".join(key) for key in product("012", repeat=8)]
    for seed in range(3):
        accuracies = [row["test_acc"][seed] for row in published.values()]
        assert benchmark.query_many(archs, "test_accuracy", seed=seed).tolist() == accuracies
    means = benchmark.query_many(archs, "test_accuracy")
    assert means.tolist() == [row["mean_acc"] for row in published.values()]
    for name, key in (("parameters", "params"), ("macs", "flops")):
        assert benchmark.query_many(archs, name).tolist() == [r[key] for r in published.values()]


@pytest.mark.parametrize(
    ("key", "mean", "parameters", "macs", "place"),
    [
        ("22212220", 93.1267, 1_985_514, 85_164_544, -1),
        ("00000000", 45.3633, 387_882, 7_713_280, 0),
    ],
)
def test_the_best_and_the_worst_are_those_of_the_paper(
    real: Path, key: str, mean: float, parameters: int, macs: int, place: int
) -> None:
    benchmark = nasbench.load(real, objectives=["test_accuracy"])
    archs = np.array(list(SPACE.archs()))
    order = np.argsort(benchmark.query_many(archs, "test_accuracy"), kind="stable")
    assert SPACE.canonical(tuple(archs[order[place]].tolist())) == SPACE.canonical(
        SPACE.from_text(key)
    )
    answer = benchmark.query(key)
    assert round(answer["test_accuracy"], 4) == mean
    assert (answer["parameters"], answer["macs"]) == (parameters, macs)


def test_the_published_table_can_be_searched(real: Path) -> None:
    runs = nasbench.search(
        "regularized_evolution",
        real,
        seeds=range(20),
        budget=Budget(trials=100),
        objectives=["test_accuracy"],
    )
    final = [min(trial.losses[0] for trial in run.trials) for run in runs]
    assert 100 - 93.34 <= min(final) <= max(final) < 10
