import pytest

from nasbench.errors import InvalidArgumentError
from nasbench.storage.names import check_id, is_id, is_inside


@pytest.mark.parametrize("id_", ["x", "nb201-cifar10", "A_1.b", "0", "x" * 100, "nulls", "com"])
def test_an_id_is_letters_digits_and_some_marks(id_):
    assert is_id(id_)
    check_id(id_, "here", InvalidArgumentError)


@pytest.mark.parametrize(
    ("id_", "message"),
    [
        *((text, "letters, digits") for text in ("", ".", "..", "../x", "a/b", "a\\b", "x@2")),
        *((text, "letters, digits") for text in ("-x", ".x", "é", "x\n", "a b", "x\x1b[31m")),
        (3, "letters, digits"),
        (None, "letters, digits"),
        ("x" * 101, "at most 100 letters, not 101"),
        ("x" * 10**6, "at most 100 letters"),
        ("x.parquet", "must not end in '.parquet', as files do"),
        ("x.archs", "must not end in '.archs'"),
        ("x.", "must not end in '.'"),
        *((text, "a device on Windows") for text in ("CON", "nul", "com1", "Aux.v2", "lpt9.x")),
    ],
)
def test_what_leads_elsewhere_is_no_id(id_, message):
    assert not is_id(id_)
    with pytest.raises(InvalidArgumentError, match=f"here: the id .* {message}") as raised:
        check_id(id_, "here", InvalidArgumentError)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("path", ["x", "a/b.npz", "coefficient-0/0/model.ubj", "_a/b"])
def test_a_path_below_a_folder(path):
    assert is_inside(path)


@pytest.mark.parametrize(
    "path",
    ["", "/x", "../x", "a/../x", "a//b", "a/", "./a", ".a", "a\\b", "c:x", "nul", 3, "a/" * 200],
)
def test_a_path_that_leads_elsewhere(path):
    assert not is_inside(path)
