import random

import pyarrow as pa
import pytest

from nasbench.spaces.nb201 import NB201
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table
from surrogates.fit import fit


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("surrogates")


@pytest.fixture(scope="session")
def digits(home):
    """Curves of validation and test accuracy, and seconds."""
    quick = {"regressor": "xgb", "hyperparameters": {"rounds": 60}}
    return fit("lite201-digits", home, train=600, searches=2, **quick)


@pytest.fixture(scope="session")
def published(home):
    """One number an architecture."""
    return fit("nb201-cifar10", home, regressor="random_forest", train=600, searches=0)


@pytest.fixture(scope="session")
def single(home):
    """Path of a table of 400 networks that were trained once each."""
    rng, space = random.Random(1), NB201()
    archs = sorted({space.canonical(space.sample(rng)) for _ in range(600)})[:400]
    worth = {arch: 60 + 2 * sum(o % 3 for o in arch) + rng.gauss(0, 0.5) for arch in archs}
    runs = pa.table(
        {
            "arch": [list(arch) for arch in archs],
            "schedule": [1] * len(archs),
            "seed": [0] * len(archs),
            "status": ["finished"] * len(archs),
            "valid_accuracy": [worth[arch] for arch in archs],
        }
    )
    metadata = Metadata(
        id="single",
        space="nb201",
        key="arch",
        dataset="dots",
        default_objective="valid_accuracy",
        epochs={1: [1]},
        complete=False,
    )
    write_table(home / "single.parquet", Draft(metadata, runs))
    return home / "single.parquet"
