from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console
from told import OUTCOME, SNAPSHOT

from extractor.account import EndpointCount
from extractor.console.live import Live, picture


def drawn(width: int, height: int = 24, left: float | None = 750.0, **changes: object) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False, color_system=None)
    snapshot = replace(SNAPSHOT, **changes)  # type: ignore[arg-type]
    with console.capture() as captured:
        console.print(picture("acme", snapshot, left, width=width, height=height))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 120])
def test_a_picture_says_everything(width: int) -> None:
    lines = drawn(width)
    assert lines[0] == "acme  fetching  0:01:15  about 12 min left"
    assert lines[1].startswith("agents ")
    assert "1 / 1" in lines[1]
    assert lines[2].startswith("conversations ")
    assert "1,001 / 5,001" in lines[2]
    assert "1 failed" in lines[2]
    assert ("1,200 records" in lines[2]) is (width == 120)
    assert lines[3] == "9.8 of 10.0 requests/s, 17 in flight, 6,021 requests, 3 times 429"
    assert lines[4] == "38,000 rows fetched, 30,000 loaded, 12.3 MB to load"
    assert lines[5] == "incidents: failed 1, gone 2"
    assert len(lines) == 6
    assert all(len(line) <= width for line in lines)


def test_endpoints_without_listings_are_left_out() -> None:
    assert not any("events" in line for line in drawn(120))


def test_large_figures_fit_eighty_columns() -> None:
    vast = EndpointCount(
        endpoint="conversation_items_exported", table="x", waiting=1234567, committed=12345678, failed=12345
    )
    lines = drawn(80, endpoints=(vast,))
    assert "12,358,023 / 13,592,590" in lines[1]
    assert "12,345 failed" in lines[1]
    assert lines[1].startswith("conversation_items_exported ")


def test_a_low_terminal_shows_what_works_and_fails() -> None:
    quiet = [EndpointCount(endpoint=f"quiet{n}", table="", committed=1) for n in range(20)]
    busy = EndpointCount(endpoint="busy", table="", committed=1, waiting=1)
    lines = drawn(80, height=14, endpoints=(*quiet, busy), incidents={})
    assert sum("quiet" in line for line in lines) == 6
    assert any(line.startswith("busy") for line in lines)
    assert "and 14 more" in lines
    assert len(lines) < 14


def test_foreign_text_is_not_markup_and_moves_nothing() -> None:
    lines = drawn(80, phase="[bold]x[/bold]\x1b[2J", incidents={"\x1b[31m": 1})
    assert "[bold]x[/bold]\\x1b[2J" in lines[0]
    assert "\\x1b[31m 1" in lines[-1]


def test_it_draws_over_itself_and_leaves_a_clean_terminal() -> None:
    stream = io.StringIO()
    live = Live("acme", stream)
    live.show(SNAPSHOT)
    live.show(replace(SNAPSHOT, seconds=76.0, fetched=39000))
    live.show(replace(SNAPSHOT, seconds=76.1, fetched=40000))
    live.end(OUTCOME)
    live.close()
    text = stream.getvalue()
    assert "38,000 rows" in text
    assert "39,000 rows" in text
    # The third came within a quarter of a second.
    assert "40,000 rows" not in text
    # The cursor is given back at once, since a run that is stopped at once can't do it later.
    assert text.index("\x1b[?25h") < text.index("39,000 rows")
    assert text.endswith("\x1b[2K")


def test_without_a_snapshot_nothing_is_drawn() -> None:
    stream = io.StringIO()
    Live("acme", stream).close()
    assert stream.getvalue() == ""


def test_a_terminal_that_is_gone_does_not_stop_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(5, text)

    live = Live("acme", Gone())
    live.show(SNAPSHOT)
    live.show(replace(SNAPSHOT, seconds=99.0))
    live.end(OUTCOME)
