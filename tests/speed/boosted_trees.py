"""Ensembles of boosted trees: microseconds an architecture, beside XGBoost asked member by member.

``python tests/speed/boosted_trees.py`` fits ten members to 1,000 architectures of nb201-cifar100
each, with the defaults and with the settings of NAS-Bench-301 at the full 20,000 rounds. Times are
those of the processor, the least of several rounds; the second column asks ``Booster.predict`` for
every member. Both are given features; what these cost is a line of its own.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

import numpy as np
import xgboost
from numpy.typing import NDArray

import nasbench
from nasbench.algorithm import hyperparameters
from nasbench.encodings import encode
from surrogates.regressors.parts.features import default_encodings, features
from surrogates.regressors.xgb import XGB

EXAMPLES = 1_000
ROUNDS = 5
ENOUGH = 5.0
LONG = 60.0

BENCHMARK = nasbench.load("nb201-cifar100")
SPACE = BENCHMARK.space
WRITTEN = np.array(list(SPACE.archs()))
ARCHS = SPACE.canonical_many(WRITTEN)
TARGETS = BENCHMARK.query_many(WRITTEN, "valid_accuracy")


def seconds(task: Callable[[], object], repeats: int = 1) -> float:
    """The least processor time of a task; in every round it is repeated."""
    task()  # what is made once and remembered
    times: list[float] = []
    while len(times) < ROUNDS and sum(times) * repeats < ENOUGH:
        before = process_time()
        for _ in range(repeats):
            task()
        times.append((process_time() - before) / repeats)
    return min(times)


def member(seed: int, preset: str | None) -> XGB:
    """A fitted member of an ensemble."""
    changes = {"early_stop": 0} if preset else {}
    chosen = np.random.default_rng(seed).permutation(len(ARCHS))[:EXAMPLES]
    values = hyperparameters(XGB, changes, preset)
    return XGB(SPACE, seed=seed, **values).fit(ARCHS[chosen], TARGETS[chosen])


def loaded(folder: Path, like: Sequence[XGB], preset: str | None) -> list[XGB]:
    """Members from files."""
    values = hyperparameters(XGB, {"early_stop": like[0].early_stop}, preset)
    return [
        XGB(SPACE, seed=model.seed, **values).restore(folder / str(model.seed)) for model in like
    ]


def by_xgboost(boosters: Sequence[xgboost.Booster], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The plain loop."""
    rows = xgboost.DMatrix(x, nthread=1)
    return np.stack([booster.predict(rows) for booster in boosters])


def measure(members: Sequence[XGB], preset: str | None) -> Iterator[str]:
    """Rows of the table."""
    name = preset or "default"
    x = features(SPACE, ARCHS, None)  # from here on they are remembered
    with tempfile.TemporaryDirectory() as root:
        boosters = []
        for model in members:
            folder = Path(root, str(model.seed))
            folder.mkdir()
            model.save(folder)
            boosters.append(xgboost.Booster({"nthread": 1}, model_file=folder / "model.ubj"))
        size = sum(path.stat().st_size for path in Path(root).rglob("*.ubj"))
        loading = seconds(lambda: loaded(Path(root), members, preset))
        first = seconds(lambda: XGB.predict_members(loaded(Path(root), members, preset), ARCHS[:1]))
    yield f"| {name}: load {len(members)} members of {size / 1e6:.1f} MB | {loading:.2f} s | |"
    yield f"| {name}: load them and answer for one architecture | {first:.2f} s | |"
    largest = 1_000 if preset else len(ARCHS)
    for n, repeats in ((1, 20), (100, 1), (largest, 1)):
        ours = seconds(lambda n=n: XGB.predict_members(members, ARCHS[:n]), repeats)
        theirs = seconds(lambda n=n: by_xgboost(boosters, x[:n]), repeats)
        if n == 1:
            yield f"| {name}: one architecture | {ours * 1e6:,.0f} µs | {theirs * 1e6:,.0f} µs |"
        else:
            yield f"| {name}: {n:,} at once | {n / ours:,.0f}/s | {n / theirs:,.0f}/s |"
    answers = [XGB.predict_members(members, ARCHS[:n]) for n in (1, largest)]
    expected = by_xgboost(boosters, x[:largest])
    difference = max(
        np.abs(one.mean - theirs[: len(one.mean)]).max()
        for answer in answers
        for one, theirs in zip(answer, expected, strict=True)
    )
    yield f"| {name}: largest difference of a prediction | {difference:.1g} | |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=10)
    args = parser.parse_args()
    print("| | here | `Booster.predict` |\n|---|--:|--:|", flush=True)
    for names in (default_encodings(SPACE), ("one_hot",)):
        one = seconds(lambda names=names: encode(SPACE, ARCHS[:1], names), 50)
        many = seconds(lambda names=names: encode(SPACE, ARCHS, names)) / len(ARCHS)
        title = " + ".join(names)
        print(f"| features of one new architecture, {title} | {one * 1e6:.0f} µs | |", flush=True)
        print(f"| the same, each of {len(ARCHS):,} | {many * 1e6:.1f} µs | |", flush=True)
    features(SPACE, ARCHS, None)
    known = seconds(lambda: features(SPACE, ARCHS[:1], None), 50)
    print(f"| features of one known architecture | {known * 1e6:.1f} µs | |", flush=True)
    for preset in (None, "nb301"):
        before = process_time()
        members = [member(0, preset)]
        taken = process_time() - before
        rounds = members[0].rounds
        print(f"| {preset or 'default'}: fit {rounds:,} rounds | {taken:.1f} s | |", flush=True)
        if taken < LONG:  # else one member has to do
            members += [member(seed, preset) for seed in range(1, args.members)]
        for row in measure(members, preset):
            print(row, flush=True)


if __name__ == "__main__":
    main()
