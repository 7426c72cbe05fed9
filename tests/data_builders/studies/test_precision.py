"""Groups with bfloat16 features against networks alone in float32: the same statistics."""

import numpy as np
import pytest
import torch

from data_builders.plan import load_plan
from data_builders.studies import precision
from data_builders.training import image_course
from nasbench.errors import NasbenchError

DIGITS = load_plan("lite201-digits").recipe
SMALL = DIGITS.changed(
    {"channels": 4, "train": 128, "valid": 200, "test": 32, "epochs": 4, "batch": 16}
)
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.mark.parametrize(
    ("device", "recipe", "n_classes"),
    [("cpu", SMALL, 16), pytest.param("cuda", DIGITS, 64, marks=GPU)],
    ids=["cpu", "cuda"],
)
def test_bfloat16_differs_by_less_than_seeds_and_to_no_side(device, recipe, n_classes, monkeypatch):
    if device == "cpu":  # the same figures whatever is fastest at the moment
        monkeypatch.setattr(image_course, "fastest_convolution", lambda *_, **__: "channels_last")
    found = precision.comparison(*precision.accuracies(recipe, n_classes, 2, 1, device))
    of_seeds = found["sd of the differences between two seeds alone"]
    assert found["sd of the differences"] < 1.25 * of_seeds
    assert found["p-value of the differences"] > 1e-5
    assert found["tau of both"] > found["tau between seeds alone"] - 0.05


def test_the_figures():
    alone = np.array([[10.0, 20, 30, 40], [12, 18, 40, 30]])
    found = precision.comparison(alone, alone + np.array([[1.0, 2, 3, 4], [1, 2, 3, 4]]))
    assert found == pytest.approx(
        {
            "mean accuracy alone": 25,
            "mean difference": 2.5,
            "p-value of the differences": 2 / 2**8,
            "sd of the differences": np.std([1, 2, 3, 4] * 2, ddof=1),
            "sd of the differences between two seeds alone": np.mean([4, 4, 100, 100]) ** 0.5,
            "tau of both": 1,
            "tau between seeds alone": 4 / 6,
            "tau between seeds in groups": 4 / 6,
        }
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plan": "lite201-digit"}, "did you mean 'lite201-digits'"),
        ({"classes": 7}, "7 classes with 2 seeds tell nothing"),
        ({"seeds": 1}, "64 classes with 1 seeds tell nothing"),
        ({"classes": 6000}, "6000 is outside 1..5259"),
        ({"processes": 0}, "processes = 0 must be at least 1"),
        ({"device": "tpu"}, "device = 'tpu'; did you mean 'cpu'. Possible: 'cpu', 'cuda'"),
    ],
    ids=["plan", "classes", "seeds", "too-many", "processes", "device"],
)
def test_what_is_not_possible(options, message):
    usual = {"plan": "lite201-digits", "classes": 64, "seeds": 2, "processes": 1}
    with pytest.raises(NasbenchError, match=message):
        precision.precision_table(**(usual | options))


def test_the_table(monkeypatch):
    monkeypatch.setattr(precision, "accuracies", lambda *_: (np.eye(2, 8), np.ones((2, 8))))
    table = precision.precision_table(
        "lite201-digits", classes=8, seeds=2, processes=1, device="cpu"
    )
    assert table.splitlines()[:3] == [
        "| 8 classes, 2 seeds, cpu | value |",
        "|---|--:|",
        "| mean accuracy alone | 0.12 |",
    ]
