"""A dlt `RESTAPIConfig` becomes a vendor: an endpoint for each resource, credentials in signers, the rest by dlt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, cast
from urllib.parse import urlsplit

from dlt.common.normalizers.naming import NamingConvention
from dlt.common.utils import clone_dict_nested
from dlt.extract import DltResource
from dlt.sources.rest_api import rest_api_source
from dlt.sources.rest_api.config_setup import build_resource_dependency_graph
from requests import Session

from extractor.address import normal_base_url
from extractor.errors import RequestFailed, UsageError
from extractor.model import Api, Children, Endpoint, Signer, Vendor
from extractor.redact import Redactor
from extractor.rest_api import sessions
from extractor.rest_api.access import Access
from extractor.rest_api.budget import budget
from extractor.rest_api.confidential import of_headers, of_parts, of_rejected
from extractor.rest_api.listing import RestListing
from extractor.rest_api.refusals import refuse
from extractor.rest_api.resource import Resource

__all__ = ["Translation", "translate"]

_UNNAMED = tuple(status for status in range(400, 500) if status not in (401, 408, 421, 425, 429))
"""Statuses whose answers an action sees that names none; the others are tried again, or are about the credentials."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Translation:
    """A configuration, understood.

    Attributes:
        vendor: what the engine asks.
        resources: dlt's own objects by name, for the hints with which their tables are loaded.
    """

    vendor: Vendor
    resources: Mapping[str, DltResource]


def translate(config: object, *, name: str, rate_limit: object = None, configuration: str = "") -> Translation:
    """Understand a configuration as dlt does.

    Args:
        config: a `RESTAPIConfig`; it is not changed.
        name: of the vendor, and of dlt's schema.
        rate_limit: "10/s", "300/min", "5000/h", "40/15s"; None to learn it.
        configuration: `file.py:name` that it was read from.

    Raises:
        UsageError: dlt does not take it, or it holds something that this engine can't keep. The message names it.
    """
    where = configuration or name
    if not isinstance(config, dict):
        raise UsageError(f"{where} is a {type(config).__name__}; a RESTAPIConfig is a dictionary.")
    try:
        return _translated(config, name=name, rate_limit=rate_limit, configuration=configuration)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    except RequestFailed as error:
        raise UsageError(f"{where}: {error}.") from error
    # Whatever is wrong in a dictionary, dlt stumbles over it in its own way.
    except Exception as error:
        said = Redactor(of_rejected(config)).redact(str(error))
        raise UsageError(f"{where} is not what dlt takes for a RESTAPIConfig: {said}") from error


def _translated(config: dict[str, Any], *, name: str, rate_limit: object, configuration: str) -> Translation:
    for one in config.get("resources", ()):
        if isinstance(one, DltResource):
            raise UsageError(f"the resource {one.name} is a DltResource, which asks for itself; describe its endpoint.")
    client = config.get("client")
    if isinstance(client, dict) and isinstance(session := client.get("session"), Session):
        sessions.refuse(session)
    source = rest_api_source(cast("Any", _copied(config)), name=name)
    copy = _copied(config)
    _, described, _ = build_resource_dependency_graph(
        cast("Any", copy.get("resource_defaults") or {}), copy["resources"]
    )
    base_url = normal_base_url(config["client"]["base_url"], config["client"]["base_url"], "client.base_url")
    access = Access(name, config["client"])
    resources = {}
    for each, resource in source.resources.items():
        endpoint: Any = cast("Any", described[each])["endpoint"]
        said = Resource.of(name, resource, answers=_answers(endpoint), api=access.api(each, endpoint, resource))
        refuse(said, resource, base_url)
        resources[each] = said
    secrets = access.secrets | {secret for resource in resources.values() for secret in _secrets(resource)}
    redactor = Redactor(secrets)
    root = _origin(base_url)
    vendor = Vendor(
        name=name,
        title=f"the RESTAPIConfig {configuration or name}",
        # Links may lead anywhere on the origin: many APIs name the next page by another path than the first one.
        base_url=root,
        settings=(),
        account="",
        headers=_no_headers,
        budgets={"requests": budget(rate_limit)},
        endpoints=tuple(
            _endpoint(
                resource,
                source.resources[each],
                source.schema.naming,
                [child for child in resources.values() if child.parent == each],
                redactor,
            )
            for each, resource in resources.items()
        ),
        apis={
            **{api: _api(root, signer) for api, signer in access.signers.items() if api},
            **{api: _api(origin) for api, origin in access.tokens.items()},
        },
        signer=access.signers[""],
        secrets=frozenset(secrets),
        configuration=configuration,
    )
    return Translation(vendor=vendor, resources=dict(source.resources))


def _copied(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with dictionaries of its own: dlt adds to what it is given, and takes parameters out of it."""
    listed = [clone_dict_nested(one) if isinstance(one, dict) else one for one in config["resources"]]
    return {**clone_dict_nested(config), "resources": listed}


def _endpoint(
    resource: Resource, own: DltResource, naming: NamingConvention, children: Sequence[Resource], redactor: Redactor
) -> Endpoint:
    table = own.table_name
    # What a child needs of a record is kept beside it, and so can't be masked.
    needed = [*(param.resolve_config["field"] for param in resource.parents), *resource.include]
    parent = Children(endpoint=resource.parent, key=_named_by_exchange, fields={path: path for path in needed})
    return Endpoint(
        name=resource.name,
        path=resource.template,
        api=resource.api,
        table=naming.normalize_table_identifier(table) if isinstance(table, str) else "",
        method=resource.method,
        key=_keys(own),
        parents=(parent,) if resource.parents else (),
        exchange=partial(RestListing, resource, tuple(children), redactor),
        answers=resource.answers,
        default=own.selected,
        note="" if own.selected else "not selected in the configuration",
    )


def _keys(resource: DltResource) -> tuple[str, ...]:
    """Columns that tell rows apart; none of a hint that depends on the record."""
    hints: Mapping[str, Any] = resource._hints or {}  # noqa: SLF001 - no other way to see them as they were given
    told = [hints.get(name) for name in ("primary_key", "merge_key")]
    named = [[each] if isinstance(each, str) else each for each in told if each and not callable(each)]
    return tuple(dict.fromkeys(chain.from_iterable(named)))


def _answers(endpoint: Mapping[str, Any]) -> tuple[int, ...]:
    """Statuses that its response actions are about."""
    actions = endpoint.get("response_actions") or ()
    named = [None if callable(action) else action.get("status_code") for action in actions]
    told = {status for status in named if isinstance(status, int) and not 200 <= status < 300}
    return tuple(sorted(told.union(_UNNAMED if None in named else ())))


def _secrets(resource: Resource) -> Iterator[str]:
    parts = dict(resource.parts)
    yield from of_headers(parts.pop("headers"))
    for part in parts.values():
        yield from of_parts(part)


def _api(base_url: str, signer: Signer | None = None) -> Api:
    return Api(base_url=base_url, setting="", headers=_no_headers, signer=signer)


def _origin(base_url: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _no_headers(_: Mapping[str, str]) -> Mapping[str, str]:
    return {}


def _named_by_exchange(_: Mapping[str, object]) -> tuple[str, ...]:
    return ()
