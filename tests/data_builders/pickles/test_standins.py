"""What stands for NumPy and others in foreign pickles gives the same numbers."""

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from data_builders.pickles import standins, unpickle
from nasbench.errors import ArchiveError

NUMBERS = [
    np.float64(0.1),
    np.float64("-inf"),
    np.float32(1 / 3),
    np.float16(0.1),
    np.int64(-(2**60)),
    np.int32(-5),
    np.uint8(200),
    np.uint64(2**64 - 1),
    np.bool_(True),
]


def load(data: bytes) -> Any:
    return unpickle.load(io.BytesIO(data), allowed=standins.PLAIN, where="some.pkl")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_numbers_of_numpy_become_those_of_python(protocol: int) -> None:
    found = load(pickle.dumps(NUMBERS, protocol=protocol))
    assert found == NUMBERS
    assert [type(value) for value in found] == [type(value.item()) for value in NUMBERS]


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_both_names_of_the_module_are_known(module: bytes) -> None:
    data = pickle.dumps(np.float64(2.5), protocol=2)
    assert b"numpy._core.multiarray" in data
    assert load(data.replace(b"numpy._core.multiarray", module)) == 2.5


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_containers_and_bytes_of_old_protocols(protocol: int) -> None:
    plain = [OrderedDict(b=1, a=2), {1, "x"}, set(), b"\x00\xff", b""]
    found = load(pickle.dumps(plain, protocol=protocol))
    assert found == plain
    assert list(found[0]) == ["b", "a"]
    assert type(found[0]) is dict


def parts(dtype: bytes, state: bytes, raw: bytes) -> bytes:
    """A NumPy scalar, written by hand."""
    return (
        b"\x80\x03cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
        + dtype
        + b"K\x00K\x01\x87R("
        + state
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + raw
        + b"\x86R."
    )


F8, LITTLE, ONE = (
    b"X\x02\x00\x00\x00f8",
    b"K\x03X\x01\x00\x00\x00<",
    b"C\x08" + b"\0" * 6 + b"\xf0?",
)


def test_the_hand_written_number_is_one() -> None:
    assert load(parts(F8, LITTLE, ONE)) == 1.0 == pickle.loads(parts(F8, LITTLE, ONE))


@pytest.mark.parametrize(
    "data",
    [
        parts(F8, LITTLE.replace(b"<", b"x"), ONE),
        parts(F8.replace(b"f8", b"O8"), LITTLE, ONE),
        parts(F8.replace(b"f8", b"V8"), LITTLE, ONE),
        parts(F8.replace(b"f8", b"f4"), LITTLE, ONE),
        parts(b"K\x05", LITTLE, ONE),
        parts(F8, b"", ONE),
        parts(F8, LITTLE, b"K\x01"),
        parts(F8, LITTLE, b"C\x00"),
        b"\x80\x03cnumpy.core.multiarray\nscalar\nK\x01K\x02\x86R.",
        b"\x80\x03cnumpy.core.multiarray\nscalar\n)R.",
        b"\x80\x03ccollections\nOrderedDict\n]\x85R.",
        b"\x80\x03cbuiltins\nset\n](]e\x85\x85R.",
        b"\x80\x03cbuiltins\nset\nK\x05\x85R.",
        b"\x80\x03c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00hex\x86R.",
        b"\x80\x03c_codecs\nencode\nK\x01K\x02\x86R.",
        b"\x80\x03cbuiltins\nset\nNb.",
    ],
)
def test_other_arguments_are_a_clear_error(data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"some\.pkl is not a pickle, or is damaged"):
        load(data)
