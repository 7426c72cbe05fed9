"""Zero-cost scores: predictors of accuracy from an untrained network and one batch of images.

The definitions follow the comparison of Abdelfattah et al. (2021),
https://arxiv.org/abs/2101.08134; those of NWOT and Zen follow their own papers.
``docs/scores.md`` lists where these definitions depart from the papers that proposed the scores.
For every score, more is better. "Weights" are the weights of convolutions and linear layers, the
loss is the mean cross-entropy of the batch, and BatchNorm uses batch statistics unless a score says
otherwise.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from nasbench import splitmix

RIDGE = 1e-5
NOISE = 0.01


@dataclass(frozen=True, slots=True)
class Score:
    """A zero-cost score.

    Attributes:
        compute: Takes an untrained network in training mode, which it may change, images of shape
            ``(batch, channels, height, width)`` and labels of shape ``(batch,)``. Returns NaN where
            the score is undefined.
        description: Description of the column in a table.
    """

    compute: Callable[[nn.Module, Tensor, Tensor], float]
    description: str


def synflow(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return synflow, sum of w dR/dw: Tanaka et al. (2020), https://arxiv.org/abs/2006.05467.

    R is the sum of the logits for one image of ones after every parameter is replaced by its
    absolute value. BatchNorm is in evaluation mode, where an untrained one divides by
    sqrt(1 + 1e-5).
    """
    network.eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    weights = _weights(network)
    return _dot(weights, grad(network(torch.ones_like(x[:1])).sum(), weights))


