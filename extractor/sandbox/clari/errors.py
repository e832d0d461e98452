"""Refusals in the dialects of Clari's three APIs; one host alone speaks five of them."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

from extractor.sandbox.limits import Verdict
from extractor.sandbox.replies import Reply, json_reply

__all__ = [
    "ORG_ID",
    "audit_refusal",
    "copilot_refusal",
    "copilot_too_many",
    "envelope",
    "ingestion_refusal",
    "no_route",
    "opportunity_refusal",
    "revenue_too_many",
]

ORG_ID = 19_050
COPILOT_HELP = "see documentation: https://api-doc.copilot.clari.com"


# ── Revenue and ingestion ───────────────────────────────────────────────────────────────────


def no_route(status: int, reason: str, path: str) -> Reply:
    """404 of the gateway, which knows pairs of method and path only: a wrong method is no route either."""
    del status, reason
    return json_reply(
        {"message": "no Route matched with those values", "request_id": uuid5(NAMESPACE_URL, path).hex}, status=404
    )


def envelope(code: str, message: str, *, status: int = 400, namespace: str = "exports", **more: object) -> Reply:
    """A refusal of the exports and of the forecast."""
    error = {"code": code, "namespace": namespace, "errorId": str(uuid5(NAMESPACE_URL, message)), "message": message}
    return json_reply(error | {"orgId": ORG_ID} | more, status=status)


def audit_refusal(target: str, message: str) -> Reply:
    """400 of the audit events."""
    error = {"code": "INVALID_REQUEST", "message": message, "target": target, "status": "400", "details": []}
    return json_reply({"errors": [error]}, status=400)


def opportunity_refusal(message: str) -> Reply:
    """400 of the opportunities, with the vendor's spelling of the second key."""
    error = {"statusCode": 400, "reaspnPhrase": "Bad Request", "description": message, "details": []}
    return json_reply([error], status=400)


def ingestion_refusal(status: int, code: str, summary: str) -> Reply:
    """A refusal of the ingestion."""
    return json_reply([{"errorCode": code, "errorSummary": summary}], status=status)


def revenue_too_many(verdict: Verdict) -> Reply:
    """429 of the gateway."""
    del verdict
    return json_reply({"error": "API rate limit exceeded"}, status=429)


# ── Copilot ─────────────────────────────────────────────────────────────────────────────────


def copilot_refusal(status: int, reason: str, path: str) -> Reply:
    """Any refusal of the Copilot API; for credentials in the words that were observed."""
    del path
    text = f"Credentials not provided!, {COPILOT_HELP}" if status == 401 else reason
    return json_reply({"errorMessage": text}, status=status)


def copilot_too_many(verdict: Verdict) -> Reply:
    """429 as a usage plan of AWS API Gateway words it: one text for the second, one for the week."""
    text = "Limit Exceeded" if verdict.quota_spent else "Too Many Requests"
    return json_reply({"message": text}, status=429)
