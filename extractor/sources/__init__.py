"""dlt sources for other people's pipelines: the engine without spool and load process.

source    a call becomes a source
served    its resources
driver    the resource below them all, which has the selected ones fetched
supply    the engine in a thread of its own, and what it hands over
"""

from __future__ import annotations

from extractor.sources.source import source

__all__ = ["source"]
