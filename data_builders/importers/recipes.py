"""How the recipe of a published training stands in the metadata of a table."""

from typing import Any

from nasbench.storage.files import json_digest


def with_digest(recipe: dict[str, Any], release: str) -> dict[str, Any]:
    """Return a recipe with its digest and the release it comes from."""
    return recipe | {"digest": json_digest(recipe), "release": release}
