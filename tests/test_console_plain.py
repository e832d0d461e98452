from __future__ import annotations

import io
from dataclasses import replace

from told import OUTCOME, SNAPSHOT

from extractor.console.plain import Plain, line


def test_a_line_says_everything() -> None:
    assert line("acme", SNAPSHOT, 750.0) == (
        "0:01:15 acme fetching: 1,002 of 5,002 known listings done; 1 failed; 38,000 rows fetched, 30,000 loaded; "
        "12.3 MB to load; 9.8 of 10.0 requests/s; 17 in flight; 3 answers 429; incidents: failed 1, gone 2; "
        "about 12 min left"
    )


def test_what_is_nothing_is_left_out() -> None:
    calm = replace(SNAPSHOT, endpoints=(), allowed=None, throttled=0, backlog=0, incidents={})
    assert line("acme", calm, None) == (
        "0:01:15 acme fetching: 0 of 0 known listings done; 38,000 rows fetched, 30,000 loaded; "
        "9.8 requests/s; 17 in flight"
    )


def test_a_phase_cannot_move_the_cursor() -> None:
    assert "\\x1b[2J\\n" in line("acme", replace(SNAPSHOT, phase="\x1b[2J\n"), None)


def test_at_most_a_line_every_five_seconds() -> None:
    stream = io.StringIO()
    plain = Plain("acme", stream)
    for tenths in range(101):
        plain.show(replace(SNAPSHOT, seconds=tenths / 10))
    plain.end(OUTCOME)
    plain.close()
    assert [text[:7] for text in stream.getvalue().splitlines()] == ["0:00:00", "0:00:05", "0:00:10"]


def test_a_log_that_is_gone_does_not_stop_the_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str, /) -> int:
            raise BrokenPipeError(text)

    Plain("acme", Gone()).show(SNAPSHOT)
    closed = io.StringIO()
    closed.close()
    Plain("acme", closed).show(SNAPSHOT)
