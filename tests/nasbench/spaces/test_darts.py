import random
from collections import Counter
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.encodings import path, path_vocabulary
from nasbench.errors import IllegalArchError
from nasbench.spaces.darts import OPERATIONS, Darts, from_genotype, to_genotype

SPACE = Darts()
MAX, AVG, SKIP, SEP3, SEP5, DIL3, DIL5 = OPERATIONS
PAIRS = [list(combinations(range(node), 2)) for node in (2, 3, 4, 5)]

# The cells that the paper found with second-order gradients.
SECOND_ORDER = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)
# normal: 2 = sep3(0) + sep3(1), 3 the same, 4 = skip(0) + sep3(1), 5 = skip(0) + dil3(2);
# reduction: 2 = max(0) + max(1), 3 = max(1) + skip(2), 4 = max(0) + skip(2), 5 = max(1) + skip(2).
SECOND_ORDER_ARCH = (3, 3, 0, 3, 3, 0, 2, 3, 1, 2, 5, 0, 0, 2, 0, 2, 1, 0, 2, 4, 0, 2)

archs = st.tuples(*[st.integers(0, n - 1) for n in SPACE.options])


def pairs_of_inputs(cell):
    return [tuple(source for _, source in cell[i : i + 2]) for i in (0, 2, 4, 6)]


