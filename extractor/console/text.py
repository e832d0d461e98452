"""Figures and foreign text as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["clock", "columns", "counted", "kinds", "roughly", "size", "visible"]


def visible(text: str, *, keep: str = "") -> str:
    """The text with every control, format and lone surrogate character written as an escape.

    What comes from a vendor can then neither move the cursor nor turn the direction of a line.
    """
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode()
        for character in text
    )


def counted(number: int, noun: str = "", plural: str = "") -> str:
    """`1,234 listings`, `1 listing`."""
    if not noun:
        return f"{number:,}"
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def clock(seconds: float) -> str:
    """`1:02:03`."""
    whole = int(max(seconds, 0))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def roughly(seconds: float) -> str:
    """A duration no finer than it can be known: `under a minute`, `12 min`, `3 h 20 min`, `2 d 5 h`."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        # Ten minutes are as fine as an estimate over hours can be.
        return f"{hours:,} h {rest // 10 * 10} min" if rest >= 10 else f"{hours:,} h"
    days, rest = divmod(round(seconds / 3600), 24)
    return f"{days:,} d {rest} h" if rest else f"{days:,} d"


def size(octets: int) -> str:
    """`12.3 MB`; decimal units."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if octets >= factor:
            return f"{octets / factor:,.1f} {unit}"
    return f"{octets} B"


def kinds(incidents: Mapping[str, int]) -> str:
    """`gone 3, truncated 1`; '' if there are none."""
    return ", ".join(f"{visible(kind)} {number:,}" for kind, number in sorted(incidents.items()) if number)


def columns(rows: Iterable[Sequence[str]], *, right: frozenset[int] = frozenset(), gap: str = "  ") -> list[str]:
    """Lines with the cells under each other; the columns in `right` end under each other."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        gap.join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
