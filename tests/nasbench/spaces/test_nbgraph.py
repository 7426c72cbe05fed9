import os
import random
import struct
from collections import Counter
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import permutations, product
from pathlib import Path
from zipfile import Path as ZipPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.pickles import unpickle
from nasbench.encodings import path_vocabulary
from nasbench.errors import IllegalArchError
from nasbench.spaces.nbgraph import (
    CLASSES,
    LINKS,
    OPERATIONS,
    SKIP,
    NBGraph,
    from_key,
    representative,
    to_key,
)

SPACE = NBGraph()
GAT, GCN, GIN, CHEB, SAGE, ARMA, KGNN, FC, _ = range(9)
PROTEINS = {GCN, SAGE, ARMA, FC, SKIP}
archs = st.tuples(st.integers(0, 8), *[st.integers(0, 8)] * 4).filter(SPACE.is_legal)


@pytest.fixture(scope="module")
def canonical():
    return {arch: SPACE.canonical(arch) for arch in SPACE.archs()}


def test_59040_of_59049_tuples_are_legal():
    assert SPACE.size == 9 * (9**4 - 1) == 59_040


def test_there_are_26206_classes(canonical):
    assert len(set(canonical.values())) == CLASSES == 26_206


def test_2021_classes_are_left_with_the_operations_for_proteins(canonical):
    assert len({c for arch, c in canonical.items() if set(arch[1:]) <= PROTEINS}) == 2_021


def test_representatives_by_link_pattern(canonical):
    counts = Counter(arch[0] for arch in set(canonical.values()))
    assert [counts[link] for link in range(9)] == [
        330, 2_304, 2_880, 2_080, 4_096, 1_440, 5_120, 3_276, 4_680,
    ]  # fmt: skip


def test_the_file_holds_the_computed_representatives(canonical):
    assert canonical == {arch: representative(arch) for arch in canonical}
    archs = np.array(list(canonical))
    assert [tuple(row) for row in SPACE.canonical_many(archs).tolist()] == [*canonical.values()]


def test_canonical_is_a_fixed_point_on_every_class(canonical):
    assert all(canonical[c] == c for c in canonical.values())


# --- a twin of canonical: rewriting a tree, then all renumberings of its nodes -------------------


def reduced(arch):
    """Nodes that are left, {node: (source, operation)}; one rule at a time until none applies."""
    nodes = {
        i: (int(source), option)
        for i, (source, option) in enumerate(zip(LINKS[arch[0]], arch[1:], strict=True), start=1)
    }
    while True:
        for node, (source, option) in nodes.items():
            fed = [i for i, (other, _) in nodes.items() if other == node]
            siblings = [i for i, (other, _) in nodes.items() if other == source and i != node]
            if option == SKIP and (fed or source == 0 or not siblings):
                nodes = {i: (source if i in fed else s, o) for i, (s, o) in nodes.items()}
                del nodes[node]
                break
        else:
            return nodes


@cache
def smallest(edges):
    """The same for trees that differ in the numbers of their nodes."""
    found = []
    for order in permutations(range(1, len(edges) + 1)):
        new = dict(zip([node for node, _, _ in edges], order, strict=True)) | {0: 0}
        found.append(sorted((new[node], new[source], option) for node, source, option in edges))
    return tuple(min(found))


def tree(arch):
    return smallest(tuple((node, source, o) for node, (source, o) in sorted(reduced(arch).items())))


def test_tuples_are_one_class_exactly_if_their_trees_are_equal(canonical):
    few = {GAT, FC, SKIP}
    pairs = {(c, tree(arch)) for arch, c in canonical.items() if set(arch[1:]) <= few}
    assert len(pairs) == len({c for c, _ in pairs}) == len({t for _, t in pairs})


@settings(max_examples=200)
@given(arch=archs)
def test_the_representative_is_the_same_network(arch):
    assert tree(SPACE.canonical(arch)) == tree(arch)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("0123 gcn-skip-fc-skip", 88817),  # in a row, skips change nothing
        ("0012 skip-gat-gcn-fc", 68017),  # gcn takes the input, as gat does
        ("0000 skip-fc-gcn-gcn", 58117),  # the input itself is no leaf
        ("0012 skip-gat-skip-fc", 88807),  # nor through two skips
        ("0012 gat-gcn-skip-fc", 68107),  # gat becomes a leaf
        ("0111 gcn-skip-fc-skip", 51788),  # gcn goes to the output twice, beside fc
        ("0122 gat-gcn-skip-skip", 70188),
        ("0001 skip-gat-skip-gcn", 78801),
        ("0000 fc-gcn-gcn-gat", 117),
        ("0012 gcn-gat-fc-gin", 30127),
    ],
)
def test_examples(text, key):
    assert to_key(SPACE.canonical(SPACE.from_text(text))) == key


