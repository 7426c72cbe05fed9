import random
from collections import Counter, defaultdict
from functools import cache
from importlib.resources import files
from itertools import chain, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import IllegalArchError
from nasbench.spaces.nb201 import (
    CONV1,
    CONV3,
    EDGES,
    NB201,
    NONE,
    OPERATIONS,
    POOL,
    SKIP,
    classes,
    live_edges,
    published_string,
    representative_ranks,
    trainable_form,
)
from nasbench.splitmix import uniform

SPACE = NB201()
ALL = list(SPACE.archs())
INTO = {node: [(e, i) for e, (i, j) in enumerate(EDGES) if j == node] for node in (1, 2, 3)}
SERIES = (2, 0, 1, 0, 1, 1)  # 0->1 is a 1x1 and reaches the output twice: one kernel
PARALLEL = (0, 2, 0, 2, 0, 1)  # two 1x1 of the input are added: two kernels
cells = st.tuples(*[st.integers(0, 4)] * 6)


@pytest.fixture(scope="module")
def class_of():
    return {arch: representative for representative, group in classes().items() for arch in group}


def live(arch, *operations):
    """Number of live edges of the given operations."""
    return sum(
        alive and option in operations for option, alive in zip(arch, live_edges(arch), strict=True)
    )


def test_text_is_the_published_notation():
    text = "|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    assert SPACE.to_text((3, 0, 2, 1, 0, 4)) == text
    assert SPACE.from_text(text) == (3, 0, 2, 1, 0, 4)


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        # The first cell of the published index.
        (
            "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|"
            "+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
            (4, 2, 1, 2, 1, 1),
        ),
        # ResNet as the official code writes it.
        (
            "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
            (3, 0, 3, 1, 0, 1),
        ),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", (0,) * 6),
        (" |none~0|+|none~0|none~1|+|none~0|none~1|none~2|\n", (0,) * 6),
    ],
)
def test_official_texts_are_read(text, arch):
    assert SPACE.from_text(text) == arch


def test_all_texts_are_different_and_read_back():
    texts = [SPACE.to_text(arch) for arch in ALL]
    assert len(set(texts)) == 15_625
    assert [SPACE.from_text(text) for text in texts[::25]] == ALL[::25]


ZERO = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its form is"),
        ("conv", "its form is"),
        ("|none~0|+|none~0|none~1|", "its form is"),
        (ZERO + "+" + ZERO, "its form is"),
        (ZERO.replace("none~2", "none~3"), "its form is"),
        (ZERO.replace("none~2", "none~02"), "its form is"),
        (ZERO.replace("none~2", "none~" + "2" * 5_000), "its form is"),
        (ZERO.replace("none~0", "conv_3x3~0", 1), "unknown operation 'conv_3x3'; did you mean 'no"),
        (ZERO.replace("none", "NONE"), "Possible: 'none', 'skip_connect'"),
        (ZERO.replace("|", ""), "unknown operation|did you mean|its form is"),
        (ZERO[1:], "did you mean '"),
        (ZERO.replace("+", " + "), "did you mean '"),
        (ZERO + "!", "did you mean '"),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message):
        SPACE.from_text(text)


@settings(max_examples=100)
@given(text=st.text("|~+0123none_skip", max_size=60) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text):
    try:
        arch = SPACE.from_text(text)
    except IllegalArchError:
        return
    assert SPACE.to_text(arch) == text.strip()


def test_the_stream_of_samples_is_pinned():
    rng = random.Random(0)
    assert [SPACE.sample(rng) for _ in range(3)] == [
        (4, 3, 2, 1, 2, 2),
        (3, 1, 2, 2, 4, 2),
        (1, 3, 3, 1, 4, 4),
    ]


def test_size_is_15625():
    assert SPACE.size == len(ALL) == 15_625


def test_5260_classes_partition_the_space():
    assert len(classes()) == 5_260
    assert sorted(arch for group in classes().values() for arch in group) == ALL


