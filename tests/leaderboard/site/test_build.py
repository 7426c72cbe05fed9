import html
import json
import re
import shlex
import sys

import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

from leaderboard.curves import RANDOM
from leaderboard.site.build import build
from leaderboard.site.pages import _linked
from nasbench.benchmarks.catalogue import open_table
from nasbench.errors import InvalidArgumentError, MissingExtraError, RecordError
from nasbench.runs.budget import Budget
from nasbench.tables.cards.croissant import croissant

pytestmark = pytest.mark.usefixtures("believed")

MOST_BYTES = 3_000_000


def pages(site):
    return sorted(site.parent.rglob("*.html"))


def board(site, title):
    """Text of the page of a board."""
    feed = json.loads((site.parent / "leaderboard.json").read_text(encoding="utf-8"))
    (place,) = [made["page"] for made in feed["boards"] if made["title"] == title]
    return (site.parent / place).read_text(encoding="utf-8")


def first_board(site):
    return board(site, "toy-whole@1, 20 trials")


def refuse_constant(name):
    raise AssertionError(f"{name} is not JSON")


def test_site_has_a_page_for_each_board_algorithm_and_table(site):
    names = {path.relative_to(site.parent).as_posix() for path in site.parent.rglob("*.*")}
    assert names == {
        "index.html",
        "leaderboard.json",
        "boards/toy-1-100-simulated-seconds.html",
        "boards/toy-whole-1-20-trials.html",
        "boards/toy-whole-1-20-trials-4-workers.html",
        "boards/toy-1-100-simulated-seconds.json",
        "boards/toy-whole-1-20-trials.json",
        "boards/toy-whole-1-20-trials-4-workers.json",
        "algorithms/random_search.html",
        "algorithms/regularized_evolution.html",
        "tables/toy-1.html",
        "tables/toy-whole-1.html",
        *(
            f"downloads/{name}-{part}.{kind}"
            for name in ("random_search", "regularized_evolution")
            for part in ("seeds", "curves")
            for kind in ("csv", "parquet")
        ),
    }


def test_pages_load_nothing_and_are_small(site, parsed):
    for path in pages(site):
        text = path.read_text(encoding="utf-8")
        assert parsed(text).loaded == ["data:,"]
        assert not re.search(r"@import|url\(", text.replace("url(#", ""))
        assert len(text) < MOST_BYTES


def test_pages_are_well_formed_and_their_links_lead_somewhere(site, parsed):
    outside = set()
    for path in pages(site):
        page = parsed(path.read_text(encoding="utf-8"))
        assert len(page.ids) == len(set(page.ids))
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
        for link in page.links:
            place, _, anchor = link.partition("#")
            if link.startswith("https:"):
                outside.add(link)
            elif place:
                target = (path.parent / place).resolve()
                assert target.is_file(), (path, link)
                if anchor:
                    assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), (path, link)
        assert set(page.heads) <= {"col", "row"}
    assert "https://example.org/paper" in outside


def test_pages_say_what_their_numbers_are(site):
    texts = {path.parent.name: "" for path in pages(site)}
    for path in pages(site):
        texts[path.parent.name] += " ".join(path.read_text(encoding="utf-8").split())
    for said in (
        "toy-whole@1, 20 trials",
        "Sums of digits",
        "Good for tests &amp; &lt;nothing&gt; else; the noise is one percent.",
        "Validation chooses, test judges.",
        "Test regret (pp)",
        "Final test accuracy (%)",
        "population 5",
        "exact expectation",
        "Exhaustive search that trains every architecture once",
        "This is a reference, not a limit",
        "100 simulated seconds",
        "Some rows have only 2 seeds",
        "inter-quartile mean",
        "no submission of it was verified",
        "The curves need JavaScript",
    ):
        assert said in texts["boards"], said
    for said in ("CC0", "https://example.org/paper", "Standard deviation of validation accuracy"):
        assert said in texts["tables"], said
    for said in ("Real et al.", "Tournament size: the best of this many", "seeds.parquet"):
        assert said in texts["algorithms"], said
    assert "the runs do not have 2 losses a trial" in texts["site"]


def test_the_overview_says_why_there_is_no_verdict(site):
    text = " ".join(site.read_text(encoding="utf-8").split())
    assert "No verdict over benchmarks: no two boards ask the same" in text


