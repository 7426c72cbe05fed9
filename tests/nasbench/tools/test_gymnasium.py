import random
from collections import Counter

import numpy as np
import pytest

import nasbench
from nasbench.errors import AlgorithmError, IllegalArchError, InvalidArgumentError

gymnasium = pytest.importorskip("gymnasium", reason="needs the extra gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from nasbench.tools.gymnasium import Environment  # noqa: E402


def decide(environment, arch, seed=None):
    """Choose the options of an architecture; the last answer."""
    environment.reset(seed=seed)
    for option in arch:
        answer = environment.step(option)
    return answer


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("replicate", ["draw", "mean"])
def test_gymnasium_accepts_the_environment(opened, replicate):
    check_env(Environment(opened, replicate=replicate), skip_render_check=True)


def test_masked_random_episodes_end_in_legal_architectures(opened):
    environment = Environment(opened, replicate="mean")
    environment.action_space.seed(0)
    for episode in range(5 if opened.family else 20):
        observation, info = environment.reset(seed=episode)
        assert not observation.any()
        total, terminated, n_steps = 0.0, False, 0
        while not terminated:
            option = environment.action_space.sample(info["action_mask"])
            observation, reward, terminated, truncated, info = environment.step(option)
            total += reward
            n_steps += 1
            assert observation in environment.observation_space
            assert not truncated
        arch = tuple((observation - 1).tolist())
        assert n_steps == len(opened.space.options)
        assert arch == info["arch"]
        assert arch in opened.space
        assert info["losses"] == opened.evaluate(arch).losses
        assert total == -info["losses"][0]
        assert not info["action_mask"].any()


def test_the_mask_is_that_of_the_space(opened):
    environment, space = Environment(opened), opened.space
    arch = space.sample(random.Random(0))
    _, info = environment.reset()
    for place, option in enumerate(arch):
        legal = np.flatnonzero(info["action_mask"]).tolist()
        assert legal == list(space.legal_options(arch[:place]))
        *_, info = environment.step(option)


def test_a_forbidden_action_changes_nothing():
    environment = Environment(nasbench.load("fcnet-protein"))  # decisions of 2 to 6 options
    _, info = environment.reset()
    forbidden = int(np.flatnonzero(info["action_mask"] == 0)[0])
    observation, reward, terminated, _, again = environment.step(forbidden)
    assert (observation.any(), reward, terminated) == (False, 0.0, False)
    assert again["action_mask"].tolist() == info["action_mask"].tolist()


def test_training_seeds_are_drawn_from_those_recorded(toy, archs):
    environment = Environment(toy, epoch=4)
    drawn = Counter()
    for seed in range(60):
        _, reward, *_, info = decide(environment, archs[5], seed)  # seeds 0 and 2
        assert reward == -(100 - (50 + 2 * info["training_seed"] + 4))
        assert info["seconds"] == 6 * (10 + info["training_seed"]) * 4 + 6
        drawn[info["training_seed"]] += 1
    assert sorted(drawn) == [0, 2]
    assert min(drawn.values()) > 15
    same = [decide(environment, archs[5], 7)[-1]["training_seed"] for _ in range(3)]
    assert len(set(same)) == 1


def test_a_diverged_training_earns_minus_infinity(toy, archs):
    *_, info = decide(Environment(toy, replicate="mean"), archs[4])
    assert info["losses"] == (float("inf"),)
    assert info["training_seed"] is None


def test_impossible_calls_are_refused(toy, archs):
    environment = Environment(toy)
    with pytest.raises(AlgorithmError, match="call reset"):
        environment.step(0)
    decide(environment, archs[0])
    with pytest.raises(AlgorithmError, match="call reset"):
        environment.step(0)
    environment.reset()
    with pytest.raises(IllegalArchError, match=r"0\.\.4"):
        environment.step(5)
    with pytest.raises(InvalidArgumentError, match="did you mean 'draw'"):
        Environment(toy, replicate="drawn")
