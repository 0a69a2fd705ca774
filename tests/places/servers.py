"""The places themselves, on free ports of this machine for the duration of a block."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import asyncssh
import boto3
import psycopg
import pytest
import requests
from moto.server import ThreadedMotoServer

PASSWORD = "p@ss/w0rd:360"

# -- HTTP ---------------------------------------------------------------------------


@dataclass
class Request:
    """What a client asked."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Answer:
    """What it gets; `cut` ends the connection before the body does."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    reason: str | None = None


class Web:
    """A web server whose answers a test gives, and the requests that came."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda request: Answer(status=404)
        self.url = ""


@contextmanager
def running_web() -> Iterator[Web]:
    """A web server."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            request = Request(
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
            )
            web.requests.append(request)
            answer = web.answer(request)
            self.send_response(answer.status, answer.reason)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            body = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Requests are kept, not printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()


# -- S3 -----------------------------------------------------------------------------


@dataclass(frozen=True)
class ObjectStore:
    """A store with one bucket, `exports`; `client` puts objects there."""

    url: str
    client: Any

    def guard(self) -> tuple[str, str]:
        """Let nobody in without the returned key and secret."""
        iam = boto3.client(
            "iam",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        iam.create_user(UserName="crm360")
        iam.put_user_policy(
            UserName="crm360",
            PolicyName="read",
            PolicyDocument='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
            ' "Action": "s3:*", "Resource": "*"}]}',
        )
        key = iam.create_access_key(UserName="crm360")["AccessKey"]
        requests.post(f"{self.url}/moto-api/reset-auth", data=b"0", timeout=10)
        return key["AccessKeyId"], key["SecretAccessKey"]


@contextmanager
def running_s3() -> Iterator[ObjectStore]:
    """An object store that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    client.create_bucket(Bucket="exports")
    try:
        yield ObjectStore(url, client)
    finally:
        requests.post(f"{url}/moto-api/reset-auth", data=b"inf", timeout=10)
        requests.post(f"{url}/moto-api/reset", timeout=10)
        server.stop()


# -- SFTP ---------------------------------------------------------------------------


class Sftp:
    """An SSH server that shows one folder, to user `crm360` with `PASSWORD`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.user_key = asyncssh.generate_private_key("ssh-ed25519")
        #: Names that the server pretends to have, whatever lies in the folder.
        self.pretended: list[str] = []
        #: Called before each piece of a file is sent.
        self.on_read: Callable[[], None] = lambda: None
        #: Called with `write` before each piece is kept, and with `rename`.
        self.on_change: Callable[[str], None] = lambda operation: None
        self.logins = 0

    def trusted(self, path: Path) -> Path:
        """A `known_hosts` file that names this server."""
        key = self.host_key.export_public_key().decode().strip()
        path.write_text(f"[127.0.0.1]:{self.port} {key}\n")
        return path


@contextmanager
def running_sftp(folder: Path) -> Iterator[Sftp]:
    """An SSH server for a folder."""
    place = Sftp(folder)

    class Login(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            place.logins += 1
            return (username, password) == ("crm360", PASSWORD)

        def public_key_auth_supported(self) -> bool:
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return key == place.user_key.convert_to_public()

    class Files(asyncssh.SFTPServer):
        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(folder).encode())

        async def scandir(self, path: bytes) -> Any:
            async for entry in super().scandir(path):
                yield entry
            for name in place.pretended:
                attributes = asyncssh.SFTPAttrs(
                    size=4, permissions=0o100644, atime=1_790_000_000,
                    mtime=1_790_000_000,
                )  # fmt: skip
                yield asyncssh.SFTPName(name.encode(), attrs=attributes)

        def read(self, file: Any, offset: int, size: int) -> Any:
            place.on_read()
            return super().read(file, offset, size)

        def write(self, file: Any, offset: int, data: bytes) -> Any:
            place.on_change("write")
            return super().write(file, offset, data)

        def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
            place.on_change("rename")
            return super().posix_rename(oldpath, newpath)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[place.host_key],
            server_factory=Login,
            sftp_factory=Files,
        )

    async def leave() -> None:
        acceptor.close()
        await acceptor.wait_closed()

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(30)
    place.port = acceptor.get_port()
    try:
        yield place
    finally:
        asyncio.run_coroutine_threadsafe(leave(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


# -- PostgreSQL ---------------------------------------------------------------------


def postgresql_binaries() -> Path:
    """Where `initdb` and `postgres` are; skips the test where they are not."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return versions[-1].parent


@contextmanager
def running_postgresql() -> Iterator[str]:
    """An own cluster on a free port; yields the address of its database.

    It refuses to run as root, and so runs as `nobody` then, in a folder of its own.
    """
    binaries = postgresql_binaries()
    user = "nobody" if os.getuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="crm360-postgresql-"))
    if user:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    data = folder / "data"
    port = free_port()
    subprocess.run(
        [
            binaries / "initdb", "-D", data, "-U", "crm360", "-A", "scram-sha-256",
            "--pwfile", folder / "password", "-E", "UTF8", "--locale", "C", "--no-sync",
        ],
        user=user, cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port),
                "-k", folder, "-F",
            ],
            user=user, cwd=folder, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until_it_answers(server, port, folder / "log")
        yield f"postgresql://crm360:p%40ss%2Fw0rd%3A360@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown, whoever is connected
        server.wait(60)
        shutil.rmtree(folder)


def wait_until_it_answers(
    server: subprocess.Popen[bytes], port: int, log: Path
) -> None:
    """Return when the server takes connections; fail with its log if it ends."""
    while True:
        try:
            psycopg.connect(
                host="127.0.0.1", port=port, user="crm360", password=PASSWORD,
                dbname="postgres",
            ).close()  # fmt: skip
        except psycopg.OperationalError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.05)
        else:
            return


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
