from __future__ import annotations

import pytest

from extractor.model import Request, Response
from extractor.transport.apis import Apis


class Wire:
    def __init__(self) -> None:
        self.sent: list[Request] = []
        self.closed = 0

    async def send(self, request: Request) -> Response:
        self.sent.append(request)
        return Response(status=200, headers={})

    async def close(self) -> None:
        self.closed += 1


def to(api: str) -> Request:
    return Request(endpoint="e", path="/", api=api, budgets=(), accept=lambda _: None)


async def test_each_request_goes_to_its_own_api() -> None:
    wires = {"": Wire(), "chat": Wire()}
    apis = Apis(wires)
    for request in (to("chat"), to(""), to("chat")):
        assert (await apis.send(request)).status == 200
    assert [len(wire.sent) for wire in wires.values()] == [1, 2]


async def test_an_api_that_nobody_connected_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        await Apis({"": Wire()}).send(to("chat"))


async def test_all_are_closed() -> None:
    wires = {"": Wire(), "chat": Wire()}
    await Apis(wires).close()
    assert [wire.closed for wire in wires.values()] == [1, 1]