# --- text and keys -------------------------------------------------------------------------------


def test_text_is_links_and_operations():
    assert SPACE.to_text((3, 0, 1, 7, 8)) == "0012 gat-gcn-fc-skip"
    assert SPACE.from_text(" 0012  gat-gcn-fc-skip\n") == (3, 0, 1, 7, 8)


def test_keys_are_decimal_digits():
    assert to_key((3, 0, 1, 7, 8)) == 30178
    assert from_key(30178) == (3, 0, 1, 7, 8)
    assert from_key(17) == (0, 0, 0, 1, 7)


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("30178", (3, 0, 1, 7, 8)),
        ("00017", (0, 0, 0, 1, 7)),
        ("1111", (0, 1, 1, 1, 1)),
        ("0", (0, 0, 0, 0, 0)),
    ],
)
def test_published_keys_are_read_as_text(text, arch):
    assert SPACE.from_text(text) == arch


@settings(max_examples=100)
@given(arch=archs)
def test_keys_come_back(arch):
    assert from_key(to_key(arch)) == arch
    assert SPACE.from_text(str(to_key(arch))) == arch
    assert SPACE.from_text(f"{to_key(arch):05d}") == arch


def test_nodes_may_be_numbered_otherwise():
    # gcn feeds gin and cheb, gin feeds fc
    assert SPACE.to_text(SPACE.from_text("0121 gcn-gin-fc-cheb")) == "0112 gcn-gin-cheb-fc"
    assert SPACE.from_text("0113 gcn-cheb-gin-fc") == SPACE.from_text("0112 gcn-gin-cheb-fc")


def test_every_numbering_is_one_of_the_nine_patterns_renumbered():
    rng = random.Random(0)
    for digits in product(*[range(i + 1) for i in range(4)]):
        operations = [OPERATIONS[int(8 * rng.random())] for _ in range(4)]
        edges = [
            (node, source, OPERATIONS.index(operation))
            for node, (source, operation) in enumerate(zip(digits, operations, strict=True), 1)
        ]
        arch = SPACE.from_text(f"{''.join(map(str, digits))} {'-'.join(operations)}")
        assert tree(arch) == smallest(tuple(edges))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "are needed, as in '0012 gat-gcn-fc-skip', or a published key"),
        ("0012", "are needed, as in"),
        ("0012 gat-gcn-fc", "are needed"),
        ("0012 gat-gcn-fc-skip gat", "are needed"),
        ("0012 gat gcn fc skip", "are needed"),
        ("\u0660\u0660\u0660\u0661\u0667", "are needed"),
        ("0012 gat-gcn-fc-skipp", "unknown operation 'skipp'; did you mean 'skip'"),
        ("0012 gat-gcn-fc-none", "unknown operation 'none'. Possible: 'gat', 'gcn', 'gin'"),
        ("0012 GAT-gcn-fc-skip", "unknown operation 'GAT'"),
        ("0014 gat-gcn-fc-skip", "unknown sources '0014'; did you mean '0013'"),
        ("1000 gat-gcn-fc-skip", "unknown sources '1000'"),
        ("00122 gat-gcn-fc-skip", "unknown sources '00122'; did you mean '0122'"),
        ("0012 skip-skip-skip-skip", "breaks a rule of 'nbgraph'"),
        ("0121 skip-skip-skip-skip", "breaks a rule of 'nbgraph'"),
        ("88888", "breaks a rule of 'nbgraph'"),
        ("90000", "90000 is not a key of 'nbgraph': possible are five digits 0..8"),
        ("109", "109 is not a key"),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message):
        SPACE.from_text(text)


@pytest.mark.parametrize("key", [-1, 9, 100_000, 188_888, 10**400])
def test_bad_keys_are_refused(key):
    with pytest.raises(IllegalArchError, match="not a key of 'nbgraph'"):
        from_key(key)


