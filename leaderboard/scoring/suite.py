"""The searches that a score is made of, and its scale.

Five shipped tables that differ in what makes a search hard: ``nb201-cifar10`` is the cell space
that everybody knows; in ``nb201-imagenet16`` the same cells differ by less than trainings of one
cell do; ``lite201-fashion`` offers shorter trainings and shares results between identical networks;
``fcnet-protein`` has numeric decisions, and an error in place of an accuracy; ``nbgraph-cora`` has
illegal tuples and a wiring as one decision.

The scale is the *validation* regret, since whoever chooses programs by their scores searches, too:
test results stay unseen.
"""

from typing import NamedTuple

from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.benchmarks.instances.instance import Index
from nasbench.benchmarks.loading import load
from nasbench.benchmarks.table_benchmark import TableBenchmark
from nasbench.errors import TableError
from nasbench.splitmix import key

VERSION = 1
"""Goes up whenever the same algorithm would get another score."""

TRIALS = 100
"""Trials of a search."""

SEEDS = 100
"""Searches on a table, unless fewer or more are asked for."""


def seed_of(number: int) -> int:
    """Return the seed of a search; not its number, with which many a program was tuned."""
    return key("score", number) % 2**31


class Question(NamedTuple):
    """A table of the suite.

    Attributes:
        benchmark: Id and version.
        content_hash: Hash of its numbers.
        random_regret: Expected validation regret of random search after :data:`TRIALS` trials with
            drawn training seeds, as :meth:`leaderboard.landscape.Landscape.random_search` computes
            it from order statistics.
    """

    benchmark: str
    content_hash: str
    random_regret: float

    def open(self) -> Index:
        """Open the table that ships with the package.

        Raises:
            UnknownNameError: Its file is missing.
            TableError: It holds other numbers than those that the scale is made for.
        """
        benchmark = load(SHIPPED / f"{self.benchmark.partition('@')[0]}.parquet")
        if not isinstance(benchmark, TableBenchmark) or benchmark.content_hash != self.content_hash:
            raise TableError(
                f"{self.benchmark!r} has the content hash {benchmark.content_hash[:12]}…, not "
                f"{self.content_hash[:12]}…: the scale of the score is not made for it"
            )
        return Index(benchmark)


SUITE = (
    Question(
        "nb201-cifar10@1",
        "cb756cf1159baeaa174d02b91e4518b0c5207a6b323a5565c2e025c4d14bc20a",
        0.6060765028309508,
    ),
    Question(
        "nb201-imagenet16@1",
        "a6dae9450c3ff599b2938f3ffeb79be054bd0b62ad78881783bf8082fd2d1a1f",
        1.5289747255681023,
    ),
    Question(
        "lite201-fashion@1",
        "85d859fc75443c5917dd27f5cd7dd8b5a694a9e3e79ad0ebbe819e2a038809a4",
        0.9497558443979848,
    ),
    Question(
        "fcnet-protein@1",
        "5b84f635e80a92fabb6123ee72cf425f3bbabb4268830fc4c0ec5848af224edc",
        0.030787611098584217,
    ),
    Question(
        "nbgraph-cora@1",
        "d377caa491892d641eb13bdd50f76bf7f0c1b415d49d43c28e9b4a93dce44d13",
        1.1804057063202624,
    ),
)
