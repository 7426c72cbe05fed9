"""The archives of CIFAR: every format gives the same images; hostile ones are refused.

The pickles are written here as Python 2 writes them, instruction by instruction. Their images are
random numbers.
"""

import io
import os
import pickle
import struct
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from data_builders.images.cifar_files import cifar_binary, cifar_python
from data_builders.images.images import Images
from data_builders.images.published import PUBLISHED
from nasbench.errors import ArchiveError

Writer = Callable[[Path, Mapping[str, bytes]], Path]

RNG = np.random.default_rng(0)
TRAIN = [
    Images(RNG.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), np.arange(n) % 7) for n in (4, 3)
]
TEST = Images(RNG.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8), np.array([9, 255]))
POOL = Images(np.concatenate([i.x for i in TRAIN]), np.concatenate([i.y for i in TRAIN]))


def rows(images: Images) -> NDArray[np.uint8]:
    """All red pixels of an image row by row, then all green ones, then all blue ones."""
    return np.stack([np.concatenate([x[..., c].ravel() for c in range(3)]) for x in images.x])


def binary(images: Images, before: bytes = b"") -> bytes:
    return b"".join(
        before + bytes([y]) + row.tobytes()
        for y, row in zip(images.y.tolist(), rows(images), strict=True)
    )


Code = list[bytes | None]  # of a pickle; None numbers the object before it


def text2(value: bytes) -> Code:
    short = len(value) < 256
    head = b"U" + bytes([len(value)]) if short else b"T" + struct.pack("<i", len(value))
    return [head + value, None]


