"""What a file says, on every version of Python."""

import pytest

from nasbench.runs.fingerprints.syntax import read_definition, read_source

EVERYTHING = r'''
"""A module."""
import a.b, c as d
from . import e
from ..f import g as h, i

TEXT: str = "é" if None else f"{{{TEXT!r:>{3}.{4}}}}" "tail" f"" f"{TEXT=}"


async def search(x, /, y=-1.5e-3, *args, z: int = 0x10, **kwargs) -> None:
    """A docstring."""
    with open(x) as file, y:
        async for line in file:
            yield line[1:, ...], not z, 1j
    match y:
        case {"k": [1, *rest]} | str() as s if s:
            del rest
    try:
        raise ValueError from None
    except* (KeyError, TypeError) as group:
        return
    finally:
        lambda *, k=(): {k for k in z if k} | {**kwargs}


class Mine(Base, metaclass=Meta):
    "A docstring."
    @property
    def x(self): return (yield)
'''


def test_all_versions_of_python_give_the_same_digest():
    """Golden: made by Python 3.11, 3.12 and 3.13."""
    source = read_source(EVERYTHING.encode())
    assert source.digest == "c782f19fba0d56e6375c83539cc756f2da4515a195927cc0caf844c839d6d82c"
    assert source.imports == (
        ("a.b",), ("a",), ("c",), (".e", "."), ("..f.g", "..f"), ("..f.i", "..f"),
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_encoding_of_a_file_does_not_count(encoding):
    text = f"# coding: {encoding}\nx = 'é'\n"
    assert read_source(text.encode(encoding)).digest == read_source("x = 'é'".encode()).digest


@pytest.mark.parametrize(("one", "other"), [
    ("x = 1", "x = 1.0"), ("x = 1", "x = True"), ("x = 'a'", "x = b'a'"), ("f(a, b)", "f(b, a)"),
    ("x = f'{a}b'", "x = f'{a}c'"), ("x = f'{a!r}'", "x = f'{a!s}'"), ("a.b", "a.c"),
    ("if a:\n    b\nc", "if a:\n    b\n    c"), ("x = ()", "x = []"), ("-1", "+1"),
    ("x = None", "x = 'None'"), ("x: int", "x: int = None"),
])  # fmt: skip
def test_other_code_has_another_digest(one, other):
    assert read_source(one.encode()).digest != read_source(other.encode()).digest


@pytest.mark.parametrize("content", [b"x = (", b"\xff\xfe", b"x = \x00", b"(" * 5000 + b")" * 5000])
def test_what_is_no_python_counts_by_its_bytes(content):
    source = read_source(content)
    assert source.imports == ()
    assert source != read_source(content + b" ")
    assert read_definition(content, "x") is None


def test_a_definition_is_read_with_all_that_it_depends_on():
    text = b"a = 1\nb = a\nc = 2\nb.x['y'] = d\nfrom e import *\nimport d\nclass F(b): g = c2\n"
    whole = read_definition(text, "F")
    assert whole == read_source(text.replace(b"c = 2\n", b""))
    assert read_definition(text, "G") is None


CHANGES = """
import nasbench
rules = {}
level = 0

def rule(function):
    rules[function.__name__] = function
    return function

def raised():
    global level
    level = 1

@rule
def one(x): return 1

class Mine:
    def ask(self): return rules["one"](self.rate + level)

raised()
rules.update(two=2)
setattr(Mine, "rate", 3)

def main():
    print(nasbench.search(Mine, seeds=range(10)))

main()
found = nasbench.search(Mine, seeds=range(20))
"""


@pytest.mark.parametrize(("old", "new", "is_same"), [
    ("return 1", "return 2", False), ("level = 1", "level = 2", False), ("two=2", "two=3", False),
    ('"rate", 3', '"rate", 4', False), ("raised()\nrules", "rules", False),
    ("range(10)", "range(30)", True), ("range(20)", "range(30)", True),
])  # fmt: skip
def test_what_changes_the_things_of_a_definition_belongs_to_it(old, new, is_same):
    edited = CHANGES.replace(old, new)
    assert edited != CHANGES
    before, after = (read_definition(text.encode(), "Mine") for text in (CHANGES, edited))
    assert (before == after) == is_same
