"""The Arrow types that columns of a table may have; a file says them without being read."""

from typing import Any

import pyarrow as pa

from nasbench.errors import SchemaError
from nasbench.space import SearchSpace

KEY_TYPES = {"rank": "int64", "schedule": "int32", "seed": "int32", "status": "string"}
"""Types of the columns that identify a training, beside its architecture, and say how it ended."""
_FLOATS = ("float", "double")


def check_types(schema: pa.Schema, space: SearchSpace, objective: str | None, where: str) -> None:
    """Check the columns of the file of runs.

    Args:
        schema: Of the file.
        space: The search space.
        objective: The default objective, if any.
        where: The file, for messages.

    Raises:
        SchemaError: A column is there twice, a key is missing, or a type is not possible.
    """
    _check_names(schema, ("arch", *KEY_TYPES), where)
    if objective is not None and objective not in schema.names:
        raise SchemaError(f"{where} has no column {objective!r}, its default objective")
    _check_arch(schema, space, where)
    for name, kind in KEY_TYPES.items():
        _check(schema, name, str(schema.field(name).type) == kind, kind, where)
    for name in schema.names:
        if name not in ("arch", *KEY_TYPES):
            kind = schema.field(name).type
            inner = kind.value_type if pa.types.is_list(kind) else kind
            is_number = str(inner) in _FLOATS or (inner is kind and pa.types.is_integer(kind))
            _check(schema, name, is_number, "numbers or lists of float32 or float64", where)
            if name == objective:
                _check(schema, name, str(inner) in _FLOATS, "float32 or float64", where)


def check_arch_types(schema: pa.Schema, space: SearchSpace, where: str) -> None:
    """Check the columns of the file of architectures.

    Raises:
        SchemaError: A column is there twice, a key is missing, or a type is not possible.
    """
    _check_names(schema, ("arch", "rank"), where)
    _check_arch(schema, space, where)
    _check(schema, "rank", str(schema.field("rank").type) == "int64", "int64", where)
    for name in schema.names:
        if name not in ("arch", "rank"):
            kind = schema.field(name).type
            is_possible = (
                str(kind) in _FLOATS or pa.types.is_integer(kind) or pa.types.is_string(kind)
            )
            _check(schema, name, is_possible, "numbers or texts", where)


def _check_names(schema: pa.Schema, needed: tuple[str, ...], where: str) -> None:
    for name in needed:
        if name not in schema.names:
            raise SchemaError(f"{where} has no column {name!r}, only {schema.names}")
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise SchemaError(f"{where} has column {name!r} twice")


def _check_arch(schema: pa.Schema, space: SearchSpace, where: str) -> None:
    n, kind = len(space.options), schema.field("arch").type
    is_possible = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind)
    if is_possible and pa.types.is_fixed_size_list(kind):
        is_possible = kind.list_size == n
    is_possible = is_possible and pa.types.is_unsigned_integer(kind.value_type)
    _check(schema, "arch", is_possible, f"lists of {n} integers (uint8 or uint16)", where)


def _check(schema: pa.Schema, name: str, is_possible: Any, kind: str, where: str) -> None:
    if not is_possible:
        raise SchemaError(
            f"{where}: column {name!r} has type {schema.field(name).type}, not {kind}"
        )
