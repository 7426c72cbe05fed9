"""The reference loop of sequences against definitions written out again."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from data_builders.task import NOT_ASKED
from data_builders.task_recipe import TaskRecipe
from data_builders.tasks.recall import Recall
from data_builders.training import task_reference as reference
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES

TASK = Recall(length=24, pairs=6, queries=4, keys=32, values=32)
RECIPE = TaskRecipe(
    network="seqmix", task=TASK, width=8, heads=1, train=16, valid=12, test=20, epochs=2, batch=8
)
VALID, TEST = TASK.held_out(RECIPE.valid, RECIPE.test)
ARCH = (1, 4, 0, 0)

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_learning_rate_rises_then_follows_a_cosine() -> None:
    recipe = replace(RECIPE, train=80, epochs=2, warmup=0.2, learning_rate=0.01)
    rates = [reference.learning_rate(recipe, step) for step in range(20)]
    assert rates[:4] == pytest.approx([0.0025, 0.005, 0.0075, 0.01])
    assert rates[4:] == pytest.approx([0.005 * (1 + math.cos(math.pi * i / 16)) for i in range(16)])
    constant = replace(recipe, warmup=0.0)
    assert reference.learning_rate(constant, 0) == 0.01


def test_a_training_is_adamw_with_clipped_gradients() -> None:
    """Decoupled decay, bias-corrected moments, and a clipped norm, written out."""
    recipe = replace(RECIPE, clip=0.5, weight_decay=0.1)
    network = reference.build_network(ARCH, recipe).double()
    initialise(network, ARCH, 3)
    parameters = list(network.parameters())
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    figures = []
    for step in range(4):
        tokens, targets = map(torch.from_numpy, TASK.batch(3, step, 8))
        asked = targets != NOT_ASKED
        logits, answers = network(tokens)[asked], targets[asked]
        right = torch.softmax(logits, dim=1)[torch.arange(len(answers)), answers]
        loss = -right.log().mean()
        gradients = torch.autograd.grad(loss, parameters)
        figures.append((loss.item(), 100 * (logits.argmax(dim=1) == answers).double().mean()))
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients))
        rate = reference.learning_rate(recipe, step)
        with torch.no_grad():
            for p, g, (mean, square) in zip(parameters, gradients, moments, strict=True):
                g = g * min(1.0, 0.5 / (norm + 1e-6))
                mean.mul_(0.9).add_(0.1 * g)
                square.mul_(0.95).add_(0.05 * g * g)
                corrected = mean / (1 - 0.9 ** (step + 1))
                root = (square / (1 - 0.95 ** (step + 1))).sqrt()
                p.sub_(rate * 0.1 * p).sub_(rate * corrected / (root + 1e-8))
    ours = reference.train(ARCH, 3, recipe, VALID, TEST, dtype=torch.float64).curves
    losses, accuracies = np.array(figures).reshape(2, 2, 2).mean(axis=1).T
    assert ours["train_loss"] == pytest.approx(losses, abs=1e-12)
    assert ours["train_accuracy"] == pytest.approx(accuracies)


def test_evaluation_is_of_all_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    network = reference.build_network(ARCH, RECIPE).double()
    tokens, targets = reference.tensors(TEST)
    whole = reference.evaluate(network, tokens, targets)
    monkeypatch.setattr(reference, "EVALUATED", 7)
    assert reference.evaluate(network, tokens, targets) == pytest.approx(whole, abs=1e-12)
    asked = targets != NOT_ASKED
    logits = network(tokens)[asked].detach()
    assert whole[1] == 100 * float((logits.argmax(dim=1) == targets[asked]).double().mean())
    assert whole[0] == pytest.approx(
        float(-logits.log_softmax(dim=1)[range(len(logits)), targets[asked]].mean())
    )


def test_a_training_depends_on_its_seed_alone() -> None:
    runs = [reference.train(ARCH, seed, RECIPE, VALID, TEST) for seed in (0, 0, 1)]
    same, other = (
        [runs[0].curves[name].tobytes() == run.curves[name].tobytes() for name in CURVES]
        for run in runs[1:]
    )
    assert all(same)
    assert not any(other[:1])
    assert {curve.dtype for curve in runs[0].curves.values()} == {np.dtype(np.float32)}


def test_a_diverging_training_says_so() -> None:
    training = reference.train(ARCH, 0, replace(RECIPE, learning_rate=1e30), VALID, TEST)
    assert training.status == "diverged"
    assert np.isnan(training.curves["valid_loss"]).any()
