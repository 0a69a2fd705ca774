"""Where alerts arrive: a web server and a mail server on free ports of this machine."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.places.servers import free_port


class Chat:
    """A receiver of webhooks: what came, and the statuses to refuse the next with."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.requests: list[dict[str, Any]] = []

    @property
    def texts(self) -> list[str]:
        """What people read, of the requests that were accepted."""
        return [each["document"]["text"] for each in self.requests]


@contextmanager
def running_chat() -> Iterator[Chat]:
    """A receiver of webhooks."""
    chat = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status = chat.statuses.pop(0) if chat.statuses else 200
            if status == 200:
                headers = {name.lower(): value for name, value in self.headers.items()}
                chat.requests.append(
                    {"headers": headers, "body": body, "document": json.loads(body)}
                )
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Requests are kept, not printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    chat.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/T0psecret"
    try:
        yield chat
    finally:
        server.shutdown()
        server.server_close()


class Post:
    """A mail server: what came, whom it does not know, and who has signed in."""

    def __init__(self) -> None:
        self.port = 0
        self.refuses: dict[str, str] = {}
        self.received: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.signed_in: list[str] = []

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.received.append(
            message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[arg-type]
        )
        self.recipients.append(envelope.rcpt_tos)
        return "250 OK"

    def let_in(self, *arguments: Any) -> AuthResult:
        """Whether a name and a password are right."""
        login = arguments[-1]
        if (login.login, login.password) != (b"crm360", b"p@ss"):
            return AuthResult(success=False, handled=False)
        self.signed_in.append(login.login.decode())
        return AuthResult(success=True)


@contextmanager
def running_post(certificates: Path | None = None) -> Iterator[Post]:
    """A mail server; with a folder for its certificate it asks for TLS and a login."""
    post = Post()
    how: dict[str, Any] = {}
    if certificates:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*_certificate(certificates))
        how = {
            "tls_context": context,
            "require_starttls": True,
            "auth_required": True,
            "authenticator": post.let_in,
        }
    post.port = free_port()
    controller = Controller(post, hostname="127.0.0.1", port=post.port, **how)
    controller.start()
    try:
        yield post
    finally:
        controller.stop()


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost that it has signed itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
