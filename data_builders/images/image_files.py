"""Read images from files: any set as ``.npz``, and the idx files of MNIST and similar sets."""

import hashlib
import io
import math
import struct
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_builders.archives.bounded import decompressed, open_zip, read
from data_builders.archives.damage import GZIP, check_kind, damage, reason, shown
from data_builders.images.images import Images
from nasbench.errors import ArchiveError, InvalidArgumentError, one_of

_LIMIT = 1 << 26
_LARGEST_ARRAY = 1 << 30
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
_IDX = (
    ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
)


def npz(path: Path) -> tuple[Images, Images | None]:
    """Read ``x_train``, ``y_train`` and, if present, ``x_test``, ``y_test`` of an ``.npz`` file.

    Raises:
        InvalidArgumentError: The file is not of this kind, or has arrays of other types or shapes.
    """
    try:
        with damage(str(path)), open_zip(path, str(path), path.stat().st_size) as archive:
            arrays = {}
            for info in archive.files:
                if (name := info.filename.removesuffix(".npy")) in _ARRAYS:
                    with archive.open(info) as file:
                        arrays[name] = _array(read(file, _LARGEST_ARRAY, f"{path}: {name}"))
            names = [shown(info.filename.removesuffix(".npy")) for info in archive.files]
    except (ArchiveError, SyntaxError, tokenize.TokenError) as error:
        raise InvalidArgumentError(
            f"{path} cannot be read as an .npz file of plain arrays: {reason(error)}"
        ) from error
    train = _part(arrays, "train", path, names)
    if not {"x_test", "y_test"} & arrays.keys():
        return train, None
    test = _part(arrays, "test", path, names)
    if train.x.shape[1:] != test.x.shape[1:]:
        raise InvalidArgumentError(
            f"{path}: images of x_train have shape {train.x.shape[1:]}, "
            f"those of x_test {test.x.shape[1:]}"
        )
    return train, test


def _array(data: bytes) -> NDArray[np.generic]:
    """Return the array in the content of an ``.npy`` file.

    Raises:
        ValueError: It is another file, holds objects, or another number of values than it says.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, by_column, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of .npy is not read")
    if dtype.hasobject:
        raise ValueError("an array holds objects")
    size = len(data) - file.tell()
    if any(length < 0 for length in shape) or math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"an array of the shape {shape!r:.80} has {size:,} bytes")
    values = np.frombuffer(data, dtype, offset=file.tell())
    return values.reshape(shape, order="F" if by_column else "C")


def _part(
    arrays: dict[str, NDArray[np.generic]], name: str, path: Path, names: Sequence[str]
) -> Images:
    for key in (f"x_{name}", f"y_{name}"):
        if key not in arrays:
            raise InvalidArgumentError(f"{path} has no array {key!r}{one_of(key, sorted(names))}")
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
            with damage(str(path)), decompressed(path) as file:
                return read(file, _LIMIT, str(path)), path
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
