"""Bodies of refusals. The vendor documents statuses only; its clients met JSON, text and nothing at all."""

from __future__ import annotations

from extractor.sandbox.replies import Reply, json_reply

__all__ = ["Refused", "not_found", "refusal", "too_many"]


class Refused(Exception):
    """A request answered 400 for this reason."""


def refusal(status: int, reason: str, path: str) -> Reply:
    """Any refusal that does not depend on data."""
    del path
    return not_found() if status == 404 else json_reply({"message": reason}, status=status)


def not_found() -> Reply:
    """404, with the text that servers written in Go send by themselves."""
    return Reply(status=404, body=b"404 page not found\n", content_type="text/plain; charset=utf-8")


def too_many(*, empty: bool) -> Reply:
    """429; no limits are stated, neither here nor in headers."""
    return Reply(status=429) if empty else json_reply({"message": "Too many requests"}, status=429)
