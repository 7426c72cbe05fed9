import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import nasbench
from nasbench.encodings import encode
from nasbench.errors import InvalidArgumentError, NotRecordedError, UnknownNameError


def test_rows_are_the_recorded_architectures_and_their_values(toy, archs):
    X, y = toy.to_xy(encoding=None)
    expected = [arch for i, arch in enumerate(archs) if i != 4]  # cell 4 diverged with one seed
    assert X.tolist() == sorted(map(list, expected))
    assert y.tolist() == [toy.query(arch)["valid_accuracy"] for arch in sorted(expected)]


def test_arguments_of_a_question_choose_the_values(toy, archs):
    X, y = toy.to_xy("test_accuracy", encoding=None, epoch=2, seed=1)  # cell 5 has no seed 1
    assert X.tolist() == [list(arch) for arch in archs[:5]]
    assert y.tolist() == [10.0 * i + 2 + 2 - 1 for i in range(5)]
    _, sizes = toy.to_xy("parameters")
    assert sizes.tolist() == [100, 200, 300, 400, 500, 600]
    _, latencies = toy.to_xy("latency_toy_ms")  # none of cell 2
    assert latencies.tolist() == [0, 0.5, 1.5, 2, 2.5]


def test_of_a_class_its_representative_is_a_row(toy_files):
    benchmark = nasbench.load(toy_files["classes"])
    X, y = benchmark.to_xy(encoding=None)
    assert X.tolist() == [[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 3, 0, 0]]
    assert y.tolist() == [5, 15, 25]


@pytest.mark.parametrize("encoding", ["one_hot", "path", ["unit_cube", "adjacency"]])
def test_columns_are_those_of_the_encodings(encoding):
    benchmark = nasbench.load("nb201-cifar10")
    archs, y = benchmark.to_xy(encoding=None, n=50)
    X, same = benchmark.to_xy(encoding=encoding, n=50)
    names = [encoding] if isinstance(encoding, str) else encoding
    assert np.array_equal(X, encode(benchmark.space, archs, names))
    assert np.array_equal(y, same)


@pytest.mark.parametrize("name", ["nb201-cifar10", "lite201-digits", "darts-fashion"])
def test_no_function_is_on_both_sides(name):
    benchmark = nasbench.load(name)
    archs, y = benchmark.to_xy(encoding=None)
    values = dict(zip(map(tuple, archs.tolist()), y.tolist(), strict=True))
    for split_seed in range(3):
        split = benchmark.to_xy(encoding=None, split=0.7, split_seed=split_seed)
        sides = [[tuple(arch) for arch in X.tolist()] for X in (split.X_train, split.X_test)]
        learned, judged = ({benchmark.space.function(arch) for arch in side} for side in sides)
        assert learned & judged == set()
        assert sorted(sides[0] + sides[1]) == sorted(values)
        assert len(sides[0]) == pytest.approx(0.7 * len(y), abs=1)
        assert split.y_train.tolist() == [values[arch] for arch in sides[0]]
        assert split.y_test.tolist() == [values[arch] for arch in sides[1]]


def test_a_whole_function_too_large_for_what_is_left_goes_to_the_other_side():
    benchmark = nasbench.load("nb201-cifar10")
    for split in (1, 2, 100):
        X, *_ = benchmark.to_xy(encoding=None, split=split)
        assert len(X) == split  # many functions have one architecture
        ranks = benchmark.space.rank_many(benchmark.space.function_many(X))
        all_, _ = benchmark.to_xy(encoding=None)
        functions = benchmark.space.rank_many(benchmark.space.function_many(all_))
        assert sum(int((functions == rank).sum()) for rank in np.unique(ranks)) == split


def test_the_seed_decides_alone_and_few_are_among_many():
    benchmark = nasbench.load("nb201-cifar100")
    first = benchmark.to_xy(encoding=None, n=300, split=0.5, split_seed=3)
    again = benchmark.to_xy(encoding=None, n=300, split=0.5, split_seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    other = benchmark.to_xy(encoding=None, n=300, split=0.5, split_seed=4)
    assert not np.array_equal(first.X_train, other.X_train)
    chosen = [set(map(tuple, benchmark.to_xy(encoding=None, n=n)[0].tolist())) for n in (9, 90)]
    assert [len(each) for each in chosen] == [9, 90]
    assert chosen[0] < chosen[1]


def test_splits_stay_as_they_are():
    split = nasbench.load("lite201-digits@2").to_xy(encoding=None, split=4)
    assert split.X_train.tolist() == [
        [1, 2, 3, 0, 2, 2],
        [2, 1, 2, 1, 3, 3],
        [2, 4, 1, 4, 2, 3],
        [3, 1, 2, 3, 1, 4],
    ]


def test_functions_are_equally_likely_to_be_learned_from():
    benchmark = nasbench.load("lite201-digits@2")
    archs, _ = benchmark.to_xy(encoding=None)
    place = {arch: i for i, arch in enumerate(map(tuple, archs.tolist()))}
    counts = np.zeros(len(archs))
    for split_seed in range(40):
        X, *_ = benchmark.to_xy(encoding=None, split=0.25, split_seed=split_seed)
        counts[[place[arch] for arch in map(tuple, X.tolist())]] += 1
    thirds = [third.mean() / 40 for third in np.array_split(counts, 3)]
    assert all(abs(a - b) < 0.02 for a, b in pairwise(thirds))  # not by rank
    assert counts.mean() / 40 == pytest.approx(0.25, abs=1e-3)
    assert counts.var() == pytest.approx(40 * 0.25 * 0.75, rel=0.1)  # binomial


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"split": 0}, InvalidArgumentError, "a number of architectures from 1 to 15,624"),
        ({"split": 1.0}, InvalidArgumentError, "share between 0 and 1"),
        ({"split": True}, InvalidArgumentError, "split = True"),
        ({"split": "half"}, InvalidArgumentError, "'half'"),
        ({"split": 1e-9}, InvalidArgumentError, "leaves one side empty"),
        ({"n": 0}, InvalidArgumentError, "from 1 to 15,625"),
        ({"n": 15_626}, InvalidArgumentError, "n = 15626"),
        ({"n": 2.0}, InvalidArgumentError, "n = 2.0"),
        ({"encoding": "onehot"}, UnknownNameError, "did you mean 'one_hot'?"),
        ({"encoding": []}, InvalidArgumentError, "no encoding is given"),
        ({"metric": "published_string"}, NotRecordedError, "published_string"),
        ({"metric": "test_accuracy"}, NotRecordedError, "official archive"),
        ({"seed": 9}, NotRecordedError, "seed 9"),
        ({"epoch": 3}, NotRecordedError, "epoch 3"),
        ({"epoch": "3"}, InvalidArgumentError, "did you mean 3?"),
    ],
)
def test_what_is_impossible_is_refused(arguments, error, told):
    with pytest.raises(error) as raised:
        nasbench.load("nb201-cifar10").to_xy(**arguments)
    assert told in str(raised.value)


def test_without_an_objective_a_metric_must_be_named(toy_files):
    benchmark = nasbench.load(toy_files["no_validation"])
    with pytest.raises(NotRecordedError):
        benchmark.to_xy()
    assert len(benchmark.to_xy("test_accuracy")[1]) == 5


def test_nothing_heavy_is_loaded():
    code = (
        "import sys, nasbench; nasbench.load('nb201-cifar10').to_xy(encoding='path', split=0.8);"
        "print([m for m in ('pandas', 'sklearn', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
