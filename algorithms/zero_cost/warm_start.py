"""A start from the best of a scored pool (Abdelfattah et al., 2021, https://arxiv.org/abs/2101.08134)."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from algorithms.models.candidates import pool as draw_pool
from algorithms.models.candidates import unseen
from algorithms.models.scores import Scores
from algorithms.parts.inner import Wrapper
from algorithms.parts.starts import Starts
from nasbench.algorithm import Algorithm, Known, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.regressor import Regressors
from nasbench.space import Arch, SearchSpace

_TRIED = 3
_TRIED_STARTS = 128


class WarmStart(Wrapper):
    """Starts an algorithm with the best architectures of a pool instead of random ones.

    Before the first training, ``pool`` random architectures are scored, and the clock charges the
    recorded seconds of every score. The first ``first`` random architectures that the inner
    algorithm draws are then the best of them, in order; nothing else about it changes. How many of
    its trainings are random at the start is the inner algorithm's own hyperparameter: the
    ``population`` of an evolution, ``initial`` of a model-based search.

    An algorithm whose first proposals are not random architectures drawn from the space, such as
    those of a policy or of a tree, cannot be started so, and is refused.

    Scores are the numbers of ``known``: of each, more is better unless ``lower_is_better`` says
    otherwise. A score that is not defined (NaN) ranks behind all others. An inner algorithm with
    the keyword ``known`` is given them, too.

    Args:
        space: The search space.
        fidelities: Epochs on offer to the inner algorithm.
        seed: Seed of the search.
        search: Registered name of the inner algorithm, or ``"module:Class"``.
        search_preset: Preset of the inner algorithm.
        search_settings: Hyperparameters of the inner algorithm, on top of its preset or defaults.
        pool: Number of random architectures that are scored; all of a smaller space.
        first: How many of the best are given to the inner algorithm.
        rank: ``"first"``: by the first score. ``"vote"``: by the mean rank over all scores.
        lower_is_better: Places of the scores, from 0, of which less is better, as of parameters.
        known: Scores of an architecture; needed.
        resumable: Passed on to the inner algorithm.
        regressors: Passed on to the inner algorithm.

    Raises:
        UnknownNameError: No such algorithm, preset or hyperparameter.
        InvalidArgumentError: There are no scores, the inner algorithm does not begin with random
            architectures or is refused by :class:`~algorithms.parts.inner.Wrapper`, or a
            hyperparameter has an impossible value.
    """

    multi_objective = False

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        search: str = "regularized_evolution",
        search_preset: str | None = None,
        search_settings: Mapping[str, Any] | None = None,
        pool: int = 3000,
        first: int = 64,
        rank: str = "first",
        lower_is_better: Sequence[int] | None = None,
        known: Known | None = None,
        resumable: bool = True,
        regressors: Regressors | None = None,
    ) -> None:
        if not 1 <= first <= pool:
            raise InvalidArgumentError(f"first = {first} must be in 1..pool = {pool}")
        self._scores = Scores(known, lower_is_better, rank)
        starts = Starts(space)
        super().__init__(
            starts.space,
            fidelities=fidelities,
            seed=seed,
            known=known,
            resumable=resumable,
            regressors=regressors,
            search=search,
            search_preset=search_preset,
            search_settings=search_settings,
            needs_known=False,
        )
        self.space = space
        self.pool = pool
        self.first = first
        self.rank = rank
        self.lower_is_better = lower_is_better
        self._check_start(starts)
        self._starts: Starts | None = starts
        self._inner: Algorithm = self._make(seed=seed)
        self.families = self._inner.families
        self.loss_unit = self._inner.loss_unit
        self.multi_objective = self._inner.multi_objective
        self.inner_regressors = self._inner.inner_regressors

    def ask(self) -> Proposal | None:
        if self._starts is not None:
            self._starts.give(self._best(), self._inner.rng)
            self._starts = None
        return self._ask(self._inner)

    def tell(self, observation: Observation) -> None:
        self._inner.tell(observation)

    def _best(self) -> list[Arch]:
        found = draw_pool(self.space, self.pool, self.rng, ())
        return self._scores.ordered(found, self.rng)[: self.first]

    def _check_start(self, starts: Starts) -> None:
        """Refuse an inner algorithm whose first proposals, as one with seed 0 shows, ignore starts.

        Whether one is refused does not depend on the seed of the search.
        """
        trial = self._make(seed=0)
        given = unseen(self.space, _TRIED_STARTS, Random(1), ())
        starts.give(given, trial.rng)
        proposals = [trial.ask() for _ in range(_TRIED)]
        starts.clear()
        for proposal in proposals:
            if proposal is not None and proposal.arch not in given:
                raise InvalidArgumentError(
                    f"search = {self.search!r} does not begin with random architectures drawn from "
                    "the space, so that scores cannot start it; regularized_evolution, "
                    "local_search or bananas do"
                )
