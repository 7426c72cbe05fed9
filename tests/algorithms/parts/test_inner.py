import math

import numpy as np
import pytest

import nasbench
from algorithms.parts.inner import Wrapper, with_one_loss
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError, UnknownNameError
from nasbench.spaces.nb201 import NB201

ARCH = (0, 1, 2, 3, 4, 0)


class Alone(Wrapper):
    """Asks the algorithm inside."""

    def __init__(self, seed=0, known=None, resumable=True, **search):
        search = {
            "search": "random_search",
            "search_preset": None,
            "search_settings": None,
        } | search
        super().__init__(
            NB201(), fidelities=(3, 9), seed=seed, known=known, resumable=resumable, **search
        )
        self.inner = self._make(seed=seed)

    def ask(self):
        return self.inner.ask()

    def tell(self, observation):
        self.inner.tell(observation)


class Knowing(Algorithm):
    """Uses known numbers."""

    def __init__(self, space, *, fidelities, seed, known=None, depth=3):
        super().__init__(space, fidelities=fidelities, seed=seed)
        self.known = known
        self.depth = depth

    def ask(self):
        assert self.known is None or self.known(ARCH) == (344346.0,)
        return Proposal(ARCH)

    def tell(self, observation):
        pass


def told(losses, curve=None):
    return Observation(7, Proposal(ARCH, 4), losses, 5.0, curve)


def test_a_single_loss_is_told_as_it_is():
    observation = told((3.0,))
    assert with_one_loss(observation, max) is observation


def test_several_losses_are_told_as_one():
    observation = with_one_loss(told((3.0, 4.0, 5.0)), lambda losses: sum(losses) / 2)
    assert observation.losses == (6.0,)
    assert (observation.trial, observation.proposal) == (7, Proposal(ARCH, 4))
    assert observation.seconds == 5.0
    assert observation.curve.tolist() == [6.0]


@pytest.mark.parametrize("losses", [(math.inf, 1.0), (1.0, math.inf), (math.inf, math.inf)])
def test_one_infinite_loss_makes_all_infinite(losses):
    assert with_one_loss(told(losses), lambda _: 0.0).losses == (math.inf,)


def test_the_curve_is_that_of_the_one_loss():
    curve = {7: np.array([np.nan, 8.0, math.inf, 3.0])}.__getitem__
    observation = with_one_loss(told((3.0, 10.0), curve), lambda losses: losses[0] + losses[1])
    np.testing.assert_array_equal(observation.curve, [np.nan, 18.0, math.inf, 13.0])


def test_the_algorithm_inside_is_made_as_it_is_alone():
    wrapper = Alone(
        seed=5,
        search="regularized_evolution",
        search_preset="nats",
        search_settings={"sample": 4, "identity": 0},
    )
    inner = wrapper.inner
    assert (inner.population, inner.sample, inner.mutation) == (10, 4, "nats")
    assert (inner.space, inner.fidelities) == (wrapper.space, (3, 9))
    assert type(inner.identity) is float
    assert inner.rng.random() == wrapper.rng.random()


def test_an_algorithm_of_ones_own_can_be_inside():
    assert type(Alone(search=f"{__name__}:Knowing").inner) is Knowing


def test_known_and_resumable_are_passed_on():
    def known(arch):
        return (1.0,)

    assert Alone(search=f"{__name__}:Knowing", known=known).inner.known is known
    assert Alone(search=f"{__name__}:Knowing").inner.known is None
    for resumable in (True, False):
        assert Alone(search="asha", resumable=resumable).inner.resumable is resumable


def test_a_search_hands_known_numbers_through():
    (run,) = nasbench.search(
        "algorithms.multi_objective.mo_reward:MoReward",
        "nb201-cifar10",
        budget=nasbench.Budget(trials=3),
        hyperparameters={"search": f"{__name__}:Knowing", "search_settings": {"depth": 1}},
        known=["parameters"],
    )
    assert run.manifest.known == ("parameters",)


def test_known_numbers_are_refused_if_the_algorithm_inside_has_no_use_for_them():
    with pytest.raises(InvalidArgumentError, match="'asha' has no keyword 'known'"):
        Alone(search="asha", known=lambda arch: (1.0,))


@pytest.mark.parametrize(
    ("search", "error", "message"),
    [
        ({"search": "random_serch"}, UnknownNameError, "did you mean 'random_search'"),
        ({"search_preset": "nats"}, UnknownNameError, "RandomSearch has no preset 'nats'"),
        (
            {"search": "reinforce", "search_preset": "nat"},
            UnknownNameError,
            "did you mean 'nats'",
        ),
        (
            {"search_settings": {"replacment": False}},
            UnknownNameError,
            "did you mean 'replacement'",
        ),
        (
            {"search_settings": {"replacement": 1}},
            InvalidArgumentError,
            "replacement = 1 must be of type bool",
        ),
        (
            {"search_settings": "replacement = 1"},
            InvalidArgumentError,
            "search_settings = 'replacement = 1' must map names to values",
        ),
        (
            {"search": "asha", "search_settings": {"eta": 1}},
            InvalidArgumentError,
            "eta = 1 must be at least 2",
        ),
        (
            {"search": f"{__name__}:Alone"},
            InvalidArgumentError,
            "runs an inner algorithm itself and cannot be one",
        ),
        ({"search": f"{__name__}:told"}, InvalidArgumentError, "not an algorithm"),
    ],
)
def test_impossible_algorithms_inside_are_refused(search, error, message):
    with pytest.raises(error, match=message):
        Alone(**search)
