"""What a careless reader of archives falls for."""

import bz2
import gzip
import io
import os
import pickle
import random
import tarfile
import zipfile
from pathlib import Path


class _Intruder:
    """Unpickled by a careless reader, it leaves a folder.

    Args:
        mark: The folder.
    """

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._mark),)


def hostile_files(mark: Path) -> dict[str, bytes]:
    """Contents of files that are not archives, by what they are.

    Args:
        mark: A folder that appears if the code in one of them is run.
    """
    code = pickle.dumps(_Intruder(mark), protocol=2)
    noise = random.Random(0).randbytes(1000)
    return {
        "nothing": b"",
        "zeros": bytes(4096),
        "text": b"no archive\n" * 100,
        "a page": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
        "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "json": b"[1, 2, {}]",
        "deep json": b"[" * 100_000,
        "code": code,
        "zipped code": _zipped("archive/data.pkl", code),
        "code in bz2": bz2.compress(code),
        "code in gzip": gzip.compress(code),
        "code in tar": _tarred("a/results_0.json", code),
        "a path out of a zip": _zipped("../results_0.json", b"{}"),
        "a path out of a tar": _tarred("/results_0.json", b"{}"),
        "half a bz2": bz2.compress(noise)[:-50],
        "half a zip": _zipped("data.pkl", bytes(1000))[:-30],
    }


def _zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _tarred(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()
