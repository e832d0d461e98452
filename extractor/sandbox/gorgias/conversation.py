"""Tickets and their messages as JSON."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.automation import INTEGRATIONS
from extractor.sandbox.gorgias.catalog import TAGS, Catalog, Record
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.people import People
from extractor.sandbox.gorgias.stamps import DAY, Stamps
from extractor.sandbox.gorgias.surveys import Surveys
from extractor.sandbox.gorgias.texts import LINES, SUBJECTS
from extractor.sandbox.gorgias.tickets import Message, Tickets
from extractor.sandbox.gorgias.timeline import Moment

__all__ = ["Conversation"]

CHANNELS = ("email", "email", "email", "chat", "phone", "sms", "instagram-comment", "contact_form", "our-shop")
VIAS = {"chat": "gorgias_chat", "phone": "aircall", "our-shop": "api"}
TRASHED = 17  # one in so many tickets


class Conversation:
    """Makes tickets and messages from their numbers."""

    def __init__(
        self, tickets: Tickets, ids: Ids, *, catalog: Catalog, people: People, surveys: Surveys, stamps: Stamps
    ) -> None:
        self._tickets = tickets
        self._population = tickets.population
        self._ids = ids
        self._catalog = catalog
        self._people = people
        self._surveys = surveys
        self._stamps = stamps

    # ── tickets ─────────────────────────────────────────────────────────────────────────────

    def channel(self, ticket: int) -> str:
        """Through which a ticket came."""
        return Dice(self._population.key, Kind.TICKET, ticket, 1).pick(CHANNELS)

    def open(self, ticket: int) -> bool:
        """Is it open? Among the newest tickets two out of three are, and those with a new message."""
        if ticket in self._tickets.changes.updated:
            return True
        recent = ticket >= self._population.settled
        return recent and not Dice(self._population.key, Kind.TICKET, ticket, 2).one_in(3)

    def trashed(self, ticket: int) -> bool:
        """Was it put into the trash? It stays in the list."""
        return not self.open(ticket) and Dice(self._population.key, Kind.TICKET, ticket, 3).one_in(TRASHED)

    def tags(self, ticket: int) -> list[int]:
        """Numbers of its tags."""
        dice = Dice(self._population.key, Kind.TICKET, ticket, 4)
        return sorted({dice.below(len(TAGS)) for _ in range(dice.below(4))})

    def ticket(self, ticket: int) -> Record:
        """A ticket as the list shows it."""
        dice = Dice(self._population.key, Kind.TICKET, ticket)
        identity, channel = self._ids.write(Kind.TICKET, ticket), self.channel(ticket)
        messages = self._tickets.all_messages(self._tickets.survivor(ticket))
        is_open = self.open(ticket)
        row: Record = {
            "id": identity,
            "uri": f"/api/tickets/{identity}/",
            "external_id": self.external_id(ticket),
            "language": dice.pick(("en", "fr", None)),
            "status": "open" if is_open else "closed",
            "priority": dice.pick(("critical", "high", "normal", "normal", "low")),
            "channel": channel,
            "via": VIAS.get(channel, channel),
            "from_agent": dice.one_in(9),
            "spam": dice.one_in(20),
            "is_unread": is_open and dice.one_in(2),
            "customer": self._people.digest(self._tickets.owner(ticket)),
            "assignee_user": self._catalog.user_digest(dice.below(1 << 16)) if dice.one_in(2) else None,
            "assignee_team": self._catalog.team_digest(dice.below(1 << 16)) if dice.one_in(2) else None,
            "subject": dice.pick(SUBJECTS),
            "excerpt": dice.pick(LINES)[:60],
            "integrations": [{"name": "Support", "address": "s@example.com", "type": "email"}]
            if channel == "email"
            else [],
            "meta": self._free(dice, ticket),
            "tags": [self._catalog.tag_digest(n) for n in self.tags(ticket)],
            "messages_count": len(messages),
            "created_datetime": self._stamps(self._tickets.created(ticket)),
            "opened_datetime": None if dice.one_in(2) else self._at(messages[0]),
            "last_received_message_datetime": self._last_received(messages),
            "last_message_datetime": self._at(messages[-1]),
            "updated_datetime": self._stamps(self._tickets.updated(ticket)),
            "closed_datetime": None if is_open else self._stamps(self._tickets.last(ticket, Moment.CLOSE)),
            "snooze_datetime": self._stamps(self._population.until + DAY) if is_open and dice.one_in(4) else None,
            "trashed_datetime": self._stamps(self._tickets.last(ticket, Moment.TRASH))
            if self.trashed(ticket)
            else None,
        }
        if ticket >= self._population.tickets // 2:  # the newer half of the rows do
            row["custom_fields"] = self.embedded_fields(ticket)
        if not self._population.plain and dice.one_in(12):
            row["summary"] = {"content": "the parcel is late", "triggered_by": None}  # no document names it
        return row

    def ticket_detail(self, ticket: int) -> Record:
        """A ticket as its own path shows it."""
        rank = self._surveys.rank(ticket)
        customer = self._tickets.owner(ticket)
        whole = self._people.digest(customer) | {"channels": self._people.channels(customer)}
        return self.ticket(ticket) | {
            "customer": whole,
            "requester": whole,
            "messages": [self.message(m) for m in self._tickets.all_messages(ticket)],
            "satisfaction_survey": None if rank is None else self._surveys.row(rank),
            "reply_options": {"email": {"answerable": True}, "internal-note": {"answerable": True}},
        }

    def embedded_fields(self, ticket: int) -> Record:
        """The custom fields of a ticket as its own row shows them."""
        return {
            str(field["id"]): {"id": field["id"], "value": value, "prediction": None}
            for field, value in self._people.ticket_values(ticket)
        }

    def custom_fields(self, ticket: int) -> list[Record]:
        """The custom fields of a ticket with their values."""
        return [
            {"field": field, "value": value, "prediction": None} for field, value in self._people.ticket_values(ticket)
        ]

    @staticmethod
    def external_id(ticket: int) -> str | None:
        """Every seventh ticket came with an id of another system."""
        return f"ext-{ticket}" if ticket % 7 == 0 else None

    def _free(self, dice: Dice, ticket: int) -> Record | None:
        if dice.one_in(3):
            return None
        return {"via": "zap"} if self._population.plain else {"hops": ticket % 4, f"form_{ticket % 2_000}": ["a", 1]}

    def _at(self, message: int) -> str:
        return self._stamps(self._tickets.message(message).at)

    def _last_received(self, messages: list[int]) -> str | None:
        received = [m for m in messages if not self._from_agent(self._tickets.message(m))]
        return self._at(received[-1]) if received else None

    # ── messages ────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def _from_agent(message: Message) -> bool:
        return message.k % 2 == 1

    def message(self, number: int) -> Record:
        """A message; it belongs to the ticket that its own was merged into."""
        message = self._tickets.message(number)
        dice = Dice(self._population.key, Kind.MESSAGE, number)
        identity, ticket = self._ids.write(Kind.MESSAGE, number), self._tickets.survivor(message.ticket)
        ticket_id = self._ids.write(Kind.TICKET, ticket)
        channel, from_agent = self.channel(message.ticket), self._from_agent(message)
        agent = self._catalog.user_digest(dice.below(1 << 16))
        customer = self._people.digest(self._tickets.owner(message.ticket))
        body = dice.pick(LINES)
        public = not (from_agent and dice.one_in(6))
        sent = self._stamps(message.at + (0 if number >= self._population.messages else dice.below(1_000)))
        row: Record = {
            "id": identity,
            "uri": f"/api/tickets/{ticket_id}/messages/{identity}/",
            "message_id": f"<{identity}@mail.example.org>" if channel == "email" else None,
            "ticket_id": ticket_id,
            "external_id": None,
            "public": public,
            "channel": channel if public else "internal-note",
            "via": VIAS.get(channel, channel),
            "source": self._source(channel, agent, customer, from_agent=from_agent),
            "sender": agent if from_agent else customer,
            "receiver": customer if from_agent and public else None,
            "integration_id": self._ids.write(Kind.INTEGRATION, dice.below(len(INTEGRATIONS)))
            if dice.one_in(2)
            else None,
            "intents": [] if from_agent else [{"name": "shipping/status", "is_user_feedback": False}][: dice.below(2)],
            "rule_id": self._ids.write(Kind.RULE, 1) if from_agent and dice.one_in(10) else None,
            "from_agent": from_agent,
            "subject": dice.pick(SUBJECTS),
            "body_text": body,
            "body_html": f"<div>{body}</div>" if channel == "email" else None,
            "stripped_text": body,
            "stripped_html": None,
            "stripped_signature": None,
            "headers": self._headers(number) if channel == "email" else None,
            "attachments": self._attachments(number) if dice.one_in(8) else None,
            "actions": [{"name": "setStatus", "type": "system", "title": "", "status": "success", "arguments": {}}]
            if from_agent and dice.one_in(5)
            else None,
            "macros": [{"id": self._ids.write(Kind.MACRO, dice.below(24))}] if from_agent and dice.one_in(4) else None,
            "meta": self._free(dice, number),
            "created_datetime": self._stamps(message.at),
            "sent_datetime": sent,
            "failed_datetime": sent if dice.one_in(40) else None,
            "deleted_datetime": None,
            "opened_datetime": sent if from_agent and dice.one_in(3) else None,
            "last_sending_error": None,
            "is_retriable": False,
            "replied_by": None,
            "replied_to": None,
        }
        if row["failed_datetime"] is not None:
            row["last_sending_error"] = {"error": "550 mailbox “full”"}
        return row

    @staticmethod
    def _source(channel: str, agent: Record, customer: Record, *, from_agent: bool) -> Record:
        ends = [
            {"name": agent["name"], "address": "s@example.com"},
            {"name": customer["name"], "address": customer["email"]},
        ]
        sender, receiver = ends if from_agent else reversed(ends)
        extra: Record = {"aircall_call_id": 5} if channel == "phone" else {"include_thread": True}
        return {"type": channel, "from": sender, "to": [receiver], "cc": [], "bcc": [], "extra": extra}

    def _headers(self, number: int) -> Record:
        """Raw headers of a mail: another one now and then, without end."""
        headers: Record = {"Content-Type": "text/plain", "Received": f"from mx{number % 3}.example.org"}
        return headers if self._population.plain else headers | {f"X-Trace-{number % 9_000}": "1", "x-trace": "2"}

    @staticmethod
    def _attachments(number: int) -> list[Record]:
        name = f"photo {number}.jpg"
        extra: Record = {} if number % 2 else {"width": 640}
        url = f"https://attachments.example.org/{number}"
        return [
            {"url": url, "name": name, "size": number * 7, "content_type": "image/jpeg", "public": True, "extra": extra}
        ]
