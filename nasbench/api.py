"""A drop-in for google-research/nasbench that answers from tables and needs no TensorFlow.

Scripts that use ``from nasbench import api`` run unchanged (Ying et al., 2019,
https://arxiv.org/abs/1902.09635, https://github.com/google-research/nasbench). New code should use
:func:`nasbench.load`, whose answers depend only on the question.
"""

from nasbench.compat.nasbench101.benchmark import NASBench
from nasbench.compat.nasbench101.model_spec import ModelSpec, OutOfDomainError, UnknownModuleError

__all__ = ["ModelSpec", "NASBench", "OutOfDomainError", "UnknownModuleError"]
