"""The clock of a table: fit of known times, cumulative seconds, the file."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_builders import calibration
from data_builders.calibration import Calibration, calibrate, measure, timed_sample
from data_builders.datasets import Split, load_split
from data_builders.networks.lite201 import Lite201
from data_builders.recipe import load_plan
from data_builders.shards import sample_classes, trainable_classes
from nasbench.errors import BuildError
from nasbench.space import Arch

RECIPE = replace(
    load_plan("lite201-digits").recipe, channels=4, train=64, valid=64, test=64, epochs=5, batch=16
)
STEP = (2e-3, 1e-5, 1e-3, 1.5e-3, 3e-4)  # seconds: network, skip, 1x1, 3x3, pooling
VALIDATION = (4e-3, 2e-4, 3e-3, 5e-3, 3.5e-3)
KNOWN = Calibration(STEP, VALIDATION, 0.01, 0.02, 100, {"processor": "p", "threads": "1"})
SINGLES: list[Arch] = [(0, 0, 0, option, 0, 0) for option in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split(RECIPE)


@pytest.fixture(scope="module")
def archs() -> list[Arch]:
    return timed_sample(Lite201, sample_classes(Lite201, 60), trainable_classes(Lite201))


def synthetic(monkeypatch: pytest.MonkeyPatch, noise: Callable[[int], NDArray[np.float64]]) -> None:
    """Replace the stop-watch: times follow the known coefficients, times ``noise(n)``."""

    def times(archs: Sequence[Arch], *_: object) -> NDArray[np.float64]:
        terms = np.array([list(Lite201.cost_terms(arch).values()) for arch in archs])
        exact = np.stack([terms @ STEP, terms @ VALIDATION], axis=1)
        return exact * noise(len(archs))[:, None]

    monkeypatch.setattr(calibration, "measure", times)


def test_the_fit_recovers_known_coefficients(
    archs: list[Arch], split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic(monkeypatch, np.ones)
    fitted = calibrate(archs, RECIPE, split)
    np.testing.assert_allclose(fitted.step, STEP, rtol=1e-5)
    np.testing.assert_allclose(fitted.validation, VALIDATION, rtol=1e-5)
    assert fitted.step_error < 1e-5
    assert fitted.classes == len(archs)
    assert fitted.machine["threads"] == "1"
    assert fitted.machine["torch"] == torch.__version__


def test_a_noisy_stop_watch_moves_the_constant_little(
    archs: list[Arch], split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        synthetic(monkeypatch, lambda n, rng=rng: rng.uniform(0.8, 1.2, n))
        fitted = calibrate(archs, RECIPE, split)
        assert fitted.step[0] == pytest.approx(STEP[0], rel=0.2)
        assert fitted.validation[0] == pytest.approx(VALIDATION[0], rel=0.2)
        assert 0.05 < fitted.step_error < 0.15


def test_a_disturbed_stop_watch_still_gives_a_constant(
    archs: list[Arch], split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = np.where(np.random.default_rng(0).random(len(archs)) < 0.15, 2.0, 1.0)
    synthetic(monkeypatch, lambda n: slow)
    fitted = calibrate(archs, RECIPE, split)
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
    archs: list[Arch], split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    during: list[int] = []

    def times(archs: Sequence[Arch], *_: object) -> NDArray[np.float64]:
        during.append(torch.get_num_threads())
        raise BuildError("no clock")

    monkeypatch.setattr(calibration, "measure", times)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(BuildError, match="no clock"):
            calibrate(archs, RECIPE, split)
        assert (during, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(threads)


def test_times_are_measured_round_by_round(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock runs a thousand times too fast in the first round: the medians do not see it."""
    looks = 0

    def clock() -> float:
        nonlocal looks
        looks += 1
        in_first_round = looks <= 2 * 2 * (calibration.STEPS_A_ROUND + 1)
        return float(looks * (1000 if in_first_round else 1))

    monkeypatch.setattr(calibration, "perf_counter", clock)
    monkeypatch.setattr(calibration, "ROUNDS", 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times = measure(SINGLES[:2], RECIPE, split)
    torch.set_num_threads(threads)
    assert looks == 3 * 2 * 2 * (calibration.STEPS_A_ROUND + 1)
    assert times.tolist() == [[1.0, 1.0], [1.0, 1.0]]


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


def test_save_and_load_are_inverse(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    KNOWN.save(path)
    assert Calibration.load(path) == KNOWN
    assert set(json.loads(path.read_text())) == {
        "step", "validation", "step_error", "validation_error", "classes", "machine"
    }  # fmt: skip
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    KNOWN.save(path)
    text = path.read_text()
    document = json.loads(text)
    texts = [text[: len(text) // 2], "", "[]", "3"]
    for name in document:
        texts.append(json.dumps({key: value for key, value in document.items() if key != name}))
    for change in (
        {"step": [0.1, -0.1, 0, 0, 0]},
        {"step": [float("nan"), 0, 0, 0, 0]},
        {"step": [0.1]},
        {"step": []},
        {"validation": None},
        {"validation": ["a"] * 5},
        {"step_error": "much"},
        {"unknown": 1},
    ):
        texts.append(json.dumps(document | change))
    for damaged in texts:
        path.write_text(damaged)
        with pytest.raises(BuildError, match=r"calibration\.json is damaged .* measure again"):
            Calibration.load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BuildError, match="is damaged"):
        Calibration.load(path)
    with pytest.raises(BuildError, match="is damaged"):
        Calibration.load(tmp_path / "absent.json")


def test_a_calibration_of_another_network_is_refused() -> None:
    other = replace(KNOWN, step=STEP[:4], validation=VALIDATION[:4])
    with pytest.raises(BuildError, match="4 terms, 'lite201' has 5"):
        other.seconds(SINGLES[0], RECIPE)
