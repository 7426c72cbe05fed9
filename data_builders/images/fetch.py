"""Download published image sets. Nothing else in the suite uses a network."""

from contextlib import suppress
from pathlib import Path

from data_builders.images.published import PUBLISHED, data_folder
from nasbench.errors import ArchiveError, UnknownNameError, one_of
from nasbench.registry import require
from nasbench.storage.files import writable_folder


def fetch(name: str) -> list[Path]:
    """Download the missing files of a set into the data folder and verify all of them.

    Args:
        name: One of :data:`data_builders.images.published.PUBLISHED`.

    Returns:
        Paths of the files.

    Raises:
        UnknownNameError: No published set has this name.
        MissingExtraError: pooch is not installed.
        ArchiveError: A file cannot be downloaded, or its digest is not the known one.
        InvalidArgumentError: The data folder cannot be written.
    """
    if name not in PUBLISHED:
        raise UnknownNameError(f"no image set is called {name!r}{one_of(name, PUBLISHED)}")
    download = PUBLISHED[name].download
    pooch = require("pooch", f"downloading {name}")
    pooch.get_logger().setLevel("WARNING")
    folder = writable_folder(data_folder() / download.folder)
    paths = []
    for file, sha256 in download.sha256.items():
        path = folder / file
        there = path.exists()
        try:
            pooch.retrieve(download.url + file, f"sha256:{sha256}", file, folder)
            if not there:
                path.chmod(0o644)
        except (OSError, ValueError) as error:
            if (response := getattr(error, "response", None)) is not None:
                response.close()
            with suppress(OSError):  # other files remain in it
                folder.rmdir()
            raise ArchiveError(
                f"cannot download {download.url}{file} ({_reason(error)}): {download.by_hand()}"
            ) from error
        paths.append(path)
    return paths


def _reason(error: Exception) -> str:
    """Return the innermost cause on one line; network errors nest their causes."""
    while cause := next((c for c in error.args if isinstance(c, Exception)), None):
        error = getattr(cause, "reason", None) or cause
    return " ".join(str(error).split())
