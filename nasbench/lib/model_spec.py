"""Cells of NAS-Bench-101, see :mod:`nasbench.api`."""

from nasbench.compat.nasbench101.model_spec import ModelSpec, is_upper_triangular

__all__ = ["ModelSpec", "is_upper_triangular"]
