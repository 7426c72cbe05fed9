import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.random_search import RandomSearch
from nasbench.errors import InvalidArgumentError, RecordError
from nasbench.runs.budget import Budget
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.runs.manifest import Manifest
from nasbench.runs.parts import BLOCK, from_table, to_table
from nasbench.runs.records import Records, find_records
from nasbench.runs.run import NONE, Run
from nasbench.runs.search import search
from nasbench.runs.setup import Setup
from nasbench.spaces.nb201 import NB201
from nasbench.tables.hashes import numbers_hash

MANIFEST = Manifest(
    algorithm="mine:Mine",
    preset=None,
    hyperparameters={"population": 50},
    benchmark="toy",
    version=1,
    content_hash="",
    objectives=("valid_accuracy",),
    known=(),
    budget=Budget(trials=4),
    workers=1,
    replicate="draw",
    fidelities=(4,),
)


def made(seed, n=4, *, options=5):
    """A run with everything that a record can hold."""
    rng = np.random.default_rng(seed)
    rows, time_ = [], 0.0
    for k in range(n):
        resumes = k - 1 if k % 3 == 2 else NONE
        arch = tuple(rng.integers(0, options, 3).tolist()) if k % 2 else (0, 0, options - 1)
        loss = float("inf") if k == 1 else float(rng.random())
        training_seed = NONE if k == 3 else int(rng.integers(0, 2**62))
        end = time_ + float(rng.random())
        rows.append((arch, k + 1, resumes, training_seed, (loss, 0.5), time_, end, 0.25 * k))
        time_ = end
    seconds = rng.random(n).tolist()
    return Run.from_rows(
        rows, seconds, seed=seed, fallbacks=seed % 3, n_decisions=3, n_objectives=2
    )


def same(a, b):
    """Whether two runs are equal but for the times of the host."""
    columns = [name for name in Run.__dataclass_fields__ if name not in ("seed", "manifest")]
    columns.remove("optimizer_seconds")
    return a.seed == b.seed and all(
        np.array_equal(getattr(a, name), getattr(b, name))
        and np.asarray(getattr(a, name)).dtype == np.asarray(getattr(b, name)).dtype
        for name in columns
    )


def parts(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).rglob("part-*.parquet"))}


# Tables of trials


@pytest.mark.parametrize("options", [5, 256, 300])
def test_runs_survive_a_round_trip(options):
    runs = [made(3, options=options), made(4, 1, options=options), made(9, 7, options=options)]
    back = from_table(to_table(runs))
    assert [run.seed for run in back] == [3, 4, 9]
    assert all(map(same, back, runs))
    assert [run.trials for run in back] == [run.trials for run in runs]


def test_runs_without_trials_survive_a_round_trip():
    runs = [made(1, 0), made(2, 3), made(5, 0)]
    back = from_table(to_table(runs))
    assert [(run.seed, len(run)) for run in back] == [(1, 0), (2, 3), (5, 0)]
    assert all(map(same, back, runs))
    assert all(map(same, from_table(to_table(runs[:1])), runs[:1]))


def test_a_row_is_a_trial():
    table = to_table([made(3)])
    assert table.schema.names == [
        "seed", "trial", "arch", "epoch", "resumes", "inherited", "training_seed", "losses",
        "start", "end", "known_seconds",
    ]  # fmt: skip
    rows = table.to_pylist()
    assert [row["trial"] for row in rows] == [0, 1, 2, 3]
    assert [row["resumes"] for row in rows] == [None, None, 1, None]
    assert [row["training_seed"] is None for row in rows] == [False, False, False, True]
    assert rows[1]["losses"] == [float("inf"), 0.5]


def test_inherited_trials_are_those_that_resume_another_architecture():
    rows = [
        ((0, 0), 1, NONE, 0, (1.0,), 0.0, 1.0, 0.0),
        ((0, 0), 2, 0, 0, (1.0,), 1.0, 2.0, 0.0),
        ((0, 1), 3, 1, 0, (1.0,), 2.0, 3.0, 0.0),
        ((0, 0), 1, NONE, 0, (1.0,), 3.0, 4.0, 0.0),
    ]
    run = Run.from_rows(rows, [0.0] * 4, seed=0, fallbacks=0, n_decisions=2, n_objectives=1)
    other = made(1, 0)
    assert to_table([run]).column("inherited").to_pylist() == [False, False, True, False]
    assert len(to_table([other])) == 0


