"""Leaderboards: what recorded searches found, scored from the records alone.

A *board* ranks algorithms that answered the same question: one benchmark (id, version, content
hash), one objective, one budget, the same workers and replicate policy. A *row* is one record, the
runs of one set-up with many seeds. A *column* is a score of one run, averaged over the seeds. Test
results are joined here, from the benchmark, to the architecture that validation chose; no algorithm
is imported, and none ever saw them.
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
        "simulated_seconds": "leaderboard.scores:simulated_seconds",
    },
)

__all__ = ["COLUMNS"]
