"""The budget of a search."""

import sys
from dataclasses import dataclass

from nasbench.errors import InvalidArgumentError, shown

MOST = 2**53
"""Largest count of anything: up to it, every integer is a floating-point number too."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When a search ends: as soon as one of the limits is reached.

    Attributes:
        trials: Maximum number of trials.
        seconds: Simulated seconds by which every trial must end.
        epochs: Maximum number of trained epochs, summed over trials.

    Raises:
        InvalidArgumentError: No limit is given, or one is not a positive, finite number, or a count
            above :data:`MOST`.
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
                    f"budget: {name} = {shown(value)} must be a positive {kinds[-1].__name__}"
                )
            if name != "seconds":
                _check_most(f"budget: {name}", value)
            elif value > sys.float_info.max:
                raise InvalidArgumentError(f"budget: seconds = {shown(value)} must be finite")
        if self.seconds is not None:
            object.__setattr__(self, "seconds", float(self.seconds))


def check_count(name: str, value: int) -> None:
    """Check that a count is a positive integer, at most :data:`MOST`.

    Raises:
        InvalidArgumentError: It is not.
    """
    if type(value) is not int or value < 1:
        raise InvalidArgumentError(f"{name} = {shown(value)} must be a positive integer")
    _check_most(name, value)


def _check_most(name: str, value: float) -> None:
    if value > MOST:
        raise InvalidArgumentError(f"{name} = {shown(value, 40)} must be at most {MOST:,}")
