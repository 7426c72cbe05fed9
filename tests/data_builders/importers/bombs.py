"""Small files that become huge, import after import under a limit of memory; run by ``test_bombs``.

Prints, as JSON, exit code, output and growth of the memory in use (MiB) of every import.
"""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import resource
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import h5py
import numpy as np

from nasbench.cli import main

SIZE = 192 << 20
RESULT = "nb_301/rs/results_1.json"
FCNET = "fcnet_protein_structure_data.hdf5"


def zeros(count: int) -> Iterator[bytes]:
    yield from [bytes(1 << 24)] * (count >> 24)


def packed(compress: Callable[[bytes], bytes], count: int, of: bytes = b"\0") -> bytes:
    """Streams of 16 MiB one after the other."""
    return compress(of * (1 << 24)) * (count >> 24)


def zipped(path: Path, name: str, method: int, content: bytes | int) -> Path:
    with (
        zipfile.ZipFile(path, "w", method) as archive,
        archive.open(name, "w", force_zip64=True) as file,
    ):
        for part in zeros(content) if isinstance(content, int) else [content]:
            file.write(part)
    return path


def changed(path: Path, *fields: tuple[int, int, int]) -> Path:
    """Set 16-bit fields of both headers of a zip's one file: offset in either, and the value."""
    data = bytearray(path.read_bytes())
    local, central = data.index(b"PK\3\4"), data.index(b"PK\1\2")
    for in_local, in_central, value in fields:
        struct.pack_into("<H", data, local + in_local, value)
        struct.pack_into("<H", data, central + in_central, value)
    path.write_bytes(data)
    return path


def pickled(path: Path, program: bytes) -> Path:
    """A zip as torch.save writes, with this program."""
    return zipped(path, "archive/data.pkl", zipfile.ZIP_DEFLATED, program)


def tarred(path: Path, header: tarfile.TarInfo, content: int) -> Path:
    header.size = content
    start = gzip.compress(header.tobuf(tarfile.GNU_FORMAT))
    path.write_bytes(start + packed(gzip.compress, content))
    return path


def hdf5(path: Path, *, chunk: int = 1, deep: bool = False) -> Path:
    names = ("activation_fn_1", "activation_fn_2", "batch_size", "dropout_1", "dropout_2")
    names += ("init_lr", "lr_schedule", "n_units_1", "n_units_2")
    values = ("tanh", "tanh", 8, 0.0, 0.0, 5e-4, "cosine", 16, 16)
    name = json.dumps(dict(zip(names, values, strict=True)), sort_keys=True)
    with h5py.File(path, "w") as file:
        if deep:
            file.create_group("[" * 100_000)
            return path
        group = file.create_group(name)
        group.create_dataset(
            "n_params",
            (4,),
            "i8",
            chunks=(chunk,),
            maxshape=(None,),
            compression="gzip",
            data=np.full(4, 465),
        )
    return path


