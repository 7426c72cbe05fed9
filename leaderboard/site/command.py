"""The shell command that reproduces a record."""

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.errors import RecordError

RUNS = "runs"
"""Folder of records named in the commands."""


def command(manifest: Mapping[str, Any], seeds: Iterable[int], benchmark: AnyBenchmark) -> str:
    """The command that makes a record with this manifest and these seeds.

    Options that equal the defaults of the command line are left out. All hyperparameters are
    written, because their defaults may change with the version of the suite.

    Args:
        manifest: Manifest of the record.
        seeds: Seeds of its runs.
        benchmark: The installed benchmark, with any objective.

    Returns:
        One line for a shell.

    Raises:
        RecordError: The manifest is incomplete.
    """
    try:
        return shlex.join(_words(manifest, seeds, benchmark))
    except (KeyError, TypeError) as error:
        raise RecordError(f"incomplete manifest: {error!r}") from error


def ranges(seeds: Iterable[int]) -> str:
    """Seeds in command-line syntax: ``"0:100"``, ``"7"`` or ``"0:10,20:30"``."""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and parts[-1][1] == seed:
            parts[-1][1] = seed + 1
        else:
            parts.append([seed, seed + 1])
    return ",".join(f"{a}:{b}" if b > a + 1 else str(a) for a, b in parts)


def literal(value: Any) -> str:
    """A value as a TOML literal.

    Raises:
        TypeError: TOML has no such value.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        pairs = (f"{literal(str(key))} = {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise TypeError(f"{value!r} cannot be written in TOML")


def _words(manifest: Mapping[str, Any], seeds: Iterable[int], benchmark: AnyBenchmark) -> list[str]:
    asked, budget = manifest["benchmark"], manifest["budget"]
    words = ["nasbench", "run", str(manifest["algorithm"]), f"{asked['id']}@{asked['version']}"]
    words += ["--seeds", ranges(seeds)]
    for limit in ("trials", "seconds", "epochs"):
        if budget[limit] is not None:
            words += [f"--{limit}", repr(budget[limit])]
    if manifest["workers"] != 1:
        words += ["--workers", str(manifest["workers"])]
    if manifest["fidelities"] != list(benchmark.fidelities):
        words += _repeated("--fidelity", manifest["fidelities"])
    if asked["objectives"] != [benchmark.description.default_objective]:
        words += _repeated("--objective", asked["objectives"])
    words += _repeated("--known", asked["known"])
    if manifest["replicate"] != "draw":
        words += ["--replicate", str(manifest["replicate"])]
    if manifest["preset"] is not None:
        words += ["--preset", manifest["preset"]]
    for name, value in manifest["hyperparameters"].items():
        if value is not None:
            words += ["--set", f"{name}={literal(value)}"]
    return [*words, "--out", RUNS]


def _repeated(option: str, values: Iterable[object]) -> list[str]:
    return [word for value in values for word in (option, str(value))]
