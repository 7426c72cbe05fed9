"""Networks as files for other tools: ONNX, programs of PyTorch, NumPy arrays.

Tables hold results, not weights: a file holds the network with which a training begins, in
evaluation mode. It says so under :data:`MARK`, as JSON, and is known by that. Equal networks are
equal bytes, with the same packages; no file holds paths of the machine, or a pickle.
"""

import io
import json
import logging
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from torch.export import Dim, ExportedProgram

from data_builders.blueprint import Blueprint, Model
from nasbench.errors import InvalidArgumentError, UnknownNameError, one_of
from nasbench.registry import require
from nasbench.regressor import write_arrays
from nasbench.space import Arch
from nasbench.storage.files import atomic

MARK = "nasbench"
OUTPUT = "logits"
MOST_SAID = 65_536
"""Bytes of what a file says that are read."""
MOST_EXAMPLES = 2**31 - 1
"""Of a batch; early versions of PyTorch need a bound below their largest integer."""
ONNX_SINCE = (2, 9)
"""PyTorch whose exporter goes with the onnxscript of the extra; that of 2.6 fails at BatchNorm."""


Recorded: TypeAlias = Callable[[], ExportedProgram]
"""Gives the program of a network, recorded once for all formats."""


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        suffix: End of its name.
        needs: Packages beside PyTorch that write it.
        write: Writes a network, from its program if it needs that.
        said: Gives what a file says under :data:`MARK`, if anything; fails on others in any way.
    """

    suffix: str
    needs: tuple[str, ...]
    write: Callable[[Path, Model, Recorded], None]
    said: Callable[[Path], str | None]


class Written(NamedTuple):
    """A file with a network.

    Attributes:
        path: The file.
        model: The network.
        made: Whether it was written now; False if it was there.
    """

    path: Path
    model: Model
    made: bool


def export(
    blueprint: Blueprint,
    arch: str | Arch,
    files: Mapping[str, Path],
    *,
    seed: int = 0,
    replace: bool = False,
) -> list[Written]:
    """Write the network of an architecture.

    Args:
        blueprint: The network and its sizes.
        arch: The architecture.
        files: Where to write, by name of a format (:data:`FORMATS`).
        seed: Training seed whose initial values the network gets.
        replace: Whether to replace other networks that this function wrote there.

    Raises:
        UnknownNameError: There is no such format.
        InvalidArgumentError: No file is given, one has the wrong suffix, or cannot be written, or
            must not be replaced; and whatever :meth:`Blueprint.model` refuses.
        IllegalArchError: It is no architecture of the space.
        MissingExtraError: A format needs a package that is not installed.
    """
    if not files:
        raise InvalidArgumentError(f"there is nothing to write: give a file for {_either(FORMATS)}")
    for name, path in files.items():
        if name not in FORMATS:
            raise UnknownNameError(f"there is no format {name!r}{one_of(name, FORMATS)}")
        if path.suffix != FORMATS[name].suffix:
            raise InvalidArgumentError(
                f"{str(path)!r} does not end in {FORMATS[name].suffix!r}, as files of {name} do"
            )
        for package in FORMATS[name].needs:
            require(package, f"writing {path.name}")
        if FORMATS[name].needs and _version(torch.__version__) < ONNX_SINCE:
            raise InvalidArgumentError(
                f"writing {path.name} needs PyTorch {'.'.join(map(str, ONNX_SINCE))} or later, "
                f"this is {torch.__version__}; files of pt2 and state_dict can be written"
            )
    model = blueprint.model(arch, seed)
    there = {name: _is_there(path, name, model, replace) for name, path in files.items()}
    recorded = cache(partial(program, model))
    with ExitStack() as stack:  # all files, or none
        new = [(name, path) for name, path in files.items() if not there[name]]
        temporaries = [(name, stack.enter_context(atomic(path))) for name, path in new]
        for name, temporary in temporaries:
            FORMATS[name].write(temporary, model, recorded)
    return [Written(path, model, not there[name]) for name, path in files.items()]


def said_in(path: Path, format: str) -> dict[str, Any] | None:
    """Return what a file says of its network; None if it is not ours.

    Args:
        path: The file.
        format: Name of its format.
    """
    try:
        said = json.loads(FORMATS[format].said(path) or "null")
    except Exception:  # a file of anybody, which may be damaged in any way
        return None
    return said if isinstance(said, dict) else None


def program(model: Model) -> ExportedProgram:
    """Return a network as a program of PyTorch for batches of any size."""
    shapes = ({0: Dim("batch", max=MOST_EXAMPLES)},)
    with _quiet(), torch.no_grad():
        made = torch.export.export(
            model.module, (model.example,), dynamic_shapes=shapes, strict=False
        )
    for node in made.graph.nodes:
        node.meta.pop("stack_trace", None)
    with suppress(ValueError):  # early versions insist on them
        made.example_inputs = None  # which would be written as a pickle
    return made


def _write_onnx(path: Path, model: Model, recorded: Recorded) -> None:
    """Write ONNX: parameters under their names, what follows from constants computed."""
    with _quiet():
        made: Any = torch.onnx.export(
            recorded(),
            dynamo=True,
            input_names=[model.input],
            output_names=[OUTPUT],
            optimize=False,  # which would merge norms into kernels, and equal parameters
            verbose=False,
        )
        names = model.module.state_dict().keys()
        optimizer = require("onnxscript.optimizer", "ONNX")
        optimizer.fold_constants(
            made.model, should_fold=lambda node: None if names.isdisjoint(_given(node)) else False
        )
        for node in made.model.graph:
            if node.op_type == "Conv" and names.isdisjoint(_given(node)[2:]):
                node.replace_input_with(2, None)  # the zeros of a convolution without a bias
        optimizer.remove_unused_nodes(made.model)
    proto = made.model_proto
    proto.producer_name = MARK
    proto.producer_version = model.facts["software"]["nasbench"]
    proto.metadata_props.add(key=MARK, value=_document(model))
    graph = proto.graph
    graph.name = model.facts["network"]
    symbol = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    values = [*graph.input, *graph.output, *graph.value_info]
    for part in [*values, *graph.node, *graph.initializer, graph]:
        del part.metadata_props[:]
        part.doc_string = ""
    for value in values:
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = re.sub(rf"\b{symbol}\b", "batch", size.dim_param)
    require("onnx", "ONNX").checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString(deterministic=True))


def _given(node: Any) -> list[str]:
    """Names of what a node of ONNX is given."""
    return [value.name for value in node.inputs if value is not None]


def _said_in_onnx(path: Path) -> str | None:
    proto = require("onnx", "ONNX").load(path, format="protobuf", load_external_data=False)
    return {prop.key: prop.value for prop in proto.metadata_props}.get(MARK)


def _write_pt2(path: Path, model: Model, recorded: Recorded) -> None:
    buffer = io.BytesIO()  # the name of a file would be in it
    with _quiet():
        torch.export.save(recorded(), buffer, extra_files={f"{MARK}.json": _document(model)})
    path.write_bytes(buffer.getvalue())


def _said_in_pt2(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(f"/{MARK}.json"))
        with archive.open(name) as file:
            return file.read(MOST_SAID).decode()


def _write_state_dict(path: Path, model: Model, recorded: Recorded) -> None:
    write_arrays(path, {name: value.numpy() for name, value in model.module.state_dict().items()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = f"{MARK} {_document(model)}".encode()


def _said_in_state_dict(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        mark, _, said = archive.comment.decode().partition(" ")
    return said if mark == MARK else None


FORMATS: Mapping[str, Format] = {
    "onnx": Format(".onnx", ("onnx", "onnxscript"), _write_onnx, _said_in_onnx),
    "pt2": Format(".pt2", (), _write_pt2, _said_in_pt2),
    "state_dict": Format(".npz", (), _write_state_dict, _said_in_state_dict),
}
"""What a network can be written as: a graph that most tools read, a program of PyTorch
(``torch.export.load``), and the arrays of ``state_dict``."""


def _document(model: Model) -> str:
    return json.dumps(model.facts)


def _is_there(path: Path, format: str, model: Model, replace: bool) -> bool:
    """Return whether a file holds the network; refuse to go on if it must not be replaced."""
    if not path.exists() and not path.is_symlink():
        return False
    said = said_in(path, format)
    if said is None:
        raise InvalidArgumentError(
            f"{path} exists, and not because a network was exported: it is never replaced; choose "
            "another name"
        )
    if said == json.loads(_document(model)):
        return True
    if not replace:
        wanted = json.loads(_document(model))
        other = [
            f"{key} is {said.get(key)!s:.200}, not {value!s:.200}"
            for key, value in wanted.items()
            if said.get(key) != value
        ]
        raise InvalidArgumentError(
            f"{path} holds another network ({'; '.join(other)}): say --replace (replace=True), or "
            "choose another name"
        )
    return False


def _version(text: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def _either(names: Any) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep PyTorch from telling users of things that are not installed or will be removed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
