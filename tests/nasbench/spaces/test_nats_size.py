import bz2
import io
import os
import random
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.pickles import unpickle
from nasbench.errors import IllegalArchError
from nasbench.spaces.nats_size import CELL, CHANNELS, NATSSize
from nasbench.spaces.nb201 import NB201

SHARED = Path(os.environ["NASBENCH_SHARED"])
META = SHARED / "data/published/NATS-sss-v1_0-50262-simple/meta.pickle.pbz2"
SPACE = NATSSize()


def test_size_is_32768():
    assert SPACE.size == 32_768


def test_text_is_the_published_notation():
    assert SPACE.to_text((0, 1, 2, 3, 4)) == "8:16:24:32:40"
    assert SPACE.from_text(" 64:8:56:16:48\n") == (7, 0, 6, 1, 5)


def test_decisions_are_numbers_of_channels():
    for decision in SPACE.decisions:
        assert decision.kind == "numeric"
        assert decision.values == (8, 16, 24, 32, 40, 48, 56, 64)


def test_the_cell_is_one_of_nb201():
    assert NB201().from_text(CELL) == (3, 3, 3, 1, 3, 3)


@pytest.mark.parametrize(
    ("rank", "text"),
    [(0, "8:8:8:8:8"), (11, "8:8:8:16:32"), (284, "8:8:40:32:40"), (32_767, "64:64:64:64:64")],
)
def test_ranks_are_positions_in_the_published_index(rank, text):
    assert SPACE.to_text(SPACE.unrank(rank)) == text
    assert SPACE.rank(SPACE.from_text(text)) == rank


def test_the_published_index_is_in_the_order_of_the_ranks():
    if not META.exists():
        pytest.skip(f"needs {META}; set NASBENCH_SHARED to the folder that holds it")
    data = io.BytesIO(bz2.decompress(META.read_bytes()))
    published = unpickle.load(data, where=str(META))["meta_archs"]
    assert published == [SPACE.to_text(arch) for arch in SPACE.archs()]


def parameters(arch):
    """Of the CIFAR-10 network that the class describes, in closed form."""

    def conv(size, c_in, c_out):  # with the two vectors of batch normalisation
        return size * size * c_in * c_out + 2 * c_out

    def cell(c_in, c):  # edges from the input change the channels, the skip by a 1x1
        edges = 2 * conv(3, c_in, c) + 3 * conv(3, c, c)
        return edges + (conv(1, c_in, c) if c_in != c else 0)

    def reduction(c_in, c):  # the shortcut is a 1x1 without normalisation
        return conv(3, c_in, c) + conv(3, c, c) + c_in * c

    one, down1, two, down2, three = (CHANNELS[option] for option in arch)
    stages = cell(one, one) + cell(down1, two) + cell(down2, three)
    reductions = reduction(one, down1) + reduction(two, down2)
    return conv(3, 3, one) + stages + reductions + 2 * three + 10 * three + 10


@pytest.mark.parametrize(
    ("text", "published"),
    [("8:8:8:8:8", 11_714), ("8:8:8:16:32", 49_202), ("8:8:40:32:40", 144_834)],
)
def test_the_described_network_has_the_published_parameters(text, published):
    assert parameters(SPACE.from_text(text)) == published


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "five numbers of channels are needed, as in '8:16:24:32:40'"),
        ("8:16:24:32", "five numbers"),
        ("8:16:24:32:40:48", "five numbers"),
        ("8 16 24 32 40", "five numbers"),
        ("8:16:24:32:41", "gives stage 3 '41' channels; did you mean '40'\\? Possible: '8', '16'"),
        ("8:16:24:0:40", "gives reduction 2 '0' channels"),
        ("08:16:24:32:40", "gives stage 1 '08' channels; did you mean '8'"),
        ("8:16: 24:32:40", "gives stage 2 ' 24'"),
        ("8:\u0668:24:32:40", "gives reduction 1"),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message):
        SPACE.from_text(text)


@settings(max_examples=100)
@given(text=st.text("8:16243-. ", max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        arch = SPACE.from_text(text)
    except IllegalArchError:
        return
    assert SPACE.to_text(arch) == text.strip()


def test_samples_are_uniform():
    rng = random.Random(0)
    counts = np.zeros((5, 8))
    for _ in range(8_000):
        counts[range(5), SPACE.sample(rng)] += 1
    assert abs(counts - 1_000).max() < 130


def test_every_tuple_is_a_class_of_its_own():
    archs = list(product(range(8), (0, 7), (3,), (0, 5), range(8)))
    assert [SPACE.canonical(arch) for arch in archs] == archs
