"""The table of all results of NAS-Bench-301."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from data_builders.importers.arrays import arch_column, curve_column
from data_builders.importers.nb301.description import Release, columns, metadata
from data_builders.importers.nb301.files import file_name
from data_builders.importers.nb301.result import EPOCHS
from nasbench.errors import ArchiveError
from nasbench.space import Arch
from nasbench.tables.columns import list_items, to_numpy
from nasbench.tables.draft import Draft


def imported(results: pa.Table) -> Draft:
    """Return the table of all results.

    Args:
        results: One row per result file, in any order, as the importer's ``read`` returns them.

    Raises:
        ArchiveError: A file occurs twice, only some trainings have a test accuracy, or results
            disagree on the parameters of an architecture.
    """
    rows = results.select(["optimizer", "number", "tail"]).to_pylist()
    order = sorted(range(len(rows)), key=lambda row: tuple(rows[row].values()))
    results = results.take(pa.array(order))
    names = [file_name(**rows[row]) for row in order]
    archs = [tuple(arch) for arch in results["arch"].to_pylist()]
    digest = _check_digests(names, results["digest"].to_pylist())
    files: dict[Arch, list[str]] = {}
    seeds = []
    for arch, name in zip(archs, names, strict=True):
        seeds.append(len(files.setdefault(arch, [])))
        files[arch].append(name)
    valid, test, seconds = (to_numpy(results[name]) for name in ("valid", "test", "seconds"))
    diverged = np.isnan(valid)
    n_curves = sum(results["has_curve"].to_pylist())
    runs = {
        "arch": arch_column(np.array(archs)),
        "schedule": pa.array([EPOCHS] * len(archs), pa.int32()),
        "seed": pa.array(seeds, pa.int32()),
        "status": pa.array(np.where(diverged, "diverged", "finished").tolist()),
        "valid_accuracy": curve_column(valid[:, None]),
    }
    if _has_test(test, diverged, names):
        runs["test_accuracy"] = curve_column(np.where(diverged, np.nan, test)[:, None])
    epochs = np.array([EPOCHS])
    if n_curves:
        epochs = np.arange(1, EPOCHS + 1)
        curves = list_items(results["curve"].combine_chunks())
        runs["valid_accuracy_curve"] = curve_column(curves.reshape(-1, EPOCHS))
    runs["seconds"] = curve_column((seconds[:, None] * (epochs / EPOCHS)).astype(np.float32))
    release = Release(len(names), n_curves, len(set(results["optimizer"].to_pylist())), digest)
    return Draft(
        metadata=metadata(release),
        runs=pa.table(runs),
        archs=_archs_table(files, archs, names, results["parameters"].to_pylist()),
        columns=columns(release),
    )


def _check_digests(names: list[str], digests: list[str]) -> str:
    """Return a digest of all files that does not depend on the folders or archives around them."""
    first: dict[str, str] = {}
    for name, digest in zip(names, digests, strict=True):
        twin = first.setdefault(digest, name)
        if twin is not name:
            raise ArchiveError(f"{twin} and {name} are the same file: give every training once")
    listing = "".join(f"{digest}  {name}\n" for name, digest in zip(names, digests, strict=True))
    return hashlib.sha256(listing.encode()).hexdigest()


def _has_test(test: Any, diverged: Any, names: list[str]) -> bool:
    missing = np.flatnonzero(np.isnan(test) & ~diverged)
    if not missing.size:
        return bool((~diverged).any())
    if missing.size < (~diverged).sum():
        raise ArchiveError(
            f"{names[missing[0]]} has no test_accuracy, like {missing.size} of {len(names)} "
            "results; one table cannot hold results with and without it"
        )
    return False


def _archs_table(
    files: Mapping[Arch, list[str]],
    archs: list[Arch],
    names: list[str],
    parameters: list[int | None],
) -> pa.Table:
    known: dict[Arch, tuple[int, str]] = {}
    for arch, name, number in zip(archs, names, parameters, strict=True):
        if number is not None:
            other, twin = known.setdefault(arch, (number, name))
            if other != number:
                raise ArchiveError(
                    f"{twin} and {name} are the same architecture, but have model_parameters "
                    f"{other} and {number}"
                )
    optimizers = [
        ", ".join(dict.fromkeys(name.split("/")[0] for name in group)) for group in files.values()
    ]
    table = {
        "arch": arch_column(np.array(list(files))),
        "optimizer": pa.array(optimizers),
        "files": pa.array([", ".join(group) for group in files.values()]),
    }
    if known:
        numbers = [known[arch][0] if arch in known else None for arch in files]
        table["parameters"] = pa.array(numbers, pa.int64())
    return pa.table(table)
