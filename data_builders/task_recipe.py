"""The recipe of a training on a generated task."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from data_builders import TASKS
from data_builders.recipe import Recipe
from data_builders.task import Task
from data_builders.values import construct, refuse_unless
from nasbench.errors import InvalidArgumentError
from nasbench.storage.files import json_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecipe(Recipe):
    """How to train a network of sequences.

    The loss is the mean cross-entropy of the answers. Every step has fresh sequences; an epoch is
    ``train`` of them. The optimiser is AdamW (Loshchilov and Hutter, 2019,
    https://arxiv.org/abs/1711.05101). The learning rate rises linearly over the first steps, then
    follows a cosine down to 0.

    Attributes:
        task: What is learnt.
        width: Features of a token.
        heads: Heads of the mixers that have heads.
        warmup: Share of all steps in which the learning rate rises, below 1.
        clip: Largest norm of the gradient of all parameters; a longer one is scaled down to it.
        beta1: Decay of AdamW's mean of gradients, below 1.
        beta2: Decay of its mean of squared gradients, below 1.
    """

    seeded: ClassVar[str] = "training sequences"

    task: Task
    width: int
    heads: int
    learning_rate: float = 0.005
    weight_decay: float = 0.01
    warmup: float = 0.1
    clip: float = 1.0
    beta1: float = 0.9
    beta2: float = 0.95

    def __post_init__(self) -> None:
        super(TaskRecipe, self).__post_init__()
        refuse_unless(isinstance(self.task, Task), "task", self.task, "a task")
        for name in ("warmup", "beta1", "beta2"):
            value = getattr(self, name)
            refuse_unless(value < 1, name, value, "a number of at least 0, below 1")
        refuse_unless(self.clip > 0, "clip", self.clip, "a number above 0")

    @property
    def data(self) -> str:
        return self.task.name

    def digest(self, data_digest: str) -> str:
        return json_digest(self.published() | {"data": data_digest})

    def published(self) -> dict[str, Any]:
        return asdict(self) | {"task": {"name": self.task.name} | self.task.parameters()}

    def changed(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with some values replaced.

        A parameter of the task is named ``task.<parameter>``, or stands in a mapping ``task``.

        Raises:
            UnknownNameError: A name is not a hyperparameter or a parameter of the task.
            InvalidArgumentError: A value has the wrong type or is out of range.
        """
        ours = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = {n: value for n, value in values.items() if n.startswith("task.")}
        ours |= {n: value for n, value in values.items() if n not in parts}
        task = ours["task"] if isinstance(ours["task"], Mapping) else {}
        if task or parts:
            task = dict(task) | {n.removeprefix("task."): value for n, value in parts.items()}
            ours["task"] = made_task(self.published()["task"] | task, "recipe, task")
        return construct(type(self), ours, "recipe")


def made_task(values: Mapping[str, Any], where: str) -> Task:
    """Return a task from its ``name`` and parameters, as in the section ``[recipe.task]``.

    Args:
        values: The section.
        where: Where it stands, for messages.

    Raises:
        UnknownNameError: There is no such task, or it has no such parameter.
        InvalidArgumentError: The name or a parameter is missing, or a value is not possible.
    """
    parameters = dict(values)
    name = parameters.pop("name", None)
    if not isinstance(name, str):
        raise InvalidArgumentError(
            f"{where}: name = {name!r} is not possible: it must be one of {', '.join(TASKS)}"
        )
    task: Task = construct(TASKS.load_registered(name), parameters, where)
    return task
