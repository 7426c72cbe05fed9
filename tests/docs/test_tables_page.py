"""Figures of docs/tables.md are those of the commands that it names."""

import csv
import gzip
import os
import re
from pathlib import Path

import numpy as np
import pytest

import nasbench
from data_builders.studies.noise import noise_table

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/tables.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PUBLISHED = Path(os.environ["NASBENCH_SHARED"]) / "data/published/nb201_12_epochs.csv.gz"


@pytest.mark.parametrize("name", ["lite201-digits", "lite201-fashion"])
def test_the_noise_of_a_table_is_what_the_study_prints(name):
    printed = noise_table(nasbench.load(name), nasbench.load("nb201-cifar10"))
    _, _, rest = PAGE.partition(f"`nasbench study noise {name}`:\n\n")
    assert rest.startswith(printed + "\n")


def test_graphs_and_functions_are_counted():
    space = nasbench.load("lite201-digits").space
    cells = np.array(list(space.archs()))
    counts = [len(np.unique(f(cells), axis=0)) for f in (space.canonical_many, space.function_many)]
    for text in (PAGE, README):
        assert set(re.findall(r"([\d,]+) graphs", text)) == {f"{counts[0]:,}"}
        found = set(re.findall(r"(\d,\d{3})\s+\[?functions", text))
        assert found == {f"{counts[1]:,}"}


@pytest.mark.skipif(
    not PUBLISHED.is_file(),
    reason=f"needs {PUBLISHED}; set NASBENCH_SHARED to the folder that holds data/published",
)
def test_what_fashion_chooses_is_nearly_the_best_on_published_test_images():
    benchmark = nasbench.load("lite201-fashion")
    with gzip.open(PUBLISHED, "rt") as file:
        rows = list(csv.DictReader(file))
    archs = np.array([benchmark.space.from_text(row["arch"]) for row in rows])
    test = np.array([float(row["test_cifar10"]) for row in rows])

    def chosen(seed):
        valid = benchmark.query_many(archs, "valid_accuracy", seed=seed)
        (found,) = np.flatnonzero(valid == valid.max())
        return f"{test[found]:.2f}"

    best = f"{test.max():.2f}"
    by_seed = [chosen(seed) for seed in benchmark.seeds]
    assert chosen(None) == by_seed[0]
    said = " ".join(PAGE.split())
    assert f"the same three have {by_seed[0]}, {by_seed[1]} and {by_seed[2]} %" in said
    assert f"the best cell of the space {best} %" in said
    assert f"has {chosen(None)} % on the CIFAR-10 test images" in README
    assert f"where the best has {best} %" in README
