"""When a search ends."""

import math
from dataclasses import dataclass

from nasbench.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a search ends; whichever limit is reached first.

    Attributes:
        trials: Number of trials that may be started.
        seconds: Simulated seconds within which trials must end.
        epochs: Epochs of training that may be paid for.

    Raises:
        InvalidArgumentError: No limit, or one that is not positive.
    """

    trials: int | None = None
    seconds: float | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        if self.trials is self.seconds is self.epochs is None:
            raise InvalidArgumentError("a budget needs at least one of trials, seconds, epochs")
        for name, kinds in (("trials", (int,)), ("seconds", (int, float)), ("epochs", (int,))):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, kinds) or not value > 0:
                raise InvalidArgumentError(
                    f"budget: {name} = {value!r} must be a positive {kinds[-1].__name__}"
                )
            if value == math.inf:
                raise InvalidArgumentError(f"budget: {name} = {value!r} must be finite")
        if self.seconds is not None:
            object.__setattr__(self, "seconds", float(self.seconds))


def check_count(name: str, value: int) -> None:
    """Raise an :class:`InvalidArgumentError` if a number of something is not a positive integer."""
    if type(value) is not int or value < 1:
        raise InvalidArgumentError(f"{name} = {value!r} must be a positive integer")
