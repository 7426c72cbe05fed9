"""What all checks are made of: an ``assert`` that ``python -O`` keeps, and what uses it."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nasbench.benchmark import Benchmark
from nasbench.errors import InvalidArgumentError, NotRecordedError
from nasbench.space import Arch, SearchSpace


def require(condition: bool, message: str) -> None:
    """An ``assert`` that ``python -O`` keeps."""
    if not condition:
        raise AssertionError(message)


def require_error(
    what: str,
    errors: type[Exception] | tuple[type[Exception], ...],
    call: Callable[..., object],
    *arguments: object,
    **asked: object,
) -> Exception:
    """Require that a call raises one of ``errors``; returns what it raised."""
    try:
        answer = call(*arguments, **asked)
    except errors as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what} raises {error!r}, not {_names(errors)}") from error
    raise AssertionError(f"{what} gives {answer!r} instead of raising {_names(errors)}")


def _names(errors: type[Exception] | tuple[type[Exception], ...]) -> str:
    several = errors if isinstance(errors, tuple) else (errors,)
    return " or ".join(error.__name__ for error in several)


def require_legal(space: SearchSpace, arch: Arch, who: str) -> None:
    """Require a tuple of plain integers that the space holds."""
    require(
        isinstance(arch, tuple) and all(type(option) is int for option in arch),
        f"{who} {arch!r}, not a tuple of plain integers",
    )
    require(
        arch in space and space.is_legal(arch) and space.check(arch) == arch,
        f"{who} {arch!r}, which is not in {space}",
    )


def require_missing(benchmark: Benchmark, method: str, *arguments: Any, **asked: Any) -> None:
    """Require that a question has no answer."""
    what = f"{method}({', '.join(map(repr, arguments))}, {asked})"
    errors = (NotRecordedError, InvalidArgumentError)
    require_error(what, errors, getattr(benchmark, method), *arguments, **asked)


@contextmanager
def generators_left_alone(who: str) -> Iterator[None]:
    """Require that the global generators of ``random``, NumPy and a loaded PyTorch do not move."""
    before = _generators()
    yield
    now = _generators()
    require(
        all(now[name] == state for name, state in before.items()),
        f"{who} draws from a global random generator",
    )


def _generators() -> dict[str, object]:
    states: dict[str, object] = {
        "random": random.getstate(),
        "numpy": str(np.random.get_state(legacy=False)),  # noqa: NPY002
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        states["torch"] = torch.get_rng_state().tolist()
    return states
