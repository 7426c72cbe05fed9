"""Registered and small spaces keep the contract, and ``check_space`` sees who does not."""

import random

import numpy as np
import pytest

from nasbench.errors import IllegalArchError
from nasbench.space import Decision, Graph, SearchSpace
from nasbench.spaces import SPACES
from nasbench.testing import check_space


class Text(SearchSpace):
    def to_text(self, arch):
        return "<" + " ".join(map(str, arch)) + ">"

    def from_text(self, text):
        try:
            arch = self.check([int(part) for part in text[1:-1].split(" ")])
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is not an architecture of {self.name!r}") from error
        if self.to_text(arch) != text:
            raise IllegalArchError(f"{text!r} is not an architecture of {self.name!r}")
        return arch


class OneOption(Text):
    name = "one-option"
    decisions = (Decision("a", ("only",)),)


class OneDecision(Text):
    name = "one-decision"
    decisions = (Decision("width", ("8", "16", "64"), "numeric", (8, 16, 64)),)


class Unequal(Text):
    name = "unequal"
    decisions = (
        Decision("a", ("a0", "a1")),
        Decision("b", ("only",)),
        Decision("c", ("c0", "c1", "c2", "c3"), "ordinal"),
        Decision("d", ("d0", "d1", "d2")),
    )


class Shorter(Text):
    """Up to three layers, the others 0; equal layers in a row are the same network as one."""

    name = "shorter"
    decisions = (
        Decision("depth", ("1", "2", "3"), "ordinal"),
        *(Decision(f"layer {i}", ("3x3", "1x1", "pool")) for i in range(3)),
    )

    def is_legal(self, arch):
        return not any(arch[arch[0] + 2 :])

    def canonical(self, arch):
        layers = arch[1 : arch[0] + 2]
        kept = [a for a, before in zip(layers, (None, *layers), strict=False) if a != before]
        return (len(kept) - 1, *kept, *[0] * (3 - len(kept)))

    def graph(self, arch):
        names = [self.decisions[1].labels[o] for o in arch[1 : arch[0] + 2]]
        return Graph(np.eye(len(names) + 2, k=1, dtype=np.bool_), ("in", *names, "out"))


class Sparse(Text):
    """16 of 256 tuples are legal, none next to another."""

    name = "sparse"
    decisions = tuple(Decision(name, tuple("0123")) for name in "abcd")

    def is_legal(self, arch):
        return (arch[0] + arch[1]) % 4 == 0 and (arch[1] + arch[2] * 3 + arch[3] * 2) % 4 == 1


class Huge(Text):
    """10**20 tuples, more than an int64 counts, and a rule: too many to try."""

    name = "huge"
    decisions = tuple(Decision(f"d{i}", tuple("0123456789")) for i in range(20))

    def is_legal(self, arch):
        return arch[0] <= arch[1]

    def legal_options(self, prefix):
        return tuple(range(prefix[0] if len(prefix) == 1 else 0, 10))


@pytest.mark.parametrize("name", SPACES)
def test_registered_space_keeps_the_contract(name):
    check_space(SPACES.load(name)())


@pytest.mark.parametrize("space", [OneOption, OneDecision, Unequal, Shorter, Sparse, Huge])
@pytest.mark.parametrize("seed", [0, 1])
def test_small_space_keeps_the_contract(space, seed):
    check_space(space(), seed=seed, n=40)


def test_check_space_leaves_global_generators_alone():
    before = random.getstate(), str(np.random.get_state(legacy=False))  # noqa: NPY002
    check_space(Shorter(), n=20)
    assert (random.getstate(), str(np.random.get_state(legacy=False))) == before  # noqa: NPY002


class Counting:
    """Breaks determinism: its numbers go on from call to call."""

    numbers = random.Random(0)


def wrong_text(self, text):
    try:
        return Text.from_text(self, text)
    except IllegalArchError:
        return 0, 0, 0, 0


def crash(self, text):
    return tuple(int(part) for part in text[1:-1].split(" "))


LABELS = (Decision("depth", ("1", "1", "3")), *Shorter.decisions[1:])
NAMES = (Shorter.decisions[0], *[Decision("layer", ("3x3", "1x1", "pool"))] * 3)
VALUES = (Decision("depth", ("1", "2", "3"), "numeric"), *Shorter.decisions[1:])

