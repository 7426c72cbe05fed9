r"""Labels: what rows and methods are called, as text that is safe to print anywhere.

Settings come from records of strangers. What a reader cannot see, or what turns the text around it,
is shown as an escape such as ``\x00``; long settings are shortened, with a digest of the whole.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nasbench.errors import printable
from nasbench.runs.manifest import Manifest

LONGEST = 60
"""Characters of settings in a label."""

_NAMED = 3
_DIGEST = 8
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Marks and letters without a shape, which Python counts as printable."""


def settings(manifest: Manifest) -> dict[str, Any]:
    """Settings of an algorithm: preset, hyperparameters, fidelities, known columns."""
    given: dict[str, Any] = {"preset": manifest.preset} if manifest.preset else {}
    given |= manifest.hyperparameters
    given |= {"fidelities": list(manifest.fidelities)}
    return given | ({"known": list(manifest.known)} if manifest.known else {})


def labels(manifests: Sequence[Manifest]) -> list[str]:
    """Labels that tell records apart: the algorithm, and settings in which its records differ.

    Where these read the same, the fingerprint of the code tells records apart, and then the digest
    of the record, by which its folder is named.
    """
    by_algorithm: dict[str, list[dict[str, Any]]] = {}
    for manifest in manifests:
        by_algorithm.setdefault(manifest.algorithm, []).append(settings(manifest))
    found = [
        _label(m.algorithm, shortened(_differing(settings(m), by_algorithm[m.algorithm]), LONGEST))
        for m in manifests
    ]
    for tell in (_code, _record, _record):  # the third for settings that imitate the second
        counts = Counter(found)
        found = [
            label if counts[label] == 1 else _label(m.algorithm, variant(label, m), tell(m))
            for label, m in zip(found, manifests, strict=True)
        ]
    return found


def variant(label: str, manifest: Manifest) -> str:
    """What a label says beside the algorithm; empty for the only record of an algorithm."""
    return label.removeprefix(manifest.algorithm)[2:-1]


def plain(value: Any) -> str:
    """A setting as visible text without quotes and brackets."""
    if isinstance(value, list):
        return " ".join(map(plain, value))
    words = {True: "yes", False: "no", None: "none"}
    return words[value] if value is None or isinstance(value, bool) else visible(str(value))


def assignment(name: str, value: Any) -> str:
    """A setting as text, such as ``"population 100"``."""
    return f"{visible(name)} {plain(value)}"


def visible(text: str) -> str:
    """A text in one line, with what has no shape or turns its surroundings around as escapes."""
    if text.isascii() and text.isprintable():
        return text
    shown = printable(text).replace("\n", "\\n")
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], shown)


def shortened(text: str, longest: int) -> str:
    """A text of at most so many characters; a digest of the whole tells shortened ones apart."""
    if len(text) <= longest:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: longest - _DIGEST - 2]}\N{HORIZONTAL ELLIPSIS} {digest}"


def some_of(names: Sequence[str]) -> str:
    """Some names, such as ``"a, b and 4 others"``."""
    shown = list(names[:_NAMED])
    if rest := len(names) - len(shown):
        shown.append(f"{rest} other{'' if rest == 1 else 's'}")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _label(algorithm: str, *parts: str) -> str:
    said = ", ".join(part for part in parts if part)
    return f"{algorithm} ({said})" if said else algorithm


def _differing(own: Mapping[str, Any], same: Sequence[Mapping[str, Any]]) -> str:
    """The settings of a record that others of its algorithm lack; the preset always among them."""
    by_preset = [other for other in same if other.get("preset") == own.get("preset")]
    parts = [plain(own["preset"])] if "preset" in own and len(same) > 1 else []
    parts += [
        assignment(setting, value)
        for setting, value in own.items()
        if setting != "preset" and any(other.get(setting) != value for other in by_preset)
    ]
    return ", ".join(parts)


def _code(manifest: Manifest) -> str:
    return f"code {manifest.code[:_DIGEST] or 'unknown'}"


def _record(manifest: Manifest) -> str:
    return f"record {manifest.digest[:_DIGEST]}"
