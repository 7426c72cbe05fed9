"""``nasbench build``: stopped, spread and merged."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import nasbench
from data_builders.builds.build import Build
from data_builders.builds.score_table import write_scores
from nasbench.cli import main
from nasbench.tables.draft import Draft
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def build(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run ``nasbench build`` in an empty folder: exit code, standard output, standard error."""
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("data_builders.builds.build.calibrate", lambda *_: tiny.calibration)
    tiny.save(tmp_path / "plan.toml")

    def run(*options: str, command: str = "build ../plan.toml --processes 1") -> Any:
        monkeypatch.setattr(sys, "argv", ["nasbench", *shlex.split(command), *options])
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return int(stopped.value.code or 0), captured.out, captured.err

    return run


def test_parts_end_in_a_table_when_all_are_there(
    build: Command, tmp_path: Path, expected: str
) -> None:
    code, out, _ = build("--shard", "3/3")
    rest = "nasbench build ../plan.toml --work work --processes 1"
    assert (code, out) == (0, f"tiny: 12 of 18 shards are missing; go on with: {rest}\n")
    code, out, _ = build("--shard", "1/3", "--work", "other work")
    assert (code, out) == (
        0,
        "tiny: 12 of 18 shards are missing; go on with: nasbench build ../plan.toml "
        "--work 'other work' --processes 1\n",
    )
    assert not (tmp_path / "home/tiny.parquet").exists()
    table = tmp_path / "home/tiny.parquet"
    code, out, _ = build("--shard", "2/3", "--from", "other work")
    assert (code, out) == (0, f"tiny@1: {table}\n")
    assert Table(table).metadata.content_hash == expected


def test_scores_become_columns_of_the_table(build: Command, tmp_path: Path) -> None:
    scores = tmp_path / "scores.parquet"
    write_scores(str(tmp_path / "plan.toml"), scores)
    code, out, _ = build("--deadline", "0s", "--scores", str(scores))
    assert (code, f"--scores {scores}" in out) == (0, True)
    code, _, _ = build("--scores", str(scores))
    assert code == 0
    table, theirs = Table(tmp_path / "home/tiny.parquet"), Table(scores)
    table.check()
    assert table.arch_columns.keys() > {"parameters", "synflow", "zen_seconds"}
    assert table.metadata.recipe["scores"]["initial_values"] == [0]
    np.testing.assert_array_equal(table.written_archs, theirs.written_archs)
    for name in ("synflow", "nwot", "zen_seconds", "parameters"):
        np.testing.assert_array_equal(table.arch_numbers(name), theirs.arch_numbers(name))
    (synflow,), seconds = nasbench.load(table.path, known=("synflow",)).known_numbers(
        tuple(theirs.written_archs[5].tolist())
    )
    assert synflow == theirs.arch_numbers("synflow")[5]
    assert seconds == theirs.arch_numbers("synflow_seconds")[5]


def test_scores_must_be_scores_and_of_all_architectures_as_written(
    build: Command, tmp_path: Path
) -> None:
    assert build()[0] == 0
    code, _, error = build("--scores", str(tmp_path / "home/tiny.parquet"))
    assert (code, "holds no scores of tiny with these data" in error) == (2, True)
    write_scores(str(tmp_path / "plan.toml"), Path("whole.parquet"))
    whole = Table(Path("whole.parquet"))
    archs = pq.read_table("whole.archs.parquet")
    metadata = replace(whole.metadata, id="less", content_hash="")
    columns = list(whole.arch_columns.values())
    runs = pq.read_table("whole.parquet")
    for lacking in (1, archs.num_rows - 1):
        rows = [i for i in range(archs.num_rows) if i != lacking]
        write_table(
            Path("less.parquet"), Draft(metadata, runs, archs.take(rows), columns), replace=True
        )
        code, _, error = build("--scores", "less.parquet")
        assert (code, "lacks scores of architectures of tiny" in error) == (2, True)


