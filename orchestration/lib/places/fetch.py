"""Bringing what is new in a place to the landing folder: whole, and over nothing.

A file is written beside its destination under a hidden name, forced to disk, noted in
the memory with the name it will have, and renamed. A crash in between leaves either a
hidden file that the next fetch writes again, or a promise that it keeps.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar

from orchestration.lib.places.memory import Fetched, Mark, Memory
from orchestration.lib.places.names import checked, dated, is_wanted, stamp, versions
from orchestration.lib.places.remote import (
    FilePlace,
    FileRefused,
    PlaceUnreachable,
    RemoteFile,
    Resource,
    RowPlace,
    Unfetched,
)
from orchestration.lib.retries import patiently

ROWS_BETWEEN_REPORTS = 100_000
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_Result = TypeVar("_Result")


@dataclass(kw_only=True)
class Outcome:
    """What a fetch brought, or with a dry run would bring, and what it could not."""

    place: str
    #: Paths below the landing folder.
    new: list[str] = field(default_factory=list)
    unchanged: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)


class Fetch:
    """One visit to one place.

    Args:
        into: folder below `landing`, with slashes.
        now: when rows are fetched, in UTC; the date of files that have none.
        date_in: the date that a file name says, or an empty text.
        attempts: how often a request is made that may yet succeed.
        dry_run: find out what is new, and leave everything as it is.
    """

    def __init__(
        self,
        place: str,
        memory: Memory,
        *,
        landing: Path,
        into: str,
        now: datetime,
        date_in: Callable[[str], str],
        attempts: int,
        dry_run: bool = False,
        progress: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._memory, self._landing, self._into = memory, landing, into
        self._now, self._date_in, self._attempts = now, date_in, attempts
        self._dry_run, self._progress = dry_run, progress
        self._outcome = Outcome(place=place)
        if not dry_run:
            self._keep_promises()
        self._last = memory.last()

    def files(self, place: FilePlace, patterns: Sequence[str]) -> Outcome:
        """Bring files that are new or have changed; a problem does not raise."""
        try:
            for remote in sorted(
                self._persist(place.files), key=lambda each: each.name
            ):
                if not is_wanted(remote.name, patterns):
                    continue
                try:
                    self._fetch_file(place, remote)
                except FileRefused as refusal:
                    self._outcome.problems.append(f"{_shown(remote.name)}: {refusal}")
        except PlaceUnreachable as error:
            self._outcome.problems.append(str(error))
        return self._outcome

    def rows(self, place: RowPlace) -> Outcome:
        """Bring new rows, as one file of JSON lines for each resource with any."""
        try:
            for resource in place.resources():
                try:
                    self._fetch_rows(place, resource)
                except FileRefused as refusal:
                    self._outcome.problems.append(f"{resource.name}: {refusal}")
        except PlaceUnreachable as error:
            self._outcome.problems.append(str(error))
        return self._outcome

    def _fetch_file(self, place: FilePlace, remote: RemoteFile) -> None:
        last = self._last.get(remote.key)
        version = last.version if last else None
        name = self._landed_name(remote)
        if remote.version is not None and remote.version == version:
            self._outcome.unchanged += 1
        elif self._dry_run:
            self._outcome.new.append(name)
        else:
            self._progress(f"fetching {_shown(remote.name)}")
            with self._temporary(remote.key) as temporary:
                got = self._persist(partial(place.download, remote, temporary, version))
                if got is None:
                    self._outcome.unchanged += 1
                else:
                    self._deliver(got, temporary)

    def _fetch_rows(self, place: RowPlace, resource: Resource) -> None:
        before = self._memory.mark(resource.name)
        with self._temporary(resource.name) as temporary:
            rows, mark = self._persist(
                partial(self._write_rows, place, resource, before, temporary)
            )
            if not rows:
                self._outcome.unchanged += 1
            else:
                name = f"{resource.name}_{stamp(self._now)}.jsonl"
                self._deliver(
                    RemoteFile(key=resource.name, name=name),
                    temporary,
                    mark if resource.is_incremental else None,
                )

    def _write_rows(
        self, place: RowPlace, resource: Resource, before: Mark, to: Path
    ) -> tuple[int, Mark]:
        """Write rows not fetched before; their number, and how far they go."""
        shown_again = Counter(before.seen)
        latest, at_latest, without = before.value, list[str](), list[str]()
        written = 0
        with to.open("w", encoding="utf-8", newline="\n") as file:
            for row in place.rows(resource.name, before.value):
                if resource.is_incremental:
                    digest = hashlib.sha256(row.text.encode()).hexdigest()[:16]
                    if row.cursor is None or self._is_to_come(row.cursor):
                        without.append(digest)
                    elif latest is None or place.is_after(row.cursor, latest):
                        latest, at_latest = row.cursor, [digest]
                    elif row.cursor == latest:
                        at_latest.append(digest)
                    if shown_again[digest]:
                        shown_again[digest] -= 1
                        continue
                file.write(f"{row.text}\n")
                written += 1
                if written % ROWS_BETWEEN_REPORTS == 0:
                    self._progress(f"fetching {resource.name}: {written:,} rows")
        return written, Mark(value=latest, seen=(*at_latest, *without))

    def _is_to_come(self, cursor: str) -> bool:
        """Whether a moment lies ahead: to go on from there would skip what is between.

        A day of grace covers every time zone.
        """
        tomorrow = (self._now + timedelta(days=1)).date().isoformat()
        return cursor == "infinity" or (
            _ISO_DATE.match(cursor) is not None and cursor[:10] > tomorrow
        )

    # -- the landing folder -------------------------------------------------------

    def _landed_name(self, remote: RemoteFile) -> str:
        """The path below the landing folder that a file asks for."""
        name = str(PurePosixPath(self._into) / checked(remote.name))
        return dated(name, remote.modified_at, self._now, self._date_in)

    def _temporary_path(self, key: str) -> Path:
        digest = hashlib.sha256(f"{self._outcome.place}\0{key}".encode()).hexdigest()
        # A dry run must not write over what a crash has left to be named.
        suffix = "trial" if self._dry_run else "part"
        return self._landing / self._into / f".{digest[:16]}.{suffix}"

    @contextmanager
    def _temporary(self, key: str) -> Iterator[Path]:
        """A hidden path on the disk of the landing folder.

        Removed afterwards, but not by surprises: content that was promised a name
        must be there when the next fetch keeps the promise.
        """
        path = self._temporary_path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield path
        except Unfetched:
            path.unlink(missing_ok=True)
            raise
        path.unlink(missing_ok=True)

    def _deliver(
        self, remote: RemoteFile, temporary: Path, mark: Mark | None = None
    ) -> None:
        """Give a written file its name, unless its content is the last one again."""
        sha256 = _digest(temporary)
        last = self._last.get(remote.key)
        if mark is None and last is not None and last.sha256 == sha256:
            self._outcome.unchanged += 1
            if not self._dry_run:
                self._memory.note_version(last.name, remote.version)
            return
        fetched = Fetched(
            key=remote.key,
            version=remote.version,
            sha256=sha256,
            name=self._free_name(remote, sha256),
            size=temporary.stat().st_size,
        )
        if not self._dry_run:
            _force_to_disk(temporary)
            self._memory.promise(fetched, mark)
            self._give_name(temporary, fetched.name)
        self._outcome.new.append(fetched.name)
        self._outcome.bytes += fetched.size

    def _free_name(self, remote: RemoteFile, sha256: str) -> str:
        """The first name for a file that belongs to no other content."""
        last = self._last.get(remote.key)
        for name in versions(self._landed_name(remote), last.name if last else None):
            path = self._landing / name
            is_free = not path.exists() or _digest(path) == sha256
            if is_free and not self._memory.is_taken(name):
                return name
        raise AssertionError("numbers do not end")

    def _give_name(self, temporary: Path, name: str) -> None:
        final = self._landing / name
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(final)
        for folder in {final.parent, temporary.parent}:
            _force_to_disk(folder)
        self._memory.keep(name)

    def _keep_promises(self) -> None:
        """Give files their names that a crash has kept from them."""
        for key, name in self._memory.promised():
            temporary = self._temporary_path(key)
            if temporary.exists():
                self._give_name(temporary, name)
            elif (self._landing / name).exists():
                self._memory.keep(name)
            else:
                self._memory.forget(key, name)

    def _persist(self, action: Callable[[], _Result]) -> _Result:
        """The action's result, tried again while its failure may pass."""
        return patiently(action, attempts=self._attempts)


def _shown(name: str) -> str:
    """A name that others chose, fit for a terminal."""
    return name if name.isprintable() else ascii(name)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _force_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