def test_exhaustive_search_is_a_number_on_the_page(site):
    board = json.loads((site.parent / "leaderboard.json").read_text())["boards"][1]
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
    assert [row["seeds"] for row in first["rows"]].count("0:8") == 2
    for row in first["rows"]:
        assert len(row["record_content_hash"]) == 64
        assert row["manifest"]["algorithm"] == row["algorithm"]
    assert feed["boards"][0]["random_search"]["regret"] is None
    (left,) = feed["not_shown"]
    assert left["record"].startswith("toy/random_search-")
    assert left["reason"].startswith("the runs do not have 2 losses")
    assert left["remedy"].endswith(".")


def test_points_of_a_board_are_those_of_its_charts_and_its_scores(site):
    feed = json.loads((site.parent / "leaderboard.json").read_text(encoding="utf-8"))
    for made in feed["boards"]:
        text = (site.parent / made["points"]).read_text(encoding="utf-8")
        points = json.loads(text, parse_constant=refuse_constant)
        assert (points["title"], points["page"]) == (made["title"], made["page"])
        assert points["targets"][-1] == 0.0
        for row, drawn in zip(made["rows"], points["rows"], strict=True):
            assert (drawn["rank"], drawn["label"]) == (row["rank"], row["label"])
            scores = {name: score["mean"] for name, score in row["scores"].items() if score}
            for axis, one in drawn["axes"].items():
                assert one["mean"][-1] == pytest.approx(scores["regret"], rel=1e-4)
                assert one["reached"][-1] == pytest.approx(scores["targets_reached"], rel=1e-4)
                assert len(one["reached"]) == len(points["reached_at"][axis])
                assert len({len(one[name]) for name in ("at", "mean", "low", "high")}) == 1
                assert len(one["runtime"]) == len(one["speedup"]) == len(points["targets"])
                never = [runtime is None for runtime in one["runtime"]]
                assert never == [share == 0 for share in drawn["hits"]]
            assert drawn["hits"][-1] == pytest.approx(scores["optimum_found"], rel=1e-4)
        page = (site.parent / made["page"]).read_text(encoding="utf-8")
        charts = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
        for chart in json.loads(charts[0]):
            if chart["axis"] != "seconds":  # there in another unit
                for drawn, series in zip(points["rows"], chart["series"], strict=False):
                    one = drawn["axes"][chart["axis"]]
                    assert (one["at"], one["mean"]) == (
                        chart["grids"][series["x"]],
                        series["y"],
                    )
    (axes,) = {tuple(made["random_search"]) for made in feed["boards"]}
    assert axes == ("evaluations", "regret")
    assert set(points["random_search"]) == {"evaluations", "epochs"}


def test_downloads_hold_the_scores_of_every_seed(site):
    folder = site.parent / "downloads"
    feed = json.loads((site.parent / "leaderboard.json").read_text(encoding="utf-8"))
    seeds = pq.read_table(folder / "regularized_evolution-seeds.parquet").to_pylist()
    for row in feed["boards"][1]["rows"]:
        own = [one for one in seeds if one["row"] == row["label"]]
        if row["algorithm"] == "regularized_evolution":
            assert row["seeds"] == f"0:{len(own)}"
            assert [one["seed"] for one in own] == list(range(len(own)))
            mean = sum(one["regret"] for one in own) / len(own)
            assert mean == pytest.approx(row["scores"]["regret"]["mean"])
    for part in ("seeds", "curves"):
        stem = folder / f"random_search-{part}"
        text = csv.read_csv(stem.with_suffix(".csv"))
        table = pq.read_table(stem.with_suffix(".parquet"))
        assert text.num_rows == table.num_rows
        assert text.column_names == table.column_names


def test_commands_on_the_pages_are_those_of_the_feed(site, parsed):
    feed = json.loads((site.parent / "leaderboard.json").read_text())
    for board in feed["boards"]:
        page = parsed((site.parent / board["page"]).read_text(encoding="utf-8"))
        printed = [text for text in page.texts["code"] if text.startswith("nasbench run")]
        assert printed == [row["command"] for row in board["rows"]]
        assert all(shlex.split(line)[-2:] == ["--out", "runs"] for line in printed)