BROKEN = {
    "no decisions": ({"decisions": ()}, "has no decisions"),
    "an option twice": ({"decisions": LABELS}, "'depth' has an option twice"),
    "a name twice": ({"decisions": NAMES}, "names of decisions occur twice"),
    "numeric without values": ({"decisions": VALUES}, "'depth' is numeric with 3 labels and 0 v"),
    "wrong options": ({"options": (3, 3, 3, 2)}, r"options are \(3, 3, 3, 2\), decisions have"),
    "samples illegal tuples": (
        {"sample": lambda self, rng: tuple([int(rng.random() * n) for n in self.options])},
        r"sample gives \(.*\), which is not in Broken",
    ),
    "samples lists": ({"sample": lambda self, rng: [0, 0, 0, 0]}, "not a tuple of plain integers"),
    "samples NumPy integers": (
        {"sample": lambda self, rng: tuple(np.zeros(4, dtype=np.int64))},
        "not a tuple of plain integers",
    ),
    "uses randrange": (
        {"sample": lambda self, rng: (0, rng.randrange(3), 0, 0)},
        r"rng\.randrange is used; use rng\.random\(\) only",
    ),
    "has a generator of its own": (
        {"sample": lambda self, rng: (0, int(Counting.numbers.random() * 3), 0, 0)},
        "other architectures for the same random numbers",
    ),
    "draws from random": (
        {"mutate": lambda self, a, rng: (0, (a[1] + 1 + int(random.random() * 2)) % 3, 0, 0)},
        "draws from a global random generator",
    ),
    "draws from NumPy": (
        {"canonical": lambda self, a: (np.random.rand(), a)[1]},  # noqa: NPY002
        "draws from a global random generator",
    ),
    "holds illegal tuples": (
        {"__contains__": lambda self, arch: isinstance(arch, tuple) and len(arch) == 4},
        "although it",
    ),
    "in raises": (
        {"__contains__": lambda self, a: min(a) >= 0 and SearchSpace.__contains__(self, a)},
        r"\(.*\) in Broken\(\) raises TypeError",
    ),
    "check accepts all": ({"check": lambda self, arch: tuple(arch)}, "instead of raising Illegal"),
    "check crashes": (
        {
            "check": lambda self, arch: tuple(
                [range(n)[o] for n, o in zip(self.options, arch, strict=True)]
            )
        },
        "not IllegalArchError|instead of raising",
    ),
    "rank from the other end": (
        {
            "rank": lambda self, arch: SearchSpace.rank(self, arch[::-1]),
            "unrank": lambda self, rank: SearchSpace.unrank(self, rank)[::-1],
        },
        "not in their order",
    ),
    "unrank is no inverse": (
        {"unrank": lambda self, rank: SearchSpace.unrank(self, rank // 2)},
        r"unrank\(.*\) is .*, rank of",
    ),
    "text loses a decision": (
        {"to_text": lambda self, arch: Text.to_text(self, (*arch[:3], 0))},
        "which is read as",
    ),
    "reads garbage": ({"from_text": wrong_text}, "instead of raising IllegalArchError"),
    "crashes on garbage": ({"from_text": crash}, "raises ValueError.*not IllegalArchError"),
    "lists in another order": (
        {"archs": lambda self: reversed(list(SearchSpace.archs(self)))},
        r"archs gives \(.*\) before",
    ),
    "lists too few": (
        {"archs": lambda self: iter(list(SearchSpace.archs(self))[1:])},
        "archs is not all legal tuples",
    ),
    "counts illegal tuples": ({"size": 81}, "size is 81, but 39 tuples are legal"),
    "completes what cannot be": (
        {"legal_options": lambda self, prefix: (0, 1, 2)},
        r"legal_options\(.*\) is \(0, 1, 2\), not \(0,\)",
    ),
    "neighbours with two changes": (
        {"neighbors": lambda self, arch: iter([(2, *((o + 1) % 3 for o in arch[1:]))])},
        "is not a neighbour of",
    ),
    "neighbour twice": (
        {"neighbors": lambda self, arch: iter(2 * list(SearchSpace.neighbors(self, arch)))},
        "has a neighbour twice",
    ),
    "neighbour missing": (
        {"neighbors": lambda self, arch: iter(list(SearchSpace.neighbors(self, arch))[1:])},
        "not the other way round|lacks",
    ),
    "mutates into itself": ({"mutate": lambda self, arch, rng: arch}, "changes nothing"),
    "mutates into illegal tuples": (
        {"mutate": lambda self, arch, rng: (0, 0, 0, 2)},
        r"mutate\(.*\) gives \(0, 0, 0, 2\), which is not in",
    ),
    "invents in crossover": (
        {"crossover": lambda self, a, b, rng: (2, 2, 2, 2)},
        "with options of neither",
    ),
    "edits into itself": (
        {"edits": lambda self, arch: [(arch, "nothing")]},
        "gives the architecture itself",
    ),
    "canonical goes on": (
        {"canonical": lambda self, arch: (2, *((o + 1) % 3 for o in arch[1:]))},
        "canonical of .* is .*, of that it is",
    ),
    "function of a class differs": (
        {"function": lambda self, arch: arch},
        "canonical of .*, a function is",
    ),
    "function goes on": (
        {"function": lambda self, arch: (2, *((o + 1) % 3 for o in arch[1:]))},
        "(canonical|function) of .*, a function is",
    ),
    "function_many differs": ({"function_many": lambda self, archs: archs}, "function_many gives"),
    "canonical_many differs": ({"canonical_many": lambda self, archs: archs}, "canonical_many giv"),
    "rank_many differs": ({"rank_many": lambda self, archs: archs[:, 0]}, "rank_many and rank dis"),
    "graph is cyclic": (
        {"graph": lambda self, arch: Graph(np.ones((2, 2), dtype=np.bool_), ("in", "out"))},
        "not in topological order",
    ),
    "graph without labels": (
        {"graph": lambda self, arch: Graph(np.eye(3, k=1, dtype=np.bool_), ("in", "out"))},
        "has 2 labels and an adjacency of bool",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_space_finds_what_is_broken(name):
    members, message = BROKEN[name]
    broken = type("Broken", (Shorter,), members)
    with pytest.raises(AssertionError, match=message):
        check_space(broken(), n=60)
