"""The generic importer: formats, meanings, refusals, and the example of its page."""

import csv
import gzip
import json
import os
import random
import re
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nasbench
from data_builders import IMPORTERS
from data_builders.importers.table import rows
from data_builders.importers.table.importer import TableImporter
from nasbench import Budget
from nasbench.errors import ArchiveError, InvalidArgumentError, NotRecordedError
from nasbench.spaces import SPACES
from nasbench.spaces.nb101 import from_matrix, to_matrix
from nasbench.spaces.nb201 import NB201
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

NAN = float("nan")
SPACE = NB201()
CELLS = [SPACE.unrank(rank) for rank in (0, 75, 3906, 11_000, 15_624)]
TEXTS = [SPACE.to_text(cell) for cell in CELLS]
A, B, C = TEXTS[:3]


def convert(path, *metrics, out=None, **options):
    """Import as the command line does; the written table."""
    options = {"id": "mine", "space": "nb201", "arch": "cell", "metrics": metrics} | options
    out = out or path.parent / "out"
    out.mkdir(exist_ok=True)
    for table in TableImporter(**options).tables([path], work=path.parent / "work"):
        target = out / f"{table.metadata.id}.parquet"
        write_table(target, table, replace=True)
    found = Table(target)
    found.check()
    return found


def text(folder, content, name="mine.csv"):
    path = folder / name
    path.write_text(content)
    return path


def loaded(table, **options):
    return nasbench.load(str(table.path), **options)


# --- every format of the same rows ---------------------------------------------------------------

FRAME = pd.DataFrame(
    {
        "unused": ["x"] * 3,
        "cell": TEXTS[:3],
        "good": [91.61, 50.25, 1 / 3 * 100],
        "bad": [0.5, 2.25, 1 / 3],
        "size": [10, 2**53 + 1, 3],
        "note": ["a", "ü, quoted \"text\"", "0012"],
    }
)  # fmt: skip
OPTIONS = {
    "metrics": ["valid_accuracy@12=good", "train_loss@12=bad"],
    "per_arch": ["parameters=size", "remark=note"],
}


def as_json(path, encoding="utf-8"):
    lines = [json.dumps(row, ensure_ascii=False) for row in FRAME.to_dict("records")]
    path.write_text("\n".join(lines), encoding=encoding)


def as_parquet(path):
    """With a dictionary, and every row in a group of its own."""
    FRAME.astype({"cell": "category"}).to_parquet(path, row_group_size=1)