def test_class_sizes():
    sizes = sorted(map(len, classes().values()), reverse=True)
    assert sizes[:8] == [460, 460, 460, 400, 341, 254, 254, 254]
    assert sizes.count(1) == 4_072
    assert sum(size > 1 for size in sizes) == 1_188


@pytest.mark.parametrize(
    ("representative", "size"),
    [
        ((0, 0, 0, CONV1, 0, 0), 460),
        ((0, 0, 0, CONV3, 0, 0), 460),
        ((0, 0, 0, POOL, 0, 0), 460),
        ((0, 0, 0, SKIP, 0, 0), 400),
        ((0, 0, 0, 0, 0, 0), 341),
    ],
)
def test_the_largest_classes_have_one_live_edge_or_none(representative, size):
    assert len(classes()[representative]) == size


def test_a_1x1_beside_a_3x3_has_254_members(class_of):
    assert len(classes()[class_of[(0, CONV1, 0, CONV3, 0, SKIP)]]) == 254


def test_classes_by_number_of_kernels():
    counts = Counter(live(representative, CONV1, CONV3) for representative in classes())
    assert [counts[n] for n in range(7)] == [78, 458, 1_213, 1_702, 1_273, 472, 64]


def test_98_live_classes_have_neither_a_3x3_nor_a_pooling():
    found = [r for r in classes() if any(live_edges(r)) and live(r, CONV3, POOL) == 0]
    assert len(found) == 98


def test_341_cells_are_disconnected():
    assert sum(not any(live_edges(arch)) for arch in ALL) == 341


def test_mean_live_edges_of_the_live_representatives():
    representatives = [r for r in classes() if any(live_edges(r))]
    assert len(representatives) == 5_259
    means = [np.mean([live(r, o) for r in representatives]) for o in (CONV3, CONV1, SKIP, POOL)]
    assert np.round(means, 2).tolist() == [1.50, 1.50, 0.97, 1.46]


def test_members_have_equal_kernels_but_not_always_equal_skips_and_poolings():
    different = 0
    for group in classes().values():
        assert len({(live(arch, CONV1), live(arch, CONV3)) for arch in group}) == 1
        different += len({(live(arch, SKIP), live(arch, POOL)) for arch in group}) > 1
    assert different == 220


def test_members_of_60_classes_differ_in_convolutions_as_written():
    written = [{(arch.count(CONV1), arch.count(CONV3)) for arch in g} for g in classes().values()]
    assert sum(len(counts) > 1 for counts in written) == 60


def test_published_strings():
    assert len({published_string(arch) for arch in ALL}) == 6_466
    assert len({published_string(arch, zeros="keep") for arch in ALL}) == 12_751


def test_688_classes_are_spread_over_several_published_strings():
    spread = [g for g in classes().values() if len({published_string(a) for a in g}) > 1]
    assert len(spread) == 688
    assert sum(map(len, spread)) == 9_906


def test_the_bare_skip_has_five_published_strings():
    assert len({published_string(a) for a in classes()[(0, 0, 0, SKIP, 0, 0)]}) == 5


def test_430_published_strings_hold_several_networks(class_of):
    networks, members = defaultdict(set), Counter()
    for arch in ALL:
        networks[published_string(arch)].add(class_of[arch])
        members[published_string(arch)] += 1
    several = [string for string, found in networks.items() if len(found) > 1]
    assert len(several) == 430
    assert sum(members[string] for string in several) == 1_786


def test_one_published_string_for_one_kernel_twice_and_for_two_kernels():
    assert published_string(SERIES) == published_string(PARALLEL)
    assert SPACE.canonical(SERIES) != SPACE.canonical(PARALLEL)
    assert live(SERIES, CONV1) == 1
    assert live(PARALLEL, CONV1) == 2


def test_the_shipped_representatives_are_the_computed_ones():
    with files("nasbench.data").joinpath("nb201-representatives.npy").open("rb") as file:
        shipped = np.load(file, allow_pickle=False)
    assert shipped.dtype == np.uint16
    assert shipped.tolist() == list(representative_ranks())


