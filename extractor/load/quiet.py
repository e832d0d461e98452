"""What the load process must not say: the destination's credentials, and the vendor's.

Drivers quote in their errors what they were given: connection strings, settings, values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import is_secret_hint
from dlt.common.destination import Destination as Factory

from extractor.redact import Redactor

__all__ = ["Quiet", "plain", "secrets_of"]

_LITERAL = re.compile("'([^']{4,})'")
_REASON = 500
"""Characters of a reason that a message shows."""
_ADVICE = " The actual reason given is: "
"""Ends the advice on credentials that dlt puts before the error of a driver."""


class Quiet(io.TextIOBase):
    """A stream for logs and tracebacks that hands on whole lines, redacted and harmless to a terminal.

    Args:
        stream: where they go.
        redactor: may learn more as time goes by.
    """

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor
        self._begun = ""

    def write(self, text: str) -> int:
        """Keep what has no end yet: half a secret would not be found."""
        *lines, self._begun = f"{self._begun}{text}".split("\n")
        self._stream.writelines(f"{self._redactor.line(line)}\n" for line in lines)
        return len(text)

    def flush(self) -> None:
        """Hand on the lines that are whole."""
        self._stream.flush()


def plain(error: BaseException, redactor: Redactor) -> str:
    """What a person can do something with: the innermost reason, on one line and without secrets."""
    while (inner := getattr(error, "exception", None) or error.__cause__) is not None:
        error = inner
    text = " ".join(str(error).split()).rpartition(_ADVICE)[2]
    return redactor.clean(text or type(error).__name__, _REASON)


def secrets_of(factory: Factory[Any, Any]) -> Iterator[str]:
    """The secrets that dlt's configuration holds for a destination, and the parts that errors quote.

    A configuration that can't be resolved has none: dlt names what is wrong with it and shows no value.
    """
    try:
        configuration = factory.configuration(None, accept_partial=True)
    except ConfigurationException:
        return
    for text in _secrets(configuration):
        # A key in PEM is quoted line by line, and of a statement that holds a secret often that part alone.
        yield from text.splitlines()
        yield from _LITERAL.findall(text)


def _secrets(configuration: BaseConfiguration) -> Iterator[str]:
    for name, hint in configuration.get_resolvable_fields().items():
        value = getattr(configuration, name, None)
        if isinstance(value, BaseConfiguration):
            yield from _secrets(value)
        elif is_secret_hint(hint):
            yield from _texts(value)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
