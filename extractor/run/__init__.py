"""A run: both halves conducted, from the words of a call to how it ended.

job         what is asked for, worked out
resume      ledger and destination brought together before anything is fetched
connection  the layers between the run and the vendor
beginning   where the vendor's history begins
conduct     fetching and loading side by side, until all is done or somebody stops it
progress    snapshots while it lasts
closing     the account at its end
"""

from __future__ import annotations

from extractor.run.backfill import backfill
from extractor.run.status import status

__all__ = ["backfill", "status"]
