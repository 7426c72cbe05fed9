"""The Hessian of the validation loss in the architecture parameters.

Zela, Elsken, Saikia, Marrakchi, Brox and Hutter (2020), https://arxiv.org/abs/1909.09656: its
dominant eigenvalue tells when DARTS begins to fail.
"""

import torch
from torch import Tensor

from algorithms.oneshot.one_shot_search import DivergedError


def hessian(loss: Tensor, parameters: Tensor) -> Tensor:
    """Return the exact second derivatives of a loss, shape ``(n, n)``, by ``n`` backward passes.

    Args:
        loss: A differentiable loss of the parameters.
        parameters: A tensor of ``n`` numbers.
    """
    (gradient,) = torch.autograd.grad(loss, [parameters], create_graph=True)
    rows = [
        torch.autograd.grad(slope, [parameters], retain_graph=True)[0].flatten()
        for slope in gradient.flatten()
    ]
    return torch.stack(rows)


def dominant_eigenvalue(loss: Tensor, parameters: Tensor) -> float:
    """Return the largest eigenvalue of the Hessian of a loss.

    Raises:
        DivergedError: A second derivative is no finite number.
    """
    matrix = hessian(loss, parameters).double()
    if not bool(matrix.isfinite().all()):
        raise DivergedError
    return float(torch.linalg.eigvalsh(0.5 * (matrix + matrix.T))[-1])
