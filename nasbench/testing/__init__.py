"""Conformance checks for whoever adds something: call them from a test, they raise AssertionError.

They are what our own spaces, algorithms, benchmarks, importers and regressors have to pass::

    check_space(MySpace())
    check_algorithm(MySearch, nasbench.load("nb201-cifar10"))
    check_benchmark(nasbench.load("my-table.parquet"))
    check_importer(MyImporter(), [Path("my.archive")], work=tmp_path)
    check_regressor(MyRegressor, MySpace(), archs, targets)
"""

from nasbench.testing.algorithms import check_algorithm, trace
from nasbench.testing.benchmarks import check_benchmark
from nasbench.testing.importers import check_importer
from nasbench.testing.regressors import check_regressor
from nasbench.testing.spaces import check_space

__all__ = [
    "check_algorithm",
    "check_benchmark",
    "check_importer",
    "check_regressor",
    "check_space",
    "trace",
]
