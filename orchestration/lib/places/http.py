"""Files at HTTP addresses, asked for with what is known of the last answer."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import httpx

from orchestration.lib.places.remote import FileRefused, RemoteFile
from orchestration.lib.retries import retry_after


class HttpFiles:
    """One file per address.

    A server that gives its answers an `ETag` or a date sends an unchanged file only
    once; of others the content is compared.

    Args:
        token: sent as a bearer token, to these hosts only, not where they redirect to.
    """

    def __init__(
        self, urls: Sequence[str], *, token: str | None, timeout_seconds: float
    ) -> None:
        self._urls = urls
        headers = {"user-agent": "crm360"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            headers=headers, timeout=timeout_seconds, follow_redirects=True
        )

    def files(self) -> Sequence[RemoteFile]:
        """The configured addresses; nothing is asked yet."""
        return [RemoteFile(key=url, name=_last_part(url)) for url in self._urls]

    def download(
        self, file: RemoteFile, to: Path, known: str | None
    ) -> RemoteFile | None:
        """Write an answer, unless the server says that it is as known."""
        with self._answer(file.key, known) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return None
            if not response.is_success:
                raise _refused(response)
            with to.open("wb") as target:
                for chunk in response.iter_bytes():
                    target.write(chunk)
            return RemoteFile(
                key=file.key,
                name=_attached_name(response) or file.name,
                version=_condition(response),
                modified_at=_date(response, "last-modified") or _date(response, "date"),
            )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _answer(self, url: str, known: str | None) -> Iterator[httpx.Response]:
        headers = dict([known.split(": ", 1)]) if known else {}
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                yield response
        except httpx.TransportError as error:
            # Not the error's text, which may quote the address with what it carries.
            raise FileRefused(
                f"{urlsplit(url).hostname} gave no whole answer"
                f" ({type(error).__name__})",
                may_pass=True,
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FileRefused(f"no answer ({type(error).__name__})") from None


def _refused(response: httpx.Response) -> FileRefused:
    status = response.status_code
    hints: dict[int, str] = {
        httpx.codes.UNAUTHORIZED: ": see that the token is right",
        httpx.codes.FORBIDDEN: ": see that the token may read it",
        httpx.codes.NOT_FOUND: ": see that the address is right",
    }
    return FileRefused(
        f"{response.url.host} answered {status} {response.reason_phrase}"
        f"{hints.get(status, '')}",
        may_pass=status == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error,
        after=retry_after(response.headers.get("retry-after", "")),
    )


def _condition(response: httpx.Response) -> str | None:
    """The header that asks for the file only if it is no longer this one."""
    if etag := response.headers.get("etag"):
        return f"if-none-match: {etag}"
    if date := response.headers.get("last-modified"):
        return f"if-modified-since: {date}"
    return None


def _date(response: httpx.Response, header: str) -> datetime | None:
    try:
        date: datetime = parsedate_to_datetime(response.headers.get(header, ""))
    except ValueError:
        return None
    return date.astimezone(UTC)


def _last_part(url: str) -> str:
    parts = urlsplit(url)
    return unquote(PurePosixPath(parts.path).name) or str(parts.hostname)


def _attached_name(response: httpx.Response) -> str | None:
    """The file name that the server gives, as for a browser's download."""
    message = Message()
    message["content-disposition"] = response.headers.get("content-disposition", "")
    return message.get_filename()
