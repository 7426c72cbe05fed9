"""Mutated plans, manifests of records, claims and calibrations of builds: read or refused."""

import json
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.harness import Case, main
from fuzz.mutations import mutate_document, mutate_text

from data_builders.builds.claim import CLAIM, read_claim
from data_builders.costs.calibration import Calibration
from data_builders.plan import load_plan
from nasbench.errors import NasbenchError
from nasbench.runs.budget import Budget
from nasbench.runs.manifest import Manifest
from nasbench.storage.documents import read_json

PLANS: list[dict[str, Any]] = [
    {
        "id": "toy",
        "version": 1,
        "seeds": [0, 1],
        "description": "A table.",
        "recipe": {
            **{"network": "lite201", "channels": 4, "cells": 1, "dataset": "digits"},
            **{"train": 64, "valid": 32, "test": 32, "epochs": 2, "batch": 16, "flip": True},
            **{"learning_rate": 0.1, "weight_decay": 0.0005},
        },
    },
    {
        "id": "toy",
        "architectures": 12,
        "recipe": {
            **{"network": "seqmix", "width": 16, "heads": 2, "train": 64, "valid": 32},
            **{"test": 32, "epochs": 2, "batch": 16, "warmup": 0.1},
            "task": {
                **{"name": "recall", "length": 32, "pairs": 8, "queries": 4},
                **{"keys": 32, "values": 32},
            },
        },
    },
]
MANIFEST = Manifest(
    algorithm="random_search",
    preset=None,
    hyperparameters={"population": 10, "share": 0.5, "names": ["a", "b"]},
    benchmark="nb201-cifar10",
    version=1,
    content_hash="0" * 64,
    objectives=("valid_accuracy",),
    known=(),
    budget=Budget(trials=10),
    workers=1,
    replicate="draw",
    fidelities=(200,),
    code="0" * 64,
).encode()
CALIBRATION = asdict(Calibration((1e-3, 2e-9), (1e-3, 1e-9), 0.1, 0.1, 20, {"device": "cpu"}))
RECIPE = {"recipe": {"network": "lite201"}, "digest": "0" * 64, "architectures": 10}


def toml(document: dict[str, Any]) -> bytes:
    """A document as TOML: tables in sections, everything else as in JSON."""
    lines: list[str] = []

    def write(values: Mapping[str, Any], path: tuple[str, ...]) -> None:
        if path:
            lines.append(f"[{'.'.join(map(json.dumps, path))}]")
        later = {}
        for name, value in values.items():
            if isinstance(value, dict):
                later[name] = value
            else:
                text = json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")
                lines.append(f"{json.dumps(name)} = {text}")
        for name, value in later.items():
            write(value, (*path, name))

    write(document, ())
    return "\n".join(lines).encode()


def _plan(path: Path) -> None:
    plan = load_plan(str(path))
    plan.recipe.digest("data")
    plan.recipe.published()


def _manifest(path: Path) -> None:
    try:
        document = read_json(path)
    except ValueError as error:  # as records do
        raise NasbenchError(str(error)) from error
    _ = Manifest.decode(document, str(path)).folder_name


def _calibration(path: Path) -> None:
    try:
        Calibration.decode(read_json(path))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:  # as builds do
        raise NasbenchError(str(error)) from error


READERS: Mapping[str, tuple[list[dict[str, Any]], str, Callable[[Path], object]]] = {
    "plans": (PLANS, "plan.toml", _plan),
    "manifests": ([MANIFEST], "manifest.json", _manifest),
    "claims": ([RECIPE], CLAIM, lambda path: read_claim(path.parent)),
    "calibrations": ([CALIBRATION], "calibration.json", _calibration),
}


def case_of(kind: str, rng: random.Random, folder: Path) -> Case:
    """A mutated document of one kind; used by having it read."""
    documents, name, read = READERS[kind]
    document, path = rng.choice(documents), folder / name
    write = toml if name.endswith("toml") else lambda value: json.dumps(value).encode()
    if how := rng.randrange(5):
        for _ in range(rng.choice([1, 1, 2])):
            document = mutate_document(rng, document)
        path.write_bytes(write(document))
    else:
        path.write_bytes(mutate_text(rng, write(document).decode()))

    def use() -> bool:
        read(path)
        return True

    return f"{kind}, {'a value' if how else 'the text'} changed", use


def case(rng: random.Random, folder: Path) -> Case:
    """A mutated document of any kind; right is one that is still possible."""
    return case_of(rng.choice([*READERS]), rng, folder)


if __name__ == "__main__":
    main(case)
