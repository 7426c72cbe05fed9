"""The nine graphs of NAS-Bench-Graph, the training of networks on them, and the networks' sizes.

The archive itself does not describe them. Widths and layers follow from the published numbers of
parameters, which :func:`parameters` reproduces; sizes of the splits follow from the accuracies,
which are whole numbers of nodes. The rest comes from the supplement of the paper: its code and the
hyperparameters of each graph.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from nasbench.space import Arch
from nasbench.spaces.nbgraph import LINKS, OPERATIONS

TRAININGS = 3
DECIMALS = 3

_PLANETOID = "public split: 20 nodes a class for training, 500 for validation, 1,000 for test"
_RANDOM = "drawn at random: 20 nodes a class for training, 30 for validation, all others for test"
_COMPONENT = f"largest connected component, {_RANDOM}"
_OGB = "split of the Open Graph Benchmark"

# Number of (inputs x outputs) matrices and of output vectors per operation. In addition, arma has
# one (outputs x outputs) matrix.
_WEIGHTS = {
    "gat": (1, 3),
    "gcn": (1, 1),
    "gin": (1, 1),
    "cheb": (2, 1),
    "sage": (2, 1),
    "arma": (2, 1),
    "graph": (2, 1),
    "fc": (1, 1),
    "skip": (0, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A graph, and how networks were trained on it.

    Attributes:
        name: Name in the archive.
        title: Name for people.
        sha256: SHA-256 of the file in nas-bench-graph 1.4.0.
        split: How the nodes were split.
        nodes: Numbers of training, validation and test nodes.
        features: Features of a node.
        outputs: Number of classes, or of binary tasks.
        before: Linear layers before the cell.
        after: Linear layers after the one that joins the leaves of the cell.
        width: Channels of the operations.
        dropout: Dropout probability.
        optimizer: ``SGD`` (without momentum) or ``Adam``.
        learning_rate: Learning rate, constant.
        weight_decay: L2 coefficient.
        epochs: Number of steps, each on all training nodes.
        metric: Performance metric: ``accuracy`` or ``roc_auc``.
        mixed: Whether some published numbers of parameters are not those of the network.
    """

    name: str
    title: str
    sha256: str
    split: str
    nodes: tuple[int, int, int]
    features: int
    outputs: int
    before: int
    after: int
    width: int
    dropout: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    epochs: int
    metric: str = "accuracy"
    mixed: bool = False

    @property
    def recipe(self) -> dict[str, Any]:
        """Description of a training."""
        train, valid, test = self.nodes
        return {
            "network": "NAS-Bench-Graph: linear layers before the cell; four operations, ReLU and "
            "dropout before each that does not read raw features; the leaves joined, ReLU, linear; "
            "linear layers after",
            "dataset": self.name,
            "split": self.split,
            "train": train,
            "valid": valid,
            "test": test,
            "layers_before": self.before,
            "layers_after": self.after,
            "width": self.width,
            "dropout": self.dropout,
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "epochs": self.epochs,
            "batch": "all training nodes",
            "loss": "binary cross-entropy" if self.metric == "roc_auc" else "cross-entropy",
            "known_from": "widths, layers and sizes of splits: the published numbers of parameters "
            "and accuracies; the rest: code and hyperparameters published with the paper",
        }


