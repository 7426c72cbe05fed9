"""Write the texts of a table anew, after its plan or the wording has changed; no number changes.

``python -m data_builders.builds.describe nasbench/data/lite201-digits.parquet``
"""

import argparse
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from data_builders import NETWORKS
from data_builders.plan import Plan, load_plan
from data_builders.training.procedure import procedure
from nasbench.errors import ContentHashError, InvalidArgumentError
from nasbench.tables.draft import Draft
from nasbench.tables.schema import Metadata, archs_file
from nasbench.tables.table import Table
from nasbench.tables.writer import write_table

_TEXTS = ("description", "source", "licence", "citation")


def described(table: Table, plan: Plan) -> Metadata:
    """Return the metadata of a table with the texts of its plan.

    Raises:
        InvalidArgumentError: The table was not made by this plan.
    """
    metadata, recipe = table.metadata, plan.recipe
    made = (metadata.id, metadata.version, recipe.published())
    if made != (plan.id, plan.version, {k: metadata.recipe.get(k) for k in recipe.published()}):
        raise InvalidArgumentError(
            f"{table.path} was not made by the plan of {plan.id}@{plan.version}: id, version or "
            "recipe differ"
        )
    words = procedure(NETWORKS.load(recipe.network), recipe, metadata.recipe)
    kept = {name: value for name, value in metadata.recipe.items() if name != "optimizer"}
    texts = {name: getattr(plan, name) for name in _TEXTS}
    return replace(metadata, recipe=kept | {"training": words}, **texts)


def describe(path: Path, plan: Plan) -> Metadata:
    """Write a table anew with the texts of its plan.

    Returns:
        The metadata as written.

    Raises:
        InvalidArgumentError: The table was not made by this plan, or cannot be written.
        TableError: The table is damaged.
    """
    table = Table(path)
    metadata = described(table, plan)
    table.check()
    archs = archs_file(path)
    draft = Draft(
        metadata,
        pq.read_table(path),
        pq.read_table(archs) if archs.exists() else None,
        (*table.columns.values(), *table.arch_columns.values()),
    )
    written = write_table(path, draft, replace=True)
    if written.content_hash != table.metadata.content_hash:
        raise ContentHashError(f"{path} has other numbers than before: restore it")
    return written


def main() -> None:
    """Parse the command line and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path, nargs="+", help="files of shipped plans, ID.parquet")
    for path in parser.parse_args().tables:
        describe(path, load_plan(path.stem))


if __name__ == "__main__":
    main()
