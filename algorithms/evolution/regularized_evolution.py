"""Regularized (aging) evolution (Real et al., 2019, https://arxiv.org/abs/1802.01548)."""

from collections.abc import Mapping, Sequence
from itertools import chain
from random import Random
from typing import Any, ClassVar

from algorithms.parts.aging_population import AgingPopulation
from algorithms.parts.mutation import edge_ends, mutate_each, naszilla_rates
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch, SearchSpace

_TRIES = 1000
_MUTATIONS = ("one", "notebook", "naszilla", "nats")


class RegularizedEvolution(Algorithm):
    """Regularized (aging) evolution with tournament selection (Real et al., 2019).

    Each step samples some members of the population and trains a mutant of the best of them. The
    mutant then replaces the oldest member.

    The presets take their settings from the paper and from the code that the literature compares
    against: ``amoebanet`` from the paper; ``nb101_notebook`` from google-research/nasbench
    (``NASBench.ipynb``); ``nas_benchmarks`` from automl/nas_benchmarks
    (``run_regularized_evolution.py``); ``nats`` from D-X-Y/AutoDL-Projects
    (``exps/NATS-algos/regularized_ea.py``); ``naszilla`` from naszilla/naszilla
    (``nas_algorithms.py``); ``naslib`` from automl/NASLib (``discrete_config.yaml`` of its
    runners). The three with a ``mutation`` of their own also draw mutations as their sources do. In
    the others every decision is equally likely to change, always to another option.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        population: Population size.
        sample: Tournament size: the best of this many members becomes the parent.
        replacement: Whether a tournament is sampled with replacement.
        initial: Number of random architectures trained first; 0 means ``population``.
        mutation: ``"one"``: one decision changes. ``"notebook"``: every edge changes with
            probability one over the number of nodes, every other decision with one over the number
            of the others. ``"naszilla"``: the same, but an edge changes with probability one over
            the number of edges, or of edges minus two in a cell whose decisions are all edges. Both
            are redrawn until the result is legal, which may be the parent. ``"nats"``: in a cell
            whose decisions are all edges, draw a node, then one of the edges into it, and change
            that edge (so the single edge into node 1 changes three times as often as each of the
            three into node 3); in other spaces, redraw one decision, possibly to the same option.
        identity: Probability that a child is an exact copy of its parent, which is trained again.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "amoebanet": {"population": 100, "sample": 25, "identity": 0.05},
        "nb101_notebook": {
            "population": 50,
            "sample": 10,
            "replacement": False,
            "mutation": "notebook",
        },
        "nas_benchmarks": {"population": 100, "sample": 10},
        "nats": {"population": 10, "sample": 3, "mutation": "nats"},
        "naszilla": {"population": 29, "sample": 10, "initial": 10, "mutation": "naszilla"},
        "naslib": {"population": 30, "sample": 10},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        population: int = 100,
        sample: int = 10,
        replacement: bool = True,
        initial: int = 0,
        mutation: str = "one",
        identity: float = 0.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        if population < 1:
            raise InvalidArgumentError(f"population = {population} must be at least 1")
        if not 1 <= sample <= population:
            raise InvalidArgumentError(f"sample = {sample} must be in 1..population = {population}")
        if initial < 0:
            raise InvalidArgumentError(f"initial = {initial} must not be negative")
        if mutation not in _MUTATIONS:
            raise InvalidArgumentError(f"mutation = {mutation!r}{one_of(mutation, _MUTATIONS)}")
        if not 0 <= identity < 1:
            raise InvalidArgumentError(f"identity = {identity} must be in [0, 1)")
        self.population = population
        self.sample = sample
        self.replacement = replacement
        self.initial = initial
        self.mutation = mutation
        self.identity = identity
        self._n_random = self.random_trials = initial or population
        self._edges_into = _edges_by_target(space)
        self._rates = _rates(space, mutation)
        in_a_cell = self._mutate_edge if self._edges_into else self._redraw
        self._mutate = {"one": space.mutate, "nats": in_a_cell}.get(mutation, self._mutate_each)
        self._asked = 0
        self._population = AgingPopulation(population, sample, replacement=replacement)
        self._members = self._population.members

    def ask(self) -> Proposal:
        self._asked += 1
        if self._asked <= self._n_random or not self._members:
            return Proposal(self.space.sample(self.rng))
        parent = self._population.winner(self.rng)
        if self.identity and self.rng.random() < self.identity:
            return Proposal(parent)
        return Proposal(self._mutate(parent, self.rng))

    def tell(self, observation: Observation) -> None:
        self._population.add(observation)

    def _mutate_each(self, arch: Arch, rng: Random) -> Arch:
        return mutate_each(self.space, arch, self._rates, rng)

    def _mutate_edge(self, arch: Arch, rng: Random) -> Arch:
        """A mutant with one edge changed: draw a node, then one of the edges into it."""
        draw, into = rng.random, self._edges_into
        for _ in range(_TRIES):
            edges = into[int(draw() * len(into))]
            position, others = edges[int(draw() * len(edges))]
            option = int(draw() * others)
            changed = list(arch)
            changed[position] = option + (option >= arch[position])
            if self.space.is_legal(mutant := tuple(changed)):
                return mutant
        return self.space.mutate(arch, rng)

    def _redraw(self, arch: Arch, rng: Random) -> Arch:
        """A mutant with one decision redrawn from all its options."""
        draw, options = rng.random, self.space.options
        while True:
            position = int(draw() * len(options))
            changed = list(arch)
            changed[position] = int(draw() * options[position])
            if self.space.is_legal(mutant := tuple(changed)):
                return mutant


def _rates(space: SearchSpace, mutation: str) -> list[float]:
    """Probability that each decision changes, for ``"notebook"`` and ``"naszilla"``."""
    if mutation != "notebook":
        return naszilla_rates(space)
    ends = edge_ends(space)
    nodes = set(chain.from_iterable(edge for edge in ends if edge))
    return [1 / len(nodes) if edge else 1 / ends.count(None) for edge in ends]


def _edges_by_target(space: SearchSpace) -> list[list[tuple[int, int]]]:
    """Edges into each node of a cell, as (position, number of other options).

    Empty if any decision is not an edge.
    """
    into: dict[str, list[tuple[int, int]]] = {}
    for position, (edge, n) in enumerate(zip(edge_ends(space), space.options, strict=True)):
        if edge is None:
            return []
        into.setdefault(edge[1], []).extend([(position, n - 1)] if n > 1 else [])
    return [edges for edges in into.values() if edges]
