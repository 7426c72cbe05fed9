"""What adapters share: hyperparameters from a foreign constructor, and trials that wait."""

import inspect
import logging
import re
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import AlgorithmError, InvalidArgumentError, NasbenchError, first_line
from nasbench.space import Arch, SearchSpace

_PLAIN = {
    *("int", "float", "bool", "str", "None", "Literal", "Optional", "Union", "typing"),
    *("list", "tuple", "dict", "Sequence", "Mapping", "Any", "collections", "abc"),
}
_WORD = re.compile(r"'[^']*'|[A-Za-z_]\w*")
_A = TypeVar("_A", bound="Adapter")
MOST = 100_000
"""Members of a population, directions, or trials at a time: what an optimiser prepares at once."""


class Asked(NamedTuple):
    """A training that a foreign optimiser asked for.

    Attributes:
        token: What it is told about later.
        arch: The architecture.
        epoch: Epoch to train to; None for the last fidelity.
        resumes: Number of the trial to continue, or None.
    """

    token: Any
    arch: Arch
    epoch: int | None = None
    resumes: int | None = None


class Adapter(Algorithm):
    """A search by an optimiser of another package.

    A subclass implements :meth:`propose` and :meth:`learn`. Illegal tuples are repaired
    (``SearchSpace.repair``): the optimiser hears the loss of the architecture that its own
    configuration became.

    Args:
        space: The search space.
        fidelities: Epochs on offer.
        seed: Seed of the foreign optimiser.
        settings: Arguments of the foreign constructor.

    Attributes:
        foreign: The class of the other package.
        parallel: Whether the optimiser can be asked while it waits for results, and hears them in
            any order. If not, trials run one after the other, whatever the number of workers.
        least: Number of objectives that the optimiser needs.
    """

    foreign: ClassVar[type]
    parallel: ClassVar[bool] = True
    least: ClassVar[int] = 1

    def __init__(
        self, space: SearchSpace, *, fidelities: Sequence[int], seed: int, **settings: Any
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if not hasattr(self, "foreign"):
            raise InvalidArgumentError(
                f"{type(self).__qualname__} is what adapters of a package share: name one of its "
                "optimisers"
            )
        for name, value in settings.items():
            setattr(self, name, value)
        self._running: dict[tuple[Arch, int], deque[Any]] = {}
        self._n_running = 0

    def propose(self) -> Asked | None:
        """Ask the optimiser; None if it has nothing to propose before it hears more, or ever."""
        raise NotImplementedError

    def learn(self, token: Any, observation: Observation) -> None:
        """Tell the optimiser the result of what it asked for."""
        raise NotImplementedError

    def add(self, arch: Arch, losses: tuple[float, ...]) -> None:
        """Tell the optimiser of a complete training that it did not ask for.

        Raises:
            AlgorithmError: It cannot learn from such.
        """
        raise AlgorithmError(f"{self.foreign.__qualname__} cannot start from given trials")

    def ask(self) -> Proposal | None:
        if self._n_running and not self.parallel:
            return None
        with self.theirs():
            asked = self.propose()
        if asked is None:
            return None
        proposal = Proposal(asked.arch, asked.epoch, asked.resumes)
        self._running.setdefault(self._key(proposal), deque()).append(asked.token)
        self._n_running += 1
        return proposal

    def tell(self, observation: Observation) -> None:
        waiting = self._running[self._key(observation.proposal)]
        self._n_running -= 1
        with self.theirs():
            self.learn(waiting.popleft(), observation)

    def _key(self, proposal: Proposal) -> tuple[Arch, int]:
        return proposal.arch, proposal.epoch or self.fidelities[-1]

    def require_one(self, objectives: int) -> None:
        """Refuse several objectives.

        Raises:
            InvalidArgumentError: There are several.
        """
        if objectives > 1:
            raise InvalidArgumentError(
                f"{self.foreign.__qualname__} takes one objective, there are {objectives}"
            )

    def legal(self, configuration: Mapping[str, Any]) -> Arch:
        """Return the architecture of a configuration, repaired if it is illegal."""
        return self.space.from_configuration(configuration, repair=True)

    @contextmanager
    def theirs(self) -> Iterator[None]:
        """Code of the other package runs: its warnings are left out, its errors are its own.

        Raises:
            AlgorithmError: It failed.
        """
        with warnings.catch_warnings(), quiet():
            warnings.simplefilter("ignore")
            try:
                yield
            except NasbenchError:
                raise
            except Exception as error:
                raise AlgorithmError(
                    f"{self.foreign.__module__}.{self.foreign.__qualname__} failed: "
                    f"{type(error).__name__}: {first_line(error)}"
                ) from error


@contextmanager
def refusals() -> Iterator[None]:
    """A foreign constructor checks its arguments.

    Raises:
        InvalidArgumentError: It refuses them.
    """
    try:
        yield
    except (AssertionError, TypeError, ValueError) as error:
        raise InvalidArgumentError(first_line(error)) from error


@contextmanager
def quiet() -> Iterator[None]:
    """A package is imported or runs: what it logs goes where the user sends it, else nowhere.

    Nor can it set up logging: ``logging.warning`` does where there is no handler.
    """
    if logging.root.handlers:
        yield
        return
    handler = logging.NullHandler()
    logging.root.addHandler(handler)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)


