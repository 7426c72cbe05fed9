import random
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.benchmarks.relabelled_space import RelabelledSpace
from nasbench.encodings import (
    adjacency,
    one_hot,
    path,
    path_vocabulary,
    unit_cube,
)
from nasbench.errors import IllegalArchError, InvalidArgumentError
from nasbench.space import Decision, Graph, SearchSpace
from nasbench.spaces import nb101
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201, live_edges
from nasbench.spaces.seqmix import SeqMix

CELLS = NB201()
ALL = np.array(list(CELLS.archs()))
# |3x3~0|+|none~0|1x1~1|+|skip~0|none~1|pool~2|: two paths reach the output, skip and 3x3-1x1-pool.
TWO_PATHS = (3, 0, 2, 1, 0, 4)
cells = st.lists(st.tuples(*[st.integers(0, 4)] * 6), min_size=1, max_size=5)


class Text(SearchSpace):
    def to_text(self, arch):
        return "-".join(map(str, arch))

    def from_text(self, text):
        return self.check(tuple(int(part) for part in text.split("-")))


class Plain(Text):
    """No graph form; 3, 1 and 2 options."""

    name = "plain"
    decisions = (
        Decision("width", ("8", "16", "64"), "numeric", (8, 16, 64)),
        Decision("fixed", ("only",)),
        Decision("operation", ("a", "b")),
    )


class Grown(Text):
    """Up to two operations, x, y or z, between input and output, and any edges."""

    name = "grown"
    decisions = (
        Decision("nodes", ("0", "1", "2")),
        *(Decision(f"operation {i}", ("z", "x", "y")) for i in range(2)),
        *(Decision(f"edge {i}->{j}", ("no", "yes")) for i in range(3) for j in range(i + 1, 4)),
    )

    def graph(self, arch):
        full = np.zeros((4, 4), dtype=np.bool_)
        full[np.triu_indices(4, 1)] = np.array(arch[3:], dtype=np.bool_)
        kept = [*range(arch[0] + 1), 3]
        labels = [("z", "x", "y")[option] for option in arch[1 : arch[0] + 1]]
        return Graph(full[np.ix_(kept, kept)], ("input", *labels, "output"))


class Chain(Text):
    """Twelve layers one after the other, four operations each: too many paths."""

    name = "chain"
    decisions = tuple(Decision(f"layer {i}", ("a", "b", "c", "d")) for i in range(12))

    def graph(self, arch):
        return Graph(np.eye(14, k=1, dtype=np.bool_), ("in", *("abcd"[o] for o in arch), "out"))


class Surprising(Text):
    """One of a million architectures has an operation that no other has."""

    name = "surprising"
    decisions = tuple(Decision(f"digit {i}", tuple("0123456789")) for i in range(6))

    def graph(self, arch):
        label = "surprise" if arch == (9,) * 6 else "usual"
        return Graph(np.eye(3, k=1, dtype=np.bool_), ("in", label, "out"))


def test_one_hot_has_a_block_per_decision():
    assert one_hot(Plain(), [(0, 0, 1), (2, 0, 0)]).tolist() == [
        [1, 0, 0, 1, 0, 1],
        [0, 0, 1, 1, 1, 0],
    ]


def test_one_hot_of_all_cells():
    encoded = one_hot(CELLS, ALL)
    assert encoded.shape == (15_625, 30)
    assert (encoded.reshape(-1, 6, 5).argmax(axis=2) == ALL).all()
    assert (encoded.sum(axis=1) == 6).all()


def test_unit_cube_spreads_the_options_over_the_unit_interval():
    assert unit_cube(Plain(), [(0, 0, 1), (1, 0, 0), (2, 0, 1)]).tolist() == [
        [0, 0, 1],
        [0.5, 0, 0],
        [1, 0, 1],
    ]
    assert np.unique(unit_cube(CELLS, ALL)).tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_adjacency_of_graphs_of_different_sizes():
    space = Grown()
    #       nodes, operations, edges 01 02 03 12 13 23
    archs = [(2, 1, 0, 1, 0, 0, 1, 0, 1), (1, 2, 0, 1, 0, 1, 0, 1, 0), (0, 0, 0, 1, 1, 1, 0, 0, 0)]
    assert adjacency(space, archs).tolist() == [
        [1, 0, 0, 1, 0, 1, *(1, 0, 0), *(0, 0, 1)],  # in -> x -> z -> out
        [1, 0, 1, 0, 1, 0, *(0, 1, 0), *(0, 0, 0)],  # in -> y -> out, in -> out
        [0, 0, 1, 0, 0, 0, *(0, 0, 0), *(0, 0, 0)],  # in -> out
    ]


