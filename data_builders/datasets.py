"""Image sets, their splits and their digests.

A split is a function of the images' content, not of their order: images are sorted by a digest of
label and pixels, then permuted with the recipe's split seed.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_builders.recipe import Recipe
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of

SMALLEST = 4  # skeletons halve the resolution twice


@dataclass(frozen=True, slots=True)
class Images:
    """Images with labels.

    Attributes:
        x: Pixels, ``uint8`` of shape ``(n, height, width, channels)``.
        y: Labels 0, 1, …, ``int64`` of shape ``(n,)``.
    """

    x: NDArray[np.uint8]
    y: NDArray[np.int64]

    def digests(self) -> list[bytes]:
        """SHA-256 of the label byte and the pixels of every image."""
        return [
            hashlib.sha256(bytes([y]) + x.tobytes()).digest()
            for x, y in zip(self.x, self.y.tolist(), strict=True)
        ]

    def take(self, indices: NDArray[np.int64]) -> "Images":
        """The images with these indices, in their order."""
        return Images(self.x[indices], self.y[indices])


@dataclass(frozen=True, slots=True)
class Split:
    """The three disjoint parts of a data set that a recipe uses.

    Attributes:
        train: Images that weights are fitted on.
        valid: Images that a search selects on.
        test: Images that are reported on.
        n_classes: Number of classes.
        digest: SHA-256 over the content of the three parts, 64 hexadecimal digits.
    """

    train: Images
    valid: Images
    test: Images
    n_classes: int
    digest: str


def digits() -> tuple[Images, None]:
    """The 1,797 digits of 8x8 pixels in scikit-learn (UCI, Alpaydin and Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return Images(data.images.astype(np.uint8)[..., None], data.target.astype(np.int64)), None


def npz(path: Path) -> tuple[Images, Images | None]:
    """An ``.npz`` file with ``x_train`` and ``y_train``, and ``x_test`` and ``y_test`` if it can.

    Raises:
        InvalidArgumentError: Not such a file, or arrays of other types or shapes.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name[:2] in ("x_", "y_")}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
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
            "uint8 (n, height, width[, channels]) is needed"
        )
    labels = y.astype(np.int64) if y.dtype.kind in "iu" else np.full(len(x), -1)
    if y.shape != (len(x),) or labels.min() < 0 or labels.max() > 255:
        raise InvalidArgumentError(
            f"{path}: y_{name} has type {y.dtype} and shape {y.shape}; "
            f"{len(x)} integer labels in 0..255 are needed"
        )
    return Images(x.astype(np.uint8, copy=False), labels)


DATASETS: dict[str, Callable[[], tuple[Images, Images | None]]] = {"digits": digits}


def load_split(recipe: Recipe) -> Split:
    """The parts of the recipe's data set.

    Validation images always come out of the training part; test images out of the test part where
    the data set has one, else out of the same pool. Equal images never lie in two parts, whatever
    their labels.

    Raises:
        UnknownNameError: Neither a registered data set nor a file.
        InvalidArgumentError: Fewer images than the recipe asks for, or of an unsuitable size.
    """
    name = recipe.dataset
    if name in DATASETS:
        images, images_for_test = DATASETS[name]()
    elif name.endswith(".npz") and Path(name).is_file():
        images, images_for_test = npz(Path(name))
    else:
        raise UnknownNameError(f"{name!r} is no data set and no .npz file{one_of(name, DATASETS)}")
    pool = _shuffled(images, recipe, "pool")
    reserved = None if images_for_test is None else _shuffled(images_for_test, recipe, "reserved")
    _, height, width, _ = pool.x.shape
    if height != width or height < SMALLEST:
        raise InvalidArgumentError(
            f"data set {name!r} has images of {height}x{width} pixels (box_mean = "
            f"{recipe.box_mean}); they must be square, {SMALLEST}x{SMALLEST} or larger"
        )
    wanted = [recipe.train, recipe.valid] + ([] if reserved else [recipe.test])
    _refuse_too_few(name, sum(wanted), pool, "+".join(map(str, wanted)))
    bounds = np.cumsum([0, *wanted])
    parts = [pool.take(np.arange(a, b)) for a, b in pairwise(bounds)]
    if reserved is not None:
        seen = {x.tobytes() for part in parts for x in part.x}
        fresh = [i for i, x in enumerate(reserved.x) if x.tobytes() not in seen]
        reserved = reserved.take(np.array(fresh, dtype=np.int64))
        _refuse_too_few(name, recipe.test, reserved, str(recipe.test))
        parts.append(reserved.take(np.arange(recipe.test)))
    digest = hashlib.sha256(b"".join(d for part in parts for d in part.digests())).hexdigest()
    train, valid, test = parts
    return Split(train, valid, test, int(max(part.y.max() for part in parts)) + 1, digest)


def _shuffled(images: Images, recipe: Recipe, part: str) -> Images:
    """Different images in an order that depends on their content and the split seed only."""
    images = Images(box_mean(images.x, recipe.box_mean), images.y)
    digests = images.digests()
    first: dict[bytes, int] = {}
    for i in sorted(range(len(digests)), key=digests.__getitem__):
        first.setdefault(images.x[i].tobytes(), i)
    order = np.array(list(first.values()), dtype=np.int64)
    shuffle = splitmix.permutation(splitmix.key("split", part, recipe.split_seed), len(order))
    return images.take(order[shuffle])


def box_mean(x: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Mean of every ``side`` x ``side`` square of pixels, rounded half up.

    Args:
        x: Pixels, shape ``(n, height, width, channels)``.
        side: Pixels of the side of a square.

    Returns:
        Pixels, shape ``(n, height / side, width / side, channels)``.

    Raises:
        InvalidArgumentError: ``side`` does not divide height and width.
    """
    if side == 1:
        return x
    n, height, width, channels = x.shape
    if height % side or width % side:
        raise InvalidArgumentError(
            f"box_mean = {side} does not divide images of {height}x{width} pixels"
        )
    area = side * side
    total = np.full((n, height // side, width // side, channels), area // 2, dtype=np.uint32)
    for row, column in product(range(side), repeat=2):
        total += x[:, row::side, column::side]
    mean: NDArray[np.uint8] = (total // area).astype(np.uint8)
    return mean


def _refuse_too_few(name: str, wanted: int, images: Images, sizes: str) -> None:
    if wanted > len(images.x):
        raise InvalidArgumentError(
            f"data set {name!r} has {len(images.x)} different images there, "
            f"the recipe asks for {sizes}"
        )