def test_the_representative_has_the_fewest_live_edges_then_is_the_smallest():
    for representative, group in classes().items():
        keys = sorted((sum(live_edges(arch)), arch) for arch in group)
        assert keys[0] == (sum(live_edges(representative)), representative)


def test_no_representative_has_a_dead_edge():
    for representative in classes():
        alive = tuple(option != NONE for option in representative)
        assert alive == live_edges(representative)


def test_canonical_is_constant_on_a_class(class_of):
    assert [SPACE.canonical(arch) for arch in ALL] == [class_of[arch] for arch in ALL]


def test_canonical_many_is_canonical():
    many = SPACE.canonical_many(np.array(ALL, dtype=np.uint8))
    assert list(map(tuple, many.tolist())) == [SPACE.canonical(arch) for arch in ALL]


def test_dead_edges_change_nothing():
    # 0->1 is a 3x3 whose node leads nowhere; 1->2 is a 1x1 that no signal enters.
    assert live_edges((3, 0, 0, 4, 0, 0)) == (False, False, False, True, False, False)
    assert SPACE.canonical((3, 0, 0, 4, 0, 0)) == (0, 0, 0, 4, 0, 0)
    assert live_edges((0, 1, 2, 0, 3, 3)) == (False, True, False, False, False, True)
    assert SPACE.canonical((0, 1, 2, 0, 3, 3)) == (0, 0, 0, 3, 0, 0)


def test_a_sum_twice_is_not_the_sum():
    assert trainable_form((0, 1, 0, 1, 0, 1)) != trainable_form((0, 0, 0, 1, 0, 0))


def test_pooling_a_sum_is_another_graph_but_the_same_function_as_the_sum_of_poolings():
    pooled_sum = (1, 1, 1, 0, 0, 4)  # pool(x + x)
    sum_of_pooled = (0, 4, 0, 4, 0, 1)  # pool(x) + pool(x)
    assert trainable_form(pooled_sum) != trainable_form(sum_of_pooled)
    assert SPACE.canonical(pooled_sum) != SPACE.canonical(sum_of_pooled)
    assert SPACE.function(pooled_sum) == SPACE.function(sum_of_pooled)


def test_5044_functions_are_a_few_joined_classes():
    members = defaultdict(set)
    for arch in classes():
        members[SPACE.function(arch)].add(arch)
    assert len(members) == 5_044
    assert Counter(map(len, members.values())) == {1: 4_836, 2: 200, 3: 8}
    for representative, joined in members.items():
        assert representative == min(joined, key=lambda a: (sum(live_edges(a)), a))


def test_function_many_is_function():
    many = SPACE.function_many(np.array(ALL, dtype=np.uint8))
    assert list(map(tuple, many.tolist())) == [SPACE.function(arch) for arch in ALL]


@settings(max_examples=100)
@given(a=cells, b=cells)
def test_cells_are_one_function_exactly_if_their_forms_with_distributed_pooling_agree(a, b):
    forms = [trainable_form(arch, pooling="of terms") for arch in (a, b)]
    assert (SPACE.function(a) == SPACE.function(b)) == (forms[0] == forms[1])


@settings(max_examples=100)
@given(arch=cells)
def test_removing_dead_edges_keeps_the_class(arch):
    alive = tuple(o if used else NONE for o, used in zip(arch, live_edges(arch), strict=True))
    assert trainable_form(alive) == trainable_form(arch)
    assert SPACE.canonical(alive) == SPACE.canonical(arch)


@settings(max_examples=100)
@given(arch=cells)
def test_nodes_1_and_2_can_be_swapped_when_they_are_not_connected(arch):
    e01, e02, _, e03, e13, e23 = arch
    assert SPACE.canonical((e01, e02, NONE, e03, e13, e23)) == SPACE.canonical(
        (e02, e01, NONE, e03, e23, e13)
    )


