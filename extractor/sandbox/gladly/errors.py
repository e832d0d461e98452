"""Error bodies, in the several shapes that the vendor's documentation has them in."""

from __future__ import annotations

from zlib import crc32

from extractor.sandbox.limits import Verdict
from extractor.sandbox.replies import Reply, json_reply

__all__ = ["invalid", "not_found", "refusal", "too_many"]

CODES = {400: "invalid", 401: "invalid", 403: "invalid", 404: "not_exist", 405: "invalid"}


def invalid(attr: str, detail: str, *, code: str = "invalid") -> Reply:
    """400, naming what is wrong."""
    return json_reply({"errors": [{"attr": attr, "code": code, "detail": detail}]}, status=400)


def not_found(path: str, *, plain: bool) -> Reply:
    """404; by turns `errors` is an object, a list, or there is no body (a plain sandbox sends lists only)."""
    error = {"code": "not_exist", "detail": "it does not exist"}
    match 1 if plain else crc32(path.encode()) % 3:
        case 0:
            return json_reply({"errors": error}, status=404)
        case 1:
            return json_reply({"errors": [error]}, status=404)
    return Reply(status=404)


def refusal(status: int, detail: str, path: str) -> Reply:
    """Any other refusal that does not depend on data."""
    del path
    return json_reply({"errors": [{"code": CODES.get(status, "invalid"), "detail": detail}]}, status=status)


def too_many(verdict: Verdict) -> Reply:
    """429; the vendor documents no body, this is what its gateway product sends."""
    del verdict
    return Reply(status=429, body=b'{"message":"API rate limit exceeded"}')
