"""Labelled images: digests, and downscaling by box means."""

import hashlib
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Images:
    """Images with labels.

    Attributes:
        x: Pixels, ``uint8`` of shape ``(n, height, width, channels)``.
        y: Labels 0, 1, …, ``int64`` of shape ``(n,)``.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]

    def digests(self) -> list[bytes]:
        """Return the SHA-256 of label byte and pixels of every image."""
        return [
            hashlib.sha256(bytes([y]) + x.tobytes()).digest()
            for x, y in zip(self.x, self.y.tolist(), strict=True)
        ]

    def digest(self) -> str:
        """Return the SHA-256 of the sorted digests, as 64 hex digits; order does not matter."""
        return hashlib.sha256(b"".join(sorted(self.digests()))).hexdigest()

    def take(self, indices: NDArray[np.int64]) -> "Images":
        """Return the images with these indices, in their order."""
        return Images(self.x[indices], self.y[indices])


def box_mean(x: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the mean of every ``side`` x ``side`` square of pixels, rounded half up.

    Args:
        x: Pixels, shape ``(n, height, width, channels)``.
        side: Side of a square in pixels.

    Returns:
        Pixels, shape ``(n, height / side, width / side, channels)``.

    Raises:
        InvalidArgumentError: ``side`` does not divide height and width.
    """
    if side == 1:
        return x
    n, height, width, channels = x.shape
    if height % side or width % side:
        raise InvalidArgumentError(
            f"box_mean = {side} does not divide images of {height}x{width} pixels"
        )
    area = side * side
    total = np.full((n, height // side, width // side, channels), area // 2, dtype=np.uint32)
    for row, column in product(range(side), repeat=2):
        total += x[:, row::side, column::side]
    mean: NDArray[np.uint8] = (total // area).astype(np.uint8)
    return mean
