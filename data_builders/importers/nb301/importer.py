"""Training results of NAS-Bench-301 (Zela et al., 2022, https://arxiv.org/abs/2008.09777).

The archive holds one JSON file per training, ``<optimizer>/results_<n>.json`` (or
``results_<n>_ti.json``): configuration, validation and test accuracy, run time and, in the complete
logs, learning curves. NAS-Bench-x11 uses the same files. The surrogate models are pickles and are
not read.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from data_builders.importer import Importer, Progress, silent
from data_builders.importers.nb301.files import ResultFile, result_files
from data_builders.importers.nb301.result import EPOCHS, parse
from data_builders.importers.nb301.table import imported
from data_builders.importers.parts import Parts, alone, blocks_folder
from nasbench.spaces.darts import Darts
from nasbench.tables.draft import Draft

LIMIT = 1 << 23
BLOCK = 1000
LAYOUT = 1
_BLOCK_SCHEMA = pa.schema(
    {
        "optimizer": pa.string(),
        "number": pa.int32(),
        "tail": pa.string(),
        "digest": pa.string(),
        "arch": pa.list_(pa.uint8(), len(Darts.decisions)),
        "valid": pa.float64(),
        "test": pa.float64(),
        "seconds": pa.float64(),
        "parameters": pa.int64(),
        "has_curve": pa.bool_(),
        "curve": pa.list_(pa.float32(), EPOCHS),
    }
)


class NB301Importer(Importer):
    """The table of the trainings behind NAS-Bench-301."""

    name = "nb301"
    summary = (
        "NAS-Bench-301 training results on CIFAR-10, from their folders, zip or tar archives: "
        "nb301-cifar10"
    )
    ids = ("nb301-cifar10",)

    def tables(
        self, files: Sequence[Path], *, work: Path, progress: Progress = silent
    ) -> Iterator[Draft]:
        """Yield the one table, made of all folders and archives together."""
        folder = blocks_folder(work, self.name)
        with result_files(files) as found, alone(folder):
            listing = json.dumps(
                [(file.entry.where, file.entry.parts, file.entry.stamp) for file in found]
            )
            source = {"layout": LAYOUT, "files": hashlib.sha256(listing.encode()).hexdigest()}
            parts = Parts(folder, source)
            blocks = []
            for first in range(0, len(found), BLOCK):
                block = found[first : first + BLOCK]
                blocks.append(parts.get(first // BLOCK, partial(read, block)))
                progress(first + len(block), len(found))
            yield imported(pa.concat_tables(blocks))
            parts.remove()


def read(files: Sequence[ResultFile]) -> pa.Table:
    """Return one row per file: its name, its digest and its content.

    Raises:
        ArchiveError: A file is damaged or not in the layout of the archive.
    """
    rows = []
    for file in files:
        data = file.entry.read(LIMIT)
        result = parse(data, file.entry.where)
        rows.append(
            {
                "optimizer": file.optimizer,
                "number": file.number,
                "tail": file.tail,
                "digest": hashlib.sha256(data).hexdigest(),
                "arch": list(result.arch),
                "valid": result.valid,
                "test": result.test,
                "seconds": result.seconds,
                "parameters": result.parameters,
                "has_curve": result.curve is not None,
                "curve": result.curve or [np.nan] * EPOCHS,
            }
        )
    return pa.Table.from_pylist(rows, schema=_BLOCK_SCHEMA)
