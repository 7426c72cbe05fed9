"""Published image sets: known by their content, in whatever file they are."""

import gzip
import hashlib
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data_builders.images import published as published_images
from data_builders.images.datasets import DATASETS, Split, load_split
from data_builders.images.images import Images, box_mean
from data_builders.images.published import PUBLISHED, Part, data_folder, load
from data_builders.plan import load_plan
from nasbench.errors import ArchiveError, InvalidArgumentError

SHARED = Path(os.environ["NASBENCH_SHARED"])
RECIPE = replace(load_plan("lite201-digits").recipe, train=32, valid=20, test=30)
IDX = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, empty."""
    path = tmp_path / "images"
    path.mkdir()
    monkeypatch.setenv("NASBENCH_DATA", str(path))
    return path


def shared(name: str) -> Path:
    path = SHARED / "data/images" / name
    if not path.is_file():
        pytest.skip(f"needs {path}; set NASBENCH_SHARED to the folder that holds data/images")
    return path


def random_images(n: int, seed: int) -> Images:
    rng = np.random.default_rng(seed)
    return Images(rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, n))


TRAIN, TEST = random_images(60, 0), random_images(30, 1)


def known_as(images: Images) -> Part:
    pixels = images.x.reshape(-1, 3).astype(float)
    means = tuple(round(float(mean), 9) for mean in pixels.mean(axis=0))
    return Part(len(images.x), images.digest(), means)


def halved(images: Images) -> Images:
    return Images(box_mean(images.x, 2), images.y)


@pytest.fixture
def toys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder, empty, where cifar10 and cifar10_16 are known as the random images."""
    toys = {
        "cifar10": replace(PUBLISHED["cifar10"], train=known_as(TRAIN), test=known_as(TEST)),
        "cifar10_16": replace(
            PUBLISHED["cifar10_16"], train=known_as(halved(TRAIN)), test=known_as(halved(TEST))
        ),
    }
    monkeypatch.setattr(published_images, "PUBLISHED", toys)
    return folder


def binary(folder: Path, train: Images, test: Images) -> None:
    """The unpacked binary archive of CIFAR-10."""
    inside = folder / "cifar-10-batches-bin"
    inside.mkdir()

    def write(name: str, images: Images) -> None:
        pixels = images.x.transpose(0, 3, 1, 2).reshape(len(images.x), -1)
        np.hstack([images.y[:, None].astype(np.uint8), pixels]).tofile(inside / name)

    write("test_batch.bin", test)
    for i, part in enumerate(np.array_split(np.arange(len(train.x)), 5)):
        write(f"data_batch_{i + 1}.bin", train.take(part))


def npz(path: Path, train: Images, test: Images | None = None) -> None:
    arrays = {"x_train": train.x, "y_train": train.y}
    np.savez(path, **arrays, **({"x_test": test.x, "y_test": test.y} if test else {}))


def split(name: str, **values: object) -> Split:
    return load_split(replace(RECIPE, dataset=name, **values))  # type: ignore[arg-type]


def test_the_sets_are_data_sets() -> None:
    assert PUBLISHED.keys() <= DATASETS.keys()


def test_the_data_folder_is_the_named_one_or_beside_the_tables(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NASBENCH_DATA", raising=False)
    assert data_folder() == tmp_path / "home/images"
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    assert data_folder() == tmp_path / "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NASBENCH_DATA", "~/images")
    assert data_folder() == tmp_path / "images"


def test_every_file_of_a_set_gives_the_same_split(toys: Path) -> None:
    order = np.random.default_rng(2).permutation(60)
    npz(toys / "cifar10.npz", TRAIN.take(order), TEST)
    from_npz, small_from_npz = split("cifar10"), split("cifar10_16")
    binary(toys, TRAIN, TEST)
    (toys / "cifar10.npz").unlink()
    from_binary, small_from_binary = split("cifar10"), split("cifar10_16")
    npz(toys / "cifar10_16.npz", halved(TRAIN), halved(TEST))
    assert split("cifar10").digest == from_binary.digest == from_npz.digest
    small = {
        split("cifar10_16").digest,
        small_from_npz.digest,
        small_from_binary.digest,
        split("cifar10", box_mean=2).digest,
        split(str(toys / "cifar10_16.npz")).digest,
    }
    assert len(small) == 1
    assert from_npz.digest not in small


def test_a_set_that_is_not_there_says_where_to_get_it(folder: Path) -> None:
    with pytest.raises(InvalidArgumentError) as missing:
        split("fashion_mnist")
    text = str(missing.value)
    assert "\n" not in text
    for part in (
        f"{folder} holds no fashion_mnist",
        "'nasbench fetch fashion_mnist'",
        "train-labels-idx1-ubyte.gz",
        "https://github.com/zalandoresearch/",
        f"into {folder / 'fashion_mnist'}",
        "NASBENCH_DATA",
    ):
        assert part in text


