"""Pages of the explorer, without a browser."""

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import leaderboard
import nasbench
from leaderboard.explorer.cells import MOST, cells
from leaderboard.explorer.packing import packed, unpacked
from leaderboard.explorer.pages import MARK, build, document, page
from leaderboard.explorer.wirings import Wirings
from nasbench.benchmarks.loading import load
from nasbench.drawing.pictures import pictures
from nasbench.errors import InvalidArgumentError, MissingExtraError, UnknownNameError
from nasbench.spaces import SPACES


@pytest.fixture(scope="module")
def shipped():
    return load("lite201-digits")


@pytest.mark.parametrize("precision", ["exact", "fine"])
@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).random(3_000) * 100,
        np.random.default_rng(1).lognormal(0, 5, 3_000),
        np.random.default_rng(2).integers(10_000_000, 10_000_500, 3_000),
        np.array([1.5, np.nan, np.inf, -2.5]),
        np.full(3, np.nan),
        np.linspace(60, 90, 3_000),
    ],
    ids=["percentages", "heavy tails", "large counts", "missing", "all missing", "narrow"],
)
def test_packed_numbers_come_back(values, precision):
    found = unpacked(packed(values, precision))
    expected = np.where(np.isfinite(values), values, np.nan)
    tolerance = 1e-3 if precision == "fine" else 6e-8
    np.testing.assert_allclose(found, expected, rtol=tolerance)


def test_counts_are_exact():
    values = np.repeat(np.arange(10_000_000, 10_000_500), 40)
    np.testing.assert_array_equal(unpacked(packed(values, "fine")), values)


def column(data, name, table=0):
    return next(c for c in data["tables"][table]["columns"] if c["name"] == name)


def test_the_numbers_of_a_page_are_those_of_queries(shipped):
    data = document([shipped])
    archs = np.array(list(shipped.space.archs()))
    rows = np.frombuffer(_bytes(data["tables"][0]["rows"]), "<u2")
    assert data["tables"][0]["n"] == 5_260
    for name in ("valid_accuracy", "test_accuracy", "parameters", "synflow", "seconds"):
        found = column(data, name)
        values = unpacked(found)[rows] if found["shared"] else unpacked(found)
        expected = shipped.query_many(archs, name)
        np.testing.assert_allclose(values, expected, rtol=1e-3 if name == "seconds" else 1e-6)
    seeds = data["tables"][0]["seeds"]
    curve = data["tables"][0]["curve"]
    i = 9_504
    of_seeds = unpacked(seeds).reshape(-1, 3)[rows[i]]
    arch = tuple(archs[i].tolist())
    for seed in (0, 1, 2):
        answer = shipped.query(arch, seed=seed)["valid_accuracy"]
        assert of_seeds[seed] == pytest.approx(answer, rel=1e-6)
    of_epochs = unpacked(curve).reshape(-1, 8)[rows[i]]
    np.testing.assert_allclose(of_epochs, shipped.curve(arch, "valid_accuracy"), rtol=1e-6)


def _bytes(text):
    import base64

    return base64.b64decode(text)


def test_a_page_of_all_shipped_tables_is_below_three_megabytes():
    ids = ("cifar10", "cifar100", "imagenet16")
    names = [*(f"nb201-{name}" for name in ids), "lite201-digits", "lite201-fashion"]
    assert len(page([load(name) for name in names]).encode()) < 3_000_000


def test_a_table_without_some_cells_leaves_holes(toy, archs):
    data = document([toy])
    rows = np.frombuffer(_bytes(data["tables"][0]["rows"]), "<u2")
    held = [toy.table.space.rank(arch) for arch in archs]
    assert sorted(np.flatnonzero(rows != 65_535)) == sorted(held)
    values = unpacked(column(data, "test_accuracy"))
    assert column(data, "test_accuracy")["shared"] is False
    assert [values[i] for i in held][:4] == [4, 14, 24, 35]
    assert np.isnan(values).sum() == 15_625 - 5  # one cell has a diverged training


def test_a_large_space_is_shown_in_part():
    found = cells(SPACES.load("fcnet")(), [load("fcnet-naval")])
    assert len(found) == MOST
    best = nasbench.load("fcnet-naval")
    every = np.array(list(best.space.archs()))
    top = every[best.query_many(every, "valid_mse").argmin()]
    assert (found == top).all(axis=1).any()


@pytest.mark.parametrize("name", ["nb101", "nb201", "darts", "nbmacro", "nbgraph", "seqmix"])
def test_wirings_show_the_labels_of_every_architecture(name):
    space, rng = SPACES.load(name)(), random.Random(1)
    wirings = Wirings(space)
    for _ in range(12 if name == "darts" else 60):
        arch = space.canonical(space.sample(rng))
        drawn = pictures(space, arch)
        for number, picture in zip(wirings.of(arch), drawn, strict=True):
            wiring = wirings.wirings[number]
            labels = [
                fixed if slot is None else slot[1][arch[slot[0]]]
                for slot, fixed in zip(wiring.slots, wiring.labels, strict=True)
            ]
            assert tuple(labels) == picture.labels
            boxes = [list(box) for box in picture.scene.boxes]
            assert wirings.scenes[wiring.scene][2] == boxes
    assert not any(wirings.decisions(arch)) or name in ("nb101", "darts", "nbgraph")


def test_every_wiring_of_darts_is_known():
    parts = document([load("darts-fashion")])["parts"]
    assert [len(part["known"]) for part in parts] == [180, 180]


def test_every_class_and_colour_of_a_page_is_defined():
    templates = Path(leaderboard.__file__).parent
    explorer, site = templates / "explorer/templates", templates / "site/templates"
    style = (site / "style.css").read_text() + (explorer / "explorer.css").read_text()
    made = "".join(path.read_text() for path in explorer.glob("*.js"))
    drawn = (explorer / "explorer.html.j2").read_text() + made
    classes = {name for text in re.findall(r'class="([^"{]*)"', drawn) for name in text.split()}
    assert classes - set(re.findall(r"\.([a-z][\w-]*)", style)) == set()
    asked = set(re.findall(r"var\(--([\w-]+)\)", (explorer / "explorer.css").read_text()))
    assert asked - set(re.findall(r"--([\w-]+):", style + made)) == set()


def test_a_page_of_a_leaderboard_links_to_it(shipped):
    assert '<a class="brand" href="../index.html">' in page([shipped], home="../index.html")
    assert 'class="brand" href' not in page([shipped])


def test_a_page_cannot_be_left_by_what_a_table_says(content, tmp_path):
    toy = content()
    evil = "</script><script>alert(1)</script>"
    metadata = replace(toy.metadata, title=evil, dataset=evil)
    text = page([replace(toy, metadata=metadata).load(tmp_path)])
    assert text.count("<script") == 2
    found = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    assert found["tables"][0]["title"] == evil


def test_pages_are_the_same_bytes_and_replace_only_pages(toy_files, tmp_path):
    (first,) = build([toy_files["plain"]], tmp_path)
    before = first.read_bytes()
    assert MARK.encode() in before
    assert build([toy_files["plain"]], tmp_path) == [first]
    assert first.read_bytes() == before
    first.write_text("my home page")
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        build([toy_files["plain"]], tmp_path)
    assert first.read_text() == "my home page"


def test_what_cannot_be_explored_is_refused(tmp_path, monkeypatch):
    with pytest.raises(UnknownNameError, match="nb201-cifar1"):
        build(["nb201-cifar1"], tmp_path / "none")
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="jinja2"):
        build(["nb201-cifar10"], tmp_path / "none")
    assert not (tmp_path / "none").exists()
