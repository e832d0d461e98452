"""The event loop of a run, and the signals that end it."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

from extractor.account import ExitCode

__all__ = ["in_loop", "signals"]

_T = TypeVar("_T")


def in_loop(work: Coroutine[object, object, _T]) -> _T:
    """Run it to its end, also where a loop is running already (a notebook): then in a thread of its own."""
    if not _in_a_loop():
        return _run(work)
    result: list[_T] = []
    failed: list[BaseException] = []
    begun: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[_T]]] = []

    async def cancellable() -> _T:
        task = asyncio.ensure_future(work)
        begun.append((asyncio.get_running_loop(), task))
        return await task

    def other_thread() -> None:
        try:
            result.append(_run(cancellable()))
        except BaseException as error:  # noqa: BLE001 - it is raised below, in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=other_thread, name="extractor")
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        # Signals reach the caller's thread only. What is on disk by now is kept.
        for loop, task in begun:
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    if failed:
        raise failed[0]
    return result[0]


def _in_a_loop() -> bool:
    # The work must not begin in the handler: all its errors would have this one as their context.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run(work: Coroutine[object, object, _T]) -> _T:
    try:
        if sys.platform == "linux":
            import uvloop  # noqa: PLC0415 - not to be had everywhere

            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(work)
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group


@contextmanager
def signals(stop: Callable[[ExitCode], None]) -> Iterator[None]:
    """The first SIGINT or SIGTERM asks for an end, the second one is it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

    def asked(number: signal.Signals) -> None:
        for each in codes:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        stop(codes[number])

    for number in codes:
        loop.add_signal_handler(number, asked, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            # Whoever calls this from Python may have handlers of their own; None is one that is not Python's.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
