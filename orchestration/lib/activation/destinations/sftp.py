"""Audiences as files on an SFTP server: `<folder>/<audience>.csv`, with a manifest.

A file is written under a hidden name and then renamed over the one before it, so that a
reader sees the old list or the new one; servers that cannot do that are refused.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from orchestration.lib.activation.destinations.base import (
    Capabilities,
    InDoubt,
    NotSent,
)
from orchestration.lib.activation.destinations.lists import (
    ListDestination,
    ListOptions,
    list_capabilities,
    manifest,
    manifest_name,
)
from orchestration.lib.retries import patiently
from orchestration.lib.sftp import SftpSession, SftpUnreachable

_CHUNK_BYTES = 4 * 1024 * 1024
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class SftpOptions(ListOptions):
    """Which folder of which server, and who asks."""

    host: str
    port: int = 22
    user: str
    folder: str = "."
    #: One of the two; the second names the file with the private key.
    password_env: str = ""
    key_file_env: str = ""
    known_hosts: str = "~/.ssh/known_hosts"


class SftpDestination(ListDestination[SftpOptions]):
    """A folder of a server that holds the members of each audience in one file."""

    options_type = SftpOptions

    @classmethod
    def capabilities(cls, options: SftpOptions) -> Capabilities:
        """All members at once, as often as one likes."""
        if bool(options.password_env) == bool(options.key_file_env):
            raise ValueError("one of password_env and key_file_env is needed")
        return list_capabilities(options.format)

    def holds(self, audience: str) -> bool:
        """Whether the file and its manifest are there."""
        target = self._target(audience)

        async def are_there(client: asyncssh.SFTPClient) -> bool:
            async with asyncio.timeout(self.options.timeout_seconds):
                return await client.exists(target) and await client.exists(
                    manifest_name(target)
                )

        try:
            return self._tried(are_there)
        except SftpUnreachable as error:
            raise NotSent(str(error)) from None

    def put(self, audience: str, file: Path, members: int) -> None:
        """Replace the file, then its manifest."""
        target = self._target(audience)
        about = file.with_suffix(".manifest")
        about.write_bytes(manifest(f"{audience}.{self.options.format}", file, members))
        is_replacing = False

        async def replace(client: asyncssh.SFTPClient) -> None:
            nonlocal is_replacing
            for content, path in ((file, target), (about, manifest_name(target))):
                temporary = await self._upload(client, content, path)
                is_replacing = True
                async with asyncio.timeout(self.options.timeout_seconds):
                    await client.posix_rename(temporary, path)

        try:
            self._tried(replace)
        except SftpUnreachable as error:
            raise (InDoubt if is_replacing else NotSent)(str(error)) from None

    def close(self) -> None:
        """Leave the server."""
        self._session.close()

    @cached_property
    def _session(self) -> SftpSession:
        key_file = self.secrets.get("key_file_env")
        return SftpSession(
            self.options.host,
            self.options.port,
            self.options.user,
            password=self.secrets.get("password_env"),
            key_file=Path(key_file).expanduser() if key_file else None,
            known_hosts=Path(self.options.known_hosts).expanduser(),
            timeout_seconds=self.options.timeout_seconds,
        )

    def _target(self, audience: str) -> str:
        return f"{self.options.folder}/{audience}.{self.options.format}"

    async def _upload(
        self, client: asyncssh.SFTPClient, content: Path, path: str
    ) -> str:
        """Write the content beside where it belongs; the name that it has there."""
        folder, name = path.rsplit("/", 1)
        temporary = f"{folder}/.{name}.tmp"
        with content.open("rb") as source:
            async with client.open(temporary, "wb") as written:
                while chunk := source.read(_CHUNK_BYTES):
                    async with asyncio.timeout(self.options.timeout_seconds):
                        await written.write(chunk)
                with suppress(asyncssh.SFTPOpUnsupported):
                    await written.fsync()
        return temporary

    def _tried(
        self, work: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, _Result]]
    ) -> _Result:
        """Do it, and again while the connection is what fails."""

        async def once(client: asyncssh.SFTPClient) -> _Result:
            try:
                return await work(client)
            except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
                raise
            except asyncssh.SFTPError as error:
                place = f"{self.options.host}, folder {self.options.folder}"
                raise SftpUnreachable(f"{place}: {error.reason}") from None

        return patiently(
            lambda: self._session.run(once), attempts=self.options.attempts
        )
