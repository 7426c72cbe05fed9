from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest

from nasbench.annotation import LARGEST, as_annotated, check_integers, fits
from nasbench.errors import InvalidArgumentError

FITTING = [
    (3, int | None),
    (None, int | None),
    (3, float | None),
    (2.5, float),
    ("x", str | None),
    ([[10, 20], (5, 5)], Sequence[Sequence[int]] | None),
    ({"a": 1}, Mapping[str, Any] | None),
    ("mean", Literal["draw", "mean"]),
    (object(), Any),
    (object(), "a text"),
]
OTHERS = [
    (True, int | None),
    ("3", int | None),
    (2.0, int | None),
    ("x", float | None),
    (True, float),
    (3, str | None),
    ([1], str | None),
    (3, Sequence[Sequence[int]] | None),
    ([1], Sequence[Sequence[int]] | None),
    ("xy", Sequence[str]),
    ([1], Mapping[str, Any] | None),
    ("median", Literal["draw", "mean"]),
]


@pytest.mark.parametrize(("value", "annotation"), FITTING)
def test_a_value_of_the_annotated_type_is_taken(value, annotation):
    assert fits(value, annotation)
    assert as_annotated("x", value, annotation) == value


@pytest.mark.parametrize(("value", "annotation"), OTHERS)
def test_another_value_is_refused_with_its_name_and_the_type(value, annotation):
    assert not fits(value, annotation)
    with pytest.raises(InvalidArgumentError, match=r"^depth = .* must be of type ") as caught:
        as_annotated("depth", value, annotation)
    assert "collections.abc" not in str(caught.value)


def test_an_integer_becomes_a_float_only_where_no_integer_is_asked_for():
    assert type(as_annotated("x", 3, float | None)) is float
    assert type(as_annotated("x", 3, int | float)) is int


@pytest.mark.parametrize("value", [LARGEST + 1, -(10**30), [1, [2, 10**20]]])
def test_huge_integers_are_refused(value):
    with pytest.raises(InvalidArgumentError, match=r"x = .* must be at most 2,147,483,647"):
        check_integers("x", value)
    check_integers("x", [LARGEST, -LARGEST, 0.5, "x", None])
