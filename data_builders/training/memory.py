"""Make the C library keep freed memory in the process."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 2**30


def keep_freed_memory() -> None:
    """Have the C library of this process keep freed memory for the next tensors.

    Otherwise it may return a tensor of a megabyte to the system at once, so that every operation
    fetches the memory of its result again, page by page. Has no effect without glibc.
    """
    if sys.platform != "linux":
        return
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
