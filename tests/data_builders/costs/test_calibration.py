"""The clock of a table: fit of known times, cumulative seconds, the file."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import lsq_linear

import nasbench
from data_builders.builds.shards import sample_classes, trainable_classes
from data_builders.costs import fit
from data_builders.costs.calibration import Calibration
from data_builders.costs.fit import calibrate, timed_sample
from data_builders.networks.lite201 import Lite201
from data_builders.origin import Origin
from data_builders.plan import load_plan
from data_builders.training.image_course import ImageCourse
from nasbench.errors import BuildError, InvalidArgumentError
from nasbench.space import Arch

RECIPE = replace(
    load_plan("lite201-digits").recipe, channels=4, train=64, valid=64, test=64, epochs=5, batch=16
)
STEP = (2e-3, 1e-5, 1e-3, 1.5e-3, 3e-4)  # seconds: network, skip, 1x1, 3x3, pooling
VALIDATION = (4e-3, 2e-4, 3e-3, 5e-3, 3.5e-3)
LATENCY = (5e-4, 1e-5, 2e-4, 3e-4, 4e-5)
ORIGIN = Origin("0" * 64, {"trainer": "reference"})
BEFORE_LATENCY = Calibration(STEP, VALIDATION, 0.01, 0.02, 100, {"processor": "p", "threads": "1"})
KNOWN = replace(
    BEFORE_LATENCY,
    latency=LATENCY,
    latency_error=0.03,
    step_error_90=0.04,
    validation_error_90=0.05,
    latency_error_90=0.06,
)
SINGLES: list[Arch] = [(0, 0, 0, option, 0, 0) for option in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def course() -> ImageCourse:
    return ImageCourse.of(RECIPE)


@pytest.fixture(scope="module")
def archs() -> list[Arch]:
    return timed_sample(Lite201, sample_classes(Lite201, 60), trainable_classes(Lite201))


def synthetic(monkeypatch: pytest.MonkeyPatch, noise: Callable[[int], NDArray[np.float64]]) -> None:
    """Replace the stop-watch: times follow the known coefficients, times ``noise(n)``."""

    def times(archs: Sequence[Arch], *_: object) -> NDArray[np.float64]:
        terms = np.array([list(Lite201.cost_terms(arch).values()) for arch in archs])
        exact = np.stack([terms @ STEP, terms @ VALIDATION, terms @ LATENCY], axis=1)
        return exact * noise(len(archs))[:, None]

    monkeypatch.setattr(fit, "measure", times)


def test_the_fit_recovers_known_coefficients(
    archs: list[Arch], course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic(monkeypatch, np.ones)
    fitted = calibrate(archs, course)
    np.testing.assert_allclose(fitted.step, STEP, rtol=1e-5)
    np.testing.assert_allclose(fitted.validation, VALIDATION, rtol=1e-5)
    np.testing.assert_allclose(fitted.latency, LATENCY, rtol=1e-5)
    assert fitted.latency_error is not None
    assert max(fitted.step_error, fitted.validation_error, fitted.latency_error) < 1e-5
    assert fitted.classes == len(archs)
    assert (fitted.machine["device"], fitted.machine["batch"]) == ("cpu", "16")
    assert (fitted.machine["validation_batch"], fitted.machine["latency_batch"]) == ("64", "1")
    assert fitted.machine["threads"] == "1"
    assert fitted.machine["torch"] == torch.__version__


def test_a_noisy_stop_watch_moves_the_constant_little(
    archs: list[Arch], course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        synthetic(monkeypatch, lambda n, rng=rng: rng.uniform(0.8, 1.2, n))
        fitted = calibrate(archs, course)
        assert fitted.step[0] == pytest.approx(STEP[0], rel=0.2)
        assert fitted.validation[0] == pytest.approx(VALIDATION[0], rel=0.2)
        assert 0.05 < fitted.step_error < 0.15


def test_errors_are_of_classes_that_the_fit_has_not_seen(
    archs: list[Arch], course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same folds, fitted by another solver."""
    noise = np.random.default_rng(1).uniform(0.7, 1.3, len(archs))
    synthetic(monkeypatch, lambda n: noise)
    fitted = calibrate(archs, course)
    terms = np.array([list(Lite201.cost_terms(arch).values()) for arch in archs])
    folds = np.random.default_rng(0).permutation(len(archs)) % 10
    for exact, median, high in (
        (terms @ STEP, fitted.step_error, fitted.step_error_90),
        (terms @ VALIDATION, fitted.validation_error, fitted.validation_error_90),
        (terms @ LATENCY, fitted.latency_error, fitted.latency_error_90),
    ):
        times, errors = exact * noise, []
        for held in range(10):
            known, unseen = folds != held, folds == held
            scaled = terms[known] / times[known, None]
            found = lsq_linear(scaled, np.ones(known.sum()), (0, np.inf), method="bvls", tol=1e-13)
            errors += list(np.abs(terms[unseen] @ found.x / times[unseen] - 1))
        assert median == pytest.approx(np.median(errors), rel=1e-6)
        assert high == pytest.approx(np.quantile(errors, 0.9), rel=1e-6)


