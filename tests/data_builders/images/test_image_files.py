"""Image files: ``.npz`` and idx, whole and hostile ones."""

import gzip
import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data_builders.images.image_files import idx_folder, npz
from nasbench.errors import ArchiveError, InvalidArgumentError


def images(n: int, seed: int = 0) -> dict[str, NDArray[np.generic]]:
    """Random images of 4x4 pixels and two channels, three classes."""
    rng = np.random.default_rng(seed)
    return {
        "x": rng.integers(0, 256, (n, 4, 4, 2), dtype=np.uint8),
        "y": (np.arange(n) % 3).astype(np.uint8),
    }


def save(path: Path, **parts: dict[str, NDArray[np.generic]]) -> Path:
    arrays = {f"{axis}_{name}": part[axis] for name, part in parts.items() for axis in "xy"}
    np.savez(path, **arrays)
    return path


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
        ({"x_train": X}, "has no array 'y_train'; did you mean 'x_train'"),
        ({"y_train": Y}, "has no array 'x_train'"),
        ({"images": X}, r"has no array 'x_train'. Possible: 'images'"),
        ({"x_train": X, "y_train": Y, "x_test": X}, "has no array 'y_test'"),
        ({"x_train": X, "y_train": Y, "y_test": Y}, "has no array 'x_test'"),
        ({"x_train": X.astype(np.float32), "y_train": Y}, "x_train has type float32"),
        ({"x_train": X.astype(np.int64), "y_train": Y}, "x_train has type int64"),
        ({"x_train": X[0, 0], "y_train": Y}, r"shape \(4, 2\); it must be uint8 \(n, height"),
        ({"x_train": X[:0], "y_train": Y[:0]}, r"shape \(0, 4, 4, 2\)"),
        ({"x_train": np.uint8(3), "y_train": Y}, r"shape \(\)"),
        ({"x_train": X, "y_train": Y[:4]}, r"shape \(4,\); it must have 5 integer labels"),
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


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 1024, 1024), }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (5, 4, 4, 2, }",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (5, 4, 4, 2), ",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (5L 4, 4, 2)}",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (5, 4, 4, 2)}",
        b"[" * 5000,
    ],
)
def test_an_npz_file_with_a_bad_header_is_refused(tmp_path: Path, header: bytes) -> None:
    header += b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(160)
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        archive.writestr("x_train.npy", array)
    with pytest.raises(InvalidArgumentError, match=r"bad\.npz cannot be read as an .npz file"):
        npz(tmp_path / "bad.npz")


NAMES = {
    "train-images-idx3-ubyte": (7, 5, 6),
    "train-labels-idx1-ubyte": (7,),
    "t10k-images-idx3-ubyte": (3, 5, 6),
    "t10k-labels-idx1-ubyte": (3,),
}
LABELS = "train-labels-idx1-ubyte"
PIXELS = "train-images-idx3-ubyte"


def idx(*shape: int, magic: bytes | None = None) -> bytes:
    """An idx file; its bytes count up from 0."""
    begin = bytes([0, 0, 8, len(shape)]) if magic is None else magic
    return begin + struct.pack(f">{len(shape)}I", *shape) + bytes(range(int(np.prod(shape))))


FILES = {name: idx(*shape) for name, shape in NAMES.items()}


def md5(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.md5(data).hexdigest() for name, data in files.items()}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_idx_files_are_read_plain_and_compressed(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / PIXELS).unlink()
    (tmp_path / f"{PIXELS}.gz").write_bytes(gzip.compress(FILES[PIXELS]))
    train, test = idx_folder(tmp_path, md5=md5(FILES))
    assert train.x.shape == (7, 5, 6, 1)
    assert train.x[6, 4, 5, 0] == 7 * 5 * 6 - 1
    assert train.x[1, 0, 3, 0] == 33
    assert train.y.tolist() == list(range(7))
    assert train.y.dtype == np.int64
    assert test.x.shape == (3, 5, 6, 1)
    assert test.y.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (LABELS, FILES[LABELS][:-1], "is damaged: 6 bytes follow its header, which announces 7"),
        (PIXELS, FILES[PIXELS][:100], "is damaged: 84 bytes .* announces 7x5x6"),
        (PIXELS, FILES[PIXELS] + b"x", "is damaged: 211 bytes follow its header"),
        (PIXELS, FILES[PIXELS][:15], "is not an idx file .*: it begins with 00000803, not with"),
        (
            LABELS,
            b"",
            "is empty, not|is not an idx file .*: it begins with nothing, not with 00000801",
        ),
        (LABELS, b"\0\0\x08\x01" + b"\xff" * 4, "is damaged: 0 bytes .* announces 4294967295"),
        (LABELS, idx(7, magic=b"\0\0\x09\x01"), "is not an idx file .*: it begins with 00000901"),
        (LABELS, FILES[PIXELS], "is not an idx file .* in 1 dimensions: it begins with 00000803"),
        (
            LABELS,
            b"<html>moved</html>",
            "is an HTML page, not|is not an idx .* begins with 3c68746d",
        ),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_bad_idx_file_is_refused(
    tmp_path: Path, name: str, data: bytes, message: str, compressed: bool
) -> None:
    """Its checksum is the given one, so that what is wrong with it is said."""
    write(tmp_path, FILES)
    if compressed:
        (tmp_path / name).unlink()
    path = tmp_path / (f"{name}.gz" if compressed else name)
    path.write_bytes(gzip.compress(data) if compressed else data)
    with pytest.raises(ArchiveError, match=f"{path.name} {message}"):
        idx_folder(tmp_path, md5=md5({**FILES, name: data}))


