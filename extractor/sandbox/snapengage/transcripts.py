"""The lines of a case, as the log shows them and as a chat in progress is polled."""

from __future__ import annotations

from dataclasses import dataclass

from extractor.sandbox.dice import Dice
from extractor.sandbox.snapengage.account import AGENTS, Agent
from extractor.sandbox.snapengage.changes import Changes
from extractor.sandbox.snapengage.ids import Kind
from extractor.sandbox.snapengage.population import LONG_LINES, SECOND, Case, Population
from extractor.sandbox.snapengage.texts import CUT_MESSAGE, LONG_MESSAGE, MESSAGES, NAMES, QUIET_MESSAGES

__all__ = ["Message", "Transcripts", "greeting"]

Record = dict[str, object]

CUT_ONE_IN = 500  # lines
FIRST_INDEX, INDEX_STEP = 4, 3  # of an agent's line in a poll; what lies between is the visitor's, and never shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One entry of a poll, written as it is."""

    index: int
    type: str
    author: str
    text: str


class Transcripts:
    """Makes lines from their numbers."""

    def __init__(self, population: Population, changes: Changes) -> None:
        self._key = population.key
        self._plain = population.plain
        self._messages = QUIET_MESSAGES if population.plain else MESSAGES
        self._changes = changes

    def agent(self, case: Case) -> Agent:
        """Who answered a case."""
        return AGENTS[Dice(self._key, Kind.CASE, case.w, case.n, 2).below(case.w + 1)]

    def visitor(self, case: Case) -> str:
        """The name of the visitor."""
        return Dice(self._key, Kind.VISITOR, case.w, case.n).pick(NAMES)

    def message(self, case: Case, k: int) -> str:
        """The text of line k; that of an offline case is line 0."""
        if case.lines == LONG_LINES:
            return LONG_MESSAGE
        dice = Dice(self._key, Kind.LINE, case.w, case.n, k)
        return dice.pick(self._messages) if self._plain or not dice.one_in(CUT_ONE_IN) else CUT_MESSAGE

    def lines(self, case: Case) -> list[Record]:
        """All lines of a case so far; visitor and agent take turns."""
        agent, visitor = self.agent(case), self.visitor(case)
        lines: list[Record] = []
        for k in range(self._changes.lines(case)):
            when = self._changes.line_time(case, k)
            line: Record = {
                "id": agent.id if k % 2 else "",
                "date": when,
                "date_seconds": when // SECOND,
                "date_milliseconds": when,
                "alias": agent.alias if k % 2 else visitor,
                "message": self.message(case, k),
            }
            if not self._plain and k % 5 == 4:
                line["translations"] = "translated" if k % 2 else None
            lines.append(line)
        return lines

    def messages(self, case: Case) -> list[Message]:
        """What a poll shows of a case: commands and the agent's lines while the chat goes on, nothing later."""
        if not case.open:
            return []
        agent = self.agent(case)
        answers = range(1, self._changes.lines(case), 2)
        return greeting(agent) + [
            Message(index=FIRST_INDEX + INDEX_STEP * k, type="agent", author=agent.alias, text=self.message(case, k))
            for k in answers
        ]


def greeting(agent: Agent) -> list[Message]:
    """The commands with which a chat begins."""
    commands = (f"/NIC {agent.alias} ", "/CAL 1 ", "/SYS EMTR false ")
    return [Message(index=n, type="system", author="system", text=text) for n, text in enumerate(commands)]
