"""What is to be scored: ``FILE.py``, ``FILE.py:Class``, ``module:Class`` or a registered name."""

from pathlib import Path

from nasbench.errors import UnknownNameError


def split(target: str) -> tuple[str, str] | None:
    """Return the file and the class of a target such as ``"FILE.py:Class"``.

    Args:
        target: A file, a file and a class, ``"module:Class"`` or a registered name.

    Returns:
        Path and name of the class, empty if none is given; None if it is no file.

    Raises:
        UnknownNameError: There is no such file, or the target is none of these.
    """
    file, colon, name = target.rpartition(":")
    if not colon or name.endswith(".py"):
        file, name = target, ""
    if not file.endswith(".py"):
        if colon and not (name and all(map(str.isidentifier, target.partition(":")[0].split(".")))):
            raise UnknownNameError(
                f"{target!r} is none of FILE.py, FILE.py:Class, module:Class or a registered name"
            )
        return None
    if not Path(file).is_file():
        raise UnknownNameError(f"there is no file {file!r}")
    return file, name
