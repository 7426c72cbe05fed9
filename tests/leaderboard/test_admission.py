"""What cannot be shown is named with a reason, stops nothing else, and its remedy helps."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaderboard.admission import find_readable, group
from leaderboard.scores import rank
from nasbench.errors import RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.records import MANIFEST, Records
from nasbench.runs.search import search
from nasbench.runs.setup import Setup

FIVE = Budget(trials=5)


def table(home, id="toy", **said):
    """A table of the four cells, which a search can search."""
    rows = [
        {"arch": (i, 0, 0, 0, 0, 0), "seed": 0, "valid_accuracy": 50 + i, "seconds": 1}
        for i in range(4)
    ]
    return home.table(rows, id=id, complete=False, **said)


@pytest.fixture
def toy(home):
    return table(home)


@pytest.fixture
def sound(home, toy):
    """A record that a board shows."""
    return home.search("random_search", "toy", 2, budget=FIVE)


def ranked(home):
    """Algorithms on boards, and what is not shown, of all records of a home."""
    records, damaged = find_readable(home.runs)
    ranking = rank(records)
    shown = sorted(row.algorithm for board in ranking for row in board.rows)
    return shown, [*damaged, *ranking.not_shown]


def again(home, record, **options):
    """Repeat the search of a record."""
    made = record.manifest
    search(
        made.algorithm,
        made.benchmark,
        seeds=range(2),
        budget=made.budget,
        out=home.runs,
        objectives=options.pop("objectives", made.objectives),
        **options,
    )


def only(home, record, reason, remedy):
    """Assert that the sound record alone is shown, and why the other is not."""
    shown, (left,) = ranked(home)
    assert shown == ["random_search"]
    assert left.folder == record.folder
    assert reason in left.reason
    assert remedy in left.remedy
    assert str(home.runs.parent) not in left.reason + left.remedy


@pytest.fixture
def other(home, sound):
    """A second record, on the same board."""
    return home.search("local_search", "toy", 2, budget=FIVE)


def test_groups_are_in_the_order_of_benchmark_and_budget(home, toy, run, cells):
    made = [
        home.record(
            home.manifest(toy, budget={"trials": n}, workers=w),
            [run([(cells[0], 40.0, 0.0, 10.0)])],
        )
        for n, w in ((1000, 1), (20, 2), (20, 1), (300, 1))
    ]
    order = [(question.trials, question.workers) for question in group(made)[0]]
    assert order == [(20, 1), (20, 2), (300, 1), (1000, 1)]


@pytest.mark.parametrize(
    "content",
    ["{", "[]", "{}", '{"algorithm": "a"}', "\xff", pytest.param(50_000 * "[", id="deep")],
)
def test_damaged_manifest(home, other, content):
    (other.folder / MANIFEST).write_text(content, encoding="latin-1")
    only(home, other, "manifest", "delete the folder and run the search again")
    shutil.rmtree(other.folder)
    search("local_search", "toy", seeds=range(2), budget=FIVE, out=home.runs)
    assert ranked(home) == (["local_search", "random_search"], [])


@pytest.mark.parametrize("change", [{"workers": "two"}, {"budget": {"trials": [5]}}])
def test_manifest_of_wrong_types(home, sound, toy, change):
    folder = home.damage(home.manifest(toy).encode() | change)
    shown, (left,) = ranked(home)
    assert shown == ["random_search"]
    assert left.folder == folder


def test_manifest_of_a_newer_version(home, sound, toy):
    folder = home.damage(home.manifest(toy).encode() | {"novelty": 1})
    shown, (left,) = ranked(home)
    assert (shown, left.folder) == (["random_search"], folder)
    assert "'novelty'" in left.reason
    assert "update" in left.remedy


@pytest.mark.parametrize("keep", [0, 40, -40])
def test_damaged_part(home, other, keep):
    (part,) = other.folder.glob("part-*")
    part.write_bytes(part.read_bytes()[:keep])
    only(home, other, "part-000000.parquet is damaged", "Delete the damaged file and run")
    part.unlink()
    again(home, other)
    assert ranked(home) == (["local_search", "random_search"], [])


def test_part_of_another_record(home, other):
    both = ("valid_accuracy", "seconds")
    search("nsga2", "toy", seeds=[0], budget=FIVE, objectives=both, out=home.runs.parent / "b")
    (part,) = (home.runs.parent / "b").rglob("part-*")
    place = other.folder / "part-000000.parquet"
    shutil.copy(part, place)
    only(home, other, "part-000000.parquet holds runs of another", "Delete the damaged file and")
    unmarked = pq.read_table(part)
    pq.write_table(unmarked.replace_schema_metadata({"seeds": "[0]"}), place)
    only(home, other, "do not have 1 loss a trial", "Delete the folder and run")
    shutil.rmtree(other.folder)
    search("local_search", "toy", seeds=range(2), budget=FIVE, out=home.runs)
    assert ranked(home) == (["local_search", "random_search"], [])


def test_trials_that_no_benchmark_answers(home, sound, toy, run):
    manifest = home.manifest(toy, algorithm="local_search", budget={"trials": 5})
    record = home.record(manifest, [run([((9, 9, 9, 9, 9, 9), 1.0, 0.0, 10.0)])])
    only(home, record, "its trials do not fit toy@1", "Delete the folder")


def test_forged_trials(home, other):
    """The page says which trial, and the others are shown."""
    (part,) = other.folder.glob("part-*")
    table = pq.read_table(part)
    losses = pa.FixedSizeListArray.from_arrays(pa.array([0.0] * len(table)), 1)
    at = table.schema.names.index("losses")
    forged = table.set_column(at, "losses", losses)
    pq.write_table(forged.replace_schema_metadata({"seeds": "[0, 1]"}), part)
    reason = "its trials do not fit toy@1: seed 0, trial 0 says loss 0.0, toy@1 says"
    only(home, other, reason, "Delete the folder and run the search again")
    pq.write_table(forged.replace_schema_metadata(table.schema.metadata), part)
    only(home, other, "part-000000.parquet is damaged: its rows do not match", "Delete the damaged")
    shutil.copy(part, other.folder / "part-000001.parquet")
    only(home, other, "holds seed 0, which belongs into part-000000", "Delete the damaged file")
    shutil.rmtree(other.folder)
    search("local_search", "toy", seeds=range(2), budget=FIVE, out=home.runs)
    assert ranked(home) == (["local_search", "random_search"], [])


def test_no_finished_run(home, sound):
    setup = Setup(algorithm="local_search", benchmark="toy", budget=FIVE)
    record = Records.create(home.runs, setup.prepare().manifest)
    only(home, record, "no finished run yet", "run the search again with the same --out")
    again(home, record)
    assert ranked(home) == (["local_search", "random_search"], [])


def test_budget_in_which_no_trial_fits(home, sound):
    record = home.search("random_search", "toy", 2, budget=Budget(seconds=0.5))
    only(home, record, "no run has a trial", "a larger budget")


def test_several_objectives(home, sound):
    home.search("nsga2", "toy", 2, budget=FIVE, objectives=("valid_accuracy", "seconds"))
    shown, not_shown = ranked(home)
    assert (sorted(shown), not_shown) == (["nsga2", "random_search"], [])


def test_same_search_twice(home, sound):
    shutil.copytree(home.runs / "toy", home.runs / "z")
    twin = Records(home.runs / "z" / sound.folder.name)
    shown, (left,) = ranked(home)
    assert (shown, left.folder) == (["random_search"], twin.folder)
    assert left.reason == f"the same search is recorded in {sound.folder}"
    shutil.rmtree(sound.folder)
    assert ranked(home) == (["random_search"], [])


def test_folders_that_overlap_are_taken_once(home, sound):
    once, _ = find_readable(home.runs)
    several = (home.runs, home.runs / "toy", home.runs / "toy" / "..", home.runs)
    assert [r.folder for r in find_readable(*several)[0]] == [r.folder for r in once]


def test_a_file_that_is_no_record_is_refused(home, sound):
    text = home.runs / "README.md"
    text.write_text("mine", encoding="utf-8")
    with pytest.raises(RecordError, match=r"README\.md is no record: records are folders"):
        find_readable(text)


def test_missing_table(home, sound):
    table(home, "lost")
    record = home.search("random_search", "lost", 2, budget=FIVE)
    file = home.tables / "lost.parquet"
    file.rename(home.runs.parent / "lost.parquet")
    only(home, record, "no benchmark is called 'lost'", "Put the file or folder of lost@1 into")
    (home.runs.parent / "lost.parquet").rename(file)
    assert ranked(home) == (["random_search", "random_search"], [])


def test_other_version(home, sound):
    table(home, "late")
    record = home.search("random_search", "late", 2, budget=FIVE)
    table(home, "late", version=2)
    only(home, record, "'late' has no version '1'", "late@1")


def test_damaged_file_of_another_version(home, sound):
    table(home, "late", version=1)
    record = home.search("random_search", "late", 2, budget=FIVE)
    damaged = home.tables / "late@2.parquet"
    damaged.write_bytes(b"PAR1")
    only(home, record, "late@2.parquet", "Replace the damaged file by an undamaged copy")
    file = home.tables / "late.parquet"
    content = file.read_bytes()
    table(home, "late", version=2)
    file.rename(damaged)
    file.write_bytes(content)
    assert ranked(home) == (["random_search", "random_search"], [])


def test_damaged_table(home, sound):
    table(home, "bad")
    record = home.search("random_search", "bad", 2, budget=FIVE)
    file = home.tables / "bad.parquet"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    only(home, record, "bad.parquet", "Replace the damaged file by an undamaged copy")
    file.write_bytes(content)
    assert ranked(home) == (["random_search", "random_search"], [])


def test_edited_table_under_the_old_hash(home, sound):
    table(home, "edited")
    record = home.search("random_search", "edited", 2, budget=FIVE)
    file = home.tables / "edited.parquet"
    content = file.read_bytes()
    rows = pq.read_table(file)
    at = rows.schema.names.index("valid_accuracy")
    values = pa.array([[99.0]] * len(rows), rows.schema.field(at).type)
    pq.write_table(rows.set_column(at, rows.schema.field(at), values), file)
    only(home, record, "edited.parquet", "Replace the damaged file by an undamaged copy")
    file.write_bytes(content)
    assert ranked(home) == (["random_search", "random_search"], [])


def test_other_content(home, sound, cells):
    table(home, "changed")
    record = home.search("random_search", "changed", 2, budget=FIVE)
    before = record.manifest.content_hash
    rows = [{"arch": c, "seed": 0, "valid_accuracy": 70, "seconds": 1} for c in cells]
    installed = home.table(rows, id="changed", complete=False).content_hash
    only(home, record, f"{before[:12]}… of changed@1, but the installed one has", "delete")
    assert installed[:12] in ranked(home)[1][0].reason
    again(home, record)
    assert ranked(home)[0] == ["random_search", "random_search"]
    shutil.rmtree(record.folder)
    assert ranked(home) == (["random_search", "random_search"], [])


def test_space_of_an_absent_plug_in(home, sound, monkeypatch):
    table(home, "plugged")
    record = home.search("random_search", "plugged", 2, budget=FIVE)

    def absent(name, where, decisions=()):  # of a table that does not describe its space
        from nasbench.tables.columns import load_space

        return load_space("plugged" if "plugged" in where else name, where)

    with monkeypatch.context() as patch:
        patch.setattr("nasbench.tables.table.load_space", absent)
        only(home, record, "no search space is called 'plugged'", "Install the package that")
    assert ranked(home) == (["random_search", "random_search"], [])


def test_objective_that_is_not_recorded_at_the_end_of_training(home, sound, cells, run):
    rows = [
        {"arch": c, "seed": 0, "valid_accuracy": [50, 51], "test_accuracy": [30, float("nan")]}
        for c in cells
    ]
    metadata = home.table(rows, id="open", complete=False)
    record = home.record(
        home.manifest(metadata, objectives=["test_accuracy"], budget={"trials": 5}),
        [run([(cells[0], 70.0, 0.0, 1.0)], epoch=1)],
    )
    only(home, record, "does not record 'test_accuracy' at the end", "another --objective")
    again(home, record, objectives=["valid_accuracy"])
    assert ranked(home)[0] == ["random_search", "random_search"]


class Unforeseen(Exception):
    """What no check expects."""


@pytest.mark.parametrize("step", ["_entry", "_row"])
def test_an_error_of_scoring_stops_no_other_record(home, other, monkeypatch, step):
    from leaderboard import scores

    found = getattr(scores, step)
    first = 0 if step == "_entry" else 1

    def function(*given):
        if given[first].record.manifest.algorithm == "local_search":
            raise Unforeseen("by chance")
        return found(*given)

    monkeypatch.setattr(scores, step, function)
    only(home, other, "its trials do not fit toy@1: Unforeseen: by chance", "Delete the folder")


def test_an_error_of_a_whole_board_is_told_of_each_record(home, other, monkeypatch):
    def function(*_):
        raise Unforeseen("by chance")

    monkeypatch.setattr("leaderboard.scores._window", function)
    shown, left = ranked(home)
    assert shown == []
    assert [one.reason.rpartition(": ")[2] for one in left] == ["by chance"] * 2


def test_an_error_of_records_together_is_told_of_each(home, other, monkeypatch):
    from leaderboard import scores

    found = scores._board

    def function(*given):
        if len(given[-1]) > 1:
            raise Unforeseen("by chance")
        return found(*given)

    monkeypatch.setattr(scores, "_board", function)
    shown, left = ranked(home)
    assert (shown, len(left)) == ([], 2)


@pytest.mark.parametrize("step", ["seeds", "runs"])
def test_an_error_of_reading_stops_no_other_record(home, other, monkeypatch, step):
    found = getattr(Records, step)

    def function(self, **options):
        if self.manifest.algorithm == "local_search":
            raise Unforeseen("by chance")
        return found(self, **options)

    monkeypatch.setattr(Records, step, function)
    only(home, other, "Unforeseen: by chance", "Delete the damaged file")


def test_an_error_of_opening_stops_no_other_record(home, other, monkeypatch):
    from nasbench.runs.manifest import Manifest

    found = Manifest.decode.__func__

    def function(cls, document, where):
        if document["algorithm"] == "local_search":
            raise Unforeseen("by chance")
        return found(cls, document, where)

    monkeypatch.setattr(Manifest, "decode", classmethod(function))
    only(home, other, "Unforeseen: by chance", "delete the folder")


def test_a_benchmark_that_cannot_be_opened_stops_no_other(home, sound, monkeypatch):
    from leaderboard import admission

    table(home, "odd")
    record = home.search("random_search", "odd", 2, budget=FIVE)
    found = admission.load

    def function(path, **options):
        if path.stem == "odd":
            raise Unforeseen("by chance")
        return found(path, **options)

    monkeypatch.setattr(admission, "load", function)
    only(home, record, "Unforeseen: by chance", "Replace the damaged file")


@pytest.mark.parametrize(
    "change",
    [
        {"budget": {"trials": 10**400, "seconds": None, "epochs": None}},
        {"budget": {"trials": None, "seconds": None, "epochs": 10**400}},
        {"workers": 10**400},
        {"random_trials": 10**400},
        {"hyperparameters": {"x": "\ud800"}},
    ],
)
def test_hostile_numbers_and_texts_stop_no_other_record(home, sound, toy, change):
    folder = home.damage(home.manifest(toy).encode() | change)
    shown, (left,) = ranked(home)
    assert (shown, left.folder) == (["random_search"], folder)
    assert left.reason.isprintable()


def test_folder_without_records_is_refused(home, tmp_path):
    for folder in (home.runs, tmp_path / "nowhere"):
        with pytest.raises(RecordError, match="no run records"):
            find_readable(folder)


def test_a_folder_without_records_is_refused_beside_one_with_some(home, whole, tmp_path):
    home.search("random_search", whole, 1)
    with pytest.raises(RecordError, match=r"no run records in .*nowhere"):
        find_readable(home.runs, tmp_path / "nowhere")
