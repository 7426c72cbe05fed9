"""NAO with weight sharing: paths of a population, which a learned continuous space renews."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from scipy.stats import rankdata
from torch import Generator

from algorithms.models.candidates import unseen
from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.judging import accuracies, best_first, different
from algorithms.oneshot.paths.path_search import PathSearch
from algorithms.parts.architecture_autoencoder import ArchitectureAutoencoder
from algorithms.parts.lstm_policy import Adam
from nasbench.space import Arch
from nasbench.supernet import Answer, Batch

DROPOUT, TRADE_OFF, CLIP, DECAY, BATCH = 0.1, 0.8, 5.0, 1e-4, 32
"""Of the network that predicts, as in :class:`algorithms.predictor.nao.NAO`."""


class NAOWS(PathSearch):
    """Trains paths of a population; every few epochs, NAO makes new ones from the best.

    Luo, Tian, Qin, Chen and Liu (2018), https://arxiv.org/abs/1808.07233. A step trains a random
    architecture of the population. After ``every`` epochs all are judged with the shared weights
    on the gates' half. An encoder, a predictor of ranks and a decoder are trained on that, with
    new weights each time; the best are moved where the prediction is better, by longer and longer
    steps, until there are ``fresh`` new ones, and random ones fill up. These take the place of the
    worst. In the end the best of the population are proposed, best first.

    The paper combines NAO with ENAS in a few lines, so how many epochs and architectures are ours.
    It predicts accuracies; ranks differ as in the default of
    :class:`algorithms.predictor.nao.NAO`, whose other settings are those here. What encoder,
    predictor and decoder cost is not in the calibration, so it is not charged.

    Args:
        space: The space to search.
        population: Architectures that are trained.
        every: Epochs between two renewals.
        fresh: New architectures of a renewal.
        parents: Best architectures that are moved.
        embedding: Size of the embedding of an option.
        hidden: Units of the encoder and of the decoder.
        layers: Hidden layers of the predictor.
        width: Units of each of them.
        passes: Epochs of the training of these three.
        passes_rate: Their learning rate, by Adam.
        finalists: How many architectures are proposed.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(
        self,
        space: Any,
        *,
        population: int = 100,
        every: int = 10,
        fresh: int = 50,
        parents: int = 30,
        embedding: int = 32,
        hidden: int = 48,
        layers: int = 3,
        width: int = 100,
        passes: int = 150,
        passes_rate: float = 0.003,
        finalists: int = 10,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, population=population, every=every, fresh=fresh, parents=parents)
        at_least(1, embedding=embedding, hidden=hidden, layers=layers, width=width)
        at_least(1, passes=passes, finalists=finalists)
        at_least(0, passes_rate=passes_rate)
        self.population = population
        self.every = every
        self.fresh = fresh
        self.parents = parents
        self.embedding = embedding
        self.hidden = hidden
        self.layers = layers
        self.width = width
        self.passes = passes
        self.passes_rate = passes_rate
        self.finalists = finalists

    def start(self) -> None:
        super().start()
        self.members = Members(different(self, self.population))
        self.keep(members=self.members)

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        if epoch and epoch % self.every == 0:
            self.renew()
        return super().epoch(epoch)

    def learn(self, batch: Batch) -> Answer:
        archs = self.members.archs
        answer = self.net.path(batch, archs[int(self.rng.random() * len(archs))])
        self.optimizer.step(answer)
        return answer

    def renew(self) -> None:
        """Put new architectures in the place of the worst."""
        archs = self.members.archs
        found = accuracies(self.net, archs, [self.net.valid()])
        best = best_first(archs, found)
        new: list[Arch] = []
        if min(found) < max(found):
            network = self.trained(archs, found)
            new = network.moved(best[: self.parents], self.fresh, set(archs))
        new += unseen(self.space, self.fresh - len(new), self.rng, {*archs, *new})
        self.members.archs = [*best[: max(0, self.population - len(new))], *new]

    def trained(self, archs: Sequence[Arch], found: Sequence[float]) -> ArchitectureAutoencoder:
        """Return a network trained on the ranks of accuracies, the best of which is lowest."""
        generator = Generator().manual_seed(int(self.rng.random() * 2**53))
        network = ArchitectureAutoencoder(
            self.space,
            embedding=self.embedding,
            hidden=self.hidden,
            layers=self.layers,
            width=self.width,
            dropout=DROPOUT,
            generator=generator,
        )
        network.fit(
            archs,
            torch.from_numpy(rankdata([-accuracy for accuracy in found])),
            trade_off=TRADE_OFF,
            epochs=self.passes,
            batch_size=BATCH,
            adam=Adam(
                list(network.parameters()), self.passes_rate, clip_norm=CLIP, weight_decay=DECAY
            ),
            generator=generator,
        )
        return network

    def ranking(self) -> Iterable[Arch]:
        archs = self.members.archs
        return best_first(archs, accuracies(self.net, archs, [self.net.valid()]))[: self.finalists]


class Members:
    """The architectures of a population, for checkpoints."""

    def __init__(self, archs: list[Arch]) -> None:
        self.archs = archs

    def state_dict(self) -> dict[str, list[list[int]]]:
        return {"archs": [list(arch) for arch in self.archs]}

    def load_state_dict(self, state: Mapping[str, Sequence[Sequence[int]]]) -> None:
        self.archs = [tuple(arch) for arch in state["archs"]]
