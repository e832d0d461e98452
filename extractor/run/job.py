"""What is asked for, worked out: names, settings, selection."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import orjson

from extractor.address import loopback
from extractor.errors import SettingsError, UsageError
from extractor.failures import FailureLimit
from extractor.load import Target
from extractor.mask import Mask, Masking
from extractor.model import Endpoint, Vendor
from extractor.selection import Selection, select
from extractor.settings import Settings, how_to_write, resolve, with_paths

if TYPE_CHECKING:
    import dlt

__all__ = ["Job", "Place", "place", "unknown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a pipeline keeps its state and its rows.

    Attributes:
        folder: `.extractor/<pipeline>` in the working folder.
        destination_name: of a named destination in dlt's configuration, '' for none.
        options: arguments of dlt's destination factory, if a pipeline object brought any.
        published: whether dlt's own commands are to find the pipeline.
    """

    pipeline: str
    dataset: str
    destination: str
    folder: Path
    destination_name: str = ""
    options: Mapping[str, object] = field(default_factory=dict, repr=False)
    published: bool = True

    def target(self, vendor: Vendor) -> Target:
        """The same in the words of the load."""
        return Target(
            pipeline=self.pipeline,
            dataset=self.dataset,
            schema=vendor.name,
            destination=self.destination,
            destination_name=self.destination_name,
            options=self.options,
            configuration=vendor.configuration,
            published=self.published,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A backfill that can begin.

    Attributes:
        given: parameters of requests, from the user: name -> value.
        until: the day after the last one, None for the moment of the first start.
        commit_every: seconds between two commits at most, as far as the destination keeps up.
        patience: seconds that the vendor may be away.
        max_failures: listings that may fail, None for any number.
        masking: fields that are not kept as they come.
    """

    vendor: Vendor
    settings: Settings
    selection: Selection
    given: Mapping[str, str]
    place: Place
    since: date | None
    until: date | None
    rate_share: float
    commit_every: float
    ids: Path | None
    fresh: bool
    patience: float = 1800.0
    max_failures: FailureLimit | None = None
    masking: Masking = field(default_factory=Masking)

    @property
    def fetched(self) -> list[Endpoint]:
        """The endpoints that are asked, parents before children."""
        return [one for one in self.vendor.endpoints if one.name in self.selection.fetched]

    @property
    def params(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """What is given to each endpoint that takes parameters."""
        return {
            one.name: tuple((name, self.given[name]) for name in one.given if name in self.given)
            for one in self.fetched
            if one.given
        }

    @property
    def identity(self) -> dict[str, str]:
        """What a pipeline belongs to. A server on this machine gets another port with every start."""
        parts = urlsplit(self.settings.base_urls[""])
        host = "this machine" if loopback(parts.hostname or "") else f"{parts.scheme}://{parts.netloc}"
        whose = {"vendor": self.vendor.name, "account": self.settings.account, "base_url": host + parts.path}
        return whose | self.masking.identity

    @classmethod
    def of(
        cls,
        vendor: Vendor,
        *,
        place: Place,
        rate_share: float,
        commit_every: float,
        patience: float,
        settings: Mapping[str, str | Sequence[str]] | None,
        max_failures: str | None = None,
        only: Sequence[str] = (),
        also: Sequence[str] = (),
        since: date | None = None,
        until: date | None = None,
        ids: Path | None = None,
        fresh: bool = False,
        allow_writes: bool = False,
        params: Mapping[str, str] | None = None,
        masks: tuple[Mask, ...] = (),
    ) -> Job:
        """Work out a call.

        Raises:
            UsageError: something in it can't be.
        """
        if not 0 < rate_share <= 1:
            raise UsageError(f"rate_share is {rate_share}: it must be above 0 and at most 1.")
        if not 0 < commit_every < math.inf:
            raise UsageError(f"commit_every is {commit_every}: it must be seconds above 0.")
        if not 0 < patience < math.inf:
            raise UsageError(f"patience is {patience}: it must be seconds above 0.")
        tomorrow = datetime.now(UTC).date() + timedelta(days=1)
        if since is not None and since >= (until or tomorrow):
            raise UsageError(f"--since {since} must lie before {f'--until {until}' if until else 'today'}.")
        resolved = resolve(vendor, settings, pipeline_name=place.pipeline)
        given = params or {}
        selection = select(vendor, only, also, settings=resolved.names, given=given, allow_writes=allow_writes)
        if any(one.name in selection.fetched and not one.api for one in vendor.endpoints):
            # A vendor that takes credentials of several kinds says only here that all are missing.
            vendor.headers(resolved.values)
        hashes = any(mask.how == "hash" for mask in masks)
        if hashes and not resolved.mask_key:
            raise SettingsError(how_to_write(vendor, "--mask FIELD=hash", ["mask_key"]))
        return cls(
            vendor=with_paths(vendor, resolved.values),
            settings=resolved,
            selection=selection,
            given=given,
            place=place,
            since=since,
            until=min(until, tomorrow) if until else None,
            rate_share=rate_share,
            commit_every=commit_every,
            ids=ids,
            fresh=fresh,
            patience=patience,
            max_failures=None if max_failures is None else FailureLimit.of(max_failures),
            masking=Masking(masks=masks, key=resolved.mask_key.encode() if hashes else b""),
        )


def place(
    vendor: str, *, pipeline: object | None, pipeline_name: str | None, dataset: str | None, destination: str
) -> Place:
    """Names as they were given, or dlt's and ours.

    Args:
        pipeline: a dlt pipeline, whose name, dataset and destination are then used.

    Raises:
        UsageError: the pipeline has no destination, or one that can't be passed on; a name that can't be one.
    """
    options: Mapping[str, object] = {}
    named = ""
    if pipeline is not None:
        given = cast("dlt.Pipeline", pipeline)
        if given.destination is None:
            raise UsageError(
                f"The pipeline {given.pipeline_name} has no destination: dlt.pipeline(..., destination=...)."
            )
        pipeline_name, dataset = given.pipeline_name, given.dataset_name
        destination, options = given.destination.destination_type, given.destination.config_params
        named = given.destination.destination_name or ""
    name = pipeline_name or f"{vendor}_pipeline"
    if name in (".", "..") or not name.isprintable() or Path(name).name != name:
        raise UsageError(f"{name!r} can't be the name of a pipeline: it is also that of a folder.")
    return Place(
        pipeline=name,
        dataset=dataset or f"{vendor}_data",
        destination=destination,
        folder=Path(".extractor") / name,
        destination_name=named,
        options=_told(options),
    )


def unknown(where: Place, vendor: Vendor) -> UsageError:
    """What to say of a pipeline that was never begun."""
    return UsageError(
        f"There is no pipeline {where.pipeline}: no ledger in {where.folder}, and nothing of it in the dataset "
        f"{where.dataset} of {where.destination}. Start it with: python -m extractor backfill {vendor.word}"
    )


_PIPELINES_OWN = ("destination_name", "pipeline_name", "pipeline_working_dir")
"""What dlt notes of the caller's own pipeline in the arguments of its destination."""


def _told(options: Mapping[str, object]) -> dict[str, object]:
    """The arguments that the load process is given."""
    told = {key: value for key, value in options.items() if value is not None and key not in _PIPELINES_OWN}
    try:
        orjson.dumps(told)
    except TypeError as error:
        raise UsageError(
            "The pipeline's destination holds an object that can't be given to another process, an open connection "
            "for instance. Give it an address or a connection string, or leave the credentials to .dlt/secrets.toml."
        ) from error
    return told
