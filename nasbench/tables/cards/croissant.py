"""What a table is, in the vocabulary of Croissant 1.1, for programs that find and read data sets.

The vocabulary is that of MLCommons, http://mlcommons.org/croissant/1.1: search engines for data
sets index such a document, and ``mlcroissant`` reads records through it.

>>> from nasbench.benchmarks.catalogue import open_table
>>> document = croissant(open_table("lite201-digits@2"))
>>> document["name"], [file["name"] for file in document["distribution"]]
('lite201-digits', ['lite201-digits.parquet', 'lite201-digits.archs.parquet'])
>>> document["recordSet"][0]["field"][0]["arrayShape"]
'6'
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from nasbench.column import Column
from nasbench.storage.files import file_digest
from nasbench.tables.schema import FINAL
from nasbench.tables.table import Table

_VOCABULARY = "http://mlcommons.org/croissant/"
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": _VOCABULARY,
    "rai": f"{_VOCABULARY}RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
} | {
    term: f"cr:{term}"
    for term in (
        *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract"),
        *("field", "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray"),
        *("isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
        *("references", "regex", "repeated", "replace", "samplingRate", "separator", "source"),
        *("subField", "transform"),
    )
}
_KEYS = {
    "arch": "the architecture, the number of the chosen option for every decision",
    "rank": "the architecture as one number, its position in mixed-radix order",
    "schedule": "planned length of the training in epochs",
    "seed": "training seed",
    "status": "how the training ended",
}
_UNITS = {"1": "count", "s": "seconds", "ms": "milliseconds", "%": "percent", "nat": "nat"}
_RECORDS = {
    "trainings": "one training of an architecture with a seed",
    "architectures": "what is known of an architecture without training it",
}


def croissant(table: Table) -> dict[str, Any]:
    """Describe a table and its files as JSON-LD.

    Files are named as they lie beside the document, with their SHA-256. The record sets are
    ``trainings`` and, where the table has them, ``architectures``; ``rank`` joins them. Columns
    that only repeat the last values of curves are left out.

    Args:
        table: The table.

    Returns:
        A JSON object that conforms to Croissant 1.1.
    """
    about = table.metadata
    columns = {**table.columns, **table.arch_columns}
    files = dict(zip(_RECORDS, table.files, strict=False))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": f"{_VOCABULARY}1.1",
        "name": about.id,
        "version": f"{about.version}.0.0",
        "description": about.description or about.title or about.id,
        "license": about.licence or "unknown",
        **({"citeAs": about.citation} if about.citation else {}),
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": f"{name}.parquet",
                "name": path.name,
                "contentUrl": path.name,
                "encodingFormat": "application/x-parquet",
                "sha256": file_digest(path),
            }
            for name, (path, _) in files.items()
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": name,
                "name": name,
                "description": _RECORDS[name],
                "field": [
                    _field(name, field, columns)
                    for field in schema
                    if not field.name.endswith(FINAL)
                ],
            }
            for name, (_, schema) in files.items()
        ],
    }


def _field(records: str, field: pa.Field, columns: Mapping[str, Column]) -> dict[str, Any]:
    """A column of a file."""
    kind, shape = field.type, {}
    if pa.types.is_fixed_size_list(kind):
        shape = {"isArray": True, "arrayShape": str(kind.list_size)}
        kind = kind.value_type
    elif pa.types.is_list(kind):
        shape = {"isArray": True, "arrayShape": "-1"}
        kind = kind.value_type
    if pa.types.is_integer(kind):
        type_ = "sc:Integer"
    elif pa.types.is_floating(kind):
        type_ = "sc:Float"
    else:
        type_ = "sc:Text"
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{field.name}",
        "name": field.name,
        "description": meaning(field.name, columns),
        "dataType": type_,
        **shape,
        "source": {
            "fileObject": {"@id": f"{records}.parquet"},
            "extract": {"column": field.name},
        },
    }


def meaning(name: str, columns: Mapping[str, Column]) -> str:
    """Say in words what a column of a table holds: description, unit and split."""
    if name in _KEYS:
        return _KEYS[name]
    column = columns[name]
    unit = _UNITS.get(column.unit, column.unit)
    images = f"on the {column.split} split" if column.split else ""
    said = [text for text in (column.description, unit and f"in {unit}", images) if text]
    return ", ".join(said) or name
