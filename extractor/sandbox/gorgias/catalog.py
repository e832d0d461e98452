"""The short lists that people look after: users, teams, tags, macros, views, custom fields, settings."""

from __future__ import annotations

from extractor.sandbox.dice import Dice
from extractor.sandbox.gorgias.ids import Ids, Kind
from extractor.sandbox.gorgias.population import Population
from extractor.sandbox.gorgias.stamps import DAY, Stamps
from extractor.sandbox.gorgias.texts import FIRST_NAMES, LAST_NAMES, LINES

__all__ = ["AGENT", "CUSTOMER_FIELDS", "TAGS", "TICKET_FIELDS", "Catalog", "Record"]

Record = dict[str, object]

AGENT = "agent@sandbox.example"
"""E-mail address of the user whose key the sandbox accepts."""
ROLES = ("admin", "agent", "agent", "basic-agent", "lite-agent", "observer-agent", "internal-agent", "bot")
TAGS = ("refund", "VIP", "late", "späť", "a,b", "urgent 🔥", "return", "refund ", "WISMO", "b2b", "spam?", "x-small")
TEAMS = ("Tier 1", "Tier 2", "Night shift 🌙", "Social")
VIEWS = ("Recent", "Open", "Closed", "By phone", "Trash")
ACTIONS: tuple[tuple[str, str, Record], ...] = (
    ("addTags", "Add tags", {"tags": "refund,late"}),
    ("setResponseText", "Response text", {"body_html": "<p>Hi {{ticket.customer.firstname}},</p>", "body_text": "Hi"}),
    ("setStatus", "Set status", {"status": "closed"}),
    ("http", "HTTP hook", {"url": "https://hooks.example.org", "headers": [{"key": "X", "value": "1"}], "form": None}),
)
INTENTS = (None, "shipping/status", "order/cancel", "discount/request")
LANGUAGES = ("en", "fr", "de", None)
TICKET_FIELDS = ("text", "number", "boolean", "list", "text")
CUSTOMER_FIELDS = ("text", "number", "list")
"""Type of value of each custom field; a list is a field of type text that takes several choices."""
SETTINGS = ("business-hours", "satisfaction-surveys", "ticket-assignment", "views-ordering", "auto-merge", "access")