def adapted(
    base: type[_A],
    foreign: type,
    *,
    module: str,
    leave_out: Sequence[str] = (),
    functions: Sequence[Callable[..., Any]] | None = None,
    also: Sequence[inspect.Parameter] = (),
) -> type[_A]:
    """Return an algorithm that asks an optimiser of another package.

    Its hyperparameters are those of ``base``, and the arguments of the foreign constructor that are
    numbers, texts, truth values or lists of such. Code of ``foreign`` is part of the algorithm's
    own, unless a distribution installed it.

    Args:
        base: What all optimisers of the package have in common.
        foreign: The class of the other package.
        module: Name of the module in which the algorithm is found by the name of ``foreign``.
        leave_out: Names of arguments that ``base`` passes itself.
        functions: Functions that take the hyperparameters instead of the constructor, after one
            other argument.
        also: Arguments that the signature does not show to be plain.

    Raises:
        InvalidArgumentError: The constructor needs an argument that no command line can give.
    """
    begin = _constructor(base)
    own = [p for p in inspect.signature(begin).parameters.values() if p.kind is not p.VAR_KEYWORD]
    settings = list(also)
    without = {*leave_out, "seed", *(p.name for p in also)}
    for p in _arguments([_constructor(foreign)] if functions is None else functions):
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.name in without:
            continue
        if p.name not in {q.name for q in own} and _is_plain(p):
            settings.append(p.replace(kind=p.KEYWORD_ONLY))
        elif p.default is p.empty:
            raise InvalidArgumentError(
                f"{foreign.__qualname__} of {foreign.__module__} needs {p.name!r}, neither a "
                "number nor a text: derive a class in Python that passes it, and adapt that one"
            )

    @wraps(begin)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        defaults = {p.name: p.default for p in settings if p.default is not p.empty}
        begin(self, *args, **(defaults | keywords))

    __init__.__signature__ = inspect.Signature([*own, *settings])  # type: ignore[attr-defined]
    package = foreign.__module__.split(".")[0]
    summary = (inspect.getdoc(foreign) or "").strip().partition("\n")[0]
    summary = summary or f"{foreign.__qualname__} of {foreign.__module__}"
    return type(
        foreign.__qualname__,
        (base,),
        {
            "__doc__": f"``{package}``: {summary}\n\n{inspect.cleandoc(base.__doc__ or '')}",
            "__init__": __init__,
            "__module__": module,
            "__qualname__": foreign.__qualname__,
            "foreign": foreign,
            "inner_algorithms": () if _is_installed(foreign) else (foreign,),
        },
    )


def _is_installed(kind: type) -> bool:
    """Whether the version of a distribution says which code a class has."""
    path = Path(getattr(sys.modules.get(kind.__module__), "__file__", None) or "")
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def _constructor(kind: type) -> Any:
    return kind.__init__  # type: ignore[misc]


def _arguments(functions: Sequence[Callable[..., Any]]) -> list[inspect.Parameter]:
    """Return all but the first argument of each function."""
    found = [list(inspect.signature(function).parameters.values()) for function in functions]
    return [p for parameters in found for p in parameters[1:]]


def _is_plain(parameter: inspect.Parameter) -> bool:
    """Return whether a command line can give an argument."""
    default = parameter.default
    if default is not parameter.empty and default is not None:
        return isinstance(default, bool | int | float | str | tuple)
    if parameter.annotation is parameter.empty:
        return False
    text = parameter.annotation
    if not isinstance(text, str):
        text = inspect.formatannotation(text)
    words = {word for word in _WORD.findall(text) if not word.startswith("'")}
    return bool(words - {"None"}) and words <= _PLAIN
