"""Words to a call, an outcome to an exit code."""

from __future__ import annotations

from extractor.cli.app import main

__all__ = ["main"]
