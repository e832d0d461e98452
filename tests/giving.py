"""A user's own configuration, its pages, and a destination that they are loaded into in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from dlt.common.json import json
from dlt.extract import DltResource
from dlt.sources.rest_api import rest_api_resources
from loading import Page, Warehouse

from extractor.ledger import IncidentRow
from extractor.load.attempt import Loader
from extractor.load.chunk import Chunk, ChunkLoader
from extractor.load.configured import Configured
from extractor.load.protocol import Loaded, describe
from extractor.model import Endpoint, Incident

__all__ = ["Shop", "page", "resources"]


def resources(*described: dict[str, Any], **defaults: Any) -> dict[str, DltResource]:
    """Dlt's own resources; no request is ever made for them."""
    client = {"base_url": "http://127.0.0.1:9/"}
    config = {"client": client, "resources": list(described), "resource_defaults": defaults}
    return {one.name: one for one in rest_api_resources(cast("Any", config))}


def page(*records: object, endpoint: str = "items", key: str = "") -> Page:
    """As the fetch process writes it: dlt's typed JSON."""
    return endpoint, key, json.typed_dumpb(list(records))


class Shop(Warehouse):
    """A pipeline whose tables are a configuration's.

    Attributes:
        incidents: that came with the loads.
    """

    def __init__(self, folder: Path, described: dict[str, DltResource], *, began: str = "one", **state: object) -> None:
        endpoints = [Endpoint(name=name, path="/", key=()) for name in described]
        super().__init__(folder, endpoints, configuration="shop.py:config", state={"began": began, **state})
        self.incidents: list[Incident] = []
        self.loader = Loader(self.destination, self.target, describe(endpoints), Configured(described, self.target))

    def chunk(self, *pages: Page, parts: int = 1) -> Loaded:
        """Load as the load process does."""

        def announce(_load_id: str, incidents: Sequence[Incident]) -> None:
            self.incidents = list(incidents)

        chunk = Chunk(number=1, pages=lambda: pages, listings=list, incidents=list[IncidentRow])
        loader = ChunkLoader(self.loader, self.destination, announce=announce, retrying=self.waits.append)
        return loader.load(chunk, parts=parts)

    def column(self, query: str) -> list[Any]:
        """The query's only column."""
        return [row[0] for row in self.rows(query)]
