"""A drop-in for google-research/nasbench, on tables of NAS-Bench-101 and without TensorFlow.

``from nasbench import api`` and the rest of a script stay as they are (Ying et al., 2019,
https://arxiv.org/abs/1902.09635, https://github.com/google-research/nasbench). New code had better
ask :func:`nasbench.load`, whose answers depend on nothing but the question.
"""

from nasbench.compat.nasbench101.benchmark import NASBench
from nasbench.compat.nasbench101.model_spec import ModelSpec, OutOfDomainError, UnknownModuleError

__all__ = ["ModelSpec", "NASBench", "OutOfDomainError", "UnknownModuleError"]
