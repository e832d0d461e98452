"""A vendor of several APIs, each with paths, credentials and a budget of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import orjson
import pytest
from sandboxed import Answer, sandboxed

from extractor.sandbox.limits import Allowance, Verdict
from extractor.sandbox.options import Options
from extractor.sandbox.play import Play, Stage, Surface
from extractor.sandbox.replies import Call, Reply, json_reply
from extractor.sandbox.routing import Route, Router

START = 1_772_366_400.25
REAL = Options(latency=0)  # at the vendor's own pace


def acme(stage: Stage) -> Play:
    """An API of ten requests a second with another one on paths below it, and a third with a bucket and a week."""

    def surface(name: str, prefix: str, *, budget: str | None = None, parameter: bool = False) -> Surface:
        def authorized(headers: Mapping[str, str], query: Sequence[tuple[str, str]]) -> bool:
            return (dict(query) if parameter else headers).get("key") == name

        def too_many(verdict: Verdict) -> Reply:
            headers = {"Retry-after": str(verdict.retry_after)} if name == "inner" else {}
            content = {"allowed": verdict.allowed, "spent": verdict.quota_spent, "wait": verdict.wait}
            return json_reply(content, status=429, headers=headers)

        def thing(call: Call) -> Reply:
            return json_reply({"api": name, "query": call.query, "next": f"{stage.origin}{prefix}/thing?page=2"})

        return Surface(
            prefix=prefix,
            router=Router([Route(name=f"{name}_thing", path="/thing", query=None, answer=thing)]),
            budget=budget or name,
            authorized=authorized,
            rate_headers=lambda verdict: {"Left": f"{verdict.remaining}/{verdict.limit}"},
            too_many=too_many,
            refusal=lambda status, reason, path: json_reply([name, reason, path], status=status),
        )

    async def truth(tables: Sequence[str], now: float) -> AsyncIterator[bytes]:
        yield orjson.dumps({"tables": {table: [now] for table in tables}})

    return Play(
        vendor="acme",
        budgets={
            "outer": Allowance(per_second=10),
            "inner": Allowance(per_second=2, burst=20),
            "scarce": Allowance(per_second=10, weekly=3),
        },
        surfaces=(
            surface("outer", "/api"),
            surface("inner", "/api/inner"),
            surface("scarce", "/scarce", parameter=True),
            surface("beside", "/beside", budget="outer"),
        ),
        settings={
            "other_url": "{origin}/scarce",
            "urls": ["{origin}", "x"],
            "elsewhere": stage.other_origin,
            **stage.knobs,
        },
        truth=truth,
        arrived=lambda _number, _now: None,
    )


def key(name: str) -> dict[str, str]:
    return {"key": name}


async def test_the_longest_prefix_that_fits_a_path_wins() -> None:
    async with sandboxed(vendor=acme) as client:
        assert client.base == f"{client.root}/api"
        assert (await client.ask("/thing", headers=key("outer"))).json["api"] == "outer"
        assert (await client.ask("/inner/thing", headers=key("inner"))).json["api"] == "inner"
        assert (await client.ask("/innermost", headers=key("outer"))).json[0] == "outer"
        assert (await client.ask("/inner", headers=key("outer"))).json[0] == "outer", "what is below is another API"
        assert (await client.ask("/beside/thing", base=client.root, headers=key("beside"))).json["api"] == "beside"
        assert (await client.own("/stats"))["by_endpoint"]["inner_thing"] == 1


async def test_what_is_on_no_surface_is_refused_and_not_counted() -> None:
    async with sandboxed(vendor=acme) as client:
        for path in ("/", "/api", "/apis/thing", "/elsewhere"):
            answer = await client.ask(path, base=client.root)
            assert (answer.status, answer.json[0]) == (404, "outer")
        assert (await client.own("/stats"))["requests"] == 0


async def test_credentials_of_one_surface_open_no_other_and_may_be_a_parameter() -> None:
    async with sandboxed(vendor=acme) as client:
        answer = await client.ask("/inner/thing", headers=key("outer"))
        assert (answer.status, answer.json[0]) == (401, "inner")
        below = client.told["other_url"]
        assert (await client.ask("/thing", base=below, headers=key("scarce"))).status == 401
        assert (await client.ask("/thing?key=scarce", base=below)).status == 200


async def test_a_route_may_take_any_parameter() -> None:
    async with sandboxed(vendor=acme) as client:
        answer = await client.ask("/thing?b=2&a=1&b=", headers=key("outer"))
        assert answer.json["query"] == [["b", "2"], ["a", "1"], ["b", ""]]


async def test_settings_and_links_name_the_origin() -> None:
    async with sandboxed(vendor=acme) as client:
        assert client.told["other_url"] == f"{client.root}/scarce"
        assert client.told["urls"] == [client.root, "x"]
        first = await client.ask("/thing", headers=key("outer"))
        assert first.json["next"] == f"{client.base}/thing?page=2"


async def test_a_vendor_may_tell_a_base_of_its_own() -> None:
    async with sandboxed(vendor=acme, knob={"base_url": "{origin}"}) as client:
        assert client.base == client.root
        assert "base_url" not in client.told
        assert (await client.ask("/api/thing", headers=key("outer"))).status == 200


async def test_knobs_reach_the_vendor() -> None:
    async with sandboxed(vendor=acme, knob={"colour": "red"}) as client:
        assert client.told["colour"] == "red"


async def test_every_budget_counts_its_own_surfaces_alone() -> None:
    async with sandboxed(REAL, vendor=acme, clock=lambda: START) as client:
        outer = [await client.ask("/thing", headers=key("outer")) for _ in range(10)]
        inner = [await client.ask("/inner/thing", headers=key("inner")) for _ in range(41)]
        beside = await client.ask("/beside/thing", base=client.root, headers=key("beside"))
        counts = await client.own("/stats")
    assert [answer.status for answer in outer] == [200] * 10
    assert [answer.headers["Left"] for answer in inner[:2]] == ["39/40", "38/40"]
    assert [answer.status for answer in inner] == [200] * 40 + [429]
    assert beside.status == 429, "it shares the budget of the first"
    assert counts["budgets"] == {
        "outer": {"requests": 11, "too_many": 1, "share_used": None},
        "inner": {"requests": 41, "too_many": 1, "share_used": None},
        "scarce": {"requests": 0, "too_many": 0, "share_used": None},
    }
    assert [second[1:] for second in counts["seconds"]] == [[10, 10, 0, 1]]


async def test_a_spent_week_lasts_until_sunday() -> None:
    now = START
    async with sandboxed(REAL, vendor=acme, clock=lambda: now, retry_after=True) as client:
        base = client.told["other_url"]
        answers = [await client.ask("/thing?key=scarce", base=base) for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 3 + [429]
        assert answers[-1].json["spent"]
        wait = int(answers[-1].headers["Retry-After"])
        now += wait - 1
        assert (await client.ask("/thing?key=scarce", base=base)).status == 429
        now += 1
        assert (await client.ask("/thing?key=scarce", base=base)).status == 200


def waits(answer: Answer) -> list[str]:
    return [value for name, value in answer.headers.items() if name.lower() == "retry-after"]


@pytest.mark.parametrize("asked_for", [False, True])
async def test_a_retry_after_of_the_vendors_own_stands(asked_for: bool) -> None:
    async with sandboxed(REAL, vendor=acme, clock=lambda: START, rate_scale=0.1, retry_after=asked_for) as client:
        inner = [await client.ask("/inner/thing", headers=key("inner")) for _ in range(5)]
        outer = [await client.ask("/thing", headers=key("outer")) for _ in range(2)]
    assert waits(inner[-1]) == ["5"], "one request leaks in five seconds"
    assert waits(outer[-1]) == ["1"] * asked_for


async def test_a_refusal_that_is_a_fault_can_be_told_from_one_of_the_budget() -> None:
    async with sandboxed(vendor=acme, fault={"429": 1.0}) as client:
        answer = await client.ask("/thing", headers=key("outer"))
    assert answer.status == 429
    assert answer.json["allowed"]


@pytest.mark.parametrize(
    ("path", "headers", "leaked"),
    [
        ("/", {}, 0),
        ("/?page=2", {"Accept": "*/*"}, 0),
        ("/", {"authorization": "x"}, 1),
        ("/", {"X-Api-Password": "x"}, 1),
        ("/?page=2&api_key=x", {}, 1),
    ],
)
async def test_credentials_at_the_other_origin_are_noticed_however_they_come(
    path: str, headers: dict[str, str], leaked: int
) -> None:
    async with sandboxed(vendor=acme) as client:
        async with client.session.get(client.told["elsewhere"] + path, headers=headers) as answer:
            assert answer.status == 200
        counts = await client.own("/stats")
    assert (counts["foreign"], counts["leaked"]) == (1, leaked)
