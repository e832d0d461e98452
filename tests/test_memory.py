"""How Python keeps memory, as the commands and the load process have it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import atexit, gc
from extractor.memory import keep_little
atexit.register(lambda: print(gc.get_freeze_count() > 0))
keep_little()
"""


def test_at_its_end_python_looks_through_nothing_for_cycles() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout == "True\n"
