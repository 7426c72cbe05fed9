"""The contract of weight sharing: one network that holds every architecture of a space.

A *supernet* has weights for every option of every decision. *Gates*, one number for each of these,
weigh the options: a mixture of all, or a single path. Methods that search inside a supernet see
this contract alone; implementations are in ``data_builders.supernets``.

Everything that a supernet does is charged in simulated seconds, from the calibration that gave the
table its training times, so that a record does not depend on the host.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, TypeAlias

from nasbench.space import Arch, SearchSpace

Tensor: TypeAlias = Any
"""A tensor of PyTorch, which the core does not import."""


class Batch(NamedTuple):
    """Examples.

    Attributes:
        x: Inputs, examples first.
        y: What to answer; negative where nothing is asked.
    """

    x: Tensor
    y: Tensor


class Answer(NamedTuple):
    """What a supernet makes of a batch.

    Attributes:
        loss: Cross-entropy, a mean over all answers; differentiable in gates and weights.
        accuracy: Share of right answers, from 0 to 1.
    """

    loss: Tensor
    accuracy: float


class Supernet(Protocol):
    """A network that holds every architecture of a space.

    It trains on halves of the training examples of a table: one for weights, one for gates. The
    validation and test examples of the table stay unseen. BatchNorms use the statistics of the
    batch, always.

    Attributes:
        space: The space. All decisions have equally many options.
        shape: Number of decisions and of options.
        has_weights: For every option, whether it has weights.
        nothing: Options that contribute nothing, whatever their gates.
        groups: Decisions whose outputs are added up: edges into a node, or one layer.
        costs: Seconds that every option adds to a pass over the validation examples of the table,
            of :attr:`shape`.
        steps: Batches of an epoch.
        generator: PyTorch's random numbers, made from the seed: the only ones to use.
        seconds: Simulated seconds charged so far.
    """

    @property
    def space(self) -> SearchSpace: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def has_weights(self) -> tuple[bool, ...]: ...
    @property
    def nothing(self) -> tuple[int, ...]: ...
    @property
    def groups(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def costs(self) -> Tensor: ...
    @property
    def steps(self) -> int: ...
    @property
    def generator(self) -> Any: ...
    @property
    def seconds(self) -> float: ...

    def weights(self) -> Sequence[Tensor]:
        """Return all shared weights, which an optimiser changes in place."""

    def reset(self) -> None:
        """Give all weights new initial values."""

    def train_batches(self, epoch: int) -> Iterator[Batch]:
        """Iterate over the examples for weights, in the order of an epoch.

        Images are augmented as in the trainings of the table.
        """

    def valid_batches(self, epoch: int) -> Iterator[Batch]:
        """Iterate over the examples for gates, in the order of an epoch.

        Images are augmented, as those for weights.
        """

    def valid(self) -> Batch:
        """Return all examples for gates, not augmented."""

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
        """Answer a batch with weighted options.

        With gradients enabled, the call costs a training step of the active options, forwards and
        backwards; without, their part of a validation.

        Args:
            batch: The examples.
            gates: Factor of every option, of :attr:`shape`. An option without weights may have
                one as well; ``none`` contributes nothing.
            active: Boolean, of :attr:`shape`: the options to compute; None for all. Others
                contribute nothing and have no gradient.
            edges: Factor of every decision, shape ``(n_decisions,)``; None for 1.
            ghosts: Whether the gates of inactive options are added to the features of the decision,
                as numbers, and so have a gradient (GDAS).
            drop_path: Probability that the mixture of a decision is dropped, for an example.
            skip_dropout: Probability that a number is dropped behind an option that copies.
            passes: How often to charge the call, for a caller who goes backwards so often.
            weights: What to use in the place of :meth:`weights`, with gradients; None for those.
        """

    def path(self, batch: Batch, arch: Arch, *, weights: Sequence[Tensor] | None = None) -> Answer:
        """Answer a batch with one architecture and the shared weights, or with others."""

    def uncharged(self) -> AbstractContextManager[None]:
        """Return a context that charges nothing and leaves the random numbers as they were.

        It is for what is recorded of a search: nothing that a search decides may come from it.
        """

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Keep the weights, the random numbers, the seconds, and what the method needs to go on.

        Without a folder of records, nothing is kept.

        Args:
            state: Tensors, numbers, texts, and lists and dictionaries of them.
        """

    def restore(self) -> Mapping[str, Any] | None:
        """Go back to the last checkpoint of an interrupted search; return its state, or None."""

    def finish(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Keep the history beside the records, and delete the checkpoint.

        Args:
            history: A row for every epoch: numbers, and arrays of numbers.
        """


class Supernets(Protocol):
    """Makes supernets: the ``supernets`` argument of an algorithm."""

    def __call__(
        self,
        *,
        seed: int,
        batch_size: int | None = None,
        channels: int | None = None,
        partial: int = 1,
        device: str = "cpu",
    ) -> Supernet:
        """Return a new supernet.

        Args:
            seed: Seed of initial weights, of the halves, of the order, and of all random numbers.
            batch_size: Examples of a batch; None for as many as in the trainings of the table.
            channels: Channels of the first stage, or features of a token; None for those of the
                table. More cost as many times the calibrated seconds as their square says, by
                the multiply-adds; fewer cost as much as those of the table.
            partial: Options work on a part of the channels, 1 in so many; the others pass by
                (PC-DARTS, Xu et al., 2020, https://arxiv.org/abs/1907.05737). They cost as much
                as on all channels.
            device: ``"cpu"`` or ``"cuda"``.

        Raises:
            InvalidArgumentError: A value is impossible, or the benchmark is no table that was
                trained by this suite on images or sequences at hand.
        """
