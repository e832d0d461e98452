"""What a run talks to the vendor with: a connection to each of its APIs, behind one set of budgets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from extractor import limits
from extractor.address import loopback
from extractor.limits import Limiter, QuotaLimiter
from extractor.model import Api, Budget, Endpoint, Signer, WeeklyQuota
from extractor.quotas import QuotaBook
from extractor.run.job import Job
from extractor.settings import Settings, data_folder
from extractor.transport import Traffic, Transport
from extractor.transport.apis import Apis
from extractor.transport.http import Http
from extractor.transport.limited import Limited
from extractor.transport.retrying import Retrying
from extractor.transport.signed import Signed

__all__ = ["Connection", "connect"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The layers of the transport that somebody asks something of.

    Attributes:
        transport: the uppermost.
        limited: has every attempt pass the budgets.
        budgets: by their names.
        traffic: what went over the wire.
        retrying: one for each API.
    """

    transport: Transport
    limited: Limited
    budgets: dict[str, Limiter]
    traffic: Traffic
    retrying: tuple[Retrying, ...]

    @property
    def away(self) -> float | None:
        """Seconds for which the vendor has not answered, None if it answers."""
        return max((one.away for one in self.retrying if one.away is not None), default=None)

    def quotas(self) -> list[str]:
        """What is left of budgets that last for days, in words."""
        return [
            f"{name}: {quota.left:,} of {quota.limit:,} requests are left this week"
            for name, quota in self.budgets.items()
            if isinstance(quota, QuotaLimiter)
        ]


def connect(job: Job, asked: Iterable[Endpoint]) -> Connection:
    """Make ready to ask for these endpoints; nothing is sent.

    Raises:
        SettingsError: an address or a header can't be used.
    """
    vendor, settings = job.vendor, job.settings
    traffic = Traffic()
    budgets = {
        name: limits.build(policy, share=job.rate_share, name=name, book=_book(job, name, policy))
        for name, policy in vendor.budgets.items()
    }
    apis = {one.api for one in asked}
    # What belongs to no endpoint is there for signers.
    beside = vendor.apis.keys() - {one.api for one in vendor.endpoints}
    headers = {"": vendor.headers, **{name: api.headers for name, api in vendor.apis.items()}}
    signers = {"": vendor.signer, **{name: api.signer for name, api in vendor.apis.items()}}
    wires = {
        api: Http(
            base_url=settings.base_urls[api],
            vendor=vendor.name,
            headers=headers[api](settings.values),
            query=_query(vendor.apis.get(api), settings),
            folder=job.place.folder,
            traffic=traffic,
        )
        for api in apis | beside
    }
    limited = Limited(Apis(wires), budgets)
    retrying = {
        api: Retrying(
            _signed(limited, signers[api]),
            vendor=vendor.name,
            base_url=settings.base_urls[api],
            patience=job.patience,
        )
        for api in apis
    }
    return Connection(
        transport=Apis(retrying),
        limited=limited,
        budgets=budgets,
        traffic=traffic,
        retrying=tuple(retrying.values()),
    )


def _signed(limited: Limited, signer: Signer | None) -> Transport:
    return limited if signer is None else Signed(limited, signer)


def _query(api: Api | None, settings: Settings) -> tuple[tuple[str, str], ...]:
    return api.query(settings.values, settings.lists) if api is not None and api.query is not None else ()


def _book(job: Job, name: str, policy: Budget) -> QuotaBook | None:
    """Where a quota is counted: by all pipelines of an account, but anew for each server on this machine."""
    if not isinstance(policy, WeeklyQuota):
        return None
    base_url = job.settings.base_urls[""]
    played = loopback(urlsplit(base_url).hostname or "")
    folder = job.place.folder if played else data_folder()
    account = f"{job.settings.account} {base_url}"
    return QuotaBook(folder, vendor=job.vendor.name, account=account, budget=name)
