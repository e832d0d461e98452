"""Error bodies: one envelope for all of them."""

from __future__ import annotations

from extractor.sandbox.limits import Verdict
from extractor.sandbox.replies import Reply, json_reply

__all__ = ["Answered", "invalid", "missing", "moved", "refusal", "too_many"]


class Answered(Exception):
    """The request is answered already, with `reply`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def invalid(field: str, reason: str) -> Answered:
    """400, naming the parameter that is wrong."""
    error = {"msg": "The request has invalid parameters.", "data": {field: [reason]}}
    return Answered(json_reply({"error": error}, status=400))


def missing() -> Answered:
    """404 for what never was, and for what was deleted."""
    return Answered(refusal(404, "The resource does not exist.", ""))


def moved(location: str) -> Answered:
    """301; the vendor documents no body."""
    return Answered(Reply(status=301, headers={"Location": location}))


def refusal(status: int, reason: str, path: str) -> Reply:
    """Any refusal that does not depend on parameters."""
    del path
    return json_reply({"error": {"msg": reason}}, status=status)


def too_many(verdict: Verdict) -> Reply:
    """429; its body is not documented, this one has the common envelope."""
    reply = refusal(429, "Too many requests.", "")
    reply.headers["Retry-after"] = str(verdict.retry_after)
    return reply
