"""A sample of what a configuration means, for this package and for dlt itself: both leave a list at the same page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, cast

import dlt
from dlt.common.exceptions import DltException
from dlt.common.runtime.anon_tracker import disable_anon_tracker
from dlt.common.utils import clone_dict_nested
from dlt.sources.helpers.rest_client.detector import PaginatorFactory
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.config_setup import build_resource_dependency_graph, create_paginator
from requests import Request, Response

from extractor.errors import RunFailed
from extractor.redact import Redactor
from extractor.rest_api.files import Found
from extractor.rest_api.translation import Translation

__all__ = ["cut", "load_by_dlt", "sample"]


def sample(found: Found, limit: int) -> Translation:
    """The configuration with lists that end after `limit` records, and no more than `limit` records of a root.

    Raises:
        UsageError: the configuration can't be kept.
    """
    found.translated()
    return replace(found, config=cut(cast("dict[str, Any]", found.config), limit)).translated()


def load_by_dlt(found: Found, limit: int, *, folder: Path, database: Path, dataset: str) -> None:
    """Have dlt load the same sample into a DuckDB database.

    Args:
        found: as `sample` has taken it.
        folder: for dlt's files.

    Raises:
        RunFailed: dlt stops at it; the message says why, without secrets.
    """
    # Nobody else is to hear of a comparison, and its user no more than how it ends.
    disable_anon_tracker()
    logging.getLogger("dlt").setLevel(logging.ERROR)
    config = cut(cast("dict[str, Any]", found.config), limit)
    pipeline = dlt.pipeline(
        f"{found.name}_by_dlt",
        pipelines_dir=str(folder),
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name=dataset,
    )
    try:
        pipeline.run(rest_api_source(cast("Any", config), name=found.name))
    except DltException as error:
        reason = _reason(error)
        said = Redactor(found.translated().vendor.secrets).redact(f"{type(reason).__name__} {reason}".strip())
        raise RunFailed(f"dlt itself can't load this: {said}") from error


def _reason(error: BaseException) -> BaseException:
    """What dlt's own errors are wrapped round."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def cut(config: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """The configuration of the sample; it is good for one run, for it counts."""
    listed = [_described(one) for one in config["resources"]]
    _, known, parents = build_resource_dependency_graph(
        cast("Any", clone_dict_nested(config.get("resource_defaults") or {})), cast("Any", listed)
    )
    of_client = create_paginator(config["client"].get("paginator"))
    resources = []
    for one in listed:
        whole: Any = known[one["name"]]
        own = create_paginator(whole["endpoint"].get("paginator")) or of_client
        resource = {**one, "endpoint": {**one["endpoint"], "paginator": Stopping(own, limit)}}
        if not parents[one["name"]]:
            resource["processing_steps"] = [{"filter": _first(limit)}, *whole.get("processing_steps", ())]
        resources.append(resource)
    return {**config, "resources": resources}


class Stopping(BasePaginator):
    """A paginator that turns no further page once there are enough records.

    Args:
        paginator: turns the pages; None to find it out from the first answer, as dlt does.
        limit: records that are enough.
    """

    def __init__(self, paginator: BasePaginator | None, limit: int) -> None:
        super().__init__()
        self._given = paginator
        self._paginator = paginator
        self._limit = self._left = limit

    @property
    def has_next_page(self) -> bool:
        """Whether there is one, and it is wanted."""
        return self._left > 0 and self._paginator is not None and self._paginator.has_next_page

    def init_request(self, request: Request) -> None:
        """A list begins."""
        self._left = self._limit
        self._paginator = deepcopy(self._given)
        if self._paginator is not None:
            self._paginator.init_request(request)

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """A page has come."""
        if self._paginator is None:
            self._paginator, _ = PaginatorFactory().create_paginator(response)
        self._paginator.update_state(response, data)
        self._left -= len(data or ())

    def update_request(self, request: Request) -> None:
        """Ask for the next one."""
        if self._paginator is not None:
            self._paginator.update_request(request)


def _described(resource: Any) -> dict[str, Any]:  # noqa: ANN401 - dlt has three forms
    """The resource as a dictionary, whichever shorthand it is written in."""
    whole = {"name": resource} if isinstance(resource, str) else dict(resource)
    endpoint = whole.get("endpoint") or {}
    return {**whole, "endpoint": {"path": endpoint} if isinstance(endpoint, str) else dict(endpoint)}


def _first(limit: int) -> Callable[[object], bool]:
    numbers = count()
    return lambda _: next(numbers) < limit
