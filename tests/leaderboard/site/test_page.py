"""The page in a real browser."""

import shutil

import pytest

from leaderboard.site.build import build
from nasbench.runs.budget import Budget

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("believed")]

REFERENCE = "\N{EN DASH}"
FAULTS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


@pytest.fixture(scope="module")
def page(home_in, whole_space, tmp_path_factory, run, cells):
    folder = tmp_path_factory.mktemp("page")
    home = home_in(folder)
    shutil.copy(whole_space, home.tables)
    whole = whole_space.stem
    rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + 10 * c[0], "seconds": 9} for c in cells]
    zero = [(cells[0], 50.0, 0.0, 10.0), (cells[3], 20.0, 10.0, 20.0)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_HOME", str(home.tables))
        home.search("random_search", whole, 5, budget=Budget(trials=30))
        home.search("regularized_evolution", whole, 5, preset="nats", budget=Budget(trials=30))
        home.record(home.manifest(home.table(rows)), [run(zero, 0), run(zero, 1)])
        small = [row | {"valid_loss": 1e-5 * (1 + row["arch"][0])} for row in rows]
        losses = [{k: row[k] for k in ("arch", "seed", "valid_loss", "seconds")} for row in small]
        metadata = home.table(losses, id="toy-z", default_objective="valid_loss")
        home.record(home.manifest(metadata), [run([(cells[2], 3e-5, 0.0, 9.0)])])
        return build(home.runs, folder / "site")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (768, True), (360, False)])
def test_page_is_drawn_without_a_fault_at_every_width(browser, page, width, dark):
    browser.open(page, width, dark=dark)
    assert browser.evaluate("document.querySelectorAll('.canvas .js-line').length") >= 10
    assert browser.reported(*FAULTS) == []
    requests = browser.reported("Network.requestWillBeSent")
    asked = [request["request"]["url"] for request in requests]
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    boxes = browser.evaluate(
        "[...document.querySelectorAll('.scroll, .canvas, .command')].map("
        "e => e.getBoundingClientRect()).every(r => r.left >= 0 && r.right <= innerWidth)"
    )
    assert boxes


def test_plots_follow_the_colour_scheme(browser, page):
    last = "[...document.querySelectorAll('.canvas')[0].querySelectorAll('.js-line')].at(-1)"
    stroke = f"getComputedStyle({last}).stroke"
    colours = []
    for dark in (False, True):
        browser.open(page, 1280, dark=dark)
        colours.append(browser.evaluate(stroke))
    light = {"name": "prefers-color-scheme", "value": "light"}
    browser("Emulation.setEmulatedMedia", features=[light])
    browser.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 200)))")
    colours.append(browser.evaluate(stroke))
    assert colours[0] == colours[2] != colours[1]


def test_zero_regret_is_drawn_inside_the_plot(browser, page):
    browser.open(page, 1280)
    plot = "document.querySelector('.canvas')"
    axis = browser.evaluate(f"{plot}.layout.yaxis")
    last = browser.evaluate(f"{plot}.data.find(trace => trace.text).y.at(-1)")
    assert axis["type"] == "linear"
    assert axis["range"][0] < last == 0 < axis["range"][1]
    assert axis["ticktext"][0] == "0"


def test_small_numbers_are_ticks_with_powers_of_ten(browser, page):
    browser.open(page, 1280)
    ticks = browser.evaluate(
        "[...document.querySelectorAll('.canvas')].at(-1).layout.yaxis.ticktext"
    )
    assert "2\N{MULTIPLICATION SIGN}10⁻⁵" in ticks


def test_rows_have_the_look_of_their_curves(browser, page):
    browser.open(page, 1280)
    in_table = "[...document.querySelectorAll('.ranking')[1].querySelectorAll('.swatch')]"
    in_legend = "[...document.querySelectorAll('.legend')[1].querySelectorAll('.swatch')]"
    strokes = [
        browser.evaluate(f"{e}.map(s => getComputedStyle(s).stroke)") for e in (in_table, in_legend)
    ]
    assert strokes[0] == strokes[1][:2]
    plots = "document.querySelectorAll('.plots')[1].querySelectorAll('.canvas')[1]"
    drawn = browser.evaluate(f"{plots}.data.filter(t => t.text).map(t => t.line.color)")
    assert len(set(drawn)) == 3


def test_table_is_sorted_by_its_heads_and_the_reference_stays_last(browser, page):
    browser.open(page, 1280)
    table = "document.querySelectorAll('.ranking')[1]"
    ranks = f"[...{table}.querySelectorAll('tbody td.rank')].map(c => c.textContent)"
    head = f"{table}.querySelector('th[aria-sort]')"
    assert browser.evaluate(ranks) == ["1", "2", REFERENCE]
    assert browser.evaluate(f"{head}.textContent.trim()") == "Test regret (pp)"
    browser.evaluate(f"{head}.querySelector('button').click()")
    assert browser.evaluate(f"{head}.getAttribute('aria-sort')") == "descending"
    assert browser.evaluate(ranks) == ["2", "1", REFERENCE]


def test_legend_hides_a_curve_in_both_plots(browser, page):
    browser.open(page, 1280)
    drawn = "document.querySelectorAll('.plots')[1].querySelectorAll('.js-line').length"
    before = browser.evaluate(drawn)
    button = "document.querySelectorAll('.plots')[1].querySelector('.legend button')"
    browser.evaluate(f"{button}.click()")
    assert browser.evaluate(f"{button}.getAttribute('aria-pressed')") == "false"
    assert browser.evaluate(drawn) <= before - 2
    browser.evaluate(f"{button}.click()")
    assert browser.evaluate(drawn) == before


def test_row_of_the_table_opens_its_command(browser, page):
    browser.open(page, 1280)
    browser.evaluate("document.querySelector('.ranking tbody a').click()")
    browser.evaluate("new Promise(done => setTimeout(done, 100))")
    assert browser.evaluate("document.querySelector('details.again').open")
    assert browser.evaluate("document.querySelector('details.again .copy').textContent") == "Copy"


def test_screenshot_is_not_blank(browser, page, tmp_path):
    browser.open(page, 1280)
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000
