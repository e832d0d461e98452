"""Every error that the package raises on purpose, grouped by what the caller should do.

    ExtractorError
    ├── UsageError            change something, then call again (exit 2)
    │   ├── SettingsError     a setting is missing or makes no sense
    │   ├── CredentialsError  the vendor refused the credentials at the first request
    │   ├── Unreachable       no answer from the vendor at the start
    │   ├── PipelineBusy      another run of the same pipeline is alive
    │   ├── OtherAccount      the pipeline belongs to another vendor, account or base_url
    │   └── DestinationError  the destination can't be opened at the start
    ├── RunFailed             run it again, it goes on where it was (exit 1)
    │   ├── Unauthorized      the vendor refused the credentials in mid-run
    │   ├── StorageError      ledger or spool can't be written (disk full, failing sync)
    │   └── LoadFailed        the load process gave up
    ├── QuotaSpent            nothing more of this budget until a stated moment; the rest goes on
    └── RequestFailed         one listing is affected; it becomes an incident
        ├── TransportError    no whole answer came: refused, reset, cut off
        │   └── TimedOut      no whole answer in time
        ├── BadBody           an answer came that is not what the endpoint promises
        ├── Endless           a list leads back to pages that were there already
        ├── Refused           the credentials may not read this endpoint (403)
        ├── ForeignOrigin     a redirect or link leads away from the configured origin
        └── UnsafePath        an id that can't be sent as one path segment

Messages are for people: vendor, endpoint, what was expected, what came, what to do. They hold
no header, token, query string or body.
"""

from __future__ import annotations

from datetime import datetime

__all__ = [
    "BadBody",
    "CredentialsError",
    "DestinationError",
    "Endless",
    "ExtractorError",
    "ForeignOrigin",
    "LoadFailed",
    "OtherAccount",
    "PipelineBusy",
    "QuotaSpent",
    "Refused",
    "RequestFailed",
    "RunFailed",
    "SettingsError",
    "StorageError",
    "TimedOut",
    "TransportError",
    "Unauthorized",
    "Unreachable",
    "UnsafePath",
    "UsageError",
]


class ExtractorError(Exception):
    """Anything that this package raises on purpose."""


class UsageError(ExtractorError):
    """The call, a setting or the surroundings must change before it can work."""


class SettingsError(UsageError):
    """A setting is missing or makes no sense."""


class CredentialsError(UsageError):
    """The vendor refused the credentials at the first request."""


class Unreachable(UsageError):
    """The vendor gave no answer at the start of the run."""


class PipelineBusy(UsageError):
    """Another run of the same pipeline is alive."""


class OtherAccount(UsageError):
    """The pipeline was begun with another vendor, account or base_url."""


class DestinationError(UsageError):
    """The destination can't be opened at the start of the run."""


class RunFailed(ExtractorError):
    """The run ended early; what was fetched is kept and the same command resumes it."""


class Unauthorized(RunFailed):
    """The vendor refused the credentials after it had accepted them."""


class StorageError(RunFailed):
    """The ledger or the spool can't be written."""


class LoadFailed(RunFailed):
    """The load process gave up."""


class QuotaSpent(ExtractorError):
    """A quota of requests is used up for days: what needs it must be left for a later run.

    Attributes:
        until: when the quota begins anew, in UTC; None if the vendor does not say.
        budget: its name in the vendor's file; '' if the quota is one endpoint's alone.
    """

    def __init__(self, message: str = "", *, until: datetime | None = None, budget: str = "") -> None:
        super().__init__(message)
        self.until = until
        self.budget = budget


class RequestFailed(ExtractorError):
    """A request failed for good; its listing becomes an incident and the run goes on.

    Attributes:
        status: of the last answer, None if there was none.
        attempts: how often the request was sent.
        path: of the request, without query.
    """

    def __init__(self, message: str = "", *, status: int | None = None, attempts: int = 1, path: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.attempts = attempts
        self.path = path


class TransportError(RequestFailed):
    """No whole answer came: connection refused, reset, or cut off.

    Attributes:
        kind: one or two words for what happened ("refused", "no address", "certificate"), for messages and decisions.
    """

    def __init__(
        self, message: str = "", *, status: int | None = None, attempts: int = 1, path: str = "", kind: str = ""
    ) -> None:
        super().__init__(message, status=status, attempts=attempts, path=path)
        self.kind = kind


class TimedOut(TransportError):
    """No whole answer came in time."""


class BadBody(RequestFailed):
    """An answer came, but not what the endpoint promises."""


class Endless(RequestFailed):
    """A list leads back to pages that were there already, or on and on through empty ones."""


class Refused(RequestFailed):
    """The credentials are good, but may not read this endpoint."""


class ForeignOrigin(RequestFailed):
    """A redirect or a link leads away from the configured origin."""


class UnsafePath(RequestFailed):
    """An id that can't be sent as one path segment."""
