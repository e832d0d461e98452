"""What Gladly's records name, and what of them is a record of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import orjson

from extractor.model import Listing, Response

__all__ = [
    "Record",
    "attributes",
    "completed_with",
    "customers_of_event",
    "merged_into",
    "nobody_yet",
    "only_here",
    "recorded",
]

Record = Mapping[str, object]


def nobody_yet(record: object, _: Listing) -> Record | None:
    """A session that no agent has accepted has a blank where its key has the agent."""
    return {**record, "agent_id": record.get("agent_id") or ""} if isinstance(record, Mapping) else None


def customers_of_event(record: Record) -> tuple[str, ...]:
    """Whom it is about: a merge names two customers, of whom the one that is left holds both."""
    content = record.get("content")
    return _texts(content, "customerId", "destinationCustomerId") if isinstance(content, Mapping) else ()


def attributes(record: Record) -> tuple[str, ...]:
    """The custom attributes that a conversation has."""
    listed = record.get("customAttributes")
    found = listed if isinstance(listed, list) else []
    return tuple(key for one in found if isinstance(one, Mapping) for key in _texts(one, "id"))


def recorded(record: Record) -> tuple[str, ...]:
    """The item itself if it is a call or voicemail whose recording is there."""
    content = record.get("content")
    there = isinstance(content, Mapping) and content.get("recordingStatus") == "AVAILABLE"
    return _texts(record, "id") if there else ()


def _texts(record: Record, *names: str) -> tuple[str, ...]:
    return tuple(value for name in names if isinstance(value := record.get(name), str) and value)


def merged_into(response: Response) -> str | None:
    """The customer who is left: 301 comes without Location; `errors` is a list in most answers, an object in some."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None
    errors = body.get("errors") if isinstance(body, dict) else body
    for error in errors if isinstance(errors, list) else [errors]:
        meta = error.get("meta") if isinstance(error, dict) else None
        if isinstance(meta, dict) and isinstance(meta.get("new"), str):
            return str(meta["new"])
    return None


def completed_with(name: str) -> Callable[[Record], tuple[str, ...]]:
    """The export job itself if it is done and has such a file."""

    def jobs(record: Record) -> tuple[str, ...]:
        files = record.get("files")
        listed = isinstance(files, list) and name in files and record.get("status") == "COMPLETED"
        return _texts(record, "id") if listed else ()

    return jobs


def only_here(record: Record, fields: Mapping[str, str]) -> bool:
    """True for items outside conversations, which are in no list, and for those of lists that were cut off."""
    conversation = record.get("conversationId")
    if not conversation:
        return True
    return isinstance(conversation, str) and conversation in _keys(fields.get("truncated", "[]"))


@lru_cache(maxsize=1)
def _keys(listed: str) -> frozenset[str]:
    # The same long list comes with every line of a file.
    return frozenset(orjson.loads(listed))
