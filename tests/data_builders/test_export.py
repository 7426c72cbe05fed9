"""Exported networks compute elsewhere what they compute here, and files are what they say."""

import json
import logging
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from data_builders.blueprint import Blueprint, Model
from data_builders.export import FORMATS, export, said_in
from nasbench.errors import InvalidArgumentError, MissingExtraError, UnknownNameError

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),  # of torch.export.load
]

WHY = "export writes ONNX with these packages: python -m pip install -e '.[dev]'"
CELL = "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
NORMAL = "('dil_conv_5x5', 1), ('skip_connect', 0), ('max_pool_3x3', 1), ('skip_connect', 2), "
NORMAL += "('avg_pool_3x3', 1), ('skip_connect', 3), ('max_pool_3x3', 0), ('skip_connect', 1)"
REDUCE = NORMAL.replace("dil_conv_5x5", "sep_conv_3x3")
CASES = {
    "lite201": (CELL, {"channels": 4, "cells": 1, "size": 9}),
    "darts": (
        f"Genotype(normal=[{NORMAL}], normal_concat=[2, 3, 4, 5], "
        f"reduce=[{REDUCE}], reduce_concat=[2, 3, 4, 5])",
        {"channels": 2, "cells": 1, "size": 7},
    ),
    "seqmix": (
        "linear_attention-gated_convolution-gated_recurrence-window_attention",
        {"width": 8, "heads": 2, "vocabulary": 11, "length": 9},
    ),
}
SMALL = Blueprint.of("lite201", sizes={"channels": 2, "cells": 1, "size": 4})
ALL = {name: Path(f"net{format.suffix}") for name, format in FORMATS.items()}


class Case(NamedTuple):
    model: Model
    files: dict[str, Path]

    def inputs(self, n: int) -> torch.Tensor:
        generator, (_, *shape) = torch.Generator().manual_seed(n), self.model.example.shape
        if self.model.input == "tokens":
            vocabulary = self.model.facts["sizes"]["vocabulary"]
            return torch.randint(vocabulary, (n, *shape), generator=generator)
        return torch.randn(n, *shape, generator=generator)

    def logits(self, n: int) -> torch.Tensor:
        with torch.inference_mode():
            return self.model.module(self.inputs(n))


@pytest.fixture(scope="module", params=CASES)
def case(request, tmp_path_factory) -> Case:
    """A network and its files."""
    pytest.importorskip("onnx", reason=WHY)
    pytest.importorskip("onnxscript", reason=WHY)
    arch, sizes = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    files = {name: folder / path for name, path in ALL.items()}
    written = export(Blueprint.of(request.param, sizes=sizes), arch, files, seed=2)
    assert [file.path for file in written] == list(files.values())
    assert all(file.made for file in written)
    return Case(written[0].model, files)


def test_onnx_computes_what_the_network_does(case):
    runtime = pytest.importorskip("onnxruntime", reason=WHY)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(
        case.files["onnx"], options, providers=["CPUExecutionProvider"]
    )
    (given,), (answer,) = session.get_inputs(), session.get_outputs()
    assert (given.name, answer.name) == (case.model.input, "logits")
    assert given.shape == ["batch", *case.model.example.shape[1:]]
    assert answer.shape[0] == "batch"
    for n in (1, 3):
        (logits,) = session.run(None, {given.name: case.inputs(n).numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), case.logits(n), rtol=1e-5, atol=1e-5)


def test_a_program_of_pytorch_computes_what_the_network_does(case):
    program = torch.export.load(case.files["pt2"])
    assert program.state_dict.keys() == case.model.module.state_dict().keys()
    for n in (1, 3):
        logits = program.module()(case.inputs(n))
        torch.testing.assert_close(logits.detach(), case.logits(n), rtol=1e-5, atol=1e-5)


def test_arrays_are_the_state_of_the_network(case):
    with np.load(case.files["state_dict"], allow_pickle=False) as arrays:
        state = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    name, sizes = case.model.facts["network"], case.model.facts["sizes"]
    fresh = Blueprint.of(name, sizes=sizes).model(CASES[name][0], 9).module
    fresh.load_state_dict(state, strict=True)
    with torch.inference_mode():
        assert torch.equal(fresh(case.inputs(3)), case.logits(3))


def test_files_say_what_they_hold_and_nothing_of_the_machine(case):
    for name, path in case.files.items():
        assert said_in(path, name) == json.loads(json.dumps(case.model.facts))
        held = path.read_bytes()
        assert str(Path(__file__).parents[2]).encode() not in held
        assert str(Path(torch.__file__).parent).encode() not in held
        assert str(path.parent).encode() not in held


def test_no_file_holds_a_pickle(case):
    for name in ("pt2", "state_dict"):
        with zipfile.ZipFile(case.files[name]) as archive:
            sizes = {member.filename: member.file_size for member in archive.infolist()}
        assert sizes
        assert not any(size for inner, size in sizes.items() if inner.endswith((".pt", ".pkl")))