GRAPHS = (
    Graph(
        name="cora",
        title="Cora",
        sha256="5e69b2f9bb08d8927d9ffd4921f8494a3cea349c9c3a461334cb9dc9e11701a8",
        split=_PLANETOID,
        nodes=(140, 500, 1000),
        features=1433,
        outputs=7,
        before=0,
        after=1,
        width=256,
        dropout=0.7,
        optimizer="SGD",
        learning_rate=0.1,
        weight_decay=5e-4,
        epochs=400,
    ),
    Graph(
        name="citeseer",
        title="CiteSeer",
        sha256="99c7f79b73372636305bf73fb32a58b63c57bd1871a152dd62ec72d984c8c50f",
        split=_PLANETOID,
        nodes=(120, 500, 1000),
        features=3703,
        outputs=6,
        before=0,
        after=1,
        width=256,
        dropout=0.7,
        optimizer="SGD",
        learning_rate=0.2,
        weight_decay=5e-4,
        epochs=400,
    ),
    Graph(
        name="pubmed",
        title="PubMed",
        sha256="10b4dcf6cfd3a24f6059f7d541a4a872960b4adac0b3dba26abed1bb9a3d904d",
        split=_PLANETOID,
        nodes=(60, 500, 1000),
        features=500,
        outputs=3,
        before=0,
        after=0,
        width=128,
        dropout=0.3,
        optimizer="SGD",
        learning_rate=0.2,
        weight_decay=5e-4,
        epochs=500,
    ),
    Graph(
        name="cs",
        title="Coauthor CS",
        sha256="71ae8469930517160b024f52db6000a4897f1aff5d765beb27bb60952ed5bd31",
        split=_RANDOM,
        nodes=(300, 450, 17_583),
        features=6805,
        outputs=15,
        before=1,
        after=0,
        width=128,
        dropout=0.6,
        optimizer="SGD",
        learning_rate=0.5,
        weight_decay=5e-4,
        epochs=400,
    ),
    Graph(
        name="physics",
        title="Coauthor Physics",
        sha256="1e309bafee0b832c8b84fa3c039c36992bc0a910238b128f26b7e9190d7f2aea",
        split=_RANDOM,
        nodes=(100, 150, 34_243),
        features=8415,
        outputs=5,
        before=1,
        after=0,
        width=256,
        dropout=0.4,
        optimizer="SGD",
        learning_rate=0.01,
        weight_decay=0.0,
        epochs=200,
        mixed=True,
    ),
    Graph(
        name="photo",
        title="Amazon Photo",
        sha256="5511b4dc3f63fa988792177227db7901290fb9b27fc6c02e3036b29e134ed6df",
        split=_COMPONENT,
        nodes=(160, 240, 7087),
        features=745,
        outputs=8,
        before=0,
        after=0,
        width=128,
        dropout=0.7,
        optimizer="Adam",
        learning_rate=2e-4,
        weight_decay=5e-4,
        epochs=500,
    ),
    Graph(
        name="computers",
        title="Amazon Computers",
        sha256="fdb3dc0cf405d62322f0ab9614b2083c2a5e6576c2f43e4f2214be64bc62b1b3",
        split=_COMPONENT,
        nodes=(200, 300, 12_881),
        features=767,
        outputs=10,
        before=1,
        after=1,
        width=64,
        dropout=0.1,
        optimizer="Adam",
        learning_rate=5e-3,
        weight_decay=5e-4,
        epochs=500,
    ),
    Graph(
        name="arxiv",
        title="ogbn-arxiv",
        sha256="7ee21a7653297a806c0ed1be3efe6ecc06acc84e48e942da0bfde0e5d287debe",
        split=_OGB,
        nodes=(90_941, 29_799, 48_603),
        features=128,
        outputs=40,
        before=0,
        after=1,
        width=128,
        dropout=0.2,
        optimizer="Adam",
        learning_rate=2e-3,
        weight_decay=0.0,
        epochs=500,
    ),
    Graph(
        name="proteins",
        title="ogbn-proteins",
        sha256="b9e7fb0902bda44fec32c948e5fde822fb22d38d674c52e43ace5197378f2d21",
        split=_OGB,
        nodes=(86_619, 21_236, 24_679),
        features=8,
        outputs=112,
        before=1,
        after=1,
        width=256,
        dropout=0.0,
        optimizer="Adam",
        learning_rate=0.01,
        weight_decay=5e-4,
        epochs=500,
        metric="roc_auc",
    ),
)


def parameters(arch: Arch, graph: Graph) -> int:
    """Return the trainable parameters of the network as written, batch normalisation included.

    Every operation batch-normalises its inputs, used or not; one layer joins the leaves.
    """
    sources = [int(source) for source in LINKS[arch[0]]]
    width = graph.width
    total = 2 * width * len(sources)
    raw = [not graph.before]
    for source, option in zip(sources, arch[1:], strict=True):
        operation = OPERATIONS[option]
        matrices, vectors = _WEIGHTS[operation]
        inputs = graph.features if raw[source] else width
        total += matrices * inputs * width + vectors * width
        total += width * width if operation == "arma" else 0
        raw.append(raw[source] and operation == "skip")
    leaves = sum(node not in sources for node in range(1, len(sources) + 1))
    layers = [graph.features, *[width] * graph.before] if graph.before else []
    joined = [leaves * width, *[width] * graph.after, graph.outputs]
    for sizes in (layers, joined):
        total += sum(i * o + o for i, o in pairwise(sizes))
    return total
