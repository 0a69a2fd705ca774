"""What every place offers: files that lie there, or rows that can be asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from orchestration.lib.retries import Failed


class Unfetched(Failed):
    """Something could not be fetched."""


class FileRefused(Unfetched):
    """One file, table or resource; the others of the place may be had."""


class PlaceUnreachable(Unfetched):
    """Nothing more can be had from the place now."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file as a place shows it."""

    #: What the place knows it by; stays the same when its content changes.
    key: str
    #: Path below the folder it lands in, as the place says: not to be trusted.
    name: str
    #: Changes with the content; None where only asking for the file tells.
    version: str | None = None
    #: When it got its content, in UTC.
    modified_at: datetime | None = None


class FilePlace(Protocol):
    """A place where files lie."""

    def files(self) -> Sequence[RemoteFile]:
        """All files, whether fetched before or not.

        Raises:
            PlaceUnreachable: the place does not show its files.
        """

    def download(
        self, file: RemoteFile, to: Path, known: str | None
    ) -> RemoteFile | None:
        """Write the content of a file; returns what was written.

        Args:
            known: the version that was fetched last.

        Returns: the file as it was when it was read; None if it still is as known.

        Raises:
            FileRefused: this file cannot be had.
            PlaceUnreachable: the connection is gone.
        """

    def close(self) -> None:
        """Give back connections."""


class Row(NamedTuple):
    """One record."""

    #: A JSON object on one line.
    text: str
    #: What grows from record to record; None without a cursor or where it is empty.
    cursor: str | None


class Resource(NamedTuple):
    """A table or a list of records."""

    name: str
    #: Whether only new rows are asked for; else all, every time.
    is_incremental: bool


class RowPlace(Protocol):
    """A place that is asked for rows."""

    def resources(self) -> Sequence[Resource]:
        """What is fetched, as configured."""

    def rows(self, resource: str, since: str | None) -> Iterator[Row]:
        """All rows of a resource, or those at or after a cursor.

        Raises:
            FileRefused: this resource cannot be had.
            PlaceUnreachable: the connection is gone, or never was.
        """

    def is_after(self, cursor: str, other: str) -> bool:
        """Whether a cursor is later than one that was met before it."""

    def close(self) -> None:
        """Give back connections."""


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without secrets, or the password inside a secret address."""
    for secret in secrets:
        password = urlsplit(secret).password or ""
        for part in (secret, unquote(password), password):
            if part:
                text = text.replace(part, "***")
    return text
