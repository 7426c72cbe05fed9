"""Records of searches on toy tables, for figures and tables of papers."""

from pathlib import Path
from typing import NamedTuple

import pytest

from leaderboard.papers.selection import Selection, select
from nasbench.runs.budget import Budget

TASKS = 6


class Shared(NamedTuple):
    """Records of searches with equal trials, of six benchmarks, with two objectives."""

    one: Path
    six: Path
    two: Path
    chosen: Selection
    over: Selection
    fronts: Selection


@pytest.fixture(scope="session")
def shared(whole_space, whole_in, home_in, tmp_path_factory) -> Shared:
    with pytest.MonkeyPatch.context() as patch:
        home = home_in(tmp_path_factory.mktemp("papers"))
        (home.tables / whole_space.name).symlink_to(whole_space)
        patch.setenv("NASBENCH_HOME", str(home.tables))
        folders = {name: home.runs / name for name in ("one", "six", "two")}
        for algorithm in ("random_search", "local_search", "regularized_evolution"):
            small = {"population": 5, "sample": 2} if "evolution" in algorithm else {}
            home.search(
                algorithm,
                "toy-whole",
                8,
                out=folders["one"],
                budget=Budget(trials=25),
                hyperparameters=small,
            )
        for task in range(TASKS):
            whole_in(home.tables, f"toy-{task}", better=task)
            for algorithm in ("random_search", "coordinate_search", "simulated_annealing"):
                budget = Budget(seconds=250.0 + 60 * task)
                home.search(algorithm, f"toy-{task}", 4, out=folders["six"], budget=budget)
        for algorithm in ("random_search", "nsga2"):
            home.search(
                algorithm,
                "toy-whole",
                5,
                out=folders["two"],
                budget=Budget(trials=60),
                objectives=["valid_accuracy", "seconds"],
            )
        yield Shared(*folders.values(), *(select(folder) for folder in folders.values()))
