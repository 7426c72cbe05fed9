"""Surrogate benchmarks: models fitted to a sample of trainings that answer for a whole space.

Regressors, one per file, implement :mod:`nasbench.regressor`.
"""

from nasbench.registry import Registry

REGRESSORS = Registry(
    "nasbench.regressors",
    "regressor",
    {
        "xgb": "surrogates.regressors.xgb:XGB",
        "ngb": "surrogates.regressors.ngb:NGB",
        "random_forest": "surrogates.regressors.random_forest:RandomForest",
        "svr": "surrogates.regressors.svr:SVR",
        "gaussian_process": "surrogates.regressors.gaussian_process:GaussianProcess",
        "mlp": "surrogates.regressors.mlp:MLP",
        "gin": "surrogates.regressors.gin:GIN",
        "linear": "surrogates.regressors.linear:Linear",
        "knn": "surrogates.regressors.knn:KNN",
        "ensemble": "surrogates.regressors.ensemble:Ensemble",
    },
    base="nasbench.regressor:Regressor",
)
