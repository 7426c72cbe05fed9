"""The card of a table: a ``README.md`` with which a folder of its files is a data set.

Its head is what the Hugging Face hub and ``datasets`` read
(https://huggingface.co/docs/hub/datasets-cards): licence, size, and which file holds what.

>>> from nasbench.benchmarks.catalogue import open_table
>>> for line in card(open_table("nb201-cifar10")).splitlines()[:4]:
...     print(line)
---
pretty_name: "NAS-Bench-201 on CIFAR-10: published validation accuracies after 200 epochs"
license: "apache-2.0"
tags: ["neural-architecture-search", "automl", "benchmark", "tabular"]
"""

import json
import re
from typing import Any

from nasbench.tables.cards.croissant import meaning
from nasbench.tables.schema import FINAL
from nasbench.tables.table import Table

_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B")
_HEADINGS = {"trainings": "one row a training", "architectures": "one row an architecture"}


def card(table: Table) -> str:
    """Write the card of a table from its metadata, in Markdown with a head in YAML.

    Args:
        table: The table.
    """
    about, files = table.metadata, dict(zip(_HEADINGS, table.files, strict=False))
    n_rows = max(len(table.seed) if table.schedules else 0, len(table.written_ranks))
    head = {
        "pretty_name": about.title or about.id,
        **_licence(about.licence),
        "tags": ["neural-architecture-search", "automl", "benchmark", "tabular"],
        "size_categories": [_SIZES[min(max(len(str(n_rows)) - 3, 0), len(_SIZES) - 1)]],
        "configs": [
            {"config_name": name, "data_files": path.name} for name, (path, _) in files.items()
        ],
    }
    facts = {
        "Space": about.space,
        "Data set": about.dataset,
        "Version": f"{about.version}, content hash `{about.content_hash}`",
        "Seeds": about.seeds,
        "Source": about.source,
        "Licence": about.licence,
        "Cite": about.citation,
        "Not recorded here": about.elsewhere,
    }
    parts = [
        "\n".join(["---", *(f"{key}: {_yaml(value)}" for key, value in head.items()), "---"]),
        f"# {about.title or about.id}",
        about.description,
        "\n".join(f"* **{name}**: {_line(text)}" for name, text in facts.items() if text),
        *(_columns(table, name, path.name, schema) for name, (path, schema) in files.items()),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _columns(table: Table, name: str, file: str, schema: Any) -> str:
    """The columns of a file as a Markdown table."""
    columns = {**table.columns, **table.arch_columns}
    lines = [
        f"| `{field.name}` | {field.type} | {_line(meaning(field.name, columns))} |"
        for field in schema
        if not field.name.endswith(FINAL)
    ]
    title = f"## {name}: `{file}`, {_HEADINGS[name]}"
    return "\n".join([title, "", "| column | type | meaning |", "|---|---|---|", *lines])


def _licence(licence: str) -> dict[str, str]:
    """The licence as the hub knows it: an identifier in lower case, or another one by its name."""
    if re.fullmatch(r"[A-Za-z0-9.+-]+", licence):
        return {"license": licence.lower()}
    return {"license": "other", "license_name": licence} if licence else {"license": "unknown"}


def _yaml(value: Any) -> str:
    """A value in YAML, of which JSON is a part."""
    return json.dumps(value, ensure_ascii=False)


def _line(text: str) -> str:
    """A text that stays in its line and in its cell."""
    return " ".join(text.split()).replace("|", "\\|")
