"""Searches of the adapter against the loop that users of DEHB write."""

import logging

import pytest
from toys import Hashed, Layers

import nasbench
from algorithms import ALGORITHMS
from nasbench.errors import AlgorithmError, InvalidArgumentError, UnknownNameError
from nasbench.testing import check_algorithm

ConfigSpace = pytest.importorskip("ConfigSpace", reason="needs the extra dehb")
dehb = pytest.importorskip("algorithms.adapters.dehb", reason="needs the extra dehb").dehb

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def by_hand(benchmark, folder, trials, seed, **settings):
    """What the loop trains: architectures and epochs."""
    space = ConfigSpace.ConfigurationSpace(seed=seed)
    for decision in benchmark.space.decisions:
        space.add(ConfigSpace.Categorical(decision.name, decision.labels))
    low, high = benchmark.fidelities[0], benchmark.fidelities[-1]
    optimizer = dehb.DEHB(
        cs=space,
        min_fidelity=low,
        max_fidelity=high,
        seed=seed,
        n_workers=1,
        output_path=str(folder),
        **settings,
    )
    asked = []
    for _ in range(trials):
        job = optimizer.ask()
        arch = benchmark.space.from_configuration(dict(job["config"]))
        epoch = round(job["fidelity"])
        loss = benchmark.evaluate(arch, epoch=epoch).losses[0]
        asked.append((arch, epoch))
        optimizer.tell(job, {"fitness": loss, "cost": 1.0})
    return asked


def searched(benchmark_id, trials, seed, settings=None, **keywords):
    (run,) = nasbench.search(
        "dehb:DEHB",
        benchmark_id,
        seeds=[seed],
        budget=nasbench.Budget(trials=trials),
        replicate="mean",
        hyperparameters=settings or {},
        **keywords,
    )
    return run


@pytest.mark.parametrize("settings", [{}, {"eta": 2, "strategy": "currenttobest1_bin"}])
def test_dehb_is_the_loop(settings, tmp_path):
    benchmark = nasbench.load("lite201-digits")
    expected = by_hand(benchmark, tmp_path, 80, 6, **settings)
    run = searched("lite201-digits", 80, 6, settings)
    found = [(tuple(a), e) for a, e in zip(run.archs.tolist(), run.epochs, strict=True)]
    assert found == expected
    continued = [t for t in run.trials if t.proposal.resumes is not None]
    assert continued
    for trial in continued:
        parent = run.trials[trial.proposal.resumes].proposal
        assert parent.arch == trial.proposal.arch
        assert parent.epoch < trial.proposal.epoch


def test_one_rung_is_differential_evolution():
    run = searched("nb201-cifar10", 60, 0)
    assert set(run.epochs.tolist()) == {200}
    first, last = run.losses[:20, 0].mean(), run.losses[-20:, 0].mean()
    assert last < first


def test_rungs_are_clipped():
    free = searched("lite201-digits", 8, 0)
    clipped = searched("lite201-digits", 8, 0, {"min_clip": 2})
    low, high = sorted({*free.epochs.tolist()})
    assert free.epochs[:4].tolist() == [low] * 3 + [high]
    assert clipped.epochs[:5].tolist() == [low] * 3 + [high] * 2


def test_it_leaves_no_file_and_no_logging(tmp_path, monkeypatch):
    loguru = pytest.importorskip("loguru", reason="needs the extra dehb")
    monkeypatch.chdir(tmp_path)
    heard = []
    number = loguru.logger.add(heard.append)
    handlers = list(logging.root.handlers)
    searched("lite201-digits", 10, 0)
    loguru.logger.info("still here")
    loguru.logger.remove(number)  # raises if it was removed meanwhile
    assert len(heard) == 1
    assert not list(tmp_path.iterdir())
    assert logging.root.handlers == handlers


def test_what_cannot_be_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'DEHB'"):
        ALGORITHMS.load("dehb:DEHBB")
    with pytest.raises(UnknownNameError, match="'crossover_prob'"):
        searched("lite201-digits", 3, 0, {"crossover": 0.5})
    with pytest.raises(InvalidArgumentError, match="takes one objective, there are 2"):
        searched("lite201-digits", 3, 0, objectives=("valid_accuracy", "parameters"))
    for settings in ({"max_clip": 2}, {"min_clip": 9, "max_clip": 3}):
        with pytest.raises(InvalidArgumentError, match="needs a min_clip that is not greater"):
            searched("lite201-digits", 3, 0, settings)
    algorithm = ALGORITHMS.load("dehb:DEHB")(Layers(), fidelities=(1, 9), seed=0)
    with pytest.raises(AlgorithmError, match="DEHB cannot start from given trials"):
        algorithm.add((0, 1, 0), (1.0,))


def test_it_keeps_the_contract():
    check_algorithm(ALGORITHMS.load("dehb:DEHB"), Hashed(Layers()), n=40)
