"""Folders of fitted surrogates: what they say of themselves, and whether their files are whole.

``surrogate.json`` describes a surrogate and lists the SHA-256 of every other file, ``README.md`` is
its model card, the rest holds what was fitted, in JSON, NumPy's ``.npz`` and XGBoost's ``.ubj``,
never a pickle.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from nasbench.errors import SurrogateError
from nasbench.files import file_digest, json_digest

SCHEMA = 1
DESCRIPTION = "surrogate.json"
CARD = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a surrogate says of itself.

    Attributes:
        id: Its name.
        version: Raised whenever an answer changes.
        space: Registered name of the search space.
        dataset: What the networks were trained on.
        schedule: Length of the trainings that it stands for, in epochs.
        epochs: Epochs that it answers for.
        columns: Its metrics, in the order of the fitted vectors; their meaning as in a table.
        default_objective: The metric that a search minimises or maximises.
        regressor: Registered name of the regressor.
        family: Kind of model that it is.
        hyperparameters: All of them.
        components: To how many coefficients a vector is compressed, at most.
        seed: Seed of the fit.
        clocked: Whether it answers for seconds.
        table: Id, version and content hash of the table that it was fitted to, and how many of its
            architectures were seen.
        judged: Results of the judgement on architectures that were not seen.
        title: One line.
        description: What it is good for, and what not.
        source: Where its examples come from.
        licence: Licence of the examples.
        citation: What to cite.
        software: Versions that the fit depends on.
        files: SHA-256 of every other file but the model card, by its place.
        content_hash: SHA-256 of this description without title, text and this hash.
    """

    id: str
    version: int = 1
    space: str
    dataset: str
    schedule: int
    epochs: list[int]
    columns: dict[str, dict[str, str]]
    default_objective: str
    regressor: str
    family: str
    hyperparameters: dict[str, Any]
    components: int
    seed: int
    clocked: bool
    table: dict[str, Any]
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
        """As a JSON object, the schema version included."""
        return {"schema": SCHEMA, **asdict(self)}

    def digest(self) -> str:
        """The content hash that belongs to the rest."""
        loose = ("title", "description", "source", "licence", "citation", "content_hash")
        document = {name: value for name, value in self.encode().items() if name not in loose}
        return json_digest(document)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What ``surrogate.json`` says; files are not looked at.

        Raises:
            SurrogateError: There is none, or it is damaged.
        """
        path = folder / DESCRIPTION
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SurrogateError(f"{path} is no description of a surrogate: {error}") from error
        if not isinstance(document, dict) or document.pop("schema", None) != SCHEMA:
            raise SurrogateError(f"{path} is not of schema {SCHEMA}, which this version reads")
        unknown = sorted(document.keys() - {f.name for f in fields(cls)})
        try:
            description = cls(**document)
        except TypeError as error:
            raise SurrogateError(f"{path}: {error}") from error
        if unknown or description.digest() != description.content_hash:
            raise SurrogateError(f"{path} was changed: its content hash does not belong to it")
        return description

    def check(self, folder: Path) -> None:
        """Whether every file is there and has the bytes that were written.

        Raises:
            SurrogateError: One has not.
        """
        for name, expected in self.files.items():
            if not (folder / name).is_file():
                raise SurrogateError(f"{folder} is damaged: {name} is missing")
            if file_digest(folder / name) != expected:
                raise SurrogateError(f"{folder} is damaged: {name} has other bytes than written")


def write_json(path: Path, document: object) -> None:
    """Write a JSON document that people can read too."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