# Folders


def test_records_come_back_by_seed(tmp_path):
    records = Records.create(tmp_path, MANIFEST)
    runs = {seed: made(seed) for seed in (0, 3, BLOCK - 1, BLOCK, 4 * BLOCK + 1)}
    records.add([runs[BLOCK]])
    records.add([runs[3]])
    records.add([runs[4 * BLOCK + 1]])
    records.add([runs[BLOCK - 1], runs[0]])
    again = Records(records.folder)
    assert again.seeds() == sorted(runs)
    assert all(map(same, again.runs(), runs.values()))
    assert all(map(same, again.runs([3, BLOCK, 99]), [runs[3], runs[BLOCK]]))
    asked = [9 * BLOCK, 0, 1, 2, 3, BLOCK, BLOCK + 1]
    assert again.missing(asked) == [1, 2, BLOCK + 1, 9 * BLOCK]


def test_parts_are_the_same_bytes_however_they_were_filled(tmp_path):
    runs = [made(seed, n=seed % 4) for seed in range(BLOCK)]
    folders = []
    for number, blocks in enumerate(
        ([runs], [runs[:7], runs[7:]], [runs[20:], runs[3:9], runs[:20], [runs[4]]])
    ):
        records = Records.create(tmp_path / str(number), MANIFEST)
        for block in blocks:
            records.add(block)
        folders.append(parts(records.folder))
    assert folders[0] == folders[1] == folders[2]


def test_the_content_hash_of_a_part_is_golden():
    """The same wherever it is made, and for every version of pyarrow."""
    rows = [
        ((0, 4, 2), 4, NONE, 7, (0.5, 3.0), 0.0, 1.25, 0.0),
        ((1, 1, 1), 8, 0, 7, (float("inf"), 2.0), 1.25, 9.5, 0.5),
        ((4, 0, 0), 8, NONE, NONE, (0.125, 1.0), 9.5, 10.0, 0.0),
    ]
    run = Run.from_rows(rows, [0.0] * 3, seed=11, fallbacks=2, n_decisions=3, n_objectives=2)
    digest = numbers_hash(to_table([run]))
    assert digest == "21dc81927a685d0183f2e6c537bb14be4e88058995a8f843d479ed1cc3dea8d7"


def test_times_of_the_host_lie_apart(tmp_path):
    records = Records.create(tmp_path, MANIFEST)
    first, second = made(2), made(1)
    records.add([first])
    records.add([second])
    host = pq.read_table(records.folder / "host-000000.parquet")
    assert host.column("seed").to_pylist() == [1] * 4 + [2] * 4
    np.testing.assert_array_equal(
        host.column("optimizer_seconds"),
        np.concatenate([second.optimizer_seconds, first.optimizer_seconds]),
    )
    facts = json.loads(host.schema.metadata[b"host"])
    assert {"machine", "python", "nasbench", "numpy", "pyarrow"} <= facts.keys()
    text = json.dumps(pq.read_table(records.folder / "part-000000.parquet").schema.names)
    assert "optimizer" not in text


def test_the_name_of_a_folder_is_made_from_the_whole_manifest(tmp_path):
    changed = (replace(MANIFEST, workers=2), replace(MANIFEST, version=2))
    names = {manifest.folder_name for manifest in (MANIFEST, *changed)}
    assert len(names) == 3
    assert all(name.startswith("mine.Mine-") for name in names)
    records = Records.create(tmp_path, MANIFEST)
    assert records.folder == tmp_path / "toy" / MANIFEST.folder_name
    assert records.manifest == Records.create(tmp_path, MANIFEST).manifest == MANIFEST


