import numpy as np
import pytest

import nasbench
from nasbench.errors import IllegalArchError, NotRecordedError

pytest.importorskip("pymoo", reason="needs the extra pymoo")

from pymoo.algorithms.moo.nsga2 import NSGA2
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.repair.rounding import RoundingRepair
from pymoo.operators.sampling.rnd import IntegerRandomSampling
from pymoo.optimize import minimize

from nasbench.tools.pymoo import Problem


def nsga2():
    return NSGA2(
        pop_size=12,
        sampling=IntegerRandomSampling(),
        crossover=SBX(vtype=float, repair=RoundingRepair()),
        mutation=PM(vtype=float, repair=RoundingRepair()),
    )


def test_solutions_have_the_losses_of_their_architectures(opened):
    problem = Problem(opened)
    found = minimize(problem, nsga2(), ("n_gen", 4), seed=1)
    for x, losses in zip(found.pop.get("X"), found.pop.get("F"), strict=True):
        arch = problem.arch(x)
        assert arch in opened.space
        assert losses.tolist() == list(opened.evaluate(arch).losses)


def test_variables_are_integers_within_the_options(opened):
    problem = Problem(opened)
    assert problem.xl.tolist() == [0] * problem.n_var
    assert (problem.xu + 1).tolist() == list(opened.space.options)
    assert (problem.n_obj, problem.vtype) == (len(opened.objectives), int)


def test_losses_of_all_cells_are_those_of_the_table():
    benchmark = nasbench.load("lite201-digits", objectives=["valid_accuracy", "parameters"])
    cells = np.array(list(benchmark.space.archs()))
    losses = Problem(benchmark).evaluate(cells)
    expected = np.stack([benchmark.query_many(cells, n) for n in benchmark.objectives], axis=1)
    expected[:, 0] = 100 - expected[:, 0]
    assert np.allclose(losses, expected)


def test_variables_between_integers_are_rounded(toy, archs):
    problem = Problem(toy, epoch=2, seed=1)
    x = np.array(archs[3]) + np.array([0.4, -0.4, 0.2, -0.1, 0, 0.3])
    assert problem.arch(x) == archs[3]
    assert problem.evaluate(x[None]).tolist() == [[100 - (10 * 3 + 2 + 2)]]


def test_variables_that_are_no_numbers_are_refused(toy):
    with pytest.raises(IllegalArchError, match="are no variables of"):
        Problem(toy).arch(["a"] * 6)


@pytest.mark.parametrize("x", [[5, 0, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0], [0, 0], [np.nan] * 6])
def test_variables_out_of_bounds_are_refused(toy, x):
    with pytest.raises(IllegalArchError, match="variables"):
        Problem(toy).arch(np.array(x))


def test_without_an_objective_there_is_no_problem(toy_files):
    with pytest.raises(NotRecordedError):
        Problem(nasbench.load(toy_files["no_validation"]))
