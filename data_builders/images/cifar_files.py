"""Read the official archives of CIFAR-10 and CIFAR-100: binary files, or pickles for Python.

Krizhevsky (2009), https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_builders.archives.entries import entries
from data_builders.images.images import Images
from data_builders.pickles import unpickle
from nasbench.errors import ArchiveError

_LIMIT = 1 << 28  # CIFAR-100 stores its 50,000 training images in one file
_PIXELS = 3 * 32 * 32
_NOTHING: NDArray[np.uint8] = np.zeros(0, np.uint8)


def cifar_binary(
    path: Path, *, train: tuple[str, ...], test: tuple[str, ...], labels: int
) -> tuple[Images, Images]:
    """Read the binary archive of CIFAR, or its unpacked folder.

    Args:
        path: Archive or folder.
        train: Files of the training images.
        test: Files of the test images.
        labels: Number of bytes before the pixels of an image; the last of them is its class.

    Raises:
        ArchiveError: The archive is damaged, or a file is missing.
        InvalidArgumentError: The path is neither an archive nor a folder.
    """

    def images(data: bytes, where: str) -> Images:
        size = labels + _PIXELS
        if not data or len(data) % size:
            raise ArchiveError(f"{where} has {len(data):,} bytes, not a multiple of {size}")
        rows = np.frombuffer(data, np.uint8).reshape(-1, size)
        return Images(_planes(rows[:, labels:]), rows[:, labels - 1].astype(np.int64))

    return _archive(path, train, test, images)


def cifar_python(
    path: Path, *, train: tuple[str, ...], test: tuple[str, ...], labels: bytes
) -> tuple[Images, Images]:
    """Read the Python archive of CIFAR, or its unpacked folder, without running pickled code.

    Args:
        path: Archive or folder.
        train: Files of the training images.
        test: Files of the test images.
        labels: Key of the classes.

    Raises:
        ArchiveError: The archive is damaged, a file is missing, or a pickle holds anything else.
        InvalidArgumentError: The path is neither an archive nor a folder.
    """

    def images(data: bytes, where: str) -> Images:
        content = unpickle.load(io.BytesIO(data), allowed=_ARRAYS, where=where, limit=_LIMIT)
        batch = content if isinstance(content, dict) else {}
        array, classes = batch.get(b"data"), batch.get(labels)
        pixels = array.values if isinstance(array, _Array) else _NOTHING
        if pixels.ndim != 2 or pixels.shape[1] != _PIXELS or not len(pixels):
            raise ArchiveError(f"{where} holds no array 'data' with rows of {_PIXELS} bytes")
        if (
            type(classes) is not list
            or len(classes) != len(pixels)
            or not all(type(label) is int and 0 <= label <= 255 for label in classes)
        ):
            raise ArchiveError(
                f"{where} holds no list {labels.decode()!r} of {len(pixels)} integers in 0..255"
            )
        return Images(_planes(pixels), np.array(classes, dtype=np.int64))

    return _archive(path, train, test, images)


def _archive(
    path: Path,
    train: tuple[str, ...],
    test: tuple[str, ...],
    images: Callable[[bytes, str], Images],
) -> tuple[Images, Images]:
    """Read both parts; files are read in the order in which the archive stores them."""
    wanted = {*train, *test}
    found: dict[str, Images] = {}
    with entries(path, "give an archive of CIFAR or its unpacked folder") as listed:
        for entry in listed:
            if entry.parts[-1] in wanted:
                found[entry.parts[-1]] = images(entry.read(_LIMIT), entry.where)
    if missing := sorted(wanted - found.keys()):
        raise ArchiveError(f"{path} holds no {', '.join(missing)}")

    def joined(names: tuple[str, ...]) -> Images:
        parts = [found[name] for name in names]
        return Images(
            np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
        )

    return joined(train), joined(test)


def _planes(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels, shape ``(n, 32, 32, 3)``, of rows that hold one colour after the other."""
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


class _Array:
    """Stands in for ``numpy.ndarray`` of bytes."""

    def __init__(self) -> None:
        self.values = _NOTHING

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, _, by_column, data = state
        flat = np.frombuffer(data, np.uint8)
        self.values = flat.reshape(shape, order="F" if by_column else "C")


class _Bytes:
    """Stands in for ``numpy.dtype``; accepts only bytes."""

    def __init__(self, code: bytes, align: int, copy: int) -> None:
        if code != b"u1":
            raise ValueError(f"{code!r:.80} is not the type of pixels")

    def __setstate__(self, state: object) -> None:
        """Do nothing: bytes have no byte order."""


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    """Stand in for the function that makes an empty array, which is filled later."""
    return _Array()


_ARRAYS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "numpy.ndarray": _Array,
        "numpy.dtype": _Bytes,
        "numpy.core.multiarray._reconstruct": _reconstruct,
    }
)