def test_a_folder_with_another_manifest_is_refused(tmp_path):
    folder = Records.create(tmp_path, MANIFEST).folder
    (folder / "manifest.json").write_text(json.dumps(replace(MANIFEST, workers=2).encode()))
    for call in (lambda: Records(folder), lambda: Records.create(tmp_path, MANIFEST)):
        with pytest.raises(RecordError, match="does not match the hash in the folder's name"):
            call()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "holds no run records: there is no manifest.json"),
        ("{", "is damaged"),
        pytest.param(50_000 * "[", "is damaged", id="deep"),
        pytest.param(200 * "[" + 200 * "]", "is damaged", id="deep but closed"),
        pytest.param(9000 * "1", "is damaged", id="long number"),
        ('{"algorithm": 1, "algorithm": 2}', "is damaged"),
        ("[]", "is not a manifest of run records"),
        ('{"name": "a web page"}', "is not a manifest of run records"),
        ("\udcff", "is damaged"),
    ],
)
def test_a_folder_without_a_manifest_is_refused(tmp_path, text, message):
    if text is not None:
        (tmp_path / "manifest.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RecordError, match=message) as caught:
        Records(tmp_path)
    assert str(tmp_path) in str(caught.value)


def damage(path):
    damaged = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    damaged[column.dictionary_page_offset + column.total_compressed_size - 1] ^= 1
    path.write_bytes(damaged)


def rename(path):
    path.write_bytes(path.read_bytes().replace(b"known_seconds", b"kn\xffwn_seconds"))


def truncate(path):
    path.write_bytes(path.read_bytes()[:-9])


def empty(path):
    path.write_bytes(b"")


def foreign(path):
    pq.write_table(pa.table({"seed": [1]}), path)


def other_seeds(path):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"seeds": b"[7]"}), path)


def deep_seeds(path):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"seeds": 50_000 * b"["}), path)


def no_list(path):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"seeds": b'{"75": 75}'}), path)


def less(path):
    pq.write_table(pq.read_table(path).drop_columns(["losses"]), path)


def other_type(path):
    table = pq.read_table(path)
    number = table.schema.names.index("arch")
    pq.write_table(table.set_column(number, "arch", pa.array(["x"] * len(table))), path)


@pytest.mark.parametrize(
    "how",
    [damage, rename, other_seeds, deep_seeds, no_list, truncate, empty, foreign, less, other_type],
)
def test_a_damaged_part_is_named(tmp_path, how):
    records = Records.create(tmp_path, MANIFEST)
    records.add([made(1)])
    records.add([made(3 * BLOCK)])
    how(records.folder / "part-000003.parquet")
    with pytest.raises(RecordError, match=r"part-000003\.parquet"):
        records.runs()
    with pytest.raises(RecordError, match=r"part-000003\.parquet"):
        records.add([made(3 * BLOCK + 1)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.append_column("losses", table["losses"]), "'losses' is there twice"),
        (lambda table: table.append_column("x", table["epoch"]), "column 'x' is none of a record"),
    ],
)
def test_a_part_has_its_columns_once_and_no_others(change, message):
    table = to_table([made(1)])
    with pytest.raises(RecordError, match=f"here: .*{message}"):
        from_table(change(table), "here")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"seeds": "[]"}, "here holds no run: it lists no seed"),
        ({"seeds": f"[{2**31}]"}, "here does not list the seeds"),
        ({"seeds": "[-1]"}, "here does not list the seeds"),
        ({"seeds": "[1]", "fallbacks": f"[{10**400}]"}, "here does not list fallbacks"),
    ],
)
def test_a_part_says_possible_numbers_of_its_runs(said, message):
    table = to_table([made(1)]).slice(0, 0).replace_schema_metadata(said)
    with pytest.raises(RecordError, match=message):
        from_table(table, "here")


def test_a_version_that_is_nested_too_deep_is_damage(tmp_path):
    records = Records.create(tmp_path, MANIFEST)
    records.add([made(1)])
    host = records.folder / "host-000000.parquet"
    pq.write_table(pq.read_table(host).replace_schema_metadata({"host": 50_000 * "["}), host)
    with pytest.raises(RecordError, match=r"host-000000\.parquet is damaged: .* nested"):
        records.suite_versions()


# Several writers


def test_threads_lose_no_run(tmp_path):
    records = Records.create(tmp_path, MANIFEST)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: records.add([made(seed)]), range(BLOCK + 7)))
    assert records.seeds() == list(range(BLOCK + 7))
    assert all(map(same, records.runs(), map(made, range(BLOCK + 7))))
    for block in range(2):
        host = pq.read_table(records.folder / f"host-{block:06d}.parquet")
        seeds = range(block * BLOCK, min((block + 1) * BLOCK, BLOCK + 7))
        assert host.column("seed").to_pylist() == np.repeat(seeds, 4).tolist()
        seconds = [made(seed).optimizer_seconds for seed in seeds]
        np.testing.assert_array_equal(host.column("optimizer_seconds"), np.concatenate(seconds))
    assert {path.suffix for path in records.folder.iterdir()} == {".json", ".parquet"}


