"""Read images from files: any set as ``.npz``, and the idx files of MNIST and similar sets."""

import gzip
import hashlib
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_builders.archives import GZIP, check_kind, reason
from data_builders.images.images import Images
from nasbench.errors import ArchiveError, InvalidArgumentError

_LIMIT = 1 << 26
_IDX = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    RuntimeError,
    MemoryError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def npz(path: Path) -> tuple[Images, Images | None]:
    """Read ``x_train``, ``y_train`` and, if present, ``x_test``, ``y_test`` of an ``.npz`` file.

    Raises:
        InvalidArgumentError: The file is not of this kind, or has arrays of other types or shapes.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name[:2] in ("x_", "y_")}
    except _UNREADABLE as error:
        raise InvalidArgumentError(
            f"{path} cannot be read as an .npz file of plain arrays: {error}"
        ) from error
    train = _part(arrays, "train", path)
    if not {"x_test", "y_test"} & arrays.keys():
        return train, None
    test = _part(arrays, "test", path)
    if train.x.shape[1:] != test.x.shape[1:]:
        raise InvalidArgumentError(
            f"{path}: images of x_train have shape {train.x.shape[1:]}, "
            f"those of x_test {test.x.shape[1:]}"
        )
    return train, test


def _part(arrays: dict[str, NDArray[np.generic]], name: str, path: Path) -> Images:
    for key in (f"x_{name}", f"y_{name}"):
        if key not in arrays:
            raise InvalidArgumentError(f"{path} has no array {key!r}, only {sorted(arrays)}")
    x, y = arrays[f"x_{name}"], arrays[f"y_{name}"]
    x = x[..., None] if x.ndim == 3 else x
    if x.dtype != np.uint8 or x.ndim != 4 or not x.size:
        raise InvalidArgumentError(
            f"{path}: x_{name} has type {x.dtype} and shape {x.shape}; "
            "it must be uint8 (n, height, width[, channels])"
        )
    labels = y.astype(np.int64) if y.dtype.kind in "iu" else np.full(len(x), -1)
    if y.shape != (len(x),) or labels.min() < 0 or labels.max() > 255:
        raise InvalidArgumentError(
            f"{path}: y_{name} has type {y.dtype} and shape {y.shape}; "
            f"it must have {len(x)} integer labels in 0..255"
        )
    return Images(x.astype(np.uint8, copy=False), labels)


def idx_folder(folder: Path, *, md5: Mapping[str, str]) -> tuple[Images, Images]:
    """Read the four idx files of a set, each plain or as ``.gz``.

    Args:
        folder: Folder of the files.
        md5: MD5 of each file's content, after decompression, by name without ``.gz``.

    Raises:
        ArchiveError: A file is missing or damaged, or has another MD5.
    """
    train, test = (_idx_part(folder, *names, md5) for names in _IDX)
    return train, test


def _idx_part(folder: Path, images: str, labels: str, md5: Mapping[str, str]) -> Images:
    x = _idx(*_content(folder, images), dimensions=3, md5=md5[images])
    y = _idx(*_content(folder, labels), dimensions=1, md5=md5[labels])
    if len(x) != len(y):
        raise ArchiveError(f"{folder}: {images} has {len(x)} images, {labels} {len(y)} labels")
    return Images(x[..., None], y.astype(np.int64))


def _content(folder: Path, name: str) -> tuple[bytes, Path]:
    """Return the decompressed content of a file, and its path."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            check_kind(path, f"the image file {name}", GZIP)
            try:
                with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                    data = file.read(_LIMIT + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise ArchiveError(f"{path} cannot be read: {reason(error)}") from error
            if len(data) > _LIMIT:
                raise ArchiveError(f"{path} is larger than {_LIMIT:,} bytes")
            return data, path
    raise ArchiveError(f"{folder} holds no {name}, neither plain nor as .gz")


def _idx(data: bytes, path: Path, *, dimensions: int, md5: str) -> NDArray[np.uint8]:
    magic = bytes([0, 0, 8, dimensions])
    begin = 4 + 4 * dimensions
    if data[:4] != magic or len(data) < begin:
        raise ArchiveError(
            f"{path} is not an idx file of bytes in {dimensions} dimensions: it begins with "
            f"{data[:4].hex() or 'nothing'}, not with {magic.hex()}"
        )
    shape = struct.unpack(f">{dimensions}I", data[4:begin])
    if len(data) - begin != math.prod(shape):
        raise ArchiveError(
            f"{path} is damaged: {len(data) - begin:,} bytes follow its header, which announces "
            f"{'x'.join(map(str, shape))}"
        )
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ArchiveError(
            f"{path} is not the published file: the MD5 of its content is {found}, not {md5} "
            "(other sets use the same file names)"
        )
    return np.frombuffer(data, np.uint8, offset=begin).reshape(shape)
