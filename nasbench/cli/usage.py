"""What is wrong with a command line, in one line; and which commands there are."""

import re
import sys
from itertools import pairwise
from typing import Any

from typer.core import TyperGroup

from nasbench.errors import one_of

_ANY_LENGTH = 10_000


class Commands(TyperGroup):
    """Commands that are listed with their whole summaries, however narrow the terminal is."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, c.get_short_help_str(_ANY_LENGTH)) for name, c in commands.items() if c]
            )


def usage_line(error: Any, message: str) -> str:
    """What was given, what is wrong or possible, and where help is.

    Args:
        error: A usage error of typer.
        message: Its message.
    """
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "nasbench")
    if context and type(error).__name__ == "NoSuchOption":
        flags = (flag for parameter in context.command.params for flag in parameter.opts)
        possible = [*(flag for flag in flags if flag.startswith("--")), "--help"]
        return f"'{path}' has no option {_among(error.option_name, possible)}"
    if context and (unknown := re.match(r"No such command '(.*?)'\.", message, re.DOTALL)):
        possible = context.command.list_commands(context)
        return f"'{path}' has no command {_among(unknown[1], possible)}"
    options = getattr(getattr(error, "param", None), "opts", ())
    given = (f"{a} {b}: " for a, b in pairwise(sys.argv) if a in options and b)
    line = next(given, "") + " ".join(message.split()).rstrip(".")
    return f"{line}. See '{path} --help'"


def _among(name: str, possible: list[str]) -> str:
    return f"{name!r}{one_of(name, possible, limit=20)}"
