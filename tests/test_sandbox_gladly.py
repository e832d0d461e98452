"""Gladly as the sandbox plays it: lists, customers, caps and items."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from sandboxed import ago, all_items, keys_of, noon, sandboxed, whole_report

ENTITIES = "entities=CONTACT&entities=CUSTOMER&entities=CUSTOMER_PROFILE&entities=CONVERSATION&entities=TASK"
ENTITIES += "&entities=AGENT_STATUS&entities=AGENT_AVAILABILITY&entities=PAYMENT_REQUEST"


# ── small lists ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["agents", "teams", "inboxes", "topics", "business-hours", "webhooks"])
async def test_small_lists_are_arrays_and_their_records_have_a_path(path: str) -> None:
    async with sandboxed() as client:
        records = (await client.ask(f"/{path}")).json
        assert len({record["id"] for record in records}) == len(records) > 0
        for record in records:
            assert (await client.ask(f"/{path}/{record['id']}")).json == record
        assert (await client.ask(f"/{path}/AAAAAAAAAAAAAAAAAAAAAA")).status == 404


async def test_topics_have_parents_and_business_hours_ids_of_their_own() -> None:
    async with sandboxed() as client:
        topics = (await client.ask("/topics")).json
        ids = {topic["id"] for topic in topics}
        parents = [topic["parentId"] for topic in topics if "parentId" in topic]
        assert set(parents) <= ids
        assert 0 < len(parents) < len(topics)
        hours = (await client.ask("/business-hours")).json
        assert all(hour["id"].startswith("bh_") and isinstance(hour["version"], int) for hour in hours)
        assert (await client.ask("/organization")).json["timezone"] == "America/Los_Angeles"
        assert len((await client.ask("/audiences")).json) == 2


# ── customers ─────────────────────────────────────────────────────────────────────────────────


async def test_merged_customers_answer_301_without_location() -> None:
    async with sandboxed(size=120, clock=noon) as client:
        moved = (await client.own("/truth"))["moved"]
        reported = {row["Customer ID"] for row in await whole_report(client)}
        assert set(moved) <= reported, "old ids are what reports hold"
        assert any(new in moved for new in moved.values()), "one moved twice"
        shapes = set()
        for old, new in moved.items():
            answer = await client.ask(f"/customer-profiles/{old}")
            assert answer.status == 301
            assert "Location" not in answer.headers
            errors = answer.json["errors"]
            shapes.add(type(errors))
            error = errors[0] if isinstance(errors, list) else errors
            assert (error["attr"], error["code"], error["meta"]) == ("customerId", "moved", {"old": old, "new": new})
            assert (await client.ask(f"/customers/{old}/conversations")).status == 404
            assert (await client.ask(f"/customers/{old}/tasks")).status == 404
        assert shapes == {list, dict}


async def test_a_location_leads_to_another_host_and_who_follows_it_is_noticed() -> None:
    async with sandboxed(moved_location=True, clock=noon) as client:
        old = next(iter((await client.own("/truth"))["moved"]))
        location = (await client.ask(f"/customer-profiles/{old}")).headers["Location"]
        assert not location.startswith(client.root)
        async with client.session.get(location, headers={"Authorization": client.authorization}) as answer:
            assert answer.status == 200
        counts = await client.own("/stats")
    assert (counts["foreign"], counts["leaked"]) == (1, 1)


async def test_what_is_gone_is_404_in_several_shapes() -> None:
    async with sandboxed(size=600, clock=noon) as client:
        gone = (await client.own("/truth"))["gone"]
        reported = await whole_report(client)
        answers = []
        for customer in gone["customer_profiles"]:
            for path in ("/customer-profiles/{}", "/customers/{}/conversations", "/customers/{}/tasks"):
                answers.append(await client.ask(path.format(customer)))  # noqa: PERF401  one after the other
        for conversation in gone["conversations"]:
            answers.append(await client.ask(f"/conversations/{conversation}"))
            answers.append(await client.ask(f"/conversations/{conversation}/items"))
        for task in gone["tasks"]:
            answers.append(await client.ask(f"/tasks/{task}"))
            answers.append(await client.ask(f"/tasks/{task}/comments"))
    assert {answer.status for answer in answers} == {404}
    shapes = {type(answer.json["errors"]) if answer.body else None for answer in answers}
    assert shapes == {list, dict, None}
    lost = {row["Conversation ID"] for row in reported if row["Status"] == "MERGED"}
    assert lost <= set(gone["conversations"])
    assert len(lost) == 20
    assert set(gone["customer_profiles"]) <= {row["Customer ID"] for row in reported}


async def test_customers_are_searched_by_exactly_one_identifier() -> None:
    async with sandboxed(size=500, clock=noon) as client:
        keys = (await client.own("/truth?table=customer_profiles"))["tables"]["customer_profiles"]
        homes: Counter[str] = Counter()
        for key in keys[:60]:
            profile = (await client.ask(f"/customer-profiles/{key}")).json
            for email in profile["emails"]:
                found = (await client.ask(f"/customer-profiles?email={email['original'].replace('@', '%40')}")).json
                assert found == [profile]
            for phone in profile["phones"]:
                if phone["type"] == "HOME":
                    homes[phone["normalized"]] += 1
                if phone["type"] == "MOBILE":
                    number = phone["normalized"].replace("+", "%2B")
                    assert (await client.ask(f"/customer-profiles?phoneNumber={number}")).json == [profile]
        number, count = homes.most_common(1)[0]
        found = (await client.ask(f"/customer-profiles?phoneNumber={number.replace('+', '%2B')}")).json
        assert len(found) >= count > 1
        updated = [profile["updatedAt"][:19] for profile in found]
        assert updated == sorted(updated, reverse=True)
        assert (await client.ask("/customer-profiles?email=nobody%40example.org")).json == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?email=",
        "?email=a%40example.org&phoneNumber=%2B17240000001",
        "?email=a%40example.org&email=b%40example.org",
        "?phoneNumber=+17240000001",
        "?phoneNumber=7240000001",
        "?externalCustomerId=5",
        "?name=Zoe",
    ],
)
async def test_any_other_search_is_400(query: str) -> None:
    async with sandboxed() as client:
        assert (await client.ask(f"/customer-profiles{query}")).status == 400


async def test_unknown_customers_are_served_but_named_nowhere() -> None:
    async with sandboxed(size=300, clock=noon) as client:
        (slug, *_) = (await client.own("/truth"))["undiscoverable"]["customer_profiles"]
        assert (await client.ask(f"/customer-profiles/{slug}")).status == 200
        assert (await client.ask(f"/customers/{slug}/conversations")).json == []
        assert (await client.ask(f"/customers/{slug}/tasks")).json == []
        assert slug not in (await client.ask(f"/events?startAt={ago(hours=23)}&{ENTITIES}")).text


# ── caps ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_hundred_conversations_the_oldest_first() -> None:
    async with sandboxed(clock=noon) as client:
        keys = (await client.own("/truth?table=customer_profiles"))["tables"]["customer_profiles"]
        answers = {key: await client.ask(f"/customers/{key}/conversations") for key in keys}
        limited = {key for key, answer in answers.items() if answer.headers["Gladly-Limited-Data"] == "true"}
        assert {answer.headers["Gladly-Limited-Data"] for answer in answers.values()} == {"true", "false"}
        (capped,) = limited
        listed = answers[capped].json
        created = [record["createdAt"][:19] for record in listed]
        assert len(listed) == 100
        assert created == sorted(created)
        reported = [row for row in await whole_report(client) if row["Customer ID"] == capped]
        assert len(reported) == 104
        beyond = {row["Conversation ID"] for row in reported} - {record["id"] for record in listed}
        for key in beyond:
            conversation = (await client.ask(f"/conversations/{key}")).json
            assert conversation["createdAt"][:19] > created[-1]


async def test_a_thousand_items_and_some_of_the_rest_by_session() -> None:
    async with sandboxed(size=400, clock=noon) as client:
        truth = await client.own("/truth")
        hidden = truth["hidden"]["conversation_items"]
        for key in truth["tables"]["conversations"]:
            answer = await client.ask(f"/conversations/{key}/items")
            if answer.headers["Gladly-Limited-Data"] == "true":
                break
        listed = answer.json
        assert len(listed) == 1_000
        sessions = {item.get("sessionId") for item in listed}
        more = (await client.ask(f"/conversations/{key}/items?sessionId={listed[-1]['sessionId']}")).json
        beyond = {item["id"] for item in more} - {item["id"] for item in listed}
        assert len(beyond) == 100
        assert {item["sessionId"] for item in more} <= sessions
        assert (await client.ask(f"/conversations/{key}/items?sessionId=other")).json == []
        assert 50 < len(hidden) < 200
        assert not set(hidden) & (beyond | {item["id"] for item in listed})
        assert (await client.ask(f"/conversation-items/{hidden[0]}")).json["conversationId"] == key
        exported = await keys_of(client, "export_conversation_items")
        assert not exported & set(hidden)
        assert exported & (set(truth["tables"]["conversation_items"]) - {item["id"] for item in listed})


async def test_two_thousand_tasks_the_newest_first_and_all_by_status() -> None:
    async with sandboxed(size=2_000, clock=noon) as client:
        reported = Counter(row["Customer ID"] for row in await whole_report(client, "TaskExportReport"))
        busy, count = reported.most_common(1)[0]
        answer = await client.ask(f"/customers/{busy}/tasks")
        assert answer.headers["Gladly-Limited-Data"] == "true"
        stamps = [task["timestamp"][:19] for task in answer.json]
        assert len(stamps) == 2_000 < count
        assert stamps == sorted(stamps, reverse=True)
        parts = [await client.ask(f"/customers/{busy}/tasks?status={status}") for status in ("OPEN", "CLOSED")]
        assert {part.headers["Gladly-Limited-Data"] for part in parts} == {"false"}
        ids = {task["id"] for part in parts for task in part.json}
        assert len(ids) == count
        assert {task["status"] for task in parts[0].json} == {"OPEN"}
        assert (await client.ask(f"/customers/{busy}/tasks?status=open")).status == 400
        hidden = (await client.own("/truth"))["hidden"]["task_comments"]
        assert len(hidden) == 10


# ── items ─────────────────────────────────────────────────────────────────────────────────────


async def test_items_are_of_every_type_and_as_uneven_as_the_vendor_makes_them() -> None:
    until = datetime(2026, 3, 1, tzinfo=UTC)
    async with sandboxed(size=1_000, until=until, clock=noon) as client:
        items = await all_items(client)
    types = Counter(item["content"]["type"] for item in items)
    assert set(types) == {
        *("CHAT_MESSAGE", "EMAIL", "SMS", "WHATSAPP", "FACEBOOK_MESSAGE", "INSTAGRAM_DIRECT", "TWITTER", "PHONE_CALL"),
        *("VOICEMAIL", "VOICE_AI_MESSAGE", "CONVERSATION_NOTE", "TOPIC_CHANGE", "CONVERSATION_STATUS_CHANGE"),
        *("CUSTOMER_ACTIVITY", "TASK", "CAROUSEL_MESSAGE"),
    }
    contents = [item["content"] for item in items]
    assert {type(content["to"]) for content in contents if content["type"] == "EMAIL"} == {list}
    assert {type(content["to"]) for content in contents if content["type"] in ("SMS", "PHONE_CALL")} == {str}
    assert {type(content["recordingDuration"]) for content in contents if "recordingDuration" in content} == {int, str}
    digits = Counter(len(item["timestamp"].partition(".")[2]) for item in items)
    assert set(digits) == {0, 3, 4, 7, 10}, "0, 2, 3, 6 or 9 digits and the Z"
    assert any("initiator" not in item for item in items)
    assert any("\u2028" in content.get("content", "") for content in contents)
    assert any("🙂" in content.get("content", "") for content in contents)
    assert any("<li>" in content.get("content", "") for content in contents)
    assert any(content["type"] == "EMAIL" and "content" not in content for content in contents), "redacted"
    initiators = {item["initiator"]["type"] for item in items if "initiator" in item}
    assert initiators == {"AGENT", "API", "SYSTEM", "CUSTOMER", "AUTOMATION", "INTERNAL", "EXTERNAL"}
    assert any(item.get("initiator", {}).get("id") == "SIDEKICK_V2" for item in items)
    scores = [item["sentimentScore"] for item in items if "sentimentScore" in item]
    assert {type(score) for score in scores} == {float}
    assert 0 < len(scores) < len(items) / 10


async def test_one_item_is_what_its_list_shows() -> None:
    async with sandboxed(clock=noon) as client:
        items = await all_items(client)
        for item in items[::40]:
            assert (await client.ask(f"/conversation-items/{item['id']}")).json == item
        (unsupported, *_) = (await client.own("/truth"))["elsewhere"]["unsupported_items"]
        assert (await client.ask(f"/conversation-items/{unsupported}")).status == 400
        assert (await client.ask(f"/conversation-items/{items[0]['conversationId']}")).status == 404


async def test_comments_belong_to_tasks() -> None:
    async with sandboxed(clock=noon) as client:
        tasks = [row for row in await whole_report(client, "TaskExportReport") if row["Comments"] != "0"]
        found: dict[str, str] = {}
        for row in tasks:
            path = f"/tasks/{row['Task ID']}/comments"
            answer = await client.ask(path)
            if answer.status == 404:
                continue  # deleted with its customer
            assert len(answer.json) == int(row["Comments"])
            for comment in answer.json:
                assert comment["taskId"] == row["Task ID"]
                assert (await client.ask(f"{path}/{comment['id']}")).json == comment
            found |= {comment["id"]: path for comment in answer.json}
        assert set(found) == await keys_of(client, "task_comments")
        (one, *_, other) = found
        assert (await client.ask(f"{found[one]}/{other}")).status == 404


async def test_ids_are_of_one_kind_and_exist() -> None:
    async with sandboxed(size=72, clock=noon) as client, sandboxed(size=500, clock=noon) as larger:
        more = await keys_of(larger, "customer_profiles") - await keys_of(client, "customer_profiles")
        talk = min(await keys_of(client, "conversations"))
        for path in ("/customer-profiles/{}", "/customers/{}/conversations", "/customers/{}/tasks", "/tasks/{}"):
            for slug in (*sorted(more)[:3], talk, "x", "%2e%2e", "a%2Fb"):
                assert (await client.ask(path.format(slug))).status == 404


async def test_attachments_lead_to_another_origin() -> None:
    async with sandboxed(size=200, clock=noon) as client:
        items = await all_items(client)
        item = next(item for item in items if "attachments" in item["content"])
        attachment = item["content"]["attachments"][0]["id"]
        answer = await client.ask(f"/conversation-items/{item['id']}/attachments/{attachment}")
        assert answer.status == 303
        assert not answer.headers["Location"].startswith(client.root)
        assert (await client.ask(f"/conversation-items/{item['id']}/attachments/other")).status == 404
        call = next(item for item in items if item["content"]["type"] == "PHONE_CALL")
        assert (await client.ask(f"/conversation-items/{call['id']}/attachments/{attachment}")).status == 400


async def test_transcripts_belong_to_recordings() -> None:
    async with sandboxed(clock=noon) as client:
        keys = set((await client.own("/truth?table=voice_transcripts"))["tables"]["voice_transcripts"])
        items = await all_items(client)
        recorded = {item["id"] for item in items if item["content"].get("recordingStatus") == "AVAILABLE"}
        assert keys == recorded
        assert (await client.ask(f"/conversation-items/{min(keys)}/voice-transcript")).json["paragraphs"]
        other = next(item["id"] for item in items if item["id"] not in keys)
        assert (await client.ask(f"/conversation-items/{other}/voice-transcript")).status == 404


# ── answers ───────────────────────────────────────────────────────────────────────────────────


async def test_public_answers_have_a_list_and_internal_ones_a_path_only() -> None:
    async with sandboxed(clock=noon) as client:
        organization = (await client.ask("/organization")).json["id"]
        path = f"/orgs/{organization}/answers"
        listed = (await client.ask(path)).json
        names = [answer["name"] for answer in listed]
        assert names == sorted(names)
        assert {answer["id"] for answer in listed} == await keys_of(client, "public_answers")
        assert await keys_of(client, "answers") == await keys_of(client, "public_answers")
        internal = (await client.own("/truth"))["undiscoverable"]["answers"]
        assert internal
        for key in (*internal, listed[0]["id"]):
            assert (await client.ask(f"/answers/{key}")).json["id"] == key
        assert not set(internal) & {answer["id"] for answer in listed}
        audience = (await client.ask("/audiences")).json[0]["id"]
        assert (await client.ask(f"{path}?lng=en-us&audienceId={audience}")).json == listed
        assert (await client.ask(f"{path}?lng=fr")).json == []
        assert (await client.ask(f"/orgs/{audience}/answers")).status == 404
        assert (await client.ask(f"/answers/{organization}")).status == 404
