import shutil
from dataclasses import replace

import pytest

from leaderboard.compact.record import CompactRecord, compact, file_name
from leaderboard.scores import rank
from leaderboard.shipped import RECORDS
from leaderboard.shipped import fill as module
from leaderboard.shipped.fill import compact_all, fill, look
from leaderboard.shipped.plan import Unit
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.records import Records
from nasbench.runs.setup import Setup


def unit(algorithm, benchmark="toy-whole", seeds=4, **options):
    options = {"budget": Budget(trials=10)} | options
    return Unit("part", Setup(algorithm=algorithm, benchmark=benchmark, **options), seeds)


@pytest.fixture
def few(whole):
    return [unit("random_search"), unit("local_search"), unit("successive_halving")]


def states(found):
    return [one.state for one in found]


def test_what_is_missing_is_made_once(few, tmp_path, monkeypatch):
    out, work = tmp_path / "out", tmp_path / "work"
    told = []
    assert states(look(few, out)) == ["missing", "missing", "left out"]
    counts = fill(few, out, work, tell=told.append)
    assert (counts["recorded"], counts["left out"], counts["failed"]) == (2, 1, 0)
    assert "successive_halving on toy-whole (part): left out: it is random search here" in told
    assert not list(work.rglob("*.parquet"))
    monkeypatch.setattr(module, "record_seeds", None)
    assert states(look(few, out)) == ["there", "there", "left out"]
    assert fill(few, out, work)["there"] == 2


def test_the_board_is_that_of_full_records(few, tmp_path, home):
    fill(few, tmp_path / "out", tmp_path / "work")
    small = [CompactRecord(path) for path in (tmp_path / "out").rglob("*.parquet")]
    for algorithm in ("random_search", "local_search"):
        home.search(algorithm, "toy-whole", 4, budget=Budget(trials=10))
    full = [Records(path.parent) for path in home.runs.rglob("manifest.json")]
    (one,), (other,) = rank(small), rank(full)
    assert [(row.label, row.scores, row.content_hash) for row in one.rows] == [
        (row.label, row.scores, row.content_hash) for row in other.rows
    ]


def test_what_others_put_into_the_folder_for_work_stays(few, tmp_path):
    out, work, told = tmp_path / "out", tmp_path / "work", []
    fill(few[2:], out, work)  # which labels the folder
    home, elsewhere = work / "toy-whole", tmp_path / "elsewhere"
    home.mkdir()
    first, second = (home / few[i].setup.prepare().manifest.folder_name for i in (0, 1))
    first.mkdir()
    (first / "notes.txt").write_text("mine")
    elsewhere.mkdir()
    second.symlink_to(elsewhere)
    assert fill(few, out, work, tell=told.append)["recorded"] == 2
    assert (first / "notes.txt").read_text() == "mine"
    assert any(elsewhere.iterdir())
    assert any("notes.txt in it" in line for line in told)
    assert any("leads out of" in line for line in told)


def test_an_interrupted_search_goes_on_with_its_seeds(few, tmp_path, monkeypatch):
    out, work = tmp_path / "out", tmp_path / "work"

    def stopped(setup, seeds, folder, **options):
        record(setup, list(seeds)[:2], folder)
        raise KeyboardInterrupt

    record = module.record_seeds
    monkeypatch.setattr(module, "record_seeds", stopped)
    with pytest.raises(KeyboardInterrupt):
        fill(few, out, work)
    assert not list(out.rglob("*.parquet"))
    asked = []

    def counted(setup, seeds, folder, **options):
        (path,) = folder.rglob("manifest.json")
        asked.extend(Records(path.parent).missing(seeds))
        return record(setup, seeds, folder, **options)

    monkeypatch.setattr(module, "record_seeds", counted)
    fill(few[:1], out, work)
    assert asked == [2, 3]


def test_calls_with_the_same_folder_for_work_share_the_units(few, tmp_path, monkeypatch):
    out, work = tmp_path / "out", tmp_path / "work"
    told, counts = [], []

    def at_the_same_time(setup, seeds, folder, **options):
        monkeypatch.setattr(module, "record_seeds", record)
        counts.append(fill(few, out, work, tell=told.append))
        return record(setup, seeds, folder, **options)

    record = module.record_seeds
    monkeypatch.setattr(module, "record_seeds", at_the_same_time)
    counts.append(fill(few, out, work))
    assert "random_search on toy-whole (part): missing: another command makes it" in told
    assert [(each["missing"], each["recorded"], each["there"]) for each in counts] == [
        (1, 1, 0),
        (0, 1, 1),
    ]
    assert states(look(few, out)) == ["there", "there", "left out"]
    assert not list(work.glob(".*"))


