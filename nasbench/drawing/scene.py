"""Where the parts of a drawing are, whatever is written on them."""

from dataclasses import dataclass
from typing import NamedTuple

BOX_HEIGHT = 28
DOT = 11
"""Radius of a circle."""


class Box(NamedTuple):
    """A box, or a circle if it is as wide as high, with the label of a node.

    Attributes:
        x: Of its centre.
        y: Of its centre.
        width: Width; :data:`DOT` times two for a circle.
        node: Number of the node in its graph; -1 for a place where signals are added.
    """

    x: int
    y: int
    width: int
    node: int


class Line(NamedTuple):
    """A line from one box to the next.

    Attributes:
        path: What it looks like, in the language of SVG paths, with its head if it has one.
        node: Number of the node that it belongs to; -1 for none.
    """

    path: str
    node: int = -1


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawing without colours and words.

    Attributes:
        width: Width in pixels.
        height: Height in pixels.
        boxes: The boxes, above the lines.
        lines: The lines.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def arrow(x: int, y: int) -> str:
    """The head of a line that ends at a point from above."""
    return f"M{x - 4} {y - 7}L{x} {y}L{x + 4} {y - 7}"