def bombs(folder: Path) -> Iterator[tuple[str, list[str]]]:
    zip_, pth = folder / "nb_301.zip", folder / "a.pth"
    yield "nb301 deflate", ["nb301", str(zipped(zip_, RESULT, 8, SIZE))]
    yield "nb301 bz2", ["nb301", str(zipped(zip_, RESULT, 12, SIZE // 3))]
    yield "pth lzma", ["nb201", str(zipped(pth, "archive/data.pkl", 14, SIZE // 3))]
    plain = zipped(zip_, RESULT, 0, b"{}").read_bytes()
    for name, fields in {
        "method 93": [(8, 10, 93)],
        "method 99": [(8, 10, 99)],
        "encrypted": [(6, 8, 1)],
        "patched": [(6, 8, 32)],
        "name of no letters": [(6, 8, 0x800), (30, 46, 0xFFFF)],
    }.items():
        zip_.write_bytes(plain)
        yield f"nb301 {name}", ["nb301", str(changed(zip_, *fields))]
    plain = zipped(pth, "archive/data.pkl", 0, b"\x80\2}.").read_bytes()
    for name, fields in {
        "method 93": [(8, 10, 93)],
        "encrypted": [(6, 8, 1)],
        "name of no letters": [(6, 8, 0x800), (30, 46, 0xFFFF)],
    }.items():
        pth.write_bytes(plain)
        yield f"pth {name}", ["nb201", str(changed(pth, *fields))]
    mebi = 1 << 20
    programs = {
        "marks": b"\x80\2" + b"(" * 9 * mebi,
        "nothing": b"\x80\2(" + b"N" * 9 * mebi,
        "sets": b"\x80\4(" + b"\x8f" * 9 * mebi,
        "memo": b"\x80\4N" + b"\x94" * 9 * mebi,
        "module": b"\x80\4\x8d" + struct.pack("<Q", 9 * mebi) + b"m" * 9 * mebi + b"\x8c\1n\x93.",
    }
    for name, program in programs.items():
        yield f"pth {name}", ["nb201", str(pickled(pth, program))]
    folder_ = folder / "simple"
    folder_.mkdir()
    (folder_ / "meta.pickle.pbz2").write_bytes(packed(bz2.compress, SIZE))
    (folder_ / "000001.pickle.pbz2").write_bytes(b"")
    yield "nats", ["nats", str(folder_)]
    for name, compress in (("bz2", bz2.compress), ("xz", lzma.compress)):
        path = folder / f"tar.{name}"
        path.write_bytes(packed(compress, SIZE))
        yield f"tar {name}", ["nb301", str(path)]
    header = tarfile.TarInfo("././@LongLink")
    header.type = tarfile.GNUTYPE_LONGNAME
    yield "tar name", ["nb301", str(tarred(folder / "a.tar.gz", header, SIZE))]
    yield "tar member", ["nb301", str(tarred(folder / "a.tar.gz", tarfile.TarInfo(RESULT), SIZE))]
    for end in ("csv", "jsonl"):
        path = folder / f"a.{end}.gz"
        start = gzip.compress(b"arch,a\n") if end == "csv" else b""
        path.write_bytes(start + packed(gzip.compress, SIZE, b"\n"))
        own = ["--id", "mine", "--space", "nb201", "--arch", "arch"]
        yield f"newlines {end}", ["table", str(path), *own, "--metric", "valid_accuracy@1=a"]
    path = folder / "b.csv.gz"
    path.write_bytes(gzip.compress(b"arch,a\n") + gzip.compress(b'"\n",' * (1 << 23)))
    yield "row without end", ["table", str(path), *own, "--metric", "valid_accuracy@1=a"]
    for name, content in {"deep": b"[" * mebi, "digits": b'{"info": ' + b"1" * 5000 + b"}"}.items():
        yield f"json {name}", ["nb301", str(zipped(zip_, RESULT, 8, content))]
        (path := folder / "nas-bench-macro_cifar10.json").write_bytes(content)
        yield f"macro {name}", ["nbmacro", str(path)]
    yield "long name", ["nb301", str(zipped(zip_, "a/" * 20_000 + "results_1.json", 8, b"{}"))]
    yield "escape", ["nb301", str(zipped(zip_, "rs\x1b[31m/results_1.json", 8, b"{}"))]
    yield "hdf5 chunks", ["fcnet", str(hdf5(folder / FCNET, chunk=1 << 22))]
    yield "hdf5 name", ["fcnet", str(hdf5(folder / FCNET, deep=True))]
    for name in ("fcnet.h5", "fcnet.json", "fcnet.whl"):
        (path := folder / name).write_bytes(b"<!DOCTYPE html><html>")
        yield f"page {name}", ["fcnet", str(path)]


def run(arguments: list[str], folder: Path) -> tuple[int, str]:
    command = ["nasbench", "import", *arguments, "--out", str(folder / "out")]
    command += ["--work", str(folder / "work")]
    output = io.StringIO()
    with (
        patch.object(sys, "argv", command),
        contextlib.redirect_stderr(output),
        contextlib.redirect_stdout(output),
    ):
        try:
            main()
        except SystemExit as error:
            return int(error.code or 0), output.getvalue()
        except BaseException as error:
            return -1, f"{type(error).__name__}: {error!s:.200}"
    return 0, output.getvalue()


def in_use() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:  # MiB above what the imports of modules need
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        limit = mapped + int(sys.argv[2]) * (1 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = {}
    for name, arguments in bombs(folder):
        before = in_use()
        found[name] = (*run(arguments, folder), in_use() - before)
    found["left"] = (0, " ".join(sorted(p.name for p in folder.glob("work/*"))), 0)
    print(json.dumps(found))
