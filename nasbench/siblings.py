"""Objects that the core takes from the packages above it, by name and imported on demand."""

from nasbench.registry import Registry

SIBLINGS = Registry(
    "nasbench.siblings",
    "part of the suite",
    {
        "algorithms": "algorithms:ALGORITHMS",
        "backends": "data_builders.builds.workers:BACKENDS",
        "boards": "leaderboard.scores:rank",
        "columns": "leaderboard.site.formatting:columns",
        "fetch": "data_builders.images.fetch:fetch",
        "build": "data_builders.builds.build:Build",
        "importers": "data_builders:IMPORTERS",
        "networks": "data_builders:NETWORKS",
        "fit": "surrogates.fit:fit",
        "plan": "data_builders.plan:load_plan",
        "plans": "data_builders.plan:shipped",
        "regressors": "surrogates:REGRESSORS",
        "site": "leaderboard.site.build:build",
        "spaces": "nasbench.spaces:SPACES",
    },
)
