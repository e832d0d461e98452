"""A block of records becomes a page: what is loaded of it, the listings it names, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from extractor.bodies import Block, blocks, fingerprint
from extractor.children import Family
from extractor.documents import encode, encode_exactly
from extractor.gate import kept_bytes
from extractor.mask import Masked, Masking
from extractor.model import (
    Afterwards,
    Endpoint,
    Found,
    Incident,
    IncidentKind,
    Listing,
    Page,
    Reading,
    Response,
    State,
    Vendor,
)
from extractor.paths import LONGEST_VALUE
from extractor.rawjson import elements

__all__ = ["Pages"]

_ID_SHOWN = 200
"""Characters of an impossible id that an incident shows."""


class Pages:
    """Makes pages.

    Args:
        vendor: whose records they are.
        family: says which listings the records name.
        loaded: endpoints whose records go to a table; of the others only the ids are kept.
        masking: fields that no page may show.
    """

    def __init__(self, vendor: Vendor, family: Family, loaded: frozenset[str], masking: Masking | None = None) -> None:
        self._family = family
        self._masked = {one.name: masked for one in vendor.endpoints if masking and (masked := masking.of(one))}
        self._loaded = loaded
        self._beside: dict[str, list[Endpoint]] = {}
        for endpoint in vendor.endpoints:
            if endpoint.beside and endpoint.name in loaded:
                self._beside.setdefault(endpoint.beside, []).append(endpoint)

    def beside(self, endpoint: Endpoint, listing: Listing, response: Response) -> Iterator[Page]:
        """A page for each other endpoint whose records stand in the endpoint's answer.

        Raises:
            BadBody: something else stands where they should.
        """
        for other in self._beside.get(endpoint.name, ()):
            for block in blocks(other, response):
                page = self.page(other, replace(listing, endpoint=other.name), block)
                if page.records or page.incidents:
                    yield replace(page, listing=listing, beside=other.name)

    def page(self, endpoint: Endpoint, listing: Listing, block: Block, cursor: str | None = None) -> Page:
        """A page of the block, which leads to the cursor; it is the caller who knows whether more follow."""
        loaded = endpoint.name in self._loaded
        masked = self._masked.get(endpoint.name)
        payload, records, malformed = _loadable(endpoint, listing, block)
        found, impossible = _possible(self._family.found(listing, block.records))
        incidents = tuple(
            _malformed(
                endpoint,
                listing,
                line,
                masked,
                # A route that repeats what lists hold loses nothing with a line that can't be read.
                gap=loaded and not isinstance(endpoint.held, Afterwards),
            )
            for line in malformed
        )
        return Page(
            listing=listing,
            state=State.OPEN,
            payload=self._kept(endpoint, payload, records),
            records=records,
            found=found,
            cursor=cursor,
            incidents=incidents + impossible,
        )

    def reading(self, endpoint: Endpoint, listing: Listing, reading: Reading) -> Page:
        """A page of what an exchange has read, likewise."""
        found, impossible = _possible(self._family.asked(reading.found))
        return Page(
            listing=listing,
            state=State.OPEN,
            payload=self._kept(endpoint, reading.payload, reading.records),
            records=reading.records,
            found=found,
            cursor=reading.cursor,
            incidents=impossible,
        )

    def _kept(self, endpoint: Endpoint, payload: bytes, records: int) -> bytes:
        """What a disk may see of a payload."""
        if not records or endpoint.name not in self._loaded:
            return b""
        masked = self._masked.get(endpoint.name)
        return payload if masked is None else masked.payload(payload)


def _loadable(endpoint: Endpoint, listing: Listing, block: Block) -> tuple[bytes, int, tuple[bytes, ...]]:
    """What is loaded of a block, how many records that are, and what is none."""
    if endpoint.row is not None:
        return _made(endpoint, listing, block)
    if endpoint.keep is None:
        return block.payload, len(block.records), block.malformed
    lines = endpoint.records.shape == "lines"
    # The records keep their bytes: written again, NaN would become null and a long integer a rounded one.
    written = block.payload.split(b"\n") if lines else elements(block.payload)
    both = zip(block.records, written, strict=True)
    kept = [raw for record, raw in both if _kept(endpoint, listing, record)]
    return b"\n".join(kept), len(kept), block.malformed


def _made(endpoint: Endpoint, listing: Listing, block: Block) -> tuple[bytes, int, tuple[bytes, ...]]:
    """The same where the endpoint makes the records of what stands in the answer."""
    rows: list[bytes] = []
    malformed = list(block.malformed)
    for record in block.records:
        made = endpoint.row(record, listing) if endpoint.row and _kept(endpoint, listing, record) else None
        if made is not None:
            rows.append(encode_exactly(made))
        elif not isinstance(record, dict):
            malformed.append(encode(record))
    return b"[" + b",".join(rows) + b"]", len(rows), tuple(malformed)


def _malformed(endpoint: Endpoint, listing: Listing, line: bytes, masked: Masked | None, *, gap: bool) -> Incident:
    incident = Incident(
        kind=IncidentKind.MALFORMED,
        endpoint=endpoint.name,
        key=f"{listing.key}#{fingerprint(line)}",
        detail="a line that is no record",
        record=kept_bytes(line),
        gap=gap,
    )
    if masked is None:
        return incident
    # Nobody can tell where in it a masked field stands.
    return replace(
        incident,
        key=f"{listing.key}#{masked.fingerprint(line)}",
        detail=f"a line of {len(line):,} bytes that is no record; they are not kept, since fields are masked",
        record=None,
    )


def _kept(endpoint: Endpoint, listing: Listing, record: object) -> bool:
    return endpoint.keep is None or not isinstance(record, dict) or endpoint.keep(record, listing.fields)


def _storable(key: str) -> bool:
    """Whether a listing can have this key: the ledger holds UTF-8, and no URL is that long."""
    try:
        return len(key.encode()) <= LONGEST_VALUE
    except UnicodeEncodeError:
        return False


def _possible(found: tuple[Found, ...]) -> tuple[tuple[Found, ...], tuple[Incident, ...]]:
    """The listings that can be, and an incident for each that can't."""
    impossible = tuple(_impossible(child) for child in found if not _storable(child.key))
    return (tuple(child for child in found if _storable(child.key)) if impossible else found), impossible


def _impossible(child: Found) -> Incident:
    raw = child.key.encode("utf-8", "backslashreplace")
    return Incident(
        kind=IncidentKind.FAILED,
        endpoint=child.endpoint,
        key=f"{raw.decode()[:_ID_SHOWN]}#{fingerprint(raw)}",
        detail="an id that can't be asked for: it is too long or holds lone surrogates",
        attempts=0,
    )
