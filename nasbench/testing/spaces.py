"""Check that a search space keeps its contract."""

import random
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise, product
from math import prod
from typing import Any, cast

import numpy as np

from nasbench.errors import IllegalArchError
from nasbench.space import Arch, SearchSpace
from nasbench.testing.requirements import (
    generators_left_alone,
    require,
    require_error,
    require_legal,
)

_LISTED = 20_000
_NO_TEXTS = ("", " ", "?", "no architecture", "\x00", "-1", "🤷")


def check_space(space: SearchSpace, seed: int = 0, n: int = 200) -> None:
    """Check that a search space keeps its contract.

    - *Decisions*: distinct names, at least one option each, options distinct; ``options`` and
      ``size`` follow from them.
    - *Sampling*: ``sample`` gives legal tuples of plain integers, from ``rng.random()`` alone.
    - *Membership*: ``check`` and ``in`` refuse wrong lengths, options out of range, what is no
      integer and what breaks ``is_legal``, and raise nothing but ``IllegalArchError``.
    - *Ranks*: ``rank`` and ``unrank`` are inverse, and ranks are in lexicographic order.
    - *Text*: ``from_text`` undoes ``to_text`` and answers damaged text with ``IllegalArchError``.
    - *Listing*: ``archs``, ``legal_options`` and ``size`` agree with trying every tuple, where
      there are at most 20,000.
    - *Steps*: ``neighbors`` are exactly the legal tuples that differ in one decision, and
      symmetric; ``mutate`` and ``edits`` give other legal tuples, ``crossover`` a legal mixture.
    - *Classes*: ``canonical`` gives a legal tuple and leaves that as it is; so does ``function``,
      whose tuple is canonical and the same for all of a class; ``rank_many``, ``canonical_many``
      and ``function_many`` agree with the methods for one tuple.
    - *Graph*, where there is one: upper triangular, a label for every node.
    - Global generators of ``random`` and NumPy are left alone.

    A large space with rules needs a ``legal_options`` of its own: the inherited one tries every
    completion of a prefix, which may take forever.

    Args:
        space: The space.
        seed: Seed of the architectures to try.
        n: Number of architectures to try.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    with generators_left_alone(str(space)):
        _check_decisions(space)
        archs = _check_sampling(space, seed, n)
        _check_membership(space, archs, random.Random(seed))
        _check_ranks(space, archs)
        _check_text(space, archs)
        _check_listing(space, archs)
        _check_neighbors(space, archs)
        _check_variation(space, archs, seed)
        _check_canonical(space, archs)
        _check_many(space, archs)
        _check_graph(space, archs)


def _check_decisions(space: SearchSpace) -> None:
    require(bool(space.name) and isinstance(space.name, str), f"{space} has no name")
    require(len(space.decisions) > 0, f"{space} has no decisions")
    names = [decision.name for decision in space.decisions]
    require(len(set(names)) == len(names), f"names of decisions occur twice: {names}")
    for decision in space.decisions:
        n, labels, values = len(decision.labels), decision.labels, decision.values
        require(n > 0, f"{decision.name!r} has no options")
        require(len(set(labels)) == n, f"{decision.name!r} has an option twice: {labels}")
        require(
            len(values) == (n if decision.kind == "numeric" else 0),
            f"{decision.name!r} is {decision.kind} with {n} labels and {len(values)} values",
        )
    lengths = tuple(len(decision.labels) for decision in space.decisions)
    require(space.options == lengths, f"options are {space.options}, decisions have {lengths}")


def _check_sampling(space: SearchSpace, seed: int, n: int) -> list[Arch]:
    rng = _only_random(seed)
    archs = [space.sample(rng) for _ in range(n)]
    for arch in archs:
        require_legal(space, arch, "sample gives")
    again = _only_random(seed)
    require(
        [space.sample(again) for _ in range(n)] == archs,
        "sample gives other architectures for the same random numbers",
    )
    return archs


def _check_membership(space: SearchSpace, archs: Sequence[Arch], rng: random.Random) -> None:
    for arch in archs:
        require(space.check(list(arch)) == arch, f"check changes {arch}")
        _refused(space, (*arch, 0), "is too long")
        _refused(space, arch[:-1], "is too short")
        position = int(rng.random() * len(arch))
        n = space.options[position]
        for wrong in (-1, n, n + 1, 10**30, 0.5, float("nan"), float("inf"), "0", "x", None, ()):
            broken = (*arch[:position], wrong, *arch[position + 1 :])
            _refused(space, broken, f"has option {wrong!r} of 0..{n - 1}")
        raw = tuple([int(rng.random() * n) for n in space.options])
        if not space.is_legal(raw):
            _refused(space, raw, "breaks a rule (is_legal)")
    for thing in (None, 0, "text", list(archs[0]) if archs else []):
        require(thing not in space, f"{thing!r}, which is not a tuple, is in the space")


def _check_ranks(space: SearchSpace, archs: Sequence[Arch]) -> None:
    total = prod(space.options)
    for arch in archs:
        rank = space.rank(arch)
        require(
            type(rank) is int and 0 <= rank < total,
            f"rank of {arch} is {rank!r}, possible are the integers 0..{total - 1}",
        )
        require(
            space.unrank(rank) == arch, f"unrank({rank}) is {space.unrank(rank)}, rank of {arch}"
        )
    for a, b in pairwise(sorted(set(archs))):
        require(space.rank(a) < space.rank(b), f"ranks of {a} and {b} are not in their order")
    ends = tuple([0] * len(space.options)), tuple([n - 1 for n in space.options])
    require(
        (space.unrank(0), space.unrank(total - 1)) == ends,
        f"first and last tuple are {space.unrank(0)} and {space.unrank(total - 1)}, not {ends}",
    )
    for rank in (-1, total):
        require_error(f"unrank({rank})", IllegalArchError, space.unrank, rank)


def _check_text(space: SearchSpace, archs: Sequence[Arch]) -> None:
    texts = {}
    for arch in archs:
        text = texts[arch] = space.to_text(arch)
        back = space.from_text(text)
        require(back == arch, f"text of {arch} is {text!r}, which is read as {back}")
        require_legal(space, back, f"from_text({text!r}) gives")
    require(len(set(texts.values())) == len(texts), "two architectures have the same text")
    for text in _NO_TEXTS:
        require_error(f"from_text({text!r})", IllegalArchError, space.from_text, text)
    for text in islice(texts.values(), 20):
        half = len(text) // 2
        for damaged in (text[:half], text[half:], text + text, text[::-1], text[:half] + "?"):
            try:
                arch = space.from_text(damaged)
            except IllegalArchError:
                continue
            except Exception as error:
                raise AssertionError(f"from_text({damaged!r}) raises {error!r}") from error
            require_legal(space, arch, f"from_text({damaged!r}) gives")


def _check_listing(space: SearchSpace, archs: Sequence[Arch]) -> None:
    first = list(islice(space.archs(), len(archs)))
    for arch in first:
        require_legal(space, arch, "archs gives")
    for a, b in pairwise(first):
        require(a < b, f"archs gives {a} before {b}")
    if prod(space.options) > _LISTED:
        for arch in archs:
            for i, option in enumerate(arch):
                possible = space.legal_options(arch[:i])
                require(
                    option in possible and list(possible) == sorted(set(possible)),
                    f"legal_options({arch[:i]}) is {possible}, but {arch} is legal",
                )
        return
    legal = [arch for arch in product(*map(range, space.options)) if space.is_legal(arch)]
    require(list(space.archs()) == legal, "archs is not all legal tuples in order")
    require(space.size == len(legal), f"size is {space.size}, but {len(legal)} tuples are legal")
    following: dict[Arch, set[int]] = {}
    for arch in legal:
        for i, option in enumerate(arch):
            following.setdefault(arch[:i], set()).add(option)
    for prefix in {arch[:i] for arch in archs for i in range(len(arch))}:
        possible = space.legal_options(prefix)
        require(
            list(possible) == sorted(following[prefix]),
            f"legal_options({prefix}) is {possible}, not {tuple(sorted(following[prefix]))}",
        )


def _check_neighbors(space: SearchSpace, archs: Sequence[Arch]) -> None:
    for number, arch in enumerate(archs):
        neighbors = list(space.neighbors(arch))
        require(len(set(neighbors)) == len(neighbors), f"{arch} has a neighbour twice")
        for neighbor in neighbors:
            require_legal(space, neighbor, f"neighbors({arch}) gives")
            require(_distance(arch, neighbor) == 1, f"{neighbor} is not a neighbour of {arch}")
            if number < 10:
                require(
                    arch in space.neighbors(neighbor),
                    f"{neighbor} is a neighbour of {arch}, but not the other way round",
                )
        missing = set(_all_neighbors(space, arch)) - set(neighbors)
        require(not missing, f"neighbors({arch}) lacks {missing}")


def _check_variation(space: SearchSpace, archs: Sequence[Arch], seed: int) -> None:
    rng = _only_random(seed)
    for arch, other in zip(archs, reversed(archs), strict=True):
        mutant = space.mutate(arch, rng)
        require_legal(space, mutant, f"mutate({arch}) gives")
        require(
            mutant != arch or not _all_neighbors(space, arch),
            f"mutate({arch}) changes nothing, although it has neighbours",
        )
        child = space.crossover(arch, other, rng)
        require_legal(space, child, f"crossover({arch}, {other}) gives")
        require(
            all(
                option in pair
                for option, pair in zip(child, zip(arch, other, strict=True), strict=True)
            ),
            f"crossover({arch}, {other}) gives {child} with options of neither",
        )
        for edited, kind in space.edits(arch):
            require_legal(space, edited, f"edits({arch}) gives")
            require(edited != arch, f"edits({arch}) gives the architecture itself")
            require(bool(kind), f"edits({arch}) gives {edited} without a kind")


def _check_canonical(space: SearchSpace, archs: Sequence[Arch]) -> None:
    for arch in archs:
        canonical = space.canonical(arch)
        require_legal(space, canonical, f"canonical({arch}) gives")
        again = space.canonical(canonical)
        require(again == canonical, f"canonical of {arch} is {canonical}, of that it is {again}")
        function = space.function(arch)
        require_legal(space, function, f"function({arch}) gives")
        for what, other in (
            (f"canonical of {function}, a function", space.canonical(function)),
            (f"function of {function}, a function", space.function(function)),
            (f"function of {canonical}, the canonical of {arch},", space.function(canonical)),
        ):
            require(other == function, f"{what} is {other}, not {function}")


def _check_many(space: SearchSpace, archs: Sequence[Arch]) -> None:
    rows = np.array(archs, dtype=np.int64).reshape(len(archs), len(space.options))
    for one in ("canonical", "function"):
        name, single = f"{one}_many", getattr(space, one)
        of_many = getattr(space, name)
        many = of_many(rows)
        require(
            many.dtype == np.int64 and many.shape == rows.shape,
            f"{name} of int64 {rows.shape} is {many.dtype} {many.shape}",
        )
        for arch, row in zip(archs, many.tolist(), strict=True):
            require(
                tuple(row) == single(arch),
                f"{name} gives {tuple(row)} for {arch}, {one} {single(arch)}",
            )
        empty = of_many(rows[:0])
        require(empty.shape == rows[:0].shape, f"{name} of no tuples has shape {empty.shape}")
    if prod(space.options) < 2**63:
        ranks = space.rank_many(rows)
        require(
            ranks.dtype == np.int64 and ranks.tolist() == [space.rank(arch) for arch in archs],
            "rank_many and rank disagree",
        )


def _check_graph(space: SearchSpace, archs: Sequence[Arch]) -> None:
    for arch in archs:
        graph = space.graph(arch)
        if graph is None:
            continue
        n, edges = len(graph.labels), graph.adjacency
        require(
            n >= 2 and edges.shape == (n, n) and edges.dtype == np.bool_,
            f"graph of {arch} has {n} labels and an adjacency of {edges.dtype} {edges.shape}",
        )
        require(not np.tril(edges).any(), f"nodes of {arch}'s graph are not in topological order")


def _all_neighbors(space: SearchSpace, arch: Arch) -> list[Arch]:
    """Brute force: all legal tuples at distance one."""
    changed = (
        (*arch[:i], option, *arch[i + 1 :])
        for i, n in enumerate(space.options)
        for option in range(n)
    )
    return [other for other in changed if other != arch and space.is_legal(other)]


def _distance(a: Arch, b: Arch) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def _refused(space: SearchSpace, arch: Iterable[Any], why: str) -> None:
    """Both ways to ask must refuse ``arch``."""
    try:
        inside = arch in space
    except Exception as error:
        raise AssertionError(f"{arch!r} in {space} raises {error!r}") from error
    require(not inside, f"{arch!r} is in {space}, although it {why}")
    what = f"check({arch!r}), which {why},"
    require_error(what, IllegalArchError, space.check, arch)


def _only_random(seed: int) -> random.Random:
    return cast(random.Random, _OnlyRandom(seed))


class _OnlyRandom:
    """A generator that has ``random()`` and nothing else, the one stream that Python keeps.

    Args:
        seed: Seed of the numbers.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"rng.{name} is used; use rng.random() only")
