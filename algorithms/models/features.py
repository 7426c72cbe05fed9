"""Features of architectures for trees: options as columns, or ordered ones as numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nasbench.encodings import one_hot, unit_cube
from nasbench.space import Arch, SearchSpace


def mixed(space: SearchSpace, archs: Sequence[Arch]) -> NDArray[np.float32]:
    """Encode categorical decisions with a column an option, the others as one number in [0, 1].

    Args:
        space: The search space.
        archs: ``n`` architectures.

    Returns:
        Numbers of shape ``(n, columns)``: the columns of :func:`nasbench.encodings.one_hot` of
        categorical decisions, then those of :func:`nasbench.encodings.unit_cube` of the others.
    """
    categorical = np.array([decision.kind == "categorical" for decision in space.decisions])
    options = one_hot(space, archs)[:, np.repeat(categorical, space.options)]
    return np.hstack((options, unit_cube(space, archs)[:, ~categorical]))
