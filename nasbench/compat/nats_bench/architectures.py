"""The numbering of the architectures of NATS-Bench, and which of them count as loaded."""

import random
import time
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from nasbench.compat.nats_bench.records import Family, Records
from nasbench.compat.nats_bench.sources import open_tables
from nasbench.compat.nats_bench.trainings import NoAnswerError
from nasbench.errors import InvalidArgumentError


def time_string() -> str:
    """Return the time of day in Greenwich, as ``[2020-08-31 12:00:00]``."""
    return time.strftime("[%Y-%m-%d %X]", time.gmtime())


class Architectures:
    """The architectures of a search space of NATS-Bench, by official index.

    Args:
        file_path_or_dict: As in :func:`nasbench.compat.nats_bench.create`.
        fast_mode: As in ``create``.
        verbose: As in ``create``.

    Attributes:
        family: The search space.
        evaluated_indexes: Architectures that count as loaded.
        filename: Last part of the given path.
        verbose: Whether to print a line about every call.

    Raises:
        InvalidArgumentError: There is no such file or folder, or a dict is given.
        UnknownNameError: There are no tables.
        TableError: A table is damaged, or is not one of NATS-Bench.
        ArchiveError: The archive is damaged.
    """

    family: ClassVar[Family]

    def __init__(
        self,
        file_path_or_dict: str | Path | None = None,
        fast_mode: bool = False,
        verbose: bool = True,
    ) -> None:
        path = file_path_or_dict
        if path is not None and not isinstance(path, str | Path):
            raise InvalidArgumentError(
                f"give the path of the archive, not the {type(path).__name__} read from it: the "
                "answers come from tables"
            )
        self._records = Records(self.family, open_tables(path, self.family))
        self._fast_mode = fast_mode
        self._archive_dir = str(path) if fast_mode and path is not None else None
        self.evaluated_indexes: set[int] = set()
        if not fast_mode:
            self.evaluated_indexes |= self._recorded
        self.filename = None if path is None else Path(path).name
        self.verbose = verbose

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> str:
        return self.meta_archs[index]

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self.evaluated_indexes)}/{len(self)} architectures, "
            f"fast_mode={self.fast_mode}, file={self.filename})"
        )

    @property
    def meta_archs(self) -> list[str]:
        """Text of every architecture, by index."""
        return self._records.archs

    @property
    def archstr2index(self) -> dict[str, int]:
        """Index of every architecture, by text."""
        return self._records.positions

    @property
    def avaliable_hps(self) -> list[str]:
        """Recipes of the architectures that count as loaded."""
        loaded, of = self._loaded(), self._records.of
        return [hp for hp in self.family.recipes if any(of(index, hp) for index in loaded)]

    @property
    def search_space_name(self) -> str:
        """``"topology"`` or ``"size"``."""
        return self.family.name

    @property
    def full_train_epochs(self) -> int:
        """Number of epochs of the longest recipe."""
        return max(self.family.recipes.values())

    @property
    def full_epochs_in_paper(self) -> int:
        """Number of epochs of the longest recipe."""
        return self.full_train_epochs

    @property
    def is_size(self) -> bool:
        """Whether this is the size space."""
        return self.family.name == "size"

    @property
    def is_topology(self) -> bool:
        """Whether this is the topology space."""
        return not self.is_size

    @property
    def fast_mode(self) -> bool:
        """Whether architectures count as loaded only after the first question about them."""
        return self._fast_mode

    def reset_fast_mode(self, fast_mode: bool) -> None:
        """Set :attr:`fast_mode`."""
        self._fast_mode = fast_mode

    @property
    def archive_dir(self) -> str | None:
        """The folder given in fast mode."""
        return self._archive_dir

    def reset_archive_dir(self, archive_dir: str | None) -> None:
        """Set :attr:`archive_dir`; answers still come from the same tables."""
        self._archive_dir = archive_dir

    def arch(self, index: int) -> str:
        """Return the text of an architecture.

        Raises:
            NoAnswerError: There is no architecture of this index.
        """
        self._tell("arch", index)
        return self.meta_archs[self._check(index)]

    def random(self) -> int:
        """Draw an index from Python's global generator ``random``.

        Prefer ``benchmark.space.sample(rng)`` with your own generator.
        """
        return random.randint(0, len(self) - 1)

    def query_index_by_arch(self, arch: Any) -> int:
        """Return the index of an architecture.

        Args:
            arch: Its text, an object with a method ``tostr``, or the index.

        Returns:
            The index, or -1 for anything that is not an architecture. As a list index, -1 would
            mean the last architecture: check for it, or use ``benchmark.space.from_text``, which
            raises an error.

        Raises:
            NoAnswerError: There is no architecture of this index.
        """
        self._tell("query_index_by_arch", arch)
        return self._index(arch)

    @cached_property
    def _recorded(self) -> frozenset[int]:
        return frozenset(self._records.recorded)

    def _loaded(self) -> list[int]:
        """Return the architectures that count as loaded; other threads may add to the set."""
        return sorted(self.evaluated_indexes)

    def _tell(self, call: str, *arguments: object) -> None:
        if self.verbose:
            print(f"{time_string()} {call}: {', '.join(map(str, arguments))}")

    def _index(self, arch: Any) -> int:
        if isinstance(arch, int | np.integer):
            return self._check(arch)
        if hasattr(arch, "tostr"):
            arch = arch.tostr()
        return self.archstr2index.get(arch, -1) if isinstance(arch, str) else -1

    def _check(self, index: Any) -> int:
        if not isinstance(index, int | np.integer) or not 0 <= index < len(self):
            raise NoAnswerError(
                f"there is no architecture of index {index!r}; possible are 0..{len(self) - 1}"
            )
        return int(index)

    def _load(self, index: Any) -> int:
        """Check that an architecture has trainings, count it as loaded, and return its index.

        Raises:
            NoAnswerError: There is no such architecture, or it has no training.
        """
        if index not in self.evaluated_indexes:
            index = self._check(index)
            if index not in self._recorded:
                raise NoAnswerError(
                    f"no training of architecture {index} is recorded, only of "
                    f"{len(self._recorded)} others"
                )
            self.evaluated_indexes.add(index)
        return int(index)
