"""Whatever stands for an architecture: tuples, texts, options by name, official numbers.

>>> import numpy as np
>>> from nasbench.spaces.nb201 import NB201
>>> space = NB201()
>>> arch = (3, 0, 1, 0, 0, 4)
>>> things = [arch, [*arch], np.array(arch), space.to_text(arch), space.to_configuration(arch)]
>>> {space.read(thing) for thing in [*things, space.to_index(arch)]}
{(3, 0, 1, 0, 0, 4)}
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

import numpy as np

from nasbench.errors import IllegalArchError

_Arch: TypeAlias = tuple[int, ...]
AnyArch: TypeAlias = Any
"""What :meth:`Reading.read` takes: a tuple, list or array of option numbers; a mapping from the
names of decisions to labels or numbers; a text; an official index."""

_INDEX = re.compile("[0-9]{1,18}")


class Reading:
    """The part of a search space that reads; see :class:`nasbench.space.SearchSpace`."""

    name: ClassVar[str]

    def check(self, arch: Sequence[int]) -> _Arch:
        """Return the architecture as a tuple of plain integers."""
        raise NotImplementedError

    def rank(self, arch: _Arch) -> int:
        """Return the position of a tuple in mixed-radix order."""
        raise NotImplementedError

    def unrank(self, rank: int) -> _Arch:
        """Return the tuple with a given rank."""
        raise NotImplementedError

    def from_text(self, text: str) -> _Arch:
        """Read an architecture in the notation of the space."""
        raise NotImplementedError

    def from_configuration(self, configuration: Mapping[str, Any]) -> _Arch:
        """Return the architecture that has the given options."""
        raise NotImplementedError

    def read(self, thing: AnyArch) -> _Arch:
        """Return the architecture that something stands for.

        Args:
            thing: Option numbers as a tuple, list or array; options by the names of their
                decisions, as for :meth:`from_configuration`; the text of :meth:`to_text`; or, in a
                space that has them, an official index, as an integer or its digits.

        Raises:
            IllegalArchError: It is none of these, or not in the space.
        """
        if isinstance(thing, str):
            if self.official_order is not None and _INDEX.fullmatch(thing.strip()):
                return self.from_index(int(thing))
            return self.check(self.from_text(thing))
        if isinstance(thing, int | np.integer) and not isinstance(thing, bool):
            return self.from_index(int(thing))
        if isinstance(thing, Mapping):
            return self.from_configuration(thing)
        return self.check(thing)

    @property
    def official_order(self) -> Sequence[int] | None:
        """Rank of the architecture of every official index; None if the space has no such order."""
        return None

    def from_index(self, index: int) -> _Arch:
        """Return the architecture with an index of the files in which the space was published.

        This is not its rank: see :meth:`unrank` for that, which every space has.

        Raises:
            IllegalArchError: There is no such index, or the space has no official order.
        """
        order = self._numbered(index)
        if not 0 <= index < len(order):
            raise IllegalArchError(f"index {index} is outside 0..{len(order) - 1} of {self.name!r}")
        return self.unrank(order[index])

    def to_index(self, arch: _Arch) -> int:
        """Return the official index of an architecture; the inverse of :meth:`from_index`.

        Raises:
            IllegalArchError: It is not in the space, or the space has no official order.
        """
        self._numbered(arch)
        return self._indices[self.rank(self.check(arch))]

    def _numbered(self, thing: object) -> Sequence[int]:
        if self.official_order is None:
            raise IllegalArchError(
                f"{thing!r:.100}: {self.name!r} has no official order of its architectures, and so "
                "no index; rank and unrank number its tuples"
            )
        return self.official_order

    @cached_property
    def _indices(self) -> dict[int, int]:
        return {rank: index for index, rank in enumerate(self.official_order or ())}
