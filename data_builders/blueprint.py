"""Networks by their sizes: an architecture as it is before a training, to be used elsewhere."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Self

import torch
from torch import Tensor, nn

from data_builders import NETWORKS
from data_builders.images.datasets import image_sizes
from data_builders.plan import load_plan
from data_builders.recipe import ImageRecipe, Recipe
from data_builders.task_recipe import TaskRecipe
from data_builders.training import task_reference
from data_builders.training.initial_values import initialise
from data_builders.values import MAX_SEED, has_type, refuse_unless
from nasbench.errors import InvalidArgumentError, UnknownNameError, first_line, one_of
from nasbench.space import Arch, SearchSpace
from nasbench.spaces import SPACES

SIZES: Mapping[str, int] = {
    "channels": 16,
    "cells": 5,
    "image_channels": 3,
    "n_classes": 10,
    "size": 32,
    "width": 64,
    "heads": 4,
    "vocabulary": 64,
    "length": 64,
}
"""Sizes that are not given. Those of images are those of NAS-Bench-201 on CIFAR-10."""
MOST: Mapping[str, int] = {"cells": 256, "n_classes": 65_536, "vocabulary": 65_536}
"""Largest values; those of other sizes are :data:`MOST_OF_OTHERS`."""
MOST_OF_OTHERS = 4_096
MOST_PARAMETERS = 500_000_000
"""Two gigabytes, the most that a file of ONNX holds."""
BATCH = 2
"""Examples of an example input; a network that is recorded with one could take one only."""


@dataclass(frozen=True, slots=True)
class Model:
    """A network with its initial values.

    Attributes:
        module: The network in evaluation mode.
        example: What it takes, a batch of :data:`BATCH`.
        input: Name of what it takes, ``images`` or ``tokens``.
        facts: What it is: network, space, architecture, sizes, seed, and the software.
    """

    module: nn.Module
    example: Tensor
    input: str
    facts: Mapping[str, Any]

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def __str__(self) -> str:
        shape = ", ".join(["batch", *map(str, self.example.shape[1:])])
        return (
            f"{self.facts['network']}, {self.input} ({shape}), {self.parameters:,} parameters, "
            f"initial values of seed {self.facts['seed']}"
        )


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A trainable network and its sizes, from which any architecture can be exported.

    Attributes:
        name: Name of the network.
        network: Its class; see :class:`data_builders.network.Network`.
        sizes: All its sizes, by name.
        space: Its search space.
    """

    name: str
    network: Any
    sizes: Mapping[str, int]
    space: SearchSpace

    @classmethod
    def of(
        cls,
        network: str | None = None,
        *,
        plan: str | None = None,
        sizes: Mapping[str, Any] | None = None,
    ) -> Self:
        """Choose a network.

        Args:
            network: Its registered name, or ``"module:Class"``.
            plan: Instead: a shipped plan or a TOML file, whose network and sizes to take.
            sizes: Sizes to change; others are those of the plan, or :data:`SIZES`.

        Raises:
            UnknownNameError: There is no such network, plan or size.
            InvalidArgumentError: Not one of network and plan is given, a size is impossible, or
                the images of the plan are not available.
            MissingExtraError: The network needs a package that is not installed.
        """
        ours: Mapping[str, int] = SIZES
        if plan is not None and network is None:
            recipe = load_plan(plan).recipe
            network, ours = recipe.network, _planned(recipe)
        elif plan is not None or network is None:
            raise InvalidArgumentError(
                f"say a network ({', '.join(NETWORKS.names())}) or a plan, one of the two"
            )
        found = NETWORKS.load(network)
        names = _sizes_of(found.arch_numbers)
        given = dict(sizes or {})
        for name, value in given.items():
            if name not in names:
                raise UnknownNameError(
                    f"the network {network!r} has no size {name!r}{one_of(name, names)}"
                )
            most = MOST.get(name, MOST_OF_OTHERS)
            possible = has_type(value, int) and 1 <= value <= most
            refuse_unless(possible, name, value, f"an integer from 1 to {most}")
        chosen = {**ours, **given}
        if missing := [name for name in names if name not in chosen]:
            raise InvalidArgumentError(
                f"the network {network!r} has no default of {', '.join(missing)}: say how large"
            )
        sizes = {name: chosen[name] for name in names}
        return cls(network, found, sizes, SPACES.load(found.space)())

    def model(self, arch: str | Arch, seed: int = 0) -> Model:
        """Build the network of an architecture.

        Args:
            arch: The architecture; identical networks are one.
            seed: Training seed whose initial values it gets: a function of seed, class of the
                architecture, and name of the parameter.

        Raises:
            IllegalArchError: It is no architecture of the space.
            InvalidArgumentError: The network cannot be trained or built, or the seed is impossible.
        """
        possible = has_type(seed, int) and 0 <= seed <= MAX_SEED
        refuse_unless(possible, "seed", seed, f"an integer from 0 to {MAX_SEED}")
        given = self.space.from_text(arch) if isinstance(arch, str) else arch
        ours = self.space.canonical(self.space.check(given))
        if not self.network.trains(ours):
            raise InvalidArgumentError(
                f"{self.space.to_text(ours)!r} ignores its input: there is no network to export"
            )
        parameters = self.network.arch_numbers(ours, **self.sizes)["parameters"]
        if parameters > MOST_PARAMETERS:
            raise InvalidArgumentError(
                f"the network has {parameters:,} parameters with {_listed(self.sizes)}: at most "
                f"{MOST_PARAMETERS:,} can be written"
            )
        built = _sizes_of(self.network.__init__)
        try:
            module = self.network(ours, **{name: self.sizes[name] for name in built})
            initialise(module, ours, seed)
            kind, example = self._input()
            module.eval()
            with torch.inference_mode():
                module(example)
        except RuntimeError as error:
            raise InvalidArgumentError(
                f"the network cannot be run with {_listed(self.sizes)}: {first_line(error)}"
            ) from error
        facts = {
            "network": self.name,
            "space": self.space.name,
            "arch": self.space.to_text(ours),
            "sizes": dict(self.sizes),
            "weights": "initial values, not trained",
            "seed": seed,
            "software": {"nasbench": version("nasbench"), "torch": torch.__version__},
        }
        return Model(module, example, kind, facts)

    def _input(self) -> tuple[str, Tensor]:
        sizes = self.sizes
        if {"image_channels", "size"} <= sizes.keys():
            return "images", torch.zeros(BATCH, sizes["image_channels"], *[sizes["size"]] * 2)
        if {"vocabulary", "length"} <= sizes.keys():
            return "tokens", torch.zeros(BATCH, sizes["length"], dtype=torch.int64)
        raise InvalidArgumentError(f"the network {self.name!r} takes neither images nor tokens")


def _planned(recipe: Recipe) -> Mapping[str, int]:
    """The sizes of a recipe's networks."""
    if isinstance(recipe, ImageRecipe):
        return {"channels": recipe.channels, "cells": recipe.cells, **image_sizes(recipe)}
    if isinstance(recipe, TaskRecipe):
        return task_reference.sizes(recipe)
    raise InvalidArgumentError(f"{recipe!r} is neither a recipe of images nor one of a task")


def _sizes_of(function: Any) -> list[str]:
    """Names of the sizes that a class or function of a network takes."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in sizes.items())
