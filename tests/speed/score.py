"""Seconds of ``nasbench score``, and where they go.

``python tests/speed/score.py [--repeats 5] [ALGORITHM]`` runs the command on the default suite and
prints, of all repeats, the least wall time and the least processor time: of the whole command, of
its parts, and of a replay of the same algorithm whose answers are all in memory, as a measure of
the machine. Wall time counts only on a machine with two idle cores; processor time is that of the
command and its two processes together.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter, process_time
from typing import Any

from leaderboard.scoring.child import Scoring
from leaderboard.scoring.suite import SEEDS, SUITE, TRIALS, seed_of
from nasbench.algorithm import Algorithm, hyperparameters
from nasbench.benchmarks.instances.instance import Index
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay_bare
from nasbench.runs.setup import load_algorithm


def command(*words: str) -> tuple[float, float]:
    """Wall and processor time of a command in a new process."""
    before, began = getrusage(RUSAGE_CHILDREN), perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    wall, after = perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def search(kind: type[Algorithm], benchmark: Any, seed: int) -> None:
    """Search as the processes of the command do."""
    algorithm = kind(
        benchmark.space,
        fidelities=benchmark.fidelities,
        seed=seed,
        **hyperparameters(kind, {}),
    )
    replay_bare(
        algorithm,
        benchmark,
        budget=Budget(trials=TRIALS),
        workers=1,
        seed=seed,
        replicate="draw",
        known=None,
        supernets=None,
    )


def searches(name: str, indices: list[Index], hidden: bool) -> float:
    """Processor time of the searches of one process, instances included."""
    settings = {"target": name, "preset": None, "hyperparameters": dict[str, Any]()}
    scoring = Scoring({**settings, "hidden": hidden}, out=-1)
    kind = scoring.load()
    before = process_time()
    for index in indices:
        for seed in map(seed_of, range(SEEDS)):
            scoring.loss(kind, index, seed)
    return process_time() - before


def opened() -> tuple[list[Index], float]:
    """The tables of the suite with all numbers, and the processor time that it takes."""
    before = process_time()
    indices = [question.open() for question in SUITE]
    for index in indices:
        index.read_all()
    return indices, process_time() - before


def warm(kind: type[Algorithm], index: Index) -> float:
    """Microseconds a trial where every answer was given before."""
    benchmark, times = index.benchmark, []
    for _ in range(2):
        before = process_time()
        for seed in range(SEEDS):
            search(kind, benchmark, seed)
        times.append(process_time() - before)
    return times[-1] / SEEDS / TRIALS * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("algorithm", nargs="?", default="regularized_evolution")
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    kind = load_algorithm(args.algorithm)

    def least(measure: Callable[[], float]) -> float:
        return min(measure() for _ in range(args.repeats))

    wholes = [command("-m", "nasbench", "score", args.algorithm) for _ in range(args.repeats)]
    indices, _ = opened()
    rows = {
        "the whole command, wall time": min(wall for wall, _ in wholes),
        "the whole command, processor time": min(used for _, used in wholes),
        "`nasbench --version`": least(lambda: command("-m", "nasbench", "--version")[1]),
        "start of a process": least(lambda: command("-c", "import leaderboard.scoring.child")[1]),
        "opening and reading five tables": least(lambda: opened()[1]),
        "searches, public": least(lambda: searches(args.algorithm, indices, False)),
        "searches, hidden": least(lambda: searches(args.algorithm, indices, True)),
    }
    print("| | seconds |\n|---|--:|")
    for name, seconds in rows.items():
        print(f"| {name} | {seconds:.3f} |")
    per_trial = least(lambda: warm(kind, indices[0]))
    print(
        f"\nLeast of {args.repeats}. {len(SUITE) * SEEDS * TRIALS:,} trials in each of two "
        f"processes; a trial of `{args.algorithm}` with all answers in memory takes "
        f"{per_trial:.1f} µs here; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
