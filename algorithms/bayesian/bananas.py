"""BANANAS (White, Neiswanger and Savani, 2021, https://arxiv.org/abs/1910.11858)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from algorithms.models.mutant_search import MutantSearch, Numbers
from algorithms.models.networks.mlp_ensemble import MLPEnsemble, Training
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace

_MOST_MEMBERS = 1_000


class BANANAS(MutantSearch):
    """BANANAS: an ensemble of networks and Thompson sampling of mutants (White et al., 2021).

    After ``initial`` random architectures, each round trains an ensemble of fully connected ReLU
    networks on all results, mutates the best architectures into ``candidates`` new ones, and trains
    the ``batch`` of them with the highest acquisition. Mean and standard deviation of a loss are
    those of the members' predictions.

    Preset ``naszilla`` is the published method with the settings of naszilla/naszilla
    (``params.py``, ``meta_neural_net.py``, ``nas_algorithms.py``); ``diverse`` is the same with its
    networks of five shapes. Both fit losses as they are and so suit only errors in percent. Preset
    ``naslib`` is the loop of automl/NASLib with the numbers of its ``darts_defaults.yaml`` and its
    predictor ``mlp``, fitted to losses instead of accuracies; NASLib's experiments fit sparse
    Gaussian processes, and it does not stand for them.

    The defaults are our own variant: standardised losses, and features that count the operations on
    paths (``path_statistics``) instead of listing the paths.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        batch: Number of architectures that are chosen before the next fit.
        members: Number of networks.
        layers: Hidden layers of a network.
        width: Units of a hidden layer.
        shapes: Pairs (layers, width), one a network, instead of the last three; None for these.
        loss: ``"mae"`` or ``"mse"``: mean absolute or squared error.
        targets: ``"standardized"`` losses, or ``"raw"`` losses as they are.
        epochs: Passes over the examples.
        minibatch: Examples of a step.
        learning_rate: Of Adam.
        l1: Penalty on the absolute weights of the output layer.
        encoding: Features, one of :data:`nasbench.encodings.ENCODINGS`; in spaces that have no such
            features, ``"one_hot"``.
        cutoff: Largest number of columns of paths, which have whole lengths only: up to two
            operations in nb201, three in nb101. 0 for no limit.
        acquisition: One of :data:`algorithms.models.acquisition.NAMES`.
        beta: Weight of the standard deviation in ``"ucb"``.
        candidates: Number of mutants among which the model chooses.
        parents: Number of best architectures that share the mutants.
        patience: How many times as many may be mutated where these have too few new mutants.
        mutation: ``"one"`` decision changes, or ``"naszilla"``: each with a probability of its own,
            as in :class:`algorithms.evolution.regularized_evolution.RegularizedEvolution`.

    Raises:
        InvalidArgumentError: A hyperparameter has an impossible value.
    """

    families = ("neural network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "naszilla": {"targets": "raw", "encoding": "path_through_none"},
        "diverse": {
            "targets": "raw",
            "encoding": "path_through_none",
            "shapes": [[10, 20], [5, 5], [5, 30], [30, 5], [30, 30]],
        },
        "naslib": {
            "members": 3,
            "layers": 20,
            "epochs": 500,
            "learning_rate": 0.001,
            "l1": 0.2,
            "targets": "raw",
            "encoding": "path_through_none",
            "cutoff": 0,
            "parents": 2,
            "patience": 1,
            "mutation": "one",
        },
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 10,
        members: int = 5,
        layers: int = 10,
        width: int = 20,
        shapes: Sequence[Sequence[int]] | None = None,
        loss: str = "mae",
        targets: str = "standardized",
        epochs: int = 150,
        minibatch: int = 32,
        learning_rate: float = 0.01,
        l1: float = 0.0,
        encoding: str = "path_statistics",
        cutoff: int = 40,
        acquisition: str = "ts",
        beta: float = 0.5,
        candidates: int = 100,
        parents: int = 1,
        patience: int = 5,
        mutation: str = "naszilla",
    ) -> None:
        super().__init__(
            space,
            fidelities=fidelities,
            seed=seed,
            initial=initial,
            batch=batch,
            targets=targets,
            encoding=encoding,
            cutoff=cutoff,
            acquisition=acquisition,
            beta=beta,
            candidates=candidates,
            parents=parents,
            patience=patience,
            mutation=mutation,
        )
        if not 1 <= members <= _MOST_MEMBERS:
            raise InvalidArgumentError(f"members = {members} must be in 1..{_MOST_MEMBERS:,}")
        self.members = members
        self.layers = layers
        self.width = width
        self.shapes = shapes
        self.loss = loss
        self.epochs = epochs
        self.minibatch = minibatch
        self.learning_rate = learning_rate
        self.l1 = l1
        self._ensemble = MLPEnsemble(
            [(layers, width)] * members if shapes is None else shapes,
            Training(
                loss=loss, epochs=epochs, minibatch=minibatch, learning_rate=learning_rate, l1=l1
            ),
        )

    def fit_and_predict(
        self, x: Numbers, y: Numbers, candidates: Numbers
    ) -> tuple[Numbers, Numbers]:
        self._ensemble.fit(x, y, self.array_rng)
        return self._ensemble.mean_and_std(candidates)
