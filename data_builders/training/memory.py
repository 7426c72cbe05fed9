"""Freed memory that stays with the process."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Have the C library keep freed memory for the next tensor, in the whole process.

    Otherwise it may give a tensor of a megabyte back to the system at once, and every operation
    fetches its result's memory anew, page by page. Without effect where there is no glibc.
    """
    if sys.platform != "linux":
        return
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
