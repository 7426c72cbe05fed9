"""Objects that the core takes from the packages above it, by name and imported on demand."""

from nasbench.registry import Registry

SIBLINGS = Registry(
    "nasbench.siblings",
    "part of the suite",
    {
        "algorithms": "algorithms:ALGORITHMS",
        "backends": "data_builders.builds.workers:BACKENDS",
        "blueprint": "data_builders.blueprint:Blueprint",
        "boards": "leaderboard.scores:rank",
        "columns": "leaderboard.site.formatting:columns",
        "explorer": "leaderboard.explorer.pages:build",
        "export": "data_builders.export:export",
        "fetch": "data_builders.images.fetch:fetch",
        "build": "data_builders.builds.build:Build",
        "importers": "data_builders:IMPORTERS",
        "nats_pickle": "data_builders.importers.nats.files:load",
        "networks": "data_builders:NETWORKS",
        "fit": "surrogates.fit:fit",
        "noise": "data_builders.studies.noise:noise_table",
        "number": "leaderboard.site.formatting:number",
        "outcome": "leaderboard.outcome:outcome",
        "pilot": "data_builders.studies.pilot:pilot_table",
        "plan": "data_builders.plan:load_plan",
        "plans": "data_builders.plan:shipped",
        "precision": "data_builders.studies.precision:precision_table",
        "ranks": "data_builders.studies.score_ranks:rank_table",
        "regressors": "surrogates:REGRESSORS",
        "scores": "data_builders.builds.score_table:write_scores",
        "site": "leaderboard.site.build:build",
        "site_place": "leaderboard.site.build:check_place",
        "spaces": "nasbench.spaces:SPACES",
        "trajectories": "data_builders.builds.trajectories:write_trajectories",
        "tune": "surrogates.tune:tune",
    },
)
