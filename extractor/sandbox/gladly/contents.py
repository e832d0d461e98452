"""Contents of conversation items: every type that the vendor documents, and one that it does not."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gladly.ids import Ids, Kind
from extractor.sandbox.gladly.population import LONG_ITEMS, Conversation, Population
from extractor.sandbox.gladly.reference import INBOXES, TOPICS, Reference
from extractor.sandbox.gladly.stamps import DAY, HOUR, SECOND, mixed, stamp
from extractor.sandbox.gladly.texts import MESSAGES, NOTES, QUIET_MESSAGES, SUBJECTS

__all__ = ["WITH_ATTACHMENTS", "Contents", "activity_content"]

Record = dict[str, object]

MESSAGE_TYPES = {
    "EMAIL": "EMAIL",
    "CHAT": "CHAT_MESSAGE",
    "SMS": "SMS",
    "PHONE_CALL": "PHONE_CALL",
    "WHATSAPP": "WHATSAPP",
    "FB_MESSENGER": "FACEBOOK_MESSAGE",
    "INSTAGRAM_DIRECT": "INSTAGRAM_DIRECT",
    "VOICE_AI": "VOICE_AI_MESSAGE",
}
TWITTER_CLOSED = 1_681_948_800_000  # 2023-04-20
REDACTABLE = {"CHAT_MESSAGE", "SMS", "EMAIL", "TWITTER", "WHATSAPP"}
WITH_ATTACHMENTS = {"CHAT_MESSAGE", "EMAIL", "SMS", "WHATSAPP", "FACEBOOK_MESSAGE", "INSTAGRAM_DIRECT"}
WITH_ATTACHMENTS |= {"CONVERSATION_NOTE", "TASK"}
COMPANY_NUMBER = "+18005550199"
ANSWERING = ("AGENT", "AGENT", "AGENT", "SYSTEM", "API", "INTERNAL", "EXTERNAL")


class Contents:
    """Draws contents."""

    def __init__(self, population: Population, ids: Ids, reference: Reference) -> None:
        self._plain = population.plain
        self._ids = ids
        self._reference = reference
        self._messages = QUIET_MESSAGES if population.plain else MESSAGES

    def make(self, talk: Conversation, k: int, when: int, dice: Dice) -> tuple[Record, str]:
        """Content of item k, and who brought it about."""
        point = dice.below(1_000)
        if talk.items == LONG_ITEMS or k == 0 or k >= talk.items or point < 740:
            return self._message(talk, k, when, dice)
        if k == talk.items - 1 and not talk.open:
            return {"type": "CONVERSATION_STATUS_CHANGE", "status": "CLOSED"}, "AGENT"
        if point < 810:
            note: Record = {"type": "CONVERSATION_NOTE", "body": dice.pick(NOTES)}
            return self._attach(note, talk, k, dice), "AGENT"
        if point < 860:
            return self._topic_change(dice), "AUTOMATION" if dice.one_in(4) else "AGENT"
        if point < 900:
            return {"type": "CONVERSATION_STATUS_CHANGE", "status": dice.pick(("OPEN", "WAITING"))}, "AGENT"
        if point < 935:
            return activity_content(when, dice), "API"
        if point < 955:
            assignee = {"inboxId": self._reference.inboxes[dice.below(len(INBOXES))]}
            task: Record = {"type": "TASK", "assignee": assignee, "body": "call back", "dueAt": stamp(when + DAY, 0)}
            return self._attach(task, talk, k, dice), "AGENT"
        if point < 985 or self._plain:
            return {"type": "VOICEMAIL", "startedAt": mixed(when, dice), **self._recording(talk, k, dice)}, "CUSTOMER"
        cards = [{"title": "Shoe", "price": 79.9}, {"title": "Sock", "price": 5.5}]
        return {"type": "CAROUSEL_MESSAGE", "cards": cards, "layout": {"columns": 2}}, "SYSTEM"

    def _topic_change(self, dice: Dice) -> Record:
        topics = self._reference.topics
        change: Record = {"type": "TOPIC_CHANGE", "addedTopicIds": [topics[dice.below(len(TOPICS))]]}
        return change | {"removedTopicIds": [topics[dice.below(len(TOPICS))]]} if dice.one_in(3) else change

    def _message(self, talk: Conversation, k: int, when: int, dice: Dice) -> tuple[Record, str]:
        kind = MESSAGE_TYPES[talk.channel]
        if kind == "INSTAGRAM_DIRECT" and talk.created < TWITTER_CLOSED:
            kind = "TWITTER"
        by = "CUSTOMER" if k % 2 == 0 else dice.pick(ANSWERING)
        content: Record = {"type": kind, **self._message_fields(talk, k, when, dice, kind=kind, by=by)}
        if kind in REDACTABLE and dice.one_in(60):
            return {key: value for key, value in content.items() if key not in ("content", "subject")}, by
        return self._attach(content, talk, k, dice), by

    def _message_fields(self, talk: Conversation, k: int, when: int, dice: Dice, *, kind: str, by: str) -> Record:
        text = dice.pick(self._messages)
        phone = f"+1724{talk.i % 10_000_000:07d}"
        match kind:
            case "EMAIL":
                addresses = (f"c{talk.i}@example.org", f"care@{'mail' if k % 3 else 'help'}.sandbox.example")
                sender, receiver = addresses if by == "CUSTOMER" else addresses[::-1]
                mail: Record = {"from": sender, "to": [receiver], "subject": dice.pick(SUBJECTS), "content": text}
                return mail | {"cc": ["boss@partner.example"], "bcc": []} if dice.one_in(5) else mail
            case "SMS" | "WHATSAPP":
                numbers = (phone, COMPANY_NUMBER) if by == "CUSTOMER" else (COMPANY_NUMBER, phone)
                return {"from": numbers[0], "to": numbers[1], "content": text}
            case "FACEBOOK_MESSAGE":
                return {"pageId": "1099511627776001", "userId": str(9_007_199_254_740_993 + talk.i), "content": text}
            case "PHONE_CALL":
                return {"from": phone, "to": COMPANY_NUMBER, **self._call(talk, k, when, dice)}
            case "VOICE_AI_MESSAGE":
                said: Record = {"companyNumber": COMPANY_NUMBER, "body": text}
                said["status"] = dice.pick(("PLAYED", "INTERRUPTED"))
                return said if dice.one_in(4) else said | {"customerNumber": phone}
            case "CHAT_MESSAGE":
                return {"content": text, **self._quick_reply(talk, k, dice)}
        return {"content": text}

    def _quick_reply(self, talk: Conversation, k: int, dice: Dice) -> Record:
        point = dice.below(20)
        options = [{"id": "1", "label": "Yes 👍"}, {"id": "2", "label": "No"}]
        if point == 0:
            return {"messageType": "QUICK_REPLY_REQUEST", "messageData": {"options": options}}
        if point == 1 and k:
            answer: Record = {"quickReplyRequest": {"options": options}, "selectedOptionId": "2"}
            answer["requestMessageId"] = self._ids.item(talk.i, talk.j, k - 1)
            return {"messageType": "QUICK_REPLY_RESPONSE", "messageData": answer}
        return {"messageType": "TEXT"} if point < 15 else {}

    def _call(self, talk: Conversation, k: int, when: int, dice: Dice) -> Record:
        call: Record = {"startedAt": mixed(when, dice)}
        if dice.one_in(6):
            return call  # nobody answered
        call["answeredAt"] = mixed(when + 20 * SECOND, dice)
        if not dice.one_in(8):
            call["completedAt"] = mixed(when + 300 * SECOND, dice)
        return call | self._recording(talk, k, dice)

    def _recording(self, talk: Conversation, k: int, dice: Dice) -> Record:
        status = dice.pick(("AVAILABLE", "AVAILABLE", "AVAILABLE", "DELETED", "ERROR"))
        seconds = dice.between(3, 900)
        recording: Record = {
            "recordingStatus": status,
            "recordingUrl": f"/api/v1/conversation-items/{self._ids.item(talk.i, talk.j, k)}/media/recording",
            # A number in the schema, text in one of the vendor's examples.
            "recordingDuration": str(seconds) if dice.one_in(2) and not self._plain else seconds,
        }
        if dice.one_in(3):
            summary = dice.pick(("READY", "PENDING", "FAILED", "REDACTED"))
            recording["recordingSummary"] = {
                "status": summary,
                "summary": "a call" * (summary == "READY"),
                "language": "en",
            }
        return recording

    def _attach(self, content: Record, talk: Conversation, k: int, dice: Dice) -> Record:
        if content["type"] in WITH_ATTACHMENTS and dice.one_in(12):
            content["attachments"] = [
                {
                    "id": self._ids.write(Kind.ATTACHMENT, talk.i, talk.j, k),
                    "contentType": "image/png",
                    "filename": "Ünïcode, name.png",
                    "fileSize": dice.between(100, 5_000_000),
                }
            ]
        return content


def activity_content(when: int, dice: Dice) -> Record:
    """Content of a customer activity."""
    content: Record = {
        "type": "CUSTOMER_ACTIVITY",
        "title": dice.pick(("Survey answered", "Issue opened", "Newsletter ✉️")),
        "body": "<p>score: <b>9</b></p>",
        "activityType": dice.pick(("EMAIL", "ISSUE", "SMS", "SURVEY")),
        "sourceName": "loyalty-app",
        "link": {"url": "https://loyalty.example.org/a?b=1&c=2", "text": "open"},
        "expandByDefault": dice.one_in(2),
        "receivedAt": mixed(when, dice),
    }
    return content if dice.one_in(2) else content | {"occurredAt": mixed(when - HOUR, dice)}
