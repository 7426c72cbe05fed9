"""The process in which searches of a submission are run again: ``python -m`` of this module.

It reads one JSON document from standard input and writes records; nothing else of a verification
happens in it. The document has ``manifest``, how the record was made; ``runs``, a list of pairs of
a seed and a hidden instance, or null for the benchmark itself; ``out``, the folder for records; and
``modules``, a folder from which the algorithm may be imported, or null.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.benchmarks.relabelled import Relabelled
from nasbench.errors import NasbenchError, RecordError
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import Records
from nasbench.runs.setup import Prepared, Setup


def run_again(manifest: Manifest, runs: list[tuple[int, int | None]], out: Path) -> None:
    """Run seeds of a record again, and record them.

    Args:
        manifest: How the record was made.
        runs: Seeds, each with the hidden instance to search, or None for the benchmark itself.
        out: Folder for records.

    Raises:
        RecordError: The installed code or benchmark gives another manifest.
        NasbenchError: The search cannot be made.
    """
    prepared = _prepared(manifest)
    for seed, instance in runs:
        made = prepared
        if instance is not None:
            relabelled = Relabelled(prepared.benchmark, instance)
            made = replace(prepared, benchmark=cast(AnyBenchmark, relabelled))
        Records.create(out, made.manifest).add([made.run(seed)])


def _prepared(manifest: Manifest) -> Prepared:
    prepared = Setup(
        algorithm=manifest.algorithm,
        benchmark=f"{manifest.benchmark}@{manifest.version}",
        budget=manifest.budget,
        preset=manifest.preset,
        hyperparameters=dict(manifest.hyperparameters),
        workers=manifest.workers,
        replicate=manifest.replicate,
        fidelities=manifest.fidelities,
        objectives=manifest.objectives,
        known=manifest.known,
        constraints=manifest.constraints,
    ).prepare()
    # through JSON, as the manifest of the record went
    ours: Mapping[str, Any] = json.loads(json.dumps(prepared.manifest.encode()))
    theirs = manifest.encode()
    if ours.get("code") != theirs.get("code"):
        raise RecordError(
            f"the code of {manifest.algorithm} has the fingerprint {str(ours.get('code'))[:12]}…, "
            f"not {str(theirs.get('code'))[:12]}… as when the record was made"
        )
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            raise RecordError(
                f"{name} is {ours.get(name)!r:.200} here, but {theirs.get(name)!r:.200} in the "
                "record"
            )
    return prepared


def main() -> None:
    """Run what standard input asks for; a refusal is one line and exit code 2."""
    task = json.load(sys.stdin)
    if task["modules"]:
        sys.path.insert(0, task["modules"])
    try:
        run_again(Manifest.decode(task["manifest"], "the task"), task["runs"], Path(task["out"]))
    except NasbenchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
