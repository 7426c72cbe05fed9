"""Image sets by name, with their splits and digests.

A split depends on the images' content, not on their order: images are sorted by a digest of label
and pixels, then permuted with the recipe's split seed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_builders.images import published as published_images
from data_builders.images.image_files import npz
from data_builders.images.images import Images, box_mean
from data_builders.recipe import ImageRecipe
from nasbench import splitmix
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of

SMALLEST = 4  # skeletons halve the resolution twice


@dataclass(frozen=True, slots=True)
class Split:
    """The three disjoint parts of a data set that a recipe uses.

    Attributes:
        train: Images to fit weights on.
        valid: Images for a search to select on.
        test: Images to report results on.
        n_classes: Number of classes.
        digest: SHA-256 of the content of the three parts, as 64 hex digits.
    """

    train: Images
    valid: Images
    test: Images
    n_classes: int
    digest: str


def digits() -> tuple[Images, None]:
    """Return the 1,797 digits of 8x8 pixels in scikit-learn (UCI, Alpaydin and Kaynak, 1998)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return Images(data.images.astype(np.uint8)[..., None], data.target.astype(np.int64)), None


DATASETS: dict[str, Callable[[], tuple[Images, Images | None]]] = {
    "digits": digits,
    **{name: partial(published_images.load, name) for name in published_images.PUBLISHED},
}


def image_sizes(recipe: ImageRecipe) -> dict[str, int]:
    """Return channels, classes and side of a recipe's images; published sets need no files.

    Raises:
        UnknownNameError: The name is neither a registered data set nor a file.
        InvalidArgumentError: The images are not square, too small, or not divided by ``box_mean``.
    """
    known = published_images.PUBLISHED.get(recipe.dataset)
    if known is None:
        split = load_split(recipe)
        _, _, size, channels = split.train.x.shape
        return {"image_channels": channels, "n_classes": split.n_classes, "size": size}
    blank = box_mean(np.zeros((1, *known.shape), dtype=np.uint8), recipe.box_mean)
    _check_sides(recipe, blank)
    return {
        "image_channels": known.shape[2],
        "n_classes": known.n_classes,
        "size": blank.shape[1],
    }


def load_split(recipe: ImageRecipe) -> Split:
    """Return the parts of the recipe's data set.

    Validation images always come from the training part. Test images come from the test part if the
    data set has one, else from the same pool. No two parts share an image, whatever its labels.

    Raises:
        UnknownNameError: The name is neither a registered data set nor a file.
        InvalidArgumentError: The set is not available, has fewer images than the recipe needs, or
            has images of an unsuitable size.
        ArchiveError: A published set is damaged, or differs from the published one.
    """
    name = recipe.dataset
    if name in DATASETS:
        images, images_for_test = DATASETS[name]()
    elif name.endswith(".npz") and Path(name).is_file():
        images, images_for_test = npz(Path(name))
    else:
        raise UnknownNameError(
            f"{name!r} is neither a data set nor an .npz file{one_of(name, DATASETS)}"
        )
    pool = _shuffled(images, recipe, "pool")
    reserved = None if images_for_test is None else _shuffled(images_for_test, recipe, "reserved")
    _check_sides(recipe, pool.x)
    _, height, width, _ = pool.x.shape
    if recipe.batch == 1 and height < 2 * SMALLEST:
        raise InvalidArgumentError(
            f"batch = 1 is too small for {height}x{width} pixels: halved twice, they are a single "
            "number per channel, and BatchNorm needs more than one"
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


def _check_sides(recipe: ImageRecipe, x: NDArray[np.uint8]) -> None:
    _, height, width, _ = x.shape
    if height != width or height < SMALLEST:
        raise InvalidArgumentError(
            f"data set {recipe.dataset!r} has images of {height}x{width} pixels (box_mean = "
            f"{recipe.box_mean}); they must be square and at least {SMALLEST}x{SMALLEST}"
        )


def _shuffled(images: Images, recipe: ImageRecipe, part: str) -> Images:
    """Return the distinct images, in an order that depends only on content and split seed."""
    images = Images(box_mean(images.x, recipe.box_mean), images.y)
    digests = images.digests()
    first: dict[bytes, int] = {}
    for i in sorted(range(len(digests)), key=digests.__getitem__):
        first.setdefault(images.x[i].tobytes(), i)
    order = np.array(list(first.values()), dtype=np.int64)
    shuffle = splitmix.permutation(splitmix.key("split", part, recipe.split_seed), len(order))
    return images.take(order[shuffle])


def _refuse_too_few(name: str, wanted: int, images: Images, sizes: str) -> None:
    if wanted > len(images.x):
        raise InvalidArgumentError(
            f"data set {name!r} has only {len(images.x)} distinct images for this, the recipe "
            f"needs {sizes}"
        )


__all__ = ["DATASETS", "Images", "Split", "box_mean", "digits", "load_split", "npz"]
