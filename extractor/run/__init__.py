"""A run: both halves conducted, from the words of a call to how it ended.

job         what is asked for, worked out
retry       what failed, once more
resume      ledger and destination brought together before anything is fetched
connection  the layers between the run and the vendor
beginning   where the vendor's history begins
course      a run from its beginning to its end, whichever command it is
fetching    the half that asks the vendor
conduct     fetching and loading side by side, until all is done or somebody stops it
progress    snapshots while it lasts
closing     the account at its end
check       a sample of a configuration beside dlt's own
difference  what two databases do not have in common
"""

from __future__ import annotations

from extractor.run.backfill import backfill
from extractor.run.retry import retry
from extractor.run.status import status

__all__ = ["backfill", "retry", "status"]
