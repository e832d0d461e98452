from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from faultserver import Exchange, FaultServer

from extractor.errors import SettingsError
from extractor.model import Api, Endpoint, Request, Send, Vendor
from extractor.run import connection
from extractor.run.connection import connect
from extractor.run.job import Job, Place
from extractor.selection import select
from extractor.settings import resolve
from extractor.vendors.clari import VENDOR

COPILOT = {"x_api_key": "k", "x_api_password": "p"}


def job(folder: Path, *only: str, **settings: str) -> Job:
    resolved = resolve(VENDOR, settings)
    return Job(
        vendor=VENDOR,
        settings=resolved,
        selection=select(VENDOR, only, settings=resolved.names),
        given={},
        place=Place(pipeline="p", dataset="d", destination="duckdb", folder=folder),
        since=None,
        until=None,
        rate_share=1.0,
        commit_every=30.0,
        ids=None,
        fresh=False,
    )


def ask(api: str) -> Request:
    return Request(endpoint="e", path="/users", api=api, budgets=(), accept=lambda _: None)


async def test_an_api_that_nobody_asks_needs_no_credentials(tmp_path: Path) -> None:
    """Nor do those of one API go to another."""

    async def welcome(exchange: Exchange) -> None:
        await exchange.answer(b"{}")

    async with FaultServer(welcome) as server:
        asked = job(tmp_path, "users", copilot_base_url=server.base_url, apikey="revenue's own", **COPILOT)
        one = connect(asked, asked.fetched)
        assert (await one.transport.send(ask("copilot"))).status == 200
        with pytest.raises(KeyError):
            await one.transport.send(ask(""))
        await one.transport.close()
    assert one.traffic.sent == 1
    (seen,) = server.seen
    assert (seen.headers["x-api-key"], "apikey" in seen.headers) == ("k", False)


async def test_a_credential_that_cannot_be_sent_is_a_mistake(tmp_path: Path) -> None:
    broken = job(tmp_path, "users", **(COPILOT | {"x_api_key": "ключ"}))
    with pytest.raises(SettingsError):
        connect(broken, broken.fetched)


@dataclass
class Fetched:
    """A signer that gets its token from an API of its own."""

    token: str = ""

    async def sign(self, request: Request, send: Send) -> Request:
        if not self.token:
            answer = await send(replace(ask("tokens"), path="/token", method="POST"))
            self.token = answer.body.decode()
        return replace(request, headers={"Authorization": self.token})

    async def refused(self, request: Request, send: Send) -> bool:  # noqa: ARG002 - as signers have it
        return False


async def test_a_signer_reaches_the_api_that_is_there_for_it_alone(tmp_path: Path) -> None:
    async def welcome(exchange: Exchange) -> None:
        await exchange.answer(b"t0ken" if exchange.seen.target.endswith("/token") else b"{}")

    async with FaultServer(welcome) as server, FaultServer(welcome) as tokens:
        beside = Api(base_url=tokens.base_url, setting="tokens_base_url", headers=lambda _: {"X-Of": "tokens"})
        vendor = Vendor(
            name="shop",
            title="Shop",
            base_url=server.base_url,
            settings=(),
            account="",
            headers=lambda _: {},
            budgets={},
            endpoints=(Endpoint(name="users", path="/users"),),
            apis={"tokens": beside},
            signer=Fetched(),
            configuration="shop.py:config",
        )
        asked = replace(job(tmp_path, "users", **COPILOT), vendor=vendor, settings=resolve(vendor))
        one = connect(asked, asked.fetched)
        for _ in range(2):
            assert (await one.transport.send(ask(""))).status == 200
        await one.transport.close()
    assert [(seen.target, seen.headers["x-of"]) for seen in tokens.seen] == [("/api/v1/token", "tokens")]
    assert [(seen.target, seen.headers["authorization"]) for seen in server.seen] == [("/api/v1/users", "t0ken")] * 2
    assert one.traffic.sent == 3


async def test_a_quota_is_counted_by_all_pipelines_of_an_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "data_folder", lambda: tmp_path / "dlt")
    places = {name: job(tmp_path / name, "users", organization=name[0], **COPILOT) for name in ("a1", "a2", "b")}
    for name, count in (("a1", 1), ("a2", 1), ("b", 2)):
        await spend(places[name])
        assert len(books(tmp_path / "dlt")) == count
        assert not books(tmp_path / name)


async def test_a_vendor_on_this_machine_has_quotas_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "data_folder", lambda: tmp_path / "dlt")
    for port in (1, 2):
        await spend(job(tmp_path / "p", "users", base_url=f"http://127.0.0.1:{port}", **COPILOT))
    assert len(books(tmp_path / "p")) == 2
    assert not books(tmp_path / "dlt")


async def spend(asked: Job) -> None:
    found = connect(asked, asked.fetched)
    assert found.budgets["week"].wait(0.0) == 0.0
    assert found.quotas()[0].startswith("week: 99,000 of 99,000")
    await found.transport.close()


def books(folder: Path) -> set[Path]:
    return {path for path in folder.glob("extractor/clari-*") if not path.suffix}
