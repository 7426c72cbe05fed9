"""The schema of tables: what columns mean (unit, split, goal, range), and the metadata."""

import re
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

from nasbench.column import decode_epochs
from nasbench.errors import SchemaError, one_of
from nasbench.storage import names

SCHEMA_VERSION = 3
LAST_VERSION = 999_999_999
"""The largest version of a table."""
KEYS = ("arch", "rank", "schedule", "seed")
FINAL = "@final"
"""Suffix of a column that repeats the last value of every list of a curve."""
_HASH = re.compile("[0-9a-f]{64}")
_OF_THE_FILE = ("schema", "digest", "archs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a table says about itself.

    Attributes:
        id: Name of the table.
        version: Raised whenever a number is changed or added.
        space: Registered name of the search space.
        key: ``"arch"``: every architecture as written has its own trainings. ``"class"``: trainings
            belong to the representative of a class of identical trainable networks.
        dataset: Data set that the networks were trained on.
        epochs: Recorded epochs by schedule, in the order of the values in curves; empty for a table
            without trainings.
        complete: Whether every architecture (if keyed by class: every class) has trainings of every
            schedule. In an incomplete table, searches see only the recorded architectures.
        default_objective: Column that a search optimises by default; None if there is no
            validation.
        title: One line.
        description: What the table is good for, and what not.
        seeds: What the numbers in the column ``seed`` mean.
        elsewhere: Where to get what is not recorded here.
        recipe: All hyperparameters of the training, and their ``digest``.
        source: Where the numbers come from.
        licence: Licence of the numbers.
        citation: What to cite.
        software: Versions of the software that the numbers depend on.
        decisions: Decisions of the space, see :mod:`nasbench.tables.described_space`; the writer
            fills them in. Empty in tables of versions that did not.
        content_hash: SHA-256 of all that answers depend on, see
            :func:`nasbench.tables.hashes.content_hash`.
    """

    id: str
    space: str
    key: Literal["arch", "class"]
    dataset: str
    epochs: dict[int, list[int]]
    version: int = 1
    complete: bool = True
    default_objective: str | None = None
    title: str = ""
    description: str = ""
    seeds: str = ""
    elsewhere: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    licence: str = ""
    citation: str = ""
    software: dict[str, str] = field(default_factory=dict)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    content_hash: str = ""

    @property
    def referral(self) -> str:
        """End of a message that says where to get what is not recorded; may be empty."""
        return f". Elsewhere: {self.elsewhere}" if self.elsewhere else ""

    @property
    def file_names(self) -> tuple[str, str]:
        """Names that the file of runs can have."""
        return file_names(self.id, self.version)

    def encode(self) -> dict[str, Any]:
        """Return the metadata as a JSON object that includes the schema version."""
        document = asdict(self) | {
            "schema": SCHEMA_VERSION,
            "epochs": {str(schedule): epochs for schedule, epochs in self.epochs.items()},
        }
        if not self.decisions:
            del document["decisions"]
        return document

    @classmethod
    def decode(cls, document: Any, where: str) -> Self:
        """Read metadata; the inverse of :meth:`encode`.

        Args:
            document: A JSON object.
            where: Name of the file, for messages.

        Raises:
            SchemaError: An entry is missing, unknown or impossible, or the file has another schema
                version.
        """
        if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
            raise SchemaError(f"{where} has no nasbench metadata: it was not written by this suite")
        if document["schema"] > SCHEMA_VERSION:
            raise SchemaError(
                f"{where} has schema {document['schema']}, but this version of nasbench reads "
                f"{SCHEMA_VERSION}: upgrade nasbench"
            )
        if document["schema"] < SCHEMA_VERSION:
            raise SchemaError(
                f"{where} has schema {document['schema']} of an older nasbench, but this version "
                f"reads {SCHEMA_VERSION}: build or import the table again"
            )
        values = {key: value for key, value in document.items() if key not in _OF_THE_FILE}
        known = {f.name for f in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise SchemaError(f"{where}: unknown metadata {unknown}; known are {sorted(known)}")
        try:
            values["epochs"] = decode_epochs(values["epochs"])
            metadata = cls(**values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SchemaError(f"{where}: incomplete metadata: {error}") from error
        metadata.check(where)
        return metadata

    def check(self, where: str) -> None:
        """Check that every value is possible.

        Raises:
            SchemaError: One is not.
        """
        kinds = {
            "version": int,
            "complete": bool,
            "epochs": dict,
            "recipe": dict,
            "software": dict,
            "decisions": list,
        }
        for name, value in ((f.name, getattr(self, f.name)) for f in fields(self)):
            kind = kinds.get(name, str)
            if type(value) is not kind and (name, value) != ("default_objective", None):
                raise SchemaError(f"{where}: {name} = {value!r} must be of type {kind.__name__}")
        check_id(self.id, where)
        if self.content_hash and not is_hash(self.content_hash):
            raise SchemaError(f"{where}: content_hash = {self.content_hash!r} is no SHA-256")
        if not 1 <= self.version <= LAST_VERSION:
            raise SchemaError(f"{where}: version = {self.version} is not in 1..{LAST_VERSION:,}")
        if self.key not in ("arch", "class"):
            raise SchemaError(f"{where}: key = {self.key!r}{one_of(self.key, ('arch', 'class'))}")
        for schedule, epochs in self.epochs.items():
            ascending = all(a < b for a, b in pairwise([0, *epochs, schedule + 1]))
            if not epochs or not ascending:
                raise SchemaError(
                    f"{where}: the recorded epochs {epochs} of schedule {schedule} must ascend "
                    f"within 1..{schedule}"
                )
            if len(self.epochs) > 1 and epochs[-1] != schedule:
                raise SchemaError(
                    f"{where}: schedule {schedule} must record its last epoch, as there are several"
                )


def check_id(id_: str, where: str) -> None:
    """Check that a benchmark can have this id.

    Raises:
        SchemaError: It cannot.
    """
    names.check_id(id_, where, SchemaError)


def is_hash(value: object) -> bool:
    """Return whether a value is a SHA-256 in hex digits."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def is_repeated(name: str) -> bool:
    """Return whether a column only repeats others, so that they are read faster."""
    return name == "rank" or name.endswith(FINAL)


def file_names(id: str, version: int) -> tuple[str, str]:
    """Return the names that the file of runs of a table can have."""
    return f"{id}.parquet", f"{id}@{version}.parquet"


def archs_file(path: Path) -> Path:
    """Return the path of the file of architectures that belongs to a file of runs."""
    return path.with_name(path.name.removesuffix(".parquet") + ".archs.parquet")
