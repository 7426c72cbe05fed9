"""Pages of the explorer in a real browser."""

import random
import shutil

import numpy as np
import pyarrow as pa
import pytest

from leaderboard.explorer.pages import build
from nasbench.benchmarks.loading import load
from nasbench.drawing.pictures import pictures
from nasbench.spaces import SPACES
from nasbench.spaces.nb101 import NB101
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata
from nasbench.tables.writer import write_table

pytestmark = pytest.mark.browser

FAULTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
IDS = ("nb201-cifar10", "lite201-digits")
CELL = (3, 3, 4, 1, 3, 1)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    (path,) = build(IDS, tmp_path_factory.mktemp("nb201"))
    return path


@pytest.fixture(scope="module")
def darts(tmp_path_factory):
    (path,) = build(["darts-fashion"], tmp_path_factory.mktemp("darts"))
    return path


class Explorer:
    """What a user does with a page."""

    def __init__(self, browser, path, width=1280):
        self.browser = browser
        browser.open(path, width)

    def __call__(self, code):
        return self.browser.evaluate(code)

    def choose(self, arch):
        self(f"location.hash = '{','.join(map(str, arch))}'")
        self("new Promise(done => setTimeout(done, 30))")

    @property
    def arch(self):
        return tuple(map(int, self("document.querySelector('#arch').textContent").split(",")))

    def click(self, selector, shift=False):
        x, y = self(
            f"(() => {{ const e = document.querySelector({selector!r}); "
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self.at(x, y, shift)

    def at(self, x, y, shift=False):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            modifiers = 8 if shift else 0
            self.browser(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, modifiers=modifiers, **button
            )

    def press(self, key, shift=False):
        codes = {"Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "ArrowUp": 38, "ArrowDown": 40}
        more = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.browser(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                modifiers=8 if shift else 0,
                **(more if kind == "keyDown" else {}),
            )

    def shown(self):
        """Text of every number of the page by benchmark and column."""
        return self(
            "Object.fromEntries([...document.querySelectorAll('td[data-column]')].map(td =>"
            "[td.dataset.column, [td.firstChild.textContent, td.querySelector('small')"
            "?.textContent ?? '']]))"
        )


@pytest.fixture
def explorer(browser, page):
    return Explorer(browser, page)


@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("which", ["page", "darts"])
def test_a_page_opens_without_a_fault_or_a_request(browser, request, which, width):
    explorer = Explorer(browser, request.getfixturevalue(which), width)
    assert explorer("document.body.dataset.ready") == "yes"
    requests = browser.reported("Network.requestWillBeSent")
    assert [r["request"]["url"].partition(":")[0] for r in requests] == ["file"]
    assert explorer("document.querySelectorAll('.picture rect').length") >= 6
    assert explorer("document.documentElement.scrollWidth") == width
    scatter = "document.querySelector('#scatter').toDataURL()"
    light = explorer(scatter)
    explorer(
        "window.changed = new Promise(done => { setTimeout(done, 5000);"
        "matchMedia('(prefers-color-scheme: dark)').addEventListener('change', done); }); 0"
    )
    browser.colour(dark=True)
    explorer("changed.then(() => 0)")
    assert explorer(scatter) != light
    assert explorer("document.documentElement.scrollWidth") == width
    assert browser.reported(*FAULTS) == []


def test_values_are_those_of_queries(explorer):
    rng = random.Random(4)
    for _ in range(6):
        arch = tuple(rng.randrange(5) for _ in range(6))
        explorer.choose(arch)
        shown = explorer.shown()
        for name in IDS:
            answer = load(name).query(arch)
            held = {key.partition("/")[2]: v for key, v in shown.items() if key.startswith(name)}
            assert {"valid_accuracy", "parameters", "seconds"} <= held.keys()
            for column, (text, _) in held.items():
                number = float(text.partition("\xa0")[0].replace(",", ""))
                unit = load(name).column(column).unit
                expected = answer[column]
                if unit == "%":
                    assert number == round(expected, 2)
                elif unit == "1":
                    assert number == expected
                else:
                    assert number == pytest.approx(expected, rel=6e-3)


def test_ranks_count_the_better_ones(explorer):
    explorer.choose(CELL)
    shown = explorer.shown()
    benchmark = load("nb201-cifar10")
    archs = np.array(list(benchmark.space.archs()))
    values = benchmark.query_many(archs, "valid_accuracy")
    better = (values > benchmark.query(CELL)["valid_accuracy"] * (1 + 3e-7)).sum()
    assert shown["nb201-cifar10/valid_accuracy"][1] == f"{better + 1:,} of 15,625"
    parameters = benchmark.query_many(archs, "parameters")
    fewer = (parameters < benchmark.query(CELL)["parameters"]).sum()
    assert shown["nb201-cifar10/parameters"][1] == f"{fewer + 1:,} of 15,625"
    assert shown["lite201-digits/valid_accuracy"][1].endswith(" of 5,260")


def test_operations_are_chosen_by_click_and_by_key(explorer):
    explorer.choose(CELL)
    explorer.click("[data-decision='2']")
    assert explorer.arch == (3, 3, 0, 1, 3, 1)
    explorer.click("[data-decision='2']", shift=True)
    assert explorer.arch == CELL
    explorer("document.querySelector(\"[data-decision='0']\").focus()")
    explorer.press("Enter")
    assert explorer.arch == (4, 3, 4, 1, 3, 1)
    explorer.press("Enter")  # the focus has stayed
    assert explorer.arch == (0, 3, 4, 1, 3, 1)
    explorer.press("Enter", shift=True)
    assert explorer.arch == (4, 3, 4, 1, 3, 1)
    assert explorer("location.hash") == "#4,3,4,1,3,1"
    assert explorer("document.querySelector('input[name=decision-0]:checked').value") == "4"


def test_operations_are_chosen_in_the_list_by_arrow(explorer):
    explorer.choose(CELL)
    explorer("document.querySelector('input[name=decision-3]:checked').focus()")
    explorer.press("ArrowRight")
    assert explorer.arch == (3, 3, 4, 2, 3, 1)


def test_points_are_picked(explorer):
    explorer("document.querySelector('#scatter').scrollIntoView({block: 'center'})")
    left, top, width = explorer(
        "(() => { const r = document.querySelector('#scatter').getBoundingClientRect();"
        "return [r.x, r.y, r.width]; })()"
    )
    for share in np.linspace(0.05, 0.9, 40):
        x, y = left + 58 + share * (width - 72), top + 40
        explorer.browser("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        if not explorer("document.querySelector('#tip').hidden"):
            break
    told = explorer("document.querySelector('#tip').firstChild.textContent")
    accuracy = explorer("document.querySelector('#tip').childNodes[2].textContent")
    explorer.at(x, y)
    assert explorer.arch == tuple(map(int, told.split(",")))
    value = load("nb201-cifar10").query(explorer.arch)["valid_accuracy"]
    assert accuracy == f"validation accuracy: {value:.2f}\xa0%"


def test_arrow_keys_step_through_the_scatter(explorer):
    benchmark = load("nb201-cifar10")
    explorer.choose(CELL)
    before = benchmark.query(CELL)["valid_accuracy"]
    explorer("document.querySelector('#scatter').focus()")
    explorer.press("ArrowUp")
    archs = np.array(list(benchmark.space.archs()))
    values = benchmark.query_many(archs, "valid_accuracy")
    now = benchmark.query(explorer.arch)["valid_accuracy"]
    assert explorer.arch != CELL
    assert now == values[values >= before][values[values >= before] >= now].min()
    explorer.press("ArrowDown")
    assert explorer.arch == CELL


def test_axes_take_every_benchmark(explorer):
    explorer(
        "(() => { const x = document.querySelector('#x'); x.value = [...x.options].find(o =>"
        "o.text === 'test accuracy, lite201-digits').value; x.dispatchEvent(new Event('change'));"
        "document.querySelector('#half').click(); })()"
    )
    explorer("document.querySelector('#scatter').focus()")
    explorer.press("ArrowRight")
    arch = explorer.arch
    told = explorer("document.querySelector('#tip').lastChild.textContent")
    assert told == f"test accuracy: {load('lite201-digits').query(arch)['test_accuracy']:.2f}\xa0%"
    assert explorer.browser.reported(*FAULTS) == []


def test_neighbours_are_those_of_the_space_the_best_first(explorer):
    explorer.choose(CELL)
    found = explorer(
        "[...document.querySelectorAll('#neighbours button')].map(b => [b.dataset.arch,"
        "b.querySelector('b').textContent])"
    )
    benchmark = load("nb201-cifar10")
    archs = [tuple(map(int, arch.split(","))) for arch, _ in found]
    assert sorted(archs) == sorted(benchmark.space.neighbors(CELL))
    values = [benchmark.query(arch)["valid_accuracy"] for arch in archs]
    assert values == sorted(values, reverse=True)
    assert [text for _, text in found] == [f"{value:.2f}\xa0%" for value in values]
    explorer.click("#neighbours li:nth-child(3) button")
    assert explorer.arch == archs[2]


@pytest.mark.parametrize("name", ["nb201", "darts"])
def test_pictures_are_those_of_the_drawing(browser, request, name):
    explorer = Explorer(browser, request.getfixturevalue("page" if name == "nb201" else name))
    space, rng = SPACES.load(name)(), random.Random(2)
    for _ in range(5):
        arch = space.sample(rng)
        explorer.choose(arch)
        drawn = explorer(
            "[...document.querySelectorAll('.picture')].map(svg => ["
            "[...svg.querySelectorAll('g')].map(g => [Number(g.dataset.node),"
            "g.querySelector('text').textContent, Number(g.querySelector('text')"
            ".getAttribute('x')), g.classList.contains('idle')]),"
            "[...svg.querySelectorAll('path')].map(path => path.getAttribute('d'))])"
        )
        for (boxes, paths), picture in zip(drawn, pictures(space, arch), strict=True):
            expected = [
                [box.node, picture.labels[box.node], box.x, picture.idle[box.node]]
                for box in picture.scene.boxes
                if box.node >= 0 and picture.labels[box.node] != "sum"
            ]
            assert boxes == expected
            assert paths == [line.path for line in picture.scene.lines]


def test_a_cell_that_is_not_on_the_page_is_drawn_without_numbers(browser, darts):
    explorer = Explorer(browser, darts)
    explorer.choose((1,) * 22)
    assert "not on the page" in explorer("document.querySelector('#missing').textContent")
    assert explorer("document.querySelectorAll('.picture').length") == 2
    assert {text for text, _ in explorer.shown().values()} == {"\N{EN DASH}"}
    assert browser.reported(*FAULTS) == []


def test_cells_of_nb101_are_found_however_they_are_written(browser, tmp_path):
    space, rng = NB101(), random.Random(8)
    cells = sorted({space.canonical(space.sample(rng)) for _ in range(40)})
    n = len(cells)
    columns = {
        "arch": pa.FixedSizeListArray.from_arrays(
            pa.array(np.array(cells, dtype=np.uint8).ravel()), 26
        ),
        "schedule": pa.array(np.full(n, 2, dtype=np.int32)),
        "seed": pa.array(np.zeros(n, dtype=np.int32)),
        "status": pa.array(["finished"] * n),
        "valid_accuracy": pa.array([[10.0 + i] for i in range(n)]),
    }
    metadata = Metadata(
        id="toy101",
        space="nb101",
        key="class",
        dataset="dots",
        epochs={2: [2]},
        default_objective="valid_accuracy",
        complete=False,
    )
    write_table(tmp_path / "toy101.parquet", Draft(metadata, pa.table(columns)))
    (path,) = build([tmp_path / "toy101.parquet"], tmp_path / "pages")
    explorer = Explorer(browser, path)
    tried = 0
    for i, cell in enumerate(cells):
        twin = renumbered(cell, rng)
        tried += twin != cell
        explorer.choose(twin)
        assert explorer.arch == cell
        assert explorer.shown()["toy101/valid_accuracy"][0] == f"{10 + i:.2f}\xa0%"
    assert tried > 10
    assert browser.reported(*FAULTS) == []
    shutil.rmtree(tmp_path / "pages")


def renumbered(cell, rng):
    """The same network with other numbers of its inner vertices, if it can be written so."""
    place = {(x, y): y * (y - 1) // 2 + x for y in range(1, 7) for x in range(y)}
    for _ in range(200):
        order = [0, *rng.sample(range(1, 6), 5), 6]
        made = [0] * 26
        for (x, y), at in place.items():
            if cell[at]:
                a, b = order[x], order[y]
                if a > b:
                    break
                made[place[a, b]] = 1
        else:
            for v in range(1, 6):
                made[20 + order[v]] = cell[20 + v]
            if tuple(made) != cell:
                return tuple(made)
    return cell