def array2(values: NDArray[np.uint8], kind: bytes = b"u1", sizes: tuple[int, ...] = ()) -> Code:
    shape = b"".join(b"M" + struct.pack("<H", size) for size in sizes or values.shape)
    made = [b"cnumpy.core.multiarray\n_reconstruct\n", None, b"cnumpy\nndarray\n", None]
    made += [b"K\x00\x85", *text2(b"b"), b"\x87R", None]
    dtype = [b"cnumpy\ndtype\n", None, *text2(kind), b"K\x00K\x01\x87R", None]
    dtype += [b"(K\x03", *text2(b"|"), b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"]
    by_column = b"\x89" if values.flags.c_contiguous else b"\x88"
    data = text2(values.tobytes(order="A"))
    return [*made, b"(K\x01", shape + b"\x86", *dtype, by_column, *data, b"tb"]


def list2(values: list[Code]) -> Code:
    return [b"]", None, b"(", *(part for value in values for part in value), b"e"]


def numbers2(values: list[int]) -> Code:
    return list2([[b"K" + bytes([value])] for value in values])


def pickle2(code: Code) -> bytes:
    """A pickle of protocol 2; Python 2 counts its objects from 1."""
    count = iter(range(1, 256))
    return b"\x80\x02" + b"".join(c or b"q" + bytes([next(count)]) for c in code) + b"."


def batch2(images: Images, key: str = "labels", **other: Code) -> bytes:
    entries = {
        "batch_label": text2(b"training batch 1 of 5"),
        key: numbers2(images.y.tolist()),
        "data": array2(rows(images)),
        "filenames": list2([text2(b"bird_s_%06d.png" % i) for i in range(len(images.y))]),
        **other,
    }
    items = [part for name, value in entries.items() for part in [*text2(name.encode()), *value]]
    return pickle2([b"}", None, b"(", *items, b"u"])


def folder(path: Path, files: Mapping[str, bytes]) -> Path:
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def tar(path: Path, files: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in reversed(files.items()):
            info = tarfile.TarInfo(f"cifar/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def read_binary(path: Path) -> tuple[Images, Images]:
    return cifar_binary(path, train=("1.bin", "2.bin"), test=("t.bin",), labels=1)


def read_python(path: Path) -> tuple[Images, Images]:
    return cifar_python(path, train=("1", "2"), test=("t",), labels=b"labels")


BINARY = {"1.bin": binary(TRAIN[0]), "2.bin": binary(TRAIN[1]), "t.bin": binary(TEST)}
PYTHON = {"1": batch2(TRAIN[0]), "2": batch2(TRAIN[1]), "t": batch2(TEST), "meta": b"anything"}


def same(found: tuple[Images, Images | None]) -> bool:
    return all(
        a and np.array_equal(a.x, b.x) and np.array_equal(a.y, b.y) and a.y.dtype == np.int64
        for a, b in zip(found, (POOL, TEST), strict=True)
    )


@pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
def test_the_written_pickles_are_what_pickle_reads() -> None:
    content = pickle.loads(PYTHON["1"], encoding="bytes")
    assert set(content) == {b"batch_label", b"labels", b"data", b"filenames"}
    assert np.array_equal(content[b"data"], rows(TRAIN[0]))
    assert content[b"data"].dtype == np.uint8
    assert content[b"labels"] == TRAIN[0].y.tolist()
    assert content[b"filenames"][2] == b"bird_s_000002.png"


@pytest.mark.parametrize("write", [folder, tar])
def test_every_format_gives_the_images_in_their_order(tmp_path: Path, write: Writer) -> None:
    assert same(read_binary(write(tmp_path / "binary", BINARY)))
    assert same(read_python(write(tmp_path / "python", PYTHON)))


def test_an_array_may_be_stored_by_column(tmp_path: Path) -> None:
    by_column = batch2(TRAIN[0], data=array2(np.asfortranarray(rows(TRAIN[0]))))
    assert by_column != PYTHON["1"]
    assert same(read_python(folder(tmp_path / "python", {**PYTHON, "1": by_column})))


def test_of_two_labels_the_fine_one_is_the_class(tmp_path: Path) -> None:
    files = {"train.bin": binary(POOL, b"\x13"), "test.bin": binary(TEST, b"\x13")}
    path = folder(tmp_path / "binary", files)
    assert same(cifar_binary(path, train=("train.bin",), test=("test.bin",), labels=2))
    coarse = numbers2([19] * 7)
    files = {"train": batch2(POOL, "fine_labels", coarse_labels=coarse)}
    files["test"] = batch2(TEST, "fine_labels", coarse_labels=numbers2([19] * 2))
    path = folder(tmp_path / "python", files)
    assert same(cifar_python(path, train=("train",), test=("test",), labels=b"fine_labels"))


def five(make: Callable[[Images], bytes], ending: str = "") -> dict[str, bytes]:
    """The files of CIFAR-10."""
    parts = np.array_split(np.arange(len(POOL.y)), 5)
    files = {f"data_batch_{i}{ending}": make(POOL.take(part)) for i, part in enumerate(parts, 1)}
    return {**files, f"test_batch{ending}": make(TEST)}


def two(make: Callable[[Images], bytes], ending: str = "") -> dict[str, bytes]:
    """The files of CIFAR-100."""
    return {f"train{ending}": make(POOL), f"test{ending}": make(TEST)}


OFFICIAL = {
    "cifar-10-batches-bin": five(binary, ".bin"),
    "cifar-10-batches-py": five(batch2),
    "cifar-10-binary.tar.gz": five(binary, ".bin"),
    "cifar-10-python.tar.gz": five(batch2),
    "cifar-100-binary": two(lambda images: binary(images, b"\x13"), ".bin"),
    "cifar-100-python": two(lambda images: batch2(images, "fine_labels")),
    "cifar-100-binary.tar.gz": two(lambda images: binary(images, b"\x13"), ".bin"),
    "cifar-100-python.tar.gz": two(lambda images: batch2(images, "fine_labels")),
}


def test_every_official_name_has_its_reader(tmp_path: Path) -> None:
    for name in ("cifar10", "cifar100"):
        for source, read in PUBLISHED[name].sources.items():
            if not source.endswith(".npz"):
                write = tar if source.endswith(".gz") else folder
                assert same(read(write(tmp_path / source, OFFICIAL[source])))
    assert len(list(tmp_path.iterdir())) == len(OFFICIAL)


class System:
    """An object whose pickle runs a command when it is read."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


@pytest.mark.parametrize("write", [folder, tar])
def test_a_batch_that_names_a_system_command_is_refused_by_its_name(
    tmp_path: Path, write: Writer
) -> None:
    trace = tmp_path / "trace"
    hostile = pickle.dumps({"data": System(f"touch {trace}")}, protocol=2)
    path = write(tmp_path / "python", {**PYTHON, "2": hostile})
    with pytest.raises(ArchiveError, match=rf"2 holds '{os.system.__module__}\.system', which is"):
        read_python(path)
    assert not trace.exists()
    pickle.loads(hostile)
    assert trace.exists(), "the pickle must be dangerous, or the test shows nothing"


NO_ARRAY = "holds no array 'data' with rows of 3072 bytes"
NO_LABELS = "holds no list 'labels' of 4 integers in 0..255"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not a pickle, or is damaged"),
        (PYTHON["1"][:-1], "is not a pickle, or is damaged"),
        (PYTHON["1"][:5000], "is not a pickle, or is damaged"),
        (PYTHON["1"] + b"x", "bytes follow the pickle"),
        (b"\x80\x02T\xff\xff\xff\xff.", "is not a pickle, or is damaged"),
        (pickle2([b"]"]), NO_ARRAY),
        (pickle2([b"}"]), NO_ARRAY),
        (batch2(TRAIN[0], data=text2(rows(TRAIN[0]).tobytes())), NO_ARRAY),
        (batch2(TRAIN[0], data=[b"}"]), NO_ARRAY),
        (batch2(TRAIN[0], data=array2(rows(TRAIN[0])[:, 1:])), NO_ARRAY),
        (batch2(TRAIN[0], data=array2(rows(TRAIN[0])[:0])), NO_ARRAY),
        (batch2(TRAIN[0], data=array2(rows(TRAIN[0]), b"i8")), "b'i8' is not the type of pixels"),
        (batch2(TRAIN[0], data=array2(rows(TRAIN[0]), b"O8")), "b'O8' is not the type of pixels"),
        (
            batch2(TRAIN[0], data=array2(rows(TRAIN[0]), sizes=(4, 3071))),
            "is not a pickle, or is damaged: cannot reshape",
        ),
        (
            batch2(TRAIN[0], data=[b"cnumpy.core.multiarray\n_reconstruct\n)R"]),
            "is not a pickle, or is damaged",
        ),
        (batch2(TRAIN[0], data=[b"cnumpy\nndarray\n)R"]), NO_ARRAY),
        (batch2(TRAIN[0], "fine_labels"), NO_LABELS),
        (batch2(TRAIN[0], labels=numbers2([1] * 3)), NO_LABELS),
        (batch2(TRAIN[0], labels=list2([[b"K\x01"]] * 3 + [[b"J\xff\xff\xff\xff"]])), NO_LABELS),
        (batch2(TRAIN[0], labels=list2([[b"K\x01"]] * 3 + [[b"M\x00\x01"]])), NO_LABELS),
        (batch2(TRAIN[0], labels=list2([[b"K\x01"]] * 3 + [[b"\x88"]])), NO_LABELS),
        (batch2(TRAIN[0], labels=list2([[b"K\x01"]] * 3 + [[b"]"]])), NO_LABELS),
        (batch2(TRAIN[0], labels=array2(rows(TRAIN[0])[:, :1])), NO_LABELS),
        (pickle.dumps({b"data": np.zeros((4, 3072), np.uint8)}), "not allowed"),
    ],
)
def test_a_bad_batch_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = folder(tmp_path / "python", {**PYTHON, "1": data})
    with pytest.raises(ArchiveError, match=rf"{path / '1'} .*{message}") as refused:
        read_python(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"short", BINARY["1.bin"][:-1], BINARY["1.bin"] + b"x"])
def test_a_binary_file_of_no_whole_images_is_refused(tmp_path: Path, data: bytes) -> None:
    path = folder(tmp_path / "binary", {**BINARY, "1.bin": data})
    with pytest.raises(ArchiveError, match=r"1\.bin has [\d,]+ bytes, not a multiple of 3073"):
        read_binary(path)


@pytest.mark.parametrize("write", [folder, tar])
def test_missing_files_are_named(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path / "binary", {"2.bin": BINARY["2.bin"], "readme.html": b"<html>"})
    with pytest.raises(ArchiveError, match=r"binary holds no 1\.bin, t\.bin$"):
        read_binary(path)
    path = write(tmp_path / "python", {name: PYTHON[name] for name in ("1", "2")})
    with pytest.raises(ArchiveError, match=r"python holds no t$"):
        read_python(path)


@pytest.mark.parametrize("name", ["../1.bin", "/etc/1.bin", "cifar/../../1.bin", "C:/1.bin"])
def test_a_name_that_leads_out_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(BINARY["1.bin"])
        archive.addfile(info, io.BytesIO(BINARY["1.bin"]))
    with pytest.raises(ArchiveError, match=f"'{name}' points outside the archive"):
        read_binary(path)


def test_a_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("cifar/1.bin")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ArchiveError, match=r"1\.bin is a link or a device"):
        read_binary(path)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar.gz", BINARY).read_bytes()
    path = tmp_path / "bad.tar.gz"
    middle = len(whole) // 2
    for data in (whole[:middle], whole[:-4], whole[:middle] + b"????" + whole[middle + 4 :]):
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match=r"bad\.tar\.gz"):
            read_binary(path)
    path.write_bytes(b"<html>moved</html>")
    with pytest.raises(ArchiveError, match=r"bad\.tar\.gz is an HTML page, not a folder, zip or"):
        read_binary(path)
