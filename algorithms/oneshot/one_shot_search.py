"""What all methods of weight sharing have in common: training first, then proposals."""

import math
import random
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace
from nasbench.supernet import Answer, Batch, Supernet, Supernets

JUDGED, EXAMPLES, EVERY = 8, 500, 20
"""Random architectures that the history judges, on how many examples at most, and in which epochs:
one in so many, and the last."""


class DivergedError(Exception):
    """A loss of the supernet, or an architecture parameter, is no finite number."""


class OneShotSearch(Algorithm):
    """Trains a supernet at its first ``ask``, then proposes architectures, best first.

    A subclass makes what it trains in :meth:`start` and names what a checkpoint must hold with
    :meth:`keep`, trains in :meth:`epoch`, and says in :meth:`ranking` what it found. If the
    training diverges, the search proposes one random architecture, and counts it in ``fallbacks``.

    Args:
        space: The space to search.
        fidelities: Architectures are trained to the last.
        seed: Seed of the search and of the supernet.
        supernets: Makes the supernet.
        epochs: Passes over the half of the training examples that trains weights.
        batch_size: Examples of a batch; None for as many as in the trainings of the table.
        channels: Channels of the supernet; None for those of the table.
        device: ``"cpu"`` or ``"cuda"``.

    Attributes:
        net: The supernet, from the first ``ask`` on.
        history: A row for every epoch: simulated seconds, what :meth:`epoch` returned, the options
            of a few random architectures (``judged``) and, in some epochs, their accuracies with
            shared weights on examples for gates (``shared_accuracy``), else NaN. These are not
            charged, and no method reads them.
        watch: Called after every epoch with its number, from 1, by who looks on; None for nobody.

    Raises:
        InvalidArgumentError: A hyperparameter is impossible, or there are no supernets.
    """

    partial: int = 1
    """See :meth:`nasbench.supernet.Supernets.__call__`."""

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        supernets: Supernets | None,
        epochs: int = 50,
        batch_size: int | None = None,
        channels: int | None = None,
        device: str = "cpu",
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if supernets is None:
            raise InvalidArgumentError(
                f"{type(self).__name__} trains a supernet, which nasbench.search makes from the "
                "table: use it, or pass supernets="
            )
        at_least(1, epochs=epochs)
        self.epochs = epochs
        self.batch_size = batch_size
        self.channels = channels
        self.device = device
        self.net: Supernet
        self.history: list[dict[str, Any]] = []
        self.watch: Callable[[int], None] | None = None
        self.inner_supernets = tuple(getattr(supernets, "code", ()))
        self._supernets, self._seed = supernets, seed
        self._kept: dict[str, Any] = {}
        self._proposals: Iterator[Arch] | None = None

    @property
    def total_epochs(self) -> int:
        """Epochs of the whole training."""
        return self.epochs

    @abstractmethod
    def start(self) -> None:
        """Make what is trained, for :attr:`net`."""

    @abstractmethod
    def epoch(self, epoch: int) -> Mapping[str, Any]:
        """Train for an epoch.

        Args:
            epoch: Its number, from 0.

        Returns:
            What to keep of it for plots: numbers, and arrays of numbers of a fixed shape.

        Raises:
            DivergedError: A loss is not finite.
        """

    @abstractmethod
    def ranking(self) -> Iterable[Arch]:
        """Architectures to train, best first."""

    def judge(self, batch: Batch, arch: Arch) -> Answer:
        """What the supernet makes of a batch with one architecture, as a ranking judges it."""
        return self.net.path(batch, arch)

    def keep(self, **things: Any) -> None:
        """Name what checkpoints hold: tensors, and objects with ``state_dict``.

        Tensors are changed in place when a search goes on.
        """
        self._kept |= things

    def ask(self) -> Proposal | None:
        if self._proposals is None:
            self._proposals = iter(self._found())
        arch = next(self._proposals, None)
        return None if arch is None else Proposal(arch)

    def tell(self, observation: Observation) -> None:
        """Learn nothing: what the supernet says is all that counts."""

    def _found(self) -> Iterable[Arch]:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self._trained()
        finally:
            torch.set_num_threads(threads)

    def _trained(self) -> Iterable[Arch]:
        self.net = self._supernets(
            seed=self._seed,
            batch_size=self.batch_size,
            channels=self.channels,
            partial=self.partial,
            device=self.device,
        )
        self.start()
        first = self._restore()
        draws = random.Random(f"judged {self._seed}")
        archs = [self.space.sample(draws) for _ in range(JUDGED)]
        try:
            for epoch in range(first, self.total_epochs):
                row = self.epoch(epoch)
                shared = self._shared_accuracies(archs, epoch + 1)
                own = {"epoch": epoch + 1, "seconds": self.net.seconds}
                self.history.append({**own, **row, "judged": archs, "shared_accuracy": shared})
                if self.watch is not None:
                    self.watch(epoch + 1)
                if epoch + 1 < self.total_epochs:
                    self.net.checkpoint(self._state())
            found: Iterable[Arch] = [*self.ranking()]
        except DivergedError:
            self.fallbacks += 1
            found = [self.space.sample(self.rng)]
        self.net.finish(self.history)
        return found

    @torch.no_grad()
    def _shared_accuracies(self, archs: Sequence[Arch], epoch: int) -> NDArray[np.float64]:
        """Accuracies of architectures after so many epochs, shape ``(len(archs),)``.

        NaN where it is no epoch to judge, or the loss is not finite.
        """
        found = np.full(len(archs), np.nan)
        if epoch % EVERY and epoch < self.total_epochs:
            return found
        with self.net.uncharged():
            x, y = self.net.valid()
            for i, arch in enumerate(archs):
                answer = self.judge(Batch(x[:EXAMPLES], y[:EXAMPLES]), arch)
                if math.isfinite(answer.loss.item()):
                    found[i] = answer.accuracy
        return found

    def _state(self) -> dict[str, Any]:
        version, numbers, gauss = self.rng.getstate()
        return {
            "history": [{k: _plain(v) for k, v in row.items()} for row in self.history],
            "rng": [version, list(numbers), gauss],
            "kept": {
                name: thing.state_dict() if hasattr(thing, "state_dict") else thing.detach().clone()
                for name, thing in self._kept.items()
            },
        }

    def _restore(self) -> int:
        """Go back to the last checkpoint; return the epoch to go on with."""
        state = self.net.restore()
        if state is None:
            return 0
        self.history = list(state["history"])
        version, numbers, gauss = state["rng"]
        self.rng.setstate((version, tuple(numbers), gauss))
        for name, thing in self._kept.items():
            if hasattr(thing, "load_state_dict"):
                thing.load_state_dict(state["kept"][name])
            else:
                with torch.no_grad():
                    thing.copy_(state["kept"][name])
        return len(self.history)


def finite(answer: Answer) -> Tensor:
    """Return the loss of an answer.

    Raises:
        DivergedError: It is no finite number.
    """
    loss: Tensor = answer.loss
    if not math.isfinite(loss.item()):
        raise DivergedError
    return loss


def check_finite(parameters: Iterable[Tensor]) -> None:
    """Raise DivergedError if a parameter is no finite number, as gradients may be before losses."""
    if not all(bool(parameter.isfinite().all()) for parameter in parameters):
        raise DivergedError


def at_least(low: float, **values: float | None) -> None:
    """Raise InvalidArgumentError for the first value below ``low``; None is none."""
    for name, value in values.items():
        if value is not None and not value >= low:
            raise InvalidArgumentError(f"{name} = {value} must be at least {low:g}")


def _plain(value: Any) -> Any:
    """A tensor for checkpoints, which hold no NumPy arrays; other values as they are."""
    return torch.as_tensor(value) if hasattr(value, "__array__") else value
