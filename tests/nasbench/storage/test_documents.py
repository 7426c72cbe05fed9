import pytest

from nasbench.storage.documents import MAX_DEPTH, parse_json, parse_toml, read_json, read_toml

DEEP = 100_000


def nested(depth):
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting"),
        ("[1,", "Expecting"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "'c' is there twice"),
        ("9" * 5000, "4300"),
        (nested(DEEP), "64 deep"),
        (nested(MAX_DEPTH + 1), "64 deep"),
        ('{"a":' * DEEP, "64 deep"),
        (b'"\xff"', "utf-8"),
    ],
    ids=["cut", "list", "key", "digits", "deep", "depth", "objects", "bytes"],
)
def test_bad_json_is_a_value_error(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a =", "Invalid value"),
        ("a = " + nested(DEEP), "64 deep"),
        ("a = " + nested(MAX_DEPTH), "64 deep"),
        ("[" + ".".join("a" * 1000) + "]", "64 deep"),
        ("a = " + "9" * 5000, "4300"),
        (b"a = '\xff'", "utf-8"),
    ],
    ids=["cut", "deep", "depth", "tables", "digits", "bytes"],
)
def test_bad_toml_is_a_value_error(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_toml(text if isinstance(text, bytes) else text.encode())


def test_files_are_read(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_text(nested(MAX_DEPTH))
    assert str(read_json(path)) == nested(MAX_DEPTH)
    path.write_text("a = {b = [1, 2]}")
    assert read_toml(path) == {"a": {"b": [1, 2]}}
    monkeypatch.setattr("nasbench.storage.documents.MAX_BYTES", 10)
    with pytest.raises(ValueError, match="more than 0 MiB"):
        read_toml(path)
