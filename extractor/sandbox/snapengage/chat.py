"""The Visitor Chat API below /api/v1, and its part that takes no credentials, below /public/api/v2."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl

from extractor.sandbox.replies import Call, Reply
from extractor.sandbox.routing import Route
from extractor.sandbox.snapengage.account import AGENTS, Account
from extractor.sandbox.snapengage.ids import Ids, Kind
from extractor.sandbox.snapengage.population import Case, Population
from extractor.sandbox.snapengage.texts import encoded
from extractor.sandbox.snapengage.transcripts import Transcripts, greeting

__all__ = ["Chat"]

OPENING = frozenset(
    {"widgetId", "email", "phone", "userAgent", "locale", "isOffline", "appVersionName", "visitorMessage"}
)
SENDING = frozenset({"caseId", "messageType", "messageBody"})
NORMAL, CLOSE = "1", "2"
OK, FAILED = 1, 0


class Chat:
    """Answers what belongs to a chat.

    Attributes:
        opened: chats that clients opened, real ones at a real vendor, with their widgets.
        sent: how many messages clients sent into them.
    """

    def __init__(self, population: Population, ids: Ids, account: Account, transcripts: Transcripts) -> None:
        self.opened: dict[str, str] = {}
        self.sent = 0
        self._closed: set[str] = set()
        self._typing_now: set[str] = set()
        self._population = population
        self._ids = ids
        self._account = account
        self._transcripts = transcripts

    def routes(self) -> list[Route]:
        """Those that take the header `x-api-key`."""
        polling = frozenset({"index", "isTyping"})
        return [
            Route(name="chat_availability", path="/chat/{}", answer=self._with_key(self._availability)),
            Route(name="chat_poll", path="/chat/poll/{}", query=polling, answer=self._with_key(self._poll)),
            Route(name="start_chat", path="/chat", method="POST", query=OPENING, answer=self._with_key(self._open)),
            Route(name="send_chat", path="/chat", method="PUT", query=SENDING, answer=self._with_key(self._send)),
        ]

    def public_routes(self) -> list[Route]:
        """Those that take no credentials."""
        return [
            Route(name="widget_status", path="/chat/{}", answer=self._status),
            Route(name="visitor_typing", path="/chat/{}/{}/visitorTyping", answer=self._typing),
        ]

    def _with_key(self, answer: Callable[[Call], Reply]) -> Callable[[Call], Reply]:
        def checked(call: Call) -> Reply:
            return answer(call) if call.headers.get("x-api-key") == self._ids.chat_key else Reply(status=401)

        return checked

    # ── widgets ─────────────────────────────────────────────────────────────────────────────

    def _availability(self, call: Call) -> Reply:
        found = self._account.availability(call.args[0])
        return Reply(status=404) if found is None else Reply(body=encoded(found))

    def _status(self, call: Call) -> Reply:
        found = self._account.availability(call.args[0])
        return Reply(status=404) if found is None else Reply(body=encoded({"data": found}))

    # ── chats ───────────────────────────────────────────────────────────────────────────────

    def _case(self, text: str) -> Case | None:
        """A case of the logs."""
        read = self._ids.read(text)
        if read is None or read[0] != Kind.CASE or read[1] >= self._population.count(read[2]):
            return None
        return self._population.case(read[2], read[1])

    def _poll(self, call: Call) -> Reply:
        case_id, index, typing = call.args[0], call.one("index") or "0", call.one("isTyping")
        if not (index.isascii() and index.isdigit()) or typing not in (None, "true", "false"):
            return Reply(status=400)
        case = self._case(case_id)
        if case is None and case_id not in self.opened:
            return Reply(status=404)
        messages = greeting(AGENTS[0]) if case is None else self._transcripts.messages(case)
        answer: dict[str, object] = {"caseId": case_id}
        if case is None:
            answer["agentTyping"] = case_id not in self._closed
            if typing is not None:
                (self._typing_now.add if typing == "true" else self._typing_now.discard)(case_id)
        answer["messageList"] = [message for message in messages if message.index >= int(index)]
        return Reply(body=encoded(answer))

    def _typing(self, call: Call) -> Reply:
        """A failure of the application is a success of HTTP."""
        widget_id, case_id = call.args
        case = self._case(case_id)
        if widget_id != (self.opened.get(case_id) if case is None else self._ids.widget(case.w)):
            return Reply(body=encoded({"statusCode": FAILED, "data": None}))
        typing = case_id in self._typing_now if case is None else case.open and case.n % 2 == 0
        return Reply(body=encoded({"statusCode": OK, "data": {"typing": typing}}))

    def _open(self, call: Call) -> Reply:
        asked = _parameters(call)
        if "widgetId" not in asked or not asked.keys() <= OPENING:
            return Reply(status=400)
        if asked["widgetId"] not in self._account.widgets:
            return Reply(status=404)
        case_id = self._ids.opened(len(self.opened))
        self.opened[case_id] = asked["widgetId"]
        return Reply(body=encoded({"caseId": case_id, "widgetId": asked["widgetId"]}))

    def _send(self, call: Call) -> Reply:
        asked = _parameters(call)
        if asked.keys() != SENDING or asked["messageType"] not in (NORMAL, CLOSE):
            return Reply(status=400)
        if asked["caseId"] not in self.opened or asked["caseId"] in self._closed:
            return Reply(status=404)
        self.sent += 1
        if asked["messageType"] == CLOSE:
            self._closed.add(asked["caseId"])
        return Reply(body=encoded(asked))


def _parameters(call: Call) -> dict[str, str]:
    """Of a write: from the query or a form."""
    form = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(call.query) | dict(form)
