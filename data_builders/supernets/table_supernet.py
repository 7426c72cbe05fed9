"""The supernet of a table; see :class:`nasbench.supernet.Supernet`."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from data_builders.costs.calibration import Calibration
from data_builders.recipe import Recipe
from data_builders.supernets.checkpoint import Checkpoint
from data_builders.supernets.halves import Halves
from data_builders.supernets.shared_network import Mixture
from data_builders.task import NOT_ASKED
from data_builders.training.initial_values import initialise
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace
from nasbench.supernet import Answer, Batch

JUDGED = 500
"""Examples to answer at once where nothing is learnt: BatchNorms see so many."""


class TableSupernet:
    """A shared network with the training examples and the costs of a table.

    Args:
        space: The space of the table.
        network: The shared network, see :mod:`data_builders.supernets.shared_network`.
        halves: The examples.
        recipe: The recipe of the table.
        calibration: Its costs.
        scale: Factor of all costs, for another number of channels.
        seed: Seed of the random numbers.
        checkpoint: Files beside the records, or None.
    """

    def __init__(
        self,
        space: SearchSpace,
        network: Any,
        halves: Halves,
        recipe: Recipe,
        calibration: Calibration,
        scale: float,
        seed: int,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.space = space
        self.network: nn.Module = network
        self.shape: tuple[int, int] = network.shape
        self.has_weights: tuple[bool, ...] = network.has_weights
        self.nothing: tuple[int, ...] = network.nothing
        self.groups: tuple[tuple[int, ...], ...] = network.groups
        self.steps = halves.steps
        self.seconds = 0.0
        first = next(network.parameters())
        self.generator = torch.Generator(first.device).manual_seed(seed)
        self._seed, self._resets = seed, 0
        self._halves, self._checkpoint = halves, checkpoint
        self._batch, self._valid = recipe.batch, recipe.valid
        self._step = scale * np.array(calibration.step)
        self._validation = scale * np.array(calibration.validation)
        contributes = [option not in network.nothing for option in range(self.shape[1])]
        self._all = torch.tensor([contributes] * self.shape[0], device=first.device)

    @cached_property
    def costs(self) -> Tensor:
        nothing = [[False] * self.shape[1] for _ in range(self.shape[0])]
        base = np.array(self.network.terms(nothing)) @ self._validation  # type: ignore[operator]
        found = torch.zeros(self.shape, dtype=torch.float64)
        for decision, option in np.ndindex(*self.shape):
            active = [list(row) for row in nothing]
            active[decision][option] = True
            terms = np.array(self.network.terms(active))  # type: ignore[operator]
            found[decision, option] = float(terms @ self._validation - base)
        return found.to(self.weights()[0])

    def weights(self) -> list[Tensor]:
        return list(self.network.parameters())

    def reset(self) -> None:
        self._resets += 1
        initialise(self.network, (), splitmix.key("reset", self._seed, self._resets))

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        return self._halves.batches("weights", epoch)

    def valid_batches(self, epoch: int) -> Iterator[Batch]:
        return self._halves.batches("gates", epoch)

    def valid(self) -> Batch:
        return self._halves.judged()

    def answer(
        self,
        batch: Batch,
        gates: Tensor,
        *,
        active: Tensor | None = None,
        edges: Tensor | None = None,
        ghosts: bool = False,
        drop_path: float = 0.0,
        skip_dropout: float = 0.0,
        passes: int = 1,
        weights: Sequence[Tensor] | None = None,
    ) -> Answer:
        asked = torch.ones_like(self._all) if active is None else active
        computed = asked & self._all
        mixture = Mixture(
            gates=gates,
            active=computed.tolist(),
            edges=edges,
            ghosts=(gates * ~asked).sum(dim=1) if ghosts else None,
            drop_path=drop_path,
            skip_dropout=skip_dropout,
            generator=self.generator,
        )
        self._charge(mixture.active, passes * len(batch.x))
        logits = self._logits(batch.x, mixture, weights).flatten(0, -2)
        y = batch.y.flatten()
        loss = F.cross_entropy(logits, y, ignore_index=NOT_ASKED)
        with torch.no_grad():
            asked = y != NOT_ASKED
            accuracy = (logits.argmax(dim=1) == y)[asked].double().mean().item()
        return Answer(loss + 0.0 * gates.sum(), accuracy)  # a gradient, if one of zeros

    def _logits(self, x: Tensor, mixture: Mixture, weights: Sequence[Tensor] | None) -> Tensor:
        if weights is None:
            return self.network(x, mixture)  # type: ignore[no-any-return]
        names = [name for name, _ in self.network.named_parameters()]
        return functional_call(  # type: ignore[no-any-return]
            self.network, dict(zip(names, weights, strict=True)), (x, mixture)
        )

    def path(self, batch: Batch, arch: Arch, *, weights: Sequence[Tensor] | None = None) -> Answer:
        options = torch.tensor(arch, device=self._all.device)
        chosen = F.one_hot(options, self.shape[1])
        gates, active = chosen.to(batch_type(batch)), chosen.bool()
        if torch.is_grad_enabled() or len(batch.x) <= JUDGED:
            return self.answer(batch, gates, active=active, weights=weights)
        n = -(-len(batch.x) // JUDGED)  # equal parts, whose results are averaged
        xs, ys = batch.x.tensor_split(n), batch.y.tensor_split(n)
        parts = [
            self.answer(Batch(x, y), gates, active=active, weights=weights)
            for x, y in zip(xs, ys, strict=True)
        ]
        sizes = [len(y) / len(batch.y) for y in ys]
        loss = sum((part.loss * size for part, size in zip(parts, sizes, strict=True)), start=0.0)
        return Answer(loss, float(np.dot([part.accuracy for part in parts], sizes)))

    @contextmanager
    def uncharged(self) -> Iterator[None]:
        seconds, numbers = self.seconds, self.generator.get_state()
        try:
            yield
        finally:
            self.seconds = seconds
            self.generator.set_state(numbers)

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        if self._checkpoint is not None:
            own = {
                "weights": [value.detach().clone() for value in self.weights()],
                "generator": self.generator.get_state(),
                "seconds": self.seconds,
                "resets": self._resets,
            }
            self._checkpoint.save({"supernet": own, "method": dict(state)})

    def restore(self) -> Mapping[str, Any] | None:
        state = None if self._checkpoint is None else self._checkpoint.load()
        if state is None:
            return None
        own = state["supernet"]
        with torch.no_grad():
            for value, kept in zip(self.weights(), own["weights"], strict=True):
                value.copy_(kept)
        self.generator.set_state(own["generator"])
        self.seconds, self._resets = own["seconds"], own["resets"]
        method: Mapping[str, Any] = state["method"]
        return method

    def finish(self, history: Sequence[Mapping[str, Any]]) -> None:
        if self._checkpoint is not None:
            self._checkpoint.finish(history)

    def _charge(self, active: list[list[bool]], n: int) -> None:
        terms = np.array(self.network.terms(active))  # type: ignore[operator]
        if torch.is_grad_enabled():
            self.seconds += float(terms @ self._step) * n / self._batch
        else:
            self.seconds += float(terms @ self._validation) * n / self._valid


def batch_type(batch: Batch) -> torch.dtype:
    """Return the type of gates for a batch."""
    kind: torch.dtype = batch.x.dtype
    return kind if kind.is_floating_point else torch.get_default_dtype()


def check_space(space: SearchSpace, shape: tuple[int, int]) -> None:
    """Raise InvalidArgumentError unless a space has so many decisions and options."""
    if space.options != (shape[1],) * shape[0]:
        raise InvalidArgumentError(
            f"the space {space.name!r} has other decisions than the shared network"
        )
