"""The pages in a real browser."""

import json
import shutil
from xml.etree import ElementTree as ET

import pytest

from leaderboard.site.build import build
from nasbench.runs.budget import Budget

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("believed")]

REFERENCE = "\N{EN DASH}"
FAULTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
BOARD = "boards/toy-whole-1-30-trials.html"
PAUSE = "new Promise(done => requestAnimationFrame(() => setTimeout(done, 150)))"


@pytest.fixture(scope="module")
def site(home_in, whole_space, tmp_path_factory, run, cells):
    """Folder of a site with a verdict over two benchmarks, zero and very small regrets, fronts."""
    folder = tmp_path_factory.mktemp("page")
    home = home_in(folder)
    shutil.copy(whole_space, home.tables)
    whole, budget = whole_space.stem, Budget(trials=30)
    rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + 10 * c[0], "seconds": 9} for c in cells]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_HOME", str(home.tables))
        for algorithm in ("random_search", "local_search", "tournament_evolution"):
            home.search(algorithm, whole, 10, budget=budget)
        both = ["valid_accuracy", "seconds"]
        home.search("random_search", whole, 2, budget=Budget(trials=15), objectives=both)
        toy = home.table(rows, complete=False).id
        for algorithm in ("random_search", "local_search"):
            home.search(algorithm, toy, 10, budget=budget)
        losses = [{"arch": c, "seed": 0, "valid_loss": 1e-5 * (1 + c[0])} for c in cells]
        metadata = home.table(losses, id="toy-z", default_objective="valid_loss")
        home.record(home.manifest(metadata), [run([(cells[2], 3e-5, 0.0, 9.0)])])
        return build(home.runs, folder / "site", release="1").parent


