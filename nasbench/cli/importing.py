"""``nasbench import``: a command per importer, with the options that the importer declares."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nasbench.cli.kinds import KINDS
from nasbench.cli.options import Home, Replace, Work, given_path, home, refuse_shipped
from nasbench.cli.output import meter, say, written
from nasbench.errors import InvalidArgumentError, NasbenchError, UnknownNameError, one_of
from nasbench.siblings import SIBLINGS

_TYPES: dict[str, Any] = {
    "text": str | None,
    "texts": list[str] | None,
    "number": int | None,
    "switch": bool | None,
}


class Importers(TyperGroup):
    """The registered importers as commands, each made when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the importers, in the order of the registry."""
        return list(SIBLINGS.load("importers").names())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of an importer.

        Raises:
            UnknownNameError: There is no such importer.
        """
        try:
            importer = SIBLINGS.load("importers").load(cmd_name)
        except NasbenchError:
            if ctx.resilient_parsing:  # a shell asks, about a word that is not complete or any
                return None
            raise
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(cmd_name, help=_help(importer))(_command(cmd_name, importer))
        return typer.main.get_command(app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the importers with what they read."""
        told = KINDS["importers"].rows(KINDS["importers"].read())
        with formatter.section("Importers"):
            formatter.write_dl([(name, text) for name, *_, text in told])


def _help(importer: Any) -> str:
    """What an importer reads, and the tables that it makes."""
    tables = f"\n\nTables: {', '.join(importer.ids)}." if importer.ids else ""
    return f"{importer.summary}.{tables}"


def _command(name: str, importer: Any) -> Callable[..., None]:
    """The function behind the command of an importer: its signature has the importer's options."""
    common = inspect.signature(_import).parameters
    own = {
        option.keyword: inspect.Parameter(
            option.keyword,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                _TYPES[option.kind],
                typer.Option(
                    option.flag,
                    help=option.help + ("  [required]" if option.is_required else ""),
                    metavar=option.metavar or None,
                ),
            ],
        )
        for option in importer.options
    }
    shared = {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in common.items()
        if name not in ("name", "importer", "given")
    }

    def command(**given: Any) -> None:
        _import(name, importer, **given)

    # files first, then what the importer declares, its own id instead of the shared one
    parameters = {"files": shared["files"]} | own
    parameters |= {name: shared[name] for name in shared if name not in own}
    command.__signature__ = inspect.Signature([*parameters.values()])  # type: ignore[attr-defined]
    return command


def _import(
    name: str,
    importer: Any,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Files or folders of the archive.", parser=given_path),
    ] = None,
    id: Annotated[
        str | None, typer.Option(metavar="ID", help="Import only the table with this id.")
    ] = None,
    out: Home = None,
    work: Work = Path("work"),
    replace: Replace = False,
    **given: Any,
) -> None:
    """Import an archive.

    Args:
        name: Of the importer.
        importer: Its class.
        files: What to read.
        id: Which table to make; or the id of a new table, where the importer has such an option.
        out: Folder for the tables.
        work: Folder for what a stopped import has read.
        replace: Whether another table of the same id and version is replaced.
        given: Options of the importer.

    Raises:
        InvalidArgumentError: An option is missing, the id is that of a shipped table, or another
            table is there.
        UnknownNameError: The archive holds no table with this id.
    """
    from nasbench.tables.places import check_place, table_path
    from nasbench.tables.writer import write_table

    own = {option.keyword: option for option in importer.options}
    if is_new := "id" in own:
        given["id"] = id
    given = {keyword: value for keyword, value in given.items() if value is not None}
    missing = [o.flag for keyword, o in own.items() if o.is_required and keyword not in given]
    if missing:
        raise InvalidArgumentError(
            f"import {name} needs {', '.join(missing)}; see 'nasbench import {name} --help'"
        )
    if is_new and id is not None:
        refuse_shipped(id)
    elif id is not None and id not in importer.ids:
        raise UnknownNameError(f"{name} makes no table {id!r}{one_of(id, importer.ids)}")
    reader, folder, lines = importer(**given), home(out), list[str]()
    certain = importer.ids if id is None else (id,)
    if len(certain) == 1:
        check_place(folder / f"{certain[0]}.parquet", f"the table {certain[0]}", replace=True)
    with meter(f"Reading {name}") as progress:
        for table in reader.tables(files or [], work=work, progress=progress):
            if id in (None, table.metadata.id):
                path = table_path(folder, table.metadata.id, table.metadata.version)
                lines.append(written(path, partial(write_table, path, table, replace=replace)))
            del table  # the next is made beside it
    if not lines:
        raise UnknownNameError(f"what was given holds no table {id!r}")
    say("\n".join(lines))
