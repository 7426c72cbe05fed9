import html
import json
import re
import shlex
import sys
from html.parser import HTMLParser

import pytest

from leaderboard.curves import RANDOM
from leaderboard.site.build import build
from nasbench.errors import InvalidArgumentError, MissingExtraError, RecordError
from nasbench.runs.budget import Budget

pytestmark = pytest.mark.usefixtures("believed")

VOID = ("meta", "link", "br", "img", "input", "hr", "line", "path")


class Page(HTMLParser):
    """Checks that elements are closed in order; collects links, texts of elements, table cells."""

    def __init__(self, text):
        super().__init__()
        self.open, self.loaded, self.ids, self.links, self.texts = [], [], [], [], {}
        self.heads = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        if "src" in values or tag == "link":
            self.loaded.append(values.get("src") or values.get("href"))
        if tag == "a":
            self.links.append(values["href"])
        if tag == "th":
            self.heads.append(values.get("scope"))
        if "id" in values:
            self.ids.append(values["id"])

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)


@pytest.fixture
def runs(home, whole, small_table, run, cells):
    """Three boards: test regret, a budget in seconds with a regret of 0, several workers; and what
    cannot be shown."""
    home.search("random_search", whole, 8)
    home.search("regularized_evolution", whole, 8, preset="nats")
    home.search("regularized_evolution", whole, 6, hyperparameters={"population": 5, "sample": 5})
    home.search("random_search", whole, 3, workers=4)
    budget = {"trials": None, "seconds": 100.0}
    zero = [(cells[0], 40.0, 0.0, 10.0), (cells[2], 20.0, 10.0, 20.0)]
    home.record(home.manifest(small_table, budget=budget), [run(zero, 0), run(zero, 1)])
    both = ["valid_accuracy", "test_accuracy"]
    home.record(home.manifest(small_table, objectives=both), [run(zero)])
    return home.runs


@pytest.fixture
def site(runs, tmp_path):
    return build(runs, tmp_path / "site")


def refuse_constant(name):
    raise AssertionError(f"{name} is not JSON")


def test_site_is_three_files_that_load_nothing_else(site):
    assert sorted(path.name for path in site.parent.iterdir()) == [
        "index.html",
        "leaderboard.json",
        "plotly.min.js",
    ]
    text = site.read_text(encoding="utf-8")
    assert Page(text).loaded == ["plotly.min.js"]
    assert not re.search(r"@import|url\(", text)


def test_page_is_well_formed_and_its_links_lead_somewhere(site):
    page = Page(site.read_text(encoding="utf-8"))
    inside = [link[1:] for link in page.links if link.startswith("#")]
    assert len(page.ids) == len(set(page.ids))
    assert inside
    assert set(inside) <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {
        "leaderboard.json",
        "https://example.org/paper",
    }
    assert set(page.heads) == {"col", "row"}


def test_page_says_what_its_numbers_are(site):
    text = " ".join(site.read_text(encoding="utf-8").split())
    for said in (
        "toy-whole@1, 20 trials",
        "Sums of digits",
        "Good for tests &amp; &lt;nothing&gt; else; the noise is one percent.",
        "CC0",
        "Validation chooses, test judges.",
        "Test regret (pp)",
        "Final test accuracy (%)",
        "population 5",
        "exact expectation",
        "Exhaustive search that trains every architecture once",
        "This is a reference, not a limit",
        "100 simulated seconds",
        "Some rows have only 2 seeds",
        "linear below",
        "the runs do not have 2 losses a trial",
        "The plots need JavaScript",
    ):
        assert said in text, said


def test_exhaustive_search_is_a_number_on_the_page(site):
    board = json.loads((site.parent / "leaderboard.json").read_text())["boards"][0]
    assert board["scale"]["exhaustive_search_one_training_each"] > 0
    assert any("Exhaustive search" in warning for warning in board["warnings"])


