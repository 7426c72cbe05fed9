"""Find the result files of NAS-Bench-301 in folders and archives."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from data_builders.archives.entries import Entry, entries
from data_builders.importers.nb301.description import LOGS, RESULTS
from nasbench.errors import ArchiveError, InvalidArgumentError

_WANTED = (
    f"give the training results of NAS-Bench-301 ({RESULTS}, or with learning curves {LOGS}) as "
    "zip, tar or folder with <optimizer>/results_<n>.json; surrogate models, which are pickles, "
    "are not read"
)
_RESULT = re.compile(r"results_([0-9]{1,9})((?:_\w+)?)\.json")
_OPTIMIZER = re.compile(r"[\w.-]+")


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A result file.

    Attributes:
        optimizer: Name of its folder: the optimizer that proposed the architecture.
        number: Number in its name.
        tail: Rest of its name after the number: ``""`` or ``"_ti"``.
        entry: The file.
    """

    optimizer: str
    number: int
    tail: str
    entry: Entry

    @property
    def name(self) -> str:
        """Name in the archive, without the folders above the optimizer."""
        return file_name(self.optimizer, self.number, self.tail)


def file_name(optimizer: str, number: int, tail: str) -> str:
    """Return the name of a result file in the archive."""
    return f"{optimizer}/results_{number}{tail}.json"


@contextmanager
def result_files(given: Sequence[Path]) -> Iterator[list[ResultFile]]:
    """Yield all result files in folders and archives; they can be read only inside the context.

    Args:
        given: The folders and archives.

    Raises:
        InvalidArgumentError: Nothing is given, or something holds no result file.
        ArchiveError: An archive is damaged, a result occurs twice, or its folder is not named
            after an optimizer.
    """
    if not given:
        raise InvalidArgumentError(f"no file is given: {_WANTED}")
    found: dict[str, ResultFile] = {}
    with ExitStack() as stack:
        for path in given:
            before = len(found)
            for file in _results(stack.enter_context(entries(path, _WANTED))):
                twin = found.setdefault(file.name, file)
                if twin is not file:
                    raise ArchiveError(
                        f"{twin.entry.where} and {file.entry.where} are the same result: give "
                        "every file once"
                    )
            if len(found) == before:
                raise InvalidArgumentError(f"{path} holds no result file: {_WANTED}")
        yield list(found.values())


def _results(found: Sequence[Entry]) -> Iterator[ResultFile]:
    for entry in found:
        if match := _RESULT.fullmatch(entry.parts[-1]):
            optimizer = "".join(entry.parts[-2:-1])
            if not _OPTIMIZER.fullmatch(optimizer):
                raise ArchiveError(
                    f"{entry.where} must lie in a folder named after its optimizer, not in "
                    f"{optimizer!r:.80}; possible are letters, digits, '_', '-' and '.'"
                )
            yield ResultFile(optimizer, int(match[1]), match[2], entry)
