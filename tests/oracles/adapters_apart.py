"""Samplers whose packages cannot be installed beside the others, against loops of ``study.ask``.

Run it in an environment of its own (``docs/adapters.md``)::

    python -m venv apart
    apart/bin/pip install torch==2.13.0
    apart/bin/pip install botorch optuna optuna-integration -e .
    apart/bin/python tests/oracles/adapters_apart.py

It prints one line for each comparison, and ends with 1 if one fails.
"""

import importlib
import sys
import warnings

import optuna

import nasbench
from algorithms.adapters.optuna import adapt

SAMPLERS = {
    "BoTorch": ("optuna_integration", "BoTorchSampler", {"n_startup_trials": 5}),
}
BENCHMARKS = ("nb201-cifar10", "fcnet-protein")
TRIALS = 12


def by_hand(sampler, benchmark):
    """The architectures of the loop that a user of Optuna writes."""
    study = optuna.create_study(sampler=sampler)
    asked = []
    for _ in range(TRIALS):
        trial = study.ask(benchmark.space.to_optuna())
        asked.append(benchmark.space.from_configuration(trial.params))
        study.tell(trial, benchmark.evaluate(asked[-1]).losses[0])
    return asked


def compared(package, name, settings, benchmark_id, seed=3):
    """Whether the search of the adapter is that of the loop."""
    kind = getattr(importlib.import_module(package), name)
    benchmark = nasbench.load(benchmark_id)
    expected = by_hand(kind(seed=seed, **settings), benchmark)
    algorithm = adapt(kind)(benchmark.space, fidelities=benchmark.fidelities, seed=seed, **settings)
    budget = nasbench.Budget(trials=TRIALS)
    run = nasbench.replay(algorithm, benchmark, budget=budget, seed=seed, replicate="mean")
    return [tuple(arch) for arch in run.archs.tolist()] == expected


def main():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    failed = 0
    for label, (package, name, settings) in SAMPLERS.items():
        for benchmark_id in BENCHMARKS:
            same = compared(package, name, settings, benchmark_id)
            failed += not same
            print(f"{label} on {benchmark_id}: {'the same' if same else 'ANOTHER SEARCH'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
