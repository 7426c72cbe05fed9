"""A site of three boards, and what cannot be shown."""

import shutil
from html.parser import HTMLParser

import pytest

from leaderboard.site.build import build

VOID = {
    *("meta", "link", "br", "img", "input", "hr", "wbr"),
    *("line", "path", "rect", "circle", "polyline"),
}


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


def fill(home, whole, metadata, run, cells):
    """Records of three boards: test regret, a budget in seconds with a regret of 0, several
    workers; and one that cannot be shown."""
    home.search("random_search", whole, 8)
    home.search("regularized_evolution", whole, 8, preset="nats")
    home.search("regularized_evolution", whole, 6, hyperparameters={"population": 5, "sample": 5})
    home.search("random_search", whole, 3, workers=4)
    budget = {"trials": None, "seconds": 100.0}
    zero = [(cells[0], 40.0, 0.0, 10.0), (cells[2], 20.0, 10.0, 20.0)]
    home.record(home.manifest(metadata, budget=budget), [run(zero, 0), run(zero, 1)])
    both = ["valid_accuracy", "test_accuracy"]
    home.record(home.manifest(metadata, objectives=both), [run(zero)])
    return home.runs


@pytest.fixture(scope="session")
def parsed():
    return Page


@pytest.fixture
def runs(home, whole, small_table, run, cells):
    return fill(home, whole, small_table, run, cells)


@pytest.fixture(scope="module")
def site(home_in, small_in, whole_space, tmp_path_factory, run, cells):
    """The overview of a site; tests only read it."""
    folder = tmp_path_factory.mktemp("site")
    home = home_in(folder)
    shutil.copy(whole_space, home.tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_HOME", str(home.tables))
        patch.setattr("nasbench.runs.audit.Auditor.check", lambda *_: None)
        fill(home, whole_space.stem, small_in(home), run, cells)
        return build(home.runs, folder / "site")
