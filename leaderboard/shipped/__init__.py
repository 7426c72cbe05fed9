"""The board that ships: compact records, the plan that they follow, and what makes them.

``plan.toml`` says which algorithms run on which benchmarks, with which budgets and seeds;
``records`` holds a file for each, see :mod:`leaderboard.compact`. Whoever adds an algorithm makes
its files with the same command, and no other.
"""

from pathlib import Path

PLAN = Path(__file__).with_name("plan.toml")
"""The plan of the shipped board."""

RECORDS = Path(__file__).with_name("records")
"""Its compact records."""

__all__ = ["PLAN", "RECORDS"]
