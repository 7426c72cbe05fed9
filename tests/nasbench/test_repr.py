"""What a notebook shows of an object: one short line."""

import pytest

import nasbench
from nasbench.runs.manifest import Manifest
from nasbench.tables.draft import Draft
from nasbench.tables.table import Table


def objects(toy, folder):
    run = nasbench.search("random_search", "nb201-cifar10", budget=nasbench.Budget(trials=3))[0]
    nasbench.save(run, folder)
    runs, archs = toy.tables()
    return {
        "table benchmark": nasbench.load("lite201-digits"),
        "surrogate": nasbench.load("darts-fashion-surrogate"),
        "table": Table(nasbench.load("nb201-cifar10").table.path),
        "draft": Draft(toy.metadata, runs, archs),
        "run": run,
        "records": nasbench.find_records(folder)[0],
        "space": nasbench.load("nb201-cifar10").space,
        "recorded space": nasbench.load("darts-fashion").space,
        "budget": run.manifest.budget,
    }


def test_everything_fits_a_cell(content, tmp_path):
    for name, each in objects(content(), tmp_path).items():
        assert len(repr(each)) <= 160, name
        assert "\n" not in repr(each), name
        assert " object at 0x" not in repr(each), name


def test_what_the_lines_say(content, tmp_path):
    found = objects(content(), tmp_path)
    assert repr(found["table benchmark"]) == (
        "<TableBenchmark lite201-digits@2: 5,260 classes of nb201, 8 epochs, 3 seeds, "
        "valid_accuracy>"
    )
    assert repr(found["records"]) == "<Records random_search on nb201-cifar10: 1 seeds>"
    assert repr(found["run"]).startswith("<Run random_search on nb201-cifar10, seed 0: 3 trials")
    assert repr(found["draft"]) == "<Draft toy@1: 14 trainings of nb201>"


def test_records_become_a_frame(tmp_path):
    budget = nasbench.Budget(trials=4)
    nasbench.search("random_search", "nb201-cifar10", seeds=[2, 0], budget=budget, out=tmp_path)
    (records,) = nasbench.find_records(tmp_path)
    frame = records.to_frame()
    assert frame["seed"].tolist() == [0] * 4 + [2] * 4
    assert frame["trial"].tolist() == [0, 1, 2, 3] * 2
    assert set(frame["benchmark"]) == {"nb201-cifar10@1"}
    assert set(frame["algorithm"]) == {"random_search"}
    assert frame["loss"].tolist() == [x for run in records.runs() for x in run.losses[:, 0]]
    assert records.to_frame(seeds=[2])["seed"].tolist() == [2] * 4
    assert isinstance(records.manifest, Manifest)


@pytest.mark.parametrize("name", ["find_records", "save", "Records"])
def test_the_package_offers(name):
    assert name in nasbench.__all__