SEEDS_OF_ONE = """
import sys
import nasbench
import nasbench.runs.search
from nasbench.runs import processes
processes._HELD_SECONDS = 0.0
out, first = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
seeds = range(int(first), 24, 4)
budget = nasbench.Budget(trials=5)
nasbench.search("random_search", "nb201-cifar10", seeds=seeds, budget=budget, out=out)
"""


def test_processes_lose_no_run(tmp_path):
    """Four commands with seeds of one block, which write after every seed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SEEDS_OF_ONE, str(tmp_path), str(first)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in range(4)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
    (records,) = find_records(tmp_path)
    assert records.seeds() == list(range(24))


# Damage


@pytest.mark.parametrize("name", ["part", "host"])
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("how", [truncate, foreign])
def test_damage_is_noticed_before_anything_runs(tmp_path, monkeypatch, name, fresh, how):
    run_search(tmp_path, range(3))
    (path,) = tmp_path.rglob(f"{name}-000000.parquet")
    how(path)
    before = parts(tmp_path)
    with monkeypatch.context() as patch:
        module = sys.modules["nasbench.runs.setup"]
        patch.setattr(module, "replay_bare", lambda *_, **__: pytest.fail("has run"))
        with pytest.raises(RecordError, match=rf"{name}-000000\.parquet.*; delete that file, and"):
            run_search(tmp_path, range(5), fresh=fresh)
    assert parts(tmp_path) == before
    path.unlink()
    runs = run_search(tmp_path, range(5), fresh=fresh)
    assert [run.trials for run in runs] == [run.trials for run in run_search(None, range(5))]


def test_a_part_of_another_search_is_noticed_before_anything_runs(tmp_path):
    run_search(tmp_path / "a", range(3))
    run_search(tmp_path / "b", range(3), budget=Budget(trials=16))
    (place,), (other,) = (list((tmp_path / name).rglob("part-*")) for name in "ab")
    shutil.copy(other, place)
    with pytest.raises(RecordError, match="holds runs of another search; delete that file, and"):
        run_search(tmp_path / "a", range(3))


def test_find_records_goes_below_a_folder(tmp_path):
    first = Records.create(tmp_path / "a", MANIFEST).folder
    second = Records.create(tmp_path / "b" / "c", replace(MANIFEST, workers=2)).folder
    assert [records.folder for records in find_records(tmp_path)] == [first, second]
    with pytest.raises(RecordError, match=r"there are no run records in .*nasbench run"):
        find_records(tmp_path / "nowhere")


def test_records_are_not_written_into_a_file(tmp_path):
    (tmp_path / "toy").write_text("")
    with pytest.raises(InvalidArgumentError, match=f"cannot write to {tmp_path}/toy"):
        Records.create(tmp_path, MANIFEST)


# Searches


def run_search(out, seeds, **options):
    options = {"budget": Budget(trials=15)} | options
    return search("random_search", "nb201-cifar10", seeds=seeds, out=out, **options)


def test_parts_do_not_depend_on_processes_or_on_repetition(tmp_path):
    seeds = range(2 * BLOCK + 3)
    runs = run_search(tmp_path / "one", seeds)
    run_search(tmp_path / "two", seeds, processes=2)
    expected = parts(tmp_path / "one")
    assert len(expected) == 3
    assert parts(tmp_path / "two") == expected
    run_search(tmp_path / "one", seeds)
    assert parts(tmp_path / "one") == expected
    again = run_search(None, seeds)
    assert [run.trials for run in again] == [run.trials for run in runs]
    (records,) = find_records(tmp_path / "two")
    assert [run.trials for run in records.runs()] == [run.trials for run in runs]


def test_a_block_that_is_filled_later_has_the_same_bytes(tmp_path):
    run_search(tmp_path / "once", range(BLOCK + 5))
    done = []
    for seeds in ([3], range(7), [BLOCK + 4, 20], range(BLOCK + 5)):
        run_search(tmp_path / "bits", seeds, progress=done.append)
    assert parts(tmp_path / "bits") == parts(tmp_path / "once")


def test_seeds_that_are_recorded_are_not_run_again(tmp_path, monkeypatch):
    run_search(tmp_path, range(5))
    module = sys.modules["nasbench.runs.setup"]
    monkeypatch.setattr(module, "replay_bare", lambda *_, **__: pytest.fail("run again"))
    done = []
    runs = run_search(tmp_path, range(5), progress=done.append)
    assert [run.seed for run in runs] == [0, 1, 2, 3, 4]
    assert sum(done) == 5


MINE = """from nasbench.algorithm import Algorithm, Proposal

