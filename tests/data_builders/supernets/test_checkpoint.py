"""States of a supernet come back as they were, from a file without a pickle."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nasbench
from algorithms.oneshot.relaxed.darts import DARTS
from data_builders.supernets.checkpoint import Checkpoint
from data_builders.supernets.image_ingredients import ImageHalves


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def test_a_state_comes_back_without_a_pickle(tmp_path: Path) -> None:
    network = torch.nn.Linear(3, 2, dtype=torch.float64)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1, amsgrad=True)
    network(torch.ones(1, 3, dtype=torch.float64)).sum().backward()
    optimizer.step()
    state = {
        "network": dict(network.state_dict()),
        "optimizer": optimizer.state_dict(),
        "generator": torch.Generator().manual_seed(5).get_state(),
        "numpy": np.random.default_rng(2**70).bit_generator.state,
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(7),
        "values": [None, True, 0.1, float("inf"), "texts", []],
    }
    checkpoint = Checkpoint(tmp_path, 3)
    checkpoint.save(state)
    (file,) = tmp_path.iterdir()
    assert all(name.endswith(".npy") for name in zipfile.ZipFile(file).namelist())
    found = checkpoint.load()
    assert found is not None
    state["optimizer"]["param_groups"][0]["betas"] = [0.9, 0.999]  # a list is no less
    assert same(found, state)
    torch.optim.Adam(network.parameters(), lr=0.1, amsgrad=True).load_state_dict(found["optimizer"])


@pytest.mark.parametrize("size", [0, 10, 200, -30])
def test_a_file_that_was_cut_is_not_used(tmp_path: Path, size: int) -> None:
    checkpoint = Checkpoint(tmp_path, 0)
    assert checkpoint.load() is None
    checkpoint.save({"weights": torch.zeros(100)})
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:size])
    assert checkpoint.load() is None


def test_a_history_of_nothing_replaces_an_older_one(tmp_path: Path) -> None:
    """As of a search that diverges in its first epoch."""
    checkpoint = Checkpoint(tmp_path, 0)
    checkpoint.finish([{"epoch": 1, "seconds": 1.0}])
    checkpoint.finish([])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("fresh", "first"), [(False, 2), (True, 0)])
def test_a_fresh_search_does_not_go_on_from_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: bool, first: int
) -> None:
    whole = DARTS.begin

    def interrupted(search: DARTS, epoch: int) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        whole(search, epoch)

    def run() -> None:
        nasbench.search(
            "darts",
            "lite201-digits",
            budget=nasbench.Budget(trials=1),
            hyperparameters={"epochs": 3},
            out=tmp_path,
            fresh=fresh,
        )

    with monkeypatch.context() as patch:
        patch.setattr(DARTS, "begin", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run()
    trained: list[int] = []
    batches = ImageHalves.batches

    def watched(halves: ImageHalves, half: Any, epoch: int) -> Any:
        trained.append(epoch)
        return batches(halves, half, epoch)

    monkeypatch.setattr(ImageHalves, "batches", watched)
    run()
    assert min(trained) == first
