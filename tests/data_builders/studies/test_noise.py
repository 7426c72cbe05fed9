"""Figures of a table's noise, on a table of all classes whose accuracies have a closed form."""

import numpy as np
import pyarrow as pa
import pytest

from data_builders.studies.noise import (
    noise_table,
    sd_between_seeds,
    tau_between_seeds,
    tau_in_top_quarter,
)
from nasbench.benchmarks.loading import load
from nasbench.errors import NasbenchError
from nasbench.spaces import SPACES
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

SPACE = SPACES.load("nb201")()
CELLS = np.array(list(SPACE.archs()))
CLASSES = CELLS[(SPACE.canonical_many(CELLS) == CELLS).all(axis=1)]
N = len(CLASSES)
RISING = np.linspace(10, 90, N)
FUNCTIONS = (SPACE.function_many(CLASSES) == CLASSES).all(axis=1)


@pytest.fixture
def made(tmp_path):
    """``made(valid)`` is a table of all classes: ``valid[seed][class]``, test accuracies rising."""

    def make(*valid):
        rows = {"arch": CLASSES.tolist() * len(valid), "schedule": [1] * (N * len(valid))}
        rows["seed"] = np.repeat(np.arange(len(valid)), N).tolist()
        rows["status"] = ["finished"] * len(rows["seed"])
        for name, values in (
            ("valid", np.concatenate(valid)),
            ("test", np.tile(RISING, len(valid))),
        ):
            rows[f"{name}_accuracy"] = pa.array(values[:, None].tolist(), pa.list_(pa.float32()))
        rows["seconds"] = pa.array([[1.0]] * len(rows["seed"]), pa.list_(pa.float32()))
        metadata = Metadata(
            id=f"made-{len(list(tmp_path.iterdir()))}",
            space="nb201",
            key="class",
            dataset="nothing",
            epochs={1: [1]},
            default_objective="valid_accuracy",
        )
        path = tmp_path / f"{metadata.id}.parquet"
        write_table(path, Draft(metadata, pa.table(rows)))
        return load(path)

    return make


def figures(text: str) -> dict[str, str]:
    rows = [line.strip("| ").split(" | ", 1) for line in text.splitlines()[2:]]
    return {name: value.strip() for name, value in rows}


