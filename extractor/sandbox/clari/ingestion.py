"""`GET /ingest/job/{id}`: how the pushes of a partner ended; the status of an answer says it as well."""

from __future__ import annotations

from collections.abc import Callable

from extractor.sandbox.clari.errors import ORG_ID, ingestion_refusal
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.stamps import HOUR, SECOND
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route

__all__ = ["Ingestion"]

ENDS = (
    (200, "SUCCESS", "2 records were ingested"),
    (202, "QUEUED", "The job waits"),
    (400, "VALIDATION_FAILED", [{"errorCode": "MISSING_FIELD", "errorSummary": "amount is missing in record 2"}]),
    (500, "FAILED", "The job failed"),
    (404, "", ""),
)
"""Status of the answer, status and message of the job; the last job is not known any more."""


class Ingestion:
    """The pushes: one with each end.

    Args:
        until: end of the data, in milliseconds.
        done: has the push that waits ended at an instant (Unix seconds)?

    Attributes:
        ids: of all pushes, in the order of `ENDS`.
    """

    def __init__(self, ids: Ids, *, until: int, done: Callable[[float], bool]) -> None:
        self.ids = [ids.hex24(Kind.PUSH, n) for n in range(len(ENDS))]
        self._until = until
        self._done = done

    def routes(self) -> list[Route]:
        """The one there is."""
        return [Route(name="ingest_job_status", path="/ingest/job/{}", answer=self._answer)]

    def _answer(self, call: Call) -> Reply:
        n = self.ids.index(call.args[0]) if call.args[0] in self.ids else len(ENDS) - 1
        status, state, message = ENDS[n]
        if status == 404:
            return ingestion_refusal(404, "JOB_NOT_FOUND", f"There is no job {call.args[0]}")
        if status == 202 and self._done(call.now):
            status, state, message = ENDS[0]
        submitted = self._until - (n + 1) * 5 * HOUR
        job: dict[str, object] = {
            "jobId": self.ids[n],
            "orgId": ORG_ID,
            "userId": 1_000_001,
            "module": "INGESTION",
            "submittedTime": submitted,
            "title": f"Push {n}",
            "fileName": f"push_{n}.json",
            "status": state,
            "message": message,
        }
        if status != 202:
            job |= {"startTime": submitted + SECOND, "endTime": submitted + 9 * SECOND}
        return json_reply({"message": job}, status=status)
