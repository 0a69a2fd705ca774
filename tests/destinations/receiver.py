"""A webhook receiver with a memory, and faults by schedule."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from orchestration.lib.sandbox.receiver import WebhookReceiver


class Receiver:
    """What arrived, and how to answer; a fault is taken from the schedule per request.

    Faults: an HTTP status; `hang` (apply, then never answer); `drop` (never answer,
    apply nothing); `html` (200 with a page); `forget` (leave the first member out of
    the answer); a callable, called after the batch was applied and before the answer.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.faults: list[int | str | Callable[[], None]] = []
        self.url = ""
        self._vendor = WebhookReceiver()
        self._release = threading.Event()
        #: How often a row had an effect, by its key: never more than once.
        self.effects = self._vendor.effects
        self.members = {}

    @property
    def members(self) -> dict[str, dict[str, Any]]:
        """Who is in the one audience of these tests."""
        return self._vendor.members["winback"]

    @members.setter
    def members(self, members: dict[str, dict[str, Any]]) -> None:
        self._vendor.members["winback"] = members

    def reject(self, *customers: str) -> None:
        """These are refused from now on, and nobody else."""
        self._vendor.refuses = dict.fromkeys(customers, "no_room")

    def poison(self, *customers: str) -> None:
        """Requests with these are refused as a whole from now on, and no others."""
        self._vendor.poison = set(customers)

    def handle(self, key: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """Answer one request."""
        document = json.loads(body)
        self.requests.append({"id": key, "headers": headers, "body": document})
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, int):
            return fault, b"{}"
        if fault == "drop":
            self._release.wait(30)
            return 503, b"{}"
        status, answer = self._vendor.take(document)
        if fault == "hang":
            self._release.wait(30)
        elif fault == "html":
            return 200, b"<html>please log in</html>"
        elif fault == "forget":
            answer = {"results": answer["results"][1:]}
        elif callable(fault):
            fault()
        return status, json.dumps(answer).encode()


@contextmanager
def running_receiver() -> Iterator[Receiver]:
    """A receiver on a free port of this machine, for the duration of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = receiver.handle(
                self.headers["webhook-id"], dict(self.headers), body
            )
            try:
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after", "0")
                self.end_headers()
                self.wfile.write(answer)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client has given up, as some tests want it to

        def log_message(self, *arguments: Any) -> None:
            """Requests are kept, not printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/audiences"
    try:
        yield receiver
    finally:
        receiver._release.set()
        server.shutdown()
        server.server_close()
