"""The importer of NAS-Bench-Graph on synthetic archives and on the published package."""

import os
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from data_builders.importers import packages
from data_builders.importers.nbgraph import curves as nbgraph_curves
from data_builders.importers.nbgraph.graphs import GRAPHS, Graph, parameters
from data_builders.importers.nbgraph.importer import NBGraphImporter
from data_builders.importers.packages import NAS_BENCH_GRAPH
from nasbench import Budget
from nasbench.benchmarks.catalogue import SHIPPED
from nasbench.errors import (
    ArchiveError,
    InvalidArgumentError,
    MissingExtraError,
    NotRecordedError,
)
from nasbench.spaces.nbgraph import CLASSES, NBGraph, from_key, to_key
from nasbench.tables.draft import Draft
from nasbench.tables.schema import archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table
from nasbench.testing import check_importer

SPACE = NBGraph()
GRAPH = {graph.name: graph for graph in GRAPHS}
Rows = dict[Any, Any]

# Records of the archive: key, valid_perf, perf, latency, para. The last of a graph is its best.
RECORDS = {
    "cora": (
        (0, 0.7733333333333334, 0.797, 0.005922238032023112, 1.736711),
        (87072, 0.8193333333333334, 0.8263333333333334, 0.003244797388712565, 0.634631),
    ),
    "citeseer": (
        (0, 0.7026666666666666, 0.6693333333333333, 0.006242831548055013, 4.060934),
        (31144, 0.7280000000000001, 0.7103333333333333, 0.004018624623616536, 2.294022),
    ),
    "pubmed": (
        (0, 0.7793333333333333, 0.7690000000000001, 0.005223989486694336, 0.260099),
        (30224, 0.8113333333333334, 0.7559999999999999, 0.002910772959391276, 0.179715),
    ),
    "cs": (
        (0, 0.8913333333333333, 0.9001497658723387, 0.011380831400553385, 0.946959),
        (26503, 0.9213333333333334, 0.9058560351855012, 0.011395692825317383, 1.009807),
    ),
    "physics": (
        (0, 0.9046666666666666, 0.8731711590690069, 0.07548864682515462, 2.426885),
        (44437, 0.8956666666666667, 0.9078449123421818, 0.05130481719970703, 2.6190556666666667),
        (60717, 0.94, 0.9134518977114544, 0.04534212748209635, 2.422789),
    ),
    "photo": (
        (0, 0.9276666666666666, 0.922016838342505, 0.006683031717936198, 0.388104),
        (30743, 0.9406666666666667, 0.9208409764357274, 0.0043183167775472, 0.260104),
    ),
    "computers": (
        (0, 0.8436666666666666, 0.7505369665916207, 0.006585518519083659, 0.083914),
        (73033, 0.9189999999999999, 0.8203296845483011, 0.007246096928914388, 0.087626),
    ),
    "arxiv": (
        (0, 0.6790000000000002, 0.6724687776474703, 0.10586023330688477, 0.13892),
        (83533, 0.7366666666666667, 0.7195372027789779, 0.09477424621582031, 0.170664),
    ),
    "proteins": (
        (1111, 0.7763333333333332, 0.7352624285044876, 0.0020090738932291665, 0.558704),
        (71145, 0.8293333333333334, 0.7691673387576926, 0.47561391194661456, 0.62424),
        (74578, 0.8533333333333334, 0.7611243070764532, 0.22464164098103842, 0.558448),
    ),
}


def write(tables: Iterable[Draft], out: Path) -> dict[str, Path]:
    """Every table, as the command line writes it."""
    found = {}
    for table in tables:
        path = found[table.metadata.id] = out / f"{table.metadata.id}.parquet"
        write_table(path, table)
    return found


def convert(files: list[Path], folder: Path) -> dict[str, Path]:
    """The tables of an archive, by id; ``folder`` must be empty."""
    (folder / "out").mkdir(parents=True)
    return write(NBGraphImporter().tables(files, work=folder / "work"), folder / "out")


