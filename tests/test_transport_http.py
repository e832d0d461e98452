"""One attempt: what goes out, what comes back, and what every broken answer is called."""

from __future__ import annotations

import asyncio
import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from faultserver import Exchange, FaultServer, free_port
from oneattempt import TOKEN, ask, fails, http, names, request

from extractor.errors import BadBody, RequestFailed, SettingsError, TimedOut, TransportError, UnsafePath
from extractor.transport import Traffic
from extractor.transport.connections import failure_of
from extractor.transport.http import Http

# ── what goes out ───────────────────────────────────────────────────────────────────────────


async def test_an_answer_comes_back_whole() -> None:
    """Status, lower-case headers with the first of repeated ones, body."""

    async def answer(exchange: Exchange) -> None:
        await exchange.write(
            b"HTTP/1.1 404 No\r\nX-Limit: 10\r\nx-limit: 99\r\nSet-Cookie: a=b\r\nContent-Length: 4\r\n\r\ngone"
        )

    response, server = await ask(answer)
    assert (response.status, response.body, response.file) == (404, b"gone", None)
    assert response.headers["x-limit"] == "10"
    assert server.seen[0].method == "GET"
    assert server.seen[0].target == "/api/v1/things"
    assert server.seen[0].headers["authorization"] == TOKEN
    assert server.seen[0].headers["x-api-key"] == "key-1234"
    assert server.seen[0].headers["accept-encoding"] == "gzip, deflate"


async def test_path_and_parameters_arrive_as_they_were_encoded() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer()

    sent = request("/a%2Fb/%252e", params=(("q", "1+1 =é"), ("q", "&?#%"), ("", "x")))
    _response, server = await ask(answer, sent)
    assert server.seen[0].target == "/api/v1/a%2Fb/%252e?q=1%2B1%20%3D%C3%A9&q=%26%3F%23%25&=x"


async def test_a_body_goes_out_as_json() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"ok")

    sent = request(method="POST", json={"type": "Report", "n": [1]}, headers={"X-Own": "1"})
    _response, server = await ask(answer, sent)
    (seen,) = server.seen
    assert (seen.method, seen.body) == ("POST", b'{"type":"Report","n":[1]}')
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["x-own"] == "1"
    assert seen.headers["authorization"] == TOKEN


async def test_the_bytes_of_a_request() -> None:
    """What nearly every request looks like, whole."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer()

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        await transport.send(request())
        host = f"127.0.0.1:{server.port}"
    assert server.seen[0].head.decode() == (
        f"GET /api/v1/things HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nUser-Agent: extractor\r\n"
        f"Accept-Encoding: gzip, deflate\r\nAuthorization: {TOKEN}\r\nX-Api-Key: key-1234\r\n\r\n"
    )


async def test_a_requests_own_headers_come_instead_of_those_of_all() -> None:
    """Whatever the case of their letters."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer()

    own = {"ACCEPT": "text/csv", "authorization": "own", "Content-type": "text/plain", "content-length": "99"}
    _response, server = await ask(answer, request(method="POST", content=b"x", headers=own))
    text = server.seen[0].head.decode().lower()
    for name, value in {**own, "content-length": "1"}.items():
        assert text.count(f"\r\n{name.lower()}: ") == 1
        assert f"\r\n{name.lower()}: {value}\r\n" in text


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("GET", None), ("DELETE", None)])
async def test_the_length_of_no_body(method: str, length: str | None) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer()

    _response, server = await ask(answer, request(method=method))
    assert server.seen[0].headers.get("content-length") == length


