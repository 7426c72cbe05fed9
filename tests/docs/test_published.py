"""docs/published.md: rows are read and judged rightly, and the replay is what it says."""

import csv
import os
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nasbench
from nasbench.errors import InvalidArgumentError

pytest.importorskip("matplotlib")
DOCS = Path(__file__).resolve().parents[2] / "docs"
SHARED = Path(os.environ["NASBENCH_SHARED"]) / "data/published"
ROWS = SHARED / "nb201_12_epochs.csv.gz"
NATS = SHARED / "NATS-tss-v1_0-3ffb9-simple"
BEST = {"cifar10": 94.3733, "cifar100": 73.5133, "imagenet16": 47.3111}


def needs(path: Path) -> pytest.MarkDecorator:
    reason = f"needs {path}; set NASBENCH_SHARED to the folder that holds data/published"
    return pytest.mark.skipif(not path.exists(), reason=reason)


@pytest.fixture(scope="module")
def scripts():
    sys.path.insert(0, str(DOCS / "scripts"))
    try:
        import published
        import published_isolate
        import published_replay
        import published_rows
        import published_source

        yield SimpleNamespace(
            page=published,
            isolate=published_isolate,
            replay=published_replay,
            rows=published_rows,
            source=published_source,
        )
    finally:
        sys.path.remove(str(DOCS / "scripts"))


@pytest.fixture
def cells(scripts):
    """Two cells: the second has the best test accuracies, the first the best validation."""
    tops = {name: np.array([top - 1.5, top]) for name, top in BEST.items()}
    valid = {name: np.array([46.7, 46.4]) for name in BEST}
    return scripts.rows.Cells(valid, tops)


def row(scripts, test, valid=None, **changes):
    values = {"method": "m", "kind": "search", "protocol": "200-epoch", "searched": "each"}
    values |= {"budget": "100 queries", "runs": None, "source": "s", "url": "https://u"}
    value = scripts.rows.value
    read = [{n: value(text) for n, text in (given or {}).items()} for given in (test, valid)]
    return scripts.rows.Published(**(values | changes), test=read[0], valid=read[1])


def test_published_rows_say_what_is_needed_to_judge_them(scripts):
    rows = scripts.rows.read_rows()
    in_space = [r for r in rows if r.kind != "open-ended"]
    assert len(in_space) >= 20
    for r in rows:
        assert r.url.startswith("https://"), r
        assert r.source, r
        assert r.test, r
        assert r.protocol in ("12-epoch", "200-epoch", "cell", "other"), r
        if r.protocol == "other":
            assert r.kind in scripts.page.REASONS, r
        if r.protocol == "12-epoch":
            assert scripts.rows.budget(r.budget).seconds, r
            assert r.runs, r
            assert all(printed.sd for printed in r.test.values()), r
        if r.protocol == "cell" and r.kind != "optimum":
            nasbench.load("nb201-cifar10").space.from_text(r.kind)


def test_values_and_budgets_are_read(scripts):
    assert scripts.rows.value("93.70 ± .36") == (93.7, 0.36)
    assert scripts.rows.value("94.36") == (94.36, None)
    assert str(scripts.rows.value("93.70 ± .36")) == "93.70 ± 0.36"
    assert scripts.rows.budget("12000 s") == nasbench.Budget(seconds=12_000)
    assert scripts.rows.budget("100 queries") == nasbench.Budget(trials=100)
    for text in ("", "12000", "12 h", "100 queries or so"):
        with pytest.raises(ValueError, match="neither seconds"):
            scripts.rows.budget(text)
    for text in ("0.94", "101", "n/a"):
        with pytest.raises(ValueError, match=r"accuracy|float"):
            scripts.rows.value(text)


def test_only_rows_above_the_best_cell_are_impossible(scripts, cells):
    found = [r.method for r in scripts.rows.read_rows() if scripts.rows.impossible(r, cells)]
    assert found == ["T²MONAS", "FairNAD"]
    rounded = row(scripts, {"cifar10": "94.37", "cifar100": "73.51"})
    above = row(scripts, {"cifar10": "94.37", "cifar100": "73.52"})
    assert scripts.rows.impossible(rounded, cells) == []
    assert scripts.rows.impossible(above, cells) == ["cifar100"]
    assert "**impossible**" in "".join(scripts.rows.remarks(above, cells))
    assert "CIFAR-10 " not in "".join(scripts.rows.remarks(above, cells))


