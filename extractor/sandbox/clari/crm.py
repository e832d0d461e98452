"""Accounts, deals, contacts and opportunities: what the CRM holds, as the Copilot and the Revenue API show it.

Account n has the contacts 2n and 2n + 1; deal n belongs to account n // 2.
"""

from __future__ import annotations

from extractor.sandbox.clari.calls import Calls
from extractor.sandbox.clari.ids import Ids, Kind
from extractor.sandbox.clari.reference import Reference
from extractor.sandbox.clari.stamps import DAY, day_of, stamp
from extractor.sandbox.clari.texts import COMPANIES, FIRST_NAMES, LAST_NAMES
from extractor.sandbox.dice import Dice

__all__ = ["CRM"]

Record = dict[str, object]

GONE_EVERY, GONE = 23, 7
STAGES = ("Qualification", "Demo", "Négociation", "Closed Won")


class CRM:
    """Makes records from their numbers."""

    def __init__(self, calls: Calls, ids: Ids, reference: Reference) -> None:
        self._calls = calls
        self._ids = ids
        self._reference = reference

    def gone(self, kind: Kind, n: int) -> bool:
        """Is a record 404 though calls name it? Contacts and deals only."""
        return kind is not Kind.ACCOUNT and n % GONE_EVERY == GONE and not self._calls.plain

    def find(self, kind: Kind, crm_id: str) -> int | None:
        """The number of a record that is served, by its id in the CRM."""
        counts = {Kind.ACCOUNT: self._calls.accounts, Kind.DEAL: self._calls.deals, Kind.CONTACT: self._calls.contacts}
        n = self._ids.read_crm(kind, crm_id)
        return None if n is None or n >= counts[kind] or self.gone(kind, n) else n

    def opportunity_number(self, crm_id: str) -> int | None:
        """The number of a deal by its id; the Revenue API has all of them."""
        n = self._ids.read_crm(Kind.DEAL, crm_id)
        return None if n is None or n >= self._calls.deals else n

    def contacts_of(self, deal: int) -> tuple[int, int]:
        """The contacts of the account of a deal."""
        return deal // 2 * 2, deal // 2 * 2 + 1

    def company(self, n: int) -> str:
        """The name of account n."""
        return f"{COMPANIES[n % len(COMPANIES)]} {n}"

    def contact_name(self, n: int) -> tuple[str, str]:
        """First and last name of contact n."""
        dice = Dice(self._calls.key, Kind.CONTACT, n)
        return dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES)

    def contact_email(self, n: int) -> str:
        """The address of contact n."""
        return f"p{n}@account{n // 2}.example"

    def amount(self, deal: int) -> str:
        """What a deal is worth, as text."""
        return f"{Dice(self._calls.key, Kind.DEAL, deal).between(1_000, 900_000)}.00"

    def stage(self, deal: int) -> str:
        """Where a deal stands."""
        return STAGES[deal % len(STAGES)]

    def closes(self, deal: int) -> int:
        """The day on which a deal is to be closed, in milliseconds."""
        return self._calls.until + (Dice(self._calls.key, Kind.DEAL, deal, 1).below(300) - 200) * DAY

    def account(self, n: int) -> Record:
        """Account n as `/get-account` shows it."""
        account: Record = {
            "id": self._ids.hex24(Kind.ACCOUNT, n),
            "crm_id": self._ids.crm(Kind.ACCOUNT, n),
            "name": self.company(n),
            "phones": [f"+1724{n:07d}"] if n % 3 else [],
            "website": f"https://account{n}.example",
            "city": ("Århus", "Köln", "大阪")[n % 3],
            "country": ("DK", "DE", "JP")[n % 3],
            "zip": f"{n % 100_000:05d}",
            "custom_fields": [{"key": "Tier__c", "value": "gold" if n % 2 else ""}],
        }
        return (
            account
            if n % 4
            else account | {"description": 'Said "yes",\nthen "no"', "address": "1 Main St", "state": ""}
        )

    def contact(self, n: int) -> Record:
        """Contact n as `/get-contact` shows it."""
        first, last = self.contact_name(n)
        contact: Record = {
            "id": self._ids.hex24(Kind.CONTACT, n),
            "crm_id": self._ids.crm(Kind.CONTACT, n),
            "account_crm_id": self._ids.crm(Kind.ACCOUNT, n // 2),
            "first_name": first,
            "last_name": last,
            "job_title": ("CFO", "Einkäuferin", "")[n % 3],
            "phones": [],
            "emails": [self.contact_email(n)],
            "is_lead": n % 11 == 0,
            "custom_fields": [],
        }
        return contact if n % 5 else contact | {"stage": "NEW", "reason": "referral"}

    def deal(self, n: int) -> Record:
        """Deal n as `/get-deal` shows it."""
        created = self.closes(n) - 120 * DAY
        moved = {"stage": self.stage(n), "prev_stage": STAGES[0], "date_changed": stamp(created + 30 * DAY)}
        deal: Record = {
            "id": self._ids.hex24(Kind.DEAL, n),
            "crm_id": self._ids.crm(Kind.DEAL, n),
            "owner_crm_id": self._reference.person(n).crm_id,
            "deal_name": f"{self.company(n // 2)} – {n}",
            "amount": self.amount(n),
            "close_date": stamp(self.closes(n)),
            "created_date": stamp(created),
            "stage": self.stage(n),
            "probability": str(n % 11 * 10),
            "forecast_category": "Commit" if n % 3 else "Omitted",
            "account_crm_id": self._ids.crm(Kind.ACCOUNT, n // 2),
            "stage_change_history": [moved] if n % 4 else [],
            "close_date_change_history": [],
            "custom_fields": [{"key": "Region__c", "value": "EMEA"}],
        }
        return deal if n % 6 else deal | {"next_call_date": stamp(self._calls.until + 3 * DAY), "deal_reason": "price"}

    def opportunity(self, n: int) -> Record:
        """Deal n as the Revenue API shows it."""
        amount = float(self.amount(n))
        change: Record = {"oldValue": amount / 2, "newValue": amount, "date": self.closes(n) - 60 * DAY}
        fields = [
            _field("opportunity.amount", amount, [change]),
            _field("opportunity.stage", self.stage(n), []),
            _field("opportunity.closeDate", day_of(self.closes(n)), []),
            _field("opportunity.nextStep", None if n % 2 else "call back", []),
        ]
        score = {"message": "based on activity", "score": n % 101}
        return {"id": self._ids.crm(Kind.DEAL, n), "crmScore": score, "fields": fields}


def _field(name: str, value: object, history: list[Record]) -> Record:
    alias = name.partition(".")[2]
    return {
        "id": name,
        "alias": alias,
        "imageUrl": "",
        "trend": "UP" if history else "NONE",
        "value": value,
        "originalValue": value,
        "trendHistory": history,
    }