def as_excel(path):
    """With a byte order mark, CRLF and everything quoted."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerows([FRAME.columns, *FRAME.itertuples(index=False)])


WRITERS = {
    "mine.csv": lambda path: FRAME.to_csv(path, index=False),
    "excel.CSV": as_excel,
    "mine.csv.gz": lambda path: FRAME.to_csv(path, index=False),
    "mine.tsv": lambda path: FRAME.to_csv(path, index=False, sep="\t"),
    "mine.jsonl": as_json,
    "bom.ndjson": lambda path: as_json(path, encoding="utf-8-sig"),
    "mine.jsonl.gz": lambda path: path.write_bytes(
        gzip.compress("\n\n".join(json.dumps(r) for r in FRAME.to_dict("records")).encode())
    ),
    "mine.parquet": lambda path: FRAME.to_parquet(path),
    "groups.parquet": as_parquet,
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(name, tmp_path):
    WRITERS[name](tmp_path / name)
    table = convert(tmp_path / name, **OPTIONS)
    assert table.archs.tolist() == [list(cell) for cell in CELLS[:3]]
    assert table.curves("valid_accuracy", 12).ravel().tolist() == FRAME["good"].tolist()
    assert table.curves("train_loss", 12).ravel().tolist() == FRAME["bad"].tolist()
    sizes = pq.read_table(archs_file(table.path))["parameters"].to_pylist()
    assert sizes == FRAME["size"].tolist()
    assert table.arch_texts("remark") == FRAME["note"].tolist()
    query = loaded(table).query(B)
    assert query == {
        "valid_accuracy": 50.25,
        "train_loss": 2.25,
        "parameters": 2.0**53,
    }


def test_blocks_are_read_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "CELLS", 4)
    hashes = set()
    for name in ("mine.csv", "mine.jsonl", "mine.parquet"):
        WRITERS[name](tmp_path / name)
        hashes.add(convert(tmp_path / name, **OPTIONS).metadata.content_hash)
    assert len(hashes) == 1


def test_progress_ends_at_the_whole(tmp_path):
    for name in WRITERS:
        WRITERS[name](tmp_path / name)
        progress = Mock()
        importer = TableImporter(id="mine", space="nb201", arch="cell", **OPTIONS)
        list(importer.tables([tmp_path / name], work=tmp_path, progress=progress))
        done, total = progress.call_args.args
        assert done == total > 0


numbers = st.floats(1.5, 100)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.dictionaries(
        st.tuples(st.sampled_from(TEXTS), st.integers(0, 2**31 - 1)),
        st.tuples(numbers, numbers, st.floats(0, allow_infinity=False)),
        min_size=1,
    ),
    ending=st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]),
)
def test_every_number_comes_back(content, ending, tmp_path):
    path = tmp_path / f"mine{ending}"
    found = [(c, s, *values) for (c, s), values in content.items()]
    frame = pd.DataFrame(found, columns=["cell", "nr", "v", "t", "s"])
    if ending == ".parquet":
        frame.to_parquet(path)
    elif ending == ".jsonl":
        path.write_text("\n".join(json.dumps(row) for row in frame.to_dict("records")))
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    metrics = ("valid_accuracy@7=v", "test_accuracy@7=t", "seconds@7=s")
    benchmark = loaded(convert(path, *metrics, seed="nr"))
    for (cell, seed), (v, t, s) in content.items():
        expected = {"valid_accuracy": v, "test_accuracy": t, "seconds": s}
        assert benchmark.query(cell, seed=seed) == expected


# --- what the options mean -----------------------------------------------------------------------


def test_the_command_of_the_issue(tmp_path):
    """Two schedules; tests at the end of one, seconds of the other, a latency."""
    path = text(
        tmp_path, f"cell,v,t,v12,s12,ms\n{A},91,90,60,100,1.5\n{B},81,80,70,200,2\n{C},71,,,,\n"
    )
    with pytest.raises(ArchiveError, match=r"line 4: test_accuracy@200 = 't' is empty"):
        convert(path, "valid_accuracy@200=v", "test_accuracy@200=t")
    path = text(tmp_path, path.read_text().replace("71,,", "71,70,"))
    table = convert(
        path,
        "valid_accuracy@200=v",
        "test_accuracy@200=t",
        "valid_accuracy@12=v12",
        "seconds@12=s12",
        per_arch=["latency_pixel3_ms=ms"],
    )
    assert table.metadata.epochs == {12: [12], 200: [200]}
    assert table.metadata.default_objective == "valid_accuracy"
    assert table.columns["seconds"].epochs == {200: []}
    assert table.columns["seconds"].description == "'s12' (epoch 12) of mine.csv"
    assert "no search is charged" in table.metadata.description
    benchmark = loaded(table)
    assert benchmark.query(A) == {
        "valid_accuracy": 91.0,
        "test_accuracy": 90.0,
        "latency_pixel3_ms": 1.5,
    }
    assert benchmark.query(A, epoch=12) == {
        "valid_accuracy": 60.0,
        "seconds": 100.0,
        "latency_pixel3_ms": 1.5,
    }
    with pytest.raises(NotRecordedError):
        benchmark.query(C, epoch=12)
    assert benchmark.evaluate(CELLS[0]).seconds == 0
    runs = nasbench.search(
        "random_search", str(table.path), seeds=range(20), budget=Budget(trials=5)
    )
    assert {trial.losses for run in runs for trial in run.trials} == {(9.0,), (19.0,), (29.0,)}


def test_a_curve_is_one_training(tmp_path):
    path = text(tmp_path, f"cell,v1,v2,v4,t\n{A},10,20,30,29\n{B},,21,31,30\n")
    metrics = [f"valid_accuracy@{e}=v{e}" for e in (4, 1, 2)]
    table = convert(path, *metrics, "test_accuracy@4=t", curve=True)
    assert table.metadata.epochs == {4: [1, 2, 4]}
    curves = table.curves("valid_accuracy", 4).tolist()
    assert repr(curves) == repr([[10.0, 20.0, 30.0], [NAN, 21.0, 31.0]])
    assert table.epochs("test_accuracy", 4) == [4]
    benchmark = loaded(table)
    assert benchmark.fidelities == (1, 2, 4)
    assert benchmark.query(A, epoch=1) == {"valid_accuracy": 10.0}
    assert benchmark.query(A) == {"valid_accuracy": 30.0, "test_accuracy": 29.0}


def test_seeds_as_rows(tmp_path):
    path = text(tmp_path, f"seed,v,cell\n777,91,{A}\n0888,92,{A}\n1.0,,{A}\n3,50,{B}\n")
    table = convert(path, "valid_accuracy@9=v", seed="seed")
    assert table.seed.tolist() == [777, 888, 3]
    assert loaded(table).query(A)["valid_accuracy"] == 91.5
    assert table.metadata.seeds == "column 'seed' of mine.csv"


def test_seeds_as_columns(tmp_path):
    path = text(tmp_path, f"cell,a,b,c,time,x\n{A},50,51,52,7,40\n{B},60,,nan,8,41\n{C},,,,9,42\n")
    metrics = [f"valid_accuracy@9={name}" for name in "abc"]
    table = convert(path, *metrics, "seconds@9=time")
    assert table.seed.tolist() == [0, 1, 2, 0]
    assert table.curves("valid_accuracy", 9).ravel().tolist() == [50, 51, 52, 60]
    assert table.curves("seconds", 9).ravel().tolist() == [7, 7, 7, 8]
    both = convert(path, *metrics, "valid_accuracy@3=x")
    assert both.seed[both.schedule == 3].tolist() == [0, 0, 0]
    assert both.seed[both.schedule == 9].tolist() == [0, 1, 2, 0]


def test_one_validation_costs_the_same_at_every_epoch(tmp_path):
    path = text(tmp_path, f"cell,v1,v2,s1,s2,val\n{A},10,20,3,6,0.5\n")
    metrics = ("valid_accuracy@1=v1", "valid_accuracy@2=v2", "seconds@1=s1", "seconds@2=s2")
    table = convert(path, *metrics, "validation_seconds@2=val", curve=True)
    assert not table.is_curve("validation_seconds")
    assert loaded(table).evaluate(CELLS[0], epoch=1).seconds == 3.5
    assert loaded(table).evaluate(CELLS[0]).seconds == 6.5


def test_a_factor_gives_the_nearest_decimal(tmp_path):
    path = text(tmp_path, f"cell,v,h,M*2\n{A},0.9161,0.11,1.073466\n{B},0.07,0.3,2\n")
    table = convert(
        path,
        "valid_accuracy@9=v*100",
        "seconds@9=h*3.6e3",
        per_arch=["parameters=M*2*1e6"],
    )
    assert loaded(table).query(A) == {
        "valid_accuracy": 91.61,
        "seconds": 396,
        "parameters": 1_073_466,
    }
    path = text(tmp_path, f"cell,v\n{A},0.9161\n")
    table = convert(path, "valid_accuracy@9=v*1")
    assert loaded(table).query(A) == {"valid_accuracy": 0.9161}


def test_single_precision_where_it_loses_nothing(tmp_path):
    path = text(tmp_path, f"cell,v,l,a,b\n{A},50.5,0.1,0.25,0.1\n{B},50,0.25,,0.25\n")
    table = convert(path, "valid_accuracy@9=v", "test_loss@9=l", per_arch=["score=a", "other=b"])
    runs, archs = pq.read_schema(table.path), pq.read_schema(archs_file(table.path))
    assert runs.field("valid_accuracy").type.value_type == pa.float32()
    assert runs.field("test_loss").type.value_type == pa.float64()
    assert archs.field("score").type == pa.float32()
    assert archs.field("other").type == pa.float64()


def test_rows_of_a_training_complete_each_other(tmp_path):
    path = text(tmp_path, f"cell,v,t,n\n{A},91,,\n{B},50,49,x\n{A},91,90,a\n{A},,90,\n")
    table = convert(path, "valid_accuracy@9=v", "test_accuracy@9=t", per_arch=["note=n"])
    assert loaded(table).query(A) == {"valid_accuracy": 91, "test_accuracy": 90}
    assert table.arch_texts("note") == ["a", "x"]


def test_a_training_that_diverged_says_nan(tmp_path):
    path = text(tmp_path, f"cell,v,t,s\n{A},91,90,5\n{B},NaN,,6\n{C},nan,nan,7\n{TEXTS[3]},,,\n")
    table = convert(path, "valid_accuracy@9=v", "test_accuracy@9=t", "seconds@9=s")
    assert table.archs.tolist() == [list(cell) for cell in CELLS[:3]]
    assert table.diverged.tolist() == [False, True, True]
    assert loaded(table).evaluate(CELLS[1]) == ((float("inf"),), 6.0, 0.0)


@pytest.mark.parametrize(
    ("metrics", "objective"),
    [
        (["test_accuracy@9=a", "valid_loss@9=b", "valid_accuracy@9=c"], "valid_accuracy"),
        (["valid_loss@9=a", "train_accuracy@9=b"], "valid_loss"),
        (["valid_f1@9=a", "test_accuracy@9=b"], None),
        (["valtest_accuracy@9=a"], None),
    ],
)
def test_the_objective_is_a_validation_metric(tmp_path, metrics, objective):
    table = convert(text(tmp_path, f"cell,a,b,c\n{A},2,3,4\n"), *metrics)
    assert table.metadata.default_objective == objective
    assert ("told its objective by name" in table.metadata.description) == (objective is None)


def test_without_validation_a_search_selects_on_what_it_is_told(tmp_path):
    table = convert(text(tmp_path, f"cell,t\n{A},20\n{B},30\n"), "test_accuracy@9=t")
    assert loaded(table).query(B) == {"test_accuracy": 30}
    with pytest.raises(NotRecordedError):
        nasbench.search("random_search", str(table.path), seeds=[0], budget=Budget(trials=9))
    (run,) = nasbench.search(
        "random_search",
        str(table.path),
        seeds=[0],
        budget=Budget(trials=9),
        objectives=["test_accuracy"],
    )
    assert run.losses.min() == 70


@pytest.mark.parametrize(
    "written",
    [
        "0,0,0,3,0,0",
        "(0, 0, 0, 3, 0, 0)",
        "[0,0,0,3,0,0]",
        " 0 ,0,0,3,0,0, ",
        f"  {TEXTS[1]} ",
    ],
)
def test_an_architecture_as_text(tmp_path, written):
    path = text(tmp_path, f'cell,v\n"{written}",50\n')
    assert convert(path, "valid_accuracy@9=v").archs.tolist() == [list(CELLS[1])]


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.int64()), pa.list_(pa.uint8(), 6), pa.large_list(pa.int32())]
)
def test_an_architecture_as_a_list(tmp_path, kind):
    cells = pa.array([list(cell) for cell in CELLS], kind)
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"cell": cells, "v": [50.0] * 5}), path)
    assert convert(path, "valid_accuracy@9=v").archs.tolist() == [list(cell) for cell in CELLS]
    lines = [json.dumps({"cell": list(cell), "v": 50}) for cell in CELLS]
    path = text(tmp_path, "\n".join(lines), "mine.jsonl")
    assert convert(path, "valid_accuracy@9=v").archs.tolist() == [list(cell) for cell in CELLS]


def test_zeros_in_front_of_an_architecture_are_kept(tmp_path):
    path = text(tmp_path, "net,v\n00000000,50\n00000001,60\n")
    table = convert(path, "valid_accuracy@50=v", space="nbmacro", arch="net", key="arch")
    assert table.archs.tolist() == [[0] * 8, [0] * 7 + [1]]


@pytest.mark.parametrize("name", SPACES)
def test_the_notation_of_no_space_is_mistaken_for_options(name, tmp_path):
    space = SPACES.load(name)()
    arch = next(iter(space.archs()))
    frame = pd.DataFrame({"cell": [space.to_text(arch)], "v": [50.0]})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    table = convert(tmp_path / "mine.csv", "valid_accuracy@9=v", space=name, key="arch")
    assert table.archs.tolist() == [list(arch)]
    assert not table.metadata.complete


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "2", ""], [1, 2, None]),
        (["1", "2.5", "nan"], [1.0, 2.5, None]),
        (["0012", "12", "7"], ["0012", "12", "7"]),
        (["12345678901234567890", "1", "2"], ["12345678901234567890", "1", "2"]),
        (["d41d8cd9", "12345678", "9e107d9d"], ["d41d8cd9", "12345678", "9e107d9d"]),
        (["-3", "+4", "1e3"], [-3.0, 4.0, 1000.0]),
        (["a", "", "null"], ["a", None, None]),
    ],
)
def test_numbers_and_texts_of_architectures(tmp_path, cells, expected):
    lines = [f"{cell},{value},1" for cell, value in zip(TEXTS[:3], cells, strict=True)]
    path = text(tmp_path, "\n".join(["cell,x,y", *lines]))
    table = convert(path, per_arch=["thing=x", "filler=y"])
    assert pq.read_table(archs_file(table.path))["thing"].to_pylist() == expected


def test_text_in_a_file_that_knows_types_stays_text(tmp_path):
    frame = pd.DataFrame({"cell": TEXTS[:2], "x": ["1", "2"]})
    frame.to_parquet(tmp_path / "mine.parquet")
    assert convert(tmp_path / "mine.parquet", per_arch=["thing=x"]).arch_texts("thing") == [
        "1",
        "2",
    ]
    frame.to_json(tmp_path / "mine.jsonl", orient="records", lines=True)
    assert convert(tmp_path / "mine.jsonl", per_arch=["thing=x"]).arch_texts("thing") == ["1", "2"]
    table = convert(tmp_path / "mine.jsonl", per_arch=["parameters=x"])
    assert table.arch_numbers("parameters").tolist() == [1, 2]


def test_numbers_without_trainings(tmp_path):
    table = convert(
        text(tmp_path, f"cell,x,y\n{A},1.5,\n{B},,\n{A},1.5,\n"), per_arch=["score=x", "none=y"]
    )
    assert table.schedules == ()
    assert table.written_archs.tolist() == [list(CELLS[0])]
    assert not table.metadata.complete
    with pytest.raises(NotRecordedError, match="nasbench merge"):
        loaded(table)


def test_a_file_of_the_whole_space_is_complete(tmp_path):
    lines = [f"{SPACE.to_text(arch)},{50 + i / 1000}" for i, arch in enumerate(SPACE.archs())]
    path = text(tmp_path, "\n".join(["cell,v", *lines]))
    assert convert(path, "valid_accuracy@9=v").metadata.complete
    path = text(tmp_path, "\n".join(["cell,v", *lines[1:]]))
    assert not convert(path, "valid_accuracy@9=v").metadata.complete


def test_a_schedule_of_some_architectures_makes_an_incomplete_table(tmp_path):
    lines = [
        f"{SPACE.to_text(arch)},50,{60 if i < 9 else ''}" for i, arch in enumerate(SPACE.archs())
    ]
    path = text(tmp_path, "\n".join(["cell,v,w", *lines]))
    table = convert(path, "valid_accuracy@9=v", "valid_accuracy@12=w")
    assert not table.metadata.complete
    assert loaded(table).space.size == 9


def test_what_the_table_says_of_itself(tmp_path):
    path = text(tmp_path, f"cell,v\n{A},50\n{B},60\n")
    plain = convert(path, "valid_accuracy@9=v").metadata
    assert plain.title == "nb201, from mine.csv"
    assert plain.description == "2 trainings of 2 architectures, from mine.csv."
    assert plain.recipe["metrics"] == ["valid_accuracy@9=v"]
    assert plain.recipe["sha256"] in plain.source
    assert re.fullmatch("[0-9a-f]{64}", plain.recipe["digest"])
    given = {
        name: f"my {name}"
        for name in ("dataset", "title", "description", "source", "licence", "citation")
    }
    meta = convert(path, "valid_accuracy@9=v", **given).metadata
    assert {name: getattr(meta, name) for name in given} == given


def test_the_registry_names_the_importer():
    assert IMPORTERS.load("table") is TableImporter
    assert TableImporter(id="a", space="nb201", arch="b", per_arch=["c=d"]).ids == ("a",)


# --- equal networks, columns with two meanings, values that stand for nothing ---------------------


def spellings(arch, rng, n):
    """Cells of NAS-Bench-101 that are the same network, written with other numbers of vertices."""
    space = SPACES.load("nb101")()
    matrix, operations = to_matrix(arch)
    size = len(operations)
    found = []
    while len(found) < n:
        order = [0, *rng.sample(range(1, size - 1), size - 2), size - 1]
        written = [[matrix[x][y] for y in order] for x in order]
        if all(not written[x][y] for x in range(size) for y in range(x + 1)):
            found.append(space.to_text(from_matrix(written, [operations[v] for v in order])))
    return found


def test_every_spelling_of_a_cell_of_nas_bench_101_answers(tmp_path):
    rng, space = random.Random(0), SPACES.load("nb101")()
    drawn = (space.sample(rng) for _ in range(80))
    archs = list({space.canonical(arch): arch for arch in drawn}.values())[:40]
    rows_ = [(space.to_text(arch), 50 + i, i) for i, arch in enumerate(archs)]
    frame = pd.DataFrame(rows_, columns=["cell", "v", "size"])
    frame.to_csv(tmp_path / "mine.csv", index=False)
    options = {"space": "nb101", "per_arch": ["parameters=size"]}
    table = convert(tmp_path / "mine.csv", "valid_accuracy@9=v", **options)
    assert table.metadata.key == "class"
    benchmark = loaded(table)
    for i, arch in enumerate(archs):
        for cell in spellings(arch, rng, 50):  # 2,000 of all
            answer = benchmark.query(cell)
            assert (answer["valid_accuracy"], answer["parameters"]) == (50 + i, i)
    by_arch = loaded(convert(tmp_path / "mine.csv", "valid_accuracy@9=v", key="arch", **options))
    assert by_arch.query(rows_[0][0])["valid_accuracy"] == 50
    others = [cell for cell in spellings(archs[0], rng, 50) if cell != rows_[0][0]]
    with pytest.raises(NotRecordedError):
        by_arch.query(others[0])


@pytest.mark.parametrize("name", SPACES)
def test_a_table_is_keyed_as_its_space_is_published(name, tmp_path):
    space = SPACES.load(name)()
    frame = pd.DataFrame({"cell": [space.to_text(space.sample(random.Random(1)))], "v": [50.0]})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    table = convert(tmp_path / "mine.csv", "valid_accuracy@9=v", space=name)
    by_class = name in ("nb101", "nbmacro", "nbgraph")
    assert table.metadata.key == space.table_key == ("class" if by_class else "arch")


EQUAL = ["0,0,0,3,0,0", "3,0,0,3,0,0"]  # an edge from the input that nothing uses


def test_spellings_of_one_class_must_agree(tmp_path):
    content = "cell,v,w,x\n" + "\n".join(f'"{c}",5,{i},{i}' for i, c in enumerate(EQUAL))
    path = text(tmp_path, content)
    table = convert(path, "valid_accuracy@9=v", key="class")
    assert len(table.archs) == 1
    assert loaded(table).query(CELLS[1]) == loaded(table).query(SPACE.check((3, 0, 0, 3, 0, 0)))
    for options in ({"metrics": ["valid_loss@9=w"]}, {"per_arch": ["score=x"]}):
        with pytest.raises(ArchiveError, match=r"lines 2 and 3.*of one network must agree, unless"):
            convert(path, **options, key="class")
    assert len(convert(path, "valid_loss@9=w", key="arch").archs) == 2


def test_numbers_of_a_class_without_training_do_not_hide_the_others(tmp_path):
    path = text(tmp_path, f'cell,v,x\n"{EQUAL[0]}",5,1\n"{C}",,2\n')
    benchmark = loaded(convert(path, "valid_accuracy@9=v", per_arch=["score=x"], key="class"))
    assert benchmark.query((3, 0, 0, 3, 0, 0))["score"] == 1


def test_a_file_of_every_class_is_complete(tmp_path):
    space = SPACES.load("nbmacro")()
    classes = np.unique(space.canonical_many(np.array(list(space.archs()))), axis=0)
    frame = pd.DataFrame({"cell": [space.to_text(tuple(a)) for a in classes.tolist()], "v": 50.0})
    for n, complete in ((len(frame), True), (len(frame) - 1, False)):
        frame[:n].to_csv(tmp_path / "mine.csv", index=False)
        table = convert(tmp_path / "mine.csv", "test_accuracy@9=v", space="nbmacro")
        assert table.metadata.complete == complete


def test_one_column_may_have_several_meanings(tmp_path):
    path = text(tmp_path, f"cell,s,v\n{A},3,5\n{B},4,6\n")
    table = convert(
        path,
        "valid_accuracy@9=v",
        "test_accuracy@9=v",
        "valid_loss@9=v*2",
        seed="s",
        per_arch=["score=v", "seed_of_the_file=s", "written=cell"],
    )
    answer = loaded(table).query(A)
    assert {**answer} == {
        "valid_accuracy": 5,
        "test_accuracy": 5,
        "valid_loss": 10,
        "score": 5,
        "seed_of_the_file": 3,
    }
    assert answer["written"] == A


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_values_that_stand_for_no_number(tmp_path, ending):
    nothing, failed = -1, 999.0
    frame = pd.DataFrame(
        {
            "cell": TEXTS[:4],
            "v": [50.0, nothing, failed, 60.0],
            "t": [51.0, nothing, -1.0, 61.0],
            "ms": [1.5, 2.5, NAN, 0.0],
            "size": [nothing, 20, 30, 999],
        }
    )
    path = tmp_path / f"mine.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False, na_rep="NaN")
    elif ending == "parquet":
        frame.to_parquet(path)
    else:
        rows_ = [json.dumps(row) for row in frame.to_dict("records")]
        path.write_text("\n".join(rows_))
    table = convert(
        path,
        "valid_accuracy@12=v",
        "test_accuracy@12=t",
        per_arch=["latency_ms=ms", "parameters=size"],
        missing=["-1", "ms=0", "nan", "nothing here"],
        diverged=["v=999"],
    )
    assert table.archs.tolist() == [list(cell) for cell in (CELLS[0], CELLS[2], CELLS[3])]
    assert table.diverged.tolist() == [False, True, False]
    np.testing.assert_array_equal(table.curves("test_accuracy", 12), [[51], [NAN], [61]])
    assert table.arch_texts("latency_ms") == [1.5, 2.5, None, None]
    assert table.arch_texts("parameters") == [None, 20, 30, 999]
    assert loaded(table).evaluate(CELLS[2]).losses == (float("inf"),)


def test_texts_that_stand_for_no_number(tmp_path):
    content = f"cell,v,note\n{A},50,good\n{B},N/A,N/A\n{C},FAILED,bad\n"
    path = text(tmp_path, content)
    options = {"per_arch": ["remark=note"], "missing": ["n/a"], "diverged": ["v=failed"]}
    table = convert(path, "valid_accuracy@12=v", **options)
    assert table.diverged.tolist() == [False, True]
    assert table.arch_texts("remark") == ["good", "bad"]


def test_an_impossible_number_names_the_options_for_sentinels(tmp_path):
    path = text(tmp_path, f"cell,v\n{A},-1\n")
    with pytest.raises(ArchiveError, match="if -1 stands for no number, say --missing or --div"):
        convert(path, "valid_accuracy@12=v")


# --- options that cannot be ----------------------------------------------------------------------

BAD_OPTIONS = {
    "no epoch": ({"metrics": ["valid_accuracy=v"]}, "METRIC@EPOCH=COLUMN"),
    "no column": ({"metrics": ["valid_accuracy@9="]}, "METRIC@EPOCH=COLUMN"),
    "no number": ({"metrics": ["valid_accuracy@nine=v"]}, "METRIC@EPOCH=COLUMN"),
    "epoch 0": ({"metrics": ["valid_accuracy@0=v"]}, "epoch 0 is outside 1..1000000"),
    "epoch of years": ({"metrics": ["valid_accuracy@1000001=v"]}, "outside 1..1000000"),
    "no split": ({"metrics": ["accuracy@9=v"]}, "begin with the images"),
    "another split": ({"metrics": ["val_accuracy@9=v"]}, "did you mean 'valid_accuracy'"),
    "nothing of a split": ({"metrics": ["valid_@9=v"]}, "begin with the images"),
    "latency of a training": ({"metrics": ["latency_x_ms@9=v"]}, "belongs to per_arch"),
    "text for a list": ({"metrics": "valid_accuracy@9=v"}, "must be a list"),
    "no text": ({"metrics": [3]}, "3 is not of the form"),
    "factor 0": ({"metrics": ["valid_accuracy@9=v*0"]}, "0 is not a possible factor"),
    "infinite factor": (
        {"metrics": ["valid_accuracy@9=v*1e999"]},
        "1e999 is not a possible",
    ),
    "nothing": ({"metrics": []}, "nothing to read"),
    "column of two seeds": (
        {"metrics": ["valid_accuracy@9=v", "valid_accuracy@9=v"]},
        "valid_accuracy@9 = 'v' is given 2 times, but each training seed needs a column",
    ),
    "architecture as seed": ({"seed": "cell"}, "'cell' is given as arch and as seed"),
    "unknown key": ({"key": "clas"}, "key = 'clas'; did you mean 'class'. Possible: 'arch', 'cl"),
    "version 0": ({"version": 0}, "version = 0 is not in 1..999,999,999"),
    "text for missing": ({"missing": "-1"}, "missing = '-1' must be a list"),
    "no value": ({"missing": ["v="]}, "'v=' is not of the form VALUE or COLUMN=VALUE"),
    "value of no column": ({"diverged": ["w=-1"]}, "'w' is given, which is not read.*'cell', 'v'"),
    "two meanings": ({"missing": ["-1"], "diverged": ["-1"]}, "'-1' is given as missing and as"),
    "no architecture": ({"arch": ""}, "'' is no name of a column"),
    "unknown space": ({"space": "nb202"}, "did you mean 'nb201'"),
    "own space": ({"space": "os:path"}, "needs a registered space"),
    "bad id": ({"id": "a b"}, "'a b' must be made of letters"),
    "path as id": ({"id": "../x"}, r"'\.\./x' must be made of letters"),
    "id of the second file": ({"id": "a.archs"}, "must not end in '.archs'"),
    "title of another type": ({"title": 3}, "title = 3 must be of type str"),
    "seeds as rows and columns": (
        {"metrics": ["valid_accuracy@9=v", "valid_accuracy@9=w"], "seed": "s"},
        "not both",
    ),
    "seed without trainings": ({"metrics": [], "per_arch": ["a=b"], "seed": "s"}, "none is given"),
    "curve without trainings": (
        {"metrics": [], "per_arch": ["a=b"], "curve": True},
        "none is given",
    ),
    "fewer columns of a metric": (
        {"metrics": ["valid_accuracy@9=v", "valid_accuracy@9=w", "test_accuracy@9=t"]},
        "test_accuracy@9 has 1 columns and valid_accuracy@9 has 2",
    ),
    "fewer columns of a cost": (
        {"metrics": [*(f"valid_accuracy@9={c}" for c in "abc"), "seconds@9=d", "seconds@9=e"]},
        "seconds@9 has 2 columns and valid_accuracy@9 has 3",
    ),
    "no objective of a schedule": (
        {"metrics": ["valid_accuracy@9=v", "test_accuracy@3=t"]},
        "valid_accuracy@3 is not given",
    ),
    "no objective at the end": (
        {"metrics": ["valid_accuracy@3=v", "test_accuracy@9=t"], "curve": True},
        "valid_accuracy@9 is not given",
    ),
    "cost of a schedule": (
        {"metrics": ["valid_loss@9=v", "valid_loss@3=w", "validation_seconds@3=t"]},
        "validation_seconds@9 is not given",
    ),
    "two costs of one validation": (
        {
            "metrics": ["valid_loss@9=v", "validation_seconds@9=t", "validation_seconds@3=u"],
            "curve": True,
        },
        r"give it at one of the epochs \[3, 9\]",
    ),
    "per_arch without column": ({"per_arch": ["score"]}, "NAME=COLUMN"),
    "per_arch with another name": ({"per_arch": ["my score=x"]}, "must consist of letters"),
    "per_arch of a training": ({"per_arch": ["test_accuracy=x"]}, "test_accuracy@EPOCH=x"),
    "per_arch of a cost": ({"per_arch": ["seconds=x"]}, "seconds@EPOCH=x"),
    "per_arch of a key": ({"per_arch": ["rank=x"]}, "'rank' is the name of a key"),
    "per_arch twice": ({"per_arch": ["score=x", "score=y"]}, "'score' is given twice"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_options_that_cannot_be(case):
    options = {"id": "mine", "space": "nb201", "arch": "cell", "metrics": ["valid_accuracy@9=v"]}
    change, message = BAD_OPTIONS[case]
    with pytest.raises(InvalidArgumentError, match=message):
        TableImporter(**options | change)


# --- files that cannot be ------------------------------------------------------------------------

VALID = ["valid_accuracy@9=v"]
BAD_FILES = {
    "nothing": ("mine.csv", "", VALID, "has no rows"),
    "header only": ("mine.csv", "cell,v\n", VALID, "has no rows"),
    "no such column": ("mine.csv", "cell,val\n", VALID, "no column 'v'.*Possible: 'cell', 'val'"),
    "nearest column": ("mine.csv", "cells,v\n", VALID, "did you mean 'cells'"),
    "column twice": ("mine.csv", "cell,v,v\n", VALID, "2 columns 'v'"),
    "short row": ("mine.csv", f"cell,v,w\n\n{A},1\n", VALID, "line 3 has 2 cells"),
    "long row": ("mine.csv", f"cell,v\n{A},1,2\n", VALID, "line 2 has 3 cells, the header has 2"),
    "open quote": ("mine.csv", f'cell,v\n{A},5\n"{A},6\n', VALID, "line 3: "),
    "text after a quote": ("mine.csv", f'cell,v\n"{A}"x,5\n', VALID, "line 2: "),
    "quoted line ends": (
        "mine.csv",
        f'cell,v,w\n{A},5,"a\nb\nc"\n{B},x,\n',
        VALID,
        "line 5: 'v' is 'x', not a number",
    ),
    "zeros": ("mine.csv", "\0" * 4096, VALID, "is nothing but zeros, not a file of rows"),
    "text for a number": ("mine.csv", f"cell,v\n{A},high\n", VALID, "line 2: 'v' is 'high'"),
    "percent sign": ("mine.csv", f"cell,v\n{A},91%\n", VALID, "line 2: 'v' is '91%'"),
    "decimal comma": ("mine.csv", f'cell,v\n{A},"91,5"\n', VALID, "'91,5', not a number"),
    "infinity": ("mine.csv", f"cell,v\n{A},inf\n", VALID, r"is inf, .*diverged, write nan"),
    "too large": ("mine.csv", f"cell,v\n{A},1e999\n", VALID, r"line 2: .* is inf"),
    "too large a product": ("mine.csv", f"cell,v\n{A},1e308\n", ["test_loss@9=v*1e9"], "is inf"),
    "101 percent": ("mine.csv", f"cell,v\n{A},50\n{B},101\n", VALID, "line 3: .*is 101, possible"),
    "negative": ("mine.csv", f"cell,v\n{A},-1\n", VALID, "is -1, possible are 0 to 100 %"),
    "fractions": (
        "mine.csv",
        f"cell,v\n{A},0.5\n{B},1\n",
        VALID,
        r"ranges from 0\.5 to 1, .*write v\*100 for fractions, v\*1 if",
    ),
    "no architecture": ("mine.csv", f"cell,v\n{A},5\n,6\n", VALID, "line 3: .*'cell' is empty"),
    "unknown operation": (
        "mine.csv",
        f"cell,v\n{A},5\n{B.replace('nor', 'no')},6\n",
        VALID,
        "line 3: .*did you mean 'nor_conv_3x3'",
    ),
    "option out of range": ("mine.csv", 'cell,v\n"0,0,0,5,0,0",6\n', VALID, "line 2: .*0..4"),
    "too few options": ("mine.csv", 'cell,v\n"0,0,0,4,0",6\n', VALID, "line 2: .*6 integers"),
    "same training": (
        "mine.csv",
        f"cell,v\n{A},5\n{B},7\n{A},6\n",
        VALID,
        r"lines 2 and 4: valid_accuracy = 'v' of \|.* is 5\.0 and 6\.0.*name the column",
    ),
    "diverged and not": ("mine.csv", f"cell,v\n{A},nan\n{A},6\n", VALID, "is nan and 6.0"),
    "objective lacks": (
        "mine.csv",
        f"cell,v,t\n{A},,6\n",
        [*VALID, "test_accuracy@9=t"],
        "line 2: valid_accuracy@9 = 'v' is empty, .*write nan if it diverged",
    ),
    "test lacks": (
        "mine.csv",
        f"cell,v,t\n{A},5,\n",
        [*VALID, "test_accuracy@9=t"],
        "line 2: test_accuracy@9 = 't' is empty, .*has nan as its valid_accuracy@9",
    ),
    "cost lacks": (
        "mine.csv",
        f"cell,v,t\n{A},5,9\n{B},nan,nan\n{C},nan,8\n{TEXTS[3]},8,nan\n",
        [*VALID, "seconds@9=t"],
        "line 5: seconds@9 = 't' is nan, but it is the cost",
    ),
    "nothing recorded": ("mine.csv", f"cell,v\n{A},\n{B},nan\n", VALID, "hold no metric"),
    "no JSON": ("mine.jsonl", '{"cell": 1}\n{"cell', VALID, "line 2 is not a JSON object"),
    "a key twice": ("mine.jsonl", '{"cell": 1, "cell": 2}', VALID, "line 1 .* says 'cell' twice"),
    "an array": ("mine.jsonl", "[1, 2]", VALID, r"line 1 is \[1, 2\], not a JSON object"),
    "indented": ("mine.jsonl", '[\n{\n"cell": "a"', VALID, "is not a JSON object, one per"),
    "deep": ("mine.jsonl", "[" * 100_000, VALID, "line 1 is not a JSON object"),
    "other keys": ("mine.jsonl", '{"cell": "a", "w": 1}', VALID, "no column 'v'.*'cell', 'w'"),
    "mixture": (
        "mine.jsonl",
        json.dumps({"cell": A, "v": 5}) + "\n" + json.dumps({"cell": A, "v": "x"}),
        VALID,
        "line 2: column 'v' holds 'x'",
    ),
    "truth": ("mine.jsonl", json.dumps({"cell": A, "v": True}), VALID, "'v' holds True"),
    "half a character": ("mine.jsonl", r'{"cell": "\ud800", "v": 1}', VALID, "half a character"),
    "huge integer": ("mine.jsonl", '{"cell": 1, "v": 1%s}' % ("0" * 30), VALID, "'v' holds 1000"),
    "endless integer": ("mine.jsonl", '{"v": 1%s}' % ("0" * 9000), VALID, "is not a JSON object"),
    "list for a number": (
        "mine.jsonl",
        json.dumps({"cell": A, "v": [1, 2]}),
        VALID,
        "'v' holds lists",
    ),
    "number for an architecture": (
        "mine.jsonl",
        '{"cell": 0, "v": 50}',
        VALID,
        "architectures in 'cell' are int64; give texts or lists",
    ),
    "short list": ("mine.jsonl", '{"cell": [1, 2], "v": 50}', VALID, r"1: \[1, 2\] is not an arch"),
    "list out of range": (
        "mine.jsonl",
        '{"cell": [0,0,0,0,0,0], "v": 50}\n{"cell": [0,0,0,0,0,5], "v": 50}',
        VALID,
        "line 2: .* is not an architecture of 'nb201'",
    ),
    "another format": ("mine.xlsx", "", VALID, r"'\.csv'.*'\.parquet'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be(case, tmp_path):
    name, content, metrics, message = BAD_FILES[case]
    path = text(tmp_path, content, name)
    with pytest.raises((ArchiveError, InvalidArgumentError), match=message) as refused:
        convert(path, *metrics)
    assert str(path) in str(refused.value)
    assert list((tmp_path / "out").iterdir()) == []


BAD_SEEDS = {
    "negative": "-1",
    "fraction": "1.5",
    "huge": "2147483648",
    "none": "",
    "nan": "nan",
    "text": "a",
}


@pytest.mark.parametrize("case", BAD_SEEDS)
def test_a_seed_that_cannot_be(case, tmp_path):
    path = text(tmp_path, f"cell,s,v\n{A},0,50\n{A},{BAD_SEEDS[case]},50\n")
    with pytest.raises(ArchiveError, match=r"mine\.csv, line 3: .*'s'"):
        convert(path, *VALID, seed="s")


@pytest.mark.parametrize(
    ("content", "per_arch", "message"),
    [
        (f"cell,x\n{A},1\n{A},2\n", "score=x", r"lines 2 and 3: score = 'x' of .* is 1 and 2"),
        (f"cell,x\n{A},a\n{A},b\n", "note=x", "lines 2 and 3: .* is 'a' and 'b'"),
        (f"cell,x\n{A},1\n{B},2\n{C},n/a\n", "score=x", "line 4: 'x' is 'n/a', not a number"),
        (f"cell,x\n{A},many\n", "parameters=x", "line 2: 'x' is 'many', not a number"),
        (f"cell,x\n{A},many\n", "thing=x*2", "line 2: 'x' is 'many', not a number"),
        (f"cell,x\n{A},-1\n", "latency_a_ms=x", "line 2: .* is -1, possible are 0 to inf ms"),
        (f"cell,x\n{A},inf\n{B},1\n{C},2\n", "score=x", "line 2: .*inf"),
        (f"cell,x\n{A},\n{B},\n", "score=x", "line 2 and all after it have no 'x'"),
    ],
)
def test_numbers_of_architectures_that_cannot_be(content, per_arch, message, tmp_path):
    with pytest.raises(ArchiveError, match=message):
        convert(text(tmp_path, content), per_arch=[per_arch])
    assert list((tmp_path / "out").iterdir()) == []


def test_texts_and_numbers_in_different_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "CELLS", 2)
    lines = [{"cell": A, "x": 1}, {"cell": B, "x": 2}, {"cell": C, "x": "c"}]
    path = text(tmp_path, "\n".join(map(json.dumps, lines)), "mine.jsonl")
    with pytest.raises(ArchiveError, match="line 3: 'x' holds texts in some lines, numbers in"):
        convert(path, per_arch=["thing=x"])


def test_seconds_that_fall(tmp_path):
    path = text(tmp_path, f"cell,v,s1,s2\n{A},5,1,2\n{B},5,3,2\n")
    metrics = ["valid_accuracy@2=v", "seconds@1=s1", "seconds@2=s2"]
    with pytest.raises(ArchiveError, match="line 3: seconds@2 are less than seconds@1"):
        convert(path, *metrics, curve=True)


@pytest.mark.parametrize("name", WRITERS)
def test_a_damaged_file(name, tmp_path):
    """Cut or changed anywhere, a file is read or refused with one of our errors."""
    WRITERS[name](tmp_path / name)
    data = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        cut, place = rng.integers(2), int(rng.integers(len(data)))
        flipped = (
            data[:place] + bytes([data[place] ^ (1 << int(rng.integers(8)))]) + data[place + 1 :]
        )
        (tmp_path / name).write_bytes(data[:place] if cut else flipped)
        try:
            convert(tmp_path / name, **OPTIONS)
        except (ArchiveError, InvalidArgumentError):
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("name", ["mine.csv", "mine.csv.gz", "mine.jsonl", "mine.parquet"])
@pytest.mark.parametrize(
    "content", [b"", bytes(4096), os.urandom(4096), b"PAR1" + bytes(100) + b"PAR1"]
)
def test_a_file_of_something_else(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((ArchiveError, InvalidArgumentError), match="mine"):
        convert(tmp_path / name, *VALID)


@pytest.mark.parametrize(
    "kind", [pa.bool_(), pa.timestamp("s"), pa.list_(pa.float32()), pa.binary()]
)
def test_a_column_of_another_type(kind, tmp_path):
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"cell": [A], "v": pa.array([None], kind)}), path)
    with pytest.raises(InvalidArgumentError, match=r"column 'v' holds .*, not numbers, texts"):
        convert(path, *VALID)


@pytest.mark.parametrize("wrong", [None, [0, 0, 0, None, 0, 0], [], [0, 0, 0, 9, 0, 0]])
@pytest.mark.parametrize("kind", [pa.list_(pa.int8()), pa.list_(pa.int8(), 6)])
def test_a_list_that_is_no_architecture(wrong, kind, tmp_path, monkeypatch):
    """In a block of its own, and with the others."""
    if pa.types.is_fixed_size_list(kind) and wrong == []:
        wrong = [-1] * 6
    cells = pa.array([[0] * 6, wrong, [1] * 6], kind)
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"cell": cells, "v": [50.0] * 3}), path)
    for size in (1, rows.CELLS):
        monkeypatch.setattr(rows, "CELLS", size)
        with pytest.raises(ArchiveError, match=r"mine\.parquet, row 2: "):
            convert(path, *VALID)


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "LONGEST_LINE", 1000)
    path = text(tmp_path, "cell,v\n" + "x" * 2000)
    with pytest.raises(ArchiveError, match="line 2 is longer than 1,000 characters"):
        convert(path, *VALID)


def test_files_that_are_not_one(tmp_path):
    path = text(tmp_path, f"cell,v\n{A},5\n")
    importer = TableImporter(id="mine", space="nb201", arch="cell", metrics=VALID)
    for files, message in (
        ([], "0 files are given"),
        ([path, path], "2 files are given"),
        ([tmp_path], "is not a file"),
        ([tmp_path / "none.csv"], "does not exist"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            list(importer.tables(files, work=tmp_path))


# --- size ----------------------------------------------------------------------------------------

MEASURE = """
import sys
from pathlib import Path
from data_builders.importers.table.importer import TableImporter

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

