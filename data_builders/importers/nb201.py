"""NAS-Bench-201 v1.0 and v1.1 (Dong and Yang, 2020, https://openreview.net/forum?id=HJxyZkBKDr).

Both are a file of ``torch.save``: several consecutive pickles, or a zip with one. They are read as
a stream, without torch. Their numbers differ; a table holds those of one release.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from os import SEEK_END
from pathlib import Path
from reprlib import repr
from typing import IO

import pyarrow as pa

from data_builders.archives.bounded import open_zip
from data_builders.archives.damage import PICKLE, ZIP, check_kind, damage, reason
from data_builders.importer import Importer, Progress, silent
from data_builders.importers.nats import numbering
from data_builders.importers.nats.blocks import Blocks, join, store
from data_builders.importers.nats.files import LIMIT
from data_builders.importers.nats.results import Layout, Record, parse
from data_builders.importers.nats.training_sets import NETWORK, SETS, TrainingSet
from data_builders.importers.parts import alone, blocks_folder
from data_builders.pickles import unpickle
from data_builders.pickles.standins import PLAIN
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.spaces.nb201 import NB201
from nasbench.storage.files import file_digest
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata

RELEASES = {"1.0": "NAS-Bench-201-v1_0-e61699", "1.1": "NAS-Bench-201-v1_1-096897"}
LAYOUT = Layout(space=NB201(), schedules={"less": 12, "full": 200}, exact=False)
_TIMES = {
    "seconds": "seconds from the start of the training, without evaluations, as published",
    "evaluation": ", as published; the mean over the epochs",
}
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class NB201Importer(Importer):
    """The four tables of a release of NAS-Bench-201, one per training set."""

    name = "nb201"
    summary = (
        "NAS-Bench-201 v1.0 or v1.1: curves, losses and test accuracies on four training sets, "
        "from NAS-Bench-201-v1_0-e61699.pth or NAS-Bench-201-v1_1-096897.pth"
    )
    ids = tuple(f"nb201-v{release}-{images.id}" for release in RELEASES for images in SETS)

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield one table per training set, from one file."""
        path = _only(files)
        folder = blocks_folder(work, f"{self.name}-{path.name}")
        try:
            sha256 = file_digest(path)
        except OSError as error:
            raise ArchiveError(f"{path} cannot be read: {reason(error)}") from error
        with alone(folder):
            yield from _tables(path, sha256, folder, progress)


def _tables(path: Path, sha256: str, folder: Path, progress: Progress) -> Iterator[Draft]:
    blocks = Blocks(folder, {"sha256": sha256})
    try:
        summary = blocks.summary(partial(_read, path, blocks, progress))
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {reason(error)}") from error
    release = _release(summary, path)
    describe = partial(_metadata, release, path, sha256)
    for images in SETS:
        parts = blocks.of(images, len(summary))
        texts = images.texts() | _TIMES
        yield from join(parts, images, LAYOUT.space, describe, texts, str(path))
    blocks.remove()


def _only(files: Sequence[Path]) -> Path:
    """Return the one file that is given."""
    wanted = " or ".join(f"{name}.pth" for name in RELEASES.values())
    if len(files) != 1:
        raise InvalidArgumentError(f"{len(files)} files are given, 1 is needed: give {wanted}")
    if not files[0].is_file():
        problem = "is a folder" if files[0].is_dir() else "does not exist"
        raise InvalidArgumentError(f"{files[0]} {problem}: give {wanted}")
    check_kind(files[0], f"a file of torch.save ({wanted})", ZIP, PICKLE)
    return files[0]


def _read(path: Path, blocks: Blocks, progress: Progress) -> pa.Table:
    """Store all records, with :mod:`data_builders.importers.nats.blocks`; return their summary."""
    where = str(path)
    with path.open("rb") as raw, _pickles(raw, where) as pickles:
        summary = store(_records(pickles, path, raw, progress), blocks, where)
    numbering.check(summary, pickles.others, LAYOUT.space, where)
    return summary