@pytest.mark.parametrize("method", ["GET /x HTTP/1.1\r\nHost: elsewhere\r\n\r\nGET", "G\u00c9T", "GET\x00"])
async def test_a_method_that_would_be_more_is_not_sent(method: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer()

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        with pytest.raises(UnsafePath):
            await transport.send(request(method=method))
        assert not server.connections


@pytest.mark.parametrize("status", [100, 102, 103])
async def test_word_that_the_answer_is_to_come_is_no_answer(status: int) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(f"HTTP/1.1 {status} Wait\r\nLink: </x>\r\n\r\n".encode())
        await exchange.answer(b"here")

    response, _server = await ask(answer)
    assert (response.status, response.body) == (200, b"here")
    assert "link" not in response.headers


@pytest.mark.parametrize("path", ["/../admin", "/a/%2e%2E/b", "things", "/a?b", "/a#b", "/a b", "/a\\b", "/é"])
async def test_a_path_that_leaves_the_base_is_not_sent(path: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer()

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        with pytest.raises(UnsafePath):
            await transport.send(request(path))
        assert not server.connections


async def test_cookies_are_not_kept() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(headers={"Set-Cookie": "session=1; Path=/"})

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        await transport.send(request())
        await transport.send(request())
        assert "cookie" not in server.seen[1].headers


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither proxies nor a .netrc are believed."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"direct")

    response, server = await ask(answer, headers={})
    assert response.body == b"direct"
    assert "authorization" not in server.seen[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_credentials_stay(status: int) -> None:
    """The foreign server doesn't even see a connection."""

    async def sink(exchange: Exchange) -> None:
        await exchange.answer(b"thanks")

    async with FaultServer(sink) as foreign:

        async def answer(exchange: Exchange) -> None:
            await exchange.answer(b"moved", status=status, headers={"Location": f"{foreign.base_url}/steal"})

        response, _server = await ask(answer)
        assert (response.status, response.body) == (status, b"moved")
        assert response.headers["location"].endswith("/steal")
        assert foreign.connections == 0


@pytest.mark.parametrize(
    "base_url",
    [
        "http://example.com/api",
        "http://0177.0.0.1/",
        "http://127.0.0.1.example.com/",
        "ftp://127.0.0.1/",
        "https://user:pw@example.com/",
        "https://example.com/?key=1",
        "https://example.com/#x",
        "https://exa mple.com/",
        "https://",
        "example.com/api",
    ],
)
def test_a_base_url_that_would_show_credentials_is_refused(base_url: str) -> None:
    with pytest.raises(SettingsError, match="acme"):
        Http(base_url=base_url, vendor="acme", headers={})


@pytest.mark.parametrize("value", ["a\r\nX-Other: 1", "tab\there", "ünicode", "nul\0"])
def test_credentials_that_cant_be_a_header_are_refused_without_showing_them(value: str) -> None:
    with pytest.raises(SettingsError, match="Authorization") as caught:
        Http(base_url="https://example.com/api", vendor="acme", headers={"Authorization": value})
    assert value not in str(caught.value)


# ── connections ─────────────────────────────────────────────────────────────────────────────


async def test_connections_are_kept_and_bounded() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(exchange.seen.target.encode())

    async with FaultServer(answer) as server, http(server.base_url, connections=3) as transport:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(transport.send(request(f"/{n}"))) for n in range(50)]
        assert [task.result().body for task in tasks] == [f"/api/v1/{n}".encode() for n in range(50)]
        assert server.connections <= 3


async def test_500_at_once_each_get_their_own_answer() -> None:
    async def answer(exchange: Exchange) -> None:
        number = int(exchange.seen.target.rsplit("/", 1)[1])
        await asyncio.sleep((number * 7919 % 13) / 1000)
        await exchange.answer(str(number).encode())

    async with FaultServer(answer) as server, http(server.base_url, connections=64) as transport:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(transport.send(request(f"/{n}"))) for n in range(500)]
        assert [int(task.result().body) for task in tasks] == list(range(500))


async def test_a_kept_connection_that_the_server_closes_on_reuse_is_one_failure_and_one_request() -> None:
    """The vendor may have counted it, so it is not sent again behind the budget's back; the next attempt succeeds."""

    async def answer(exchange: Exchange) -> None:
        if exchange.number == 2:
            exchange.close()
        else:
            await exchange.answer(b"ok")

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        assert (await transport.send(request())).body == b"ok"
        with pytest.raises(TransportError) as caught:
            await transport.send(request())
        assert caught.value.kind == "reset"
        assert len(server.seen) == 2
        assert server.seen[0].connection == server.seen[1].connection
        assert (await transport.send(request())).body == b"ok"


async def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"ok")
        exchange.close()

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        for _ in range(5):
            assert (await transport.send(request())).body == b"ok"
            await asyncio.sleep(0.01)  # the FIN has to get here first
        assert server.connections == 5


