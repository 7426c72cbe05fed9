import json
import pickle
import random

import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.catalogue import SHIPPED, catalogue, is_surrogate
from nasbench.benchmarks.facts import surrogate_facts
from nasbench.benchmarks.surrogate.benchmark import SurrogateBenchmark
from nasbench.errors import (
    IllegalArchError,
    InvalidArgumentError,
    NotRecordedError,
    SurrogateError,
    UnknownNameError,
)
from nasbench.storage.files import json_digest
from nasbench.testing import check_algorithm
from surrogates.fit import fit

TEXTS = ("title", "description", "source", "licence", "citation", "content_hash")
"""What the content hash of a surrogate leaves out."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    forest = {"regressor": "random_forest", "hyperparameters": {"trees": 20}}
    return fit("lite201-digits", home, train=400, searches=0, **forest).path


@pytest.fixture(scope="module")
def surrogate(folder):
    return nasbench.load(folder)


@pytest.fixture(scope="module")
def archs(surrogate):
    rng = random.Random(0)
    return [surrogate.space.sample(rng) for _ in range(60)]


def test_one_by_one_as_in_batches(surrogate, archs):
    for metric in ("valid_accuracy", "test_accuracy", "seconds", "valid_accuracy_std"):
        for epoch in (1, 8):
            many = surrogate.query_many(np.array(archs), metric, epoch=epoch)
            single = [surrogate.query(arch, epoch=epoch)[metric] for arch in archs]
            np.testing.assert_allclose(many, single, rtol=1e-6)
    many = surrogate.query_many(np.array(archs[:20]), "valid_accuracy", seed=4)
    single = [surrogate.query(arch, seed=4)["valid_accuracy"] for arch in archs[:20]]
    np.testing.assert_allclose(many, single, rtol=1e-6)


@pytest.mark.parametrize("seed", [None, 5])
def test_an_uncertainty_is_there_for_many_as_for_one(folder, archs, seed, monkeypatch):
    """A single training has none, and neither has a model that is certain of its answers."""
    opened = nasbench.load(folder)
    if seed is None:
        monkeypatch.setattr(opened.predictor, "factor", 0 * opened.predictor.factor)
        monkeypatch.setattr(opened.predictor, "floor", 0 * opened.predictor.floor)
    with pytest.raises(NotRecordedError, match="does not answer for 'valid_accuracy_std'"):
        opened.query(archs[0], seed=seed)["valid_accuracy_std"]
    with pytest.raises(NotRecordedError, match="does not answer for 'valid_accuracy_std'"):
        opened.query_many(np.array(archs[:9]), "valid_accuracy_std", seed=seed)


def test_the_model_is_asked_once_for_all_seeds_and_metrics_of_the_same_networks(
    folder, archs, monkeypatch
):
    surrogate = nasbench.load(folder)
    asked = []
    predict = surrogate.predictor.predict
    monkeypatch.setattr(
        surrogate.predictor,
        "predict",
        lambda rows, **options: asked.append(len(rows)) or predict(rows, **options),
    )
    first, second = np.array(archs[:20]), np.array(archs[20:40])
    for seed in range(3):
        surrogate.query_many(first, "valid_accuracy", seed=seed)
        surrogate.query_many(first, "test_accuracy", seed=seed)
    assert len(asked) == 1
    surrogate.query_many(first, "seconds")  # which the model leaves out unless they are asked
    surrogate.query_many(first, "valid_accuracy")
    assert len(asked) == 2
    other = surrogate.query_many(second, "valid_accuracy")
    assert len(asked) == 3
    np.testing.assert_array_equal(other, nasbench.load(folder).query_many(second, "valid_accuracy"))


def test_a_training_is_one_curve(surrogate, archs):
    for arch in archs[:10]:
        curve = surrogate.curve(arch, "valid_accuracy", seed=9)
        for epoch in surrogate.fidelities:
            assert surrogate.query(arch, epoch=epoch, seed=9)["valid_accuracy"] == curve[epoch - 1]
            loss = surrogate.evaluate(arch, epoch=epoch, seed=9).losses[0]
            assert loss == pytest.approx(100 - curve[epoch - 1])
        assert (np.diff(surrogate.curve(arch, "seconds")) >= 0).all()


def test_trainings_differ_and_are_kept(surrogate, folder, archs):
    arch = archs[0]
    drawn = [surrogate.query(arch, seed=seed)["valid_accuracy"] for seed in range(50)]
    assert len(set(drawn)) > 25
    fresh = SurrogateBenchmark(folder)
    assert drawn[::-1] == [
        fresh.query(arch, seed=seed)["valid_accuracy"] for seed in reversed(range(50))
    ]
    assert surrogate.query(arch, seed=2**63 - 1) == fresh.query(arch, seed=2**63 - 1)


def test_identical_networks_have_identical_trainings(surrogate):
    space = surrogate.space
    arch = next(a for a in map(space.unrank, range(15_625)) if space.canonical(a) != a)
    assert surrogate.query(arch, seed=1) == surrogate.query(space.canonical(arch), seed=1)
    assert surrogate.trainings(arch) == surrogate.trainings(space.canonical(arch))


def test_nothing_impossible_is_answered(surrogate):
    archs = np.array([surrogate.space.unrank(rank) for rank in range(0, 15_625, 11)])
    for metric in surrogate.columns:
        for seed in (None, 3):
            values = surrogate.query_many(archs, metric, epoch=1, seed=seed)
            assert values.min() >= 0
            assert values.max() <= 100


def test_noise_is_as_large_as_on_the_table(surrogate):
    table = nasbench.load("lite201-digits")
    archs = np.array([table.space.unrank(int(rank)) for rank in np.unique(table.table.ranks)])
    for epoch in (1, 8):
        stds = []
        for asked in (table, surrogate):
            a, b = (asked.query_many(archs, "valid_accuracy", epoch=epoch, seed=s) for s in (0, 1))
            stds.append(np.std(a - b))
        assert stds[1] == pytest.approx(stds[0], rel=0.35)


def test_searches_are_the_same_on_every_process_count(folder):
    asked = {"seeds": range(30), "budget": nasbench.Budget(trials=20)}
    one = nasbench.search("regularized_evolution", folder, **asked)
    two = nasbench.search("regularized_evolution", folder, **asked, processes=2)
    assert [run.losses.tolist() for run in one] == [run.losses.tolist() for run in two]
    assert one[0].training_seeds.min() >= 0


def test_trainings_are_resumed(folder):
    runs = nasbench.search("hyperband", folder, budget=nasbench.Budget(epochs=200))
    assert (runs[0].resumes >= 0).any()


@pytest.mark.parametrize("replicate", ["mean", 5])
def test_replicates(folder, replicate):
    (run,) = nasbench.search(
        "random_search", folder, budget=nasbench.Budget(trials=5), replicate=replicate
    )
    assert set(run.training_seeds.tolist()) == {-1 if replicate == "mean" else 5}


def test_algorithms_keep_their_contract_here(surrogate):
    from algorithms.evolution.regularized_evolution import RegularizedEvolution

    check_algorithm(RegularizedEvolution, surrogate)


def test_another_process_gets_the_same(surrogate, archs):
    copy = pickle.loads(pickle.dumps(surrogate))
    assert copy.query(archs[0], seed=3) == surrogate.query(archs[0], seed=3)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda b: b.query((0, 0, 0)), IllegalArchError, "6"),
        (lambda b: b.query((0, 0, 0, 0, 0, 9)), IllegalArchError, "9"),
        (lambda b: b.evaluate([0] * 5), IllegalArchError, "6 integers"),
        (lambda b: b.query((0,) * 6, epoch=12), NotRecordedError, "epoch 12"),
        (lambda b: b.query((0,) * 6, schedule=12), NotRecordedError, "schedule"),
        (lambda b: b.query((0,) * 6, seed=-1), InvalidArgumentError, "seed"),
        (lambda b: b.query((0,) * 6, seed="0"), InvalidArgumentError, "seed = '0' must be an int"),
        (lambda b: b.query((0,) * 6, epoch=True), InvalidArgumentError, "epoch = True must be"),
        (lambda b: b.query((0,) * 6, epoch=8.0), InvalidArgumentError, "epoch = 8.0 must be"),
        (lambda b: b.query((0,) * 6, schedule="8"), InvalidArgumentError, "schedule = '8' must"),
        (lambda b: b.evaluate((0,) * 6, epoch=8.0), InvalidArgumentError, "epoch = 8.0 must be"),
        (lambda b: b.query((0,) * 6)["valid_acuracy"], NotRecordedError, "valid_accuracy"),
        (lambda b: b.curve((0,) * 6, "loss"), NotRecordedError, "loss"),
        (lambda b: b.evaluate((0,) * 6, epoch=9), NotRecordedError, "epoch 9"),
        (lambda b: b.query_many(np.zeros((3, 5), int), "valid_accuracy"), IllegalArchError, "6"),
        (lambda b: b.query_many(np.full((3, 6), 7), "valid_accuracy"), IllegalArchError, "7"),
        (lambda b: b.query_many(np.zeros((3, 6), int), "parameters"), NotRecordedError, "param"),
        (lambda b: b.column("macs"), NotRecordedError, "macs"),
    ],
)
def test_bad_questions(surrogate, ask, error, message):
    with pytest.raises(error, match=message):
        ask(surrogate)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"objectives": ["parameters"]}, UnknownNameError),
        ({"objectives": []}, InvalidArgumentError),
        ({"known": ["parameters"]}, InvalidArgumentError),
    ],
)
def test_bad_openings(folder, arguments, error):
    with pytest.raises(error):
        nasbench.load(folder, **arguments)


def test_shipped_surrogates_are_whole_and_answer():
    folders = [path for paths in catalogue().values() for path in paths if is_surrogate(path)]
    assert [path.name for path in folders if path.parent == SHIPPED] == ["darts-fashion-surrogate"]
    shipped = nasbench.load("darts-fashion-surrogate")
    table = nasbench.load("darts-fashion")
    assert shipped.description.table["content_hash"] == table.content_hash
    assert shipped.description.repeated == 30
    assert shipped.description.judged["led_astray"] < 0.05
    assert "ceiling" not in (shipped.path / "README.md").read_text()
    recorded = np.array(list(table.space.archs()))
    found = shipped.query_many(recorded, "valid_accuracy")
    assert np.corrcoef(found, table.query_many(recorded, "valid_accuracy"))[0, 1] > 0.4
    (run,) = nasbench.search("local_search", shipped.name, budget=nasbench.Budget(trials=20))
    assert len(run) == 20


def test_folders_without_a_declaration_of_their_noise_still_open(copied):
    path = copied / "surrogate.json"
    document = json.loads(path.read_text())
    del document["repeated"]
    hashed = {k: v for k, v in document.items() if k not in TEXTS}
    path.write_text(json.dumps(document | {"content_hash": json_digest(hashed)}))
    opened = nasbench.load(copied)
    assert opened.query((0,) * 6, seed=1) != opened.query((0,) * 6, seed=2)
    assert surrogate_facts(opened)["noise"].startswith("not declared")


@pytest.fixture
def copied(folder, tmp_path):
    import shutil

    return shutil.copytree(folder, tmp_path / folder.name)


def test_damaged_files_are_refused(copied):
    for path in sorted(copied.rglob("*.npz")):
        whole = path.read_bytes()
        for damaged in (whole[:-7], whole[:100] + b"\0" + whole[101:], b""):
            path.write_bytes(damaged)
            with pytest.raises(SurrogateError, match="damaged"):
                nasbench.load(copied).query((0,) * 6)
        path.unlink()
        with pytest.raises(SurrogateError, match="missing"):
            nasbench.load(copied).query((0,) * 6)
        path.write_bytes(whole)
    assert nasbench.load(copied).query((0,) * 6)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d | {"space": "nbmacro"},
        lambda d: d | {"components": 3},
        lambda d: d | {"epochs": [1, 2]},
        lambda d: d | {"unknown": 1},
        lambda d: {k: v for k, v in d.items() if k != "files"},
        lambda d: d | {"schema": 99},
        lambda d: [],
    ],
)
def test_changed_descriptions_are_refused(copied, change):
    path = copied / "surrogate.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(SurrogateError):
        nasbench.load(copied)
    path.write_text("{")
    with pytest.raises(SurrogateError):
        nasbench.load(copied)


def rewrite(folder, **changes):
    """Change a description and give it the hash that it then has."""
    path = folder / "surrogate.json"
    document = json.loads(path.read_text()) | changes
    hashed = {k: v for k, v in document.items() if k not in TEXTS}
    path.write_text(json.dumps(document | {"content_hash": json_digest(hashed)}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "../../escaped"}, "id = '../../escaped' is not a name of letters"),
        ({"id": "other"}, "holds the surrogate other@1: rename it to 'other'"),
        ({"regressor": "os:system"}, "regressor = 'os:system' is not a registered name"),
        ({"space": "json:JSONDecoder"}, "needs a registered space"),
        ({"hyperparameters": {"trees": 10**400}}, "hyperparameters = .* is not an object of texts"),
        ({"epochs": [1, 1, 2]}, r"epochs = \[1, 1, 2\] do not ascend within 1..8"),
        ({"epochs": "12"}, "epochs = '12' is not a list"),
        ({"columns": {"valid_accuracy": {"unit": 3}}}, "columns = .* is not an object with the"),
        ({"default_objective": "speed"}, "default_objective = 'speed' is none of its columns"),
        ({"default_objective": 3}, "default_objective = 3 is not null or 1 to 100 printable"),
        ({"components": 0}, "components = 0 is not an integer from 1 to 1,000,000"),
        ({"left_out": 3}, "left_out = 3 is not text"),
        ({"files": {"../x": "0" * 64}}, "files = .* is not an object of files below the folder"),
        ({"table": {"id": "x"}}, "table = .* is not the id, version"),
        ({"judged": {"r2": 10**400}}, "judged = .* is not an object of numbers"),
        ({"new": 1}, "has the unknown entries 'new'"),
    ],
)
def test_an_impossible_description_is_refused(copied, changes, message):
    rewrite(copied, **changes)
    with pytest.raises(SurrogateError, match=message):
        nasbench.load(copied)


def test_a_description_that_is_nested_deeply_is_refused(copied):
    (copied / "surrogate.json").write_text("[" * 100_000)
    with pytest.raises(SurrogateError, match="nested more than"):
        nasbench.load(copied)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "linear"}, "says that its model is 'linear', but 'random_forest' is"),
        ({"clocked": False}, "do not match its description"),
        ({"components": 1}, "does not fit its description"),
        ({"regressor": "unheard_of"}, "no regressor is called 'unheard_of'"),
        (
            {"regressor": "ensemble", "hyperparameters": {"regressor": "os:system"}},
            "no regressor is called 'os:system'; a file can name only what is registered",
        ),
    ],
)
def test_a_model_that_is_not_described_is_refused(copied, changes, message):
    rewrite(copied, **changes)
    with pytest.raises(SurrogateError, match=message):
        nasbench.load(copied).query((0,) * 6)


def test_a_link_in_a_folder_is_not_followed(copied, tmp_path):
    path = copied / "curves.npz"
    path.rename(tmp_path / "elsewhere.npz")
    path.symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(SurrogateError, match=r"curves\.npz is a link"):
        nasbench.load(copied).query((0,) * 6)


def test_huge_answers_are_refused(copied):
    benchmark = nasbench.load(copied)
    benchmark.predictor.typical = np.array([60.0, 0.0])
    benchmark.predictor._costs = {}
    with pytest.raises(SurrogateError, match=r"not finite or beyond 1e\+12"):
        benchmark.query((0,) * 6)
    with pytest.raises(SurrogateError, match=r"not finite or beyond 1e\+12"):
        benchmark.query_many(np.zeros((1, 6), dtype=int), "seconds")