def renumbered(cell):
    """The cell under every renumbering of nodes 2 to 5 that keeps inputs before their node.

    As a list of nodes, each a sorted list of (input, operation).
    """
    for numbers in permutations((2, 3, 4, 5)):
        new = dict(zip(range(6), (0, 1, *numbers), strict=True))
        nodes = {}
        for slot, (operation, source) in enumerate(cell):
            nodes.setdefault(new[2 + slot // 2], []).append((new[source], operation))
        if all(source < node for node, into in nodes.items() for source, _ in into):
            yield [sorted(nodes[node]) for node in (2, 3, 4, 5)]


def genotypes(cell):
    return [[(o, source) for node in nodes for source, o in node] for nodes in renumbered(cell)]


def test_size_is_the_square_of_1037664180():
    cell = 1 * 3 * 6 * 10 * 7**8
    assert cell == 1_037_664_180
    assert SPACE.size == cell**2 == 1_076_746_950_455_072_400


def test_ranks_fit_in_63_bits():
    assert SPACE.size < 2**63
    last = tuple(n - 1 for n in SPACE.options)
    assert SPACE.rank_many(np.array([last])).tolist() == [SPACE.size - 1]


def test_options_are_those_of_nas_bench_301():
    cell = (7, 7, 3, 7, 7, 6, 7, 7, 10, 7, 7)
    assert SPACE.options == 2 * cell
    for decisions in (SPACE.decisions[:11], SPACE.decisions[11:]):
        assert decisions[2].labels == ("0_1", "0_2", "1_2")
        assert decisions[5].labels == ("0_1", "0_2", "0_3", "1_2", "1_3", "2_3")
        assert " ".join(decisions[8].labels) == "0_1 0_2 0_3 0_4 1_2 1_3 1_4 2_3 2_4 3_4"
        assert decisions[0].labels == OPERATIONS


def test_a_published_genotype_is_read_and_its_pairs_are_put_in_ascending_order():
    assert SPACE.from_text(SECOND_ORDER) == SECOND_ORDER_ARCH
    text = SPACE.to_text(SECOND_ORDER_ARCH)
    assert text == (
        SECOND_ORDER.replace(
            "('sep_conv_3x3', 1), ('skip_connect', 0)", "('skip_connect', 0), ('sep_conv_3x3', 1)"
        ).replace(
            "('skip_connect', 2), ('max_pool_3x3', 1)", "('max_pool_3x3', 1), ('skip_connect', 2)"
        )
    )
    assert SPACE.from_text(text) == SECOND_ORDER_ARCH


def test_a_genotype_in_another_style_is_read():
    text = """
        Genotype(
            normal=(
                ("sep_conv_3x3", 1), ["skip_connect", 0], ("sep_conv_3x3", 0), ('dil_conv_3x3',1),
                ("sep_conv_5x5", 0,), ( "sep_conv_3x3" , 1 ), ("avg_pool_3x3",0),("dil_conv_3x3",1),
            ),
            reduce_concat = (2,3,4,5,),
            reduce=[("sep_conv_5x5", 1), ("max_pool_3x3", 0), ("sep_conv_5x5", 1),
                ("sep_conv_5x5", 2), ("sep_conv_3x3", 0), ("sep_conv_3x3", 3),
                ("sep_conv_3x3", 1), ("sep_conv_3x3", 2)],
            normal_concat=range(2, 6),
        )
    """
    normal = [(SKIP, 0), (SEP3, 1), (SEP3, 0), (DIL3, 1), (SEP5, 0), (SEP3, 1), (AVG, 0), (DIL3, 1)]
    reduce = [(MAX, 0), (SEP5, 1), (SEP5, 1), (SEP5, 2), (SEP3, 0), (SEP3, 3), (SEP3, 1), (SEP3, 2)]
    assert to_genotype(SPACE.from_text(text)) == (normal, reduce)


@settings(max_examples=200)
@given(arch=archs)
def test_genotypes_come_back(arch):
    normal, reduce = to_genotype(arch)
    assert from_genotype(normal, reduce) == arch
    turned = [normal[i ^ 1] for i in range(8)]  # the two pairs of every node exchanged
    assert from_genotype(turned, [list(pair) for pair in reduce]) == arch


CELL = [(SEP3, 0), (SEP3, 1)] * 4


def replaced(slot, pair):
    return [pair if i == slot else kept for i, kept in enumerate(CELL)]


@pytest.mark.parametrize(
    ("normal", "message"),
    [
        (CELL[:7], "normal has 7 pairs .operation, input.; 8 are needed: two for each of the nod"),
        (CELL + CELL[:2], "normal has 10 pairs"),
        ([], "normal has 0 pairs"),
        (
            replaced(2, ("sep_conv_3x4", 0)),
            "node 3 of normal has an unknown operation 'sep_conv_3x4'; did you mean 'sep_conv_3x3'",
        ),
        (replaced(0, ("none", 0)), "unknown operation 'none'. Possible: 'max_pool_3x3', 'avg_pool"),
        (replaced(1, (SEP3, 2)), "node 2 of normal takes input 2; possible are 0..1"),
        (replaced(7, (SEP3, 5)), "node 5 of normal takes input 5; possible are 0..4"),
        (replaced(4, (SEP3, -1)), "node 4 of normal takes input -1; possible are 0..3"),
        (replaced(4, (SKIP, 1)), "node 4 of normal takes input 1 twice; .* two different inputs"),
        (replaced(4, (0, SKIP)), "normal has .0, 'skip_connect'.; pairs .operation, input. are"),
        (replaced(4, (SKIP, 1.5)), "pairs .operation, input. are needed"),
        (replaced(4, (SKIP, float("inf"))), "pairs .operation, input. are needed"),
        (replaced(4, (SKIP, 0, 1)), "pairs .operation, input. are needed"),
        (replaced(4, None), "pairs .operation, input. are needed"),
    ],
)
def test_bad_cells_are_refused(normal, message):
    with pytest.raises(IllegalArchError, match=message):
        from_genotype(normal, CELL)
    with pytest.raises(IllegalArchError, match=message.replace("normal", "reduce")):
        from_genotype(CELL, normal)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "its form is Genotype"),
        ("Genotype()", "its form is"),
        (SECOND_ORDER[:-1], "its form is"),
        (SECOND_ORDER + SECOND_ORDER, "its form is"),
        (SECOND_ORDER.replace("reduce=", "normal="), "its form is"),
        (SECOND_ORDER.replace("reduce=", "reduction="), "its form is"),
        (SECOND_ORDER.replace("Genotype", "__import__"), "its form is"),
        (SECOND_ORDER.replace("('sep_conv_3x3', 0), ", "", 1), "normal has 7 pairs"),
        (SECOND_ORDER.replace("sep_conv_3x3", "sep_3x3"), "unknown operation 'sep_3x3'; did you m"),
        (SECOND_ORDER.replace(", 2)", ", 5)"), "node 5 of normal takes input 5; possible are 0..4"),
        (SECOND_ORDER.replace("3x3', 1)", "3x3', 0)"), "node 2 of normal takes input 0 twice"),
        (SECOND_ORDER.replace("3x3', 1)", "3x3', x)"), "normal is .*, but must be a list of pairs"),
        (SECOND_ORDER.replace("3x3', 1)", "3x3', 1"), "a list of pairs such as"),
        (SECOND_ORDER.replace("3x3', 1)", "3x3', 1]"), "a list of pairs such as"),
        (SECOND_ORDER.replace("[(", "(("), "a list of pairs such as"),
        (SECOND_ORDER.replace("'", ""), "a list of pairs such as"),
        (SECOND_ORDER.replace("', 0)", '", 0)'), "a list of pairs such as"),
        (SECOND_ORDER.replace("3x3', 1)", f"3x3', {'1' * 5_000})"), "a list of pairs such as"),
        (SECOND_ORDER.replace("3x3', 1)", "3x3', \u0661)"), "a list of pairs such as"),
        (SECOND_ORDER.replace("[2, 3, 4, 5])", "[2, 3, 4])"), "reduce_concat is .* it is .2, 3, 4"),
        (SECOND_ORDER.replace("4, 5], r", "4, 5, 6], r"), "normal_concat is "),
        (SECOND_ORDER.replace("[2, 3, 4, 5]", "range(2, 5)"), "normal_concat is "),
        (SECOND_ORDER.replace("[2, 3, 4, 5]", "__import__('os').getcwd()"), "normal_concat is "),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message) as caught:
        SPACE.from_text(text)
    assert len(str(caught.value)) < 1_000


