"""The ``nb201`` skeleton: that of NAS-Bench-201, with residual blocks between the stages.

The published tables are C = 16 with 5 cells a stage. Dong and Yang (2020),
https://openreview.net/forum?id=HJxyZkBKDr
"""

from torch import Tensor, nn

from data_builders.networks.skeleton201 import (
    Cost,
    ReluConvBatchNorm,
    Skeleton201,
    batch_norm,
    convolution,
    total,
)


class ResidualReduction(nn.Module):
    """Two 3x3 convolutions, the first with stride 2, beside 2x2 average pooling and a 1x1 one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ReluConvBatchNorm(channels, 2 * channels, 3, stride=2)
        self.second = ReluConvBatchNorm(2 * channels, 2 * channels, 3)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),  # rounds up as a stride does
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Features at half the resolution, rounded up, of twice the channels."""
        return self.shortcut(x) + self.second(self.first(x))  # type: ignore[no-any-return]


class NB201Network(Skeleton201):
    """The published skeleton around the live edges of a cell.

    The published networks also have the dead convolutions, which add nothing unless one is fed by
    zeros alone: its BatchNorm then learns a shift, which is left out here.
    """

    @staticmethod
    def reduction(channels: int) -> nn.Module:
        return ResidualReduction(channels)

    @staticmethod
    def halved(side: int) -> int:
        return (side + 1) // 2

    @staticmethod
    def reduction_cost(channels: int, before: int, after: int) -> Cost:
        wide = 2 * channels
        return total(
            [
                convolution(channels, wide, 3, before, after),
                batch_norm(wide, after),
                convolution(wide, wide, 3, after, after),
                batch_norm(wide, after),
                convolution(channels, wide, 1, after, after),
            ]
        )
