"""Drawings: what they show is the graph, whatever the space."""

import os
import random
import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from nasbench.drawing.arcs import arcs, edges_of
from nasbench.drawing.layers import layered
from nasbench.drawing.pictures import pictures
from nasbench.drawing.scene import BOX_HEIGHT, DOT
from nasbench.drawing.svg import MARK, draw, write
from nasbench.errors import IllegalArchError, InvalidArgumentError
from nasbench.space import Graph
from nasbench.spaces import SPACES
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb201 import EDGES, NB201, live_edges
from nasbench.spaces.seqmix import SeqMix

NAMES = list(SPACES)
CELL = (3, 3, 4, 1, 3, 1)


def drawn(name, n=12):
    """Architectures of a space with their pictures."""
    space, rng = SPACES.load(name)(), random.Random(7)
    for _ in range(n):
        arch = space.sample(rng)
        yield space, arch, pictures(space, arch)


def seen(scene):
    """The edges between boxes that a reader of the picture follows, as pairs of nodes."""
    half = {box: DOT if box.width == 2 * DOT else BOX_HEIGHT // 2 for box in scene.boxes}
    above = {(box.x, box.y - half[box] - 1): box.node for box in scene.boxes}
    steps = []
    for line in scene.lines:
        start = tuple(map(int, re.match(r"M(\d+) (\d+)", line.path).groups()))
        head = re.search(r"L(\d+) (\d+)L", line.path)
        across = re.findall(r"(\d+) \d+V", line.path) or [start[0]]
        down = re.findall(r"V(\d+)$", line.path)
        end = (int(head[1]), int(head[2])) if head else (int(across[-1]), int(down[-1]))
        steps.append((start, end))
    found = set()
    for box in scene.boxes:
        points, reached = {(box.x, box.y + half[box])}, set()
        while points:
            point = points.pop()
            for start, end in steps:
                if start == point and end in above:
                    found.add((box.node, above[end]))
                elif start == point and end not in reached:
                    reached.add(end)
                    points.add(end)
    return found


@pytest.mark.parametrize("name", [name for name in NAMES if name != "nb201"])
def test_lines_are_the_edges_of_the_graph(name):
    for space, arch, shown in drawn(name):
        graphs = list(space.cells(arch).values())
        for picture, graph in zip(shown, graphs, strict=False):
            assert seen(picture.scene) == set(zip(*np.nonzero(graph.adjacency), strict=True))


def test_random_graphs_are_drawn_with_their_edges():
    rng = np.random.default_rng(3)
    for n in [1, 2, *[9] * 20]:
        adjacency = np.triu(rng.random((n, n)) < 0.4, k=1)
        scene = layered(Graph(adjacency, ("op",) * n), 60)
        assert seen(scene) == set(zip(*np.nonzero(adjacency), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_boxes_do_not_overlap_and_lie_inside(name):
    for _, _, shown in drawn(name):
        for scene in (picture.scene for picture in shown):
            boxes = scene.boxes
            for i, a in enumerate(boxes):
                assert a.width / 2 <= a.x <= scene.width - a.width / 2
                assert BOX_HEIGHT / 2 <= a.y <= scene.height - DOT
                for b in boxes[:i]:
                    apart = abs(a.x - b.x) >= (a.width + b.width) / 2
                    assert apart or abs(a.y - b.y) >= BOX_HEIGHT


def test_the_cells_of_nb201_have_their_operations_on_edges():
    assert edges_of(NB201().graph(CELL)) == list(EDGES)
    (picture,) = pictures(NB201(), CELL)
    assert [box.node for box in picture.scene.boxes] == [-1] * 4 + [1, 2, 3, 4, 5, 6]
    assert [line.node for line in picture.scene.lines] == [1, 2, 3, 4, 5, 6]


def test_a_graph_whose_nodes_are_no_edges_is_drawn_with_operations_on_nodes():
    diamond = np.zeros((5, 5), dtype=np.bool_)
    for edge in ((0, 1), (0, 2), (1, 3), (2, 3), (1, 4), (3, 4)):
        diamond[edge] = True
    assert edges_of(Graph(diamond, ("input", "a", "b", "c", "output"), "edges")) is None


def test_arcs_between_the_same_nodes_do_not_cover_each_other():
    scene = arcs([(0, 1), (0, 1), (0, 1)], 40)
    assert len({(box.x, box.y) for box in scene.boxes}) == len(scene.boxes)


def test_what_no_signal_passes_is_idle():
    for _, arch, (picture,) in drawn("nb201", 200):
        assert picture.idle[1:-1] == tuple(not live for live in live_edges(arch))


def test_the_two_cells_of_darts_add_two_operations_in_every_node():
    for _, _, shown in drawn("darts", 3):
        assert [picture.title for picture in shown] == ["normal cell", "reduction cell"]
        assert all(picture.labels.count("sum") == 4 for picture in shown)
        assert not any(any(picture.idle) for picture in shown)


@pytest.mark.parametrize("name", NAMES)
def test_svg_is_one_file_that_needs_no_other(name):
    for space, arch, _ in drawn(name, 3):
        svg = draw(space, arch)
        root = ElementTree.fromstring(svg)
        assert root.find("{*}title").text == space.to_text(arch)
        assert not re.search("href|url|script|<image", svg)
        texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
        for cell in space.cells(arch).values():
            assert set(cell.labels) - {"sum", "input", "output"} <= set(texts)


def test_a_space_without_graphs_says_so_and_shows_its_decisions():
    space = FCNet()
    svg = draw(space, (0,) * len(space.decisions))
    assert "fcnet has no graphs" in svg
    assert all(f"{d.name}: {d.labels[0]}" in svg for d in space.decisions)


def test_a_chain_without_layers_is_drawn():
    assert ">output<" in draw(SeqMix(), (0, 0, 0, 0))


def test_titles_are_escaped():
    assert "<title>&lt;b&gt; &amp; \\x1b</title>" in draw(NB201(), CELL, title="<b> & \x1b")


def test_bytes_do_not_depend_on_the_process():
    code = (
        "from nasbench.drawing import draw\nfrom nasbench.spaces.darts import Darts\n"
        "print(draw(Darts(), (1,) * 22), end='')"
    )
    made = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert made[0] == made[1]
    assert made[0].startswith(b"<svg ")


def test_an_impossible_architecture_is_refused():
    with pytest.raises(IllegalArchError, match="'edge 2->3' is 9"):
        draw(NB201(), (3, 3, 4, 1, 3, 9))


def test_only_our_own_pictures_are_replaced(tmp_path):
    path, other = tmp_path / "cell.svg", tmp_path / "other.svg"
    write(path, draw(NB201(), CELL))
    write(path, draw(NB201(), (0,) * 6))
    assert MARK in path.read_text()
    other.write_text("<svg/>")
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        write(other, draw(NB201(), CELL))
    assert other.read_text() == "<svg/>"
