from dataclasses import replace

import numpy as np
import pytest

import nasbench
from nasbench.errors import InvalidArgumentError, NotRecordedError

pytest.importorskip("syne_tune", reason="needs the extra synetune")

from nasbench.tools.synetune import blackbox


@pytest.fixture
def whole(content, tmp_path):
    """The toy table, a space of its six cells."""
    toy = content()
    metadata = replace(toy.metadata, complete=False)
    return replace(toy, metadata=metadata).load(
        tmp_path, objectives=["valid_accuracy", "parameters"]
    )


def test_values_are_those_of_the_trainings(whole, archs):
    made = blackbox(whole)
    assert made.objectives_names == ["valid_accuracy_loss", "parameters_loss", "seconds"]
    assert made.fidelity_values.tolist() == [1, 2, 3, 4]
    # 2 or 3 trainings a cell, so that 6 seeds draw every one with the same chance
    assert made.objectives_evaluations.shape == (5**6, 6, 4, 3)
    for arch in archs:
        seeds, row = whole.trainings(arch).seeds, whole.space.rank(arch)
        for k in range(6):
            for epoch in (1, 2, 3, 4):
                expected = whole.evaluate(arch, epoch=epoch, seed=seeds[k % len(seeds)])
                *losses, seconds = made.objectives_evaluations[row, k, epoch - 1].tolist()
                assert losses == list(expected.losses)
                assert seconds == expected.seconds


def test_an_illegal_choice_is_answered_by_the_legal_one_nearest_to_it(whole):
    made = blackbox(whole)
    for arch in [(0, 0, 0, 4, 0, 0), (2, 1, 1, 1, 1, 1)]:
        assert arch not in whole.space
        asked, legal = (
            made(whole.space.to_configuration(each), fidelity={"epoch": 4}, seed=0)
            for each in (arch, whole.space.repair(arch))
        )
        assert asked == legal


def test_configurations_are_those_of_the_space():
    benchmark = nasbench.load("fcnet-protein")
    made = blackbox(benchmark)
    space = benchmark.space
    configurations = made.all_configurations()
    assert len(configurations) == space.size
    for configuration in configurations[::997]:
        assert space.to_configuration(space.from_configuration(configuration)) == configuration
    rng = np.random.RandomState(0)
    for _ in range(50):
        drawn = {n: d.sample(random_state=rng) for n, d in made.configuration_space.items()}
        arch = space.from_configuration(drawn)
        losses = [benchmark.evaluate(arch, seed=seed).losses[0] for seed in (0, 1, 2, 3)]
        found = made.objectives_evaluations[space.rank(arch), :, 0, 0]
        assert found.tolist() == pytest.approx(losses, rel=1e-6)


def test_the_simulator_runs_a_scheduler_on_the_table(monkeypatch, tmp_path):
    from syne_tune import StoppingCriterion, Tuner
    from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
    from syne_tune.blackbox_repository import UserBlackboxBackend
    from syne_tune.experiments import load_experiment
    from syne_tune.optimizer.baselines import ASHA

    monkeypatch.setenv("SYNETUNE_FOLDER", str(tmp_path))
    benchmark = nasbench.load("lite201-digits")
    made = blackbox(benchmark)
    scheduler = ASHA(
        made.configuration_space,
        metric="valid_accuracy_loss",
        time_attr="epoch",
        max_t=8,
        random_seed=0,
    )
    tuner = Tuner(
        UserBlackboxBackend(made, elapsed_time_attr="seconds", seed=1),
        scheduler,
        StoppingCriterion(max_num_trials_started=10),
        n_workers=2,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
    )
    tuner.run()
    rows = load_experiment(tuner.name).results.to_dict("records")
    assert len({row["trial_id"] for row in rows}) >= 9
    assert len({row["epoch"] for row in rows}) > 1  # curves, not ends only
    for row in rows:
        options = {d.name: row[f"config_{d.name}"] for d in benchmark.space.decisions}
        arch = benchmark.space.from_configuration(options)
        seeds = benchmark.trainings(arch).seeds
        expected = benchmark.evaluate(arch, epoch=row["epoch"], seed=seeds[1 % len(seeds)])
        assert row["valid_accuracy_loss"] == pytest.approx(expected.losses[0])
        assert row["seconds"] == pytest.approx(max(expected.seconds, 0.01), abs=0.08)


def test_syne_tune_reads_what_it_writes(tmp_path):
    pytest.importorskip("fastparquet", reason="Syne Tune writes its repository by fastparquet")
    from syne_tune.blackbox_repository.blackbox_tabular import deserialize, serialize

    made = blackbox(nasbench.load("lite201-digits"))
    serialize({"digits": made}, str(tmp_path / "lite201"))
    again = deserialize(str(tmp_path / "lite201"))["digits"]
    assert np.array_equal(again.objectives_evaluations, made.objectives_evaluations)
    assert again.objectives_names == made.objectives_names
    assert again.all_configurations() == made.all_configurations()
    assert again.configuration_space == made.configuration_space


def test_what_a_finished_training_does_not_record_is_no_divergence(content, tmp_path):
    toy = replace(content(), metadata=replace(content().metadata, complete=False))
    row = next(row for row in toy.runs if row["status"] == "finished")
    row["valid_accuracy"][1] = np.nan
    with pytest.raises(NotRecordedError, match="lacks 'valid_accuracy' at epoch 2 of some"):
        blackbox(toy.load(tmp_path))


def test_of_several_schedules_one_is_chosen(recorded, archs):
    benchmark = recorded("schedules")
    made = blackbox(benchmark)
    assert made.fidelity_values.tolist() == [1, 2, 3, 4]
    for i in (0, 1, 3):
        for k, seed in enumerate(benchmark.trainings(archs[i]).seeds):
            found = made(benchmark.space.to_configuration(archs[i]), {"epoch": 2}, seed=k)
            asked = benchmark.query(archs[i], epoch=2, schedule=4, seed=seed)
            assert float(found["valid_accuracy_loss"]) == 100 - asked["valid_accuracy"]
    with pytest.raises(NotRecordedError, match="has no schedule 3"):
        blackbox(benchmark, schedule=3)
    with pytest.raises(NotRecordedError, match="2 epochs"):  # not of every architecture
        blackbox(benchmark, schedule=2)


def test_what_is_no_blackbox_is_refused(toy_files, recorded):
    with pytest.raises(NotRecordedError, match="lacks 'latency_toy_ms'"):
        blackbox(recorded("plain", objectives=["latency_toy_ms"]))
    with pytest.raises(NotRecordedError, match="records no seconds"):
        blackbox(nasbench.load("nbgraph-cora"))
    with pytest.raises(NotRecordedError):
        blackbox(nasbench.load(toy_files["no_validation"]))
    pytest.importorskip("xgboost", reason="needs the extra surrogates")
    with pytest.raises(InvalidArgumentError, match="only tables"):
        blackbox(nasbench.load("darts-fashion-surrogate"))
