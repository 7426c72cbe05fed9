"""Image sets, their splits and their digests.

A split is a function of the images' content, not of their order: images are sorted by a digest of label and
pixels, then permuted with the recipe's split seed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_builders.recipe import Recipe
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of


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
    """The 1,797 digits of 8x8 pixels that scikit-learn carries (UCI, Alpaydin and Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return Images(data.images.astype(np.uint8)[..., None], data.target.astype(np.int64)), None


def npz(path: Path) -> tuple[Images, Images | None]:
    """An ``.npz`` file with ``x_train`` and ``y_train``, and ``x_test`` and ``y_test`` if it has a test part.

    Raises:
        InvalidArgumentError: Not such a file, or arrays of other types or shapes.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if name[:2] in ("x_", "y_")}
    except (OSError, ValueError, AttributeError) as error:
        raise InvalidArgumentError(
            f"{path} cannot be read as an .npz file of plain arrays: {error}"
        ) from error

    def part(name: str) -> Images:
        missing = [key for key in (f"x_{name}", f"y_{name}") if key not in arrays]
        if missing:
            raise InvalidArgumentError(f"{path} has no array {missing[0]!r}, only {sorted(arrays)}")
        x, y = arrays[f"x_{name}"], arrays[f"y_{name}"]
        x = x[..., None] if x.ndim == 3 else x
        if x.dtype != np.uint8 or x.ndim != 4:
            raise InvalidArgumentError(
                f"{path}: x_{name} has type {x.dtype} and shape {x.shape}; uint8 (n, height, width[, channels]) is needed"
            )
        if y.shape != (len(x),) or y.dtype.kind not in "iu" or y.min() < 0 or y.max() > 255:
            raise InvalidArgumentError(
                f"{path}: y_{name} must hold {len(x)} integer labels in 0..255"
            )
        return Images(x, y.astype(np.int64))

    return part("train"), part("test") if "x_test" in arrays else None


DATASETS: dict[str, Callable[[], tuple[Images, Images | None]]] = {"digits": digits}


def load_split(recipe: Recipe) -> Split:
    """The parts of the recipe's data set.

    Validation images always come out of the training part; test images out of the test part where the data set
    has one, else out of the same pool. Equal images never lie in two parts.

    Raises:
        UnknownNameError: Neither a registered data set nor a file.
        InvalidArgumentError: Fewer images than the recipe asks for, or an unsuitable size.
    """
    if recipe.dataset in DATASETS:
        pool, reserved = DATASETS[recipe.dataset]()
    elif Path(recipe.dataset).is_file():
        pool, reserved = npz(Path(recipe.dataset))
    else:
        raise UnknownNameError(
            f"{recipe.dataset!r} is neither a data set nor an .npz file{one_of(recipe.dataset, DATASETS)}"
        )
    pool = _shuffled(pool, recipe, "pool")
    reserved = None if reserved is None else _shuffled(reserved, recipe, "reserved")
    wanted = [recipe.train, recipe.valid] + ([] if reserved else [recipe.test])
    _refuse_too_few(recipe.dataset, sum(wanted), pool, "+".join(map(str, wanted)))
    bounds = np.cumsum([0, *wanted])
    parts = [pool.take(np.arange(a, b)) for a, b in zip(bounds, bounds[1:], strict=False)]
    if reserved is not None:
        seen = set(parts[0].digests()) | set(parts[1].digests())
        fresh = np.array(
            [i for i, d in enumerate(reserved.digests()) if d not in seen], dtype=np.int64
        )
        reserved = reserved.take(fresh)
        _refuse_too_few(recipe.dataset, recipe.test, reserved, str(recipe.test))
        parts.append(reserved.take(np.arange(recipe.test)))
    digest = hashlib.sha256(b"".join(d for part in parts for d in part.digests())).hexdigest()
    train, valid, test = parts
    return Split(train, valid, test, int(max(part.y.max() for part in parts)) + 1, digest)


def _shuffled(images: Images, recipe: Recipe, part: str) -> Images:
    """Distinct images in an order that depends on their content and the split seed only."""
    images = Images(box_mean(images.x, recipe.box_mean), images.y)
    digests = images.digests()
    first = {digest: i for i, digest in reversed(list(enumerate(digests)))}
    order = np.array([first[digest] for digest in sorted(first)], dtype=np.int64)
    shuffle = splitmix.permutation(splitmix.key("split", part, recipe.split_seed), len(order))
    return images.take(order[shuffle])


def box_mean(x: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Mean of every ``side`` x ``side`` square of pixels, rounded half up.

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
    squares = x.reshape(n, height // side, side, width // side, side, channels).astype(np.uint32)
    area = side * side
    return ((squares.sum(axis=(2, 4)) + area // 2) // area).astype(np.uint8)


def _refuse_too_few(name: str, wanted: int, images: Images, sizes: str) -> None:
    if wanted > len(images.x):
        raise InvalidArgumentError(
            f"data set {name!r} has {len(images.x)} distinct images there, the recipe asks for {sizes}"
        )
