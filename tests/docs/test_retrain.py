"""The words on docs/tables.md suffice to repeat a training: a script written from them does."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import nasbench
from data_builders.images.datasets import load_split
from data_builders.plan import load_plan
from data_builders.training import devices, reference
from nasbench.spaces.nb201 import NB201

SCRIPT = Path(__file__).resolve().parents[2] / "docs/scripts/retrain.py"
CELL = NB201().canonical((3, 2, 0, 1, 3, 4))
SEED = 1


@pytest.fixture(autouse=True)
def one_thread():
    with devices.one_thread():
        yield


@pytest.fixture(scope="module")
def retrain():
    spec = importlib.util.spec_from_file_location("retrain", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_uses_nothing_of_the_builders():
    assert "import data_builders" not in SCRIPT.read_text()
    assert "from data_builders" not in SCRIPT.read_text()


def test_it_equals_the_reference_loop_in_double_precision(retrain, monkeypatch):
    monkeypatch.setattr(retrain, "EPOCHS", 2)
    recipe = replace(load_plan("lite201-digits").recipe, epochs=2)
    found = list(retrain.train(CELL, SEED, torch.float64))
    curves = reference.train(CELL, SEED, recipe, load_split(recipe), dtype=torch.float64).curves
    for name in ("train_loss", "valid_accuracy", "test_accuracy"):
        np.testing.assert_allclose([f[name] for f in found], curves[name], rtol=1e-9)


def test_it_gives_the_shipped_training(retrain):
    """Rounding grows from step to step: the first epoch agrees closely, the last one roughly."""
    benchmark = nasbench.load("lite201-digits")
    found = list(retrain.train(CELL, SEED))
    assert found[0]["train_loss"] == pytest.approx(
        benchmark.curve(CELL, "train_loss", seed=SEED)[0], rel=0.01
    )
    for name in ("valid_accuracy", "test_accuracy"):
        shipped = benchmark.curve(CELL, name, seed=SEED)
        assert found[-1][name] == pytest.approx(shipped[-1], abs=2)
