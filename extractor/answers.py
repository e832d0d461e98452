"""What an answer other than a success means: gone, moved, refused, failed, or that nobody is let in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from extractor.children import Family
from extractor.documents import says
from extractor.errors import CredentialsError, Refused, RequestFailed, Unauthorized
from extractor.model import Endpoint, Incident, IncidentKind, Listing, Page, Request, Response, State, Vendor

__all__ = ["Answers", "failed"]


class Answers:
    """Judges the statuses of one vendor's answers.

    Args:
        vendor: whose answers they are.
        family: says which listings a moved record has.
        known: the vendor has let these credentials in before, in an earlier run.
    """

    def __init__(self, vendor: Vendor, family: Family, *, known: bool) -> None:
        self._vendor = vendor
        self._family = family
        self._known = known
        self._open: set[str] = set()

    def arrived(self, endpoint: Endpoint) -> None:
        """Note that the endpoint's API lets these credentials in."""
        self._open.add(endpoint.api)

    def ended(self, endpoint: Endpoint, listing: Listing, request: Request, response: Response) -> Page:
        """The page that ends a listing with this status.

        Raises:
            CredentialsError: the API lets nobody in with them, right at its first request.
            Refused: the credentials may not read this endpoint.
            Unauthorized: the vendor does not know the credentials any more.
        """
        status = response.status
        incident = partial(Incident, endpoint=endpoint.name, key=listing.key, status=status, path=request.path)
        if endpoint.closed and says(response, endpoint.closed):
            self._open.add(endpoint.api)
            closed = incident(kind=IncidentKind.REFUSED, detail=f"the credentials may not read it ({status})")
            return Page(listing=listing, state=State.FAILED, incidents=(closed,))
        # In a later run the first request may be the one that was refused in an earlier one.
        nobody = status == 403 or (status == 404 and not endpoint.parents and status not in endpoint.gone)
        if endpoint.api not in self._open and (status == 401 or (nobody and not self._known)):
            raise CredentialsError(self._not_let_in(endpoint, status))
        self._open.add(endpoint.api)
        if status == 401:
            raise Unauthorized(f"{self._vendor.name} does not accept the credentials any more (401 at {endpoint.name})")
        if status == 403:
            raise Refused(
                f"{self._vendor.name} does not let these credentials read {endpoint.name} (403)",
                status=status,
                path=request.path,
            )
        if status in endpoint.moved:
            key = endpoint.moved_to(response) if endpoint.moved_to else None
            detail = f"has the id {key} now" if key else "has another id now, which the answer does not name"
            return Page(
                listing=listing,
                state=State.GONE,
                found=self._family.renamed(listing, key) if key else (),
                incidents=(incident(kind=IncidentKind.MOVED, detail=detail, gap=not key),),
            )
        if status in endpoint.gone:
            what = "no such record any more" if endpoint.parents else "no such list for this account"
            gone = incident(kind=IncidentKind.GONE, detail=f"the vendor has {what}", gap=False)
            return Page(listing=listing, state=State.GONE, incidents=(gone,))
        no_success = incident(kind=IncidentKind.FAILED, detail=f"the vendor answered with status {status}")
        return Page(listing=listing, state=State.FAILED, incidents=(no_success,))

    def _not_let_in(self, endpoint: Endpoint, status: int) -> str:
        """What to tell who came with credentials that don't work at the very first request."""
        name = self._vendor.name
        if self._vendor.configuration:
            return self._not_let_in_as_configured(endpoint, status)
        section = f"[sources.{name}_source] in .dlt/secrets.toml"
        api = self._vendor.apis.get(endpoint.api)
        if status == 404:
            address = api.setting if api else f"{self._vendor.account} or base_url"
            return f"{name} has nothing at {endpoint.path} (404): check {address} in {section}."
        names = " and ".join(self._credentials(api.headers if api else self._vendor.headers))
        what = "does not know these credentials" if status == 401 else "gives these credentials no access"
        return f"{name} {what} ({status}): check {names} in {section}, and the permissions of that user."

    def _not_let_in_as_configured(self, endpoint: Endpoint, status: int) -> str:
        """The same for who wrote the credentials into a configuration."""
        name, where = self._vendor.name, self._vendor.configuration
        if status == 404:
            return f"{name} has nothing at {endpoint.path} (404): check client.base_url and {endpoint.name} in {where}."
        what = "does not know these credentials" if status == 401 else "gives these credentials no access"
        return f"{name} {what} ({status} at {endpoint.name}): check client.auth and client.headers in {where}."

    def _credentials(self, headers: Callable[[Mapping[str, str]], Mapping[str, str]]) -> list[str]:
        """Names of the settings that go into these headers."""
        settings = _Asked([setting.name for setting in self._vendor.settings])
        headers(settings)
        return [name for name in settings if name in settings.asked]


class _Asked(Mapping[str, str]):
    """Settings without values, which remember those that were asked for."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return ""

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def failed(listing: Listing, error: RequestFailed, *, because: str = "") -> Page:
    """The page that ends a listing whose request failed for good.

    Args:
        because: stands before what the error says.
    """
    incident = Incident(
        kind=IncidentKind.FAILED,
        endpoint=listing.endpoint,
        key=listing.key,
        status=error.status,
        path=error.path,
        detail=because + str(error),
        attempts=error.attempts,
    )
    return Page(listing=listing, state=State.FAILED, incidents=(incident,))
