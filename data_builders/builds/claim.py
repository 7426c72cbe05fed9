"""The claim of a build: which build owns a folder of shards, so that no other writes to it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasbench.errors import BuildError
from nasbench.storage.documents import read_json
from nasbench.storage.files import atomic

CLAIM = "build.json"
REFERENCE: Mapping[str, Any] = {"trainer": "reference"}
"""Manifest of the reference loop; builds that name no trainer were made by it, too."""


def read_claim(folder: Path) -> dict[str, Any]:
    """Read which build a folder belongs to.

    Raises:
        BuildError: The claim is missing or damaged.
    """
    path = folder / CLAIM
    try:
        return {**REFERENCE, **read_json(path)}
    except FileNotFoundError as error:
        raise BuildError(f"{folder} is not a build folder: it has no {CLAIM}") from error
    except (OSError, ValueError, TypeError) as error:
        raise BuildError(f"{path} is damaged ({error}): build in another folder") from error


def begin(folder: Path, ours: Mapping[str, Any]) -> None:
    """Claim a folder that belongs to no build yet; if several processes try, the first wins.

    Raises:
        InvalidArgumentError: The claim cannot be written.
    """
    if not (folder / CLAIM).exists():
        with atomic(folder / CLAIM, first=True) as temporary:
            temporary.write_text(json.dumps(ours, indent=1))


def check_claim(folder: Path, ours: Mapping[str, Any]) -> None:
    """Refuse a folder that belongs to another build.

    Args:
        folder: The folder of a build.
        ours: Recipe, digest, architectures, size of the shards, and the manifest: the trainer and
            all its choices that a number may depend on.

    Raises:
        BuildError: The claim differs, is damaged or missing.
    """
    theirs = read_claim(folder)
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise BuildError(
                f"{folder} belongs to another build: {name} is {theirs.get(name)!r} there, "
                f"{ours.get(name)!r} in this plan; build in another folder"
            )
