"""Assembled, REST API v0: people, their schedules and states, forecasts, reports, the assistant's conversations.

Paths, limits and the credentials are those of the vendor's introduction and Go client as read in 2026 (300 requests a
minute in bursts of 20, for older accounts 120 in bursts of 10, no headers); fields, pages and windows are those that
connectors met. Reference data are maps keyed by id, series are asked for by windows of Unix seconds, reports are
ordered, waited for and paged. History begins with the oldest person, team or queue. Activities are those of the master
schedule: other ones can't be listed.

Where the seed document differs: `people` is such a map and not a list, `agents/state` needs a window, a report must be
ordered before it can be read and answers 200 while it is not ready, the key is the user name beside an empty
password, and no list is known to be a bare array.
"""

from __future__ import annotations

import base64
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time

from extractor.model import (
    Answer,
    Bucket,
    Call,
    Cap,
    Children,
    ColumnType,
    Configured,
    Endpoint,
    Job,
    Listing,
    Records,
    Setting,
    Vendor,
    Windows,
)
from extractor.paginate import by_offset, field_of
from extractor.reshape import Row, lifted, with_key
from extractor.vendors import _assembled_columns as columns

# ── what is odd about this vendor ───────────────────────────────────────────────────────────

_LARGEST = 500  # records of a page, wherever a largest page is known


def _headers(settings: Mapping[str, str]) -> dict[str, str]:
    # The key is the user name; the password is empty, and the colon must be there all the same.
    pair = base64.b64encode(f"{settings['api_key']}:".encode()).decode()
    version = settings.get("api_version")
    return {"Authorization": f"Basic {pair}"} | ({"API-Version": version} if version else {})


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def _slices(days: int) -> Windows:
    def ask(start: date, end: date) -> tuple[tuple[str, str], ...]:
        return ("start_time", str(_seconds(start))), ("end_time", str(_seconds(end)))

    return Windows(days=days, params=ask, begin="beginning")


def _ordered() -> Windows:
    def body(start: date, end: date, channel: str) -> dict[str, object]:
        span: dict[str, object] = {"start_time": _seconds(start), "end_time": _seconds(end)}
        return span | {"interval": "1d", "channel": channel}

    # Rows are metrics × agents × days however they are sliced, about 70,000 for 250 agents in four weeks. Each order
    # costs three or four requests besides, which shorter slices would multiply; longer ones would have to be read for
    # so long that the finished report might be gone meanwhile.
    return Windows(days=28, body=body, begin="beginning")


def _channels(record: Mapping[str, object]) -> tuple[str, ...]:
    # The channels are words of an open list, which nothing but people and requirement types names.
    many = record.get("channels")
    named = many if isinstance(many, list) else [record.get("channel")]
    return tuple(channel for channel in named if isinstance(channel, str) and channel)


def _unset(record: object, _: Listing) -> Mapping[str, object]:
    # Written in Go, the vendor's side has 0 for a time that nobody set.
    if not isinstance(record, Mapping):
        return {"value": record}
    return {name: None if name in _OPTIONAL and not value else value for name, value in record.items()}


_OPTIONAL = frozenset({"start_date", "end_date", "updated_at"})


def _whole_key(*names: str) -> Row:
    # A forecast for all queues names none and a state may come from no platform, but a key is never null.
    def row(record: object, _: Listing) -> Mapping[str, object]:
        if not isinstance(record, Mapping):
            return {"value": record}
        return {**record, **{name: "" for name in names if record.get(name) is None}}

    return row


def _until_it_repeats(_: str | None) -> Generator[Call, Answer, bool]:
    # Nobody has written whether time off has pages. If `offset` does not count, the same records come again: then
    # they are all there are, unless they are just as many as a page may have.
    offset, before = 0, frozenset[str]()
    while True:
        answer = yield Call(params=(("limit", str(_LARGEST)), ("offset", str(offset))))
        count = len(answer.records)
        ids = frozenset(str(field_of(record, "id")) for record in answer.records)
        del answer  # records need not wait for the next answer
        if ids <= before:
            return count == _LARGEST
        offset, before = offset + count, ids


# ── endpoints ───────────────────────────────────────────────────────────────────────────────

_ONE = Records(shape="object")
_PAGES = by_offset(_LARGEST, total="total")
_LINE = ("channel", "queue", "start_time")
# By the day: the vendor answers with all activities at once, some 3,000 for 1,000 agents, and an offset far into
# states that are edited meanwhile skips some.
_DAY = _slices(1)
# By the week: half hours × queues or types, or the edits of a schedule, are hundreds to some ten thousand rows; all of
# them cost 104 requests for two years.
_WEEK = _slices(7)
# Of one agent alone: some 1,000 states in four weeks.
_FOUR_WEEKS = _slices(28)
_CHANNELS = (Children(endpoint="people", key=_channels), Children(endpoint="requirement_types", key=_channels))


def _map(name: str, fields: Mapping[str, ColumnType]) -> Endpoint:
    return Endpoint(name=name, path=f"/{name}", records=Records(shape="map", at=name), columns=fields)


def _group(name: str, *aliases: str) -> Endpoint:
    return replace(_map(name, columns.GROUP), aliases=aliases, row=_unset)


def _series(name: str, fields: Mapping[str, ColumnType], *key: str) -> Endpoint:
    return Endpoint(name=name, path=f"/{name}", key=key, records=Records(at=name), windows=_WEEK, columns=fields)


def _states(name: str, path: str, windows: Windows) -> Endpoint:
    return Endpoint(
        name=name,
        path=path,
        key=("agent_id", "platform", "start_time"),
        records=Records(at="agent_states"),
        row=_whole_key("platform"),
        windows=windows,
        columns=columns.AGENT_STATE,
    )


