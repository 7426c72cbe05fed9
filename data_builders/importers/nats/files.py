"""The files of NATS-Bench: pickled records in bz2, one file per architecture or one for all."""

import bz2
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from reprlib import repr
from typing import IO, Any, NamedTuple

import pyarrow as pa

from data_builders.archives.bounded import Bounded, Budget
from data_builders.archives.damage import BZ2, check_kind
from data_builders.archives.entries import is_sidecar
from data_builders.importer import Progress
from data_builders.importers.nats import numbering
from data_builders.importers.nats.blocks import BLOCK, Blocks, store, tables
from data_builders.importers.nats.results import Layout, Record, parse
from data_builders.pickles import unpickle
from data_builders.pickles.standins import PLAIN
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.parallel import parallel
from nasbench.spaces.nats_size import NATSSize
from nasbench.spaces.nb201 import NB201
from nasbench.storage.files import file_digest

TOPOLOGY = Layout(space=NB201(), schedules={"12": 12, "200": 200}, exact=True)
SIZE = Layout(space=NATSSize(), schedules={"01": 1, "12": 12, "90": 90}, exact=True)
META = "meta.pickle.pbz2"
LIMIT = 1 << 25
_EXTENSION = ".pickle.pbz2"
_BATCH = 32
_PROCESSES = 4


