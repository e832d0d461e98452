"""One resource of a configuration as dlt has understood it: its first request, its answers, its children."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import requests
from dlt.extract import DltResource, Incremental
from dlt.extract.incremental import IncrementalResourceWrapper
from dlt.extract.items_transform import ItemTransform, ValidateItem
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api.config_setup import (
    IncrementalParam,
    build_parent_record,
    collect_resolved_values,
    convert_incremental_values,
    expand_placeholders,
)
from dlt.sources.rest_api.typing import ResolvedParam

from extractor.rest_api.addresses import address
from extractor.rest_api.steps import Range, Steps, bound, resolved

__all__ = ["Beginning", "Resource"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """Where a listing begins.

    Attributes:
        request: the first one; paginators change it.
        paginator: None if the first answer is to tell which one it takes.
        steps: what is done to its pages.
        rows: whether further pages are wanted.
    """

    request: requests.Request
    paginator: BasePaginator | None
    steps: Steps
    rows: Range


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource.

    Attributes:
        vendor: name of the configuration.
        client: dlt's client with its base URL, headers and paginator; it sends nothing.
        template: the path, with placeholders.
        parts: headers, params, json and data of the request, with placeholders.
        hooks: dlt's for its answers; none that raises for a status unless there are response actions.
        parents: placeholders that a parent's record fills; empty for a root.
        include: fields of the parent's record that go into its records.
        answers: statuses that its response actions are about.
        api: under which its requests are signed.
    """

    vendor: str
    name: str
    client: RESTClient
    method: str
    template: str
    parts: Mapping[str, Any] = field(repr=False)
    paginator: BasePaginator | None
    selector: Any
    hooks: Sequence[Callable[..., Any]]
    parents: Sequence[ResolvedParam]
    include: Sequence[str]
    incremental: Incremental[Any] | None
    params_of_range: IncrementalParam | None
    convert: Callable[..., Any] | None
    steps: Sequence[ItemTransform[Any, Any]] = field(repr=False)
    answers: tuple[int, ...] = ()
    api: str = ""

    @classmethod
    def of(cls, vendor: str, resource: DltResource, *, answers: tuple[int, ...], api: str) -> Resource:
        """What dlt's own object says."""
        said = resource.explicit_args
        incremental = said["incremental_object"]
        # Rows are validated where they are loaded, and the range is this package's to keep.
        steps = [
            step
            for step in resource._pipe.steps  # noqa: SLF001 - there is no other way to them
            if isinstance(step, ItemTransform) and not isinstance(step, ValidateItem | IncrementalResourceWrapper)
        ]
        return cls(
            vendor=vendor,
            name=resource.name,
            client=said["client"],
            method=said["method"].upper(),
            template=said["path"],
            parts={name: said[name] for name in ("headers", "params", "json", "data")},
            paginator=said["paginator"],
            selector=said["data_selector"],
            hooks=(said["hooks"] or {}).get("response", ()),
            parents=said.get("resolved_params", ()),
            include=said.get("include_from_parent", ()),
            incremental=None if incremental is None else resolved(vendor, resource.name, incremental),
            params_of_range=said["incremental_param"],
            convert=said["incremental_cursor_transform"],
            steps=steps,
            answers=answers,
            api=api,
        )

    @property
    def base_url(self) -> str:
        """Of the client."""
        return self.client.base_url

    @property
    def parent(self) -> str:
        """Name of the parent resource; '' for a root."""
        return self.parents[0].resolve_config["resource"] if self.parents else ""

    def wanted(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of a parent's record: what fills the placeholders, and what goes into the child's records.

        Raises:
            ValueError: a field is not there.
        """
        values = collect_resolved_values(dict(record), list(self.parents), None, None)
        return values, build_parent_record(dict(record), self.parent, list(self.include))

    def begin(self, wanted: Mapping[str, Any]) -> Beginning:
        """The first request of a listing.

        Args:
            wanted: what fills the placeholders.

        Raises:
            UnsafePath: a value can't be part of a path.
            ForeignOrigin: it is a link that leads elsewhere.
        """
        values = dict(wanted)
        parts = dict(self.parts)
        rows = Range(self.name, has_parent=bool(self.parents))
        steps = list(self.steps)
        if self.incremental is not None:
            incremental = bound(self.vendor, self.incremental, rows)
            steps.append(incremental)
            parts["params"] = {**(parts["params"] or {}), **self._range(incremental)}
            values["incremental"] = incremental
            if self.convert is not None:
                values |= convert_incremental_values(incremental, self.convert)
        request = requests.Request(
            method=self.method,
            url=address(self.base_url, self.template, values),
            headers={**(self.client.headers or {}), **(expand_placeholders(parts["headers"], values) or {})},
            params=expand_placeholders(parts["params"] or {}, values),
            json=expand_placeholders(parts["json"], values, preserve_value_type=True),
            data=expand_placeholders(parts["data"], values),
        )
        paginator = deepcopy(self.paginator or self.client.paginator)
        if paginator is not None:
            paginator.init_request(request)
        return Beginning(request=request, paginator=paginator, steps=Steps(self.name, steps), rows=rows)

    def _range(self, incremental: Incremental[Any]) -> dict[str, Any]:
        """Query parameters that state the range."""
        convert = self.convert or (lambda value: value)
        start, end = self.params_of_range or IncrementalParam(None, None)
        stated = {start: incremental.last_value, end: incremental.end_value}
        return {name: convert(value) for name, value in stated.items() if name}
