"""The drop-in answers what nats-bench 1.8 answers: on the real records, where they are, and on
synthetic ones in the published layout."""

import bz2
import copy
import hashlib
import inspect
import math
import os
import pickle
import random
import shutil
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nats_bench
import numpy as np
import pyarrow.parquet as pq
import pytest
from nats_bench.genotype_utils import topology_str2structure

from data_builders import IMPORTERS
from nasbench.compat import nats_bench as ours
from nasbench.compat.nats_bench import NoAnswerError, api_utils, create
from nasbench.compat.nats_bench.trainings import DatasetTrainings
from nasbench.errors import InvalidArgumentError, NasbenchError, SchemaError, UnknownNameError
from nasbench.tables.draft import Draft
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

SHARED = Path(os.environ["NASBENCH_SHARED"])
NAMES = {"tss": "NATS-tss-v1_0-3ffb9", "sss": "NATS-sss-v1_0-50262"}
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)
HPS = {"tss": ("12", "200"), "sss": ("01", "12", "90")}
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SETS = ("train", "valid", "test", "x-valid", "x-test", "ori-test")
KINDS = ("tss", "sss")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
CELLS_SHA256 = "83abc799e45cf34e9d2163654668ab998b9a54d01c39e72ca1f71f2cdf356d84"
CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
TRAIN = {"cifar10-valid": 25_000, "cifar10": 50_000, "cifar100": 50_000, "ImageNet16-120": 151_700}
IMAGES = {
    "cifar10-valid": {"x-valid": 25_000, "ori-test": 10_000},
    "cifar10": {"ori-test": 10_000},
    "cifar100": {"x-valid": 5_000, "x-test": 5_000, "ori-test": 10_000},
    "ImageNet16-120": {"x-valid": 3_000, "x-test": 3_000, "ori-test": 6_000},
}
ONLY_LAST = {"cifar10-valid": ["ori-test"], "cifar10": []}


# Records in the published layout, written with nothing but pickle and bz2


def training(
    dataset: str, seed: int, epochs: int, text: str, second: float, late: bool
) -> dict[str, Any]:
    """State of one training; with ``late``, some sets are evaluated at the end only."""
    rng = random.Random(f"{dataset} {seed} {epochs} {text}")
    names, only_last = list(IMAGES[dataset]), ONLY_LAST.get(dataset, ["x-valid", "x-test"])
    only_last = only_last if late else []
    names = [n for n in names if n not in only_last] + [n for n in names if n in only_last]
    accuracies, losses, times = {}, {}, {}
    for name in names:
        seconds = second * rng.uniform(0.1, 1)
        for epoch in range(epochs):
            times[f"{name}@{epoch}"] = seconds
            if name not in only_last or epoch == epochs - 1:
                accuracies[f"{name}@{epoch}"] = share(rng, IMAGES[dataset][name])
                losses[f"{name}@{epoch}"] = rng.uniform(0, 5)
    config: dict[str, Any] = {"channel": 16, "num_cells": 5, "arch_str": text}
    if "~" not in text:
        config = {"name": "infer.shape.tiny", "channels": text, "arch_str": text, "genotype": CELL}
    params, flop = costs(dataset, text)
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": {epoch: share(rng, TRAIN[dataset]) for epoch in range(epochs)},
        "train_acc5es": {epoch: share(rng, TRAIN[dataset]) for epoch in range(epochs)}
        if epochs < 200
        else None,
        "train_losses": {epoch: rng.uniform(0, 5) for epoch in range(epochs)},
        "train_times": OrderedDict((epoch, second) for epoch in range(epochs)),
        "arch_config": config | {"class_num": CLASSES[dataset]},
        "params": np.float64(params),
        "flop": flop,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(rng.uniform(0.01, 0.03))],
        "eval_names": names,
        "eval_acc1es": accuracies,
        "eval_losses": losses,
        "eval_times": times,
    }


def share(rng: random.Random, n: int) -> float:
    """Percentage of a number of images, as the archive computes some of them."""
    return 100 * (rng.randrange(n + 1) / n)


def costs(dataset: str, text: str) -> tuple[float, float]:
    """Millions of parameters and of multiply-adds, of cells in closed form."""
    if "~" not in text:
        channels = list(map(int, text.split(":")))
        return sum(channels) / 1000 + CLASSES[dataset] / 1e6, sum(channels) / 7
    ones, threes = text.count("conv_1x1"), text.count("conv_3x3")
    base = {"cifar100": 79_156, "ImageNet16-120": 80_456}.get(dataset, 73_306)
    macs = {"cifar100": (7_788_900, 3_932_160, 35_389_440)}
    macs["ImageNet16-120"] = (1_953_400, 983_040, 8_847_360)
    stem, of_one, of_three = macs.get(dataset, (7_783_050, 3_932_160, 35_389_440))
    parameters = base + 28_000 * ones + 243_040 * threes
    return parameters / 1e6, (stem + of_one * ones + of_three * threes) / 1e6


def record(kind: str, index: int, text: str, long_seeds: tuple[int, ...]) -> dict[str, Any]:
    states = OrderedDict()
    for hp in HPS[kind]:
        seeds = {dataset: [777] for dataset in DATASETS}
        if (kind, hp) == ("tss", "12"):
            seeds = {dataset: [111] for dataset in DATASETS} | {"cifar10-valid": [111, 777]}
        elif hp in ("200", "12"):
            seeds = {dataset: list(long_seeds) for dataset in DATASETS}
        second = {
            dataset: random.Random(f"{index} {dataset}").uniform(1, 30) for dataset in DATASETS
        }
        states[hp] = {
            "arch_index": index,
            "arch_str": text,
            "all_results": {
                (dataset, seed): training(
                    dataset, seed, int(hp), text, second[dataset], hp == "200"
                )
                for dataset in DATASETS
                for seed in reversed(seeds[dataset])
            },
            "dataset_seed": seeds,
            "clear_net_done": True,
        }
    return states