def _time_off(name: str, fields: Mapping[str, ColumnType]) -> Endpoint:
    return Endpoint(
        name=f"time_off_{name}",
        path=f"/time_off/{name}",
        records=Records(shape="map", at=f"time_off_{name}"),
        paginate=_until_it_repeats,
        cap=Cap(size=_LARGEST),
        columns=fields,
    )


def _report(name: str) -> Endpoint:
    report = "/reports/{job}"
    return Endpoint(
        name=f"report_{name}",
        path=f"/reports/{name}",
        aliases=("reports_get",),
        method="POST",
        key=("name", "agent_id", "start_time"),
        parents=_CHANNELS,
        windows=_ordered(),
        job=Job(
            id="report_id",
            poll=report,
            status="status",
            waiting=frozenset({"in_progress"}),
            done=frozenset({"complete"}),
            results=report,
        ),
        records=Records(at="metrics"),
        row=lifted("attributes"),
        paginate=by_offset(_LARGEST, total="total_metric_count"),
        columns=columns.METRIC,
    )


VENDOR = Vendor(
    name="assembled",
    title="Assembled: people, schedules, agent states, forecasts and reports (REST API v0)",
    base_url="https://api.assembledhq.com/v0",
    settings=(
        Setting(name="api_key", help="the API key, sk_live_…, from Settings → API", secret=True),
        Setting(name="api_version", help="version of the API, such as 2019-06-20, if not your own", required=False),
        Setting(
            name="priority_order",
            help="for condensed_timeline: a list of one text, platforms with commas between them, the first one wins",
            required=False,
            many=True,
        ),
    ),
    # Nothing but the secret key tells accounts apart.
    account="base_url",
    headers=_headers,
    budgets={"requests": Bucket(size=20, per_second=5, older=(10, 2))},
    beginning={"people": "created_at", "teams": "created_at", "queues": "created_at"},
    endpoints=(
        _group("teams"),
        _group("sites"),
        _group("queues", "filters_queues"),
        _group("skills"),
        _map("roles", columns.ROLE),
        _map("activity_types", columns.ACTIVITY_TYPE),
        _map("requirement_types", columns.REQUIREMENT_TYPE),
        replace(
            _map("people", columns.PERSON),
            # Old activities name people who are gone.
            params=(("include_deleted", "true"),),
            row=_unset,
            paginate=_PAGES,
        ),
        Endpoint(
            name="person",
            path="/people/{key}",
            table="people",
            records=_ONE,
            row=_unset,
            parents=(Children(endpoint="people", key="id"),),
            columns=columns.PERSON,
            default=False,
            note="the list of people holds the same records",
            gone=(404,),
        ),
        # Occurrences of a recurring activity share their `id`.
        replace(_map("activities", columns.ACTIVITY), key=("id_with_timestamps",), windows=_DAY),
        replace(_map("event_changes", columns.EVENT_CHANGE), windows=_WEEK, paginate=_PAGES),
        replace(_states("agent_states", "/agents/state", _DAY), paginate=_PAGES),
        replace(
            _states("agent_states_single", "/agents/states/{key}", _FOUR_WEEKS),
            parents=(Children(endpoint="people", key="agent_id"),),
            default=False,
            note="agent_states holds the same rows of all agents",
            gone=(404,),
        ),
        replace(
            _states("condensed_timeline", "/agents/state/condensed_timeline", _WEEK),
            key=("agent_id", "start_time"),
            key_param="priority_order",
            row=None,
            parents=(Configured(setting="priority_order"),),
            default=False,
            needs=("priority_order",),
            note="agent_states without overlaps; needs the setting priority_order",
        ),
        _series("requirements", columns.REQUIREMENT, "requirement_type_id", "start_time"),
        replace(_series("forecasts", columns.FORECAST, *_LINE), row=_whole_key("channel", "queue")),
        replace(
            _series("forecast_totals", columns.FORECAST_TOTAL, "id"),
            path="/forecasts/totals",
            records=Records(at="forecasts"),
            default=False,
            note="sums of what forecasts holds",
        ),
        replace(
            _series("forecasted_vs_actuals", columns.FORECASTED_VS_ACTUAL, *_LINE),
            params=(("interval", "1800"),),
            key_param="channel",
            # The key in the answer is not spelt as the path is.
            records=Records(at="forecasts_vs_actuals"),
            row=_whole_key("queue"),
            parents=_CHANNELS,
            # Nobody is known to have asked for larger pages.
            paginate=by_offset(50, total="total"),
        ),
        _time_off("requests", columns.TIME_OFF_REQUEST),
        _time_off("updates", columns.TIME_OFF_UPDATE),
        _report("adherence"),
        _report("agent_state_handle_times"),
        _report("agent_ticket_stats"),
        Endpoint(
            name="assist_conversations",
            path="/assist/conversations",
            params=tuple((f"include_{part}", "true") for part in ("messages", "sources", "evaluation_metrics")),
            records=Records(at="conversations"),
            # The documents' own sample; a larger page might come back smaller, as the last one does.
            paginate=by_offset(20),
            columns=columns.CONVERSATION,
            # A product of its own, which not every account has.
            gone=(404,),
        ),
        Endpoint(
            name="assist_handoff",
            path="/assist/conversations/{key}/handoff",
            key=("conversation_id",),
            records=_ONE,
            row=with_key("conversation_id"),
            parents=(Children(endpoint="assist_conversations", key="id"),),
            columns=columns.HANDOFF,
            default=False,
            note="the messages of a conversation as one text, by a request for each",
            gone=(404,),
        ),
    ),
)