def test_feed_holds_the_same_numbers(site):
    text = (site.parent / "leaderboard.json").read_text(encoding="utf-8")
    feed = json.loads(text, parse_constant=refuse_constant)
    assert [board["title"] for board in feed["boards"]] == [
        "toy@1, 100 simulated seconds",
        "toy-whole@1, 20 trials",
        "toy-whole@1, 20 trials, 4 workers",
    ]
    first = feed["boards"][1]
    assert [row["rank"] for row in first["rows"]] == [1, 2, 3]
    assert first["random_search"]["evaluations"] == 20
    for row in first["rows"]:
        assert row["curves"]["evaluations"]["mean"][-1] == pytest.approx(
            row["scores"]["regret"]["mean"]
        )
        assert len(row["record_content_hash"]) == 64
        assert row["manifest"]["algorithm"] == row["algorithm"]
    assert feed["boards"][0]["random_search"]["regret"] is None
    (left,) = feed["not_shown"]
    assert left["record"].startswith("toy/random_search-")
    assert left["reason"].startswith("the runs do not have 2 losses")
    assert left["remedy"].endswith(".")


def test_commands_on_the_page_are_those_of_the_feed(site):
    feed = json.loads((site.parent / "leaderboard.json").read_text())
    printed = [
        text for text in Page(site.read_text()).texts["code"] if text.startswith("nasbench run")
    ]
    assert printed == [row["command"] for board in feed["boards"] for row in board["rows"]]
    assert all(shlex.split(line)[-2:] == ["--out", "runs"] for line in printed)


def test_plots_are_embedded_with_their_reference(site):
    found = re.findall(r'<script type="application/json">(.*?)</script>', site.read_text(), re.S)
    assert len(found) == 3
    for text in found:
        axes = {plot["axis"]: plot for plot in json.loads(text, parse_constant=refuse_constant)}
        assert sorted(axes) == ["epochs", "evaluations", "seconds"]
        assert axes["evaluations"]["series"][-1]["name"] == RANDOM


def test_nothing_tells_where_the_site_was_made(site, tmp_path):
    for path in (site, site.parent / "leaderboard.json"):
        text = path.read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        assert "/tmp" not in text


def test_same_records_make_the_same_site(site, runs, tmp_path):
    again = build(runs, tmp_path / "again")
    for name in ("index.html", "leaderboard.json"):
        assert (again.parent / name).read_bytes() == (site.parent / name).read_bytes()


def test_site_can_be_built_again_in_place_and_inside_the_records(runs):
    page = build(runs, runs)
    before = page.read_bytes()
    assert build(runs, runs).read_bytes() == before


@pytest.mark.parametrize("name", ["index.html", "leaderboard.json", "plotly.min.js"])
def test_files_of_others_are_never_replaced(runs, tmp_path, name):
    own = tmp_path / "site" / name
    own.parent.mkdir()
    own.write_text("<title>my home page</title>")
    with pytest.raises(InvalidArgumentError, match=f"{name} is not of a leaderboard"):
        build(runs, own.parent)
    assert [path.read_text() for path in own.parent.iterdir()] == ["<title>my home page</title>"]


def test_progress_counts_records(runs, tmp_path):
    done = []
    build(runs, tmp_path / "site", progress=done.append)
    assert sum(done) == 5


def test_texts_of_a_record_are_escaped(home, small_table, run, cells, tmp_path):
    evil = "</script><script>alert(1)</script>"
    manifest = home.manifest(small_table, hyperparameters={"a": evil}, preset=evil)
    home.record(manifest, [run([(cells[0], 40.0, 0.0, 10.0)])])
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    assert "alert(1)" in text
    assert "<script>alert" not in text
    Page(text)


