"""Paths of export schedules, jobs and files."""

from __future__ import annotations

from extractor.sandbox.gladly.errors import invalid, not_found
from extractor.sandbox.gladly.exports import FILES, Exports
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.stamps import parse
from extractor.sandbox.replies import Call, Reply, awkward_chunks, json_reply
from extractor.sandbox.routing import Route

__all__ = ["ExportRoutes"]

STATUSES = ("PENDING", "IN_PROGRESS", "COMPLETED", "FAILED")
RETENTION = 14 * 86_400  # seconds
CHUNK = 16_000  # bytes


class ExportRoutes:
    """Answers what concerns exports."""

    def __init__(self, exports: Exports, ids: Ids, *, plain: bool) -> None:
        self._exports = exports
        self._ids = ids
        self._plain = plain

    def routes(self) -> list[Route]:
        """All of them."""
        parameters = frozenset({"status", "startAt", "endAt"})
        return [
            Route(name="export_schedules", path="/export/schedules", answer=self._schedules),
            Route(name="export_jobs", path="/export/jobs", query=parameters, answer=self._jobs),
            Route(name="export_job", path="/export/jobs/{}", answer=self._job),
            Route(name="export_file", path="/export/jobs/{}/files/{}", answer=self._file),
        ]

    def _schedules(self, call: Call) -> Reply:
        del call
        return json_reply(self._exports.schedules())

    def _jobs(self, call: Call) -> Reply:
        status = call.one("status")
        if status is not None and status not in STATUSES:
            return invalid("status", f"one of {', '.join(STATUSES)} is expected")
        span = {"startAt": call.now - RETENTION, "endAt": call.now}
        for name in span:
            if (text := call.one(name)) is not None:
                instant = parse(text)
                if instant is None:
                    return invalid(name, "an ISO 8601 instant with a zone is expected")
                span[name] = instant
        start, end = span["startAt"], span["endAt"]
        if start < call.now - RETENTION:
            return invalid("startAt", "more than 14 days ago")
        if end < start or end > call.now:
            return invalid("endAt", "before startAt or in the future")
        jobs = [
            job
            for job in self._exports.jobs()
            if start <= (parse(str(job["updatedAt"])) or 0) <= end and status in (None, job["status"])
        ]
        return json_reply(jobs)

    def _job(self, call: Call) -> Reply:
        read = self._ids.read(call.args[0])
        job = self._exports.job(read[0], read[1]) if read else None
        return not_found(call.path, plain=self._plain) if job is None else json_reply(job)

    def _file(self, call: Call) -> Reply:
        read = self._ids.read(call.args[0])
        name = call.args[1]
        if read is None or read[0] != Kind.JOB or name not in FILES or not self._exports.served(read[1], name):
            return not_found(call.path, plain=self._plain)
        lines = self._exports.lines(read[1], name)
        return Reply(content_type="application/x-ndjson", chunks=awkward_chunks(lines, CHUNK))
