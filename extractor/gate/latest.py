"""Of each key the record that was fetched last: dlt would keep an older one of two in the same package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from extractor.gate.gate import Gate, Key, Sound
from extractor.gate.shapes import Record
from extractor.model import Incident

__all__ = ["latest"]

_TOGETHER_BYTES = 32 << 10


def latest(
    pages: Iterable[tuple[Gate, bytes, str]], seen: set[Key], incidents: list[Incident]
) -> Iterator[list[Record]]:
    """The records to load, so that dlt never sees two of one key.

    Args:
        pages: gate, payload and listing key of the pages of one table, **the last fetched first**.
        seen: keys that came already; added to.
        incidents: added to, for records that were kept out or changed. A changed one that is not kept counts not.

    Yields:
        A list for each page, or for several small ones, the last record first.
    """
    for gate, alike in groupby(pages, itemgetter(0)):
        for group in _grouped(alike):
            # In the order in which they were fetched.
            sound = gate.together([payload for _, payload, _ in reversed(group)]) if len(group) > 1 else None
            for found in (gate.read(payload, listing) for _, payload, listing in group) if sound is None else (sound,):
                yield _kept(found, seen, incidents)


def _grouped(pages: Iterable[tuple[Gate, bytes, str]]) -> Iterator[list[tuple[Gate, bytes, str]]]:
    group: list[tuple[Gate, bytes, str]] = []
    size = 0
    for page in pages:
        group.append(page)
        size += len(page[1])
        if size >= _TOGETHER_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _kept(sound: Sound, seen: set[Key], incidents: list[Incident]) -> list[Record]:
    """The records whose keys have not come yet, the last first."""
    incidents.extend(sound.kept_out)
    new = set(sound.keys)
    if len(new) == len(sound.keys) and not sound.notes and seen.isdisjoint(new):
        seen |= new
        return sound.records[::-1]
    kept: list[Record] = []
    for position in range(len(sound.records) - 1, -1, -1):
        key = sound.keys[position]
        if key in seen:
            continue
        seen.add(key)
        kept.append(sound.records[position])
        if sound.notes and position in sound.notes:
            incidents.append(sound.notes[position])
    return kept
