"""Many different ``seqmix`` networks as one program on stacked weights.

Every model computes what its own :class:`data_builders.networks.seqmix.SeqMixNetwork` would. In
each layer, models with the same mixer lie next to each other; between layers they change places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders.networks.mixers import MIXERS, Mixer
from data_builders.training.batched.layers import Maker
from nasbench.space import Arch
from nasbench.spaces import seqmix


@dataclass(eq=False, frozen=True, slots=True)
class Stack:
    """One block of the models that have the same mixer there.

    Attributes:
        site: Name of the block in a stand-alone network.
        models: Numbers of the models, in their places.
        mixer: What is between the projections, of any of the models.
        scale: Of the norm, shape ``(models, width)``.
        into: First projection, shape ``(models, features, width)``.
        out: Second one, shape ``(models, width, features)``.
        own: The mixer's own parameters by name, with models first.
    """

    site: str
    models: tuple[int, ...]
    mixer: Mixer
    scale: Tensor
    into: Tensor
    out: Tensor
    own: Mapping[str, Tensor]

    def parameters(self) -> dict[str, Tensor]:
        """All trained tensors, by name in a stand-alone network."""
        names = {"norm.weight": self.scale, "mixer.into.weight": self.into}
        names |= {"mixer.out.weight": self.out}
        names |= {f"mixer.{name}": value for name, value in self.own.items()}
        return {f"{self.site}.{name}": value for name, value in names.items()}

    def __call__(self, x: Tensor) -> Tensor:
        """Features after the block, of the models' features ``(models, batch, length, width)``."""
        kind, (models, batch, length, _) = x.dtype, x.shape
        flat = x.flatten(1, 2)
        # The scale of the norm belongs to either side of the product; the weights are smaller.
        into = (self.into * self.scale[:, None]).to(kind)
        normed = F.layer_norm(flat, flat.shape[-1:])
        # A product for each part, so that what is between runs over memory without gaps.
        weights = torch.split(into, [*self.mixer.sizes], dim=1)
        products = (torch.bmm(normed, part.mT) for part in weights)
        parts = [part.view(models, batch, length, -1) for part in products]
        own = (v.view(models, 1, *([1] * (v.dim() == 2)), *v.shape[1:]) for v in self.own.values())
        y = self.mixer.mix(parts, *(v.to(kind) for v in own))
        return torch.baddbmm(flat, y.flatten(1, 2), self.out.to(kind).mT).view(x.shape)


@dataclass(eq=False, frozen=True, slots=True)
class StackedLayer:
    """One layer of all models.

    Attributes:
        places: Where each model of this layer was in the layer before; None if there.
        stacks: Its blocks, one behind the other; the models behind them have no such layer.
    """

    places: Tensor | None
    stacks: Sequence[Stack]

    def __call__(self, x: Tensor) -> Tensor:
        """Features of all models, in the places of this layer."""
        if self.places is not None:
            x = x.index_select(0, self.places)
        sizes = [len(stack.models) for stack in self.stacks]
        rest = len(x) - sum(sizes)
        *parts, kept = torch.split(x, [*sizes, rest])
        mixed = [stack(part) for stack, part in zip(self.stacks, parts, strict=True)]
        return torch.cat([*mixed, kept]) if rest or len(mixed) > 1 else mixed[0]


