"""The handle that a run holds on its load process: starts it, asks it, starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from extractor.errors import DestinationError, LoadFailed
from extractor.load.protocol import EndpointSpec, Loaded, Message, Rebuilt, Target, decode, encode, incident_from
from extractor.model import Incident

__all__ = ["LoadProcess"]

_LINE = 1 << 30  # a message has the incidents of a whole chunk, with up to 1 MB each
_LOG = 1 << 20
_DEATHS = 5
_WHOLE = 2
"""Deaths over one chunk after which it is cut up: whoever kills may be the kernel, short of memory."""
_SMALLEST = 4
"""From so many deaths on its parts get no smaller."""
_SILENCE = 900.0
"""Seconds that a load may take without a word. One that stands still longer is ended, which costs no row."""

Announced = Callable[[str, Sequence[Incident]], Awaitable[None]]


class _Died(Exception):
    """The load process is gone in the middle of a request, or might as well be: the message says which."""


class LoadProcess:
    """One load process at a time, asked one thing at a time.

    Args:
        folder: of the pipeline's state; the process writes to `load/` in it.
        target: where the rows go.
        endpoints: whose pages the chunks have.
        patience: seconds that it waits for a destination that is locked or away, before a request fails.
        waiting: told what the process waits for or tries again, and why.
    """

    def __init__(
        self,
        folder: Path,
        target: Target,
        endpoints: Sequence[EndpointSpec],
        *,
        patience: float = 60.0,
        waiting: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = folder
        self._configuration = target.configuration
        self._serve: Message = {
            "folder": str(folder.absolute()),
            "target": asdict(target),
            "endpoints": [asdict(one) for one in endpoints],
            "patience": patience,
            "secrets": [],
        }
        self._waiting = waiting
        self._one = asyncio.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._pipes: list[asyncio.BaseTransport] = []
        self._answered = True

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start the process; without a need, as every request does it. It imports dlt meanwhile."""
        async with self._one:
            if self._process is None:
                try:
                    await self._begin()
                except _Died:
                    await self._end()  # the first request tries again, and says what is wrong
                except BaseException:
                    await self._end()
                    raise

    async def hide(self, secrets: Iterable[str]) -> None:
        """Let none of these stand in anything that the process says or logs from now on."""
        self._serve["secrets"] = sorted(secrets)
        await self._request({"do": "hide", "secrets": self._serve["secrets"]})

    async def exists(self) -> bool:
        """False if the destination is a file that isn't there, and that `open` would make."""
        return bool((await self._request({"do": "exists"}))["exists"])

    async def open(self) -> str:
        """Open the destination once; returns where it is, in words (for DuckDB its file).

        Raises:
            DestinationError: it can't be opened; says why and what to do.
        """
        return str((await self._request({"do": "open"}))["where"])

    async def remember(self, state: Mapping[str, object]) -> None:
        """Let this travel in dlt's state with the next package that finds it changed, for `rebuild` elsewhere."""
        cast("Message", self._serve["target"])["state"] = dict(state)
        await self._request({"do": "remember", "state": dict(state)})

    async def warm(self) -> None:
        """Let it import what a load needs, 0.2 s, while there is nothing to load."""
        await self._request({"do": "warm"})

    async def load(self, chunk: int, size: int, loading: Announced, *, attempts: int = 0) -> Loaded:
        """Load a sealed chunk, however often the process dies over it.

        Args:
            chunk: its number in ledger and spool.
            size: bytes of its segment.
            attempts: that failed before, in earlier runs too; after two, the chunk goes in smaller packages.
            loading: awaited with the load id, and incidents to keep, before anything of the chunk's last package
                is in the destination; when it returns they must be on disk. Called again for every attempt.

        Raises:
            LoadFailed: the destination is away, or the process died five times over this chunk.
        """
        for failed in range(attempts, attempts + _DEATHS):
            parts = 1 if failed < _WHOLE else 2 ** min(failed, _SMALLEST)
            announced: list[tuple[str, int]] = []

            async def note(
                load_id: str, incidents: Sequence[Incident], into: list[tuple[str, int]] = announced
            ) -> None:
                await loading(load_id, incidents)
                into.append((load_id, len(incidents)))

            try:
                answer = await self._ask({"do": "load", "chunk": chunk, "bytes": size, "parts": parts}, note)
            except _Died as death:
                self._waiting(f"The load process {death} and is started again.")
                for load_id, incidents in announced:
                    if await self.committed(load_id):
                        return Loaded(load_id=load_id, rows={}, incidents=incidents)
            else:
                return Loaded(**cast("dict[str, Any]", answer["loaded"]))
        raise LoadFailed(
            f"The load process died {_DEATHS} times over the same pages. Its last words are in {self._log_path()}. "
            "Run the same command again: nothing is lost."
        )

    async def committed(self, load_id: str) -> bool:
        """Whether the destination has the load."""
        return bool((await self._request({"do": "committed", "load_id": load_id}))["committed"])

    async def count(self) -> Mapping[str, int]:
        """Rows by table, of all tables of the dataset that ever had any."""
        return cast("dict[str, int]", (await self._request({"do": "count"}))["rows"])

    async def rebuild(self, file: Path) -> Rebuilt:
        """Write the rows of `_extractor_listings` to `file`, a path that does not depend on the working folder.

        JSON lines, each an array in the order of `LISTING_COLUMNS`.
        """
        answer = await self._request({"do": "rebuild", "file": str(file)})
        return Rebuilt(
            state=cast("Mapping[str, object] | None", answer["state"]),
            listings=cast("int", answer["listings"]),
            incidents=[incident_from(one) for one in cast("list[Message]", answer["incidents"])],
        )

    async def clear(self) -> None:
        """Empty `_extractor_listings` and `_extractor_incidents`."""
        await self._request({"do": "clear"})

    async def stop(self) -> None:
        """Let the process end when it has nothing to do, or end it in the middle of it: no harm comes of that."""
        process = self._process
        if process is None:
            return
        if not self._one.locked():
            with contextlib.suppress(OSError, _Died):
                self._send({"do": "stop"})
        await self._end()

    # ── requests ────────────────────────────────────────────────────────────────────────────

    async def _request(self, message: Message) -> Message:
        """Ask what can be asked again if the process dies."""
        for _ in range(_DEATHS):
            with contextlib.suppress(_Died):
                return await self._ask(message)
        raise LoadFailed(
            f"The load process died {_DEATHS} times over one request. Its last words are in {self._log_path()}."
        )

    async def _ask(self, message: Message, loading: Announced | None = None) -> Message:
        async with self._one:
            try:
                if self._process is None:
                    await self._begin()
                self._send(message)
                return await self._answer(loading)
            except BaseException:
                # Unless it said that it failed, the process may be anywhere in the request, or dead.
                if not self._answered:
                    await self._end()
                raise

    async def _answer(self, loading: Announced | None) -> Message:
        while True:
            answer = await self._receive(None if loading is None else _SILENCE)
            match answer["is"]:
                case "done":
                    self._answered = True
                    return answer
                case "failed":
                    self._answered = True
                    raise self._error(str(answer["kind"]), str(answer["error"]))
                case "extracted" if loading is not None:
                    incidents = [incident_from(one) for one in cast("list[Message]", answer["incidents"])]
                    await loading(str(answer["load_id"]), incidents)
                    self._send({"do": "go"})
                case _:
                    self._waiting(str(answer["text"]))

    def _error(self, kind: str, text: str) -> Exception:
        if kind == "destination":
            return DestinationError(text)
        return LoadFailed(f"{text} What was fetched is kept; run the same command again to load it.")

    async def _receive(self, silence: float | None) -> Message:
        assert self._reader is not None  # noqa: S101 - there is a process
        assert self._process is not None  # noqa: S101 - as above
        try:
            async with asyncio.timeout(silence):
                line = await self._reader.readline()
        except TimeoutError as error:
            self._process.kill()
            raise _Died(f"said nothing for {silence:g} seconds") from error
        except OSError as error:
            raise _Died("died") from error
        if not line.endswith(b"\n"):
            raise _Died("died")
        return decode(line)

    def _send(self, message: Message) -> None:
        self._answered = False
        pipe = cast("asyncio.WriteTransport", self._pipes[1])
        if pipe.is_closing():
            # It died while nothing was asked of it. asyncio drops what is written then, uvloop may raise.
            raise _Died("died")
        pipe.write(encode(message))

    # ── the process ─────────────────────────────────────────────────────────────────────────

    def _log_path(self) -> Path:
        return self._folder / "load" / "log"

    async def _begin(self) -> None:
        self._answered = False
        try:
            connecting = asyncio.ensure_future(self._connect(*self._run()))
            try:
                await asyncio.shield(connecting)
            except asyncio.CancelledError:
                # A pipe that is connected by half would keep the process waiting for requests; it takes no time.
                with contextlib.suppress(OSError):
                    await connecting
                raise
        except OSError as error:
            raise LoadFailed(
                f"The load process can't be started: {error}. When that is repaired, run the same command again."
            ) from error
        self._send(self._serve)
        await self._answer(None)

    def _run(self) -> tuple[int, int]:
        """Start the process; our ends of its pipes: to read from and to write to."""
        (self._folder / "load").mkdir(mode=0o700, exist_ok=True)
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            log = os.open(self._log_path(), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            theirs.callback(os.close, log)
            requests, to_process = os.pipe()
            theirs.callback(os.close, requests)
            ours.callback(os.close, to_process)
            from_process, answers = os.pipe()
            theirs.callback(os.close, answers)
            ours.callback(os.close, from_process)
            if os.fstat(log).st_size > _LOG:
                os.ftruncate(log, 0)
            self._process = subprocess.Popen(  # noqa: S603 - no part of it comes from outside
                [sys.executable, "-m", "extractor.load", str(requests), str(answers), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(requests, answers),
                # Ctrl-C in the terminal is the run's affair.
                start_new_session=True,
                env=_environment(configured=bool(self._configuration)),
            )
            ours.pop_all()
        return from_process, to_process

    async def _connect(self, from_process: int, to_process: int) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_LINE)
        read, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_process, "rb", 0)
        )
        write, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(to_process, "wb", 0))
        self._reader = reader
        self._pipes = [read, write]

    async def _end(self) -> None:
        """The pipes' end is the process's, wherever it is."""
        process, self._process = self._process, None
        for pipe in self._pipes:
            pipe.close()
        self._pipes = []
        self._reader = None
        if process is None:
            return
        # Not a coroutine's affair: whoever waits for it may be cancelled, and a process that nobody waits for stays.
        ended = asyncio.get_running_loop().run_in_executor(None, _until_its_end, process)
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            process.kill()
            await asyncio.shield(ended)
            raise


def _until_its_end(process: subprocess.Popen[bytes]) -> None:
    """Return when it has ended, in five seconds at most."""
    try:
        process.wait(5.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment(*, configured: bool) -> dict[str, str]:
    """This process's, without the settings of sources: whoever only loads needs no vendor's credentials.

    Args:
        configured: a user's own configuration is read in it once more, for its tables; it may look any of them up.
    """
    kept = {
        name: value for name, value in os.environ.items() if configured or "SOURCES" not in name.upper().split("__")
    }
    # The modules must be the ones that this process has.
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
