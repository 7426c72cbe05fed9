import random
from operator import attrgetter, itemgetter, methodcaller

import pytest
from nats_bench.genotype_utils import TopologyStructure as Original

from nasbench.compat.nats_bench.genotype_utils import TopologyStructure, topology_str2structure
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.nb201 import NB201, OPERATIONS

SPACE = NB201()
TEXTS = [SPACE.to_text(SPACE.sample(random.Random(seed))) for seed in range(300)]


def both(text, ask):
    """The answer of both classes, which must be one."""
    expected, found = (ask(kind.str2structure(text)) for kind in (Original, TopologyStructure))
    assert found == expected
    assert type(found) is type(expected)
    return found


@pytest.mark.parametrize("zero", [True, False, None])
def test_texts_that_tell_cells_apart_are_those_of_the_original(zero):
    found = {both(text, methodcaller("to_unique_str", zero)) for text in TEXTS}
    assert len(found) > 100


def test_cells_answer_as_the_original():
    asked = [methodcaller("tolist", removed) for removed in ("none", "skip_connect", None)]
    asked += [methodcaller("check_valid_op", names) for names in (OPERATIONS, OPERATIONS[1:])]
    asked += [*map(attrgetter, ("nodes", "node_num", "node_N")), repr, len, itemgetter(-1)]
    for text in TEXTS:
        assert both(text, methodcaller("tostr")) == text
        for ask in (*asked, methodcaller("node", 1)):
            both(text, ask)
    assert {both(text, methodcaller("check_valid")) for text in TEXTS} == {True, False}


def test_edges_that_a_text_leaves_out_are_added():
    for text in ("|a~0|+|b~1|+|c~2|", "|a~0|+|b~0|+|c~1|a~0|", *TEXTS[:20]):
        for names in ((), ("skip_connect",)):
            expected = Original.str2fullstructure(text, *names).nodes
            assert TopologyStructure.str2fullstructure(text, *names).nodes == expected


def test_a_cell_is_its_own_structure():
    cell = topology_str2structure(TEXTS[0])
    assert topology_str2structure(cell) is cell
    assert TopologyStructure(cell.nodes).tostr() == TEXTS[0]


@pytest.mark.parametrize("text", ["", "|a|", "|a~1|", "|a~0|+", "|a~x|", None, "|a~0~0|"])
def test_what_is_no_cell_is_named(text):
    with pytest.raises(InvalidArgumentError):
        topology_str2structure(text)


def test_nodes_are_counted_from_one():
    cell = topology_str2structure(TEXTS[0])
    for index in (0, 3):
        with pytest.raises(InvalidArgumentError, match=r"must be in 1\.\.2"):
            cell.node(index)