def test_hostile_texts_are_refused_quickly():
    n = 100_000
    for part in ("(", "[", "'", " ", "a", "normal = ", "('a', 1), ", "\\d", "\x00", "\u0663 "):
        for text in (part * n, f"Genotype(normal=[{part * n}", f"Genotype({part * n})"):
            with pytest.raises(IllegalArchError):
                SPACE.from_text(text)


@settings(max_examples=200)
@given(at=st.integers(0, 400), by=st.text("()[]'\", =0129abcx_", max_size=3), n=st.integers(0, 5))
def test_a_damaged_text_is_read_or_refused(at, by, n):
    try:
        arch = SPACE.from_text(SECOND_ORDER[:at] + by + SECOND_ORDER[at + n :])
    except IllegalArchError:
        return
    assert arch in SPACE


# --- classes -------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(arch=archs)
def test_canonical_is_the_smallest_of_all_renumberings(arch):
    normal, reduce = to_genotype(arch)
    twins = [from_genotype(n, normal)[:11] for n in genotypes(normal)]
    others = [from_genotype(normal, r)[11:] for r in genotypes(reduce)]
    assert SPACE.canonical(arch) == min(twins) + min(others)


@settings(max_examples=100)
@given(arch=archs, choose=st.randoms(use_true_random=False))
def test_renumbering_keeps_the_class(arch, choose):
    twin = from_genotype(*[choose.choice(genotypes(cell)) for cell in to_genotype(arch)])
    assert SPACE.canonical(twin) == SPACE.canonical(arch)


def test_cells_of_two_operations_have_17531_classes():
    """Every cell of pooling or skip: classes are what renumbering connects, and no more."""
    unseen = set()
    for sources in product(*PAIRS):
        flat = [source for pair in sources for source in pair]
        unseen |= {tuple(zip(o, flat, strict=True)) for o in product((MAX, SKIP), repeat=8)}
    assert len(unseen) == 180 * 2**8
    n, representatives = 0, set()
    while unseen:
        cell = next(iter(unseen))
        members = set(map(tuple, genotypes(cell)))
        found = {SPACE.canonical(from_genotype(member, CELL))[:11] for member in members}
        assert len(found) == 1
        representatives |= found
        unseen -= members
        n += 1
    assert n == len(representatives) == 17_531


