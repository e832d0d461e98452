"""Anyone's dlt `RESTAPIConfig`, on this engine.

    files         the user's file becomes a configuration
    translation   a configuration becomes a `Vendor`
    refusals      what can't be kept
    access        whose credentials are whose
    auth          credentials, in signers
    sessions      a session of the user's
    confidential  what must never be shown
    budget        the rate that stands beside a configuration
    resource      one resource: how its listings begin
    listing       one listing: an `Exchange`
    addresses     paths with placeholders, links
    answer        answers as dlt looks at them
    steps         processing steps and the range of an incremental
    offspring     records name listings of children
    cursor        how far a listing has got
    typed         JSON that keeps types
    sample        a part of it, for a comparison with dlt itself

The grammar is dlt's own: its functions read the dictionary, its paginators, selectors, steps and auth classes do their
work behind a small adapter, so that a user's own classes work unchanged. Importing this brings dlt.
"""

from __future__ import annotations

from extractor.rest_api.files import Found, find, read
from extractor.rest_api.sample import load_by_dlt, sample
from extractor.rest_api.translation import Translation, translate

__all__ = ["Found", "Translation", "find", "load_by_dlt", "read", "sample", "translate"]