def test_folder_without_records_is_refused(home, tmp_path):
    home.runs.mkdir()
    for folder in (home.runs, tmp_path / "nowhere"):
        with pytest.raises(RecordError, match="no run records"):
            build(folder, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_what_cannot_be_shown_stops_no_page(runs, home, tmp_path):
    part = next(runs.glob("toy-whole/*/part-*.parquet"))
    part.write_bytes(part.read_bytes()[:-40])
    next(runs.glob("toy/*/manifest.json")).write_text("{")
    (home.tables / "toy.parquet").unlink()
    told = []
    page = build(runs, tmp_path / "site", tell=told.append)
    feed = json.loads((page.parent / "leaderboard.json").read_text(encoding="utf-8"))
    assert [len(board["rows"]) for board in feed["boards"]] in ([2, 1], [3])
    assert len(feed["not_shown"]) == len(told) == 3
    text = " ".join(html.unescape(page.read_text(encoding="utf-8")).split())
    for left, line in zip(feed["not_shown"], told, strict=True):
        assert f"{left['reason']}. <b>{left['remedy']}</b>" in text
        assert line == f"Not shown: {left['record']}: {left['reason']}. {left['remedy']}"
        assert str(tmp_path) not in line


def test_page_is_made_if_nothing_can_be_shown(home, small_table, run, cells, tmp_path):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    (home.tables / "toy.parquet").unlink()
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    Page(text)
    assert "Not shown" in text
    assert "no benchmark is called &#39;toy&#39;" in text


def test_setting_that_no_command_can_hold_stops_no_page(home, small_table, run, cells, tmp_path):
    manifest = home.manifest(small_table, hyperparameters={"decay": [None]})
    home.record(manifest, [run([(cells[0], 40.0, 0.0, 10.0)])])
    page = build(home.runs, tmp_path / "site")
    assert "No command makes this row again" in page.read_text(encoding="utf-8")
    (board,) = json.loads((page.parent / "leaderboard.json").read_text())["boards"]
    assert board["rows"][0]["command"] is None


def test_failed_build_leaves_the_page_as_it_was(site, runs, monkeypatch):
    before = site.read_bytes()

    def fail(*_):
        raise InvalidArgumentError("no page")

    monkeypatch.setattr("leaderboard.site.build.context", fail)
    with pytest.raises(InvalidArgumentError):
        build(runs, site.parent)
    assert site.read_bytes() == before


def test_empty_facts_are_left_out(home, small_table, run, cells, tmp_path):
    rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + c[0]} for c in cells]
    for number, dataset in enumerate(("dots", "")):
        metadata = home.table(rows, id=f"toy{number}", dataset=dataset)
        home.record(home.manifest(metadata), [run([(cells[0], 50.0, 0.0, 0.0)])])
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    assert text.count("<dt>Dataset</dt>") == 1
    assert "<dd></dd>" not in text


def test_colours_do_not_repeat_within_a_board(home, small_table, run, cells, tmp_path):
    trial = [(cells[0], 40.0, 0.0, 10.0)]
    for number in range(10):
        home.record(home.manifest(small_table, algorithm=f"a{number}"), [run(trial)])
    mean = home.manifest(small_table, algorithm="a9", replicate="mean")
    home.record(mean, [run(trial)])
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    first, second = re.findall(r'<table class="ranking">(.*?)</table>', text, re.S)
    looks = re.findall(r'style="--series:var\((.*?)\)"><line .*? stroke-dasharray="(.*?)"', first)
    assert len(looks) == len(set(looks)) == 10
    assert len({hue for hue, _ in looks}) == 8
    assert re.findall(r"var\((--series-\d)\)\"><line", second) == ["--series-0"]


def test_folder_that_cannot_be_written_is_refused(runs, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "site"):
        with pytest.raises(InvalidArgumentError, match="cannot write"):
            build(runs, out)


def test_a_link_to_nothing_in_place_of_the_page_is_refused(runs, tmp_path):
    page = tmp_path / "site" / "index.html"
    page.parent.mkdir()
    page.symlink_to("a disk that is not there")
    with pytest.raises(InvalidArgumentError, match=r"index\.html is not of a leaderboard"):
        build(runs, tmp_path / "site")
    assert page.is_symlink()


def test_a_folder_in_place_of_the_page_is_refused(runs, tmp_path):
    (tmp_path / "site" / "index.html").mkdir(parents=True)
    with pytest.raises(InvalidArgumentError, match=r"index\.html is not of a leaderboard"):
        build(runs, tmp_path / "site")
    assert not list((tmp_path / "site").glob(".*"))


@pytest.mark.parametrize("module", ["jinja2", "plotly"])
def test_missing_extra_is_named_before_anything_is_done(module, home, whole, tmp_path, monkeypatch):
    home.search("random_search", whole, 2)
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"-e .\.\[leaderboard\]"):
        build(home.runs, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_board_of_test_selection_says_so(home, whole, tmp_path):
    home.search("random_search", whole, 2, objectives=("test_accuracy",), budget=Budget(trials=3))
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    assert "Selected on test" in text
    assert "toy-whole@1, 3 trials, test_accuracy, selected on test</h2>" in text
    assert "--objective test_accuracy" in text