def test_a_disturbed_stop_watch_still_gives_a_constant(
    archs: list[Arch], course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = np.where(np.random.default_rng(0).random(len(archs)) < 0.15, 2.0, 1.0)
    synthetic(monkeypatch, lambda n: slow)
    fitted = calibrate(archs, course)
    assert fitted.step[0] > 0.5 * STEP[0]
    assert fitted.validation[0] > 0.5 * VALIDATION[0]
    assert min(fitted.step + fitted.validation) >= 0


def test_the_sample_holds_the_classes_with_one_live_edge() -> None:
    classes = trainable_classes(Lite201)
    for n in (1, 20):
        drawn = sample_classes(Lite201, n)
        sample = timed_sample(Lite201, drawn, classes)
        assert sample == sorted({*drawn, *SINGLES})


def test_threads_are_given_back(
    archs: list[Arch], course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[int] = []

    def times(archs: Sequence[Arch], *_: object) -> NDArray[np.float64]:
        during.append(torch.get_num_threads())
        raise BuildError("no clock")

    monkeypatch.setattr(fit, "measure", times)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(BuildError, match="no clock"):
            calibrate(archs, course)
        assert (during, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(threads)


def test_a_calibration_on_this_machine_is_sound(
    course: ImageCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = replace(fit.stopwatch("cpu"), rounds=2)
    monkeypatch.setattr(fit, "stopwatch", lambda device: watch)
    archs = sorted({*SINGLES, *sample_classes(Lite201, 3)})
    fitted = calibrate(archs, course)
    assert len(fitted.step) == len(fitted.validation) == len(fitted.latency) == len(STEP)
    assert all(sum(fit) > 0 for fit in (fitted.step, fitted.validation, fitted.latency))
    assert fitted.machine["timed"] == "least processor time of a thread"


def test_a_device_that_there_is_not_is_an_error(archs: list[Arch], course: ImageCourse) -> None:
    with pytest.raises(InvalidArgumentError, match="device = 'gpu'"):
        calibrate(archs, course, "gpu")


def test_seconds_accumulate_over_the_epochs() -> None:
    arch: Arch = (3, 0, 2, 1, 0, 4)  # all of its four edges are live
    seconds, validation = KNOWN.seconds(arch, RECIPE)
    one_epoch = 4 * (2e-3 + 1e-5 + 1e-3 + 1.5e-3 + 3e-4)
    assert seconds.dtype == np.float32
    np.testing.assert_allclose(seconds, [one_epoch * e for e in range(1, 6)], rtol=1e-6)
    assert validation == pytest.approx(4e-3 + 2e-4 + 3e-3 + 5e-3 + 3.5e-3)


def test_dead_edges_cost_nothing_and_a_disconnected_cell_costs_the_network() -> None:
    assert KNOWN.seconds((0, 0, 3, 1, 0, 0), RECIPE)[1] == KNOWN.seconds(SINGLES[0], RECIPE)[1]
    seconds, validation = KNOWN.seconds((0,) * 6, RECIPE)
    assert seconds[0] == pytest.approx(4 * STEP[0])
    assert validation == VALIDATION[0]


def test_a_latency_is_a_number_of_an_architecture() -> None:
    arch: Arch = (3, 0, 2, 1, 0, 4)
    milliseconds = 1e3 * (5e-4 + 1e-5 + 2e-4 + 3e-4 + 4e-5)
    assert KNOWN.arch_numbers(arch, RECIPE) == {"latency_cpu_ms": pytest.approx(milliseconds)}
    on_gpu = replace(KNOWN, machine={"device": "cuda"})
    assert list(on_gpu.arch_numbers(arch, RECIPE)) == ["latency_gpu_ms"]
    assert BEFORE_LATENCY.arch_numbers(arch, RECIPE) == {}


def test_columns_say_what_was_fitted_and_how_well() -> None:
    terms = Lite201.cost_terms(SINGLES[0])
    columns = {column.name: column for column in KNOWN.columns(terms)}
    assert list(columns) == ["seconds", "validation_seconds", "latency_cpu_ms"]
    assert [column.unit for column in columns.values()] == ["s", "s", "ms"]
    assert {column.goal for column in columns.values()} == {"min"}
    for column in columns.values():
        assert "live nor_conv_3x3" in column.description
        assert "100 classes timed alone" in column.description
    assert columns["seconds"].description.endswith("median error 1.0 %, 90th percentile 4.0 %")
    older = BEFORE_LATENCY.columns(terms)
    assert [column.name for column in older] == ["seconds", "validation_seconds"]
    assert older[1].description.endswith("median error 2.0 %")


@pytest.mark.parametrize("known", [KNOWN, BEFORE_LATENCY])
def test_save_and_load_are_inverse(known: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    known.save(path, ORIGIN)
    assert Calibration.load(path, ORIGIN) == known
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_calibration_from_before_latencies_gives_the_same_seconds() -> None:
    document = json.loads(
        """{
 "step": [0.00134904, 1.89843e-05, 0.00104243, 0.00150907, 0.000255569],
 "validation": [0.00349463, 0.000367354, 0.00334626, 0.00560504, 0.0038241],
 "step_error": 0.021407957689563217,
 "validation_error": 0.037127224037145856,
 "classes": 100,
 "machine": {"processor": "x86_64", "python": "3.11.7", "threads": "1", "torch": "2.13.0+cpu"}
}"""
    )
    seconds, validation = Calibration.decode(document).seconds(
        (3, 0, 2, 1, 0, 4), load_plan("lite201-digits").recipe
    )
    assert [f"{s:.9f}" for s in seconds[[0, 1, 7]]] == ["0.041750934", "0.083501868", "0.334007472"]
    assert validation == 0.016637384


@pytest.mark.parametrize("name", ["lite201-digits", "lite201-fashion"])
def test_the_seconds_of_a_shipped_table_are_those_of_its_calibration(name: str) -> None:
    table, recipe = nasbench.load(name).table, load_plan(name).recipe
    known = Calibration.decode(table.metadata.recipe["calibration"])
    curves = table.curves("seconds", recipe.epochs)
    validation = table.numbers("validation_seconds", recipe.epochs)
    for row in range(0, len(curves), 97):
        if not table.diverged[row]:
            seconds, of_validation = known.seconds(tuple(table.archs[row].tolist()), recipe)
            assert curves[row].tolist() == seconds.tolist()
            assert validation[row] == np.float32(of_validation)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    KNOWN.save(path, ORIGIN)
    text = path.read_text()
    document = json.loads(text)
    texts = [text[: len(text) // 2], "", "[]", "3", "[" * 100_000]
    for name in ("step", "validation", "step_error", "validation_error", "classes", "machine"):
        texts.append(json.dumps({key: value for key, value in document.items() if key != name}))
    for change in (
        {"step": [0.1, -0.1, 0, 0, 0]},
        {"step": [float("nan"), 0, 0, 0, 0]},
        {"step": [0.1]},
        {"step": []},
        {"validation": None},
        {"validation": ["a"] * 5},
        {"latency": [0.1]},
        {"latency": [0.1, -0.1, 0, 0, 0]},
        {"step_error": "much"},
        {"latency_error_90": "much"},
        {"unknown": 1},
        {"step": [10**400, 0, 0, 0, 0]},
        {"step_error": 10**400},
        {"classes": "many"},
        {"machine": {"device": 3}},
    ):
        texts.append(json.dumps(document | change))
    for damaged in texts:
        path.write_text(damaged)
        with pytest.raises(BuildError, match=r"calibration\.json is damaged .* measure again"):
            Calibration.load(path, ORIGIN)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BuildError, match="is damaged"):
        Calibration.load(path, ORIGIN)
    with pytest.raises(BuildError, match="is damaged"):
        Calibration.load(tmp_path / "absent.json", ORIGIN)


def test_a_calibration_of_another_network_is_refused() -> None:
    other = replace(KNOWN, step=STEP[:4], validation=VALIDATION[:4])
    with pytest.raises(BuildError, match="4 terms, 'lite201' has 5"):
        other.seconds(SINGLES[0], RECIPE)
