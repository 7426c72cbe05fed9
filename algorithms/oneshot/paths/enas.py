"""ENAS: a controller learns to draw paths, from the accuracy with shared weights."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle, islice
from typing import Any, ClassVar

import torch

from algorithms.oneshot.one_shot_search import at_least, finite
from algorithms.oneshot.paths.judging import accuracies, best_first
from algorithms.oneshot.paths.path_search import PathSearch
from algorithms.parts.lstm_policy import LSTMPolicy
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

BASELINES = ("epoch", "moving")


class ENAS(PathSearch):
    """Trains paths that an LSTM draws; after every epoch, the LSTM learns which are accurate.

    Pham, Guan, Zoph, Le and Dean (2018), https://arxiv.org/abs/1802.03268. The controller learns
    by REINFORCE: the reward is the accuracy on a batch of the gates' half plus the entropy of the
    policy. In the end, the best of some drawn architectures on one batch is proposed. These batches
    are augmented as those of the weights, as in the code of NAS-Bench-201, unlike that of
    NATS-Bench. What the controller itself costs is not in the calibration, so it is not charged.

    Presets ``nb201`` and ``nats`` have the settings of the code of NAS-Bench-201 and NATS-Bench
    (``D-X-Y/AutoDL-Projects``), which learns from the entropy alone in its first epoch: there the
    baseline of a sample is its own accuracy; its rewards are of batches of 512, here they are as
    large as those of the weights. What an epoch hands on to the next is the mean of its baselines
    for both, as in NATS-Bench; in NAS-Bench-201 it is the baseline of the last sample. Preset
    ``enas`` has the controller and the decay of the authors' script for cells (``melodyguan/enas``;
    twice its ``l2_reg``, whose penalty has no half; what it clips, it does not use), but no
    operation is favoured at first, weights have one cosine without restarts, and 100 architectures
    are judged at the end. In all of them, unlike in the code, every decision has its own embeddings
    and output layer.

    Args:
        space: The space to search.
        layers: Layers of the LSTM.
        hidden: Units of each, and size of the embeddings.
        temperature: Divides the logits of options.
        tanh_constant: Then, logits ``x`` become ``tanh_constant * tanh(x)``.
        entropy: Weight of the entropy, in nats, in the reward.
        baseline: What is taken off the reward. ``"epoch"``: ``baseline_decay`` times the mean
            baseline of the epoch before, plus the rest of 1 times the reward; in the first epoch
            the accuracy. ``"moving"``: the moving mean of rewards, from 0, with this one.
        baseline_decay: Weight of what was before.
        updates: Steps of the controller after an epoch.
        samples: Architectures of a step.
        controller_rate: Learning rate of the controller, by Adam.
        controller_betas: Of Adam.
        controller_epsilon: Of Adam.
        controller_clip: Largest norm of its gradient; 0 for no limit.
        candidates: Architectures to draw in the end.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "nb201": {
            "epochs": 250,
            "clip": 5.0,
            "layers": 2,
            "hidden": 32,
            "temperature": 5.0,
            "tanh_constant": 2.5,
            "baseline": "epoch",
            "updates": 50,
            "samples": 20,
            "controller_rate": 1e-3,
            "controller_epsilon": 1e-3,
            "controller_clip": 5.0,
            "candidates": 100,
            "rate": 0.05,
            "last_rate": 5e-4,
            "decay": 2.5e-4,
            "batch_size": 128,
            "controller_betas": (0.0, 0.999),
        },
        "nats": {
            "epochs": 100,
            "layers": 2,
            "hidden": 32,
            "temperature": 5.0,
            "tanh_constant": 2.5,
            "baseline": "epoch",
            "updates": 50,
            "samples": 20,
            "controller_rate": 1e-3,
            "controller_epsilon": 1e-3,
            "controller_clip": 5.0,
            "candidates": 100,
            "controller_betas": (0.5, 0.999),
        },
        "enas": {
            "epochs": 150,
            "rate": 0.05,
            "last_rate": 5e-4,
            "decay": 2e-4,
            "layers": 1,
            "hidden": 64,
            "temperature": 1.0,
            "tanh_constant": 0.44,
            "baseline": "moving",
            "updates": 30,
            "samples": 10,
            "controller_rate": 3.5e-3,
            "controller_betas": (0.0, 0.999),
            "controller_epsilon": 1e-3,
            "controller_clip": 0.0,
        },
    }

    def __init__(
        self,
        space: Any,
        *,
        layers: int = 2,
        hidden: int = 32,
        temperature: float = 5.0,
        tanh_constant: float = 2.5,
        entropy: float = 1e-4,
        baseline: str = "epoch",
        baseline_decay: float = 0.99,
        updates: int = 50,
        samples: int = 20,
        controller_rate: float = 1e-3,
        controller_betas: Sequence[float] = (0.5, 0.999),
        controller_epsilon: float = 1e-3,
        controller_clip: float = 5.0,
        candidates: int = 100,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, layers=layers, hidden=hidden, updates=updates, samples=samples)
        at_least(1, candidates=candidates)
        at_least(0, entropy=entropy, controller_rate=controller_rate)
        at_least(0, controller_clip=controller_clip)
        for name in ("temperature", "tanh_constant", "controller_epsilon"):
            if not (value := locals()[name]) > 0:
                raise InvalidArgumentError(f"{name} = {value} must be above 0")
        if baseline not in BASELINES:
            raise InvalidArgumentError(f"baseline = {baseline!r}{one_of(baseline, BASELINES)}")
        if not 0 <= baseline_decay < 1:
            raise InvalidArgumentError(f"baseline_decay = {baseline_decay} must be in [0, 1)")
        if len(controller_betas) != 2 or not all(0 <= beta < 1 for beta in controller_betas):
            raise InvalidArgumentError(
                f"controller_betas = {controller_betas} must be two numbers in [0, 1)"
            )
        self.layers = layers
        self.hidden = hidden
        self.temperature = temperature
        self.tanh_constant = tanh_constant
        self.entropy = entropy
        self.baseline = baseline
        self.baseline_decay = baseline_decay
        self.updates = updates
        self.samples = samples
        self.controller_rate = controller_rate
        self.controller_betas = controller_betas
        self.controller_epsilon = controller_epsilon
        self.controller_clip = controller_clip
        self.candidates = candidates

    def start(self) -> None:
        super().start()
        self.policy = LSTMPolicy(
            self.space,
            self.rng,
            layers=self.layers,
            hidden=self.hidden,
            initial_range=0.1,
            temperature=self.temperature,
            tanh_constant=self.tanh_constant,
        )
        first, second = self.controller_betas
        self.adam = torch.optim.Adam(
            self.policy.parameters,
            lr=self.controller_rate,
            betas=(first, second),
            eps=self.controller_epsilon,
        )
        unknown = float("nan") if self.baseline == "epoch" else 0.0
        self.before = torch.full((), unknown, dtype=torch.float64)
        self.keep(adam=self.adam, before=self.before)
        self.keep(**{f"policy {i}": value for i, value in enumerate(self.policy.parameters)})

    def learn(self, batch: Batch) -> Answer:
        answer = self.net.path(batch, self.drawn(1)[0])
        self.optimizer.step(answer)
        return answer

    def drawn(self, n: int) -> list[Arch]:
        """Draw architectures from the policy."""
        return [arch for arch, _ in self.policy.sample(n, self.rng)]

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        row = super().epoch(epoch)
        batches = cycle(self.net.valid_batches(epoch))
        steps = [self.learn_controller(islice(batches, self.samples)) for _ in range(self.updates)]
        rewards, baselines, accuracy = torch.tensor(steps, dtype=torch.float64).mean(dim=0).tolist()
        if self.baseline == "epoch":
            self.before.fill_(baselines)
        return {**row, "valid_accuracy": accuracy, "reward": rewards}

    def learn_controller(self, batches: Iterable[Batch]) -> tuple[float, float, float]:
        """Take a step of the controller; return its mean reward, baseline and accuracy.

        Args:
            batches: One for every architecture to draw.
        """
        archs = self.drawn(self.samples)
        found = torch.tensor(
            [self.judged(arch, batch) for arch, batch in zip(archs, batches, strict=True)],
            dtype=torch.float64,
        )
        logs, entropies = self.policy.score(self.policy.encode(archs))
        rewards = found + self.entropy * entropies.detach()
        baselines = self.baselines(rewards, found)
        self.adam.zero_grad()
        (-((rewards - baselines) * logs).mean()).backward()  # type: ignore[no-untyped-call]
        if self.controller_clip:
            torch.nn.utils.clip_grad_norm_(self.policy.parameters, self.controller_clip)
        self.adam.step()
        return rewards.mean().item(), baselines.mean().item(), found.mean().item()

    @torch.no_grad()
    def judged(self, arch: Arch, batch: Batch) -> float:
        """The accuracy of an architecture on a batch."""
        answer = self.net.path(batch, arch)
        finite(answer)
        return answer.accuracy

    def baselines(self, rewards: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        """What to take off rewards, given the accuracies that are in them."""
        decay = self.baseline_decay
        if self.baseline == "epoch":
            known = bool(torch.isfinite(self.before))
            return decay * self.before + (1 - decay) * rewards if known else found
        means = []
        for reward in rewards.tolist():
            self.before.mul_(decay).add_((1 - decay) * reward)
            means.append(self.before.clone())
        return torch.stack(means)

    def ranking(self) -> Iterable[Arch]:
        archs = list(dict.fromkeys(self.drawn(self.candidates)))
        batch = next(self.net.valid_batches(self.epochs))
        return best_first(archs, accuracies(self.net, archs, [batch]))[:1]
