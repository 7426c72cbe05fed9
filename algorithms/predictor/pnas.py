"""PNAS, progressive neural architecture search (Liu et al., 2018, https://arxiv.org/abs/1712.00559)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.models.candidates import lowest
from algorithms.models.progressive_search import ProgressiveSearch
from nasbench.space import Arch, SearchSpace


class PNAS(ProgressiveSearch):
    """PNAS: grows architectures from simple to complex, keeping the best predicted of each level.

    Growth begins at a neutral architecture: every decision at its option ``skip_connect``,
    ``skip``, ``identity``, ``none`` or ``absent``, the first of these that it has, else at its
    first option. A level sets one more decision to another option; two, if neither alone gives a
    legal architecture that is another network. All of level 1 is trained, and ``beam`` of each
    later level: those with the lowest mean prediction of ``members`` LSTMs, each of which learned
    from its own share (all but one ``members``-th) of all results. They go on from the weights that
    they had at the level before. After the last level, the next pass over the levels begins, for
    candidates that were not chosen before.

    Preset ``paper`` has the published numbers, after the paper, and predicts accuracies; how long
    its predictors train is our choice. The default suits about 150 trainings.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        first: Level 1 is trained as a whole, unless it is larger: then so many random ones.
        beam: Architectures trained at each later level.
        levels: Number of levels; None for the number of decisions.
        members: Number of LSTMs.
        hidden: Units of an LSTM.
        embedding: Size of the embedding of an option.
        epochs: Passes over the examples at each level.
        batch_size: Examples per step.
        learning_rate: Of Adam when LSTMs are trained first.
        later_rate: Of Adam when they are trained again.
        targets: ``"standardized"``: losses of mean 0 and deviation 1; ``"accuracy"``: 1 minus a
            hundredth of the loss, cut to [0, 1], with a sigmoid whose bias is 1.8 at first.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {
            "first": 256,
            "beam": 256,
            "levels": 5,
            "hidden": 100,
            "embedding": 100,
            "targets": "accuracy",
        }
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        first: int = 50,
        beam: int = 25,
        levels: int | None = None,
        members: int = 5,
        hidden: int = 32,
        embedding: int = 32,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 0.01,
        later_rate: float = 0.002,
        targets: str = "standardized",
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            first=first,
            beam=beam,
            levels=levels,
            members=members,
            hidden=hidden,
            embedding=embedding,
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            later_rate=later_rate,
            targets=targets,
        )

    def select(self, candidates: Sequence[Arch], n: int) -> list[Arch]:
        return lowest(candidates, self.predict(candidates, [self.examples])[0].tolist(), n)
