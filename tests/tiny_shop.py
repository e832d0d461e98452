"""A shop on this machine for configurations of one's own: customers in pages, each with orders, behind a token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

__all__ = ["SHOP", "TOKEN", "TinyShop", "tiny_shop", "write"]

TOKEN = "t0ken-that-nobody-may-see"

SHOP = """
config = {{
    "client": {{
        "base_url": "{base_url}/v1/",
        "auth": {{"type": "bearer", "token": "{token}"}},
        "paginator": {{"type": "page_number", "base_page": 1, "total_path": "pages"}},
    }},
    "resources": [
        {{"name": "customers", "endpoint": {{"path": "customers", "data_selector": "data"}}}},
        {{
            "name": "orders",
            "endpoint": {{"path": "customers/{{resources.customers.id}}/orders", "data_selector": "data"}},
            "include_from_parent": ["id"],
        }},
    ],
}}
"""


@dataclass
class TinyShop:
    """What it holds, and how it behaves.

    Attributes:
        pages: of customers, three on each; every customer has two orders.
        statuses: path and query -> status to answer with instead.
        hold_from: number of the request from which on answers wait for `let_go`; 0: none does.
        seen: path and query of every request.
    """

    pages: int = 4
    statuses: dict[str, int] = field(default_factory=dict)
    hold_from: int = 0
    seen: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    base_url: str = ""
    _counting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def customers(self) -> list[str]:
        """Their ids."""
        return [f"c{number}" for number in range(self.pages * 3)]

    @property
    def orders(self) -> list[tuple[str, str]]:
        """Each with its customer."""
        return [(f"{customer}-{number}", customer) for customer in self.customers for number in range(2)]

    def requests(self) -> list[str]:
        """Those since the last time."""
        with self._counting:
            seen, self.seen = self.seen, []
        return seen

    def answer(self, target: str, authorization: str) -> tuple[int, object]:
        """Status and content for a request."""
        with self._counting:
            self.seen.append(target)
            number = len(self.seen)
        if self.hold_from and number >= self.hold_from:
            self.held.set()
            self.let_go.wait(60)
        if authorization != f"Bearer {TOKEN}":
            return 401, {"error": "who are you?"}
        if target in self.statuses:
            return self.statuses[target], {"error": "not now"}
        parts = urlsplit(target)
        if parts.path == "/v1/customers":
            page = int(parse_qs(parts.query)["page"][0])
            data = [{"id": one, "name": f"Customer {one}"} for one in self.customers[(page - 1) * 3 : page * 3]]
            return 200, {"data": data, "pages": self.pages}
        customer = parts.path.removeprefix("/v1/customers/").removesuffix("/orders")
        return 200, {"data": [{"order": order} for order, of in self.orders if of == customer], "pages": 1}


@contextmanager
def tiny_shop() -> Iterator[TinyShop]:
    """A shop that listens, in a thread of its own."""
    shop = TinyShop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, content = shop.answer(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # whoever was killed does not wait for an answer

    server = Server(("127.0.0.1", 0), Handler)
    shop.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield shop
    finally:
        shop.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


def write(folder: Path, shop: TinyShop, *, token: str = TOKEN, further: str = "") -> Path:
    """The file `shop.py` with the configuration `config` and what else is to stand in it."""
    file = folder / "shop.py"
    file.write_text(SHOP.format(base_url=shop.base_url, token=token) + further)
    return file
