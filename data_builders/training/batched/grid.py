"""The image dimensions of feature rows, and conversion between rows and images."""

from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Grid:
    """Dimensions of the images that rows of features hold.

    Attributes:
        batch: Number of images.
        height: Height in pixels.
        width: Width in pixels.
        channels_last: Whether rows have shape ``(batch * height * width, models, channels)``;
            otherwise ``(batch, models, channels * height * width)``.
    """

    batch: int
    height: int
    width: int
    channels_last: bool

    def halved(self) -> "Grid":
        """Return the grid after 2x2 pooling, which drops the last row and column of odd sides."""
        return replace(self, height=self.height // 2, width=self.width // 2)

    def images(self, rows: Tensor) -> Tensor:
        """Return a view of rows as images, shape ``(batch, models * channels, height, width)``."""
        if self.channels_last:
            x = rows.view(self.batch, self.height, self.width, -1)
            return x.permute(0, 3, 1, 2)
        return rows.view(self.batch, -1, self.height, self.width)

    def rows(self, images: Tensor, models: int) -> Tensor:
        """Return images as rows: the inverse of :meth:`images`, for images in any layout."""
        if self.channels_last:
            x = images.permute(0, 2, 3, 1)
            return x.reshape(self.batch * self.height * self.width, models, -1)
        return images.reshape(self.batch, models, -1)
