"""How Python and the C library keep memory, for two processes that live for days."""

from __future__ import annotations

import atexit
import ctypes
import gc
import sys

__all__ = ["keep_little"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_TRIM_BYTES = 1 << 20
_MMAP_BYTES = 256 << 10
# 700 objects would be looked through again and again: records and requests are made by the thousand, and nearly all are
# freed without it. It took a quarter of the CPU time of fetching.
_COLLECT_AFTER = (20_000, 50, 100)


def keep_little() -> None:
    """Give freed memory back to the system, and look seldom for what only cycles keep.

    glibc makes an arena for every thread and returns none of them; with a writer thread, downloads in threads and
    dlt's own, a process grows by what each thread once needed at most. Where there is no glibc, that stays as it is.
    """
    gc.set_threshold(*_COLLECT_AFTER)
    # At its end Python would look through all there is, dlt's modules most of all, for a tenth of a second.
    atexit.register(gc.freeze)
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for parameter, value in ((_M_ARENA_MAX, 1), (_M_TRIM_THRESHOLD, _TRIM_BYTES), (_M_MMAP_THRESHOLD, _MMAP_BYTES)):
        mallopt(parameter, value)
