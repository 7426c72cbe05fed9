"""Foreign pickles: what is harmless is read, everything else is refused before it can act."""

import bz2
import io
import os
import pickle
import sys
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.pickles import machine as pickle_machine
from data_builders.pickles import unpickle
from data_builders.pickles.standins import PLAIN as STANDINS
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
    # The instructions for people of protocol 0 are refused before any name is read.
    named = (
        rf"'{os.system.__module__}\.system'.*none" if protocol else "'DICT' is not an instruction"
    )
    with pytest.raises(ArchiveError, match=rf"some\.pkl.*{named}"):
        load(hostile)
    assert not trace.exists()
    pickle.loads(hostile)
    assert trace.exists(), "the pickle must be dangerous, or the test shows nothing"


@pytest.mark.parametrize(
    ("hostile", "named"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(ios\nsystem\n.", "os.system"),
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
    with pytest.raises(ArchiveError, match=r"some\.pkl is not a pickle, or is damaged"):
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
    with pytest.raises(ArchiveError, match="larger than 1000 bytes"):
        unpickle.load(endless, where="some.pkl", limit=1000)  # type: ignore[arg-type]
    assert endless.given == 1001


def test_a_file_of_exactly_the_limit_is_read() -> None:
    data = pickle.dumps([1.0, 2.0])
    assert load(data, limit=len(data)) == [1.0, 2.0]
    with pytest.raises(ArchiveError, match="larger"):
        load(data, limit=len(data) - 1)


@pytest.mark.parametrize(
    ("begin", "end"), [(b"}", b"Ns."), (b"}(", b"Nu."), (b"\x8f(", b"\x90."), (b"(", b"\x91.")]
)
def test_a_tower_of_tuples_is_no_key(begin: bytes, end: bytes) -> None:
    for tower in (b"K\x01" + b"\x85" * 50_000, b"K\x01" + b"\x94h\x00\x86" * 200):
        with pytest.raises(ArchiveError, match="a tuple as a key or a member of a set"):
            load(b"\x80\x04" + begin + tower + end)


def test_more_containers_than_any_archive_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "_CONTAINERS", 1000)
    assert len(load(pickle.dumps([[] for _ in range(900)]))) == 900
    with pytest.raises(ArchiveError, match="more than 1000 containers"):
        load(pickle.dumps([[] for _ in range(1100)]))


def test_only_what_stands_for_a_name_is_called() -> None:
    allowed = {"collections.OrderedDict": lambda: print}
    data = b"\x80\x04ccollections\nOrderedDict\n)R\x8c\x04textp\x85R."
    assert load(b"\x80\x04ccollections\nOrderedDict\n)R.", allowed=allowed) is print
    with pytest.raises(ArchiveError, match="damaged"):
        load(data.replace(b"textp", b"text"), allowed=allowed)


# --- pickles after each other, and a large dict as a stream --------------------------------------


def test_several_pickles_follow_each_other() -> None:
    objects = [2**80, "text", {"a": [1.5, "text"]}, []]
    data = b"".join(pickle.dumps(o, protocol=2 + n % 3) for n, o in enumerate(objects))
    pickles = unpickle.Pickles(io.BytesIO(data), where="some.pkl")
    assert [pickles.load() for _ in objects] == objects
    pickles.finish()
    with pytest.raises(ArchiveError, match="its end is missing"):
        pickles.load()


def stream(
    data: bytes, of: str | None = "large", **options: Any
) -> tuple[list[Any], dict[Any, Any]]:
    """The items of a dict, and the other entries."""
    pickles = unpickle.Pickles(io.BytesIO(data), where="some.pkl", **options)
    items = list(pickles.items(of))
    pickles.finish()
    return items, pickles.others


def record(number: int, *more: Any) -> dict[str, Any]:
    """What fills more than one mark."""
    return {"number": number, "values": [number / 7, *more], "text": f"text {number}"}


def large(count: int) -> dict[int, Any]:
    return {number: record(number) for number in range(count)}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 15, 16, 17, 100, 999, 1000, 1001, 1002, 2500])
def test_items_are_those_of_the_dict(protocol: int, count: int) -> None:
    whole = {"before": [1, 2], "large": large(count), "after": {"x": 1}, "last": "text 1"}
    for content in (whole, {"large": whole["large"]}, {"large": whole["large"], "after": 1}):
        data = pickle.dumps(content, protocol=protocol)
        items, others = stream(data, allowed=STANDINS)
        assert items == list(content["large"].items())
        assert others == {key: value for key, value in content.items() if key != "large"}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 17, 100, 1000, 1001])
