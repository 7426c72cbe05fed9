"""Search algorithms, one a file, named as in the records.

Each keeps the contract of :mod:`nasbench.algorithm`: it sees the space and what it is told, no
table, no test score, no clock.
"""

from nasbench.registry import Registry

ALGORITHMS = Registry(
    "nasbench.algorithms",
    "algorithm",
    {
        "random_search": "algorithms.random_search:RandomSearch",
        "local_search": "algorithms.local_search:LocalSearch",
        "regularized_evolution": "algorithms.regularized_evolution:RegularizedEvolution",
    },
)
