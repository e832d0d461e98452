"""The load process: `python -m extractor.load REQUESTS ANSWERS PARENT`, started by `LoadProcess` and by nobody else.

It must never outlive the run that started it, or it would write to the destination beside its successor: the kernel
kills it with its parent, the end of its request pipe ends it, and a lock keeps it and its successor apart.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import traceback
from importlib.abc import MetaPathFinder
from queue import SimpleQueue
from typing import BinaryIO, TextIO, cast

from extractor.load.protocol import Message, encode, receive
from extractor.load.settings import pin
from extractor.memory import keep_little
from extractor.redact import Redactor

__all__ = ["main"]

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_SWITCH = 0.0005
"""Seconds that a thread may keep the interpreter from another. A load has hundreds of short statements; beside a thread
that reads the next chunk it would wait ten times as long for each."""


def main(requests: BinaryIO, answers: BinaryIO, parent: int) -> None:
    """Answer requests until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        return  # it died before we asked the kernel
    os.umask(0o077)
    keep_little()
    sys.setswitchinterval(_SWITCH)
    pin(os.environ)
    waiting: SimpleQueue[Message] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()

    def answer(message: Message) -> None:
        answers.write(encode(message))
        answers.flush()

    # dlt takes 0.4 s to import, and not before the settings are there.
    from extractor.load.quiet import Quiet  # noqa: PLC0415
    from extractor.load.service import Service  # noqa: PLC0415

    redactor = Redactor()
    # Both are the log.
    sys.stdout = sys.stderr = cast("TextIO", Quiet(sys.stdout, redactor))
    serve = waiting.get()
    _without_pandas(cast("Message", serve["target"]))
    service = Service(serve, answer, waiting.get, redactor)
    answer({"is": "done"})
    while (request := waiting.get())["do"] != "stop":
        try:
            answer({"is": "done", **service.perform(request)})
        except Exception as error:  # noqa: BLE001 - the border of the process: everything goes to the other side
            traceback.print_exc()
            answer(service.failure(error))


def _without_pandas(target: Message) -> None:
    """Spare 0.15 s and 50 MB: DuckDB imports it where it is installed, for frames that nobody here hands over.

    Another destination's driver may need it, and so may a user's own configuration.
    """
    if target["destination"] == "duckdb" and not target["configuration"]:
        sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    # None among the modules would do for Python, but pyarrow's compiled import takes that for pandas.
    def find_spec(self, fullname: str, _path: object, _target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("The load process does without pandas.", name=fullname)


def _listen(requests: BinaryIO, waiting: SimpleQueue[Message]) -> None:
    """Hand over what comes; at the end of the pipe nobody wants an answer any more."""
    while (message := receive(requests)) is not None:
        waiting.put(message)
        if message.get("do") == "stop":
            return  # the process ends by itself, with what it is about to close
    os._exit(0)


if __name__ == "__main__":
    with open(int(sys.argv[1]), "rb") as _requests, open(int(sys.argv[2]), "wb") as _answers:  # noqa: PTH123
        main(_requests, _answers, int(sys.argv[3]))
