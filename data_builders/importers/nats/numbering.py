"""The official numbering of the architectures of NAS-Bench-201 and NATS-Bench."""

import hashlib
from collections.abc import Collection, Mapping
from reprlib import repr
from typing import Any

import pyarrow as pa

from nasbench.errors import ArchiveError
from nasbench.space import SearchSpace
from nasbench.spaces.nb201 import NB201

CELLS_SHA256 = "83abc799e45cf34e9d2163654668ab998b9a54d01c39e72ca1f71f2cdf356d84"
"""SHA-256 of the 15,625 cells, joined by line feeds, in their official order."""


def official(content: Mapping[Any, Any], space: SearchSpace, where: str) -> list[str]:
    """Return the architectures in the order of their numbers, as an archive lists them.

    Args:
        content: Entries of the archive.
        space: The space that the archive must cover.
        where: Name of the file, for messages.

    Raises:
        ArchiveError: The list is not the official one.
    """
    names = content.get("meta_archs")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ArchiveError(f"{where}: 'meta_archs' is {repr(names)}, not a list of texts")
    if isinstance(space, NB201):
        digest = hashlib.sha256("\n".join(names).encode("utf-8", "replace")).hexdigest()
        known = digest == CELLS_SHA256
    else:
        known = names == [space.to_text(arch) for arch in space.archs()]
    if not known or content.get("total_archs", len(names)) != len(names):
        raise ArchiveError(
            f"{where}: 'meta_archs', a list of {len(names)}, is not the official list of the "
            f"{space.size} architectures of {space.name!r}"
        )
    return names


def check(summary: pa.Table, content: Mapping[Any, Any], space: SearchSpace, where: str) -> None:
    """Check that a one-file archive has the official numbering and that its records follow it.

    Args:
        summary: Columns ``index`` and ``text`` of all records.
        content: The other entries of the archive.
        space: The space that the archive covers.
        where: Name of the file, for messages.

    Raises:
        ArchiveError: A record has another number or is missing, or the numbering is not official.
    """
    names = official(content, space, where)
    indices = summary.column("index").to_pylist()
    for index, text in zip(indices, summary.column("text").to_pylist(), strict=True):
        if index >= len(names) or text != names[index]:
            known = names[index] if index < len(names) else f"beyond the last of {len(names)}"
            raise ArchiveError(
                f"{where}: architecture {index} is {text}, but its number says {known}"
            )
    evaluated = content.get("evaluated_indexes") or ()
    if not isinstance(evaluated, Collection) or not all(type(i) is int for i in evaluated):
        raise ArchiveError(f"{where}: 'evaluated_indexes' is {repr(evaluated)}")
    if missing := sorted(set(evaluated) - set(indices)):
        raise ArchiveError(
            f"{where}: {len(missing)} records are missing, the first is {missing[0]}"
        )
