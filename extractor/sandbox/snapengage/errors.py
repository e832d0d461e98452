"""Refusals, each in its API's manner.

What the Logs API answers is not documented; its users met HTML. The Visitor Chat API documents its statuses
and an empty body.
"""

from __future__ import annotations

from html import escape

from extractor.sandbox.replies import Reply

__all__ = ["refuse", "refuse_logs"]


def refuse_logs(status: int, reason: str, path: str) -> Reply:
    """400 as text, 401 without a body, the rest as HTML."""
    if status == 401:
        return Reply(status=status)
    if status == 400:
        return Reply(status=status, body=reason.encode(), content_type="text/plain; charset=utf-8")
    page = f"<html><title>{status}</title><body><h1>{escape(reason)}</h1><p>{escape(path)}</p></body></html>"
    return Reply(status=status, body=page.encode(), content_type="text/html; charset=utf-8")


def refuse(status: int, reason: str, path: str) -> Reply:
    """A status without a body, as all APIs but that of the logs have it."""
    del reason, path
    return Reply(status=status)
