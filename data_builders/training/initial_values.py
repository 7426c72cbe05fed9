"""Initial values as functions of (seed, class, site), whatever the machine and the batch."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nasbench import splitmix
from nasbench.space import Arch


def initial_value(site: str, shape: Sequence[int], arch: Arch, seed: int) -> NDArray[np.float64]:
    """Return the initial value of a parameter for (seed, class, site).

    The site is the parameter's name. Convolutions: uniform with standard deviation sqrt(2 / fan-in)
    (He et al., 2015, https://arxiv.org/abs/1502.01852). Linear weights: uniform in
    ±1/sqrt(fan-in). Scales are 1 and shifts 0.
    """
    if len(shape) == 1:
        return np.full(shape, 1.0 if site.endswith("weight") else 0.0)
    name_of_class = ("" if max(arch, default=0) < 10 else "-").join(map(str, arch))
    bound = math.sqrt((6.0 if len(shape) == 4 else 1.0) / math.prod(shape[1:]))
    u = splitmix.uniform(splitmix.key("init", seed, name_of_class, site), math.prod(shape))
    return ((2.0 * u - 1.0) * bound).reshape(shape)


def initialise(network: nn.Module, arch: Arch, seed: int) -> None:
    """Set every parameter to its :func:`initial_value`."""
    with torch.no_grad():
        for site, parameter in network.named_parameters():
            value = initial_value(site, parameter.shape, arch, seed)
            parameter.copy_(torch.from_numpy(value))
