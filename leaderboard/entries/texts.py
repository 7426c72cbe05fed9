"""What a submission may say in words: short texts in stated letters, so that no page is harmed."""

import re
from typing import Any, NamedTuple

from nasbench.errors import RecordError


class Kind(NamedTuple):
    """A kind of text.

    Attributes:
        pattern: What it matches, as a whole.
        most: Most characters.
        made_of: The pattern in words.
    """

    pattern: str
    most: int
    made_of: str


NAME = Kind(
    r"[A-Za-z0-9](?:[A-Za-z0-9 ._+()-]*[A-Za-z0-9+)])?",
    60,
    "letters from A to Z, digits, spaces and . _ + - ( ), the first a letter or digit",
)
"""Name of an entry."""
PERSON = Kind(r"[^\W\d_](?:[\w .,'\u2019-]*[\w.])?", 80, "letters, spaces and . , ' -")
"""An author."""
URL = Kind(
    r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~%/+?&=#:@,()-]*)?",
    300,
    "http:// or https://, a host and a path in ASCII letters, without quotes or < >",
)
"""Address of a paper or of code."""
COMMIT = Kind(r"[0-9a-f]{7,64}", 64, "7 to 64 hex digits, as 'git rev-parse HEAD' prints them")
"""A commit."""
TEXT = Kind(
    r"[\w(](?:[\w .,:;()+@%=/*-]*[\w.)%])?",
    200,
    "letters, digits, spaces and . , : ; ( ) + @ % = / * _ -",
)
"""A sentence, or a name of data."""
VERSION = Kind(r"[A-Za-z0-9](?:[A-Za-z0-9 ._+-]*[A-Za-z0-9])?", 80, "letters, digits and . _ + -")
"""A version of software, or a machine."""
DIGEST = Kind(r"[0-9a-f]{64}", 64, "64 hex digits")
"""A SHA-256."""


def checked(text: Any, kind: Kind, what: str) -> str:
    """Return a text if it is of a kind.

    Args:
        text: The text.
        kind: Its kind.
        what: What it is, for messages.

    Raises:
        RecordError: It is something else.
    """
    if not isinstance(text, str):
        raise RecordError(f"{what} is {text!r:.80}, not a text")
    if len(text) > kind.most:
        raise RecordError(f"{what} has {len(text):,} characters; at most {kind.most} are possible")
    if not re.fullmatch(kind.pattern, text):
        raise RecordError(f"{what} is {text!r}: possible are {kind.made_of}")
    return text
