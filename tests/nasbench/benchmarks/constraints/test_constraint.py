"""Constraints as texts."""

import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.constraints.constraint import Constraint
from nasbench.errors import InvalidArgumentError, UnknownNameError


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("parameters<=0.5", "parameters<=0.5"),
        (" parameters  <= 5e5 ", "parameters<=500000"),
        ("latency_gpu_ms>=1_0.250", "latency_gpu_ms>=10.25"),
        ("synflow>=1e30", "synflow>=1e+30"),
        ("grasp<=-0.25", "grasp<=-0.25"),
    ],
)
def test_texts_are_written_in_one_way(text, written):
    constraint = Constraint.parse(text)
    assert str(constraint) == written
    assert Constraint.parse(written) == constraint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("parameters", "'COLUMN>=NUMBER'; a shell needs quotes around < and >"),
        ("parameters<5", "; did you mean 'parameters<=5'?"),
        ("parameters =< 5", "; did you mean 'parameters<=5'?"),
        ("parameters>5", "; did you mean 'parameters>=5'?"),
        ("parameters==5", "'COLUMN>=NUMBER'"),
        ("parameters<>5", "'COLUMN>=NUMBER'"),
        ("1<=parameters<=5", "'COLUMN>=NUMBER'"),
        ("<=5", "'COLUMN>=NUMBER'"),
        ("parameters<=", "'COLUMN>=NUMBER'"),
        ("parameters<=five", ": 'five' is no finite number"),
        ("parameters<=nan", ": 'nan' is no finite number"),
        ("parameters>=-inf", ": '-inf' is no finite number"),
        (5, "'COLUMN>=NUMBER'"),
    ],
)
def test_other_texts_are_refused_with_a_guess(text, hint):
    with pytest.raises(InvalidArgumentError) as caught:
        Constraint.parse(text)
    assert str(caught.value).startswith(f"constraint {text!r}")
    assert str(caught.value).endswith(hint)


def test_the_bound_belongs_to_it_and_a_missing_value_does_not():
    values = np.array([1.0, 2.0, 3.0, np.nan])
    assert Constraint.parse("x<=2").holds(values).tolist() == [True, True, False, False]
    assert Constraint.parse("x>=2").holds(values).tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("constraints", "error", "message"),
    [
        ("parameters<=5", InvalidArgumentError, "must be a list, such as"),
        (
            ["valid_accuracy>=90"],
            InvalidArgumentError,
            "comes out of a training and cannot be constrained before one. Possible: 'parameters'",
        ),
        (["paramters<=5"], UnknownNameError, "did you mean 'parameters'"),
        (["published_string<=5"], UnknownNameError, "no column 'published_string' to be const"),
        (
            ["macs<=5e7", "macs<=6e7"],
            InvalidArgumentError,
            "bound 'macs' twice with <=",
        ),
        (
            ["parameters<=5"],
            InvalidArgumentError,
            "no architecture of 'nb201-cifar10' meets parameters<=5: parameters is 73306 to 153154",
        ),
        (
            ["parameters<=100000", "parameters>=200000"],
            InvalidArgumentError,
            "meets parameters<=100000 and parameters>=200000 together",
        ),
    ],
)
def test_what_no_search_can_keep_to_is_refused(constraints, error, message):
    with pytest.raises(error, match=message):
        nasbench.load("nb201-cifar10", constraints=constraints)


def test_surrogates_have_nothing_to_constrain():
    with pytest.raises(InvalidArgumentError, match="is a surrogate and has no columns"):
        nasbench.load("darts-fashion-surrogate", constraints=["parameters<=300000"])