class Mine(Algorithm):
    def ask(self):
        return Proposal(self.space.unrank(7))

    def tell(self, observation):
        pass
"""


@pytest.fixture
def run_mine(tmp_path, monkeypatch):
    """Write an algorithm of one's own, import it anew, and record searches."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def run_mine(text, seeds, **options):
        (tmp_path / "my_edited_search.py").write_text(text)
        sys.modules.pop("my_edited_search", None)
        importlib.invalidate_caches()
        name, budget = "my_edited_search:Mine", Budget(trials=2)
        out = tmp_path / "runs"
        return search(name, "nb201-cifar10", seeds=seeds, budget=budget, out=out, **options)

    yield run_mine
    sys.modules.pop("my_edited_search", None)


def test_edited_code_neither_reuses_nor_continues_records(tmp_path, run_mine, caplog):
    old = run_mine(MINE, range(3))
    assert "edited" not in caplog.text
    edited = MINE.replace("unrank(7)", "unrank(12345)")
    done = []
    new = run_mine(edited, range(5), progress=done.append)
    assert "the code of my_edited_search:Mine was edited since" in caplog.text
    assert (done[0], sum(done)) == (0, 5)
    assert {run.archs.tobytes() for run in old}.isdisjoint({run.archs.tobytes() for run in new})
    first, second = find_records(tmp_path / "runs")
    assert sorted([first.seeds(), second.seeds()]) == [[0, 1, 2], [0, 1, 2, 3, 4]]
    done = []
    commented = MINE.replace("unrank(7))", "unrank(7))  # a comment")
    assert [run.trials for run in run_mine(commented, range(3), progress=done.append)] == [
        run.trials for run in old
    ]
    assert done == [3]


def test_processes_run_the_code_that_this_one_runs(run_mine):
    """Also if they are older than an edit."""
    for arch in (7, 12345):
        text = MINE.replace("unrank(7)", f"unrank({arch})")
        runs = run_mine(text, range(2), processes=2)
        assert {NB201().rank(tuple(arch)) for run in runs for arch in run.archs.tolist()} == {arch}


def test_processes_refuse_code_that_this_one_does_not_run(tmp_path, run_mine):
    run_mine(MINE, range(1))
    (tmp_path / "my_edited_search.py").write_text(MINE.replace("unrank(7)", "unrank(12345)"))
    mine = sys.modules["my_edited_search"].Mine
    options = {"seeds": range(2), "budget": Budget(trials=2)}
    run, _ = search(mine, "nb201-cifar10", **options)
    assert run.archs.tolist() == [list(NB201().unrank(7))] * 2
    with pytest.raises(InvalidArgumentError, match="edited after it was imported: reload"):
        search(mine, "nb201-cifar10", processes=2, **options)


def test_a_search_says_how_many_seeds_come_from_records(tmp_path, caplog):
    run_search(tmp_path, range(4))
    assert not caplog.messages
    run_search(tmp_path, range(10))
    assert [text.partition(" in ")[0] for text in caplog.messages] == ["4 of 10 seeds from records"]


def test_a_fresh_search_runs_and_replaces_recorded_seeds(tmp_path, caplog):
    right = run_search(tmp_path, range(5))
    (records,) = find_records(tmp_path)
    records.add([replace(right[1], seed=0)])
    assert run_search(tmp_path, [0])[0].trials == right[1].trials
    caplog.clear()
    done = []
    (again,) = run_search(tmp_path, [0], fresh=True, progress=done.append)
    assert (again.trials, done, caplog.messages) == (right[0].trials, [0, 1], [])
    assert [run.trials for run in records.runs()] == [run.trials for run in right]