def test_charts_are_embedded_with_their_reference(site):
    found = re.findall(r'<script type="application/json">(.*?)</script>', first_board(site), re.S)
    curves, reached = (
        {plot["axis"]: plot for plot in json.loads(text, parse_constant=refuse_constant)}
        for text in found
    )
    for axes in (curves, reached):
        assert sorted(axes) == ["epochs", "evaluations", "seconds"]
        assert axes["evaluations"]["series"][-1]["name"] == RANDOM


def test_tables_carry_croissant_metadata(site, whole_space):
    text = (site.parent / "tables/toy-whole-1.html").read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text, re.S)
    about = json.loads(found)
    assert about == croissant(open_table(whole_space))


def test_a_semicolon_ends_an_address_and_nothing_in_a_text_is_a_tag():
    text = str(_linked("A <b>, https://example.org/a; B, https://example.org/b"))
    assert re.findall(r'href="([^"]*)"', text) == ["https://example.org/a", "https://example.org/b"]
    assert "<b>" not in text


def test_the_best_cells_are_those_of_the_table(site):
    text = (site.parent / "tables/toy-whole-1.html").read_text(encoding="utf-8")
    assert '<td class="number">76.00</td>' in text
    assert text.count('<th scope="row"><code>') == 10


def test_nothing_tells_where_the_site_was_made(site):
    above = str(site.parent.parent)
    for path in [*pages(site), site.parent / "leaderboard.json"]:
        text = path.read_text(encoding="utf-8")
        assert above not in text
        assert "/tmp" not in text


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def test_same_records_make_the_same_site_also_in_place(home, whole, tmp_path):
    home.search("random_search", whole, 3)
    home.search("local_search", whole, 3)
    first = build(home.runs, tmp_path / "site").parent
    before = contents(first)
    assert contents(build(home.runs, tmp_path / "again").parent) == before
    assert contents(build(home.runs, first).parent) == before


@pytest.mark.parametrize("name", ["index.html", "leaderboard.json", "tables/toy-1.html"])
def test_files_of_others_are_never_replaced(home, small_table, run, cells, tmp_path, name):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    own = tmp_path / "site" / name
    own.parent.mkdir(parents=True)
    own.write_text("<title>my home page</title>")
    with pytest.raises(InvalidArgumentError, match=r"is not of a leaderboard"):
        build(home.runs, tmp_path / "site")
    files = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert [path.read_text() for path in files] == ["<title>my home page</title>"]


def test_pages_of_what_is_gone_are_deleted_and_files_of_others_are_not(
    home, small_table, run, cells, tmp_path
):
    trial = [run([(cells[0], 40.0, 0.0, 10.0)])]
    home.record(home.manifest(small_table), trial)
    gone = home.record(home.manifest(small_table, algorithm="gone:Search"), trial)
    page = build(home.runs, tmp_path / "site")
    (page.parent / "boards/notes.txt").write_text("mine")
    assert (page.parent / "algorithms/gone-Search.html").is_file()
    gone.folder.rename(tmp_path / "elsewhere")
    build(home.runs, tmp_path / "site")
    assert not (page.parent / "algorithms/gone-Search.html").exists()
    assert (page.parent / "boards/notes.txt").read_text() == "mine"


def test_a_feed_of_strangers_deletes_nothing(home, small_table, run, cells, tmp_path):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    (tmp_path / "precious.txt").write_text("mine")
    site = tmp_path / "site"
    site.mkdir()
    listed = ["../precious.txt", "boards/../../precious.txt", "releases/1/index.html", 3]
    feed = {"made_by": "nasbench 0", "files": listed}
    (site / "leaderboard.json").write_text(json.dumps(feed))
    build(home.runs, site)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_release_stays_as_it_was(home, small_table, run, cells, tmp_path):
    trial = [run([(cells[0], 40.0, 0.0, 10.0)])]
    home.record(home.manifest(small_table), trial)
    page = build(home.runs, tmp_path / "site", release="2026.1")
    frozen = page.parent / "releases/2026.1"
    before = contents(frozen)
    assert {"index.html", "leaderboard.json", "tables/toy-1.html"} <= before.keys()
    assert b"../../index.html" in before["index.html"]
    home.record(home.manifest(small_table, algorithm="later:Search"), trial)
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    assert contents(frozen) == before
    assert 'href="releases/2026.1/index.html"' in text
    assert "later:Search" in text
    with pytest.raises(InvalidArgumentError, match="releases never change"):
        build(home.runs, tmp_path / "site", release="2026.1")
    for name in ("", "../up", ".hidden", "a/b", "x" * 65):
        with pytest.raises(InvalidArgumentError, match="is no name"):
            build(home.runs, tmp_path / "site", release=name)
    assert [path.name for path in frozen.parent.iterdir()] == ["2026.1"]


