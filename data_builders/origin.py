"""What the files of a build were made from: each says it, and is read for no other build."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """What a number of a build may depend on, beside the class and the seed.

    Attributes:
        digest: Digest of the recipe and its data.
        manifest: The trainer with all its choices.
    """

    digest: str
    manifest: Mapping[str, Any]

    def seal(self, content: str) -> dict[str, Any]:
        """Return what a file says of itself.

        Args:
            content: Digest of its numbers.
        """
        return {"digest": self.digest, "manifest": dict(self.manifest), "content_hash": content}

    def refusal(self, said: object, content: str) -> str | None:
        """Return why a file is not to be read, as the end of a sentence about it; None if it is.

        Args:
            said: What the file says of itself; None if it says nothing.
            content: Digest of its numbers.
        """
        if not isinstance(said, dict) or not isinstance(said.get("manifest"), dict):
            return "does not say what it was made from, like files of early versions"
        theirs = {"digest": said.get("digest")} | said["manifest"]
        ours = {"digest": self.digest} | dict(self.manifest)
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                return (
                    f"belongs to another build ({name} is {theirs.get(name)!r} there, "
                    f"{ours.get(name)!r} in this plan)"
                )
        if said.get("content_hash") != content:
            return "is damaged (its numbers do not match their hash)"
        return None
