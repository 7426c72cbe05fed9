"""The arc kernel, for decisions that mean something only beside certain others.

Swersky, Duvenaud, Snoek, Hutter and Osborne (2014), https://arxiv.org/abs/1409.4011.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algorithms.models.processes.kernels import Kernel, Numbers
from nasbench.space import Arch, SearchSpace

ABSENT = ("none", "absent", "identity")
"""Labels of options that say that nothing is there."""

_ROOT_5 = np.sqrt(5.0)


class Activity:
    """Says which decisions of an architecture are active, and remembers it.

    Architectures are compared as their representatives, ``space.canonical(arch)``. There, a
    decision is inactive if its option is named like one of :data:`ABSENT`, or if there are other
    legal options for it and all of them give the same network. So in NAS-Bench-201 an edge is
    inactive that is ``none`` or carries no signal; in ``seqmix`` the layers that are not there,
    which the representative has last; in NAS-Bench-101 an edge that is absent and the operation of
    a vertex on no path. Where nothing can be inactive, as in ``fcnet``, all decisions are active.

    A decision that the rules of a space leave without another option is active.

    Args:
        space: The search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._absent = [
            {k for k, label in enumerate(decision.labels) if label in ABSENT}
            for decision in space.decisions
        ]
        self._found: dict[Arch, tuple[Arch, tuple[bool, ...]]] = {}

    def __call__(self, arch: Arch) -> tuple[Arch, tuple[bool, ...]]:
        """Return the representative of an architecture, and whether each decision is active."""
        representative = self._space.canonical(arch)
        if representative not in self._found:
            active = tuple([self._is_active(representative, i) for i in range(len(arch))])
            self._found[representative] = representative, active
        return self._found[representative]

    def _is_active(self, arch: Arch, place: int) -> bool:
        if arch[place] in self._absent[place]:
            return False
        space, others = self._space, False
        for option in range(space.options[place]):
            changed = (*arch[:place], option, *arch[place + 1 :])
            if option != arch[place] and space.is_legal(changed):
                if space.canonical(changed) != arch:
                    return True
                others = True
        return not others


class Arc(Kernel):
    """Matérn 5/2 of the distances between architectures on arcs, one for every decision.

    A decision with a choice is a vector: 0 where it is inactive, see :class:`Activity`. Where it is
    active, an ordinal or numeric option, as a number x in [0, 1] by the order of the options, is
    ``w * (sin(pi r x), cos(pi r x))``; a categorical option is ``w`` times a unit vector of its
    own. So two inactive decisions are at distance 0, an active and an inactive one at w, two active
    ones at ``w * sqrt(2 - 2 cos(pi r |x - y|))``, or at ``w * sqrt(2)`` if categorical options
    differ. Parameters are all radii w, then the angles r of the ordered decisions, at most 1.

    Where all decisions are active and categorical, this is
    :class:`~algorithms.models.processes.kernels.Matern` with lengths 1 / w.

    Args:
        space: The search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._activity = Activity(space)
        self._places = [i for i, n in enumerate(space.options) if n > 1]
        kinds = [space.decisions[i].kind for i in self._places]
        self._ordered = [k for k, kind in enumerate(kinds) if kind != "categorical"]
        self._last = [space.options[self._places[k]] - 1 for k in self._ordered]
        n, m = len(self._places), len(self._ordered)
        self.start = np.concatenate([np.zeros(n), np.full(m, np.log(0.5))])
        self.bounds = [*[(-4.0, 3.0)] * n, *[(-3.0, 0.0)] * m]

    def compare(self, a: Sequence[Arch], b: Sequence[Arch]) -> Numbers:
        """Compare decisions.

        Returns:
            First, for every decision, squared distances in units of w without those along an arc;
            then, for every ordered decision, the difference of the numbers where both are active.
        """
        (rows, row_active), (columns, column_active) = self._read(a), self._read(b)
        n = len(self._places)
        found = np.zeros((n + len(self._ordered), len(a), len(b)))
        for k, place in enumerate(self._places):
            one, other = row_active[place][:, None], column_active[place]
            found[k] = one != other
            both = one & other
            if k in self._ordered:
                i = self._ordered.index(k)
                difference = np.abs(rows[place][:, None] - columns[place]) / self._last[i]
                found[n + i] = both * difference
            else:
                found[k] += 2.0 * (both & (rows[place][:, None] != columns[place]))
        return found

    def _read(self, archs: Sequence[Arch]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Options and activity, one row a decision."""
        read = [self._activity(arch) for arch in archs]
        options = np.array([arch for arch, _ in read], dtype=np.int64)
        active = np.array([active for _, active in read], dtype=np.bool_)
        return options.reshape(len(read), -1).T, active.reshape(len(read), -1).T

    def gram(self, compared: Numbers, logs: Numbers) -> Numbers:
        r, _ = self._scaled(compared, logs)
        found: Numbers = (1 + r + r * r / 3) * np.exp(-r)
        return found

    def slopes(self, compared: Numbers, logs: Numbers, weights: Numbers) -> Numbers:
        r, squares = self._scaled(compared, logs)
        n = len(self._places)
        factor = -5 / 6 * weights * (1 + r) * np.exp(-r)  # by the squared distance
        radii = np.exp(2 * logs[:n])
        angles = np.pi * np.exp(logs[n:])[:, None, None] * compared[n:]
        along = 2 * radii[self._ordered, None, None] * np.sin(angles) * angles
        by = np.concatenate([2 * radii[:, None, None] * squares, along])
        found: Numbers = by.reshape(len(by), factor.size) @ factor.reshape(-1)
        return found

    def _scaled(self, compared: Numbers, logs: Numbers) -> tuple[Numbers, Numbers]:
        """Distances times the root of 5, and squared distances of each decision in units of w."""
        n = len(self._places)
        squares = compared[:n].copy()
        angles = np.pi * np.exp(logs[n:])[:, None, None] * compared[n:]
        squares[self._ordered] += 4 * np.sin(angles / 2) ** 2  # = 2 - 2 cos, without cancellation
        total = np.tensordot(np.exp(2 * logs[:n]), squares, axes=1)
        return _ROOT_5 * np.sqrt(total), squares
