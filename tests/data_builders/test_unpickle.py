"""Foreign pickles: what is harmless is read, everything else is refused before it can act."""

import io
import os
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_builders import unpickle
from nasbench.errors import ArchiveError

PLAIN = {
    "421211": {"val_acc": [82.092, -0.0, float("inf")], "flags": (True, None, {1, 2})},
    7: [10**30, b"bytes", bytearray(b"more"), frozenset("ab"), "grün", -1],
}


def load(data: bytes, **options: Any) -> Any:
    return unpickle.load(io.BytesIO(data), where="some.pkl", **options)


class Calls:
    """An object whose pickle calls a function when it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [4, 5])
def test_builtin_containers_and_numbers_are_read(protocol: int) -> None:
    # bytearray has an opcode of its own since protocol 5 only; sets and frozensets since 4.
    plain = PLAIN if protocol == 5 else {"421211": PLAIN["421211"]}
    assert load(pickle.dumps(plain, protocol=protocol)) == plain


def test_shared_and_recursive_objects_are_read() -> None:
    row: list[Any] = [1.5]
    row.append(row)
    content = load(pickle.dumps([row, row]))
    assert content[0] is content[1] is content[0][1]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_system_command_is_named_and_not_run(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "trace"
    hostile = pickle.dumps({"421211": Calls(os.system, f"touch {trace}")}, protocol=protocol)
    with pytest.raises(ArchiveError, match=rf"some\.pkl.*'{os.system.__module__}\.system'.*none"):
        load(hostile)
    assert not trace.exists()
    pickle.loads(hostile)
    assert trace.exists(), "the pickle must be dangerous, or the test shows nothing"


@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'true'\no.", "os.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        (b"\x80\x04\x8c\x08builtins\x8c\x0cgetattr.real\x93.", "builtins.getattr.real"),
        (pickle.dumps(Calls(eval, "1")), "builtins.eval"),
        (pickle.dumps({1: {2: [np.float64(0.5)]}}), "numpy._core.multiarray.scalar"),
        (b"cnumpy.core.multiarray\n_reconstruct\n.", "numpy.core.multiarray._reconstruct"),
        (pickle.dumps(OrderedDict(a=1)), "collections.OrderedDict"),
    ],
)
def test_every_global_is_refused_by_name(hostile: bytes, named: str) -> None:
    with pytest.raises(ArchiveError, match=named.replace(".", r"\.")):
        load(hostile)


def test_nothing_is_imported() -> None:
    # `import this` would print a poem; a name that does not exist is not even looked for.
    sys.modules.pop("this", None)
    with pytest.raises(ArchiveError, match=r"'this\.s'"):
        load(b"cthis\ns\n.")
    assert "this" not in sys.modules
    with pytest.raises(ArchiveError, match=r"'no_such_module\.thing'"):
        load(b"cno_such_module\nthing\n.")


def test_an_allowed_name_stands_for_what_the_importer_chose() -> None:
    data = pickle.dumps([OrderedDict(a=1), OrderedDict(b=2)])
    content = load(data, allowed={"collections.OrderedDict": dict})
    assert content == [{"a": 1}, {"b": 2}]
    assert type(content[0]) is dict


def test_a_near_miss_of_the_allowed_names_is_guessed() -> None:
    with pytest.raises(ArchiveError, match=r"did you mean 'collections\.OrderedDict'"):
        load(b"ccollections\nOrderedDic\n.", allowed={"collections.OrderedDict": dict})


def test_one_allowed_name_does_not_admit_another() -> None:
    data = pickle.dumps([OrderedDict(a=1), Calls(os.system, "true")])
    with pytest.raises(ArchiveError, match="system"):
        load(data, allowed={"collections.OrderedDict": dict})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"Pthe-weights\n.", "persistent id"),
        (b"\x80\x04K\x01Q.", "persistent id"),
        (b"\x80\x04\x82\x01.", "registry of extensions"),
        (b"\x80\x04\x83\x01\x01.", "registry of extensions"),
        (b"\x80\x05\x97.", "buffer"),
    ],
)
def test_objects_from_outside_the_file_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ArchiveError, match=reason):
        load(data)


def test_every_truncation_is_a_clear_error() -> None:
    whole = pickle.dumps(PLAIN, protocol=5)
    for length in range(len(whole)):
        with pytest.raises(ArchiveError, match=r"some\.pkl"):
            load(whole[:length])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"not a pickle at all",
        b"PK\x03\x04 a zip archive",
        b"\x80\xff.",
        bytes(range(256)),
        b"\x80\x04K\x01\x85R.",
        b"\x80\x04}]K\x01s.",
        b"\x80\x04h\x07.",
        b"\x80\x04K\x01b.",
        b"\x80\x04u.",
        b"I" + b"9" * 100_000 + b"\n.",
    ],
)
def test_garbage_is_a_clear_error(data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"some\.pkl is no pickle, or a damaged one"):
        load(data)


def test_bytes_after_the_pickle_are_refused() -> None:
    with pytest.raises(ArchiveError, match="3 bytes follow"):
        load(pickle.dumps([1]) + b"abc")


@pytest.mark.parametrize("opcode", [b"\x8d", b"\x8e", b"\x96", b"\x95"])
@pytest.mark.parametrize("length", [1 << 33, (1 << 63) - 1, (1 << 64) - 1])
def test_a_huge_length_costs_no_memory(opcode: bytes, length: int) -> None:
    with pytest.raises(ArchiveError, match="damaged"):
        load(b"\x80\x05" + opcode + length.to_bytes(8, "little") + b"abc.")


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\x7f", b"p99999999999\n", b"p-1\n"])
def test_a_huge_memo_costs_no_memory(put: bytes) -> None:
    with pytest.raises(ArchiveError, match="damaged"):
        load(b"\x80\x04]" + put + b".")


def test_no_more_than_the_limit_is_read() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0, "an unlimited read"
            self.given += size
            return b"N" * size

    endless = Endless()
    with pytest.raises(ArchiveError, match="larger than the 1000 bytes"):
        unpickle.load(endless, where="some.pkl", limit=1000)  # type: ignore[arg-type]
    assert endless.given == 1001


def test_a_file_of_exactly_the_limit_is_read() -> None:
    data = pickle.dumps([1.0, 2.0])
    assert load(data, limit=len(data)) == [1.0, 2.0]
    with pytest.raises(ArchiveError, match="larger"):
        load(data, limit=len(data) - 1)
