"""Zip and tar archives of a few files, and a page in place of one."""

import io
import tarfile
import zipfile

PAGE = b"\xef\xbb\xbf\r\n<!DOCTYPE html>\n<html><title>Sign in</title></html>"


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names or ("a",):
            archive.writestr(name, b"{}")
    return file.getvalue()


def tarred(mode="w", *names):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name in names or ("a",):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return file.getvalue()
