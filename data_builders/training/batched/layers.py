"""Layers of many models: each site's weights are one tensor, stacked over the models that have it.

Every model starts with the values of
:func:`data_builders.training.initial_values.initial_value`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders.training.initial_values import initial_value
from nasbench.space import Arch

EPSILON = 1e-5
STATISTICS_MOMENTUM = 0.1


@dataclass(eq=False, frozen=True, slots=True)
class Norm:
    """BatchNorm of some models; all tensors have shape ``(models * channels,)``.

    Attributes:
        site: Name in a stand-alone network.
        models: Numbers of the models, ascending.
        scale: Trained scale.
        shift: Trained shift.
        mean: Running mean.
        variance: Running variance, unbiased.
    """

    site: str
    models: Sequence[int]
    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor

    def __call__(self, images: Tensor, *, training: bool) -> Tensor:
        """Normalise by batch statistics, which it records, in training; else by running ones."""
        return F.batch_norm(
            images,
            self.mean,
            self.variance,
            self.scale,
            self.shift,
            training,
            STATISTICS_MOMENTUM,
            EPSILON,
        )

    def part(self, first: int, end: int) -> "Norm":
        """Return the part of models ``first`` to ``end`` (exclusive), renumbered from 0."""
        own, n = within(self.models, first, end), len(self.models)
        values = (self.scale, self.shift, self.mean, self.variance)
        parts = (value.view(n, -1)[own].flatten() for value in values)
        return Norm(self.site, [model - first for model in self.models[own]], *parts)


@dataclass(eq=False, frozen=True, slots=True)
class Layer:
    """Convolution without bias, then BatchNorm, of some models.

    Attributes:
        site: Name of the convolution in a stand-alone network.
        kernels: Shape ``(models, outputs, side, side, inputs)``.
        norm: The BatchNorm.
    """

    site: str
    kernels: Tensor
    norm: Norm

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return kernels and bias, shape ``(models * outputs,)``, with the BatchNorm folded in."""
        norm = self.norm
        scale = norm.scale * torch.rsqrt(norm.variance + EPSILON)
        kernels = self.kernels * scale.view(*self.kernels.shape[:2], 1, 1, 1)
        return kernels, norm.shift - norm.mean * scale

    def part(self, first: int, end: int) -> "Layer":
        """Return the part of some models, as :meth:`Norm.part` does."""
        own = within(self.norm.models, first, end)
        return Layer(self.site, self.kernels[own], self.norm.part(first, end))


def within(models: Sequence[int], first: int, end: int) -> slice:
    """Return where the numbers from ``first`` to ``end`` (exclusive) are in an ascending list."""
    return slice(bisect_left(models, first), bisect_left(models, end))


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes stacked parameters with their initial values.

    Attributes:
        archs: The architecture of every model.
        seed: Training seed.
        dtype: Type of the tensors.
        device: Device of the tensors.
    """

    archs: Sequence[Arch]
    seed: int
    dtype: torch.dtype
    device: torch.device

    def stack(self, site: str, shape: Sequence[int], models: Sequence[int] | None = None) -> Tensor:
        """Return a parameter of some or all models, stacked along the first dimension."""
        archs = self.archs if models is None else [self.archs[model] for model in models]
        values = [initial_value(site, shape, arch, self.seed) for arch in archs]
        return torch.tensor(np.stack(values), dtype=self.dtype, device=self.device)

    def norm(self, site: str, channels: int, models: Sequence[int] | None = None) -> Norm:
        """Return a BatchNorm of some or all models."""
        scale = self.stack(f"{site}.weight", (channels,), models).flatten()
        shift = self.stack(f"{site}.bias", (channels,), models).flatten()
        models = range(len(self.archs)) if models is None else models
        return Norm(site, models, scale, shift, torch.zeros_like(shift), torch.ones_like(scale))

    def layer(
        self,
        sites: tuple[str, str],
        outputs: int,
        inputs: int,
        side: int,
        models: Sequence[int] | None = None,
    ) -> Layer:
        """Return a layer of some or all models; ``sites`` names its convolution and BatchNorm."""
        conv, norm = sites
        kernels = self.stack(f"{conv}.weight", (outputs, inputs, side, side), models)
        kernels = kernels.permute(0, 1, 3, 4, 2).contiguous()
        return Layer(conv, kernels, self.norm(norm, outputs, models))


def as_one(tensors: Sequence[Tensor]) -> Tensor:
    """Return one vector of all tensors, and turn the tensors into views of it."""
    vector = torch.cat([tensor.flatten() for tensor in tensors])
    places = torch.split(vector, [tensor.numel() for tensor in tensors])
    for tensor, place in zip(tensors, places, strict=True):
        tensor.data = place.view(tensor.shape)
    return vector
