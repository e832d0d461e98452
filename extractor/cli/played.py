"""The sandbox as a child process, for as long as it is needed."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from extractor.errors import UsageError
from extractor.vendors import is_configuration

__all__ = ["Ready", "check_playable", "played"]

start_timeout = 30.0
"""Seconds until the sandbox must have said where it listens."""
stop_timeout = 5.0
"""Seconds that it has to end after it was asked to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """A sandbox that listens.

    Attributes:
        settings: made-up credentials that it takes, and what else it must be told: text, or lists of text.
        process: the child.
    """

    vendor: str
    base_url: str
    settings: Mapping[str, str | list[str]] = field(repr=False)
    process: subprocess.Popen[bytes]

    @property
    def all_settings(self) -> dict[str, str]:
        """What a run needs to talk to it instead of the vendor; a list is the text that the environment would hold."""
        texts = {name: json.dumps(value) if isinstance(value, list) else value for name, value in self.settings.items()}
        return {"base_url": self.base_url, **texts}


def check_playable(vendor: str) -> None:
    """See that there can be a sandbox of what was typed.

    Raises:
        UsageError: it is a user's own configuration.
    """
    if is_configuration(vendor):
        raise UsageError(f"The sandbox plays vendors of this package; {vendor} is a configuration of your own.")


@contextmanager
def played(
    vendor: str, arguments: Sequence[str] = (), *, messages: bool = False, timeout: float = start_timeout
) -> Iterator[Ready]:
    """Start the sandbox, yield where it listens, end it.

    Args:
        vendor: which vendor it plays.
        arguments: its further flags.
        messages: let its stderr through; else it is shown only if the start fails.
        timeout: seconds to wait for its first line.

    Raises:
        UsageError: it didn't start; the message has the last thing that it said.
    """
    command = [sys.executable, "-m", "extractor.sandbox", vendor, *arguments, "--die-with-parent"]
    with tempfile.TemporaryFile() as said:
        # A session of its own: Ctrl-C in the terminal must not end it before the run that it serves has drained.
        process = subprocess.Popen(  # noqa: S603 - our own program, arguments as a list
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if messages else said,
            start_new_session=True,
        )
        try:
            yield _ready(process, timeout, None if messages else said)
        finally:
            _end(process)


def _ready(process: subprocess.Popen[bytes], timeout: float, said: IO[bytes] | None) -> Ready:
    line = _first_line(process, timeout)
    try:
        told = json.loads(line or b"")
        settings = {str(name): _setting(value) for name, value in told["settings"].items()}
        return Ready(vendor=str(told["vendor"]), base_url=str(told["base_url"]), settings=settings, process=process)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    if line is None:
        what = f"didn't say within {timeout:g} s where it listens"
    elif line:
        what = "said something unexpected"
    else:
        # Its stdout is closed, so it is about to end; what it has to say on stderr comes first.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(stop_timeout)
        what = f"ended with code {process.returncode}"
    last = ""
    if said is not None:
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines()
        last = f" Its last words: {lines[-1]}" if lines else ""
    raise UsageError(f"The sandbox could not be started: it {what}.{last}")


def _setting(told: object) -> str | list[str]:
    return [str(each) for each in told] if isinstance(told, list) else str(told)


def _first_line(process: subprocess.Popen[bytes], timeout: float) -> bytes | None:
    """What it wrote up to its first newline or its end; None if neither came in time."""
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    pipe = process.stdout.fileno()
    deadline = time.monotonic() + timeout
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while b"\n" not in received:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                return None
            part = os.read(pipe, 65536)
            if not part:
                break
            received += part
    return received.partition(b"\n")[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(stop_timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
