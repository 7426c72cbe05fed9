"""Architectures as pictures: layout and SVG, from the graphs of their spaces alone.

>>> from nasbench.drawing import draw
>>> from nasbench.spaces.nb201 import NB201
>>> picture = draw(NB201(), (3, 3, 4, 1, 3, 1))
>>> picture.startswith("<svg "), picture.count("nor_conv_3x3") > 3
(True, True)
"""

from nasbench.drawing.pictures import Picture, pictures
from nasbench.drawing.svg import draw

__all__ = ["Picture", "draw", "pictures"]
