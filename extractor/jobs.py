"""Jobs: an answer that the vendor prepares for a while, under an id that is worth keeping.

A job costs a quota and cannot be told from its twin, so none is created a second time as long as the first one can
be found: by its id in the listing's cursor, or in the vendor's list when the answer that named it was lost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import cast
from urllib.parse import quote, unquote

import orjson

from extractor.documents import says
from extractor.errors import BadBody, QuotaSpent, RequestFailed, UnsafePath
from extractor.model import Crowded, Endpoint, Job, Request, Response
from extractor.paginate import field_of
from extractor.paths import fill
from extractor.transport import Transport

__all__ = ["Done", "Jobs", "Place", "Unwanted"]

_MARK = "job:"
_CREATIONS = 3
_GROWTH = 1.5
_POLL_GROWTH = 10.0
_LONGEST_PAUSE = 30.0
_LONGEST = 7200.0
"""Seconds that a job, or a place for one, is waited for."""


class Unwanted(Exception):
    """A request was answered with a status that is no success."""

    def __init__(self, request: Request, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.request = request
        self.response = response


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listing stands: its job, and the cursor in the job's results. Both fit into the listing's cursor."""

    job: str = ""
    cursor: str | None = None

    @classmethod
    def of(cls, text: str | None) -> Place:
        """Read what `text` has written."""
        if text is None or not text.startswith(_MARK):
            return cls()
        job, blank, cursor = text.removeprefix(_MARK).partition(" ")
        return cls(unquote(job), cursor if blank else None)

    @property
    def text(self) -> str:
        """As a listing's cursor."""
        return _MARK + quote(self.job, safe="") + ("" if self.cursor is None else f" {self.cursor}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """A job that has results.

    Attributes:
        results: path below the base URL.
        cut_off: the vendor says that they lack rows.
    """

    results: str
    cut_off: bool


class Jobs:
    """Creates jobs and waits for them.

    Args:
        transport: sends requests within the budgets and tries them again, except one that creates a job.
        wall: seconds since 1970, to tell a job of ours from older ones.
        say: told what is left of a quota of jobs, before the first one is created.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        wall: Callable[[], float] = time.time,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._transport = transport
        self._say = say
        self._wall = wall
        self._creating = asyncio.Lock()
        self._looked: set[str] = set()
        self._ours: set[str] = set()

    async def create(self, endpoint: Endpoint, job: Job, request: Request) -> str:
        """Create a job with the endpoint's own request; its id.

        Raises:
            RequestFailed: none came about.
            Unwanted: the vendor refuses it.
            QuotaSpent: the vendor's quota of jobs is needed by others.
        """
        request = replace(request, once=True, download=False, accept=partial(_with_text, endpoint, job.id))
        if job.crowded is None:
            return await self._create(endpoint, job, request)
        # One after the other: two that both saw the last free place would cost a refusal.
        async with self._creating:
            if job.crowded.limits not in self._looked:
                await self._room(endpoint, job.crowded)
                self._looked.add(job.crowded.limits)
            return await self._create(endpoint, job, request)

    async def _create(self, endpoint: Endpoint, job: Job, request: Request) -> str:
        began = asyncio.get_running_loop().time()
        sent_at = self._wall()
        pauses = _pauses(1.0, _LONGEST_PAUSE)
        lost = 0
        while True:
            try:
                response = await self._transport.send(request)
            except UnsafePath:
                raise
            except RequestFailed:
                lost += 1
                found = await self._found(endpoint, job, request, sent_at)
                if found is None and lost == _CREATIONS:
                    raise
            else:
                found = None
                if 200 <= response.status < 300:
                    found = str(field_of(response.content, job.id))
                else:
                    crowded = _crowded(job, response)
                    if crowded is None or asyncio.get_running_loop().time() - began > _LONGEST:
                        raise Unwanted(request, response)
                    await asyncio.sleep(next(pauses))
                    await self._room(endpoint, crowded)
            if found is not None:
                self._ours.add(found)
                return found

    async def wait(self, endpoint: Endpoint, job: Job, job_id: str) -> Done | None:
        """Wait until a job has results; None if the vendor has no such job any more.

        Raises:
            RequestFailed: it failed, or is not done after hours.
            Unwanted: the vendor does not say how it is.
        """
        self._ours.add(job_id)  # an earlier run may have created it
        request = _request(endpoint, fill(job.poll, {"job": job_id}), partial(_with_text, endpoint, job.status))
        clock = asyncio.get_running_loop().time
        began = clock()
        pauses = _pauses(job.every, job.every * _POLL_GROWTH)
        while clock() - began <= _LONGEST:
            response = await self._transport.send(request)
            if response.status in (400, 404):
                return None
            if not 200 <= response.status < 300:
                raise Unwanted(request, response)
            status = field_of(response.content, job.status)
            if status in job.done:
                cut_off = any(field_of(response.content, flag) is True for flag in job.cut_off)
                return Done(results=fill(job.results, {"job": job_id}), cut_off=cut_off)
            if status not in job.waiting:
                raise RequestFailed(
                    f"{endpoint.name}: the vendor's job {job_id!r:.100} ended as {status!r:.100}",
                    status=response.status,
                    path=request.path,
                )
            await asyncio.sleep(next(pauses))
        raise RequestFailed(
            f"{endpoint.name}: the vendor's job {job_id!r:.100} is not done after {_LONGEST / 3600:g} h",
            path=request.path,
        )

    async def _found(self, endpoint: Endpoint, job: Job, request: Request, sent_at: float) -> str | None:
        """The job that a request created whose answer was lost, if the vendor's list has it."""
        if job.found is None:
            return None
        path, match = job.found
        response = await self._ask(_request(endpoint, path, partial(_list, endpoint)))
        for record in cast("list[object]", response.content):
            job_id = field_of(record, job.id)
            # What another listing was given is not this one's, however much they look alike.
            if not isinstance(record, dict) or not isinstance(job_id, str) or job_id in self._ours:
                continue
            if match(record, request.json, sent_at):
                return job_id
        return None

    async def _room(self, endpoint: Endpoint, crowded: Crowded) -> None:
        """Wait until one more job may run.

        Raises:
            QuotaSpent: no more may be made.
            RequestFailed: others' jobs have left no place for hours.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        pauses = _pauses(1.0, _LONGEST_PAUSE)
        request = _request(endpoint, crowded.limits, partial(_object, endpoint))
        while clock() - began <= _LONGEST:
            response = await self._ask(request)
            left = field_of(response.content, crowded.quota)
            if isinstance(left, int) and crowded.limits not in self._looked:
                self._say(f"fetching; {left:,} of the quota of jobs are left")
            if isinstance(left, int) and left <= crowded.keep:
                raise QuotaSpent(
                    f"{endpoint.name}: the vendor's quota of jobs has {left} left, which are kept for others; "
                    "run again when it begins anew.",
                )
            # Where the answer does not say, the vendor's refusal will.
            if field_of(response.content, crowded.at_once) != 0:
                return
            await asyncio.sleep(next(pauses))
        raise RequestFailed(
            f"{endpoint.name}: no place for one more of the vendor's jobs in {_LONGEST / 3600:g} h", path=request.path
        )

    async def _ask(self, request: Request) -> Response:
        response = await self._transport.send(request)
        if not 200 <= response.status < 300:
            raise Unwanted(request, response)
        return response


def _request(endpoint: Endpoint, path: str, accept: Callable[[Response], object]) -> Request:
    return Request(endpoint=endpoint.name, path=path, api=endpoint.api, budgets=endpoint.budgets, accept=accept)


def _pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds to wait, longer each time."""
    pause = first
    while True:
        yield pause
        pause = min(pause * _GROWTH, longest)


def _crowded(job: Job, response: Response) -> Crowded | None:
    """How to wait for a place, if that is why no job was created."""
    return job.crowded if job.crowded and says(response, job.crowded.code) else None


# ── what the vendor's answers must be ───────────────────────────────────────────────────────


def _json(endpoint: Endpoint, response: Response) -> object:
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"{endpoint.name}: expected JSON about a job, got another body") from error


def _object(endpoint: Endpoint, response: Response) -> Mapping[str, object]:
    content = _json(endpoint, response)
    if not isinstance(content, dict):
        raise BadBody(f"{endpoint.name}: expected a JSON object about jobs, got other JSON")
    return content


def _with_text(endpoint: Endpoint, path: str, response: Response) -> Mapping[str, object]:
    content = _object(endpoint, response)
    value = field_of(content, path)
    if not isinstance(value, str) or not value:
        raise BadBody(f"{endpoint.name}: expected a JSON object with {path!r} about a job, got one without it")
    return content


def _list(endpoint: Endpoint, response: Response) -> list[object]:
    content = _json(endpoint, response)
    if isinstance(content, dict) and len(content) == 1:
        (content,) = content.values()
    if not isinstance(content, list):
        raise BadBody(f"{endpoint.name}: expected a JSON array of jobs, got other JSON")
    return content
