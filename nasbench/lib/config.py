"""The configuration of NAS-Bench-101, see :mod:`nasbench.api`."""

from nasbench.compat.nasbench101.config import build_config

__all__ = ["build_config"]
