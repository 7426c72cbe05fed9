"""Graphs of NAS-Bench-101, see :mod:`nasbench.api`."""

from nasbench.compat.nasbench101.graph_util import (
    gen_is_edge_fn,
    hash_module,
    is_full_dag,
    is_isomorphic,
    num_edges,
    permute_graph,
)

__all__ = [
    "gen_is_edge_fn",
    "hash_module",
    "is_full_dag",
    "is_isomorphic",
    "num_edges",
    "permute_graph",
]
