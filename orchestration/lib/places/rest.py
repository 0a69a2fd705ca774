"""Records of a REST API, through dlt's client, which knows how APIs page.

Only its client: dlt's pipelines infer types on the way, so that a number may become a
float and a text with a date in it a moment.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import simplejson  # type: ignore[import-untyped]
from dlt.common import jsonpath
from dlt.sources.helpers import requests
from dlt.sources.helpers.rest_client.auth import APIKeyAuth, BearerTokenAuth
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    HeaderLinkPaginator,
    JSONLinkPaginator,
    JSONResponseCursorPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    SinglePagePaginator,
)
from requests.exceptions import HTTPError, RequestException

from orchestration.lib.places.remote import (
    FileRefused,
    PlaceUnreachable,
    Resource,
    Row,
)
from orchestration.lib.retries import MOST_PATIENCE_SECONDS

#: By the names that dlt's documentation gives them. Not its guess, which takes an API
#: that it does not understand for one page.
PAGINATORS: dict[str, type[BasePaginator]] = {
    "single_page": SinglePagePaginator,
    "json_link": JSONLinkPaginator,
    "header_link": HeaderLinkPaginator,
    "cursor": JSONResponseCursorPaginator,
    "offset": OffsetPaginator,
    "page_number": PageNumberPaginator,
}


@dataclass(frozen=True, kw_only=True)
class RestResource:
    """One list of records."""

    name: str
    path: str
    params: Mapping[str, Any]
    #: JSON path of the records in an answer.
    data_selector: str
    #: `type` and the arguments of one of the paginators.
    paginator: Mapping[str, Any]
    #: JSON path in a record of what grows; None to fetch all, every time.
    cursor: str | None
    #: Parameter that asks for records at or after a cursor.
    cursor_param: str


class RestResources:
    """Lists of one API.

    Args:
        token_header: `Authorization` carries `Bearer <token>`, any other the token.
    """

    def __init__(
        self,
        base_url: str,
        resources: Sequence[RestResource],
        *,
        token: str | None,
        token_header: str,
        attempts: int,
        timeout_seconds: float,
    ) -> None:
        self._resources = {resource.name: resource for resource in resources}
        self._base_url = base_url
        auth = None
        if token:
            auth = (
                BearerTokenAuth(token=token)
                if token_header.lower() == "authorization"
                else APIKeyAuth(name=token_header, api_key=token)
            )
        self._client = RESTClient(
            base_url,
            auth=auth,
            session=requests.Client(
                raise_for_status=False,
                request_timeout=timeout_seconds,
                request_max_attempts=attempts,
                request_max_retry_delay=MOST_PATIENCE_SECONDS,
            ).session,
        )

    def resources(self) -> Sequence[Resource]:
        """The configured lists."""
        return [
            Resource(each.name, each.cursor is not None)
            for each in self._resources.values()
        ]

    def rows(self, resource: str, since: str | None) -> Iterator[Row]:
        """All records, page by page, as the API wrote them."""
        wanted = self._resources[resource]
        params = dict(wanted.params)
        if since is not None:
            params[wanted.cursor_param] = since
        records, cursors = 0, 0
        try:
            for page in self._client.paginate(
                wanted.path,
                params=params,
                paginator=_paginator(wanted.paginator),
                data_selector=wanted.data_selector,
                hooks={"response": [_reader(wanted.data_selector)]},
            ):
                for record in page:
                    row = _row(record, wanted)
                    records, cursors = records + 1, cursors + (row.cursor is not None)
                    yield row
        except HTTPError as error:
            raise FileRefused(str(error)) from None
        except RequestException as error:
            # Not the error's text, which quotes the address and its parameters.
            raise PlaceUnreachable(
                f"{self._base_url} gave no answer ({type(error).__name__})"
            ) from None
        except ValueError as error:
            raise FileRefused(f"its pages cannot be followed: {error}") from None
        if wanted.cursor is not None and records and not cursors and since is None:
            raise FileRefused(f"no record has {wanted.cursor} to go on from")

    def is_after(self, cursor: str, other: str) -> bool:
        """By value where both are numbers, else as texts, which moments are in order.

        Where moments are written in several ways the one taken for the latest may be
        an earlier one: its records are then shown again, none is skipped.
        """
        try:
            return Decimal(cursor) > Decimal(other)
        except ArithmeticError:
            return cursor > other

    def close(self) -> None:
        """Close the connections."""
        self._client.session.close()


def _paginator(options: Mapping[str, Any]) -> BasePaginator:
    arguments = dict(options)
    kind = arguments.pop("type", None)
    if kind not in PAGINATORS:
        raise FileRefused(
            f"paginator.type is {kind!r}; known are {', '.join(PAGINATORS)}"
        )
    try:
        return PAGINATORS[kind](**arguments)
    except (TypeError, ValueError) as error:
        raise FileRefused(f"paginator {kind}: {error}") from None


def _reader(data_selector: str) -> Callable[..., None]:
    """Reads each answer once, its numbers exactly, before dlt looks into it.

    An answer without the records is told: dlt would take it for an empty page.
    """

    def read(response: requests.Response, *_: object, **__: object) -> None:
        if response.is_redirect:
            return
        if not response.ok:
            raise HTTPError(
                f"answered {response.status_code} {response.reason}", response=response
            )
        try:
            body = simplejson.loads(response.content, use_decimal=True)
        except ValueError as error:
            raise FileRefused("the answer is no JSON") from error
        if not jsonpath.find_values(data_selector, body):
            raise FileRefused(f"the answer has no {data_selector}: see data_selector")
        response.json = lambda **_: body  # type: ignore[method-assign]

    return read


def _row(record: object, wanted: RestResource) -> Row:
    if not isinstance(record, dict):
        raise FileRefused("a record is no JSON object: see data_selector")
    found = jsonpath.find_values(wanted.cursor, record) if wanted.cursor else []
    # Escaped, as half of a surrogate pair fits into no file.
    text = simplejson.dumps(record, use_decimal=True)
    return Row(text, None if not found or found[0] is None else str(found[0]))
