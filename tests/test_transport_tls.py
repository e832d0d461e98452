"""Whose certificate is believed, and that nothing is said to anybody else."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
from faultserver import Exchange, FaultServer
from oneattempt import http, request

from extractor.errors import TimedOut, TransportError


@dataclass(frozen=True, kw_only=True)
class Pair:
    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


# Of OpenSSL's commands only `ca` can make a certificate that has expired already.
CONFIG = """
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/{name}.index
serial = {folder}/{name}.serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[extensions]
subjectAltName = {san}
basicConstraints = critical,CA:TRUE
"""


def make(folder: Path, name: str, *, san: str, until: str = "20990101000000Z") -> Pair:
    """A key and a certificate signed with it."""
    pair = Pair(certificate=folder / f"{name}.pem", key=folder / f"{name}.key")
    config, asked = folder / f"{name}.conf", folder / f"{name}.csr"
    config.write_text(CONFIG.format(folder=folder, name=name, san=san))
    (folder / f"{name}.index").touch()
    (folder / f"{name}.serial").write_text(f"0{len(name)}\n")
    curve = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    key = f"req -new {curve} -nodes -subj /CN=test -keyout {pair.key} -out {asked}"
    sign = f"ca -batch -selfsign -notext -config {config} -extensions extensions -keyfile {pair.key} -in {asked}"
    dates = f"-startdate 20200101000000Z -enddate {until} -out {pair.certificate}"
    for command in (key, f"{sign} {dates}"):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    return pair


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pair]:
    folder = tmp_path_factory.mktemp("tls")
    return {
        "good": make(folder, "good", san="IP:127.0.0.1"),
        "wrong host": make(folder, "wrong", san="DNS:vendor.example"),
        "expired": make(folder, "expired", san="IP:127.0.0.1", until="20200102000000Z"),
    }


async def answer(exchange: Exchange) -> None:
    await exchange.answer(b"hello")


async def test_a_certificate_that_the_system_trusts(pairs: dict[str, Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL's own variable adds a CA, as companies with an inspecting proxy need."""
    good = pairs["good"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))
    async with FaultServer(answer, tls=good.server()) as server, http(server.base_url) as transport:
        assert (await transport.send(request())).body == b"hello"


@pytest.mark.parametrize("name", ["self-signed", "wrong host", "expired"])
async def test_any_other_certificate_is_refused(
    name: str, pairs: dict[str, Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request is not sent. No variable of the environment turns that off."""
    pair = pairs.get(name, pairs["good"])
    if name != "self-signed":
        monkeypatch.setenv("SSL_CERT_FILE", str(pair.certificate))
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    async with FaultServer(answer, tls=pair.server()) as server, http(server.base_url) as transport:
        with pytest.raises(TransportError, match="certificate") as caught:
            await transport.send(request())
        assert caught.value.kind == "certificate"
        assert not server.seen


async def test_an_old_version_is_refused(pairs: dict[str, Pair], monkeypatch: pytest.MonkeyPatch) -> None:
    good = pairs["good"]
    monkeypatch.setenv("SSL_CERT_FILE", str(good.certificate))
    old = good.server()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with FaultServer(answer, tls=old) as server, http(server.base_url) as transport:
        with pytest.raises(TransportError):
            await transport.send(request())
        assert not server.seen


async def test_the_keys_of_a_connection_are_not_written_down(
    pairs: dict[str, Pair], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    monkeypatch.setenv("SSL_CERT_FILE", str(pairs["good"].certificate))
    async with FaultServer(answer, tls=pairs["good"].server()) as server, http(server.base_url) as transport:
        await transport.send(request())
    assert not log.exists()


async def test_a_server_that_speaks_no_tls() -> None:
    def converse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server, http(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/api") as transport:
        with pytest.raises(TransportError) as caught:
            await transport.send(request())
        assert caught.value.kind == "TLS"


async def test_a_connection_that_never_stands() -> None:
    """A server that takes a connection and then says nothing of TLS: the time for one ends, not the request's own."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, http(f"https://127.0.0.1:{port}", connect_timeout=0.05) as transport:
        with pytest.raises(TimedOut, match=f"no connection to 127.0.0.1:{port} in time"):
            await transport.send(request(timeout=60.0))