class Catalog:
    """Everything is made once: these lists are short.

    Attributes:
        lists: records by the name of their table; position in the list is the record's number.
        account: the one account.
    """

    def __init__(self, population: Population, ids: Ids, stamps: Stamps) -> None:
        self._population = population
        self._ids = ids
        self._stamps = stamps
        grown = population.size // 500
        self.users = [self._user(n) for n in range(6 + min(50, grown))]
        fields = [self._field(n, kind, "Ticket") for n, kind in enumerate(TICKET_FIELDS)]
        fields += [self._field(len(fields) + n, kind, "Customer") for n, kind in enumerate(CUSTOMER_FIELDS)]
        self.lists: dict[str, list[Record]] = {
            "users": self.users,
            "teams": [self._team(n) for n in range(len(TEAMS))],
            "tags": [self._tag(n) for n in range(len(TAGS) + min(300, grown))],
            "macros": [self._macro(n) for n in range(24 + min(300, grown))],
            "views": [self._view(n) for n in range(len(VIEWS))],
            "custom_fields": fields,
            "account_settings": [self._setting(n) for n in range(len(SETTINGS))],
        }
        self.account: Record = {
            "domain": "sandbox",
            "status": {"status": "active"},
            "created_datetime": stamps(population.timeline.begin - 30 * DAY),
            "current_subscription": {"plan": "pro-monthly", "start_datetime": self.created(0, 1), "status": "active"},
            "meta": {"company_size": "11-50", "onboarding": {"step-3": True}},
            "settings": self.lists["account_settings"],
        }

    def created(self, number: int, count: int) -> str:
        """When record `number` of `count` was created: they are spread over the whole past."""
        return self._stamps(self._when(number, count))

    def user(self, draw: int) -> Record:
        """One of the users."""
        return self.users[draw % len(self.users)]

    def user_digest(self, draw: int) -> Record:
        """A user as tickets and teams show it."""
        user = self.user(draw)
        return {name: user[name] for name in ("id", "email", "name", "firstname", "lastname", "bio", "meta")}

    def team_digest(self, draw: int) -> Record:
        """A team as tickets show it."""
        n = draw % len(TEAMS)
        return {"id": self._ids.write(Kind.TEAM, n), "name": TEAMS[n], "decoration": {"emoji": {}}}

    def tag_digest(self, n: int) -> Record:
        """A tag as tickets show it."""
        tag = self.lists["tags"][n]
        return {name: tag[name] for name in ("id", "name", "decoration")}

    def field_of(self, object_type: str, n: int) -> Record:
        """Custom field n of tickets or of customers."""
        return self.lists["custom_fields"][n if object_type == "Ticket" else len(TICKET_FIELDS) + n]

    def _when(self, number: int, count: int) -> int:
        begin, until = self._population.timeline.begin, self._population.until
        step = (until - begin) // (count + 1)
        return begin + number * step + Dice(self._population.key, -2, number, count).below(step)

    def _dates(self, number: int, count: int) -> Record:
        when = self._when(number, count)
        later = when + Dice(self._population.key, -3, number, count).below(self._population.until - when)
        return {"created_datetime": self._stamps(when), "updated_datetime": self._stamps(later)}

    def _user(self, n: int) -> Record:
        first, last = FIRST_NAMES[n % len(FIRST_NAMES)], LAST_NAMES[n * 3 % len(LAST_NAMES)]
        identity = self._ids.write(Kind.USER, n)
        dates = self._dates(n, 60)
        return {
            "id": identity,
            "uri": f"https://sandbox.gorgias.com/api/users/{identity}/",
            "active": n != 4,
            "bio": None if n % 3 else "speaks “five” languages\nand sleeps",
            "country": ("US", "FR", None)[n % 3],
            "email": AGENT if n == 0 else f"agent{n}@sandbox.example",
            "external_id": None if n % 2 else str(100 + n),
            "firstname": first,
            "lastname": last,
            "name": f"{first} {last}",
            "has_password": n != 5,
            "has_2fa_enabled": n % 2 == 0,
            "language": "en",
            "timezone": "America/New_York",
            "meta": {"sso": {}, "profile_picture_url": f"https://images.example.org/{n}.png"} if n % 2 else None,
            "role": {"name": ROLES[n % len(ROLES)]},
            **dates,
            "deactivated_datetime": dates["updated_datetime"] if n == 4 else None,
        }

    def _team(self, n: int) -> Record:
        identity = self._ids.write(Kind.TEAM, n)
        members = [
            {name: user[name] for name in ("id", "name", "email", "meta")} for user in self.users[n :: len(TEAMS)]
        ]
        return {
            "id": identity,
            "uri": f"/api/teams/{identity}/",
            "name": TEAMS[n],
            "description": None if n == 3 else f"the {TEAMS[n]}",
            "decoration": {"emoji": {"native": "🌙"}} if n == 2 else {"emoji": {}},
            "members": members,
            "created_datetime": self.created(n, len(TEAMS)),
        }

    def _tag(self, n: int) -> Record:
        identity = self._ids.write(Kind.TAG, n)
        return {
            "id": identity,
            "uri": f"/api/tags/{identity}/",
            "name": TAGS[n] if n < len(TAGS) else f"tag {n}",
            "description": None if n % 2 else f"about {n}",
            "decoration": None
            if n % 4 == 3
            else {"color": f"#{Dice(self._population.key, Kind.TAG, n).below(1 << 24):06X}"},
            "usage": n * 37 % 19,
            "created_datetime": self.created(n, len(TAGS) + 300),
            "deleted_datetime": None,
        }

    def _macro(self, n: int) -> Record:
        identity = self._ids.write(Kind.MACRO, n)
        dates = self._dates(n, 324)
        return {
            "id": identity,
            "uri": f"/api/macros/{identity}/",
            "external_id": None if n % 4 else f"m-{n}",
            "name": f"Macro {n}: {LINES[n % 6][:30]}",
            "intent": INTENTS[n % len(INTENTS)],
            "language": LANGUAGES[n % len(LANGUAGES)],
            "usage": n * 11 % 17,
            "actions": [
                {"name": name, "type": "user", "title": title, "arguments": arguments}
                for name, title, arguments in ACTIONS[: n % 5]
            ],
            **dates,
            "archived_datetime": dates["updated_datetime"] if n % 6 == 5 else None,
        }

    def _view(self, n: int) -> Record:
        identity = self._ids.write(Kind.VIEW, n)
        shared = n == 3
        return {
            "id": identity,
            "uri": f"/api/views/{identity}/",
            "name": VIEWS[n],
            "slug": VIEWS[n].lower().replace(" ", "-"),
            "category": "system" if n == 0 else None,
            "type": "ticket-list",
            "visibility": ("public", "public", "private", "shared", "public")[n],
            "order_by": "updated_datetime",
            "order_dir": "desc",
            "filters": f"eq(ticket.kind, '{VIEWS[n].lower()}')",
            "fields": ["details", "tags", "customer", "created", "channel"][: 2 + n],
            "search": None,
            "decoration": {"emoji": "☎️"} if shared else None,
            "shared_with_users": [{"id": self.users[1]["id"]}] if shared else [],
            "shared_with_teams": [{"id": self._ids.write(Kind.TEAM, 1)}] if shared else [],
            "created_datetime": self.created(n, len(VIEWS)),
            "deactivated_datetime": None,
        }

    def _field(self, n: int, kind: str, object_type: str) -> Record:
        dates = self._dates(n, 8)
        settings: Record = {"input_type": {"text": "dropdown", "list": "multi_dropdown"}.get(kind, "input")}
        if kind in ("text", "list"):
            settings |= {"choices": ["Shipping::Late", "Shipping::Lost", "Größe"], "default": None}
        elif kind == "number":
            settings |= {"placeholder": "0", "min": 0, "max": 10}
        archived = n in (len(TICKET_FIELDS) - 1, len(TICKET_FIELDS) + len(CUSTOMER_FIELDS) - 1)
        return {
            "id": self._ids.write(Kind.CUSTOM_FIELD, n),
            "object_type": object_type,
            "label": f"{object_type} field {n}",
            "description": None if n % 2 else "what it's for",
            "definition": {"data_type": "text" if kind == "list" else kind, "input_settings": settings},
            "managed_type": "contact_reason" if n == 0 else None,
            "priority": 100 - n // 2,  # several have the same
            "required": n == 0,
            "requirement_type": "required" if n == 0 else "visible",
            "external_id": None,
            **dates,
            "deactivated_datetime": dates["updated_datetime"] if archived else None,
        }

    def _setting(self, n: int) -> Record:
        data: tuple[object, ...] = (
            {"timezone": "US/Pacific", "business_hours": [{"days": "1,2,3,4,5", "from_time": "09:00"}]},
            {"send_survey_for_chat": True, "survey_interval": 2},
            {"auto_assign_to_teams": True, "assignment_channels": ["email", "phone"]},
            {"views": {str(self._ids.write(Kind.VIEW, v)): {"display_order": v} for v in range(len(VIEWS))}},
            {"tickets": {"enabled": True, "merging_window_days": 5}},
            {"signup_mode": "invite", "google_sso_enabled": False, "allowed_domains": []},
        )
        return {"id": self._ids.write(Kind.SETTING, n), "type": SETTINGS[n], "data": data[n]}
