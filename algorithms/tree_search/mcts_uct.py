"""Monte Carlo tree search over decisions (UCT), as in DeepArchitect.

UCT: Kocsis and Szepesvári (2006, https://doi.org/10.1007/11871842_29); DeepArchitect: Negrinho and
Gordon (2017, https://arxiv.org/abs/1704.08792).
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, ClassVar

from algorithms.parts.choices import legal_options
from algorithms.tree_search.uct_tree import Node, UctTree, check_scale
from nasbench.algorithm import Algorithm, Observation, Proposal
from nasbench.errors import InvalidArgumentError
from nasbench.space import Arch, SearchSpace


class MctsUct(Algorithm):
    """Monte Carlo tree search (UCT) over decisions, as DeepArchitect (Negrinho and Gordon, 2017).

    A node is a prefix of an architecture. Every trial follows the child with the highest ``mean
    reward + exploration * sqrt(2 ln(visits of the node) / visits of the child)``, where unvisited
    children come first and ties are broken at random. It expands one node and chooses among its
    children; the remaining decisions are uniform over the options that can become legal. Rewards
    are negated losses divided by ``scale``; a diverged training counts as the worst finite loss so
    far. Running trials count as visits but not in the mean, so parallel workers spread out.

    With ``sharing``, the mean of a child is mixed with the mean over all trials that chose the same
    option for the same decision anywhere in the tree, weighted as that many visits, and unvisited
    children are tried in the order of that mean (all moves as first: Gelly and Silver, 2007,
    https://doi.org/10.1145/1273496.1273531).

    Preset ``deep_architect`` is as in negrinho/deep_architect (``searchers/mcts.py``), with
    accuracies as fractions; :class:`~algorithms.tree_search.mcts_surrogate.MctsSurrogate` is its
    search with a surrogate model. ``alphax`` takes its constants from
    linnanwang/AlphaX-NASBench101 (``MCTS.py``; Wang et al., 2020,
    https://arxiv.org/abs/1903.11059), without its accuracy-predicting network and with one decision
    per level of the tree. ``wistuba`` is after Wistuba (2017, https://arxiv.org/abs/1712.07420),
    who shares information between branches; the way of sharing and the numbers are our reading.

    Args:
        space: The search space.
        fidelities: Epochs on offer; only the last is used.
        seed: Seed of the search.
        exploration: Factor of the confidence bound, in units of reward.
        scale: Difference in loss worth a reward of one; None for the difference between the worst
            and the best finite loss so far.
        sharing: Weight, in visits, of an option's mean over all branches.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "deep_architect": {"exploration": 1.0, "scale": 100.0, "sharing": 0.0},
        "wistuba": {"exploration": 0.1, "scale": 100.0, "sharing": 10.0},
        "alphax": {"exploration": 4.0, "scale": 100.0, "sharing": 0.0},
    }

    def __init__(
        self,
        space: SearchSpace,
        *,
        fidelities: Sequence[int],
        seed: int,
        exploration: float = 0.1,
        scale: float | None = None,
        sharing: float = 0.0,
    ) -> None:
        super().__init__(space, fidelities=fidelities, seed=seed)
        for name, value in (("exploration", exploration), ("sharing", sharing)):
            if not 0 <= value < inf:
                raise InvalidArgumentError(f"{name} = {value} must be finite and not negative")
        check_scale(scale)
        self.exploration = exploration
        self.scale = scale
        self.sharing = sharing
        self.loss_unit = "%" if scale == 100 else None
        self._tree = UctTree(
            space, legal_options(space), exploration=exploration, scale=scale, sharing=sharing
        )
        self._paths: dict[Arch, list[list[Node]]] = {}

    def ask(self) -> Proposal:
        arch, path = self._tree.draw(self.rng)
        self._paths.setdefault(arch, []).append(path)
        return Proposal(arch)

    def tell(self, observation: Observation) -> None:
        arch = observation.proposal.arch
        path = self._paths[arch].pop(0)
        if not self._paths[arch]:
            del self._paths[arch]
        self._tree.add(arch, path, observation.losses[0])
