"""Surrogate benchmarks: models of a sample of trainings that answer for a whole space.

Regressors, one a file, keep the contract of :mod:`nasbench.regressor`.
"""

from nasbench.registry import Registry

REGRESSORS = Registry(
    "nasbench.regressors",
    "regressor",
    {
        "xgb": "surrogates.xgb:XGB",
        "ngb": "surrogates.ngb:NGB",
        "random_forest": "surrogates.random_forest:RandomForest",
        "svr": "surrogates.svr:SVR",
        "gaussian_process": "surrogates.gaussian_process:GaussianProcess",
        "mlp": "surrogates.mlp:MLP",
        "gin": "surrogates.gin:GIN",
        "linear": "surrogates.linear:Linear",
        "knn": "surrogates.knn:KNN",
        "ensemble": "surrogates.ensemble:Ensemble",
    },
)
