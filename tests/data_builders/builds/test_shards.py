"""Units of work: which classes there are, and how they are cut."""

from pathlib import Path

import pytest

import data_builders
from data_builders.builds.shards import cut, sample_classes
from data_builders.networks.lite201 import Lite201
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201

SAMPLE = [
    (1, 0, 4, 2, 3, 3),
    (2, 0, 2, 4, 0, 2),
    (2, 1, 2, 2, 0, 2),
    (2, 2, 2, 3, 0, 2),
    (3, 1, 4, 1, 1, 3),
    (3, 2, 3, 2, 3, 4),
]


def test_sampled_classes_are_always_the_same_and_nested() -> None:
    six, three = sample_classes(Lite201, 6), sample_classes(Lite201, 3)
    assert six == SAMPLE
    assert set(three) < set(six)
    assert all(NB201().canonical(arch) == arch and Lite201.trains(arch) for arch in six)
    for n in (0, 5260):
        with pytest.raises(InvalidArgumentError, match=rf"architectures = {n} is outside 1..5259"):
            sample_classes(Lite201, n)


def test_shards_are_cut_seed_by_seed_with_stable_names() -> None:
    cuts = cut(SAMPLE, (5, 0), 4)
    names = [f"seed{seed}-000{n}.parquet" for seed in (5, 0) for n in (0, 1)]
    assert [shard.name for shard in cuts] == names
    assert [shard.archs for shard in cuts] == [tuple(SAMPLE[:4]), tuple(SAMPLE[4:])] * 2


def test_only_networks_know_a_space() -> None:
    package = Path(data_builders.__file__).parent
    for room in ("builds", "costs", "images", "training"):
        for file in (package / room).glob("*.py"):
            assert "nb201" not in file.read_text(), file
