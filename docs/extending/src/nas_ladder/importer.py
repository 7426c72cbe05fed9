"""Trainings of ladders, from a CSV file."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from data_builders.importer import Importer, Progress, silent
from nas_ladder.space import Ladder
from nasbench.errors import InvalidArgumentError
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

EPOCHS = 10
COLUMNS = ("ladder", "seed", "valid_accuracy", "test_accuracy", "seconds")


class LadderImporter(Importer):
    """Reads ``ladder,seed,valid_accuracy,test_accuracy,seconds``, a row for every training."""

    name = "ladder"
    summary = "Trainings of ladders over 10 epochs, from a CSV file with a row for each"
    ids = ("ladder-toy",)

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        if len(files) != 1:
            raise InvalidArgumentError(f"{len(files)} files are given, but a CSV file is needed")
        try:
            runs = _runs(files[0])
        except (OSError, TypeError, ValueError, csv.Error) as error:
            raise InvalidArgumentError(f"{files[0]} holds no trainings: {error}") from error
        progress(len(runs), len(runs))
        yield Draft(metadata=_metadata(), runs=runs)


def _runs(path: Path) -> pa.Table:
    with path.open(newline="", encoding="utf-8") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file, strict=True))
    if not rows or set(rows[0]) != set(COLUMNS):
        raise ValueError(f"it needs the columns {','.join(COLUMNS)}, and rows")
    space = Ladder()
    archs = [space.canonical(space.from_text(row["ladder"])) for row in rows]
    runs = {
        "arch": pa.array(archs, pa.list_(pa.uint8())),
        "schedule": pa.array([EPOCHS] * len(rows), pa.int32()),
        "seed": pa.array([int(row["seed"]) for row in rows], pa.int32()),
        "status": pa.array(["finished"] * len(rows)),
    }
    for name in COLUMNS[2:]:  # curves with one point, at the end of the training
        values = [[float(row[name])] for row in rows]
        runs[name] = pa.array(values, pa.list_(pa.float32()))
    return pa.table(runs)


def _metadata() -> Metadata:
    return Metadata(
        id="ladder-toy",
        space=Ladder.name,
        key="class",
        dataset="toy",
        epochs={EPOCHS: [EPOCHS]},
        default_objective="valid_accuracy",
        title="Ladders on a made-up data set",
        seeds="training seeds",
        licence="CC0-1.0",
    )