def test_adjacency_of_nb201_is_constant_wires_then_one_hot_operations():
    encoded = adjacency(CELLS, ALL[::100])
    assert encoded.shape == (157, 28 + 30)
    assert (encoded[:, :28] == encoded[0, :28]).all()
    by_name = [4, 0, 2, 3, 1]  # avg_pool_3x3, none, nor_conv_1x1, nor_conv_3x3, skip_connect
    expected = one_hot(CELLS, ALL[::100]).reshape(-1, 6, 5)[:, :, by_name]
    assert (encoded[:, 28:].reshape(-1, 6, 5) == expected).all()


def test_path_vocabulary_of_nb201():
    operations = ("avg_pool_3x3", "nor_conv_1x1", "nor_conv_3x3", "skip_connect")
    paths = [labels for n in (1, 2, 3) for labels in product(operations, repeat=n)]
    assert len(paths) == 84
    assert path_vocabulary(CELLS) == tuple(paths)


def test_every_cell_of_nb101_has_its_columns():
    """White et al. (2021), https://arxiv.org/abs/1910.11858: paths of up to five operations."""
    space = NB101()
    assert len(path_vocabulary(space)) == sum(3**length for length in range(6))
    archs = [*islice(nb101.cells(), 0, None, 200)]
    assert path(space, archs).any(axis=1).all()
    assert adjacency(space, archs).shape[0] == len(archs)


def test_columns_are_those_of_the_whole_space():
    space = NB101()
    ranks = np.unique(space.rank_many(np.array([*islice(nb101.cells(), 100)])))
    for part in (RecordedSpace(space, ranks), RelabelledSpace(space, 3)):
        assert path_vocabulary(part) == path_vocabulary(space)
    few = [space.unrank(int(rank)) for rank in ranks]
    np.testing.assert_array_equal(path(RecordedSpace(space, ranks), few), path(space, few))


def test_path_vocabulary_of_a_space_with_every_edge():
    paths = [labels for n in (0, 1, 2) for labels in product("xyz", repeat=n)]
    assert path_vocabulary(Grown()) == tuple(paths)