@pytest.mark.parametrize("late", [False, True], ids=["at once", "later"])
async def test_what_follows_an_answer_is_not_taken_for_the_next_one(late: bool) -> None:
    stowaway = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"

    async def answer(exchange: Exchange) -> None:
        own = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright"
        if late:
            await exchange.write(own)
            await asyncio.sleep(0.01)
            await exchange.write(stowaway)
        else:
            await exchange.write(own + stowaway)

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        for _ in range(3):
            try:
                assert (await transport.send(request())).body == b"right"
            except TransportError:
                assert late  # the connection was found to be unfit: fine, the next attempt gets another one
            await asyncio.sleep(0.03)
        assert len(server.seen) >= 2


async def cancelled(transport: Http, server: FaultServer) -> None:
    """A request that is cancelled when it has arrived."""
    task = asyncio.create_task(transport.send(request()))
    await server.reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_request_gives_its_connection_up() -> None:
    closed = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        try:
            while True:
                await exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await asyncio.sleep(0.001)
        except ConnectionError:
            closed.set()
            raise

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        await cancelled(transport, server)
        await closed.wait()


async def test_the_answer_to_a_cancelled_request_is_nobody_elses() -> None:
    """It may still come: the connection is not used again."""
    asked_on = list[int]()

    async def answer(exchange: Exchange) -> None:
        asked_on.append(exchange.seen.connection)
        if exchange.number == 1:
            await asyncio.sleep(0.05)
        await exchange.answer(str(exchange.number).encode())

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        await cancelled(transport, server)
        assert (await transport.send(request())).body == b"2"
    assert asked_on == [1, 2]


# ── broken answers ──────────────────────────────────────────────────────────────────────────


async def test_refused() -> None:
    async with http(f"http://127.0.0.1:{free_port()}/api") as transport:
        with pytest.raises(TransportError, match=r"acme things: 127.0.0.1:\d+ refused") as caught:
            await transport.send(request())
        assert caught.value.kind == "refused"


async def test_a_name_without_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_args: object, **_options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    async with http("https://nowhere.example/api") as transport:
        with pytest.raises(TransportError, match=r"nowhere.example has no address") as caught:
            await transport.send(request())
        assert caught.value.kind == "no address"


async def test_reset_before_the_answer() -> None:
    async def answer(exchange: Exchange) -> None:
        exchange.reset()

    failure = await fails(answer)
    assert isinstance(failure, TransportError)
    assert failure.kind == "reset"


FRAMED = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n[{"id": 1}, {"id": 2}]'[:-1]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n3\r\n,3]\r\n0\r\n\r\n"


