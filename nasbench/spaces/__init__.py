"""Search spaces, one per file, by the names that tables use for them."""

from nasbench.registry import Registry

SPACES = Registry(
    "nasbench.spaces",
    "search space",
    {
        "nb101": "nasbench.spaces.nb101:NB101",
        "nb201": "nasbench.spaces.nb201:NB201",
        "nats_size": "nasbench.spaces.nats_size:NATSSize",
        "darts": "nasbench.spaces.darts:Darts",
        "nbmacro": "nasbench.spaces.nbmacro:NBMacro",
        "nbgraph": "nasbench.spaces.nbgraph:NBGraph",
        "fcnet": "nasbench.spaces.fcnet:FCNet",
        "seqmix": "nasbench.spaces.seqmix:SeqMix",
    },
    base="nasbench.space:SearchSpace",
)
