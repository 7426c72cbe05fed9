import random
from collections import Counter

import numpy as np
import pytest
from toys import Layers, Ruled, Switched, Tiny, Unequal

from nasbench.benchmarks.instances.hidden_space import HiddenSpace
from nasbench.benchmarks.relabelled_space import RelabelledSpace
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.nbgraph import NBGraph
from nasbench.testing.spaces import check_space

SPACES = [Tiny(), Ruled(), Switched(), Layers(), Unequal(), NB201(), FCNet(), NBGraph()]


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_a_hidden_space_keeps_the_contract(space):
    check_space(HiddenSpace(space, 1), n=20)


@pytest.mark.parametrize("space", SPACES, ids=repr)
def test_it_says_the_same_as_a_relabelled_space_in_other_words(space):
    hidden, relabelled = HiddenSpace(space, 5), RelabelledSpace(space, 5)
    assert hidden.name == "hidden"
    assert hidden.options == relabelled.options
    assert [d.kind for d in hidden.decisions] == [d.kind for d in relabelled.decisions]
    renamed = {}
    for mine, theirs in zip(hidden.decisions, relabelled.decisions, strict=True):
        for label, other in zip(mine.labels, theirs.labels, strict=True):
            assert renamed.setdefault(other, label) == label
    assert len(set(renamed.values())) == len(renamed)
    assert all(label == "none" or label.startswith("option ") for label in renamed.values())
    rng = random.Random(0)
    for arch in (hidden.sample(rng) for _ in range(20)):
        whole = relabelled.to_whole(arch)
        parts = [share[option] for share, option in zip(hidden.shares(), arch, strict=True)]
        assert sum(parts) == space.rank(whole)
        assert hidden.canonical(arch) == relabelled.canonical(arch)
        mine, theirs = hidden.graph(arch), space.graph(whole)
        if theirs is not None:
            assert np.array_equal(mine.adjacency, theirs.adjacency)
            assert mine.labels == tuple(renamed.get(label, label) for label in theirs.labels)


def test_no_word_of_the_whole_is_left():
    for whole in (NB201(), FCNet(), NBGraph()):
        words = {label for decision in whole.decisions for label in decision.labels} - {"none"}
        words |= {decision.name for decision in whole.decisions} | {whole.name}
        hidden = HiddenSpace(whole, 3)
        told = {hidden.name, repr(hidden), hidden.to_text(hidden.unrank(0))}
        told |= {decision.name for decision in hidden.decisions}
        told |= {label for decision in hidden.decisions for label in decision.labels}
        assert not words & told
        assert hidden.whole is None


def test_numbers_ascend_whether_their_options_are_reversed_or_not():
    for seed in range(10):
        for decision in HiddenSpace(FCNet(), seed).decisions:
            assert list(decision.values) == sorted(decision.values)
            assert len(decision.values) in (0, len(decision.labels))


def test_mirrored_numbers_keep_their_distances():
    dropouts = set()
    for seed in range(20):
        for decision in HiddenSpace(FCNet(), seed).decisions:
            if decision.values and min(decision.values) == 0:
                dropouts.add(tuple(round(value, 6) for value in decision.values))
    assert dropouts == {(0.0, 0.3, 0.6)}


def test_a_lucky_generator_leads_elsewhere():
    rng = random.Random(4)
    seeds = [rng.randrange(2**31) for _ in range(30)]
    whole = NB201()
    same = 0
    for seed in seeds:
        hidden, relabelled = HiddenSpace(whole, seed), RelabelledSpace(whole, seed)
        arch = hidden.sample(random.Random(seed))
        same += relabelled.to_whole(arch) == whole.sample(random.Random(seed))
    assert same == 0


def test_samples_are_uniform_over_the_whole():
    whole = Ruled()
    counts = Counter()
    for seed in range(6000):
        arch = HiddenSpace(whole, seed).sample(random.Random(seed))
        counts[RelabelledSpace(whole, seed).to_whole(arch)] += 1
    assert len(counts) == whole.size
    expected = 6000 / whole.size
    chi = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi < whole.size + 5 * (2 * whole.size) ** 0.5