def test_marks_are_shown_on_the_rows_that_they_are_of(home, small_table, run, cells, tmp_path):
    trials, manifest = [run([(cells[0], 40.0, 0.0, 10.0)])], home.manifest(small_table)
    home.record(manifest, trials)
    page = build(home.runs, tmp_path / "site")
    feed = json.loads((page.parent / "leaderboard.json").read_text(encoding="utf-8"))
    (row,) = feed["boards"][0]["rows"]
    assert row["verified"] is None
    rows = row["record_content_hash"]
    record = {"seeds": "0", "rows": rows, "compact": "", "rerun": "", "manifest": manifest.digest}
    mark = {
        "made_by": "nasbench leaderboard verify",
        "format": 2,
        "level": "recomputed",
        "entry": {"name": "<b>ours", "sha256": "0" * 64},
        "checked_with": {"nasbench": "1"},
        "records": [record, record | {"rows": "of another"}],
    }
    (tmp_path / "marks").mkdir()
    (tmp_path / "marks/one.json").write_text(json.dumps(mark))
    build(home.runs, tmp_path / "site", marks=tmp_path / "marks")
    text = (page.parent / "boards/toy-1-4-trials.html").read_text(encoding="utf-8")
    assert "✓ recomputed</span>" in text
    assert "&lt;b&gt;ours" in text
    feed = json.loads((page.parent / "leaderboard.json").read_text(encoding="utf-8"))
    assert feed["boards"][0]["rows"][0]["verified"]["level"] == "recomputed"
    with pytest.raises(InvalidArgumentError, match="no folder of marks"):
        build(home.runs, tmp_path / "site", marks=tmp_path / "nowhere")


def test_pages_of_the_explorer_are_linked_from_all_and_go_with_the_site(
    home, small_table, run, cells, tmp_path
):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    page = build(home.runs, tmp_path / "site", explorer=True)
    place = "explorer/explore-nb201.html"
    link = '<a class="extra" href="{}">Explore nb201</a>'
    assert link.format(place) in page.read_text()
    below = (page.parent / "tables/toy-1.html").read_text()
    assert link.format(f"../{place}") in below
    assert "toy" in (page.parent / place).read_text()
    build(home.runs, tmp_path / "site")
    assert not (page.parent / place).exists()
    assert "Explore nb201" not in page.read_text()


def test_progress_counts_records(home, small_table, run, cells, tmp_path):
    trial = [run([(cells[0], 40.0, 0.0, 10.0)])]
    for name in ("a", "b"):
        home.record(home.manifest(small_table, algorithm=name), trial)
    done = []
    build(home.runs, tmp_path / "site", progress=done.append)
    assert sum(done) == 2


EVIL = "</script><script>alert(1)</script>"


def test_texts_of_a_record_are_escaped(home, small_table, run, cells, tmp_path, parsed):
    trial = [run([(cells[0], 40.0, 0.0, 10.0)])]
    evil = home.manifest(small_table, hyperparameters={"a": EVIL, EVIL: 1}, preset=EVIL)
    home.record(evil, trial)
    home.record(home.manifest(small_table), trial)
    home.record(home.manifest(small_table, algorithm="a:<script>alert-1-"), trial)
    site = build(home.runs, tmp_path / "site")
    assert "algorithms/a-script-alert-1.html" in contents(site.parent)
    for path in pages(site):
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        parsed(text)
    assert "alert(1)" in (site.parent / "algorithms/random_search.html").read_text()


def test_what_turns_text_around_or_has_no_shape_is_on_no_page(
    home, small_table, run, cells, tmp_path
):
    trial = [run([(cells[0], 40.0, 0.0, 10.0)])]
    for number, hidden in enumerate(("a\x00b", "\u202ea", "a\u200b", "\x9fa")):
        said = {"hyperparameters": {"x": hidden, f"{hidden}y": number}, "preset": hidden}
        home.record(home.manifest(small_table, **said), trial)
    site = build(home.runs, tmp_path / "site")
    for path in pages(site):
        assert not re.search(r"[\x00-\x08\x7f-\x9f\u200b\u202e]", path.read_text(encoding="utf-8"))
    assert r"<bdi>random_<wbr>search (a\x00b)</bdi>" in board(site, "toy@1, 4 trials")
    assert r"<dd><bdi>x \u202ea, \u202eay 1" in board(site, "toy@1, 4 trials")
    assert r"random_<wbr>search (\u202ea)" in site.read_text(encoding="utf-8")


