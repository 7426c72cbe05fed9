"""The shell command that reproduces a record, or why there is none."""

import json
import shlex
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from nasbench.benchmark import Benchmark
from nasbench.errors import RecordError, first_line
from nasbench.runs.manifest import Manifest

RUNS = "runs"
"""Folder of records named in the commands."""


def command(manifest: Manifest, seeds: Iterable[int], benchmark: Benchmark) -> str:
    """The command that makes a record with this manifest and these seeds.

    Options that equal the defaults of the command line are left out. All hyperparameters are
    written, because their defaults may change with the version of the suite.

    Args:
        manifest: Manifest of the record.
        seeds: Seeds of its runs.
        benchmark: The installed benchmark, with any objectives.

    Returns:
        One line for a shell.

    Raises:
        RecordError: The record is of a loop of somebody's own, TOML cannot express a
            hyperparameter, or a name holds what no reader can see.
    """
    if manifest.outside:
        raise RecordError(
            f"{manifest.algorithm} was recorded from outside: only its author's own loop makes it "
            "again"
        )
    words = ["nasbench", "run", manifest.algorithm, f"{manifest.benchmark}@{manifest.version}"]
    words += ["--seeds", ranges(seeds)]
    for limit, value in asdict(manifest.budget).items():
        if value is not None:
            words += [f"--{limit}", repr(value)]
    if manifest.workers != 1:
        words += ["--workers", str(manifest.workers)]
    if manifest.fidelities != benchmark.fidelities:
        words += _repeated("--fidelity", manifest.fidelities)
    if manifest.objectives != (benchmark.default_objective,):
        words += _repeated("--objective", manifest.objectives)
    words += _repeated("--known", manifest.known)
    words += _repeated("--constraint", manifest.constraints)
    if manifest.replicate != "draw":
        words += ["--replicate", str(manifest.replicate)]
    if manifest.preset is not None:
        words += ["--preset", manifest.preset]
    for name in (manifest.preset or "", *manifest.hyperparameters):
        if not name.isprintable():
            raise RecordError(f"the name {name!r:.80} cannot be written on a command line")
    for name, value in manifest.hyperparameters.items():
        if value is not None:
            words += ["--set", f"{name}={literal(value)}"]
    return shlex.join([*words, "--out", RUNS])


def command_or_reason(manifest: Manifest, seeds: Iterable[int], benchmark: Benchmark) -> str:
    """The command of :func:`command`; where there is none, a comment that says why."""
    try:
        return command(manifest, seeds, benchmark)
    except RecordError as error:
        return f"# {first_line(error)}"


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
        RecordError: TOML has no such value.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return "".join(map(_seen, json.dumps(value, ensure_ascii=False)))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        pairs = (f"{literal(str(key))} = {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    raise RecordError(f"{value!r} cannot be written in TOML")


def _seen(letter: str) -> str:
    """A letter of a TOML text, or its escape if no reader can see it."""
    if letter.isprintable():
        return letter
    if "\ud800" <= letter <= "\udfff":
        raise RecordError(f"half of a letter, {letter!r}, cannot be written in TOML")
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _repeated(option: str, values: Iterable[object]) -> list[str]:
    return [word for value in values for word in (option, str(value))]
