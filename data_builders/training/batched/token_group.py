"""Train many different sequence models at once, as ``training.task_reference`` trains one.

All models of a group see the same sequences in every step. A diverging model does not change the
numbers of the others. On a GPU, features are bfloat16, weights float32, and each step is one CUDA
graph.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.networks.seqmix import SeqMixNetwork
from data_builders.task import NOT_ASKED, Sequences
from data_builders.task_recipe import TaskRecipe
from data_builders.training.batched.layers import as_one
from data_builders.training.batched.stacked_seqmix import stacked_seqmix
from data_builders.training.cuda_graph import CapturedStep
from data_builders.training.devices import check_device, features_of, reproducible
from data_builders.training.outcome import Training, training_of
from data_builders.training.task_reference import learning_rate, sizes
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch

EPSILON = 1e-8
"""Of AdamW, as PyTorch's default."""
EVALUATED = {"cpu": 32, "cuda": 512}
"""Sequences to answer at once, by device."""


def train_group(
    archs: Sequence[Arch],
    seed: int,
    recipe: TaskRecipe,
    valid: Sequences,
    test: Sequences,
    *,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    activations: torch.dtype | None = None,
) -> list[Training]:
    """Train architectures together.

    In float32, the last digits of a step depend on the group, and the curves depend on those
    digits. In float64, only the last digits of the curves do.

    Args:
        archs: Representatives of their classes; duplicates are allowed.
        seed: Training seed of all.
        recipe: How to train them.
        valid: Validation sequences.
        test: Test sequences.
        dtype: Type of weights.
        device: ``"cpu"`` or ``"cuda"``.
        activations: See :class:`TokenGroup`.

    Returns:
        One training per architecture, in their order, as
        :func:`data_builders.training.task_reference.train` returns it.

    Raises:
        InvalidArgumentError: No architecture is given, the recipe's network is not ``seqmix``, or
            the device is unknown or absent.
    """
    group = TokenGroup(
        archs, seed, recipe, valid, test, dtype=dtype, device=device, activations=activations
    )
    figures = np.stack([group.epoch(epoch) for epoch in range(recipe.epochs)], axis=1)
    return [training_of(run, dtype) for run in figures]


