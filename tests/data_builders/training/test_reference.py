"""The reference loop against a second one, written from its definition with nothing of the first.

The second loop has its own random numbers, data order, augmentation, cosine and update; only the
network (tested by itself) and the gradients of PyTorch are shared.
"""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data_builders.images.datasets import Split, load_split
from data_builders.networks.lite201 import Lite201
from data_builders.recipe import ImageRecipe
from data_builders.training import reference as training
from data_builders.training.devices import reproducible
from data_builders.training.initial_values import initialise
from data_builders.training.outcome import CURVES
from data_builders.training.reference import Tensors, epoch_images, train
from nasbench.space import Arch

RECIPE = ImageRecipe(
    network="lite201",
    channels=4,
    cells=1,
    dataset="digits",
    train=64,
    valid=48,
    test=40,
    epochs=6,
    batch=16,
    learning_rate=0.1,
    momentum=0.9,
    weight_decay=5e-3,
    flip=True,
    crop=1,
)
SHAPE = {"channels": 4, "cells": 1, "image_channels": 1, "n_classes": 10}
ARCHS: list[Arch] = [(3, 0, 2, 4, 1, 3), (0, 0, 0, 1, 0, 0)]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split(RECIPE)


def outputs(n: int, *parts: object) -> list[int]:
    """SplitMix64, one output after the other."""
    text = "/".join(map(str, parts))
    state = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    values = []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        values.append(z ^ (z >> 31))
    return values


