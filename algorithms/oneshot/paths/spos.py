"""Single path one-shot: uniform paths, then evolution with shared weights."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.judging import evolved
from algorithms.oneshot.paths.path_search import PathSearch
from nasbench.space import Arch


class SPOS(PathSearch):
    """Trains a uniformly drawn path a step, then lets evolution search the supernet.

    Guo, Zhang, Mu, Heng, Liu, Wei and Sun (2020), https://arxiv.org/abs/1904.00420
    (``megvii-model/SinglePathOneShot``). The best architectures are proposed, best first.

    Preset ``spos`` has the evolution of the paper; its supernet and training are of another space.

    Args:
        space: The space to search.
        population: Architectures of a generation.
        generations: Number of generations.
        parents: How many of the best so far have children.
        mutation: Probability that a decision of a mutant is drawn anew.
        finalists: How many architectures are proposed.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "spos": {"population": 50, "generations": 20, "parents": 10, "mutation": 0.1},
    }

    def __init__(
        self,
        space: Any,
        *,
        population: int = 50,
        generations: int = 20,
        parents: int = 10,
        mutation: float = 0.1,
        finalists: int = 10,
        **shared: Any,
    ) -> None:
        super().__init__(space, **shared)
        at_least(1, population=population, generations=generations, parents=parents)
        at_least(1, finalists=finalists)
        at_least(0, mutation=mutation)
        self.population = population
        self.generations = generations
        self.parents = parents
        self.mutation = mutation
        self.finalists = finalists

    def ranking(self) -> Iterable[Arch]:
        found = evolved(
            self,
            population=self.population,
            generations=self.generations,
            parents=self.parents,
            mutation=self.mutation,
        )
        return found[: self.finalists]
