"""Evolution whose children a registered regressor selects (Sun et al., 2020, https://doi.org/10.1109/TEVC.2019.2924461)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from algorithms.models.candidates import mutants_or_unseen
from algorithms.models.regressor_search import RegressorSearch, is_finite
from algorithms.parts.aging_population import AgingPopulation
from nasbench.algorithm import Known, Observation
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressor, Regressors
from nasbench.space import Arch, SearchSpace


class PredictorEA(RegressorSearch):
    """Ageing evolution that trains the child with the best prediction of several.

    Each step draws some members of the population, as
    :class:`~algorithms.evolution.regularized_evolution.RegularizedEvolution` does, and makes
    ``children`` mutants of the best of them, none of them proposed before; random architectures
    take the place of missing ones. The child that the regressor predicts to be best is trained.
    After every ``batch`` steps the regressor learns all results again.

    A predictor in place of trainings is the idea of Sun et al. (2020), who fitted a random forest;
    ours differs in that every selected child is trained, and the regressor learns from it. A preset
    names a regressor (``nasbench list regressors``), which has its default settings. Numbers of
    ``known`` join the encoding as features of the regressor, see
    :class:`~algorithms.models.known_features.KnownFeatures`.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        population: Population size.
        sample: Tournament size, drawn with replacement.
        children: Mutants among which the regressor selects one.
        initial: Number of random architectures trained first.
        batch: Number of steps between two fits.
        regressor: Registered name of the regressor.
        regressor_settings: Hyperparameters of the regressor, on top of its defaults.
        known: Scores or costs of an architecture, which join its encoding as features.
        regressors: Makes regressors.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "random_forest": {"regressor": "random_forest"},
        "xgb": {"regressor": "xgb"},
        "ngb": {"regressor": "ngb"},
        "gaussian_process": {"regressor": "gaussian_process"},
        "mlp": {"regressor": "mlp"},
        "gin": {"regressor": "gin"},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        population: int = 30,
        sample: int = 10,
        children: int = 10,
        initial: int = 30,
        batch: int = 10,
        regressor: str = "random_forest",
        regressor_settings: Mapping[str, Any] | None = None,
        known: Known | None = None,
        regressors: Regressors | None = None,
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            regressor=regressor,
            regressor_settings=regressor_settings,
            regressors=regressors,
            known=known,
        )
        for name, value in (("population", population), ("children", children)):
            if value < 1:
                raise InvalidArgumentError(f"{name} = {value} must be at least 1")
        if not 1 <= sample <= population:
            raise InvalidArgumentError(f"sample = {sample} must be in 1..population = {population}")
        self.population = population
        self.sample = sample
        self.children = children
        self._population = AgingPopulation(population, sample)

    def tell(self, observation: Observation) -> None:
        super().tell(observation)
        self._population.add(observation)

    def choose_by(self, model: Regressor, n: int) -> Sequence[Arch]:
        chosen: dict[Arch, None] = {}
        for _ in range(n):
            parent = self._population.winner(self.rng)
            taken = {*self.seen, *chosen}
            children = mutants_or_unseen(
                self.space, [parent], self.children, 1, self.rng, taken, patience=1
            )
            if not children:
                break
            found = model.predict(np.array(children))
            if not is_finite(found):
                return []
            chosen[children[int(found.mean.argmin())]] = None
        return list(chosen)
