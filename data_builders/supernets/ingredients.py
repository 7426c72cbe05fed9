"""What supernets are made of, by the network that a table trained.

Each kind has a module of its own, which is loaded by name: a search in cells of images does not
depend on the code of sequence models, and its fingerprint does not cover that.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import torch

from data_builders.recipe import Recipe
from data_builders.supernets.halves import Halves
from nasbench.registry import Registry

INGREDIENTS = Registry(
    "nasbench.ingredients",
    "network with a supernet",
    {
        "lite201": "data_builders.supernets.image_ingredients:ImageIngredients",
        "nb201": "data_builders.supernets.image_ingredients:ImageIngredients",
        "seqmix": "data_builders.supernets.task_ingredients:TaskIngredients",
    },
)
"""Classes of :class:`Ingredients`, by names of :data:`data_builders.NETWORKS`."""


class Ingredients(Protocol):
    """What the supernets of a table are made of.

    Args:
        values: The hyperparameters of its recipe, as the table tells them.

    Attributes:
        recipe_type: Class of the recipe.
        recipe: The recipe.
        width: Channels of a network of the table, or features of a token.
        code: Classes that the recipe names, which no import shows.

    Raises:
        InvalidArgumentError: A value is not possible.
    """

    recipe_type: ClassVar[type[Recipe]]
    recipe: Recipe
    width: int

    def __init__(self, values: Mapping[str, Any]) -> None: ...

    @property
    def code(self) -> tuple[type, ...]: ...

    def network(self, width: int, partial: int) -> Any:
        """Return a network with shared weights.

        It has the form of :class:`data_builders.supernets.shared_network.SharedNetwork`.

        Args:
            width: Channels, or features of a token.
            partial: One of so many channels passes through the options.

        Raises:
            InvalidArgumentError: A size is not possible.
        """

    def halves(self, seed: int, batch: int, dtype: torch.dtype, device: str) -> Halves:
        """Return the halves of the training examples.

        Args:
            seed: Seed of halves and orders.
            batch: Examples of a batch.
            dtype: Type of images.
            device: Where the examples lie.

        Raises:
            InvalidArgumentError: A batch is larger than a half.
        """
