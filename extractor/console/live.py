"""Progress on a terminal: one picture that is drawn over and over."""

from __future__ import annotations

import contextlib
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as Picture
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from extractor.account import EndpointCount, Outcome, Snapshot
from extractor.console.estimate import Estimate
from extractor.console.pace import Pace
from extractor.console.text import clock, counted, kinds, roughly, size, visible

__all__ = ["Live", "picture"]

lines_beside = 6
"""Lines of the picture that are not endpoints, and one for the cursor."""


class Live:
    """Redraws at most four times a second, which costs the run less than a hundredth of a core."""

    every = 0.25
    """Seconds between two pictures."""

    def __init__(self, vendor: str, stream: TextIO) -> None:
        self._vendor = vendor
        self._console = Console(file=stream, force_terminal=True, highlight=False)
        self._estimate = Estimate()
        self._picture: Picture | None = None
        self._pace = Pace(self.every)

    def show(self, snapshot: Snapshot) -> None:
        """Draw the snapshot if it is time for it."""
        left = self._estimate.left(snapshot)
        if not self._pace.due(snapshot):
            return
        drawn = picture(self._vendor, snapshot, left, width=self._console.width, height=self._console.height)
        # The terminal may have gone; the run goes on.
        with contextlib.suppress(OSError, ValueError):
            if self._picture is None:
                # Not redrawn by a thread of rich's; what others write to stderr appears above the picture.
                self._picture = Picture(
                    drawn, console=self._console, auto_refresh=False, transient=True, redirect_stdout=False
                )
                self._picture.start()
                # A run that is stopped at once can't give the cursor back.
                self._console.show_cursor(show=True)
            self._picture.update(drawn, refresh=True)

    def end(self, outcome: Outcome) -> None:  # noqa: ARG002 - other displays show it
        """The account replaces the picture."""
        self.close()

    def close(self) -> None:
        """Take the picture away."""
        if self._picture is not None:
            with contextlib.suppress(OSError, ValueError):
                self._picture.stop()
            self._picture = None


def picture(vendor: str, snapshot: Snapshot, left: float | None, *, width: int, height: int) -> Group:
    """The snapshot, drawn for a terminal of this size."""
    head = Text(overflow="ellipsis", no_wrap=True)
    head.append(visible(vendor), "bold")
    head.append(f"  {visible(snapshot.phase)}  {clock(snapshot.seconds)}")
    if left is not None:
        head.append(f"  about {roughly(left)} left")
    begun = [endpoint for endpoint in snapshot.endpoints if endpoint.known]
    shown = most_telling(begun, max(height - lines_beside, 3))
    parts: list[Text | Table] = [head, endpoints(shown, width=width)]
    if len(shown) < len(begun):
        parts.append(Text(f"and {len(begun) - len(shown)} more", "dim"))
    parts += [Text(line, overflow="fold") for line in figures(snapshot)]
    if incidents := kinds(snapshot.incidents):
        parts.append(Text(f"incidents: {incidents}", "yellow"))
    return Group(*parts)


def most_telling(begun: list[EndpointCount], room: int) -> list[EndpointCount]:
    """As many as there is room for, those with work or failures first, in their own order."""
    if len(begun) <= room:
        return begun
    ranked = sorted(range(len(begun)), key=lambda place: (not begun[place].waiting, not begun[place].failed, place))
    return [begun[place] for place in sorted(ranked[: room - 1])]


def endpoints(shown: list[EndpointCount], *, width: int) -> Table:
    """A line each: name, bar, done of known, and what went wrong."""
    wide = width >= 100
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=34 if wide else 27)
    table.add_column(ratio=1, min_width=5)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="red")
    if wide:
        table.add_column(justify="right", no_wrap=True)
    for endpoint in shown:
        done = endpoint.known - endpoint.waiting
        bar = ProgressBar(
            total=endpoint.known, completed=done, style="bright_black", complete_style="cyan", finished_style="green"
        )
        trouble = f"{endpoint.failed:,} failed" if endpoint.failed else ""
        cells: list[RenderableType] = [
            Text(visible(endpoint.endpoint)),
            bar,
            Text(f"{done:,} / {endpoint.known:,}"),
            Text(trouble),
        ]
        if wide:
            cells.append(Text(counted(endpoint.records, "record")))
        table.add_row(*cells)
    return table


def figures(snapshot: Snapshot) -> list[str]:
    """Requests in one line, rows in the other."""
    allowed = f" of {snapshot.allowed:,.1f}" if snapshot.allowed is not None else ""
    asked = (
        f"{snapshot.rate:,.1f}{allowed} requests/s, {snapshot.in_flight:,} in flight, "
        f"{counted(snapshot.requests, 'request')}, {snapshot.throttled:,} times 429"
    )
    rows = f"{counted(snapshot.fetched, 'row')} fetched, {snapshot.loaded:,} loaded, {size(snapshot.backlog)} to load"
    return [asked, rows]
