"""The words of the product as frozen data.

    endpoints   vendors and their endpoints: what a vendor file says
    budgets     the requests that a vendor allows
    listings    the unit of work, its pages, incidents
    paging      what passes between a client and a paginator
    exchange    listings that ask in their own words, and who signs requests
    requests    one HTTP request and its answer

A vendor file builds a `Vendor`; `client` turns a `Listing` of one of its endpoints into `Page`s; `ledger` keeps both.
"""

from __future__ import annotations

from extractor.model.budgets import Bucket, Budget, Learnt, RollingWindow, StatedSecond, WeeklyQuota
from extractor.model.endpoints import (
    Afterwards,
    Api,
    Cap,
    Children,
    ColumnType,
    Configured,
    Crowded,
    Endpoint,
    Job,
    Missing,
    Records,
    Setting,
    Vendor,
    Windows,
)
from extractor.model.exchange import Exchange, Reading, Send, Signer
from extractor.model.listings import Found, Incident, IncidentKind, Listing, Page, State
from extractor.model.paging import Answer, Call, Paginator, Rejected
from extractor.model.requests import Request, Response

__all__ = [
    "Afterwards",
    "Answer",
    "Api",
    "Bucket",
    "Budget",
    "Call",
    "Cap",
    "Children",
    "ColumnType",
    "Configured",
    "Crowded",
    "Endpoint",
    "Exchange",
    "Found",
    "Incident",
    "IncidentKind",
    "Job",
    "Learnt",
    "Listing",
    "Missing",
    "Page",
    "Paginator",
    "Reading",
    "Records",
    "Rejected",
    "Request",
    "Response",
    "RollingWindow",
    "Send",
    "Setting",
    "Signer",
    "State",
    "StatedSecond",
    "Vendor",
    "WeeklyQuota",
    "Windows",
]