@settings(max_examples=200)
@given(text=st.text("0123456789 -gatcnskp", max_size=25))
def test_any_text_is_read_or_refused(text):
    try:
        arch = SPACE.from_text(text)
    except IllegalArchError:
        return
    assert arch in SPACE


# --- graph ---------------------------------------------------------------------------------------


def test_graph_of_a_small_example():
    graph = SPACE.graph(SPACE.from_text("0012 gat-gcn-fc-skip"))
    assert graph.labels == ("input", "gat", "gcn", "fc", "skip", "output")
    edges = {(int(i), int(j)) for i, j in np.argwhere(graph.adjacency)}
    assert edges == {(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)}


def test_the_input_alone_does_not_reach_the_output():
    graph = SPACE.graph(SPACE.from_text("0013 skip-gat-skip-skip"))
    edges = {(int(i), int(j)) for i, j in np.argwhere(graph.adjacency)}
    assert edges == {(0, 1), (0, 2), (1, 3), (3, 4), (2, 5)}


@settings(max_examples=100)
@given(arch=archs)
def test_the_output_takes_as_many_leaves_as_the_class_has(arch):
    nodes = reduced(arch)
    leaves = len(nodes) - len({source for source, _ in nodes.values()} - {0})
    kept = SPACE.graph(SPACE.canonical(arch)).adjacency[:, -1].sum()
    assert kept == leaves


def test_there_is_a_path_for_every_row_of_operations():
    assert len(path_vocabulary(SPACE)) == 9 + 9**2 + 9**3 + 9**4


# --- the published files -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def package():
    """Inside of the installed package, or of the wheel that NAS_BENCH_GRAPH_WHEEL names."""
    spec = find_spec("nas_bench_graph")
    if wheel := os.environ.get("NAS_BENCH_GRAPH_WHEEL"):
        return ZipPath(wheel, "nas_bench_graph/")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs nas-bench-graph 1.4.0: install it or set NAS_BENCH_GRAPH_WHEEL")
    return Path(next(iter(spec.submodule_search_locations)))


class Inert:
    """Stands for ``numpy.dtype``."""

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass


def published(package, name):
    allowed = {
        "numpy.core.multiarray.scalar": lambda _, data: struct.unpack("<d", data)[0],
        "numpy.dtype": Inert,
    }
    with (package / "light" / f"{name}.bench").open("rb") as file:
        return unpickle.load(file, allowed=allowed, where=name)


def test_representatives_are_the_published_keys(package, canonical):
    keys = {to_key(c) for c in canonical.values()}
    for name in ("cora", "arxiv"):
        assert set(published(package, name)) == keys
    few = {to_key(c) for arch, c in canonical.items() if set(arch[1:]) <= PROTEINS}
    assert set(published(package, "proteins")) == few


def test_the_package_looks_up_the_same_keys(package, canonical, monkeypatch):
    monkeypatch.syspath_prepend(str(os.environ.get("NAS_BENCH_GRAPH_WHEEL", package.parent)))
    architecture = import_module("nas_bench_graph.architecture").Arch
    for arch, c in canonical.items():
        link = [int(source) for source in LINKS[arch[0]]]
        names = [OPERATIONS[option] for option in arch[1:]]
        assert architecture(link, names).valid_hash() == to_key(c)


def test_published_parameters_are_those_of_the_trees(package):
    """On cora 1,433 features become 256 in every node; leaves side by side become 256, then 7."""
    matrices = {GCN: 1, GIN: 1, FC: 1, GAT: 1, CHEB: 2, SAGE: 2, KGNN: 2}

    def parameters(option, features):
        if option == ARMA:  # two matrices, and one from hidden to hidden features
            return 2 * features * 256 + 256 + 256 * 256
        return matrices[option] * features * 256 + (3 if option == GAT else 1) * 256

    for key, row in published(package, "cora").items():
        nodes = reduced(from_key(key))
        leaves = len(nodes) - len({source for source, _ in nodes.values()} - {0})
        total = 256 * leaves * 256 + 256 + 256 * 7 + 7 + 8 * 256
        for source, option in nodes.values():
            total += 0 if option == SKIP else parameters(option, 256 if source else 1_433)
        assert round(1e6 * row["para"]) == total
