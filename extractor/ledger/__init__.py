"""The ledger: which listings are pending, committed, gone or failed, and which pages wait to be loaded."""

from extractor.ledger.again import TakenUp
from extractor.ledger.chunks import Chunk, incident_id
from extractor.ledger.ledger import Ledger
from extractor.ledger.recovery import ListingRow
from extractor.ledger.rows import (
    INCIDENT_COLUMNS,
    LISTING_COLUMNS,
    EndpointSummary,
    IncidentRow,
    Summary,
    incident_rows,
    listing_rows,
    sealed_behind,
    status,
)

__all__ = [
    "INCIDENT_COLUMNS",
    "LISTING_COLUMNS",
    "Chunk",
    "EndpointSummary",
    "IncidentRow",
    "Ledger",
    "ListingRow",
    "Summary",
    "TakenUp",
    "incident_id",
    "incident_rows",
    "listing_rows",
    "sealed_behind",
    "status",
]
