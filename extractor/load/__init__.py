"""The load half: sealed chunks become dlt packages in a process of its own.

`process` is the handle that a run holds; everything else happens on the other side of its pipes, where
`python -m extractor.load` is the program. Only that side imports dlt.
"""

from __future__ import annotations

from extractor.load.process import LoadProcess
from extractor.load.protocol import Loaded, Rebuilt, Target, describe

__all__ = ["LoadProcess", "Loaded", "Rebuilt", "Target", "describe"]
