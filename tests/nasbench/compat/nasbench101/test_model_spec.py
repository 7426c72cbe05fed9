import sys
from types import ModuleType

import pytest

from nasbench import api
from nasbench.errors import MissingExtraError

SPEC = api.ModelSpec(
    [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]],
    ["input", "maxpool3x3", "conv3x3-bn-relu", "output"],
)


def test_a_drawing_shows_the_pruned_cell(monkeypatch):
    class Digraph:
        def __init__(self):
            self.nodes, self.edges = [], []

        def node(self, name, label):
            self.nodes.append((name, label))

        def edge(self, tail, head):
            self.edges.append((tail, head))

    graphviz = ModuleType("graphviz")
    graphviz.Digraph = Digraph
    monkeypatch.setitem(sys.modules, "graphviz", graphviz)
    drawing = SPEC.visualize()
    assert drawing.nodes == [("0", "input"), ("1", "maxpool3x3"), ("2", "output")]
    assert drawing.edges == [("0", "1"), ("1", "2")]
    with pytest.raises(api.OutOfDomainError, match="no path"):
        api.ModelSpec([[0, 0], [0, 0]], ["input", "output"]).visualize()


def test_a_drawing_needs_graphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    with pytest.raises(MissingExtraError, match="pip install graphviz"):
        SPEC.visualize()
