"""What is wrong with a command line, in one line."""

import sys
from itertools import pairwise
from typing import Any

from nasbench.errors import one_of


def usage_line(error: Any, message: str) -> str:
    """What was given, what is wrong or possible, and where help is.

    Args:
        error: A usage error of typer.
        message: Its message.
    """
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "nasbench")
    if (option := getattr(error, "option_name", None)) and context is not None:
        flags = (flag for parameter in context.command.params for flag in parameter.opts)
        possible = [*(flag for flag in flags if flag.startswith("--")), "--help"]
        return f"'{path}' has no option {option!r}{one_of(option, possible, limit=20)}"
    options = getattr(getattr(error, "param", None), "opts", ())
    given = (f"{a} {b}: " for a, b in pairwise(sys.argv) if a in options)
    line = next(given, "") + " ".join(message.split())
    line += "" if not line or line.endswith((".", "?")) else "."
    return f"{line} See '{path} --help'" if line else f"see '{path} --help'"