def test_long_settings_make_no_long_pages(home, small_table, run, cells, tmp_path):
    trial = [run([(cells[0], 40.0, 0.0, 10.0)])]
    for number in range(2):
        long = {"x": "A" * 25_000 + str(number), "y" * 25_000: number}
        home.record(home.manifest(small_table, hyperparameters=long), trial)
    site = build(home.runs, tmp_path / "site")
    for path in pages(site):
        assert len(path.read_text(encoding="utf-8")) < 200_000, path
    feed = json.loads((site.parent / "leaderboard.json").read_text(encoding="utf-8"))
    rows = feed["boards"][0]["rows"]
    assert [len(row["settings"]["x"]) for row in rows] == [25_001] * 2
    assert len({row["label"] for row in rows}) == 2
    text = board(site, "toy@1, 4 trials")
    assert "characters are too many for a page: leaderboard.json has it" in text
    assert "characters in all: leaderboard.json has them" in text


def test_an_algorithm_is_first_where_no_other_equals_it(home, small_table, run, cells, tmp_path):
    def ran(benchmark, **orders):
        for name, (order, said) in orders.items():
            trials = [(cells[c], 40.0 - 10 * c, 10.0 * i, 10.0 * i + 10) for i, c in order]
            home.record(home.manifest(benchmark, algorithm=name, **said), [run(trials)])

    first, second = list(enumerate((1, 2))), list(enumerate((0, 1)))
    same = {"budget": {"trials": 5}}
    lucky = {"budget": {"trials": 6}, "random_trials": None}
    ran(small_table, alone=(first, {}), behind=(second, {}))
    ran(small_table, alone=(first, same), equal=(first, same))
    ran(small_table, lucky=(first, lucky), behind=(second, {"budget": {"trials": 6}}))
    text = build(home.runs, tmp_path / "site").read_text(encoding="utf-8")
    tiles = text.partition('<ul class="tiles">')[2].partition("</ul>")[0]
    said = dict(
        re.findall(r"algorithms/(\w+)\.html.*?on (\d boards?(?:, first on \d)?)<", tiles, re.S)
    )
    assert said == {
        "alone": "2 boards, first on 1",
        "behind": "2 boards",
        "equal": "1 board",
        "lucky": "1 board",
    }


def test_methods_that_are_random_search_are_marked_in_the_verdict(
    home, run, cells, tmp_path, parsed
):
    for task in range(2):
        rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + 10 * c[0] + task} for c in cells]
        metadata = home.table(rows, id=f"toy{task}")
        for name, said, order in (("asha", {"random_trials": None}, 2), ("mine", {}, 1)):
            runs = [run([(cells[order], 40.0, 0.0, 10.0)], seed) for seed in range(2)]
            home.record(home.manifest(metadata, algorithm=name, **said), runs)
    site = build(home.runs, tmp_path / "site")
    text = site.read_text(encoding="utf-8")
    parsed(text)
    verdict = text.partition('id="verdict"')[2].partition("</section>")[0]
    assert "asha\N{DOUBLE DAGGER} has the best average rank" in verdict
    assert "\N{DOUBLE DAGGER}</abbr>" in verdict
    assert "asha\N{DOUBLE DAGGER}  1.00" in verdict
    assert verdict.count("asha</bdi>\N{DOUBLE DAGGER}") == 2
    assert "drawn at random (on 2 of 2 tasks).</p>" in verdict
    (found,) = json.loads((site.parent / "leaderboard.json").read_text())["verdicts"]
    assert [method["remark"][:18] for method in found["methods"]] == ["random search here", ""]
    assert [one["place"] for one in found["standings"]] == [1, 2]


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


