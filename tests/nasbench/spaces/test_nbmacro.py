import json
import os
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.encodings import path_vocabulary
from nasbench.errors import IllegalArchError
from nasbench.spaces.nbmacro import BLOCKS, PROJECTION, NBMacro

SHARED = Path(os.environ["NASBENCH_SHARED"])
PUBLISHED = SHARED / "data/published/nas-bench-macro_cifar10.json"
SPACE = NBMacro()
ALL = list(product(range(3), repeat=8))
blocks = st.tuples(*[st.integers(0, 2)] * 8)


def network(arch):
    """What is computed: blocks as (option, channels in, channels out, stride)."""
    layers, channels = [], 32
    for position, option in enumerate(arch):
        if position in (0, 2, 5):
            layers.append((option, channels, 2 * channels, 2))
            channels *= 2
        elif option != 0:
            layers.append((option, channels, channels, 1))
    return tuple(layers)


@pytest.fixture(scope="module")
def published():
    if not PUBLISHED.exists():
        pytest.skip(f"needs {PUBLISHED}; set NASBENCH_SHARED to the folder that holds it")
    return json.loads(PUBLISHED.read_bytes())


def test_size_is_6561():
    assert SPACE.size == 6_561


def test_there_are_3969_classes():
    canonical = [SPACE.canonical(arch) for arch in ALL]
    assert len(set(canonical)) == 3_969
    assert sum(a != c for a, c in zip(ALL, canonical, strict=True)) == 2_592


def test_tuples_are_one_class_exactly_if_they_are_one_network():
    pairs = {(SPACE.canonical(arch), network(arch)) for arch in ALL}
    assert len(pairs) == len({n for _, n in pairs}) == len({c for c, _ in pairs})


def test_the_largest_classes_choose_a_place_for_one_block_in_three_stages():
    sizes = Counter(SPACE.canonical(arch) for arch in ALL)
    # one of two layers in stages 2 and 3 each; stage 1 has a single layer after its first
    assert max(sizes.values()) == 4
    assert sizes[(0, 0, 0, 1, 0, 0, 2, 0)] == 4


def test_identities_move_to_the_end_of_their_stage_but_not_from_its_first_layer():
    assert SPACE.canonical((0, 0, 0, 0, 1, 0, 0, 2)) == (0, 0, 0, 1, 0, 0, 2, 0)
    assert SPACE.canonical((0, 2, 0, 2, 1, 0, 1, 2)) == (0, 2, 0, 2, 1, 0, 1, 2)
    assert SPACE.canonical((1, 0, 1, 0, 0, 2, 0, 1)) == (1, 0, 1, 0, 0, 2, 1, 0)


def test_text_is_the_published_key():
    assert SPACE.to_text((2, 2, 2, 1, 2, 2, 2, 0)) == "22212220"
    assert SPACE.from_text(" 22212220\n") == (2, 2, 2, 1, 2, 2, 2, 0)


@pytest.mark.parametrize(
    "text", ["", "2221222", "222122201", "22212223", "2221222\u0660", "2 212220"]
)
def test_bad_texts_are_refused(text):
    with pytest.raises(IllegalArchError, match=r"eight digits of 0 \(identity\), 1"):
        SPACE.from_text(text)


@settings(max_examples=100)
@given(text=st.text("0123 x", max_size=10))
def test_any_text_is_read_or_refused(text):
    try:
        arch = SPACE.from_text(text)
    except IllegalArchError:
        return
    assert SPACE.to_text(arch) == text.strip()


@settings(max_examples=100)
@given(arch=blocks)
def test_graph_is_a_chain(arch):
    graph = SPACE.graph(arch)
    assert (graph.adjacency == np.eye(10, k=1, dtype=bool)).all()
    assert graph.labels[0] == "input"
    assert graph.labels[-1] == "output"
    for position, (label, option) in enumerate(zip(graph.labels[1:-1], arch, strict=True)):
        expected = PROJECTION if option == 0 and position in (0, 2, 5) else BLOCKS[option]
        assert label == expected


def test_every_tuple_has_a_path_of_its_own():
    assert len(path_vocabulary(SPACE)) == 6_561


def test_published_keys_of_one_class_share_one_record(published):
    records = defaultdict(set)
    for text, record in published.items():
        records[SPACE.canonical(SPACE.from_text(text))].add(json.dumps(record, sort_keys=True))
    assert len(published) == 6_561
    assert {len(found) for found in records.values()} == {1}
    assert len(set.union(*records.values())) == 3_969


def test_a_published_identity_that_opens_a_stage_has_parameters(published):
    """A 1x1 convolution without bias and its batch normalisation, 32 to 64 channels and so on.

    The rest is the first convolution, 1x1 to 1,280 features, and the linear layer.
    """
    opening = sum(c * 2 * c + 4 * c for c in (32, 64, 128))
    rest = 3 * 32 * 9 + 64 + 256 * 1_280 + 2 * 1_280 + 1_280 * 10 + 10
    assert published["00000000"]["params"] == opening + rest
    depthwise = 3 * 64 * 9 + 2 * 3 * 64
    block = 2 * (64 * 3 * 64) + 2 * 3 * 64 + depthwise + 2 * 64
    assert published["01000000"]["params"] == opening + rest + block
