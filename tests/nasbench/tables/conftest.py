"""Ways to damage the file of a table."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nasbench.tables import writer
from nasbench.tables.hashes import said_digest
from nasbench.tables.table import Table


@pytest.fixture
def path(content, tmp_path):
    return content().write(tmp_path / "toy.parquet")


@pytest.fixture
def rewrite():
    """``rewrite(path, change)`` makes another table of the rows; the metadata stay as they are."""

    def rewritten(path, change, **options):
        table = pq.ParquetFile(path).read()
        names = table.schema.names
        changed = change(table).replace_schema_metadata(table.schema.metadata)
        fields = [
            f.with_metadata(table.schema.field(f.name).metadata) if f.name in names else f
            for f in changed.schema
        ]
        schema = pa.schema(fields, metadata=table.schema.metadata)
        pq.write_table(changed.cast(schema), path, **options)

    return rewritten


@pytest.fixture
def redescribe():
    """``redescribe(path, change)`` edits the document in the metadata, and seals it again."""

    def redescribed(path, change):
        table = pq.ParquetFile(path).read()
        document = json.loads(table.schema.metadata[b"nasbench"])
        change(document)
        sealed = document | {"digest": said_digest(document, table.schema)}
        writer._save(path, table.replace_schema_metadata(None), sealed)

    return redescribed


@pytest.fixture
def seal(redescribe):
    """``seal(path)`` makes the digest fit again, as who knows how would; then checks the table."""

    def sealed(path):
        redescribe(path, lambda document: None)
        Table(path).check()

    return sealed