metrics = [f"valid_accuracy@{e}=v{e}" for e in range(1, 41)]
path = Path(sys.argv[1])
options = dict(space="nb201", arch="cell", seed="s", curve=True, metrics=metrics)
importer = TableImporter(id="mine", **options)
before = peak()
for table in importer.tables([path], work=path.parent):
    print(len(table.runs), (peak() - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_memory_is_that_of_the_numbers(tmp_path):
    """46,875 rows with 400 columns, of which 40 are read: 146 MB of text, 15 MB of numbers."""
    rng = np.random.default_rng(0)
    names = [f"v{e}" for e in range(1, 401)]
    curves = cycle([",".join(map("{:.4f}".format, rng.random(400) * 100)) for _ in range(500)])
    with (tmp_path / "mine.csv").open("w") as file:
        file.write(f"cell,s,{','.join(names)}\n")
        for arch in SPACE.archs():
            for seed in range(3):
                file.write(f"{SPACE.to_text(arch)},{seed},{next(curves)}\n")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "mine.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    n_rows, megabytes = map(float, done.stdout.split())
    assert n_rows == 46_875
    assert megabytes < 400


# --- the page ------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "import.md"


def test_the_example_of_the_page(tmp_path):
    blocks = re.findall(r"```(csv|console|python)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [kind for kind, _ in blocks] == ["csv", "console", "console", "python", "console"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "NASBENCH_HOME": str(tmp_path / "home")}

    def run(command, **options):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, **options
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    for kind, content in blocks:
        if kind == "csv":
            (tmp_path / "results.csv").write_text(content)
        elif kind == "python":
            shown = re.findall(r"^# (.*)$", content, re.MULTILINE)
            assert run([sys.executable, "-c", content]).splitlines() == shown
        else:
            for command in content.splitlines():
                run(command, shell=True)
    assert {path.name for path in (tmp_path / "home").iterdir()} == {
        f"{name}{ending}.parquet" for name in ("mine", "sizes", "both") for ending in ("", ".archs")
    }