def test_idx_files_must_have_their_checksums(tmp_path: Path) -> None:
    changed = FILES[LABELS][:-1] + b"\x05"
    write(tmp_path, {**FILES, LABELS: changed})
    known, found = hashlib.md5(FILES[LABELS]).hexdigest(), hashlib.md5(changed).hexdigest()
    with pytest.raises(ArchiveError, match=f"{LABELS} is not .* content is {found}, not {known}"):
        idx_folder(tmp_path, md5=md5(FILES))


def test_an_idx_file_for_every_image_and_label_is_needed(tmp_path: Path) -> None:
    files = {**FILES, LABELS: idx(6)}
    write(tmp_path, files)
    with pytest.raises(ArchiveError, match=r"has 7 images, train-labels-idx1-ubyte 6 labels"):
        idx_folder(tmp_path, md5=md5(files))
    (tmp_path / LABELS).unlink()
    with pytest.raises(ArchiveError, match=f"holds no {LABELS}, neither plain nor as .gz"):
        idx_folder(tmp_path, md5=md5(files))


def test_a_damaged_compressed_idx_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / PIXELS).unlink()
    packed = gzip.compress(FILES[PIXELS])
    for data in (packed[:-9], packed[:40], packed[:30] + b"????" + packed[34:], b""):
        (tmp_path / f"{PIXELS}.gz").write_bytes(data)
        with pytest.raises(
            ArchiveError, match=rf"{PIXELS}\.gz (cannot be|is not an idx file|is empty)"
        ):
            idx_folder(tmp_path, md5=md5(FILES))


def test_a_compressed_idx_file_that_never_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_builders.images.image_files._LIMIT", 1000)
    write(tmp_path, FILES)
    (tmp_path / PIXELS).unlink()
    packed = io.BytesIO()
    with gzip.open(packed, "wb") as file:
        file.write(bytes(10_000))
    (tmp_path / f"{PIXELS}.gz").write_bytes(packed.getvalue())
    with pytest.raises(ArchiveError, match=r"\.gz is larger than 1,000 bytes"):
        idx_folder(tmp_path, md5=md5(FILES))


def with_shape(shape: tuple[int, ...], size: int) -> bytes:
    """A file of bytes that says that they have this shape."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(size)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_shape((2**70,), 8), r"the shape \(1180591620717411303424,\) has 8 bytes"),
        (with_shape((2**40, 2**30), 8), "has 8 bytes"),
        (with_shape((-1, 8), 8), "has 8 bytes"),
        (with_shape((3,), 8), r"the shape \(3,\) has 8 bytes"),
        (b"\x93NUMPY\1\0\xff\xff" + b"(" * 0xFFFF, "cannot be read as an .npz file"),
        (b"\x93NUMPY\7\0\0\0", r"version \(7, 0\) of .npy is not read"),
        (bytes(80 << 20), "becomes larger than 67,108,864 bytes"),
    ],
    ids=["2**70", "overflow", "negative", "more", "nested", "version", "zeros"],
)
def test_an_array_that_is_not_what_it_says_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", content)
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        npz(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_file_that_a_browser_has_decompressed_is_read(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / PIXELS).rename(tmp_path / f"{PIXELS}.gz")
    assert len(idx_folder(tmp_path, md5=md5(FILES))[0].x) == 7
