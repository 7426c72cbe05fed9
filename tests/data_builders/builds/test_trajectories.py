"""Samples by searching: who proposed what first, going on, the table."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import nasbench
from data_builders.builds import live, trajectories
from data_builders.builds.live import LiveBenchmark
from data_builders.builds.trajectories import Sample, Search, train, write, write_trajectories
from data_builders.costs.calibration import Calibration
from data_builders.plan import Plan
from data_builders.recipe import ImageRecipe
from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError
from nasbench.space import Arch
from nasbench.spaces.darts import Darts
from nasbench.tables.table import Table

TOML = """
id = "tiny-darts"
seeds = [2, 0]

[recipe]
network = "darts"
channels = 2
cells = 1
dataset = "digits"
train = 16
valid = 20
test = 20
epochs = 2
batch = 16
"""
RECIPE = ImageRecipe(
    network="darts", channels=2, cells=1, dataset="digits",
    train=16, valid=20, test=20, epochs=2, batch=16,
)  # fmt: skip
PLAN = Plan(id="tiny-darts", recipe=RECIPE, seeds=(2, 0))
CALIBRATION = Calibration((1e-3,) * 22, (1e-4,) * 22, 0.01, 0.02, 9, {})
SEARCHES = ("random_search=2x2", "local_search=3", "regularized_evolution@nats=1x2")
SPACE = Darts()


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """No times are measured; one thread."""
    monkeypatch.setattr(live, "calibrate", lambda *_: CALIBRATION)


def sample(work: Path, searches: tuple[str, ...] = SEARCHES, repeat: int = 1) -> Sample:
    return Sample(PLAN, work, tuple(map(Search.parse, searches)), repeat)


def written(some: Sample, path: Path) -> str:
    """Hash of the valid table of a sample that is trained now."""
    found = train(some)
    assert found is not None
    content = write(some, found, path).content_hash
    Table(path).check()
    return content


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Hash of the table of an undisturbed sample."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "calibrate", lambda *_: CALIBRATION)
        return written(sample(folder), folder / "tiny-darts.parquet")


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("random_search=50", Search("random_search", None, 1, 50)),
        ("local_search=2x30", Search("local_search", None, 2, 30)),
        ("my.module:Class@fast=4x5", Search("my.module:Class", "fast", 4, 5)),
    ],
)
def test_searches_are_written_in_a_line(text: str, search: Search) -> None:
    assert Search.parse(text) == search == Search.parse(str(search))


@pytest.mark.parametrize(
    "text", ["random_search", "random_search=0", "a=0x5", "=5", "a@=5", "a=5x", "a=x5", "a=-1", ""]
)
def test_other_lines_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not of the form ALGORITHM"):
        Search.parse(text)


def test_the_table_says_who_proposed_what(tmp_path: Path) -> None:
    some = sample(tmp_path)
    found = train(some)
    assert found is not None
    assert list(found.values()) == (
        ["random_search"] * 4 + ["local_search"] * 3 + ["regularized_evolution"] * 2
    )
    assert list(found) == [SPACE.canonical(arch) for arch in found]
    path = tmp_path / "tiny-darts.parquet"
    metadata = write(some, found, path)
    table = Table(path)
    table.check()
    assert not metadata.complete
    assert metadata.recipe["searches"] == [
        "random_search=2x2", "local_search=1x3", "regularized_evolution@nats=1x2"
    ]  # fmt: skip
    assert metadata.recipe["repeat"] == 1
    archs = [tuple(arch) for arch in table.written_archs.tolist()]
    assert dict(zip(archs, table.arch_texts("optimizer"), strict=True)) == found
    seeds: dict[Arch, list[int]] = {}
    for arch, seed in zip(map(tuple, table.archs.tolist()), table.seed.tolist(), strict=True):
        seeds.setdefault(arch, []).append(seed)
    first, *others = found
    assert seeds == {first: [0, 2]} | {arch: [2] for arch in others}
    benchmark = nasbench.load(path)
    assert benchmark.complete_seeds == (2,)
    assert benchmark.space.size == 9


def test_the_first_that_proposes_a_class_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = ((0,) * 21 + (i,) for i in range(3))
    proposals = {0: [b, a], 1: [a, c], 2: [c]}
    monkeypatch.setattr(trajectories, "proposed", lambda _sample, _search, seed, _: proposals[seed])
    found = train(sample(tmp_path, ("random_search=1", "local_search=1x1", "hill_climb=4"), 0))
    assert found == {b: "random_search", a: "random_search", c: "local_search"}
    assert list(found or ()) == [b, a, c]


@pytest.mark.slow
def test_it_goes_on_where_it_was(tmp_path: Path, expected: str) -> None:
    """With any number of processes."""
    work, told = tmp_path / "work", list[str]()
    assert train(sample(work), until=0.0) is None
    assert not list(work.rglob("seed*.parquet"))
    assert train(sample(work, SEARCHES[:1], 0), progress=told.append) is not None
    assert train(sample(work), until=0.0, progress=told.append) is None
    classes = [
        "random_search, seed 0: 2 classes, 2 in all",
        "random_search, seed 1: 2 classes, 4 in all",
    ]
    assert told == classes * 2
    assert train(sample(work), processes=2) is not None
    stamps = {path: path.stat().st_mtime_ns for path in work.rglob("seed*.parquet")}
    assert written(sample(work), tmp_path / "tiny-darts.parquet") == expected
    assert {path: path.stat().st_mtime_ns for path in work.rglob("seed*.parquet")} == stamps


def test_a_wrong_search_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    for wrong in ("random_serch=2", "regularized_evolution@natz=2"):
        with pytest.raises(UnknownNameError, match="did you mean"):
            train(sample(tmp_path, ("random_search=2", wrong)))
    assert not list(tmp_path.rglob("seed*.parquet"))


def test_from_a_plan_to_a_table(tmp_path: Path, expected: str) -> None:
    plan, out, work = tmp_path / "plan.toml", tmp_path / "tiny-darts.parquet", tmp_path / "work"
    plan.write_text(TOML)
    told: list[str] = []
    make = partial(write_trajectories, str(plan), work=work, progress=told.append)
    assert make(SEARCHES, out, repeat=1, seconds=0) is None
    assert not out.exists()
    metadata = make(SEARCHES, out, repeat=1)
    assert metadata is not None
    assert (metadata.id, metadata.content_hash) == ("tiny-darts", expected)
    assert "nasbench study trajectories" in metadata.elsewhere
    assert told[-1] == "regularized_evolution, seed 3: 2 classes, 9 in all"
    assert make(SEARCHES, out, repeat=1) == metadata
    with pytest.raises(NasbenchError, match="holds tiny-darts@1 with other numbers"):
        make(SEARCHES[:1], out)
    files = {*work.rglob("*.parquet")}
    with pytest.raises(InvalidArgumentError, match="exists, and the table of tiny-darts would"):
        make(["random_search=1"], out, changes={"epochs": 1})
    assert {*work.rglob("*.parquet")} == files
    make(["random_search=1"], out, changes={"epochs": 1}, replace=True)
    assert Table(out).schedules == (1,)
    folders = {path.name for path in work.iterdir()}
    changed = replace(PLAN, recipe=replace(RECIPE, epochs=1))
    assert folders == {LiveBenchmark(p, work).folder.name for p in (PLAN, changed)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plan": "darts-fashio"}, "did you mean 'darts-fashion'"),
        ({"searches": ["local_search"]}, "search 'local_search' is not of the form"),
        ({"changes": {"dataset": "digitz"}}, "is neither a data set nor"),
        ({"changes": {"epoch": 1}}, "unknown key 'epoch'; did you mean 'epochs'"),
        ({"processes": 0}, "processes = 0 must be at least 1"),
        ({"repeat": -1}, "repeat = -1 must be at least 0"),
        ({"path": Path("mine.parquet")}, "mine.parquet is no name for the table other-darts"),
        ({"path": Path("file/other-darts.parquet")}, "cannot write to file"),
    ],
)
def test_what_is_not_possible_is_said_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text(TOML.replace("tiny", "other"))
    usual = {"plan": "file", "searches": SEARCHES, "path": Path("other-darts.parquet")}
    with pytest.raises(NasbenchError, match=message):
        write_trajectories(**(usual | options))
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("name", ["tiny-darts.parquet", "tiny-darts.archs.parquet"])
def test_nothing_is_trained_for_a_table_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "tiny.toml").write_text(TOML)
    (tmp_path / name).write_text("mine")
    monkeypatch.setattr(trajectories, "train", pytest.fail)
    for again in (False, True):
        with pytest.raises(InvalidArgumentError, match=f"{name} is no table"):
            write_trajectories(
                str(tmp_path / "tiny.toml"),
                SEARCHES,
                tmp_path / "tiny-darts.parquet",
                work=tmp_path / "work",
                replace=again,
            )
