"""NATS-Bench v1.0 (Dong et al., 2021, https://arxiv.org/abs/2009.00437): topology and size."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from data_builders.archives.damage import reason
from data_builders.archives.entries import is_sidecar
from data_builders.importer import Importer, Progress, silent
from data_builders.importers.nats.blocks import Blocks, join
from data_builders.importers.nats.files import TOPOLOGY, File, Folder
from data_builders.importers.nats.training_sets import NETWORK, SETS, TrainingSet
from data_builders.importers.parts import alone, blocks_folder
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.spaces.nats_size import CELL
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

RELEASES = {"tss": "NATS-tss-v1_0-3ffb9", "sss": "NATS-sss-v1_0-50262"}
_SIZE_NETWORK = {
    "network": "NAS-Bench-201: three stages of cells, residual blocks of stride 2 between them",
    "channels": "the architecture",
    "cells": 1,
    "cell": CELL,
}
_SIZE_TEXTS = {
    "parameters": "trainable parameters, as published",
    "macs": "multiply-adds for one image, of convolutions and the linear layer only, as published",
    "published_parameters": "millions of parameters, as published with this training",
    "published_macs": "millions of multiply-adds, as published with this training, where they are "
    "called flop",
}
_ESTIMATE = (
    "; an estimate of the archive for an unnamed GPU, by which all epochs and all training seeds "
    "of an architecture take the same"
)
_TIMES = {
    "seconds": f"seconds from the start of the training, without evaluations{_ESTIMATE}",
    "evaluation": _ESTIMATE,
}
_SEEDS = {
    "tss": "training seed, as in the archive: 111, and on cifar10-valid 777 too, for 12 epochs; "
    "777, 888 and 999 for 200 epochs, of which about half of the architectures lack one",
    "sss": "training seed, as in the archive: 777 for 1 and 90 epochs; 777, 888 and 999 for 12",
}


class NATSImporter(Importer):
    """The eight tables of NATS-Bench: two search spaces, four training sets."""

    name = "nats"
    summary = (
        "NATS-Bench v1.0, topology or size: curves, losses and test accuracies on four training "
        "sets, from the folder NATS-…-simple or the file NATS-….pickle.pbz2"
    )
    ids = tuple(f"nats-{kind}-{images.id}" for kind in RELEASES for images in SETS)

    @staticmethod
    def digest(archive: Path) -> str:
        """Return the SHA-256 of a file, or of what sha256sum says of the files in a folder.

        Raises:
            InvalidArgumentError: The path is not an archive.
            ArchiveError: It cannot be read.
        """
        return _opened(archive).sha256

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield one table per training set, from one folder or file."""
        path = _only(files)
        folder = blocks_folder(work, f"{self.name}-{path.name}")
        archive = _opened(path)
        with alone(folder):
            yield from _tables(path, archive, folder, progress)


def _tables(
    path: Path, archive: Folder | File, folder: Path, progress: Progress
) -> Iterator[Draft]:
    try:
        blocks = Blocks(folder, {"sha256": archive.sha256})
        layout, records = archive.read(blocks, progress)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {reason(error)}") from error
    kind = "tss" if layout is TOPOLOGY else "sss"
    for other in RELEASES:
        if other != kind and f"NATS-{other}" in path.name:
            raise ArchiveError(f"{path} holds {RELEASES[kind]}, but its name says NATS-{other}")
    describe = partial(_metadata, kind, path, archive.sha256)
    for images in SETS:
        texts = (_SIZE_TEXTS if kind == "sss" else images.texts()) | _TIMES
        parts = blocks.of(images, records)
        yield from join(parts, images, layout.space, describe, texts, str(path))
    blocks.remove()


def _only(files: Sequence[Path]) -> Path:
    """Return the one archive that is given."""
    wanted = "give a folder {0}-simple or a file {0}.pickle.pbz2".format
    if len(files) != 1 or not files[0].exists():
        problem = (
            f"{files[0]} does not exist"
            if len(files) == 1
            else f"{len(files)} files are given, 1 is needed"
        )
        raise InvalidArgumentError(
            f"{problem}: {' or '.join(wanted(name) for name in RELEASES.values())}"
        )
    return files[0]


def _opened(path: Path) -> Folder | File:
    try:
        return Folder(path) if path.is_dir() else File(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {reason(error)}") from error


def _size(path: Path) -> int:
    """Return the bytes of an archive."""
    files = path.glob("*.pbz2") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if not is_sidecar(file.name))


def _metadata(
    kind: str, path: Path, sha256: str, images: TrainingSet, schedules: Sequence[int]
) -> Metadata:
    official = RELEASES[kind]
    release = official if path.name.startswith(official) else f"NATS-Bench, from {path.name}"
    topology = kind == "tss"
    what = "topology search space" if topology else "size search space"
    return Metadata(
        id=f"nats-{kind}-{images.id}",
        version=2,
        space="nb201" if topology else "nats_size",
        key="arch",
        dataset=images.dataset,
        epochs={},
        default_objective=images.objective,
        title=f"NATS-Bench, {what}, trained on {images.title} ({images.name})",
        description=(
            f"Training and evaluation of {'cells' if topology else 'numbers of channels'} of "
            f"NATS-Bench on {images.title}: trained on {images.meaning['train']}. Schedules of "
            f"{', '.join(map(str, schedules))} epochs are trainings of their own, each with a "
            "learning rate that falls to 0: an earlier epoch of a longer one is another number. "
            + images.purpose
        ),
        seeds=_SEEDS[kind],
        elsewhere=(
            "trained weights are in the archive "
            f"{official}-full; evaluations of this training set that are no column here were "
            "never made"
        ),
        recipe=images.recipe(NETWORK if topology else _SIZE_NETWORK, schedules, release)
        | {"input": {"name": path.name, "bytes": _size(path), "sha256": sha256}},
        source=(
            f"{path.name} ({'sha256sum of its files has ' if path.is_dir() else ''}sha256 "
            f"{sha256}), https://github.com/D-X-Y/NATS-Bench"
        ),
        licence="MIT",
        citation=(
            "Dong, Liu, Musial and Gabrys (2021), NATS-Bench: Benchmarking NAS Algorithms for "
            "Architecture Topology and Size, IEEE TPAMI, https://doi.org/10.1109/TPAMI.2021.3054824"
        ),
    )
