"""What becomes of a window: halves where it is too large, pieces side by side, and the slice before it.

Every window that comes of another keeps what the other is about, and the fields that its requests need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from extractor.model import Found, Listing, Page, State, Vendor
from extractor.windows import Window, before, is_slice, pieces

__all__ = ["Slices"]

_DAY = timedelta(days=1)

_EMPTY, _FAILED = "empty", "failed"
"""Fields of a listing: how many slices after it were empty, or failed, one after the other, seen from today."""

_FAILED_AT_MOST = 4
"""A list that the vendor never gives would be asked for back to 1970, and each time may cost a job of a quota."""


class Slices:
    """Cuts windows, and walks back through time.

    Args:
        vendor: whose endpoints have them.
        since: the first day that was asked for, None for all there is.
        until: the day after the last one.
    """

    def __init__(self, vendor: Vendor, *, since: date | None, until: date) -> None:
        self._windows = {endpoint.name: endpoint.windows for endpoint in vendor.endpoints}
        self._since = since
        self._until = until

    def halved(self, listing: Listing) -> Page | None:
        """The end of a window that is too large, with its halves; None if it can't be halved, or is no window."""
        windows = self._windows[listing.endpoint]
        if windows is None or windows.grid == "quarters":
            return None
        window = Window.of(listing.key)
        return _left(listing, window.halves()) if window.days > 1 else None

    def in_pieces(self, listing: Listing) -> Page | None:
        """The end of a window whose pages need not be followed one by one; None if they must."""
        windows = self._windows[listing.endpoint]
        if windows is None or not windows.pieces or listing.cursor is not None:
            return None
        window = Window.of(listing.key)
        return _left(listing, pieces(window, windows.pieces)) if window.days > windows.pieces else None

    def single_days(self, listing: Listing) -> tuple[Listing, ...]:
        """Three days of a window, the middle first: a vendor's own limits are at the ends, today and long ago."""
        window = Window.of(listing.key)
        days = (window.start + timedelta(days=window.days // 2), window.end - _DAY, window.start)
        return tuple(replace(listing, key=Window(day, day + _DAY).key_of(listing.about), cursor=None) for day in days)

    def last(self, page: Page, *, empty: bool = False) -> Page:
        """The page that ends its listing, with the window before it."""
        failed = page.state is State.FAILED
        earlier = self._earlier(page.listing, empty=empty, failed=failed)
        return replace(page, found=page.found + earlier) if earlier else page

    def _earlier(self, listing: Listing, *, empty: bool, failed: bool) -> tuple[Found, ...]:
        """The slice before this one, unless this is the last of so many whole empty ones that history has ended.

        Nor is there one before the last of a few that failed: the incident of each says that history has a gap.
        """
        windows = self._windows[listing.endpoint]
        if windows is None or self._since is not None or windows.begin == "beginning":
            return ()
        window = Window.of(listing.key)
        if not is_slice(windows, window, self._until):
            return ()
        fields = _fields(listing)
        # The newest slice is cut off at today, or lies ahead: that it is empty says nothing yet.
        if empty and window.end <= self._until and is_slice(windows, window, window.end + _DAY):
            count = int(listing.fields.get(_EMPTY, "0")) + 1
            if count >= windows.empty:
                return ()
            fields[_EMPTY] = str(count)
        if failed:
            count = int(listing.fields.get(_FAILED, "0")) + 1
            if count >= _FAILED_AT_MOST:
                return ()
            fields[_FAILED] = str(count)
        earlier = before(windows, window)
        return (_found(listing, earlier, fields),) if earlier else ()


def _left(listing: Listing, windows: Iterable[Window]) -> Page:
    """The end of a window that others stand for."""
    found = tuple(_found(listing, window, _fields(listing)) for window in windows)
    return Page(listing=listing, state=State.COMMITTED, found=found)


def _found(listing: Listing, window: Window, fields: Mapping[str, str]) -> Found:
    return Found(endpoint=listing.endpoint, key=window.key_of(listing.about), parent=listing.key, fields=fields)


def _fields(listing: Listing) -> dict[str, str]:
    return {name: value for name, value in listing.fields.items() if name not in (_EMPTY, _FAILED)}