def test_the_large_dict_may_be_the_object_itself(protocol: int, count: int) -> None:
    items, others = stream(pickle.dumps(large(count), protocol=protocol), of=None)
    assert items == list(large(count).items())
    assert others == {}
    with pytest.raises(ArchiveError, match=r"some\.pkl holds \['text'\], not a dict"):
        stream(pickle.dumps(["text"], protocol=protocol), of=None)


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 300)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["shared", "x" * 300, "grün"])
    | st.binary(max_size=8)
)
KEYS = st.integers() | st.text(max_size=3) | st.tuples(st.text(max_size=3), st.integers(0, 9))


def containers(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(values, max_size=4)
        | st.dictionaries(KEYS, values, max_size=4)
        | st.lists(values, max_size=4).map(tuple)
        | st.sets(st.integers() | st.text(max_size=3), max_size=3)
        | st.dictionaries(KEYS, values, max_size=3).map(OrderedDict)
    )


VALUES = containers(ATOMS | containers(ATOMS | containers(ATOMS)))


@settings(max_examples=40)
@given(st.sampled_from([2, 3, 4]), VALUES, st.data())
def test_any_plain_object_is_read_as_by_pickle(protocol: int, value: Any, more: Any) -> None:
    assert load(pickle.dumps(value, protocol=protocol), allowed=STANDINS) == value
    others = more.draw(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
    after = more.draw(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
    some = more.draw(st.lists(VALUES, min_size=1, max_size=5))
    items = {n: some[n % len(some)] if n < len(some) else record(n) for n in range(40)}
    whole = {**others, "large": items, **after}
    found, rest = stream(pickle.dumps(whole, protocol=protocol), allowed=STANDINS)
    assert found == list(items.items())
    assert rest == {key: value for key, value in whole.items() if key != "large"}


@pytest.mark.parametrize("protocol", [2, 4])
def test_an_item_is_let_go_before_the_next_are_read(protocol: int) -> None:
    items = {n: record(n, {n}, n) for n in range(3000)}
    data = pickle.dumps({"large": items, "after": 1}, protocol=protocol)
    pickles = unpickle.Pickles(io.BytesIO(data), where="some.pkl", allowed=STANDINS)
    given, most = [], 0
    for _, item in pickles.items("large"):
        given.append(weakref.ref(item["values"][1]))
        most = max(most, sum(reference() is not None for reference in given[-100:]))
    assert [reference() for reference in given[:-50]] == [None] * 2950
    assert 0 < most < 50


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_does_not_change_is_shared_between_items(protocol: int) -> None:
    text, pair, wide = "a text that all items share", ("set", 777), 2**70
    number = np.float64(0.1)  # pickled by name once, and as an object once
    items = {n: {"a": [text, pair, number], "b": wide, text: n} for n in range(2100)}
    found, others = stream(
        pickle.dumps({"text": text, "large": items, "again": [text, pair]}, protocol=protocol),
        allowed=STANDINS,
    )
    assert found == list(items.items())
    assert others == {"text": text, "again": [text, pair]}
    assert {id(value["a"][0]) for _, value in found} == {id(found[0][1]["a"][0])}


def test_numbers_that_are_equal_but_not_the_same_stay_apart() -> None:
    values = [np.float64(0.0), np.float64(-0.0), np.float64(1.0), np.int64(1), np.bool_(True)]
    pairs = [(1, 0), (1.0, 0), (True, 0), (1, -0.0), (1, 0.0)]
    items = {n: {"a": [*values, n], "b": [*pairs, n]} for n in range(100)}
    found, _ = stream(pickle.dumps({"large": items}, protocol=4), allowed=STANDINS)
    assert [repr(value) for _, value in found] == [
        repr({"a": [*(v.item() for v in values), n], "b": [*pairs, n]}) for n in range(100)
    ]


@pytest.mark.parametrize("shared", [[1, 2], {"a": 1}, {1, 2}, ("deep", [1, 2])])
def test_a_container_shared_between_distant_items_is_refused(shared: Any) -> None:
    items = {n: record(n, shared) for n in range(100)}
    with pytest.raises(ArchiveError, match=r"object \d+ was released"):
        stream(pickle.dumps({"large": items}, protocol=4))
    several = {n: record(n, list(range(n)), [shared, shared]) for n in range(2)}
    assert stream(pickle.dumps({"large": several}, protocol=4))[0] == list(several.items())


def test_the_large_dict_is_given_once() -> None:
    items = large(40)
    with pytest.raises(ArchiveError, match=r"object \d+ was released"):
        stream(pickle.dumps({"large": items, "again": items}, protocol=4))
    # A key that occurs twice cannot be pickled from a dict.
    twice = pickle.dumps({"large": items, "lerge": large(40)}, protocol=4).replace(
        b"lerge", b"large"
    )
    with pytest.raises(ArchiveError, match="'large' twice"):
        stream(twice)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"other": large(3)}, r"holds \{'other': .*, not a dict with a dict 'large'"),
        ({"large": None, "a": 1}, "a dict with a dict 'large'"),
        ([large(3), large(3)], "a dict with a dict 'large'"),
        (large(1500), "a dict with a dict 'large'"),
        ("large", "holds 'large', not a dict"),
        ({"a": {"large": large(100)}}, "a dict with a dict 'large'"),
        ([{"large": large(100)}, 1], "a dict with a dict 'large'"),
        ({"a": {"large": large(100)}, "large": {5: 6}}, "a dict with a dict 'large'"),
        ({"a": {"large": large(100)}, "large": large(100)}, "damaged.*'large' twice"),
    ],
)
def test_another_content_is_named(content: Any, reason: str) -> None:
    with pytest.raises(ArchiveError, match=rf"some\.pkl {reason}|some\.pkl.*{reason}"):
        stream(pickle.dumps(content, protocol=4))


