"""Folders of fitted surrogates: their description, and whether their files are intact.

``surrogate.json`` describes a surrogate and lists the SHA-256 of every other file. ``README.md`` is
its model card. The other files hold the fitted model as JSON, NumPy's ``.npz`` and XGBoost's
``.ubj``, never as a pickle.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from nasbench.benchmarks.surrogate import DESCRIPTION
from nasbench.benchmarks.surrogate.checks import impossible
from nasbench.errors import SurrogateError, listed
from nasbench.storage.documents import read_json
from nasbench.storage.files import file_digest, json_digest
from nasbench.storage.folders import Kind

SCHEMA = 1
CARD = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a surrogate says about itself.

    Attributes:
        id: Name of the surrogate.
        version: Raised whenever :meth:`digest` changes: by other answers, but also by other figures
            in ``judged`` or versions in ``software``.
        space: Registered name of the search space.
        dataset: Data set that the networks were trained on.
        schedule: Length in epochs of the trainings that it imitates.
        epochs: Epochs that it predicts.
        columns: Its metrics in the order of the fitted vectors, with meanings as in a table.
        default_objective: The metric that a search optimises by default; None if it predicts no
            validation.
        regressor: Registered name of the regressor.
        family: Kind of model.
        hyperparameters: All hyperparameters of the regressor.
        components: Maximum number of coefficients that a vector is compressed to.
        seed: Seed of the fit.
        clocked: Whether it predicts seconds.
        table: Id, version and content hash of the table that it was fitted to, and how many of its
            architectures were used.
        repeated: Number of these with several trainings, from which the noise was measured; 0 if
            too few, so that every training seed gives the mean; None if it was fitted before this
            was recorded.
        left_out: How many architectures of the table had no training to learn from, and why;
            empty if all had one.
        judged: Results of the evaluation on held-out architectures.
        title: One line.
        description: What it is good for, and what not.
        source: Where its examples come from.
        licence: Licence of the examples.
        citation: What to cite.
        software: Versions of the software that the fit depends on.
        files: SHA-256 of every other file except the model card, by relative path.
        content_hash: SHA-256 of this description without its texts and this hash; see
            :meth:`digest`.
    """

    id: str
    version: int = 1
    space: str
    dataset: str
    schedule: int
    epochs: list[int]
    columns: dict[str, dict[str, str]]
    default_objective: str | None
    regressor: str
    family: str
    hyperparameters: dict[str, Any]
    components: int
    seed: int
    clocked: bool
    table: dict[str, Any]
    repeated: int | None = None
    left_out: str = ""
    judged: dict[str, Any] = field(default_factory=dict)
    title: str = ""
    description: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    software: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    content_hash: str = ""

    def encode(self) -> dict[str, Any]:
        """Return the description as a JSON object that includes the schema version."""
        document = {"schema": SCHEMA, **asdict(self)}
        if self.repeated is None:
            del document["repeated"]
        if not self.left_out:
            del document["left_out"]
        return document

    @property
    def judged_column(self) -> str:
        """The metric that says how good an architecture is: what is optimised, or the first."""
        return self.default_objective or next(iter(self.columns))

    def impossible(self) -> str | None:
        """Return what it says that cannot be, in words; None if everything can."""
        return impossible({f.name: getattr(self, f.name) for f in fields(self)})

    @property
    def noise(self) -> str:
        """What a training seed adds to the mean, in words."""
        if self.repeated is None:
            return "not declared; fit it again to have it measured"
        if self.repeated == 0:
            return "none, since too few architectures were trained twice: every seed gives the mean"
        return f"measured on {self.repeated:,} architectures with several trainings"

    def digest(self) -> str:
        """Compute the content hash.

        It covers everything except title, description, source, licence, citation and the hash
        itself.
        """
        excluded = ("title", "description", "source", "licence", "citation", "content_hash")
        document = {name: value for name, value in self.encode().items() if name not in excluded}
        return json_digest(document)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read ``surrogate.json``; the other files are not opened.

        Raises:
            SurrogateError: The file is missing or damaged.
        """
        path = folder / DESCRIPTION
        try:
            document = read_json(path)
        except (OSError, ValueError) as error:
            raise SurrogateError(f"{path} is not a description of a surrogate: {error}") from error
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            raise SurrogateError(f"{path} does not have schema {SCHEMA}, which this version reads")
        unknown = sorted(document.keys() - {f.name for f in fields(cls)})
        if unknown:
            raise SurrogateError(f"{path} has the unknown entries {listed(unknown)}")
        try:
            description = cls(**document)
        except TypeError as error:
            raise SurrogateError(f"{path}: {error}") from error
        if reason := description.impossible():
            raise SurrogateError(f"{path}: {reason}")
        if description.digest() != description.content_hash:
            raise SurrogateError(f"{path} was changed: it does not match its content hash")
        return description

    def check_name(self, folder: Path) -> None:
        """Check that a folder has the id, or id and version, as its name.

        Raises:
            SurrogateError: It has another, under which the surrogate would be found.
        """
        if folder.name not in (self.id, f"{self.id}@{self.version}"):
            raise SurrogateError(
                f"{folder} holds the surrogate {self.id}@{self.version}: rename it to {self.id!r}"
            )

    def check(self, folder: Path) -> None:
        """Check that every file exists and has the bytes that were written.

        Raises:
            SurrogateError: One has not.
        """
        try:
            whole = folder.resolve()
            for name, expected in self.files.items():
                if not (folder / name).is_file():
                    raise SurrogateError(f"{folder} is damaged: {name} is missing")
                if (folder / name).resolve() != whole / name:
                    raise SurrogateError(f"{folder}: {name} is a link, which may lead anywhere")
                if file_digest(folder / name) != expected:
                    raise SurrogateError(
                        f"{folder} is damaged: {name} has other bytes than written"
                    )
        except OSError as error:
            raise SurrogateError(
                f"cannot read {error.filename or folder}: {error.strerror or error}"
            ) from error


def _names(folder: Path) -> Callable[[str], bool]:
    files = Description.read(folder).files
    return lambda name: name == CARD or name in files


SURROGATE = Kind("a surrogate", DESCRIPTION, _names)
"""Folders of surrogates, as they are written and replaced."""


def write_json(path: Path, document: object) -> None:
    """Write an indented JSON document."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
