"""The load process's side of its requests, in this process."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from dlt.destinations.impl.duckdb.configuration import DuckDbConnectionPool
from loading import ITEMS, settle_in

from extractor.load import Target, describe
from extractor.load.service import Service
from extractor.redact import Redactor


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    settle_in(tmp_path, monkeypatch)
    target = asdict(Target(pipeline="shop_pipeline", dataset="shop_data", schema="shop"))
    endpoints = [asdict(one) for one in describe([ITEMS])]
    serve = {"folder": str(tmp_path), "target": target, "endpoints": endpoints, "patience": 0.3, "secrets": []}
    return Service(serve, lambda _: None, dict, Redactor())


def test_what_comes_behind_an_attempt_has_the_error_of_its_closing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it begins anew: what it had opened is waited for, and the error told, once."""
    service.perform({"do": "open"})
    close = DuckDbConnectionPool.return_conn

    def closed(pool: DuckDbConnectionPool, connection: Any) -> None:
        close(pool, connection)
        if threading.current_thread().name == "closing":
            raise OSError("No space left on device")

    monkeypatch.setattr(DuckDbConnectionPool, "return_conn", closed)
    destination = service._destination
    with destination.connections.held(destination.pipeline()):
        pass
    with pytest.raises(OSError, match="No space left"):
        service.perform({"do": "remember", "state": {"identity": "me"}})
    service.perform({"do": "remember", "state": {"identity": "me"}})
    assert service.perform({"do": "count"})["rows"] == {"_extractor_listings": 0, "_extractor_incidents": 0}