def jpeg(images: Images) -> Images:
    """Pixels that are off by a few, as after a lossy compression."""
    noise = np.random.default_rng(3).integers(-4, 5, images.x.shape)
    return Images(np.clip(images.x + noise, 0, 255).astype(np.uint8), images.y)


def relabelled(images: Images) -> Images:
    return Images(images.x, (images.y + 1) % 10)


def mixed(images: Images) -> Images:
    """The same pixels in other images: means stay."""
    return Images(np.ascontiguousarray(images.x.swapaxes(1, 2)), images.y)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (jpeg(TRAIN), TEST, "the training images have the channel means .* JPEG"),
        (TRAIN, jpeg(TEST), "the test images have the channel means .* JPEG"),
        (relabelled(TRAIN), TEST, "the training images or their labels differ: .* relabelled"),
        (TRAIN, mixed(TEST), "the test images or their labels differ"),
        (TRAIN.take(np.arange(59)), TEST, r"the training images have shape \(59, 32, 32, 3\), "),
        (
            halved(TRAIN),
            halved(TEST),
            r"the training images have shape \(60, 16, 16, 3\), not \(60, ",
        ),
        (TRAIN, TRAIN, r"the test images have shape \(60, .*, not \(30, 32, 32, 3\)"),
        (TRAIN, None, "it has no test images"),
    ],
)
def test_other_images_than_the_published_ones_are_refused(
    toys: Path, train: Images, test: Images | None, message: str
) -> None:
    npz(toys / "cifar10.npz", train, test)
    with pytest.raises(ArchiveError, match=rf"cifar10\.npz is not cifar10: {message}") as refused:
        split("cifar10")
    assert "\n" not in str(refused.value)


def test_the_small_set_is_checked_at_its_own_size(toys: Path) -> None:
    binary(toys, jpeg(TRAIN), TEST)
    with pytest.raises(ArchiveError, match="-bin is not cifar10_16: the training images have"):
        split("cifar10_16")


def test_cifar100_at_16_pixels_is_known_by_its_digest_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = PUBLISHED["cifar100_16"]
    small = halved(TRAIN)
    parts = {"train": replace(known.train, images=60), "test": replace(known.test, images=30)}
    monkeypatch.setattr(published_images, "PUBLISHED", {"cifar100_16": replace(known, **parts)})
    npz(folder / "cifar100_16.npz", small, halved(TEST))
    digest = known.train.digest
    with pytest.raises(
        ArchiveError, match=f"is {small.digest()}, that of the published .*{digest}"
    ):
        load("cifar100_16")


def arrays(path: Path) -> dict[str, NDArray[np.uint8]]:
    with np.load(path) as archive:
        return {name: archive[name] for name in ("x_train", "y_train", "x_test", "y_test")}


def test_fashion_mnist_is_one_set_as_idx_files_and_as_npz(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = shared("fashion_mnist_28.npz")
    recipe = replace(RECIPE, train=4992, valid=5000, test=10_000, box_mean=2)
    inside = folder / "fashion_mnist"
    inside.mkdir()
    for (name, md5), (key, values) in zip(IDX.items(), arrays(original).items(), strict=True):
        header = struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
        data = header + values.tobytes()
        assert hashlib.md5(data).hexdigest() == md5
        if "labels" in name:
            (inside / f"{name}.gz").write_bytes(gzip.compress(data, 1))
        else:
            (inside / name).write_bytes(data)
        assert key[2:] == ("train" if name.startswith("train") else "test")
    by_name = replace(recipe, dataset="fashion_mnist")
    by_path = replace(recipe, dataset=str(original))
    digest = load_split(by_name).digest
    assert load_split(by_path).digest == digest
    assert by_name.digest(digest) == by_path.digest(digest)
    # As it was before the set had a name: what was built then goes on.
    assert digest == "6e5500b04aad55ec71ae092c7aa31229663ec687b6235fc165df6358ab84c0c3"
    inside.rename(folder / "unused")
    (folder / "fashion_mnist.npz").symlink_to(original)
    train, test = load("fashion_mnist")
    assert [len(train.x), len(test.x)] == [60_000, 10_000]


def test_cifar10_at_16_pixels_is_known_as_npz_and_as_official_archive(folder: Path) -> None:
    """Of the official archive only the box means are at hand: they are its pixels, four times."""
    original = shared("cifar10_16.npz")
    npz_file = folder / "cifar10_16.npz"
    npz_file.symlink_to(original)
    known = load("cifar10_16")
    npz_file.unlink()
    binary(folder, *(Images(i.x.repeat(2, axis=1).repeat(2, axis=2), i.y) for i in known))
    for found, same in zip(load("cifar10_16"), known, strict=True):
        assert np.array_equal(found.x, same.x)
        assert np.array_equal(found.y, same.y)
    with pytest.raises(ArchiveError, match="is not cifar10: the training images have the channel"):
        load("cifar10")
