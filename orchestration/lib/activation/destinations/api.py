"""A vendor's HTTP API, whose silence and refusals are told apart.

    2xx                      the answer
    401, 403, 404            the destination surely did nothing, and will not
    400, 409, 413, 415, 422  it surely did nothing, because of what is in the request,
                             unless the vendor's own code says that it is closed
    429, no connection       tried again, after as long as it asks for
    5xx, silence, a reset    tried again where that has no second effect, else in doubt

Neither errors nor logs quote an address, a header or a body.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from pyrate_limiter import Limiter
from pyrate_limiter import Rate as LimiterRate

from orchestration.lib.activation.destinations.base import (
    BatchRefused,
    Destination,
    InDoubt,
    NotSent,
    OptionsT,
    Rate,
)
from orchestration.lib.retries import Failed, patiently, retry_after

#: The request never reached the server.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_REFUSALS = (400, 409, 413, 415, 422)
#: What lets nothing through, and where to look.
_CLOSED = {
    401: "it refuses the credentials",
    403: "the credentials may not do this",
    404: "there is no such list or address",
}


class _TryAgain(Failed):
    def __init__(
        self, reason: str, *, after: float | None = None, is_unsent: bool
    ) -> None:
        super().__init__(reason, may_pass=True, after=after)
        self.is_unsent = is_unsent


class Api:
    """One client of one account.

    Args:
        headers: for every request, credentials among them.
        rates: limits of the account, all of which hold.
        is_repeatable: whether a request may be sent again although it may have had its
            effect; else only if it surely had none.
        code: the vendor's error code in a refusal, or None; never a text with values.
        closed: why a refusal has nothing to do with what is in the request, such as
            credentials or a limit, or None; never a text with values.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        rates: Sequence[Rate] = (),
        timeout_seconds: float,
        attempts: int,
        is_repeatable: bool = True,
        code: Callable[[Any], str | None] = lambda document: None,
        closed: Callable[[Any], str | None] = lambda document: None,
    ) -> None:
        self._client = httpx.Client(
            base_url=base_url, headers=dict(headers), timeout=timeout_seconds
        )
        self._attempts, self._is_repeatable = attempts, is_repeatable
        self._code, self._closed = code, closed
        self._limiter = (
            Limiter([LimiterRate(r.requests, int(r.seconds * 1000)) for r in rates])
            if rates
            else None
        )

    def call(
        self,
        method: str,
        path: str,
        *,
        also: Collection[int] = (),
        is_json: bool = True,
        **request: Any,  # noqa: ANN401 - what httpx takes
    ) -> tuple[int, Any]:
        """Send a request; the status of its answer, and its JSON (None if empty).

        Args:
            also: statuses of refusals that the caller reads for itself.
            is_json: whether the answer is JSON, else it is read as a text.
            request: `json`, `params`, `content`, `files`, `headers`.

        Raises:
            InDoubt, NotSent, BatchRefused: as they say.
        """
        is_doubtful = False

        def once() -> tuple[int, Any]:
            nonlocal is_doubtful
            try:
                response = self._send(method, path, request)
            except _TryAgain as again:
                is_doubtful |= not again.is_unsent
                if is_doubtful and not self._is_repeatable:
                    raise InDoubt(str(again)) from None
                raise
            self._check(response, also, is_doubtful=is_doubtful)
            body = _json(response) if is_json else response.text
            return response.status_code, body

        try:
            return patiently(once, attempts=self._attempts)
        except _TryAgain as again:
            problem = f"no answer after {self._attempts} attempts ({again})"
            raise (InDoubt if is_doubtful else NotSent)(problem) from None

    def ask(self, path: str, *, method: str = "GET", **request: Any) -> Any:  # noqa: ANN401 - any JSON
        """What is there, by a request that changes nothing.

        Args:
            request: as for `call`.

        Raises:
            NotSent: nobody answered, or not with JSON.
        """
        try:
            return self.call(method, path, **request)[1]
        except (BatchRefused, InDoubt) as error:
            raise NotSent(str(error)) from None

    def ask_for_all(
        self,
        path: str,
        rows: Callable[[Any], list[Any]],
        *,
        size: int,
        limit: str = "limit",
        **params: Any,  # noqa: ANN401 - any query
    ) -> Iterator[Any]:
        """Every row of a list that is told page by page, by its `offset`.

        Args:
            rows: those of an answer.
            size: of a page.
            limit: how the API calls the size.

        Raises:
            NotSent: as `ask`.
        """
        for offset in count(0, size):
            page = self.ask(path, params={**params, limit: size, "offset": offset})
            with reading(NotSent):
                found = rows(page)
            yield from found
            if len(found) < size:
                return

    def close(self) -> None:
        """End the connections."""
        self._client.close()
        if self._limiter:
            self._limiter.close()

    def _send(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        if self._limiter:
            self._limiter.try_acquire("account")
        try:
            response = self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise _TryAgain(
                type(error).__name__, is_unsent=isinstance(error, _UNSENT)
            ) from None
        if response.status_code == 429 or response.is_server_error:
            raise _TryAgain(
                f"http {response.status_code}",
                after=retry_after(response.headers.get("retry-after", "")),
                is_unsent=response.status_code == 429,
            )
        return response

    def _check(
        self, response: httpx.Response, also: Collection[int], *, is_doubtful: bool
    ) -> None:
        status = response.status_code
        if response.is_success or status in also:
            return
        closed = _told(self._closed, response)
        if status in _REFUSALS and closed is None:
            raise BatchRefused(_told(self._code, response) or f"http_{status}")
        why = closed or _CLOSED.get(status, "which is no answer")
        raise (InDoubt if is_doubtful else NotSent)(f"http {status}, {why}")


class HttpDestination(Destination[OptionsT]):
    """A destination with an HTTP API, asked as patiently as its options say."""

    def __init__(
        self, name: str, options: OptionsT, secrets: Mapping[str, str], home: Path
    ) -> None:
        self._clients: list[Api] = []
        super().__init__(name, options, secrets, home)

    def client(self, base_url: str, **how: Any) -> Api:  # noqa: ANN401 - as `Api` takes
        """A client that is closed with the destination."""
        client = Api(
            base_url,
            timeout_seconds=self.options.timeout_seconds,
            attempts=self.options.attempts,
            **how,
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        """End the connections."""
        for client in self._clients:
            client.close()


def _told(read: Callable[[Any], str | None], response: httpx.Response) -> str | None:
    """What a reader of the vendor's documents finds in this one."""
    try:
        return read(response.json())
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


@contextmanager
def reading(
    otherwise: type[InDoubt] | type[NotSent] = InDoubt,
) -> Iterator[None]:
    """The block that takes an answer apart.

    Args:
        otherwise: what an answer means that is of another form than is documented;
            `NotSent` where nothing but a question was asked.

    Raises:
        InDoubt, NotSent: the answer is of another form.
    """
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise otherwise("an answer of another form than is documented") from None


@contextmanager
def after_an_effect() -> Iterator[None]:
    """The block before which a batch had some of its effect already.

    Raises:
        InDoubt: a request in it was refused or not sent, and the batch was half done.
    """
    try:
        yield
    except (BatchRefused, NotSent) as error:
        raise InDoubt(str(error)) from None


def moment(text: str) -> datetime:
    """A time as APIs write it, in UTC without a zone."""
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def iso(at: datetime) -> str:
    """A time in UTC as APIs read it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def _json(response: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise InDoubt(f"http {response.status_code} with what is no JSON") from None
