"""What of a configuration can't be kept is refused by name, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator

from dlt.extract import DltResource
from dlt.extract.items_transform import ValidateItem

from extractor.errors import UsageError
from extractor.paths import same_origin
from extractor.rest_api.resource import Resource
from extractor.rest_api.wire import prepared

__all__ = ["refuse"]


def refuse(resource: Resource, own: DltResource, base_url: str) -> None:
    """Refuse a resource that can't be kept whole.

    Raises:
        UsageError: names the resource and what it is.
    """
    if what := next(_unkept(resource, own, base_url), ""):
        raise UsageError(f"the resource {resource.name} has {what}.")
    if not resource.parents:
        # What can't be filled in is found now, and not when everything else is done.
        prepared(resource.base_url, resource.begin({}).request)


def _unkept(resource: Resource, own: DltResource, base_url: str) -> Iterator[str]:
    template = resource.template.lower()
    if template.startswith(("http://", "https://")) and not same_origin(base_url, template.partition("{")[0]):
        yield "a path on another origin than client.base_url; credentials go to that one only"
    if resource.parts["json"] and resource.parts["data"]:
        yield "both json and data; a request has one body"
    if not isinstance(resource.parts["data"], str | bytes | dict | list | None):
        yield f"data of the kind {type(resource.parts['data']).__name__}, which can't be sent twice"
    if resource.incremental is not None:
        if resource.incremental.allow_external_schedulers:
            yield "allow_external_schedulers, and there is none"
        if any(isinstance(step, ValidateItem) for step in own._pipe.steps):  # noqa: SLF001
            yield "an incremental beside a pydantic model in columns; give its columns as a dictionary"