@pytest.mark.parametrize("whole", [FRAMED, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("how", ["closed", "reset"])
@pytest.mark.parametrize("download", [False, True], ids=["memory", "file"])
async def test_cut_off_after_every_single_byte(whole: bytes, how: str, download: bool, tmp_path: Path) -> None:
    """No part of an answer is ever taken for an answer."""

    async def answer(exchange: Exchange) -> None:
        await exchange.write(whole[: exchange.number - 1])
        if how == "reset":
            await asyncio.sleep(0)
            exchange.reset()
        else:
            exchange.close()

    async with FaultServer(answer) as server, http(server.base_url, folder=tmp_path) as transport:
        for cut in range(len(whole)):
            with pytest.raises(TransportError):
                await transport.send(request(download=download))
            assert len(server.seen) == cut + 1
    assert not names(tmp_path)


@pytest.mark.parametrize("download", [False, True])
async def test_it_tells_when_an_answer_begins(tmp_path: Path, *, download: bool) -> None:
    told = asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        await asyncio.sleep(0)
        assert not told.is_set()
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[")
        # No end without it.
        await told.wait()
        await exchange.write(b"1]")

    asked = request(download=download)
    asked.begun = told.set
    async with FaultServer(answer) as server, http(server.base_url, folder=tmp_path) as transport:
        response = await transport.send(asked)
        if response.file:
            response.file.close()
    assert response.status == 200


async def test_the_whole_deadline_holds_for_a_drip() -> None:
    """A server that sends something all the time is cut off all the same."""

    async def answer(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            await exchange.write(b"x")
            await asyncio.sleep(0.002)

    failure = await fails(answer, request(timeout=0.1))
    assert isinstance(failure, TimedOut)
    assert "within 0.1 s" in str(failure)


async def test_the_deadline_holds_for_a_drip_of_headers_and_for_silence() -> None:
    async def headers(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            await exchange.write(b"x")
            await asyncio.sleep(0.002)

    async def silence(_exchange: Exchange) -> None:
        await asyncio.sleep(3600)

    assert isinstance(await fails(headers, request(timeout=0.05)), TimedOut)
    assert isinstance(await fails(silence, request(timeout=0.05)), TimedOut)


@pytest.mark.parametrize(
    "head",
    [
        b"".join(b"X-%d: y\r\n" % n for n in range(10_000)),
        b"X-Long: " + b"y" * 100_000 + b"\r\n",
        b"X-" + b"y" * 100_000,
        b"no colon here\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Content-Length: 9999999999999999999999\r\n",
    ],
    ids=["10,000 headers", "long value", "long name", "no colon", "negative", "two lengths", "huge length"],
)
async def test_headers_that_are_refused(head: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        exchange.close()

    assert isinstance(await fails(answer), TransportError)


@pytest.mark.parametrize(
    "raw", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\0" * 100, b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"\r\n\r\n"]
)
async def test_what_is_not_http(raw: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(raw)
        exchange.close()

    assert isinstance(await fails(answer), TransportError)


async def test_a_socket_that_breaks_between_a_check_and_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop raises a bare RuntimeError for it; only that one is the connection's."""

    async def broken(protocol: ResponseHandler) -> None:
        transport = protocol.transport
        assert transport is not None
        transport.abort()
        await asyncio.sleep(0.01)
        transport.write(b"GET / HTTP/1.1")

    async def wrong(_: ResponseHandler) -> None:
        raise RuntimeError("something else")

    async def answer(exchange: Exchange) -> None:
        exchange.reset()

    async with FaultServer(answer) as server, http(server.base_url) as transport:
        monkeypatch.setattr(ResponseHandler, "read", broken)
        with pytest.raises(TransportError) as caught:
            await transport.send(request())
        assert caught.value.kind == "reset"
        monkeypatch.setattr(ResponseHandler, "read", wrong)
        with pytest.raises(RuntimeError, match="something else"):
            await transport.send(request())


@pytest.mark.parametrize("chunk", [b"zz\r\nabc", b"-1\r\nabc", b"3\r\nabcdef\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n"])
async def test_chunks_that_are_refused(chunk: bytes) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        exchange.close()

    assert isinstance(await fails(answer), TransportError)


def _subclasses(error: type[BaseException]) -> Iterator[type[BaseException]]:
    yield error
    for below in error.__subclasses__():
        yield from _subclasses(below)


@pytest.mark.parametrize(
    "raised", sorted({*_subclasses(aiohttp.ClientError), *_subclasses(HttpProcessingError)}, key=str)
)
def test_every_error_of_aiohttp_has_a_name_of_ours(raised: type[Exception]) -> None:
    """And none but those of features that aren't used (websockets, proxies, redirects, uploads) is only "failed"."""
    error = raised.__new__(raised)
    failure = failure_of(error, vendor="acme", host="h", request=request()) if _plain(error) else None
    unused = ("WS", "Proxy", "Redirect", "InvalidU", "NonHttp", "Upload", "Fingerprint", "Unix")
    if failure is not None and not any(part in raised.__name__ for part in unused):
        assert failure.kind != "failed" or raised in (
            aiohttp.ClientError,
            aiohttp.ClientConnectionError,
            aiohttp.ServerConnectionError,
        )


def _plain(error: BaseException) -> bool:
    """Connector errors ask their OSError for details, which only a real one has."""
    return not isinstance(error, aiohttp.ClientConnectorError)


async def test_no_failure_shows_a_query_a_header_or_a_body(tmp_path: Path) -> None:
    """Not in the message, not in the traceback, not in what hangs on it."""

    async def answer(exchange: Exchange) -> None:
        kind = exchange.number
        if kind == 1:
            exchange.reset()
        elif kind == 2:
            await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbody-canary")
            exchange.close()
        elif kind == 3:
            await exchange.write(b"HTTP/1.1 200 OK\r\nbody-canary\r\n\r\n")
        elif kind == 4:
            await exchange.answer(b"body-canary", headers={"Content-Encoding": "gzip"})
        else:
            await asyncio.sleep(3600)

    sent = request(params=(("token", "query-canary"),), timeout=0.2)
    async with FaultServer(answer) as server, http(server.base_url, folder=tmp_path) as transport:
        for _ in range(5):
            with pytest.raises(RequestFailed) as caught:
                await transport.send(sent)
            error = caught.value
            assert error.path == "/things"
            assert "acme things" in str(error)
            shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
            if not isinstance(error, BadBody):
                assert error.__context__ is None
            for canary in ("canary", TOKEN, "key-1234"):
                assert canary not in shown


# ── bodies ──────────────────────────────────────────────────────────────────────────────────


async def test_a_large_body_in_memory() -> None:
    whole = os.urandom(10_000_000)

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(whole)

    response, _server = await ask(answer)
    assert response.body == whole


async def test_a_body_over_the_limit() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"x" * 2_000)

    failure = await fails(answer, largest_body=1_999)
    assert isinstance(failure, BadBody)
    assert failure.status == 200
    response, _server = await ask(answer, largest_body=2_000)
    assert len(response.body) == 2_000


async def test_an_endless_body_is_cut_at_the_limit() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await exchange.write(b"x" * 65536)

    assert isinstance(await fails(answer, largest_body=1_000_000), BadBody)


async def test_the_body_of_an_error_is_kept_up_to_64_kb() -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"x" * 1_000_000, status=404)

    for download in (False, True):
        response, _server = await ask(answer, request(download=download))
        assert (response.status, len(response.body), response.file) == (404, 65536, None)


@pytest.mark.parametrize("encoding", ["gzip", "br", "made-up"])
async def test_the_status_of_an_error_counts_more_than_its_broken_body(encoding: str) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"not compressed", status=403, headers={"Content-Encoding": encoding})

    response, _server = await ask(answer)
    assert (response.status, response.body) == (403, b"")


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_without_a_body(status: int) -> None:
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(status=status, framed=False)

    response, _server = await ask(answer)
    assert (response.status, response.body) == (status, b"")


async def test_without_a_length_the_connection_ends_the_body() -> None:
    """In memory that is good enough: half a JSON document isn't one."""

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"[1,2]", framed=False)
        exchange.close()

    response, _server = await ask(answer)
    assert response.body == b"[1,2]"


async def test_the_traffic_counts_attempts_whatever_comes_of_them() -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.number == 1:
            exchange.reset()
        else:
            await exchange.answer(status=503)

    traffic = Traffic()
    async with FaultServer(answer) as server, http(server.base_url, traffic=traffic) as transport:
        with pytest.raises(TransportError):
            await transport.send(request())
        await transport.send(request())
    assert traffic.sent == 2
