"""Download published image sets. Nothing else in the suite uses a network."""

from contextlib import suppress
from pathlib import Path

from data_builders.archives.damage import damage
from data_builders.images.published import PUBLISHED, Download, data_folder
from nasbench.errors import ArchiveError, UnknownNameError, one_of
from nasbench.registry import require
from nasbench.storage.files import file_digest, writable_folder
from nasbench.storage.temporary import delete_abandoned, temporary_folder


def fetch(name: str) -> list[Path]:
    """Download the missing files of a set into the data folder and verify all of them.

    Args:
        name: One of :data:`data_builders.images.published.PUBLISHED`.

    Returns:
        Paths of the files.

    Raises:
        UnknownNameError: No published set has this name.
        MissingExtraError: pooch is not installed.
        ArchiveError: A file cannot be downloaded, or its digest is not the known one. One that is
            there is left as it is.
        InvalidArgumentError: The data folder cannot be written.
    """
    if name not in PUBLISHED:
        raise UnknownNameError(f"no image set is called {name!r}{one_of(name, PUBLISHED)}")
    download = PUBLISHED[name].download
    pooch = require("pooch", f"downloading {name}")
    pooch.get_logger().setLevel("WARNING")
    folder = data_folder() / download.folder
    is_new = not folder.exists()
    writable_folder(folder)
    paths = []
    for file, sha256 in download.sha256.items():
        path = folder / file
        if path.exists():
            _check(path, sha256, download)
            paths.append(path)
            continue
        try:
            delete_abandoned(path)
            with temporary_folder(path) as temporary:
                pooch.retrieve(download.url + file, f"sha256:{sha256}", file, temporary)
                (temporary / file).chmod(0o644)
                (temporary / file).replace(path)
        except (OSError, ValueError) as error:
            if (response := getattr(error, "response", None)) is not None:
                response.close()
            if is_new:
                with suppress(OSError):  # other files remain in it
                    folder.rmdir()
            raise ArchiveError(
                f"cannot download {download.url}{file} ({_reason(error)}): {download.by_hand()}"
            ) from error
        paths.append(path)
    return paths


def _check(path: Path, sha256: str, download: Download) -> None:
    with damage(str(path)):
        found = file_digest(path)
    if found != sha256:
        raise ArchiveError(
            f"{path} is not the published file: its sha256 is {found}, not {sha256}; move it away, "
            f"or {download.by_hand()}"
        )


def _reason(error: Exception) -> str:
    """Return the innermost cause on one line; network errors nest their causes."""
    while cause := next((c for c in error.args if isinstance(c, Exception)), None):
        error = getattr(cause, "reason", None) or cause
    return " ".join(str(error).split())
