"""One listing of a resource under way: dlt's paginators and selectors, driven by answers that come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, cast

import requests
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api.config_setup import create_paginator

from extractor.errors import BadBody, Endless, RequestFailed
from extractor.model import Found, Listing, Reading, Request, Response
from extractor.redact import Redactor
from extractor.rest_api import typed, wire
from extractor.rest_api.answer import Answer, taken
from extractor.rest_api.cursor import Place, changes, detected, restore, tells
from extractor.rest_api.offspring import found, wanted
from extractor.rest_api.resource import Beginning, Resource

__all__ = ["RestListing"]

_EMPTY = 100
"""Pages in a row without a record after which a list is not followed any further."""


class RestListing:
    """An `Exchange`.

    Args:
        resource: what it is a listing of.
        children: resources whose placeholders its records fill.
        redactor: knows the secrets, none of which goes into a cursor.
        listing: where it begins, or goes on.
    """

    def __init__(self, resource: Resource, children: Sequence[Resource], redactor: Redactor, listing: Listing) -> None:
        self._resource = resource
        self._children = children
        self._redactor = redactor
        self._listing = listing
        self._place = Place.of(listing.cursor)
        self._begun: Beginning | None = None
        self._paginator: BasePaginator | None = None
        self._selector: Any = None
        self._included: Mapping[str, Any] = {}
        self._sent: requests.PreparedRequest | None = None
        self._over = False
        self._pages = self._place.read
        self._empty = 0
        self._prints: set[int] = set()

    def ask(self) -> Request | None:
        """The next request; None at the end of the list.

        Raises:
            RequestFailed: it can't be made: an id or a link is not to be followed, the list goes round in a circle.
        """
        if self._over:
            return None
        resource = self._resource
        begun = self._begun or self._begin()
        ready = self._sent = wire.prepared(resource.base_url, begun.request)
        path, params = wire.path_and_query(ready.url)
        own = {name.lower(): value for name, value in (resource.client.headers or {}).items()}
        headers = {
            name: value
            for name, value in wire.headers(ready).items()
            # What the whole API is told is the signer's to add.
            if own.get(name.lower()) != value
        }
        return Request(
            endpoint=resource.name,
            path=path,
            params=params,
            api=resource.api,
            method=ready.method or "GET",
            content=wire.body(ready),
            headers=headers,
            budgets=("requests",),
            accept=partial(taken, resource.name, ready, resource.hooks),
            answers=resource.answers,
        )

    def answered(self, response: Response) -> Reading:
        """The records of a page, and the listings that they name.

        Raises:
            RequestFailed: the answer does not hold what dlt looks for in it, or the list does not end.
        """
        begun, sent = self._begun, self._sent
        if begun is None or sent is None:
            raise ValueError("nothing has been asked")
        name = self._resource.name
        content = response.content
        answer = content if isinstance(content, Answer) else taken(name, sent, self._resource.hooks, response)
        if answer.ignored:
            self._over = True
            return Reading()
        try:
            records = self._turned(answer, begun)
        except RequestFailed:
            raise
        # Whatever a paginator stumbles over, its words may quote the body.
        except Exception as error:
            raise BadBody(f"{name}: the answer lacks what dlt looks for in it ({type(error).__name__})") from error
        self._goes_on(answer, records)
        if self._included:
            _include(name, records, self._included)
        rows = begun.steps.run(records)
        self._over = self._over or begun.rows.left
        self._pages += 1
        if self._pages <= self._place.skip:
            return Reading(cursor=self._listing.cursor)
        try:
            payload = typed.write(rows) if rows else b""
        except TypeError as error:
            raise BadBody(f"{name}: a record holds what JSON has no form for") from error
        named: dict[tuple[str, str], Found] = {}
        for child in self._children:
            for row in rows:
                one = found(child, row, self._listing)
                named.setdefault((one.endpoint, one.key), one)
        return Reading(
            payload=payload,
            records=len(rows),
            found=tuple(named.values()),
            cursor=None if self._over else self._cursor(begun),
        )

    def _begin(self) -> Beginning:
        """The first request, or the one that the cursor leads to."""
        values, self._included = wanted(self._resource, self._listing)
        begun = self._begun = self._resource.begin(values)
        self._paginator = begun.paginator
        self._selector = self._place.selector or self._resource.selector
        if self._place.detected is not None:
            self._paginator = create_paginator(cast("Any", self._place.detected))
        restore(begun.request, self._place.request)
        restore(self._paginator, self._place.paginator)
        return begun

    def _turned(self, answer: Answer, begun: Beginning) -> list[object]:
        """The records of an answer; the paginator turns the page."""
        client = self._resource.client
        if not self._selector:
            self._selector = client.detect_data_selector(answer)
        records = client.extract_response(answer, self._selector)
        if self._paginator is None:
            # Not `detect_paginator`, which would warn of every child's single page.
            self._paginator, _ = client.pagination_factory.create_paginator(answer)
        self._paginator.update_state(answer, records)
        self._paginator.update_request(begun.request)
        self._over = not self._paginator.has_next_page
        return records

    def _goes_on(self, answer: Answer, records: list[object]) -> None:
        """See to it that a list comes to its end.

        Raises:
            Endless: a page came again, or there are too many without a record.
        """
        self._empty = 0 if records else self._empty + 1
        if self._empty > _EMPTY:
            raise Endless(f"{self._resource.name}: {_EMPTY} pages in a row were empty, and each leads to another one")
        if records and not self._over:
            print_ = hash(answer.content)
            if print_ in self._prints:
                raise Endless(f"{self._resource.name}: page {self._pages + 1} is the same as an earlier one")
            self._prints.add(print_)

    def _cursor(self, begun: Beginning) -> str | None:
        """What leads a later run to where this one is."""
        values, _ = wanted(self._resource, self._listing)
        anew = self._resource.begin(values)
        paginator = anew.paginator
        as_found = None
        if paginator is None and self._paginator is not None and (as_found := detected(self._paginator)) is not None:
            paginator = create_paginator(cast("Any", as_found))
        skip = Place(skip=self._pages).text
        if paginator is None:
            return skip
        place = Place(
            read=self._pages,
            request=changes(anew.request, begun.request),
            paginator=changes(paginator, self._paginator, vars(self._paginator)),
            detected=as_found,
            selector=None if self._resource.selector else self._selector,
        )
        text = place.text
        return skip if text is None or tells(text, self._redactor) else text


def _include(name: str, records: list[object], included: Mapping[str, Any]) -> None:
    """Put the parent's fields into its children's records."""
    for record in records:
        if not isinstance(record, dict):
            raise BadBody(
                f"{name}: expected records, got a {type(record).__name__} that can't take its parent's fields"
            )
        record.update(deepcopy(included))
