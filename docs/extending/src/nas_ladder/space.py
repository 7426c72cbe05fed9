"""Ladders: five rungs in a row, of one width.

A search space made up to show what a space needs.
"""

from nasbench.errors import IllegalArchError, one_of
from nasbench.space import Arch, Decision, SearchSpace

RUNGS = 5
OPERATIONS = ("skip", "conv", "pool")
WIDTHS = (16, 32, 64)


class Ladder(SearchSpace):
    """Ladders, written ``conv-pool-conv-skip-skip@32``.

    At least one rung is a convolution. A skip passes on what it gets, so two ladders are the same
    network if they are equal without their skips.
    """

    name = "ladder"
    decisions = (
        *(Decision(f"rung {i}", OPERATIONS) for i in range(1, RUNGS + 1)),
        Decision("width", tuple(map(str, WIDTHS)), "numeric", WIDTHS),
    )
    table_key = "class"

    def to_text(self, arch: Arch) -> str:
        return f"{'-'.join(OPERATIONS[option] for option in arch[:RUNGS])}@{WIDTHS[arch[RUNGS]]}"

    def from_text(self, text: str) -> Arch:
        rungs, _, width = text.strip().partition("@")
        names = [*rungs.split("-"), width]
        if len(names) != len(self.decisions):
            raise IllegalArchError(f"{text!r} is no ladder such as conv-pool-conv-skip-skip@32")
        for name, decision in zip(names, self.decisions, strict=True):
            if name not in decision.labels:
                raise IllegalArchError(
                    f"{decision.name!r} has no option {name!r}{one_of(name, decision.labels)}"
                )
        pairs = zip(names, self.decisions, strict=True)
        return self.check([decision.labels.index(name) for name, decision in pairs])

    def is_legal(self, arch: Arch) -> bool:
        return OPERATIONS.index("conv") in arch[:RUNGS]

    def canonical(self, arch: Arch) -> Arch:
        kept = [option for option in arch[:RUNGS] if option]
        return (*kept, *[0] * (RUNGS - len(kept)), arch[RUNGS])
