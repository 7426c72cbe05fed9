from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.encodings import adjacency, path_vocabulary
from nasbench.errors import IllegalArchError
from nasbench.spaces.seqmix import MIXERS, SeqMix, layers
from nasbench.testing import check_space

SPACE = SeqMix()
ALL = list(product(range(7), repeat=4))


def test_the_contract_is_kept():
    check_space(SPACE)


def test_size_is_2401():
    assert SPACE.size == 2_401


def test_options_are_the_mixers_in_their_order():
    assert MIXERS == (
        "identity",
        "attention",
        "window_attention",
        "linear_attention",
        "gated_convolution",
        "gated_recurrence",
        "mlp",
    )
    assert [decision.name for decision in SPACE.decisions] == [f"layer {i}" for i in (1, 2, 3, 4)]
    assert {decision.labels for decision in SPACE.decisions} == {MIXERS}


def test_there_are_1555_classes_six_times_as_many_with_every_layer_more():
    classes = {SPACE.canonical(arch) for arch in ALL}
    depths = Counter(sum(option != 0 for option in arch) for arch in classes)
    assert depths == {0: 1, 1: 6, 2: 36, 3: 216, 4: 1_296}
    assert len(classes) == 1_555


def test_tuples_are_one_class_exactly_if_the_same_layers_follow_each_other():
    pairs = set()
    for arch in ALL:
        network = "".join(str(option) for option in arch).replace("0", "")
        pairs.add((SPACE.canonical(arch), network))
        assert "".join(map(str, layers(arch))) == network
    assert len(pairs) == len({n for _, n in pairs}) == len({c for c, _ in pairs})


def test_a_class_has_a_spelling_for_every_place_of_its_layers():
    sizes = Counter(SPACE.canonical(arch) for arch in ALL)
    choices = {0: 1, 1: 4, 2: 6, 3: 4, 4: 1}
    assert all(n == choices[len(layers(arch))] for arch, n in sizes.items())


def test_identities_move_to_the_end():
    assert SPACE.canonical((0, 4, 0, 1)) == (4, 1, 0, 0)
    assert SPACE.canonical((6, 0, 2, 2)) == (6, 2, 2, 0)
    assert SPACE.canonical((5, 1, 0, 0)) == (5, 1, 0, 0)


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_canonical_many_is_canonical(kind):
    archs = np.array(ALL, dtype=kind)
    found = SPACE.canonical_many(archs)
    assert found.dtype == np.int64
    assert list(map(tuple, found.tolist())) == [SPACE.canonical(arch) for arch in ALL]
    assert (archs == ALL).all()


def test_text_is_the_names_of_the_layers():
    text = "gated_convolution-attention-mlp-identity"
    assert SPACE.to_text((4, 1, 6, 0)) == text
    assert SPACE.from_text(f" {text}\n") == (4, 1, 6, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "four layers are needed, as in 'gated_convolution-attention-mlp-identity'"),
        ("attention-mlp", "four layers are needed"),
        ("mlp-mlp-mlp-mlp-mlp", "four layers are needed"),
        ("mlp-mlp-mlp-atention", "unknown layer 'atention'; did you mean 'attention'"),
        ("mlp-mlp-mlp-", "unknown layer ''. Possible: 'identity', 'attention'"),
        ("mlp-mlp - mlp-mlp", "unknown layer 'mlp '; did you mean 'mlp'"),
        ("MLP-mlp-mlp-mlp", "unknown layer 'MLP'"),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message):
        SPACE.from_text(text)


@settings(max_examples=100)
@given(text=st.lists(st.sampled_from([*MIXERS, "", "gated"]), max_size=5).map("-".join))
def test_any_text_is_read_or_refused(text):
    try:
        arch = SPACE.from_text(text)
    except IllegalArchError:
        return
    assert SPACE.to_text(arch) == text


def test_graph_is_the_row_of_layers_without_identities():
    for arch in ALL:
        graph = SPACE.graph(arch)
        names = [MIXERS[option] for option in arch if option != 0]
        assert graph.labels == ("input", *names, "output")
        assert (graph.adjacency == np.eye(len(names) + 2, k=1, dtype=bool)).all()


def test_every_row_of_layers_is_a_path():
    names = MIXERS[1:]
    rows = {row for n in (1, 2, 3, 4) for row in product(names, repeat=n)}
    assert {path for path in path_vocabulary(SPACE) if path} == rows


def test_the_adjacency_encoding_tells_classes_apart_and_nothing_else():
    rows = [row.tobytes() for row in adjacency(SPACE, ALL)]
    pairs = {(SPACE.canonical(arch), row) for arch, row in zip(ALL, rows, strict=True)}
    assert len(pairs) == len(set(rows)) == 1_555
