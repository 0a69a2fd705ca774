"""A webhook receiver with a memory, and faults by schedule."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What arrived, and how to answer; a fault is taken from the schedule per request.

    Faults: an HTTP status; `hang` (apply, then never answer); `drop` (never answer,
    apply nothing); `html` (200 with a page); `forget` (leave the first member out of
    the answer); a callable, called after the batch was applied and before the answer.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.members: dict[str, dict[str, Any]] = {}
        #: How often a row had an effect, by its key: never more than once.
        self.effects: dict[str, int] = {}
        self.faults: list[int | str | Callable[[], None]] = []
        self.rejected: set[str] = set()
        #: Members because of whom a whole request is refused.
        self.poison: set[str] = set()
        self.url = ""
        self._answers: dict[str, Any] = {}
        self._results: dict[str, Any] = {}
        self._release = threading.Event()

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
        if self.poison & {row["customer_id"] for row in document["rows"]}:
            return 422, b'{"code": "bad_row"}'
        answer = self._apply(key, document)
        if fault == "hang":
            self._release.wait(30)
        elif fault == "html":
            return 200, b"<html>please log in</html>"
        elif fault == "forget":
            answer = {"results": answer["results"][1:]}
        elif callable(fault):
            fault()
        return 200, json.dumps(answer).encode()

    def _apply(self, key: str, document: dict[str, Any]) -> dict[str, Any]:
        if key in self._answers:
            return self._answers[key]
        results = []
        for row in document["rows"]:
            customer = row["customer_id"]
            if row["key"] in self._results:
                results.append(self._results[row["key"]])
                continue
            if customer in self.rejected:
                results.append(
                    {"customer_id": customer, "status": "rejected", "code": "no_room"}
                )
                continue
            if row["operation"] == "update" and customer not in self.members:
                results.append({"customer_id": customer, "status": "absent"})
                continue
            self.effects[row["key"]] = self.effects.get(row["key"], 0) + 1
            if row["operation"] == "remove":
                self.members.pop(customer, None)
            else:
                self.members.setdefault(customer, {}).update(row["fields"])
            self._results[row["key"]] = {"customer_id": customer, "status": "ok"}
            results.append(self._results[row["key"]])
        self._answers[key] = {"results": results}
        return self._answers[key]


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
