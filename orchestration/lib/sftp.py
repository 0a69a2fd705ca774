"""Sessions of SFTP through asyncssh, which trust no server unknown to `known_hosts`."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from orchestration.lib.retries import Failed

_Result = TypeVar("_Result")


class SftpUnreachable(Failed):
    """The server cannot be worked with."""


class SftpSession:
    """One user's session, begun when first needed, and again after a lost connection.

    Args:
        password, key_file: one of them.
        known_hosts: file with the host keys that are trusted.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        *,
        password: str | None,
        key_file: Path | None,
        known_hosts: Path,
        timeout_seconds: float,
    ) -> None:
        self._host, self._port, self._user = host, port, user
        self._password, self._key_file = password, key_file
        self._known_hosts = known_hosts
        self._timeout = timeout_seconds
        self._runner = asyncio.Runner()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    def run(
        self, work: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, _Result]]
    ) -> _Result:
        """Do something on the server.

        Raises:
            SftpUnreachable: nobody is let in, or the connection ended.
        """
        try:
            return self._runner.run(self._with_client(work))
        except asyncssh.HostKeyNotVerifiable as error:
            raise SftpUnreachable(self._unknown_host()) from error
        except asyncssh.PermissionDenied as error:
            raise SftpUnreachable(
                f"{self._host} does not let {self._user} in: see that user and"
                " password or key are right"
            ) from error
        except (asyncssh.Error, OSError) as error:
            # Also a time limit that ran out, which is an OSError.
            self._leave()
            reason = str(error) or type(error).__name__
            raise SftpUnreachable(
                f"{self._host} port {self._port}: {reason}", may_pass=True
            ) from error

    def close(self) -> None:
        """Leave the server."""
        self._leave()
        self._runner.close()

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.abort()
        self._connection = self._client = None

    async def _with_client(
        self, work: Callable[[asyncssh.SFTPClient], Coroutine[Any, Any, _Result]]
    ) -> _Result:
        if self._client is None:
            self._client = await self._connect()
        return await work(self._client)

    async def _connect(self) -> asyncssh.SFTPClient:
        if not self._known_hosts.is_file():
            raise SftpUnreachable(self._unknown_host())
        if self._key_file is not None and not self._key_file.is_file():
            raise SftpUnreachable(f"there is no private key at {self._key_file}")
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
            raise SftpUnreachable(f"{self._key_file}: {error}") from error
        return await self._connection.start_sftp_client(path_errors="surrogateescape")

    def _unknown_host(self) -> str:
        return (
            f"the host key of {self._host} is not one that {self._known_hosts} holds."
            f" `ssh-keyscan -p {self._port} {self._host} | ssh-keygen -lf -` shows its"
            " fingerprint: when its owner confirms it, add the line of ssh-keyscan to"
            " that file"
        )