def test_parameters_keep_their_names_and_values_in_onnx(case):
    onnx = pytest.importorskip("onnx", reason=WHY)
    graph = onnx.load(case.files["onnx"]).graph
    held = {array.name: onnx.numpy_helper.to_array(array) for array in graph.initializer}
    for name, value in case.model.module.named_parameters():
        np.testing.assert_array_equal(held[name], value.detach().numpy())


@pytest.mark.parametrize("case", ["lite201"], indirect=True)
def test_equal_networks_are_equal_bytes(case, tmp_path):
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    arch, sizes = CASES["lite201"]
    again = {name: tmp_path / path for name, path in ALL.items()}
    export(Blueprint.of("lite201", sizes=sizes), arch, again, seed=2)
    for name, path in again.items():
        assert path.read_bytes() == case.files[name].read_bytes()
    assert logger.level == level


def test_the_same_network_is_already_there(case):
    blueprint = Blueprint.of(case.model.facts["network"], sizes=case.model.facts["sizes"])
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in case.files.values()}
    for replace in (True, False):
        written = export(blueprint, case.model.facts["arch"], case.files, seed=2, replace=replace)
        assert not any(file.made for file in written)
    assert before == {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in case.files.values()}


def test_another_network_is_replaced_only_if_it_is_said(tmp_path):
    files = {"state_dict": tmp_path / "net.npz"}
    export(SMALL, CELL, files)
    first = files["state_dict"].read_bytes()
    with pytest.raises(
        InvalidArgumentError, match=r"another network .seed is 0, not 1.: say --replace"
    ):
        export(SMALL, CELL, files, seed=1)
    assert files["state_dict"].read_bytes() == first
    (written,) = export(SMALL, CELL, files, seed=1, replace=True)
    assert written.made
    assert said_in(files["state_dict"], "state_dict")["seed"] == 1


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_not_exported_is_never_replaced(tmp_path, name):
    for package in FORMATS[name].needs:
        pytest.importorskip(package, reason=WHY)
    mine = tmp_path / ALL[name]
    np.savez(tmp_path / "mine.npz", a=np.ones(2))
    for content in (b"", b"mine", (tmp_path / "mine.npz").read_bytes()):
        mine.write_bytes(content)
        with pytest.raises(InvalidArgumentError, match="never replaced"):
            export(SMALL, CELL, {name: mine}, replace=True)
        assert mine.read_bytes() == content
    mine.unlink()
    mine.symlink_to(tmp_path / f"nowhere{mine.suffix}")
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        export(SMALL, CELL, {name: mine}, replace=True)
    assert mine.is_symlink()
    mine.unlink()
    mine.mkdir()
    with pytest.raises(InvalidArgumentError, match="never replaced"):
        export(SMALL, CELL, {name: mine}, replace=True)


def test_nothing_is_written_if_one_file_cannot_be(tmp_path):
    (tmp_path / "net.pt2").write_text("mine")
    files = {"state_dict": tmp_path / "net.npz", "pt2": tmp_path / "net.pt2"}
    with pytest.raises(InvalidArgumentError):
        export(SMALL, CELL, files)
    assert not files["state_dict"].exists()
    files["pt2"] = tmp_path / "net.npz.folder" / "net.pt2"
    files["pt2"].parent.write_text("no folder")
    with pytest.raises((InvalidArgumentError, OSError)):
        export(SMALL, CELL, files)
    assert not files["state_dict"].exists()


@pytest.mark.parametrize(
    ("files", "error", "expected"),
    [
        ({}, InvalidArgumentError, "give a file for onnx, pt2 or state_dict"),
        ({"onx": "a.onnx"}, UnknownNameError, "did you mean 'onnx'"),
        ({"onnx": "a.pt2"}, InvalidArgumentError, "'a.pt2' does not end in '.onnx'"),
        ({"state_dict": "a.pt"}, InvalidArgumentError, "'a.pt' does not end in '.npz'"),
        ({"pt2": ".pt2"}, InvalidArgumentError, "does not end in '.pt2'"),
    ],
)
def test_what_cannot_be_written(files, error, expected):
    with pytest.raises(error, match=expected):
        export(SMALL, CELL, {name: Path(path) for name, path in files.items()})


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named_before_any_work(monkeypatch, tmp_path, package):
    if package == "onnxscript":
        pytest.importorskip("onnx", reason=WHY)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"needs '{package}'.*-e \"\.\[export\]\""):
        export(SMALL, "no architecture", {"onnx": tmp_path / "a.onnx"})


def test_an_old_pytorch_is_named_before_any_work(monkeypatch, tmp_path):
    for package in FORMATS["onnx"].needs:
        pytest.importorskip(package, reason=WHY)
    monkeypatch.setattr(torch, "__version__", "2.6.0+cpu")
    with pytest.raises(InvalidArgumentError, match=r"needs PyTorch 2\.9 or later, this is 2\.6\.0"):
        export(SMALL, "no architecture", {"onnx": tmp_path / "a.onnx"})