def refused(files: list[Path], folder: Path, reason: str) -> None:
    """The archive is refused for this reason and leaves nothing."""
    with pytest.raises(ArchiveError, match=reason) as caught:
        convert(files, folder)
    assert len(str(caught.value)) < 600
    assert list((folder / "out").iterdir()) == []


def pickled(content: Any) -> bytes:
    """As in the archive: protocol 3, names of NumPy 1."""
    data = pickle.dumps(content, protocol=3)
    return data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


class Calls:
    """Pickles as a call of a function."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


# --- the package: means of three trainings -------------------------------------------------------


def light(name: str) -> Rows:
    """The records above, in the official layout: performances on proteins are NumPy numbers."""
    number = np.float64 if name == "proteins" else float
    return {
        key: {
            "valid_perf": number(valid),
            "perf": number(test),
            "latency": latency,
            "para": np.float64(para),
        }
        for key, valid, test, latency, para in RECORDS[name]
    }


def place(folder: Path, change: Callable[[Rows], Any] = lambda rows: None) -> Path:
    """A folder that holds the package; ``change`` acts on cora."""
    inside = folder / "package" / "nas_bench_graph" / "light"
    inside.mkdir(parents=True)
    for name in RECORDS:
        rows = light(name)
        if name == "cora":
            change(rows)
        (inside / f"{name}.bench").write_bytes(pickled(rows))
    return folder / "package"


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("means")
    return convert([place(folder)], folder)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_every_record_comes_back(means: dict[str, Path], graph: Graph) -> None:
    benchmark = nasbench.load(means[f"nbgraph-{graph.name}"])
    for key, valid, test, latency, para in RECORDS[graph.name]:
        answer = benchmark.query(str(key))
        assert answer == benchmark.query(from_key(key), seed=0, epoch=graph.epochs)
        assert answer[f"valid_{graph.metric}"] / 100 == pytest.approx(valid, rel=1e-7)
        assert answer[f"test_{graph.metric}"] / 100 == pytest.approx(test, rel=1e-7)
        assert answer["latency_gpu_ms"] / 1000 == pytest.approx(latency, rel=1e-7)
        if (graph.name, key) == ("physics", 44437):
            assert answer["published_parameters"] == pytest.approx(1e6 * para, rel=1e-12)
            assert answer["parameters"] == 2_618_885
        else:
            assert answer["parameters"] == round(1e6 * para)


def test_accuracies_are_whole_numbers_of_nodes(means: dict[str, Path]) -> None:
    for graph in GRAPHS:
        benchmark = nasbench.load(means[f"nbgraph-{graph.name}"])
        for key, valid, test, _, _ in RECORDS[graph.name]:
            answer = benchmark.query(str(key))
            assert round(30 * answer[f"valid_{graph.metric}"]) / 3000 == pytest.approx(valid, 1e-15)
            if graph.metric == "accuracy":
                right = round(3 * graph.nodes[2] * answer["test_accuracy"] / 100)
                assert right / (3 * graph.nodes[2]) == pytest.approx(test, 1e-15)


def test_another_spelling_of_a_network_gives_its_numbers(means: dict[str, Path]) -> None:
    benchmark = nasbench.load(means["nbgraph-pubmed"])
    known = benchmark.query("0012 gat-gin-gin-sage")
    assert known["valid_accuracy"] == pytest.approx(81.13333, abs=1e-5)
    swapped = benchmark.query("0012 gin-gat-sage-gin")
    assert swapped["valid_accuracy"] == known["valid_accuracy"]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_a_table_is_valid_and_can_be_searched(means: dict[str, Path], graph: Graph) -> None:
    table = Table(means[f"nbgraph-{graph.name}"])
    table.check()
    assert not table.metadata.complete
    assert table.metadata.epochs == {graph.epochs: [graph.epochs]}
    assert table.metadata.key == "class"
    runs = nasbench.search("random_search", table.path, seeds=range(20), budget=Budget(trials=5))
    best = max(valid for _, valid, *_ in RECORDS[graph.name])
    losses = [trial.losses[0] for run in runs for trial in run.trials]
    assert len(runs) == 20
    assert min(losses) == pytest.approx(100 - 100 * best, abs=1e-4)


def test_a_table_says_what_its_numbers_are(means: dict[str, Path]) -> None:
    for graph in GRAPHS:
        table = Table(means[f"nbgraph-{graph.name}"])
        valid, test = (table.columns[f"{split}_{graph.metric}"] for split in ("valid", "test"))
        assert (valid.unit, valid.goal, valid.split) == ("%", "max", "valid")
        assert (test.unit, test.goal, test.split) == ("%", "max", "test")
        assert "mean of three trainings" in valid.description
        assert "mean of three trainings" in test.description
        assert "mean of three trainings" in table.metadata.seeds
        assert f"{graph.name}0.bench" in table.metadata.elsewhere
        assert table.metadata.default_objective == f"valid_{graph.metric}"
        assert table.arch_columns["latency_gpu_ms"].unit == "ms"
        assert "other than 1.4.0" in table.metadata.source
        assert ("published_parameters" in table.arch_columns) == (graph.name == "physics")
    assert "ROC-AUC" in Table(means["nbgraph-proteins"]).columns["test_roc_auc"].description
    assert "2,021" in Table(means["nbgraph-proteins"]).metadata.description
    assert "In 1 of the published" in Table(means["nbgraph-physics"]).metadata.description


def test_a_wheel_is_read_without_unpacking(tmp_path: Path, means: dict[str, Path]) -> None:
    package = place(tmp_path)
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in package.rglob("*.bench"):
            archive.write(path, path.relative_to(package).as_posix())
    found = NBGraphImporter().tables([wheel], work=tmp_path)
    assert [table.metadata.id for table in found] == list(means)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["package", "x.whl"]


def test_progress_reaches_its_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    importer = NBGraphImporter()
    list(
        importer.tables([place(tmp_path)], work=tmp_path, progress=lambda *step: seen.append(step))
    )
    assert seen == [(n, 9) for n in range(1, 10)]


def test_the_contract_is_kept(tmp_path: Path) -> None:
    check_importer(NBGraphImporter(), [place(tmp_path)], work=tmp_path / "work")


def test_tables_of_means_and_of_curves_have_names_of_their_own() -> None:
    assert NBGraphImporter.ids[:9] == tuple(f"nbgraph-{name}" for name in RECORDS)
    assert NBGraphImporter.ids[9:] == tuple(f"nbgraph-{name}-curves" for name in RECORDS)


def set_value(name: str, value: Any) -> Callable[[Rows], Any]:
    return lambda rows: rows[0].__setitem__(name, value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows.update({"87072": rows[87072]}), "the key '87072' is not an integer"),
        (lambda rows: rows.update({True: rows[87072]}), "the key True is not an integer"),
        (lambda rows: rows.update({90000: rows[0]}), "90000 is not a key of 'nbgraph'"),
        (lambda rows: rows.update({-1: rows[0]}), "-1 is not a key of 'nbgraph'"),
        (lambda rows: rows.update({10**30: rows[0]}), "a larger number is not a key of"),
        (lambda rows: rows.update({88888: rows[0]}), "0123 skip-skip-skip-skip"),
        (lambda rows: rows.update({80: rows[0]}), "80 is the network with the key"),
        (lambda rows: rows.clear(), "holds no architecture"),
        (lambda rows: rows.update({0: [1.0]}), r"is \[1\.0\], not a dict of valid_perf"),
        (lambda rows: rows[0].pop("perf"), "architecture 0 has no 'perf', only .*'latency'"),
        (set_value("valid_perf", float("nan")), "architecture 0: valid_perf is nan, not a number"),
        (set_value("perf", float("inf")), "architecture 0: perf is inf, not a number in 0..1"),
        (set_value("valid_perf", 77.3), "valid_perf is 77.3, not a number in 0..1"),
        (set_value("perf", -0.001), "perf is -0.001, not a number"),
        (set_value("perf", "0.797"), "perf is '0.797', not a number"),
        (set_value("perf", True), "perf is True, not a number"),
        (set_value("perf", None), "perf is None, not a number"),
        (set_value("latency", -1.0), "latency is -1.0, not a number"),
        (set_value("latency", 1e300), r"latency is 1e\+300, not a number"),
        (set_value("valid_perf", 0.77333), "0.77333, not a mean of 3 multiples of 1/1000"),
        (set_value("perf", 0.79705), "perf is 0.79705, not a mean of 3 multiples of 1/1000"),
        (set_value("para", 1.736712), "1736712.00 parameters, but its layers have 1736711"),
        (set_value("para", float("nan")), "para is nan, not a number"),
    ],
)  # fmt: skip
def test_a_deviation_is_named(tmp_path: Path, change: Callable[[Rows], Any], reason: str) -> None:
    files = [place(tmp_path, change)]
    refused(files, tmp_path, rf"cora\.bench \(not the one of nas-bench-graph 1\.4\.0\).*{reason}")


def overwrite(folder: Path, data: bytes) -> list[Path]:
    """The package with another file of cora."""
    package = place(folder)
    next(package.rglob("cora.bench")).write_bytes(data)
    return [package]


def test_a_doubled_network_is_refused(tmp_path: Path) -> None:
    rows = light("cora")
    data = pickled({1: rows[0] | {"perf": 0.8}, 0: rows[0]})
    twice = data.replace(b"K\x01}", b"K\x00}")
    assert twice != data
    refused(overwrite(tmp_path, twice), tmp_path, r"cora\.bench .* has 0 twice")


@pytest.mark.parametrize("size", [0, 1, 100, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, size: int) -> None:
    data = pickled(light("cora"))[:size]
    refused(overwrite(tmp_path, data), tmp_path, r"cora\.bench .*damaged")


@pytest.mark.parametrize("more", [b"K\x01.", bytes(10)])
def test_bytes_that_follow_are_refused(tmp_path: Path, more: bytes) -> None:
    refused(overwrite(tmp_path, pickled(light("cora")) + more), tmp_path, "bytes follow the pickle")


@pytest.mark.parametrize("where", ["content", "record", "key"])
def test_code_is_named_and_not_run(tmp_path: Path, where: str) -> None:
    mark = tmp_path / "mark"
    content: Any = light("cora")
    if where == "content":
        content = Calls(mark)
    elif where == "record":
        content[0]["para"] = Calls(mark)
    else:
        content = {Calls(mark): content[0]}
    refused(
        overwrite(tmp_path, pickled(content)), tmp_path, rf"cora.*'{os.mkdir.__module__}\.mkdir'"
    )
    assert not mark.exists()


@pytest.mark.parametrize("content", [[], "text", None, 1.5, {"a": 1}])
def test_another_content_is_refused(tmp_path: Path, content: Any) -> None:
    refused(overwrite(tmp_path, pickled(content)), tmp_path, r"(not a dict|not an integer)")


@pytest.mark.parametrize("files", [["missing"], ["."], ["a", "b"], ["cora.bench"]])
def test_wrong_files_say_what_is_wanted(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "cora.bench").write_bytes(pickled(light("cora")))
    with pytest.raises(InvalidArgumentError, match=r"the wheel of nas-bench-graph 1\.4\.0"):
        list(NBGraphImporter().tables([tmp_path / name for name in files], work=tmp_path))


def test_without_the_package_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install nas-bench-graph==1\.4\.0"):
        list(NBGraphImporter().tables([], work=Path("unused")))


# --- the complete data: learning curves ----------------------------------------------------------

EPOCHS = 4


def curves(name: str, seed: int, keys: Iterable[int]) -> Rows:
    """Records of the complete data; all numbers are a function of the arguments."""
    rows = {}
    for key in keys:
        rng = np.random.default_rng([key, seed])
        dur = []
        for _ in range(EPOCHS):
            values = rng.random(7)
            if name == "proteins":  # as the evaluator gives them; losses are plain
                dur.append(
                    tuple(
                        round(v if n in (0, 1, 2, 6) else float(v), 3) for n, v in enumerate(values)
                    )
                )
            else:
                dur.append(tuple(round(float(v), 3) for v in values))
        rows[key] = {
            "dur": dur,
            "perf": dur[-1][6],
            "latency": float(rng.random() / 100),
            "para": np.float64(parameters(from_key(key), GRAPH[name]) / 1e6),
        }
    return rows


KEYS = {"cora": (87072, 0, 30224), "proteins": (74578, 1111), "physics": (0, 44437)}


def place_curves(
    folder: Path, name: str, seed: int, change: Callable[[Rows], Any] = lambda rows: None
) -> Path:
    rows = curves(name, seed, KEYS[name])
    change(rows)
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{seed}.bench"
    path.write_bytes(pickled(rows))
    return path


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("curves")
    files = [place_curves(folder, "cora", seed) for seed in range(3)]
    files.append(place_curves(folder, "proteins", 1))
    files.append(place_curves(folder, "proteins", 0, lambda rows: rows.pop(1111)))
    return convert(files, folder)


def test_every_epoch_of_every_training_comes_back(complete: dict[str, Path]) -> None:
    assert list(complete) == ["nbgraph-cora-curves", "nbgraph-proteins-curves"]
    for name, seeds in (("cora", (0, 1, 2)), ("proteins", (1,))):
        benchmark = nasbench.load(complete[f"nbgraph-{name}-curves"])
        metric = GRAPH[name].metric
        columns = [f"{split}_{metric}" for split in ("train", "valid", "test")]
        columns += ["train_loss", "valid_loss", "test_loss", f"test_{metric}_at_best_valid"]
        for seed in seeds:
            for key, record in curves(name, seed, KEYS[name]).items():
                for epoch, row in enumerate(record["dur"], start=1):
                    answer = benchmark.query(str(key), seed=seed, epoch=epoch)
                    scale = [100, 100, 100, 1, 1, 1, 100]
                    assert [answer[column] for column in columns] == np.float32(
                        [s * float(v) for s, v in zip(scale, row, strict=True)]
                    ).tolist()  # fmt: skip
                    assert round(answer[f"valid_{metric}"] / 100, 3) == row[1]


def test_a_training_that_only_some_files_have(complete: dict[str, Path]) -> None:
    benchmark = nasbench.load(complete["nbgraph-proteins-curves"])
    assert benchmark.query("74578", seed=0) != benchmark.query("74578", seed=1)
    benchmark.query("1111", seed=1)
    with pytest.raises(NotRecordedError):
        benchmark.query("1111", seed=0)


def test_latency_is_the_mean_of_the_trainings(complete: dict[str, Path]) -> None:
    benchmark = nasbench.load(complete["nbgraph-cora-curves"])
    for key in KEYS["cora"]:
        latencies = [curves("cora", seed, [key])[key]["latency"] for seed in range(3)]
        answer = benchmark.query(str(key))
        assert answer["latency_gpu_ms"] == pytest.approx(1000 * np.mean(latencies), rel=1e-6)
        assert answer["parameters"] == parameters(from_key(key), GRAPH["cora"])


def test_a_table_of_curves_is_valid_and_can_be_searched(complete: dict[str, Path]) -> None:
    for path in complete.values():
        table = Table(path)
        table.check()
        assert table.metadata.epochs == {EPOCHS: [1, 2, 3, 4]}
        assert table.metadata.recipe["epochs"] == EPOCHS
        assert not table.metadata.complete
        assert "figshare" in table.metadata.source
    runs = nasbench.search(
        "random_search",
        complete["nbgraph-cora-curves"],
        seeds=range(20),
        budget=Budget(epochs=5 * EPOCHS),
    )
    assert [len(run.trials) for run in runs] == [5] * 20


def test_a_training_of_another_network_shows(tmp_path: Path) -> None:
    def swap(rows: Rows) -> None:
        rows[44437]["para"] = rows[0]["para"]

    files = [place_curves(tmp_path, "physics", 0), place_curves(tmp_path, "physics", 1, swap)]
    path = convert(files, tmp_path)["nbgraph-physics-curves"]
    benchmark = nasbench.load(path)
    assert benchmark.query("44437", seed=0)["published_parameters"] == 2_618_885
    assert benchmark.query("44437", seed=1)["published_parameters"] == 2_426_885
    assert benchmark.query("44437", seed=1)["parameters"] == 2_618_885
    refused_files = [
        place_curves(tmp_path / "cora", "cora", 0, lambda rows: rows[0].update(para=1.0))
    ]
    refused(refused_files, tmp_path / "again", "1000000.00 parameters, but its layers have 1736711")


def test_a_loss_that_is_no_number_is_nan(tmp_path: Path) -> None:
    def spoil(rows: Rows) -> None:
        rows[0]["dur"][1] = (0.1, 0.2, 0.3, float("nan"), float("inf"), 1e300, 0.5)

    path = convert([place_curves(tmp_path, "cora", 0, spoil)], tmp_path)["nbgraph-cora-curves"]
    Table(path).check()
    benchmark = nasbench.load(path)
    for split in ("train", "valid", "test"):
        loss = benchmark.curve(from_key(0), f"{split}_loss")
        assert np.isnan(loss).tolist() == [False, True, False, False]
    assert benchmark.query("0", epoch=2)["valid_accuracy"] == 20


def test_a_training_without_a_last_validation_diverged(tmp_path: Path) -> None:
    def spoil(rows: Rows) -> None:
        rows[1111]["dur"][-1] = (*[float("nan")] * 6, 0.5)

    path = convert([place_curves(tmp_path, "proteins", 0, spoil)], tmp_path)
    table = Table(path["nbgraph-proteins-curves"])
    table.check()
    assert table.diverged.tolist() == [True, False]
    assert nasbench.load(table.path).evaluate(from_key(1111)).losses == (float("inf"),)


def test_the_contract_is_kept_with_curves(tmp_path: Path) -> None:
    files = [place_curves(tmp_path, "cora", seed) for seed in range(2)]
    check_importer(NBGraphImporter(), files, work=tmp_path / "work")


def test_a_stopped_import_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [place_curves(tmp_path, "cora", seed) for seed in range(3)]
    whole = convert(files, tmp_path / "whole")["nbgraph-cora-curves"]
    work, importer = tmp_path / "work", NBGraphImporter()

    def stop(done: int, total: int) -> None:
        assert total == 3 * CLASSES
        if done > CLASSES:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(importer.tables(files, work=work, progress=stop))
    read, seen = [], []
    original = nbgraph_curves.read

    def counted(source: Any, progress: Any) -> Any:
        read.append(source.seed)
        return original(source, progress)

    monkeypatch.setattr(nbgraph_curves, "read", counted)
    tables = importer.tables(files, work=work, progress=lambda *step: seen.append(step))
    (path,) = write(tables, tmp_path).values()
    assert read == [1, 2]
    assert seen[-1] == (3 * CLASSES, 3 * CLASSES)
    assert Table(path).metadata == Table(whole).metadata
    assert not (work / "nbgraph").exists()


def set_curve(value: Any) -> Callable[[Rows], Any]:
    return lambda rows: rows[0].__setitem__("dur", value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows[0].pop("dur"), "architecture 0 has no 'dur'"),
        (lambda rows: rows[0].pop("latency"), "architecture 0 has no 'latency'"),
        (lambda rows: rows.update({"0": rows[0]}), "the key '0' is not an integer"),
        (lambda rows: rows.update({9: rows[0]}), "9 is not a key of 'nbgraph'"),
        (lambda rows: rows.update({80: rows[0]}), "80 is the network with the key"),
        (lambda rows: rows.clear(), "holds no architecture"),
        (lambda rows: rows[0]["dur"].pop(), "architecture 0 has 3 epochs, others have 4"),
        (set_curve([]), r"dur is \[\], not rows of 7 numbers"),
        (set_curve(0.5), "dur is 0.5, not rows of 7 numbers"),
        (set_curve([(0.5,) * 6] * EPOCHS), "rows of 7 numbers"),
        (set_curve([(0.5,) * 7, (0.5,) * 6]), "dur has rows of different lengths"),
        (set_curve([("0.5",) * 7] * EPOCHS), "dur is .*'0.5'.*, not rows of 7 numbers"),
        (set_curve([(True,) * 7] * EPOCHS), "rows of 7 numbers"),
        (set_curve([(None,) * 7] * EPOCHS), "rows of 7 numbers"),
        (set_curve([(0.5, 1.5, *[0.5] * 5)] * EPOCHS), r"dur has valid 1\.5, possible are 0\.\.1"),
        (set_curve([(0.5, float("inf"), *[0.5] * 5)] * EPOCHS), "dur has valid inf"),
        (set_curve([(*[0.5] * 6, -0.1)] * EPOCHS), r"dur has best -0\.1"),
        (set_curve([(*[0.5] * 3, -0.1, *[0.5] * 3)] * EPOCHS), r"train_loss -0\.1, .*0\.\.inf"),
    ],
)  # fmt: skip
def test_a_deviation_of_the_curves_is_named(
    tmp_path: Path, change: Callable[[Rows], Any], reason: str
) -> None:
    files = [place_curves(tmp_path, "cora", 0), place_curves(tmp_path, "cora", 1, change)]
    refused(files, tmp_path, rf"cora1\.bench.*{reason}")


@pytest.mark.parametrize("size", [0, 1, 300, -1])
def test_truncated_curves_are_refused(tmp_path: Path, size: int) -> None:
    path = place_curves(tmp_path, "cora", 0)
    path.write_bytes(path.read_bytes()[:size])
    refused([path], tmp_path, rf"cora0\.bench.*{'damaged' if size else 'is empty, not a file of'}")


def test_code_in_curves_is_named_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = place_curves(tmp_path, "cora", 0, lambda rows: rows[0]["dur"].append(Calls(mark)))
    refused([path], tmp_path, rf"cora0\.bench.*'{os.mkdir.__module__}\.mkdir'")
    assert not mark.exists()


def test_files_of_different_lengths_are_refused(tmp_path: Path) -> None:
    def shorten(rows: Rows) -> None:
        for row in rows.values():
            row["dur"].pop()

    files = [place_curves(tmp_path, "cora", 0), place_curves(tmp_path, "cora", 1, shorten)]
    refused(files, tmp_path, r"cora1\.bench has 3 epochs, but .*cora0\.bench has 4")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["cora0.bench", "cora1.bench"], r"cora1\.bench is not a file of the complete data"),
        (["cora0.bench", "wheel.whl"], r"wheel\.whl is not a file of the complete data"),
        (["core0.bench"], "did you mean 'cora'"),
        (["cora0.bench", "cora0.bench"], "are the same graph and seed"),
        (["folder/cora0.bench"], r"folder.cora0\.bench is not a file"),
    ],
)
def test_wrong_files_of_curves_are_named(tmp_path: Path, names: list[str], reason: str) -> None:
    place_curves(tmp_path, "cora", 0)
    (tmp_path / "folder" / "cora0.bench").mkdir(parents=True)
    with pytest.raises(InvalidArgumentError, match=reason):
        list(NBGraphImporter().tables([tmp_path / name for name in names], work=tmp_path))


# --- the published package -----------------------------------------------------------------------


class Numbers(pickle.Unpickler):
    """An independent reader of the files of the package."""

    class Type:
        def __init__(self, *arguments: Any) -> None: ...

        def __setstate__(self, state: Any) -> None: ...

    def find_class(self, module: str, name: str) -> Any:
        assert module in ("numpy", "numpy.core.multiarray")
        return self.Type if name == "dtype" else lambda _, data: np.frombuffer(data, "<f8").item()


@pytest.fixture(scope="module")
def real() -> dict[str, Draft]:
    """The nine tables of the installed package, made without importing it."""
    if find_spec("nas_bench_graph") is None:
        pytest.skip("nas-bench-graph is not installed (it is in the extra 'dev')")
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "nas_bench_graph", raising=False)
        tables = NBGraphImporter().tables([], work=Path("unused"))
        found = {table.metadata.dataset: table for table in tables}
        assert "nas_bench_graph" not in sys.modules
    return found


@pytest.fixture(scope="module")
def published(real: dict[str, Draft]) -> dict[str, Rows]:
    """What the package holds, by the independent reader."""
    spec = find_spec("nas_bench_graph")
    assert spec
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "light"
    files = {name: BytesIO((folder / f"{name}.bench").read_bytes()) for name in real}
    return {name: Numbers(file).load() for name, file in files.items()}


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_every_published_number_is_in_the_table(
    real: dict[str, Draft], published: dict[str, Rows], graph: Graph
) -> None:
    rows, table = published[graph.name], real[graph.name]
    assert table.archs is not None
    archs = [tuple(arch) for arch in table.runs["arch"].to_pylist()]
    assert [to_key(arch) for arch in archs] == sorted(rows)
    assert table.archs["arch"] == table.runs["arch"]
    assert len(rows) == (2021 if graph.name == "proteins" else CLASSES)
    ordered = [rows[key] for key in sorted(rows)]
    for name, field in (("valid", "valid_perf"), ("test", "perf")):
        found = table.runs[f"{name}_{graph.metric}"].combine_chunks().flatten().to_numpy()
        expected = np.float32([100 * row[field] for row in ordered])
        assert found.tolist() == expected.tolist()
    latency = np.float32([1000 * row["latency"] for row in ordered])
    assert table.archs["latency_gpu_ms"].to_pylist() == latency.tolist()
    para = np.array([1e6 * row["para"] for row in ordered])
    counts = table.archs["parameters"].to_numpy()
    if graph.name == "physics":
        assert table.archs["published_parameters"].to_pylist() == para.tolist()
        assert (abs(counts - para) > 0.01).sum() == 1567
    else:
        assert counts == pytest.approx(para, abs=1e-6)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_the_best_of_the_package(real: dict[str, Draft], graph: Graph) -> None:
    table = real[graph.name]
    key, valid, test, _, _ = RECORDS[graph.name][-1]
    values = table.runs[f"valid_{graph.metric}"].combine_chunks().flatten().to_numpy()
    best = np.flatnonzero(values == values.max())
    keys = [to_key(tuple(table.runs["arch"][row].as_py())) for row in best]
    assert key in keys
    assert values.max() / 100 == pytest.approx(valid, rel=1e-7)
    found = table.runs[f"test_{graph.metric}"][best[keys.index(key)]].as_py()[0]
    assert found / 100 == pytest.approx(test, rel=1e-7)


def test_the_real_tables_say_where_they_come_from(real: dict[str, Draft]) -> None:
    for graph in GRAPHS:
        metadata = real[graph.name].metadata
        assert metadata.recipe["release"] == "nas-bench-graph 1.4.0"
        assert graph.sha256 in metadata.source
        assert NAS_BENCH_GRAPH.sha256 in metadata.source
        assert metadata.licence == "Apache-2.0"
        assert "arxiv.org/abs/2206.09166" in metadata.citation
        assert metadata.complete == (graph.name != "proteins")
    assert "In 1,567 of the published" in real["physics"].metadata.description


@pytest.mark.parametrize("name", ["cora", "proteins"])
def test_a_shipped_table_is_that_of_the_package(
    real: dict[str, Draft], name: str, tmp_path: Path
) -> None:
    shipped = Table(SHIPPED / f"nbgraph-{name}.parquet")
    shipped.check()
    (path,) = write([real[name]], tmp_path).values()
    assert shipped.metadata == Table(path).metadata
    assert shipped.columns == Table(path).columns
    assert shipped.arch_columns == Table(path).arch_columns


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(GRAPH) - {"cora", "proteins"}))
def test_every_shipped_table_is_that_of_the_package(
    real: dict[str, Draft], name: str, tmp_path: Path
) -> None:
    test_a_shipped_table_is_that_of_the_package(real, name, tmp_path)


def test_the_shipped_tables_are_small() -> None:
    paths = [SHIPPED / f"nbgraph-{graph.name}.parquet" for graph in GRAPHS]
    assert sum(path.stat().st_size + archs_file(path).stat().st_size for path in paths) < 2_500_000


def test_the_shipped_tables_can_be_searched() -> None:
    runs = nasbench.search(
        "random_search", "nbgraph-proteins", seeds=range(20), budget=Budget(trials=100)
    )
    final = [min(trial.losses[0] for trial in run.trials) for run in runs]
    assert 100 - 85.334 <= min(final) <= max(final) < 20
