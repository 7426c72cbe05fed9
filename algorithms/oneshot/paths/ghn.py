"""GHN: a graph network makes the weights of an architecture."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from algorithms.oneshot.one_shot_search import at_least
from algorithms.oneshot.paths.hyper_search import HyperSearch


class GHN(HyperSearch):
    """Trains a graph network from architectures to weights; random ones are judged with theirs.

    Zhang, Ren and Urtasun (2019), https://arxiv.org/abs/1810.05749. Decisions are nodes, which
    begin with an embedding of their option. In every round they hear from those before them, then
    from those after them, and change by a gated recurrent unit. The contract of supernets says
    which decisions add up, but not what they read: a decision hears from all of earlier groups.
    In the paper nodes are updated in topological order, and one decoder makes the weights of each
    node from its state; here all change together, and a linear layer makes all weights from all
    states, since the contract does not say whose they are.

    Args:
        space: The space to search.
        rounds: Rounds of messages.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(self, space: Any, *, rounds: int = 5, **shared: Any) -> None:
        super().__init__(space, **shared)
        at_least(0, rounds=rounds)
        self.rounds = rounds

    def encoder(self) -> nn.Module:
        return Propagation(self.net.shape, self.net.groups, self.hidden, self.rounds)


class Propagation(nn.Module):
    """States of decisions that hear from each other, and a code of all.

    Args:
        shape: Number of decisions and of options.
        groups: Decisions by their order.
        hidden: Size of a state, and of the code.
        rounds: Rounds of messages.
    """

    def __init__(
        self, shape: tuple[int, int], groups: Sequence[Sequence[int]], hidden: int, rounds: int
    ) -> None:
        super().__init__()
        self.rounds = rounds
        order = {decision: i for i, group in enumerate(groups) for decision in group}
        self._before = [
            [float(order[a] < order[b]) for a in range(shape[0])] for b in range(shape[0])
        ]
        self.embed = nn.Linear(shape[1], hidden)
        self.forwards = nn.Linear(hidden, hidden)
        self.backwards = nn.Linear(hidden, hidden)
        self.cell = nn.GRUCell(hidden, hidden)
        self.code = nn.Linear(shape[0] * hidden, hidden)

    def forward(self, chosen: Tensor) -> Tensor:
        """Return the code of one-hot options, shape ``(n_decisions, n_options)``."""
        state: Tensor = self.embed(chosen)
        before = torch.tensor(self._before, dtype=state.dtype, device=state.device)
        for _ in range(self.rounds):
            state = self.cell(before @ self.forwards(state), state)
            state = self.cell(before.T @ self.backwards(state), state)
        return self.code(state.flatten()).tanh()  # type: ignore[no-any-return]
