"""Files on a server that speaks SFTP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from orchestration.lib.places.remote import FileRefused, PlaceUnreachable, RemoteFile
from orchestration.lib.sftp import SftpSession, SftpUnreachable

_CHUNK_BYTES = 4 * 1024 * 1024
_Result = TypeVar("_Result")


class SftpFiles:
    """Files below a folder of a server.

    Args:
        password, key_file: one of them.
        known_hosts: file with the host keys that are trusted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        folder: str,
        *,
        password: str | None,
        key_file: Path | None,
        known_hosts: Path,
        timeout_seconds: float,
    ) -> None:
        self._host, self._folder = host, folder
        self._timeout = timeout_seconds
        self._session = SftpSession(
            host,
            port,
            user,
            password=password,
            key_file=key_file,
            known_hosts=known_hosts,
            timeout_seconds=timeout_seconds,
        )

    def files(self) -> Sequence[RemoteFile]:
        """Every file below the folder; links to folders are not followed."""
        return self._run(self._list)

    def download(self, file: RemoteFile, to: Path, known: str | None) -> RemoteFile:
        """Write a file; one that is still being written is read again."""
        return self._run(lambda client: self._download(client, file, to))

    def close(self) -> None:
        """Leave the server."""
        self._session.close()

    def _run(
        self, work: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, _Result]]
    ) -> _Result:
        try:
            return self._session.run(work)
        except SftpUnreachable as error:
            raise PlaceUnreachable(str(error), may_pass=error.may_pass) from error

    async def _list(self, client: asyncssh.SFTPClient) -> list[RemoteFile]:
        try:
            return [file async for file in self._walk(client, "")]
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPPermissionDenied) as error:
            raise PlaceUnreachable(
                f"{self._host}: the folder {self._folder} cannot be listed"
                f" ({error.reason})"
            ) from error

    async def _walk(
        self, client: asyncssh.SFTPClient, below: str
    ) -> AsyncIterator[RemoteFile]:
        async with asyncio.timeout(self._timeout):
            entries = await client.readdir(f"{self._folder}/{below}")
        for entry in entries:
            name, attributes = f"{below}{entry.filename!s}", entry.attrs
            if entry.filename in (".", ".."):
                continue
            if attributes.type == asyncssh.FILEXFER_TYPE_SYMLINK:
                try:
                    attributes = await client.stat(f"{self._folder}/{name}")
                except asyncssh.SFTPError:
                    continue  # it leads nowhere
            elif attributes.type == asyncssh.FILEXFER_TYPE_DIRECTORY:
                async for file in self._walk(client, f"{name}/"):
                    yield file
            if attributes.type == asyncssh.FILEXFER_TYPE_REGULAR:
                yield _file(name, attributes)

    async def _download(
        self, client: asyncssh.SFTPClient, file: RemoteFile, to: Path
    ) -> RemoteFile:
        path = f"{self._folder}/{file.key}"
        try:
            before = await client.stat(path)
            if before.size is None:
                raise FileRefused("the server does not say how long it is")
            missing = before.size
            async with client.open(path, "rb") as source:
                with to.open("wb") as target:
                    while missing:
                        chunk = await self._read(source, min(missing, _CHUNK_BYTES))
                        if not chunk:
                            break
                        target.write(chunk)
                        missing -= len(chunk)
            after = _file(file.key, await client.stat(path))
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
            raise
        except asyncssh.SFTPError as error:
            raise FileRefused(error.reason) from error
        if missing or _file(file.key, before) != after:
            raise FileRefused("it is still being written", may_pass=True)
        return after

    async def _read(self, source: asyncssh.SFTPClientFile, size: int) -> bytes:
        async with asyncio.timeout(self._timeout):
            chunk = await source.read(size)
        assert isinstance(chunk, bytes), "a file opened as rb"
        return chunk


def _file(key: str, attributes: asyncssh.SFTPAttrs) -> RemoteFile:
    seconds = attributes.mtime or 0
    return RemoteFile(
        key=key,
        name=key,
        version=f"{attributes.size} {seconds}",
        modified_at=datetime.fromtimestamp(seconds, UTC),
    )
