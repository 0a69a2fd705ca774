"""A gateway for messages, after the form that destinations/gateway.py describes."""

import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal


class Gateway(Vendor):
    """Messages by number; one that comes again under its id is not sent again.

    Args:
        token: that every request must bring.
        remembers_ids: whether it knows an id when it comes again.
    """

    name = "gateway"
    documentation = "orchestration/lib/activation/destinations/gateway.py"

    def __init__(self, token: str = "sandbox", *, remembers_ids: bool = True) -> None:
        super().__init__()
        self._token, self._remembers_ids = token, remembers_ids
        self.messages: list[dict[str, Any]] = []
        #: Numbers with the status that they get.
        self.refuses: dict[str, str] = {}
        #: The answer to a message that is sent; None: none but a status of HTTP.
        self.answer: dict[str, Any] | None = {"status": "accepted"}
        self._answers: dict[str, Response] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """One address for all messages."""
        return [Route("/messages", self._take, methods=["POST"])]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The messages of each number."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self.messages:
            found.setdefault(message["to"], []).append(message)
        return found

    async def _take(self, request: Request) -> Response:
        message = await request.json()
        with self.lock:
            self.requests.append(("POST", request.url.path, message))
            if request.headers.get("authorization") != f"Bearer {self._token}":
                return refusal(401, {"status": "unauthorized"})
            key = message.get("id", "")
            if self._remembers_ids and key in self._answers:
                return self._answers[key]
            answer = self._answers[key] = self._answer(message)
            return answer

    def _answer(self, message: dict[str, Any]) -> Response:
        if not re.fullmatch(r"\+[1-9]\d{7,14}", message.get("to", "")):
            return refusal(400, {"status": "invalid", "code": "bad_number"})
        if not message["text"]:
            return refusal(422, {"status": "error", "code": "no_text"})
        if message["to"] in self.refuses:
            return JSONResponse({"status": self.refuses[message["to"]]})
        self.messages.append(message)
        self.happened(f"{message['to']} {message['text']}")
        return (
            Response(status_code=202)
            if self.answer is None
            else JSONResponse(self.answer)
        )