class TokenGroup:
    """A group of architectures in training; see :func:`train_group`.

    Args:
        archs: The architectures.
        seed: Training seed.
        recipe: How to train them.
        valid: Validation sequences.
        test: Test sequences.
        dtype: Type of weights.
        device: ``"cpu"`` or ``"cuda"``.
        activations: Type of features; None for bfloat16 on a GPU with float32 weights, else
            ``dtype``.

    Attributes:
        network: The networks.
        loss: Loss of every architecture, a mean over answers, summed over this epoch's steps.
        correct: Number of right answers of every architecture, likewise.
        step: One step for every model independently. Its arguments are tokens of shape
            ``(batch, length)``, the places among them that ask, their answers, and
            :func:`rates`.

    Raises:
        InvalidArgumentError: See :func:`train_group`.
    """

    def __init__(
        self,
        archs: Sequence[Arch],
        seed: int,
        recipe: TaskRecipe,
        valid: Sequences,
        test: Sequences,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        activations: torch.dtype | None = None,
    ) -> None:
        if NETWORKS.load(recipe.network) is not SeqMixNetwork:
            raise InvalidArgumentError(
                f"networks of {recipe.network!r} cannot be trained together on a task, only those "
                "of 'seqmix'"
            )
        if not archs:
            raise InvalidArgumentError("a group needs at least one architecture")
        check_device(device)
        self._seed, self._recipe, self._device = seed, recipe, torch.device(device)
        self.network = stacked_seqmix(
            archs,
            seed,
            **sizes(recipe),
            weights=dtype,
            activations=activations or features_of(dtype, device),
            device=self._device,
        )
        self._held_out = [self._on_device(part) for part in (valid, test)]
        sites = self.network.sites()
        self._parameters = [value for _, _, value in sites]
        self._values = as_one(self._parameters)
        for parameter in self._parameters:
            parameter.requires_grad_()
        self._owners = [torch.tensor(models, device=device) for _, models, _ in sites]
        self._mean, self._square = (torch.zeros_like(self._values) for _ in range(2))
        self.loss = torch.zeros(len(archs), dtype=torch.float64, device=device)
        self.correct = torch.zeros_like(self.loss)
        self.step = self._make_step()

    def epoch(self, epoch: int) -> NDArray[np.float64]:
        """Train for the next epoch and evaluate.

        Args:
            epoch: Number of the epoch.

        Returns:
            Metrics in the order of :data:`data_builders.training.outcome.CURVES`, shape
            ``(n_archs, 6)``.
        """
        recipe, answers = self._recipe, 0
        self.loss.zero_()
        self.correct.zero_()
        for step in range(epoch * recipe.steps, (epoch + 1) * recipe.steps):
            batch = self.batch(step)
            answers += len(batch[-1])
            self.step(*batch, rates(recipe, step).to(self._values))
        training = torch.stack([self.loss / recipe.steps, 100.0 * self.correct / answers], dim=1)
        return np.concatenate([training.cpu().numpy(), self.evaluate()], axis=1)

    @reproducible()
    @torch.inference_mode()
    def evaluate(self) -> NDArray[np.float64]:
        """Return valid loss and accuracy (percent), then those of test; shape ``(n_archs, 4)``."""
        scores = []
        for tokens, targets in self._held_out:
            totals = torch.zeros(len(self.loss), 2, dtype=torch.float64, device=self._device)
            n, size = 0, EVALUATED[self._device.type]
            for x, y in zip(*(torch.split(part, size) for part in (tokens, targets)), strict=True):
                places, answers = _asked(y)
                losses, hits = self._losses_and_hits(x, places, answers)
                totals += torch.stack([losses.sum(dim=1), 100.0 * hits.sum(dim=1)], dim=1)
                n += len(answers)
            scores.append(totals / n)
        return torch.cat(scores, dim=1).cpu().numpy()

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sequences of a step, as the first arguments of :attr:`step`."""
        sequences = self._recipe.task.batch(self._seed, step, self._recipe.batch)
        places, answers = _asked(torch.from_numpy(sequences.targets))
        tokens = torch.from_numpy(sequences.tokens)
        return tokens.to(self._device), places.to(self._device), answers.to(self._device)

    def _update(self, tokens: Tensor, places: Tensor, answers: Tensor, rates: Tensor) -> None:
        losses, hits = self._losses_and_hits(tokens, places, answers)
        means = losses.mean(dim=1)
        # Summed over models, so that every model gets the gradient of its own mean.
        gradients = torch.autograd.grad(means.sum(), self._parameters)
        with torch.no_grad():
            self._clip(gradients)
            gradient = torch.cat([part.flatten() for part in gradients])
            kept, rate, correction = rates
            recipe, values = self._recipe, self._values
            self._mean.lerp_(gradient, 1 - recipe.beta1)
            self._square.mul_(recipe.beta2).addcmul_(gradient, gradient, value=1 - recipe.beta2)
            divisor = self._square.sqrt().mul_(correction).add_(EPSILON)
            values.mul_(kept).sub_(torch.div(self._mean, divisor, out=divisor).mul_(rate))
            self.loss += means
            self.correct += hits.sum(dim=1)

    def _clip(self, gradients: Sequence[Tensor]) -> None:
        """Scale the gradients of every model to the recipe's norm at most, as PyTorch does."""
        total = self._values.new_zeros(len(self.loss))
        for gradient, owners in zip(gradients, self._owners, strict=True):
            total.index_add_(0, owners, gradient.flatten(1).square().sum(dim=1))
        factors = (self._recipe.clip / (total.sqrt() + 1e-6)).clamp(max=1.0)
        for gradient, owners in zip(gradients, self._owners, strict=True):
            gradient.mul_(factors[owners].view(-1, *[1] * (gradient.dim() - 1)))

    def _losses_and_hits(
        self, tokens: Tensor, places: Tensor, answers: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return loss and correctness of every model and answer, both ``(models, n_answers)``."""
        logits = self.network.logits(tokens, places)
        models, n, _ = logits.shape
        losses = F.cross_entropy(logits.flatten(0, 1), answers.repeat(models), reduction="none")
        return losses.view(models, n), logits.argmax(dim=2) == answers

    def _on_device(self, sequences: Sequences) -> tuple[Tensor, Tensor]:
        tokens, targets = (torch.from_numpy(part).to(self._device) for part in sequences)
        return tokens, targets

    @reproducible()
    def _make_step(self) -> Callable[[Tensor, Tensor, Tensor, Tensor], None]:
        if self._device.type != "cuda":
            return self._update
        example = [*self.batch(0), rates(self._recipe, 0).to(self._values)]
        return CapturedStep(self._update, example, [self._values, self._mean, self._square])


def rates(recipe: TaskRecipe, step: int) -> Tensor:
    """Return the numbers of a step of AdamW, in double precision.

    They are the factor of the weights, the rate of the corrected mean, and the correction of the
    root of the mean square.
    """
    rate = learning_rate(recipe, step)
    return torch.tensor(
        [
            1 - rate * recipe.weight_decay,
            rate / (1 - recipe.beta1 ** (step + 1)),
            (1 - recipe.beta2 ** (step + 1)) ** -0.5,
        ],
        dtype=torch.float64,
    )


def _asked(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the places that ask for answers, among all tokens, and the answers."""
    flat = targets.flatten()
    places = (flat != NOT_ASKED).nonzero().flatten()
    return places, flat[places]
