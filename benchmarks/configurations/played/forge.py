"""Issues with comments and reactions; half as many issues as requests are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from benchmarks.configurations.played.replies import UNKNOWN, Asked, Record, Reply, day

__all__ = ["answer"]


def answer(asked: Asked, size: int) -> Reply:
    """What the forge answers; `size` is how many requests a whole run is to take, roughly."""
    match asked.path:
        case ["repos", _, _, "issues"]:
            issues = sorted((_issue(1 + number) for number in range(size // 2)), key=lambda one: str(one["updated_at"]))
            return _page(asked, [one for one in issues if one["updated_at"] >= asked.params.get("since", "")])
        case ["repos", _, _, "issues", number, "comments"]:
            return _page(asked, [_comment(int(number), place) for place in range(_comments(int(number)))])
        case ["repos", _, _, "issues", number, "reactions"]:
            return _page(asked, [_reaction(int(number), place) for place in range(int(number) % 3)])
        case ["repos", _, _, "labels"]:
            return _page(asked, [_label(number) for number in range(70)])
        case ["repos", _, _, "contributors"]:
            return _page(asked, [_user(number) | {"contributions": 7 * number} for number in range(40)])
        case _:
            return UNKNOWN


def _page(asked: Asked, records: Sequence[Record]) -> Reply:
    number, size = int(asked.params.get("page", 1)), int(asked.params["per_page"])
    following = urlencode({**asked.params, "page": number + 1})
    link = {"Link": f'<{asked.url}?{following}>; rel="next"'} if number * size < len(records) else {}
    return Reply(content=records[(number - 1) * size : number * size], headers=link)


def _comments(issue: int) -> int:
    """Some issues have more of them than go on a page."""
    return 25 if issue % 20 == 0 else issue % 4


def _issue(number: int) -> Record:
    return {
        "id": 9_000_000_000 + number,
        "number": number,
        "title": f"Widget № {number} is loose",
        "body": f"It rattles at {number} rpm.\n" * (1 + number % 5),
        "state": "open" if number % 3 else "closed",
        "user": _user(number % 40),
        "labels": [_label((number + place) % 70) for place in range(number % 4)],
        "assignees": [_user(number % 7)] if number % 5 == 0 else [],
        "comments": _comments(number),
        "created_at": day(number % 100),
        "updated_at": day(10 + 7 * number),
        "closed_at": None if number % 3 else day(20 + 7 * number),
    }


def _comment(issue: int, place: int) -> Record:
    return {
        "id": 1_000 * issue + place,
        "body": f"Comment {place} on {issue}: tighten it.",
        "user": _user((issue + place) % 40),
        "created_at": day(issue + place),
        "reactions": {"total_count": place, "+1": place, "heart": 0},
    }


def _reaction(issue: int, place: int) -> Record:
    return {
        "id": 10 * issue + place,
        "content": ("+1", "heart", "rocket")[place],
        "user": _user(place),
        "created_at": day(issue),
    }


def _label(number: int) -> Record:
    return {"id": 500 + number, "name": f"area/{number}", "color": f"{number:06x}", "default": number == 0}


def _user(number: int) -> Record:
    return {"login": f"user-{number}", "id": 40_000 + number, "site_admin": number == 0}
