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


RNG, SPACE = random.Random(1), NB201()
ARCHS = sorted({SPACE.canonical(SPACE.sample(RNG)) for _ in range(600)})
WORTH = {arch: 60 + 2 * sum(o % 3 for o in arch) + RNG.gauss(0, 0.5) for arch in ARCHS}


@pytest.fixture(scope="session")
def worth():
    """What each of 366 networks is worth, in percent."""
    return WORTH


@pytest.fixture(scope="session")
def toy(home):
    """``toy(id, columns)`` writes a table of the 366 networks and returns its path.

    A column is a function of architecture and seed, ``diverged`` one that says which trainings did.
    """

    def write(
        id, columns, *, seeds=(0,), epochs=1, default="valid_accuracy", diverged=lambda *_: False
    ):
        rows = [(arch, seed) for arch in ARCHS for seed in seeds]
        runs = {
            "arch": [list(arch) for arch, _ in rows],
            "schedule": [epochs] * len(rows),
            "seed": [seed for _, seed in rows],
            "status": ["diverged" if diverged(*row) else "finished" for row in rows],
            **{name: [value(*row) for row in rows] for name, value in columns.items()},
        }
        metadata = Metadata(
            id=id,
            space="nb201",
            key="arch",
            dataset="dots",
            default_objective=default,
            epochs={epochs: list(range(1, epochs + 1))},
            complete=False,
        )
        write_table(home / f"{id}.parquet", Draft(metadata, pa.table(runs)))
        return home / f"{id}.parquet"

    return write


@pytest.fixture(scope="session")
def single(toy):
    """Path of a table of 366 networks that were trained once each."""
    return toy("single", {"valid_accuracy": lambda arch, seed: WORTH[arch]})
