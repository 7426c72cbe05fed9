"""Weights on paths, no gates: what methods share that train first and judge afterwards."""

from collections.abc import Mapping
from typing import Any

from algorithms.oneshot.paths.judging import answer_path, uniform_path
from algorithms.oneshot.weight_search import WeightSearch
from nasbench.supernet import Answer, Batch


class PathSearch(WeightSearch):
    """Every step trains the weights of a random architecture.

    A subclass says in :meth:`learn` what a step trains, and in ``ranking`` how it judges.
    """

    def epoch(self, epoch: int) -> Mapping[str, Any]:
        losses = [self.learn(batch).loss.item() for batch in self.net.train_batches(epoch)]
        return {"train_loss": sum(losses) / len(losses)}

    def learn(self, batch: Batch) -> Answer:
        """Take a step of the weights."""
        answer = answer_path(self.net, batch, uniform_path(self.net))
        self.optimizer.step(answer)
        return answer
