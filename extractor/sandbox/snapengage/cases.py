"""Cases as the Logs API shows them, uneven as they are: every key but `id` may be missing."""

from __future__ import annotations

from datetime import UTC, datetime

from extractor.sandbox.dice import Dice
from extractor.sandbox.snapengage.changes import Changes
from extractor.sandbox.snapengage.ids import Ids, Kind
from extractor.sandbox.snapengage.population import SECOND, Case, Population
from extractor.sandbox.snapengage.texts import VARIABLES
from extractor.sandbox.snapengage.transcripts import Transcripts

__all__ = ["Cases", "spelled"]

Record = dict[str, object]

PLACES = (
    ("US", "United States", "CO", "Boulder", 40.01, -105.27),
    ("DE", "Germany", "NW", "Köln", 50.94, 6.96),
    ("JP", "Japan", "13", "東京", 35.68, 139.69),
    ("BR", "Brazil", "SP", "São Paulo", -23.55, -46.63),
    ("", "", "", "", 0, 0),
)
BROWSERS = (("Chrome", "Mac OS X"), ("Firefox", "Linux"), ("Safari", "iOS"), ("Edge", "Windows 11"))
LANGUAGES = ("en", "de", "ja", "pt", "")
SOURCES = (1, 2, 5)
SCORES = (0, 20, 40, 60, 80, 100)
COMMENTS = ("", "great 👍", "too slow\nreally")
MISTYPED = ("latitude", "longitude", "source_id", "chat_waittime", "chat_duration")


class Cases:
    """Makes cases from their numbers."""

    def __init__(
        self, population: Population, ids: Ids, changes: Changes, transcripts: Transcripts, *, string_dates: bool
    ) -> None:
        self._population = population
        self._plain = population.plain
        self._ids = ids
        self._changes = changes
        self._transcripts = transcripts
        self._string_dates = string_dates

    def record(self, case: Case) -> Record:
        """A case by now."""
        dice = Dice(self._population.key, Kind.CASE, case.w, case.n, 3)
        record = self._head(case, dice) | self._surroundings(dice) | self._chat(case, dice) | self._extras(case, dice)
        if not self._plain:
            record = _uneven(record, dice)
        return record | self._survey(case)

    def _head(self, case: Case, dice: Dice) -> Record:
        case_id = self._ids.case(case.w, case.n)
        email = "" if dice.one_in(5) else f"v{case.w}.{case.n}@example.org"
        as_text = self._string_dates or (not self._plain and dice.one_in(4))
        return {
            "id": case_id,
            "url": f"https://www.snapengage.com/viewcase?c={case_id}",
            "type": "offline" if case.offline else "chat",
            "requested_by": email,
            "requester_details": self._visitor(case, email, dice),
            "description": self._transcripts.message(case, 0),
            "created_at_date": spelled(case.created) if as_text else case.created,
            "created_at_seconds": case.created // SECOND,
            "created_at_milliseconds": case.created,
            "proactive_chat": dice.one_in(3),
        }

    def _visitor(self, case: Case, email: str, dice: Dice) -> Record:
        details: Record = {"name": self._transcripts.visitor(case), "emails": [email] if email else [], "phones": []}
        if dice.one_in(4):
            details |= {
                "company_name": "Müller & Söhne, Ltd.",
                "employees": dice.pick(("11-50", "1000+")),
                "social_profile_links": [f"twitter,visitor{case.n},{case.n},", "linkedin,,,"],
                "influencer_score": dice.below(100),
                "avatars": [],
            }
        return details

    def _surroundings(self, dice: Dice) -> Record:
        code, country, region, city, latitude, longitude = dice.pick(PLACES)
        browser, system = dice.pick(BROWSERS)
        return {
            "page_url": f"https://shop.example/p/{dice.below(500)}?utm_source=mail&q=a%20b",
            "referrer_url": dice.pick(("", "https://search.example/?q=shop")),
            "entry_url": "https://shop.example/",
            "destination_url": "",
            "ip_address": f"203.0.113.{dice.below(256)}",
            "user_agent": f"Mozilla/5.0 ({system}) {browser}",
            "browser": browser,
            "os": system,
            "country_code": code,
            "country": country,
            "region": region,
            "city": city,
            "latitude": latitude,
            "longitude": longitude,
            "source_id": dice.pick(SOURCES),
            "language_code": dice.pick(LANGUAGES),
        }

    def _chat(self, case: Case, dice: Dice) -> Record:
        """What an offline case hasn't got."""
        if case.offline:
            return {}
        agent = self._transcripts.agent(case)
        chat: Record = {
            "chat_waittime": dice.below(90),
            "chat_agent_id": agent.id,
            "chat_agent_alias": agent.alias,
            "transcripts": self._transcripts.lines(case),
        }
        if not case.open:
            chat["chat_duration"] = case.lines * case.gap // SECOND
            chat["chat_ended_by"] = dice.pick(("visitor", "agent"))
        return chat

    def _survey(self, case: Case) -> Record:
        """Nothing until the visitor has answered; the rest of the record is the same before and after."""
        if not self._changes.is_surveyed(case):
            return {}
        dice = Dice(self._population.key, Kind.SURVEY, case.w, case.n)
        score = dice.pick(SCORES)
        survey: Record = {"survey_score": str(score) if dice.one_in(8) and not self._plain else score}
        return survey if dice.one_in(2) else survey | {"survey_comments": dice.pick(COMMENTS)}

    def _extras(self, case: Case, dice: Dice) -> Record:
        chosen = dice.below(len(VARIABLES))
        variables = [{"name": name, "value": value} for name, value in VARIABLES[chosen : chosen + dice.below(4)]]
        labels = [{"name": "topic", "value": dice.pick(("billing", "shipping", "Ünïcode"))}] if dice.one_in(3) else []
        extras: Record = {"plugins": [], "javascript_variables": variables, "operator_variables": [], "labels": labels}
        return extras | {"widget_id": self._ids.widget(case.w)} if dice.one_in(3) else extras


def _uneven(record: Record, dice: Dice) -> Record:
    """A record without some of its keys, with numbers as text, with its transcript under the older name."""
    names = [name for name in record if name != "id"]
    missing = {dice.pick(names) for _ in range(dice.below(5))}
    kept = {name: value for name, value in record.items() if name not in missing}
    if dice.one_in(8):
        kept |= {name: str(kept[name]) for name in MISTYPED if name in kept}
    if dice.one_in(10) and "transcripts" in kept:
        kept["transcript"] = kept.pop("transcripts")
    return kept


def spelled(ms: int) -> str:
    """An instant as pushes and older samples have it: in GMT without saying so, such as `Oct 3, 2014 2:14:31 PM`."""
    at = datetime.fromtimestamp(ms // SECOND, UTC)
    half = "AM" if at.hour < 12 else "PM"
    return f"{at:%b} {at.day}, {at.year} {at.hour % 12 or 12}:{at:%M:%S} {half}"