def test_many_containers_of_one_element_are_no_item() -> None:
    def nested(depth: int) -> Any:
        value: Any = {"a": 1, "b": 2}
        for _ in range(depth):
            value = {"x": value}
        return value

    for depth in (0, 1, 7):
        items = {n: nested(depth) for n in range(100)}
        assert stream(pickle.dumps({"large": items}, protocol=4))[0] == list(items.items())
    with pytest.raises(ArchiveError, match="damaged"):
        stream(pickle.dumps({"large": {n: nested(50) for n in range(100)}}, protocol=4))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("place", [0, 50, 99])
def test_code_in_an_item_is_named_and_not_run(tmp_path: Path, protocol: int, place: int) -> None:
    trace = tmp_path / "trace"
    items = large(100)
    items[place]["values"].append(Calls(os.system, f"touch {trace}"))
    hostile = pickle.dumps({"large": items, "after": 1}, protocol=protocol)
    with pytest.raises(ArchiveError, match=rf"'{os.system.__module__}\.system', which is not"):
        stream(hostile, allowed=STANDINS)
    assert not trace.exists()


def test_every_truncation_of_a_stream_is_a_clear_error() -> None:
    whole = pickle.dumps({"large": large(70), "after": [1]}, protocol=4)
    for length in range(len(whole)):
        with pytest.raises(ArchiveError, match=r"some\.pkl"):
            stream(whole[:length])


def test_a_stream_has_no_limit_but_an_item_has() -> None:
    many = pickle.dumps({"large": {n: list(range(2000)) for n in range(1000)}}, protocol=4)
    assert len(many) > 5_000_000
    assert len(stream(many, limit=3_000_000)[0]) == 1000
    huge = pickle.dumps({"large": {1: list(range(1000, 1_500_000))}}, protocol=4)
    with pytest.raises(ArchiveError, match="larger than 3000000 bytes"):
        stream(huge, limit=3_000_000)


@pytest.mark.parametrize("bound", ["_NUMBERS", "_VALUES"])
def test_a_memory_that_never_ends_is_refused(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps({"large": large(1000)}, protocol=4)
    monkeypatch.setattr(pickle_machine, bound, 500)
    with pytest.raises(ArchiveError, match="than any known archive"):
        stream(data)


def test_a_file_that_cannot_be_read_is_named() -> None:
    packed = bz2.compress(pickle.dumps({"large": large(2000)}))
    for broken in (packed[:-200], b"BZh9" + bytes(100), packed[:5000] + b"?" + packed[5001:]):
        pickles = unpickle.Pickles(bz2.BZ2File(io.BytesIO(broken)), where="some.pkl")
        with pytest.raises(ArchiveError, match=r"some\.pkl cannot be read"):
            list(pickles.items("large"))


SHARED = Path(os.environ["NASBENCH_SHARED"])
RECORDS = SHARED / "data/published"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("archive", ["NATS-tss-v1_0-3ffb9-simple", "NATS-sss-v1_0-50262-simple"])
def test_published_records_are_read_as_by_pickle(archive: str, protocol: int) -> None:
    if not (RECORDS / archive).exists():
        pytest.skip(f"needs {RECORDS / archive}; set NASBENCH_SHARED to the folder that holds it")
    for path in sorted((RECORDS / archive).glob("*.pbz2")):
        data = bz2.decompress(path.read_bytes())
        known = pickle.loads(data)
        assert load(data, allowed=STANDINS) == known
        assert load(pickle.dumps(known, protocol=protocol), allowed=STANDINS) == known


def test_rows_of_numbers_are_let_go_with_their_item(monkeypatch):
    """Complete archives hold millions of different rows, of which none comes again."""
    monkeypatch.setattr(pickle_machine, "_VALUES", 100)
    content = {key: [tuple(key + i / 7 for i in range(7))] for key in range(5000)}
    file = io.BytesIO(pickle.dumps(content, protocol=4))
    assert dict(unpickle.Pickles(file, where="here").items()) == content