def test_a_mean_that_only_the_test_column_explains_is_marked(scripts, cells):
    (said,) = scripts.rows.remarks(row(scripts, {"imagenet16": "47.31"}), cells)
    assert said.startswith("**chosen by test**")
    assert said.endswith("has 45.81")
    assert not list(scripts.rows.remarks(row(scripts, {"imagenet16": "47.2"}), cells))
    both = row(scripts, {"imagenet16": "47.2"}, {"imagenet16": "46.7"})
    assert "**not one cell**" in "".join(scripts.rows.remarks(both, cells))
    fits = row(scripts, {"imagenet16": "46.56"}, {"imagenet16": "46.55"})
    assert not list(scripts.rows.remarks(fits, cells))


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_every_mixture_of_cells_is_one_and_what_is_outside_is_none(seed, n_cells):
    sys.path.insert(0, str(DOCS / "scripts"))
    try:
        from published_rows import ROUNDING, is_mixture
    finally:
        sys.path.remove(str(DOCS / "scripts"))
    rng = np.random.default_rng(seed)
    valid, test = rng.uniform(40, 90, (2, n_cells))
    weights = rng.dirichlet(np.ones(n_cells))
    off = rng.uniform(-ROUNDING, ROUNDING, 2) * 0.99
    assert is_mixture((weights @ valid + off[0], weights @ test + off[1]), valid, test)
    way = rng.normal(size=2)  # further along a direction than every cell
    reach = (np.column_stack([valid, test]) @ way).max() / (way @ way)
    beyond = (reach + 0.1 / np.linalg.norm(way)) * way
    assert not is_mixture(tuple(beyond), valid, test)


def test_the_cell_that_a_row_without_spread_prints_is_found(scripts, cells):
    printed = {name: f"{top:.2f}" for name, top in BEST.items()}
    assert scripts.rows.same_cell(row(scripts, printed), cells) == 1
    assert scripts.rows.same_cell(row(scripts, printed | {"cifar10": "94.36"}), cells) is None
    spread = row(scripts, {name: f"{text} ± .1" for name, text in printed.items()})
    assert scripts.rows.same_cell(spread, cells) is None


def test_five_percent_of_equal_means_and_all_different_ones_are_beyond_noise(scripts):
    rng = np.random.default_rng(0)
    value, replayed = scripts.rows.Value, scripts.replay.Replayed

    def share(shift):
        found = []
        for _ in range(2000):
            ours, theirs = rng.normal(70, 10, 500), rng.normal(70 + shift, 20, 400)
            printed = value(theirs.mean(), theirs.std(ddof=1))
            here = replayed(ours.mean(), ours.std(ddof=1), 500)
            found.append(scripts.page.beyond_noise(printed, 400, here))
        return np.mean(found)

    assert 0.03 < share(0) < 0.07
    assert share(8) > 0.99
    here = replayed(70, 1, 500)
    assert not scripts.page.beyond_noise(value(60.0, None), 500, here)
    assert not scripts.page.beyond_noise(value(60.0, 1.0), None, here)


@pytest.fixture(scope="module")
def few(scripts, tmp_path_factory):
    """A source of 30 cells that cost 1,000 seconds each."""
    folder = tmp_path_factory.mktemp("few")
    benchmark = nasbench.load("nb201-cifar10")
    archs = list(islice(benchmark.space.archs(), 3000, 15_000, 400))
    tests = [f"test_{name}" for name in BEST]
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["arch", "valid_accuracy", "seconds", *tests])
        for i, arch in enumerate(archs):
            writer.writerow([benchmark.space.to_text(arch), 50 + i, 1000, 60 + i, 30 + i, 20 + i])
    source = scripts.source.open_source(folder / "rows.csv", folder)
    return scripts.replay.Replay(source, 300, 2, 1, folder / "runs")


def test_random_search_is_the_closed_form_with_and_without_the_suite(scripts, few):
    n, draws = len(few.source.archs), scripts.isolate.SECONDS // 1000
    below = (np.arange(n + 1) / n) ** draws
    expected = 60 + np.diff(below) @ np.arange(n)
    twin = scripts.isolate.twin(few, 5000)["cifar10"]
    assert abs(twin.mean - expected) < 4 * twin.sd / np.sqrt(twin.runs)
    (rs,) = [r for r in scripts.rows.read_rows() if r.method == "random search"][:1]
    ours = few.of(rs)
    assert set(ours) == set(BEST)
    assert abs(ours["cifar10"].mean - expected) < 4 * ours["cifar10"].sd / np.sqrt(
        ours["cifar10"].runs
    )
    assert ours["cifar100"].mean == pytest.approx(ours["cifar10"].mean - 30)


