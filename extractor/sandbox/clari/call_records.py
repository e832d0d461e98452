"""Calls and scorecards as the Copilot API shows them; what is absent has no key."""

from __future__ import annotations

from extractor.sandbox.clari.calls import Calls, Talk
from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.reference import TOPICS, Person, Reference
from extractor.sandbox.clari.stamps import DAY, stamp
from extractor.sandbox.clari.texts import PHRASES, TITLES
from extractor.sandbox.dice import Dice

__all__ = ["CallRecords"]

Record = dict[str, object]

SCORECARD_EVERY = 4
DISPOSITIONS = {"NOBODY_JOINED_CALL": "CALL_NOBODY_JOINED", "BOTJOIN_DENIED": "CALL_BOTJOIN_DENIED"}


class CallRecords:
    """Makes records from their numbers."""

    def __init__(self, calls: Calls, ids: Ids, crm: CRM, reference: Reference) -> None:
        self._calls = calls
        self._ids = ids
        self._crm = crm
        self._reference = reference

    # ── calls ───────────────────────────────────────────────────────────────────────────────

    def id(self, i: int) -> str:
        """The id of call i."""
        return self._ids.uuid(Kind.CALL, i)

    def number(self, call_id: str) -> int | None:
        """The call that has an id, or None."""
        read = self._ids.read(call_id)
        return read[1] if read and read[0] is Kind.CALL and read[1] < self._calls.total else None

    def reps(self, talk: Talk) -> list[Person]:
        """Those of the own company who take part; the first one invited the others."""
        second = [self._reference.person(talk.rep + 1)] if talk.i % 3 == 0 else []
        return [self._reference.person(talk.rep), *second]

    def guests(self, talk: Talk) -> tuple[int, ...]:
        """Numbers of the contacts who take part."""
        return () if talk.deal is None else self._crm.contacts_of(talk.deal)[: 1 + talk.i % 2]

    def guest_email(self, n: int) -> str | None:
        """The address of a guest, if the record shows one."""
        return self._crm.contact_email(n) if n % 3 else None

    def source_id(self, talk: Talk) -> str | None:
        """What a call is known as where it came from; bots have no such thing."""
        return f"src-{talk.i:07d}" if talk.type in ("RECORDING", "DIALPAD", "AIRCALL_RECORDING") else None

    def topics(self, talk: Talk) -> list[str]:
        """What was talked about, as far as topics cover it."""
        return [TOPICS[(talk.i + n) % len(TOPICS)] for n in range(talk.i % 4)] if talk.finished else []

    def call(self, talk: Talk, *, audio_until: int | None = None, video_until: int | None = None) -> Record:
        """A call as `/calls` shows it; links to its media are signed until an instant (milliseconds), or null."""
        people, guests = self.reps(talk), self.guests(talk)
        users = [
            {"userId": one.id, "userEmail": one.email, "isOrganizer": n == 0, "personId": n}
            for n, one in enumerate(people)
        ]
        outside = [self._guest(n, len(users) + place) for place, n in enumerate(guests)]
        record: Record = {
            "id": self.id(talk.i),
            "title": TITLES[talk.i % len(TITLES)],
            "users": users,
            "externalParticipants": outside,
            "joinedParticipants": [{"personId": n} for n in range(len(users))] if talk.finished else [],
            "status": talk.status,
            "bot_not_join_reason": ["HOST_DENIED"] if talk.status == "BOTJOIN_DENIED" else [],
            "type": talk.type,
            "time": stamp(talk.start),
            "last_modified_time": stamp(talk.modified),
            "audio_url": self._media(talk, "audio.mp3", audio_until),
            "video_url": self._media(talk, "video.mp4", video_until),
            "disposition": self._disposition(talk),
            "call_review_page_url": f"https://copilot.sandbox.example/calls/{self.id(talk.i)}",
        }
        if (source := self.source_id(talk)) is not None:
            record["source_id"] = source
        elif talk.i % 2:
            record |= {"icaluid": f"{talk.i}@calendar.example", "calendar_id": people[0].email}
        if talk.i % 10 == 3:
            record |= {"recurring_event_id": f"r{talk.i // 100}", "original_start_time": stamp(talk.start - DAY)}
        if talk.deal is not None:
            record |= self._deal_fields(talk.deal, guests)
        if talk.finished:
            record |= {"bookmark_timestamps": [12.5] if talk.i % 8 == 0 else [], "metrics": self._metrics(talk)}
        return record

    def _guest(self, n: int, person: int) -> Record:
        guest: Record = {"name": " ".join(self._crm.contact_name(n)), "personId": person}
        if (email := self.guest_email(n)) is not None:
            guest["email"] = email
        return guest if n % 4 else guest | {"phone": f"+1724{n:07d}"}

    def _deal_fields(self, deal: int, guests: tuple[int, ...]) -> Record:
        fields: Record = {
            "deal_name": f"{self._crm.company(deal // 2)} – {deal}",
            "deal_value": self._crm.amount(deal),
            "deal_close_date": stamp(self._crm.closes(deal)),
            "deal_stage_before_call": self._crm.stage(deal),
            "account_name": self._crm.company(deal // 2),
            "contact_names": [" ".join(self._crm.contact_name(n)) for n in guests],
        }
        return fields | {
            "crm_info": {
                "source_crm": "SALESFORCE",
                "deal_id": self._ids.crm(Kind.DEAL, deal),
                "account_id": self._ids.crm(Kind.ACCOUNT, deal // 2),
                "contact_ids": [self._ids.crm(Kind.CONTACT, n) for n in guests],
            }
        }

    def _metrics(self, talk: Talk) -> Record:
        dice = Dice(self._calls.key, Kind.CALL, talk.i, 2)
        organizer = self._reference.person(talk.rep)
        phrase = {"text": dice.pick(PHRASES), "user_id": organizer.id, "name": organizer.name, "time": 14.25}
        categories = [
            {"name": name, "occurences": 1, "phrases_matched": [phrase], "ai_detected": n > 0}
            for n, name in enumerate(self.topics(talk))
        ]
        return {
            "talk_listen_ratio": round(dice.unit() * 3, 3),
            "num_questions_asked": dice.below(30),
            "num_questions_asked_by_reps": dice.below(12),
            "call_duration": talk.duration,
            "total_speak_duration": round(talk.duration * 0.9, 2),
            "longest_monologue_duration": dice.below(200),
            "longest_monologue_start_time": dice.below(max(1, talk.duration)),
            "engaging_questions": dice.below(5),
            "categories": categories,
        }

    def _media(self, talk: Talk, name: str, until: int | None) -> str | None:
        if until is None or not talk.finished:
            return None
        return f"https://media.sandbox.example/{self.id(talk.i)}/{name}?Expires={until // 1000}&Signature=x"

    @staticmethod
    def _disposition(talk: Talk) -> str:
        if talk.finished:
            connected = talk.deal is not None
            return "CALL_CONNECTED_WITH_PROSPECT" if connected else "CALL_DID_NOT_CONNECT_WITH_PROSPECT"
        return DISPOSITIONS.get(talk.status, "UNKNOWN_CALL_DISPOSITION")

    # ── scorecards ──────────────────────────────────────────────────────────────────────────

    @property
    def scorecards(self) -> int:
        """How many there are: one for every fourth call of the past."""
        return self._calls.count // SCORECARD_EVERY

    def scored(self, s: int) -> int:
        """When scorecard s was filled in; never earlier than the one before it."""
        return self._calls.at(s * SCORECARD_EVERY)

    def scorecard_people(self, s: int) -> tuple[str, str]:
        """The ids of the user who is judged and of the one who judges."""
        rep = self._calls.call(s * SCORECARD_EVERY).rep
        return self._reference.person(rep).id, self._reference.person(s % 2).id

    def scorecard(self, s: int) -> Record:
        """Scorecard s as `/scorecard` shows it: without any timestamp."""
        dice = Dice(self._calls.key, Kind.SCORECARD, s)
        rep, scorer = self.scorecard_people(s)
        template = self._reference.templates[s % len(self._reference.templates)]
        scores = [dice.between(1, 5) for _ in range(3)]
        questions = [
            {"score": score, "skill": f"skill {n}", "label": f"question {n}", "order": str(n)}
            for n, score in enumerate(scores)
        ]
        return {
            "id": self._ids.hex24(Kind.SCORECARD, s),
            "type": template["type"],
            "rep": rep,
            "scorer": scorer,
            "template_id": template["id"],
            "call_id": self.id(s * SCORECARD_EVERY),
            "total_score": sum(scores) / len(scores),
            "remark": "" if s % 3 else "good energy,\nless talking",
            "questions_score": questions,
        }
