"""An answer as a `requests.Response`, which is what response actions, paginators and detectors of dlt look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from dlt.sources.helpers.rest_client.exceptions import IgnoreResponseException
from requests.hooks import dispatch_hook
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from extractor.errors import BadBody, Refused, RequestFailed

if TYPE_CHECKING:
    from extractor.model import Response

__all__ = ["Answer", "taken"]


class Answer(requests.Response):
    """One answer.

    Attributes:
        ignored: a response action says that the list ends before it.
    """

    ignored = False
    _document: Any = None
    _read = False

    def read(self) -> None:
        """Decode the body, once for all who ask for it.

        Raises:
            ValueError: it is no JSON.
        """
        self._document = super().json()
        self._read = True

    def json(self, **kwargs: Any) -> Any:  # noqa: ANN401 - as `requests` has it
        """The decoded body."""
        return self._document if self._read and not kwargs else super().json(**kwargs)


def taken(name: str, sent: requests.PreparedRequest, hooks: Sequence[Callable[..., Any]], response: Response) -> Answer:
    """The answer after the resource's response actions, decoded.

    Args:
        name: of the resource.
        sent: the request without credentials.
        hooks: dlt's response actions.
        response: what came.

    Raises:
        BadBody: it is no JSON.
        Refused: it is a 403 that no action ignores.
        RequestFailed: it is another error that no action ignores, or an action failed.
    """
    answer = Answer()
    answer.status_code = response.status
    answer.headers = CaseInsensitiveDict(response.headers)
    answer._content = response.body  # noqa: SLF001 - so does whoever makes one by hand
    answer._content_consumed = True  # noqa: SLF001
    answer.encoding = get_encoding_from_headers(answer.headers)
    answer.reason = HTTPStatus(response.status).phrase if response.status in HTTPStatus._value2member_map_ else ""
    answer.url = sent.url or ""
    answer.request = sent
    try:
        dispatch_hook("response", {"response": list(hooks)}, answer)
    except IgnoreResponseException:
        answer.ignored = True
        return answer
    except requests.HTTPError as error:
        kind = Refused if response.status == 403 else RequestFailed
        raise kind(f"{name}: the vendor answered {response.status}", status=response.status) from error
    except Exception as error:
        raise RequestFailed(f"{name}: a response action failed: {type(error).__name__}: {error}") from error
    try:
        answer.read()
    except (ValueError, RecursionError) as error:
        raise BadBody(f"{name}: expected JSON, got {len(response.body)} bytes of something else") from error
    return answer
