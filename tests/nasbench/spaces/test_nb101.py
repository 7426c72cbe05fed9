import random
import subprocess
import sys
from itertools import islice, pairwise, permutations, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nasbench.errors import IllegalArchError
from nasbench.spaces import nb101
from nasbench.spaces.nb101 import (
    CELLS,
    NB101,
    OPERATIONS,
    cells,
    from_matrix,
    prune,
    to_matrix,
)
from nasbench.spaces.nb101_hash import module_hash

SPACE = NB101()
PAIRS = [(x, y) for y in range(1, 7) for x in range(y)]
CONV3, CONV1, POOL = OPERATIONS
BY_VERTICES = [1, 6, 84, 2_441, 62_010, 359_082]
BY_EDGES = [1, 3, 12, 60, 339, 2_134, 13_984, 78_822, 328_269]

INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
INCEPTION_OPERATIONS = ["input", CONV1, CONV3, CONV3, CONV3, POOL, "output"]
INCEPTION_TEXT = (
    "0111010 0000001 0000001 0000100 0000001 0000001 0000000 "
    f"input,{CONV1},{CONV3},{CONV3},{CONV3},{POOL},output"
)
LINE = [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
DENSE = [[int(y > x) for y in range(7)] for x in range(7)]

tuples = st.builds(
    lambda number, labels: (*(number >> k & 1 for k in range(21)), *labels),
    st.integers(0, 2**21 - 1),
    st.tuples(*[st.integers(0, 2)] * 5),
)
architectures = tuples.filter(SPACE.is_legal)


def samples(n, seed=0):
    rng = random.Random(seed)
    return [SPACE.sample(rng) for _ in range(n)]


def as_graph(arch):
    """Edges and label of every vertex as in the tuple, by the words of the contract."""
    edges = {pair for pair, present in zip(PAIRS, arch, strict=False) if present}
    return edges, ["input", *(OPERATIONS[option] for option in arch[21:]), "output"]


def naively_pruned(arch):
    """Edges along paths from 0 to 6, found by listing the paths."""
    edges, labels = as_graph(arch)
    on_paths, paths = set(), [(0,)]
    while paths:
        path = paths.pop()
        on_paths |= set(pairwise(path)) if path[-1] == 6 else set()
        paths += [(*path, y) for x, y in edges if x == path[-1]]
    vertices = {v for edge in on_paths for v in edge}
    return {(x, y) for x, y in edges if x in vertices and y in vertices}, labels


def naively_canonical(arch):
    """The smallest tuple over all orders of the inner vertices."""
    edges, labels = naively_pruned(arch)
    inner = sorted({v for edge in edges for v in edge} - {0, 6})
    found = []
    for order in permutations(inner):
        number = {0: 0, 6: 6} | {v: i for i, v in enumerate(order, start=1)}
        renumbered = {(number[x], number[y]) for x, y in edges}
        if all(x < y for x, y in renumbered):
            names = [OPERATIONS.index(labels[v]) for v in order]
            bits = [int(pair in renumbered) for pair in PAIRS]
            found.append((*bits, *names, *[0] * (5 - len(names))))
    return min(found)


def shuffled(matrix, operations, rng):
    """The same graph with its inner vertices in another topological order."""
    n = len(operations)
    order = [0]
    while len(order) < n - 1:
        ready = [
            v
            for v in range(1, n - 1)
            if v not in order and all(x in order for x in range(n) if matrix[x][v])
        ]
        order.append(rng.choice(ready))
    order.append(n - 1)
    return [[matrix[x][y] for y in order] for x in order], [operations[v] for v in order]


# Encoding


def test_edge_k_leads_from_x_to_y_with_k_equal_x_plus_half_y_times_y_minus_1():
    assert len(SPACE.decisions) == 26
    for y in range(1, 7):
        for x in range(y):
            assert SPACE.decisions[x + y * (y - 1) // 2].name == f"edge {x}->{y}"
    assert [d.name for d in SPACE.decisions[21:]] == [f"operation {v}" for v in range(1, 6)]
    assert SPACE.options == (2,) * 21 + (3,) * 5
    assert SPACE.decisions[-1].labels == ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")


def test_a_matrix_becomes_bits_and_operations():
    arch = from_matrix(INCEPTION, INCEPTION_OPERATIONS)
    assert [pair for pair, bit in zip(PAIRS, arch, strict=False) if bit] == [
        (0, 1), (0, 2), (0, 3), (3, 4), (0, 5), (1, 6), (2, 6), (4, 6), (5, 6)
    ]  # fmt: skip
    assert arch[21:] == (1, 0, 0, 0, 2)
    assert to_matrix(arch) == (INCEPTION, INCEPTION_OPERATIONS)


def test_the_output_of_a_smaller_cell_is_vertex_6():
    arch = from_matrix(LINE, ["input", POOL, "output"])
    assert [pair for pair, bit in zip(PAIRS, arch, strict=False) if bit] == [(0, 1), (1, 6)]
    assert arch[21:] == (2, 0, 0, 0, 0)
    assert to_matrix(arch) == (LINE, ["input", POOL, "output"])
    assert all(type(option) is int for option in arch)


def test_a_matrix_may_be_an_array_and_is_not_pruned():
    matrix = np.array([[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]], dtype=np.int8)
    arch = from_matrix(matrix, ("input", CONV3, POOL, "output"))
    assert [pair for pair, bit in zip(PAIRS, arch, strict=False) if bit] == [(0, 1), (0, 2), (1, 6)]
    assert arch[21:] == (0, 2, 0, 0, 0)
    assert all(type(option) is int for option in arch)
    assert to_matrix(arch) == (LINE, ["input", CONV3, "output"])


@pytest.mark.parametrize(
    ("matrix", "operations", "message"),
    [
        ([[0]], ["input"], "2 to 7 vertices, not 1"),
        ([[0] * 8] * 8, ["input", *[CONV3] * 6, "output"], "2 to 7 vertices, not 8"),
        ([[0, 1], [0]], ["input", "output"], r"lengths \[2, 1\]"),
        (LINE, ["input", "output"], "2 operations: 3 rows need"),
        ([[0, 2, 0], [0, 0, 1], [0] * 3], ["input", POOL, "output"], "holds 2, possible are 0"),
        ([[0, 1, 0], [1, 0, 1], [0] * 3], ["input", POOL, "output"], "an edge 1->0"),
        ([[0, 1, 0], [0, 1, 1], [0] * 3], ["input", POOL, "output"], "an edge 1->1"),
        (LINE, ["input", "conv3x3", "output"], "'conv3x3'; did you mean 'conv3x3-bn-relu'"),
        (LINE, [CONV3, CONV3, "output"], "first and the last operation are 'conv3x3-bn-relu'"),
        (LINE, ["input", CONV3, "out"], "must be 'input' and 'output'"),
        (LINE, ["input", "output", "output"], "unknown operation 'output'"),
        ([[0, 1, 0], [0] * 3, [0] * 3], ["input", POOL, "output"], "no path leads"),
        (DENSE, ["input", *[CONV3] * 5, "output"], "21 edges after pruning, at most 9"),
    ],
)
def test_bad_matrices_are_refused(matrix, operations, message):
    with pytest.raises(IllegalArchError, match=message):
        from_matrix(matrix, operations)


# Text


def test_text_is_rows_and_operations():
    arch = from_matrix(INCEPTION, INCEPTION_OPERATIONS)
    assert SPACE.to_text(arch) == INCEPTION_TEXT
    assert SPACE.from_text(INCEPTION_TEXT) == arch
    line = from_matrix(LINE, ["input", CONV1, "output"])
    assert SPACE.to_text(line) == f"010 001 000 input,{CONV1},output"
    assert SPACE.to_text((*[0] * 15, 1, *[0] * 10)) == "01 00 input,output"


def test_only_trailing_unused_vertices_are_left_out():
    text = f"00101 00000 00001 00000 00000 input,{CONV3},{POOL},{CONV1},output"
    arch = SPACE.from_text(text)
    assert arch[21:] == (0, 2, 1, 0, 0)
    assert SPACE.to_text(arch) == text
    assert SPACE.canonical(arch) == SPACE.from_text(f"011 001 000 input,{POOL},output")


def test_the_digits_of_a_published_record_are_read():
    digits, operations = INCEPTION_TEXT.replace(" ", "").split("i", 1)
    text = f"{digits} i{operations}\n"
    assert SPACE.from_text(text) == from_matrix(INCEPTION, INCEPTION_OPERATIONS)
    assert SPACE.from_text("010001000 input,maxpool3x3,output")[21] == 2


@settings(max_examples=200)
@given(arch=architectures)
@example(arch=(*[0] * 15, 1, *[0] * 5, 0, 0, 0, 0, 1))
def test_text_is_read_back(arch):
    assert SPACE.from_text(SPACE.to_text(arch)) == arch


def test_texts_are_different():
    archs = set(samples(3_000))
    assert len({SPACE.to_text(arch) for arch in archs}) == len(archs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "V rows of V digits"),
        ("input,output", "V rows of V digits"),
        ("1 input", "2 to 7 vertices, not 1"),
        ("01 00 input,maxpool3x3,output", "as in '0101 0010"),
        ("010 001 00 input,maxpool3x3,output", "V rows of V digits"),
        ("0100 01000 input,maxpool3x3,output", "V rows of V digits"),
        ("02 00 input,output", "digits 0 or 1"),
        ("\u0660\u0661 \u0660\u0660 input,output", "digits 0 or 1"),
        ("01 10 input,output", "not upper triangular: it holds an edge 1->0"),
        ("010 001 000 input,max_pool3x3,output", "'max_pool3x3'; did you mean 'maxpool3x3'"),
        ("010 001 000 input,,output", "unknown operation ''"),
        ("010 001 000 output,maxpool3x3,input", "must be 'input' and 'output'"),
        ("010 000 000 input,maxpool3x3,output", "no path leads from the input"),
        (
            "0111111 0011111 0001111 0000111 0000011 0000001 0000000 "
            "input,maxpool3x3,maxpool3x3,maxpool3x3,maxpool3x3,maxpool3x3,output",
            "21 edges after pruning, at most 9",
        ),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message):
        SPACE.from_text(text)


@settings(max_examples=200)
@given(text=st.text("01 ,inputo", max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        arch = SPACE.from_text(text)
    except IllegalArchError:
        return
    assert arch in SPACE


# Rules


@settings(max_examples=300)
@given(arch=tuples)
def test_legal_are_one_to_nine_edges_on_paths(arch):
    assert SPACE.is_legal(arch) == (1 <= len(naively_pruned(arch)[0]) <= 9)


def test_edges_away_from_the_paths_do_not_count():
    into_5 = {(x, 5) for x in range(5)}
    chain = {(0, 1), (1, 2), (2, 3), (3, 4), (4, 6)}
    edges = into_5 | chain | {(0, 2), (0, 3), (0, 4), (0, 6)}
    arch = (*(int(pair in edges) for pair in PAIRS), *[0] * 5)
    assert sum(arch[:21]) == 14
    assert SPACE.is_legal(arch)
    assert not SPACE.is_legal((*arch[:20], 1, *[0] * 5))  # vertex 5 reaches the output


def test_sparse_and_dense_prefixes_have_exactly_the_options_that_can_be_completed():
    rng = random.Random(1)
    refused = 0
    for length in range(9, 21):
        for _ in range(12):
            density = rng.choice([0.1, 0.5, 0.9])
            prefix = tuple(int(rng.random() < density) for _ in range(length))
            expected = tuple(
                option
                for option in (0, 1)
                if any(
                    SPACE.is_legal((*prefix, option, *rest))
                    for rest in product((0, 1), repeat=20 - length)
                )
            )
            assert SPACE.legal_options(prefix) == expected
            refused += len(expected) < 2
    assert refused > 20


def test_every_operation_completes_legal_edges_and_none_illegal_ones():
    assert SPACE.legal_options((*[0] * 15, 1, *[0] * 5)) == (0, 1, 2)
    assert SPACE.legal_options((*[0] * 15, 1, *[0] * 5, 2, 2)) == (0, 1, 2)
    assert SPACE.legal_options((0,) * 21) == ()
    assert SPACE.legal_options((0,) * 20) == ()
    assert SPACE.legal_options((1,) * 20) == ()


def test_the_first_architectures_in_order():
    first = [*islice(SPACE.archs(), 500)]
    ranks = [SPACE.rank(arch) for arch in first]
    expected = (r for r in range(10**9) if SPACE.is_legal(SPACE.unrank(r)))
    assert ranks == [*islice(expected, 500)]


def test_the_stream_of_samples_is_pinned():
    ranks = [SPACE.rank(arch) for arch in samples(3)]
    assert ranks == [403_037_607, 234_248_704, 111_434_327]


def pruned_edges(matrices):
    """Number of edges along paths from 0 to 6 of an ``(n, 21)`` array of edges; 0 without one."""
    edge = dict(zip(PAIRS, matrices.astype(bool).T, strict=True))
    always = np.ones(len(matrices), dtype=bool)
    reached, useful = {0: always}, {6: always}
    for y in range(1, 7):
        reached[y] = np.any([edge[x, y] & reached[x] for x in range(y)], axis=0)
    for x in range(5, -1, -1):
        useful[x] = np.any([edge[x, y] & useful[y] for y in range(x + 1, 7)], axis=0)
    return np.sum([edge[x, y] & reached[x] & useful[y] for x, y in PAIRS], axis=0)


def test_size_and_sampling_measure_by_trying_all_matrices():
    every = np.arange(2**21)[:, None] >> np.arange(20, -1, -1) & 1
    n_edges = pruned_edges(every)
    is_legal = (n_edges >= 1) & (n_edges <= 9)
    picks = np.random.default_rng(0).integers(2**21, size=20_000)
    said = [SPACE.is_legal(edges) for edges in map(tuple, every[picks].tolist())]
    assert said == is_legal[picks].tolist()
    legal = int(is_legal.sum())
    assert legal == 1_538_083
    assert SPACE.size == legal * 3**5 == 373_754_169
    n = 20_000
    drawn = np.array(samples(n))
    shares = every[is_legal].sum(axis=0) / legal
    assert np.abs(drawn[:, :21].mean(axis=0) - shares).max() < 5 * 0.5 / n**0.5
    counts = np.array([(drawn[:, 21:] == option).mean(axis=0) for option in range(3)])
    assert np.abs(counts - 1 / 3).max() < 5 * 0.5 / n**0.5


# Classes


@settings(max_examples=300)
@given(arch=architectures)
def test_canonical_is_the_smallest_tuple_over_all_orders(arch):
    assert SPACE.canonical(arch) == naively_canonical(arch)


def test_canonical_is_the_smallest_tuple_of_cells_with_many_symmetries():
    rng = random.Random(0)
    wide = [
        [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (2, 5), (3, 5), (4, 5), (5, 6)],
        [(0, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 6), (3, 6), (4, 6), (5, 6)],
        [(0, 1), (0, 2), (0, 3), (0, 4), (1, 6), (2, 6), (3, 6), (4, 6), (0, 6)],
        [(0, 1), (0, 2), (1, 3), (2, 4), (3, 6), (4, 6), (0, 6)],
        [(0, 1), (0, 2), (1, 3), (2, 3), (1, 4), (2, 4), (3, 6), (4, 6)],
    ]
    for edges in wide:
        for _ in range(40):
            labels = [rng.randrange(3) for _ in range(5)]
            arch = (*(int(pair in edges) for pair in PAIRS), *labels)
            assert SPACE.canonical(arch) == naively_canonical(arch)


def test_canonical_does_not_depend_on_the_numbering():
    rng = random.Random(0)
    for arch in samples(500):
        other = from_matrix(*shuffled(*to_matrix(arch), rng))
        assert SPACE.canonical(other) == SPACE.canonical(arch)


def test_isomorphic_according_to_networkx_are_cells_of_one_class():
    networkx = pytest.importorskip("networkx")

    def graph(arch):
        matrix, labels = to_matrix(arch)
        made = networkx.from_numpy_array(np.array(matrix), create_using=networkx.DiGraph)
        networkx.set_node_attributes(made, dict(enumerate(labels)), "label")
        return made

    def same(a, b):
        return networkx.is_isomorphic(a, b, node_match=lambda x, y: x["label"] == y["label"])

    rng = random.Random(3)
    small = [from_matrix(*random_cell(rng)) for _ in range(150)]
    graphs = [graph(arch) for arch in small]
    pairs = [
        (SPACE.canonical(small[i]) == SPACE.canonical(small[j]), same(graphs[i], graphs[j]))
        for i in range(len(small))
        for j in range(i)
    ]
    assert all(ours == theirs for ours, theirs in pairs)
    assert sum(ours for ours, _ in pairs) > 100


def random_cell(rng, n=5):
    """A legal cell of ``n`` vertices with few kinds of operations, so that classes meet."""
    while True:
        matrix = [[int(y > x and rng.random() < 0.6) for y in range(n)] for x in range(n)]
        operations = ["input", *(rng.choice(OPERATIONS[:2]) for _ in range(n - 2)), "output"]
        try:
            from_matrix(matrix, operations)
        except IllegalArchError:
            continue
        return matrix, operations


def test_canonical_needs_a_path():
    with pytest.raises(IllegalArchError, match="no path leads"):
        SPACE.canonical((0,) * 26)


def test_many_repeated_rows_cost_one_look_at_every_matrix():
    archs = samples(50)
    canonical = [SPACE.canonical(arch) for arch in archs]
    picks = np.random.default_rng(0).integers(50, size=100_000)
    nb101._numberings.cache_clear()
    many = SPACE.canonical_many(np.array(archs, dtype=np.uint8)[picks])
    calls = nb101._numberings.cache_info()
    assert calls.hits + calls.misses <= 50
    assert many.dtype == np.int64
    assert (many == np.array(canonical)[picks]).all()


def test_canonical_many_is_canonical():
    archs = [*samples(2_000), *islice(cells(), 0, 2_000, 7)]
    many = SPACE.canonical_many(np.array(archs))
    assert [*map(tuple, many.tolist())] == [SPACE.canonical(arch) for arch in archs]


# Graphs


def test_graph_is_the_pruned_cell():
    arch = SPACE.from_text(f"00101 00000 00001 00000 00000 input,{CONV3},{POOL},{CONV1},output")
    graph = SPACE.graph(arch)
    assert graph.labels == ("input", POOL, "output")
    assert graph.adjacency.tolist() == [
        [False, True, True], [False, False, True], [False, False, False]
    ]  # fmt: skip


def test_prune_works_on_any_size_and_keeps_other_operations():
    n = 12
    matrix = [[int(y == x + 2) for y in range(n)] for x in range(n)]
    matrix[0][11] = 1
    matrix[4][11] = 1
    operations = [f"operation {v}" for v in range(n)]
    pruned, kept = prune(matrix, operations)
    assert kept == ["operation 0", "operation 2", "operation 4", "operation 11"]
    assert pruned == [[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert prune(np.array(matrix), operations) == (pruned, kept)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_prune_needs_a_path(n):
    with pytest.raises(IllegalArchError, match="no path leads"):
        prune([[0] * n for _ in range(n)], ["anything"] * n)


@settings(max_examples=100)
@given(arch=architectures)
def test_prune_keeps_the_vertices_on_paths(arch):
    edges, labels = naively_pruned(arch)
    kept = sorted({v for edge in edges for v in edge})
    matrix, operations = to_matrix(arch)
    assert operations == [labels[v] for v in kept]
    assert matrix == [[int((x, y) in edges) for y in kept] for x in kept]


# Official hashes

ENDS = [[0, 1], [0, 0]]
VECTORS = [
    (ENDS, ["input", "output"], "043721b9c7fe8c5fad811d47d83132ec"),
    (LINE, ["input", CONV3, "output"], "b49ac8c578b4561d79ac7087988f1c61"),
    (LINE, ["input", CONV1, "output"], "d1269d9156ddc027c40473008192958a"),
    (LINE, ["input", POOL, "output"], "53cee42601ad14d661bb6878031d6acb"),
    (INCEPTION, INCEPTION_OPERATIONS, "28cfc7874f6d200472e1a9dcd8650aa0"),
]


@pytest.mark.parametrize(("matrix", "operations", "expected"), VECTORS)
def test_published_hashes(matrix, operations, expected):
    assert module_hash(matrix, operations) == expected
    assert module_hash(np.array(matrix, dtype=np.int8), operations) == expected


def test_hashes_depend_on_the_order_of_the_vocabulary():
    swapped = [CONV1, CONV3, POOL]
    assert module_hash(LINE, ["input", CONV1, "output"], swapped) == VECTORS[1][2]
    with pytest.raises(IllegalArchError, match="unknown operation 'conv5x5'"):
        module_hash(LINE, ["input", "conv5x5", "output"])


def test_hashes_are_equal_exactly_in_a_class():
    rng = random.Random(2)
    cells_ = [prune(*random_cell(rng)) for _ in range(400)]
    hashes = [module_hash(*cell) for cell in cells_]
    representatives = [SPACE.canonical(from_matrix(*cell)) for cell in cells_]
    pairs = set(zip(hashes, representatives, strict=True))
    assert len(pairs) == len(set(hashes)) == len(set(representatives)) < 300


# The whole space


@pytest.fixture(scope="module")
def whole():
    """All cells, one a row."""
    return np.array([*cells()], dtype=np.uint8)


def n_vertices(rows):
    touched = [[k for k, pair in enumerate(PAIRS) if v in pair] for v in range(1, 6)]
    return 2 + sum(rows[:, edges].any(axis=1).astype(int) for edges in touched)


def test_cells_by_vertices_and_by_edges(whole):
    assert len(whole) == CELLS == 423_624
    assert np.bincount(n_vertices(whole))[2:].tolist() == BY_VERTICES
    assert np.bincount(whole[:, :21].sum(axis=1))[1:].tolist() == BY_EDGES


def test_cells_are_canonical_and_in_the_order_of_their_ranks(whole):
    ranks = SPACE.rank_many(whole)
    assert (ranks[1:] > ranks[:-1]).all()
    assert (SPACE.canonical_many(whole) == whole).all()
    assert all(SPACE.canonical(arch) == arch for arch in map(tuple, whole[::100].tolist()))


def test_cells_of_up_to_four_vertices_by_trying_all(whole):
    found = set()
    for n in range(2, 5):
        pairs = [(x, y) for y in range(n) for x in range(y)]
        for bits in product((0, 1), repeat=len(pairs)):
            edges = {pair for pair, bit in zip(pairs, bits, strict=True) if bit}
            matrix = [[int((x, y) in edges) for y in range(n)] for x in range(n)]
            for labels in product(OPERATIONS, repeat=n - 2):
                try:
                    arch = from_matrix(matrix, ["input", *labels, "output"])
                except IllegalArchError:
                    continue
                found.add(naively_canonical(arch))
    assert len(found) == 1 + 6 + 84
    assert found == {*map(tuple, whole[n_vertices(whole) <= 4].tolist())}


def test_every_cell_is_legal(whole):
    assert all(map(SPACE.is_legal, map(tuple, np.unique(whole[:, :21], axis=0).tolist())))


def refined(whole):
    """What the official hash makes its digests of, with sums of mixed integers instead of MD5.

    Every vertex begins with its degrees and its operation; seven times, it takes in those of its
    sources and of its targets, in no order. So cells that differ here have official hashes of
    different texts.
    """
    edge = dict(zip(PAIRS, whole[:, :21].astype(np.uint64).T, strict=True))
    n = len(whole)
    labels = [np.full(n, 7, np.uint64), *(whole[:, 21:].T + np.uint64(1)), np.full(n, 8, np.uint64)]
    before = [sum((edge[x, y] for x in range(y)), np.zeros(n, np.uint64)) for y in range(7)]
    after = [sum((edge[x, y] for y in range(x + 1, 7)), np.zeros(n, np.uint64)) for x in range(7)]
    is_used = [np.minimum(i + o, np.uint64(1)) for i, o in zip(before, after, strict=True)]
    nodes = [mixed(100 * i + 10 * o + k) for i, o, k in zip(before, after, labels, strict=True)]
    for _ in range(7):
        sources = [sum((edge[x, y] * nodes[x] for x in range(y)), before[0]) for y in range(7)]
        targets = [
            sum((edge[x, y] * nodes[y] for y in range(x + 1, 7)), before[0]) for x in range(7)
        ]
        nodes = [
            mixed(mixed(mixed(s) + t) + own)
            for s, t, own in zip(sources, targets, nodes, strict=True)
        ]
    return sum((used * mixed(node) for used, node in zip(is_used, nodes, strict=True)), before[0])


def mixed(values):
    """The finaliser of splitmix64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ values >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ values >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return values ^ values >> np.uint64(31)


def test_every_cell_has_an_official_hash_of_its_own(whole):
    """Of all cells, the texts that are hashed differ; of every fiftieth, the hashes themselves."""
    assert len(np.unique(refined(whole))) == len(whole)
    some = [to_matrix(arch) for arch in map(tuple, whole[::50].tolist())]
    assert len({module_hash(*cell) for cell in some}) == len(some) > 8_000


def test_cells_that_are_one_have_one_refinement():
    """Else the test above would show nothing."""
    rng = random.Random(4)
    cells_ = [prune(*random_cell(rng)) for _ in range(400)]
    given, others = (
        refined(np.array([from_matrix(*cell) for cell in some], dtype=np.uint8)).tolist()
        for some in (cells_, [shuffled(*cell, rng) for cell in cells_])
    )
    assert given == others
    hashes = [module_hash(*cell) for cell in cells_]
    assert len(set(zip(hashes, given, strict=True))) == len(set(hashes)) == len(set(given)) < 300


MEMORY = """
import re
from pathlib import Path
from nasbench.spaces.nb101 import cells
n = sum(1 for _ in cells())
kilobytes = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
print(n, kilobytes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_cells_are_listed_in_little_memory():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True)
    n, kilobytes = map(int, done.stdout.split())
    assert n == CELLS
    assert kilobytes < 1e6