def test_a_site_is_kept_if_nothing_can_be_shown(home, small_table, run, cells, tmp_path):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    site = build(home.runs, tmp_path / "site")
    before = {path: path.read_bytes() for path in site.parent.rglob("*") if path.is_file()}
    (home.tables / "toy.parquet").unlink()
    told = []
    with pytest.raises(RecordError, match="no record can be shown: nothing was written"):
        build(home.runs, tmp_path / "site", tell=told.append)
    (line,) = told
    assert "no benchmark is called 'toy'" in line
    assert {path: path.read_bytes() for path in before} == before


def test_setting_that_no_command_can_hold_stops_no_page(home, small_table, run, cells, tmp_path):
    manifest = home.manifest(small_table, hyperparameters={"decay": [None]})
    home.record(manifest, [run([(cells[0], 40.0, 0.0, 10.0)])])
    site = build(home.runs, tmp_path / "site")
    assert "No command makes this row again" in board(site, "toy@1, 4 trials")
    (found,) = json.loads((site.parent / "leaderboard.json").read_text())["boards"]
    assert found["rows"][0]["command"] is None


def test_failed_build_leaves_the_site_as_it_was(
    home, small_table, run, cells, tmp_path, monkeypatch
):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    site = build(home.runs, tmp_path / "site")
    before = contents(site.parent)

    def fail(*_, **__):
        raise InvalidArgumentError("no page")

    monkeypatch.setattr("leaderboard.site.build.files", fail)
    with pytest.raises(RecordError, match="nothing was written"):
        build(home.runs, site.parent, release="never")
    assert contents(site.parent) == before


def test_empty_facts_are_left_out(home, run, cells, tmp_path):
    rows = [{"arch": c, "seed": 0, "valid_accuracy": 50 + c[0]} for c in cells]
    for number, dataset in enumerate(("dots", "")):
        metadata = home.table(rows, id=f"toy{number}", dataset=dataset)
        home.record(home.manifest(metadata), [run([(cells[0], 50.0, 0.0, 0.0)])])
    text = "".join(path.read_text() for path in pages(build(home.runs, tmp_path / "site")))
    assert text.count("<dt>Dataset</dt>") == 2  # on the page of the board and on the table's
    assert "<dd></dd>" not in text


def test_looks_do_not_repeat_within_a_board(home, small_table, run, cells, tmp_path):
    trial = [(cells[0], 40.0, 0.0, 10.0)]
    for number in range(10):
        home.record(home.manifest(small_table, algorithm=f"a{number}"), [run(trial)])
    home.record(home.manifest(small_table, algorithm="local_search"), [run(trial)])
    site = build(home.runs, tmp_path / "site")
    text = board(site, "toy@1, 4 trials")
    (table,) = re.findall(r'<table class="ranking sortable">(.*?)</table>', text, re.S)
    swatches = re.findall(r'<svg class="swatch".*?</svg>', table)
    assert len(swatches) == len(set(swatches)) == 11
    hues = [re.findall(r"--series-(\d)", swatch)[0] for swatch in swatches]
    assert sorted(hues) == ["2", *"9999999999"]


def test_folder_that_cannot_be_written_is_refused(home, small_table, run, cells, tmp_path):
    home.record(home.manifest(small_table), [run([(cells[0], 40.0, 0.0, 10.0)])])
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "site"):
        with pytest.raises(InvalidArgumentError, match="cannot write"):
            build(home.runs, out)


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_link_or_folder_in_place_of_the_overview_is_refused(tmp_path, kind):
    page = tmp_path / "site" / "index.html"
    page.parent.mkdir()
    if kind == "link":
        page.symlink_to("a disk that is not there")
    else:
        page.mkdir()
    with pytest.raises(InvalidArgumentError, match=r"index\.html is not of a leaderboard"):
        build(tmp_path / "runs", tmp_path / "site")
    assert page.is_symlink() or page.is_dir()
    assert not list((tmp_path / "site").glob(".*"))


def test_missing_extra_is_named_before_anything_is_done(home, whole, tmp_path, monkeypatch):
    home.search("random_search", whole, 2)
    for name in [name for name in sys.modules if name.split(".")[0] == "jinja2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"-e .\.\[leaderboard\]"):
        build(home.runs, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_board_of_test_selection_says_so(home, whole, tmp_path):
    home.search("random_search", whole, 2, objectives=("test_accuracy",), budget=Budget(trials=3))
    site = build(home.runs, tmp_path / "site")
    text = board(site, "toy-whole@1, 3 trials, test_accuracy, selected on test")
    assert "Selected on test" in text
    assert "--objective test_accuracy" in text
