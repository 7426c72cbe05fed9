"""Search spaces, one a file, named as in the tables' metadata."""

from nasbench.registry import Registry

SPACES = Registry("nasbench.spaces", "search space", {"nb201": "nasbench.spaces.nb201:NB201"})
