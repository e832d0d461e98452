"""`source`: a vendor, or a configuration, as a dlt source for somebody's own pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.common.schema import Schema
from dlt.extract import DltResource, DltSource

from extractor import rest_api, vendors
from extractor.errors import UsageError
from extractor.load.given import Given
from extractor.load.protocol import describe
from extractor.load.tables import prefer_variants, tables_of
from extractor.mask import declared, understood
from extractor.model import Vendor
from extractor.run.job import Job, place
from extractor.sources.driver import Driver, Tables
from extractor.sources.served import Incidents, Served

__all__ = ["source"]

_DLTS_NAME = "rest_api"
"""What dlt calls the source of a dictionary that has no name."""


def source(
    vendor: str | Mapping[str, Any],
    *,
    name: str | None = None,
    rate_limit: str | None = None,
    only: Sequence[str] = (),
    also: Sequence[str] = (),
    since: date | None = None,
    until: date | None = None,
    rate_share: float = 1.0,
    patience: float = 1800.0,
    ids: Path | None = None,
    params: Mapping[str, str] | None = None,
    mask: Sequence[str] = (),
    settings: Mapping[str, str | Sequence[str]] | None = None,
) -> DltSource:
    """A dlt source with a resource for each table; what is not selected when it is read costs no request.

    It is fetched by the engine of a backfill, within the same limits, each time from the beginning: the pipeline that
    reads it loads all or nothing. `_extractor_incidents` comes with whatever is selected, as Arrow tables, and names
    what is missing; not, however, after `add_limit`, which counts the batches of all tables together.

    Args:
        vendor: its name, `gladly`; a `RESTAPIConfig`; or where there is one, `shop.py:config`.
        name: of a configuration's source and schema, instead of `rest_api` or the file's.
        rate_limit: how often a configuration's API may be asked, `10/s`, instead of the file's own.
        only, also: resources instead of, or beside, the default ones.
        since, until: days (UTC), the second one excluded.
        rate_share: part of the vendor's limit to use, above 0 and up to 1.
        patience: seconds to wait while the vendor is away, or answers nothing but 429.
        ids: a CSV file of records to fetch besides.
        params: what resources that are named must be told.
        mask: fields that are left out, or replaced by a keyed hash: `TABLE:FIELD=drop`, `FIELD=hash`.
        settings: credentials and addresses; what is missing comes from dlt's configuration.

    Raises:
        UsageError: the call or the settings must change first.
    """
    origin = _origin(vendor, name, rate_limit)
    masks = understood(origin.vendor, mask)
    job = Job.of(
        origin.vendor,
        place=place(
            origin.vendor.name, pipeline=None, pipeline_name=_active_pipeline(), dataset=None, destination="duckdb"
        ),
        only=only,
        also=also,
        since=since,
        until=until,
        rate_share=rate_share,
        commit_every=30.0,
        patience=patience,
        ids=ids,
        fresh=False,
        settings=settings,
        params=params,
        masks=masks,
    )
    schema = Schema(origin.vendor.name)
    if origin.resources is None:
        prefer_variants(schema)
        tables = _of_vendor(declared(origin.vendor, masks), job)
    else:
        tables = _of_configuration(origin.resources)
    chosen = {table.name for endpoint, table in tables(schema).items() if endpoint in job.selection.loaded}
    # It is no member of the source: whoever does something to all resources means tables.
    driver = DltResource.from_data(Driver(job, tables).batches, name="_extractor_driver", selected=False)
    served = {table.name: Served.of(table, driver) for table in tables(schema).values()}
    for resource in served.values():
        resource.selected = resource.name in chosen
    return DltSource(schema, origin.vendor.name, [*served.values(), Incidents.below(driver)])


@dataclass(frozen=True, kw_only=True, slots=True)
class _Origin:
    """What is asked.

    Attributes:
        resources: dlt's own of a configuration; None for a vendor of this package.
    """

    vendor: Vendor
    resources: Mapping[str, DltResource] | None = None


def _origin(vendor: str | Mapping[str, Any], name: str | None, rate_limit: str | None) -> _Origin:
    if isinstance(vendor, str) and not vendors.is_configuration(vendor):
        if name is not None or rate_limit is not None:
            raise UsageError(f"name and rate_limit are for configurations; {vendor} has its own.")
        return _Origin(vendor=vendors.load(vendor))
    if isinstance(vendor, str):
        read = rest_api.read(vendor, vendor=name, rate_limit=rate_limit)
    else:
        called = name or _DLTS_NAME
        read = rest_api.translate(vendor, name=called, rate_limit=rate_limit, configuration=called)
    return _Origin(vendor=read.vendor, resources=read.resources)


def _of_vendor(vendor: Vendor, job: Job) -> Tables:
    specs = describe(one for one in vendor.endpoints if one.name in job.selection.loaded)
    return lambda schema: tables_of(specs, schema.naming.normalize_path, schema)


def _of_configuration(resources: Mapping[str, DltResource]) -> Tables:
    return lambda schema: {name: Given(resource, schema.naming) for name, resource in resources.items()}


def _active_pipeline() -> str | None:
    """Whose sections of dlt's configuration come first."""
    context = Container()[PipelineContext]
    return context.pipeline().pipeline_name if context.is_active() else None
