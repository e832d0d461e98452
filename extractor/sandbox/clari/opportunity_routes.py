"""`GET /opportunity`: up to a hundred of them by their ids."""

from __future__ import annotations

from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.errors import opportunity_refusal
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["OpportunityRoutes"]

MOST_IDS = 100
MODE = "OPPORTUNITY_MODE_ID"


class OpportunityRoutes:
    """Answers with opportunities."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm

    def routes(self) -> list[Route]:
        """The one there is."""
        known = frozenset({"oppId", "mode"})
        return [Route(name="opportunities", path="/opportunity", query=known, answer=self._answer)]

    def _answer(self, call: Call) -> Reply:
        wanted = list(dict.fromkeys(call.all("oppId")))
        if not 1 <= len(wanted) <= MOST_IDS:
            return opportunity_refusal(f"From 1 to {MOST_IDS} oppId are required")
        if call.one("mode") not in (None, MODE):
            return opportunity_refusal(f"mode must be {MODE}")
        numbers = [self._crm.opportunity_number(one) for one in wanted]
        return json_reply([self._crm.opportunity(n) for n in numbers if n is not None])
