"""Meetings, e-mails and attachments as the activity export has them."""

from __future__ import annotations

from extractor.sandbox.clari.calls import HISTORY_DAYS, Calls
from extractor.sandbox.clari.crm import CRM
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.reference import Reference
from extractor.sandbox.clari.texts import SUBJECTS
from extractor.sandbox.clari.timeline import Timeline
from extractor.sandbox.dice import Dice

__all__ = ["ACTIVITY_TYPES", "Activities"]

Record = dict[str, object]

ACTIVITY_TYPES = ("MEETING", "EMAIL_SENT", "EMAIL_RECEIVED", "ATTACHMENT_SENT", "ATTACHMENT_RECEIVED")
PER_CALL = 2
TEXT_DATE_EVERY, TEXT_DATE = 7, 3


class Activities:
    """Makes activities from their numbers, which follow the order of time.

    Attributes:
        count: how many there are.
    """

    def __init__(self, calls: Calls, ids: Ids, crm: CRM, reference: Reference) -> None:
        self.count = PER_CALL * calls.total
        self._calls = calls
        self._ids = ids
        self._crm = crm
        self._reference = reference
        self._times = Timeline(calls.key, Kind.ACTIVITY, count=self.count, end=calls.until, days=HISTORY_DAYS)

    def below(self, ms: float) -> int:
        """How many happened before an instant."""
        return self._times.below(ms)

    def id(self, n: int) -> str:
        """The id of activity n."""
        return self._ids.hex32(Kind.ACTIVITY, n)

    def type(self, n: int) -> str:
        """What activity n was."""
        return ACTIVITY_TYPES[n * 7 // 3 % len(ACTIVITY_TYPES)]

    def deal(self, n: int) -> int | None:
        """The deal that activity n is about, if any."""
        dice = Dice(self._calls.key, Kind.ACTIVITY, n, 1)
        return None if dice.one_in(8) else dice.below(self._calls.deals)

    def record(self, n: int) -> Record:
        """Activity n; every seventh date is a number in quotes."""
        date = self._times.at(n)
        owner, deal = self._reference.person(n), self.deal(n)
        quoted = n % TEXT_DATE_EVERY == TEXT_DATE and not self._calls.plain
        participants = [{"name": owner.name, "email": owner.email, "sfdcUserId": owner.crm_id, "isInternal": True}]
        accounts: list[Record] = []
        opportunities: list[Record] = []
        if deal is not None:
            guest, account = self._crm.contacts_of(deal)[0], deal // 2
            name = " ".join(self._crm.contact_name(guest))
            email = self._crm.contact_email(guest)
            participants.append({"name": name, "email": email, "sfdcUserId": "", "isInternal": False})
            accounts.append(
                {
                    "accountId": self._ids.crm(Kind.ACCOUNT, account),
                    "accountName": self._crm.company(account),
                    "accountOwnerId": self._reference.person(account).crm_id,
                }
            )
            opportunities.append(
                {
                    "opportunityId": self._ids.crm(Kind.DEAL, deal),
                    "opportunityName": f"{self._crm.company(account)} – {deal}",
                    "opportunityOwnerId": self._reference.person(deal).crm_id,
                }
            )
        return {
            "activityId": self.id(n),
            "activityType": self.type(n),
            "subject": SUBJECTS[n % len(SUBJECTS)],
            "date": str(date) if quoted else date,
            "activityOwnerId": owner.crm_id,
            "activityOrganiserId": owner.crm_id,
            "accounts": accounts,
            "opportunities": opportunities,
            "participants": participants,
        }
