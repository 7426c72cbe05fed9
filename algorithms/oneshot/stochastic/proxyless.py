"""ProxylessNAS: binary gates, learned by their gradient or by reinforcement."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from algorithms.oneshot import gates
from algorithms.oneshot.bilevel_search import BilevelSearch
from algorithms.oneshot.one_shot_search import at_least, finite
from algorithms.oneshot.paths.judging import answer_path
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.supernet import Answer, Batch

UPDATES = ("full", "two", "reinforce")


class Proxyless(BilevelSearch):
    """Trains a drawn path a step; every few steps, the gates learn.

    Cai, Zhu and Han (2019), https://arxiv.org/abs/1812.00332 (``mit-han-lab/proxylessnas``).
    ``"full"``: the gradient of all binary gates of a drawn path, through the softmax. ``"two"``:
    two options of every decision are drawn, and one of these; only both are computed, and learn
    through the softmax of both, while the probabilities of the others stay. ``"reinforce"``: the
    accuracy of drawn paths, less a moving mean that includes them, by policy gradient.

    Presets ``gradient`` and ``reinforce`` have the settings of the authors' code, without latency,
    with warm-up in proportion and with its 300 steps of the policy in an epoch of ImageNet, one in
    16, as well. That code uses ``"full"``; preset ``paper`` has the two options of the paper.

    Args:
        space: The space to search.
        update: How gates learn: ``"full"``, ``"two"`` or ``"reinforce"``.
        every: Steps of the weights between two of the gates.
        paths: Paths of a step of the policy.
        baseline: How far the moving mean of rewards goes towards that of every step.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "gradient": {
            "epochs": 120,
            "first_epoch": 30,
            "decay": 4e-5,
            "last_rate": 0.0,
            "update": "full",
            "every": 5,
        },
        "paper": {
            "epochs": 120,
            "first_epoch": 30,
            "decay": 4e-5,
            "last_rate": 0.0,
            "update": "two",
            "every": 5,
        },
        "reinforce": {
            "epochs": 120,
            "first_epoch": 30,
            "decay": 4e-5,
            "last_rate": 0.0,
            "update": "reinforce",
            "every": 16,
            "paths": 10,
        },
    }
    betas = (0.0, 0.999)

    def __init__(
        self,
        space: Any,
        *,
        update: str = "full",
        every: int = 1,
        paths: int = 10,
        baseline: float = 0.99,
        gate_rate: float = 1e-3,
        gate_decay: float = 0.0,
        **shared: Any,
    ) -> None:
        super().__init__(space, gate_rate=gate_rate, gate_decay=gate_decay, **shared)
        if update not in UPDATES:
            raise InvalidArgumentError(f"update = {update!r}{one_of(update, UPDATES)}")
        at_least(1, every=every, paths=paths)
        if not 0 <= baseline <= 1:
            raise InvalidArgumentError(f"baseline = {baseline} must be in [0, 1]")
        self.update = update
        self.every = every
        self.paths = paths
        self.baseline = baseline

    def start(self) -> None:
        super().start()
        self.steps = torch.zeros((), dtype=torch.int64)
        self.mean_reward = torch.full((), float("nan"), dtype=torch.float64)
        self.keep(steps=self.steps, mean_reward=self.mean_reward)

    def learn_weights(self, train: Batch) -> Answer:
        answer = answer_path(self.net, train, self._drawn()[0])
        self.optimizer.step(answer)
        self.steps += 1
        return answer

    def learn_gates(self, train: Batch, valid: Batch) -> Answer | None:
        if int(self.steps) % self.every:
            return None
        if self.update == "reinforce":
            return self.reinforce(valid)
        before = self.alphas.detach().clone()
        answer, self.alphas.grad = self.gradient(valid)
        learnt = self.alphas.grad != 0
        self.adam.step()
        if self.update == "two":
            self.rescale(before, learnt)
        return answer

    @torch.no_grad()
    def rescale(self, before: Tensor, learnt: Tensor) -> None:
        """Shift what learnt so that the probabilities of all other options are as before."""
        old = before.masked_fill(~learnt, -torch.inf).logsumexp(dim=1)
        new = self.alphas.masked_fill(~learnt, -torch.inf).logsumexp(dim=1)
        self.alphas -= learnt * (new - old).nan_to_num(0.0)[:, None]

    def gradient(self, valid: Batch) -> tuple[Answer, Tensor]:
        """Return an answer and the gradient of the architecture parameters by binary gates."""
        if self.update == "full":
            (options,), active = self._drawn(), None
            probabilities = self.alphas.detach().softmax(dim=1)
        else:
            pair = torch.multinomial(
                self.alphas.detach().softmax(dim=1).double(),
                min(2, self.net.shape[1]),
                generator=self.net.generator,
            )
            active = torch.zeros_like(self.alphas, dtype=torch.bool).scatter(1, pair, True)
            probabilities = self.alphas.detach().masked_fill(~active, -torch.inf).softmax(dim=1)
            options = torch.multinomial(
                probabilities.double(), 1, generator=self.net.generator
            ).flatten()
        binary = gates.one_hot(options, self.alphas).requires_grad_()
        answer = self.net.answer(valid, binary, active=active)
        (slope,) = torch.autograd.grad(finite(answer), [binary])
        mean = (slope * probabilities).sum(dim=1, keepdim=True)
        return answer, probabilities * (slope - mean)

    def reinforce(self, valid: Batch) -> Answer:
        """Move the architecture parameters by the accuracy of drawn paths."""
        paths = self._drawn(self.paths)
        with torch.no_grad():
            answers = [answer_path(self.net, valid, options) for options in paths]
        for answer in answers:
            finite(answer)
        mean = math.fsum(answer.accuracy for answer in answers) / len(answers)
        old = float(self.mean_reward) if bool(torch.isfinite(self.mean_reward)) else mean
        baseline = old + self.baseline * (mean - old)
        self.mean_reward.fill_(baseline)
        logs = self.alphas.log_softmax(dim=1)
        chosen = torch.stack([logs.gather(1, options[:, None]).sum() for options in paths])
        gains = torch.tensor([answer.accuracy - baseline for answer in answers])
        self.descend(-(gains.to(chosen) * chosen).mean())
        return answers[-1]

    def _drawn(self, n: int = 1) -> list[Tensor]:
        """Draw paths from the probabilities, each of shape ``(n_decisions,)``."""
        probabilities = self.alphas.detach().softmax(dim=1).double()
        drawn = torch.multinomial(probabilities, n, replacement=True, generator=self.net.generator)
        return list(drawn.T)
