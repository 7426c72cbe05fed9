"""Damaged archives: zip and compressed tar files, and pickles, whose bytes or programs changed."""

import io
import json
import pickle
import random
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.harness import Case, main
from fuzz.mutations import mutate_bytes

from data_builders.archives.entries import entries
from data_builders.pickles.unpickle import load

LIMIT = 1 << 20
DOCUMENTS = {f"results/{n}.json": json.dumps({"run": n, "loss": [n / 7] * 50}) for n in range(4)}
CONTENT: dict[Any, Any] = {
    "names": ["a", "bc", "ü" * 300],
    ("x", 1): {"deep": [{"deeper": [[1.5, None, True]]}], 7: b"bytes" * 60},
    "numbers": [0, -1, 255, 2**31, 2**70, 1e308, float("inf")],
    "sets": {1, 2, 3},
}
OPCODES = b"()]}0123FNIJKLMVUTXCBGRcbiPQeghjlopqrstuad." + bytes(range(0x80, 0x99))


@cache
def zipped(method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, text in DOCUMENTS.items():
            archive.writestr(zipfile.ZipInfo(name), text, method)
    return stream.getvalue()


@cache
def tarred(mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in DOCUMENTS.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return stream.getvalue()


def in_archive(rng: random.Random, folder: Path) -> Case:
    """Bytes of a container change; it holds what it held, or is refused."""
    made = [zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_DEFLATED)]
    made += [tarred(f"w:{kind}") for kind in ("gz", "bz2", "xz")]
    content = mutate_bytes(rng, rng.choice(made))
    path = folder / "archive"
    path.write_bytes(content)

    def use() -> bool:
        with entries(path, "give one") as found:
            read = {"/".join(entry.parts[-2:]): entry.read(LIMIT).decode() for entry in found}
        return read == DOCUMENTS

    return "archive", use


def in_pickle(rng: random.Random, _: Path) -> Case:
    """A pickle's program changes; whatever it makes then, nothing but containers comes out."""
    content = pickle.dumps(CONTENT, protocol=rng.randrange(2, 6))
    if rng.random() < 0.5:
        how, content = "bytes", mutate_bytes(rng, content)
    else:
        data = bytearray(content)
        for _number in range(rng.choice([1, 2, 5, 50])):
            at = rng.randrange(2, len(data))
            data[at : at + rng.randrange(2)] = bytes([rng.choice(OPCODES)])
        how, content = "other opcodes", bytes(data)
    return f"pickle, {how}", lambda: is_plain(load(io.BytesIO(content), where="fuzzed.pickle"))


def is_plain(value: Any) -> bool:
    """Whether a value holds nothing but containers, texts and numbers."""
    seen: set[int] = set()
    left = [value]
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if type(value) is dict:
            left += [*value.keys(), *value.values()]
        elif type(value) in (list, tuple, set, frozenset):
            left += value
        elif type(value) not in (str, bytes, bytearray, int, float, bool, type(None)):
            return False
    return True


def case(rng: random.Random, folder: Path) -> Case:
    """A damaged archive or pickle; used by reading all of it."""
    return rng.choice([in_archive, in_pickle])(rng, folder)


if __name__ == "__main__":
    main(case)
