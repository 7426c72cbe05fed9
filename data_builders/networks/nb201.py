"""The ``nb201`` skeleton: that of NAS-Bench-201, with residual blocks between the stages.

The published tables use C = 16 and 5 cells per stage. Dong and Yang (2020),
https://openreview.net/forum?id=HJxyZkBKDr
"""

from torch import Tensor, nn

from data_builders.networks.skeleton201 import (
    DESCRIPTION,
    Cost,
    ReluConvBatchNorm,
    Skeleton201,
    batch_norm,
    convolution,
    total,
)


class ResidualReduction(nn.Module):
    """Two 3x3 convolutions, the first of stride 2, and a shortcut: 2x2 average pooling, 1x1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ReluConvBatchNorm(channels, 2 * channels, 3, stride=2)
        self.second = ReluConvBatchNorm(2 * channels, 2 * channels, 3)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),  # rounds up, as stride 2 does
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features with half the resolution, rounded up, and twice the channels."""
        return self.shortcut(x) + self.second(self.first(x))  # type: ignore[no-any-return]


class NB201Network(Skeleton201):
    """The published skeleton around the live edges of a cell.

    The published networks also build dead convolutions. Those contribute nothing, except one whose
    input is always zero: its BatchNorm learns a shift, which this network leaves out.
    """

    description = f"""\
{DESCRIPTION}. Reduction: nor_conv_3x3 with stride 2 that doubles the channels, then nor_conv_3x3, \
plus a shortcut: 2x2 average pooling (odd sides are rounded up), 1x1 convolution without norm; \
names reductions.<0 or 1>.first and .second with .conv.weight, .norm.weight and .norm.bias, and \
.shortcut.1.weight"""

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
