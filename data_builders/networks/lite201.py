"""The ``lite201`` skeleton, in which only the NAS-Bench-201 cell mixes pixels non-linearly.

It differs from the skeleton of NAS-Bench-201 in its reductions: 2x2 average pooling, 1x1
convolution, BatchNorm. So the cell, not the skeleton, decides the result.
"""

from torch import nn

from data_builders.networks.skeleton201 import (
    DESCRIPTION,
    Cost,
    Skeleton201,
    batch_norm,
    convolution,
    total,
)


class Lite201(Skeleton201):
    """The skeleton with linear reductions, which drop the last row and column of odd images."""

    description = f"""\
{DESCRIPTION}. Reduction: 2x2 average pooling (an odd last row or column is dropped), 1x1 \
convolution, BatchNorm; names reductions.<0 or 1>.1.weight (the kernel), .2.weight, .2.bias"""

    @staticmethod
    def reduction(channels: int) -> nn.Module:
        return nn.Sequential(
            nn.AvgPool2d(2),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
            nn.BatchNorm2d(2 * channels),
        )

    @staticmethod
    def halved(side: int) -> int:
        return side // 2

    @staticmethod
    def reduction_cost(channels: int, before: int, after: int) -> Cost:
        return total(
            [convolution(channels, 2 * channels, 1, after, after), batch_norm(2 * channels, after)]
        )