@pytest.fixture
def see(browser, site):
    """``see(page, width)`` opens a page; it returns the browser, whose report is checked later."""

    def opened(page=BOARD, width=1280, *, dark=False):
        browser.open(site / page, width, dark=dark)
        browser.evaluate(PAUSE)
        return browser

    yield opened
    assert browser.reported(*FAULTS) == []
    asked = [event["request"]["url"] for event in browser.reported("Network.requestWillBeSent")]
    assert {url.partition(":")[0] for url in asked[1:]} <= {"data"}


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_drawn_at_every_width_in_both_colour_schemes(see, site, width):
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        browser, grounds = see(name, width), set()
        for dark in (False, True):
            browser.colour(dark=dark)
            assert browser.reported(*FAULTS) == [], name
            assert browser.evaluate("document.documentElement.scrollWidth") == width, name
            drawn = browser.evaluate(
                "[...document.querySelectorAll('figure.chart .canvas')]"
                ".every(canvas => canvas.querySelector('svg .curve'))"
            )
            assert drawn, name
            grounds.add(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert len(grounds) == 2, name


def test_the_verdict_stands_first(see):
    browser = see("index.html")
    first = browser.evaluate("document.querySelector('main section .verdict').textContent")
    assert first.startswith("Over 2 tasks with 10 seeds each (30 trials)")
    assert browser.evaluate("document.querySelectorAll('.wins tbody td').length") == 4


def test_rows_are_sorted_with_their_details_and_the_reference_stays_last(see):
    browser = see()
    ranks = "[...document.querySelectorAll('.ranking td.rank')].map(c => c.textContent)"
    assert browser.evaluate(ranks) == ["1", "2", "3", REFERENCE]
    head = "document.querySelector('.ranking th[aria-sort]')"
    browser.evaluate(f"{head}.querySelector('button').click()")
    assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == "descending"
    assert browser.evaluate(ranks) == ["3", "2", "1", REFERENCE]
    below = "[...document.querySelectorAll('.ranking tr.row')].map(r => r.nextElementSibling.id)"
    assert browser.evaluate(below) == ["row-3", "row-2", "row-1"]


def test_rows_are_found_by_text_and_by_family(see):
    browser = see()
    shown = (
        "[...document.querySelectorAll('.ranking tr.row')].filter(r => !r.hidden)"
        ".map(r => r.querySelector('th a').textContent)"
    )
    browser.evaluate(
        "(s => { s.value = 'LOCAL sear'; s.dispatchEvent(new Event('input')); })"
        "(document.querySelector('input[type=search]'))"
    )
    assert browser.evaluate(shown) == ["local_search"]
    assert browser.evaluate("document.querySelector('.count').textContent") == "1 of 3 rows"
    browser.evaluate(
        "(s => { s.value = ''; s.dispatchEvent(new Event('input')); })"
        "(document.querySelector('input[type=search]'))"
    )
    browser.evaluate("document.querySelector('.families input[value=evolution]').click()")
    assert sorted(browser.evaluate(shown)) == ["local_search", "random_search"]


def press(browser, key, code=0):
    for kind in ("keyDown", "keyUp"):
        text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
        browser(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=code,
            **text,
        )


def test_a_row_unfolds_by_the_keyboard(see):
    browser = see()
    browser.evaluate("document.querySelector('.unfold').focus()")
    assert browser.evaluate("document.querySelector('#row-1').hidden")
    press(browser, "Enter", 13)
    assert not browser.evaluate("document.querySelector('#row-1').hidden")
    assert browser.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    said = browser.evaluate("document.querySelector('#row-1').textContent")
    assert "nasbench run" in said
    assert "Content hash of the record" in said


def test_the_page_of_an_algorithm_unfolds_to_the_command_of_the_board(see):
    browser = see("algorithms/local_search.html")
    row = browser.evaluate(
        "(unfold => { unfold.click(); return document.getElementById("
        "unfold.getAttribute('aria-controls')).innerText; })"
        "(document.querySelector(`#standing tr:has(a[href$='toy-whole-1-30-trials.html']) button`))"
    )
    command = row.partition("\n")[0]
    assert command.startswith("nasbench run local_search toy-whole@1 --seeds 0:10 --trials 30")
    texts = "[...document.querySelectorAll('.ranking .command code')].map(c => c.textContent)"
    assert command in see().evaluate(texts)


def test_the_axis_is_switched_for_all_figures_and_tables(see):
    browser = see()
    titles = (
        "[...document.querySelectorAll('figure.chart .canvas svg')].map(s => "
        "[...s.querySelectorAll('text')].at(-2).textContent)"
    )
    before = browser.evaluate(titles)
    assert all(title.startswith("simulated time") for title in before)
    browser.evaluate("document.querySelector('.switch input[value=evaluations]').click()")
    assert set(browser.evaluate(titles)) == {"evaluations"}
    shown = (
        "[...document.querySelectorAll('.by-axis')].filter(t => !t.hidden).map(t => t.dataset.axis)"
    )
    assert browser.evaluate(shown) == ["evaluations"]
    browser.evaluate("document.querySelector('.switch input[value=evaluations]').focus()")
    press(browser, "ArrowRight", 39)
    assert browser.evaluate(shown) == ["epochs"]


def test_points_are_read_by_the_keyboard(see):
    browser = see()
    browser.evaluate("document.querySelector('figure.chart .canvas').focus()")
    tip = "document.querySelector('figure.chart .tip')"
    press(browser, "ArrowRight", 39)
    first = browser.evaluate(f"{tip}.textContent")
    press(browser, "ArrowLeft", 37)
    press(browser, "ArrowDown", 40)
    assert first != browser.evaluate(f"{tip}.textContent")
    press(browser, "Escape", 27)
    assert browser.evaluate(f"{tip}.hidden")


def test_the_mouse_finds_a_curve(see):
    browser = see()
    at = browser.evaluate(
        "(c => { c.canvas.scrollIntoView({block: 'center'});"
        " const b = c.svg.getBoundingClientRect();"
        " const one = c.drawn.at(-1); const [x, y] = one.points.at(-1);"
        " return [b.left + x, b.top + y, one.series.name]; })"
        "(document.querySelector('figure.chart').chart)"
    )
    browser("Input.dispatchMouseEvent", type="mouseMoved", x=at[0], y=at[1])
    tip = browser.evaluate("document.querySelector('figure.chart .tip b').textContent")
    names = browser.evaluate(
        "[...document.querySelectorAll('.series.active')].map(g => g.dataset.name)"
    )
    assert names == [tip]


def test_the_legend_makes_curves_stand_out_or_not(see):
    browser = see()
    faint = "document.querySelectorAll('figure.chart .faint').length"
    assert browser.evaluate(faint) == 0
    browser.evaluate("document.querySelector('.legend button').click()")
    assert browser.evaluate("document.querySelector('.legend button').ariaPressed") == "false"
    n_charts = browser.evaluate("document.querySelectorAll('figure.chart').length")
    assert browser.evaluate(faint) == n_charts == 2
    browser.evaluate("document.querySelector('input[value=hidden]').click()")
    assert browser.evaluate(faint) == 0


def test_figures_far_from_the_legend_name_what_stands_out(see):
    browser = see()
    named = "[...document.querySelectorAll('#targets .legend li')].map(item => item.textContent)"
    before = browser.evaluate(named)
    assert len(before) == 3
    browser.evaluate("document.querySelector('.legend button').click()")
    assert browser.evaluate(named) == before[1:]


@pytest.mark.parametrize("text", ["a\x00b", "\u202ea", "a\nb", "a\u2028b", '"]<b>'], ids=ascii)
def test_no_setting_stops_the_scripts(browser, home, small_table, run, cells, text, tmp_path):
    for number, value in enumerate((text, "plain")):
        trials = [(cells[c], 40.0 - 10 * c, 10.0 * c, 10.0 * c + 10) for c in range(2 + number)]
        home.record(home.manifest(small_table, hyperparameters={"x": value}), [run(trials)])
    site = build(home.runs, tmp_path / "site").parent
    browser.open(site / "boards/toy-1-4-trials.html", 1280)
    browser.evaluate(PAUSE)
    assert browser.reported(*FAULTS) == []
    assert browser.evaluate("document.querySelector('.count').textContent") == "2 rows"
    names = "[...document.querySelectorAll('{} li')].map(item => item.textContent)"
    first = browser.evaluate(names.format(".legend:not(.static)"))
    assert browser.evaluate(names.format("#targets .legend")) == first[:2]
    browser.evaluate("document.querySelector('.legend button').click()")
    assert browser.evaluate(names.format("#targets .legend")) == first[1:2]


@pytest.mark.parametrize("page", [BOARD, "algorithms/random_search.html"])
def test_buttons_of_a_switch_stay_in_one_line_on_a_phone(see, page):
    browser = see(page, 390)
    lines = (
        "[...document.querySelectorAll('.switch')]"
        ".map(s => new Set([...s.querySelectorAll('label')].map(l => l.offsetTop)).size)"
    )
    assert set(browser.evaluate(lines)) == {1}


@pytest.mark.parametrize("kind", ["chart", "drawing"])
def test_figures_are_saved_with_title_legend_and_light_colours(see, kind):
    browser = see(BOARD if kind == "chart" else "index.html", dark=True)
    code = f"exported(document.querySelector('figure.{kind}')).text"
    text = browser.evaluate(code)
    root = ET.fromstring(text)
    assert "var(--" not in text
    assert "#ffffff" in text
    said = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    if kind == "chart":
        assert any("Test regret" in (one or "") for one in said)
        assert {"local_search", "random_search", "tournament_evolution"} <= set(said)
        assert len(root.findall(".//{http://www.w3.org/2000/svg}path[@class='curve']")) >= 3
    png = browser.evaluate(f"png(document.querySelector('figure.{kind}'))")
    assert png.startswith("data:image/png;base64,iVBOR")
    assert len(png) > 10_000
    browser.evaluate(
        "window.saved = []; HTMLAnchorElement.prototype.click = function () "
        "{ saved.push([this.download, this.href.slice(0, 18)]); }"
    )
    browser.evaluate(f"document.querySelector('figure.{kind} .tools button').click()")
    ((name, url),) = browser.evaluate("saved")
    assert name.endswith(".svg")
    assert url == "data:image/svg+xml"


def test_figures_follow_the_colour_scheme(see):
    stroke = "getComputedStyle(document.querySelector('.curve')).stroke"
    light = see().evaluate(stroke)
    browser = see(dark=True)
    dark = browser.evaluate(stroke)
    browser.colour(dark=False)
    assert browser.evaluate(stroke) == light != dark


def test_zero_and_small_regrets_are_inside_the_figure(see, site):
    feed = json.loads((site / "leaderboard.json").read_text())
    places = {board["question"]["benchmark"]: board["page"] for board in feed["boards"]}
    browser = see(places["toy"])
    at = "document.querySelector('figure.chart').chart.drawn[0].points.at(-1)[1]"
    bottom = browser.evaluate(
        "document.querySelector('figure.chart clipPath rect').y.baseVal.value"
    )
    assert (
        bottom
        < browser.evaluate(at)
        < browser.evaluate("document.querySelector('.canvas').clientHeight") - 46
    )
    assert "0" in browser.evaluate(
        "[...document.querySelectorAll('figure.chart text')].map(t => t.textContent)"
    )
    browser = see(places["toy-z"])
    ticks = browser.evaluate(
        "[...document.querySelectorAll('figure.chart text')].map(t => t.textContent)"
    )
    assert "2\N{MULTIPLICATION SIGN}10⁻⁵" in ticks
    space = browser.evaluate(
        "(texts => Math.min(...texts.filter(t => t.style.textAnchor === 'end')"
        ".map(t => t.getBoundingClientRect().left))"
        " - texts.find(t => t.hasAttribute('transform')).getBoundingClientRect().right)"
        "([...document.querySelectorAll('figure.chart svg.plot')[0].querySelectorAll('text')])"
    )
    assert space >= 0  # between the title of the axis and its longest number


def test_what_scrolls_says_so(see):
    browser = see(width=390)
    hints = "[...document.querySelectorAll('.hint')].filter(h => !h.hidden).length"
    assert browser.evaluate(hints) >= 2
    assert browser.evaluate("document.querySelector('#ranking .hint').textContent").startswith(
        "Scroll"
    )


def test_the_list_of_contents_stays_in_sight(see):
    for width in (1280, 390):
        browser = see(width=width)
        browser.evaluate("document.querySelector('#curves').scrollIntoView({behavior: 'instant'})")
        browser.evaluate(PAUSE)
        top = browser.evaluate("document.querySelector('.toc').getBoundingClientRect().top")
        assert -1 <= top < 80
        assert browser.evaluate("document.querySelector('.toc a[aria-current]').hash") == "#curves"


def test_screenshots_are_not_blank(see, tmp_path):
    see().screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000
