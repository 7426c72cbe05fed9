"""Benchmarks for tools: one objective and two, rules and none, complete and not, tables and not."""

import pytest

import nasbench
from nasbench.benchmark import Benchmark

LOADED = {
    "nb201-cifar10": {},
    "lite201-digits": {"objectives": ["valid_accuracy", "parameters"]},
    "fcnet-protein": {},
    "darts-fashion": {},
    "darts-fashion-surrogate": {},
    "nbgraph-proteins": {"objectives": ["valid_roc_auc", "parameters"]},
}


@pytest.fixture(params=LOADED, scope="session")
def opened(request: pytest.FixtureRequest) -> Benchmark:
    if request.param.endswith("surrogate"):
        pytest.importorskip("xgboost", reason="needs the extra surrogates")
    return nasbench.load(request.param, **LOADED[request.param])