@cache
def kernel_choices(n_conv1, n_conv3):
    """All ways to give every edge a kernel of its own, of six each: 0..5 for 1x1, 6..11 for 3x3."""
    ones, threes = (np.array([*permutations(range(6), n)], dtype=int) for n in (n_conv1, n_conv3))
    ones, threes = ones.reshape(-1, n_conv1 or 1), threes.reshape(-1, n_conv3 or 1)
    n = (len(ones) or 1) * (len(threes) or 1)
    return [
        *np.repeat(ones, n // (len(ones) or 1), axis=0).T[:n_conv1],
        *np.tile(threes + 6, (n // (len(threes) or 1), 1)).T[:n_conv3],
    ]


def fingerprints(*, shift=False, linear_pool=False, one_kernel=False):
    """Every cell as a number, by running it: equal networks give equal numbers, up to round-off.

    The input is a number, a convolution some function with its kernel's constants, a pooling
    another. A non-linear function of the result is averaged over all choices of kernels. Nothing
    here knows of dead edges: zero maps to zero, unless ``shift``.
    """
    frequency, square = uniform(1, 12) + 0.5, uniform(2, 12) + 0.5
    constant = (uniform(3, 12) + 0.5) * shift

    def conv(kernel, x):
        return np.sin(frequency[kernel] * x) + square[kernel] * x * x + constant[kernel]

    def pool(x):
        return 0.83 * x if linear_pool else np.tanh(1.3 * x)

    def number(arch):
        edges = [[e for e in range(6) if arch[e] == kind] for kind in (CONV1, CONV3)]
        choices = kernel_choices(*map(len, edges))
        kernels = dict(zip(chain(*edges), choices, strict=True))
        if one_kernel:
            kernels = {e: choice[0] // 6 * 6 for e, choice in kernels.items()}
        nodes = [0.7]
        for node in (1, 2, 3):
            value = 0.0
            for e, i in INTO[node]:
                if arch[e] == SKIP:
                    value = value + nodes[i]
                elif arch[e] == POOL:
                    value = value + pool(nodes[i])
                elif arch[e] in (CONV1, CONV3):
                    value = value + conv(kernels[e], nodes[i])
            nodes.append(value)
        return np.cos(nodes[3]).mean()

    numbers = np.array([number(arch) for arch in ALL])
    order = np.argsort(numbers)
    new = np.diff(numbers[order], prepend=-np.inf) > 1e-12
    labels = np.empty(len(ALL), dtype=int)
    labels[order] = np.cumsum(new)
    return labels


def test_running_the_cells_gives_the_same_classes(class_of):
    labels = fingerprints().tolist()
    assert len(set(labels)) == 5_260
    assert len(set(zip(labels, map(class_of.get, ALL), strict=True))) == 5_260


def test_running_the_cells_with_linear_pooling_gives_the_same_functions():
    labels = fingerprints(linear_pool=True).tolist()
    assert len(set(labels)) == 5_044
    assert len(set(zip(labels, map(SPACE.function, ALL), strict=True))) == 5_044


@pytest.mark.parametrize(
    ("semantics", "n"),
    [
        ({"shift": True}, 5_875),
        ({"one_kernel": True}, 4_930),
        ({"one_kernel": True, "linear_pool": True}, 4_660),
    ],
)
def test_running_the_cells_gives_the_counts_of_other_semantics(semantics, n):
    assert len(set(fingerprints(**semantics).tolist())) == n


def test_graph_has_the_edges_of_the_cell_as_nodes():
    graph = SPACE.graph((0, 1, 2, 3, 4, 0))
    assert graph.labels == ("input", *(OPERATIONS[o] for o in (0, 1, 2, 3, 4, 0)), "output")
    found = {(int(i), int(j)) for i, j in np.argwhere(graph.adjacency)}
    ends = {(0, 1), (0, 2), (0, 4), (4, 7), (5, 7), (6, 7)}  # node e + 1 is edge e
    through_1, through_2 = {(1, 3), (1, 5)}, {(2, 6), (3, 6)}
    assert found == ends | through_1 | through_2