@contextmanager
def _pickles(raw: IO[bytes], where: str) -> Iterator[unpickle.Pickles]:
    """Yield the pickle with the object, in either layout; afterwards check what follows it."""
    if raw.read(2) == b"PK":
        with ExitStack() as stack:
            with damage(where):
                archive = stack.enter_context(open_zip(raw, where, raw.seek(0, SEEK_END)))
                members = [
                    info
                    for info in archive.files
                    if re.fullmatch(r"[^/\\]+/data\.pkl", info.filename)
                ]
                if len(members) != 1:
                    raise ArchiveError(f"{where} is a zip with {len(members)} members data.pkl")
                file = stack.enter_context(archive.open(members[0]))
            pickles = unpickle.Pickles(file, allowed=PLAIN, where=where, limit=LIMIT)
            yield pickles
            pickles.finish()
        return
    raw.seek(0)
    pickles = unpickle.Pickles(raw, allowed=PLAIN, where=where, limit=LIMIT)
    magic, protocol, system = pickles.load(), pickles.load(), pickles.load()
    if (magic, protocol) != (_MAGIC, _PROTOCOL) or not isinstance(system, dict):
        raise ArchiveError(f"{where} is not a file of torch.save: it begins with {repr(magic)}")
    yield pickles
    tensors = pickles.load()
    if tensors != []:
        raise ArchiveError(f"{where} holds the tensors {repr(tensors)}, but must hold none")
    pickles.finish()


def _records(
    pickles: unpickle.Pickles, path: Path, raw: IO[bytes], progress: Progress
) -> Iterator[Record]:
    size = path.stat().st_size
    for index, content in pickles.items("arch2infos"):
        yield parse(content, index, LAYOUT, str(path))
        progress(raw.tell(), size)


def _release(summary: pa.Table, path: Path) -> str:
    """Return the release that the records belong to, and check that the file name agrees."""
    timed, trainings = (sum(summary.column(n).to_pylist()) for n in ("timed", "trainings"))
    short = {name for names in summary.column("short").to_pylist() for name in names.split()}
    if not timed and short == {"cifar10-valid"}:
        release = "1.0"
    elif timed == trainings and short == {images.name for images in SETS}:
        release = "1.1"
    else:
        raise ArchiveError(
            f"{path} is neither v1.0, without times and with 12 epochs on cifar10-valid only, nor "
            f"v1.1, with times and 12 epochs on all training sets: {timed} of {trainings} "
            f"trainings have times, and trainings of 12 epochs are on {', '.join(sorted(short))}"
        )
    named = re.search(r"v1[_.]([01])|(e61699)|(096897)", path.name)
    if named and release != ("1." + named[1] if named[1] else "1.0" if named[2] else "1.1"):
        raise ArchiveError(f"{path} holds release v{release}, but its name says another one")
    return release


def _metadata(
    release: str, path: Path, sha256: str, images: TrainingSet, schedules: Sequence[int]
) -> Metadata:
    missing = (
        "v1.0 has no times, and 12-epoch trainings on cifar10-valid only: a search here is limited "
        "by trials, and both are in v1.1 and in NATS-Bench (nasbench import nats)"
        if release == "1.0"
        else "all cells with 2 or 3 training seeds, and the size search space, are in NATS-Bench "
        "(nasbench import nats)"
    )
    return Metadata(
        id=f"nb201-v{release}-{images.id}",
        space="nb201",
        key="arch",
        dataset=images.dataset,
        epochs={},
        default_objective=images.objective,
        title=f"NAS-Bench-201 v{release}, trained on {images.title} ({images.name})",
        description=(
            f"Training and evaluation of the cells of NAS-Bench-201 on {images.title}: trained on "
            f"{images.meaning['train']}. Trainings of 12 and of 200 epochs are schedules of their "
            "own, each with a learning rate that falls to 0: epoch 12 of 200 is another number "
            f"than the end of 12. The releases differ; this is v{release}. {images.purpose}"
        ),
        seeds="training seed, as in the archive; 1 to 3 an architecture",
        elsewhere=f"{missing}; top-5 accuracies are in the archive",
        recipe=images.recipe(NETWORK, schedules, RELEASES[release]),
        source=f"{path.name} (sha256 {sha256}), https://github.com/D-X-Y/NAS-Bench-201",
        licence="MIT",
        citation=(
            "Dong and Yang (2020), NAS-Bench-201: Extending the Scope of Reproducible Neural "
            "Architecture Search, ICLR, https://openreview.net/forum?id=HJxyZkBKDr"
        ),
    )
