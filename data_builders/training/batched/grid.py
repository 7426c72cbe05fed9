"""The images behind rows of features, and the way between the two."""

from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Grid:
    """The images behind rows.

    Attributes:
        batch: Number of images.
        height: Pixels.
        width: Pixels.
        channels_last: Whether rows are ``(batch * height * width, models, channels)``, or
            ``(batch, models, channels * height * width)``.
    """

    batch: int
    height: int
    width: int
    channels_last: bool

    def halved(self) -> "Grid":
        """After a 2x2 pooling, which drops the last row and column of odd sides."""
        return replace(self, height=self.height // 2, width=self.width // 2)

    def images(self, rows: Tensor) -> Tensor:
        """View of rows as images, shape ``(batch, models * channels, height, width)``."""
        if self.channels_last:
            x = rows.view(self.batch, self.height, self.width, -1)
            return x.permute(0, 3, 1, 2)
        return rows.view(self.batch, -1, self.height, self.width)

    def rows(self, images: Tensor, models: int) -> Tensor:
        """The inverse of :meth:`images`, for images in any layout."""
        if self.channels_last:
            x = images.permute(0, 2, 3, 1)
            return x.reshape(self.batch * self.height * self.width, models, -1)
        return images.reshape(self.batch, models, -1)
