"""The examples of a supernet: two halves of the training examples of a table.

One half trains the weights, the other judges gates. Which example is where, and the order in every
epoch, are functions of the seed. No validation or test example of the table is among them.
"""

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

from nasbench.errors import InvalidArgumentError
from nasbench.supernet import Batch

Half: TypeAlias = Literal["weights", "gates"]


class Halves(Protocol):
    """The two halves.

    Attributes:
        steps: Batches of an epoch, in either.
    """

    @property
    def steps(self) -> int: ...

    def batches(self, half: Half, epoch: int) -> Iterator[Batch]:
        """Iterate over the batches of an epoch, augmented as in the trainings of the table."""

    def judged(self) -> Batch:
        """Return all examples of the half for gates, not augmented."""


def steps_of(n: int, batch: int) -> int:
    """Return the batches of an epoch over half of the training examples.

    Args:
        n: Examples of the half.
        batch: Examples of a batch.

    Raises:
        InvalidArgumentError: A batch is larger than the half.
    """
    if not 1 <= batch <= n:
        raise InvalidArgumentError(
            f"batch_size = {batch} is not possible: half of the training examples are {n}"
        )
    return n // batch
