"""Published results of NAS-Bench-201: reading them, and what no search of the space can give."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from nasbench import Budget

SETS = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "imagenet16": "ImageNet16-120"}
"""Ends of the names of columns, and what the data sets are called."""

ROWS = Path(__file__).with_name("published_rows.csv")
ROUNDING = 0.0051
"""Half of the last printed digit, and what single precision adds."""


class Value(NamedTuple):
    """A printed mean with its standard deviation over runs, if one is printed."""

    mean: float
    sd: float | None = None

    def __str__(self) -> str:
        return f"{self.mean:.2f}" + ("" if self.sd is None else f" ± {self.sd:.2f}")


@dataclass(frozen=True, slots=True)
class Published:
    """A published result.

    Attributes:
        method: As the source calls it.
        kind: ``"search"``, why nothing can be compared, or the cell that it is.
        protocol: ``"12-epoch"`` or ``"200-epoch"`` scores, ``"cell"``, or ``"other"``.
        searched: Data set whose validation accuracies are searched, or ``"each"`` by itself.
        budget: As printed, such as ``"12000 s"`` or ``"100 queries"``; empty if it is not stated.
        runs: Number of runs; None if it is not stated.
        test: Test accuracy in percent, by data set.
        valid: Validation accuracy in percent, by data set.
        source: Where it is printed.
        url: Of the source.
    """

    method: str
    kind: str
    protocol: str
    searched: str
    budget: str
    runs: int | None
    test: dict[str, Value]
    valid: dict[str, Value]
    source: str
    url: str


class Cells(NamedTuple):
    """All cells of the space: accuracies after 200 epochs, means over trainings, in percent.

    Attributes:
        valid: By data set, shape ``(n_cells,)``.
        test: The same, in the same order.
    """

    valid: dict[str, NDArray[np.float64]]
    test: dict[str, NDArray[np.float64]]


def read_rows(path: Path = ROWS) -> list[Published]:
    """The published results.

    Raises:
        ValueError: A number cannot be read, or a budget.
    """
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            row = Published(
                cells["method"],
                cells["kind"],
                cells["protocol"],
                cells["searched"],
                cells["budget"],
                int(cells["runs"]) if cells["runs"] else None,
                {name: value(cells[name]) for name in SETS if cells[name]},
                {name: value(cells[f"{name}_valid"]) for name in SETS if cells[f"{name}_valid"]},
                cells["source"],
                cells["url"],
            )
            if row.kind == "search" and row.budget:
                budget(row.budget)
            rows.append(row)
    return rows


def value(text: str) -> Value:
    """A printed number, such as ``"93.70 ± .36"``.

    Raises:
        ValueError: It is none, or no accuracy in percent.
    """
    mean, _, sd = text.partition("±")
    found = Value(float(mean), float(sd) if sd else None)
    if not 1 < found.mean <= 100:
        raise ValueError(f"{text!r} is no accuracy in percent")
    return found


def budget(text: str) -> Budget:
    """A printed budget, ``"12000 s"`` or ``"100 queries"``.

    Raises:
        ValueError: It is another.
    """
    match re.fullmatch(r"(\d+) (s|queries)", text):
        case re.Match() as found:
            number = int(found[1])
            return Budget(seconds=number) if found[2] == "s" else Budget(trials=number)
    raise ValueError(f"{text!r} is neither seconds ('12000 s') nor queries ('100 queries')")


def impossible(row: Published, cells: Cells) -> list[str]:
    """Data sets on which a row is above the best cell of the space."""
    return [
        name
        for name, printed in row.test.items()
        if printed.mean > cells.test[name].max() + ROUNDING
    ]


def remarks(row: Published, cells: Cells) -> Iterator[str]:
    """What the table says about a row without any search."""
    if above := impossible(row, cells):
        names = ", ".join(SETS[name] for name in above)
        yield f"**impossible**: above the best cell of the space on {names}"
    for name, printed in row.test.items():
        if name in above or row.protocol not in ("12-epoch", "200-epoch"):
            continue
        found = cells.valid[name], cells.test[name]
        chosen = found[1][found[0].argmax()]
        if printed.mean > found[1].max() - ROUNDING > chosen + ROUNDING:
            yield (
                f"**chosen by test**: the mean is the best test accuracy of {SETS[name]}, "
                f"while the cell with the best validation has {chosen:.2f}"
            )
        if name in row.valid and not is_mixture((row.valid[name].mean, printed.mean), *found):
            yield (
                f"**not one cell**: no mixture of cells has {row.valid[name].mean:.2f} validation "
                f"and {printed.mean:.2f} test on {SETS[name]}"
            )


def is_mixture(
    point: tuple[float, float], valid: NDArray[np.float64], test: NDArray[np.float64]
) -> bool:
    """Whether a pair of means can come from runs that each report one cell.

    Means over runs lie in the convex hull of the cells; every accuracy may be off by its rounding.
    """
    pairs = np.unique(np.column_stack([valid, test]), axis=0)
    shifts = ROUNDING * np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    hull = ConvexHull((pairs[:, None] + shifts).reshape(-1, 2))
    normals, offsets = hull.equations[:, :2], hull.equations[:, 2]
    return bool((normals @ np.array(point) + offsets <= 1e-9).all())


def same_cell(row: Published, cells: Cells) -> int | None:
    """Place of the one cell whose test accuracies a row prints; None if there is none."""
    if len(row.test) < len(SETS) or any(printed.sd for printed in row.test.values()):
        return None
    off = [abs(cells.test[name] - printed.mean) for name, printed in row.test.items()]
    (found,) = np.nonzero(np.max(off, axis=0) < ROUNDING)
    return int(found[0]) if len(found) == 1 else None