class Folder:
    """A folder with :data:`META` and one file per architecture.

    Args:
        path: Path of the folder.

    Attributes:
        sha256: SHA-256 of the output of ``sha256sum``, with :data:`META` first and the other files
            by number.

    Raises:
        InvalidArgumentError: The path is not such a folder.
        ArchiveError: Two files hold the same architecture.
    """

    def __init__(self, path: Path) -> None:
        self._meta = path / META
        if not self._meta.is_file():
            raise InvalidArgumentError(
                f"{path} holds no {META}: give the folder NATS-…-simple of NATS-Bench"
            )
        self._paths = _numbered(path)
        lines = [f"{file_digest(p)}  {p.name}\n" for p in (self._meta, *self._paths.values())]
        self.sha256 = hashlib.sha256("".join(lines).encode()).hexdigest()

    def read(self, blocks: Blocks, progress: Progress) -> tuple[Layout, int]:
        """Store all records, decoded by several processes; return layout and number of records.

        Raises:
            ArchiveError: A file is damaged, not in the layout, or holds code.
        """
        content = load(self._meta)
        if not isinstance(content, dict):
            raise ArchiveError(f"{self._meta} holds {repr(content)}, not a dict")
        layout = _layout(content.get("meta_archs"))
        names = numbering.official(content, layout.space, str(self._meta))
        if (last := max(self._paths)) >= len(names):
            raise ArchiveError(f"{self._paths[last]} is beyond the last of {len(names)} records")
        tasks = [_Task(number, path, names[number]) for number, path in self._paths.items()]
        for first in range(0, len(tasks), BLOCK):
            chosen = tasks[first : first + BLOCK]
            told = partial(_report, progress, first, len(tasks))
            blocks.add(first // BLOCK, partial(_decode_all, chosen, layout, told))
            told(len(chosen))
        return layout, len(tasks)


class _Task(NamedTuple):
    number: int
    path: Path
    text: str


def _report(progress: Progress, first: int, total: int, done: int) -> None:
    progress(first + done, total)


def _numbered(folder: Path) -> dict[int, Path]:
    """Return the files of records by number, ascending."""
    found: dict[int, Path] = {}
    for path in sorted(folder.glob("*.pbz2")):
        stem = path.name.removesuffix(_EXTENSION)
        if path.name == META or is_sidecar(path.name):
            continue
        number = int(stem) if re.fullmatch("[0-9]{1,6}", stem) else -1
        if stem not in (f"{number:06}", str(number)) or number < 0:
            raise InvalidArgumentError(
                f"{path} is neither {META} nor named like a record, such as 000284{_EXTENSION}"
            )
        if number in found:
            raise ArchiveError(f"{path} and {found[number].name} are the same architecture")
        found[number] = path
    if not found:
        raise InvalidArgumentError(f"{folder} holds no record, such as 000284{_EXTENSION}")
    return dict(sorted(found.items()))


def _decode_all(
    tasks: Sequence[_Task], layout: Layout, told: Callable[[int], None]
) -> list[pa.Table]:
    import joblib

    batches = [tasks[first : first + _BATCH] for first in range(0, len(tasks), _BATCH)]
    processes = min(len(batches), joblib.cpu_count(), _PROCESSES)
    made = []
    for done in parallel(processes, return_as="generator")(
        joblib.delayed(_decode)(batch, layout) for batch in batches
    ):
        made.append(done)
        told(min(len(made) * _BATCH, len(tasks)))
    return [pa.concat_tables(of_one_set) for of_one_set in zip(*made, strict=True)]


def _decode(tasks: Sequence[_Task], layout: Layout) -> list[pa.Table]:
    records = []
    for task in tasks:
        record = parse(load(task.path), task.number, layout, str(task.path))
        if record.text != task.text:
            raise ArchiveError(f"{task.path} is {record.text}, but its number says {task.text}")
        records.append(record)
    return tables(records)


def load(path: Path) -> Any:
    """Return the content of a file with one pickle of containers, texts and numbers.

    Raises:
        ArchiveError: The file is damaged, or holds anything else.
        OSError: It cannot be opened.
    """
    check_kind(path, "a record of NATS-Bench in bz2", BZ2)
    with path.open("rb") as raw, bz2.BZ2File(raw) as file:
        return unpickle.load(file, allowed=PLAIN, where=str(path), limit=LIMIT)


class File:
    """The single file with all records, which is read as a stream.

    Args:
        path: Path of the file.

    Attributes:
        sha256: SHA-256 of the file.
    """

    def __init__(self, path: Path) -> None:
        if re.fullmatch(rf"(meta|[0-9]{{1,6}}){re.escape(_EXTENSION)}", path.name):
            raise InvalidArgumentError(f"{path} is one file of a folder: give the folder")
        if path.suffix == ".tar":
            raise InvalidArgumentError(f"{path} must be unpacked first: tar xf {path.name}")
        check_kind(path, "the file of all records of NATS-Bench in bz2", BZ2)
        self._path = path
        self.sha256 = file_digest(path)

    def read(self, blocks: Blocks, progress: Progress) -> tuple[Layout, int]:
        """Store all records; return layout and number of records.

        Raises:
            ArchiveError: The file is damaged, not in the layout, or holds code.
        """
        summary = blocks.summary(partial(self._store, blocks, progress))
        return _layout(summary.column("text").slice(0, 1).to_pylist()), len(summary)

    def _store(self, blocks: Blocks, progress: Progress) -> pa.Table:
        where = str(self._path)
        budget = Budget(where, self._path.stat().st_size)
        with self._path.open("rb") as raw, bz2.BZ2File(raw) as file:
            bounded: Any = Bounded(file, where, budget)
            pickles = unpickle.Pickles(bounded, allowed=PLAIN, where=where, limit=LIMIT)
            summary = store(self._records(pickles, raw, progress), blocks, where)
            pickles.finish()
        layout = _layout(summary.column("text").slice(0, 1).to_pylist())
        numbering.check(summary, pickles.others, layout.space, where)
        return summary

    def _records(
        self, pickles: unpickle.Pickles, raw: IO[bytes], progress: Progress
    ) -> Iterator[Record]:
        size = self._path.stat().st_size
        for index, content in pickles.items("arch2infos"):
            is_size = isinstance(content, dict) and "90" in content
            yield parse(content, index, SIZE if is_size else TOPOLOGY, str(self._path))
            progress(raw.tell(), size)


def _layout(names: object) -> Layout:
    """Return the layout of the archive whose architectures have such names."""
    is_cell = isinstance(names, list) and names and "|" in str(names[0])
    return TOPOLOGY if is_cell else SIZE