def test_a_path_through_none_does_not_exist():
    encoded = path(CELLS, [TWO_PATHS])[0]
    found = [path_vocabulary(CELLS)[i] for i in np.flatnonzero(encoded)]
    assert found == [("skip_connect",), ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")]


def test_paths_through_none_are_those_of_naszilla():
    """In NAS-Bench-201, 5 + 25 columns of one and two operations, and four paths at most."""
    names = CELLS.decisions[0].labels
    vocabulary = path_vocabulary(CELLS, through_none=True)
    assert set(vocabulary) == {labels for n in (1, 2, 3) for labels in product(names, repeat=n)}
    assert [len(labels) for labels in vocabulary] == [1] * 5 + [2] * 25 + [3] * 125
    routes = ((3,), (0, 4), (1, 5), (0, 2, 5))
    for arch, row in zip(ALL[::7].tolist(), path(CELLS, ALL[::7], through_none=True), strict=True):
        found = {vocabulary[i] for i in np.flatnonzero(row)}
        assert found == {tuple(names[arch[e]] for e in route) for route in routes}


def test_where_no_node_is_none_both_path_encodings_are_the_same():
    space, rng = NB101(), random.Random(0)
    archs = [space.sample(rng) for _ in range(50)]
    np.testing.assert_array_equal(path(space, archs, through_none=True), path(space, archs))


def test_a_path_that_exists_twice_counts_once():
    encoded = path(CELLS, [(3, 3, 0, 0, 2, 2)])  # 0->1->3 and 0->2->3, both 3x3 then 1x1
    assert encoded.sum() == encoded.max() == 1


def test_paths_of_all_cells_agree_with_the_four_routes():
    routes = ((3,), (0, 4), (1, 5), (0, 2, 5))  # edges 03; 01 13; 02 23; 01 12 23
    names = CELLS.decisions[0].labels
    vocabulary = path_vocabulary(CELLS)
    for arch, row in zip(ALL[::7].tolist(), path(CELLS, ALL[::7]), strict=True):
        expected = {tuple(names[arch[e]] for e in route) for route in routes}
        found = {vocabulary[i] for i in np.flatnonzero(row)}
        assert found == {labels for labels in expected if "none" not in labels}


def test_cells_without_a_path_are_the_disconnected_ones():
    empty = [tuple(arch) for arch in ALL[path(CELLS, ALL).sum(axis=1) == 0].tolist()]
    assert len(empty) == 341
    assert not any(any(live_edges(arch)) for arch in empty)


def test_length_keeps_the_first_columns():
    full = path(CELLS, ALL[:500])
    assert (path(CELLS, ALL[:500], length=20) == full[:, :20]).all()
    assert path(CELLS, ALL[:3], length=1_000).shape == (3, 84)


@pytest.mark.parametrize("length", [0, -1])
def test_length_below_one_is_refused(length):
    with pytest.raises(InvalidArgumentError, match=f"length is {length}"):
        path(CELLS, ALL[:1], length=length)


@pytest.mark.parametrize("encode", [one_hot, unit_cube, adjacency, path])
@settings(max_examples=15)
@given(archs=cells)
def test_a_row_depends_on_its_own_architecture_only(encode, archs):
    together = encode(CELLS, archs)
    assert together.dtype == np.float32
    assert (together == np.concatenate([encode(CELLS, [arch]) for arch in archs])).all()
    assert ((together >= 0) & (together <= 1)).all()


@pytest.mark.parametrize("encode", [one_hot, unit_cube, adjacency])
def test_different_architectures_have_different_rows(encode):
    assert len(np.unique(encode(CELLS, ALL), axis=0)) == len(ALL)


@pytest.mark.parametrize("encode", [one_hot, unit_cube, adjacency, path])
def test_lists_and_arrays_of_any_integers_are_the_same(encode):
    expected = encode(CELLS, [(0, 1, 2, 3, 4, 0), TWO_PATHS])
    for dtype in (np.uint8, np.int16, np.uint64):
        array = np.array([(0, 1, 2, 3, 4, 0), TWO_PATHS], dtype=dtype)
        assert (encode(CELLS, array) == expected).all()


@pytest.mark.parametrize(
    ("encode", "width"), [(one_hot, 30), (unit_cube, 6), (adjacency, 58), (path, 84)]
)
def test_no_architectures_give_no_rows(encode, width):
    for archs in ([], np.zeros((0, 6), dtype=np.uint8)):
        encoded = encode(CELLS, archs)
        assert encoded.shape == (0, width)
        assert encoded.dtype == np.float32


@pytest.mark.parametrize("encode", [one_hot, unit_cube, adjacency, path])
@pytest.mark.parametrize(
    "archs",
    [
        [(0, 0, 0, 0, 0)],
        (0, 0, 0, 0, 0, 0),
        [(0, 0, 0, 0, 0, 5)],
        [(0, 0, 0, 0, 0, 0), (-1, 0, 0, 0, 0, 0)],
        [(0.0, 0, 0, 0, 0, 0)],
        [(0,) * 6, (0,) * 5],
        ["|none~0|"],
        3,
    ],
)
def test_what_is_no_architecture_is_refused(encode, archs):
    with pytest.raises(IllegalArchError):
        encode(CELLS, archs)


def test_the_offending_decision_is_named():
    with pytest.raises(IllegalArchError, match=r"'edge 0->3' is 5, possible are 0\.\.4"):
        one_hot(CELLS, [(0,) * 6, (0, 0, 0, 5, 0, 0)])


@pytest.mark.parametrize("encode", [adjacency, path])
def test_a_space_without_a_graph_is_refused(encode):
    with pytest.raises(InvalidArgumentError, match=r"'plain' has no graph form.*one_hot"):
        encode(Plain(), [(0, 0, 0)])


def test_a_space_with_too_many_paths_is_refused():
    with pytest.raises(InvalidArgumentError, match="'chain' has more than 100,000 paths"):
        path(Chain(), [(0,) * 12])
    assert adjacency(Chain(), [(0,) * 12]).shape == (1, 14 * 13 // 2 + 12 * 4)


@pytest.mark.parametrize("encode", [adjacency, path])
def test_an_operation_without_a_column_is_an_error(encode):
    assert encode(Surprising(), [(0,) * 6]).sum() > 0
    with pytest.raises(InvalidArgumentError, match="so no column"):
        encode(Surprising(), [(9,) * 6])


def test_every_architecture_of_a_space_that_can_be_listed_has_its_columns():
    archs = list(SeqMix().archs())
    encoded = path(SeqMix(), archs)
    assert (encoded.sum(axis=1) == 1).all()  # a chain is one path
    assert len(np.unique(encoded, axis=0)) == len({SeqMix().canonical(arch) for arch in archs})
