"""Of each key the record that was fetched last: dlt would keep an older one of two in the same package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from extractor.gate.gate import Gate, Key, Sound
from extractor.gate.shapes import Record
from extractor.model import Incident

__all__ = ["GatePage", "grouped", "latest", "newest"]

GatePage = tuple[Gate, bytes, str]
"""Gate, payload, listing key."""

_TOGETHER_BYTES = 32 << 10


def latest(pages: Iterable[GatePage], seen: set[Key], incidents: list[Incident]) -> Iterator[list[Record]]:
    """The records to load, so that dlt never sees two of one key.

    Args:
        pages: gate, payload and listing key of the pages of one table, **the last fetched first**.
        seen: keys that came already; added to.
        incidents: added to, for records that were kept out or changed. A changed one that is not kept counts not.

    Yields:
        A list for each page, or for several small ones, the last record first.
    """
    for group in grouped(pages, _TOGETHER_BYTES):
        gate = group[0][0]
        # In the order in which they were fetched.
        sound = gate.together([payload for _, payload, _ in reversed(group)]) if len(group) > 1 else None
        for found in (gate.read(payload, listing) for _, payload, listing in group) if sound is None else (sound,):
            yield _kept(found, seen, incidents)


def grouped(pages: Iterable[GatePage], size: int) -> Iterator[list[GatePage]]:
    """Neighbours of one gate, of at least so many bytes together but for the last ones."""
    for _, alike in groupby(pages, itemgetter(0)):
        group: list[GatePage] = []
        room = size
        for page in alike:
            group.append(page)
            room -= len(page[1])
            if room <= 0:
                yield group
                group, room = [], size
        if group:
            yield group


def newest(keys: Sequence[Key], seen: set[Key]) -> Sequence[int] | None:
    """Where keys stand that have not come yet, the last first; None if that is everywhere. They have come by then."""
    new = set(keys)
    if len(new) == len(keys) and seen.isdisjoint(new):
        seen |= new
        return None
    kept: list[int] = []
    for position in range(len(keys) - 1, -1, -1):
        if keys[position] not in seen:
            seen.add(keys[position])
            kept.append(position)
    return kept


def _kept(sound: Sound, seen: set[Key], incidents: list[Incident]) -> list[Record]:
    """The records whose keys have not come yet, the last first."""
    incidents.extend(sound.kept_out)
    positions = newest(sound.keys, seen)
    if positions is None:
        incidents.extend(sound.notes[position] for position in sorted(sound.notes, reverse=True))
        return sound.records[::-1]
    incidents.extend(sound.notes[position] for position in positions if position in sound.notes)
    return [sound.records[position] for position in positions]
