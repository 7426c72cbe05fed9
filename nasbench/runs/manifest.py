"""The manifest of a run: everything that determines it, except its seed."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any, Literal, Self

from nasbench.algorithm import Algorithm, takes_supernets
from nasbench.benchmark import Benchmark
from nasbench.benchmarks.constraints.constraint import Constraint
from nasbench.errors import InvalidArgumentError, NasbenchError, RecordError, first_line, shown
from nasbench.runs.budget import MOST, Budget
from nasbench.runs.fingerprints.fingerprint import code_fingerprint
from nasbench.siblings import SIBLINGS
from nasbench.storage.files import json_digest
from nasbench.storage.names import check_id
from nasbench.tables.described_space import is_described

MOST_BYTES = 2**16
"""Size of a manifest as JSON."""

_ALGORITHM = re.compile(r"[\w-][\w.:<>-]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """How a run was made; equal manifests and seeds give equal runs.

    Attributes:
        algorithm: Registered name, or ``"module:Class"``.
        preset: Name of the preset that the hyperparameters started from, or None.
        hyperparameters: All hyperparameters.
        benchmark: Id of the benchmark.
        version: Version of the benchmark.
        content_hash: Hash of the benchmark's numbers.
        objectives: Columns that the search optimised.
        known: Columns that the search saw before training.
        budget: When a run ends.
        workers: Number of trials that run in parallel in simulated time.
        replicate: Which recorded training answers a trial: ``"draw"``, ``"mean"`` or a training
            seed.
        fidelities: Epochs that the algorithm could ask for.
        family: Kind of model of a surrogate benchmark; empty for a table.
        families: Kinds of models that the algorithm fits; only filled in on a surrogate.
        code: Fingerprint of the algorithm's code, see
            :mod:`nasbench.runs.fingerprints.fingerprint`. Empty in records of versions that had
            none: they can be read, but no search continues them.
        test_objectives: Objectives that reveal test results; a search with any is selected on test.
        random_trials: Number of trials at the start that are nothing but random search; None for
            all.
        weight_sharing: Whether the algorithm trains a supernet before its first trial.
        described: Whether the space was not installed, so that only its description in the table
            was searched.
        packages: Versions of other packages that decide what it proposes, by name.
        constraints: What every architecture that the search saw meets; empty for all of them.
        outside: Whether the trials were proposed by a loop of the user's (:func:`nasbench.record`).
            Then ``algorithm`` is a name of their own, and nothing is known of the code.

    Raises:
        InvalidArgumentError: A name leads out of a folder, a number is larger than any can be, or a
            constraint is malformed or not written in the one way, as ``"parameters<=0.5"``.
    """

    algorithm: str
    preset: str | None
    hyperparameters: Mapping[str, Any]
    benchmark: str
    version: int
    content_hash: str
    objectives: tuple[str, ...]
    known: tuple[str, ...]
    budget: Budget
    workers: int
    replicate: Literal["draw", "mean"] | int
    fidelities: tuple[int, ...]
    family: str = ""
    families: tuple[str, ...] = ()
    code: str = ""
    test_objectives: tuple[str, ...] = ()
    random_trials: int | None = 0
    weight_sharing: bool = False
    described: bool = False
    packages: Mapping[str, str] = field(default_factory=dict)
    outside: bool = False
    constraints: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.outside:
            check_id(self.algorithm, "name of an optimiser", InvalidArgumentError)
        if not isinstance(self.algorithm, str) or not _ALGORITHM.fullmatch(self.algorithm):
            raise InvalidArgumentError(
                f"{self.algorithm!r:.200} names no folder: an algorithm has a registered name or "
                "is 'module:Class'"
            )
        check_id(self.benchmark, "a manifest", InvalidArgumentError)
        for name, number in (
            ("version", self.version),
            ("workers", self.workers),
            ("random_trials", self.random_trials or 0),
            *(("fidelity", epoch) for epoch in self.fidelities),
        ):
            if not 0 <= number <= MOST:
                raise InvalidArgumentError(f"{name} = {shown(number, 40)} is not in 0..{MOST:,}")
        for constraint in self.constraints:
            if constraint != (written := str(Constraint.parse(constraint))):
                raise InvalidArgumentError(f"constraint {constraint!r} must be {written!r}")
        if isinstance(self.replicate, int) and not 0 <= self.replicate < 2**63:
            raise InvalidArgumentError(
                f"replicate = {shown(self.replicate, 40)} is not in 0..{2**63 - 1:,}"
            )

    @classmethod
    def of(
        cls,
        algorithm: Algorithm,
        benchmark: Benchmark,
        *,
        hyperparameters: Mapping[str, Any],
        budget: Budget,
        workers: int,
        replicate: Literal["draw", "mean"] | int,
        name: str | None = None,
        preset: str | None = None,
    ) -> Self:
        """Describe a search.

        Args:
            algorithm: The algorithm.
            benchmark: The benchmark.
            hyperparameters: All hyperparameters.
            budget: When the search ends.
            workers: Number of trials that run in parallel in simulated time.
            replicate: Which recorded training answers a trial.
            name: Name of the algorithm; default: its registered name.
            preset: Name of the preset that the hyperparameters started from, if any.
        """
        kind = type(algorithm)
        return cls(
            **_of_benchmark(benchmark),
            algorithm=name or SIBLINGS.load("algorithms").name_of(kind),
            preset=preset,
            hyperparameters=dict(hyperparameters),
            budget=budget,
            workers=workers,
            replicate=replicate,
            fidelities=tuple(algorithm.fidelities),
            families=tuple(algorithm.families) if benchmark.family else (),
            code=code_fingerprint(
                kind,
                *algorithm.inner_algorithms,
                *algorithm.inner_regressors,
                *algorithm.inner_supernets,
            ),
            random_trials=algorithm.random_trials,
            weight_sharing=takes_supernets(kind),
            described=is_described(benchmark.space),
            packages={package: version(package) for package in sorted(algorithm.packages)},
        )

    @classmethod
    def of_outside(
        cls,
        name: str,
        benchmark: Benchmark,
        *,
        settings: Mapping[str, Any],
        budget: Budget,
        replicate: Literal["draw", "mean"] | int,
        fidelities: Sequence[int],
    ) -> Self:
        """Describe a search by a loop of the user's, with one worker.

        Args:
            name: Name of the optimiser.
            benchmark: The benchmark.
            settings: What the user says of the optimiser's hyperparameters.
            budget: When the search ends.
            replicate: Which recorded training answers a trial.
            fidelities: Epochs that may be asked for.
        """
        return cls(
            **_of_benchmark(benchmark),
            algorithm=name,
            preset=None,
            hyperparameters=dict(settings),
            budget=budget,
            workers=1,
            replicate=replicate,
            fidelities=tuple(fidelities),
            outside=True,
        )

    @property
    def poses(self) -> bool:
        """Whether a loop of a user's has the name of a registered algorithm."""
        return self.outside and self.algorithm in SIBLINGS.load("algorithms").names()

    def is_random_search(self, n_trials: int) -> bool:
        """Return whether a run of so many trials is nothing but random search."""
        return self.random_trials is None or 0 < n_trials <= self.random_trials

    def encode(self) -> dict[str, Any]:
        """Return the manifest as a JSON object."""
        document: dict[str, Any] = {
            "benchmark": {
                "id": self.benchmark,
                "version": self.version,
                "content_hash": self.content_hash,
                "objectives": list(self.objectives),
                "known": list(self.known),
            },
            "algorithm": self.algorithm,
            "preset": self.preset,
            "hyperparameters": dict(self.hyperparameters),
            "budget": asdict(self.budget),
            "workers": self.workers,
            "replicate": self.replicate,
            "fidelities": list(self.fidelities),
        }
        if self.family:
            document["benchmark"]["family"] = self.family
            document["families"] = list(self.families)
        if self.test_objectives:
            document["benchmark"]["test_objectives"] = list(self.test_objectives)
        if self.code:
            document["code"] = self.code
        if self.random_trials != 0:
            document["random_trials"] = self.random_trials
        if self.weight_sharing:
            document["weight_sharing"] = True
        if self.described:
            document["benchmark"]["described"] = True
        if self.constraints:
            document["benchmark"]["constraints"] = list(self.constraints)
        if self.packages:
            document["packages"] = dict(self.packages)
        if self.outside:
            document["outside"] = True
        return document

    @classmethod
    def decode(cls, document: Any, where: str) -> Self:
        """Read a manifest; the inverse of :meth:`encode`.

        Args:
            document: A JSON object.
            where: Name of the file, for messages.

        Raises:
            RecordError: The document is not a manifest, lacks an entry, holds one that this version
                of the suite does not know, or one that no manifest can hold.
        """
        if not isinstance(document, dict) or "algorithm" not in document:
            raise RecordError(f"{where} is not a manifest of run records")
        try:
            _check_written(document)
        except RecordError as error:
            raise RecordError(f"{where}: {first_line(error)}") from error
        try:
            benchmark = document["benchmark"]
            manifest = cls(
                algorithm=_typed(document["algorithm"], str),
                preset=_typed(document["preset"], str | None),
                hyperparameters=dict(document["hyperparameters"]),
                benchmark=_typed(benchmark["id"], str),
                version=_typed(benchmark["version"], int),
                content_hash=_typed(benchmark["content_hash"], str),
                objectives=_texts(benchmark["objectives"]),
                known=_texts(benchmark["known"]),
                budget=Budget(**document["budget"]),
                workers=_typed(document["workers"], int),
                replicate=_typed(document["replicate"], int | str),
                fidelities=tuple(_typed(epoch, int) for epoch in document["fidelities"]),
                family=_typed(benchmark.get("family", ""), str),
                families=_texts(document.get("families", ())),
                code=_typed(document.get("code", ""), str),
                test_objectives=_texts(benchmark.get("test_objectives", ())),
                random_trials=_typed(document.get("random_trials", 0), int | None),
                weight_sharing=document.get("weight_sharing", False) is True,
                described=benchmark.get("described", False) is True,
                packages={k: _typed(v, str) for k, v in document.get("packages", {}).items()},
                outside=document.get("outside", False) is True,
                constraints=_texts(benchmark.get("constraints", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            why = first_line(error) if isinstance(error, NasbenchError) else repr(error)
            raise RecordError(f"{where}: incomplete manifest: {why}") from error
        if manifest.encode() != document:
            raise RecordError(
                f"{where}: the manifest has entries that this version does not know: "
                f"{_differing_entries(manifest.encode(), document)}"
            )
        return manifest

    @property
    def folder_name(self) -> str:
        """Name of the record's folder: the algorithm and a hash of the whole manifest.

        Raises:
            RecordError: As for :attr:`digest`.
        """
        return f"{self.algorithm.replace(':', '.')}-{self.digest[:10]}"

    @property
    def digest(self) -> str:
        """SHA-256 of the whole manifest as 64 hex digits.

        Raises:
            RecordError: A hyperparameter cannot be written as JSON in UTF-8, or all together need
                more than :data:`MOST_BYTES`.
        """
        document = self.encode()
        _check_written(document)
        return json_digest(document)


def _check_written(document: dict[str, Any]) -> None:
    """Check that a manifest can be written.

    Raises:
        RecordError: It cannot.
    """
    try:
        size = len(json.dumps(document, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"a manifest cannot be written as JSON in UTF-8: {first_line(error)}"
        ) from error
    if size > MOST_BYTES:
        raise RecordError(
            f"a manifest has {size:,} bytes; at most {MOST_BYTES:,}: let hyperparameters be short"
        )


def _of_benchmark(benchmark: Benchmark) -> dict[str, Any]:
    """What a manifest says of the benchmark."""
    return {
        "benchmark": benchmark.name,
        "version": benchmark.version,
        "content_hash": benchmark.content_hash,
        "objectives": tuple(benchmark.objectives),
        "known": tuple(benchmark.known),
        "constraints": tuple(benchmark.constraints),
        "family": benchmark.family,
        "test_objectives": tuple(
            name for name in benchmark.objectives if "test" in benchmark.column(name).split
        ),
    }


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise TypeError(f"{values!r} is not a list")
    return tuple(_typed(value, str) for value in values)


def _typed(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not of type {kind}")
    return value


def _differing_entries(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """Return the names of the entries in which two documents differ."""
    names = [name for name in {**theirs, **ours} if ours.get(name) != theirs.get(name)]
    return ", ".join(map(repr, names))
