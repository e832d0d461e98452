"""Who answers the visitors: agents, users and widgets of the organisation."""

from __future__ import annotations

from dataclasses import dataclass

from extractor.sandbox.dice import Dice
from extractor.sandbox.snapengage.ids import Ids, Kind
from extractor.sandbox.snapengage.population import WIDGETS

__all__ = ["AGENTS", "Account", "Agent"]

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who chats with visitors."""

    alias: str
    email: str

    @property
    def id(self) -> str:
        """As transcripts name the agent."""
        return f"wc:{self.email}"


AGENTS = (
    Agent("Sam", "sam@sandbox.example"),
    Agent("Zoë from Support", "zoe@sandbox.example"),
    Agent("Max", "max.power+chat@sandbox.example"),
)
OWNER = "owner@sandbox.example"
FOREIGN = "partner@elsewhere.example"
WIDGET_NAMES = ("Main site", "Pricing – EU", "Docs 📚")


class Account:
    """Look-ups by id and e-mail address.

    Attributes:
        emails: of every user that a look-up knows; the first is the owner's.
        widgets: ids.
    """

    def __init__(self, ids: Ids, key: bytes) -> None:
        self._own = (OWNER, *(agent.email for agent in AGENTS))
        self.emails = (*self._own, FOREIGN)
        self.widgets = tuple(ids.widget(w) for w in range(WIDGETS))
        self._key = key

    def user(self, email: str) -> Record | None:
        """A user; of one that was not created with our key no more than that there is one."""
        email = email.lower()
        if email not in self.emails:
            return None
        if email == FOREIGN:
            return {"exists": True}
        names = {agent.email: agent.alias for agent in AGENTS}
        return {
            "email": email,
            "name": names.get(email, "Olivia Owner"),
            "phone": "+13035550100",
            "accountType": "enterprise" if email == OWNER else "biz",
            "templateId": str(Dice(self._key, Kind.CREDENTIAL, 7).below(10**6)),
        }

    def widget(self, widget_id: str, email: str) -> Record | None:
        """A widget, for a user of its account."""
        if widget_id not in self.widgets or email.lower() not in self._own:
            return None
        w = self.widgets.index(widget_id)
        return {
            "email": OWNER,
            "destinationEmail": f"inbox+{w}@sandbox.example",
            "name": WIDGET_NAMES[w],
            "uuid": widget_id,
            "agents": [
                {
                    "agentId": agent.id,
                    "agentAlias": agent.alias,
                    "agentAvatar": f"https://images.sandbox.example/{agent.alias}.png",
                    "agentType": "WebClient",
                }
                for agent in AGENTS[: w + 1]
            ],
        }

    def availability(self, widget_id: str) -> Record | None:
        """Whether somebody answers at a widget: Boolean by the vendor's text, strings in its samples."""
        if widget_id not in self.widgets:
            return None
        dice = Dice(self._key, Kind.WIDGET, self.widgets.index(widget_id))
        names = ("online", "emailRequired", "messageRequired", "screenshotRequired")
        return {"widgetId": widget_id, **{name: dice.pick(("true", "false")) for name in names}}