@dataclass(eq=False, frozen=True, slots=True, kw_only=True)
class StackedSeqMix:
    """The networks of some architectures.

    Attributes:
        archs: The architectures, in the order of the results.
        activations: Type of the features; logits have the type of the weights.
        embedding: Shape ``(models, vocabulary, width)``, models in the places of the first layer.
        first: The models in those places.
        layers: The layers that any model has.
        scale: Of the last norm, shape ``(models, width)``, in the places of the last layer.
        head: Shape ``(models, vocabulary, width)``, likewise.
        last: The models in those places.
        places: Where each model is in the last layer, in the order of the results.
    """

    archs: Sequence[Arch]
    activations: torch.dtype
    embedding: Tensor
    first: tuple[int, ...]
    layers: Sequence[StackedLayer]
    scale: Tensor
    head: Tensor
    last: tuple[int, ...]
    places: Tensor

    def sites(self) -> list[tuple[str, tuple[int, ...], Tensor]]:
        """Return name, models and tensor of all parameters."""
        ends = [
            ("embedding.weight", self.first, self.embedding),
            ("norm.weight", self.last, self.scale),
            ("head.weight", self.last, self.head),
        ]
        blocks = [stack for layer in self.layers for stack in layer.stacks]
        inner = [(n, s.models, value) for s in blocks for n, value in s.parameters().items()]
        return [*ends, *inner]

    def logits(self, tokens: Tensor, asked: Tensor) -> Tensor:
        """Return the logits of all models where an answer is asked.

        Args:
            tokens: Shape ``(batch, length)``, the same for every model.
            asked: Places among all ``batch * length`` tokens.

        Returns:
            Shape ``(models, n_asked, vocabulary)``.
        """
        models, vocabulary, width = self.embedding.shape
        numbers = torch.arange(models, device=tokens.device)[:, None, None] * vocabulary
        table = (sqrt(width) * self.embedding).flatten(0, 1).to(self.activations)
        x = F.embedding(tokens + numbers, table)
        for layer in self.layers:
            x = layer(x)
        x = F.layer_norm(x.flatten(1, 2).index_select(1, asked), (width,)).to(self.head.dtype)
        y = torch.bmm(x, (self.head * self.scale[:, None]).mT)
        return y.index_select(0, self.places)

    def state(self, model: int) -> dict[str, Tensor]:
        """Return the parameters of one model, by name in its own network."""
        return {
            name: value[models.index(model)].detach().clone()
            for name, models, value in self.sites()
            if model in models
        }


def stacked_seqmix(
    archs: Sequence[Arch],
    seed: int,
    *,
    width: int,
    heads: int,
    vocabulary: int,
    length: int,
    weights: torch.dtype,
    activations: torch.dtype,
    device: torch.device,
) -> StackedSeqMix:
    """Return untrained networks with their initial values.

    Args:
        archs: Representatives of their classes; duplicates are allowed.
        seed: Training seed.
        width: Features of a token.
        heads: Heads of the mixers that have heads.
        vocabulary: Number of different tokens.
        length: Tokens of the longest sequence.
        weights: Type of weights and logits.
        activations: Type of the features.
        device: Device of all tensors.
    """
    make = Maker(archs, seed, weights, device)
    options = [seqmix.layers(arch) for arch in archs]
    orders = [_order(options, layer) for layer in range(max(map(len, options)))]
    orders = orders or [tuple(range(len(archs)))]

    def stack(layer: int, option: int, models: tuple[int, ...]) -> Stack:
        name = seqmix.MIXERS[option]
        site = f"blocks.{layer}"
        mixer = MIXERS[name](width, heads, length).to(device)
        shapes = {key: value.shape for key, value in mixer.named_parameters()}
        made = {key: make.stack(f"{site}.mixer.{key}", shapes[key], models) for key in shapes}
        scale = make.stack(f"{site}.norm.weight", (width,), models)
        own = {key: made[key] for key in mixer.own}
        mixer.requires_grad_(False)
        return Stack(site, models, mixer, scale, made["into.weight"], made["out.weight"], own)

    def layer(number: int) -> StackedLayer:
        order = orders[number]
        before = orders[max(0, number - 1)]
        places = None if order == before else _tensor([before.index(m) for m in order], device)
        present = (model for model in order if len(options[model]) > number)
        groups = groupby(present, lambda model: options[model][number])
        return StackedLayer(places, [stack(number, o, tuple(models)) for o, models in groups])

    last = orders[-1]
    return StackedSeqMix(
        archs=archs,
        activations=activations,
        embedding=make.stack("embedding.weight", (vocabulary, width), orders[0]),
        first=orders[0],
        layers=[layer(number) for number in range(max(map(len, options)))],
        scale=make.stack("norm.weight", (width,), last),
        head=make.stack("head.weight", (vocabulary, width), last),
        last=last,
        places=_tensor([last.index(m) for m in range(len(archs))], device),
    )


def _order(options: Sequence[Sequence[int]], layer: int) -> tuple[int, ...]:
    """The models by their mixer in a layer, those without the layer last."""
    none = len(MIXERS) + 1
    key = [own[layer] if layer < len(own) else none for own in options]
    return tuple(sorted(range(len(options)), key=lambda model: key[model]))


def _tensor(places: Sequence[int], device: torch.device) -> Tensor:
    return torch.tensor(places, device=device)
