"""What exists, table by table; this vendor hides nothing but behind its paging."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

import orjson

from extractor.sandbox import telling
from extractor.sandbox.snapengage.account import Account
from extractor.sandbox.snapengage.changes import Changes
from extractor.sandbox.snapengage.chat import Chat
from extractor.sandbox.snapengage.ids import Ids
from extractor.sandbox.snapengage.population import WIDGETS, Population
from extractor.sandbox.snapengage.transcripts import Transcripts

__all__ = ["Truth"]


class Truth:
    """Lists primary keys as a stream.

    Sections of the JSON object:
        tables: table -> keys that can be obtained. Those of `users` are the e-mail addresses for which a look-up
            answers, also the one that is answered with no more than that there is such a user; those of
            `chat_poll` are [case id, index] of the chats that go on.
        logs_by_widget: widget id -> the keys of `logs` that are cases of the widget.
        writes: `start_chat` chats that clients opened and `send_chat` messages that they sent; 0 is what an
            extractor leaves behind.
        changes: what happened since the start, with option `live`.
    """

    def __init__(
        self,
        *,
        population: Population,
        ids: Ids,
        account: Account,
        transcripts: Transcripts,
        changes: Changes,
        chat: Chat,
    ) -> None:
        self._population = population
        self._ids = ids
        self._account = account
        self._transcripts = transcripts
        self._changes = changes
        self._chat = chat

    async def stream(self, tables: Sequence[str], now: float) -> AsyncIterator[bytes]:
        """The JSON object; `tables` other than none asks for section `tables` alone and for these in it."""
        del now
        lists = self._tables()
        async for piece in telling.tables(lists, tables):
            yield piece
        if not tables:
            yield b',"logs_by_widget":{'
            for w, widget_id in enumerate(self._account.widgets):
                yield b"," * (w > 0) + orjson.dumps(widget_id) + b":"
                async for piece in telling.array(self._cases(w)):
                    yield piece
            writes = {"start_chat": len(self._chat.opened), "send_chat": self._chat.sent}
            yield b'},"writes":' + orjson.dumps(writes) + b',"changes":' + orjson.dumps(self._changes.log)
        yield b"}\n"

    def _tables(self) -> dict[str, Iterator[object]]:
        return {
            "logs": (key for w in range(WIDGETS) for key in self._cases(w)),
            "chat_availability": iter(self._account.widgets),
            "widget_status": iter(self._account.widgets),
            "chat_poll": self._polled(),
            "widgets": iter(self._account.widgets),
            "users": iter(self._account.emails),
        }

    def _cases(self, w: int) -> Iterator[str]:
        return (self._ids.case(w, n) for n in range(self._population.count(w)))

    def _polled(self) -> Iterator[tuple[str, int]]:
        for w in range(WIDGETS):
            for n in self._population.open_cases(w):
                for message in self._transcripts.messages(self._population.case(w, n)):
                    yield self._ids.case(w, n), message.index
