"""The command line: each command is a thin function over the Python API.

``ask`` holds the commands that read, ``make`` and ``importing`` those that make benchmarks and
files, ``search`` those that search and rank, ``boards`` those that score an algorithm, send records
to a board, check them and make figures and tables for papers, ``study`` the rest. Heavy packages
are imported inside the commands, so that help and queries are instant. Bad input, and whatever the
system refuses, ends with one line on standard error and exit code 2; an interruption with exit code
130, SIGTERM with 143 and SIGHUP with 129.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from signal import SIGINT, Signals
from typing import Annotated, NoReturn, TextIO

import typer

from nasbench import startup
from nasbench.cli import ask, importing, make, search, study
from nasbench.cli.boards import filling, papers, score, submissions
from nasbench.cli.output import note, say
from nasbench.cli.signals import heard
from nasbench.cli.usage import Commands, usage_line
from nasbench.errors import NasbenchError
from nasbench.parallel import wait_for_feeders

app = typer.Typer(
    name="nasbench",
    cls=Commands,
    help="Benchmarks for neural architecture search: query, search and rank, offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
imports = typer.Typer(
    help="Import a published archive, or your own numbers.",
    cls=importing.Importers,
    no_args_is_help=True,
    subcommand_metavar="IMPORTER [FILES]...",
)
leaderboard = typer.Typer(cls=Commands, help="Rank recorded searches.", no_args_is_help=True)
studies = typer.Typer(cls=Commands, help="Judge tables, recipes and scores.", no_args_is_help=True)

app.command()(search.quickstart)
app.command("list")(ask.list_)
app.command()(ask.info)
app.command()(ask.query)
app.command()(ask.top)
app.command()(ask.draw)
app.command()(ask.explore)
app.command()(search.run)
app.command()(score.score)
app.add_typer(leaderboard, name="leaderboard")
leaderboard.command("build")(search.leaderboard_build)
leaderboard.command()(filling.run)
leaderboard.command()(filling.compact)
leaderboard.command()(submissions.submit)
leaderboard.command()(submissions.verify)
app.command()(papers.plot)
app.command()(papers.table)
app.command()(papers.protocol)
app.command()(make.build)
app.command()(make.fetch)
app.add_typer(imports, name="import")
app.command()(make.merge)
app.command()(make.fit)
app.command()(make.export)
app.command()(ask.check)
app.add_typer(studies, name="study")
for command in study.COMMANDS:
    studies.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"nasbench {version('nasbench')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options of ``nasbench`` itself."""


def main() -> None:
    """Run the command line; bad input gives one line and exit code 2."""
    with heard() as came:
        _main(came)


def _main(came: Sequence[Signals]) -> None:
    _prepare_streams()
    try:
        startup.end()
        code = typer.main.get_command(app).main(prog_name="nasbench", standalone_mode=False)
        sys.stdout.flush()
        if code == 130:  # typer has caught the interruption
            raise KeyboardInterrupt
    except NasbenchError as error:
        _fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        by = f" by {came[0].name}" if came else ""
        code = 128 + (came[0] if came else SIGINT)
        wait_for_feeders()
        _fail(f"interrupted{by}; the same command resumes what can be resumed", code)
    except BrokenPipeError:  # the reader has seen enough
        _abandon(sys.stdout)
        sys.exit(1)
    except OSError as error:
        _abandon(sys.stdout)
        _fail(f"cannot read or write {error.filename or 'a stream'}: {error.strerror or error}")
    except MemoryError as error:
        _fail(f"not enough memory. {error}")
    except Exception as error:
        if isinstance(error, RuntimeError) and "allocate memory" in str(error):  # of PyTorch
            _fail("not enough memory")
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            say(message())
            sys.exit(0)
        _fail(usage_line(error, message()))
    sys.exit(code if isinstance(code, int) else 0)


def _prepare_streams() -> None:
    """Let every letter be written somehow, also where a stream is closed or has no width."""
    if os.environ.get("COLUMNS") == "0":  # as set by programs that do not know the width
        del os.environ["COLUMNS"]
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal may not know every letter


def _abandon(stream: TextIO) -> None:
    """Send what a stream still holds nowhere, so that Python can end without writing it."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(message: str, code: int = 2) -> NoReturn:
    try:
        note(f"error: {' '.join(message.split())}")
    except OSError:
        _abandon(sys.stderr)
    sys.exit(code)


__all__ = ["app", "main"]
