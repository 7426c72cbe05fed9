"""Image sets: loading, box mean, splits that depend on content only."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from data_builders.datasets import Images, Split, box_mean, load_split, npz
from data_builders.recipe import Recipe, load_plan
from nasbench.errors import InvalidArgumentError, UnknownNameError

DIGITS = load_plan("lite201-digits").recipe
SHARED = Path(os.environ.get("NASBENCH_SHARED", Path(__file__).parents[3] / "shared"))


def recipe(path: Path, *, train: int = 8, valid: int = 4, test: int = 4, **other: object) -> Recipe:
    values = {"dataset": str(path), "train": train, "valid": valid, "test": test, "batch": 1}
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
    with pytest.raises(InvalidArgumentError, match=r"has 12 different images there.* asks for 9"):
        load_split(recipe(path, train=9, valid=4))
    with pytest.raises(InvalidArgumentError, match=r"has 4 different images there.* asks for 5"):
        load_split(recipe(path, test=5))


def test_too_few_images_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match=r"'digits' has 1797 .* asks for 320\+738\+740"):
        load_split(replace(DIGITS, test=740))


def test_box_mean_rounds_half_up() -> None:
    x = np.array(
        [
            [0, 0, 0, 0, 1, 0],
            [0, 1, 1, 1, 1, 1],
            [255, 255, 10, 20, 3, 4],
            [255, 255, 30, 41, 4, 4],
        ],
        dtype=np.uint8,
    ).reshape(1, 4, 6, 1)
    # Sums 1, 2, 3 and 1020, 101, 15: means 0.25, 0.5, 0.75 and 255, 25.25, 3.75.
    assert box_mean(x, 2)[0, :, :, 0].tolist() == [[0, 1, 1], [255, 25, 4]]
    assert box_mean(x, 1) is x


def test_box_mean_keeps_images_and_channels_apart() -> None:
    x = np.arange(2 * 3 * 3 * 2, dtype=np.uint8).reshape(2, 3, 3, 2)
    assert box_mean(x, 3)[:, 0, 0, :].tolist() == [[8, 9], [26, 27]]


def test_box_mean_must_divide_the_images() -> None:
    with pytest.raises(InvalidArgumentError, match="box_mean = 3 does not divide images of 8x8"):
        load_split(replace(DIGITS, box_mean=3))


@pytest.mark.parametrize(("height", "width", "side"), [(4, 8, 1), (8, 8, 4), (2, 2, 1)])
def test_images_must_be_square_and_large_enough(
    tmp_path: Path, height: int, width: int, side: int
) -> None:
    x = np.random.default_rng(0).integers(0, 256, (30, height, width), dtype=np.uint8)
    path = save(tmp_path / "a.npz", train={"x": x, "y": np.zeros(30, dtype=np.int64)})
    with pytest.raises(InvalidArgumentError, match=f"images of {height // side}x{width // side} "):
        load_split(recipe(path, box_mean=side))


def test_npz_gives_grey_images_a_channel(tmp_path: Path) -> None:
    part = images(5)
    part["x"] = part["x"][..., 0]
    part["y"] = part["y"].astype(np.int32)
    pool, reserved = npz(save(tmp_path / "a.npz", train=part))
    assert reserved is None
    assert pool.x.shape == (5, 4, 4, 1)
    assert np.array_equal(pool.x[..., 0], part["x"])
    assert pool.y.dtype == np.int64
    assert pool.y.tolist() == [0, 1, 2, 0, 1]


def test_npz_ignores_other_arrays(tmp_path: Path) -> None:
    part = images(5)
    names = np.array(["a", "b"], dtype=object)
    np.savez(tmp_path / "a.npz", x_train=part["x"], y_train=part["y"], classes=names)
    assert len(npz(tmp_path / "a.npz")[0].y) == 5


GOOD = images(5)
X, Y = GOOD["x"], GOOD["y"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": X}, "has no array 'y_train', only .'x_train'"),
        ({"y_train": Y}, "has no array 'x_train'"),
        ({"images": X}, r"has no array 'x_train', only \[\]"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "has no array 'y_test'"),
        ({"x_train": X, "y_train": Y, "y_test": Y}, "has no array 'x_test'"),
        ({"x_train": X.astype(np.float32), "y_train": Y}, "x_train has type float32"),
        ({"x_train": X.astype(np.int64), "y_train": Y}, "x_train has type int64"),
        ({"x_train": X[0, 0], "y_train": Y}, r"shape \(4, 2\); uint8 \(n, height"),
        ({"x_train": X[:0], "y_train": Y[:0]}, r"shape \(0, 4, 4, 2\)"),
        ({"x_train": np.uint8(3), "y_train": Y}, r"shape \(\)"),
        ({"x_train": X, "y_train": Y[:4]}, r"shape \(4,\); 5 integer labels"),
        ({"x_train": X, "y_train": Y[:, None]}, r"shape \(5, 1\)"),
        ({"x_train": X, "y_train": Y.astype(np.float64)}, "y_train has type float64"),
        ({"x_train": X, "y_train": Y.astype(np.int64) - 1}, r"labels in 0\.\.255"),
        ({"x_train": X, "y_train": Y.astype(np.int64) + 254}, r"labels in 0\.\.255"),
        ({"x_train": X, "y_train": Y.astype(object)}, "cannot be read as an .npz file of plain"),
        ({"x_train": X.astype(object), "y_train": Y}, "cannot be read as an .npz file of plain"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :3], "y_test": Y},
            r"x_train have shape \(4, 4, 2\), those of x_test \(3, 4, 2\)",
        ),
    ],
)
def test_a_bad_npz_file_is_refused(
    tmp_path: Path, arrays: dict[str, NDArray[np.generic]], message: str
) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InvalidArgumentError, match=f"bad.npz.*{message}"):
        npz(tmp_path / "bad.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.savez_compressed(path, x_train=X, y_train=Y)
    whole = path.read_bytes()
    np.save(tmp_path / "array.npy", X)
    middle = len(whole) // 2
    flipped = whole[:100] + bytes(255 - b for b in whole[100:140]) + whole[140:]
    plain = (tmp_path / "array.npy").read_bytes()
    for content in (b"", b"text", whole[:middle], whole[:10], flipped, plain):
        path.write_bytes(content)
        with pytest.raises(InvalidArgumentError, match=r"bad\.npz cannot be read as an .npz file"):
            npz(path)


@pytest.mark.parametrize("name", ["digit", "no/such.npz", __file__])
def test_an_unknown_data_set_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match=r"no data set .*\.npz file.*Possible: 'digits'"):
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