def test_edited_scores_are_refused_before_anything_is_trained(
    build: Command, tmp_path: Path
) -> None:
    write_scores(str(tmp_path / "plan.toml"), tmp_path / "scores.parquet")
    (path,) = tmp_path.glob("scores*archs.parquet")
    rows = pq.read_table(path)
    at = rows.schema.get_field_index("synflow")
    numbers = pa.array(np.arange(len(rows), dtype=np.float64))
    pq.write_table(rows.set_column(at, rows.schema.field(at), numbers), path)
    code, _, error = build("--scores", str(tmp_path / "scores.parquet"))
    assert (code, "scores.parquet" in error) == (2, True)
    assert not list(Path("work").glob("*/*.parquet"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = ", "epochs = 1", "holds no scores of tiny with these data"),
        ("architectures = 6", "architectures = 5", "lacks scores of architectures of tiny"),
    ],
)
def test_scores_of_other_networks_are_refused_before_anything_is_trained(
    build: Command, tmp_path: Path, old: str, new: str, message: str
) -> None:
    plan, scores = (tmp_path / "plan.toml").read_text(), tmp_path / "scores.parquet"
    assert old in plan
    (tmp_path / "other.toml").write_text(plan.replace(old, new))
    write_scores(str(tmp_path / "other.toml"), scores)
    code, _, error = build("--scores", str(scores))
    assert (code, message in error) == (2, True)
    assert not list(Path("work").glob("*/*.parquet"))


def test_a_deadline_leaves_whole_shards_and_says_how_to_go_on(
    build: Command, tmp_path: Path, expected: str
) -> None:
    code, out, _ = build("--deadline", "0s", "--out", "tables", "--shard", "1/2")
    again = "build ../plan.toml --work work --out tables --processes 1 --deadline 0s --shard 1/2"
    assert (code, out) == (
        0,
        f"tiny: 18 of 18 shards are missing; go on with: nasbench {again}\n",
    )
    (folder,) = Path("work").iterdir()
    assert [path.name for path in folder.iterdir()] == ["build.json"]
    assert build(command=again)[1] == out
    code, out, _ = build(command=again.replace("0s --shard 1/2", "1h"))
    assert (code, out) == (0, "tiny@1: tables/tiny.parquet\n")
    assert Table(Path("tables/tiny.parquet")).metadata.content_hash == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--deadline", "9"), "deadline '9' is not of the form '90s', '9m' or '1.5h'"),
        (("--shard", "0/3"), "shard '0/3' is not of the form 'i/n' with i from 1 to n"),
        (("--backend", "spark"), "no backend is called 'spark'"),
        (("--backend", "ray", "--processes", "0"), "processes = 0 must be a positive integer"),
        (("--from", "nowhere"), "nowhere has no tiny-"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_not_possible_is_said_in_a_line(
    build: Command, options: tuple[str, ...], message: str
) -> None:
    code, out, error = build(*options)
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert message in error
    assert not list(Path("work").glob("*/*"))


def test_a_place_that_is_taken_is_said_before_anything_is_trained(
    build: Command, tmp_path: Path, expected: str
) -> None:
    table = tmp_path / "home/tiny.parquet"
    assert build()[0] == 0
    assert build()[:2] == (0, f"tiny@1: {table} (already there)\n")
    code, out, error = build("--work", "other")
    assert (code, out, error.count("\n")) == (2, "", 1)
    assert "exists, and the table of tiny would replace it: say so with --replace" in error
    assert not list(Path("other").rglob("seed*"))
    table.with_suffix("").with_name("tiny.parquet").write_text("mine")
    assert build("--work", "other")[0] == 2
    assert not list(Path("other").rglob("seed*"))
    assert build("--work", "other", "--deadline", "0s", "--out", "elsewhere")[0] == 0


def test_a_damaged_shard_is_deleted_and_trained_again(
    build: Command, finished: Build, tmp_path: Path, expected: str
) -> None:
    path = finished.folder / finished.shards[3].name
    path.write_bytes(path.read_bytes()[:-9])
    work = ("--work", str(finished.folder.parent))
    code, out, error = build(*work)
    assert (code, out) == (2, "")
    assert f"{path} is damaged" in error
    assert "delete it to train the shard again" in error
    path.unlink()
    assert build(*work)[0] == 0
    assert Table(tmp_path / "home/tiny.parquet").metadata.content_hash == expected
