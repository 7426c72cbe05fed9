import random
from itertools import islice

import numpy as np
import pytest

from nasbench.errors import IllegalArchError
from nasbench.space import Decision
from nasbench.spaces import SPACES
from nasbench.tables.described_space import DescribedSpace

SMALL = 20_000
SPACE_NAMES = list(SPACES)


@pytest.fixture(params=SPACE_NAMES, scope="module")
def space(request):
    return SPACES.load(request.param)()


def archs(space, limit=SMALL):
    """All architectures of a small space, 1,000 of a large one."""
    if space.size is not None and space.size <= limit:
        return space.archs()
    return islice(space.samples(random.Random(0)), 1_000)


def test_a_configuration_comes_back(space):
    for arch in archs(space):
        assert space.from_configuration(space.to_configuration(arch)) == arch


def test_configspace(space):
    package = pytest.importorskip("ConfigSpace", reason="needs the extra smac")
    language = space.to_configspace()
    for arch in archs(space):
        configuration = package.Configuration(language, values=space.to_configuration(arch))
        assert space.from_configuration(configuration) == arch
    sampled = space.to_configspace(seed=1).sample_configuration(100)
    for configuration in sampled:
        arch = space.from_configuration(configuration, repair=True)
        assert arch in space
    kinds = {decision.name: decision.kind for decision in space.decisions}
    for name, parameter in language.items():
        is_ordered = isinstance(parameter, package.OrdinalHyperparameter)
        assert is_ordered == (kinds[name] != "categorical")


def test_optuna(space):
    package = pytest.importorskip("optuna", reason="needs the extra optuna")
    distributions = space.to_optuna()
    for arch in archs(space):
        configuration = space.to_configuration(arch)
        trial = package.trial.create_trial(
            params=configuration, distributions=distributions, value=0.0
        )
        assert space.from_configuration(trial.params) == arch


def test_options_of_optuna_are_those_of_the_space(space):
    pytest.importorskip("optuna", reason="needs the extra optuna")
    for decision, distribution in zip(space.decisions, space.to_optuna().values(), strict=True):
        if hasattr(distribution, "choices"):
            assert len(distribution.choices) == len(decision.labels)
        else:
            steps = (distribution.high - distribution.low) / distribution.step
            assert round(steps) + 1 == len(decision.values)


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(
    "values", [(0.7, 0.8, 0.9), (0.2, 0.55, 0.9), (0.0, 0.3, 0.6), (1e-7, 3e-7)]
)
def test_numbers_at_steps_that_binary_has_not_all_reach_optuna(values):
    optuna = pytest.importorskip("optuna", reason="needs the extra optuna")
    decision = Decision("rate", tuple(map(str, values)), "numeric", values)
    space = DescribedSpace("theirs", (decision, Decision("odd", ("1", "2"), "numeric", (1.0, 2.0))))
    sampler = optuna.samplers.BruteForceSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    distributions = space.to_optuna()
    seen = set()
    study.optimize(
        lambda trial: (
            seen.add(
                space.from_configuration(
                    {
                        name: trial.suggest_float(name, d.low, d.high, step=d.step)
                        for name, d in distributions.items()
                    }
                )
            )
            or 0.0
        )
    )
    assert seen == set(space.archs())
    uneven = Decision("part", ("a", "b", "c"), "numeric", (1 / 11, 2 / 11, 3 / 11))
    (found,) = DescribedSpace("theirs", (uneven,)).to_optuna().values()
    assert len(found.choices) == 3


def test_pymoo(space):
    pytest.importorskip("pymoo", reason="needs the extra pymoo")
    variables = space.to_pymoo()
    for arch in archs(space):
        pairs = zip(variables.items(), arch, strict=True)
        assert space.from_configuration({k: v.options[o] for (k, v), o in pairs}) == arch


def test_nevergrad(space):
    pytest.importorskip("nevergrad", reason="needs the extra nevergrad")
    language = space.to_nevergrad()
    language.random_state.seed(0)
    for arch in islice(archs(space, limit=0), 100):
        child = language.spawn_child(new_value=space.to_configuration(arch))
        assert space.from_configuration(child.value) == arch
    for arch in archs(space):  # every option of every choice is where the space has it
        pairs = zip(language.items(), arch, strict=True)
        found = {name: choice.choices[option].value for (name, choice), option in pairs}
        assert space.from_configuration(found) == arch


def test_synetune(space):
    pytest.importorskip("syne_tune", reason="needs the extra synetune")
    language = space.to_synetune()
    for arch in archs(space):  # every option of every choice is where the space has it
        found = {
            name: domain.categories[option] if hasattr(domain, "categories") else domain
            for (name, domain), option in zip(language.items(), arch, strict=True)
        }
        assert space.from_configuration(found) == arch


def test_numbers_may_come_from_numpy_and_with_round_off():
    fcnet = SPACES.load("fcnet")()
    arch = (1, 0, 2, 2, 1, 3, 0, 5, 1)
    configuration = fcnet.to_configuration(arch)
    noisy = {
        name: np.float64(value * (1 + 1e-13)) if isinstance(value, float | int) else np.str_(value)
        for name, value in configuration.items()
    }
    assert fcnet.from_configuration(noisy) == arch


def test_labels_of_numbers_are_options_too():
    fcnet = SPACES.load("fcnet")()
    arch = (0, 1, 1, 0, 2, 4, 1, 0, 3)
    labels = {d.name: d.labels[o] for d, o in zip(fcnet.decisions, arch, strict=True)}
    assert fcnet.from_configuration(labels) == arch


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge 0->1": "nor_conv_3"}, "has no option 'nor_conv_3'.*'nor_conv_3x3'"),
        ({"edge 0->1": True}, "has no option True"),
        ({"edge 0->1": None}, "has no option None"),
        ({"edge 0-1": "none"}, "has no decision 'edge 0-1'.*'edge 0->1'"),
    ],
)
def test_wrong_configurations_are_refused(change, message):
    nb201 = SPACES.load("nb201")()
    configuration = nb201.to_configuration((0,) * 6) | change
    with pytest.raises(IllegalArchError, match=message):
        nb201.from_configuration(configuration)


def test_a_missing_decision_is_named():
    nb201 = SPACES.load("nb201")()
    configuration = nb201.to_configuration((0,) * 6)
    del configuration["edge 1->2"]
    with pytest.raises(IllegalArchError, match="needs an option for 'edge 1->2'"):
        nb201.from_configuration(configuration)


def test_illegal_tuples_are_refused_or_repaired():
    nb101 = SPACES.load("nb101")()
    configuration = nb101.to_configuration((0,) * 26)
    with pytest.raises(IllegalArchError, match="breaks a rule"):
        nb101.from_configuration(configuration)
    assert nb101.from_configuration(configuration, repair=True) in nb101


def test_repair_leaves_what_is_legal_and_makes_the_rest_legal(space):
    rng = random.Random(0)
    for arch in islice(space.samples(rng), 100):
        assert space.repair(arch) == arch
    for _ in range(100):
        arch = tuple(int(rng.random() * n) for n in space.options)
        assert space.repair(arch) in space
