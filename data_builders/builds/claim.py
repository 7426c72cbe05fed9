"""The claim of a build: what the shards of a folder belong to, so that nothing else gets in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data_builders.builds.shard_files import first
from nasbench.errors import BuildError

CLAIM = "build.json"
REFERENCE: Mapping[str, Any] = {"trainer": "reference"}
"""Manifest of the reference loop, which also made the builds that say nothing of a trainer."""


def read_claim(folder: Path) -> dict[str, Any]:
    """What a folder belongs to.

    Raises:
        BuildError: There is no claim, or a damaged one.
    """
    path = folder / CLAIM
    try:
        return {**REFERENCE, **json.loads(path.read_bytes())}
    except FileNotFoundError as error:
        raise BuildError(f"{folder} is no folder of a build: there is no {CLAIM}") from error
    except (OSError, ValueError, TypeError) as error:
        raise BuildError(f"{path} is damaged ({error}): build in another folder") from error


def begin(folder: Path, ours: Mapping[str, Any]) -> None:
    """Claim a folder if it belongs to nothing yet; of several at once the first does.

    Raises:
        InvalidArgumentError: It cannot be written.
    """
    if not (folder / CLAIM).exists():
        with first(folder / CLAIM) as temporary:
            temporary.write_text(json.dumps(ours, indent=1))


def check_claim(folder: Path, ours: Mapping[str, Any]) -> None:
    """Refuse a folder of another build.

    Args:
        folder: Of a build.
        ours: Recipe, digest, architectures, size of the shards, and the manifest: the trainer and
            everything it chose that a number may depend on.

    Raises:
        BuildError: Something differs there, or the claim is damaged or missing.
    """
    theirs = read_claim(folder)
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise BuildError(
                f"{folder} belongs to another build: {name} is {theirs.get(name)!r} there, "
                f"{ours.get(name)!r} in this plan; build in another folder"
            )
