"""Leaderboards: rankings of recorded searches, scored from the records alone.

A *board* ranks searches that answer the same question: one benchmark (id, version, content hash),
one objective, one budget, and the same workers and replicate policy. Searches with trials shorter
than a full training are compared by what they cost, never by their number of trials. A *row* is one
record: the runs of one set-up with many seeds. A *column* is a score of one run, averaged over the
seeds. Test results are joined here, from the benchmark, for the architecture that validation chose.
No algorithm is imported, and none ever saw test results.
"""

from nasbench.registry import Registry

COLUMNS = Registry(
    "nasbench.leaderboard_columns",
    "leaderboard column",
    {
        "regret": "leaderboard.scores:regret",
        "validation_regret": "leaderboard.scores:validation_regret",
        "final_value": "leaderboard.scores:final_value",
        "normalised_regret": "leaderboard.scores:normalised_regret",
        "anytime_area": "leaderboard.scores:anytime_area",
        "evaluations": "leaderboard.scores:evaluations",
        "epochs": "leaderboard.scores:epochs",
        "simulated_seconds": "leaderboard.scores:simulated_seconds",
    },
)

__all__ = ["COLUMNS"]