def uniforms(n: int, *parts: object) -> list[float]:
    return [value // 2**11 / 2**53 for value in outputs(n, *parts)]


class Oracle:
    """One training in float64."""

    def __init__(self, arch: Arch, seed: int, recipe: ImageRecipe, split: Split) -> None:
        self.seed, self.recipe, self.split = seed, recipe, split
        self.network = Lite201(arch, **SHAPE).double()
        for site, parameter in self.network.named_parameters():
            value = torch.zeros(parameter.shape, dtype=torch.float64)
            if "weight" in site and parameter.dim() == 1:
                value += 1
            elif parameter.dim() > 1:
                fan_in = math.prod(parameter.shape[1:])
                bound = 1 / math.sqrt(fan_in) if site == "head.weight" else math.sqrt(6 / fan_in)
                name = "".join(map(str, arch))
                u = uniforms(parameter.numel(), "init", seed, name, site)
                value = torch.tensor([(2 * x - 1) * bound for x in u], dtype=torch.float64)
            parameter.data = value.reshape(parameter.shape)
        self.velocity = {name: None for name, _ in self.network.named_parameters()}
        self.losses: list[float] = []

    def normalised(self, x: np.ndarray) -> Tensor:
        train = self.split.train.x / 1.0
        mean, deviation = train.mean(), math.sqrt(((train - train.mean()) ** 2).mean())
        return torch.tensor((x - mean) / deviation).permute(0, 3, 1, 2)

    def images(self, epoch: int) -> tuple[Tensor, list[int]]:
        recipe, n = self.recipe, self.recipe.train
        drawn = outputs(n, "order", self.seed, epoch)
        order = sorted(range(n), key=drawn.__getitem__)
        flips = uniforms(n, "flip", self.seed, epoch)
        offsets = uniforms(2 * n, "crop", self.seed, epoch)
        source = self.normalised(self.split.train.x)
        images = []
        for k, i in enumerate(order):
            image = source[i].clone()
            if recipe.flip and flips[k] < 0.5:
                image = image[:, :, list(range(image.shape[2]))[::-1]]
            if recipe.crop:
                _, height, width = image.shape
                padded = torch.zeros(
                    1, height + 2 * recipe.crop, width + 2 * recipe.crop, dtype=torch.float64
                )
                padded[:, recipe.crop : -recipe.crop, recipe.crop : -recipe.crop] = image
                top = math.floor(offsets[k] * (2 * recipe.crop + 1))
                left = math.floor(offsets[n + k] * (2 * recipe.crop + 1))
                image = padded[:, top : top + height, left : left + width]
            images.append(image)
        return torch.stack(images), [int(self.split.train.y[i]) for i in order]

    @staticmethod
    def loss(logits: Tensor, y: list[int]) -> Tensor:
        chosen = logits[torch.arange(len(y)), torch.tensor(y)]
        return (logits.exp().sum(dim=1).log() - chosen).mean()

    @staticmethod
    def accuracy(logits: Tensor, y: list[int]) -> float:
        return 100 * np.mean(logits.detach().numpy().argmax(axis=1) == np.array(y))

    def step(self, x: Tensor, y: list[int], rate: float) -> float:
        """Returns the accuracy before the step."""
        self.network.train()
        logits = self.network(x)
        loss = self.loss(logits, y)
        names, parameters = zip(*self.network.named_parameters(), strict=True)
        for name, p, gradient in zip(
            names, parameters, torch.autograd.grad(loss, parameters), strict=True
        ):
            g = gradient + self.recipe.weight_decay * p.data
            v = self.velocity[name]
            v = g if v is None else self.recipe.momentum * v + g
            self.velocity[name] = v
            p.data = p.data - rate * (g + self.recipe.momentum * v)
        self.losses.append(loss.item())
        return self.accuracy(logits, y)

    def curves(self) -> dict[str, list[float]]:
        recipe = self.recipe
        steps = recipe.train // recipe.batch
        curves: dict[str, list[float]] = {name: [] for name in CURVES}
        for epoch in range(recipe.epochs):
            x, y = self.images(epoch)
            accuracies = []
            for i in range(steps):
                done = (epoch * steps + i) / (recipe.epochs * steps)
                rate = recipe.learning_rate * (1 + math.cos(math.pi * done)) / 2
                part = slice(recipe.batch * i, recipe.batch * (i + 1))
                accuracies.append(self.step(x[part], y[part], rate))
            curves["train_loss"].append(float(np.mean(self.losses[-steps:])))
            curves["train_accuracy"].append(float(np.mean(accuracies)))
            self.network.eval()
            for name in ("valid", "test"):
                images = getattr(self.split, name)
                logits = self.network(self.normalised(images.x))
                curves[f"{name}_loss"].append(self.loss(logits, images.y.tolist()).item())
                curves[f"{name}_accuracy"].append(self.accuracy(logits, images.y.tolist()))
        return curves


@pytest.mark.parametrize("arch", ARCHS, ids=str)
@pytest.mark.parametrize("augmented", [True, False])
def test_training_equals_an_independent_loop(
    arch: Arch, augmented: bool, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPE if augmented else replace(RECIPE, flip=False, crop=0, momentum=0.5)
    oracle = Oracle(arch, 5, recipe, split)
    expected = oracle.curves()
    losses = []
    step = training.step

    def recorded(*arguments: object) -> tuple[float, int]:
        total, correct = step(*arguments)
        losses.append(total / recipe.batch)
        return total, correct

    monkeypatch.setattr(training, "step", recorded)
    result = train(arch, 5, recipe, split, dtype=torch.float64)
    assert result.status == "finished"
    assert len(losses) == 24
    np.testing.assert_allclose(losses, oracle.losses, rtol=0, atol=1e-10)
    for name in CURVES:
        assert result.curves[name].dtype == np.float64
        np.testing.assert_allclose(result.curves[name], expected[name], rtol=0, atol=1e-10)


def test_networks_learn(split: Split) -> None:
    recipe = replace(RECIPE, flip=False, crop=0)
    curves = train(ARCHS[0], 0, recipe, split).curves
    assert curves["train_loss"][-1] < 0.7 * curves["train_loss"][0]
    assert curves["valid_accuracy"][-1] > 30


def test_the_same_training_twice_is_bitwise_the_same(split: Split) -> None:
    torch.manual_seed(1)
    first = train(ARCHS[0], 3, RECIPE, split)
    torch.manual_seed(2)
    train(ARCHS[1], 4, RECIPE, split)
    second = train(ARCHS[0], 3, RECIPE, split)
    for name in CURVES:
        assert first.curves[name].dtype == np.float32
        assert np.isfinite(first.curves[name]).all()
        assert first.curves[name].tobytes() == second.curves[name].tobytes()
    other = train(ARCHS[0], 4, RECIPE, split)
    assert not np.array_equal(first.curves["valid_loss"], other.curves["valid_loss"])


def values(arch: Arch, seed: int, *, name: Arch | None = None, **shape: int) -> dict[str, Tensor]:
    network = Lite201(arch, **(SHAPE | shape))
    initialise(network, arch if name is None else name, seed)
    return {site: value.detach().clone() for site, value in network.named_parameters()}


def test_initial_values_depend_on_seed_class_and_site_only() -> None:
    arch = ARCHS[0]
    torch.manual_seed(0)
    a = values(arch, 1)
    torch.manual_seed(1)
    # The same sites in a larger network, beside other sites and another generator state.
    b = values(arch, 1, cells=2, n_classes=3)
    shared = [site for site in a if site in b and a[site].shape == b[site].shape]
    assert len(shared) > 20
    assert all(torch.equal(a[site], b[site]) for site in shared)
    drawn = [site for site in a if a[site].dim() > 1]
    for other in (values(arch, 2), values(arch, 1, name=(3, 0, 2, 4, 1, 2))):
        assert not any(torch.equal(a[site], other[site]) for site in drawn)
    for i, site in enumerate(drawn):
        for second in drawn[i + 1 :]:
            n = min(a[site].numel(), a[second].numel())
            assert not torch.equal(a[site].sign().flatten()[:n], a[second].sign().flatten()[:n])


def test_initial_values_have_the_stated_spread() -> None:
    network = Lite201((3, 3, 3, 3, 3, 3), channels=16, cells=1, image_channels=3, n_classes=10)
    initialise(network, (3, 3, 3, 3, 3, 3), 0)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            weight, fan_in = module.weight.detach(), module.weight[0].numel()
            assert float(weight.abs().max()) <= math.sqrt(6 / fan_in) * (1 + 1e-6)
            if weight.numel() > 2000:
                assert float(weight.std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.05)
        elif isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 1).all()
            assert (module.bias == 0).all()
        elif isinstance(module, nn.Linear):
            assert 0.9 / 8 < float(module.weight.detach().abs().max()) <= (1 + 1e-6) / 8
            assert (module.bias == 0).all()


def numbered(n: int, size: int = 2) -> Tensors:
    """Images that hold their own number and position: 100 * image + 10 * row + column + 11."""
    image = torch.arange(n)[:, None, None, None] * 100.0 + 11
    row, column = torch.arange(size)[:, None] * 10.0, torch.arange(size)[None, :]
    return Tensors(image + row + column, torch.arange(n))


def test_data_order_depends_on_seed_and_epoch_only() -> None:
    n = 32
    data, plain = numbered(n), replace(RECIPE, flip=False, crop=0)
    torch.manual_seed(0)
    first = epoch_images(data, plain, 1, 2)
    assert sorted(first.y.tolist()) == list(range(n))
    assert torch.equal(first.x, data.x[first.y])
    torch.manual_seed(1)
    others = replace(plain, learning_rate=1.0, channels=8, batch=4, train=32, epochs=9, crop=1)
    for recipe in (others, replace(others, flip=True)):
        assert torch.equal(epoch_images(data, recipe, 1, 2).y, first.y)
    orders = {tuple(epoch_images(data, plain, s, e).y.tolist()) for s in (1, 2) for e in range(3)}
    assert len(orders) == 6


def test_order_of_all_classes_is_the_same_at_one_seed(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = []
    whole = training.epoch_images

    def recorded(*arguments: object) -> Tensors:
        images = whole(*arguments)
        seen.append(images.y.tolist())
        return images

    monkeypatch.setattr(training, "epoch_images", recorded)
    for arch in ARCHS:
        train(arch, 1, replace(RECIPE, epochs=2), split)
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]


def test_a_flip_mirrors_left_and_right() -> None:
    images = epoch_images(numbered(64), replace(RECIPE, flip=True, crop=0), 0, 0)
    kinds = {"kept": 0, "mirrored": 0}
    for x, i in zip(images.x[:, 0].tolist(), images.y.tolist(), strict=True):
        n = 100 * i + 11
        kept = x == [[n, n + 1], [n + 10, n + 11]]
        assert kept or x == [[n + 1, n], [n + 11, n + 10]]
        kinds["kept" if kept else "mirrored"] += 1
    assert min(kinds.values()) > 16


def test_a_crop_shifts_by_up_to_its_pixels_and_fills_with_zeros() -> None:
    images = epoch_images(numbered(200), replace(RECIPE, flip=False, crop=1), 0, 0)
    shifts: dict[tuple[int, int], int] = {}
    for x, i in zip(images.x[:, 0].tolist(), images.y.tolist(), strict=True):
        n = 100 * i + 11
        pixel = {(r, c): float(n + 10 * r + c) for r in range(2) for c in range(2)}
        matching = [
            (down, right)
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
            if x == [[pixel.get((r + down, c + right), 0.0) for c in range(2)] for r in range(2)]
        ]
        assert len(matching) == 1
        shifts[matching[0]] = shifts.get(matching[0], 0) + 1
    assert len(shifts) == 9
    assert min(shifts.values()) > 8


def test_normalisation_uses_the_training_images_channel_by_channel() -> None:
    recipe = replace(RECIPE, train=4, batch=1, valid=2, test=2)
    part = load_split(recipe)
    colours = [
        replace(images, x=np.concatenate([images.x, images.x // 2, images.x * 0 + 7], axis=3))
        for images in (part.train, part.valid, part.test)
    ]
    data = training.tensors(Split(*colours, n_classes=10, digest=""), torch.float64)
    for channel in range(2):
        pixels = colours[0].x[..., channel] / 1.0
        expected = (colours[1].x[..., channel] - pixels.mean()) / pixels.std()
        torch.testing.assert_close(data["valid"].x[:, channel], torch.tensor(expected))
    assert not data["test"].x[:, 2].any()  # a channel without any deviation


@pytest.mark.parametrize("rate", [1e20, 1e25, 1e30])
def test_an_absurd_learning_rate_ends_as_diverged(rate: float, split: Split) -> None:
    result = train(ARCHS[0], 0, replace(RECIPE, learning_rate=rate), split)
    assert result.status == "diverged"
    for name in CURVES:
        failed = np.isnan(result.curves[name])
        assert failed.any()
        assert (failed == np.isnan(result.curves["train_loss"])).all()
        assert np.isfinite(result.curves[name][: int(failed.argmax())]).all()
        assert failed[int(failed.argmax()) :].all()


def test_epochs_before_the_failure_are_kept(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = train(ARCHS[0], 0, RECIPE, split)
    cosine = training.learning_rate

    def explodes(recipe: ImageRecipe, step: int) -> float:
        return cosine(recipe, step) if step < 3 * recipe.steps else 1e30

    monkeypatch.setattr(training, "learning_rate", explodes)
    result = train(ARCHS[0], 0, RECIPE, split)
    assert result.status == "diverged"
    for name in CURVES:
        assert result.curves[name][:3].tobytes() == sound.curves[name][:3].tobytes()
        assert np.isnan(result.curves[name][3:]).all()


def test_reproducible_kernels_are_asked_for_and_no_longer() -> None:
    def asked() -> tuple[bool, bool]:
        reduced = torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
        return torch.backends.cudnn.deterministic, reduced

    before = asked()
    with reproducible():
        assert asked() == (True, False)
    assert asked() == before