def nwot(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return NWOT, log |det K|: Mellor et al. (2021), https://arxiv.org/abs/2006.04647.

    For each pair of images, K counts the ReLU inputs that are positive for both or for neither.
    """
    kernel = np.zeros((len(x), len(x)))
    for before, _ in _relu_calls(network, x):
        codes = (before > 0).flatten(1).to(torch.float64).numpy()
        kernel += codes @ codes.T + (1 - codes) @ (1 - codes).T
    if np.linalg.matrix_rank(kernel) < len(x):
        return np.nan
    return float(np.linalg.slogdet(kernel).logabsdet)


def jacob_cov(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return jacob_cov: Mellor et al. (2020), first version of https://arxiv.org/abs/2006.04647.

    The score is ``-sum(log(v + k) + 1 / (v + k))`` with k = 1e-5. v are the eigenvalues of the
    correlation matrix of the input gradients (one per image) of the sum of all logits.
    """
    x = x.clone().requires_grad_()
    (gradient,) = grad(network(x).sum(), [x])
    rows = gradient.flatten(1).numpy()
    rows = rows - rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    if not norms.all():
        return np.nan
    rows = rows / norms
    v = np.linalg.eigvalsh(rows @ rows.T) + RIDGE
    return float(-(np.log(v) + 1 / v).sum())


def grad_norm(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the loss gradient's norm, summed over layers: Abdelfattah et al. (2021)."""
    loss = F.cross_entropy(network(x), y)
    return sum(g.square().sum().sqrt().item() for g in grad(loss, _weights(network)))


def snip(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return SNIP, sum of |w dL/dw|: Lee et al. (2019), https://arxiv.org/abs/1810.02340."""
    weights = _weights(network)
    gradients = grad(F.cross_entropy(network(x), y), weights)
    return sum((w * g).abs().sum().item() for w, g in zip(weights, gradients, strict=True))


def grasp(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return GraSP, -w H g: Wang et al. (2020), https://arxiv.org/abs/2002.07376.

    g is the gradient and H the Hessian of the loss with respect to the weights.
    """
    weights = _weights(network)
    loss = F.cross_entropy(network(x), y)
    gradients = grad(loss, weights, create_graph=True)
    product = torch.stack([(g.detach() * g).sum() for g in gradients]).sum()
    return -_dot(weights, grad(product, weights))


def fisher(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return Fisher: Turner et al. (2020), https://arxiv.org/abs/1906.04113.

    After Theis et al. (2018). For each output channel a of convolutions and linear layers, take
    half the mean over images of (sum over pixels of a dL/da) squared; the score sums over channels.
    """
    outputs: list[Tensor] = []

    def record(_: nn.Module, __: Any, output: Tensor) -> None:
        outputs.append(output)

    for layer in _layers(network):
        layer.register_forward_hook(record)
    loss = F.cross_entropy(network(x), y)
    products = [a * g for a, g in zip(outputs, grad(loss, outputs), strict=True)]
    channels = [p.sum(dim=tuple(range(2, p.dim()))) if p.dim() > 2 else p for p in products]
    return sum(0.5 * c.square().mean(dim=0).sum().item() for c in channels)


@torch.no_grad()
def zen(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return Zen: Lin et al. (2021), https://arxiv.org/abs/2102.01063.

    The score is log E ‖f(z) - f(z + 0.01 e)‖ plus, for each BatchNorm, the log of the root mean
    square of its standard deviations at z. f is the output of the last ReLU, which only a mean and
    a linear layer follow; z and e are Gaussian and the same for all networks. All weights are first
    scaled to mean square 1.
    """
    for weight in _weights(network):
        weight.div_(weight.square().mean().sqrt())
    z, e = (_gaussian(name, x) for name in ("input", "noise"))
    variances: list[Tensor] = []

    def record(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        variances.append(inputs[0].var(dim=(0, 2, 3), correction=0).mean())

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(record) for norm in norms]
    features = _relu_calls(network, z)[-1][1]
    for hook in hooks:
        hook.remove()
    difference = (features - _relu_calls(network, z + NOISE * e)[-1][1]).flatten(1)
    factors = torch.stack([difference.norm(dim=1).mean(), *(v.sqrt() for v in variances)])
    return factors.log().sum().item() if factors.all() else np.nan


class _ReluCalls(TorchFunctionMode):
    """Records inputs and outputs of every ReLU, however it is called.

    Attributes:
        calls: Pairs of input and output, in call order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        if func in (F.relu, torch.relu, Tensor.relu):
            self.calls.append((args[0], output))
        return output


@torch.no_grad()
def _relu_calls(network: nn.Module, x: Tensor) -> list[tuple[Tensor, Tensor]]:
    recorder = _ReluCalls()
    with recorder:
        network(x)
    return recorder.calls


def _layers(network: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def _weights(network: nn.Module) -> list[Tensor]:
    return [layer.weight for layer in _layers(network)]


def _dot(left: Iterable[Tensor], right: Iterable[Tensor]) -> float:
    return sum((a * b).sum().item() for a, b in zip(left, right, strict=True))


def _gaussian(name: str, like: Tensor) -> Tensor:
    """Return standard normal numbers that depend only on the name and the shape."""
    u = splitmix.uniform(splitmix.key("zen", name), like.numel())
    return torch.from_numpy(ndtri(u + 2.0**-54)).reshape(like.shape).to(like)


SCORES: Mapping[str, Score] = {
    "synflow": Score(
        synflow,
        "sum of w dR/dw, R the logits of an image of ones in the network of absolute values",
    ),
    "nwot": Score(
        nwot,
        "log |det| of the kernel of equal ReLU signs of two images; null where it is singular, as "
        "for two images with the same signs",
    ),
    "jacob_cov": Score(
        jacob_cov,
        "-sum(log(v + 1e-5) + 1 / (v + 1e-5)) over the eigenvalues v of the correlation matrix of "
        "the images' input gradients; null where an image's gradient is constant",
    ),
    "snip": Score(snip, "sum of |w dL/dw|"),
    "grasp": Score(grasp, "-w H g, g and H gradient and Hessian of the loss"),
    "fisher": Score(
        fisher,
        "sum over the channels a of all convolutions and linear layers of half the mean over the "
        "images of (sum over the pixels of a dL/da) squared",
    ),
    "grad_norm": Score(grad_norm, "sum over the layers of the norm of the loss's gradient"),
    "zen": Score(
        zen,
        "log of the change of the last features under noise, plus the logs of BatchNorm's standard "
        "deviations, at unit weights; null where features or deviations are 0",
    ),
}


def is_score(name: str) -> bool:
    """Return whether a column holds a score or the seconds of a score."""
    return name.removesuffix("_seconds") in SCORES
