"""The cell space of NAS-Bench-101 (Ying et al., 2019, https://arxiv.org/abs/1902.09635).

Directed acyclic graphs of up to seven vertices and nine edges, with an operation on every vertex
except the input and the output: 423,624 different cells.
"""

import random
import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, Graph, SearchSpace

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
INPUT, OUTPUT = "input", "output"
MAX_VERTICES = 7
MAX_EDGES = 9
CELLS = 423_624

_T = TypeVar("_T")
_LAST = MAX_VERTICES - 1
_INNER = MAX_VERTICES - 2
_EDGES = tuple((x, y) for y in range(1, MAX_VERTICES) for x in range(y))
_INTO = tuple(slice(y * (y - 1) // 2, y * (y + 1) // 2) for y in range(MAX_VERTICES))
_N_EDGES = len(_EDGES)
_HASH = re.compile("[0-9a-f]{32}")
_NO_HASH = "; a module hash names a cell where a table records it, as 'nasbench import nb101' makes"
_EXAMPLE = "0101 0010 0001 0000 input,conv3x3-bn-relu,maxpool3x3,output"

# Sources of a vertex as bits of an integer (source x is bit x), by options of its incoming edges
_SOURCES = {
    options: sum(option << x for x, option in enumerate(options))
    for y in range(MAX_VERTICES)
    for options in product((0, 1), repeat=y)
}


class NB101(SearchSpace):
    """Cells of NAS-Bench-101: ``010 001 000 input,conv3x3-bn-relu,output``.

    The text lists the rows of the adjacency matrix, then the operations. A tuple says which of the
    21 possible edges between seven vertices are present, those into vertex 1 first, then the
    operations of vertices 1 to 5. The output is vertex 6; a cell with fewer vertices leaves the
    ones before it without edges and with operation 0.

    Vertices that are not on a path from input to output take no part in the network; pruning
    removes them. A tuple is legal if it has such a path and at most nine edges after pruning. Two
    tuples are the same trainable network if an isomorphism of the pruned graphs maps input to
    input, output to output, and every operation to the same operation.
    """

    name = "nb101"
    table_key = "class"
    decisions = (
        *(Decision(f"edge {x}->{y}", ("absent", "present")) for x, y in _EDGES),
        *(Decision(f"operation {v}", OPERATIONS) for v in range(1, _LAST)),
    )

    @cached_property
    def size(self) -> int:
        """Number of legal tuples: 1,538,083 choices of edges times 3^5 of operations."""
        return 373_754_169

    def to_text(self, arch: Arch) -> str:
        """Write a cell in the notation of the published records.

        Trailing unused vertices are left out.
        """
        n = _INNER
        while n and not _is_used(arch, n):
            n -= 1
        matrix, operations = _written(arch, [*range(n + 1), _LAST])
        return f"{' '.join(''.join(map(str, row)) for row in matrix)} {','.join(operations)}"

    def from_text(self, text: str) -> Arch:
        """Read a cell; the rows may be written without spaces between them.

        Raises:
            IllegalArchError: The text is malformed or has the faults listed in :func:`from_matrix`.
        """
        *rows, names = text.split() or [""]
        operations, digits = names.split(","), "".join(rows)
        n = len(operations)
        if len(digits) != n * n or {*map(len, rows)} - {n, n * n} or set(digits) - {"0", "1"}:
            hint = _NO_HASH if _HASH.fullmatch(text.strip()) else ""
            raise IllegalArchError(
                f"{text!r:.200} is not a cell of 'nb101': it needs V rows of V digits 0 or 1, then "
                f"V operations separated by commas, as in {_EXAMPLE!r}{hint}"
            )
        rows = [digits[n * x : n * x + n] for x in range(n)]
        return from_matrix([[int(digit) for digit in row] for row in rows], operations)

    def is_legal(self, arch: Arch) -> bool:
        """Return whether the pruned cell has a path and at most nine edges."""
        return 0 < _n_edges(arch) <= MAX_EDGES

    def legal_options(self, prefix: Arch) -> tuple[int, ...]:
        options = range(self.options[len(prefix)])
        return tuple(option for option in options if self._is_completable((*prefix, option)))

    def _is_completable(self, prefix: Arch) -> bool:
        """Return whether a prefix becomes legal with no further edge, or with one.

        The more edges lead into the output, the more vertices pruning keeps. So if a prefix is not
        legal with no further edge or with a single one into the output, it is not legal with more.
        And a prefix that ends before the edges into the output is completed by the edge from the
        input alone.
        """
        rest = range(len(prefix), _N_EDGES)
        return any(
            self.is_legal((*prefix, *[int(k == added) for k in rest]))
            for added in (None, *reversed(rest))
        )

    def archs(self) -> Iterator[Arch]:
        for edges in product((0, 1), repeat=_N_EDGES):
            if self.is_legal(edges):
                for operations in product(range(len(OPERATIONS)), repeat=_INNER):
                    yield edges + operations

    def sample(self, rng: random.Random) -> Arch:
        """Draw a legal tuple uniformly; classes differ in their number of tuples.

        Edges are present with probability 1/2 and are drawn again until they are legal; operations
        are uniform. This is the distribution of the published baselines, which draw whole cells
        until one is valid.
        """
        draw = rng.random
        while True:
            edges = tuple([int(draw() * 2) for _ in range(_N_EDGES)])
            if self.is_legal(edges):
                return edges + tuple([int(draw() * len(OPERATIONS)) for _ in range(_INNER)])

    def canonical(self, arch: Arch) -> Arch:
        """Return the smallest tuple of the class that has no prunable vertex but the last ones.

        Raises:
            IllegalArchError: No path leads from input to output.
        """
        edges, numberings = _numberings(arch[:_N_EDGES])
        given = arch[_N_EDGES:]
        operations = min([[given[i] for i in numbering] for numbering in numberings])
        return (*edges, *operations, *[0] * (_INNER - len(operations)))

    def canonical_many(self, archs: NDArray[np.integer]) -> NDArray[np.int64]:
        ranks, inverse = np.unique(self.rank_many(archs), return_inverse=True)
        distinct = np.stack(np.unravel_index(ranks, self.options), axis=1)
        _, first = np.unique(ranks // len(OPERATIONS) ** _INNER, return_index=True)
        for rows in np.split(distinct, first[1:]) if len(distinct) else ():
            edges, numberings = _numberings(tuple(rows[0, :_N_EDGES].tolist()))
            operations = _smallest(rows[:, _N_EDGES:], numberings)
            rows[:] = 0
            rows[:, :_N_EDGES] = edges
            rows[:, _N_EDGES : _N_EDGES + operations.shape[1]] = operations
        return distinct[inverse.reshape(-1)]

    def graph(self, arch: Arch) -> Graph:
        """Return the vertices of the pruned cell."""
        matrix, operations = to_matrix(arch)
        return Graph(np.array(matrix, dtype=np.bool_), tuple(operations))

    def rare_graphs(self) -> Iterator[Arch]:
        """Return chains of all vertices with one operation, and every edge in some of them."""
        chain = [y - x == 1 for x, y in _EDGES]
        for extra, operation in product(range(_N_EDGES), range(len(OPERATIONS))):
            edges = [int(linked or i == extra) for i, linked in enumerate(chain)]
            yield (*edges, *[operation] * _INNER)


def prune(
    matrix: Sequence[Sequence[int]], operations: Sequence[_T]
) -> tuple[list[list[int]], list[_T]]:
    """Remove the vertices that are not on a path from the first to the last.

    Args:
        matrix: Upper triangular adjacency of any size, row = source.
        operations: One per vertex, of any type.

    Returns:
        Adjacency and operations of the remaining vertices, in their order.

    Raises:
        IllegalArchError: No path leads from the first to the last vertex.
    """
    n = len(operations)
    sources = [sum(bool(matrix[x][y]) << x for x in range(y)) for y in range(n)]
    used = [v for v, into in enumerate(_pruned(sources)) if into] if n else []
    if not used:
        raise IllegalArchError("no path leads from the input to the output of the cell")
    kept = [0, *used]
    return [[int(matrix[x][y]) for y in kept] for x in kept], [operations[v] for v in kept]


def from_matrix(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> Arch:
    """Return the tuple of a cell as written, not pruned.

    Args:
        matrix: Upper triangular adjacency of 0 and 1, shape ``(V, V)`` with V in 2..7, row =
            source.
        operations: V names, the first ``"input"`` and the last ``"output"``.

    Raises:
        IllegalArchError: The shape is wrong, an edge leads to an earlier vertex, an operation is
            unknown, no path leads from input to output, or more than nine edges remain after
            pruning.
    """
    rows = [list(row) for row in matrix]
    for entry in [entry for row in rows for entry in row if entry not in (0, 1)][:1]:
        raise IllegalArchError(f"the matrix holds {entry!r}, possible are 0 and 1")
    n = len(rows)
    if not 2 <= n <= MAX_VERTICES:
        raise IllegalArchError(f"a cell of 'nb101' has 2 to {MAX_VERTICES} vertices, not {n}")
    if {len(row) for row in rows} != {n} or len(operations) != n:
        raise IllegalArchError(
            f"the rows of the matrix have lengths {[len(row) for row in rows]} and there are "
            f"{len(operations)} operations: {n} rows need lengths {n} and {n} operations"
        )
    edges = [0] * _N_EDGES
    for x, y in product(range(n), range(n)):
        if rows[x][y]:
            if y <= x:
                raise IllegalArchError(
                    f"the matrix is not upper triangular: it holds an edge {x}->{y}, but edges "
                    "must lead to later vertices"
                )
            edges[_INTO[y if y < n - 1 else _LAST].start + x] = 1
    arch = (*edges, *_options(operations), *[0] * (MAX_VERTICES - n))
    n_edges = _n_edges(arch)
    if not n_edges:
        raise IllegalArchError("no path leads from the input to the output of the cell")
    if n_edges > MAX_EDGES:
        raise IllegalArchError(
            f"the cell has {n_edges} edges after pruning, at most {MAX_EDGES} are possible"
        )
    return arch


def to_matrix(arch: Arch) -> tuple[list[list[int]], list[str]]:
    """Return adjacency (row = source) and operations of the pruned cell.

    Raises:
        IllegalArchError: No path leads from input to output.
    """
    return prune(*_written(arch, range(MAX_VERTICES)))


def cells() -> Iterator[Arch]:
    """Iterate over the 423,624 canonical cells in the order of their ranks."""
    for edges in _compact_matrices():
        smallest, symmetries = _numberings(edges)
        if edges == smallest:
            n = len(symmetries[0])
            labellings = np.array([*product(range(len(OPERATIONS)), repeat=n)], dtype=np.int64)
            is_smallest = (_smallest(labellings, symmetries) == labellings).all(axis=1)
            for labels in labellings[is_smallest].tolist():
                yield (*edges, *labels, *[0] * (_INNER - n))


def _compact_matrices() -> Iterator[Arch]:
    """Iterate over legal edges that pruning leaves unchanged and whose unused vertices come last.

    The order is that of their ranks.
    """
    matrices = np.arange(2**_N_EDGES)
    sources = []
    for y, edges in enumerate(_INTO):
        masks = [_SOURCES[options] for options in product((0, 1), repeat=y)]
        sources.append(np.array(masks)[matrices >> _N_EDGES - edges.stop & 2**y - 1])
    pruned = _pruned(sources)
    n_edges = sum(np.bitwise_count(into) for into in pruned)
    compact = (n_edges > 0) & (n_edges <= MAX_EDGES)
    for y in range(1, MAX_VERTICES):
        compact &= sources[y] == pruned[y]
        if 1 < y < _LAST:
            compact &= (pruned[y] == 0) | (pruned[y - 1] > 0)
    for matrix in matrices[compact].tolist():
        yield tuple([matrix >> _N_EDGES - 1 - k & 1 for k in range(_N_EDGES)])


def _sources(edges: Arch) -> list[int]:
    """Return the sources of every vertex as in ``_SOURCES``; later options are ignored."""
    return [_SOURCES[edges[into]] for into in _INTO]


def _pruned(sources: Sequence[Any]) -> list[Any]:
    """Return the sources of every vertex along paths from the first to the last vertex.

    All are 0 if there is no path. Works for integers and for arrays of integers. A vertex other
    than the first has a source exactly if it is on such a path.
    """
    n = len(sources)
    reached: Any = 1
    for y in range(1, n):
        reached = reached | ((sources[y] & reached) != 0) * (1 << y)
    useful: Any = reached & 1 << n - 1
    for y in range(n - 1, 0, -1):
        useful = useful | -(useful >> y & 1) & sources[y] & reached
    return [into & useful & -(useful >> y & 1) for y, into in enumerate(sources)]


def _n_edges(edges: Arch) -> int:
    """Return the number of edges after pruning; 0 if no path leads from input to output."""
    return sum([sources.bit_count() for sources in _pruned(_sources(edges))])


@lru_cache(maxsize=16_384)
def _numberings(edges: Arch) -> tuple[Arch, tuple[tuple[int, ...], ...]]:
    """Find all ways to number the vertices of a pruned cell that give the smallest edges.

    Args:
        edges: The first 21 options of an architecture.

    Returns:
        The smallest edges; and for every numbering, the positions among the architecture's
        operations from which the renumbered vertices 1, 2, … take theirs.
    """
    into = _pruned(_sources(edges))
    if not into[_LAST]:
        raise IllegalArchError(f"no path leads from input to output along the edges {edges}")
    sources = {v: [x for x in range(v) if into[v] >> x & 1] for v in range(1, _LAST) if into[v]}
    output = [x for x in range(_LAST) if into[_LAST] >> x & 1]
    # Numbers are assigned in ascending order, always to a vertex whose sources already have theirs.
    # The weights of its sources add up to its part of the edges, read as a binary number: the
    # smallest is the best, and only ties are followed.
    best = [{0: 1 << _LAST}]
    rows = []
    for number in range(1, len(sources) + 1):
        candidates = []
        for weights in best:
            for v, before in sources.items():
                if v not in weights and all(map(weights.__contains__, before)):
                    candidates.append((sum([weights[x] for x in before]), v, weights))
        rows.append(min([row for row, _, _ in candidates]))
        best = [
            {**weights, v: 1 << _LAST - number} for row, v, weights in candidates if row == rows[-1]
        ]
    last = [sum([weights[x] for x in output]) for weights in best]
    rows += [0] * (_INNER - len(rows)) + [min(last)]
    smallest = [row >> _LAST - x & 1 for y, row in enumerate(rows, start=1) for x in range(y)]
    numberings = [
        tuple([v - 1 for v in weights][1:])
        for weights, row in zip(best, last, strict=True)
        if row == rows[-1]
    ]
    return tuple(smallest), tuple(numberings)


def _smallest(
    operations: NDArray[np.int64], numberings: Sequence[tuple[int, ...]]
) -> NDArray[np.int64]:
    """Return the smallest renumbering of every row, shape ``(n_rows, n_numbered)``."""
    places = np.array(numberings, dtype=np.int64)
    renumbered = operations[:, places]
    weights = len(OPERATIONS) ** np.arange(places.shape[1])[::-1]
    best = (renumbered @ weights).argmin(axis=1)
    smallest: NDArray[np.int64] = renumbered[np.arange(len(operations)), best]
    return smallest


def _is_used(arch: Arch, vertex: int) -> bool:
    edges = zip(_EDGES, arch, strict=False)
    return arch[_N_EDGES + vertex - 1] > 0 or any(
        present and vertex in ends for ends, present in edges
    )


def _written(arch: Arch, vertices: Sequence[int]) -> tuple[list[list[int]], list[str]]:
    """Return adjacency and operations of some vertices as they are in the tuple."""
    edges = dict(zip(_EDGES, arch, strict=False))
    names = [INPUT, *(OPERATIONS[option] for option in arch[_N_EDGES:]), OUTPUT]
    return [[edges.get((x, y), 0) for y in vertices] for x in vertices], [
        names[v] for v in vertices
    ]


def _options(operations: Sequence[str]) -> list[int]:
    first, *inner, last = operations
    if (first, last) != (INPUT, OUTPUT):
        raise IllegalArchError(
            f"the first and the last operation are {first!r} and {last!r}, but they must be "
            f"{INPUT!r} and {OUTPUT!r}"
        )
    return [operation_number(operation) for operation in inner]


def operation_number(operation: str, vocabulary: Sequence[str] = OPERATIONS) -> int:
    """Return the position of an operation in a vocabulary, or raise IllegalArchError."""
    if operation not in vocabulary:
        raise IllegalArchError(f"unknown operation {operation!r}{one_of(operation, vocabulary)}")
    return vocabulary.index(operation)
