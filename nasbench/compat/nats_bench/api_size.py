"""The size space of NATS-Bench."""

from nasbench.compat.nats_bench.benchmark import NATSBench
from nasbench.compat.nats_bench.records import SIZE
from nasbench.compat.nats_bench.report import print_information

__all__ = ["ALL_BASE_NAMES", "NATSsize", "print_information"]

ALL_BASE_NAMES = [SIZE.archive]


class NATSsize(NATSBench):
    """The size space: 32,768 settings of five numbers of channels."""

    family = SIZE
