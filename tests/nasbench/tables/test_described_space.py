from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import IllegalArchError, InvalidArgumentError, SchemaError
from nasbench.space import Decision
from nasbench.spaces import SPACES
from nasbench.tables.described_space import (
    DescribedSpace,
    decode_decisions,
    difference,
    encode_decisions,
    is_described,
)
from nasbench.tables.draft import Draft
from nasbench.tables.files import said_at
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_space

AWKWARD = (
    Decision("a=b; c", ("x", "x; d=1", "")),
    Decision("d", ("1", "2; d=1"), "ordinal"),
    Decision("e", ("8", "16"), "numeric", (8.0, 16.0)),
)


@pytest.mark.parametrize("name", SPACES)
def test_the_description_of_a_space_is_read_as_it_was_written(name):
    space = SPACES.load(name)()
    read = decode_decisions(encode_decisions(space.decisions), "x")
    assert read == space.decisions
    assert difference(read, space) == ""


@pytest.mark.parametrize("name", ["nb201", "fcnet", "nbmacro"])
def test_a_described_space_keeps_the_contract(name):
    space = DescribedSpace("theirs", SPACES.load(name).decisions)
    check_space(space, n=10)
    assert is_described(space)
    assert not is_described(SPACES.load(name)())


@given(st.tuples(*(st.integers(0, len(d.labels) - 1) for d in AWKWARD)))
def test_labels_may_hold_the_signs_of_the_notation(arch):
    space = DescribedSpace("theirs", AWKWARD)
    assert space.from_text(space.to_text(arch)) == arch


def test_a_text_of_another_notation_is_refused():
    space = DescribedSpace("theirs", AWKWARD)
    for text in ("", "x", "a=b; c=x", "a=b; c=x; d=1; e=8; f=1", "a=b; c=x; d=1; e=9"):
        with pytest.raises(IllegalArchError, match="Without the package that defines the space"):
            space.from_text(text)


GOOD = {"name": "a", "labels": ["x", "y"], "kind": "categorical"}


@pytest.mark.parametrize(
    "document",
    [
        [1],
        [{}],
        [GOOD | {"colour": 1}],
        [GOOD | {"name": 1}],
        [GOOD | {"kind": "odd"}],
        [GOOD | {"labels": "xy"}],
        [GOOD | {"labels": []}],
        [GOOD | {"labels": ["x", 1]}],
        [GOOD | {"labels": ["x", "x"]}],
        [GOOD | {"values": [1.0, 2.0]}],
        [GOOD | {"kind": "numeric"}],
        [GOOD | {"kind": "numeric", "values": [1.0, float("nan")]}],
        [GOOD | {"kind": "numeric", "values": [1.0, "two"]}],
        [GOOD, GOOD],
    ],
    ids=repr,
)
def test_impossible_decisions_are_refused(document):
    with pytest.raises(SchemaError, match="decision"):
        decode_decisions(document, "x")


def test_a_table_of_a_version_that_described_nothing_opens_and_is_completed(
    path, content, redescribe
):
    new = said_at(path)
    redescribe(path, lambda document: document.pop("decisions"))
    old = said_at(path)
    assert old.keys() == new.keys() - {"decisions"}
    assert old["content_hash"] == new["content_hash"]
    Table(path).check()

    def write(toy):
        runs, archs = toy.tables()
        write_table(path, Draft(toy.metadata, runs, archs, toy.columns))

    write(content())
    assert said_at(path) == new
    redescribe(path, lambda document: document.pop("decisions"))
    other = replace(content().metadata, title="another")
    with pytest.raises(InvalidArgumentError, match="title"):
        write(replace(content(), metadata=other))


def test_decisions_that_are_not_those_of_the_installed_space_are_refused(path, redescribe):
    def rename(document):
        document["decisions"][2]["labels"][1] = "identity"

    redescribe(path, rename)
    with pytest.raises(SchemaError, match=r"another version of it .* the labels of 'edge 1->2'"):
        Table(path)


def test_a_table_whose_space_is_not_installed_opens(path, redescribe):
    redescribe(path, lambda document: document.update(space="theirs"))
    table = Table(path)
    assert is_described(table.space)
    assert table.space.decisions == SPACES.load("nb201").decisions