def test_full_records_are_taken_where_they_hold_all_seeds(few, tmp_path, home, monkeypatch):
    home.search("random_search", "toy-whole", 6, budget=Budget(trials=10))
    home.search("local_search", "toy-whole", 3, budget=Budget(trials=10))
    found = list(look(few[:2], tmp_path / "out", [home.runs]))
    assert states(found) == ["recorded", "missing"]
    monkeypatch.setattr(module, "record_seeds", None)
    counts = fill(few[:2], tmp_path / "out", tmp_path / "work", sources=[home.runs], search=False)
    assert (counts["recorded"], counts["missing"]) == (1, 1)
    (path,) = (tmp_path / "out").rglob("*.parquet")
    assert CompactRecord(path).seeds() == [0, 1, 2, 3]
    assert found[0].source.folder.is_dir()


def test_a_search_with_other_code_or_seeds_is_replaced(few, tmp_path, home):
    out = tmp_path / "out"
    fill(few[:2], out, tmp_path / "work")
    (path,) = out.rglob("random_search-*")
    record = home.search("random_search", "toy-whole", 2, budget=Budget(trials=10))
    old = replace(record.manifest, code="0" * 64)
    former = Records.create(tmp_path / "former", old)
    former.add(record.runs())
    compact(former, module.open_benchmark(module.Question.of(old)), out)
    assert len(list(out.rglob("random_search-*"))) == 2
    path.unlink()
    fill([*few[:2], unit("random_search", seeds=5)][2:], out, tmp_path / "work")
    (made,) = out.rglob("random_search-*")
    assert (made, len(CompactRecord(made).seeds())) == (path, 5)
    assert len(list(out.rglob("local_search-*"))) == 1


def test_what_cannot_be_made_is_told_and_stops_nothing(few, tmp_path):
    told = []
    short = unit("random_search", "lite201-digits", seeds=1, budget=Budget(trials=1, seconds=1e-6))
    impossible = [unit("random_search", "toy-none"), short]
    counts = fill([*impossible, few[0]], tmp_path / "out", tmp_path / "work", tell=told.append)
    assert (counts["failed"], counts["recorded"]) == (2, 1)
    assert told[0].startswith("random_search on toy-none (part): failed: ")
    assert "no run has a trial" in told[1]


def test_presets_for_another_unit_are_left_out(tmp_path):
    (found,) = look([unit("regularized_evolution", "fcnet-protein", preset=None)], tmp_path)
    assert found.state == "missing"
    (found,) = look([unit("reinforce", "nb201-cifar10", preset="nas_benchmarks_fcnet")], tmp_path)
    assert (found.state, found.why) == ("left out", "it is made for losses in no unit")


def test_a_folder_that_cannot_be_written_is_told(few, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgumentError, match="cannot write to"):
        fill(few, tmp_path / "file", tmp_path / "work")


def test_records_can_be_made_compact_without_a_plan(whole, home, tmp_path):
    good = home.search("random_search", whole, 2, budget=Budget(trials=5))
    home.search("local_search", whole, 2, budget=Budget(trials=5))
    (part,) = home.runs.rglob("local_search-*/part-000000.parquet")
    part.write_bytes(b"")
    told = []
    (made,) = compact_all(home.runs, tmp_path / "out", tell=told.append)
    assert made.folder.name == file_name(good.manifest)
    assert len(told) == 1
    shutil.rmtree(home.runs)
    with pytest.raises(RecordError, match="there are no run records"):
        compact_all(home.runs, tmp_path / "out")


class TestShipped:
    paths = sorted(RECORDS.rglob("*.parquet"))

    def test_all_are_named_by_their_manifests(self):
        for path in self.paths:
            assert CompactRecord(path).manifest.benchmark == path.parent.name

    def test_they_are_small(self):
        sizes = [path.stat().st_size for path in self.paths]
        assert max(sizes, default=0) < 2**18
        assert sum(sizes) < 12 * 10**6


def test_records_of_others_stay(few, tmp_path, home):
    own = home.search("random_search", "toy-whole", 6, budget=Budget(trials=10))
    with pytest.raises(InvalidArgumentError, match="holds records that this command did not make"):
        fill(few[:1], tmp_path / "out", home.runs)
    assert own.seeds() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(InvalidArgumentError, match="there is no folder of records"):
        fill(few[:1], tmp_path / "out", tmp_path / "work", sources=[tmp_path / "nowhere"])
    assert not (tmp_path / "work").exists()
    tuned = home.search(
        "regularized_evolution",
        "toy-whole",
        4,
        budget=Budget(trials=10),
        hyperparameters={"population": 3, "sample": 2},
    )
    out = tmp_path / "out"
    compact_all(home.runs, out)
    default = unit("regularized_evolution", preset=None)
    fill([default], out, tmp_path / "work", search=True)
    names = {path.name for path in out.rglob("regularized_evolution-*")}
    assert file_name(tuned.manifest) in names
