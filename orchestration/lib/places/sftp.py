"""SFTP through asyncssh, which trusts no server that `known_hosts` does not name."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from orchestration.lib.places.remote import FileRefused, PlaceUnreachable, RemoteFile

_CHUNK_BYTES = 4 * 1024 * 1024
_Result = TypeVar("_Result")


class SftpFiles:
    """Files below a folder of a server.

    Connects when first asked, and again after a lost connection.

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
        self._host, self._port, self._user = host, port, user
        self._folder, self._known_hosts = folder, known_hosts
        self._password, self._key_file = password, key_file
        self._timeout = timeout_seconds
        self._runner = asyncio.Runner()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    def files(self) -> Sequence[RemoteFile]:
        """Every file below the folder; links to folders are not followed."""
        return self._run(self._list())

    def download(self, file: RemoteFile, to: Path, known: str | None) -> RemoteFile:
        """Write a file; one that is still being written is read again."""
        return self._run(self._download(file, to))

    def close(self) -> None:
        """Leave the server."""
        self._leave()
        self._runner.close()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None

    def _run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        try:
            return self._runner.run(work)
        except asyncssh.HostKeyNotVerifiable as error:
            raise PlaceUnreachable(self._unknown_host()) from error
        except asyncssh.PermissionDenied as error:
            raise PlaceUnreachable(
                f"{self._host} does not let {self._user} in: see that user and"
                " password or key are right"
            ) from error
        except (asyncssh.Error, OSError) as error:
            # Also a time limit that ran out, which is an OSError.
            self._leave()
            reason = str(error) or type(error).__name__
            raise PlaceUnreachable(
                f"{self._host} port {self._port}: {reason}", may_pass=True
            ) from error

    def _unknown_host(self) -> str:
        return (
            f"the host key of {self._host} is not one that {self._known_hosts} holds."
            f" `ssh-keyscan -p {self._port} {self._host} | ssh-keygen -lf -` shows its"
            " fingerprint: when its owner confirms it, add the line of ssh-keyscan to"
            " that file"
        )

    async def _connected(self) -> asyncssh.SFTPClient:
        if self._client is None:
            if not self._known_hosts.is_file():
                raise PlaceUnreachable(self._unknown_host())
            if self._key_file is not None and not self._key_file.is_file():
                raise PlaceUnreachable(f"there is no private key at {self._key_file}")
            try:
                self._connection = await asyncssh.connect(
                    self._host,
                    self._port,
                    username=self._user,
                    password=self._password,
                    client_keys=[self._key_file] if self._key_file else None,
                    known_hosts=str(self._known_hosts),
                    # What lies in the home folder of whoever runs this has no say.
                    config=None,
                    agent_path=None,
                    connect_timeout=self._timeout,
                    login_timeout=self._timeout,
                )
            except asyncssh.KeyImportError as error:
                raise PlaceUnreachable(f"{self._key_file}: {error}") from error
            self._client = await self._connection.start_sftp_client(
                path_errors="surrogateescape"
            )
        return self._client

    async def _list(self) -> list[RemoteFile]:
        client = await self._connected()
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

    async def _download(self, file: RemoteFile, to: Path) -> RemoteFile:
        client = await self._connected()
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
