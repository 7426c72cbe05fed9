"""Image sets: loading, box mean, splits that depend on content only."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from data_builders.images.datasets import Images, Split, load_split
from data_builders.plan import load_plan
from data_builders.recipe import ImageRecipe
from nasbench.errors import InvalidArgumentError, UnknownNameError

DIGITS = load_plan("lite201-digits").recipe
SHARED = Path(os.environ["NASBENCH_SHARED"])


def recipe(
    path: Path, *, train: int = 8, valid: int = 4, test: int = 4, **other: object
) -> ImageRecipe:
    values = {"dataset": str(path), "train": train, "valid": valid, "test": test, "batch": 2}
    return replace(DIGITS, **(values | other))


def images(n: int, seed: int = 0, size: int = 4) -> dict[str, NDArray[np.generic]]:
    """Random images of two channels, three classes."""
    rng = np.random.default_rng(seed)
    return {
        "x": rng.integers(0, 256, (n, size, size, 2), dtype=np.uint8),
        "y": (np.arange(n) % 3).astype(np.uint8),
    }


def save(path: Path, **parts: dict[str, NDArray[np.generic]]) -> Path:
    arrays = {f"{axis}_{name}": part[axis] for name, part in parts.items() for axis in "xy"}
    np.savez(path, **arrays)
    return path


def pixels(part: Images) -> list[bytes]:
    return [image.tobytes() for image in part.x]


def same(a: Split, b: Split) -> bool:
    return a.digest == b.digest and all(
        np.array_equal(getattr(a, part).x, getattr(b, part).x)
        and np.array_equal(getattr(a, part).y, getattr(b, part).y)
        for part in ("train", "valid", "test")
    )


def test_parts_of_digits_are_disjoint_and_hold_the_images_of_scikit_learn() -> None:
    split = load_split(DIGITS)
    parts = {name: pixels(getattr(split, name)) for name in ("train", "valid", "test")}
    assert [len(part) for part in parts.values()] == [320, 738, 739]
    assert len(set().union(*parts.values())) == 320 + 738 + 739
    data = load_digits()
    label = {
        image.astype(np.uint8).tobytes(): y
        for image, y in zip(data.images, data.target.tolist(), strict=True)
    }
    for name in parts:
        part = getattr(split, name)
        assert part.x.dtype == np.uint8
        assert part.y.dtype == np.int64
        assert part.x.shape[1:] == (8, 8, 1)
        assert part.y.tolist() == [label[image] for image in parts[name]]
    assert split.n_classes == 10


def test_digest_of_a_split_is_the_hash_of_its_images_in_order() -> None:
    split = load_split(DIGITS)
    total = hashlib.sha256()
    for part in (split.train, split.valid, split.test):
        for x, y in zip(part.x, part.y, strict=True):
            total.update(hashlib.sha256(y.astype(np.uint8).tobytes() + x.tobytes()).digest())
    assert split.digest == total.hexdigest()


def test_split_seed_and_sizes_choose_the_images() -> None:
    splits = [load_split(DIGITS), load_split(replace(DIGITS, split_seed=1))]
    assert splits[0].digest != splits[1].digest
    assert set(pixels(splits[0].train)) != set(pixels(splits[1].train))
    smaller = load_split(replace(DIGITS, valid=100, test=50))
    assert np.array_equal(smaller.train.x, splits[0].train.x)


@pytest.mark.parametrize("has_test", [False, True])
def test_split_does_not_depend_on_the_order_of_rows(tmp_path: Path, has_test: bool) -> None:
    pool, reserved = images(30), images(12, seed=1)
    order, other = np.random.default_rng(2).permutation(30), np.arange(12)[::-1]
    turned = {axis: values[order] for axis, values in pool.items()}
    reversed_ = {axis: values[other] for axis, values in reserved.items()}
    a = {"train": pool} | ({"test": reserved} if has_test else {})
    b = {"train": turned} | ({"test": reversed_} if has_test else {})
    splits = [
        load_split(recipe(save(tmp_path / f"{name}.npz", **parts)))
        for name, parts in (("a", a), ("b", b))
    ]
    assert same(*splits)


def test_test_images_come_from_the_test_part_and_validation_from_the_training_part(
    tmp_path: Path,
) -> None:
    pool, reserved = images(12), images(9, seed=1)
    split = load_split(recipe(save(tmp_path / "a.npz", train=pool, test=reserved), test=9))
    of_pool = {image.tobytes() for image in pool["x"]}
    assert set(pixels(split.train)) | set(pixels(split.valid)) == of_pool
    assert set(pixels(split.test)) == {image.tobytes() for image in reserved["x"]}


def test_equal_images_never_lie_in_two_parts_whatever_their_labels(tmp_path: Path) -> None:
    pool, reserved = images(12), images(9, seed=1)
    doubled = {
        "x": np.concatenate([pool["x"], pool["x"]]),
        "y": np.concatenate([pool["y"], (pool["y"] + 1) % 3]),
    }
    reserved["x"][:5] = pool["x"][:5]
    path = save(tmp_path / "a.npz", train=doubled, test=reserved)
    split = load_split(recipe(path))
    everything = pixels(split.train) + pixels(split.valid) + pixels(split.test)
    assert len(set(everything)) == len(everything) == 16
    with pytest.raises(InvalidArgumentError, match=r"has only 12 distinct images .* needs 10"):
        load_split(recipe(path, train=10, valid=4))
    with pytest.raises(InvalidArgumentError, match=r"has only 4 distinct images .* needs 5"):
        load_split(recipe(path, test=5))


def test_too_few_images_are_refused() -> None:
    with pytest.raises(
        InvalidArgumentError, match=r"'digits' has only 1797 .* needs 320\+738\+740"
    ):
        load_split(replace(DIGITS, test=740))


def test_box_mean_must_divide_the_images() -> None:
    with pytest.raises(InvalidArgumentError, match="box_mean = 3 does not divide images of 8x8"):
        load_split(replace(DIGITS, box_mean=3))


def test_a_batch_of_one_image_needs_more_than_one_pixel_in_the_last_stage() -> None:
    one = replace(DIGITS, batch=1)
    assert load_split(one).train.x.shape[1] == 8
    with pytest.raises(InvalidArgumentError, match="batch = 1 is too small for 4x4 pixels"):
        load_split(replace(one, box_mean=2))


@pytest.mark.parametrize(("height", "width", "side"), [(4, 8, 1), (8, 8, 4), (2, 2, 1)])
def test_images_must_be_square_and_large_enough(
    tmp_path: Path, height: int, width: int, side: int
) -> None:
    x = np.random.default_rng(0).integers(0, 256, (30, height, width), dtype=np.uint8)
    path = save(tmp_path / "a.npz", train={"x": x, "y": np.zeros(30, dtype=np.int64)})
    with pytest.raises(InvalidArgumentError, match=f"images of {height // side}x{width // side} "):
        load_split(recipe(path, box_mean=side))


@pytest.mark.parametrize("name", ["digit", "no/such.npz", __file__])
def test_an_unknown_data_set_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"data set nor an \.npz file.*Possible: 'digits'"):
        load_split(replace(DIGITS, dataset=name))


def test_fashion_mnist_loads_as_14x14_box_means() -> None:
    path = SHARED / "data/images/fashion_mnist_28.npz"
    if not path.is_file():
        pytest.skip(f"needs {path}; set NASBENCH_SHARED to the folder that holds data/images")
    split = load_split(recipe(path, train=5000, valid=1000, test=10000, box_mean=2))
    with np.load(path) as archive:
        means = {}
        for part in ("train", "test"):
            x = archive[f"x_{part}"].astype(np.uint16)
            sums = x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]
            small = ((sums + 2) // 4).astype(np.uint8)
            means[part] = {image.tobytes() for image in small}
    assert split.n_classes == 10
    assert split.train.x.shape == (5000, 14, 14, 1)
    assert set(pixels(split.train)) | set(pixels(split.valid)) <= means["train"]
    assert set(pixels(split.test)) <= means["test"]
    assert len({*pixels(split.train), *pixels(split.valid), *pixels(split.test)}) == 16000
