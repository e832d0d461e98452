"""Export jobs: their states follow from the time that has passed, their number is limited twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from itertools import count

from extractor.sandbox.clari.errors import ORG_ID
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.knobs import Knobs
from extractor.sandbox.clari.stamps import DAY, SECOND
from extractor.sandbox.dice import Dice

__all__ = ["Job", "Jobs", "Order"]

Record = dict[str, object]

USER_ID, COLLEAGUE_ID = 1_000_001, 1_000_002
RESULTS_LAST = 30 * DAY
QUOTA_SPAN = 30 * DAY
QUEUE_SHARE = 0.25
"""Of the time from the order to the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What an export is to hold.

    Attributes:
        rows: that the file would have if it were whole.
        pieces: makes the file with at most so many rows.
    """

    module: str
    title: str
    file_type: str
    currency: str | None = None
    rows: int
    pieces: Callable[[int], AsyncIterator[bytes]]


@dataclass(kw_only=True, slots=True)
class Job:
    """One job; times in milliseconds.

    Attributes:
        lasts: from its creation to its end.
        fails: it ends as FAILED.
        mine: the user of the token created it, not a colleague.
        cancelled: when.
        downloads: of its file.
    """

    id: str
    number: int
    order: Order
    created: int
    lasts: int
    fails: bool = False
    mine: bool = True
    cancelled: int | None = None
    downloads: int = 0

    @property
    def started(self) -> float:
        """When it left the queue."""
        return self.created + self.lasts * QUEUE_SHARE

    @property
    def end(self) -> int:
        """When it ends or ended."""
        return self.created + self.lasts if self.cancelled is None else self.cancelled

    def state(self, now: int) -> str:
        """Its status at an instant."""
        if self.cancelled is not None and now >= self.cancelled:
            return "CANCELLED" if self.cancelled < self.started else "ABORTED"
        if now < self.started:
            return "SCHEDULED"
        if now < self.end:
            return "STARTED"
        return "FAILED" if self.fails else "DONE"

    def open(self, now: int) -> bool:
        """Is it queued or running?"""
        return self.state(now) in ("SCHEDULED", "STARTED")

    def readable(self, now: int) -> bool:
        """Is its file there?"""
        return self.state(now) == "DONE" and now < self.end + RESULTS_LAST


class Jobs:
    """All jobs of the organisation since some time before the start of the sandbox.

    Args:
        key: of the draws.
        started: milliseconds; ids differ from one start to the next, so that a client is not given another file
            than the one that it ordered before a restart.
    """

    def __init__(self, ids: Ids, knobs: Knobs, key: bytes, *, started: int) -> None:
        self.started = started
        self._ids = ids
        self._knobs = knobs
        self._key = key
        self._jobs: dict[str, Job] = {}
        self._numbers = count()

    def create(
        self, order: Order, now: int, *, lasts: int | None = None, fails: bool = False, mine: bool = True
    ) -> Job:
        """A new job, whatever the limits say."""
        number = next(self._numbers)
        # Jobs of the past are the same ones after another start.
        epoch = 0 if lasts is not None else self.started // SECOND
        job = Job(
            id=self._ids.hex24(Kind.JOB, epoch, number),
            number=number,
            order=order,
            created=now,
            lasts=int(self._knobs.job_latency) if lasts is None else lasts,
            fails=fails or (lasts is None and Dice(self._key, Kind.JOB, number).unit() < self._knobs.job_fail),
            mine=mine,
        )
        self._jobs[job.id] = job
        return job

    def find(self, job_id: str) -> Job | None:
        """The job with an id."""
        return self._jobs.get(job_id)

    def mine(self) -> list[Job]:
        """The jobs of the token's user, the newest first."""
        return [job for job in reversed(self._jobs.values()) if job.mine]

    def foreign(self) -> list[Job]:
        """The jobs of others."""
        return [job for job in self._jobs.values() if not job.mine]

    def full(self, now: int) -> bool:
        """Would one more job break a limit?"""
        return self._room(now) <= 0 or self._quota(now) <= 0

    def limits(self, now: int) -> Record:
        """The limits and what is left; the list of running jobs is absent while none runs."""
        running = [job.id for job in self._jobs.values() if job.state(now) == "STARTED"]
        jobs: Record = {
            "concurrentLimit": self._knobs.jobs_at_once,
            "monthlyQuota": self._knobs.monthly_quota,
            "submittedJobIds": [job.id for job in self._counted(now)],
            "availableConcurrentLimit": self._room(now),
            "availableMonthlyQuota": self._quota(now),
        }
        return jobs | {"runningJobIds": running} if running else jobs

    def record(self, job: Job, now: int) -> Record:
        """A job as the API shows it; what has not ended has neither `endTime` nor `expiredTime`."""
        state = job.state(now)
        record: Record = {
            "jobId": job.id,
            "userId": USER_ID if job.mine else COLLEAGUE_ID,
            "orgId": ORG_ID,
            "title": job.order.title,
            "module": job.order.module,
            "startTime": job.created,
            "version": 1,
            "fileName": f"{job.order.title.lower().replace(' ', '_')}.{job.order.file_type.lower()}",
            "fileType": job.order.file_type,
            "status": state,
            "viewed": job.downloads > 0,
            "cellsTruncated": False,
            "rowsTruncated": state == "DONE" and job.order.rows > self._knobs.job_rows,
            "downloads": job.downloads,
            "deliveryStatusMap": {},
            "currency": job.order.currency,
        }
        return record if job.open(now) else record | {"endTime": job.end, "expiredTime": job.end + RESULTS_LAST}

    def file(self, job: Job) -> AsyncIterator[bytes]:
        """The file of a job that is done."""
        job.downloads += 1
        return job.order.pieces(self._knobs.job_rows)

    def _counted(self, now: int) -> list[Job]:
        """Those that use the quota up: of the last thirty days, and not cancelled."""
        return [job for job in self._jobs.values() if now - QUOTA_SPAN < job.created and job.cancelled is None]

    def _room(self, now: int) -> int:
        return max(0, self._knobs.jobs_at_once - sum(job.open(now) for job in self._jobs.values()))

    def _quota(self, now: int) -> int:
        return max(0, self._knobs.monthly_quota - len(self._counted(now)))
