"""Plays the vendor `shop` on loopback: always the same answers, as fast as they come.

Shops have orders, orders have lines, lines have parts. Some lines are equal but for their order, one shop is gone,
and one order has no id, so that every kind of row and incident comes up.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

__all__ = ["play"]

_SHOPS, _ORDERS, _LINES = 4, 3, 3


@contextmanager
def play() -> Iterator[str]:
    """Play it in a thread; its base URL."""
    server = _Server(("127.0.0.1", 0), _Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked was killed."""


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two packets; the second must not wait for the first one's acknowledgement.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer."""
        url = urlsplit(self.path)
        found = _content(url.path.removeprefix("/api/").split("/"), parse_qs(url.query))
        body = json.dumps(found).encode()
        self.send_response(HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def _content(path: list[str], query: dict[str, list[str]]) -> list[dict[str, object]] | None:
    match path:
        case ["shops"]:
            start, size = (int(query.get(name, ["0"])[0]) for name in ("offset", "limit"))
            return [_shop(number) for number in range(_SHOPS)][start : start + size]
        case ["shops", shop, "orders"]:
            orders: list[dict[str, object]] = [
                {"id": f"{shop}.{number}", "total": number * 1.5, "shop": shop} for number in range(_ORDERS)
            ]
            nameless: list[dict[str, object]] = [{"id": None, "total": 0.0, "shop": shop}]
            return None if shop == "s3" else orders + (nameless if shop == "s1" else [])
        case ["orders", order, "lines"]:
            return [_line(order, number) for number in range(_LINES)]
        case _:
            return None


def _shop(number: int) -> dict[str, object]:
    return {"id": f"s{number}", "opened": f"2024-01-0{number + 1}T00:00:00Z", "tags": ["new", f"tag {number}"]}


def _line(order: str, number: int) -> dict[str, object]:
    return {"order": order, "sku": f"sku {number}", "parts": [{"name": "bolt"}, {"name": f"nut {number}"}]}
