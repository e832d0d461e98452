"""Lists whose cursors expire, but whose order by an instant tells what is missing."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from extractor.errors import Endless
from extractor.model import Answer, Call, Rejected
from extractor.paginate.fields import field_of, instant, text_at
from extractor.paginate.progress import Progress, expired

__all__ = ["watermarked"]

_RESTARTS = 10
"""So often a list with a watermark is walked anew; a vendor that takes no cursor would be asked for ever."""


def watermarked(
    kept: str | None, *, at: str, param: str, watermark: str, newest_first: tuple[tuple[str, str], ...]
) -> Generator[Call, Answer, bool]:
    """From cursor to cursor, oldest first; once a cursor has expired, newest first down to the rows that were seen.

    A row that changes while the list is walked newest first moves to its front, out of the walk's way. So such a walk
    is followed by another one, down to where the one before began, until nothing can have come up meanwhile.
    """
    mark = _Mark.read(kept)
    progress = Progress(mark.cursor)
    restarts, checked = 0, False
    while True:
        params = (newest_first if mark.floor else ()) + (((param, mark.cursor),) if mark.cursor else ())
        try:
            answer = yield Call(params=params, cursor=mark.text())
        except Rejected as error:
            if not expired(error) or not mark.cursor or restarts == _RESTARTS:
                raise
            restarts += 1
            mark, progress = replace(mark, cursor="", floor=mark.floor or mark.newest), Progress()
            continue
        progress.read(answer.records)
        instants = [found for record in answer.records if (found := instant(field_of(record, watermark)))]
        cursor, limited = text_at(answer.content, at), answer.limited
        del answer
        mark = mark.after(cursor, instants)
        if mark.cursor and not mark.reached(instants):
            progress.follow(mark.cursor)
            continue
        if mark.floor is None or progress.pages == 1 or (checked and mark.newest == mark.floor):
            return limited
        if restarts == _RESTARTS:
            raise Endless(f"records come up faster than {progress.pages} pages of them can be read")
        restarts, checked = restarts + 1, True
        mark, progress = replace(mark, cursor="", floor=mark.newest), Progress()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mark:
    """How far a walk has come.

    Attributes:
        cursor: of the next page, '' for the first.
        newest: the newest instant that was seen.
        floor: of a walk newest first: what is older was seen before it.
    """

    cursor: str = ""
    newest: datetime | None = None
    floor: datetime | None = None

    @classmethod
    def read(cls, kept: str | None) -> _Mark:
        found: dict[str, str] = json.loads(kept) if kept else {}
        return cls(
            cursor=found.get("cursor", ""), newest=instant(found.get("newest")), floor=instant(found.get("floor"))
        )

    def text(self) -> str | None:
        """As the disk keeps it; None for the beginning of the list."""
        if not self.cursor and not self.floor:
            return None
        instants = {"newest": self.newest, "floor": self.floor}
        return json.dumps({"cursor": self.cursor} | {name: at.isoformat() for name, at in instants.items() if at})

    def after(self, cursor: str, instants: Sequence[datetime]) -> _Mark:
        """After a page with rows of these instants."""
        return replace(self, cursor=cursor, newest=max((at for at in (*instants, self.newest) if at), default=None))

    def reached(self, instants: Sequence[datetime]) -> bool:
        """Whether the floor lies above one of these: whole seconds, in case the vendor orders by no more than those.

        The rows of the floor's own second are read once more, all of them: some may not have been seen.
        """
        return self.floor is not None and min(instants, default=self.floor) < self.floor.replace(microsecond=0)