def texts(kind: str) -> list[str]:
    """Texts of all architectures in their official order."""
    if kind == "sss":
        return [":".join(map(str, channels)) for channels in product(range(8, 65, 8), repeat=5)]
    form = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
    cells = [form.format(*operations) for operations in product(OPERATIONS, repeat=6)]
    random.Random(88).shuffle(cells)
    return cells


def records(kind: str) -> dict[int, dict[str, Any]]:
    names = texts(kind)
    seeds = {3: (777, 888, 999), 7: (777, 999), 8: (888, 999), 4000: (777, 888, 999)}
    made = {index: record(kind, index, names[index], given) for index, given in seeds.items()}
    if kind == "tss":  # trainings that disagree, as in 204 published cells
        for dataset, seed in product(DATASETS, (777, 999)):
            wrong = costs(dataset, names[4000].replace("conv_1x1", "conv_3x3"))
            training = made[4000]["200"]["all_results"][dataset, seed]
            training["params"], training["flop"] = np.float64(wrong[0]), wrong[1]
    return made


def save(value: Any, path: Path) -> None:
    with bz2.open(path, "wb") as file:
        pickle.dump(value, file, protocol=4)


def write_folder(folder: Path, kind: str, states: dict[int, dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    meta = {"meta_archs": texts(kind), "total_archs": len(texts(kind))}
    meta |= {"arch2infos": None, "evaluated_indexes": set()}
    save(meta, folder / "meta.pickle.pbz2")
    for index, state in states.items():
        save(state, folder / f"{index:06d}.pickle.pbz2")
    return folder


def write_single(path: Path, kind: str, states: dict[int, dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"meta_archs": texts(kind), "total_archs": len(texts(kind)), "arch2infos": states}
    save(content | {"evaluated_indexes": sorted(states)}, path)
    return path


# The two packages side by side


@dataclass
class Pair:
    """The original and ours on the same records, of which every so many epochs are compared."""

    kind: str
    stride: int
    indices: tuple[int, ...]
    theirs: Any
    ours: Any

    def both(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """The answer of both, which must be one, drawn from one state of the generator."""
        random.seed(0)
        expected = getattr(self.theirs, method)(*args, **kwargs)
        state = random.getstate()
        random.seed(0)
        found = getattr(self.ours, method)(*args, **kwargs)
        assert same(expected, found), (method, args, kwargs, expected, found)
        assert random.getstate() == state, (method, args, kwargs)
        return found

    def both_fail(self, method: str, *args: Any, **kwargs: Any) -> None:
        with pytest.raises(Exception) as expected:  # noqa: PT011
            getattr(self.theirs, method)(*args, **kwargs)
        with pytest.raises(NasbenchError) as found:
            getattr(self.ours, method)(*args, **kwargs)
        assert isinstance(found.value, type(expected.value)), (expected.value, found.value)
        assert str(found.value)


def same(a: Any, b: Any) -> bool:
    """Equal values of equal types, keys in equal order."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where tables go that are made on first use; nothing of the user's is found there."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_HOME", str(folder))
        yield folder


def tables(archive: Path, folder: Path) -> Path:
    for made in IMPORTERS.load("nats")().tables([archive], work=folder / "work"):
        path = folder / f"{made.metadata.id}.parquet"
        write_table(path, made)
    return folder


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """A folder with both kinds of archives of both spaces, and folders of their tables."""
    folder = tmp_path_factory.mktemp("synthetic")
    for kind in KINDS:
        states = records(kind)
        write_single(folder / f"{NAMES[kind]}.pickle.pbz2", kind, states)
        archive = write_folder(folder / f"{NAMES[kind]}-simple", kind, states)
        tables(archive, folder / f"{kind}-tables")
    return folder


@pytest.fixture(scope="module", params=[*product(("synthetic", "real"), KINDS)], ids="-".join)
def pair(request, tmp_path_factory):
    source, kind = request.param
    if source == "real":
        archive = SHARED / "data" / "published" / f"{NAMES[kind]}-simple"
        if not archive.exists():
            pytest.skip(f"there are no published records in {archive}")
        made = tables(archive, tmp_path_factory.mktemp("real"))
        indices, stride = (0, 11, 284), 1
    else:
        folder = request.getfixturevalue("synthetic")
        archive, made = folder / f"{NAMES[kind]}-simple", folder / f"{kind}-tables"
        indices, stride = tuple(records(kind)), 7
    theirs = nats_bench.create(str(archive), kind, fast_mode=True, verbose=False)
    return Pair(kind, stride, indices, theirs, create(made, kind, fast_mode=True, verbose=False))


def test_get_more_info_after_every_epoch(pair):
    for index, dataset, hp in product(pair.indices, DATASETS, HPS[pair.kind]):
        seeds = pair.theirs.query_meta_info_by_index(index, hp).get_dataset_seeds(dataset)
        for iepoch in (None, *range(0, int(hp), pair.stride), int(hp) - 1):
            for is_random in (False, *seeds):
                pair.both("get_more_info", index, dataset, iepoch, hp, is_random)


def test_get_more_info_draws_the_same_seed(pair):
    for index, dataset, hp in product(pair.indices, DATASETS, HPS[pair.kind]):
        for seed in range(10):
            answers = []
            for api in (pair.theirs, pair.ours):
                random.seed(seed)
                answers.append([api.get_more_info(index, dataset, hp=hp) for _ in range(5)])
                answers[-1].append(random.random())
            assert same(*answers)


def test_get_more_info_takes_what_the_original_takes(pair):
    index = pair.indices[1]
    text = pair.theirs.arch(index)
    for arch in (text, SimpleNamespace(tostr=lambda: text)):
        pair.both("get_more_info", arch, "cifar100", is_random=False)
    pair.both("get_more_info", index, "cifar100", hp=12, is_random=False)
    expected = pair.ours.get_more_info(
        index, "cifar100", 3, "12", 777 if pair.kind == "sss" else 111
    )
    seed = np.int64(777 if pair.kind == "sss" else 111)
    assert expected == pair.ours.get_more_info(np.int64(index), "cifar100", np.int64(3), "12", seed)


def test_answers_are_copies(pair):
    index = pair.indices[0]
    for method, *more in (
        ("get_more_info", "cifar10", None, "12", False),
        ("get_cost_info", "cifar10"),
    ):
        answer = getattr(pair.ours, method)(index, *more)
        answer.clear()
        pair.both(method, index, *more)


def test_simulate_train_eval(pair):
    for index, dataset, hp in product(pair.indices, DATASETS[1:], HPS[pair.kind]):
        for iepoch in {None, 0, int(hp) // 2, int(hp) - 1}:
            pair.both("simulate_train_eval", index, dataset, iepoch, hp)
        pair.both(
            "simulate_train_eval", pair.theirs.arch(index), dataset, hp=hp, account_time=False
        )
        assert same(pair.theirs.used_time, pair.ours.used_time)
    assert pair.ours.used_time > 0
    pair.both("reset_time")
    assert same(pair.theirs.used_time, pair.ours.used_time)


def test_validation_falls_back_to_validation_and_test_together(pair):
    index, hp = pair.indices[0], HPS[pair.kind][-1]
    accuracy = pair.both("simulate_train_eval", index, "cifar100", 5, hp)[0]
    random.seed(0)
    info = pair.ours.get_more_info(index, "cifar100", 5, hp)
    assert accuracy == info["valtest-accuracy" if pair.kind == "tss" else "valid-accuracy"]


def test_costs(pair):
    for index, dataset, hp in product(pair.indices, DATASETS, HPS[pair.kind]):
        pair.both("get_cost_info", index, dataset, hp)
        if hp != "01":
            pair.both("get_cost_info", index, dataset, int(hp))
        pair.both("get_latency", index, dataset, hp)
        pair.both("get_net_config", index, dataset)


def test_find_best(pair):
    for api in (pair.theirs, pair.ours):
        for index in pair.indices:
            api.query_meta_info_by_index(index)
    params = [pair.theirs.get_cost_info(index, "cifar10")["params"] for index in pair.indices]
    flops = [pair.theirs.get_cost_info(index, "cifar10")["flops"] for index in pair.indices]
    limits = [(None, None), (max(flops), None), (None, sorted(params)[1]), (0.0, 0.0)]
    limits.append((math.nextafter(max(flops), 0), max(params)))
    for dataset, name, hp in product(DATASETS, SETS, HPS[pair.kind]):
        for flop_max, param_max in limits:
            try:
                pair.theirs.find_best(dataset, name, flop_max, param_max, hp, False)
            except ValueError:
                pair.both_fail("find_best", dataset, name, flop_max, param_max, hp, False)
            else:
                pair.both("find_best", dataset, name, flop_max, param_max, hp, False)


def test_best_of_an_incomplete_archive(pair):
    with pytest.raises(AssertionError):
        pair.theirs.find_best("cifar100", "x-test")
    for index in pair.indices:
        pair.theirs.query_meta_info_by_index(index)
    expected = pair.theirs.find_best("cifar100", "x-test", enforce_all=False)
    assert same(pair.ours.find_best("cifar100", "x-test"), expected)


def test_statistics(pair):
    for index in pair.indices:
        pair.both("get_more_info", index, "cifar10")
    for dataset, hp in product(DATASETS, HPS[pair.kind]):
        for given in (hp, int(hp)) if hp != "01" else (hp,):
            expected = pair.theirs.statistics(dataset, given)
            assert pair.ours.statistics(dataset, given) == expected
            assert sum(expected.values()) == len(pair.indices)


def test_texts(pair, capsys):
    for index, hp in product(pair.indices, HPS[pair.kind]):
        pair.both("query_info_str_by_arch", index, hp)
        pair.both("query_by_arch", pair.theirs.arch(index), hp)
    capsys.readouterr()
    for index in (*pair.indices, len(pair.ours), 10**6):
        pair.theirs.show(index)
        expected = capsys.readouterr().out
        pair.ours.show(index)
        assert capsys.readouterr().out == expected
        assert expected


def test_show_all(pair, capsys):
    for index in pair.indices:
        pair.ours.show(index)
    parts = capsys.readouterr().out
    pair.ours.show(-1)
    everything = capsys.readouterr().out
    assert everything.startswith(f"{pair.ours!r}\n")
    for index in pair.indices:
        assert f" {index:06d}-th architecture! " in everything
    for line in parts.splitlines():
        assert line in everything


def test_architectures(pair):
    assert pair.ours.meta_archs == pair.theirs.meta_archs
    assert pair.ours.archstr2index == pair.theirs.archstr2index
    assert len(pair.ours) == len(pair.theirs)
    last = len(pair.ours) - 1
    for index in (*pair.indices, 0, last):
        pair.both("arch", index)
        pair.both("__getitem__", index)
    assert pair.ours[-1] == pair.theirs[-1]
    for index in (-1, last + 1):
        pair.both_fail("arch", index)
        pair.both_fail("query_index_by_arch", index)
    text = pair.theirs.arch(last)
    for arch in (
        last,
        text,
        f"{text} ",
        "",
        "8:8:8:8:8",
        1.5,
        None,
        SimpleNamespace(tostr=lambda: text),
    ):
        pair.both("query_index_by_arch", arch)
    assert pair.ours.query_index_by_arch("no architecture") == -1
    for _ in range(20):
        pair.both("random")


def test_state(pair):
    for index in pair.indices:
        pair.both("get_more_info", index, "cifar100")
    assert set(pair.ours.avaliable_hps) == set(pair.theirs.avaliable_hps)
    assert pair.ours.evaluated_indexes == pair.theirs.evaluated_indexes == set(pair.indices)
    names = "search_space_name full_train_epochs full_epochs_in_paper is_size is_topology fast_mode"
    for name in names.split():
        assert same(getattr(pair.ours, name), getattr(pair.theirs, name)), name
    assert repr(pair.ours).partition(", file=")[0] == repr(pair.theirs).partition(", file=")[0]
    infos = pair.ours.arch2infos_dict
    assert list(infos) == sorted(pair.theirs.arch2infos_dict)
    assert len(infos) == len(pair.indices)
    assert list(infos[pair.indices[0]]) == list(HPS[pair.kind])
    with pytest.raises(KeyError):
        infos[1]


def test_results_of_an_architecture(pair):
    for index, hp in product(pair.indices, HPS[pair.kind]):
        expected = pair.theirs.query_meta_info_by_index(index, hp)
        found = pair.ours.query_meta_info_by_index(index, hp)
        assert repr(found) == repr(expected)
        for name in ("arch_index", "arch_str", "dataset_seed", "clear_net_done"):
            assert same(getattr(found, name), getattr(expected, name)), name
        assert found.all_results.keys() == expected.all_results.keys()
        for name in ("get_dataset_names", "get_total_epoch", "arch_idx_str", "clear_params"):
            assert same(getattr(found, name)(), getattr(expected, name)()), name
        for dataset in DATASETS:
            for name in (
                "get_compute_costs",
                "get_latency",
                "get_dataset_seeds",
                "get_total_epoch",
                "get_net_param",
            ):
                assert same(getattr(found, name)(dataset), getattr(expected, name)(dataset)), name
            assert list(found.query(dataset)) == list(expected.query(dataset))
            assert list(pair.ours.query_by_index(index, dataset, hp)) == list(found.query(dataset))
            seed = found.get_dataset_seeds(dataset)[-1]
            assert found.get_net_param(dataset, seed) is None
            assert found.query(dataset, seed) is found.all_results[dataset, seed]
            for setname, iepoch in product(
                ("train", *expected.query(dataset, seed).eval_names), (None, int(hp) - 1)
            ):
                for is_random in (False, True, seed):
                    answers = []
                    for results in (expected, found):
                        random.seed(index)
                        answers.append(results.get_metrics(dataset, setname, iepoch, is_random))
                        answers[-1]["next"] = random.random()
                    assert same(*answers)


def test_results_of_a_training(pair):
    attributes = "name seed epochs arch_config params flop latency eval_names net_state_dict"
    curves = "train_acc1es train_losses train_times eval_acc1es eval_losses eval_times"
    for index, hp, dataset in product(pair.indices, HPS[pair.kind], DATASETS):
        theirs = pair.theirs.query_by_index(index, dataset, hp)
        for seed, found in pair.ours.query_by_index(index, dataset, hp).items():
            expected = theirs[seed]
            assert repr(found) == repr(expected)
            for name in attributes.split():
                assert same(getattr(found, name), getattr(expected, name)), name
            for name in curves.split():
                assert getattr(found, name) == dict(getattr(expected, name)), name
            assert same(found.train_acc5es, expected.train_acc5es)
            for name in (
                "get_latency",
                "get_times",
                "get_eval_set",
                "get_train",
                "get_total_epoch",
                "get_net_param",
            ):
                assert same(getattr(found, name)(), getattr(expected, name)()), name
            for iepoch in {0, int(hp) // 2, int(hp) - 1}:
                assert same(found.get_train(iepoch), expected.get_train(iepoch))
            for name in expected.eval_names:
                assert same(found.get_eval(name), expected.get_eval(name))
            for structure in (None, len):
                assert same(found.get_config(structure), expected.get_config(structure))
            assert found.judge_valid(0) is None
            with pytest.raises(ValueError, match="iepoch"):
                found.judge_valid(int(hp))
    assert same(found.get_eval("valid"), expected.get_eval("valid"))


def test_weights_are_none(pair):
    index, hp = pair.indices[0], HPS[pair.kind][-1]
    for dataset in DATASETS:
        pair.both("get_net_param", index, dataset, None, hp)
        pair.both("get_net_param", index, dataset, 777, hp)
    pair.both("clear_params", index)
    pair.both("clear_params", index, hp)
    for api in (pair.theirs, pair.ours):
        with pytest.warns(UserWarning, match="12345"):
            api.clear_params(12345)


def test_questions_without_an_answer(pair):
    index, hp = pair.indices[0], HPS[pair.kind][-1]
    for question in (
        ("get_more_info", index, "cifar"),
        ("get_more_info", index, "cifar10", None, "13"),
        ("get_more_info", index, "cifar10", int(hp), hp),
        ("get_more_info", index, "cifar10", -1, hp),
        ("get_more_info", index, "cifar10", None, hp, 5),
        ("get_more_info", index, "cifar10", None, hp, 0),
        ("get_more_info", index, "cifar10", None, hp, "777"),
        ("get_more_info", -1, "cifar10"),
        ("get_more_info", "no architecture", "cifar10"),
        ("get_more_info", len(pair.ours), "cifar10"),
        ("simulate_train_eval", index, "cifar10-valid"),
        ("simulate_train_eval", "no architecture", "cifar10"),
        ("get_cost_info", index, "cifar"),
        ("get_cost_info", index, "cifar10", "13"),
        ("get_latency", len(pair.ours), "cifar10"),
        ("get_net_config", index, "cifar"),
        ("get_net_config", -1, "cifar10"),
        ("get_net_param", index, "cifar10", 5),
        ("query_by_index", index, "cifar", hp),
        ("query_meta_info_by_index", index, "13"),
        ("query_meta_info_by_index", len(pair.ours)),
        ("query_info_str_by_arch", index, "13"),
        ("find_best", "cifar", "valid", None, None, hp, False),
        ("find_best", "cifar10", "x-test", None, None, hp, False),
        ("find_best", "cifar100", "no set", None, None, hp, False),
        ("statistics", "cifar", hp),
        ("statistics", "cifar10", "13"),
        ("clear_params", index, "13"),
        ("reload", "no folder"),
        ("reload", str(Path(__file__).parent), len(pair.ours)),
    ):
        pair.both_fail(*question)
    for results in (
        pair.theirs.query_meta_info_by_index(index),
        pair.ours.query_meta_info_by_index(index),
    ):
        with pytest.raises(KeyError):
            results.get_compute_costs("cifar")
        with pytest.raises(ValueError, match=r"\b5\b"):
            results.get_metrics("cifar10", "train", is_random=5)
        with pytest.raises(ValueError, match="x-valid"):
            results.get_metrics("cifar10", "x-valid")


def test_what_only_equals_an_integer_is_no_seed_and_no_epoch(pair):
    index, hp = pair.indices[0], HPS[pair.kind][-1]
    pair.ours.get_more_info(index, "cifar10", 1, hp, 777)  # is remembered
    for iepoch, seed in ((True, 777), (1.0, 777), (1, 777.0), (1, np.float64(777)), ("1", 777)):
        with pytest.raises(NoAnswerError):
            pair.ours.get_more_info(index, "cifar10", iepoch, hp, seed)


def test_an_evaluation_that_only_the_end_of_the_long_recipe_has(pair):
    index, hp = pair.indices[0], HPS[pair.kind][-1]
    for api in (pair.theirs, pair.ours):
        answered = "test-accuracy" in api.get_more_info(index, "cifar100", 50, hp)
        assert answered == (pair.kind == "sss")
        if not answered:
            with pytest.raises(KeyError):
                api.query_meta_info_by_index(index, hp).get_metrics("cifar100", "x-test", 50)


def test_an_architecture_without_records(pair):
    unknown = next(index for index in range(len(pair.ours)) if index not in pair.indices)
    for question in (
        ("get_more_info", "cifar10"),
        ("get_cost_info", "cifar10"),
        ("query_meta_info_by_index",),
    ):
        method, *more = question
        with pytest.raises(NoAnswerError, match=f"{unknown} is recorded"):
            getattr(pair.ours, method)(unknown, *more)
    with pytest.warns(UserWarning, match=f"{unknown} is recorded"):
        assert pair.ours.query_by_arch(unknown, "12") is None


def test_fast_mode_counts_what_was_asked_for(synthetic):
    folder = synthetic / "tss-tables"
    fast, slow = (create(folder, "tss", fast_mode=fast, verbose=False) for fast in (True, False))
    theirs = [
        nats_bench.create(
            str(synthetic / f"{NAMES['tss']}-simple"), "tss", fast_mode=True, verbose=False
        ),
        nats_bench.create(str(synthetic / f"{NAMES['tss']}.pickle.pbz2"), "tss", verbose=False),
    ]
    for expected, found in zip(theirs, (fast, slow), strict=True):
        assert found.evaluated_indexes == expected.evaluated_indexes
        assert found.statistics("cifar10", "200") == expected.statistics("cifar10", "200")
        assert found.find_best(
            "cifar100", "test", hp="200", enforce_all=False
        ) == expected.find_best("cifar100", "test", hp="200", enforce_all=False)
        assert sorted(found.avaliable_hps) == sorted(expected.avaliable_hps)
        assert repr(found).partition(", file=")[0] == repr(expected).partition(", file=")[0]
        found.get_more_info(7, "cifar10")
        expected.get_more_info(7, "cifar10")
        assert found.evaluated_indexes == expected.evaluated_indexes
    assert slow.find_best("cifar100", "test", hp="200") == theirs[1].find_best(
        "cifar100", "test", hp="200"
    )
    fast.reload(index=3)
    assert fast.evaluated_indexes == {3, 7}
    fast.reload(str(folder))
    assert fast.evaluated_indexes == slow.evaluated_indexes
    fast.reset_fast_mode(False)
    fast.reset_archive_dir("elsewhere")
    assert (fast.fast_mode, fast.archive_dir, slow.archive_dir) == (False, "elsewhere", None)


def test_a_diverged_training_is_never_the_best(tmp_path):
    states = records("tss")
    for first in (3, 7):
        for (dataset, _), result in states[first]["200"]["all_results"].items():
            if dataset == "cifar100":
                result["train_losses"][199] = math.nan
    api = create(
        tables(write_folder(tmp_path / "a", "tss", states), tmp_path), "tss", verbose=False
    )
    accuracies = {
        index: api.get_more_info(index, "cifar100", None, "200", False)["test-accuracy"]
        for index in states
    }
    assert [index for index, accuracy in accuracies.items() if math.isnan(accuracy)] == [3, 7]
    expected = max((8, 4000), key=accuracies.__getitem__)
    assert api.find_best("cifar100", "test", hp="200") == (expected, accuracies[expected])
    api.evaluated_indexes = {3, 7}
    assert api.find_best("cifar100", "test", hp="200") == (-1, None)


def test_trainings_that_disagree_without_seed_888(tmp_path):
    states = {7: records("tss")[7]}
    results = states[7]["200"]["all_results"]
    results["cifar10", 777]["params"] += np.float64(0.028)
    archive = write_folder(tmp_path / "archive", "tss", states)
    theirs = nats_bench.create(str(archive), "tss", fast_mode=True, verbose=False)
    with pytest.raises(ValueError, match="888"):
        theirs.get_cost_info(7, "cifar10", "200")
    api = create(tables(archive, tmp_path / "tables"), "tss", verbose=False)
    found = api.get_cost_info(7, "cifar10", "200")
    assert found["params"] == results["cifar10", 999]["params"]
    assert api.find_best("cifar10", "test", param_max=found["params"], hp="200")[0] == 7
    assert api.find_best("cifar10", "test", param_max=found["params"] / 2, hp="200") == (-1, None)


def test_the_numbering_is_the_official_one(synthetic):
    cells = create(synthetic / "tss-tables", "tss", verbose=False).meta_archs
    assert hashlib.sha256("\n".join(cells).encode()).hexdigest() == CELLS_SHA256
    assert create(synthetic / "sss-tables", "sss", verbose=False).meta_archs == texts("sss")


# What needs no records


@pytest.mark.parametrize(
    ("theirs", "mine"),
    [(nats_bench.NATStopology, ours.NATStopology), (nats_bench.NATSsize, ours.NATSsize)],
)
def test_every_public_method_is_there(theirs, mine):
    names = [name for name in dir(theirs) if not name.startswith("_")]
    assert len(names) >= 30
    for name in [*names, "__init__", "__getitem__", "__len__", "__repr__"]:
        expected, found = (inspect.getattr_static(kind, name) for kind in (theirs, mine))
        assert isinstance(found, property) == isinstance(expected, property), name
        assert isinstance(found, staticmethod) == isinstance(expected, staticmethod), name
        if callable(getattr(theirs, name)):
            expected, found = (
                inspect.signature(getattr(kind, name)).parameters for kind in (theirs, mine)
            )
            assert list(found) == list(expected), name
            for argument, parameter in expected.items():
                default = found[argument].default
                assert (
                    list(default) == list(parameter.default)
                    if isinstance(default, tuple)
                    else default == parameter.default
                ), (name, argument)


def test_every_public_attribute_is_there(pair):
    names = [name for name in vars(pair.theirs) if not name.startswith("_")]
    assert len(names) > 4
    for name in names:
        assert hasattr(pair.ours, name), name


CHANGING = {"load_state_dict", "state_dict", "create_from_state_dict", "update"}
CHANGING |= {"debug_test", "update_train_info", "update_latency", "update_eval", "update_OLD_eval"}


@pytest.mark.parametrize("name", ["ArchResults", "ResultsCount"])
def test_results_have_every_method_that_changes_nothing(name):
    theirs, mine = getattr(nats_bench, name), getattr(ours, name)
    for method in dir(theirs):
        if not method.startswith(("_", "reset_")) and method not in CHANGING:
            parameters = [
                inspect.signature(getattr(kind, method)).parameters for kind in (theirs, mine)
            ]
            assert list(parameters[0]) == list(parameters[1]), method


def test_every_public_function_is_there():
    for name, value in vars(nats_bench).items():
        if (
            not name.startswith(("_", "pickle_"))
            and not inspect.ismodule(value)
            and name not in ("Text", "Optional", "NATS_BENCH_API_VERSIONs")
        ):
            assert hasattr(ours, name), name
    assert ours.version() == nats_bench.version()
    for tags in [("nats-bench", name) for name in ("tss", "topology", "sss", "size")] + [
        ("nas-bench-201", None)
    ]:
        assert same(ours.search_space_info(*tags), nats_bench.search_space_info(*tags))
    for tags in (("nats-bench", None), ("nas-bench-201", "tss"), ("nats", "tss")):
        for package in (nats_bench, ours):
            with pytest.raises(ValueError, match=r"tag|search space"):
                package.search_space_info(*tags)


def test_unique_strings_of_all_cells(synthetic):
    api = create(synthetic / "tss-tables", "topology", verbose=False)
    for index, text in enumerate(api.meta_archs):
        assert api.get_unique_str(index) == topology_str2structure(text).to_unique_str(True)
    assert api.get_unique_str("no cell") == api.get_unique_str(len(api) - 1)


def test_lists_and_matrices():
    for text in random.Random(0).sample(texts("tss"), 200):
        for name in ("str2lists", "str2matrix"):
            assert same(
                getattr(ours.NATStopology, name)(text), getattr(nats_bench.NATStopology, name)(text)
            )
    for kind in (ours.NATStopology, nats_bench.NATStopology):
        assert kind.str2matrix("|a~0|+|b~0|a~1|", ["b", "a"]).tolist() == [
            [0, 0, 0],
            [1, 0, 0],
            [0, 1, 0],
        ]
        with pytest.raises(ValueError, match="no_op"):
            kind.str2matrix("|no_op~0|")
    for text in ("|none|", "|none~x|"):
        with pytest.raises(InvalidArgumentError, match="operation~source"):
            ours.NATStopology.str2lists(text)


# Where tables come from


def test_an_archive_is_imported_on_first_use(synthetic, home, capsys, monkeypatch):
    folder = str(synthetic / f"{NAMES['tss']}-simple")
    with pytest.raises(UnknownNameError, match="nasbench import nats NATS-tss-v1_0-3ffb9-simple"):
        create(None, "tss")
    first = create(folder, "tss", fast_mode=True, verbose=False)
    assert "Importing" in capsys.readouterr().out
    assert (first.filename, first.archive_dir) == (Path(folder).name, folder)
    expected = first.get_more_info(7, "cifar100", hp="200", is_random=False)
    (home / "nats-tss-imagenet16.parquet").unlink()
    create(folder, "tss", verbose=False)
    assert "Importing" in capsys.readouterr().out  # the last import seemed to have been stopped
    monkeypatch.setattr(IMPORTERS.load("nats"), "tables", None)
    for source in (folder, Path(folder), None, "nats-tss", home):
        api = create(source, "topology", verbose=False)
        assert api.get_more_info(7, "cifar100", hp="200", is_random=False) == expected
    assert not capsys.readouterr().out
    with pytest.raises(InvalidArgumentError, match=r"another archive than .* Give None"):
        create(synthetic / f"{NAMES['tss']}.pickle.pbz2", "tss")
    with pytest.raises(UnknownNameError, match="nats-sss"):
        create(None, "sss")


def test_processes_that_import_at_once_get_the_same_tables(synthetic, tmp_path, at_once):
    code = (
        "from nasbench.compat.nats_bench import create\n"
        "api = create(archive, 'tss', fast_mode=True, verbose=False)\n"
        "print(api.get_more_info(7, 'cifar100', hp='200', is_random=False))"
    )
    printed = at_once(code, [synthetic / f"{NAMES['tss']}-simple"] * 4)
    api = create(synthetic / "tss-tables", "tss", verbose=False)
    expected = str(api.get_more_info(7, "cifar100", hp="200", is_random=False))
    assert [lines[-1] for lines in printed] == [expected] * 4
    assert sum(any("Importing" in line for line in lines) for lines in printed) == 1


def test_a_folder_may_be_moved(synthetic, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    for place in ("here", "there"):
        shutil.copytree(synthetic / f"{NAMES['sss']}-simple", tmp_path / place)
        create(tmp_path / place, "sss", fast_mode=True, verbose=False)
    assert capsys.readouterr().out.count("Importing") == 1


def test_a_single_file_is_imported_on_first_use(synthetic, home, capsys):
    file = synthetic / f"{NAMES['sss']}.pickle.pbz2"
    with pytest.raises(InvalidArgumentError, match="topology"):
        create(file, "tss")
    for _ in range(2):
        api = create(str(file), "sss", verbose=False)
        theirs = nats_bench.create(str(file), "sss", verbose=False)
        for index, dataset in product(records("sss"), DATASETS):
            assert same(
                api.get_more_info(index, dataset, hp="90", is_random=False),
                theirs.get_more_info(index, dataset, hp="90", is_random=False),
            )
    assert capsys.readouterr().out.count("Importing") == 1


@pytest.mark.parametrize("source", ["nowhere", "nats-ts", {"meta_archs": []}])
def test_a_source_that_is_none(home, source):
    with pytest.raises(InvalidArgumentError, match=r"neither a file|not the dict"):
        create(source, "tss")


def test_a_search_space_that_is_none():
    with pytest.raises(ValueError, match="did you mean 'topology'"):
        create(None, "topologie")


def test_tables_of_some_training_sets_only(synthetic, tmp_path):
    for path in (synthetic / "tss-tables").glob("nats-tss-cifar100.*"):
        (tmp_path / path.name).symlink_to(path)
    api = create(tmp_path, "tss", verbose=False)
    assert api.query_meta_info_by_index(7, "200").get_dataset_names() == ["cifar100"]
    with pytest.raises(NoAnswerError, match="nats-tss-cifar10 was not found"):
        api.get_more_info(7, "cifar10")


def test_a_table_of_another_kind(synthetic, tmp_path):
    table = Table(synthetic / "tss-tables" / "nats-tss-cifar10.parquet")
    runs = pq.read_table(table.path).drop_columns("rank")
    metadata = replace(table.metadata, id="nats-sss-cifar10")
    columns = tuple(table.columns.values())
    write_table(tmp_path / "nats-sss-cifar10.parquet", Draft(metadata, runs, columns=columns))
    with pytest.raises(SchemaError, match="'nb201', not of 'nats_size'"):
        create(tmp_path, "sss")


def test_a_table_of_version_1_lacks_top_5_accuracies(synthetic, tmp_path):
    table = Table(synthetic / "tss-tables" / "nats-tss-cifar10.parquet")
    runs = pq.read_table(table.path).drop_columns(["train_top5_accuracy", "rank"])
    for version in (1, 2):
        draft = Draft(
            replace(table.metadata, version=version), runs, columns=tuple(table.columns.values())
        )
        write_table(tmp_path / table.path.name, draft, replace=True)
        result = create(tmp_path, "tss", verbose=False).query_by_index(7, "cifar10", "12")[111]
        if version == 1:
            with pytest.raises(NoAnswerError, match=r"version 1 .* import the archive again"):
                _ = result.train_acc5es
        else:
            assert result.train_acc5es is None


def test_a_table_without_the_columns_that_answers_need(synthetic, tmp_path):
    table = Table(synthetic / "tss-tables" / "nats-tss-cifar10.parquet")
    runs = pq.read_table(table.path).drop_columns(["published_latency", "rank"])
    columns = tuple(c for name, c in table.columns.items() if name != "published_latency")
    write_table(tmp_path / table.path.name, Draft(table.metadata, runs, columns=columns))
    with pytest.raises(SchemaError, match="no column published_latency"):
        create(tmp_path, "tss")


def test_epochs_of_unequal_length(synthetic, tmp_path):
    states = {7: records("tss")[7]}
    for hp in HPS["tss"]:
        for result in states[7][hp]["all_results"].values():
            for epoch in result["train_times"]:
                result["train_times"][epoch] *= 1 + epoch % 3
    archive = write_folder(tmp_path / "archive", "tss", states)
    theirs = nats_bench.create(str(archive), "tss", fast_mode=True, verbose=False)
    api = create(tables(archive, tmp_path / "tables"), "tss", fast_mode=True, verbose=False)
    for dataset, hp, iepoch in product(DATASETS, HPS["tss"], (None, 0, 5)):
        answers = [each.get_more_info(7, dataset, iepoch, hp, False) for each in (theirs, api)]
        assert answers[0].pop("comment", None) == answers[1].pop("comment", None)
        assert answers[1] == pytest.approx(answers[0], rel=1e-12)
        assert api.get_cost_info(7, dataset, hp) == pytest.approx(
            theirs.get_cost_info(7, dataset, hp), rel=1e-12
        )
        for seed, result in api.query_by_index(7, dataset, hp).items():
            assert result.train_times == pytest.approx(
                theirs.query_by_index(7, dataset, hp)[seed].train_times, rel=1e-9
            )


@pytest.mark.parametrize("name", ["-simple", ".pickle.pbz2"])
def test_none_means_the_archive_in_torch_home(synthetic, tmp_path, monkeypatch, name):
    monkeypatch.setenv("NASBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(UnknownNameError, match=r"NATS-sss-v1_0-50262\.pickle\.pbz2 in .*torch"):
        create(None, "sss", fast_mode=True)
    (tmp_path / "torch").mkdir()
    archive = synthetic / f"{NAMES['sss']}{name}"
    (tmp_path / "torch" / archive.name).symlink_to(archive)
    expected = create(synthetic / "sss-tables", "sss", verbose=False)
    for _ in range(2):
        api = create(None, "sss", fast_mode=True, verbose=False)
        assert api.get_more_info(7, "cifar10", is_random=False) == expected.get_more_info(
            7, "cifar10", is_random=False
        )


@pytest.mark.parametrize("variable", ["TORCH_HOME", "HOME"])
def test_archives_are_looked_for_where_the_original_does(monkeypatch, variable):
    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv(variable, "/somewhere")
    assert api_utils.get_torch_home() == nats_bench.api_utils.get_torch_home()


# Threads


def test_a_fresh_object_is_asked_by_several_threads(synthetic):
    api, other = (create(synthetic / "tss-tables", "tss", True, False) for _ in range(2))
    questions = [(i, d, hp) for i in (3, 7, 8, 4000) for d in DATASETS for hp in HPS["tss"]]

    def answers(api):
        found = [api.get_more_info(i, d, None, hp, False) for i, d, hp in questions]
        found += [api.get_cost_info(*question) for question in questions]
        found += [
            api.query_meta_info_by_index(i, hp).get_compute_costs(d) for i, d, hp in questions
        ]
        return [*found, api.find_best("cifar100", "x-test", hp="200")]

    def ask(_):
        barrier.wait()
        return answers(api)

    expected, barrier = answers(other), threading.Barrier(8)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(ask, range(8)))


class Slow(float):
    """A number whose addition lets other threads run."""

    def __add__(self, other):
        total = float(self) + other
        time.sleep(0.001)
        return Slow(total)


def test_the_clock_of_several_threads_loses_nothing(synthetic):
    api = create(synthetic / "sss-tables", "sss", verbose=False)
    api._used_time = Slow(0)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.simulate_train_eval(7, "cifar10"), range(40)))
    assert api.used_time == pytest.approx(sum(seconds for _, _, seconds, _ in answers))
    assert max(clock for *_, clock in answers) == api.used_time


def test_another_thread_may_load_architectures_meanwhile(synthetic, monkeypatch):
    api = create(synthetic / "tss-tables", "tss", fast_mode=True, verbose=False)
    api.get_more_info(3, "cifar10")
    rows = DatasetTrainings.rows

    def meanwhile(trainings, index):
        api.evaluated_indexes.update((7, 8))
        return rows(trainings, index)

    monkeypatch.setattr(DatasetTrainings, "rows", meanwhile)
    assert api.statistics("cifar10", "12") == {1: 1}


# The object itself


def test_memory_of_answers_is_bounded(synthetic, monkeypatch):
    monkeypatch.setattr("nasbench.compat.nats_bench.benchmark._REMEMBERED", 100)
    api = create(synthetic / "tss-tables", "tss", verbose=False)
    for iepoch in range(200):
        api.get_more_info(7, "cifar10", iepoch, "200", False)
    assert len(api._answers) <= 100


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda api: pickle.loads(pickle.dumps(api))])
def test_a_copy_answers_and_counts_for_itself(synthetic, copied):
    api = create(synthetic / "sss-tables", "sss", fast_mode=True, verbose=False)
    api.simulate_train_eval(7, "cifar10")
    twin = copied(api)
    assert twin.meta_archs == api.meta_archs
    assert twin.used_time == api.used_time > 0
    twin.reset_time()
    assert api.used_time > 0
    assert twin.get_more_info(3, "cifar100", is_random=False) == api.get_more_info(
        3, "cifar100", is_random=False
    )
    assert api.query_meta_info_by_index(3).get_compute_costs("cifar10") == copied(
        twin.query_meta_info_by_index(3)
    ).get_compute_costs("cifar10")


def test_a_pickle_holds_no_answers(synthetic):
    api = create(synthetic / "sss-tables", "sss", verbose=False)
    size = len(pickle.dumps(api))
    for iepoch in range(90):
        api.get_more_info(7, "cifar10", iepoch, "90", False)
    assert len(pickle.dumps(api)) == size


def test_verbose_prints_every_call(synthetic, capsys):
    api = create(synthetic / "tss-tables", "tss")
    assert "NATStopology(4/15625 architectures, fast_mode=False, file=tss-tables)" in (
        capsys.readouterr().out
    )
    api.get_more_info(7, "cifar10", None, "200", False)
    assert "get_more_info: 7, cifar10, None, 200, False" in capsys.readouterr().out
    api.find_best("cifar10", "valid")
    assert "find_best: cifar10, valid, None, None, 12, None" in capsys.readouterr().out
    api.verbose = False
    api.get_cost_info(7, "cifar10")
    assert not capsys.readouterr().out


def test_importing_the_module_is_light():
    code = (
        "import sys; import nasbench.compat.nats_bench; "
        "heavy = {'pandas', 'torch', 'scipy', 'sklearn', 'h5py', 'data_builders', 'nats_bench'}; "
        "sys.exit(', '.join(heavy & {name.split('.')[0] for name in sys.modules}) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