def test_two_seeds_that_agree(made):
    table = made(RISING, RISING)
    distinct = RISING[FUNCTIONS]
    top = distinct[-(len(distinct) // 4) :].std(ddof=1)
    assert figures(noise_table(table, made(-RISING + 100))) == {
        "classes / functions, seeds": "5,260 / 5,044, 2",
        "validation accuracy, lowest / median / highest mean": "10.00 / 50.00 / 90.00",
        "sd between functions, all / top quarter": f"{distinct.std(ddof=1):.2f} / {top:.2f}",
        "sd between seeds, all / top quarter": "0.00 / 0.00",
        "Kendall tau between seeds, all / the top quarter of a third seed": "1.00 / -",
        "Kendall tau of mean validation with mean test, all / top quarter": "1.00 / 1.00",
        "best mean test accuracy; of the class that one seed's validation chooses": (
            "90.00; 90.00, 90.00"
        ),
        "Spearman correlation with made-1, functions / cells as written": "-1.00 / -1.00",
        "best valid_accuracy of made-1; of the class that mean validation chooses; that one "
        "seed's chooses": "90.00; 10.00; 10.00, 10.00",
        "highest mean validation": f"`{SPACE.to_text(tuple(CLASSES[-1]))}`".replace("|", "\\|"),
        "highest mean test": f"`{SPACE.to_text(tuple(CLASSES[-1]))}`".replace("|", "\\|"),
    }


def test_seeds_that_contradict_each_other(made):
    """Three seeds of one order and its reverse: of three pairs one agrees."""
    table = made(RISING, RISING[::-1], RISING)
    got = figures(noise_table(table, table))
    assert got["Kendall tau between seeds, all / the top quarter of a third seed"].startswith(
        "-0.33"
    )
    assert got["best mean test accuracy; of the class that one seed's validation chooses"] == (
        "90.00; 90.00, 10.00, 90.00"
    )


def test_one_seed_has_no_rows_between_seeds(made):
    table = made(RISING)
    got = figures(noise_table(table, table))
    assert got["classes / functions, seeds"] == "5,260 / 5,044, 1"
    assert not [name for name in got if "between seeds" in name]
    assert got["Spearman correlation with made-0, functions / cells as written"] == "1.00 / 1.00"


def test_large_classes_count_more_among_cells(made):
    """Swapping the disconnected class with another moves cells by its size."""
    swapped = RISING.copy()
    swapped[[0, -1]] = swapped[[-1, 0]]
    got = figures(noise_table(made(RISING), made(swapped)))
    functions, cells = got["Spearman correlation with made-1, functions / cells as written"].split(
        " / "
    )
    assert float(cells) < float(functions)


def test_twins_count_once(made):
    """Values of all but one class of each function change nothing that compares networks."""
    rng = np.random.default_rng(0)
    valid = RISING + rng.normal(size=(3, N))
    other = np.where(FUNCTIONS, valid, rng.uniform(11, 89, (3, N)))
    one, two = (figures(noise_table(made(*v), load("nb201-cifar10"))) for v in (valid, other))
    compared = [name for name in one if name.startswith(("sd", "Kendall"))]
    assert len(compared) == 4
    assert [one[name] for name in compared] == [two[name] for name in compared]


def test_a_published_table_without_validation_is_compared_by_test(made, tmp_path):
    rows = {"arch": CELLS.tolist(), "schedule": [1] * len(CELLS), "seed": [0] * len(CELLS)}
    values = np.linspace(1, 99, len(CELLS))[:, None]
    rows |= {"status": ["finished"] * len(CELLS)}
    rows["test_accuracy"] = pa.array(values.tolist(), pa.list_(pa.float32()))
    metadata = Metadata(id="tests", space="nb201", key="arch", dataset="nothing", epochs={1: [1]})
    write_table(tmp_path / "tests.parquet", Draft(metadata, pa.table(rows)))
    got = figures(noise_table(made(RISING), load(tmp_path / "tests.parquet")))
    assert [got[name] for name in got if name.startswith("best test_accuracy of tests")] == [
        f"99.00; {values[SPACE.rank(tuple(CLASSES[-1])), 0]:.2f}; "
        f"{values[SPACE.rank(tuple(CLASSES[-1])), 0]:.2f}"
    ]


@pytest.mark.parametrize(
    ("benchmark", "published", "message"),
    [
        ("darts-fashion", "nb201-cifar10", "nb201-cifar10 has space 'nb201', not 'darts'"),
        ("lite201-digits", "fcnet-naval", "fcnet-naval has space 'fcnet', not 'nb201'"),
        ("nb201-cifar10", "nb201-cifar10", "has no training with seed 2 of"),
        ("darts-fashion", "darts-fashion", "has no training with seed 1 of"),
    ],
    ids=["other-space", "other-published", "seeds", "incomplete"],
)
def test_what_is_not_possible(benchmark, published, message):
    with pytest.raises(NasbenchError, match=message):
        noise_table(load(benchmark), load(published))


def test_between_seeds():
    accuracies = np.array([[1.0, 2, 3, 4], [1, 2, 4, 3], [4, 3, 2, 1]])
    assert tau_between_seeds(accuracies) == pytest.approx((4 / 6 - 1 - 4 / 6) / 3)
    variances = [accuracies[:, i].var(ddof=1) for i in range(4)]
    assert sd_between_seeds(accuracies) == pytest.approx(np.mean(variances) ** 0.5)


@pytest.mark.parametrize(
    ("spread", "noise", "expected"), [(1, 0, 1), (0, 1, 0), (1, 0.5, 0.41), (1, 1, 0.25)]
)
def test_agreement_in_the_top_quarter_has_no_bias(spread, noise, expected):
    """Figures of an independent simulation: with pure noise, seeds agree by chance alone."""
    rng = np.random.default_rng(1)
    means = rng.normal(0, spread, 20_000)
    accuracies = means + rng.normal(0, noise, (3, 20_000))
    assert tau_in_top_quarter(accuracies) == pytest.approx(expected, abs=0.02)


def test_two_seeds_cannot_tell_of_the_top_quarter():
    assert np.isnan(tau_in_top_quarter(np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 1.0, 3.0, 4.0]])))
