"""Numbers that are known before training, as ranks by which a search orders architectures."""

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from nasbench.algorithm import Known
from nasbench.errors import InvalidArgumentError, one_of
from nasbench.space import Arch

RANKS = ("first", "vote")
"""Orders by scores alone: by the first one, or by the mean rank over all."""


class Scores:
    """Known numbers of architectures, read as scores: of each, more is better unless said.

    A score that is not defined (NaN) is worse than every number.

    Args:
        known: Gives the numbers.
        lower_is_better: Places of the numbers, from 0 in the order of their columns, of which less
            is better, as of parameters; None for none.
        rank: ``"first"`` or ``"vote"``.
        others: What else ``rank`` may be; it then orders as ``"vote"``.

    Raises:
        InvalidArgumentError: There are no known numbers, or an argument has an impossible value.
    """

    def __init__(
        self,
        known: Known | None,
        lower_is_better: Sequence[int] | None,
        rank: str,
        *,
        others: Sequence[str] = (),
    ) -> None:
        if rank not in (*RANKS, *others):
            raise InvalidArgumentError(f"rank = {rank!r}{one_of(rank, (*RANKS, *others))}")
        self._lower = [] if lower_is_better is None else lower_is_better
        if not isinstance(self._lower, list | tuple) or not all(
            type(place) is int and place >= 0 for place in self._lower
        ):
            raise InvalidArgumentError(
                f"lower_is_better = {lower_is_better!r} must list places of known numbers, counted "
                "from 0, such as [0]"
            )
        if known is None:
            raise InvalidArgumentError(
                "this algorithm orders architectures by numbers that are known before training: "
                "name their columns, as --known synflow on the command line or "
                'known=["synflow"] in Python; nasbench info BENCHMARK lists what there is'
            )
        self._known = known
        self._rank = rank

    def __call__(self, archs: Sequence[Arch]) -> NDArray[np.float64]:
        """Return the scores, more is better, shape ``(n, n_scores)``; NaN where not defined.

        Raises:
            InvalidArgumentError: ``lower_is_better`` names a place that no number has.
        """
        numbers = np.array([self._known(arch) for arch in archs], dtype=np.float64)
        numbers = numbers.reshape(len(archs), -1)
        for place in self._lower if len(archs) else ():
            if place >= numbers.shape[1]:
                raise InvalidArgumentError(
                    f"lower_is_better names the place {place}, but known are {numbers.shape[1]} "
                    f"numbers: possible are 0..{numbers.shape[1] - 1}"
                )
            numbers[:, place] *= -1
        return numbers

    def ordered(self, archs: Sequence[Arch], rng: Random) -> list[Arch]:
        """Return the architectures, best first, equally good ones in a random order."""
        if not archs:
            return []
        shuffled = [arch for _, arch in sorted((rng.random(), arch) for arch in archs)]
        places = ranks(self(shuffled))
        keys = places[:, 0] if self._rank == "first" else places.mean(axis=1)
        return [shuffled[i] for i in np.argsort(keys, kind="stable").tolist()]


def ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each score in its column, 0 for the best and 1 for the worst.

    Equal scores have their mean rank, and so have all that are NaN, behind the others.

    Args:
        scores: More is better, shape ``(n, n_scores)``.

    Returns:
        Shape ``(n, n_scores)``; 0 if there is one row.
    """
    found = np.zeros(scores.shape)
    for column, values in zip(found.T, scores.T, strict=True):
        defined = ~np.isnan(values)
        n = int(defined.sum())
        column[defined] = rankdata(-values[defined]) - 1
        column[~defined] = (n + len(values) - 1) / 2
    return found / max(len(scores) - 1, 1)