def test_what_validation_chose_within_a_budget_and_hits_are_counted(scripts, few):
    source = few.source
    valid = source.cells.valid["cifar10"]
    runs = nasbench.search(
        "random_search",
        source.short["cifar10"],
        seeds=range(5),
        budget=nasbench.Budget(trials=40),
        replicate="mean",
    )
    for trials in (3, 40):
        best = [source.places(run.archs[:trials]).max() for run in runs]
        found = few.accuracy(runs, "cifar10", trials)
        assert found.mean == pytest.approx(60 + np.mean(best))
        assert found.runs == 5
    wanted = [np.flatnonzero(source.places(run.archs) == valid.argmax()) for run in runs]
    hits = sum(len(at) > 0 for at in wanted)
    spent = sum(at[0] + 1 if len(at) else 40 for at in wanted)
    assert hits > 0
    assert few.hits(runs, "cifar10") == (hits / 5, f"{spent / hits:,.0f}")
    best = [valid[source.places(run.archs)].argmax() for run in runs]
    tests = [source.places(run.archs)[i] + 60 for run, i in zip(runs, best, strict=True)]
    assert few.by_mean(runs, "cifar10").mean == pytest.approx(np.mean(tests))


def test_methods_and_scores_that_are_not_here_are_not_replayed(scripts, few):
    rows = scripts.rows.read_rows()
    without = [r for r in rows if r.protocol == "12-epoch" and r.searched != "cifar10"]
    assert without
    assert all(few.of(r) == {} for r in without)
    assert few.of(row(scripts, {"cifar10": "94"}, method="CARL")) == {}
    assert "no 12-epoch scores of CIFAR-100" in scripts.page.by_seconds(few, without)
    others = scripts.page.not_compared(few, rows)
    assert others.count("shares its weights") == sum(r.kind == "weight sharing" for r in rows)


def test_absent_and_unknown_archives_are_refused(scripts, tmp_path, monkeypatch, capsys):
    with pytest.raises(InvalidArgumentError, match="is absent: give --archive PATH"):
        scripts.source.open_source(tmp_path / "no.csv.gz", tmp_path)
    (tmp_path / "other.pth").touch()
    with pytest.raises(InvalidArgumentError, match="no archive that is known"):
        scripts.source.open_source(tmp_path / "other.pth", tmp_path)
    monkeypatch.setenv("NASBENCH_SHARED", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["published.py", "--runs", str(tmp_path / "runs")])
    before = scripts.page.PAGE.read_bytes()
    with pytest.raises(SystemExit) as ended:
        scripts.page.main()
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "nb201_12_epochs.csv.gz is absent" in told
    assert scripts.page.PAGE.read_bytes() == before


def test_marks_are_counted():
    text = (DOCS / "published.md").read_text(encoding="utf-8")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    words = {"impossible": "Two", "chosen by test": "two", "not one cell": "four"}
    said = " ".join(text.split())
    assert "**Two published rows are impossible**, two equal the best test accuracy" in said
    assert "another cell, and four print validation and test accuracies that no mean" in said
    for mark, word in words.items():
        number = {"two": 2, "four": 4}[word.lower()]
        assert sum(f"**{mark}**" in line for line in tables) == number, mark


@needs(ROWS)
def test_published_cells_are_those_of_the_data(scripts, tmp_path):
    source = scripts.source.open_source(ROWS, tmp_path)
    replay = scripts.replay.Replay(source, 2, 2, 1, tmp_path / "runs")
    rows = scripts.rows.read_rows()
    text = (DOCS / "published.md").read_text(encoding="utf-8")
    table = scripts.page.by_cell(replay, rows)
    assert f"<!-- published-cells -->\n{table}\n<!-- end -->" in text
    shown = [
        cell.split(" / ") for line in table.splitlines()[2:] for cell in line.split(" | ")[1:4]
    ]
    assert all(printed == here for printed, here in shown)
    others = scripts.page.not_compared(replay, rows)
    assert f"<!-- published-others -->\n{others}\n<!-- end -->" in text


@needs(NATS)
def test_an_official_archive_is_imported_and_asked(scripts, tmp_path, monkeypatch):
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    source = scripts.source.open_source(NATS, tmp_path)
    replay = scripts.replay.Replay(source, 3, 2, 1, tmp_path / "runs")
    space = source.space
    text = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|none~0|nor_conv_1x1~1|none~2|"
    (place,) = source.places(np.array([space.from_text(text)]))
    assert source.cells.test["cifar10"][place] == pytest.approx(88.79)
    assert source.cells.valid["cifar10"][place] == pytest.approx((86.052 + 86.02 + 86.068) / 3)
    for r in scripts.rows.read_rows():
        if r.protocol == "12-epoch" and r.method == "random search":
            assert set(replay.of(r)) == set(r.test)