def test_records_without_a_fingerprint_are_read_but_not_continued(tmp_path):
    """As versions of the suite made them that had no fingerprints."""
    (run,) = run_search(None, [0])
    old = Records.create(tmp_path, replace(run.manifest, code=""))
    old.add([run])
    before = parts(old.folder)
    done = []
    run_search(tmp_path, [0, 1], progress=done.append)
    assert sum(done[1:]) == 2
    assert parts(old.folder) == before
    assert sorted(records.seeds() for records in find_records(tmp_path)) == [[0], [0, 1]]


def test_only_the_seeds_asked_for_are_returned(tmp_path):
    run_search(tmp_path, range(5))
    assert [run.seed for run in run_search(tmp_path, [3, 1, 3])] == [1, 3]


def test_runs_without_a_trial_are_recorded_too(tmp_path):
    """No search that found nothing in its time may vanish from a mean."""
    budget = Budget(seconds=1)
    for _ in range(2):
        runs = run_search(tmp_path, range(3), budget=budget)
        assert [(run.seed, len(run)) for run in runs] == [(0, 0), (1, 0), (2, 0)]
    (records,) = find_records(tmp_path)
    assert records.seeds() == [0, 1, 2]


def test_another_set_up_has_another_folder(tmp_path):
    for options in (
        {},
        {"budget": Budget(trials=16)},
        {"workers": 2},
        {"replicate": "mean"},
        {"hyperparameters": {"replacement": False}},
        {"objectives": ["seconds"]},
    ):
        run_search(tmp_path, [0], **options)
    assert len(find_records(tmp_path)) == 6


def test_a_record_says_how_it_was_made(tmp_path):
    run_search(tmp_path, [0], workers=3)
    (records,) = find_records(tmp_path)
    setup = Setup(
        algorithm="random_search", benchmark="nb201-cifar10", budget=Budget(trials=15), workers=3
    )
    benchmark = setup.prepare().benchmark
    assert records.manifest.encode() == {
        "benchmark": {
            "id": "nb201-cifar10",
            "version": 1,
            "content_hash": benchmark.content_hash,
            "objectives": ["valid_accuracy"],
            "known": [],
        },
        "algorithm": "random_search",
        "preset": None,
        "hyperparameters": {"replacement": True},
        "budget": {"trials": 15, "seconds": None, "epochs": None},
        "workers": 3,
        "replicate": "draw",
        "fidelities": [200],
        "code": code_fingerprint(RandomSearch),
    }


def test_every_number_of_a_record_follows_from_the_table(tmp_path):
    """A stranger can verify a record without running anything."""
    run_search(tmp_path, range(3))
    (records,) = find_records(tmp_path)
    setup = Setup(algorithm="random_search", benchmark="nb201-cifar10", budget=Budget(trials=15))
    benchmark = setup.prepare().benchmark
    for run in records.runs():
        clock = 0.0
        for trial in run.trials:
            answer = benchmark.query(trial.proposal.arch, seed=trial.training_seed)
            assert trial.losses == (100 - answer["valid_accuracy"],)
            assert trial.start == clock
            clock += answer["seconds"]
            assert trial.end == clock


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(tmp_path):
    arguments = [
        *(sys.executable, "-c", "from nasbench.cli import main; main()"),
        *("run", "random_search", "nb201-cifar10", "--seeds", "0:125", "--trials", "1000"),
        *("--processes", "1", "--out", str(tmp_path / "killed")),
    ]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for n_parts in (1, 2):
        with subprocess.Popen(arguments, **quiet) as process:
            deadline = time.monotonic() + 60
            while len(parts(tmp_path / "killed")) < n_parts and time.monotonic() < deadline:
                time.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert n_parts <= len(parts(tmp_path / "killed")) < 5
    subprocess.run(arguments, check=True, **quiet)
    runs = run_search(tmp_path / "whole", range(125), budget=Budget(trials=1000))
    assert len(runs) == 125
    assert parts(tmp_path / "killed") == parts(tmp_path / "whole")


def test_a_record_without_runs_is_removed_and_another_is_kept(tmp_path):
    records = Records.create(tmp_path, MANIFEST)
    records.discard_if_empty()
    assert not records.folder.exists()
    records = Records.create(tmp_path, MANIFEST)
    records.add([made(0)])
    before = parts(records.folder)
    records.discard_if_empty()
    assert parts(records.folder) == before
    assert (records.folder / "manifest.json").exists()
