"""Devices, and how PyTorch computes on them: on one thread, and reproducibly."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from nasbench.errors import InvalidArgumentError, one_of

DEVICES = ("cpu", "cuda")


def check_device(device: str) -> None:
    """Raise InvalidArgumentError unless the device is ``cpu``, or ``cuda`` with a GPU present."""
    if device not in DEVICES:
        raise InvalidArgumentError(f"device = {device!r}{one_of(device, DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise InvalidArgumentError("device = 'cuda', but PyTorch finds no GPU; possible is 'cpu'")


def features_of(weights: torch.dtype, device: str) -> torch.dtype:
    """Return the type of features beside weights: bfloat16 beside float32 on a GPU, else theirs."""
    low = torch.device(device).type == "cuda" and weights == torch.float32
    return torch.bfloat16 if low else weights


@contextmanager
def one_thread() -> Iterator[None]:
    """Run PyTorch on one thread, as for everything that is trained, timed or scored."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def reproducible() -> Iterator[None]:
    """Use deterministic GPU kernels that accumulate in float32 or better.

    https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.deterministic, matmul.allow_bf16_reduced_precision_reduction
    cudnn.deterministic, matmul.allow_bf16_reduced_precision_reduction = True, False
    try:
        yield
    finally:
        cudnn.deterministic, matmul.allow_bf16_reduced_precision_reduction = before