def n_classes(n_operations):
    """Orbits counted by the cells that a renumbering leaves as they are (Burnside)."""
    total = Fraction(0)
    for sources in product(*PAIRS):
        flat = [source for pair in sources for source in pair]
        cell = list(zip(range(8), flat, strict=True))
        moved = genotypes(cell)
        for other in moved:
            if [source for _, source in other] == flat:  # operations move along cycles
                to, cycles, left = [slot for slot, _ in other], 0, set(range(8))
                while left:
                    slot, cycles = min(left), cycles + 1
                    while slot in left:
                        left.remove(slot)
                        slot = to[slot]
                total += Fraction(n_operations**cycles, len(moved))
    return total


def test_a_cell_has_382128166_classes():
    assert n_classes(1) == 79
    assert n_classes(2) == 17_531
    assert n_classes(7) == 382_128_166


def test_both_cells_have_classes_of_their_own():
    swapped = [(SKIP, 0), (SKIP, 1), (MAX, 0), (MAX, 1), (MAX, 2), (MAX, 3), (MAX, 0), (MAX, 1)]
    again = [(MAX, 0), (MAX, 1), (SKIP, 0), (SKIP, 1), (MAX, 2), (MAX, 3), (MAX, 0), (MAX, 1)]
    assert SPACE.canonical(from_genotype(swapped, CELL)) == SPACE.canonical(
        from_genotype(again, CELL)
    )
    assert SPACE.canonical(from_genotype(swapped, CELL)) != SPACE.canonical(
        from_genotype(CELL, swapped)
    )


def test_samples_are_uniform_over_pairs_of_inputs_and_operations():
    rng = random.Random(0)
    drawn = [SPACE.sample(rng) for _ in range(7_000)]
    for position, n in enumerate(SPACE.options):
        counts = Counter(arch[position] for arch in drawn)
        assert len(counts) == n
        assert max(abs(count - 7_000 / n) for count in counts.values()) < 180


# --- graph ---------------------------------------------------------------------------------------


def paths_into(cell, name, node):
    """Operations along all paths from an input of a cell to one of its nodes."""
    if node < 2:
        return {(f"{name} input {node}",)}
    into = cell[2 * node - 4 : 2 * node - 2]
    return {(*before, o) for o, source in into for before in paths_into(cell, name, source)}


@settings(max_examples=50)
@given(arch=archs)
def test_paths_of_the_graph_are_those_of_the_cells(arch):
    cells = zip(to_genotype(arch), ("normal", "reduce"), strict=True)
    expected = {
        p for cell, name in cells for node in range(2, 6) for p in paths_into(cell, name, node)
    }
    vocabulary = path_vocabulary(SPACE)
    found = {vocabulary[column] for column in np.flatnonzero(path(SPACE, [arch])[0])}
    assert found == expected


def test_there_are_11200_paths():
    assert len(path_vocabulary(SPACE)) == 4 * (7 + 7**2 + 7**3 + 7**4) == 11_200


def test_graph_of_a_small_example():
    graph = SPACE.graph(SECOND_ORDER_ARCH)
    assert len(graph.labels) == 22
    assert graph.labels[:6] == ("input", "normal input 0", "normal input 1", SEP3, SEP3, SEP3)
    assert graph.labels[11:14] == ("reduce input 0", "reduce input 1", MAX)
    assert graph.labels[20:] == (SKIP, "output")
    follow = [np.flatnonzero(row).tolist() for row in graph.adjacency]
    assert follow[0] == [1, 2, 11, 12]
    assert follow[1] == [3, 5, 7, 9]  # input 0 of the normal cell goes to all four nodes
    assert follow[3] == follow[4] == [10, 21]  # node 2 goes to the dilated convolution of node 5
    assert follow[13] == follow[14] == [16, 18, 20, 21]
    assert follow[21] == []


def test_graph_has_the_same_edges_for_renumbered_cells_up_to_the_order_of_nodes():
    rng = random.Random(0)
    for _ in range(50):
        arch = SPACE.sample(rng)
        twin = SPACE.canonical(arch)
        a, b = SPACE.graph(arch), SPACE.graph(twin)
        assert Counter(a.labels) == Counter(b.labels)
        ends = [
            Counter((g.labels[i], g.labels[j]) for i, j in np.argwhere(g.adjacency)) for g in (a, b)
        ]
        assert ends[0] == ends[1]
