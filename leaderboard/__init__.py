"""Leaderboards: rankings of recorded searches, scored from the records alone.

A *board* ranks searches that answer the same question: one benchmark (id, version, content hash),
one objective, one budget, and the same workers and replicate policy. Searches with trials of
several lengths are ranked by what they cost, never by their number of trials. A *row* is one
record: the runs of one set-up with many seeds. A *column* is a score of one run, averaged over the
seeds. Test results are joined here, from the benchmark, for the architecture that validation chose.
No algorithm is imported, and none ever saw test results.
"""

from nasbench.registry import Registry

COLUMNS = Registry(
    "nasbench.leaderboard_columns",
    "leaderboard column",
    {
        "regret": "leaderboard.columns:regret",
        "validation_regret": "leaderboard.columns:validation_regret",
        "final_value": "leaderboard.columns:final_value",
        "normalised_regret": "leaderboard.columns:normalised_regret",
        "anytime_area": "leaderboard.columns:anytime_area",
        "targets_reached": "leaderboard.columns:targets_reached",
        "optimum_found": "leaderboard.columns:optimum_found",
        "evaluations": "leaderboard.columns:evaluations",
        "epochs": "leaderboard.columns:epochs",
        "simulated_seconds": "leaderboard.columns:simulated_seconds",
    },
)

__all__ = ["COLUMNS"]
