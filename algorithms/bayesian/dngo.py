"""DNGO, deep networks for global optimization (Snoek et al., 2015, https://arxiv.org/abs/1502.05700)."""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

from algorithms.models.mutant_search import MutantSearch, Numbers
from algorithms.models.networks.bayesian_linear import BayesianLinear
from algorithms.models.networks.mlp_ensemble import MLPEnsemble, Training
from nasbench.errors import InvalidArgumentError
from nasbench.space import SearchSpace


class DNGO(MutantSearch):
    """DNGO: Bayesian linear regression on the last layer of a network (Snoek et al., 2015).

    A tanh network learns the standardised losses by their mean squared error; Bayesian linear
    regression on its last hidden layer then gives mean and standard deviation of a loss. The
    candidates are mutants of the best architectures.

    The network and its training are as in automl/pybnn (``dngo.py``), which NASLib and naszilla
    use. There, both precisions are fitted or sampled in each round; here they are fixed at that
    code's initial values. Preset ``naszilla`` has the loop of naszilla/naszilla
    (``nas_algorithms.py``): 20 random architectures, mutants of the best one, a confidence bound,
    standardised features. Its features number the operations, ours (``one_hot``) do not order them.
    As released, that loop passes the name of its acquisition function in the place of another
    argument, so that its choices do not depend on the predicted means; the preset does what was
    meant.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        initial: Number of random architectures trained first.
        batch: Number of architectures that are chosen before the next fit.
        layers: Hidden layers of the network.
        width: Units of a hidden layer.
        epochs: Passes over the examples.
        minibatch: Examples of a step.
        learning_rate: Of Adam.
        alpha: Precision of the prior of the regression's weights.
        noise: Precision of the noise (the paper's beta), in units of the standardised losses.
        encoding: Features, one of :data:`nasbench.encodings.ENCODINGS`; in spaces that have no such
            features, ``"one_hot"``.
        cutoff: Largest number of columns of paths, which have whole lengths only; 0 for no
            limit.
        standardize: Whether every feature has mean 0 and deviation 1 over the examples; one that is
            the same in all of them is only centred.
        acquisition: One of :data:`algorithms.models.acquisition.NAMES`.
        beta: Weight of the standard deviation in ``"ucb"``.
        candidates: Number of mutants among which the model chooses.
        parents: Number of best architectures that share the mutants.
        patience: How many times as many may be mutated where these have too few new mutants.
        mutation: ``"one"`` decision changes, or ``"naszilla"``: each with a probability of its own.

    Raises:
        InvalidArgumentError: A hyperparameter has an impossible value.
    """

    families = ("neural network",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "naszilla": {"initial": 20, "acquisition": "ucb", "standardize": True},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        initial: int = 10,
        batch: int = 10,
        layers: int = 3,
        width: int = 50,
        epochs: int = 500,
        minibatch: int = 10,
        learning_rate: float = 0.01,
        alpha: float = 1.0,
        noise: float = 1000.0,
        encoding: str = "one_hot",
        cutoff: int = 40,
        standardize: bool = False,
        acquisition: str = "ei",
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
            targets="standardized",
            encoding=encoding,
            cutoff=cutoff,
            acquisition=acquisition,
            beta=beta,
            candidates=candidates,
            parents=parents,
            patience=patience,
            mutation=mutation,
        )
        if not 0 < noise < inf:
            raise InvalidArgumentError(f"noise = {noise} must be positive and finite")
        self.layers = layers
        self.width = width
        self.epochs = epochs
        self.minibatch = minibatch
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.noise = noise
        self.standardize = standardize
        self._regression = BayesianLinear(alpha, noise)
        self._network = MLPEnsemble(
            [(layers, width)],
            Training(
                activation="tanh",
                loss="mse",
                init="lecun",
                epochs=epochs,
                minibatch=minibatch,
                learning_rate=learning_rate,
                beta_2=0.999,
            ),
        )

    def fit_and_predict(
        self, x: Numbers, y: Numbers, candidates: Numbers
    ) -> tuple[Numbers, Numbers]:
        if self.standardize:
            mean, std = x.mean(axis=0), x.std(axis=0)
            std[std == 0] = 1.0
            x, candidates = (x - mean) / std, (candidates - mean) / std
        self._network.fit(x, y, self.array_rng)
        self._regression.fit(self._network.hidden(x), y)
        return self._regression.predict(self._network.hidden(candidates))
