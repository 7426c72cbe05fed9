"""Read a result file of NAS-Bench-301: one training of a DARTS cell."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from reprlib import repr
from typing import Any

from data_builders.archives.damage import reason
from nasbench.errors import ArchiveError, one_of
from nasbench.space import Arch
from nasbench.spaces.darts import CELLS, Darts

EPOCHS = 98
PREFIX = "NetworkSelectorDatasetInfo:darts:"
CONSTANTS: Mapping[str, float | str] = {
    f"{PREFIX}layers": 8,
    f"{PREFIX}init_channels": 32,
    f"{PREFIX}drop_path_prob": 0.2,
    f"{PREFIX}auxiliary": "True",
    "CreateImageDataLoader:batch_size": 96,
    "ImageAugmentation:cutout": "True",
    "ImageAugmentation:cutout_length": 16,
    "OptimizerSelector:optimizer": "sgd",
    "OptimizerSelector:sgd:learning_rate": 0.025,
    "OptimizerSelector:sgd:momentum": 0.9,
    "OptimizerSelector:sgd:weight_decay": 3e-4,
    "SimpleLearningrateSchedulerSelector:lr_scheduler": "cosine_annealing",
    "SimpleLearningrateSchedulerSelector:cosine_annealing:T_max": 100,
    "SimpleLearningrateSchedulerSelector:cosine_annealing:eta_min": 1e-8,
    "SimpleTrainNode:batch_loss_computation_technique": "mixup",
    "SimpleTrainNode:mixup:alpha": 0.2,
}


@dataclass(frozen=True, slots=True)
class Result:
    """The content of a result file.

    Attributes:
        arch: The architecture.
        valid: Validation accuracy, percent; NaN if the training failed.
        test: Test accuracy, percent; NaN if missing.
        seconds: Run time.
        parameters: Number of parameters; None if not stated.
        curve: Validation accuracy after every epoch, percent; None unless all are recorded.
    """

    arch: Arch
    valid: float
    test: float
    seconds: float
    parameters: int | None
    curve: list[float] | None


def parse(data: bytes, where: str) -> Result:
    """Return the content of a result file.

    Raises:
        ArchiveError: The data are not JSON, or not in the layout of the archive.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError, MemoryError) as error:
        raise ArchiveError(f"{where} is not a JSON file, or is damaged: {reason(error)}") from error
    if not isinstance(content, dict):
        raise ArchiveError(f"{where} holds {repr(content):.80}, not an object")
    for key in ("optimized_hyperparamater_config", "info", "runtime"):
        if key not in content:
            raise ArchiveError(f"{where} has no {key!r}{_nearest(key, content)}")
    config, info = content["optimized_hyperparamater_config"], content["info"]
    if not isinstance(config, dict):
        raise ArchiveError(f"{where}: the configuration is {repr(config):.80}, not an object")
    failed = info is None or info == [] or isinstance(info, str)
    final = {} if failed else info[0] if isinstance(info, list) else None
    if not isinstance(final, dict) or not (failed or "val_accuracy" in final):
        raise ArchiveError(f"{where}: info is {repr(info):.80}, not a list with val_accuracy")
    _check_constants(config, where)
    return Result(
        arch=architecture(config, where),
        valid=_accuracy(final.get("val_accuracy"), "val_accuracy", where),
        test=_accuracy(content.get("test_accuracy"), "test_accuracy", where),
        seconds=_seconds(content["runtime"], where),
        parameters=_parameters(final.get("model_parameters"), where),
        curve=_curve(content.get("learning_curves"), where),
    )


def architecture(config: Mapping[str, Any], where: str) -> Arch:
    """Return the architecture that a configuration describes.

    Edge k of a cell is input i of node n, k = i + (0, 2, 5, 9)[n - 2]; node 2 has inputs 0 and 1.

    Raises:
        ArchiveError: A key is missing, an operation or pair of inputs is unknown, or an operation
            is given for an input that its node does not have.
    """
    given = {
        key.removeprefix(PREFIX): value
        for key, value in config.items()
        if key.startswith((f"{PREFIX}edge_", f"{PREFIX}inputs_node_")) and value is not None
    }
    decisions = iter(Darts.decisions)
    arch: list[int] = []
    used = set()

    def choose(key: str) -> str:
        labels: tuple[str, ...] = next(decisions).labels
        if key not in given:
            raise ArchiveError(f"{where} has no {PREFIX}{key}{_nearest(key, given)}")
        if given[key] not in labels:
            shown = f"{repr(given[key]):.80}"
            raise ArchiveError(f"{where}: {PREFIX}{key} is {shown}{one_of(shown, labels)}")
        used.add(key)
        arch.append(labels.index(given[key]))
        return labels[arch[-1]]

    for cell in CELLS:
        for node, offset in ((2, 0), (3, 2), (4, 5), (5, 9)):
            pair = "0_1" if node == 2 else choose(f"inputs_node_{cell}_{node}")
            for source in pair.split("_"):
                choose(f"edge_{cell}_{offset + int(source)}")
    for key in given:
        if key not in used:
            raise ArchiveError(
                f"{where}: {PREFIX}{key:.80} is not an input of its node"
                f"{one_of(key[:80], sorted(used))}"
            )
    return tuple(arch)


def _nearest(key: str, present: Iterable[str]) -> str:
    """Return the end of a message about a missing key; archives may hold many long ones."""
    return one_of(key, [f"{name:.80}" for name in islice(present, 100)])


def _check_constants(config: Mapping[str, Any], where: str) -> None:
    for key, constant in CONSTANTS.items():
        value = config.get(key, constant)
        if isinstance(constant, str):
            same = value == constant or (value is True and constant == "True")
        else:
            same = _is_number(value) and abs(value) < 1e9
            same = same and math.isclose(value, constant, rel_tol=1e-6)
        if not same:
            raise ArchiveError(
                f"{where}: {key} is {repr(value):.80}, not {constant}: one table cannot hold both "
                "this training and those of NAS-Bench-301"
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _accuracy(value: Any, name: str, where: str) -> float:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return math.nan
    if not _is_number(value) or not 0 <= value <= 100:
        raise ArchiveError(f"{where}: {name} is {repr(value):.80}, not a number in 0..100")
    return float(value)


def _seconds(value: Any, where: str) -> float:
    if not _is_number(value) or not 0 < value < 1e9:
        raise ArchiveError(f"{where}: runtime is {repr(value):.80}, not a number of seconds")
    return float(value)


def _parameters(value: Any, where: str) -> int | None:
    if value is not None and not (_is_number(value) and 0 < value < 1e9 and value == int(value)):
        raise ArchiveError(f"{where}: model_parameters is {repr(value):.80}, not a positive number")
    return None if value is None else int(value)


def _curve(curves: Any, where: str) -> list[float] | None:
    """Return the curve if it has every epoch; a shorter one does not say which are missing."""
    if curves is None:
        return None
    name = "Train/val_accuracy"
    values = curves.get(name) if isinstance(curves, dict) else None
    if not isinstance(values, list) or len(values) > EPOCHS:
        raise ArchiveError(
            f"{where}: learning_curves is {repr(curves):.80}, not an object with a list {name} of "
            f"at most {EPOCHS} accuracies"
        )
    accuracies = [_accuracy(value, name, where) for value in values]
    return accuracies if len(values) == EPOCHS else None
